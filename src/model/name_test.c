/* SPDX-License-Identifier: Apache-2.0 */
#include "model/name.h"

#include <string.h>

#include "support/cmocka_all.h"

static void test_name_dots_slashes_quotes_and_spaces_are_fine(void **state)
{
    static const char *const GOOD[] = {"orders",          "a.b/c", "it's", "\"q\"", " ",
                                       "J\xC3\xB6rg",     "-",     "..",   "1",     "tx:1",
                                       "\xF0\x9F\x8D\x84"};
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        assert_ok(arm__name_check(GOOD[i], "table", &err), err);
    }
}

static void test_name_refuses_empty_long_control_and_not_utf8(void **state)
{
    static const char *const BAD[] = {
        "",     "a\nb",  "a\x7F",    "\x1F",         "a\xC2\x80",
        "\xC3", "a\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80"};
    char text[ARM_NAME_BYTES_MAX + 2];
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_fails(ARM_INVALID_NAME, arm__name_check(BAD[i], "column", &err), err);
        assert_non_null(strstr(err.message, "column"));
    }
    assert_fails(ARM_INVALID_NAME, arm__name_check(NULL, "column", &err), err);
    memset(text, 'x', sizeof text);
    text[ARM_NAME_BYTES_MAX] = '\0';
    assert_ok(arm__name_check(text, "table", &err), err);
    text[ARM_NAME_BYTES_MAX] = 'x';
    text[ARM_NAME_BYTES_MAX + 1] = '\0';
    assert_fails(ARM_INVALID_NAME, arm__name_check(text, "table", &err), err);
}

static void test_name_folds_ascii_letters_only(void **state)
{
    struct arm_buf out = ARM_BUF_INIT(100);
    struct arm_error err = {0};

    assert_ok(arm__name_fold("OrderS [Z] \xC3\x96", &out, &err), err);
    assert_int_equal(out.size, 13);
    assert_memory_equal(out.data, "orders [z] \xC3\x96", 13);
    assert_true(arm__name_equal("Orders", "oRDERS"));
    assert_false(arm__name_equal("Orders", "Orders2"));
    assert_false(arm__name_equal("\xC3\x96", "\xC3\xB6"));
    assert_false(arm__name_equal("[", "{"));
    arm__buf_release(&out);
}

static void test_ref_name_follows_git(void **state)
{
    static const char *const GOOD[] = {"main", "feature/x", "v1.0",        "a@b",  "@a",
                                       "1",    "x.locker",  "J\xC3\xB6rg", "head", "2026-11",
                                       "a-",   "tx",        "20261122"};
    static const char *const BAD[] = {
        "",    "HEAD", "@",   "a..b",  "a b",  ".a",        "a/.b", "a.lock",     "a.lock/b", "/a",
        "a/",  "a//b", "a.",  "a@{b",  "a~",   "a^",        "a:b",  "a?",         "a*",       "a[",
        "a\\", "-a",   "a\t", "a\x7F", "tx:1", "version:2", "\xFF", "2026-11-22", ".",        "/"};
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        assert_ok(arm__ref_name_check(GOOD[i], "branch", &err), err);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        if (arm__ref_name_check(BAD[i], "tag", &err) != ARM_INVALID_NAME) {
            fail_msg("'%s' was taken", BAD[i]);
        }
        assert_non_null(strstr(err.message, "tag"));
    }
}

static struct arm_ref parsed(const char *text)
{
    struct arm_ref ref;
    struct arm_error err = {0};

    assert_ok(arm__ref_parse(text, &ref, &err), err);
    return ref;
}

static void test_ref_forms(void **state)
{
    struct arm_ref ref = parsed("feature/x~12");

    assert_int_equal(ref.kind, ARM_REF_NAME);
    assert_string_equal(ref.name, "feature/x");
    assert_int_equal(ref.back, 12);
    ref = parsed("main~");
    assert_string_equal(ref.name, "main");
    assert_int_equal(ref.back, 1);
    assert_int_equal(parsed("main~~2~").back, 4);
    ref = parsed("tx:17");
    assert_int_equal(ref.kind, ARM_REF_TX);
    assert_int_equal(ref.number, 17);
    assert_int_equal(ref.back, 0);
    ref = parsed("version:3~1");
    assert_int_equal(ref.kind, ARM_REF_VERSION);
    assert_int_equal(ref.number, 3);
    assert_int_equal(ref.back, 1);
    ref = parsed("1970-01-01T00:00:01Z~2");
    assert_int_equal(ref.kind, ARM_REF_TIME);
    assert_int_equal(ref.time_us, 1000000);
    assert_int_equal(ref.back, 2);
    assert_int_equal(parsed("2026-11-22").kind, ARM_REF_TIME);
}

static void test_ref_refuses_the_rest_and_says_what_is_right(void **state)
{
    static const char *const BAD[] = {"",
                                      "~1",
                                      "HEAD",
                                      "tx:",
                                      "tx:x",
                                      "tx:1x",
                                      "tx:-1",
                                      "tx: 1",
                                      "Tx:1",
                                      "main~x",
                                      "main~1x",
                                      "main^",
                                      "a b",
                                      "version:",
                                      "\xFF",
                                      "main~-1",
                                      "tx:1234567890123456789",
                                      "2026-11-22 25:00",
                                      "main~999999999999999999~~999999999999999999~x"};
    char text[400];
    struct arm_ref ref = {.number = 77};
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        if (arm__ref_parse(BAD[i], &ref, &err) != ARM_INVALID) {
            fail_msg("'%s' was taken", BAD[i]);
        }
        assert_non_null(strstr(err.message, "tx:N"));
    }
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_fails(ARM_INVALID, arm__ref_parse(text, &ref, &err), err);
    assert_int_equal(ref.number, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_dots_slashes_quotes_and_spaces_are_fine),
        cmocka_unit_test(test_name_refuses_empty_long_control_and_not_utf8),
        cmocka_unit_test(test_name_folds_ascii_letters_only),
        cmocka_unit_test(test_ref_name_follows_git),
        cmocka_unit_test(test_ref_forms),
        cmocka_unit_test(test_ref_refuses_the_rest_and_says_what_is_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
