/* SPDX-License-Identifier: Apache-2.0 */
/* What differs of the columns, keys and CHECKs of tables. */

#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "table_name.h"
#include "width.h"

static const char red[] = "\x1b[31m";
static const char green[] = "\x1b[32m";
static const char yellow[] = "\x1b[33m";
static const char plain[] = "\x1b[0m";

/* Of `table`, as SQL names it; NULL: of all that both have. */
static arm_status ask(const struct cli_diff *diff, const char *table, arm_render render,
                      struct cli_reader *out, struct arm_error *err)
{
    struct arm_sql_options options = {.size = sizeof options, .render = render};
    struct ArrowArrayStream stream = {0};
    struct cli_text sql = {0};
    arm_status st = ARM_OK;

    cli_text_add(&sql, "SELECT * FROM arm_schema_diff(");
    if (table != NULL) {
        cli_sql_text(table, &sql);
        cli_text_add(&sql, ", ");
    }
    cli_sql_text(diff->a, &sql);
    cli_text_add(&sql, ", ");
    cli_sql_text(diff->b, &sql);
    cli_text_add(&sql, ")");
    CLI_TRY(arm_sql(diff->cli->session, sql.data, &options, &stream, NULL, err));
    CLI_TRY(cli_reader_open(&stream, out, err));
done:
    cli_text_release(&sql);
    return st;
}

arm_status cli_diff_schemas_json(const struct cli_diff *diff, const struct cli_sink *sink,
                                 struct arm_error *err)
{
    struct cli_reader reader = {0};
    struct cli_text end = {0};
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    CLI_TRY(ask(diff, diff->table, ARM_RENDER_JSON, &reader, err));
    CLI_TRY(cli_write_rows(&reader, CLI_FORMAT_JSON, sink, &rows, err));
    cli_text_add(&end, rows == 0 ? "[]\n" : "]\n");
    CLI_TRY(cli_sink_write(sink, &end, err));
done:
    cli_text_release(&end);
    cli_reader_close(&reader);
    return st;
}

/* ---- For people ---- */

static void show(struct cli_cell cell, struct cli_text *out)
{
    size_t size = 0;
    const char *text = cli_cell_text(cell, &size);

    (void)cli_text_show(out, text, size);
}

static void add_old_and_new(struct cli_cell before, struct cli_cell after, struct cli_text *out)
{
    if (cli_cell_is_null(before)) {
        cli_text_add(out, "none");
    } else {
        show(before, out);
    }
    cli_text_add(out, " -> ");
    if (cli_cell_is_null(after)) {
        cli_text_add(out, "none");
    } else {
        show(after, out);
    }
}

/* "+ COLUMN note VARCHAR", "~ COLUMN qty: type INTEGER -> BIGINT", "- UNIQUE (code)". */
static void add_change(const struct cli_reader *reader, const struct cli_sink *sink,
                       const char *indent, struct cli_text *out)
{
    struct cli_cell change = cli_reader_cell(reader, cli_reader_find(reader, "change"));
    struct cli_cell column = cli_reader_cell(reader, cli_reader_find(reader, "column"));
    struct cli_cell before = cli_reader_cell(reader, cli_reader_find(reader, "old"));
    struct cli_cell after = cli_reader_cell(reader, cli_reader_find(reader, "new"));
    size_t size = 0;
    char kind = cli_cell_text(change, &size)[0];
    size_t property_size = 0;
    const char *property =
        cli_cell_text(cli_reader_cell(reader, cli_reader_find(reader, "property")), &property_size);

    cli_text_add(out, indent);
    cli_text_add(out, !sink->color ? "" : kind == 'a' ? green : kind == 'r' ? red : yellow);
    cli_text_add(out, kind == 'a' ? "+ " : kind == 'r' ? "- " : "~ ");
    if (cli_cell_is_null(column)) {
        cli_text_add(out, property[0] == 'p'   ? "PRIMARY KEY "
                          : property[0] == 'u' ? "UNIQUE "
                                               : "CHECK ");
    } else {
        cli_text_add(out, "COLUMN ");
        show(column, out);
        cli_text_add(out, kind == 'c' ? ": " : " ");
    }
    if (kind != 'c') {
        show(kind == 'a' ? after : before, out);
    } else {
        if (!cli_cell_is_null(column)) {
            cli_text_append(out, property, property_size);
            cli_text_add(out, " ");
        }
        add_old_and_new(before, after, out);
    }
    cli_text_add(out, sink->color ? plain : "");
    cli_text_add(out, "\n");
}

arm_status cli_diff_schema(const struct cli_diff *diff, const struct cli_difference *difference,
                           const struct cli_sink *sink, struct cli_text *out, struct arm_error *err)
{
    struct cli_reader reader = {0};
    struct cli_text name = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    if (difference->old_version == 0 || difference->new_version == 0) {
        return ARM_OK;
    }
    cli_table_name_add(difference->schema, difference->name, &name);
    CLI_TRY(ask(diff, name.data, ARM_RENDER_TEXT, &reader, err));
    for (;;) {
        CLI_TRY(cli_reader_next(&reader, &has_row, err));
        if (!has_row) {
            break;
        }
        add_change(&reader, sink, "", out);
    }
done:
    cli_reader_close(&reader);
    cli_text_release(&name);
    return st;
}

/* The table of the row, if it is another than that of the row before, which `*last` keeps. */
static void add_table(const struct cli_reader *reader, char **last, struct cli_text *out)
{
    size_t size = 0;
    const char *text =
        cli_cell_text(cli_reader_cell(reader, cli_reader_find(reader, "table")), &size);

    if (*last == NULL || strlen(*last) != size || memcmp(*last, text, size) != 0) {
        free(*last);
        *last = cli_format("%.*s", (int)size, text);
        (void)cli_text_show(out, text, size);
        cli_text_add(out, "\n");
    }
}

arm_status cli_diff_schemas(const struct cli_diff *diff, const struct cli_sink *sink,
                            struct cli_text *out, struct arm_error *err)
{
    struct cli_reader reader = {0};
    char *last = NULL;
    bool has_row = false;
    arm_status st = ARM_OK;

    CLI_TRY(ask(diff, diff->table, ARM_RENDER_TEXT, &reader, err));
    for (;;) {
        CLI_TRY(cli_reader_next(&reader, &has_row, err));
        if (!has_row) {
            break;
        }
        add_table(&reader, &last, out);
        add_change(&reader, sink, "  ", out);
    }
done:
    free(last);
    cli_reader_close(&reader);
    return st;
}
