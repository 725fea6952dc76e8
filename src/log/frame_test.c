/* SPDX-License-Identifier: Apache-2.0 */
#include "log/frame.h"

#include <stdlib.h>

#include "log/log_fixture.h"

static const struct arm_record RECORDS[] = {
    {{(const uint8_t *)"first spine", 11}, {(const uint8_t *)"hot rows", 8}},
    {{(const uint8_t *)"second", 6}, {NULL, 0}},
    {{NULL, 0}, {(const uint8_t *)"payload of a record without a spine", 35}},
};

enum { RECORD_COUNT = sizeof RECORDS / sizeof RECORDS[0] };

static struct arm_frame_header header_of(enum arm_frame_kind kind)
{
    struct arm_frame_header header = {
        .kind = kind,
        .record_count = kind == ARM_FRAME_RECORDS ? RECORD_COUNT : 0,
        .first_tx = 1000,
        .durable_to = 998,
        .key_id = 0,
    };

    memset(header.previous.bytes, 0xAB, ARM_HASH_BYTES);
    return header;
}

static struct arm_hash encode(enum arm_frame_kind kind, struct arm_buf *out)
{
    struct arm_frame_header header = header_of(kind);
    struct arm_hash hash;
    struct arm_error err = {0};

    *out = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    assert_ok(arm__frame_encode(&header, RECORDS, out, &hash, &err), err);
    return hash;
}

static void test_frame_F1_round_trip(void **state)
{
    struct arm_buf frame;
    struct arm_hash hash = encode(ARM_FRAME_RECORDS, &frame);
    struct arm_frame_header header;
    struct arm_hash checked;
    struct arm_error err = {0};

    assert_ok(arm__frame_check(arm__buf_bytes(&frame), &header, &checked, &err), err);
    assert_true(arm__hash_equal(&hash, &checked));
    assert_int_equal(header.kind, ARM_FRAME_RECORDS);
    assert_int_equal(header.size_bytes, frame.size);
    assert_int_equal(header.record_count, RECORD_COUNT);
    assert_int_equal(header.first_tx, 1000);
    assert_int_equal(header.durable_to, 998);
    assert_int_equal(header.previous.bytes[31], 0xAB);
    for (uint32_t i = 0; i < RECORD_COUNT; i++) {
        struct arm_record record = arm__frame_record(arm__buf_bytes(&frame), i);

        assert_int_equal(arm__bytes_compare(record.spine, RECORDS[i].spine), 0);
        assert_int_equal(arm__bytes_compare(record.payload, RECORDS[i].payload), 0);
    }
    arm__buf_release(&frame);
}

static void test_frame_close_holds_nothing(void **state)
{
    struct arm_buf frame;
    struct arm_hash hash = encode(ARM_FRAME_CLOSE, &frame);
    struct arm_frame_header header;
    struct arm_error err = {0};

    assert_int_equal(frame.size, ARM_FRAME_HEADER_BYTES + ARM_HASH_BYTES);
    assert_ok(arm__frame_check(arm__buf_bytes(&frame), &header, &hash, &err), err);
    assert_int_equal(header.kind, ARM_FRAME_CLOSE);
    assert_int_equal(header.record_count, 0);
    arm__buf_release(&frame);
}

static void test_frame_F2_every_flip_is_refused(void **state)
{
    static const enum arm_frame_kind kinds[] = {ARM_FRAME_RECORDS, ARM_FRAME_CLOSE};

    for (size_t k = 0; k < 2; k++) {
        struct arm_buf frame;
        struct arm_hash hash = encode(kinds[k], &frame);
        struct arm_frame_header header = {.record_count = 77};

        for (size_t bit = 0; bit < frame.size * 8; bit++) {
            struct arm_error err = {0};

            frame.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_fails(ARM_CORRUPT,
                         arm__frame_check(arm__buf_bytes(&frame), &header, &hash, &err), err);
            assert_int_equal(header.record_count, 77); /* untouched */
            frame.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        arm__buf_release(&frame);
    }
}

/* In memory of exactly that size, so that a sanitizer sees a read past it. */
static void test_frame_F3_every_truncation_is_refused(void **state)
{
    struct arm_buf frame;
    struct arm_hash hash = encode(ARM_FRAME_RECORDS, &frame);
    struct arm_frame_header header;

    for (size_t size = 0; size < frame.size; size++) {
        uint8_t *part = malloc(size + (size == 0));
        struct arm_error err = {0};

        assert_non_null(part);
        memcpy(part, frame.data, size);
        assert_fails(ARM_CORRUPT, arm__frame_check(arm__bytes(part, size), &header, &hash, &err),
                     err);
        free(part);
    }
    assert_ok(arm__buf_u8(&frame, 0, NULL), (struct arm_error){0});
    assert_int_equal(arm__frame_check(arm__buf_bytes(&frame), &header, &hash, NULL), ARM_CORRUPT);
    arm__buf_release(&frame);
}

/* A liar's sizes, under a right hash: nothing is read outside, nothing adds up by wrapping. */
static void test_frame_F3_sizes_do_not_wrap(void **state)
{
    static const uint32_t sizes[] = {0, 1, 39, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF5};
    struct arm_buf frame;
    struct arm_hash hash = encode(ARM_FRAME_RECORDS, &frame);
    size_t spines_end = frame.size - ARM_HASH_BYTES - 43; /* payload bytes */

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t field = 0; field < 2 * (size_t)RECORD_COUNT; field++) {
            size_t at = ARM_FRAME_HEADER_BYTES + field / 2 * ARM_FRAME_RECORD_BYTES + field % 2 * 4;
            uint8_t *copy = malloc(frame.size);
            struct arm_frame_header header;

            assert_non_null(copy);
            memcpy(copy, frame.data, frame.size);
            arm__set_u32(copy + at, sizes[i]);
            hash = arm__hash(arm__bytes(copy, spines_end));
            memcpy(copy + frame.size - ARM_HASH_BYTES, hash.bytes, ARM_HASH_BYTES);
            if (memcmp(copy, frame.data, spines_end) != 0) {
                assert_int_equal(
                    arm__frame_check(arm__bytes(copy, frame.size), &header, &hash, NULL),
                    ARM_CORRUPT);
            }
            free(copy);
        }
    }
    arm__buf_release(&frame);
}

static void test_frame_chain_covers_digests_not_payloads(void **state)
{
    struct arm_record record = {arm__bytes("spine", 5), arm__bytes("payload", 7)};
    struct arm_frame_header header = header_of(ARM_FRAME_RECORDS);
    struct arm_buf frame = ARM_BUF_INIT(4096);
    struct arm_hash hash;
    struct arm_hash again;
    struct arm_error err = {0};

    header.record_count = 1;
    assert_ok(arm__frame_encode(&header, &record, &frame, &hash, &err), err);
    again = arm__hash(arm__bytes(frame.data, frame.size - ARM_HASH_BYTES - 7));
    assert_true(arm__hash_equal(&hash, &again));
    arm__buf_release(&frame);
}

static void test_frame_too_large_is_refused_and_leaves_the_buffer(void **state)
{
    struct arm_frame_header header = header_of(ARM_FRAME_RECORDS);
    struct arm_record huge[2] = {{{NULL, 0}, {NULL, 0}}, {{NULL, 0}, {NULL, 0}}};
    struct arm_buf frame = ARM_BUF_INIT(SIZE_MAX);
    struct arm_hash hash;
    struct arm_error err = {0};

    header.record_count = 2;
    assert_ok(arm__buf_u8(&frame, 7, &err), err);
    huge[0].payload = arm__bytes("", ARM_FRAME_BYTES_MAX - 100); /* never read */
    assert_fails(ARM_INVALID, arm__frame_encode(&header, huge, &frame, &hash, &err), err);
    huge[1].spine = arm__bytes("", SIZE_MAX - 50);
    assert_fails(ARM_INVALID, arm__frame_encode(&header, huge, &frame, &hash, &err), err);
    assert_int_equal(frame.size, 1);
    arm__buf_release(&frame);
}

static void test_frame_impossible_fields_are_refused_both_ways(void **state)
{
    struct arm_frame_header header = header_of(ARM_FRAME_RECORDS);
    struct arm_buf frame = ARM_BUF_INIT(4096);
    struct arm_hash hash;
    struct arm_error err = {0};

    header.durable_to = header.first_tx; /* a frame cannot know itself durable */
    assert_fails(ARM_INVALID, arm__frame_encode(&header, RECORDS, &frame, &hash, &err), err);
    header = header_of(ARM_FRAME_RECORDS);
    header.record_count = 0;
    assert_fails(ARM_INVALID, arm__frame_encode(&header, RECORDS, &frame, &hash, &err), err);
    header = header_of(ARM_FRAME_CLOSE);
    header.record_count = 1;
    assert_fails(ARM_INVALID, arm__frame_encode(&header, RECORDS, &frame, &hash, &err), err);
    header = header_of(ARM_FRAME_RECORDS);
    header.first_tx = UINT64_MAX;
    assert_fails(ARM_INVALID, arm__frame_encode(&header, RECORDS, &frame, &hash, &err), err);
    assert_int_equal(frame.size, 0);
    arm__buf_release(&frame);
}

static void test_frame_golden(void **state)
{
    struct arm_buf frame;
    struct arm_hash hash = encode(ARM_FRAME_RECORDS, &frame);

    assert_golden("log_frame.bin", frame.data, frame.size);
    arm__buf_release(&frame);
    hash = encode(ARM_FRAME_CLOSE, &frame);
    assert_false(arm__hash_is_zero(&hash));
    assert_golden("log_close_frame.bin", frame.data, frame.size);
    arm__buf_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_F1_round_trip),
        cmocka_unit_test(test_frame_close_holds_nothing),
        cmocka_unit_test(test_frame_F2_every_flip_is_refused),
        cmocka_unit_test(test_frame_F3_every_truncation_is_refused),
        cmocka_unit_test(test_frame_F3_sizes_do_not_wrap),
        cmocka_unit_test(test_frame_chain_covers_digests_not_payloads),
        cmocka_unit_test(test_frame_too_large_is_refused_and_leaves_the_buffer),
        cmocka_unit_test(test_frame_impossible_fields_are_refused_both_ways),
        cmocka_unit_test(test_frame_golden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
