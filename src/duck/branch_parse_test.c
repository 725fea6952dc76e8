/* SPDX-License-Identifier: Apache-2.0 */
#include "duck/branch_parse.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

static bool equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* `sql` is that statement; NULL: it has no such part. */
static void check(const char *sql, enum arm_branch_verb verb, const char *name, const char *other,
                  const char *comment)
{
    struct arm_branch_statement statement = {0};
    struct arm_error err = {0};
    bool is_one = false;

    assert_ok(arm__branch_parse(sql, &statement, &is_one, NULL, &err), err);
    assert_true(is_one);
    assert_true(arm__branch_begins(sql));
    assert_int_equal(statement.verb, verb);
    if (!equal(statement.name, name) || !equal(statement.other, other) ||
        !equal(statement.comment, comment)) {
        fail_msg("%s: %s, %s, %s", sql, statement.name, statement.other, statement.comment);
    }
    arm__branch_statement_release(&statement);
}

/* `sql` is refused, at `offset`, with those words. */
static void check_wrong(const char *sql, size_t offset, const char *says)
{
    struct arm_branch_statement statement = {0};
    struct arm_error err = {0};
    size_t at = SIZE_MAX;
    bool is_one = false;

    assert_fails(ARM_SQL, arm__branch_parse(sql, &statement, &is_one, &at, &err), err);
    assert_true(is_one);
    if (at != offset || strstr(err.message, says) == NULL) {
        fail_msg("%s: at %zu: %s", sql, at, err.message);
    }
    assert_null(statement.name);
}

static void test_branch_parse_statements(void **state)
{
    check("CREATE BRANCH b", ARM_BRANCH_CREATE, "b", NULL, NULL);
    check("create branch feature/x from main~2;", ARM_BRANCH_CREATE, "feature/x", "main~2", NULL);
    check("CREATE BRANCH b FROM tx:12 COMMENT 'it''s'", ARM_BRANCH_CREATE, "b", "tx:12", "it's");
    check("CREATE BRANCH b COMMENT ''", ARM_BRANCH_CREATE, "b", NULL, "");
    check("CREATE BRANCH b FROM 2026-11-22T21:30:00+01:00", ARM_BRANCH_CREATE, "b",
          "2026-11-22T21:30:00+01:00", NULL);
    check("CREATE BRANCH b FROM '2026-11-22 21:30'", ARM_BRANCH_CREATE, "b", "2026-11-22 21:30",
          NULL);
    check("DROP BRANCH b", ARM_BRANCH_DROP, "b", NULL, NULL);
    check("USE BRANCH \"from\"", ARM_BRANCH_USE, "from", NULL, NULL);
    check("ALTER BRANCH a RENAME TO b-1.2", ARM_BRANCH_RENAME, "a", "b-1.2", NULL);
    check("COMMENT ON BRANCH a IS 'x'", ARM_BRANCH_DESCRIBE, "a", NULL, "x");
    check("COMMENT ON BRANCH a IS NULL", ARM_BRANCH_DESCRIBE, "a", NULL, NULL);
    check("MERGE BRANCH a", ARM_BRANCH_MERGE, "a", NULL, NULL);
    check("MERGE BRANCH a INTO b", ARM_BRANCH_MERGE, "a", "b", NULL);
    check("CREATE TAG v1.0", ARM_TAG_CREATE, "v1.0", NULL, NULL);
    check("CREATE TAG v1 AT b COMMENT 'c'", ARM_TAG_CREATE, "v1", "b", "c");
    check("DROP TAG v1", ARM_TAG_DROP, "v1", NULL, NULL);
    check(" ;; /* a */ CREATE -- b\n BRANCH/* c */b ; ;-- d", ARM_BRANCH_CREATE, "b", NULL, NULL);
}

static void test_branch_parse_names_are_kept(void **state)
{
    check("USE BRANCH Größe", ARM_BRANCH_USE, "Größe", NULL, NULL);
    check("USE BRANCH \"a \"\"b'\"", ARM_BRANCH_USE, "a \"b'", NULL, NULL);
    check("USE BRANCH 'a ''b\"'", ARM_BRANCH_USE, "a 'b\"", NULL, NULL);
    check("USE BRANCH ''", ARM_BRANCH_USE, "", NULL, NULL);
    check("USE BRANCH 'a--b'", ARM_BRANCH_USE, "a--b", NULL, NULL);
    check("USE BRANCH 'a;b'", ARM_BRANCH_USE, "a;b", NULL, NULL);
    check("USE BRANCH from/x", ARM_BRANCH_USE, "from/x", NULL, NULL);
    check("USE BRANCH if-not", ARM_BRANCH_USE, "if-not", NULL, NULL);
    check("USE BRANCH ../x", ARM_BRANCH_USE, "../x", NULL, NULL); /* not ours to judge */
    check("DROP BRANCH branch", ARM_BRANCH_DROP, "branch", NULL, NULL);
}

static void test_branch_parse_if(void **state)
{
    static const char *const lenient[] = {
        "CREATE BRANCH IF NOT EXISTS b FROM main", "DROP BRANCH IF EXISTS b",
        "CREATE TAG if not exists b AT main", "DROP TAG IF EXISTS b", "DROP BRANCH if-x"};
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof lenient / sizeof *lenient; i++) {
        struct arm_branch_statement statement = {0};
        bool is_one = false;

        assert_ok(arm__branch_parse(lenient[i], &statement, &is_one, NULL, &err), err);
        assert_int_equal(statement.is_lenient, strcmp(statement.name, "b") == 0);
        arm__branch_statement_release(&statement);
    }
}

static void test_branch_parse_protect(void **state)
{
    struct arm_branch_statement s = {0};
    struct arm_error err = {0};
    bool is_one = false;

    assert_ok(arm__branch_parse("ALTER BRANCH main PROTECT ONLY MERGES, CHECK positive "
                                "(SELECT ')' FROM t WHERE (a < 0) /* ) */), CHECK (FROM u)",
                                &s, &is_one, NULL, &err),
              err);
    assert_int_equal(s.verb, ARM_BRANCH_PROTECT);
    assert_true(s.only_merges);
    assert_int_equal(s.check_count, 2);
    assert_string_equal(s.checks[0].name, "positive");
    assert_string_equal(s.checks[0].sql, "SELECT ')' FROM t WHERE (a < 0) /* ) */");
    assert_null(s.checks[1].name);
    assert_string_equal(s.checks[1].sql, "FROM u");
    arm__branch_statement_release(&s);
    assert_ok(arm__branch_parse("ALTER BRANCH main UNPROTECT", &s, &is_one, NULL, &err), err);
    assert_int_equal(s.verb, ARM_BRANCH_PROTECT);
    assert_true(!s.only_merges && s.check_count == 0);
    arm__branch_statement_release(&s);
    assert_ok(arm__branch_parse("MERGE BRANCH a STRATEGY ours", &s, &is_one, NULL, &err), err);
    assert_string_equal(s.strategy, "ours");
    arm__branch_statement_release(&s);
}

static void test_branch_parse_says_what_and_where(void **state)
{
    check_wrong("CREATE BRANCH", 13, "CREATE BRANCH: expected the name of a branch, but the");
    check_wrong("CREATE BRANCH FROM main", 14, "expected the name of a branch, found FROM");
    check_wrong("CREATE BRANCH b main", 16, "expected FROM, COMMENT or the end, found main");
    check_wrong("CREATE BRANCH b FROM ;", 21, "expected a branch, a tag, tx:N or a time, but the");
    check_wrong("CREATE BRANCH b AT main", 16, "expected FROM, COMMENT or the end, found AT");
    check_wrong("CREATE BRANCH a^b", 15, "found ^");
    check_wrong("CREATE BRANCH IF EXISTS b", 17, "expected NOT EXISTS, found EXISTS");
    check_wrong("CREATE BRANCH b COMMENT c", 24, "expected a text in single quotes, found c");
    check_wrong("CREATE BRANCH b--c", 14, "\"b\" runs into what may be a comment");
    check_wrong("DROP BRANCH a/*c*/", 12, "\"a\" runs into what may be a comment");
    check_wrong("USE BRANCH \"a", 11, "the quote \" that begins here is not closed");
    check_wrong("USE BRANCH a, b", 12, "expected the end, found ,");
    check_wrong("ALTER BRANCH a TO b", 15, "expected RENAME TO, PROTECT or UNPROTECT, found TO");
    check_wrong("ALTER BRANCH a RENAME b", 22, "expected TO and the new name, found b");
    check_wrong("ALTER BRANCH a PROTECT", 22, "expected ONLY MERGES, or CHECK, but the");
    check_wrong("ALTER BRANCH a PROTECT CHECK (SELECT 1", 29, "the parenthesis that begins here");
    check_wrong("ALTER BRANCH a PROTECT CHECK SELECT 1", 36, "a query in parentheses, found 1");
    check_wrong("COMMENT ON BRANCH a 'x'", 20, "expected IS, found 'x'");
    check_wrong("CREATE TAG v FROM main", 13, "expected AT, COMMENT or the end, found FROM");
}

static void test_branch_parse_others(void **state)
{
    static const char *const others[] = {"",
                                         "SELECT 1",
                                         "CREATE TABLE branch (i INTEGER)",
                                         "CREATE BRANCHES b",
                                         "USE branch.x",
                                         "branch",
                                         ";",
                                         "COMMENT ON TABLE t IS 'x'",
                                         "/* CREATE BRANCH b",
                                         "MERGE INTO branch",
                                         "'CREATE' BRANCH b"};
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct arm_branch_statement statement = {0};
        bool is_one = true;

        assert_ok(arm__branch_parse(others[i], &statement, &is_one, NULL, &err), err);
        assert_false(is_one);
        assert_false(arm__branch_begins(others[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_branch_parse_statements),
        cmocka_unit_test(test_branch_parse_names_are_kept),
        cmocka_unit_test(test_branch_parse_if),
        cmocka_unit_test(test_branch_parse_protect),
        cmocka_unit_test(test_branch_parse_says_what_and_where),
        cmocka_unit_test(test_branch_parse_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
