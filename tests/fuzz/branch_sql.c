/* SPDX-License-Identifier: Apache-2.0 */
/* Statements about branches and tags (duck/branch_parse.c): what is taken apart can be written
 * again, all of it quoted, and is the same statement. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "duck/branch_parse.h"
#include "support/fuzz.h"

enum { TEXT_MAX = 1 << 20 };

static void must(arm_status st)
{
    assert(st == ARM_OK);
}

static void add(struct arm_buf *out, const char *text)
{
    must(arm__buf_append(out, text, strlen(text), NULL));
}

static void add_quoted(struct arm_buf *out, const char *before, const char *text, char quote)
{
    if (text == NULL) {
        return;
    }
    add(out, before);
    must(arm__buf_u8(out, (uint8_t)quote, NULL));
    for (; *text != '\0'; text++) {
        must(arm__buf_u8(out, (uint8_t)*text, NULL));
        if (*text == quote) {
            must(arm__buf_u8(out, (uint8_t)quote, NULL));
        }
    }
    must(arm__buf_u8(out, (uint8_t)quote, NULL));
}

static void add_demands(struct arm_buf *out, const struct arm_branch_statement *s)
{
    const char *separator = " PROTECT ";

    if (s->only_merges) {
        add(out, " PROTECT ONLY MERGES");
        separator = ", ";
    }
    for (size_t i = 0; i < s->check_count; i++) {
        add(out, separator);
        add(out, "CHECK");
        add_quoted(out, " ", s->checks[i].name, '"');
        add(out, " (");
        add(out, s->checks[i].sql);
        add(out, ")");
        separator = ", ";
    }
    add(out, s->only_merges || s->check_count > 0 ? "" : " UNPROTECT");
}

static void write_again(const struct arm_branch_statement *s, struct arm_buf *out)
{
    bool creates = s->verb == ARM_BRANCH_CREATE || s->verb == ARM_TAG_CREATE;
    const char *joint = s->verb == ARM_BRANCH_CREATE   ? " FROM "
                        : s->verb == ARM_TAG_CREATE    ? " AT "
                        : s->verb == ARM_BRANCH_RENAME ? " RENAME TO "
                                                       : " INTO ";

    add(out, arm__branch_verb_text(s->verb));
    if (s->is_lenient) {
        add(out, creates ? " IF NOT EXISTS" : " IF EXISTS");
    }
    add_quoted(out, " ", s->name, '"');
    add_quoted(out, joint, s->other, '\'');
    if (s->verb == ARM_BRANCH_PROTECT) {
        add_demands(out, s);
    } else if (s->verb == ARM_BRANCH_DESCRIBE && s->comment == NULL) {
        add(out, " IS NULL");
    }
    add_quoted(out, creates ? " COMMENT " : " IS ", s->comment, '\'');
    add_quoted(out, " STRATEGY ", s->strategy, '"');
    must(arm__buf_u8(out, 0, NULL));
}

static bool equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void assert_same(const struct arm_branch_statement *a, const struct arm_branch_statement *b)
{
    assert(a->verb == b->verb);
    assert(a->is_lenient == b->is_lenient);
    assert(a->only_merges == b->only_merges);
    assert(equal(a->name, b->name));
    assert(equal(a->other, b->other));
    assert(equal(a->comment, b->comment));
    assert(equal(a->strategy, b->strategy));
    assert(a->check_count == b->check_count);
    for (size_t i = 0; i < a->check_count; i++) {
        assert(equal(a->checks[i].name, b->checks[i].name));
        assert(equal(a->checks[i].sql, b->checks[i].sql));
    }
}

static void check_again(const struct arm_branch_statement *statement)
{
    struct arm_branch_statement again = {0};
    struct arm_buf text = ARM_BUF_INIT(4 * TEXT_MAX);
    bool is_one = false;

    write_again(statement, &text);
    must(arm__branch_parse((const char *)text.data, &again, &is_one, NULL, NULL));
    assert(is_one);
    assert_same(statement, &again);
    arm__branch_statement_release(&again);
    arm__buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *sql = fuzz_take_text(&in);
    struct arm_branch_statement statement = {0};
    bool is_one = false;
    size_t offset = 0;
    struct arm_error err;

    FUZZ_FILL(err);
    if (fuzz_judged(arm__branch_parse(sql, &statement, &is_one, &offset, &err), ARM_SQL, ARM_SQL,
                    &err)) {
        assert(is_one == (statement.name != NULL));
        if (is_one) {
            check_again(&statement);
        }
    } else {
        assert(is_one);
        assert(statement.name == NULL);
        assert(offset <= strlen(sql));
    }
    assert(is_one == arm__branch_begins(sql));
    arm__branch_statement_release(&statement);
    free(sql);
    return 0;
}
