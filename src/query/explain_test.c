/* SPDX-License-Identifier: Apache-2.0 */
#include "query/explain.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

static void assert_explained(const char *path, const char *message, const char *wanted)
{
    struct arm_error err = {.code = ARM_SQL};

    (void)snprintf(err.message, sizeof err.message, "%s", message);
    arm__explain(path, &err);
    assert_string_equal(err.message, wanted);
    assert_int_equal(err.code, ARM_SQL);
}

static void test_explain_csv_names_file_line_and_reason(void **state)
{
    assert_explained("a.csv",
                     "Invalid Input Error: CSV Error on Line: 300001\nOriginal Line: 1,2,3,4,5\n"
                     "Expected Number of Columns: 3 Found: 4\nPossible fixes:\n* Disable the "
                     "parser's strict mode (strict_mode=false)\n\n  file = a.csv\n",
                     "a.csv, line 300001: Expected Number of Columns: 3 Found: 4\n"
                     "The line: 1,2,3,4,5");
    assert_explained("b.csv",
                     "Conversion Error: CSV Error on Line: 3\nOriginal Line: zz,x\nError when "
                     "converting column \"a\". Could not convert string \"zz\" to 'BIGINT'\n\n"
                     "Column a is being converted as type BIGINT\n",
                     "b.csv, line 3: Error when converting column \"a\". Could not convert string "
                     "\"zz\" to 'BIGINT'\nThe line: zz,x");
}

static void test_explain_long_lines_are_cut_between_characters(void **state)
{
    char message[1000] = "CSV Error on Line: 2\nOriginal Line: x";
    struct arm_error err = {.code = ARM_SQL};

    for (int i = 0; i < 100; i++) {
        (void)strcat(message, "\xC3\xA9");
    }
    (void)strcat(message, "\nmore\nmore\nValue with unterminated quote found.\n");
    (void)snprintf(err.message, sizeof err.message, "%s", message);
    arm__explain("c.csv", &err);
    assert_non_null(strstr(err.message, "c.csv, line 2: Value with unterminated quote found."));
    assert_string_equal(err.message + strlen(err.message) - 5, "\xC3\xA9...");
    assert_null(strstr(err.message, "more"));
}

static void test_explain_the_statement_is_left_out(void **state)
{
    assert_explained("p.parquet",
                     "No magic bytes found at end of file 'p.parquet'\n\nLINE 1: SELECT * FROM "
                     "read_parquet(['p.parquet'])\n                      ^",
                     "No magic bytes found at end of file 'p.parquet'");
    assert_explained(
        "j.json",
        "error in file \"j.json\", in line 1: Failed to cast value: \"abc\"\nTry setting "
        "'auto_detect' to true",
        "error in file \"j.json\", in line 1: Failed to cast value: \"abc\"");
    assert_explained(NULL, "plain", "plain");
    assert_explained("x", "", "");
    arm__explain("x", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explain_csv_names_file_line_and_reason),
        cmocka_unit_test(test_explain_long_lines_are_cut_between_characters),
        cmocka_unit_test(test_explain_the_statement_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
