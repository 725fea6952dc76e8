/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria changes: the changelog, as it was and as it comes. All of it goes through a
 * subscription: what is there already is what it is given first. */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "row_drawing.h"
#include "run.h"
#include "table_name.h"
#include "verbs.h"
#include "width.h"

enum { ACK_US = 20000 }; /* what was written is acknowledged no later, if more keeps coming */

/* One run of the verb. */
struct following {
    struct cli *cli;
    struct cli_watch *watch;
    struct cli_sink sink;
    arm_feed *feed;
    bool with_rows;
    bool follows;
    bool has_consumer;
    uint64_t until; /* a tx; UINT64_MAX: no end */
    uint64_t limit; /* events; 0: all */
    uint64_t count;
    uint64_t written_tx; /* and flushed, not yet acknowledged; 0: none */
    uint64_t acked_us;   /* when something was */
};

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
        count += strcmp(event->changes[i].table_name, change->table_name) == 0;
    }
    return count > 1;
}

/* The rows of one change of an event, as it stands on its own branch at that commit. */
static arm_status ask_rows(const struct following *f, const struct arm_event *event,
                           const struct arm_change *change, struct cli_reader *out,
                           struct arm_error *err)
{
    struct arm_sql_options options = {.size = sizeof options,
                                      .render = f->cli->json ? ARM_RENDER_JSON : ARM_RENDER_TEXT};
    struct ArrowArrayStream stream = {0};
    struct cli_text sql = {0};
    arm_status st = ARM_OK;

    cli_text_add(&sql, "FROM arm_row_changes(");
    cli_sql_text(change->table_name, &sql);
    cli_text_printf(&sql, ", %" PRIu64 ", until => %" PRIu64 ", branch => 'tx:%" PRIu64 "')",
                    event->tx - 1, event->tx, event->tx);
    if (is_replaced(event, change)) {
        cli_text_printf(&sql, " WHERE (_change = 'delete') = %s",
                        change->new_version == 0 ? "true" : "false");
    }
    CLI_TRY(arm_sql(f->cli->session, cli_text_string(&sql), &options, &stream, NULL, err));
    CLI_TRY(cli_reader_open(&stream, out, err));
done:
    cli_text_release(&sql);
    return st;
}

static arm_status add_json_rows(const struct following *f, const struct arm_event *event,
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

static arm_status draw_rows(const struct following *f, const struct arm_event *event,
                            const struct arm_change *change, struct cli_text *text,
                            struct arm_error *err)
{
    uint64_t tx = change->new_version == 0 ? event->tx - 1 : event->tx;
    struct cli_reader reader = {0};
    char at[32];
    struct cli_row_drawing how = {
        .session = f->cli->session, .table = change->table_name, .at = at, .indent = "    "};
    arm_status st = ARM_OK;

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
    cli_reader_close(&reader);
    return st;
}

/* ---- One event ---- */

static arm_status add_json(const struct following *f, const struct arm_event *event,
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
static void add_line(const struct following *f, const struct arm_event *event, struct cli_text *out)
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

static arm_status write_event(const struct following *f, const struct arm_event *event,
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
    if ((f->follows || f->has_consumer) && fflush(stdout) != 0) {
        st = cli_fail_output(err, f->sink.name);
    }
done:
    cli_text_release(&text);
    return st;
}

/* ---- All of them ---- */

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* What is written is done with. */
static arm_status acknowledge(struct following *f, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (f->has_consumer && f->written_tx != 0) {
        CLI_TRY(arm_feed_ack(f->feed, f->written_tx, err));
        f->acked_us = now_us();
    }
    f->written_tx = 0;
done:
    return st;
}

static bool is_over(const struct following *f, const struct arm_event *event)
{
    return event == NULL ? !f->follows : event->tx > f->until;
}

static arm_status follow(struct following *f, struct arm_error *err)
{
    const struct arm_event *event = NULL;
    arm_status st = ARM_OK;

    while (f->limit == 0 || f->count < f->limit) {
        bool may_wait = f->follows && f->written_tx == 0;

        CLI_TRY(arm_feed_next(f->feed, may_wait ? UINT64_MAX : 0, &event, err));
        if (event == NULL && f->written_tx != 0) { /* before it waits */
            CLI_TRY(acknowledge(f, err));
            continue;
        }
        if (is_over(f, event)) {
            break;
        }
        if (event != NULL) {
            CLI_TRY(write_event(f, event, err));
            f->count++;
            f->written_tx = event->tx;
        }
        if (now_us() - f->acked_us >= ACK_US) {
            CLI_TRY(acknowledge(f, err));
        }
    }
    CLI_TRY(acknowledge(f, err));
done:
    return st;
}

static arm_status finish(const struct following *f, struct arm_error *err)
{
    struct cli_text text = {0};
    arm_status st = ARM_OK;

    if (f->cli->json && !f->follows) {
        cli_text_add(&text, f->count == 0 ? "[]\n" : "]\n");
    } else if (f->count == 0 && !f->follows && !f->cli->json && !f->cli->quiet) {
        cli_text_add(&text, "no changes\n");
    }
    CLI_TRY(cli_sink_write(&f->sink, &text, err));
done:
    cli_text_release(&text);
    return st;
}

/* ---- What is asked for ---- */

/* The names of "A,B" in place; quoted ones may hold commas. Returns how many. */
static size_t split_names(char *text, const char **out)
{
    bool is_quoted = false;
    size_t count = 0;

    out[count++] = text;
    for (char *at = text; *at != '\0'; at++) {
        is_quoted = *at == '"' ? !is_quoted : is_quoted;
        if (*at == ',' && !is_quoted) {
            *at = '\0';
            out[count++] = at + 1;
        }
    }
    return count;
}

/* A tx id, with or without "tx:". */
static bool parse_tx(const char *text, uint64_t *out)
{
    return cli_parse_count(strncmp(text, "tx:", 3) == 0 ? text + 3 : text, out);
}

/* The tx that a ref names: of its commit; of a time, of the last commit by then, 0 if there was
 * none. */
static arm_status find_tx(const struct following *f, const char *ref, uint64_t *out,
                          struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    bool is_time = ref[0] >= '0' && ref[0] <= '9';
    bool has_row = false;
    arm_status st = ARM_OK;

    if (parse_tx(ref, out)) {
        return ARM_OK;
    }
    st = arm_show(f->cli->session, ref, &stream, err);
    if (st == ARM_NOT_FOUND && is_time) {
        *out = 0;
        return ARM_OK;
    }
    CLI_TRY(st);
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    CLI_TRY(cli_reader_next(&reader, &has_row, err));
    *out = (uint64_t)cli_cell_integer(cli_reader_cell(&reader, cli_reader_find(&reader, "tx")));
done:
    cli_reader_close(&reader);
    return st;
}

/* What --since and --until say. */
static arm_status take_bounds(struct following *f, const char *since, const char *until,
                              struct arm_feed_options *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (since != NULL && strcmp(since, "now") == 0) {
        out->from = ARM_FROM_NOW;
    } else if (since != NULL) {
        out->from = ARM_FROM_TX;
        CLI_TRY(find_tx(f, since, &out->since, err));
    } else if (!f->follows && !f->has_consumer) {
        out->from = ARM_FROM_TX; /* a query: from the beginning */
    }
    if (until != NULL) {
        CLI_TRY(find_tx(f, until, &f->until, err));
    }
done:
    return st;
}

static arm_status open_feed(struct following *f, const struct cli_args *args,
                            struct arm_feed_options *options, struct arm_error *err)
{
    bool every = cli_args_value(args, "all") != NULL;
    uint64_t latest = 0;
    char *branch = NULL;
    arm_status st = ARM_OK;

    CLI_TRY(every ? cli_open_anywhere(f->cli, f->has_consumer ? CLI_WRITE : CLI_READ, err)
                  : cli_open(f->cli, f->has_consumer ? CLI_WRITE : CLI_READ, err));
    CLI_TRY(
        take_bounds(f, cli_args_value(args, "since"), cli_args_value(args, "until"), options, err));
    CLI_TRY(arm_latest_tx(f->cli->repo, &latest, err));
    if (!f->follows && f->until > latest) {
        f->until = latest; /* what comes meanwhile is for the next time */
    }
    branch = cli_format("%s", arm_session_branch(f->cli->session));
    options->branch = every ? "*" : branch;
    CLI_TRY(arm_feed_open(f->cli->repo, options, &f->feed, err));
    cli_watch_session(f->watch, f->cli->session);
    cli_watch_feed(f->watch, f->feed);
done:
    free(branch);
    return st;
}

static const char *hint_of(const struct following *f, arm_status st)
{
    if (st == ARM_CONFLICT) {
        return "run it again: it goes on from where the consumer stands";
    }
    if (st == ARM_HISTORY_EXPIRED) {
        return "without --rows the changelog itself can still be read";
    }
    return st == ARM_NOT_FOUND && f->feed == NULL && f->cli->session != NULL
               ? "`armillaria log` lists the commits, `armillaria branch` and `armillaria tag` "
                 "what "
                 "names them"
               : NULL;
}

/* A signal ends it clean: what was written is acknowledged. */
static arm_status end(struct following *f, arm_status st, struct arm_error *err)
{
    if (st == ARM_INTERRUPTED && cli_watch_caught(f->watch) != 0 && f->follows) {
        st = acknowledge(f, err);
    }
    cli_watch_session(f->watch, NULL);
    cli_watch_feed(f->watch, NULL);
    arm_feed_close(f->feed);
    return st;
}

static int run_changes(struct cli *cli, const struct cli_args *args)
{
    const char *given_tables = cli_args_value(args, "tables");
    const char *limit = cli_args_value(args, "n");
    struct following f = {.cli = cli,
                          .sink = {.out = stdout,
                                   .name = "standard output",
                                   .is_terminal = isatty(STDOUT_FILENO) == 1,
                                   .color = cli->color_out},
                          .with_rows = cli_args_value(args, "rows") != NULL,
                          .follows = cli_args_value(args, "follow") != NULL,
                          .has_consumer = cli_args_value(args, "consumer") != NULL,
                          .until = UINT64_MAX};
    struct arm_feed_options options = {.size = sizeof options,
                                       .consumer = cli_args_value(args, "consumer")};
    char *tables = cli_format("%s", given_tables == NULL ? "" : given_tables);
    const char **names = cli_alloc(strlen(tables) + 1, sizeof *names);
    struct arm_error err = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    if (limit != NULL && (!cli_parse_count(limit, &f.limit) || f.limit == 0)) {
        status = cli_usage_error(cli, args->verb, "'%s' is not a number of commits", limit);
        goto usage;
    }
    if (given_tables != NULL) {
        options.tables = names;
        options.table_count = split_names(tables, names);
    }
    f.watch = cli_watch_begin(cli);
    f.sink.watch = f.watch;
    CLI_TRY(open_feed(&f, args, &options, &err));
    CLI_TRY(follow(&f, &err));
    CLI_TRY(finish(&f, &err));
done:
    st = end(&f, st, &err);
    status = st == ARM_OK ? CLI_DONE : cli_run_report(cli, f.watch, &err, hint_of(&f, st));
    cli_watch_end(f.watch);
    cli_close(cli);
usage:
    free(names);
    free(tables);
    return status;
}

const struct cli_verb cli_verb_changes = {
    .name = "changes",
    .usage = "[--since TX] [--tables A,B] [--rows] [--follow] [--consumer NAME]",
    .summary = "the changelog, as it was and as it comes",
    .help =
        "Lists the commits that were made on the branch, oldest first, a line for each: its tx\n"
        "id, and what it did to tables. Without --since it begins at the beginning; with\n"
        "--follow it begins now, waits for more, and writes each commit as soon as it is\n"
        "durable, whichever process made it, until it is stopped (SIGINT, SIGTERM).\n"
        "\n"
        "A consumer is a name under which the repository keeps how far somebody has come. Each\n"
        "line is written and flushed, then acknowledged; who comes next under that name goes on\n"
        "behind it, so that nothing is lost, and nothing comes twice but what was written and\n"
        "not acknowledged when a process was killed. A new consumer begins at the beginning, or\n"
        "at --since. Several at once under one name share the tables among them.\n"
        "\n"
        "TX is a tx id, or a ref that names a commit: a tag, a time.\n"
        "\n"
        "In --tables `*` stands for any characters and `?` for one: 'sales.*'.\n"
        "\n"
        "With --json the answer is an array, with --follow an object a line.",
    .examples = "armillaria changes --since 120\n"
                "armillaria changes --tables orders,items --rows\n"
                "armillaria changes --follow --json | jq .changes\n"
                "armillaria changes --follow --consumer billing --tables 'orders*'",
    .run = run_changes,
    .options = {{"since", 0, "TX", "what came behind this tx, or ref; `now`: what will come"},
                {"until", 0, "TX", "up to this tx, or ref"},
                {"tables", 0, "A,B", "only what was done to these; * and ? are patterns"},
                {"rows", 0, NULL, "the rows too: + and - and ~"},
                {"follow", 'f', NULL, "wait for more"},
                {"consumer", 0, "NAME", "go on where NAME stands, and acknowledge for it"},
                {"all", 0, NULL, "of every branch"},
                {NULL, 'n', "N", "so many commits at most"}},
};
