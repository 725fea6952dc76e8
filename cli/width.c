/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 on a terminal. */

#include "width.h"

#include <stdint.h>
#include <string.h>

#include "width_table.h"

uint32_t cli_utf8_next(const char *data, size_t size_bytes, size_t *out_size)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)data[0];
    size_t size = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    uint32_t code_point = size == 1 ? first : first & (0xFFu >> (size + 1));

    *out_size = 1;
    if (size == 1) {
        return code_point;
    }
    if (first < 0xC0 || first >= 0xF8 || size > size_bytes) {
        return UINT32_MAX;
    }
    for (size_t i = 1; i < size; i++) {
        if (((unsigned char)data[i] & 0xC0) != 0x80) {
            return UINT32_MAX;
        }
        code_point = code_point << 6 | ((unsigned char)data[i] & 0x3F);
    }
    if (code_point < smallest[size] || code_point > 0x10FFFF ||
        (code_point >= 0xD800 && code_point <= 0xDFFF)) {
        return UINT32_MAX;
    }
    *out_size = size;
    return code_point;
}

static bool is_in(const struct width_range *ranges, size_t count, uint32_t code_point)
{
    size_t low = 0;

    while (low < count) {
        size_t middle = low + (count - low) / 2;

        if (code_point > ranges[middle].last) {
            low = middle + 1;
        } else if (code_point < ranges[middle].first) {
            count = middle;
        } else {
            return true;
        }
    }
    return false;
}

unsigned cli_width_of(uint32_t code_point)
{
    if (code_point < 0x300) {
        return 1;
    }
    if (is_in(zero_width, sizeof zero_width / sizeof *zero_width, code_point)) {
        return 0;
    }
    return is_in(double_width, sizeof double_width / sizeof *double_width, code_point) ? 2 : 1;
}

/* Marks that turn the direction of the text around them: they would let a value rewrite how
 * its neighbours look. */
static bool turns_direction(uint32_t code_point)
{
    return (code_point >= 0x202A && code_point <= 0x202E) ||
           (code_point >= 0x2066 && code_point <= 0x2069) || code_point == 0x200E ||
           code_point == 0x200F || code_point == 0x2028 || code_point == 0x2029;
}

static size_t show_escaped(struct cli_text *text, uint32_t code_point, unsigned char first)
{
    size_t before = text->size;

    switch (code_point) {
    case '\n':
        cli_text_add(text, "\\n");
        break;
    case '\r':
        cli_text_add(text, "\\r");
        break;
    case '\t':
        cli_text_add(text, "\\t");
        break;
    default:
        if (code_point == UINT32_MAX || code_point < 0x100) {
            cli_text_printf(text, "\\x%02x", code_point == UINT32_MAX ? first : code_point);
        } else {
            cli_text_printf(text, "\\u%04x", code_point);
        }
    }
    return text->size - before;
}

size_t cli_text_show(struct cli_text *text, const char *data, size_t size_bytes)
{
    size_t width = 0;
    size_t size = 0;

    for (size_t at = 0; at < size_bytes; at += size) {
        uint32_t code_point = cli_utf8_next(data + at, size_bytes - at, &size);

        if (code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0) ||
            code_point == UINT32_MAX || turns_direction(code_point)) {
            width += show_escaped(text, code_point, (unsigned char)data[at]);
        } else {
            cli_text_append(text, data + at, size);
            width += cli_width_of(code_point);
        }
    }
    return width;
}

void cli_text_show_lines(struct cli_text *text, const char *data, size_t size_bytes,
                         const char *indent)
{
    for (size_t at = 0; at < size_bytes;) {
        const char *end = memchr(data + at, '\n', size_bytes - at);
        size_t line = end == NULL ? size_bytes - at : (size_t)(end - data) - at;

        cli_text_add(text, indent);
        (void)cli_text_show(text, data + at, line);
        cli_text_add(text, "\n");
        at += line + 1;
    }
}

size_t cli_text_fit(const char *data, size_t size_bytes, size_t columns, size_t *out_width)
{
    size_t width = 0;
    size_t at = 0;
    size_t size = 0;

    for (; at < size_bytes; at += size) {
        size_t next = cli_width_of(cli_utf8_next(data + at, size_bytes - at, &size));

        if (width + next > columns) {
            break;
        }
        width += next;
    }
    *out_width = width;
    return at;
}
