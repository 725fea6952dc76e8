/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8. The lead byte says how long a sequence is, and the smallest code point that may need
 * that length; what is smaller is an overlong form. */

#include "model/utf8.h"

#include <assert.h>

enum {
    CONTINUATION_MASK = 0xC0,
    CONTINUATION = 0x80,
    CONTINUATION_BITS = 6,
    SURROGATE_FIRST = 0xD800,
    SURROGATE_LAST = 0xDFFF,
    CODE_POINT_MAX = 0x10FFFF,
};

/* Length and payload bits of a lead byte; 0 if it is none. */
static size_t lead(uint8_t byte, uint32_t *out_bits, uint32_t *out_least)
{
    if (byte < 0x80) {
        *out_bits = byte;
        *out_least = 0;
        return 1;
    }
    if ((byte & 0xE0) == 0xC0) {
        *out_bits = byte & 0x1F;
        *out_least = 0x80;
        return 2;
    }
    if ((byte & 0xF0) == 0xE0) {
        *out_bits = byte & 0x0F;
        *out_least = 0x800;
        return 3;
    }
    if ((byte & 0xF8) == 0xF0) {
        *out_bits = byte & 0x07;
        *out_least = 0x10000;
        return 4;
    }
    return 0;
}

size_t arm__utf8_take(struct arm_bytes bytes, uint32_t *out)
{
    uint32_t code_point;
    uint32_t least;
    size_t length = bytes.size == 0 ? 0 : lead(bytes.data[0], &code_point, &least);

    if (length == 0 || length > bytes.size) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((bytes.data[i] & CONTINUATION_MASK) != CONTINUATION) {
            return 0;
        }
        code_point = code_point << CONTINUATION_BITS | (bytes.data[i] & 0x3F);
    }
    if (code_point < least || code_point > CODE_POINT_MAX ||
        (code_point >= SURROGATE_FIRST && code_point <= SURROGATE_LAST)) {
        return 0;
    }
    *out = code_point;
    return length;
}

size_t arm__utf8_put(uint32_t code_point, uint8_t out[ARM_UTF8_BYTES_MAX])
{
    size_t length = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    static const uint8_t LEAD[] = {0, 0, 0xC0, 0xE0, 0xF0};

    assert(code_point <= CODE_POINT_MAX);
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (uint8_t)(CONTINUATION | (code_point & 0x3F));
        code_point >>= CONTINUATION_BITS;
    }
    out[0] = (uint8_t)(LEAD[length] | code_point);
    return length;
}

bool arm__utf8_valid(struct arm_bytes bytes)
{
    uint32_t code_point;

    while (bytes.size > 0) {
        size_t length = arm__utf8_take(bytes, &code_point);

        if (length == 0) {
            return false;
        }
        bytes = arm__bytes(bytes.data + length, bytes.size - length);
    }
    return true;
}

size_t arm__utf8_cut(const char *text, size_t size, size_t max)
{
    size_t shown = size < max ? size : max;

    while (shown > 0 && shown < size &&
           ((uint8_t)text[shown] & CONTINUATION_MASK) == CONTINUATION) {
        shown--;
    }
    return shown;
}
