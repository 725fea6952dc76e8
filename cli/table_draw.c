/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting a table into the terminal, and drawing it. */

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "table_private.h"
#include "width.h"

enum {
    CELL_WIDTH_MIN = 12, /* a cell is cut to this before a column is left out */
    NULL_WIDTH = 4,
};

static const char *const null_text = "NULL";

size_t cli_terminal_width(FILE *out)
{
    struct winsize size = {0};
    const char *told = getenv("COLUMNS");
    uint64_t columns = 0;

    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    columns = told == NULL ? 0 : strtoull(told, NULL, 10);
    return columns >= 20 && columns < 10000 ? (size_t)columns : 80;
}

/* ---- Fitting ---- */

static size_t cell_width(const struct cell *cell)
{
    return cell->text == NULL ? NULL_WIDTH : cell->width;
}

/* The widest cell, and whether all are numbers. */
static void measure(struct cli_table *table, size_t index)
{
    struct column *column = &table->columns[index];
    bool has_number = false;
    bool has_text = false;

    column->width = column->name.width;
    for (size_t i = 0; i < table->row_count; i++) {
        const struct cell *cell = &table->rows[i][index];

        if (cell_width(cell) > column->width) {
            column->width = cell_width(cell);
        }
        has_number = has_number || cell->is_number;
        has_text = has_text || (cell->text != NULL && !cell->is_number);
    }
    if (column->align == CLI_ALIGN_AUTO) {
        column->align = has_number && !has_text ? CLI_ALIGN_RIGHT : CLI_ALIGN_LEFT;
    }
}

/* Columns of the terminal that a row takes if no column is wider than `cap`. */
static size_t row_width(const struct cli_table *table, size_t cap)
{
    size_t width = 1;

    for (size_t i = 0; i < table->column_count; i++) {
        width += 3 + (table->columns[i].width < cap ? table->columns[i].width : cap);
    }
    return width;
}

/* Cut wide columns, all to the same width: the largest that lets the row fit. */
static void cut_cells(struct cli_table *table, size_t terminal)
{
    size_t cap = terminal;

    while (cap > CELL_WIDTH_MIN && row_width(table, cap) > terminal) {
        cap--;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].width > cap) {
            table->columns[i].width = cap;
        }
    }
}

static void show_all(struct cli_table *table)
{
    table->shown = cli_alloc(table->column_count + 1, sizeof *table->shown);
    for (size_t i = 0; i < table->column_count; i++) {
        table->shown[i] = i;
    }
    table->shown_count = table->column_count;
}

/* Leave out columns from the middle until the row, with one "…" instead, fits. */
static void leave_out_columns(struct cli_table *table, size_t terminal)
{
    size_t width = row_width(table, SIZE_MAX);
    size_t from = table->column_count / 2;
    size_t to = from; /* columns from .. to - 1 are left out */

    if (width <= terminal) {
        return;
    }
    width += 3 + 1;
    while (width > terminal && (from > 1 || to < table->column_count)) {
        bool left = to == table->column_count || (from > 1 && from > table->column_count - to);

        width -= 3 + table->columns[left ? --from : to++].width;
    }
    table->shown_count = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        if (i == from) {
            table->shown[table->shown_count++] = ELIDED_COLUMN;
        }
        if (i < from || i >= to) {
            table->shown[table->shown_count++] = i;
        }
    }
}

void cli_table_fit(struct cli_table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        measure(table, i);
    }
    show_all(table);
    if (table->options.is_terminal) {
        size_t terminal = cli_terminal_width(table->options.out);

        cut_cells(table, terminal);
        leave_out_columns(table, terminal);
    }
}

/* ---- Drawing ---- */

static size_t width_of(const struct cli_table *table, size_t shown)
{
    return table->shown[shown] == ELIDED_COLUMN ? 1 : table->columns[table->shown[shown]].width;
}

static void put(const struct cli_table *table, const char *text)
{
    (void)fputs(text, table->options.out);
}

static void put_repeated(const struct cli_table *table, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(table, text);
    }
}

static void draw_line(const struct cli_table *table, const char *left, const char *middle,
                      const char *right)
{
    if (table->options.style != CLI_TABLE_BOX) {
        return;
    }
    put(table, left);
    for (size_t i = 0; i < table->shown_count; i++) {
        put(table, i == 0 ? "" : middle);
        put_repeated(table, "─", width_of(table, i) + 2);
    }
    put(table, right);
    put(table, "\n");
}

/* `text` cut or padded to the column, in the colours given by SGR numbers ("" for none). */
static void draw_text(const struct cli_table *table, size_t shown, const struct cell *cell,
                      const char *sgr, enum cli_align align)
{
    FILE *out = table->options.out;
    size_t room = width_of(table, shown);
    size_t width = cell->width;
    size_t size = cell->size;
    bool cut = table->options.is_terminal && width > room;
    bool is_last = shown + 1 == table->shown_count && table->options.style == CLI_TABLE_PLAIN;
    size_t padding = 0;

    if (cut) {
        size = cli_text_fit(cell->text, size, room - 1, &width);
        width++;
    }
    padding = width < room ? room - width : 0;
    put_repeated(table, " ", align == CLI_ALIGN_RIGHT ? padding : 0);
    if (table->options.color && sgr[0] != '\0') {
        (void)fprintf(out, "\x1b[%sm", sgr);
    }
    (void)fwrite(cell->text, 1, size, out);
    put(table, cut ? "…" : "");
    put(table, table->options.color && sgr[0] != '\0' ? "\x1b[0m" : "");
    put_repeated(table, " ", align == CLI_ALIGN_RIGHT || is_last ? 0 : padding);
}

static void draw_border(const struct cli_table *table, size_t shown)
{
    if (table->options.style == CLI_TABLE_BOX) {
        put(table, shown == 0 ? "│ " : " │ ");
    } else {
        put(table, shown == 0 ? "" : "  ");
    }
}

static void end_line(const struct cli_table *table)
{
    put(table, table->options.style == CLI_TABLE_BOX ? " │\n" : "\n");
}

/* A sign that stands for what is left out. */
static void draw_mark(const struct cli_table *table, size_t shown, const char *mark)
{
    struct cell cell = {.text = (char *)(uintptr_t)mark, .size = strlen(mark), .width = 1};

    draw_text(table, shown, &cell, "2", CLI_ALIGN_LEFT);
}

void cli_table_draw_head(const struct cli_table *table)
{
    draw_line(table, "┌", "┬", "┐");
    for (size_t i = 0; i < table->shown_count; i++) {
        draw_border(table, i);
        if (table->shown[i] == ELIDED_COLUMN) {
            draw_mark(table, i, "…");
        } else {
            const struct column *column = &table->columns[table->shown[i]];

            draw_text(table, i, &column->name, "1", column->align);
        }
    }
    end_line(table);
    draw_line(table, "├", "┼", "┤");
}

void cli_table_draw_row(const struct cli_table *table, const struct cell *row)
{
    for (size_t i = 0; i < table->shown_count; i++) {
        draw_border(table, i);
        if (table->shown[i] == ELIDED_COLUMN) {
            draw_mark(table, i, "…");
        } else {
            const struct cell *cell = &row[table->shown[i]];
            struct cell null = {
                .text = (char *)(uintptr_t)null_text, .size = NULL_WIDTH, .width = NULL_WIDTH};

            draw_text(table, i, cell->text == NULL ? &null : cell, cell->text == NULL ? "2" : "",
                      table->columns[table->shown[i]].align);
        }
    }
    end_line(table);
}

void cli_table_draw_gap(const struct cli_table *table)
{
    for (size_t i = 0; i < table->shown_count; i++) {
        draw_border(table, i);
        draw_mark(table, i, "⋮");
    }
    end_line(table);
}

void cli_table_draw_foot(const struct cli_table *table)
{
    draw_line(table, "└", "┴", "┘");
}
