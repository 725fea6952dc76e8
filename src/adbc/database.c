/* SPDX-License-Identifier: Apache-2.0 */
/* A database: a repository, and how to open it. Options are set before it is initialised. */

#include <stdlib.h>
#include <string.h>

#include "adbc/adbc_private.h"
#include "adbc/uri.h"

struct arm_adbc_database {
    atomic_int owners;
    pthread_mutex_t opening; /* guards `reader` */
    char *uri;
    char *branch;
    char *spill_directory;
    struct arm_repo_options options;
    arm_repo *repo;   /* NULL: not yet initialised */
    arm_repo *reader; /* the same for reading only; NULL: not asked for yet */
};

static struct arm_adbc_database *database_of(struct AdbcDatabase *handle)
{
    return handle == NULL ? NULL : handle->private_data;
}

/* ---- Life ---- */

AdbcStatusCode arm__adbc_database_new(struct AdbcDatabase *database, struct AdbcError *error)
{
    struct arm_adbc_database *made;

    if (database == NULL) {
        return arm__adbc_fail_null(error, "database");
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        return arm__adbc_fail_memory(error);
    }
    atomic_init(&made->owners, 1);
    (void)pthread_mutex_init(&made->opening, NULL);
    made->options.size = sizeof made->options;
    database->private_data = made;
    return ADBC_STATUS_OK;
}

void arm__adbc_database_drop(struct arm_adbc_database *database)
{
    if (database == NULL || atomic_fetch_sub(&database->owners, 1) > 1) {
        return;
    }
    arm_repo_close(database->reader);
    arm_repo_close(database->repo);
    free(database->uri);
    free(database->branch);
    free(database->spill_directory);
    (void)pthread_mutex_destroy(&database->opening);
    free(database);
}

AdbcStatusCode arm__adbc_database_init(struct AdbcDatabase *handle, struct AdbcError *error)
{
    struct arm_adbc_database *database = database_of(handle);
    struct arm_error err = {0};
    char *path = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (database == NULL) {
        return arm__adbc_fail_handle(error, "database");
    }
    if (database->repo != NULL) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010",
                              "the database is initialised already");
    }
    if (database->uri == NULL) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010",
                              "option uri is not set: it is the directory of the repository");
    }
    ADBC_TRY(arm__adbc_uri_path(database->uri, &path, error));
    database->options.spill_directory = database->spill_directory;
    if (arm_repo_open(path, &database->options, &database->repo, &err) != ARM_OK) {
        st = arm__adbc_fail_arm(error, &err);
    }
done:
    free(path);
    return st;
}

AdbcStatusCode arm__adbc_database_release(struct AdbcDatabase *handle, struct AdbcError *error)
{
    struct arm_adbc_database *database = database_of(handle);

    if (database == NULL) {
        return arm__adbc_fail_handle(error, "database");
    }
    handle->private_data = NULL;
    arm__adbc_database_drop(database);
    return ADBC_STATUS_OK;
}

/* ---- Options ---- */

static AdbcStatusCode set_epoch(const char *key, const struct arm_adbc_value *value, arm_epoch *out,
                                struct AdbcError *error)
{
    static const char *const names[] = {"single_node", "low_latency", "high_throughput"};
    const char *text = NULL;
    AdbcStatusCode st = arm__adbc_value_text(key, value, &text, error);

    if (st != ADBC_STATUS_OK) {
        return st;
    }
    for (size_t i = 0; text != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (arm_epoch)i;
            return ADBC_STATUS_OK;
        }
    }
    return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                          "option %s takes single_node, low_latency or high_throughput", key);
}

static AdbcStatusCode set_number(const char *key, const struct arm_adbc_value *value,
                                 struct arm_repo_options *options, struct AdbcError *error)
{
    bool is_threads = strcmp(key, "adbc.armillaria.threads") == 0;
    int64_t number = 0;
    AdbcStatusCode st =
        arm__adbc_value_int(key, value, 0, is_threads ? 1024 : INT64_MAX, &number, error);

    if (st != ADBC_STATUS_OK) {
        return st;
    }
    if (is_threads) {
        options->thread_count = (uint32_t)number;
    } else {
        options->memory_limit_bytes = (uint64_t)number;
    }
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_database_set(struct AdbcDatabase *handle, const char *key,
                                      const struct arm_adbc_value *value, struct AdbcError *error)
{
    struct arm_adbc_database *database = database_of(handle);

    if (database == NULL) {
        return arm__adbc_fail_handle(error, "database");
    }
    if (database->repo != NULL) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010",
                              "option %s is set before the database is initialised", key);
    }
    if (strcmp(key, ADBC_OPTION_URI) == 0) {
        return arm__adbc_value_keep(key, value, &database->uri, error);
    }
    if (strcmp(key, "adbc.armillaria.branch") == 0) {
        return arm__adbc_value_keep(key, value, &database->branch, error);
    }
    if (strcmp(key, "adbc.armillaria.spill_directory") == 0) {
        return arm__adbc_value_keep(key, value, &database->spill_directory, error);
    }
    if (strcmp(key, "adbc.armillaria.create") == 0) {
        return arm__adbc_value_flag(key, value, &database->options.create, error);
    }
    if (strcmp(key, "adbc.armillaria.read_only") == 0) {
        return arm__adbc_value_flag(key, value, &database->options.read_only, error);
    }
    if (strcmp(key, "adbc.armillaria.epoch") == 0) {
        return set_epoch(key, value, &database->options.epoch, error);
    }
    if (strcmp(key, "adbc.armillaria.memory_limit_bytes") == 0 ||
        strcmp(key, "adbc.armillaria.threads") == 0) {
        return set_number(key, value, &database->options, error);
    }
    return arm__adbc_unknown_set("database", key, error);
}

AdbcStatusCode arm__adbc_database_get(struct AdbcDatabase *handle, const char *key,
                                      struct arm_adbc_answer *answer, struct AdbcError *error)
{
    struct arm_adbc_database *database = database_of(handle);

    if (database == NULL) {
        return arm__adbc_fail_handle(error, "database");
    }
    if (strcmp(key, ADBC_OPTION_URI) == 0 && database->uri != NULL) {
        return arm__adbc_answer_text(answer, database->uri, error);
    }
    if (strcmp(key, "adbc.armillaria.path") == 0 && database->repo != NULL) {
        return arm__adbc_answer_text(answer, arm_repo_path(database->repo), error);
    }
    if (strcmp(key, "adbc.armillaria.branch") == 0) {
        return arm__adbc_answer_text(answer, database->branch == NULL ? "main" : database->branch,
                                     error);
    }
    if (strcmp(key, "adbc.armillaria.create") == 0) {
        return arm__adbc_answer_flag(answer, database->options.create, error);
    }
    if (strcmp(key, "adbc.armillaria.read_only") == 0) {
        return arm__adbc_answer_flag(answer, database->options.read_only, error);
    }
    if (strcmp(key, "adbc.armillaria.memory_limit_bytes") == 0) {
        arm__adbc_answer_int(answer, (int64_t)database->options.memory_limit_bytes);
        return ADBC_STATUS_OK;
    }
    if (strcmp(key, "adbc.armillaria.threads") == 0) {
        arm__adbc_answer_int(answer, database->options.thread_count);
        return ADBC_STATUS_OK;
    }
    return arm__adbc_unknown_get("database", key, error);
}

/* ---- For connections ---- */

AdbcStatusCode arm__adbc_database_retain(struct AdbcDatabase *handle,
                                         struct arm_adbc_database **out, struct AdbcError *error)
{
    struct arm_adbc_database *database = database_of(handle);

    if (database == NULL || database->repo == NULL) {
        return arm__adbc_fail_handle(error, "database");
    }
    (void)atomic_fetch_add(&database->owners, 1);
    *out = database;
    return ADBC_STATUS_OK;
}

bool arm__adbc_database_is_read_only(const struct arm_adbc_database *database)
{
    return database->options.read_only;
}

/* The handle for reading only; it shares all with the other one, which is open. */
static arm_status open_reader(struct arm_adbc_database *database, struct arm_error *err)
{
    struct arm_repo_options options = database->options;
    arm_status st = ARM_OK;

    options.read_only = true;
    options.create = false;
    (void)pthread_mutex_lock(&database->opening);
    if (database->reader == NULL) {
        st = arm_repo_open(arm_repo_path(database->repo), &options, &database->reader, err);
    }
    (void)pthread_mutex_unlock(&database->opening);
    return st;
}

AdbcStatusCode arm__adbc_database_session(struct arm_adbc_database *database, const char *branch,
                                          bool read_only, arm_session **out,
                                          struct AdbcError *error)
{
    struct arm_error err = {0};
    arm_repo *repo = database->repo;
    arm_status st = ARM_OK;

    if (read_only && !database->options.read_only) {
        st = open_reader(database, &err);
        repo = database->reader;
    }
    if (st == ARM_OK) {
        st = arm_session_open(repo, branch == NULL ? database->branch : branch, out, &err);
    }
    return st == ARM_OK ? ADBC_STATUS_OK : arm__adbc_fail_arm(error, &err);
}
