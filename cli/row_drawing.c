/* SPDX-License-Identifier: Apache-2.0 */
/* No more is kept of the rows than the one before an update, which the one after it follows. */

#include "row_drawing.h"

#include <stdlib.h>
#include <string.h>

#include "width.h"

enum {
    OWN_COLUMNS = 3,      /* _change, _tx, _version: behind the table's */
    VALUE_WIDTH_MAX = 60, /* of a value on a terminal */
};

static const char red[] = "\x1b[31m";
static const char green[] = "\x1b[32m";
static const char yellow[] = "\x1b[33m";
static const char plain[] = "\x1b[0m";

/* ---- Rows ---- */

struct value {
    char *text; /* NULL: a null; owned */
    size_t size;
};

struct drawing {
    struct cli_reader *reader;
    const char *indent;
    bool color;
    bool is_terminal;
    size_t width;         /* columns of the table */
    bool *is_key;         /* of each */
    bool has_key;         /* without one, whole rows are shown */
    struct value *before; /* the row before an update */
    bool has_before;
};

static void add_color(const struct drawing *d, const char *color, struct cli_text *out)
{
    cli_text_add(out, d->color ? color : "");
}

static struct value value_of(const struct drawing *d, size_t column)
{
    struct cli_cell cell = cli_reader_cell(d->reader, column);
    struct value value = {.text = NULL};

    if (!cli_cell_is_null(cell)) {
        const char *text = cli_cell_text(cell, &value.size);

        value.text = cli_alloc(value.size + 1, 1);
        memcpy(value.text, text, value.size);
    }
    return value;
}

static void add_value(const struct drawing *d, const struct value *value, struct cli_text *out)
{
    struct cli_text shown = {0};
    size_t width = 0;

    if (value->text == NULL || value->size == 0) {
        cli_text_add(out, value->text == NULL ? "NULL" : "''");
        return;
    }
    width = cli_text_show(&shown, value->text, value->size);
    if (d->is_terminal && width > VALUE_WIDTH_MAX) {
        cli_text_append(out, shown.data,
                        cli_text_fit(shown.data, shown.size, VALUE_WIDTH_MAX - 1, &width));
        cli_text_add(out, "…");
    } else {
        cli_text_append(out, shown.data, shown.size);
    }
    cli_text_release(&shown);
}

static void add_name(const struct drawing *d, size_t column, bool is_first, struct cli_text *out)
{
    const char *name = cli_reader_column_name(d->reader, column);

    cli_text_add(out, is_first ? " " : ", ");
    (void)cli_text_show(out, name, strlen(name));
    cli_text_add(out, "=");
}

static void add_row(const struct drawing *d, bool is_added, struct cli_text *out)
{
    cli_text_add(out, d->indent);
    add_color(d, is_added ? green : red, out);
    cli_text_add(out, is_added ? "+" : "-");
    for (size_t i = 0; i < d->width; i++) {
        struct value value = value_of(d, i);

        add_name(d, i, i == 0, out);
        add_value(d, &value, out);
        free(value.text);
    }
    add_color(d, plain, out);
    cli_text_add(out, "\n");
}

static bool is_same(const struct value *a, const struct value *b)
{
    return a->text == NULL || b->text == NULL
               ? a->text == b->text
               : a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

/* The row by its key, and its changed cells; one without a key whole. */
static void add_update(const struct drawing *d, struct cli_text *out)
{
    bool is_first = true;

    cli_text_add(out, d->indent);
    add_color(d, yellow, out);
    cli_text_add(out, "~");
    add_color(d, plain, out);
    for (size_t i = 0; i < d->width; i++) {
        struct value after = value_of(d, i);
        bool same = is_same(&d->before[i], &after);

        if (!same || d->is_key[i] || !d->has_key) {
            add_name(d, i, is_first, out);
            is_first = false;
        }
        if (!same) {
            add_color(d, red, out);
            add_value(d, &d->before[i], out);
            add_color(d, plain, out);
            cli_text_add(out, " -> ");
            add_color(d, green, out);
            add_value(d, &after, out);
            add_color(d, plain, out);
        } else if (d->is_key[i] || !d->has_key) {
            add_value(d, &after, out);
        }
        free(after.text);
    }
    cli_text_add(out, "\n");
}

static void forget_before(struct drawing *d)
{
    for (size_t i = 0; i < d->width && d->has_before; i++) {
        free(d->before[i].text);
        d->before[i] = (struct value){.text = NULL};
    }
    d->has_before = false;
}

static void take_row(struct drawing *d, struct cli_text *out)
{
    struct cli_cell cell = cli_reader_cell(d->reader, d->width);
    size_t size = 0;
    const char *change = cli_cell_text(cell, &size);

    if (size == strlen("update_before") && memcmp(change, "update_before", size) == 0) {
        forget_before(d);
        for (size_t i = 0; i < d->width; i++) {
            d->before[i] = value_of(d, i);
        }
        d->has_before = true;
    } else if (d->has_before) {
        add_update(d, out);
        forget_before(d);
    } else {
        add_row(d, size > 0 && change[0] == 'i', out);
    }
}

/* ---- The key ---- */

static void mark_key(struct drawing *d, struct cli_cell column)
{
    size_t size = 0;
    const char *name = cli_cell_text(column, &size);

    for (size_t i = 0; i < d->width; i++) {
        const char *other = cli_reader_column_name(d->reader, i);

        if (strlen(other) == size && memcmp(other, name, size) == 0) {
            d->is_key[i] = true;
            d->has_key = true;
        }
    }
}

static arm_status read_key(const struct cli_row_drawing *how, struct drawing *d,
                           struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    CLI_TRY(arm_schema(how->session, how->table, how->at, &stream, err));
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    for (;;) {
        CLI_TRY(cli_reader_next(&reader, &has_row, err));
        if (!has_row) {
            break;
        }
        if (cli_cell_integer(cli_reader_cell(&reader, cli_reader_find(&reader, "key"))) != 0) {
            mark_key(d, cli_reader_cell(&reader, cli_reader_find(&reader, "column")));
        }
    }
done:
    cli_reader_close(&reader);
    return st;
}

/* ---- All of them ---- */

static arm_status draw_rows(struct drawing *d, const struct cli_sink *sink, struct cli_text *text,
                            struct arm_error *err)
{
    enum { FLUSH_BYTES = 1 << 16 };
    bool has_row = false;
    arm_status st = ARM_OK;

    for (;;) {
        CLI_TRY(cli_reader_next(d->reader, &has_row, err));
        if (!has_row) {
            break;
        }
        take_row(d, text);
        if (text->size >= FLUSH_BYTES) {
            CLI_TRY(cli_sink_write(sink, text, err));
            cli_text_clear(text);
        }
    }
    CLI_TRY(cli_sink_write(sink, text, err));
done:
    return st;
}

arm_status cli_draw_rows(const struct cli_row_drawing *how, struct cli_reader *reader,
                         const struct cli_sink *sink, struct cli_text *text, struct arm_error *err)
{
    struct drawing d = {.reader = reader,
                        .indent = how->indent,
                        .color = sink->color,
                        .is_terminal = sink->is_terminal};
    arm_status st = ARM_OK;

    d.width = cli_reader_column_count(d.reader) - OWN_COLUMNS;
    d.is_key = cli_alloc(d.width, sizeof *d.is_key);
    d.before = cli_alloc(d.width, sizeof *d.before);
    CLI_TRY(read_key(how, &d, err));
    CLI_TRY(draw_rows(&d, sink, text, err));
done:
    forget_before(&d);
    free(d.before);
    free(d.is_key);
    return st;
}
