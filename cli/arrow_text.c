/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow values as text and as JSON. */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arrow.h"
#include "width.h"

void cli_time_text(int64_t time_us, bool seconds_only, struct cli_text *out)
{
    int64_t us = time_us % 1000000;
    time_t seconds = 0;
    struct tm tm = {0};

    us = us < 0 ? us + 1000000 : us;
    seconds = (time_t)((time_us - us) / 1000000);
    (void)gmtime_r(&seconds, &tm);
    cli_text_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (!seconds_only) {
        cli_text_printf(out, ".%06" PRId64, us);
    }
    cli_text_add(out, "Z");
}

/* The shortest decimal that reads back as the same number. */
static void number_text(double value, int digits_min, int digits_max, struct cli_text *out)
{
    char text[40];

    for (int digits = digits_min; digits <= digits_max; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (digits_max < 10 ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) {
            break;
        }
    }
    cli_text_add(out, text);
}

static void real_text(struct cli_cell cell, struct cli_text *out)
{
    if (cell.schema->format[0] == 'f') {
        number_text(cli_cell_real(cell), 6, 9, out);
    } else {
        number_text(cli_cell_real(cell), 15, 17, out);
    }
}

static void integer_text(struct cli_cell cell, struct cli_text *out)
{
    int64_t value = cli_cell_integer(cell);
    char text[32];
    int size = cell.schema->format[0] == 'L'
                   ? snprintf(text, sizeof text, "%" PRIu64, (uint64_t)value)
                   : snprintf(text, sizeof text, "%" PRId64, value);

    cli_text_append(out, text, (size_t)size);
}

/* "a, b" of a list, "a 1, b 2" of a map. */
static void show_nested(struct cli_cell cell, struct cli_text *out)
{
    for (int64_t i = 0; cell.schema->format[1] != 's' && i < cli_cell_item_count(cell); i++) {
        struct cli_cell item = cli_cell_item(cell, i);

        cli_text_add(out, i == 0 ? "" : ", ");
        if (cell.schema->format[1] == 'm') {
            cli_cell_show(cli_cell_member(item, "key"), out);
            cli_text_add(out, " ");
            item = cli_cell_member(item, "value");
        }
        cli_cell_show(item, out);
    }
}

void cli_cell_show(struct cli_cell cell, struct cli_text *out)
{
    const char *text = NULL;
    size_t size = 0;

    if (cli_cell_is_null(cell)) {
        return;
    }
    switch (cell.schema->format[0]) {
    case 'u':
    case 'U':
        text = cli_cell_text(cell, &size);
        cli_text_append(out, text, size);
        break;
    case 'b':
        cli_text_add(out, cli_cell_integer(cell) != 0 ? "true" : "false");
        break;
    case 'f':
    case 'g':
        real_text(cell, out);
        break;
    case 't':
        cli_time_text(cli_cell_integer(cell), true, out);
        break;
    case '+':
        show_nested(cell, out);
        break;
    default:
        integer_text(cell, out);
    }
}

/* ---- JSON ---- */

/* Whether JSON takes the byte as it is: one of ASCII that needs no escape. */
static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7F && c != '"' && c != '\\';
}

static void json_character(uint32_t code_point, const char *bytes, size_t size,
                           struct cli_text *out)
{
    switch (code_point) {
    case '"':
        cli_text_add(out, "\\\"");
        break;
    case '\\':
        cli_text_add(out, "\\\\");
        break;
    case '\n':
        cli_text_add(out, "\\n");
        break;
    case '\r':
        cli_text_add(out, "\\r");
        break;
    case '\t':
        cli_text_add(out, "\\t");
        break;
    case UINT32_MAX: /* ill-formed: JSON has no way to say it */
        cli_text_add(out, "\xEF\xBF\xBD");
        break;
    default:
        if (code_point < 0x20 || code_point == 0x7F) {
            cli_text_printf(out, "\\u%04x", (unsigned)code_point);
        } else {
            cli_text_append(out, bytes, size);
        }
    }
}

void cli_json_string(const char *text, size_t size_bytes, struct cli_text *out)
{
    size_t at = 0;

    cli_text_add(out, "\"");
    while (at < size_bytes) {
        size_t start = at;
        size_t size = 0;

        while (at < size_bytes && is_plain(text[at])) {
            at++;
        }
        cli_text_append(out, text + start, at - start);
        if (at < size_bytes) {
            uint32_t code_point = cli_utf8_next(text + at, size_bytes - at, &size);

            json_character(code_point, text + at, size, out);
            at += size;
        }
    }
    cli_text_add(out, "\"");
}

/* JSON has no numbers for these. */
static void json_real(struct cli_cell cell, struct cli_text *out)
{
    double value = cli_cell_real(cell);

    if (isnan(value)) {
        cli_text_add(out, "\"NaN\"");
    } else if (isinf(value)) {
        cli_text_add(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    } else {
        real_text(cell, out);
    }
}

/* An object: the keys are texts. */
static void json_map(struct cli_cell cell, struct cli_text *out)
{
    cli_text_add(out, "{");
    for (int64_t i = 0; i < cli_cell_item_count(cell); i++) {
        struct cli_cell item = cli_cell_item(cell, i);

        cli_text_add(out, i == 0 ? "" : ",");
        cli_cell_json(cli_cell_member(item, "key"), out);
        cli_text_add(out, ":");
        cli_cell_json(cli_cell_member(item, "value"), out);
    }
    cli_text_add(out, "}");
}

static void json_nested(struct cli_cell cell, struct cli_text *out)
{
    bool is_list = cell.schema->format[1] == 'l';
    int64_t count = is_list ? cli_cell_item_count(cell) : cell.schema->n_children;

    cli_text_add(out, is_list ? "[" : "{");
    for (int64_t i = 0; i < count; i++) {
        cli_text_add(out, i == 0 ? "" : ",");
        if (is_list) {
            cli_cell_json(cli_cell_item(cell, i), out);
        } else {
            const char *name = cell.schema->children[i]->name;

            cli_json_string(name, strlen(name), out);
            cli_text_add(out, ":");
            cli_cell_json(cli_cell_member(cell, name), out);
        }
    }
    cli_text_add(out, is_list ? "]" : "}");
}

void cli_cell_json(struct cli_cell cell, struct cli_text *out)
{
    const char *text = NULL;
    size_t size = 0;

    if (cli_cell_is_null(cell)) {
        cli_text_add(out, "null");
        return;
    }
    switch (cell.schema->format[0]) {
    case 'u':
    case 'U':
        text = cli_cell_text(cell, &size);
        if (cli_schema_marked(cell.schema, "arm.json")) {
            cli_text_append(out, text, size);
        } else {
            cli_json_string(text, size, out);
        }
        break;
    case 'b':
        cli_text_add(out, cli_cell_integer(cell) != 0 ? "true" : "false");
        break;
    case 'f':
    case 'g':
        json_real(cell, out);
        break;
    case 't':
        cli_text_add(out, "\"");
        cli_time_text(cli_cell_integer(cell), false, out);
        cli_text_add(out, "\"");
        break;
    case '+':
        if (cell.schema->format[1] == 'm') {
            json_map(cell, out);
        } else {
            json_nested(cell, out);
        }
        break;
    default:
        integer_text(cell, out);
    }
}
