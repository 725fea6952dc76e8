/* SPDX-License-Identifier: Apache-2.0 */
/* The typed calls for options, over one set and one get of each object. */

#include "adbc/option_calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/statement.h" /* IWYU pragma: keep: macros name what it declares */

/* ---- Handing an answer out ---- */

/* As ADBC has it: nothing is written where it does not fit, and `*length` tells what would. */
static void copy_out(const char *text, size_t size, char *value, size_t *length)
{
    if (size <= *length) {
        memcpy(value, text, size);
    }
    *length = size;
}

static AdbcStatusCode tell_text(const struct arm_adbc_answer *answer, bool with_end, char *value,
                                size_t *length, struct AdbcError *error)
{
    char number[32];
    const char *text = number;

    if (length == NULL || (value == NULL && *length > 0)) {
        return arm__adbc_fail_null(error, length == NULL ? "length" : "value");
    }
    switch (answer->kind) {
    case ARM_ADBC_INT:
        (void)snprintf(number, sizeof number, "%lld", (long long)answer->integer);
        break;
    case ARM_ADBC_REAL:
        (void)snprintf(number, sizeof number, "%.17g", answer->real);
        break;
    default:
        text = answer->text == NULL ? "" : answer->text;
        break;
    }
    copy_out(text, strlen(text) + (with_end ? 1 : 0), value, length);
    return ADBC_STATUS_OK;
}

static AdbcStatusCode tell_int(const char *key, const struct arm_adbc_answer *answer,
                               int64_t *value, struct AdbcError *error)
{
    const struct arm_adbc_value as_text = {.kind = ARM_ADBC_TEXT, .text = answer->text};

    if (value == NULL) {
        return arm__adbc_fail_null(error, "value");
    }
    if (answer->kind == ARM_ADBC_INT) {
        *value = answer->integer;
        return ADBC_STATUS_OK;
    }
    return arm__adbc_value_int(key, &as_text, INT64_MIN, INT64_MAX, value, error);
}

static AdbcStatusCode tell_real(const char *key, const struct arm_adbc_answer *answer,
                                double *value, struct AdbcError *error)
{
    const struct arm_adbc_value as_value = {.kind = answer->kind,
                                            .text = answer->text,
                                            .integer = answer->integer,
                                            .real = answer->real};

    if (value == NULL) {
        return arm__adbc_fail_null(error, "value");
    }
    return arm__adbc_value_real(key, &as_value, value, error);
}

/* ---- The calls ---- */

#define CHECK_KEY(key)                                                                             \
    if ((key) == NULL) {                                                                           \
        return arm__adbc_fail_null(error, "key");                                                  \
    }

#define DEFINE_SET(object, Type, suffix, parameters, ...)                                          \
    AdbcStatusCode arm__adbc_##object##_set_##suffix parameters                                    \
    {                                                                                              \
        const struct arm_adbc_value given = {__VA_ARGS__};                                         \
                                                                                                   \
        CHECK_KEY(key)                                                                             \
        return arm__adbc_##object##_set(handle, key, &given, error);                               \
    }

#define DEFINE_GET(object, Type, suffix, parameters, tell)                                         \
    AdbcStatusCode arm__adbc_##object##_get_##suffix parameters                                    \
    {                                                                                              \
        struct arm_adbc_answer answer = {0};                                                       \
        AdbcStatusCode st = ADBC_STATUS_OK;                                                        \
                                                                                                   \
        CHECK_KEY(key)                                                                             \
        ADBC_TRY(arm__adbc_##object##_get(handle, key, &answer, error));                           \
        ADBC_TRY(tell);                                                                            \
    done:                                                                                          \
        free(answer.text);                                                                         \
        return st;                                                                                 \
    }

/* What is bytes to ADBC no option here takes: they are told so by name. */
#define DEFINE_CALLS(object, Type)                                                                 \
    DEFINE_SET(                                                                                    \
        object, Type, text,                                                                        \
        (struct Type * handle, const char *key, const char *value, struct AdbcError *error),       \
        .kind = ARM_ADBC_TEXT, .text = value)                                                      \
    DEFINE_SET(object, Type, bytes,                                                                \
               (struct Type * handle, const char *key, const uint8_t *value, size_t length,        \
                struct AdbcError *error),                                                          \
               .kind = ARM_ADBC_BYTES, .text = (const char *)value, .integer = (int64_t)length)    \
    DEFINE_SET(object, Type, int,                                                                  \
               (struct Type * handle, const char *key, int64_t value, struct AdbcError *error),    \
               .kind = ARM_ADBC_INT, .integer = value)                                             \
    DEFINE_SET(object, Type, real,                                                                 \
               (struct Type * handle, const char *key, double value, struct AdbcError *error),     \
               .kind = ARM_ADBC_REAL, .real = value)                                               \
    DEFINE_GET(object, Type, text,                                                                 \
               (struct Type * handle, const char *key, char *value, size_t *length,                \
                struct AdbcError *error),                                                          \
               tell_text(&answer, true, value, length, error))                                     \
    DEFINE_GET(object, Type, bytes,                                                                \
               (struct Type * handle, const char *key, uint8_t *value, size_t *length,             \
                struct AdbcError *error),                                                          \
               tell_text(&answer, false, (char *)value, length, error))                            \
    DEFINE_GET(object, Type, int,                                                                  \
               (struct Type * handle, const char *key, int64_t *value, struct AdbcError *error),   \
               tell_int(key, &answer, value, error))                                               \
    DEFINE_GET(object, Type, real,                                                                 \
               (struct Type * handle, const char *key, double *value, struct AdbcError *error),    \
               tell_real(key, &answer, value, error))

DEFINE_CALLS(database, AdbcDatabase)
DEFINE_CALLS(connection, AdbcConnection)
DEFINE_CALLS(statement, AdbcStatement)
