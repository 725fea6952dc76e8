/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of one table that differ, as they are read. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "row_drawing.h"
#include "table_name.h"
#include "width.h"

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

/* ---- The table ---- */

static void add_head(const struct cli_sink *sink, const struct cli_difference *difference,
                     struct cli_text *out)
{
    cli_text_add(out, sink->color ? bold : "");
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
    cli_text_add(out, sink->color ? plain : "");
    cli_text_add(out, "\n");
}

arm_status cli_diff_rows(const struct cli_diff *diff, const struct cli_difference *difference,
                         const struct cli_sink *sink, struct arm_error *err)
{
    struct cli_row_drawing how = {.session = diff->cli->session,
                                  .at = difference->new_version != 0 ? diff->b : diff->a,
                                  .indent = ""};
    struct cli_reader reader = {0};
    struct cli_text name = {0};
    struct cli_text text = {0};
    arm_status st = ARM_OK;

    cli_table_name_add(difference->schema, difference->name, &name);
    how.table = name.data;
    add_head(sink, difference, &text);
    CLI_TRY(cli_diff_schema(diff, difference, sink, &text, err)); /* before rows stream */
    CLI_TRY(ask(diff, difference, ARM_RENDER_TEXT, false, &reader, err));
    CLI_TRY(cli_draw_rows(&how, &reader, sink, &text, err));
done:
    cli_text_release(&text);
    cli_text_release(&name);
    cli_reader_close(&reader);
    return st;
}
