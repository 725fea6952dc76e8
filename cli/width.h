/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_WIDTH_H
#define ARM_CLI_WIDTH_H

/* UTF-8 on a terminal: code points, their widths, and what must not reach the terminal raw. */

#include "text.h"

/* The next code point of UTF-8 `data`, and its bytes in `*out_size` (at least 1). Ill-formed
 * bytes are told by UINT32_MAX, one at a time. */
uint32_t cli_utf8_next(const char *data, size_t size_bytes, size_t *out_size);

/* Columns the code point takes on a terminal: 0, 1 or 2. */
unsigned cli_width_of(uint32_t code_point);

/* Append `data` in a form that a terminal shows and nothing else: control characters, what
 * reorders text, and ill-formed bytes are escaped ("\n", "\x1b", "\u202e"). Returns its width in
 * columns. */
size_t cli_text_show(struct cli_text *text, const char *data, size_t size_bytes);

/* Append the lines of `data`, each shown so, behind `indent` and with its end. */
void cli_text_show_lines(struct cli_text *text, const char *data, size_t size_bytes,
                         const char *indent);

/* The start of shown text that fits into `columns`: bytes, and in `*out_width` its width. */
size_t cli_text_fit(const char *data, size_t size_bytes, size_t columns, size_t *out_width);

#endif
