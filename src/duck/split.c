/* SPDX-License-Identifier: Apache-2.0 */
/* The lexical skeleton of SQL: enough to find the end of a statement.
 *
 *   '...'      string; '' is a quote in it; with E before it, a backslash hides the next byte
 *   "..."      identifier; "" is a quote in it
 *   $tag$...$tag$   string; the tag is an identifier or empty; `$1` is a parameter
 *   -- ...     comment up to the end of the line
 *   / * ... * /     comment, nested
 */

#include "duck/split.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Every skip returns the byte behind what stands at `at`; NULL: it is not closed. */

static const char *skip_quoted(const char *at, bool has_backslash)
{
    char quote = *at++;

    while (*at != '\0') {
        if (has_backslash && *at == '\\' && at[1] != '\0') {
            at += 2;
        } else if (*at != quote) {
            at++;
        } else if (at[1] == quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    return NULL;
}

static const char *skip_dollar(const char *at)
{
    const char *tag = at;

    at++;
    if (is_word_start(*at)) {
        while (is_word_start(*at) || is_digit(*at)) {
            at++;
        }
    }
    if (*at != '$') {
        return tag + 1; /* a parameter, or part of an operator */
    }
    at++;
    for (size_t size = (size_t)(at - tag); *at != '\0'; at++) {
        if (strncmp(at, tag, size) == 0) {
            return at + size;
        }
    }
    return NULL;
}

static const char *skip_line(const char *at)
{
    while (*at != '\0' && *at != '\n') {
        at++;
    }
    return at;
}

static const char *skip_comment(const char *at)
{
    size_t depth = 0;

    while (*at != '\0') {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at += 2;
        } else if (at[0] == '*' && at[1] == '/') {
            at += 2;
            if (--depth == 0) {
                return at;
            }
        } else {
            at++;
        }
    }
    return NULL;
}

static const char *skip_word(const char *at)
{
    bool is_escape = (*at == 'e' || *at == 'E') && at[1] == '\'';

    if (is_escape) {
        return skip_quoted(at + 1, true);
    }
    while (is_word_start(*at) || is_digit(*at) || *at == '$') {
        at++;
    }
    return at;
}

const char *arm__sql_skip(const char *at)
{
    if (*at == '\'' || *at == '"') {
        return skip_quoted(at, false);
    }
    if (*at == '$') {
        return skip_dollar(at);
    }
    if (at[0] == '-' && at[1] == '-') {
        return skip_line(at);
    }
    if (at[0] == '/' && at[1] == '*') {
        return skip_comment(at);
    }
    if (is_word_start(*at)) {
        return skip_word(at);
    }
    return at + 1;
}

static bool is_comment(const char *at)
{
    return (at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*');
}

static arm_status fail_open(const char *sql, const char *at, struct arm_error *err)
{
    size_t line = 1;
    size_t column = 1;

    for (const char *p = sql; p < at; p++) {
        line += *p == '\n';
        column = *p == '\n' ? 1 : column + 1;
    }
    return arm__fail(err, ARM_SQL, "line %zu, column %zu: the %s that begins here is not closed",
                     line, column,
                     is_comment(at) ? "comment" : (*at == '"' ? "identifier" : "string"));
}

arm_status arm__sql_split(const char *sql, size_t *out_length, struct arm_error *err)
{
    bool has_content = false;
    const char *at = sql;

    while (*at != '\0') {
        const char *next = NULL;
        if (*at == ';' && has_content) {
            at++;
            break;
        }
        has_content = has_content || !(is_blank(*at) || is_comment(at) || *at == ';');
        next = arm__sql_skip(at);
        if (next == NULL) {
            return fail_open(sql, at, err);
        }
        at = next;
    }
    *out_length = has_content ? (size_t)(at - sql) : 0;
    return ARM_OK;
}

/* The next word, if it is `word`; NULL: it is another. */
static const char *take_word(const char *at, const char *word)
{
    size_t size = strlen(word);

    while (at != NULL && (is_blank(*at) || is_comment(at) || *at == ';')) {
        at = arm__sql_skip(at);
    }
    if (at == NULL || strncasecmp(at, word, size) != 0 || is_word_start(at[size]) ||
        is_digit(at[size])) {
        return NULL;
    }
    return at + size;
}

bool arm__sql_begins(const char *sql, const char *first, const char *second)
{
    const char *at = take_word(sql, first);

    return at != NULL && take_word(at, second) != NULL;
}
