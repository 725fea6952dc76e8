/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria log, show. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arrow.h"
#include "graph.h"
#include "table.h"
#include "verbs.h"
#include "width.h"

static const char *const commit_fields[] = {
    "tx", "commit", "parents", "branch", "created_at", "author", "message",
};

/* Of a change, in `log` as in `changes`; `show` also says bytes_added and bytes_removed. */
static const char *const change_fields[] = {
    "table_name", "old_version",  "new_version", "is_new_table",
    "rows_added", "rows_removed", "bytes_added", "bytes_removed",
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static struct cli_cell field(const struct cli_reader *reader, const char *name)
{
    return cli_reader_cell(reader, cli_reader_find(reader, name));
}

/* ---- JSON ---- */

static void json_member(const char *name, struct cli_cell cell, bool is_first, struct cli_text *out)
{
    cli_text_add(out, is_first ? "" : ",");
    cli_json_string(name, strlen(name), out);
    cli_text_add(out, ":");
    cli_cell_json(cell, out);
}

static void json_commit(const struct cli_reader *reader, bool with_bytes, struct cli_text *out)
{
    struct cli_cell changes = field(reader, "changes");
    size_t change_field_count = COUNT_OF(change_fields) - (with_bytes ? 0 : 2);

    cli_text_add(out, "{");
    for (size_t i = 0; i < COUNT_OF(commit_fields); i++) {
        json_member(commit_fields[i], field(reader, commit_fields[i]), i == 0, out);
    }
    cli_text_add(out, ",\"changes\":[");
    for (int64_t i = 0; i < cli_cell_item_count(changes); i++) {
        struct cli_cell change = cli_cell_item(changes, i);

        cli_text_add(out, i == 0 ? "{" : ",{");
        for (size_t j = 0; j < change_field_count; j++) {
            json_member(change_fields[j], cli_cell_member(change, change_fields[j]), j == 0, out);
        }
        cli_text_add(out, "}");
    }
    cli_text_add(out, "]}");
}

/* ---- For people ---- */

static void show_name(struct cli_cell cell, struct cli_text *out)
{
    size_t size = 0;
    const char *text = cli_cell_text(cell, &size);

    (void)cli_text_show(out, text, size);
}

static void show_change(struct cli_cell change, struct cli_text *out)
{
    struct cli_cell old_version = cli_cell_member(change, "old_version");
    struct cli_cell new_version = cli_cell_member(change, "new_version");

    cli_text_add(out, "    ");
    show_name(cli_cell_member(change, "table_name"), out);
    if (cli_cell_is_null(new_version)) {
        cli_text_add(out, ": dropped");
    } else {
        cli_text_printf(out, ": version %" PRId64, cli_cell_integer(new_version));
        if (cli_cell_integer(cli_cell_member(change, "is_new_table")) != 0) {
            cli_text_add(out, ", new");
        } else if (!cli_cell_is_null(old_version)) {
            cli_text_printf(out, ", after %" PRId64, cli_cell_integer(old_version));
        }
    }
    cli_text_add(out, "; rows +");
    cli_text_count(out, (uint64_t)cli_cell_integer(cli_cell_member(change, "rows_added")));
    cli_text_add(out, " -");
    cli_text_count(out, (uint64_t)cli_cell_integer(cli_cell_member(change, "rows_removed")));
    cli_text_add(out, "; stored ");
    cli_text_bytes(out, (uint64_t)cli_cell_integer(cli_cell_member(change, "bytes_added")));
    if (cli_cell_integer(cli_cell_member(change, "bytes_removed")) != 0) {
        cli_text_add(out, ", removed ");
        cli_text_bytes(out, (uint64_t)cli_cell_integer(cli_cell_member(change, "bytes_removed")));
    }
    cli_text_add(out, "\n");
}

static void show_commit(const struct cli *cli, const struct cli_reader *reader, bool with_parents,
                        struct cli_text *out)
{
    struct cli_cell parents = field(reader, "parents");
    struct cli_cell changes = field(reader, "changes");
    const char *message = NULL;
    size_t message_size = 0;

    cli_text_add(out, cli->color_out ? "\x1b[33m" : "");
    cli_text_printf(out, "tx %" PRId64 "  commit ", cli_cell_integer(field(reader, "tx")));
    cli_cell_show(field(reader, "commit"), out);
    cli_text_add(out, cli->color_out ? "\x1b[0m\n" : "\n");
    for (int64_t i = 0; with_parents && i < cli_cell_item_count(parents); i++) {
        cli_text_add(out, "Parent: ");
        cli_cell_show(cli_cell_item(parents, i), out);
        cli_text_add(out, "\n");
    }
    cli_text_add(out, "Branch: ");
    show_name(field(reader, "branch"), out);
    cli_text_add(out, "\nAuthor: ");
    show_name(field(reader, "author"), out);
    cli_text_add(out, "\nDate:   ");
    cli_cell_show(field(reader, "created_at"), out);
    cli_text_add(out, "\n\n");
    message = cli_cell_text(field(reader, "message"), &message_size);
    if (message_size > 0) {
        cli_text_show_lines(out, message, message_size, "    ");
        cli_text_add(out, "\n");
    }
    for (int64_t i = 0; i < cli_cell_item_count(changes); i++) {
        show_change(cli_cell_item(changes, i), out);
    }
}

/* ---- Lists ---- */

static arm_status print_log(const struct cli *cli, struct cli_reader *reader, struct arm_error *err)
{
    struct cli_text text = {0};
    bool has_row = false;
    bool is_first = true;
    arm_status st = ARM_OK;

    for (;;) {
        CLI_TRY(cli_reader_next(reader, &has_row, err));
        if (!has_row) {
            break;
        }
        if (cli->json) {
            cli_text_add(&text, is_first ? "[" : ",\n ");
            json_commit(reader, false, &text);
        } else {
            cli_text_add(&text, is_first ? "" : "\n");
            show_commit(cli, reader, false, &text);
        }
        is_first = false;
        (void)fwrite(text.data, 1, text.size, stdout);
        cli_text_clear(&text);
    }
    if (cli->json) {
        (void)fputs(is_first ? "[]\n" : "]\n", stdout);
    } else if (is_first && !cli->quiet) {
        (void)fputs("no commit yet\n", stdout);
    }
done:
    cli_text_release(&text);
    return st;
}

/* ---- The graph ---- */

/* A commit of a reader; strings owned. */
struct node {
    struct cli_graph_commit commit;
    char *id;
    char **parents;
};

static char *copy_cell(struct cli_cell cell)
{
    size_t size = 0;
    const char *text = cli_cell_text(cell, &size);

    return cli_format("%.*s", (int)size, text);
}

static struct node read_node(const struct cli_reader *reader)
{
    struct cli_cell parents = field(reader, "parents");
    size_t count = (size_t)cli_cell_item_count(parents);
    struct node node = {.id = copy_cell(field(reader, "commit")),
                        .parents = cli_alloc(count, sizeof(char *))};

    for (size_t i = 0; i < count; i++) {
        node.parents[i] = copy_cell(cli_cell_item(parents, (int64_t)i));
    }
    node.commit = (struct cli_graph_commit){node.id, (const char *const *)node.parents, count};
    return node;
}

static void release_node(struct node *node)
{
    for (size_t i = 0; i < node->commit.parent_count; i++) {
        free(node->parents[i]);
    }
    free(node->parents);
    free(node->id);
}

static size_t add_colored(const struct cli *cli, const char *color, const char *text, size_t size,
                          struct cli_text *out)
{
    size_t width = 0;

    cli_text_printf(out, "%s", cli->color_out ? color : "");
    width = cli_text_show(out, text, size);
    cli_text_printf(out, "%s", cli->color_out ? "\x1b[0m" : "");
    return width;
}

/* "tx 12  main  2026-11-27T14:00:05Z  the message's first line": of it as much as fits into `room`
 * columns. */
static void add_line(const struct cli *cli, const struct cli_reader *reader, size_t room,
                     struct cli_text *out)
{
    char tx[32];
    int tx_size = snprintf(tx, sizeof tx, "tx %" PRId64, cli_cell_integer(field(reader, "tx")));
    struct cli_text time = {0};
    struct cli_text shown = {0};
    size_t size = 0;
    const char *text = cli_cell_text(field(reader, "branch"), &size);
    size_t width = add_colored(cli, "\x1b[33m", tx, (size_t)tx_size, out);

    cli_text_add(out, "  ");
    width += 2 + add_colored(cli, "\x1b[32m", size == 0 ? "-" : text, size == 0 ? 1 : size, out);
    cli_time_text(cli_cell_integer(field(reader, "created_at")), true, &time);
    cli_text_printf(out, "  %s", time.data);
    width += 2 + time.size;
    text = cli_cell_text(field(reader, "message"), &size);
    for (size_t i = 0; i < size; i++) {
        size = text[i] == '\n' ? i : size;
    }
    (void)cli_text_show(&shown, text, size);
    if (shown.size > 0) {
        size_t fits =
            width + 2 >= room ? 0 : cli_text_fit(shown.data, shown.size, room - width - 2, &width);

        cli_text_add(out, fits > 0 ? "  " : "");
        cli_text_append(out, shown.data, fits);
    }
    cli_text_release(&time);
    cli_text_release(&shown);
}

static void print_node(const struct cli *cli, const struct cli_reader *reader,
                       struct cli_graph *graph, bool is_shown)
{
    struct node node = read_node(reader);
    size_t room = SIZE_MAX;
    struct cli_text line = {0};
    struct cli_text out = {0};

    if (is_shown) {
        if (isatty(STDOUT_FILENO) == 1) {
            size_t taken = cli_graph_width(graph, &node.commit);
            size_t width = cli_terminal_width(stdout);

            room = width > taken ? width - taken : 0;
        }
        add_line(cli, reader, room, &line);
        cli_graph_commit(graph, &node.commit, cli_text_string(&line), &out);
        (void)fwrite(out.data, 1, out.size, stdout);
    } else {
        cli_graph_skip(graph, &node.commit);
    }
    cli_text_release(&line);
    cli_text_release(&out);
    release_node(&node);
}

/* The commits that are wanted, of all: those that a table was changed by, or as many as asked for.
 * Both readers give them in the same order. */
static arm_status print_graph(const struct cli *cli, struct cli_reader *wanted,
                              struct cli_reader *all, struct arm_error *err)
{
    struct cli_graph *graph = cli_graph_new(cli->color_out);
    bool is_wanted = false;
    bool has_row = false;
    arm_status st = ARM_OK;

    CLI_TRY(cli_reader_next(wanted, &is_wanted, err));
    if (!is_wanted && !cli->quiet) {
        (void)fputs("no commit yet\n", stdout);
    }
    while (is_wanted) {
        bool is_shown;

        CLI_TRY(cli_reader_next(all, &has_row, err));
        if (!has_row) {
            break;
        }
        is_shown = cli_cell_integer(field(all, "tx")) == cli_cell_integer(field(wanted, "tx"));
        print_node(cli, all, graph, is_shown);
        if (is_shown) {
            CLI_TRY(cli_reader_next(wanted, &is_wanted, err));
        }
    }
done:
    cli_graph_free(graph);
    return st;
}

static arm_status draw_log(struct cli *cli, const struct arm_history_options *options,
                           struct arm_error *err)
{
    struct arm_history_options all_options = {.size = sizeof all_options, .at = options->at};
    struct ArrowArrayStream stream = {0};
    struct cli_reader wanted = {0};
    struct cli_reader all = {0};
    arm_status st = ARM_OK;

    all_options.limit = options->table == NULL ? options->limit : 0;
    CLI_TRY(arm_log(cli->session, options, &stream, err));
    CLI_TRY(cli_reader_open(&stream, &wanted, err));
    CLI_TRY(arm_log(cli->session, &all_options, &stream, err));
    CLI_TRY(cli_reader_open(&stream, &all, err));
    CLI_TRY(print_graph(cli, &wanted, &all, err));
done:
    cli_reader_close(&wanted);
    cli_reader_close(&all);
    return st;
}

/* ---- The verbs ---- */

static arm_status list_log(struct cli *cli, const struct arm_history_options *options,
                           struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    arm_status st = ARM_OK;

    CLI_TRY(arm_log(cli->session, options, &stream, err));
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    CLI_TRY(print_log(cli, &reader, err));
done:
    cli_reader_close(&reader);
    return st;
}

int cli_print_log(struct cli *cli, const char *at, uint64_t limit)
{
    struct arm_history_options options = {.size = sizeof options, .at = at, .limit = limit};
    struct arm_error err = {0};

    return list_log(cli, &options, &err) == ARM_OK ? CLI_DONE : cli_report(cli, &err, NULL);
}

static int run_log(struct cli *cli, const struct cli_args *args)
{
    struct arm_history_options options = {.size = sizeof options,
                                          .at = cli_args_value(args, "at"),
                                          .table = cli_args_value(args, "table")};
    bool is_graph = cli_args_value(args, "graph") != NULL;
    const char *limit = cli_args_value(args, "n");
    struct arm_error err = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    if (limit != NULL && (!cli_parse_count(limit, &options.limit) || options.limit == 0)) {
        return cli_usage_error(cli, args->verb, "'%s' is not a number of commits", limit);
    }
    if (is_graph && cli->json) {
        return cli_usage_error(cli, args->verb,
                               "--graph draws: with --json, `parents` says what it would show");
    }
    CLI_TRY(cli_open(cli, CLI_READ, &err));
    CLI_TRY(is_graph ? draw_log(cli, &options, &err) : list_log(cli, &options, &err));
done:
    status = st == ARM_OK ? CLI_DONE
                          : cli_report(cli, &err,
                                       options.table == NULL ? cli_ref_hint(cli, st)
                                                             : cli_table_hint(cli, st, options.at));
    cli_close(cli);
    return status;
}

static int run_show(struct cli *cli, const struct cli_args *args)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    struct cli_text text = {0};
    struct arm_error err = {0};
    bool has_row = false;
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    CLI_TRY(cli_open(cli, CLI_READ, &err));
    CLI_TRY(arm_show(cli->session, args->positional[0], &stream, &err));
    CLI_TRY(cli_reader_open(&stream, &reader, &err));
    CLI_TRY(cli_reader_next(&reader, &has_row, &err));
    if (has_row && cli->json) {
        json_commit(&reader, true, &text);
        cli_text_add(&text, "\n");
    } else if (has_row) {
        show_commit(cli, &reader, true, &text);
    }
    (void)fwrite(cli_text_string(&text), 1, text.size, stdout);
done:
    cli_text_release(&text);
    status = st == ARM_OK ? CLI_DONE : cli_report(cli, &err, cli_ref_hint(cli, st));
    cli_reader_close(&reader);
    cli_close(cli);
    return status;
}

const struct cli_verb cli_verb_log = {
    .name = "log",
    .usage = "[--table T] [-n N] [--graph] [--at REF]",
    .summary = "the commits of the branch, newest first",
    .help =
        "Lists the commits of the branch's history, newest first, with the tables each changed.\n"
        "Those of branches that were merged into it are among them.\n"
        "\n"
        "With --graph each is one line, beside a drawing of which came from which: of a merge,\n"
        "the line that goes on below it is its branch's, the one to the right what it merged.\n"
        "With --table the lines of commits that are not shown are drawn through.",
    .examples = "armillaria log -n 5\n"
                "armillaria log --graph\n"
                "armillaria log --table flights --json",
    .run = run_log,
    .options =
        {
            {"table", 0, "T", "only commits that changed this table"},
            {NULL, 'n', "N", "at most so many"},
            {"at", 0, "REF", "the history of this ref"},
            {"graph", 0, NULL, "draw which commit came from which"},
        },
};

const struct cli_verb cli_verb_show = {
    .name = "show",
    .usage = "REF",
    .summary = "one commit",
    .help = "Shows one commit: its parents, tables, versions, rows and bytes added and removed.\n"
            "REF is a branch, a tag, tx:N or a time, each with an optional ~n (n commits back).",
    .examples = "armillaria show main\n"
                "armillaria show tx:7 --json",
    .positional_min = 1,
    .positional_max = 1,
    .run = run_show,
    .options = {{NULL, 0, NULL, NULL}},
};
