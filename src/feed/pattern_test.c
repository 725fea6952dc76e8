/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/pattern.h"

#include <string.h>

#include "support/cmocka_all.h"

static bool matches(const char *text, const char *schema_name, const char *name)
{
    struct arm_table_pattern pattern;
    struct arm_error err;

    assert_ok(arm__pattern_parse(text, &pattern, &err), err);
    return arm__pattern_matches(&pattern, schema_name, name);
}

static void test_pattern_names_are_names(void **state)
{
    (void)state;
    assert_true(matches("orders", "main", "orders"));
    assert_true(matches("ORDERS", "main", "Orders"));
    assert_true(matches("main.orders", "main", "orders"));
    assert_true(matches("s.orders", "s", "orders"));
    assert_true(matches("\"a*b\"", "main", "a*b"));
    assert_true(matches("\"a.b\"", "main", "a.b"));
    assert_false(matches("orders", "s", "orders"));
    assert_false(matches("\"a*b\"", "main", "axb"));
}

static void test_pattern_globs(void **state)
{
    (void)state;
    assert_true(matches("*", "s", "anything"));
    assert_true(matches("ord*", "main", "ORDERS"));
    assert_true(matches("*s", "main", "orders"));
    assert_true(matches("*r*e*", "main", "orders"));
    assert_true(matches("o?ders", "main", "orders"));
    assert_true(matches("?", "main", "\xc3\xa4"));
    assert_true(matches("*?", "main", "a\xc3\xa4"));
    assert_true(matches("s.*", "s", "orders"));
    assert_true(matches("*.orders", "s", "orders"));
    assert_true(matches("**", "main", "a"));
    assert_true(matches("*ab", "main", "aab"));
    assert_true(matches("a*ab*b", "main", "aabab"));
    assert_false(matches("*", "s", "x") != true);
    assert_false(matches("ord*", "s", "orders"));
    assert_false(matches("??", "main", "\xc3\xa4"));
    assert_false(matches("ord?", "main", "orders"));
    assert_false(matches("*x*", "main", "orders"));
    assert_false(matches("s.?", "s", "orders"));
    assert_false(matches("o*", "main", "x"));
}

static void test_pattern_refuses_what_is_none(void **state)
{
    struct arm_table_pattern pattern = {.is_every = true};
    struct arm_error err;
    char text[700];

    (void)state;
    memset(text, '*', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(arm__pattern_parse(text, &pattern, &err), ARM_INVALID_NAME);
    assert_int_equal(arm__pattern_parse("\"open", &pattern, &err), ARM_INVALID_NAME);
    assert_int_equal(arm__pattern_parse("", &pattern, &err), ARM_INVALID_NAME);
    assert_true(pattern.is_every);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pattern_names_are_names),
        cmocka_unit_test(test_pattern_globs),
        cmocka_unit_test(test_pattern_refuses_what_is_none),
    };

    return cmocka_run_group_tests_name("feed pattern", tests, NULL, NULL);
}
