/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria diff. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "diff.h"
#include "run.h"
#include "table.h"
#include "verbs.h"
#include "width.h"

enum { BAR_WIDTH = 40 };

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* ---- The tables, as JSON ---- */

static void json_text(const char *name, const char *value, struct cli_text *out)
{
    cli_text_printf(out, "\"%s\":", name);
    cli_json_string(value, strlen(value), out);
}

static void json_version(const char *name, uint64_t version, struct cli_text *out)
{
    if (version == 0) {
        cli_text_printf(out, ",\"%s\":null", name);
    } else {
        cli_text_printf(out, ",\"%s\":%" PRIu64, name, version);
    }
}

static void json_difference(const struct cli_difference *difference, struct cli_text *out)
{
    cli_text_add(out, "{");
    json_text("table", difference->shown, out);
    cli_text_add(out, ",");
    json_text("status", difference->status, out);
    json_version("old_version", difference->old_version, out);
    json_version("new_version", difference->new_version, out);
    cli_text_printf(out,
                    ",\"rows_added\":%" PRIu64 ",\"rows_removed\":%" PRIu64
                    ",\"rows_changed\":%" PRIu64 ",\"conflict\":%s}",
                    difference->added, difference->removed, difference->changed,
                    !difference->knows_conflict ? "null"
                    : difference->conflict      ? "true"
                                                : "false");
}

static void json_tables(const struct cli_diff *diff, struct cli_text *out)
{
    for (size_t i = 0; i < diff->count; i++) {
        cli_text_add(out, i == 0 ? "[" : ",\n ");
        json_difference(&diff->differences[i], out);
    }
    cli_text_add(out, diff->count == 0 ? "[]\n" : "]\n");
}

/* ---- The tables, for people ---- */

static void text_cell(struct cli_table *table, const char *text)
{
    cli_table_cell(table, text, strlen(text));
}

static void count_cell(struct cli_table *table, uint64_t count, bool is_known)
{
    struct cli_text text = {0};

    if (is_known) {
        cli_text_count(&text, count);
    } else {
        cli_text_add(&text, "-");
    }
    cli_table_cell(table, text.data, text.size);
    cli_text_release(&text);
}

static bool has_conflict(const struct cli_diff *diff)
{
    bool has = false;

    for (size_t i = 0; i < diff->count; i++) {
        has = has || diff->differences[i].conflict;
    }
    return has;
}

static void list_tables(const struct cli_diff *diff, const struct cli_sink *sink)
{
    static const char *const names[] = {"table",      "status",       "old_version", "new_version",
                                        "rows_added", "rows_removed", "rows_changed"};
    struct cli_table_options options = {
        .style = sink->is_terminal ? CLI_TABLE_BOX : CLI_TABLE_PLAIN,
        .is_terminal = sink->is_terminal,
        .all_rows = true,
        .color = sink->color,
        .out = sink->out,
    };
    struct cli_table *table = cli_table_new(&options);
    bool with_conflict = has_conflict(diff);

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        cli_table_column(table, names[i], i < 2 ? CLI_ALIGN_LEFT : CLI_ALIGN_RIGHT);
    }
    if (with_conflict) {
        cli_table_column(table, "conflict", CLI_ALIGN_LEFT);
    }
    for (size_t i = 0; i < diff->count; i++) {
        const struct cli_difference *difference = &diff->differences[i];

        text_cell(table, difference->shown);
        text_cell(table, difference->status);
        count_cell(table, difference->old_version, difference->old_version != 0);
        count_cell(table, difference->new_version, difference->new_version != 0);
        count_cell(table, difference->added, true);
        count_cell(table, difference->removed, true);
        count_cell(table, difference->changed, true);
        if (with_conflict) {
            text_cell(table, difference->conflict ? "yes" : "no");
        }
    }
    cli_table_finish(table);
}

/* ---- How much differs ---- */

static uint64_t rows_of(const struct cli_difference *difference)
{
    return difference->added + difference->removed + difference->changed;
}

/* Of `width` marks, as many as its share of `most`; one at least, if it is not nothing. */
static size_t marks_of(uint64_t count, uint64_t most)
{
    size_t marks = most <= BAR_WIDTH ? (size_t)count
                                     : (size_t)((double)count * (double)BAR_WIDTH / (double)most);

    return marks == 0 && count > 0 ? 1 : marks;
}

static void add_marks(const struct cli_sink *sink, const char *color, char mark, size_t count,
                      struct cli_text *out)
{
    if (count > 0 && sink->color) {
        cli_text_add(out, color);
    }
    for (size_t i = 0; i < count; i++) {
        cli_text_append(out, &mark, 1);
    }
    if (count > 0 && sink->color) {
        cli_text_add(out, "\x1b[0m");
    }
}

static void add_blanks(size_t count, struct cli_text *out)
{
    for (size_t i = 0; i < count; i++) {
        cli_text_add(out, " ");
    }
}

static void add_stat(const struct cli_sink *sink, const struct cli_difference *difference,
                     size_t name_width, uint64_t most, struct cli_text *out)
{
    struct cli_text count = {0};
    size_t width = 0;

    cli_text_add(out, " ");
    width = cli_text_show(out, difference->shown, strlen(difference->shown));
    add_blanks(name_width - width, out);
    cli_text_add(out, " | ");
    cli_text_count(&count, rows_of(difference));
    cli_text_add(out, count.data);
    cli_text_add(out, rows_of(difference) > 0 ? " " : "");
    add_marks(sink, "\x1b[32m", '+', marks_of(difference->added, most), out);
    add_marks(sink, "\x1b[31m", '-', marks_of(difference->removed, most), out);
    add_marks(sink, "\x1b[33m", '~', marks_of(difference->changed, most), out);
    cli_text_add(out, "\n");
    cli_text_release(&count);
}

static void add_total(const struct cli_diff *diff, struct cli_text *out)
{
    uint64_t added = 0;
    uint64_t removed = 0;
    uint64_t changed = 0;
    uint64_t bytes_added = 0;
    uint64_t bytes_removed = 0;
    bool knows_bytes = true;

    for (size_t i = 0; i < diff->count; i++) {
        const struct cli_difference *difference = &diff->differences[i];

        added += difference->added;
        removed += difference->removed;
        changed += difference->changed;
        bytes_added += difference->bytes_added;
        bytes_removed += difference->bytes_removed;
        knows_bytes = knows_bytes && difference->knows_bytes;
    }
    cli_text_printf(out, " %zu table%s: ", diff->count, diff->count == 1 ? "" : "s");
    cli_text_count(out, added);
    cli_text_printf(out, " row%s added, ", added == 1 ? "" : "s");
    cli_text_count(out, removed);
    cli_text_add(out, " removed, ");
    cli_text_count(out, changed);
    cli_text_add(out, " changed");
    if (knows_bytes) {
        cli_text_add(out, "; ");
        cli_text_bytes(out, bytes_added);
        cli_text_add(out, " added, ");
        cli_text_bytes(out, bytes_removed);
        cli_text_add(out, " removed");
    }
    cli_text_add(out, "\n");
}

static void add_stats(const struct cli_diff *diff, const struct cli_sink *sink,
                      struct cli_text *out)
{
    size_t name_width = 0;
    uint64_t most = 0;

    for (size_t i = 0; i < diff->count; i++) {
        const struct cli_difference *difference = &diff->differences[i];
        struct cli_text shown = {0};
        size_t width = cli_text_show(&shown, difference->shown, strlen(difference->shown));

        cli_text_release(&shown);
        name_width = width > name_width ? width : name_width;
        most = rows_of(difference) > most ? rows_of(difference) : most;
    }
    for (size_t i = 0; i < diff->count; i++) {
        add_stat(sink, &diff->differences[i], name_width, most, out);
    }
    add_total(diff, out);
}

/* ---- The verb ---- */

struct wish {
    bool rows;
    bool stat;
    bool schema;
};

static arm_status write_json_rows(const struct cli_diff *diff, const struct cli_sink *sink,
                                  struct arm_error *err)
{
    struct cli_text end = {0};
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < diff->count; i++) {
        CLI_TRY(cli_diff_json(diff, &diff->differences[i], sink, &rows, err));
    }
    cli_text_add(&end, rows == 0 ? "[]\n" : "]\n");
    CLI_TRY(cli_sink_write(sink, &end, err));
done:
    cli_text_release(&end);
    return st;
}

static arm_status write_rows(const struct cli_diff *diff, const struct cli_sink *sink,
                             bool is_first, struct arm_error *err)
{
    struct cli_text gap = {0};
    arm_status st = ARM_OK;

    cli_text_add(&gap, "\n");
    for (size_t i = 0; i < diff->count; i++) {
        if (i > 0 || !is_first) {
            CLI_TRY(cli_sink_write(sink, &gap, err));
        }
        CLI_TRY(cli_diff_rows(diff, &diff->differences[i], sink, err));
    }
done:
    cli_text_release(&gap);
    return st;
}

/* The tables, and below what differs of their columns. */
static arm_status write_list(const struct cli_diff *diff, const struct cli_sink *sink,
                             struct arm_error *err)
{
    struct cli_text lines = {0};
    struct cli_text text = {0};
    arm_status st = ARM_OK;

    CLI_TRY(cli_diff_schemas(diff, sink, &lines, err));
    CLI_TRY(cli_sink_write(sink, &text, err)); /* puts the bar away */
    list_tables(diff, sink);
    if (lines.size > 0) {
        cli_text_add(&text, "\n");
        cli_text_append(&text, lines.data, lines.size);
        CLI_TRY(cli_sink_write(sink, &text, err));
    }
done:
    cli_text_release(&text);
    cli_text_release(&lines);
    return st;
}

static arm_status print(const struct cli_diff *diff, struct wish wish, const struct cli_sink *sink,
                        struct arm_error *err)
{
    struct cli_text text = {0};
    arm_status st = ARM_OK;

    if (diff->cli->json && wish.rows) {
        CLI_TRY(write_json_rows(diff, sink, err));
        goto done;
    }
    if (diff->cli->json) {
        json_tables(diff, &text);
    } else if (diff->count == 0) {
        cli_text_add(&text, diff->cli->quiet ? "" : "no table differs\n");
    } else if (wish.schema) {
        CLI_TRY(cli_diff_schemas(diff, sink, &text, err));
        cli_text_add(
            &text, text.size > 0 || diff->cli->quiet ? "" : "no columns, keys or CHECKs differ\n");
    } else if (wish.stat) {
        add_stats(diff, sink, &text);
    }
    CLI_TRY(cli_sink_write(sink, &text, err)); /* puts the bar away */
    if (diff->cli->json) {
        goto done;
    }
    if (wish.rows) {
        CLI_TRY(write_rows(diff, sink, !wish.stat, err));
    } else if (!wish.stat && !wish.schema && diff->count > 0) {
        CLI_TRY(write_list(diff, sink, err));
    }
done:
    cli_text_release(&text);
    return st;
}

static int run_diff(struct cli *cli, const struct cli_args *args)
{
    struct cli_watch *watch = cli_watch_begin(cli);
    struct cli_diff diff = {.cli = cli,
                            .watch = watch,
                            .a = args->positional[0],
                            .b = args->positional[1],
                            .table = cli_args_value(args, "table")};
    struct wish wish = {.rows = cli_args_value(args, "rows") != NULL,
                        .stat = cli_args_value(args, "stat") != NULL,
                        .schema = cli_args_value(args, "schema") != NULL};
    struct cli_sink sink = {.out = stdout,
                            .name = "standard output",
                            .is_terminal = isatty(STDOUT_FILENO) == 1,
                            .color = cli->color_out,
                            .watch = watch};
    struct arm_error err = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    if (wish.schema && (wish.rows || wish.stat)) {
        cli_watch_end(watch);
        return cli_usage_error(cli, args->verb, "--schema stands alone: without --rows and --stat");
    }
    CLI_TRY(cli_open(cli, CLI_READ, &err));
    cli_watch_session(watch, cli->session);
    cli_watch_show(watch, "comparing");
    if (wish.schema && cli->json) { /* no row needs to be read */
        CLI_TRY(cli_diff_schemas_json(&diff, &sink, &err));
        goto done;
    }
    CLI_TRY(cli_diff_find(&diff, &err));
    CLI_TRY(print(&diff, wish, &sink, &err));
done:
    cli_watch_hide(watch);
    if (st != ARM_OK) {
        const char *hint = st == ARM_NOT_FOUND && cli->session != NULL
                               ? "`armillaria branch`, `armillaria tag` and `armillaria log` list "
                                 "what there is; `armillaria tables --at REF` the tables"
                               : NULL;

        status = cli_run_report(cli, watch, &err, hint);
    }
    cli_watch_session(watch, NULL);
    cli_diff_release(&diff);
    cli_close(cli);
    cli_watch_end(watch);
    return status;
}

const struct cli_verb cli_verb_diff = {
    .name = "diff",
    .usage = "A B [--table T] [--rows] [--stat] [--schema]",
    .summary = "tables and rows that differ",
    .help =
        "Compares two refs: the tables that differ, and how many rows were added, removed and\n"
        "changed from A to B. A ref is a branch, a tag, tx:N or a time, each with an optional ~n;\n"
        "with --table also version:N of that table.\n"
        "\n"
        "With --rows the rows: + was added, - removed, ~ changed, each known by its primary key.\n"
        "Of a changed row the key and the cells that differ are shown; of a table without a key\n"
        "the whole row. With --json, rows are objects of the table's columns, _change (insert,\n"
        "delete, update_before, update_after), _tx and _version; without --table _table says\n"
        "which table's.\n"
        "\n"
        "What differs of columns, keys and CHECKs is told below the tables, and above the rows;\n"
        "with --schema alone. With --json that is objects of table, change (added, removed,\n"
        "changed), column (null: a key or a CHECK), property, old and new.\n"
        "\n"
        "What two refs have in common is not read, and rows are written as they are found.",
    .examples = "armillaria diff main feature/x\n"
                "armillaria diff main~1 main --rows\n"
                "armillaria diff v1 main --stat\n"
                "armillaria diff v1 main --schema --json\n"
                "armillaria diff version:3 version:5 --table orders --rows --json",
    .exits = ", 4 damage found,\n130 interrupted",
    .positional_min = 2,
    .positional_max = 2,
    .run = run_diff,
    .options =
        {
            {"table", 0, "T", "only this table"},
            {"rows", 0, NULL, "the rows that differ"},
            {"stat", 0, NULL, "how many rows and bytes differ, drawn"},
            {"schema", 0, NULL, "the columns, keys and CHECKs that differ"},
        },
};
