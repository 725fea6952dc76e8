/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_OUTPUT_H
#define ARM_CLI_OUTPUT_H

/* Rows of a reader in one of the text formats. */

#include <stdio.h>

#include "arrow.h"
#include "watch.h"

enum cli_format {
    CLI_FORMAT_TABLE,
    CLI_FORMAT_CSV,
    CLI_FORMAT_JSON,
    CLI_FORMAT_JSONL,
    CLI_FORMAT_MARKDOWN,
    CLI_FORMAT_PARQUET,
    CLI_FORMAT_ARROW,
};

bool cli_format_parse(const char *name, enum cli_format *out);
/* The format a file's suffix means; false: none. */
bool cli_format_of_file(const char *path, enum cli_format *out);
/* Parquet and Arrow are no text. */
bool cli_format_is_text(enum cli_format format);
/* How values must leave the library for the format. */
arm_render cli_format_render(enum cli_format format);

/* Where rows go. */
struct cli_sink {
    FILE *out;
    const char *name; /* for messages */
    bool is_terminal;
    bool color;
    size_t rows_max;         /* of a table on a terminal: see table.h */
    struct cli_watch *watch; /* stops the writing; its bar is put away first. NULL: none */
};

/* Write all rows. JSON is one array of several readers' rows: `*io_rows` of it are written, and
 * whoever wrote them closes it. Errors: of the reader; ARM_IO, ARM_CLOSED of writing;
 * ARM_INTERRUPTED. */
arm_status cli_write_rows(struct cli_reader *reader, enum cli_format format,
                          const struct cli_sink *sink, uint64_t *io_rows, struct arm_error *err);
arm_status cli_sink_write(const struct cli_sink *sink, const struct cli_text *text,
                          struct arm_error *err);
arm_status cli_sink_flush(const struct cli_sink *sink, struct arm_error *err);

#endif
