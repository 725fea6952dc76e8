/* SPDX-License-Identifier: Apache-2.0 */
/* Commits of the changelog, written as lines or as JSON. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "changes.h"
#include "row_drawing.h"
#include "table_name.h"
#include "width.h"

/* ---- As JSON ---- */

static void add_member(const char *name, struct cli_text *out)
{
    cli_text_add(out, ",");
    cli_json_string(name, strlen(name), out);
    cli_text_add(out, ":");
}

static void add_string(const char *name, const char *value, struct cli_text *out)
{
    add_member(name, out);
    cli_json_string(value, strlen(value), out);
}

static void add_version(const char *name, uint64_t version, struct cli_text *out)
{
    add_member(name, out);
    if (version == 0) {
        cli_text_add(out, "null");
    } else {
        cli_text_printf(out, "%" PRIu64, version);
    }
}

static void add_json_row(const struct cli_reader *reader, struct cli_text *out)
{
    for (size_t i = 0; i < cli_reader_column_count(reader); i++) {
        const char *name = cli_reader_column_name(reader, i);

        cli_text_add(out, i == 0 ? "{" : ",");
        cli_json_string(name, strlen(name), out);
        cli_text_add(out, ":");
        cli_cell_json(cli_reader_cell(reader, i), out);
    }
    cli_text_add(out, "}");
}

/* ---- Rows ---- */

/* Else none is asked for: a view has no rows, and a new column changes none. */
static bool has_rows(const struct arm_change *change)
{
    return change->rows_added != 0 || change->rows_removed != 0;
}

/* Whether the commit dropped a table and made another of its name: two changes. */
static bool is_replaced(const struct arm_event *event, const struct arm_change *change)
{
    size_t count = 0;

    for (size_t i = 0; i < event->change_count; i++) {
        count += strcmp(event->changes[i].schema_name, change->schema_name) == 0 &&
                 strcmp(event->changes[i].name, change->name) == 0;
    }
    return count > 1;
}

/* The rows of one change of an event, as it stands on its own branch at that commit. */
static arm_status ask_rows(const struct cli_following *f, const struct arm_event *event,
                           const struct arm_change *change, struct cli_reader *out,
                           struct arm_error *err)
{
    struct arm_sql_options options = {.size = sizeof options,
                                      .render = f->cli->json ? ARM_RENDER_JSON : ARM_RENDER_TEXT};
    struct ArrowArrayStream stream = {0};
    struct cli_text table = {0};
    struct cli_text sql = {0};
    arm_status st = ARM_OK;

    cli_table_name_add(change->schema_name, change->name, &table);
    cli_text_add(&sql, "FROM arm_row_changes(");
    cli_sql_text(cli_text_string(&table), &sql);
    cli_text_printf(&sql, ", %" PRIu64 ", until => %" PRIu64 ", branch => 'tx:%" PRIu64 "')",
                    event->tx - 1, event->tx, event->tx);
    if (is_replaced(event, change)) {
        cli_text_printf(&sql, " WHERE (_change = 'delete') = %s",
                        change->new_version == 0 ? "true" : "false");
    }
    CLI_TRY(arm_sql(f->cli->session, cli_text_string(&sql), &options, &stream, NULL, err));
    CLI_TRY(cli_reader_open(&stream, out, err));
done:
    cli_text_release(&table);
    cli_text_release(&sql);
    return st;
}

static arm_status add_json_rows(const struct cli_following *f, const struct arm_event *event,
                                const struct arm_change *change, struct cli_text *out,
                                struct arm_error *err)
{
    struct cli_reader reader = {0};
    bool has_row = false;
    bool is_first = true;
    arm_status st = ARM_OK;

    add_member("rows", out);
    cli_text_add(out, "[");
    has_row = has_rows(change);
    if (has_row) {
        CLI_TRY(ask_rows(f, event, change, &reader, err));
    }
    while (has_row) {
        CLI_TRY(cli_reader_next(&reader, &has_row, err));
        if (!has_row) {
            break;
        }
        cli_text_add(out, is_first ? "" : ",");
        add_json_row(&reader, out);
        is_first = false;
    }
    cli_text_add(out, "]");
done:
    cli_reader_close(&reader);
    return st;
}

static arm_status draw_rows(const struct cli_following *f, const struct arm_event *event,
                            const struct arm_change *change, struct cli_text *text,
                            struct arm_error *err)
{
    uint64_t tx = change->new_version == 0 ? event->tx - 1 : event->tx;
    struct cli_reader reader = {0};
    struct cli_text table = {0};
    char at[32];
    struct cli_row_drawing how = {.session = f->cli->session, .at = at, .indent = "    "};
    arm_status st = ARM_OK;

    cli_table_name_add(change->schema_name, change->name, &table);
    how.table = cli_text_string(&table);
    (void)snprintf(at, sizeof at, "tx:%" PRIu64, tx);
    if (event->change_count > 1) {
        cli_text_add(text, "  ");
        (void)cli_text_show(text, change->table_name, strlen(change->table_name));
        cli_text_add(text, "\n");
    }
    CLI_TRY(ask_rows(f, event, change, &reader, err));
    CLI_TRY(cli_draw_rows(&how, &reader, &f->sink, text, err));
    cli_text_clear(text);
done:
    cli_text_release(&table);
    cli_reader_close(&reader);
    return st;
}

/* ---- One event ---- */

static arm_status add_json(const struct cli_following *f, const struct arm_event *event,
                           struct cli_text *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    cli_text_printf(out, "{\"tx_id\":%" PRIu64, event->tx);
    add_member("timestamp", out);
    cli_text_add(out, "\"");
    cli_time_text(event->time_us, false, out);
    cli_text_add(out, "\"");
    add_string("branch", event->branch, out);
    add_string("author", event->author, out);
    add_string("message", event->message, out);
    add_member("changes", out);
    cli_text_add(out, "[");
    for (size_t i = 0; i < event->change_count; i++) {
        const struct arm_change *change = &event->changes[i];

        cli_text_add(out, i == 0 ? "{\"table_name\":" : ",{\"table_name\":");
        cli_json_string(change->table_name, strlen(change->table_name), out);
        add_version("old_version", change->old_version, out);
        add_version("new_version", change->new_version, out);
        add_member("is_new_table", out);
        cli_text_add(out, change->is_new_table ? "true" : "false");
        add_member("rows_added", out);
        cli_text_printf(out, "%" PRIu64, change->rows_added);
        add_member("rows_removed", out);
        cli_text_printf(out, "%" PRIu64, change->rows_removed);
        if (f->with_rows) { /* of what has none, too */
            CLI_TRY(add_json_rows(f, event, change, out, err));
        }
        cli_text_add(out, "}");
    }
    cli_text_add(out, "]}");
done:
    return st;
}

static void add_change(const struct arm_change *change, struct cli_text *out)
{
    (void)cli_text_show(out, change->table_name, strlen(change->table_name));
    if (change->new_version == 0) {
        cli_text_add(out, " dropped");
    } else if (change->is_new_table) {
        cli_text_printf(out, " new %" PRIu64, change->new_version);
    } else if (change->old_version == 0) {
        cli_text_printf(out, " %" PRIu64, change->new_version);
    } else {
        cli_text_printf(out, " %" PRIu64 "->%" PRIu64, change->old_version, change->new_version);
    }
    if (change->rows_added != 0) {
        cli_text_printf(out, " +%" PRIu64, change->rows_added);
    }
    if (change->rows_removed != 0) {
        cli_text_printf(out, " -%" PRIu64, change->rows_removed);
    }
}

/* "tx 12  2026-11-27T14:00:05Z  main  ada  orders 3->4 +10 -2, items new 1 +5  the message". */
static void add_line(const struct cli_following *f, const struct arm_event *event,
                     struct cli_text *out)
{
    size_t size = strcspn(event->message, "\n");

    cli_text_printf(out, "%stx %" PRIu64 "%s  ", f->sink.color ? "\x1b[33m" : "", event->tx,
                    f->sink.color ? "\x1b[0m" : "");
    cli_time_text(event->time_us, true, out);
    cli_text_printf(out, "  %s", f->sink.color ? "\x1b[32m" : "");
    (void)cli_text_show(out, event->branch[0] == '\0' ? "-" : event->branch,
                        event->branch[0] == '\0' ? 1 : strlen(event->branch));
    cli_text_printf(out, "%s  ", f->sink.color ? "\x1b[0m" : "");
    (void)cli_text_show(out, event->author, strlen(event->author));
    cli_text_add(out, "  ");
    for (size_t i = 0; i < event->change_count; i++) {
        cli_text_add(out, i == 0 ? "" : ", ");
        add_change(&event->changes[i], out);
    }
    cli_text_add(out, event->change_count == 0 ? "-" : "");
    if (size > 0) {
        cli_text_add(out, "  ");
        (void)cli_text_show(out, event->message, size);
    }
    cli_text_add(out, "\n");
}

arm_status cli_write_event(const struct cli_following *f, const struct arm_event *event,
                           struct arm_error *err)
{
    struct cli_text text = {0};
    arm_status st = ARM_OK;

    if (f->cli->json) {
        cli_text_add(&text, f->follows ? "" : f->count == 0 ? "[" : ",\n ");
        CLI_TRY(add_json(f, event, &text, err));
        cli_text_add(&text, f->follows ? "\n" : "");
    } else {
        add_line(f, event, &text);
        for (size_t i = 0; f->with_rows && i < event->change_count; i++) {
            if (!has_rows(&event->changes[i])) {
                continue;
            }
            CLI_TRY(draw_rows(f, event, &event->changes[i], &text, err));
        }
    }
    CLI_TRY(cli_sink_write(&f->sink, &text, err));
    if (f->follows || f->has_consumer) {
        st = cli_sink_flush(&f->sink, err);
    }
done:
    cli_text_release(&text);
    return st;
}
