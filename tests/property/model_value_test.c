/* SPDX-License-Identifier: Apache-2.0 */
/* M6: the order of encodings is the order of values, for random values of every type that keeps
 * bounds; bounds bound; and text comes back. */
#include "model/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/name.h"
#include "property/model_random.h"

typedef __int128 wide;
typedef unsigned __int128 unsigned_wide;

enum { ROUNDS = 20000, TEXT_MAX = 200 };

/* A random value: its text, and what it compares by. */
struct value {
    wide number; /* integers, decimals, dates and times */
    double real; /* FLOAT, DOUBLE */
    uint8_t bytes[TEXT_MAX / 4];
    size_t byte_count; /* strings, UUID */
    char text[TEXT_MAX];
    size_t text_size;
};

/* Around zero, around the ends, and anywhere between. */
static wide random_between(struct random *random, wide low, wide high)
{
    unsigned_wide span = (unsigned_wide)high - (unsigned_wide)low;
    unsigned_wide offset = (unsigned_wide)random_wide(random)
                           << (random_below(random, 2) == 0 ? 0 : 63);
    wide value;

    offset = offset % (span + 1);
    value = (wide)(random_below(random, 2) == 0 ? (unsigned_wide)low + offset
                                                : (unsigned_wide)high - offset);
    if (random_below(random, 3) == 0 && low < 0 && high > 0) {
        value = (wide)random_wide(random) % (high + 1);
        value = random_below(random, 2) == 0 && -value >= low ? -value : value;
    }
    return value;
}

static void set_text(struct value *value, const char *text)
{
    value->text_size = strlen(text);
    assert_true(value->text_size < TEXT_MAX);
    memcpy(value->text, text, value->text_size);
}

/* Decimal digits of `number` with a point before the last `scale` of them. */
static void print_number(struct value *value, uint32_t scale)
{
    char digits[64];
    char text[64];
    size_t count = 0;
    size_t at = 0;
    wide rest = value->number < 0 ? -value->number : value->number;

    do {
        digits[count++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest != 0 || count < scale + 1);
    if (value->number < 0) {
        text[at++] = '-';
    }
    while (count > 0) {
        if (count == scale) {
            text[at++] = '.';
        }
        text[at++] = digits[--count];
    }
    text[at] = '\0';
    set_text(value, text);
}

static void random_integer(struct random *random, unsigned bits, bool is_signed, struct value *out)
{
    wide high = ((wide)1 << (is_signed ? bits - 1 : bits)) - 1;

    out->number = random_between(random, is_signed ? -high - 1 : 0, high);
    print_number(out, 0);
}

static void random_decimal(struct random *random, Armpb__Type *type, struct value *out)
{
    wide limit = 1;

    for (uint32_t i = 0; i < type->width; i++) {
        limit *= 10;
    }
    out->number = random_between(random, 1 - limit, limit - 1);
    print_number(out, type->scale);
}

static void random_real(struct random *random, bool is_double, struct value *out)
{
    char text[TEXT_MAX];

    do {
        uint64_t bits =
            random_below(random, 8) == 0 ? random_below(random, 3) << 63 : random_u64(random);
        uint32_t single_bits = (uint32_t)(bits >> 32);
        float single;

        memcpy(&out->real, &bits, sizeof out->real);
        memcpy(&single, &single_bits, sizeof single);
        out->real = is_double ? out->real : (double)single;
    } while (isnan(out->real));
    (void)snprintf(text, sizeof text, "%.17g", out->real);
    set_text(out, text);
}

/* The text of a time is made by the model's own formatter for the years it and DuckDB share. */
static void random_timestamp(struct random *random, const Armpb__Type *type, struct value *out)
{
    const char *zone = type->kind == ARMPB__TYPE_KIND__TIMESTAMP_TZ ? "+00" : "";
    bool is_ns = type->kind == ARMPB__TYPE_KIND__TIMESTAMP_NS; /* years 1678 to 2261 */
    char text[ARM_TIME_TEXT];
    char all[TEXT_MAX];

    out->number =
        is_ns ? random_between(random, INT64_C(-9214560000000000), INT64_C(9214646400000000))
              : random_between(random, INT64_C(-62135596800000000), INT64_C(253402300799999999));
    arm__time_format((int64_t)out->number, text);
    text[10] = ' ';
    text[26] = '\0'; /* the Z */
    (void)snprintf(all, sizeof all, "%s%s", text, zone);
    set_text(out, all);
}

static void random_date(struct random *random, struct value *out)
{
    char text[ARM_TIME_TEXT];

    out->number = random_between(random, -719162, 2932896);
    arm__time_format((int64_t)out->number * INT64_C(86400000000), text);
    text[10] = '\0';
    set_text(out, text);
}

static void random_clock(struct random *random, struct value *out)
{
    int64_t us = (int64_t)random_between(random, 0, INT64_C(86400000000));
    char text[TEXT_MAX];

    out->number = us;
    (void)snprintf(text, sizeof text, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%06" PRId64,
                   us / 3600000000, us / 60000000 % 60, us / 1000000 % 60, us % 1000000);
    set_text(out, text);
}

static void random_text(struct random *random, struct value *out)
{
    static const char *const LETTERS[] = {
        "a", "b", "\x7F", "\xC3\xA9", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF", "\0"};

    out->byte_count = 0;
    for (size_t count = random_below(random, 45); count > 0; count--) {
        size_t which = random_below(random, random_below(random, 3) == 0 ? 8 : 2);
        size_t size = which == 7 ? 1 : strlen(LETTERS[which]);

        if (out->byte_count + size > sizeof out->bytes) {
            break;
        }
        memcpy(out->bytes + out->byte_count, LETTERS[which], size);
        out->byte_count += size;
    }
    memcpy(out->text, out->bytes, out->byte_count);
    out->text_size = out->byte_count;
}

static void random_blob(struct random *random, struct value *out)
{
    out->byte_count = random_below(random, sizeof out->bytes);
    for (size_t i = 0; i < out->byte_count; i++) {
        out->bytes[i] = random_below(random, 4) == 0 ? (uint8_t)random_u64(random) : UINT8_MAX;
        (void)snprintf(out->text + 2 * i, 3, "%02X", out->bytes[i]);
    }
    out->text_size = 2 * out->byte_count;
}

static void random_uuid(struct random *random, struct value *out)
{
    char text[TEXT_MAX];
    const uint8_t *b = out->bytes;

    out->byte_count = 16;
    for (size_t i = 0; i < 16; i++) {
        out->bytes[i] = (uint8_t)(random_below(random, 2) == 0 ? 0x80 : random_u64(random));
    }
    (void)snprintf(text, sizeof text,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
    set_text(out, text);
}

static void random_value(struct random *random, Armpb__Type *type, struct value *out)
{
    memset(out, 0, sizeof *out);
    switch (type->kind) {
    case ARMPB__TYPE_KIND__BOOLEAN:
        random_integer(random, 1, false, out);
        break;
    case ARMPB__TYPE_KIND__TINYINT:
    case ARMPB__TYPE_KIND__SMALLINT:
    case ARMPB__TYPE_KIND__INTEGER:
    case ARMPB__TYPE_KIND__BIGINT:
        random_integer(random, 8u << (type->kind - ARMPB__TYPE_KIND__TINYINT), true, out);
        break;
    case ARMPB__TYPE_KIND__UTINYINT:
    case ARMPB__TYPE_KIND__USMALLINT:
    case ARMPB__TYPE_KIND__UINTEGER:
    case ARMPB__TYPE_KIND__UBIGINT:
        random_integer(random, 8u << (type->kind - ARMPB__TYPE_KIND__UTINYINT), false, out);
        break;
    case ARMPB__TYPE_KIND__FLOAT:
    case ARMPB__TYPE_KIND__DOUBLE:
        random_real(random, type->kind == ARMPB__TYPE_KIND__DOUBLE, out);
        break;
    case ARMPB__TYPE_KIND__DECIMAL:
        random_decimal(random, type, out);
        break;
    case ARMPB__TYPE_KIND__VARCHAR:
        random_text(random, out);
        break;
    case ARMPB__TYPE_KIND__BLOB:
        random_blob(random, out);
        break;
    case ARMPB__TYPE_KIND__UUID:
        random_uuid(random, out);
        break;
    case ARMPB__TYPE_KIND__DATE:
        random_date(random, out);
        break;
    case ARMPB__TYPE_KIND__TIME:
        random_clock(random, out);
        break;
    default:
        random_timestamp(random, type, out);
        break;
    }
}

static int compare(const struct value *a, const struct value *b)
{
    if (a->byte_count > 0 || b->byte_count > 0) {
        return arm__bytes_compare(arm__bytes(a->bytes, a->byte_count),
                                  arm__bytes(b->bytes, b->byte_count));
    }
    return (a->number > b->number) - (a->number < b->number) + (a->real > b->real) -
           (a->real < b->real);
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static bool bound(const Armpb__Type *type, const struct value *value, bool is_max,
                  struct arm_buf *out)
{
    bool known = false;
    struct arm_error err = {0};

    arm__buf_clear(out);
    assert_ok(arm__value_from_text(type, arm__bytes(value->text, value->text_size), is_max, out,
                                   &known, &err),
              err);
    assert_true(out->size <= ARM_VALUE_BOUND_BYTES_MAX);
    return known;
}

/* from_text, to_text and from_text again is from_text. */
static void assert_text_comes_back(const Armpb__Type *type, struct arm_bytes encoded)
{
    struct arm_buf text = ARM_BUF_INIT(1000);
    struct arm_buf again = ARM_BUF_INIT(1000);
    struct arm_error err = {0};

    assert_ok(arm__value_to_text(type, encoded, &text, &err), err);
    assert_ok(arm__value_initial(type, arm__buf_bytes(&text), &again, &err), err);
    assert_int_equal(arm__bytes_compare(encoded, arm__buf_bytes(&again)), 0);
    arm__buf_release(&text);
    arm__buf_release(&again);
}

static void check_type(struct random *random, Armpb__Type *type)
{
    struct arm_buf low_a = ARM_BUF_INIT(1000);
    struct arm_buf low_b = ARM_BUF_INIT(1000);
    struct arm_buf high = ARM_BUF_INIT(1000);
    bool is_string =
        type->kind == ARMPB__TYPE_KIND__VARCHAR || type->kind == ARMPB__TYPE_KIND__BLOB;
    static struct value a;
    static struct value b;

    random_value(random, type, &a);
    random_value(random, type, &b);
    if (random_below(random, 5) == 0) {
        b = a;
    }
    assert_true(bound(type, &a, false, &low_a) && bound(type, &b, false, &low_b));
    assert_text_comes_back(type, arm__buf_bytes(&low_a));
    if (!is_string) {
        assert_int_equal(sign(arm__bytes_compare(arm__buf_bytes(&low_a), arm__buf_bytes(&low_b))),
                         sign(compare(&a, &b)));
    } else {
        /* Cut, they may become equal, but never change places, and min <= value <= max. */
        assert_true(sign(arm__bytes_compare(arm__buf_bytes(&low_a), arm__buf_bytes(&low_b))) *
                        sign(compare(&a, &b)) >=
                    0);
        assert_true(arm__bytes_compare(arm__buf_bytes(&low_a), arm__bytes(a.bytes, a.byte_count)) <=
                    0);
        if (bound(type, &a, true, &high)) {
            assert_true(
                arm__bytes_compare(arm__bytes(a.bytes, a.byte_count), arm__buf_bytes(&high)) <= 0);
            assert_text_comes_back(type, arm__buf_bytes(&high));
        }
    }
    arm__buf_release(&low_a);
    arm__buf_release(&low_b);
    arm__buf_release(&high);
}

static void test_value_M6_encoding_order_is_value_order(void **state)
{
    struct random random = random_seeded(99);

    for (int kind = ARMPB__TYPE_KIND__BOOLEAN; kind <= ARMPB__TYPE_KIND__VARIANT; kind++) {
        Armpb__Type type = ARMPB__TYPE__INIT;

        type.kind = (Armpb__TypeKind)kind;
        if (!arm__value_has_bounds(&type) || kind == ARMPB__TYPE_KIND__TIMESTAMP_S ||
            kind == ARMPB__TYPE_KIND__TIMESTAMP_MS) { /* their texts would lose digits */
            continue;
        }
        for (int round = 0; round < ROUNDS; round++) {
            type.width = 1 + (uint32_t)random_below(&random, 38);
            type.scale = (uint32_t)random_below(&random, type.width + 1);
            check_type(&random, &type);
        }
    }
}

/* Any bytes print as text that means them, or are refused. */
static void test_value_M3_random_bytes_print_or_are_corrupt(void **state)
{
    struct random random = random_seeded(100);
    size_t printed = 0;

    for (int round = 0; round < 400000; round++) {
        Armpb__Type type = ARMPB__TYPE__INIT;
        struct arm_buf text = ARM_BUF_INIT(1000);
        struct arm_error err = {0};
        uint8_t bytes[16];
        size_t size = random_below(&random, 2) == 0 ? random_below(&random, 17)
                                                    : 1u << random_below(&random, 5);

        type.kind = (Armpb__TypeKind)(1 + random_below(&random, ARMPB__TYPE_KIND__VARIANT));
        type.width = 1 + (uint32_t)random_below(&random, 38);
        type.scale = (uint32_t)random_below(&random, type.width + 1);
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)random_wide(&random);
        }
        if (arm__value_to_text(&type, arm__bytes(bytes, size), &text, &err) == ARM_OK) {
            printed++;
            if (type.kind != ARMPB__TYPE_KIND__FLOAT && type.kind != ARMPB__TYPE_KIND__DOUBLE) {
                assert_text_comes_back(&type, arm__bytes(bytes, size)); /* but for NaN's bits */
            }
        } else {
            assert_int_equal(err.code, ARM_CORRUPT);
        }
        arm__buf_release(&text);
    }
    assert_true(printed > 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_M6_encoding_order_is_value_order),
        cmocka_unit_test(test_value_M3_random_bytes_print_or_are_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
