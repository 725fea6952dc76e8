/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_ARROW_H
#define ARM_CLI_ARROW_H

/* Reading the Arrow streams that the library gives: row by row, cell by cell. The types they
 * yield are known: null, bool, integers, float, double, utf8 (32- or 64-bit offsets), timestamps
 * in microseconds, lists, maps and structs. Another one is told by name, not guessed.
 *
 *     struct cli_reader reader;
 *     CLI_TRY(cli_reader_open(&stream, &reader, err));        takes the stream
 *     while (cli_reader_next(&reader, &has_row, err) == ARM_OK && has_row)
 *         ... cli_reader_cell(&reader, column) ...
 *     cli_reader_close(&reader);
 */

#include "cli.h"

struct cli_reader {
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    int64_t next_row; /* in the batch; the current row is the one before */
};

/* Takes `stream`, whatever happens. The zeroed state is closed. */
arm_status cli_reader_open(struct ArrowArrayStream *stream, struct cli_reader *out,
                           struct arm_error *err);
void cli_reader_close(struct cli_reader *reader);
/* `*out_has_row` false: no more rows. */
arm_status cli_reader_next(struct cli_reader *reader, bool *out_has_row, struct arm_error *err);

size_t cli_reader_column_count(const struct cli_reader *reader);
const char *cli_reader_column_name(const struct cli_reader *reader, size_t column);
/* SIZE_MAX: no such column. */
size_t cli_reader_find(const struct cli_reader *reader, const char *name);

/* Whether a schema's metadata says `key` = "1". */
bool cli_schema_marked(const struct ArrowSchema *schema, const char *key);

/* One value; valid until the reader moves on. */
struct cli_cell {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    int64_t row;
};

struct cli_cell cli_reader_cell(const struct cli_reader *reader, size_t column);
bool cli_cell_is_null(struct cli_cell cell);
/* Of a utf8 column: not ended by NUL. */
const char *cli_cell_text(struct cli_cell cell, size_t *out_size);
/* Of an integer, bool or timestamp column. */
int64_t cli_cell_integer(struct cli_cell cell);
/* Of a float or double column. */
double cli_cell_real(struct cli_cell cell);
/* Of a list: how many items, and one of them (of a map: a struct of key and value); of a struct: a
 * member by its name. */
int64_t cli_cell_item_count(struct cli_cell cell);
struct cli_cell cli_cell_item(struct cli_cell cell, int64_t item);
struct cli_cell cli_cell_member(struct cli_cell cell, const char *name);

/* Append a value as people read it (nothing for a null), or as JSON. A column marked by the
 * metadata arm.json is JSON text already. */
void cli_cell_show(struct cli_cell cell, struct cli_text *out);
void cli_cell_json(struct cli_cell cell, struct cli_text *out);
void cli_json_string(const char *text, size_t size_bytes, struct cli_text *out);

/* "2026-11-22T21:30:00.123456Z"; `seconds_only` without the fraction. */
void cli_time_text(int64_t time_us, bool seconds_only, struct cli_text *out);

#endif
