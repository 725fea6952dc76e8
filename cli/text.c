/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and growing text. */

#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (memory == NULL) {
        (void)fputs("armillaria: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

void *cli_alloc(size_t count, size_t size_bytes)
{
    return checked(calloc(count == 0 ? 1 : count, size_bytes == 0 ? 1 : size_bytes));
}

void *cli_grow(void *memory, size_t count, size_t size_bytes)
{
    return checked(reallocarray(memory, count == 0 ? 1 : count, size_bytes));
}

char *cli_strdup(const char *text)
{
    return checked(strdup(text));
}

char *cli_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    int size = 0;

    va_start(args, format);
    size = vasprintf(&text, format, args);
    va_end(args);
    return checked(size < 0 ? NULL : text);
}

void cli_text_release(struct cli_text *text)
{
    free(text->data);
    *text = (struct cli_text){0};
}

void cli_text_clear(struct cli_text *text)
{
    text->size = 0;
    if (text->data != NULL) {
        text->data[0] = '\0';
    }
}

static void reserve(struct cli_text *text, size_t more)
{
    size_t wanted = text->size + more + 1;

    if (wanted > text->capacity) {
        size_t capacity = text->capacity < 64 ? 64 : text->capacity;

        while (capacity < wanted) {
            capacity *= 2;
        }
        text->data = cli_grow(text->data, capacity, 1);
        text->capacity = capacity;
    }
}

void cli_text_append(struct cli_text *text, const char *data, size_t size_bytes)
{
    reserve(text, size_bytes);
    if (size_bytes > 0) {
        memcpy(text->data + text->size, data, size_bytes);
    }
    text->size += size_bytes;
    text->data[text->size] = '\0'; /* T1 */
}

void cli_text_add(struct cli_text *text, const char *string)
{
    cli_text_append(text, string, strlen(string));
}

void cli_text_printf(struct cli_text *text, const char *format, ...)
{
    char *formatted = NULL;
    va_list args;
    int size = 0;

    va_start(args, format);
    size = vasprintf(&formatted, format, args);
    va_end(args);
    checked(size < 0 ? NULL : formatted);
    cli_text_append(text, formatted, (size_t)size);
    free(formatted);
}

const char *cli_text_string(const struct cli_text *text)
{
    return text->data == NULL ? "" : text->data;
}

void cli_text_count(struct cli_text *text, uint64_t count)
{
    char digits[32];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, count);

    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) {
            cli_text_append(text, ",", 1);
        }
        cli_text_append(text, &digits[i], 1);
    }
}

void cli_text_bytes(struct cli_text *text, uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes < 1000) {
        cli_text_printf(text, "%" PRIu64 " B", bytes);
        return;
    }
    for (value /= 1000; value >= 999.95 && unit + 1 < sizeof units / sizeof *units; unit++) {
        value /= 1000;
    }
    cli_text_printf(text, "%.1f %s", value, units[unit]);
}
