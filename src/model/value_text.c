/* SPDX-License-Identifier: Apache-2.0 */
/* Values to text: value.c backwards, from untrusted bytes. */

#include <string.h>

#include "model/model_private.h"
#include "model/utf8.h"
#include "model/value.h"

enum { DECIMAL_DIGITS_MAX = 38, NANO_DIGITS = 9 };

typedef __int128 wide;
typedef unsigned __int128 unsigned_wide;

static arm_status wrong(struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "value: its bytes do not have its type's shape");
}

/* The big-endian integer; `is_signed`: its sign bit is flipped. */
static wide get(struct arm_bytes value, bool is_signed)
{
    unsigned_wide bits = 0;
    bool negative = is_signed && (value.data[0] & 0x80) == 0;

    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];

        bits = bits << 8 | (uint8_t)(is_signed && i == 0 ? byte ^ 0x80 : byte);
    }
    if (negative && value.size < sizeof bits) {
        bits |= ~(unsigned_wide)0 << (8 * value.size);
    }
    return (wide)bits;
}

static arm_status print_integer(wide number, struct arm_buf *out, struct arm_error *err)
{
    return number < 0 ? arm__buf_printf(out, err, "%lld", (long long)number)
                      : arm__buf_printf(out, err, "%llu", (unsigned long long)number);
}

static arm_status print_decimal(const Armpb__Type *type, wide number, struct arm_buf *out,
                                struct arm_error *err)
{
    char digits[DECIMAL_DIGITS_MAX + 1];
    uint32_t least = type->scale + 1; /* at least one digit before the point */
    uint32_t count = 0;
    bool negative = number < 0;
    arm_status st = ARM_OK;

    for (; number != 0 && count < type->width; number /= 10) {
        digits[count++] = (char)('0' + (negative ? -(number % 10) : number % 10));
    }
    if (number != 0) {
        return wrong(err);
    }
    while (count < least) {
        digits[count++] = '0';
    }
    if (negative) {
        ARM_TRY(arm__buf_u8(out, '-', err));
    }
    while (count > 0) {
        if (count == type->scale) {
            ARM_TRY(arm__buf_u8(out, '.', err));
        }
        ARM_TRY(arm__buf_u8(out, (uint8_t)digits[--count], err));
    }
done:
    return st;
}

static arm_status print_real(struct arm_bytes value, struct arm_buf *out, struct arm_error *err)
{
    uint64_t bits = (uint64_t)get(value, false);
    uint64_t sign = UINT64_C(1) << (8 * value.size - 1);
    bool is_double = value.size == sizeof(double);
    double number;
    char text[ARM_REAL_TEXT];

    bits = (bits & sign) != 0 ? bits ^ sign : ~bits;
    if (is_double) {
        memcpy(&number, &bits, sizeof number);
    } else {
        uint32_t single_bits = (uint32_t)bits;
        float single;

        memcpy(&single, &single_bits, sizeof single);
        number = (double)single;
    }
    if (!arm__real_print(number, is_double, text)) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: a locale");
    }
    return arm__buf_append(out, text, strlen(text), err);
}

static arm_status print_uuid(struct arm_bytes value, struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < value.size; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;

        ARM_TRY(arm__buf_printf(out, err, dash ? "-%02x" : "%02x", value.data[i]));
    }
done:
    return st;
}

static arm_status print_date(int64_t days, struct arm_buf *out, struct arm_error *err)
{
    struct arm_date date = arm__date_of_days(days);
    bool is_bc = date.year < 1;

    return arm__buf_printf(out, err, "%04lld-%02u-%02u%s",
                           (long long)(is_bc ? 1 - date.year : date.year), date.month, date.day,
                           is_bc ? " (BC)" : "");
}

/* `clock` in units of 10^-unit_digits seconds, not negative, at most 24 hours. */
static arm_status print_clock(int64_t clock, unsigned unit_digits, struct arm_buf *out,
                              struct arm_error *err)
{
    int64_t unit = 1;
    int64_t seconds;
    int64_t fraction;
    arm_status st = ARM_OK;

    for (unsigned i = 0; i < unit_digits; i++) {
        unit *= 10;
    }
    seconds = clock / unit;
    fraction = clock % unit;
    ARM_TRY(arm__buf_printf(out, err, "%02d:%02d:%02d", (int)(seconds / 3600),
                            (int)(seconds / 60 % 60), (int)(seconds % 60)));
    if (fraction != 0) {
        for (; fraction % 10 == 0; fraction /= 10) {
            unit_digits--;
        }
        ARM_TRY(arm__buf_printf(out, err, ".%0*lld", (int)unit_digits, (long long)fraction));
    }
done:
    return st;
}

static arm_status print_timestamp(const Armpb__Type *type, int64_t number, struct arm_buf *out,
                                  struct arm_error *err)
{
    unsigned unit_digits = arm__value_form(type).unit_digits;
    int64_t day = 86400;
    int64_t days;
    int64_t clock;
    arm_status st = ARM_OK;

    for (unsigned i = 0; i < unit_digits; i++) {
        day *= 10;
    }
    days = number / day - (number % day < 0 ? 1 : 0);
    clock = number % day + (number % day < 0 ? day : 0);
    if (days < INT32_MIN || days > INT32_MAX) {
        return wrong(err);
    }
    ARM_TRY(print_date(days, out, err));
    ARM_TRY(arm__buf_u8(out, ' ', err));
    ARM_TRY(print_clock(clock, unit_digits, out, err));
    if (type->kind == ARMPB__TYPE_KIND__TIMESTAMP_TZ) {
        ARM_TRY(arm__buf_append(out, "+00", 3, err));
    }
done:
    return st;
}

/* DATE and TIMESTAMP: the largest integer and its negative are the infinities. */
static arm_status print_point(const Armpb__Type *type, struct arm_bytes value, struct arm_buf *out,
                              struct arm_error *err)
{
    int64_t most = value.size == 4 ? INT32_MAX : INT64_MAX;
    int64_t number = (int64_t)get(value, true);

    if (number == most || number == -most) {
        return arm__buf_printf(out, err, "%sinfinity", number < 0 ? "-" : "");
    }
    if (number < -most) {
        return wrong(err);
    }
    return type->kind == ARMPB__TYPE_KIND__DATE ? print_date(number, out, err)
                                                : print_timestamp(type, number, out, err);
}

static arm_status print_time(struct arm_bytes value, unsigned unit_digits, struct arm_buf *out,
                             struct arm_error *err)
{
    int64_t number = (int64_t)get(value, true);
    int64_t day = 86400;

    for (unsigned i = 0; i < unit_digits; i++) {
        day *= 10;
    }
    return number < 0 || number > day ? wrong(err) : print_clock(number, unit_digits, out, err);
}

static arm_status print_boolean(uint8_t byte, struct arm_buf *out, struct arm_error *err)
{
    return byte > 1 ? wrong(err) : arm__buf_printf(out, err, "%s", byte == 1 ? "true" : "false");
}

static arm_status print_bytes(struct arm_bytes value, struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < value.size; i++) {
        ARM_TRY(arm__buf_printf(out, err, "\\x%02X", value.data[i]));
    }
done:
    return st;
}

static arm_status print_text(struct arm_bytes value, struct arm_buf *out, struct arm_error *err)
{
    return arm__utf8_valid(value) ? arm__buf_append(out, value.data, value.size, err) : wrong(err);
}

static arm_status print(const Armpb__Type *type, struct arm_bytes value, struct arm_buf *out,
                        struct arm_error *err)
{
    struct arm_value_form form = arm__value_form(type);

    if (form.width_bytes != 0 && value.size != form.width_bytes) {
        return wrong(err);
    }
    switch (form.shape) {
    case ARM_SHAPE_BOOLEAN:
        return print_boolean(value.data[0], out, err);
    case ARM_SHAPE_SIGNED:
        return print_integer(get(value, true), out, err);
    case ARM_SHAPE_UNSIGNED:
        return print_integer(get(value, false), out, err);
    case ARM_SHAPE_REAL:
        return print_real(value, out, err);
    case ARM_SHAPE_DECIMAL:
        return print_decimal(type, get(value, true), out, err);
    case ARM_SHAPE_UUID:
        return print_uuid(value, out, err);
    case ARM_SHAPE_DATE:
    case ARM_SHAPE_TIMESTAMP:
        return print_point(type, value, out, err);
    case ARM_SHAPE_TIME:
        return print_time(value, form.unit_digits, out, err);
    case ARM_SHAPE_BYTES:
        return print_bytes(value, out, err);
    case ARM_SHAPE_NONE: /* an initial value, kept as text */
    case ARM_SHAPE_TEXT:
        break;
    }
    return print_text(value, out, err);
}

arm_status arm__value_to_text(const Armpb__Type *type, struct arm_bytes value, struct arm_buf *out,
                              struct arm_error *err)
{
    size_t before = out->size;
    arm_status st = print(type, value, out, err);

    if (st != ARM_OK) {
        out->size = before;
    }
    return st;
}
