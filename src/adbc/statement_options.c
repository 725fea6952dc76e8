/* SPDX-License-Identifier: Apache-2.0 */
/* A statement's options. */

#include <math.h>
#include <string.h>

#include "adbc/statement.h"

#define BY_NAME "adbc.statement.bind_by_name"
#define AT "adbc.armillaria.at"
#define MESSAGE "adbc.armillaria.message"
#define TIMEOUT "adbc.armillaria.timeout_seconds"
#define KEY "adbc.armillaria.ingest.key"

/* More than anybody waits: a year. */
static const double timeout_s_max = 365.0 * 24 * 3600;

static AdbcStatusCode set_timeout(struct arm_adbc_statement *statement, const char *key,
                                  const struct arm_adbc_value *value, struct AdbcError *error)
{
    double seconds = 0;
    AdbcStatusCode st = arm__adbc_value_real(key, value, &seconds, error);

    if (st != ADBC_STATUS_OK) {
        return st;
    }
    if (!isfinite(seconds) || seconds < 0 || seconds > timeout_s_max) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                              "option %s takes 0 (no limit) to %.0f seconds", key, timeout_s_max);
    }
    statement->timeout_s = seconds;
    return ADBC_STATUS_OK;
}

/* A target makes it no query any more. */
static AdbcStatusCode set_table(struct arm_adbc_statement *statement, const char *key,
                                const struct arm_adbc_value *value, struct AdbcError *error)
{
    AdbcStatusCode st = arm__adbc_value_keep(key, value, &statement->ingest.table, error);

    if (st == ADBC_STATUS_OK && statement->ingest.table != NULL) {
        arm__adbc_parameters_release(&statement->parameters);
        st = arm__adbc_replace(&statement->sql, NULL, error);
    }
    return st;
}

static AdbcStatusCode set_mode(struct arm_adbc_statement *statement, const char *key,
                               const struct arm_adbc_value *value, struct AdbcError *error)
{
    static const char *const modes[] = {
        ADBC_INGEST_OPTION_MODE_CREATE, ADBC_INGEST_OPTION_MODE_APPEND,
        ADBC_INGEST_OPTION_MODE_REPLACE, ADBC_INGEST_OPTION_MODE_CREATE_APPEND,
        ARM_ADBC_MODE_UPSERT};
    const char *text = NULL;
    AdbcStatusCode st = arm__adbc_value_text(key, value, &text, error);

    if (st != ADBC_STATUS_OK) {
        return st;
    }
    for (size_t i = 0; text != NULL && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(text, modes[i]) == 0) {
            return arm__adbc_replace(&statement->ingest.mode, text, error);
        }
    }
    return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                          "option %s: %s is none of the modes", key, text == NULL ? "NULL" : text);
}

static AdbcStatusCode set_incremental(const char *key, const struct arm_adbc_value *value,
                                      struct AdbcError *error)
{
    bool wanted = false;
    AdbcStatusCode st = arm__adbc_value_flag(key, value, &wanted, error);

    return st == ADBC_STATUS_OK && wanted
               ? arm__adbc_fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "0A000",
                                "there are no partitions, hence none by and by")
               : st;
}

static AdbcStatusCode set_ingest(struct arm_adbc_statement *statement, const char *key,
                                 const struct arm_adbc_value *value, struct AdbcError *error)
{
    struct arm_adbc_ingest *ingest = &statement->ingest;

    if (strcmp(key, ADBC_INGEST_OPTION_TARGET_TABLE) == 0) {
        return set_table(statement, key, value, error);
    }
    if (strcmp(key, ADBC_INGEST_OPTION_TARGET_DB_SCHEMA) == 0) {
        return arm__adbc_value_keep(key, value, &ingest->schema, error);
    }
    if (strcmp(key, ADBC_INGEST_OPTION_TARGET_CATALOG) == 0) {
        return arm__adbc_value_keep(key, value, &ingest->catalog, error);
    }
    if (strcmp(key, ADBC_INGEST_OPTION_MODE) == 0) {
        return set_mode(statement, key, value, error);
    }
    if (strcmp(key, ADBC_INGEST_OPTION_TEMPORARY) == 0) {
        return arm__adbc_value_flag(key, value, &ingest->temporary, error);
    }
    if (strcmp(key, KEY) == 0) {
        return arm__adbc_value_keep(key, value, &ingest->key, error);
    }
    return arm__adbc_unknown_set("statement", key, error);
}

static AdbcStatusCode set(struct arm_adbc_statement *statement, const char *key,
                          const struct arm_adbc_value *value, struct AdbcError *error)
{
    if (strcmp(key, BY_NAME) == 0) {
        return arm__adbc_value_flag(key, value, &statement->by_name, error);
    }
    if (strcmp(key, AT) == 0) {
        return arm__adbc_value_keep(key, value, &statement->at, error);
    }
    if (strcmp(key, MESSAGE) == 0) {
        return arm__adbc_value_keep(key, value, &statement->message, error);
    }
    if (strcmp(key, TIMEOUT) == 0) {
        return set_timeout(statement, key, value, error);
    }
    if (strcmp(key, ADBC_STATEMENT_OPTION_INCREMENTAL) == 0) {
        return set_incremental(key, value, error);
    }
    return set_ingest(statement, key, value, error);
}

AdbcStatusCode arm__adbc_statement_set(struct AdbcStatement *handle, const char *key,
                                       const struct arm_adbc_value *value, struct AdbcError *error)
{
    struct arm_adbc_statement *statement = NULL;
    AdbcStatusCode st = arm__adbc_statement_enter(handle, &statement, error);

    if (st != ADBC_STATUS_OK) {
        return st;
    }
    (void)pthread_mutex_lock(&statement->options);
    st = set(statement, key, value, error);
    (void)pthread_mutex_unlock(&statement->options);
    return st;
}

/* ---- Get ---- */

/* Of the connection's session: what it runs is a statement of this one, or of none. */
static double progress_of(struct arm_adbc_statement *statement)
{
    struct arm_adbc_connection *connection = statement->connection;
    double progress = 0;

    if (atomic_load(&statement->work->running) == 0) {
        return 0;
    }
    (void)pthread_mutex_lock(&connection->handle);
    if (connection->session != NULL) {
        progress = arm_session_progress(connection->session);
    }
    (void)pthread_mutex_unlock(&connection->handle);
    return progress < 0 ? 0 : progress;
}

static AdbcStatusCode get_number(struct arm_adbc_statement *statement, const char *key,
                                 struct arm_adbc_answer *answer, struct AdbcError *error)
{
    answer->kind = ARM_ADBC_REAL;
    if (strcmp(key, ADBC_STATEMENT_OPTION_PROGRESS) == 0) {
        answer->real = progress_of(statement);
    } else if (strcmp(key, ADBC_STATEMENT_OPTION_MAX_PROGRESS) == 0) {
        answer->real = 1;
    } else if (strcmp(key, TIMEOUT) == 0) {
        answer->real = statement->timeout_s;
    } else {
        return arm__adbc_unknown_get("statement", key, error);
    }
    return ADBC_STATUS_OK;
}

static AdbcStatusCode get(struct arm_adbc_statement *statement, const char *key,
                          struct arm_adbc_answer *answer, struct AdbcError *error)
{
    const struct {
        const char *key;
        const char *text;
    } texts[] = {
        {ADBC_INGEST_OPTION_TARGET_TABLE, statement->ingest.table},
        {ADBC_INGEST_OPTION_TARGET_DB_SCHEMA, statement->ingest.schema},
        {ADBC_INGEST_OPTION_TARGET_CATALOG, statement->ingest.catalog},
        {ADBC_INGEST_OPTION_MODE,
         statement->ingest.mode == NULL ? ADBC_INGEST_OPTION_MODE_CREATE : statement->ingest.mode},
        {KEY, statement->ingest.key},
        {AT, statement->at},
        {MESSAGE, statement->message},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(key, texts[i].key) == 0 && texts[i].text != NULL) {
            return arm__adbc_answer_text(answer, texts[i].text, error);
        }
    }
    if (strcmp(key, BY_NAME) == 0) {
        return arm__adbc_answer_flag(answer, statement->by_name, error);
    }
    if (strcmp(key, ADBC_INGEST_OPTION_TEMPORARY) == 0) {
        return arm__adbc_answer_flag(answer, statement->ingest.temporary, error);
    }
    if (strcmp(key, ADBC_STATEMENT_OPTION_INCREMENTAL) == 0) {
        return arm__adbc_answer_flag(answer, false, error);
    }
    return get_number(statement, key, answer, error);
}

AdbcStatusCode arm__adbc_statement_get(struct AdbcStatement *handle, const char *key,
                                       struct arm_adbc_answer *answer, struct AdbcError *error)
{
    struct arm_adbc_statement *statement = NULL;
    AdbcStatusCode st = arm__adbc_statement_enter(handle, &statement, error);

    if (st != ADBC_STATUS_OK) {
        return st;
    }
    (void)pthread_mutex_lock(&statement->options);
    st = get(statement, key, answer, error);
    (void)pthread_mutex_unlock(&statement->options);
    return st;
}
