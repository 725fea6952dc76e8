/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/pattern.h"

#include <stdio.h>
#include <string.h>

static const char *const default_schema = "main";

arm_status arm__pattern_parse(const char *text, struct arm_table_pattern *out,
                              struct arm_error *err)
{
    struct arm_table_pattern pattern = {.is_glob = false};
    arm_status st = ARM_OK;

    if (strchr(text, '"') == NULL && strpbrk(text, "*?") != NULL) {
        if (strlen(text) >= sizeof pattern.glob) {
            return arm__fail(err, ARM_INVALID_NAME, "the pattern is longer than %zu bytes",
                             sizeof pattern.glob - 1);
        }
        pattern.is_glob = true;
        pattern.is_every = strcmp(text, "*") == 0;
        pattern.has_dot = strchr(text, '.') != NULL;
        (void)snprintf(pattern.glob, sizeof pattern.glob, "%s", text);
    } else {
        ARM_TRY(arm__table_name_parse(text, pattern.schema_name, pattern.name, err));
    }
    *out = pattern;
done:
    return st;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Bytes of one character: `?` stands for a whole one. */
static size_t character(const char *text)
{
    size_t size = 1;

    while (((unsigned char)text[size] & 0xC0) == 0x80) {
        size++;
    }
    return size;
}

/* The last `*` that was met is tried again, one character later: no other ever needs to be. */
static bool glob_matches(const char *glob, const char *text)
{
    const char *star = NULL;
    const char *retry = NULL;

    while (*text != '\0') {
        if (*glob == '*') {
            star = glob++;
            retry = text;
        } else if (*glob == '?') {
            glob++;
            text += character(text);
        } else if (lower(*glob) == lower(*text)) {
            glob++;
            text++;
        } else if (star != NULL) {
            glob = star + 1;
            retry += character(retry);
            text = retry;
        } else {
            return false;
        }
    }
    while (*glob == '*') {
        glob++;
    }
    return *glob == '\0';
}

bool arm__pattern_matches(const struct arm_table_pattern *pattern, const char *schema_name,
                          const char *name)
{
    char whole[ARM_SHOWN_NAME_BYTES];

    if (pattern->is_every) {
        return true;
    }
    if (!pattern->is_glob) {
        return arm__name_equal(pattern->name, name) &&
               arm__name_equal(pattern->schema_name, schema_name);
    }
    if (!pattern->has_dot) {
        return arm__name_equal(schema_name, default_schema) && glob_matches(pattern->glob, name);
    }
    (void)snprintf(whole, sizeof whole, "%s.%s", schema_name, name);
    return glob_matches(pattern->glob, whole);
}
