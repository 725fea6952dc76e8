/* SPDX-License-Identifier: Apache-2.0 */
#include "model/position.h"

#include <string.h>

#include "support/cmocka_all.h"
#include "support/position.h"

static const struct arm_bytes OPEN = {NULL, 0};

static struct arm_bytes of(const struct arm_position *position)
{
    return arm__position_bytes(position);
}

static void assert_position(const struct arm_position *position, const char *bytes, size_t size)
{
    assert_int_equal(position->size, size);
    assert_memory_equal(position->bytes, bytes, size);
}

static void test_position_M5_appending_takes_the_next_integer(void **state)
{
    struct arm_position at = arm__position_first();
    struct arm_position between;
    struct arm_error err = {0};

    assert_position(&at, "\x02\x80\x00", 3);
    at = position_after(of(&at));
    assert_position(&at, "\x02\x80\x01", 3);
    at = position_after(arm__bytes("\x02\xFF\xFF\x80", 4));
    assert_position(&at, "\x03\x01\x00\x00", 4);
    assert_ok(arm__position_between(of(&at), OPEN, 1, &between, &err), err);
    assert_position(&between, "\x03\x01\x00\x01", 4);
    assert_ok(arm__position_between(OPEN, OPEN, 1, &between, &err), err);
    assert_position(&between, "\x02\x80\x00", 3);
}

static void test_position_M5_open_low_end_takes_the_integers_before(void **state)
{
    struct arm_position out[3];
    struct arm_error err = {0};

    assert_ok(arm__position_between(OPEN, arm__bytes("\x01\x05", 2), 3, out, &err), err);
    assert_position(&out[0], "\x01\x02", 2);
    assert_position(&out[2], "\x01\x04", 2);
    /* 0 itself is not given, so that there is always something before. */
    assert_ok(arm__position_between(OPEN, arm__bytes("\x01\x01", 2), 1, out, &err), err);
    assert_position(&out[0], "\x01\x00\x80", 3);
    assert_ok(arm__position_between(OPEN, arm__bytes("\x01\x03", 2), 3, out, &err), err);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(arm__position_check(of(&out[i]), &err), err);
    }
}

static void test_position_M5_between_divides_evenly(void **state)
{
    struct arm_position out[3];
    struct arm_error err = {0};

    assert_ok(
        arm__position_between(arm__bytes("\x01\x05", 2), arm__bytes("\x01\x09", 2), 3, out, &err),
        err);
    assert_position(&out[0], "\x01\x06", 2);
    assert_position(&out[1], "\x01\x07", 2);
    assert_position(&out[2], "\x01\x08", 2);
    assert_ok(
        arm__position_between(arm__bytes("\x01\x05", 2), arm__bytes("\x01\x06", 2), 3, out, &err),
        err);
    assert_position(&out[0], "\x01\x05\x40", 3);
    assert_position(&out[1], "\x01\x05\x80", 3);
    assert_position(&out[2], "\x01\x05\xC0", 3);
    assert_ok(arm__position_between(arm__bytes("\x01\xFF\xFF", 3),
                                    arm__bytes("\x02\x01\x00\x01", 4), 1, out, &err),
              err);
    assert_position(&out[0], "\x02\x01\x00", 3); /* carries into the integer */
    assert_ok(arm__position_between(OPEN, OPEN, 0, out, &err), err);
}

static void test_position_M3_nothing_comes_after_the_last_integer(void **state)
{
    static const uint8_t LAST[] = {8, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    struct arm_position between = {0};
    struct arm_error err = {0};

    assert_int_equal(arm__position_check(arm__bytes(LAST, sizeof LAST), &err), ARM_OK);
    assert_int_equal(arm__position_between(arm__bytes(LAST, sizeof LAST), OPEN, 1, &between, &err),
                     ARM_FULL);
    assert_int_equal(between.size, 0);
}

static void test_position_M5_halving_ends_in_full(void **state)
{
    struct arm_position low = arm__position_first();
    struct arm_position high = position_after(of(&low));
    struct arm_position mid = {0};
    struct arm_position untouched;
    struct arm_error err = {0};
    size_t rounds = 0;

    memset(&untouched, 7, sizeof untouched);
    while (arm__position_between(of(&low), of(&high), 1, &mid, &err) == ARM_OK) {
        assert_true(arm__bytes_compare(of(&low), of(&mid)) < 0);
        assert_true(arm__bytes_compare(of(&mid), of(&high)) < 0);
        if (rounds++ % 2 == 0) {
            low = mid;
        } else {
            high = mid;
        }
    }
    assert_true(rounds > 400);
    assert_fails(ARM_FULL, arm__position_between(of(&low), of(&high), 1, &untouched, &err), err);
    assert_int_equal(untouched.size, 7);
}

static void test_position_M3_check_refuses_what_is_not_well_formed(void **state)
{
    static const struct arm_bytes BAD[] = {
        {NULL, 0},
        {(const uint8_t *)"\x00", 1},
        {(const uint8_t *)"\x01", 1},
        {(const uint8_t *)"\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01", 10},
        {(const uint8_t *)"\x02\x00\x05", 3},                         /* an integer too long */
        {(const uint8_t *)"\x01\x05\x00", 3},                         /* a fraction ending in 0 */
        {(const uint8_t *)"\x08\x80\x00\x00\x00\x00\x00\x00\x00", 9}, /* 2^63 */
        {(const uint8_t *)"\x03\x01\x00", 3},
    };
    uint8_t longest[ARM_POSITION_BYTES_MAX + 1];
    struct arm_position out;
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_fails(ARM_CORRUPT, arm__position_check(BAD[i], &err), err);
    }
    assert_fails(ARM_CORRUPT, arm__position_between(BAD[4], OPEN, 1, &out, &err), err);
    memset(longest, 1, sizeof longest);
    assert_ok(arm__position_check(arm__bytes(longest, ARM_POSITION_BYTES_MAX), &err), err);
    assert_fails(ARM_CORRUPT, arm__position_check(arm__bytes(longest, sizeof longest), &err), err);
    assert_ok(arm__position_check(arm__bytes("\x01\x00", 2), &err), err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_position_M5_appending_takes_the_next_integer),
        cmocka_unit_test(test_position_M5_open_low_end_takes_the_integers_before),
        cmocka_unit_test(test_position_M5_between_divides_evenly),
        cmocka_unit_test(test_position_M3_nothing_comes_after_the_last_integer),
        cmocka_unit_test(test_position_M5_halving_ends_in_full),
        cmocka_unit_test(test_position_M3_check_refuses_what_is_not_well_formed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
