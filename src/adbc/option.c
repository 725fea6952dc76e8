/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options: read as what an option wants, and told as what is asked for. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/adbc_private.h"

static AdbcStatusCode fail_kind(const char *key, const char *wanted, struct AdbcError *error)
{
    return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024", "option %s takes %s", key,
                          wanted);
}

/* ---- Set ---- */

AdbcStatusCode arm__adbc_value_text(const char *key, const struct arm_adbc_value *value,
                                    const char **out, struct AdbcError *error)
{
    if (value->kind != ARM_ADBC_TEXT) {
        return fail_kind(key, "a text", error);
    }
    *out = value->text;
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_value_flag(const char *key, const struct arm_adbc_value *value, bool *out,
                                    struct AdbcError *error)
{
    if (value->kind == ARM_ADBC_INT && (value->integer == 0 || value->integer == 1)) {
        *out = value->integer == 1;
        return ADBC_STATUS_OK;
    }
    if (value->kind == ARM_ADBC_TEXT && value->text != NULL) {
        if (strcmp(value->text, ADBC_OPTION_VALUE_ENABLED) == 0) {
            *out = true;
            return ADBC_STATUS_OK;
        }
        if (strcmp(value->text, ADBC_OPTION_VALUE_DISABLED) == 0) {
            *out = false;
            return ADBC_STATUS_OK;
        }
    }
    return fail_kind(key, "true or false", error);
}

AdbcStatusCode arm__adbc_value_int(const char *key, const struct arm_adbc_value *value,
                                   int64_t least, int64_t most, int64_t *out,
                                   struct AdbcError *error)
{
    bool is_number = value->kind == ARM_ADBC_INT;
    int64_t number = value->integer;

    if (value->kind == ARM_ADBC_TEXT && value->text != NULL && value->text[0] != '\0') {
        char *end = NULL;

        errno = 0;
        number = strtoll(value->text, &end, 10);
        is_number = *end == '\0' && errno == 0;
    }
    if (!is_number || number < least || number > most) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                              "option %s takes a whole number from %lld to %lld", key,
                              (long long)least, (long long)most);
    }
    *out = number;
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_value_real(const char *key, const struct arm_adbc_value *value,
                                    double *out, struct AdbcError *error)
{
    char *end = NULL;

    switch (value->kind) {
    case ARM_ADBC_REAL:
        *out = value->real;
        return ADBC_STATUS_OK;
    case ARM_ADBC_INT:
        *out = (double)value->integer;
        return ADBC_STATUS_OK;
    case ARM_ADBC_TEXT:
        if (value->text != NULL && value->text[0] != '\0') {
            double number = strtod(value->text, &end);

            if (*end == '\0') {
                *out = number;
                return ADBC_STATUS_OK;
            }
        }
        break;
    case ARM_ADBC_BYTES:
        break;
    }
    return fail_kind(key, "a number", error);
}

AdbcStatusCode arm__adbc_replace(char **slot, const char *text, struct AdbcError *error)
{
    char *copy = NULL;

    if (text != NULL) {
        copy = strdup(text);
        if (copy == NULL) {
            return arm__adbc_fail_memory(error);
        }
    }
    free(*slot);
    *slot = copy;
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_value_keep(const char *key, const struct arm_adbc_value *value,
                                    char **slot, struct AdbcError *error)
{
    const char *text = NULL;
    AdbcStatusCode st = arm__adbc_value_text(key, value, &text, error);

    return st == ADBC_STATUS_OK ? arm__adbc_replace(slot, text, error) : st;
}

AdbcStatusCode arm__adbc_unknown_set(const char *what, const char *key, struct AdbcError *error)
{
    return arm__adbc_fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "HYC00", "a %s has no option %s",
                          what, key);
}

/* ---- Get ---- */

AdbcStatusCode arm__adbc_unknown_get(const char *what, const char *key, struct AdbcError *error)
{
    return arm__adbc_fail(error, ADBC_STATUS_NOT_FOUND, "HYC00",
                          "a %s has no option %s, or it is not set", what, key);
}

AdbcStatusCode arm__adbc_answer_text(struct arm_adbc_answer *answer, const char *text,
                                     struct AdbcError *error)
{
    answer->kind = ARM_ADBC_TEXT;
    return arm__adbc_replace(&answer->text, text, error);
}

AdbcStatusCode arm__adbc_answer_flag(struct arm_adbc_answer *answer, bool value,
                                     struct AdbcError *error)
{
    return arm__adbc_answer_text(
        answer, value ? ADBC_OPTION_VALUE_ENABLED : ADBC_OPTION_VALUE_DISABLED, error);
}

void arm__adbc_answer_int(struct arm_adbc_answer *answer, int64_t value)
{
    answer->kind = ARM_ADBC_INT;
    answer->integer = value;
}
