/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, in ADBC's words: a status, a SQLSTATE, the library's message, and as details
 * the library's status by name and the id of the commit that it is about. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/adbc_private.h"

/* ---- What means what ---- */

struct meaning {
    AdbcStatusCode status;
    const char *sqlstate;
};

/* X(code, ADBC's status, SQLSTATE): the standard's classes, else PostgreSQL's. */
#define MEANINGS(X)                                                                                \
    X(ARM_INVALID, ADBC_STATUS_INVALID_ARGUMENT, "HY024")                                          \
    X(ARM_NOT_FOUND, ADBC_STATUS_NOT_FOUND, "42704")                                               \
    X(ARM_EXISTS, ADBC_STATUS_ALREADY_EXISTS, "42710")                                             \
    X(ARM_NO_MEMORY, ADBC_STATUS_INTERNAL, "53200")                                                \
    X(ARM_IO, ADBC_STATUS_IO, "58030")                                                             \
    X(ARM_FULL, ADBC_STATUS_IO, "53100")                                                           \
    X(ARM_PERMISSION, ADBC_STATUS_UNAUTHORIZED, "42501")                                           \
    X(ARM_HASH_MISMATCH, ADBC_STATUS_INTERNAL, "XX001")                                            \
    X(ARM_INVALID_HASH, ADBC_STATUS_INVALID_ARGUMENT, "HY024")                                     \
    X(ARM_INVALID_NAME, ADBC_STATUS_INVALID_ARGUMENT, "42602")                                     \
    X(ARM_CORRUPT, ADBC_STATUS_INTERNAL, "XX001")                                                  \
    X(ARM_NEWER_FORMAT, ADBC_STATUS_NOT_IMPLEMENTED, "0A000")                                      \
    X(ARM_NOT_REPOSITORY, ADBC_STATUS_NOT_FOUND, "3D000")                                          \
    X(ARM_READ_ONLY, ADBC_STATUS_UNAUTHORIZED, "25006")                                            \
    X(ARM_BUSY, ADBC_STATUS_IO, "55006")                                                           \
    X(ARM_FORKED, ADBC_STATUS_INVALID_STATE, "HY010")                                              \
    X(ARM_CLOSED, ADBC_STATUS_INVALID_STATE, "HY010")                                              \
    X(ARM_REOPEN, ADBC_STATUS_IO, "57P02")                                                         \
    X(ARM_COMMIT_UNKNOWN, ADBC_STATUS_UNKNOWN, "40003")                                            \
    X(ARM_CONFLICT, ADBC_STATUS_IO, "40001")                                                       \
    X(ARM_VERSION_CONFLICT, ADBC_STATUS_IO, "40001")                                               \
    X(ARM_MERGE_CONFLICT, ADBC_STATUS_IO, "40002")                                                 \
    X(ARM_CONSTRAINT, ADBC_STATUS_INTEGRITY, "23000")                                              \
    X(ARM_SCHEMA, ADBC_STATUS_INVALID_ARGUMENT, "42804")                                           \
    X(ARM_SQL, ADBC_STATUS_INVALID_ARGUMENT, "42000")                                              \
    X(ARM_INTERRUPTED, ADBC_STATUS_CANCELLED, "57014")                                             \
    X(ARM_HISTORY_EXPIRED, ADBC_STATUS_NOT_FOUND, "42704")                                         \
    X(ARM_UNSUPPORTED, ADBC_STATUS_NOT_IMPLEMENTED, "0A000")

/* What the engine found, by the words that its message begins with. */
static const struct {
    const char *prefix;
    struct meaning meaning;
} sql_meanings[] = {
    {"Parser Error", {ADBC_STATUS_INVALID_ARGUMENT, "42601"}},
    {"Binder Error", {ADBC_STATUS_INVALID_ARGUMENT, "42000"}},
    {"Catalog Error: Table ", {ADBC_STATUS_NOT_FOUND, "42P01"}},
    {"Catalog Error", {ADBC_STATUS_NOT_FOUND, "42704"}},
    {"Conversion Error", {ADBC_STATUS_INVALID_DATA, "22000"}},
    {"Out of Range Error", {ADBC_STATUS_INVALID_DATA, "22003"}},
    {"Invalid Input Error: Values were not provided", {ADBC_STATUS_INVALID_STATE, "07001"}},
    {"Invalid Input Error", {ADBC_STATUS_INVALID_DATA, "22000"}},
    {"Mismatch Type Error", {ADBC_STATUS_INVALID_DATA, "22000"}},
    {"Constraint Error", {ADBC_STATUS_INTEGRITY, "23000"}},
    {"TransactionContext Error: Current transaction is aborted",
     {ADBC_STATUS_INVALID_STATE, "25P02"}},
    {"nothing was committed: an earlier error", {ADBC_STATUS_INVALID_STATE, "25P02"}},
    {"TransactionContext Error", {ADBC_STATUS_INVALID_STATE, "25000"}},
    {"Not implemented Error", {ADBC_STATUS_NOT_IMPLEMENTED, "0A000"}},
    {"Permission Error", {ADBC_STATUS_UNAUTHORIZED, "42501"}},
    {"Out of Memory Error", {ADBC_STATUS_INTERNAL, "53200"}},
    {"IO Error", {ADBC_STATUS_IO, "58030"}},
};

static struct meaning meaning_of(const struct arm_error *err)
{
    size_t count = err->code == ARM_SQL ? sizeof sql_meanings / sizeof sql_meanings[0] : 0;

    for (size_t i = 0; i < count; i++) {
        if (strncmp(err->message, sql_meanings[i].prefix, strlen(sql_meanings[i].prefix)) == 0) {
            return sql_meanings[i].meaning;
        }
    }
    switch (err->code) {
#define MEANING(code, status, sqlstate)                                                            \
    case code:                                                                                     \
        return (struct meaning){status, sqlstate};
        MEANINGS(MEANING)
#undef MEANING
    case ARM_OK:
        return (struct meaning){ADBC_STATUS_OK, NULL};
    }
    return (struct meaning){ADBC_STATUS_UNKNOWN, NULL};
}

/* ---- ADBC's struct ---- */

enum { DETAIL_STATUS, DETAIL_COMMIT, DETAIL_COUNT };

/* Behind `private_data` of an error that has one: commit_id "" where there is none. */
struct details {
    char message[sizeof((struct arm_error *)NULL)->message];
    const char *status;
    char commit_id[33];
};

/* An error of ADBC 1.0 ends before `private_data`, which therefore is not touched then. */
static bool has_details(const struct AdbcError *error)
{
    return error->vendor_code == ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA;
}

static void release_error(struct AdbcError *error)
{
    free(error->message);
    error->message = NULL;
    if (has_details(error)) {
        error->private_data = NULL;
    } else {
        error->vendor_code = 0;
    }
    memset(error->sqlstate, 0, sizeof error->sqlstate);
    error->release = NULL;
}

static void tell_commit(const struct arm_error *err, struct details *details)
{
    static const uint8_t none[sizeof err->commit_id];

    if (memcmp(err->commit_id, none, sizeof none) != 0) {
        for (size_t i = 0; i < sizeof err->commit_id; i++) {
            (void)snprintf(details->commit_id + 2 * i, 3, "%02x", err->commit_id[i]);
        }
    }
}

static AdbcStatusCode fill(struct AdbcError *error, struct meaning meaning,
                           const struct arm_error *err)
{
    struct details *details;

    if (error == NULL) {
        return meaning.status;
    }
    if (error->release != NULL) {
        error->release(error);
    }
    details = calloc(1, sizeof *details); /* begins with the message, and is freed by it */
    if (details == NULL) {
        return meaning.status;
    }
    memcpy(details->message, err->message, sizeof details->message);
    details->status = err->code == ARM_OK ? NULL : arm_status_name(err->code);
    if (err->code != ARM_OK) {
        tell_commit(err, details);
    }
    error->message = details->message;
    if (meaning.sqlstate != NULL) {
        memcpy(error->sqlstate, meaning.sqlstate, sizeof error->sqlstate);
    }
    if (has_details(error)) {
        error->private_data = details;
    } else {
        error->vendor_code = (int32_t)err->code;
    }
    error->release = release_error;
    return meaning.status;
}

AdbcStatusCode arm__adbc_fail(struct AdbcError *error, AdbcStatusCode code, const char *sqlstate,
                              const char *format, ...)
{
    struct arm_error err = {0};
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(err.message, sizeof err.message, format, arguments);
    va_end(arguments);
    return fill(error, (struct meaning){code, sqlstate}, &err);
}

AdbcStatusCode arm__adbc_fail_arm(struct AdbcError *error, const struct arm_error *err)
{
    return err->code == ARM_OK ? ADBC_STATUS_OK : fill(error, meaning_of(err), err);
}

AdbcStatusCode arm__adbc_fail_timeout(struct AdbcError *error, const struct arm_error *err)
{
    return fill(error, (struct meaning){ADBC_STATUS_TIMEOUT, "HYT00"}, err);
}

AdbcStatusCode arm__adbc_fail_memory(struct AdbcError *error)
{
    return arm__adbc_fail(error, ADBC_STATUS_INTERNAL, "53200", "out of memory");
}

AdbcStatusCode arm__adbc_fail_handle(struct AdbcError *error, const char *what)
{
    return arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010",
                          "the %s is not initialised, or was released", what);
}

AdbcStatusCode arm__adbc_fail_null(struct AdbcError *error, const char *argument)
{
    return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY009", "%s is NULL", argument);
}

/* ---- Details ---- */

static const struct details *details_of(const struct AdbcError *error)
{
    bool is_ours = error != NULL && has_details(error) && error->release == release_error;

    return is_ours ? error->private_data : NULL;
}

int arm__adbc_error_detail_count(const struct AdbcError *error)
{
    const struct details *details = details_of(error);

    if (details == NULL || details->status == NULL) {
        return 0;
    }
    return details->commit_id[0] == '\0' ? DETAIL_COMMIT : DETAIL_COUNT;
}

struct AdbcErrorDetail arm__adbc_error_detail(const struct AdbcError *error, int index)
{
    const struct details *details = details_of(error);
    const char *text = NULL;

    if (index < 0 || index >= arm__adbc_error_detail_count(error)) {
        return (struct AdbcErrorDetail){0};
    }
    text = index == DETAIL_STATUS ? details->status : details->commit_id;
    return (struct AdbcErrorDetail){
        .key = index == DETAIL_STATUS ? "adbc.armillaria.status" : "adbc.armillaria.commit_id",
        .value = (const uint8_t *)text,
        .value_length = strlen(text),
    };
}
