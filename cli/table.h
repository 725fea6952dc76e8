/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_TABLE_H
#define ARM_CLI_TABLE_H

/* Rows drawn for people.
 *
 *     ┌────────┬──────┐
 *     │ origin │ n    │      on a terminal, and for `--format table`
 *     ├────────┼──────┤
 *     │ EWR    │  120 │      numbers to the right
 *     └────────┴──────┘
 *
 * On a terminal the drawing keeps to its width: long cells are cut, then middle columns left
 * out, and of many rows the first and the last are shown. Elsewhere everything is printed; the
 * widths are those of the first rows, so that a long result needs no more memory than a short
 * one. Cells are escaped by cli_text_show. */

#include <stdio.h>

#include "cli.h"

enum cli_table_style { CLI_TABLE_BOX, CLI_TABLE_PLAIN };
enum cli_align { CLI_ALIGN_AUTO, CLI_ALIGN_LEFT, CLI_ALIGN_RIGHT }; /* auto: numbers right */

struct cli_table_options {
    enum cli_table_style style;
    bool is_terminal; /* elide what does not fit, tell how many rows there are */
    bool all_rows;    /* but leave out no row, and do not tell */
    size_t rows_max;  /* shown on a terminal, the rest left out; 0: 40, SIZE_MAX: all */
    bool color;
    FILE *out;
};

struct cli_table;
struct cli_table *cli_table_new(const struct cli_table_options *options);
/* All columns before the first cell. */
void cli_table_column(struct cli_table *table, const char *name, enum cli_align align);
/* Cells in order, row by row; `text` NULL: a null. A write that fails shows in ferror(out). */
void cli_table_cell(struct cli_table *table, const char *text, size_t size_bytes);
/* Draw what is not drawn yet, and free the table. */
void cli_table_finish(struct cli_table *table);
/* Without drawing more; NULL is accepted. */
void cli_table_free(struct cli_table *table);

/* Columns of the terminal behind `out`: 80 where it does not say. */
size_t cli_terminal_width(FILE *out);

#endif
