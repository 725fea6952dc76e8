/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_TEXT_H
#define ARM_CLI_TEXT_H

/* Memory and growing text. A command that is out of memory says so and ends (status 1): the
 * repository is safe from that as from any kill. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed; never NULL. */
void *cli_alloc(size_t count, size_t size_bytes);
void *cli_grow(void *memory, size_t count, size_t size_bytes);
char *cli_strdup(const char *text);
char *cli_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* T1: data[size] is NUL once anything was appended; before that data is NULL. */
struct cli_text {
    char *data;
    size_t size;
    size_t capacity;
};

void cli_text_release(struct cli_text *text);
void cli_text_clear(struct cli_text *text);
void cli_text_append(struct cli_text *text, const char *data, size_t size_bytes);
void cli_text_add(struct cli_text *text, const char *string);
void cli_text_printf(struct cli_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The text; "" when nothing was appended. */
const char *cli_text_string(const struct cli_text *text);

/* "1,234,567". */
void cli_text_count(struct cli_text *text, uint64_t count);
/* "512 B", "1.5 kB", "23.4 MB". */
void cli_text_bytes(struct cli_text *text, uint64_t bytes);

#endif
