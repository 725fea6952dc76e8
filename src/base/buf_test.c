/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/cmocka_all.h"

static void test_buf_B1_never_passes_its_maximum(void **state)
{
    struct arm_buf buf = ARM_BUF_INIT(10);
    struct arm_error err = {0};

    assert_ok(arm__buf_append(&buf, "0123456789", 10, &err), err);
    assert_fails(ARM_INVALID, arm__buf_u8(&buf, 1, &err), err);
    assert_fails(ARM_INVALID, arm__buf_zeros(&buf, SIZE_MAX, &err), err);
    assert_fails(ARM_INVALID, arm__buf_reserve(&buf, SIZE_MAX - 5, &err), err);
    assert_fails(ARM_INVALID, arm__buf_printf(&buf, &err, "%d", 1), err);
    assert_int_equal(buf.size, 10);
    assert_true(buf.capacity <= 10);
    assert_memory_equal(buf.data, "0123456789", 10);
    arm__buf_release(&buf);
    assert_int_equal(buf.max, 10);

    assert_ok(arm__buf_printf(&buf, &err, "%s", "exactly 10"), err);
    assert_int_equal(buf.size, 10);
    arm__buf_release(&buf);
}

static void test_buf_B2_failed_blob_leaves_nothing(void **state)
{
    struct arm_buf buf = ARM_BUF_INIT(4);
    struct arm_error err = {0};

    assert_ok(arm__buf_u8(&buf, 7, &err), err);
    assert_fails(ARM_INVALID, arm__buf_blob(&buf, arm__bytes("abc", 3), &err), err);
    assert_int_equal(buf.size, 1);
    assert_ok(arm__buf_blob(&buf, arm__bytes("ab", 2), &err), err);
    arm__buf_release(&buf);
}

/* One of everything. */
static arm_status write_all(struct arm_buf *buf, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(buf, 0xFE, err));
    ARM_TRY(arm__buf_u32(buf, 0x01020304, err));
    ARM_TRY(arm__buf_u64(buf, 0x0102030405060708, err));
    ARM_TRY(arm__buf_varint(buf, 300, err));
    ARM_TRY(arm__buf_blob(buf, arm__bytes("abc", 3), err));
    ARM_TRY(arm__buf_blob(buf, arm__bytes(NULL, 0), err));
    ARM_TRY(arm__buf_zeros(buf, 100, err));
    ARM_TRY(arm__buf_printf(buf, err, "%05d", 42));
    ARM_TRY(arm__buf_append(buf, NULL, 0, err));
done:
    return st;
}

static void test_buf_layout_is_pinned(void **state)
{
    static const uint8_t head[] = {0xFE, 4, 3, 2,    1,    8, 7,   6,   5,   4,
                                   3,    2, 1, 0xAC, 0x02, 3, 'a', 'b', 'c', 0};
    struct arm_buf buf = ARM_BUF_INIT(SIZE_MAX);
    struct arm_error err = {0};

    assert_ok(write_all(&buf, &err), err);
    assert_int_equal(buf.size, sizeof head + 105);
    assert_memory_equal(buf.data, head, sizeof head);
    assert_int_equal(buf.data[sizeof head + 99], 0);
    assert_memory_equal(buf.data + sizeof head + 100, "00042", 5);
    arm__buf_release(&buf);
}

static void test_buf_reads_back_what_was_written(void **state)
{
    struct arm_buf buf = ARM_BUF_INIT(SIZE_MAX);
    struct arm_error err = {0};
    struct arm_reader r;
    struct arm_bytes blob;
    const uint8_t *at = NULL;
    uint8_t u8 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;

    assert_ok(write_all(&buf, &err), err);
    r = arm__reader(arm__buf_bytes(&buf), "sample");
    assert_ok(arm__take_u8(&r, &u8, &err), err);
    assert_int_equal(u8, 0xFE);
    assert_ok(arm__take_u32(&r, &u32, &err), err);
    assert_int_equal(u32, 0x01020304);
    assert_ok(arm__take_u64(&r, &u64, &err), err);
    assert_int_equal(u64, 0x0102030405060708);
    assert_ok(arm__take_varint(&r, &u64, &err), err);
    assert_int_equal(u64, 300);
    assert_ok(arm__take_blob(&r, &blob, &err), err);
    assert_int_equal(arm__bytes_compare(blob, arm__bytes("abc", 3)), 0);
    assert_ok(arm__take_blob(&r, &blob, &err), err);
    assert_int_equal(blob.size, 0);
    assert_fails(ARM_CORRUPT, arm__take_end(&r, &err), err);
    assert_ok(arm__take(&r, 105, &at, &err), err);
    assert_ok(arm__take_end(&r, &err), err);
    arm__buf_release(&buf);
}

static void test_buf_allocation_failure_leaves_buffer_whole(void **state)
{
    for (uint64_t n = 1;; n++) {
        struct arm_buf buf = ARM_BUF_INIT(SIZE_MAX);
        struct arm_error err = {0};
        arm_status st;

        arm__alloc_fail_at(n);
        st = write_all(&buf, &err);
        arm__alloc_fail_at(0);
        if (st == ARM_OK) {
            arm__buf_release(&buf);
            assert_true(n > 2); /* the loop did fail something */
            return;
        }
        assert_int_equal(st, ARM_NO_MEMORY);
        assert_int_equal(err.code, ARM_NO_MEMORY);
        assert_true(buf.size <= buf.capacity);
        assert_ok(arm__buf_append(&buf, "x", 1, &err), err);
        assert_int_equal(buf.data[buf.size - 1], 'x');
        arm__buf_release(&buf);
    }
}

static void test_buf_B3_varint_round_trip(void **state)
{
    struct arm_buf buf = ARM_BUF_INIT(100);
    struct arm_error err = {0};

    for (unsigned bit = 0; bit <= 64; bit++) {
        uint64_t edge = bit == 64 ? UINT64_MAX : (uint64_t)1 << bit;

        for (int delta = -1; delta <= 1; delta++) {
            uint64_t value = edge + (uint64_t)(int64_t)delta;
            uint64_t back = 0;
            struct arm_reader r;

            arm__buf_clear(&buf);
            assert_ok(arm__buf_varint(&buf, value, &err), err);
            r = arm__reader(arm__buf_bytes(&buf), "varint");
            assert_ok(arm__take_varint(&r, &back, &err), err);
            assert_true(back == value);
            assert_ok(arm__take_end(&r, &err), err);
        }
    }
    arm__buf_release(&buf);
}

static void test_buf_B3_varint_has_one_encoding(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"", 0},                                              /* nothing */
        {"\x80", 1},                                          /* cut */
        {"\x80\x00", 2},                                      /* zero in two bytes */
        {"\xAC\x82\x00", 3},                                  /* 300 in three */
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10},     /* 65 bits */
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x80\x00", 11}, /* eleven bytes */
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x81\x01", 11},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arm_error err = {0};
        struct arm_reader r = arm__reader(arm__bytes(bad[i].bytes, bad[i].size), "varint");
        uint64_t value = 77;

        assert_fails(ARM_CORRUPT, arm__take_varint(&r, &value, &err), err);
        assert_int_equal(value, 77);
        assert_int_equal(r.rest.size, bad[i].size); /* B2 */
    }
}

static void test_buf_B2_take_past_the_end_moves_nothing(void **state)
{
    struct arm_error err = {0};
    struct arm_reader r = arm__reader(arm__bytes("\x05\x01\x02", 3), "record");
    struct arm_bytes blob = arm__bytes("old", 3);
    uint32_t u32 = 5;
    uint64_t u64 = 6;

    assert_fails(ARM_CORRUPT, arm__take_u32(&r, &u32, &err), err);
    assert_non_null(strstr(err.message, "record"));
    assert_fails(ARM_CORRUPT, arm__take_u64(&r, &u64, &err), err);
    assert_fails(ARM_CORRUPT, arm__take_blob(&r, &blob, &err), err);
    assert_int_equal(u32, 5);
    assert_int_equal(u64, 6);
    assert_int_equal(blob.size, 3);
    assert_int_equal(r.rest.size, 3);

    r = arm__reader(arm__bytes("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01zz", 12), "huge blob");
    assert_fails(ARM_CORRUPT, arm__take_blob(&r, &blob, &err), err);
    assert_int_equal(r.rest.size, 12);
}

static void test_buf_take_any_bytes_never_reads_outside(void **state)
{
    unsigned seed = 20240501;

    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)rand_r(&seed) % 24;
        uint8_t *bytes = malloc(size == 0 ? 1 : size); /* exact, so that ASan sees a step over */
        struct arm_reader r = arm__reader(arm__bytes(bytes, size), "noise");
        struct arm_bytes blob;
        uint64_t value;

        assert_non_null(bytes);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(rand_r(&seed) & (rand_r(&seed) % 2 ? 0xFF : 0x87));
        }
        while (arm__take_varint(&r, &value, NULL) == ARM_OK &&
               arm__take_blob(&r, &blob, NULL) == ARM_OK) {
            assert_true(blob.size <= size);
        }
        free(bytes);
    }
}

static void test_bytes_order(void **state)
{
    struct arm_bytes none = arm__bytes(NULL, 0);
    struct arm_bytes a = arm__bytes("a", 1);
    struct arm_bytes ab = arm__bytes("ab", 2);
    struct arm_bytes high = arm__bytes("\xFF", 1);

    assert_int_equal(arm__bytes_compare(none, none), 0);
    assert_int_equal(arm__bytes_compare(none, a), -1);
    assert_int_equal(arm__bytes_compare(a, ab), -1);
    assert_int_equal(arm__bytes_compare(ab, a), 1);
    assert_int_equal(arm__bytes_compare(high, ab), 1); /* unsigned */
    assert_int_equal(arm__bytes_compare(ab, ab), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_B1_never_passes_its_maximum),
        cmocka_unit_test(test_buf_B2_failed_blob_leaves_nothing),
        cmocka_unit_test(test_buf_layout_is_pinned),
        cmocka_unit_test(test_buf_reads_back_what_was_written),
        cmocka_unit_test(test_buf_allocation_failure_leaves_buffer_whole),
        cmocka_unit_test(test_buf_B3_varint_round_trip),
        cmocka_unit_test(test_buf_B3_varint_has_one_encoding),
        cmocka_unit_test(test_buf_B2_take_past_the_end_moves_nothing),
        cmocka_unit_test(test_buf_take_any_bytes_never_reads_outside),
        cmocka_unit_test(test_bytes_order),
    };

    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
