/* SPDX-License-Identifier: Apache-2.0 */
#include "adbc/sql_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Words ---- */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_PARAMETER, TOKEN_SEMICOLON, TOKEN_OTHER };

struct token {
    enum token_kind kind;
    const char *start; /* of a parameter: behind its sign */
    size_t size;
};

static bool begins_word(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_in_word(char c)
{
    return begins_word(c) || isdigit((unsigned char)c) || c == '$';
}

/* Behind a nested comment that begins at `at`. */
static const char *skip_comment(const char *at)
{
    int depth = 0;

    do {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at += 2;
        } else if (at[0] == '*' && at[1] == '/') {
            depth--;
            at += 2;
        } else if (*at != '\0') {
            at++;
        }
    } while (depth > 0 && *at != '\0');
    return at;
}

static const char *skip_blanks(const char *at)
{
    for (;;) {
        if (isspace((unsigned char)*at)) {
            at++;
        } else if (at[0] == '-' && at[1] == '-') {
            at += strcspn(at, "\n");
        } else if (at[0] == '/' && at[1] == '*') {
            at = skip_comment(at);
        } else {
            return at;
        }
    }
}

/* Behind a quoted text that begins at `at`; its quote is doubled inside. */
static const char *skip_quoted(const char *at, bool has_escapes)
{
    char quote = *at++;

    while (*at != '\0') {
        if (has_escapes && at[0] == '\\' && at[1] != '\0') {
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

/* `at` is a $: the size of the tag that opens a text there, both dollars included; 0: none does. */
static size_t dollar_tag(const char *at)
{
    size_t size = 1;

    if (begins_word(at[size])) {
        while (is_in_word(at[size]) && at[size] != '$') {
            size++;
        }
    }
    return at[size] == '$' ? size + 1 : 0;
}

static const char *skip_dollars(const char *at, size_t tag_size)
{
    const char *end = at + tag_size;

    for (; *end != '\0'; end++) {
        if (*end == '$' && strncmp(end, at, tag_size) == 0) {
            return end + tag_size;
        }
    }
    return end;
}

static const char *take_dollar(const char *at, struct token *out)
{
    size_t tag_size = dollar_tag(at);

    if (tag_size > 0) {
        return skip_dollars(at, tag_size);
    }
    out->start = ++at;
    while (is_in_word(*at) && *at != '$') {
        at++;
    }
    out->size = (size_t)(at - out->start);
    out->kind = out->size > 0 ? TOKEN_PARAMETER : TOKEN_OTHER;
    return at;
}

static const char *take_word(const char *at, struct token *out)
{
    while (is_in_word(*at)) {
        at++;
    }
    out->size = (size_t)(at - out->start);
    out->kind = TOKEN_WORD;
    if (*at == '\'' && out->size == 1 && (*out->start == 'e' || *out->start == 'E')) {
        out->kind = TOKEN_OTHER;
        return skip_quoted(at, true);
    }
    return at;
}

/* The word at `at`; gives what is behind it. */
static const char *next_token(const char *at, struct token *out)
{
    at = skip_blanks(at);
    *out = (struct token){.kind = TOKEN_OTHER, .start = at, .size = 1};
    if (*at == '\0') {
        out->kind = TOKEN_END;
        return at;
    }
    if (*at == ';') {
        out->kind = TOKEN_SEMICOLON;
        return at + 1;
    }
    if (*at == '\'' || *at == '"') {
        return skip_quoted(at, false);
    }
    if (*at == '$') {
        return take_dollar(at, out);
    }
    if (*at == '?') {
        out->kind = TOKEN_PARAMETER;
        out->start = ++at;
        while (isdigit((unsigned char)*at)) {
            at++;
        }
        out->size = (size_t)(at - out->start);
        return at;
    }
    if (begins_word(*at)) {
        return take_word(at, out);
    }
    if (isdigit((unsigned char)*at)) { /* 1e5, 0x1f, 1_000: no word */
        while (is_in_word(*at)) {
            at++;
        }
        return at;
    }
    return at + 1;
}

static bool is_word(const struct token *token, const char *word)
{
    return token->kind == TOKEN_WORD && token->size == strlen(word) &&
           strncasecmp(token->start, word, token->size) == 0;
}

static bool is_one_of(const struct token *token, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (is_word(token, *words)) {
            return true;
        }
    }
    return false;
}

enum arm_adbc_sql_kind arm__adbc_sql_kind(const char *sql)
{
    static const char *const queries[] = {"select",  "with",      "from", "values",
                                          "table",   "describe",  "show", "pivot",
                                          "unpivot", "summarize", NULL};
    static const char *const ends[] = {"begin", "start",    "commit", "end",
                                       "abort", "rollback", NULL};
    static const char *const changes[] = {"create", "drop", "alter", "use", NULL};
    static const char *const refs[] = {"branch", "tag", NULL};
    struct token token;
    const char *at = next_token(sql, &token);

    while (token.kind == TOKEN_SEMICOLON || (token.kind == TOKEN_OTHER && *token.start == '(')) {
        at = next_token(at, &token);
    }
    if (token.kind == TOKEN_END) {
        return ARM_ADBC_SQL_NONE;
    }
    if (is_one_of(&token, queries)) {
        return ARM_ADBC_SQL_QUERY;
    }
    if (is_one_of(&token, ends)) {
        return ARM_ADBC_SQL_APART;
    }
    if (is_one_of(&token, changes)) {
        at = next_token(at, &token);
        if (is_word(&token, "or")) { /* OR REPLACE */
            at = next_token(at, &token);
            (void)next_token(at, &token);
        }
        return is_one_of(&token, refs) ? ARM_ADBC_SQL_APART : ARM_ADBC_SQL_OTHER;
    }
    return ARM_ADBC_SQL_OTHER;
}

size_t arm__adbc_sql_size(const char *sql)
{
    const char *at = sql;
    const char *end = sql;
    struct token token;

    for (;;) {
        at = next_token(at, &token);
        if (token.kind == TOKEN_END) {
            return (size_t)(end - sql);
        }
        if (token.kind != TOKEN_SEMICOLON) {
            end = at;
        }
    }
}

/* ---- Parameters ---- */

static bool is_number(const char *name)
{
    return isdigit((unsigned char)name[0]);
}

/* By number; names as they came. */
static void sort_numbers(struct arm_adbc_parameters *parameters)
{
    for (size_t i = 1; i < parameters->count; i++) {
        char *name = parameters->names[i];
        size_t at = i;

        while (at > 0 && is_number(name) && is_number(parameters->names[at - 1]) &&
               strtoul(parameters->names[at - 1], NULL, 10) > strtoul(name, NULL, 10)) {
            parameters->names[at] = parameters->names[at - 1];
            at--;
        }
        parameters->names[at] = name;
    }
}

static bool has_parameter(const struct arm_adbc_parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->count; i++) {
        if (strcasecmp(parameters->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes `name`, which may be NULL: no memory. */
static bool add_parameter(struct arm_adbc_parameters *parameters, char *name)
{
    char **names = NULL;

    if (name != NULL && has_parameter(parameters, name)) {
        free(name);
        return true;
    }
    if (name != NULL) {
        names = realloc(parameters->names, (parameters->count + 1) * sizeof *names);
    }
    if (names == NULL) {
        free(name);
        return false;
    }
    parameters->names = names;
    parameters->names[parameters->count++] = name;
    return true;
}

AdbcStatusCode arm__adbc_parameters(const char *sql, struct arm_adbc_parameters *out,
                                    struct AdbcError *error)
{
    struct arm_adbc_parameters found = {0};
    unsigned marks = 0;
    struct token token = {.kind = TOKEN_OTHER};

    while (token.kind != TOKEN_END) {
        char number[16];
        char *name = NULL;

        sql = next_token(sql, &token);
        if (token.kind != TOKEN_PARAMETER) {
            continue;
        }
        if (token.size == 0) {
            (void)snprintf(number, sizeof number, "%u", ++marks);
            name = strdup(number);
        } else {
            name = strndup(token.start, token.size);
        }
        if (!add_parameter(&found, name)) {
            arm__adbc_parameters_release(&found);
            return arm__adbc_fail_memory(error);
        }
    }
    sort_numbers(&found);
    *out = found;
    return ADBC_STATUS_OK;
}

void arm__adbc_parameters_release(struct arm_adbc_parameters *parameters)
{
    for (size_t i = 0; i < parameters->count; i++) {
        free(parameters->names[i]);
    }
    free(parameters->names);
    *parameters = (struct arm_adbc_parameters){0};
}

/* ---- Putting together ---- */

void arm__adbc_add_bytes(struct arm_adbc_words *words, const char *text, size_t size)
{
    char *grown = words->failed ? NULL : realloc(words->text, words->size + size + 1);

    if (grown == NULL) {
        words->failed = true;
        return;
    }
    memcpy(grown + words->size, text, size);
    words->text = grown;
    words->size += size;
    words->text[words->size] = '\0';
}

void arm__adbc_add(struct arm_adbc_words *words, const char *text)
{
    arm__adbc_add_bytes(words, text, strlen(text));
}

void arm__adbc_add_name(struct arm_adbc_words *words, const char *name)
{
    arm__adbc_add(words, "\"");
    for (; *name != '\0'; name++) {
        arm__adbc_add_bytes(words, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
    }
    arm__adbc_add(words, "\"");
}

AdbcStatusCode arm__adbc_words_end(struct arm_adbc_words *words, char **out,
                                   struct AdbcError *error)
{
    bool failed = words->failed || words->text == NULL;

    if (failed) {
        free(words->text);
    } else {
        *out = words->text;
    }
    *words = (struct arm_adbc_words){0};
    return failed ? arm__adbc_fail_memory(error) : ADBC_STATUS_OK;
}
