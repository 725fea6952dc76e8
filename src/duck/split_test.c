/* SPDX-License-Identifier: Apache-2.0 */
#include "duck/split.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

/* The first statement of `sql` is `expected`. */
static void check(const char *sql, const char *expected)
{
    struct arm_error err;
    size_t length = SIZE_MAX;

    assert_ok(arm__sql_split(sql, &length, &err), err);
    if (length != strlen(expected) || strncmp(sql, expected, length) != 0) {
        fail_msg("\"%s\" gave \"%.*s\"", sql, (int)length, sql);
    }
}

static void test_split_ends_at_semicolon(void **state)
{
    check("SELECT 1", "SELECT 1");
    check("SELECT 1;", "SELECT 1;");
    check("SELECT 1; SELECT 2;", "SELECT 1;");
    check("  \n SELECT 1\t; x", "  \n SELECT 1\t;");
    check(";; ;SELECT 1;;", ";; ;SELECT 1;");
}

static void test_split_nothing(void **state)
{
    check("", "");
    check("  \r\n\t\f\v ", "");
    check(";;;", "");
    check("-- only a comment", "");
    check("/* one */ -- two\n /* /* nested */ */ ;", "");
}

static void test_split_quotes_hide(void **state)
{
    check("SELECT ';'; x", "SELECT ';';");
    check("SELECT 'it''s; fine'; x", "SELECT 'it''s; fine';");
    check("SELECT 'a\\'; x", "SELECT 'a\\';");
    check("SELECT E'a\\';b'; x", "SELECT E'a\\';b';");
    check("SELECT e'\\\\'; x", "SELECT e'\\\\';");
    check("SELECT \"a;\"\"b\"; x", "SELECT \"a;\"\"b\";");
    check("SELECT 'zürich;🦆'; x", "SELECT 'zürich;🦆';");
    check("SELECT ame'x'; y", "SELECT ame'x';");
}

static void test_split_dollar_quotes_hide(void **state)
{
    check("SELECT $$a;b$$; x", "SELECT $$a;b$$;");
    check("SELECT $tag$ $$ ; $other$ $tag$; x", "SELECT $tag$ $$ ; $other$ $tag$;");
    check("SELECT $1; x", "SELECT $1;");
    check("SELECT $a; x", "SELECT $a;");
    check("SELECT a$b$c; x", "SELECT a$b$c;");
}

static void test_split_comments_hide(void **state)
{
    check("SELECT 1 -- ; no\n + 1; x", "SELECT 1 -- ; no\n + 1;");
    check("SELECT 1 /* ; /* ; */ ; */; x", "SELECT 1 /* ; /* ; */ ; */;");
    check("SELECT 4 / 2 * 3 - -1; x", "SELECT 4 / 2 * 3 - -1;");
    check("SELECT '--'; x", "SELECT '--';");
    check("SELECT 1 -- to the end", "SELECT 1 -- to the end");
}

static void test_split_unclosed_is_told(void **state)
{
    struct arm_error err;
    size_t length = 77;

    assert_fails(ARM_SQL, arm__sql_split("SELECT\n  'abc", &length, &err), err);
    assert_non_null(strstr(err.message, "line 2, column 3: the string"));
    assert_fails(ARM_SQL, arm__sql_split("SELECT \"abc", &length, &err), err);
    assert_non_null(strstr(err.message, "identifier"));
    assert_fails(ARM_SQL, arm__sql_split("SELECT 1 /* /* */", &length, &err), err);
    assert_non_null(strstr(err.message, "comment"));
    assert_fails(ARM_SQL, arm__sql_split("SELECT $x$ abc $y$", &length, &err), err);
    assert_int_equal(length, 77);
}

/* Whatever the bytes: an end inside the text, or an error. */
static void test_split_any_bytes(void **state)
{
    static const char alphabet[] = "'\"$-/*;\n\\eE a1x\xc3";
    char text[24];

    srand(1);
    for (int round = 0; round < 200000; round++) {
        size_t size = (size_t)rand() % (sizeof text - 1);
        size_t length = 0;

        for (size_t i = 0; i < size; i++) {
            text[i] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
        }
        text[size] = '\0';
        if (arm__sql_split(text, &length, NULL) == ARM_OK) {
            assert_true(length <= size);
        }
    }
}

static void test_begins(void **state)
{
    assert_true(arm__sql_begins("CREATE BRANCH x", "create", "branch"));
    assert_true(arm__sql_begins(" -- c\n/* d */create\tBranch", "create", "branch"));
    assert_true(arm__sql_begins("drop/**/tag x", "drop", "tag"));
    assert_false(arm__sql_begins("create branches", "create", "branch"));
    assert_false(arm__sql_begins("create table branch", "create", "branch"));
    assert_false(arm__sql_begins("create", "create", "branch"));
    assert_false(arm__sql_begins("", "create", "branch"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_ends_at_semicolon),
        cmocka_unit_test(test_split_nothing),
        cmocka_unit_test(test_split_quotes_hide),
        cmocka_unit_test(test_split_dollar_quotes_hide),
        cmocka_unit_test(test_split_comments_hide),
        cmocka_unit_test(test_split_unclosed_is_told),
        cmocka_unit_test(test_split_any_bytes),
        cmocka_unit_test(test_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
