/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_LIST_H
#define ARM_CLI_LIST_H

/* What a catalog call answers, listed: an array of objects with --json, else columns for people
 * (boxed on a terminal, plain where the output goes elsewhere). */

#include "arrow.h"

enum cli_list_kind {
    CLI_LIST_PLAIN,
    CLI_LIST_COUNT, /* 1,234,567 */
    CLI_LIST_BYTES, /* 1.2 MB */
    CLI_LIST_RATIO, /* 1.25 x */
    CLI_LIST_TABLE, /* with the column "schema" before it, unless that is main */
};

struct cli_list_column {
    const char *name; /* of the stream's column, and of the field */
    enum cli_list_kind kind;
};

/* Takes `stream`. */
arm_status cli_list(const struct cli *cli, struct ArrowArrayStream *stream,
                    const struct cli_list_column *columns, size_t count, struct arm_error *err);

/* The pieces, for verbs that print more: one row as a JSON object, and rows for people. */
void cli_list_json_row(const struct cli_reader *reader, const struct cli_list_column *columns,
                       size_t count, struct cli_text *out);
struct cli_table;
struct cli_table *cli_list_begin(const struct cli *cli, const struct cli_list_column *columns,
                                 size_t count);
void cli_list_row(struct cli_table *table, const struct cli_reader *reader,
                  const struct cli_list_column *columns, size_t count);

/* What was done to something: "made tag v1", or with --json an array of an object that names it. */
void cli_tell_name(const struct cli *cli, const char *done_text, const char *name);

#endif
