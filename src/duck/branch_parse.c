/* SPDX-License-Identifier: Apache-2.0 */
/* A parser by descent: each function takes what it is named after, or says what it expected. */

#include "duck/branch_parse.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "duck/split.h"
#include "model/utf8.h"

enum { TEXT_BYTES_MAX = 1 << 24, FOUND_BYTES_MAX = 40 };

struct parser {
    const char *at; /* the next token: never a blank or a comment */
    struct arm_branch_statement *out;
};

/* ---- Tokens ---- */

static bool is_blank(char c)
{
    return c != '\0' && strchr(" \t\n\r\f\v", c) != NULL;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_bare_byte(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || (c != '\0' && strchr("-/.~:+@", c) != NULL);
}

static bool is_comment(const char *at)
{
    return (at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*');
}

/* To the next token; what is not closed stays, and will be in nobody's grammar. */
static void skip_gap(struct parser *p)
{
    while (is_blank(*p->at) || is_comment(p->at)) {
        const char *next = arm__sql_skip(p->at);

        if (next == NULL) {
            break;
        }
        p->at = next;
    }
}

/* Of a keyword or a bare name. */
static size_t word_size(const char *at)
{
    size_t size = 0;

    while (is_bare_byte(at[size]) && !is_comment(at + size)) {
        size++;
    }
    return size;
}

static bool is_word(const char *at, size_t size, const char *word)
{
    return size == strlen(word) && strncasecmp(at, word, size) == 0;
}

/* Whether `word` stands next. */
static bool sees(const struct parser *p, const char *word)
{
    return is_word(p->at, word_size(p->at), word);
}

static bool accept_word(struct parser *p, const char *word)
{
    bool is_there = sees(p, word);

    if (is_there) {
        p->at += strlen(word);
        skip_gap(p);
    }
    return is_there;
}

static bool accept_sign(struct parser *p, char sign)
{
    bool is_there = *p->at == sign;

    if (is_there) {
        p->at++;
        skip_gap(p);
    }
    return is_there;
}

/* ---- Errors ---- */

/* What stands there, for a message: a word, a quoted text's beginning, or a sign. */
static void show(const char *at, char out[FOUND_BYTES_MAX + 1])
{
    size_t size = word_size(at);

    if (size == 0) {
        size = *at == '\'' || *at == '"' ? strcspn(at, "\n") : 1;
    }
    size = arm__utf8_cut(at, size, FOUND_BYTES_MAX);
    memcpy(out, at, size);
    out[size] = '\0';
    if (!arm__utf8_valid(arm__bytes(out, size))) {
        (void)strcpy(out, "what is not UTF-8");
    }
}

static arm_status expected(const struct parser *p, const char *what, struct arm_error *err)
{
    const char *statement = arm__branch_verb_text(p->out->verb);
    char found[FOUND_BYTES_MAX + 1];

    if (*p->at == '\0' || *p->at == ';') {
        return arm__fail(err, ARM_SQL, "%s: expected %s, but the statement ends", statement, what);
    }
    show(p->at, found);
    return arm__fail(err, ARM_SQL, "%s: expected %s, found %s", statement, what, found);
}

static arm_status expect(struct parser *p, const char *word, const char *what,
                         struct arm_error *err)
{
    return accept_word(p, word) ? ARM_OK : expected(p, what, err);
}

/* ---- Names and texts ---- */

static arm_status copy(const char *at, size_t size, char **out, struct arm_error *err)
{
    char *text = NULL;
    arm_status st = arm__calloc(size + 1, 1, &text, err);

    if (st == ARM_OK) {
        memcpy(text, at, size);
        arm__free(*out);
        *out = text;
    }
    return st;
}

static arm_status take_quoted(struct parser *p, char **out, struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(TEXT_BYTES_MAX);
    char quote = *p->at;
    const char *at = p->at + 1;
    arm_status st = ARM_OK;

    for (; *at != quote || at[1] == quote; at++) {
        if (*at == '\0') {
            st = arm__fail(err, ARM_SQL, "%s: the quote %c that begins here is not closed",
                           arm__branch_verb_text(p->out->verb), quote);
            goto done;
        }
        ARM_TRY(arm__buf_u8(&text, (uint8_t)*at, err));
        at += *at == quote ? 1 : 0; /* of two, one counts */
    }
    ARM_TRY(copy(text.size == 0 ? "" : (const char *)text.data, text.size, out, err));
    p->at = at + 1;
    skip_gap(p);
done:
    arm__buf_release(&text);
    return st;
}

/* These stand behind names, so that a forgotten name is told as such. */
static bool is_keyword(const char *at, size_t size)
{
    static const char *const words[] = {"at",      "comment", "from",     "if", "into",     "is",
                                        "protect", "rename",  "strategy", "to", "unprotect"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (is_word(at, size, words[i])) {
            return true;
        }
    }
    return false;
}

static arm_status take_bare(struct parser *p, const char *what, char **out, struct arm_error *err)
{
    size_t size = word_size(p->at);
    char found[FOUND_BYTES_MAX + 1];
    arm_status st = ARM_OK;

    if (size == 0 || is_keyword(p->at, size)) {
        return expected(p, what, err);
    }
    if (is_comment(p->at + size)) {
        show(p->at, found);
        return arm__fail(err, ARM_SQL,
                         "%s: \"%s\" runs into what may be a comment: put a blank between them, or "
                         "the name between quotes",
                         arm__branch_verb_text(p->out->verb), found);
    }
    ARM_TRY(copy(p->at, size, out, err));
    p->at += size;
    skip_gap(p);
done:
    return st;
}

static arm_status take_name(struct parser *p, const char *what, char **out, struct arm_error *err)
{
    return *p->at == '"' || *p->at == '\'' ? take_quoted(p, out, err)
                                           : take_bare(p, what, out, err);
}

static arm_status take_text(struct parser *p, char **out, struct arm_error *err)
{
    return *p->at == '\'' ? take_quoted(p, out, err) : expected(p, "a text in single quotes", err);
}

/* ---- Clauses ---- */

/* IF [NOT] EXISTS, where it stands. */
static arm_status take_if(struct parser *p, bool has_not, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (accept_word(p, "if")) {
        if (has_not) {
            ARM_TRY(expect(p, "not", "NOT EXISTS", err));
        }
        ARM_TRY(expect(p, "exists", "EXISTS", err));
        p->out->is_lenient = true;
    }
done:
    return st;
}

static const char *name_of_kind(const struct parser *p)
{
    bool is_tag = p->out->verb == ARM_TAG_CREATE || p->out->verb == ARM_TAG_DROP;

    return is_tag ? "the name of a tag" : "the name of a branch";
}

static arm_status take_own_name(struct parser *p, struct arm_error *err)
{
    return take_name(p, name_of_kind(p), &p->out->name, err);
}

/* CREATE BRANCH name [FROM ref], CREATE TAG name [AT ref]; then [COMMENT text]. */
static arm_status take_creation(struct parser *p, const char *preposition, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(take_if(p, true, err));
    ARM_TRY(take_own_name(p, err));
    if (accept_word(p, preposition)) {
        ARM_TRY(take_name(p, "a branch, a tag, tx:N or a time", &p->out->other, err));
    }
    if (accept_word(p, "comment")) {
        ARM_TRY(take_text(p, &p->out->comment, err));
    }
done:
    return st;
}

/* Between parentheses, which quotes and comments may hide. */
static arm_status take_query(struct parser *p, char **out, struct arm_error *err)
{
    const char *start = p->at + 1;
    const char *at = p->at;
    size_t depth = 0;
    arm_status st = ARM_OK;

    if (*at != '(') {
        return expected(p, "a query in parentheses", err);
    }
    do {
        depth += *at == '(' ? 1 : 0;
        depth -= *at == ')' ? 1 : 0;
        at = *at == '\0' ? NULL : arm__sql_skip(at);
    } while (at != NULL && depth > 0);
    if (at == NULL) {
        return arm__fail(err, ARM_SQL, "%s: the parenthesis that begins here is not closed",
                         arm__branch_verb_text(p->out->verb));
    }
    ARM_TRY(copy(start, (size_t)(at - 1 - start), out, err));
    p->at = at;
    skip_gap(p);
done:
    return st;
}

static arm_status take_check(struct parser *p, struct arm_error *err)
{
    struct arm_branch_statement *out = p->out;
    arm_status st = ARM_OK;

    ARM_TRY(arm__realloc(&out->checks, out->check_count + 1, sizeof *out->checks, err));
    out->checks[out->check_count++] = (struct arm_branch_demand){NULL, NULL};
    if (*p->at != '(') {
        ARM_TRY(take_name(p, "a query in parentheses, or a name for it",
                          &out->checks[out->check_count - 1].name, err));
    }
    ARM_TRY(take_query(p, &out->checks[out->check_count - 1].sql, err));
done:
    return st;
}

static arm_status take_demands(struct parser *p, struct arm_error *err)
{
    arm_status st = ARM_OK;

    do {
        if (accept_word(p, "only")) {
            ARM_TRY(expect(p, "merges", "MERGES", err));
            p->out->only_merges = true;
        } else {
            ARM_TRY(expect(p, "check", "ONLY MERGES, or CHECK", err));
            ARM_TRY(take_check(p, err));
        }
    } while (accept_sign(p, ','));
done:
    return st;
}

static arm_status take_alteration(struct parser *p, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(take_own_name(p, err));
    if (accept_word(p, "rename")) {
        ARM_TRY(expect(p, "to", "TO and the new name", err));
        ARM_TRY(take_name(p, "the new name", &p->out->other, err));
    } else if (accept_word(p, "protect")) {
        p->out->verb = ARM_BRANCH_PROTECT;
        ARM_TRY(take_demands(p, err));
    } else {
        p->out->verb = ARM_BRANCH_PROTECT;
        ARM_TRY(expect(p, "unprotect", "RENAME TO, PROTECT or UNPROTECT", err));
    }
done:
    return st;
}

static arm_status take_description(struct parser *p, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(take_own_name(p, err));
    ARM_TRY(expect(p, "is", "IS", err));
    if (!accept_word(p, "null")) {
        ARM_TRY(*p->at == '\'' ? take_quoted(p, &p->out->comment, err)
                               : expected(p, "a text in single quotes, or NULL", err));
    }
done:
    return st;
}

static arm_status take_merge(struct parser *p, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(take_own_name(p, err));
    if (accept_word(p, "into")) {
        ARM_TRY(take_name(p, name_of_kind(p), &p->out->other, err));
    }
    if (accept_word(p, "strategy")) {
        ARM_TRY(take_name(p, "fail, ours or theirs", &p->out->strategy, err));
    }
done:
    return st;
}

static arm_status take_end(struct parser *p, const char *what, struct arm_error *err)
{
    while (accept_sign(p, ';')) {
    }
    return *p->at == '\0' ? ARM_OK : expected(p, what, err);
}

/* ---- Statements ---- */

static arm_status take_drop(struct parser *p, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(take_if(p, false, err));
    ARM_TRY(take_own_name(p, err));
done:
    return st;
}

static arm_status take_new_branch(struct parser *p, struct arm_error *err)
{
    return take_creation(p, "from", err);
}

static arm_status take_new_tag(struct parser *p, struct arm_error *err)
{
    return take_creation(p, "at", err);
}

static const struct statement {
    const char *words[3];
    enum arm_branch_verb verb;
    arm_status (*take)(struct parser *p, struct arm_error *err);
    const char *rest; /* what could still come behind it */
} statements[] = {
    {{"create", "branch"}, ARM_BRANCH_CREATE, take_new_branch, "FROM, COMMENT or the end"},
    {{"drop", "branch"}, ARM_BRANCH_DROP, take_drop, "the end"},
    {{"use", "branch"}, ARM_BRANCH_USE, take_own_name, "the end"},
    {{"alter", "branch"}, ARM_BRANCH_RENAME, take_alteration, "the end"},
    {{"comment", "on", "branch"}, ARM_BRANCH_DESCRIBE, take_description, "the end"},
    {{"merge", "branch"}, ARM_BRANCH_MERGE, take_merge, "INTO, STRATEGY or the end"},
    {{"create", "tag"}, ARM_TAG_CREATE, take_new_tag, "AT, COMMENT or the end"},
    {{"drop", "tag"}, ARM_TAG_DROP, take_drop, "the end"},
};

static bool begins(struct parser *p, const struct statement *statement)
{
    for (size_t i = 0; i < 3 && statement->words[i] != NULL; i++) {
        if (!accept_word(p, statement->words[i])) {
            return false;
        }
    }
    return true;
}

const char *arm__branch_verb_text(enum arm_branch_verb verb)
{
    switch (verb) {
    case ARM_BRANCH_CREATE:
        return "CREATE BRANCH";
    case ARM_BRANCH_DROP:
        return "DROP BRANCH";
    case ARM_BRANCH_USE:
        return "USE BRANCH";
    case ARM_BRANCH_RENAME:
    case ARM_BRANCH_PROTECT:
        return "ALTER BRANCH";
    case ARM_BRANCH_DESCRIBE:
        return "COMMENT ON BRANCH";
    case ARM_BRANCH_MERGE:
        return "MERGE BRANCH";
    case ARM_TAG_CREATE:
        return "CREATE TAG";
    case ARM_TAG_DROP:
        return "DROP TAG";
    }
    return "";
}

void arm__branch_statement_release(struct arm_branch_statement *statement)
{
    for (size_t i = 0; i < statement->check_count; i++) {
        arm__free(statement->checks[i].name);
        arm__free(statement->checks[i].sql);
    }
    arm__free(statement->checks);
    arm__free(statement->name);
    arm__free(statement->other);
    arm__free(statement->comment);
    arm__free(statement->strategy);
    *statement = (struct arm_branch_statement){0};
}

/* The kind of statement, whose first words are taken; NULL: another. */
static const struct statement *take_statement(struct parser *p)
{
    const char *start;

    skip_gap(p);
    while (accept_sign(p, ';')) {
    }
    start = p->at;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        if (begins(p, &statements[i])) {
            return &statements[i];
        }
        p->at = start;
    }
    return NULL;
}

bool arm__branch_begins(const char *sql)
{
    struct parser p = {.at = sql};

    return take_statement(&p) != NULL;
}

arm_status arm__branch_parse(const char *sql, struct arm_branch_statement *out, bool *out_is_one,
                             size_t *out_offset, struct arm_error *err)
{
    struct arm_branch_statement statement = {0};
    struct parser p = {.at = sql, .out = &statement};
    const struct statement *kind;
    arm_status st = ARM_OK;

    kind = take_statement(&p);
    *out_is_one = kind != NULL;
    if (kind == NULL) {
        return ARM_OK;
    }
    statement.verb = kind->verb;
    ARM_TRY(kind->take(&p, err));
    ARM_TRY(take_end(&p, kind->rest, err));
    *out = statement;
    statement = (struct arm_branch_statement){0};
done:
    if (st != ARM_OK && out_offset != NULL) {
        *out_offset = (size_t)(p.at - sql);
    }
    arm__branch_statement_release(&statement);
    return st;
}
