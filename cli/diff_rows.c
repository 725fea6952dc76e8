/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of one table that differ, as they are read: no more of them is kept than the row before
 * an update, which the row after it follows. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "table_name.h"
#include "width.h"

enum {
    OWN_COLUMNS = 3,      /* _change, _tx, _version: behind the table's */
    VALUE_WIDTH_MAX = 60, /* of a value on a terminal */
};

static const char red[] = "\x1b[31m";
static const char green[] = "\x1b[32m";
static const char yellow[] = "\x1b[33m";
static const char bold[] = "\x1b[1m";
static const char plain[] = "\x1b[0m";

/* ---- What is asked ---- */

static char *build_sql(const struct cli_diff *diff, const struct cli_difference *difference,
                       bool with_table)
{
    struct cli_text name = {0};
    struct cli_text sql = {0};

    cli_text_add(&sql, "SELECT ");
    if (with_table) {
        cli_sql_text(difference->shown, &sql);
        cli_text_add(&sql, " AS _table, ");
    }
    cli_table_name_add(difference->schema, difference->name, &name);
    cli_text_add(&sql, "* FROM arm_row_diff(");
    cli_sql_text(name.data, &sql);
    cli_text_add(&sql, ", ");
    cli_sql_text(diff->a, &sql);
    cli_text_add(&sql, ", ");
    cli_sql_text(diff->b, &sql);
    cli_text_add(&sql, ")");
    cli_text_release(&name);
    return sql.data;
}

static arm_status ask(const struct cli_diff *diff, const struct cli_difference *difference,
                      arm_render render, bool with_table, struct cli_reader *out,
                      struct arm_error *err)
{
    struct arm_sql_options options = {.size = sizeof options, .render = render};
    struct ArrowArrayStream stream = {0};
    char *sql = build_sql(diff, difference, with_table);
    arm_status st = ARM_OK;

    CLI_TRY(arm_sql(diff->cli->session, sql, &options, &stream, NULL, err));
    CLI_TRY(cli_reader_open(&stream, out, err));
done:
    free(sql);
    return st;
}

arm_status cli_diff_json(const struct cli_diff *diff, const struct cli_difference *difference,
                         const struct cli_sink *sink, uint64_t *io_rows, struct arm_error *err)
{
    struct cli_reader reader = {0};
    arm_status st = ARM_OK;

    CLI_TRY(ask(diff, difference, ARM_RENDER_JSON, diff->table == NULL, &reader, err));
    CLI_TRY(cli_write_rows(&reader, CLI_FORMAT_JSON, sink, io_rows, err));
done:
    cli_reader_close(&reader);
    return st;
}

/* ---- Rows ---- */

struct value {
    char *text; /* NULL: a null; owned */
    size_t size;
};

struct drawing {
    struct cli_reader reader;
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
    struct cli_cell cell = cli_reader_cell(&d->reader, column);
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
    const char *name = cli_reader_column_name(&d->reader, column);

    cli_text_add(out, is_first ? " " : ", ");
    (void)cli_text_show(out, name, strlen(name));
    cli_text_add(out, "=");
}

static void add_row(const struct drawing *d, bool is_added, struct cli_text *out)
{
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
    struct cli_cell cell = cli_reader_cell(&d->reader, d->width);
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

/* ---- The table ---- */

static void mark_key(struct drawing *d, struct cli_cell column)
{
    size_t size = 0;
    const char *name = cli_cell_text(column, &size);

    for (size_t i = 0; i < d->width; i++) {
        const char *other = cli_reader_column_name(&d->reader, i);

        if (strlen(other) == size && memcmp(other, name, size) == 0) {
            d->is_key[i] = true;
            d->has_key = true;
        }
    }
}

static arm_status read_key(const struct cli_diff *diff, const struct cli_difference *difference,
                           struct drawing *d, struct arm_error *err)
{
    const char *at = difference->new_version != 0 ? diff->b : diff->a;
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    struct cli_text name = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    cli_table_name_add(difference->schema, difference->name, &name);
    CLI_TRY(arm_schema(diff->cli->session, name.data, at, &stream, err));
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
    cli_text_release(&name);
    return st;
}

static void add_head(const struct drawing *d, const struct cli_difference *difference,
                     struct cli_text *out)
{
    add_color(d, bold, out);
    (void)cli_text_show(out, difference->shown, strlen(difference->shown));
    cli_text_printf(out, ": %s, version ", difference->status);
    if (difference->old_version != 0) {
        cli_text_printf(out, "%" PRIu64, difference->old_version);
    }
    if (difference->old_version != 0 && difference->new_version != 0) {
        cli_text_add(out, " -> ");
    }
    if (difference->new_version != 0) {
        cli_text_printf(out, "%" PRIu64, difference->new_version);
    }
    add_color(d, plain, out);
    cli_text_add(out, "\n");
}

static arm_status draw_rows(struct drawing *d, const struct cli_sink *sink, struct cli_text *text,
                            struct arm_error *err)
{
    enum { FLUSH_BYTES = 1 << 16 };
    bool has_row = false;
    arm_status st = ARM_OK;

    for (;;) {
        CLI_TRY(cli_reader_next(&d->reader, &has_row, err));
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

arm_status cli_diff_rows(const struct cli_diff *diff, const struct cli_difference *difference,
                         const struct cli_sink *sink, struct arm_error *err)
{
    struct drawing d = {.color = sink->color, .is_terminal = sink->is_terminal};
    struct cli_text text = {0};
    arm_status st = ARM_OK;

    add_head(&d, difference, &text);
    CLI_TRY(cli_diff_schema(diff, difference, sink, &text, err)); /* before rows stream */
    CLI_TRY(ask(diff, difference, ARM_RENDER_TEXT, false, &d.reader, err));
    d.width = cli_reader_column_count(&d.reader) - OWN_COLUMNS;
    d.is_key = cli_alloc(d.width, sizeof *d.is_key);
    d.before = cli_alloc(d.width, sizeof *d.before);
    CLI_TRY(read_key(diff, difference, &d, err));
    CLI_TRY(draw_rows(&d, sink, &text, err));
done:
    forget_before(&d);
    free(d.before);
    free(d.is_key);
    cli_text_release(&text);
    cli_reader_close(&d.reader);
    return st;
}
