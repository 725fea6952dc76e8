/* SPDX-License-Identifier: Apache-2.0 */
#include "model/vector.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

#define BYTES(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

static void encode(roaring_bitmap_t *bitmap, struct arm_buf *out)
{
    struct arm_error err = {0};

    arm__buf_clear(out);
    assert_ok(arm__vector_encode(bitmap, out, &err), err);
    arm__vector_free(bitmap);
}

/* Whether runs are found, grown or made of bits, the bytes are the same. */
static void test_vector_M8_equal_sets_are_equal_bytes(void **state)
{
    struct arm_buf one = ARM_BUF_INIT(1 << 20);
    struct arm_buf other = ARM_BUF_INIT(1 << 20);
    roaring_bitmap_t *by_range = roaring_bitmap_create();
    roaring_bitmap_t *by_row = roaring_bitmap_create();
    roaring_bitmap_t *back = NULL;
    struct arm_error err = {0};

    roaring_bitmap_add_range(by_range, 1, 3); /* as small as a run as as an array */
    roaring_bitmap_add_range(by_range, 65536, 80000);
    roaring_bitmap_add_range(by_range, 200000, 200002);
    for (uint32_t i = 0; i < 300000; i++) {
        roaring_bitmap_add(by_row, i);
    }
    roaring_bitmap_remove(by_row, 0);
    for (uint32_t i = 3; i < 300000; i++) {
        if (!(i >= 65536 && i < 80000) && i != 200000 && i != 200001) {
            roaring_bitmap_remove(by_row, i);
        }
    }
    encode(by_range, &one);
    encode(by_row, &other);
    assert_int_equal(one.size, other.size);
    assert_memory_equal(one.data, other.data, one.size);
    assert_ok(arm__vector_decode(arm__buf_bytes(&one), 300000, &back, &err), err);
    encode(back, &other);
    assert_int_equal(one.size, other.size);
    assert_memory_equal(one.data, other.data, one.size);
    arm__buf_release(&one);
    arm__buf_release(&other);
}

static void test_vector_or_counts_dead_and_new(void **state)
{
    struct arm_buf one = ARM_BUF_INIT(1 << 16);
    struct arm_buf other = ARM_BUF_INIT(1 << 16);
    struct arm_buf joined = ARM_BUF_INIT(1 << 16);
    uint32_t dead = 0;
    uint32_t fresh = 0;
    struct arm_error err = {0};

    encode(roaring_bitmap_from_range(0, 10, 1), &one);
    encode(roaring_bitmap_from_range(5, 20, 1), &other);
    assert_ok(arm__vector_or((struct arm_bytes){NULL, 0}, arm__buf_bytes(&one), 100, &joined, &dead,
                             &fresh, &err),
              err);
    assert_int_equal(dead, 10);
    assert_int_equal(fresh, 10);
    assert_memory_equal(joined.data, one.data, one.size);
    arm__buf_clear(&joined);
    assert_ok(arm__vector_or(arm__buf_bytes(&one), arm__buf_bytes(&other), 100, &joined, &dead,
                             &fresh, &err),
              err);
    assert_int_equal(dead, 20);
    assert_int_equal(fresh, 10);
    assert_fails(ARM_CORRUPT,
                 arm__vector_or(arm__buf_bytes(&one), arm__buf_bytes(&other), 19, &joined, &dead,
                                &fresh, &err),
                 err);
    arm__buf_release(&one);
    arm__buf_release(&other);
    arm__buf_release(&joined);
}

static void test_vector_rows_must_be_below_the_count(void **state)
{
    const struct arm_bytes bits =
        BYTES("\x3A\x30\0\0\x01\0\0\0\x00\x00\x01\x00\x10\0\0\0\x05\x00\x09\x00"); /* {5, 9} */
    const struct arm_bytes none = BYTES("\x3A\x30\0\0\0\0\0\0");
    roaring_bitmap_t *out = NULL;
    uint32_t dead = 0;
    struct arm_error err = {0};

    assert_ok(arm__vector_check(bits, 10, &dead, &err), err);
    assert_int_equal(dead, 2);
    assert_fails(ARM_CORRUPT, arm__vector_decode(bits, 9, &out, &err), err);
    assert_null(out);
    assert_ok(arm__vector_check(none, 0, &dead, &err), err);
    assert_int_equal(dead, 0);
}

/* What a reader that looks at sizes only would believe. */
static void test_vector_M3_lies_inside_containers_are_corrupt(void **state)
{
    static const struct arm_bytes BAD[] = {
        {NULL, 0},
        BYTES("\x39\x30\0\0\0\0\0\0"),
        BYTES("\x3A\x30\0\0\x01\0\x01\0"),                                 /* 65,537 of them */
        BYTES("\x3A\x30\0\0\x01\0\0\0\0\0\x01\0\x10\0\0\0\x09\0\x05\0"),   /* not sorted */
        BYTES("\x3A\x30\0\0\x01\0\0\0\0\0\x01\0\x10\0\0\0\x05\0\x05\0"),   /* twice */
        BYTES("\x3A\x30\0\0\x01\0\0\0\0\0\x01\0\x11\0\0\0\x05\0\x09\0"),   /* elsewhere */
        BYTES("\x3A\x30\0\0\x01\0\0\0\0\0\x01\0\x10\0\0\0\x05\0\x09\0\0"), /* and more */
        BYTES("\x3A\x30\0\0\x02\0\0\0\x01\0\0\0\x01\0\0\0\x18\0\0\0\x1A\0\0\0\x05\0\x09\0"),
        BYTES("\x3B\x30\0\0\x00\x00\x00\x01\x00\x05\x00\x09\x00"),         /* no run container */
        BYTES("\x3B\x30\0\0\x03\x00\x00\x01\x00\x01\x00\x05\x00\x01\x00"), /* a bit too many */
        BYTES("\x3B\x30\0\0\x01\x00\x00\x02\x00\x01\x00\x05\x00\x01\x00"), /* 3 rows, not 2 */
        BYTES("\x3B\x30\0\0\x01\x00\x00\x03\x00\x02\x00\x05\x00\x01\x00\x06\x00\x01\x00"),
        BYTES("\x3B\x30\0\0\x01\x00\x00\x03\x00\x02\x00\x05\x00\x01\x00\x07\x00\x01\x00"),
        BYTES("\x3B\x30\0\0\x01\x00\x00\x01\x00\x01\x00\xFF\xFF\x01\x00"), /* past the end */
    };
    roaring_bitmap_t *out = NULL;
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_fails(ARM_CORRUPT, arm__vector_decode(BAD[i], UINT32_MAX, &out, &err), err);
    }
    assert_null(out);
}

static void test_vector_M3_a_wrong_row_count_of_bits_is_corrupt(void **state)
{
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    roaring_bitmap_t *bitmap = roaring_bitmap_create();
    uint32_t dead = 0;
    struct arm_error err = {0};

    for (uint32_t i = 0; i < 60000; i += 7) {
        roaring_bitmap_add(bitmap, i);
    }
    encode(bitmap, &bytes);
    assert_true(bytes.size > 8192);
    assert_ok(arm__vector_check(arm__buf_bytes(&bytes), 65536, &dead, &err), err);
    assert_int_equal(dead, 8572);
    bytes.data[10]--; /* rows - 1 of the container */
    assert_fails(ARM_CORRUPT, arm__vector_check(arm__buf_bytes(&bytes), 65536, &dead, &err), err);
    arm__buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector_M8_equal_sets_are_equal_bytes),
        cmocka_unit_test(test_vector_or_counts_dead_and_new),
        cmocka_unit_test(test_vector_rows_must_be_below_the_count),
        cmocka_unit_test(test_vector_M3_lies_inside_containers_are_corrupt),
        cmocka_unit_test(test_vector_M3_a_wrong_row_count_of_bits_is_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
