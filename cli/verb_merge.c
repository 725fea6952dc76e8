/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria merge. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arrow.h"
#include "run.h"
#include "verbs.h"
#include "width.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

enum { CONFLICTS_SHOWN_MAX = 100 };

static struct cli_cell field(const struct cli_reader *reader, const char *name)
{
    return cli_reader_cell(reader, cli_reader_find(reader, name));
}

/* Of a row, and not of its table as a whole: what is said of it is JSON. */
static bool is_of_row(struct cli_cell conflict)
{
    static const char *const members[] = {"columns", "base", "ours", "theirs"};
    bool has = false;

    for (size_t i = 0; i < COUNT_OF(members); i++) {
        has = has || !cli_cell_is_null(cli_cell_member(conflict, members[i]));
    }
    return has;
}

/* ---- JSON ---- */

static void json_conflict(struct cli_cell conflict, struct cli_text *out)
{
    static const char *const members[] = {"table", "kind", "columns", "key",
                                          "base",  "ours", "theirs"};
    bool is_json = is_of_row(conflict);

    for (size_t i = 0; i < COUNT_OF(members); i++) {
        struct cli_cell cell = cli_cell_member(conflict, members[i]);
        size_t size = 0;

        cli_text_printf(out, "%s\"%s\":", i == 0 ? "{" : ",", members[i]);
        if (is_json && i >= 2 && !cli_cell_is_null(cell)) {
            const char *text = cli_cell_text(cell, &size);

            cli_text_append(out, text, size);
        } else {
            cli_cell_json(cell, out);
        }
    }
    cli_text_add(out, "}");
}

static void print_json(const struct cli_reader *report)
{
    struct cli_cell conflicts = field(report, "conflicts");
    struct cli_text out = {0};

    cli_text_add(&out, "{\"tx\":");
    cli_cell_json(field(report, "tx"), &out);
    cli_text_add(&out, ",\"fast_forward\":");
    cli_cell_json(field(report, "fast_forward"), &out);
    cli_text_add(&out, ",\"tables\":");
    cli_cell_json(field(report, "tables"), &out);
    cli_text_add(&out, ",\"conflicts\":[");
    for (int64_t i = 0; i < cli_cell_item_count(conflicts); i++) {
        cli_text_add(&out, i == 0 ? "" : ",\n ");
        json_conflict(cli_cell_item(conflicts, i), &out);
    }
    cli_text_add(&out, "]}\n");
    (void)fwrite(out.data, 1, out.size, stdout);
    cli_text_release(&out);
}

/* ---- For people ---- */

static void add_shown(struct cli_cell cell, struct cli_text *out)
{
    size_t size = 0;
    const char *text = cli_cell_text(cell, &size);

    (void)cli_text_show(out, text, size);
}

static void add_side(const char *label, struct cli_cell cell, struct cli_text *out)
{
    cli_text_printf(out, "    %-7s", label);
    if (cli_cell_is_null(cell)) {
        cli_text_add(out, "no such row");
    } else {
        add_shown(cell, out);
    }
    cli_text_add(out, "\n");
}

/* "orders: both changed, key {...}, columns [...]", and the row on the three sides; or what is
 * wrong with the table. */
static void add_conflict(struct cli_cell conflict, struct cli_text *out)
{
    struct cli_cell columns = cli_cell_member(conflict, "columns");
    struct cli_cell key = cli_cell_member(conflict, "key");

    add_shown(cli_cell_member(conflict, "table"), out);
    cli_text_add(out, ": ");
    add_shown(cli_cell_member(conflict, "kind"), out);
    if (!is_of_row(conflict)) {
        cli_text_add(out, cli_cell_is_null(key) ? "" : ": ");
        add_shown(key, out);
        cli_text_add(out, "\n");
        return;
    }
    if (!cli_cell_is_null(key)) {
        cli_text_add(out, ", key ");
        add_shown(key, out);
    }
    if (!cli_cell_is_null(columns)) {
        cli_text_add(out, ", columns ");
        add_shown(columns, out);
    }
    cli_text_add(out, "\n");
    add_side("base", cli_cell_member(conflict, "base"), out);
    add_side("ours", cli_cell_member(conflict, "ours"), out);
    add_side("theirs", cli_cell_member(conflict, "theirs"), out);
}

static void print_conflicts(struct cli_cell conflicts)
{
    int64_t count = cli_cell_item_count(conflicts);
    struct cli_text out = {0};

    for (int64_t i = 0; i < count && i < CONFLICTS_SHOWN_MAX; i++) {
        add_conflict(cli_cell_item(conflicts, i), &out);
    }
    if (count > CONFLICTS_SHOWN_MAX) {
        cli_text_add(&out, "... and ");
        cli_text_count(&out, (uint64_t)(count - CONFLICTS_SHOWN_MAX));
        cli_text_add(&out, " more; --json tells all\n");
    }
    (void)fwrite(out.data, 1, out.size, stdout);
    cli_text_release(&out);
}

static void add_tables(struct cli_cell tables, struct cli_text *out)
{
    int64_t count = cli_cell_item_count(tables);

    cli_text_add(out, count == 0 ? "no table changed" : "");
    for (int64_t i = 0; i < count; i++) {
        cli_text_add(out, i == 0 ? "" : ", ");
        add_shown(cli_cell_item(tables, i), out);
    }
}

/* What is done with what, in words. */
struct bringing {
    const char *would;   /* "would merge " */
    const char *did;     /* "merged " */
    const char *onto;    /* " into " */
    const char *nothing; /* " has all of " */
    const char *already;
    const char *doing; /* of the progress bar */
    arm_status (*call)(struct cli *cli, const struct cli_args *args,
                       const struct arm_merge_options *options, struct arm_merge_result *out,
                       struct ArrowArrayStream *out_report, struct arm_error *err);
};

static void print_merge(const struct bringing *what, const char *source, const char *into,
                        bool dry_run, const struct arm_merge_result *result,
                        const struct cli_reader *report)
{
    struct cli_text out = {0};

    if (result->up_to_date) {
        (void)cli_text_show(&out, into, strlen(into));
        cli_text_add(&out, what->nothing);
        (void)cli_text_show(&out, source, strlen(source));
        cli_text_add(&out, what->already);
    } else {
        cli_text_add(&out, dry_run ? what->would : what->did);
        (void)cli_text_show(&out, source, strlen(source));
        cli_text_add(&out, what->onto);
        (void)cli_text_show(&out, into, strlen(into));
        if (result->tx != 0) {
            cli_text_printf(&out, ", tx %" PRIu64, result->tx);
        }
        cli_text_add(&out, result->fast_forward ? " (fast-forward): " : ": ");
        add_tables(field(report, "tables"), &out);
        cli_text_add(&out, "\n");
    }
    (void)fwrite(out.data, 1, out.size, stdout);
    cli_text_release(&out);
}

/* ---- The verb ---- */

static bool take_strategy(const char *text, arm_merge_strategy *out)
{
    static const char *const names[] = {
        [ARM_STRATEGY_FAIL] = "fail",
        [ARM_STRATEGY_OURS] = "ours",
        [ARM_STRATEGY_THEIRS] = "theirs",
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (text == NULL || strcmp(text, names[i]) == 0) {
            *out = (arm_merge_strategy)i;
            return true;
        }
    }
    return false;
}

/* The report of a merge that was made, or that met conflicts. */
static arm_status tell(const struct cli *cli, const struct bringing *what, const char *source,
                       const struct arm_merge_options *options,
                       const struct arm_merge_result *result, struct cli_reader *report,
                       struct arm_error *err)
{
    bool has_row = false;
    arm_status st = ARM_OK;

    CLI_TRY(cli_reader_next(report, &has_row, err));
    if (!has_row) {
        goto done;
    }
    if (cli->json) {
        print_json(report);
    } else if (result->conflicts > 0) {
        print_conflicts(field(report, "conflicts"));
    } else if (!cli->quiet) {
        print_merge(what, source,
                    options->into == NULL ? arm_session_branch(cli->session) : options->into,
                    options->dry_run, result, report);
    }
done:
    return st;
}

static arm_status call_merge(struct cli *cli, const struct cli_args *args,
                             const struct arm_merge_options *options, struct arm_merge_result *out,
                             struct ArrowArrayStream *out_report, struct arm_error *err)
{
    return arm_merge(cli->session, args->positional[0], options, out, out_report, err);
}

static const char *hint_of(arm_status st, const struct cli *cli, const struct bringing *what)
{
    if (st == ARM_MERGE_CONFLICT) {
        return what->call == call_merge
                   ? "nothing was changed. --strategy ours or theirs decides what both changed; or "
                     "merge by SQL: BEGIN, MERGE BRANCH, change the rows of arm_conflicts(), COMMIT"
                   : "nothing was changed. --strategy ours or theirs decides what both changed";
    }
    return st == ARM_NOT_FOUND && cli->session != NULL ? "`armillaria branch` lists the branches"
                                                       : NULL;
}

static int bring(struct cli *cli, const struct cli_args *args, const struct bringing *what)
{
    const char *source = args->positional[0];
    const char *strategy = cli_args_value(args, "strategy");
    struct arm_merge_options options = {.size = sizeof options,
                                        .into = cli_args_value(args, "into"),
                                        .dry_run = cli_args_value(args, "dry-run") != NULL,
                                        .message = cli_args_value(args, "message")};
    struct arm_merge_result result = {.tx = 0};
    struct ArrowArrayStream stream = {0};
    struct cli_reader report = {0};
    struct cli_watch *watch = NULL;
    struct arm_error err = {0};
    struct arm_error told = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    if (!take_strategy(strategy, &options.strategy)) {
        return cli_usage_error(cli, args->verb, "'%s' is not a strategy: fail, ours or theirs",
                               strategy);
    }
    watch = cli_watch_begin(cli);
    CLI_TRY(cli_open(cli, CLI_WRITE, &err));
    cli_watch_session(watch, cli->session);
    cli_watch_show(watch, what->doing);
    st = what->call(cli, args, &options, &result, &stream, &err);
    cli_watch_hide(watch);
    if (stream.release != NULL && cli_reader_open(&stream, &report, &told) == ARM_OK) {
        (void)tell(cli, what, source, &options, &result, &report, &told);
    }
done:
    cli_watch_hide(watch);
    if (st != ARM_OK) {
        status = cli_run_report(cli, watch, &err, hint_of(st, cli, what));
    }
    cli_reader_close(&report);
    cli_watch_session(watch, NULL);
    cli_close(cli);
    cli_watch_end(watch);
    return status;
}

static arm_status call_pick(struct cli *cli, const struct cli_args *args,
                            const struct arm_merge_options *options, struct arm_merge_result *out,
                            struct ArrowArrayStream *out_report, struct arm_error *err)
{
    return arm_cherry_pick(cli->session, args->positional[0], options, out, out_report, err);
}

static arm_status call_revert(struct cli *cli, const struct cli_args *args,
                              const struct arm_merge_options *options, struct arm_merge_result *out,
                              struct ArrowArrayStream *out_report, struct arm_error *err)
{
    return arm_revert(cli->session, args->positional[0], options, out, out_report, err);
}

static arm_status call_restore(struct cli *cli, const struct cli_args *args,
                               const struct arm_merge_options *options,
                               struct arm_merge_result *out, struct ArrowArrayStream *out_report,
                               struct arm_error *err)
{
    return arm_restore(cli->session, args->positional[0], cli_args_value(args, "at"), options, out,
                       out_report, err);
}

static int run_merge(struct cli *cli, const struct cli_args *args)
{
    static const struct bringing what = {"would merge ", "merged ", " into ",  " has all of ",
                                         " already\n",   "merging", call_merge};

    return bring(cli, args, &what);
}

static int run_pick(struct cli *cli, const struct cli_args *args)
{
    static const struct bringing what = {"would repeat ", "repeated ",      " on ",
                                         " has what ",    " did already\n", "repeating a commit",
                                         call_pick};

    return bring(cli, args, &what);
}

static int run_revert(struct cli *cli, const struct cli_args *args)
{
    static const struct bringing what = {
        "would undo ", "undid ",           " on ",     " has nothing left of what ",
        " did\n",      "undoing a commit", call_revert};

    return bring(cli, args, &what);
}

static int run_restore(struct cli *cli, const struct cli_args *args)
{
    static const struct bringing what = {
        "would restore ",       "restored ",         " on ",      " has ",
        " as it was already\n", "restoring a table", call_restore};

    if (cli_args_value(args, "at") == NULL) {
        return cli_usage_error(cli, args->verb, "--at REF is missing: as it was when?");
    }
    return bring(cli, args, &what);
}

const struct cli_verb cli_verb_merge = {
    .name = "merge",
    .usage = "SOURCE [--into B] [--strategy fail|ours|theirs] [--dry-run] [-m MSG]",
    .summary = "bring what one branch has into another",
    .help =
        "Merges what SOURCE, any ref, has and the current branch (or --into B) has not, as one\n"
        "commit with two parents, whole or not at all. Tables, rows and cells that only one side\n"
        "changed since their common past are taken; what both changed differently is a conflict.\n"
        "Then nothing is merged, and the conflicts are listed with the row as it was (base), as\n"
        "the target has it (ours) and as SOURCE has it (theirs); the status is 3.\n"
        "\n"
        "    --strategy fail     a conflict is an error: the default\n"
        "    --strategy ours     cells and rows that conflict stay as the target has them\n"
        "    --strategy theirs   they become as SOURCE has them\n"
        "\n"
        "A branch that has nothing of its own takes over what SOURCE has (a fast-forward): that\n"
        "is a commit, too.",
    .examples = "armillaria merge feature/x\n"
                "armillaria merge feature/x --into main --dry-run\n"
                "armillaria merge feature/x --strategy theirs -m 'new prices'",
    .exits = ", 3 conflicts, or another commit came\nfirst, 4 damage found, 130 interrupted",
    .positional_min = 1,
    .positional_max = 1,
    .run = run_merge,
    .options =
        {
            {"into", 0, "B", "the branch that is changed; else the current one"},
            {"strategy", 0, "S", "fail, ours or theirs"},
            {"dry-run", 0, NULL, "change nothing, tell what would be"},
            {"message", 'm', "MSG", "of the commit"},
        },
};

#define COMMIT_OPTIONS                                                                             \
    {"into", 0, "B", "the branch that is changed; else the current one"},                          \
        {"strategy", 0, "S", "fail, ours or theirs"},                                              \
        {"dry-run", 0, NULL, "change nothing, tell what would be"},                                \
        {"message", 'm', "MSG", "of the commit"}

#define CONFLICT_EXITS                                                                             \
    ", 3 conflicts, or another commit came\nfirst, 4 damage found, 130 interrupted"

const struct cli_verb cli_verb_cherry_pick = {
    .name = "cherry-pick",
    .usage = "REF [--into B] [--strategy fail|ours|theirs] [--dry-run] [-m MSG]",
    .summary = "repeat a commit of another branch",
    .help =
        "Does once more, on the current branch (or --into B), what the commit that REF names did\n"
        "to its first parent: a new commit with one parent. What the branch changed since in\n"
        "another way is a conflict, as in a merge; then nothing is done, and the status is 3.",
    .examples = "armillaria cherry-pick feature/x\n"
                "armillaria cherry-pick tx:17 --into release -m 'the fix'",
    .exits = CONFLICT_EXITS,
    .positional_min = 1,
    .positional_max = 1,
    .run = run_pick,
    .options = {COMMIT_OPTIONS},
};

const struct cli_verb cli_verb_revert = {
    .name = "revert",
    .usage = "REF [--into B] [--strategy fail|ours|theirs] [--dry-run] [-m MSG]",
    .summary = "undo a commit with a new one",
    .help = "Changes back, on the current branch (or --into B), what the commit that REF names "
            "changed:\n"
            "a new commit; nothing of the history is rewritten. What was changed again since is a\n"
            "conflict, as in a merge; then nothing is done, and the status is 3.",
    .examples = "armillaria revert main\n"
                "armillaria revert tx:17 -m 'it was wrong'",
    .exits = CONFLICT_EXITS,
    .positional_min = 1,
    .positional_max = 1,
    .run = run_revert,
    .options = {COMMIT_OPTIONS},
};

const struct cli_verb cli_verb_restore = {
    .name = "restore",
    .usage = "TABLE --at REF [--into B] [--dry-run] [-m MSG]",
    .summary = "bring a table back as it was",
    .help = "Makes the table on the current branch (or --into B) what it was at REF, columns and "
            "rows,\n"
            "as its next version: a new commit. A table that was dropped since is there again.",
    .examples = "armillaria restore flights --at tx:17\n"
                "armillaria restore flights --at 2026-11-01",
    .exits = CONFLICT_EXITS,
    .positional_min = 1,
    .positional_max = 1,
    .run = run_restore,
    .options = {{"at", 0, "REF", "when it was as it is to be"}, COMMIT_OPTIONS},
};
