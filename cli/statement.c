/* SPDX-License-Identifier: Apache-2.0 */
/* The spelling of SQL, as DuckDB's scanner has it: '…' with '' inside, E'…' with backslashes,
 * "…", $tag$…$tag$, -- to the end of the line, nested comments. */

#include "statement.h"

#include <ctype.h>
#include <string.h>

static bool is_word_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_word(char c)
{
    return is_word_start(c) || isdigit((unsigned char)c);
}

/* Behind the closing quote, or at the end of the text. */
static const char *skip_quoted(const char *at, bool backslashes)
{
    char quote = *at++;

    while (*at != '\0') {
        if (*at == '\\' && backslashes && at[1] != '\0') {
            at += 2;
        } else if (*at != quote) {
            at++;
        } else if (at[1] == quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    return at;
}

static const char *skip_comment(const char *at)
{
    size_t depth = 0;

    do {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at += 2;
        } else if (at[0] == '*' && at[1] == '/') {
            depth--;
            at += 2;
        } else {
            at++;
        }
    } while (depth > 0 && *at != '\0');
    return at;
}

/* "$tag$ … $tag$"; `at` itself when this is no dollar quote. */
static const char *skip_dollars(const char *at)
{
    size_t tag = 1;
    const char *end = NULL;

    while (is_word(at[tag]) && !(tag == 1 && isdigit((unsigned char)at[tag]))) {
        tag++;
    }
    if (at[tag] != '$') {
        return at;
    }
    tag++;
    for (end = at + tag; *end != '\0'; end++) {
        if (strncmp(end, at, tag) == 0) {
            return end + tag;
        }
    }
    return end;
}

/* A word may hold a '$', which then begins no quote; E'…' is a string. */
static const char *skip_word(const char *at)
{
    if ((*at == 'e' || *at == 'E') && at[1] == '\'') {
        return skip_quoted(at + 1, true);
    }
    while (is_word(*at) || *at == '$') {
        at++;
    }
    return at;
}

/* Behind the quote, comment or word that begins at `at`; `at` itself where none does. */
const char *cli_statement_skip(const char *at)
{
    if (*at == '\'' || *at == '"') {
        return skip_quoted(at, false);
    }
    if (at[0] == '-' && at[1] == '-') {
        return at + strcspn(at, "\n");
    }
    if (at[0] == '/' && at[1] == '*') {
        return skip_comment(at);
    }
    if (*at == '$') {
        return skip_dollars(at);
    }
    return is_word_start(*at) ? skip_word(at) : at;
}

size_t cli_statement_end(const char *sql)
{
    const char *at = sql;

    while (*at != '\0') {
        const char *next = cli_statement_skip(at);

        if (next == at && *at == ';') {
            return (size_t)(at + 1 - sql);
        }
        at = next == at ? at + 1 : next;
    }
    return 0;
}

bool cli_statement_is_blank(const char *sql)
{
    const char *at = sql;

    while (*at != '\0') {
        bool is_comment = (at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*');

        if (is_comment) {
            at = cli_statement_skip(at);
        } else if (isspace((unsigned char)*at) || *at == ';') {
            at++;
        } else {
            return false;
        }
    }
    return true;
}
