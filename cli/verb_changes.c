/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria changes: the changelog, as it was and as it comes. All of it goes through a
 * subscription: what is there already is what it is given first. */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "changes.h"
#include "find_tx.h"
#include "verbs.h"

enum {
    ACK_US = 20000,      /* what was written is acknowledged no later, if more keeps coming */
    LOOK_US = 500000,    /* between two looks whether anybody reads what is written */
    REOPEN_US = 5000000, /* what has to be opened anew twice in this time is not to be had */
};

/* ---- All of them ---- */

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* What is written is done with. */
static arm_status acknowledge(struct cli_following *f, struct arm_error *err)
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

/* Whether whoever read the output has left: a write would say so, but may be long in coming. */
static arm_status check_reader(const struct cli_following *f, struct arm_error *err)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLNVAL)) != 0
               ? cli_fail(err, ARM_CLOSED, "nobody reads %s any more", f->sink.name)
               : ARM_OK;
}

/* Nothing is there now: whether that is all. */
static arm_status is_all(const struct cli_following *f, bool *out, struct arm_error *err)
{
    uint64_t latest = 0;
    arm_status st = ARM_OK;

    *out = !f->follows;
    if (f->follows && f->until != UINT64_MAX) {
        CLI_TRY(arm_latest_tx(f->cli->repo, &latest, err));
        *out = latest >= f->until;
    }
    CLI_TRY(check_reader(f, err));
done:
    return st;
}

/* The next event, as it comes; NULL: there is none any more. */
static arm_status next_event(struct cli_following *f, const struct arm_event **out,
                             struct arm_error *err)
{
    bool ends = false;
    arm_status st = ARM_OK;

    CLI_TRY(arm_feed_next(f->feed, 0, out, err));
    if (*out == NULL) { /* before it waits */
        CLI_TRY(acknowledge(f, err));
    }
    while (*out == NULL && !ends) {
        CLI_TRY(is_all(f, &ends, err));
        CLI_TRY(arm_feed_next(f->feed, ends ? 0 : LOOK_US, out, err));
    }
    if (*out != NULL && (*out)->tx > f->until) {
        *out = NULL;
    }
done:
    return st;
}

static arm_status follow(struct cli_following *f, struct arm_error *err)
{
    const struct arm_event *event = NULL;
    arm_status st = ARM_OK;

    while (f->limit == 0 || f->count < f->limit) {
        CLI_TRY(next_event(f, &event, err));
        if (event == NULL) {
            break;
        }
        CLI_TRY(cli_write_event(f, event, err));
        f->count++;
        f->written_tx = f->seen_tx = event->tx;
        if (now_us() - f->acked_us >= ACK_US) {
            CLI_TRY(acknowledge(f, err));
        }
    }
    CLI_TRY(acknowledge(f, err));
done:
    return st;
}

static arm_status finish(const struct cli_following *f, struct arm_error *err)
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

/* The names of "A, B" in place; quoted ones may hold commas. Returns how many. */
static size_t split_names(char *text, const char **out)
{
    bool is_quoted = false;
    size_t count = 0;

    out[count++] = text;
    for (char *at = text; *at != '\0'; at++) {
        is_quoted = *at == '"' ? !is_quoted : is_quoted;
        if (*at == ',' && !is_quoted) {
            *at = '\0';
            out[count++] = at + 1 + strspn(at + 1, " ");
        }
    }
    return count;
}

/* What --since and --until say. */
static arm_status take_bounds(struct cli_following *f, const char *since, const char *until,
                              struct arm_feed_options *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (since != NULL && strcmp(since, "now") == 0) {
        out->from = ARM_FROM_NOW;
    } else if (since != NULL) {
        out->from = ARM_FROM_TX;
        CLI_TRY(cli_find_tx(f->cli, since, &out->since, err));
    } else if (!f->follows && !f->has_consumer) {
        out->from = ARM_FROM_TX; /* a query: from the beginning */
    }
    if (until != NULL) {
        CLI_TRY(cli_find_tx(f->cli, until, &f->until, err));
    }
done:
    return st;
}

static arm_status open_repo(const struct cli_following *f, struct arm_error *err)
{
    enum cli_access access = f->has_consumer ? CLI_WRITE : CLI_READ;

    return f->every ? cli_open_anywhere(f->cli, access, err) : cli_open(f->cli, access, err);
}

static arm_status open_feed(struct cli_following *f, struct arm_feed_options *options,
                            struct arm_error *err)
{
    char *branch = cli_format("%s", arm_session_branch(f->cli->session));
    arm_status st = ARM_OK;

    options->branch = f->every ? "*" : branch;
    CLI_TRY(arm_feed_open(f->cli->repo, options, &f->feed, err));
    cli_watch_session(f->watch, f->cli->session);
    cli_watch_feed(f->watch, f->feed);
done:
    options->branch = NULL;
    free(branch);
    return st;
}

static arm_status begin(struct cli_following *f, const struct cli_args *args,
                        struct arm_feed_options *options, struct arm_error *err)
{
    uint64_t latest = 0;
    arm_status st = ARM_OK;

    CLI_TRY(open_repo(f, err));
    CLI_TRY(
        take_bounds(f, cli_args_value(args, "since"), cli_args_value(args, "until"), options, err));
    CLI_TRY(arm_latest_tx(f->cli->repo, &latest, err));
    if (!f->follows && f->until > latest) {
        f->until = latest; /* what comes meanwhile is for the next time */
    }
    f->seen_tx = options->from == ARM_FROM_TX ? options->since : latest;
    CLI_TRY(open_feed(f, options, err));
done:
    return st;
}

static void close_feed(struct cli_following *f)
{
    cli_watch_session(f->watch, NULL);
    cli_watch_feed(f->watch, NULL);
    arm_feed_close(f->feed);
    f->feed = NULL;
}

/* Whether it may go on after a failure, from where it is: the index was made anew by somebody, or
 * the consumer was moved by hand. `*err` is of what failed. */
static bool goes_on(struct cli_following *f, struct arm_feed_options *options, arm_status st,
                    struct arm_error *err)
{
    if (st == ARM_CONFLICT && f->has_consumer) {
        f->written_tx = 0;
        return arm_feed_rewind(f->feed, err) == ARM_OK;
    }
    if (st != ARM_REOPEN || !f->follows ||
        (f->reopened_us != 0 && now_us() - f->reopened_us < REOPEN_US)) {
        return false;
    }
    f->reopened_us = now_us();
    f->written_tx = 0;
    close_feed(f);
    cli_close(f->cli);
    options->from = ARM_FROM_TX;
    options->since = f->seen_tx;
    return open_repo(f, err) == ARM_OK && open_feed(f, options, err) == ARM_OK;
}

static const char *hint_of(const struct cli_following *f, arm_status st)
{
    if (st == ARM_HISTORY_EXPIRED) {
        return f->has_consumer
                   ? "without --rows the changelog itself can still be read; `armillaria "
                     "consumer move` passes over what is gone"
                   : "without --rows the changelog itself can still be read";
    }
    return st == ARM_NOT_FOUND && f->feed == NULL && f->cli->session != NULL
               ? "`armillaria log` lists the commits, `armillaria branch` and `armillaria tag` "
                 "what "
                 "names them"
               : NULL;
}

/* A signal ends it clean: what was written is acknowledged. What was begun is ended, whatever
 * happened: half an array would be none. */
static arm_status end(struct cli_following *f, arm_status st, struct arm_error *err)
{
    if (st == ARM_INTERRUPTED && cli_watch_caught(f->watch) != 0 && f->follows) {
        st = acknowledge(f, err);
    } else if (st != ARM_OK && st != ARM_CLOSED && f->count > 0) {
        (void)finish(f, NULL);
    }
    close_feed(f);
    return st;
}

static int run_changes(struct cli *cli, const struct cli_args *args)
{
    const char *given_tables = cli_args_value(args, "tables");
    const char *limit = cli_args_value(args, "n");
    struct cli_following f = {.cli = cli,
                              .sink = {.out = stdout,
                                       .name = "standard output",
                                       .is_terminal = isatty(STDOUT_FILENO) == 1,
                                       .color = cli->color_out},
                              .with_rows = cli_args_value(args, "rows") != NULL,
                              .follows = cli_args_value(args, "follow") != NULL,
                              .has_consumer = cli_args_value(args, "consumer") != NULL,
                              .every = cli_args_value(args, "all") != NULL,
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
    CLI_TRY(begin(&f, args, &options, &err));
    do {
        st = follow(&f, &err);
    } while (st != ARM_OK && goes_on(&f, &options, st, &err));
    CLI_TRY(st);
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
        "TX is a tx id, `now`, or a ref that names a commit: a tag, a time.\n"
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
