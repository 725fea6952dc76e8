/* SPDX-License-Identifier: Apache-2.0 */
/* Completion: what a half-typed statement, or dot command, could go on with.
 *
 *     SELECT am|  FROM orders o      columns of the tables named, keywords
 *     SELECT o.|  FROM orders o      columns of orders
 *     … FROM or|                     tables, functions
 *     … FROM 'da|                    files
 *     USE BRANCH fe|                 branches
 */

#include "complete.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "complete_private.h"
#include "complete_words.h"
#include "dot.h"
#include "statement.h"

enum { TOKENS_MAX = 1024, NAMED_MAX = 64 };

enum token_kind { TOKEN_WORD, TOKEN_QUOTED, TOKEN_STRING, TOKEN_SIGN };

struct token {
    enum token_kind kind;
    const char *start;
    size_t size;
};

/* A statement with the cursor in it. */
struct sentence {
    struct token tokens[TOKENS_MAX];
    size_t count;
    size_t before;      /* tokens that end before the cursor, or at it where it begins another */
    struct token typed; /* the one the cursor is in or behind, up to it; size 0: none */
    bool is_hidden;     /* the cursor is in a comment or between dollars */
};

/* A table that the statement names. */
struct named {
    char *schema_name; /* "" */
    char *table;
    char *alias; /* "" */
};

struct names {
    struct named items[NAMED_MAX];
    size_t count;
};

/* ---- Tokens ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static struct token take_token(const char *at)
{
    struct token token = {.kind = TOKEN_SIGN, .start = at, .size = 1};
    const char *end = cli_statement_skip(at);

    if (end != at) {
        bool is_string = !is_word(*at) || at[1] == '\''; /* E'…' */

        token.kind = *at == '"' ? TOKEN_QUOTED : is_string ? TOKEN_STRING : TOKEN_WORD;
        token.size = (size_t)(end - at);
    }
    return token;
}

/* Whether a quoted token that ends at the cursor has no closing quote. */
static bool is_unclosed(const struct token *token)
{
    size_t quotes = 0;

    for (size_t i = 0; i < token->size; i++) {
        quotes += token->start[i] == token->start[0] ? 1 : 0;
    }
    return quotes % 2 == 1;
}

static bool opens_comment(const char *at)
{
    return (at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*');
}

/* A quoted token that holds the cursor is typed up to it, whatever stands behind it. */
static void take_typed(struct sentence *sentence, const struct token *token, const char *cursor)
{
    struct token typed = *token;

    typed.size = (size_t)(cursor - token->start);
    if (token->kind == TOKEN_WORD ||
        ((token->kind == TOKEN_QUOTED || token->start[0] == '\'') && is_unclosed(&typed))) {
        sentence->typed = typed;
    } else if (token->start + token->size > cursor) {
        sentence->is_hidden = true; /* between dollars, or behind a quote in quotes */
    }
}

/* `sql` is one statement, `cursor` in it. */
static void read_sentence(const char *sql, const char *cursor, struct sentence *out)
{
    const char *at = sql;

    *out = (struct sentence){0};
    while (*at != '\0' && *at != ';' && out->count < TOKENS_MAX) {
        struct token token = {0};

        if (isspace((unsigned char)*at)) {
            at++;
            continue;
        }
        token = take_token(at);
        at += token.size;
        if (opens_comment(token.start)) {
            out->is_hidden = out->is_hidden || (token.start < cursor && at >= cursor);
            continue;
        }
        if (token.start < cursor && at >= cursor) {
            take_typed(out, &token, cursor);
        }
        if (token.start < cursor && out->typed.size == 0) {
            out->before = out->count + 1;
        }
        out->tokens[out->count++] = token;
    }
}

/* ---- Words ---- */

static bool token_is(const struct token *token, const char *word)
{
    return token->kind == TOKEN_WORD && strlen(word) == token->size &&
           strncasecmp(token->start, word, token->size) == 0;
}

static bool token_is_one_of(const struct token *token, const char *const *words)
{
    return token->kind == TOKEN_WORD && cli_words_have(words, token->start, token->size);
}

static bool is_sign(const struct token *token, char sign)
{
    return token->kind == TOKEN_SIGN && token->start[0] == sign;
}

/* The n-th token before the cursor, from 1; an empty sign where there is none. */
static struct token behind(const struct sentence *sentence, size_t n)
{
    return n <= sentence->before ? sentence->tokens[sentence->before - n]
                                 : (struct token){.kind = TOKEN_SIGN, .start = ""};
}

/* A name without its quotes; owned by the caller. */
static char *name_of(const struct token *token)
{
    struct cli_text text = {0};

    if (token->kind != TOKEN_QUOTED) {
        return cli_format("%.*s", (int)token->size, token->start);
    }
    for (size_t i = 1; i < token->size; i++) {
        bool is_quote = token->start[i] == '"';

        if (is_quote && (i + 1 == token->size || token->start[i + 1] != '"')) {
            break;
        }
        i += is_quote ? 1 : 0; /* of two, one counts */
        cli_text_append(&text, &token->start[i], 1);
    }
    cli_text_append(&text, "", 0);
    return text.data;
}

static bool is_name(const struct token *token)
{
    return token->kind == TOKEN_QUOTED ||
           (token->kind == TOKEN_WORD && !token_is_one_of(token, cli_words_reserved));
}

/* ---- Tables that the statement names ---- */

static const char *const before_table[] = {"FROM",  "JOIN",     "INTO",      "UPDATE",
                                           "TABLE", "DESCRIBE", "SUMMARIZE", NULL};
/* Behind these, a comma separates no tables. */
static const char *const ends_tables[] = {"WHERE", "GROUP", "ORDER",  "HAVING", "SELECT", "SET",
                                          "ON",    "USING", "VALUES", "LIMIT",  "WINDOW", NULL};

/* "name", "schema.name", each perhaps with "AS alias": the tokens taken. What is being typed is no
 * alias yet. */
static size_t take_named(const struct token *tokens, size_t count, const struct token *typed,
                         struct names *out)
{
    bool has_schema = count > 2 && is_sign(&tokens[1], '.') && is_name(&tokens[2]);
    size_t taken = has_schema ? 3 : 1;
    struct named *named = &out->items[out->count++];

    named->schema_name = has_schema ? name_of(&tokens[0]) : cli_strdup("");
    named->table = name_of(&tokens[taken - 1]);
    taken += taken < count && token_is(&tokens[taken], "AS") ? 1 : 0;
    if (taken < count && is_name(&tokens[taken]) && tokens[taken].start != typed->start &&
        !token_is_one_of(&tokens[taken], cli_words_other)) {
        named->alias = name_of(&tokens[taken]);
        return taken + 1;
    }
    named->alias = cli_strdup("");
    return taken;
}

static void read_names(const struct sentence *sentence, struct names *out)
{
    bool wants_table = false;
    bool among_tables = false; /* behind FROM, where a comma separates them */
    size_t i = 0;

    while (i < sentence->count && out->count < NAMED_MAX) {
        const struct token *token = &sentence->tokens[i];
        bool is_typed = sentence->typed.size > 0 && token->start == sentence->typed.start;

        if (token_is_one_of(token, before_table)) {
            wants_table = true;
            among_tables = token_is(token, "FROM") || token_is(token, "JOIN");
        } else if (token_is_one_of(token, ends_tables)) {
            wants_table = false;
            among_tables = false;
        } else if (wants_table && is_name(token) && !is_typed) {
            i += take_named(token, sentence->count - i, &sentence->typed, out);
            wants_table = false;
            continue;
        } else {
            wants_table = among_tables && is_sign(token, ',');
        }
        i++;
    }
}

static void release_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i].schema_name);
        free(names->items[i].table);
        free(names->items[i].alias);
    }
}

/* Whether the cursor stands where a table is named: behind FROM, or a comma in its list. */
static bool wants_table(const struct sentence *sentence)
{
    struct token last = behind(sentence, 1);

    if (token_is_one_of(&last, before_table)) {
        return true;
    }
    for (size_t i = 2; is_sign(&last, ',') && i <= sentence->before; i++) {
        struct token token = behind(sentence, i);

        if (token_is_one_of(&token, ends_tables) || is_sign(&token, '(')) {
            return false;
        }
        if (token_is_one_of(&token, before_table)) {
            return token_is(&token, "FROM") || token_is(&token, "JOIN");
        }
    }
    return false;
}

/* A string that is a file's name: FROM 'x', COPY … TO 'x', read_csv('x'). */
static bool wants_file(const struct sentence *sentence)
{
    struct token last = behind(sentence, 1);
    struct token function = behind(sentence, 2);

    if (is_sign(&last, '[')) {
        last = function;
        function = behind(sentence, 3);
    }
    return token_is(&last, "FROM") || token_is(&last, "JOIN") || token_is(&last, "TO") ||
           (is_sign(&last, '(') && function.kind == TOKEN_WORD &&
            (strncasecmp(function.start, "read_", 5) == 0 || token_is(&function, "glob")));
}

/* ---- Statements ---- */

static void add_words(const struct builder *builder, const char *const *words)
{
    for (; *words != NULL; words++) {
        cli_builder_word(builder, *words, ' ');
    }
}

static void add_tables(const struct builder *builder)
{
    cli_builder_tables(builder);
    for (const char *const *name = cli_words_functions; *name != NULL; name++) {
        cli_builder_word(builder, *name, '(');
    }
}

/* "t.": t is an alias or a table of the statement, or any table. */
static void add_members(const struct builder *builder, const struct names *names,
                        const struct token *owner)
{
    char *name = name_of(owner);
    const char *schema_name = "";
    const char *table = name;

    for (size_t i = 0; i < names->count; i++) {
        const struct named *named = &names->items[i];

        if (strcasecmp(named->alias, name) == 0 || strcasecmp(named->table, name) == 0) {
            schema_name = named->schema_name;
            table = named->table;
            break;
        }
    }
    cli_builder_columns(builder, schema_name, table);
    free(name);
}

static void add_expression(const struct builder *builder, const struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct named *named = &names->items[i];

        cli_builder_columns(builder, named->schema_name, named->table);
        if (builder->prefix_size > 0 && named->alias[0] != '\0') {
            cli_builder_name(builder, named->alias, '\0');
        }
    }
    if (names->count == 0) {
        cli_builder_all_columns(builder);
    }
    if (builder->prefix_size > 0) { /* else there would be no end of them */
        add_words(builder, cli_words_reserved);
        add_words(builder, cli_words_other);
        add_tables(builder);
    }
}

/* A branch or a tag of the statements about them: the statement's second word says which. */
enum wanted_ref { WANTS_NO_REF, WANTS_BRANCH, WANTS_TAG, WANTS_REF };

static enum wanted_ref wants_ref(const struct sentence *sentence)
{
    struct token last = behind(sentence, 1);
    struct token verb = behind(sentence, 2);
    bool is_new = token_is(&verb, "CREATE");
    bool is_about_branch = sentence->before > 1 && token_is(&sentence->tokens[1], "BRANCH");
    bool is_about_tag = sentence->before > 1 && token_is(&sentence->tokens[1], "TAG");

    if (token_is(&last, "BRANCH") && verb.kind == TOKEN_WORD) {
        return is_new ? WANTS_NO_REF : WANTS_BRANCH;
    }
    if (token_is(&last, "TAG") && token_is(&verb, "DROP")) {
        return WANTS_TAG;
    }
    if ((is_about_branch && token_is(&last, "FROM")) || (is_about_tag && token_is(&last, "AT"))) {
        return WANTS_REF;
    }
    return is_about_branch && token_is(&last, "INTO") ? WANTS_BRANCH : WANTS_NO_REF;
}

static void complete_statement(struct builder *builder, const struct sentence *sentence)
{
    struct names names = {0};
    struct token last = behind(sentence, 1);
    struct token owner = behind(sentence, 2);

    if (sentence->typed.size > 0 && sentence->typed.kind == TOKEN_STRING) {
        if (wants_file(sentence)) {
            cli_builder_files(builder);
        }
        return;
    }
    if (wants_ref(sentence) != WANTS_NO_REF) {
        cli_builder_refs(builder, wants_ref(sentence) != WANTS_TAG,
                         wants_ref(sentence) != WANTS_BRANCH);
        return;
    }
    read_names(sentence, &names);
    if (is_sign(&last, '.') && owner.kind != TOKEN_SIGN) {
        add_members(builder, &names, &owner);
    } else if (sentence->before == 0) {
        add_words(builder, cli_words_first);
    } else if (wants_table(sentence)) {
        add_tables(builder);
    } else {
        add_expression(builder, &names);
    }
    release_names(&names);
}

/* ---- Dot commands ---- */

static void add_list(const struct builder *builder, const char *const *words)
{
    for (; *words != NULL; words++) {
        cli_builder_raw(builder, *words, '\0');
    }
}

static void add_commands(const struct builder *builder)
{
    for (const struct cli_dot_command *command = cli_dot_commands; command->name != NULL;
         command++) {
        cli_builder_raw(builder, command->name, command->takes == CLI_DOT_NOTHING ? '\0' : ' ');
    }
}

static void complete_argument(struct builder *builder, const struct cli_dot_command *command)
{
    static const char *const switches[] = {"on", "off", NULL};

    switch (command->takes) {
    case CLI_DOT_TABLE:
        if (builder->prefix[0] == '"') {
            builder->prefix++;
            builder->prefix_size--;
            builder->is_quoted = true;
        }
        cli_builder_tables(builder);
        break;
    case CLI_DOT_FILE:
        cli_builder_files(builder);
        break;
    case CLI_DOT_MODE:
        add_list(builder, cli_dot_modes);
        break;
    case CLI_DOT_SWITCH:
        add_list(builder, switches);
        break;
    case CLI_DOT_COMMAND:
        add_commands(builder);
        break;
    case CLI_DOT_NUMBER:
    case CLI_DOT_NOTHING:
        break;
    }
}

static void complete_dot(struct builder *builder, const char *line)
{
    size_t name_size = strcspn(line, " \t");
    const char *argument = line + name_size + strspn(line + name_size, " \t");

    if (line[name_size] == '\0') {
        builder->prefix = line;
        builder->prefix_size = name_size;
        builder->out->replace = name_size;
        add_commands(builder);
        return;
    }
    builder->prefix = argument;
    builder->prefix_size = strlen(argument);
    builder->out->replace = builder->prefix_size;
    for (const struct cli_dot_command *command = cli_dot_commands; command->name != NULL;
         command++) {
        if (strlen(command->name) == name_size && strncmp(command->name, line, name_size) == 0) {
            complete_argument(builder, command);
        }
    }
}

/* ---- The whole ---- */

static int compare(const void *a, const void *b)
{
    const struct cli_candidate *left = a;
    const struct cli_candidate *right = b;
    int order = strcasecmp(left->text, right->text);

    return order != 0 ? order : strcmp(left->text, right->text);
}

static void sort(struct cli_candidates *out)
{
    size_t kept = 0;

    if (out->count > 0) {
        qsort(out->items, out->count, sizeof *out->items, compare);
    }
    for (size_t i = 0; i < out->count; i++) {
        if (kept > 0 && strcasecmp(out->items[kept - 1].text, out->items[i].text) == 0) {
            free(out->items[i].text); /* a column "date" and the keyword DATE are one */
        } else {
            out->items[kept++] = out->items[i];
        }
    }
    out->count = kept;
}

void cli_complete(const struct cli_completer *completer, const char *before, const char *after,
                  struct cli_candidates *out)
{
    struct builder builder = {.completer = completer, .out = out, .prefix = ""};
    struct sentence *sentence = NULL;
    char *sql = NULL;
    size_t next = 0;

    *out = (struct cli_candidates){0};
    if (before[0] == '.') {
        complete_dot(&builder, before);
        sort(out);
        return;
    }
    while ((next = cli_statement_end(before)) != 0) {
        before += next;
    }
    sql = cli_format("%s%s", before, after);
    sentence = cli_alloc(1, sizeof *sentence);
    read_sentence(sql, sql + strlen(before), sentence);
    if (!sentence->is_hidden) {
        const struct token *typed = &sentence->typed;

        if (typed->size > 0) {
            builder.is_quoted = typed->kind == TOKEN_QUOTED;
            builder.prefix = typed->start + (typed->kind == TOKEN_WORD ? 0 : 1);
            builder.prefix_size = typed->size - (typed->kind == TOKEN_WORD ? 0 : 1);
            out->replace = typed->size - (typed->kind == TOKEN_STRING ? 1 : 0);
        }
        complete_statement(&builder, sentence);
    }
    sort(out);
    free(sentence);
    free(sql);
}

void cli_candidates_release(struct cli_candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++) {
        free(candidates->items[i].text);
    }
    free(candidates->items);
    *candidates = (struct cli_candidates){0};
}
