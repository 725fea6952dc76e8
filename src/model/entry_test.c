/* SPDX-License-Identifier: Apache-2.0 */
#include "model/entry.h"

#include <string.h>

#include "support/cmocka_all.h"

/* {5, 9} */
static const uint8_t BITS[] = "\x3A\x30\0\0\x01\0\0\0\x00\x00\x01\x00\x10\0\0\0\x05\x00\x09";
static const struct arm_bytes POSITION = {(const uint8_t *)"\x02\x80\x00", 3};

static struct arm_entry example(bool is_hot)
{
    struct arm_entry entry = {
        .position = {.size = 3, .bytes = {2, 0x80, 0}},
        .first_row_id = UINT64_C(1) << 40,
        .rows = 122880,
        .bytes = 5000000,
        .schema_id = 3,
        .is_hot = is_hot,
    };

    memset(&entry.rows_hash, 0xAA, sizeof entry.rows_hash);
    if (is_hot) {
        entry.tx = 17;
        entry.payload_offset = 400;
    } else {
        memset(&entry.chunk, 0xBB, sizeof entry.chunk);
    }
    return entry;
}

static void assert_same(const struct arm_entry *a, const struct arm_entry *b)
{
    struct arm_entry x = *a;
    struct arm_entry y = *b;

    assert_int_equal(arm__bytes_compare(x.vector, y.vector), 0);
    x.vector = y.vector = (struct arm_bytes){NULL, 0};
    assert_int_equal(
        arm__bytes_compare(arm__position_bytes(&x.position), arm__position_bytes(&y.position)), 0);
    assert_true(x.first_row_id == y.first_row_id && x.rows == y.rows && x.dead == y.dead);
    assert_true(x.bytes == y.bytes && x.schema_id == y.schema_id && x.key_id == y.key_id);
    assert_true(x.is_hot == y.is_hot && x.explicit_row_ids == y.explicit_row_ids);
    assert_true(x.name_mapping == y.name_mapping && x.tx == y.tx);
    assert_true(x.payload_offset == y.payload_offset);
    assert_true(arm__hash_equal(&x.rows_hash, &y.rows_hash));
    assert_true(arm__hash_equal(&x.chunk, &y.chunk));
    assert_true(arm__hash_equal(&x.vector_hash, &y.vector_hash));
}

static void assert_round_trip(const struct arm_entry *entry)
{
    struct arm_buf bytes = ARM_BUF_INIT(4096);
    struct arm_entry back;
    struct arm_error err = {0};

    assert_ok(arm__entry_encode(entry, &bytes, &err), err);
    assert_ok(arm__entry_decode(POSITION, arm__buf_bytes(&bytes), &back, &err), err);
    assert_same(entry, &back);
    arm__buf_release(&bytes);
}

static void test_entry_M4_every_kind_round_trips(void **state)
{
    for (int kind = 0; kind < 2; kind++) {
        struct arm_entry entry = example(kind == 1);

        assert_round_trip(&entry);
        entry.explicit_row_ids = true;
        entry.name_mapping = true;
        entry.key_id = 9;
        assert_round_trip(&entry);
        entry.dead = 2;
        entry.vector = arm__bytes(BITS, sizeof BITS);
        assert_round_trip(&entry);
        entry.vector = (struct arm_bytes){NULL, 0};
        entry.dead = entry.rows;
        memset(&entry.vector_hash, 0xCC, sizeof entry.vector_hash);
        assert_round_trip(&entry);
    }
}

static void test_entry_M4_what_could_not_be_read_is_not_written(void **state)
{
    static const uint8_t large[ARM_VECTOR_INLINE_MAX + 1];
    struct arm_entry bad[7];
    struct arm_buf bytes = ARM_BUF_INIT(4096);
    struct arm_error err = {0};

    for (size_t i = 0; i < 7; i++) {
        bad[i] = example(i == 3);
    }
    bad[0].rows = 0;
    bad[1].first_row_id = UINT64_MAX;
    bad[2].dead = bad[2].rows + 1;
    bad[3].tx = 0;
    bad[4].schema_id = 0;
    bad[5].dead = 2;
    bad[5].vector = arm__bytes(large, sizeof large);
    bad[6].vector = arm__bytes(BITS, sizeof BITS);
    for (size_t i = 0; i < 7; i++) {
        assert_fails(ARM_INVALID, arm__entry_encode(&bad[i], &bytes, &err), err);
    }
    bytes.max = 20;
    bad[0] = example(false);
    assert_fails(ARM_INVALID, arm__entry_encode(&bad[0], &bytes, &err), err);
    assert_int_equal(bytes.size, 0);
    arm__buf_release(&bytes);
}

/* Offsets into the encoding of example(false): format, flags, ... rows hash, chunk. */
static void test_entry_M3_contradictions_are_corrupt(void **state)
{
    struct arm_entry entry = example(false);
    struct arm_buf bytes = ARM_BUF_INIT(4096);
    struct arm_entry back;
    struct arm_error err = {0};

    entry.dead = 2;
    entry.vector = arm__bytes(BITS, sizeof BITS);
    assert_ok(arm__entry_encode(&entry, &bytes, &err), err);
    for (unsigned flags = 0; flags < 256; flags++) {
        bytes.data[1] = (uint8_t)flags;
        if (flags == (1 | 16) || flags == (1 | 2 | 16) || flags == (1 | 4 | 16) ||
            flags == (1 | 2 | 4 | 16)) {
            assert_ok(arm__entry_decode(POSITION, arm__buf_bytes(&bytes), &back, &err), err);
        } else {
            assert_fails(ARM_CORRUPT,
                         arm__entry_decode(POSITION, arm__buf_bytes(&bytes), &back, &err), err);
        }
    }
    bytes.data[1] = 1 | 16;
    for (size_t size = 0; size < bytes.size; size++) {
        assert_fails(ARM_CORRUPT,
                     arm__entry_decode(POSITION, arm__bytes(bytes.data, size), &back, &err), err);
    }
    assert_ok(arm__buf_u8(&bytes, 0, &err), err);
    assert_fails(ARM_CORRUPT, arm__entry_decode(POSITION, arm__buf_bytes(&bytes), &back, &err),
                 err);
    bytes.size--;
    bytes.data[bytes.size - 2] = 5; /* row 5 twice in its vector */
    assert_fails(ARM_CORRUPT, arm__entry_decode(POSITION, arm__buf_bytes(&bytes), &back, &err),
                 err);
    bytes.data[bytes.size - 2] = 9;
    assert_fails(ARM_CORRUPT,
                 arm__entry_decode(arm__bytes("\x02", 1), arm__buf_bytes(&bytes), &back, &err),
                 err);
    assert_ok(arm__entry_decode(POSITION, arm__buf_bytes(&bytes), &back, &err), err);
    arm__buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_M4_every_kind_round_trips),
        cmocka_unit_test(test_entry_M4_what_could_not_be_read_is_not_written),
        cmocka_unit_test(test_entry_M3_contradictions_are_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
