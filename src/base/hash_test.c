/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

static const char EMPTY[] = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

/* The inputs of BLAKE3's published test vectors: 0, 1, …, 250, 0, 1, … */
static void fill_vector(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i % 251);
    }
}

static void test_hash_is_blake3(void **state)
{
    static const struct {
        size_t size;
        const char *hex;
    } vectors[] = {
        {0, EMPTY},
        {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
        {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
        {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
    };
    uint8_t bytes[1025];

    fill_vector(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct arm_hash hash = arm__hash(arm__bytes(bytes, vectors[i].size));
        char hex[ARM_HASH_HEX + 1];

        arm__hash_hex(&hash, hex);
        assert_string_equal(hex, vectors[i].hex);
    }
}

static void test_hash_is_the_same_however_it_is_cut(void **state)
{
    uint8_t bytes[5000];
    struct arm_hash whole;

    fill_vector(bytes, sizeof bytes);
    whole = arm__hash(arm__bytes(bytes, sizeof bytes));
    for (size_t step = 1; step < sizeof bytes; step = step * 3 + 1) {
        struct arm_hasher hasher;
        struct arm_hash hash;

        arm__hasher_init(&hasher);
        arm__hasher_update(&hasher, NULL, 0);
        for (size_t at = 0; at < sizeof bytes; at += step) {
            size_t left = sizeof bytes - at;

            arm__hasher_update(&hasher, bytes + at, left < step ? left : step);
        }
        hash = arm__hasher_finish(&hasher);
        assert_true(arm__hash_equal(&hash, &whole));
    }
}

static void test_hash_H1_parse_takes_back_what_hex_writes(void **state)
{
    struct arm_error err = {0};
    struct arm_hash hash = arm__hash(arm__bytes("x", 1));
    struct arm_hash back = {{0}};
    char hex[ARM_HASH_HEX + 1];

    assert_true(arm__hash_is_zero(&back));
    arm__hash_hex(&hash, hex);
    assert_ok(arm__hash_parse(hex, &back, &err), err);
    assert_true(arm__hash_equal(&hash, &back));
    assert_false(arm__hash_is_zero(&back));
}

static void test_hash_H1_parse_refuses_hostile_names(void **state)
{
    static const char *const bad[] = {
        NULL,
        "",
        "af",
        "AF1349B9F5F9A1A6A0404DEA36DCC9499BCB25C9ADC112B7CC9A93CAE41F3262",
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f326",
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f32620",
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262\n",
        " f1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "0x1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "../../../../../../../../../../../../../../../../../../etc/passwd",
        "af1349b9f5f9a1a6a0404dea36dcc949/bcb25c9adc112b7cc9a93cae41f3262",
        "gf1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
        "\303\2511349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    };
    struct arm_hash untouched = arm__hash(arm__bytes("y", 1));
    struct arm_hash out = untouched;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arm_error err = {0};

        assert_fails(ARM_INVALID_HASH, arm__hash_parse(bad[i], &out, &err), err);
        assert_true(arm__hash_equal(&out, &untouched));
    }
    /* Every other byte at every place. */
    for (size_t at = 0; at < ARM_HASH_HEX; at++) {
        for (int byte = 1; byte < 256; byte++) {
            char hex[ARM_HASH_HEX + 1];
            bool digit = byte < 128 && strchr("0123456789abcdef", byte) != NULL;

            memcpy(hex, EMPTY, sizeof hex);
            hex[at] = (char)byte;
            assert_int_equal(arm__hash_parse(hex, &out, NULL), digit ? ARM_OK : ARM_INVALID_HASH);
        }
    }
}

static void test_id_random_differs_and_round_trips(void **state)
{
    struct arm_error err = {0};
    struct arm_id a;
    struct arm_id b;
    struct arm_id back;
    char hex[2 * ARM_ID_BYTES + 1];

    assert_ok(arm__id_random(&a, &err), err);
    assert_ok(arm__id_random(&b, &err), err);
    assert_false(arm__id_equal(&a, &b));
    arm__id_hex(&a, hex);
    assert_ok(arm__id_parse(hex, &back, &err), err);
    assert_true(arm__id_equal(&a, &back));
    assert_fails(ARM_INVALID, arm__id_parse(hex + 1, &back, &err), err);
    assert_fails(ARM_INVALID, arm__id_parse(NULL, &back, &err), err);
    hex[0] = 'A';
    assert_fails(ARM_INVALID, arm__id_parse(hex, &back, &err), err);
    assert_true(arm__id_equal(&a, &back));
}

static void test_hash_ids_end_with_their_time(void **state)
{
    const int64_t now_us = (INT64_C(0x0123456789ab) * 1000) + 999;
    const uint8_t time[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab};
    struct arm_error err;
    struct arm_id a;
    struct arm_id b;

    (void)state;
    assert_ok(arm__id_timed(now_us, &a, &err), err);
    assert_ok(arm__id_timed(now_us, &b, &err), err);
    assert_memory_equal(a.bytes + ARM_ID_TIME_AT, time, sizeof time);
    assert_memory_equal(b.bytes + ARM_ID_TIME_AT, time, sizeof time);
    assert_memory_not_equal(a.bytes, b.bytes, ARM_ID_TIME_AT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_is_blake3),
        cmocka_unit_test(test_hash_is_the_same_however_it_is_cut),
        cmocka_unit_test(test_hash_H1_parse_takes_back_what_hex_writes),
        cmocka_unit_test(test_hash_H1_parse_refuses_hostile_names),
        cmocka_unit_test(test_id_random_differs_and_round_trips),
        cmocka_unit_test(test_hash_ids_end_with_their_time),
    };

    return cmocka_run_group_tests_name("base/hash", tests, NULL, NULL);
}
