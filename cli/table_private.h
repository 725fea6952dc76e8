/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_TABLE_PRIVATE_H
#define ARM_CLI_TABLE_PRIVATE_H

/* What table.c collects, and table_draw.c fits and draws. */

#include "table.h"

/* The column that stands for those left out. */
#define ELIDED_COLUMN SIZE_MAX

struct cell {
    char *text; /* shown form; NULL: a null */
    size_t size;
    size_t width;
    bool is_number;
};

struct column {
    struct cell name;
    enum cli_align align;
    size_t width; /* in columns of the terminal, once fitted */
};

struct cli_table {
    struct cli_table_options options;
    struct column *columns;
    size_t column_count;
    size_t head_rows; /* on a terminal: shown at the top ... */
    size_t tail_rows; /* ... and at the bottom; both 0: all are */
    /* Rows held, in order: the first `row_count`; on a terminal at most `head_rows` of them, and
     * the last ones in the ring. */
    struct cell **rows;
    size_t row_count;
    struct cell **ring;
    size_t ring_next;
    uint64_t total;    /* rows seen */
    struct cell *row;  /* being filled */
    size_t cell_count; /* in it */
    bool is_fitted;    /* widths are fixed, the head is printed */
    size_t *shown;     /* indexes of the columns drawn, or ELIDED_COLUMN */
    size_t shown_count;
};

/* Fix widths and alignment by the rows held. */
void cli_table_fit(struct cli_table *table);
void cli_table_draw_head(const struct cli_table *table);
void cli_table_draw_row(const struct cli_table *table, const struct cell *row);
void cli_table_draw_gap(const struct cli_table *table); /* stands for rows left out */
void cli_table_draw_foot(const struct cli_table *table);

#endif
