/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting the cells of a table, and which of its rows are drawn. */

#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "table_private.h"
#include "width.h"

enum {
    ROWS_MAX = 40,       /* on a terminal, unless told */
    SAMPLE_ROWS = 10000, /* elsewhere: rows that decide the widths */
};

struct cli_table *cli_table_new(const struct cli_table_options *options)
{
    struct cli_table *table = cli_alloc(1, sizeof *table);

    table->options = *options;
    if (options->is_terminal && !options->all_rows && options->rows_max != SIZE_MAX) {
        size_t rows_max = options->rows_max == 0 ? ROWS_MAX : options->rows_max;

        table->head_rows = rows_max - rows_max / 2;
        table->tail_rows = rows_max / 2;
    }
    table->ring = cli_alloc(table->tail_rows, sizeof(struct cell *));
    return table;
}

/* Behind the digits at `at`. */
static size_t skip_digits(const char *text, size_t size, size_t at)
{
    while (at < size && text[at] >= '0' && text[at] <= '9') {
        at++;
    }
    return at;
}

/* Whether this is how a number is printed: "-12.50", "1e-05". The type is not known here, so that
 * what no number looks like ("007", "+49", "9E") shows a text. */
static bool is_number(const char *text, size_t size)
{
    size_t start = size > 0 && text[0] == '-' ? 1 : 0;
    size_t group = start; /* of digits; each has at least one */
    size_t at = skip_digits(text, size, group);

    if (at == group || (text[group] == '0' && at > group + 1)) {
        return false;
    }
    if (at < size && text[at] == '.') {
        group = at + 1;
        at = skip_digits(text, size, group);
    }
    if (at > group && at < size && (text[at] == 'e' || text[at] == 'E')) {
        group = at + 1;
        group += group < size && (text[group] == '-' || text[group] == '+') ? 1 : 0;
        at = skip_digits(text, size, group);
    }
    return at == size && at > group;
}

static struct cell make_cell(const char *text, size_t size)
{
    struct cell cell = {0};

    if (text != NULL) {
        struct cli_text shown = {0};

        cell.width = cli_text_show(&shown, text, size);
        cell.is_number = is_number(text, size);
        cli_text_append(&shown, "", 0);
        cell.text = shown.data;
        cell.size = shown.size;
    }
    return cell;
}

void cli_table_column(struct cli_table *table, const char *name, enum cli_align align)
{
    table->columns = cli_grow(table->columns, table->column_count + 1, sizeof *table->columns);
    table->columns[table->column_count++] =
        (struct column){.name = make_cell(name, strlen(name)), .align = align};
}

static void free_row(const struct cli_table *table, struct cell *row)
{
    for (size_t i = 0; row != NULL && i < table->column_count; i++) {
        free(row[i].text);
    }
    free(row);
}

static void draw_held(struct cli_table *table)
{
    cli_table_fit(table);
    table->is_fitted = true;
    cli_table_draw_head(table);
    for (size_t i = 0; i < table->row_count; i++) {
        cli_table_draw_row(table, table->rows[i]);
        free_row(table, table->rows[i]);
    }
    table->row_count = 0;
}

static void hold_row(struct cli_table *table, struct cell *row)
{
    if ((table->row_count & (table->row_count - 1)) == 0) { /* grow at powers of two */
        size_t capacity = table->row_count == 0 ? 1 : 2 * table->row_count;

        table->rows = cli_grow(table->rows, capacity, sizeof(struct cell *));
    }
    table->rows[table->row_count++] = row;
}

static void end_row(struct cli_table *table)
{
    struct cell *row = table->row;

    table->row = NULL;
    table->cell_count = 0;
    table->total++;
    if (table->is_fitted) {
        cli_table_draw_row(table, row);
        free_row(table, row);
    } else if (table->head_rows == 0) {
        hold_row(table, row);
        if (table->row_count == SAMPLE_ROWS) {
            draw_held(table);
        }
    } else if (table->row_count < table->head_rows) {
        hold_row(table, row);
    } else if (table->tail_rows == 0) {
        free_row(table, row);
    } else {
        free_row(table, table->ring[table->ring_next]);
        table->ring[table->ring_next] = row;
        table->ring_next = (table->ring_next + 1) % table->tail_rows;
    }
}

void cli_table_cell(struct cli_table *table, const char *text, size_t size_bytes)
{
    if (table->row == NULL) {
        table->row = cli_alloc(table->column_count, sizeof *table->row);
    }
    table->row[table->cell_count++] = make_cell(text, size_bytes);
    if (table->cell_count == table->column_count) {
        end_row(table);
    }
}

static bool hides_rows(const struct cli_table *table)
{
    return table->head_rows > 0 && table->total > table->head_rows + table->tail_rows;
}

/* The ring's rows behind the head, with a gap if rows between were let go. */
static void unroll_ring(struct cli_table *table, size_t *out_gap)
{
    *out_gap = hides_rows(table) ? table->row_count : SIZE_MAX;
    for (size_t i = 0; i < table->tail_rows; i++) {
        struct cell **slot = &table->ring[(table->ring_next + i) % table->tail_rows];

        if (*slot != NULL) {
            hold_row(table, *slot);
            *slot = NULL;
        }
    }
}

static void tell_count(const struct cli_table *table)
{
    struct cli_text text = {0};

    cli_text_count(&text, table->total);
    cli_text_add(&text, table->total == 1 ? " row" : " rows");
    if (hides_rows(table)) {
        cli_text_printf(&text, ", %zu shown", table->head_rows + table->tail_rows);
    }
    (void)fprintf(table->options.out, table->options.color ? "\x1b[2m%s\x1b[0m\n" : "%s\n",
                  cli_text_string(&text));
    cli_text_release(&text);
}

void cli_table_finish(struct cli_table *table)
{
    if (!table->is_fitted) {
        size_t gap = SIZE_MAX;

        unroll_ring(table, &gap);
        cli_table_fit(table);
        cli_table_draw_head(table);
        for (size_t i = 0; i < table->row_count; i++) {
            if (i == gap) {
                cli_table_draw_gap(table);
            }
            cli_table_draw_row(table, table->rows[i]);
        }
        if (gap == table->row_count) { /* maxrows 1: none at the bottom */
            cli_table_draw_gap(table);
        }
    }
    cli_table_draw_foot(table);
    if (table->options.is_terminal && !table->options.all_rows) {
        tell_count(table);
    }
    cli_table_free(table);
}

void cli_table_free(struct cli_table *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < table->row_count; i++) {
        free_row(table, table->rows[i]);
    }
    for (size_t i = 0; i < table->tail_rows; i++) {
        free_row(table, table->ring[i]);
    }
    for (size_t i = 0; i < table->column_count; i++) {
        free(table->columns[i].name.text);
    }
    free_row(table, table->row);
    free(table->rows);
    free(table->ring);
    free(table->columns);
    free(table->shown);
    free(table);
}
