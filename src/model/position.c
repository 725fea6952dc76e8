/* SPDX-License-Identifier: Apache-2.0 */
/* Positions. As bytes:
 *
 *   offset size field
 *        0    1 n, 1 to 8
 *        1    n integer part, big-endian, below 2^63; its first byte is not 0 unless n is 1
 *      1+n    k fraction, base 256, most significant first; its last byte is not 0
 *
 * Valid iff all of it fits into ARM_POSITION_BYTES_MAX. One number has one encoding, and bytes
 * compare as the numbers do: a longer integer part is a larger one, and begins with a larger n.
 *
 * To put `count` positions between two others, both are written with the fewest fraction digits
 * that leave room, and the room is divided evenly:
 *
 *        low          low_k                              high_k         high
 *     ----|------------|-----+-----+-----+-----+-----+-----|-------------|----
 *                            1     2     3     4     5          (units of 256^-k)
 */

#include "model/position.h"

#include <assert.h>
#include <string.h>

enum {
    INTEGER_BYTES_MAX = 8,
    FRACTION_BYTES_MAX = ARM_POSITION_BYTES_MAX - 2,
    FIRST = 1 << 15, /* leaves as many integers before it, and 2^63 behind */
};

#define INTEGER_MAX ((uint64_t)INT64_MAX)

/* A position as a number: integer + 0.fraction. */
struct number {
    uint64_t integer;
    size_t digit_count;
    uint8_t digits[FRACTION_BYTES_MAX];
};

struct arm_bytes arm__position_bytes(const struct arm_position *position)
{
    return arm__bytes(position->bytes, position->size);
}

static size_t integer_size(uint64_t integer)
{
    size_t size = 1;

    while (size < INTEGER_BYTES_MAX && integer >> (8 * size) != 0) {
        size++;
    }
    return size;
}

/* Trims zeros at the end of the fraction; false if it is too long even so. */
static bool encode(const struct number *number, struct arm_position *out)
{
    size_t n = integer_size(number->integer);
    size_t k = number->digit_count;

    while (k > 0 && number->digits[k - 1] == 0) {
        k--;
    }
    if (1 + n + k > ARM_POSITION_BYTES_MAX) {
        return false;
    }
    memset(out, 0, sizeof *out);
    out->size = (uint8_t)(1 + n + k);
    out->bytes[0] = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        out->bytes[1 + i] = (uint8_t)(number->integer >> (8 * (n - 1 - i)));
    }
    memcpy(out->bytes + 1 + n, number->digits, k);
    return true;
}

static bool decode(struct arm_bytes bytes, struct number *out)
{
    size_t n = bytes.size == 0 ? 0 : bytes.data[0];

    if (n < 1 || n > INTEGER_BYTES_MAX || bytes.size < 1 + n ||
        bytes.size > ARM_POSITION_BYTES_MAX || (n > 1 && bytes.data[1] == 0)) {
        return false;
    }
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        out->integer = out->integer << 8 | bytes.data[1 + i];
    }
    out->digit_count = bytes.size - 1 - n;
    memcpy(out->digits, bytes.data + 1 + n, out->digit_count);
    return out->integer <= INTEGER_MAX &&
           (out->digit_count == 0 || out->digits[out->digit_count - 1] != 0);
}

arm_status arm__position_check(struct arm_bytes position, struct arm_error *err)
{
    struct number number;

    return decode(position, &number) ? ARM_OK
                                     : arm__fail(err, ARM_CORRUPT, "position: not well-formed");
}

static struct arm_position of_integer(uint64_t integer)
{
    struct number number = {.integer = integer};
    struct arm_position position;
    bool fits = encode(&number, &position);

    assert(fits);
    return position;
}

struct arm_position arm__position_first(void)
{
    return of_integer(FIRST);
}

/* What lies strictly between two numbers. */
struct interval {
    struct number low;
    struct number high;
};

/* `low` with `k` digits, plus `offset` units of the last one. */
static struct number step(const struct number *low, size_t k, unsigned __int128 offset)
{
    struct number result = {.integer = low->integer, .digit_count = k};

    for (size_t i = 0; i < k && i < low->digit_count; i++) {
        result.digits[i] = low->digits[i];
    }
    for (size_t i = k; i > 0; i--) {
        offset += result.digits[i - 1];
        result.digits[i - 1] = (uint8_t)offset;
        offset >>= 8;
    }
    result.integer += (uint64_t)offset;
    return result;
}

static uint8_t digit(const struct number *number, size_t i)
{
    return i < number->digit_count ? number->digits[i] : 0;
}

/* The fewest digits with which `count` numbers fit into the interval, and how many units of the
 * last digit lie from its low end to its high end (rounded down and up). While they do not fit,
 * that is at most `count`, so that it never overflows. False: not with the most digits. */
static bool find_room(const struct interval *in, size_t count, size_t *out_k,
                      unsigned __int128 *out_units)
{
    unsigned __int128 units = in->high.integer - in->low.integer;

    for (size_t k = 0; k <= FRACTION_BYTES_MAX; k++) {
        unsigned __int128 ends = units + (in->high.digit_count > k);

        if (ends > count) {
            *out_k = k;
            *out_units = ends;
            return true;
        }
        units = units * 256 + digit(&in->high, k) - digit(&in->low, k);
    }
    return false;
}

static arm_status no_room(struct arm_error *err)
{
    return arm__fail(err, ARM_FULL, "no room for a position of at most %d bytes",
                     ARM_POSITION_BYTES_MAX);
}

static arm_status divide(const struct interval *in, size_t count, struct arm_position *out,
                         struct arm_error *err)
{
    size_t k = 0;
    unsigned __int128 units = 0;

    if (!find_room(in, count, &k, &units)) {
        return no_room(err);
    }
    for (int pass = 0; pass < 2; pass++) { /* the first only asks whether all of them fit */
        for (size_t i = 0; i < count; i++) {
            unsigned __int128 offset = units * (i + 1) / ((unsigned __int128)count + 1);
            struct number number = step(&in->low, k, offset);
            struct arm_position position;

            if (!encode(&number, &position)) {
                return no_room(err);
            }
            if (pass == 1) {
                out[i] = position;
            }
        }
    }
    return ARM_OK;
}

/* `count` integers from `first` on. */
static void number_off(uint64_t first, size_t count, struct arm_position *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = of_integer(first + i);
    }
}

arm_status arm__position_between(struct arm_bytes low, struct arm_bytes high, size_t count,
                                 struct arm_position *out, struct arm_error *err)
{
    struct interval in = {0}; /* 0 itself is never given: nothing would fit before it */

    assert(low.size == 0 || high.size == 0 || arm__bytes_compare(low, high) < 0);
    if ((low.size > 0 && !decode(low, &in.low)) || (high.size > 0 && !decode(high, &in.high))) {
        return arm__fail(err, ARM_CORRUPT, "position: not well-formed");
    }
    if (high.size == 0) { /* to the end: the next integers */
        uint64_t first = low.size == 0 ? FIRST : in.low.integer + 1;

        if (first > INTEGER_MAX || count > INTEGER_MAX - first) {
            return no_room(err);
        }
        number_off(first, count, out);
        return ARM_OK;
    }
    if (low.size == 0 && count < in.high.integer) { /* to the start: the integers before */
        number_off(in.high.integer - count, count, out);
        return ARM_OK;
    }
    return divide(&in, count, out, err);
}
