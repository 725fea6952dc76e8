/* SPDX-License-Identifier: Apache-2.0 */
#include "base/status.h"

#include <errno.h>
#include <string.h>

#include "support/cmocka_all.h"

static void test_status_null_error_is_allowed(void **state)
{
    assert_int_equal(arm__fail(NULL, ARM_CORRUPT, "frame %d", 1), ARM_CORRUPT);
    assert_int_equal(arm__fail_errno(NULL, ENOENT, "open", "x"), ARM_NOT_FOUND);
    assert_int_equal(arm__fail_within(NULL, ARM_IO, "in"), ARM_IO);
}

static void test_status_E1_code_and_message_are_set(void **state)
{
    struct arm_error err;

    memset(&err, 0xAA, sizeof err);
    assert_int_equal(arm__fail(&err, ARM_CORRUPT, "frame %d", 7), ARM_CORRUPT);
    assert_int_equal(err.code, ARM_CORRUPT);
    assert_string_equal(err.message, "frame 7");
    for (size_t i = 0; i < sizeof err.commit_id; i++) {
        assert_int_equal(err.commit_id[i], 0);
    }
}

static void test_status_E2_long_message_is_cut_between_characters(void **state)
{
    struct arm_error err = {0};
    char text[3000];

    for (size_t shift = 0; shift < 3; shift++) { /* a euro sign: 3 bytes */
        size_t size;

        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3) {
            memcpy(text + i, "\xE2\x82\xAC", 4);
        }
        arm__fail(&err, ARM_IO, "%s", text);
        size = strlen(err.message);
        assert_true(size < sizeof err.message);
        assert_true(size >= sizeof err.message - 3);
        assert_int_equal((size - shift) % 3, 0);
    }
}

static void test_status_E3_message_may_quote_itself(void **state)
{
    struct arm_error err = {0};

    arm__fail(&err, ARM_IO, "first");
    arm__fail(&err, ARM_CORRUPT, "second after %s", err.message);
    assert_string_equal(err.message, "second after first");
}

static void test_status_within_keeps_code_and_commit_id(void **state)
{
    struct arm_error err = {0};
    char big[4000];

    arm__fail(&err, ARM_FULL, "no room");
    err.commit_id[3] = 9;
    assert_int_equal(arm__fail_within(&err, ARM_IO, "chunk %d", 4), ARM_FULL);
    assert_string_equal(err.message, "chunk 4: no room");
    assert_int_equal(err.commit_id[3], 9);

    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_int_equal(arm__fail_within(&err, ARM_IO, "%s", big), ARM_FULL);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

static void test_status_errno_maps_to_what_to_do(void **state)
{
    static const struct {
        int error_number;
        arm_status code;
    } map[] = {
        {ENOSPC, ARM_FULL},      {EDQUOT, ARM_FULL},      {EACCES, ARM_PERMISSION},
        {EPERM, ARM_PERMISSION}, {EROFS, ARM_PERMISSION}, {ENOENT, ARM_NOT_FOUND},
        {ENOMEM, ARM_NO_MEMORY}, {EEXIST, ARM_EXISTS},    {EIO, ARM_IO},
        {ENOTDIR, ARM_IO},
    };
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        assert_int_equal(arm__fail_errno(&err, map[i].error_number, "open", "a/b"), map[i].code);
        assert_int_equal(err.code, map[i].code);
        assert_non_null(strstr(err.message, "cannot open a/b: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_null_error_is_allowed),
        cmocka_unit_test(test_status_E1_code_and_message_are_set),
        cmocka_unit_test(test_status_E2_long_message_is_cut_between_characters),
        cmocka_unit_test(test_status_E3_message_may_quote_itself),
        cmocka_unit_test(test_status_within_keeps_code_and_commit_id),
        cmocka_unit_test(test_status_errno_maps_to_what_to_do),
    };

    return cmocka_run_group_tests_name("base/status", tests, NULL, NULL);
}
