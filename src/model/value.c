/* SPDX-License-Identifier: Apache-2.0 */
/* Values from text. Everything but strings is parsed into an integer, moved so that the smallest
 * one is 0, and written big-endian. */

#include "model/value.h"

#include <string.h>

#include "model/model_private.h"
#include "model/utf8.h"

enum {
    TEXT_BYTES_MAX = 64, /* of anything but a string */
    WIDTH_BYTES_MAX = 16,
    NANO_DIGITS = 9,
    CODE_POINT_MAX = 0x10FFFF,
    SURROGATE_FIRST = 0xD800,
    SURROGATE_NEXT = 0xE000,
};

typedef __int128 wide;
typedef unsigned __int128 unsigned_wide;

/* 10^37: one more digit makes 38, the most of a DECIMAL, and stays below 2^127. */
#define FULL ((wide)UINT64_C(10000000000000000000) * UINT64_C(1000000000000000000))

struct arm_value_form arm__value_form(const Armpb__Type *type)
{
    static const struct arm_value_form FORMS[] = {
        [ARMPB__TYPE_KIND__BOOLEAN] = {ARM_SHAPE_BOOLEAN, 1, 0},
        [ARMPB__TYPE_KIND__TINYINT] = {ARM_SHAPE_SIGNED, 1, 0},
        [ARMPB__TYPE_KIND__SMALLINT] = {ARM_SHAPE_SIGNED, 2, 0},
        [ARMPB__TYPE_KIND__INTEGER] = {ARM_SHAPE_SIGNED, 4, 0},
        [ARMPB__TYPE_KIND__BIGINT] = {ARM_SHAPE_SIGNED, 8, 0},
        [ARMPB__TYPE_KIND__UTINYINT] = {ARM_SHAPE_UNSIGNED, 1, 0},
        [ARMPB__TYPE_KIND__USMALLINT] = {ARM_SHAPE_UNSIGNED, 2, 0},
        [ARMPB__TYPE_KIND__UINTEGER] = {ARM_SHAPE_UNSIGNED, 4, 0},
        [ARMPB__TYPE_KIND__UBIGINT] = {ARM_SHAPE_UNSIGNED, 8, 0},
        [ARMPB__TYPE_KIND__FLOAT] = {ARM_SHAPE_REAL, 4, 0},
        [ARMPB__TYPE_KIND__DOUBLE] = {ARM_SHAPE_REAL, 8, 0},
        [ARMPB__TYPE_KIND__DECIMAL] = {ARM_SHAPE_DECIMAL, 16, 0},
        [ARMPB__TYPE_KIND__VARCHAR] = {ARM_SHAPE_TEXT, 0, 0},
        [ARMPB__TYPE_KIND__BLOB] = {ARM_SHAPE_BYTES, 0, 0},
        [ARMPB__TYPE_KIND__UUID] = {ARM_SHAPE_UUID, 16, 0},
        [ARMPB__TYPE_KIND__DATE] = {ARM_SHAPE_DATE, 4, 0},
        [ARMPB__TYPE_KIND__TIME] = {ARM_SHAPE_TIME, 8, 6},
        [ARMPB__TYPE_KIND__TIMESTAMP] = {ARM_SHAPE_TIMESTAMP, 8, 6},
        [ARMPB__TYPE_KIND__TIMESTAMP_S] = {ARM_SHAPE_TIMESTAMP, 8, 6},
        [ARMPB__TYPE_KIND__TIMESTAMP_MS] = {ARM_SHAPE_TIMESTAMP, 8, 6},
        [ARMPB__TYPE_KIND__TIMESTAMP_NS] = {ARM_SHAPE_TIMESTAMP, 8, 9},
        [ARMPB__TYPE_KIND__TIMESTAMP_TZ] = {ARM_SHAPE_TIMESTAMP, 8, 6},
    };

    if ((size_t)type->kind >= sizeof FORMS / sizeof *FORMS) {
        return (struct arm_value_form){ARM_SHAPE_NONE, 0, 0};
    }
    return FORMS[type->kind];
}

bool arm__value_has_bounds(const Armpb__Type *type)
{
    return arm__value_form(type).shape != ARM_SHAPE_NONE;
}

/* A value of fixed width, being made. */
struct fixed {
    const Armpb__Type *type;
    struct arm_value_form form;
    bool is_bound;
    uint8_t bytes[WIDTH_BYTES_MAX];
};

static void put(struct fixed *out, unsigned_wide value)
{
    for (size_t i = out->form.width_bytes; i > 0; i--) {
        out->bytes[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

/* False unless it fits the width. */
static bool put_signed(struct fixed *out, wide value)
{
    if (out->form.width_bytes < WIDTH_BYTES_MAX) {
        wide limit = (wide)1 << (8 * out->form.width_bytes - 1);

        if (value < -limit || value >= limit) {
            return false;
        }
    }
    put(out, (unsigned_wide)value);
    out->bytes[0] ^= 0x80;
    return true;
}

static bool take(const char **at, const char *word)
{
    size_t size = strlen(word);

    if (strncmp(*at, word, size) != 0) {
        return false;
    }
    *at += size;
    return true;
}

/* Digits behind those of `*inout`; returns how many, or -1 if they are too many. */
static int take_digits(const char **at, wide *inout)
{
    int count = 0;

    for (; **at >= '0' && **at <= '9'; (*at)++, count++) {
        if (*inout >= FULL) {
            return -1;
        }
        *inout = *inout * 10 + (**at - '0');
    }
    return count;
}

static bool parse_integer(const char *at, struct fixed *out)
{
    bool negative = take(&at, "-");
    wide value = 0;

    if (take_digits(&at, &value) < 1 || *at != '\0') {
        return false;
    }
    value = negative ? -value : value;
    if (out->form.shape == ARM_SHAPE_SIGNED) {
        return put_signed(out, value);
    }
    put(out, (unsigned_wide)value);
    return value >= 0 && value >> (8 * out->form.width_bytes) == 0;
}

/* "-12.50", ".5": as many digits after the point as the scale says, or fewer. */
static bool parse_decimal(const char *at, struct fixed *out)
{
    bool negative = take(&at, "-");
    wide value = 0;
    wide limit = 1;
    int before = take_digits(&at, &value);
    int after = take(&at, ".") ? take_digits(&at, &value) : 0;
    int scale = (int)out->type->scale;

    if (before < 0 || after < 0 || before + after < 1 || after > scale || *at != '\0') {
        return false;
    }
    for (uint32_t i = 0; i < out->type->width; i++) {
        limit *= 10;
    }
    for (; after < scale && value < limit; after++) {
        value *= 10;
    }
    return value < limit && put_signed(out, negative ? -value : value);
}

static bool parse_boolean(const char *at, struct fixed *out)
{
    bool is_true = strcmp(at, "1") == 0 || strcmp(at, "true") == 0;

    put(out, is_true ? 1 : 0);
    return is_true || strcmp(at, "0") == 0 || strcmp(at, "false") == 0;
}

static void put_real(double value, struct fixed *out)
{
    size_t width = out->form.width_bytes;
    float single = (float)value;
    uint32_t single_bits;
    uint64_t bits;

    memcpy(&single_bits, &single, sizeof single_bits);
    memcpy(&bits, &value, sizeof bits);
    put(out, width == sizeof single ? single_bits : bits);
    if ((out->bytes[0] & 0x80) == 0) {
        out->bytes[0] ^= 0x80;
        return;
    }
    for (size_t i = 0; i < width; i++) {
        out->bytes[i] = (uint8_t)~out->bytes[i];
    }
}

static arm_status parse_real(const char *at, struct fixed *out, bool *out_good,
                             struct arm_error *err)
{
    double value = 0;

    if (!arm__real_parse(at, out->form.width_bytes == sizeof(double), &value, out_good)) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: a locale");
    }
    if (value != value) {
        *out_good = *out_good && !out->is_bound;
        value = __builtin_nan(""); /* one NaN, above all numbers */
    }
    put_real(out->is_bound && value == 0 ? 0.0 : value, out);
    return ARM_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Two digits at `at`; -1 if they are none. */
static int hex_byte(const char *at)
{
    int high = hex_digit(at[0]);
    int low = high < 0 ? -1 : hex_digit(at[1]);

    return low < 0 ? -1 : high * 16 + low;
}

static bool parse_uuid(const char *at, struct fixed *out)
{
    for (size_t i = 0; i < out->form.width_bytes; i++) {
        int byte = hex_byte(at);

        if (byte < 0) {
            return false;
        }
        out->bytes[i] = (uint8_t)byte;
        at += 2;
        if ((i == 3 || i == 5 || i == 7 || i == 9) && !take(&at, "-")) {
            return false;
        }
    }
    return *at == '\0';
}

/* "2020-02-29", "12345-01-01", "0044-03-15 (BC)" */
static bool take_date(const char **at, int64_t *out_days)
{
    enum { YEAR_DIGITS_MAX = 8 };
    uint64_t year;
    uint64_t month;
    uint64_t day;
    struct arm_date date;

    if (!arm__digits(at, 4, YEAR_DIGITS_MAX, &year) || !take(at, "-") ||
        !arm__digits(at, 2, 2, &month) || !take(at, "-") || !arm__digits(at, 2, 2, &day) ||
        year < 1 || month < 1 || month > 12 || day < 1) {
        return false;
    }
    date = (struct arm_date){(int64_t)year, (unsigned)month, (unsigned)day};
    if (take(at, " (BC)")) {
        date.year = 1 - date.year;
    }
    *out_days = arm__days_of_date(&date);
    return day <= arm__days_in_month(date.year, date.month);
}

/* "21:30:00.123": in units of 10^-unit_digits seconds, none of which may be lost. */
static bool take_clock(const char **at, unsigned unit_digits, int64_t *out)
{
    uint64_t hour;
    uint64_t minute;
    uint64_t second;
    uint64_t ns = 0;

    if (!arm__digits(at, 2, 2, &hour) || !take(at, ":") || !arm__digits(at, 2, 2, &minute) ||
        !take(at, ":") || !arm__digits(at, 2, 2, &second) || minute > 59 || second > 59 ||
        (take(at, ".") && !arm__fraction(at, NANO_DIGITS, &ns)) || hour > 24) {
        return false;
    }
    *out = (int64_t)((hour * 60 + minute) * 60 + second);
    for (unsigned i = 0; i < unit_digits; i++) {
        *out *= 10;
    }
    for (unsigned i = unit_digits; i < NANO_DIGITS; i++) {
        if (ns % 10 != 0) {
            return false;
        }
        ns /= 10;
    }
    *out += (int64_t)ns;
    return hour < 24 || (minute == 0 && second == 0 && ns == 0);
}

/* "+00", "-04:56": seconds to be taken off. */
static bool take_zone(const char **at, int64_t *out_seconds)
{
    bool west = **at == '-';
    uint64_t hours = 0;
    uint64_t minutes = 0;
    uint64_t seconds = 0;

    if (**at == '\0') {
        *out_seconds = 0;
        return true;
    }
    if ((!take(at, "+") && !take(at, "-")) || !arm__digits(at, 2, 2, &hours) ||
        (take(at, ":") && !arm__digits(at, 2, 2, &minutes)) ||
        (take(at, ":") && !arm__digits(at, 2, 2, &seconds))) {
        return false;
    }
    *out_seconds = (int64_t)((hours * 60 + minutes) * 60 + seconds) * (west ? -1 : 1);
    return true;
}

static bool parse_timestamp(const char *at, struct fixed *out)
{
    int64_t days;
    int64_t clock;
    int64_t zone = 0;
    wide unit = 1;

    for (unsigned i = 0; i < out->form.unit_digits; i++) {
        unit *= 10;
    }
    if (!take_date(&at, &days) || !take(&at, " ") ||
        !take_clock(&at, out->form.unit_digits, &clock) ||
        (out->type->kind == ARMPB__TYPE_KIND__TIMESTAMP_TZ && !take_zone(&at, &zone)) ||
        *at != '\0') {
        return false;
    }
    return put_signed(out, ((wide)days * 86400 - zone) * unit + clock);
}

static bool parse_infinity(const char *at, struct fixed *out)
{
    bool negative = take(&at, "-");
    wide value = ((wide)1 << (8 * out->form.width_bytes - 1)) - 1;

    return strcmp(at, "infinity") == 0 && put_signed(out, negative ? -value : value);
}

static bool parse_date(const char *at, struct fixed *out)
{
    int64_t days;

    return take_date(&at, &days) && *at == '\0' && put_signed(out, days);
}

static bool parse_time(const char *at, struct fixed *out)
{
    int64_t clock;

    return take_clock(&at, out->form.unit_digits, &clock) && *at == '\0' && put_signed(out, clock);
}

static arm_status parse_fixed(const char *text, struct fixed *out, bool *out_good,
                              struct arm_error *err)
{
    switch (out->form.shape) {
    case ARM_SHAPE_BOOLEAN:
        *out_good = parse_boolean(text, out);
        break;
    case ARM_SHAPE_REAL:
        return parse_real(text, out, out_good, err);
    case ARM_SHAPE_DECIMAL:
        *out_good = parse_decimal(text, out);
        break;
    case ARM_SHAPE_UUID:
        *out_good = parse_uuid(text, out);
        break;
    case ARM_SHAPE_DATE:
        *out_good = parse_infinity(text, out) || parse_date(text, out);
        break;
    case ARM_SHAPE_TIME:
        *out_good = parse_time(text, out);
        break;
    case ARM_SHAPE_TIMESTAMP:
        *out_good = parse_infinity(text, out) || parse_timestamp(text, out);
        break;
    default:
        *out_good = parse_integer(text, out);
        break;
    }
    return ARM_OK;
}

static arm_status append_fixed(struct fixed *value, struct arm_bytes text, struct arm_buf *out,
                               bool *out_good, struct arm_error *err)
{
    char copy[TEXT_BYTES_MAX] = {0};
    arm_status st = ARM_OK;

    *out_good = text.size > 0 && text.size < sizeof copy;
    if (!*out_good) {
        return ARM_OK;
    }
    memcpy(copy, text.data, text.size);
    *out_good = strlen(copy) == text.size; /* else there is a NUL in it */
    if (*out_good) {
        ARM_TRY(parse_fixed(copy, value, out_good, err));
    }
    if (*out_good) {
        ARM_TRY(arm__buf_append(out, value->bytes, value->form.width_bytes, err));
    }
done:
    return st;
}

/* The length of the text's largest prefix of whole characters in ARM_VALUE_CUT bytes. */
static size_t cut_text(struct arm_bytes text)
{
    size_t size = ARM_VALUE_CUT;

    while (size > 0 && (text.data[size] & 0xC0) == 0x80) {
        size--;
    }
    return size;
}

/* The smallest short text above everything that begins with these `size` bytes: the last
 * character that is not the greatest becomes the next one. */
static arm_status append_raised_text(const uint8_t *data, size_t size, struct arm_buf *out,
                                     bool *out_known, struct arm_error *err)
{
    arm_status st = ARM_OK;

    *out_known = false;
    while (size > 0) {
        uint8_t raised[ARM_UTF8_BYTES_MAX];
        uint32_t code_point = 0;
        size_t first = size - 1;

        while (first > 0 && (data[first] & 0xC0) == 0x80) {
            first--;
        }
        (void)arm__utf8_take(arm__bytes(data + first, size - first), &code_point);
        if (code_point < CODE_POINT_MAX) {
            code_point = code_point + 1 == SURROGATE_FIRST ? SURROGATE_NEXT : code_point + 1;
            ARM_TRY(arm__buf_append(out, data, first, err));
            ARM_TRY(arm__buf_append(out, raised, arm__utf8_put(code_point, raised), err));
            *out_known = true;
            return ARM_OK;
        }
        size = first;
    }
done:
    return st;
}

static arm_status append_text_bound(struct arm_bytes text, bool is_max, struct arm_buf *out,
                                    bool *out_known, struct arm_error *err)
{
    *out_known = arm__utf8_valid(text);
    if (!*out_known) {
        return ARM_OK;
    }
    if (text.size <= ARM_VALUE_CUT) {
        return arm__buf_append(out, text.data, text.size, err);
    }
    return is_max ? append_raised_text(text.data, cut_text(text), out, out_known, err)
                  : arm__buf_append(out, text.data, cut_text(text), err);
}

/* From hexadecimal digits. */
static arm_status append_bytes_bound(struct arm_bytes text, bool is_max, struct arm_buf *out,
                                     bool *out_known, struct arm_error *err)
{
    uint8_t bytes[ARM_VALUE_CUT];
    size_t size = text.size / 2;
    bool is_cut = size > ARM_VALUE_CUT;

    *out_known = text.size % 2 == 0;
    size = is_cut ? ARM_VALUE_CUT : size;
    for (size_t i = 0; i < size && *out_known; i++) {
        int byte = hex_byte((const char *)text.data + 2 * i);

        *out_known = byte >= 0;
        bytes[i] = (uint8_t)byte;
    }
    if (is_cut && is_max && *out_known) {
        while (size > 0 && bytes[size - 1] == UINT8_MAX) {
            size--;
        }
        *out_known = size > 0;
        if (size > 0) {
            bytes[size - 1]++;
        }
    }
    return *out_known ? arm__buf_append(out, bytes, size, err) : ARM_OK;
}

arm_status arm__value_from_text(const Armpb__Type *type, struct arm_bytes text, bool is_max,
                                struct arm_buf *out, bool *out_known, struct arm_error *err)
{
    struct fixed value = {type, arm__value_form(type), true, {0}};
    size_t before = out->size;
    bool known = false;
    arm_status st = ARM_OK;

    switch (value.form.shape) {
    case ARM_SHAPE_NONE:
        break;
    case ARM_SHAPE_TEXT:
        ARM_TRY(append_text_bound(text, is_max, out, &known, err));
        break;
    case ARM_SHAPE_BYTES:
        ARM_TRY(append_bytes_bound(text, is_max, out, &known, err));
        break;
    default:
        ARM_TRY(append_fixed(&value, text, out, &known, err));
        break;
    }
    *out_known = known;
done:
    if (st != ARM_OK) {
        out->size = before;
    }
    return st;
}

/* DuckDB's text of a BLOB: ASCII as it is, "\xHH" for the rest. */
static arm_status append_escaped(struct arm_bytes text, struct arm_buf *out, bool *out_good,
                                 struct arm_error *err)
{
    enum { ESCAPE_BYTES = 4 };
    arm_status st = ARM_OK;

    *out_good = true;
    for (size_t i = 0; i < text.size && *out_good; i++) {
        int byte = text.data[i];

        if (byte == '\\') {
            bool whole = text.size - i >= ESCAPE_BYTES && text.data[i + 1] == 'x';

            byte = whole ? hex_byte((const char *)text.data + i + 2) : -1;
            i += ESCAPE_BYTES - 1;
        }
        *out_good = byte >= 0;
        ARM_TRY(arm__buf_u8(out, (uint8_t)byte, err));
    }
done:
    return st;
}

arm_status arm__value_initial(const Armpb__Type *type, struct arm_bytes text, struct arm_buf *out,
                              struct arm_error *err)
{
    struct fixed value = {type, arm__value_form(type), false, {0}};
    size_t before = out->size;
    bool good = false;
    arm_status st = ARM_OK;

    switch (value.form.shape) {
    case ARM_SHAPE_NONE:
    case ARM_SHAPE_TEXT:
        good = arm__utf8_valid(text);
        ARM_TRY(arm__buf_append(out, text.data, text.size, err));
        break;
    case ARM_SHAPE_BYTES:
        ARM_TRY(append_escaped(text, out, &good, err));
        break;
    default:
        ARM_TRY(append_fixed(&value, text, out, &good, err));
        break;
    }
    if (!good) {
        bool is_shown = text.size < TEXT_BYTES_MAX && arm__utf8_valid(text);

        st = arm__fail(err, ARM_INVALID, "not a value of its type: '%.*s'",
                       is_shown ? (int)text.size : 0, is_shown ? (const char *)text.data : "");
    }
done:
    if (st != ARM_OK) {
        out->size = before;
    }
    return st;
}
