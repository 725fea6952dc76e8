/* SPDX-License-Identifier: Apache-2.0 */
#include "model/message.h"

#include <string.h>

#include "model/record.h"
#include "support/cmocka_all.h"

#define HASH "0123456789abcdef0123456789ABCDEF"
/* RecordChunk: 1 hash, 2 bytes. */
#define GOOD_CHUNK "\x0A\x20" HASH "\x10\x80\x01"

static void test_message_M2_one_message_has_one_encoding(void **state)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t size;
    } BAD[] = {
#define CASE(what, literal) {what, literal, sizeof(literal) - 1}
        CASE("empty", ""),
        CASE("no bytes", "\x0A\x20" HASH),
        CASE("no hash", "\x10\x80\x01"),
        CASE("out of order", "\x10\x80\x01\x0A\x20" HASH),
        CASE("twice", GOOD_CHUNK "\x10\x80\x01"),
        CASE("unknown field", GOOD_CHUNK "\x18\x01"),
        CASE("field 0", "\x00\x01" GOOD_CHUNK),
        CASE("varint too long", "\x0A\x20" HASH "\x10\x80\x81\x00"),
        CASE("key too long", "\x8A\x00\x20" HASH "\x10\x80\x01"),
        CASE("wrong wire type", "\x0A\x20" HASH "\x12\x00"),
        CASE("group", "\x0A\x20" HASH "\x13\x14"),
        CASE("cut", "\x0A\x20" HASH "\x10\x80"),
        CASE("length past the end", "\x0A\x7F" HASH "\x10\x80\x01"),
#undef CASE
    };
    ProtobufCMessage *message = NULL;
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        if (arm__message_unpack(&armpb__record_chunk__descriptor,
                                arm__bytes(BAD[i].bytes, BAD[i].size), &message,
                                &err) != ARM_CORRUPT) {
            fail_msg("%s was taken", BAD[i].what);
        }
    }
    assert_null(message);
    assert_ok(arm__message_unpack(&armpb__record_chunk__descriptor,
                                  arm__bytes(GOOD_CHUNK, sizeof GOOD_CHUNK - 1), &message, &err),
              err);
    assert_int_equal(((Armpb__RecordChunk *)message)->bytes, 128);
    arm__message_free(message);
}

static void test_message_M3_values_fit_their_fields(void **state)
{
    /* Column: 1 field {1 id, 2 name, 3 type {1 kind}}, 2 not_null, 3 default_sql */
#define TYPE(kind) "\x1A\x02\x08" kind
#define FIELD(name, kind) "\x0A\x09\x08\x01\x12\x01" name TYPE(kind)
    static const char GOOD[] = FIELD("a", "\x25") "\x10\x01\x1A\x01x";
    static const char *const BAD[] = {
        FIELD("a", "\x26"),                /* no such kind */
        FIELD("\xFF", "\x25"),             /* not UTF-8 */
        FIELD("a", "\x25") "\x10\x02",     /* neither true nor false */
        FIELD("a", "\x25") "\x1A\x02\x80x" /* not UTF-8 */
    };
    static const char NUL[] = FIELD("a", "\x25") "\x1A\x02x\0";
    static const char WIDE[] = "\x08\x80\x80\x80\x80\x10\x12\x01"
                               "a" TYPE("\x25");
    struct arm_error err = {0};

    assert_ok(
        arm__message_scan(&armpb__column__descriptor, arm__bytes(GOOD, sizeof GOOD - 1), &err),
        err);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_fails(
            ARM_CORRUPT,
            arm__message_scan(&armpb__column__descriptor, arm__bytes(BAD[i], strlen(BAD[i])), &err),
            err);
    }
    assert_fails(
        ARM_CORRUPT,
        arm__message_scan(&armpb__column__descriptor, arm__bytes(NUL, sizeof NUL - 1), &err), err);
    assert_non_null(strstr(err.message, "default_sql"));
    assert_fails(
        ARM_CORRUPT, /* an id of 2^32 */
        arm__message_scan(&armpb__field__descriptor, arm__bytes(WIDE, sizeof WIDE - 1), &err), err);
}

/* 100,000 messages, each the only field of the one around it. */
static void test_message_M3_depth_is_limited_before_protobuf_recurses(void **state)
{
    enum { LEVELS = 100000, LEVEL_BYTES = 8 };
    static uint8_t bytes[LEVELS * LEVEL_BYTES];
    size_t at = sizeof bytes;
    ProtobufCMessage *message = NULL;
    struct arm_error err = {0};

    for (unsigned i = 0; i < LEVELS;
         i++) { /* from the innermost out: field 6 of Type, 3 of Field */
        uint8_t level[LEVEL_BYTES];
        size_t body = sizeof bytes - at;
        size_t size = 0;

        level[size++] = i % 2 == 0 ? 0x1A : 0x32;
        for (; body >= 0x80; body >>= 7) {
            level[size++] = (uint8_t)(body | 0x80);
        }
        level[size++] = (uint8_t)body;
        at -= size;
        memcpy(bytes + at, level, size);
    }
    assert_fails(ARM_CORRUPT,
                 arm__message_unpack(&armpb__type__descriptor,
                                     arm__bytes(bytes + at, sizeof bytes - at), &message, &err),
                 err);
    assert_null(message);
}

static void test_message_M4_pack_refuses_what_unpack_would(void **state)
{
    Armpb__Check check = ARMPB__CHECK__INIT;
    struct arm_buf out = ARM_BUF_INIT(100);
    struct arm_error err = {0};

    check.sql = "a \xE2\x82";
    assert_fails(ARM_INVALID, arm__message_pack(&check.base, &out, &err), err);
    assert_int_equal(arm__message_pack(&check.base, &out, NULL), ARM_INVALID);
    assert_int_equal(out.size, 0);
    check.sql = "a > 0";
    assert_ok(arm__message_pack(&check.base, &out, &err), err);
    assert_int_equal(out.size, 7);
    out.max = 10;
    assert_fails(ARM_INVALID, arm__message_pack(&check.base, &out, &err), err);
    assert_int_equal(out.size, 7);
    arm__buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_M2_one_message_has_one_encoding),
        cmocka_unit_test(test_message_M3_values_fit_their_fields),
        cmocka_unit_test(test_message_M3_depth_is_limited_before_protobuf_recurses),
        cmocka_unit_test(test_message_M4_pack_refuses_what_unpack_would),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
