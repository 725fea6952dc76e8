/* SPDX-License-Identifier: Apache-2.0 */
#include "adbc/sql_text.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

/* `names` between commas. */
static void check_parameters(const char *sql, const char *names)
{
    struct arm_adbc_parameters found = {0};
    struct arm_adbc_words words = {0};
    char *text = NULL;

    assert_int_equal(arm__adbc_parameters(sql, &found, NULL), ADBC_STATUS_OK);
    arm__adbc_add(&words, "");
    for (size_t i = 0; i < found.count; i++) {
        arm__adbc_add(&words, i == 0 ? "" : ",");
        arm__adbc_add(&words, found.names[i]);
    }
    assert_int_equal(arm__adbc_words_end(&words, &text, NULL), ADBC_STATUS_OK);
    if (strcmp(text, names) != 0) {
        fail_msg("%s: found %s, not %s", sql, text, names);
    }
    free(text);
    arm__adbc_parameters_release(&found);
}

static void test_sql_text_parameters_are_found(void **state)
{
    check_parameters("", "");
    check_parameters("SELECT 1", "");
    check_parameters("SELECT ?, ?", "1,2");
    check_parameters("SELECT ?2, ?1", "1,2");
    check_parameters("SELECT $3, $1, $12, $2, $1", "1,2,3,12");
    check_parameters("SELECT $b, $a, $B", "b,a");
    check_parameters("SELECT a[$1:$2], b=$3", "1,2,3");
    check_parameters("SELECT $\xc3\xa4", "\xc3\xa4");
}

static void test_sql_text_quoted_parameters_are_none(void **state)
{
    check_parameters("'?' \"?\" 'it''s ?' \"a\"\"?\"", "");
    check_parameters("E'\\'?' , ?", "1");
    check_parameters("'\\', ?", "1"); /* no escape there */
    check_parameters("-- ?\n?", "1");
    check_parameters("/* ? /* ? */ ? */ ?", "1");
    check_parameters("$$ ? $1 $$, $t$ $$ ? $t $t$, $x", "x");
    check_parameters("a$1 + 1e$5", "");
}

/* Whatever is not closed ends with the text. */
static void test_sql_text_what_is_not_closed_ends(void **state)
{
    check_parameters("'?", "");
    check_parameters("\"?", "");
    check_parameters("E'\\", "");
    check_parameters("/* ?", "");
    check_parameters("/* /* ? */", "");
    check_parameters("$$ ?", "");
    check_parameters("$t$ ? $t", "");
    check_parameters("$", "");
    check_parameters("-- ?", "");
    check_parameters("? /", "1");
}

static void test_sql_text_kinds(void **state)
{
    static const struct {
        const char *sql;
        enum arm_adbc_sql_kind kind;
    } cases[] = {
        {"", ARM_ADBC_SQL_NONE},
        {" -- SELECT\n ;; /* x */", ARM_ADBC_SQL_NONE},
        {"SELECT 1", ARM_ADBC_SQL_QUERY},
        {" ((select 1))", ARM_ADBC_SQL_QUERY},
        {"/* x */ With x AS (SELECT 1) FROM x", ARM_ADBC_SQL_QUERY},
        {"FROM t", ARM_ADBC_SQL_QUERY},
        {"selects", ARM_ADBC_SQL_OTHER},
        {"INSERT INTO t VALUES (1)", ARM_ADBC_SQL_OTHER},
        {"CREATE TABLE branch(a INT)", ARM_ADBC_SQL_OTHER},
        {"CREATE OR REPLACE TABLE tag(a INT)", ARM_ADBC_SQL_OTHER},
        {"USE s", ARM_ADBC_SQL_OTHER},
        {"MERGE BRANCH dev", ARM_ADBC_SQL_OTHER},
        {"USE BRANCH dev", ARM_ADBC_SQL_APART},
        {"create -- x\n tag v1", ARM_ADBC_SQL_APART},
        {"CREATE OR REPLACE BRANCH b", ARM_ADBC_SQL_APART},
        {"drop branch b", ARM_ADBC_SQL_APART},
        {"ALTER BRANCH b PROTECT", ARM_ADBC_SQL_APART},
        {"begin", ARM_ADBC_SQL_APART},
        {"COMMIT;", ARM_ADBC_SQL_APART},
        {"\"commit\"", ARM_ADBC_SQL_OTHER},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (arm__adbc_sql_kind(cases[i].sql) != cases[i].kind) {
            fail_msg("%s: kind %d", cases[i].sql, (int)arm__adbc_sql_kind(cases[i].sql));
        }
    }
}

static void test_sql_text_size_is_without_what_ends_it(void **state)
{
    assert_int_equal(arm__adbc_sql_size(""), 0);
    assert_int_equal(arm__adbc_sql_size(" ; -- x"), 0);
    assert_int_equal(arm__adbc_sql_size("SELECT 1 ; ;"), 8);
    assert_int_equal(arm__adbc_sql_size("SELECT ';' -- ;"), 10);
    assert_int_equal(arm__adbc_sql_size("SELECT 1; SELECT 2;"), 18);
}

static void test_sql_text_names_are_quoted(void **state)
{
    struct arm_adbc_words words = {0};
    char *text = NULL;

    arm__adbc_add_name(&words, "a\"b");
    arm__adbc_add_name(&words, "");
    assert_int_equal(arm__adbc_words_end(&words, &text, NULL), ADBC_STATUS_OK);
    assert_string_equal(text, "\"a\"\"b\"\"\"");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sql_text_parameters_are_found),
        cmocka_unit_test(test_sql_text_quoted_parameters_are_none),
        cmocka_unit_test(test_sql_text_what_is_not_closed_ends),
        cmocka_unit_test(test_sql_text_kinds),
        cmocka_unit_test(test_sql_text_size_is_without_what_ends_it),
        cmocka_unit_test(test_sql_text_names_are_quoted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
