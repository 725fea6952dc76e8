/* SPDX-License-Identifier: Apache-2.0 */
/* Text on its way to a terminal and into JSON (cli/width.c, cli/arrow_text.c). C3: what is shown
 * has no control character and is UTF-8, its width is what it takes; a JSON string is one. The
 * input is a width and the text. */

#include "cli/arrow.h"
#include "cli/width.h"
#include "model/utf8.h"
#include "support/fuzz.h"

static struct arm_bytes bytes_of(const struct cli_text *text)
{
    return arm__bytes(text->data, text->size);
}

/* Well-formed, and without what a terminal would obey. */
static void check_harmless(const struct cli_text *text)
{
    assert(arm__utf8_valid(bytes_of(text)));
    for (size_t i = 0; i < text->size; i++) {
        assert((unsigned char)text->data[i] >= ' ');
        assert(text->data[i] != 0x7F);
    }
}

static void check_shown(const char *data, size_t size, size_t columns)
{
    struct cli_text shown = {0};
    size_t width = cli_text_show(&shown, data, size);
    size_t fitting_width = 0;
    size_t fitting;

    check_harmless(&shown);
    fitting = cli_text_fit(cli_text_string(&shown), shown.size, columns, &fitting_width);
    assert(fitting <= shown.size);
    assert(fitting_width <= columns);
    assert(fitting < shown.size || fitting_width == width);
    fitting = cli_text_fit(cli_text_string(&shown), shown.size, SIZE_MAX, &fitting_width);
    assert(fitting == shown.size);
    assert(fitting_width == width);
    cli_text_release(&shown);
}

static void check_json(const char *data, size_t size)
{
    struct cli_text json = {0};
    size_t quotes = 0;

    cli_json_string(data, size, &json);
    check_harmless(&json);
    for (size_t i = 0; i < json.size; i++) {
        quotes += json.data[i] == '"';
        if (json.data[i] == '\\') {
            i++;
            assert(strchr("\"\\nrtu", json.data[i]) != NULL);
        }
    }
    assert(quotes == 2);
    cli_text_release(&json);
}

/* Two decoders of UTF-8, one opinion. */
static void check_decoders(const char *data, size_t size)
{
    size_t taken = 1;

    for (size_t at = 0; at < size; at += taken) {
        uint32_t ours = 0;
        uint32_t theirs = cli_utf8_next(data + at, size - at, &taken);
        size_t length = arm__utf8_take(arm__bytes(data + at, size - at), &ours);
        uint8_t again[ARM_UTF8_BYTES_MAX];

        assert((length == 0) == (theirs == UINT32_MAX));
        if (length != 0) {
            assert(ours == theirs);
            assert(length == taken);
            assert(arm__utf8_put(ours, again) == length);
            assert(memcmp(again, data + at, length) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    size_t columns = fuzz_take_u8(&in);
    struct cli_text lines = {0};

    check_shown((const char *)in.data, in.size, columns);
    check_json((const char *)in.data, in.size);
    check_decoders((const char *)in.data, in.size);
    cli_text_show_lines(&lines, (const char *)in.data, in.size, "  ");
    assert(lines.size == 0 || lines.data[lines.size - 1] == '\n');
    cli_text_release(&lines);
    return 0;
}
