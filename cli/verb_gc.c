/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria gc. */

#include <inttypes.h>
#include <stdio.h>

#include "verbs.h"
#include "watch.h"

static bool on_progress(void *context, uint64_t done, uint64_t total)
{
    struct cli_watch *watch = context;

    cli_watch_progress(watch, total == 0 ? 0 : (double)done / (double)total);
    return cli_watch_caught(watch) == 0;
}

/* "1 chunk", "2 chunks". */
static void add_count(struct cli_text *out, uint64_t count, const char *what)
{
    cli_text_count(out, count);
    cli_text_printf(out, " %s%s", what, count == 1 ? "" : "s");
}

static void add_sized(struct cli_text *out, uint64_t count, const char *what, uint64_t bytes)
{
    add_count(out, count, what);
    cli_text_add(out, " (");
    cli_text_bytes(out, bytes);
    cli_text_add(out, ")");
}

static void print_text(const struct arm_gc_result *result, bool dry_run)
{
    struct cli_text text = {0};

    if (result->chunks == 0 && result->key_runs == 0) {
        cli_text_add(&text, "nothing to remove");
    } else {
        cli_text_add(&text, dry_run ? "would remove " : "removed ");
        add_sized(&text, result->chunks, "chunk", result->chunk_bytes);
        if (result->key_runs > 0) {
            cli_text_add(&text, ", ");
            add_sized(&text, result->key_runs, "key run", result->key_run_bytes);
        }
    }
    if (result->young > 0) {
        cli_text_add(&text, "; ");
        add_count(&text, result->young, "chunk");
        cli_text_add(&text, result->young == 1 ? " is too young" : " are too young");
    }
    if (result->leased > 0) {
        cli_text_add(&text, "; ");
        add_count(&text, result->leased, "chunk");
        cli_text_add(&text, result->leased == 1 ? " is in use" : " are in use");
    }
    cli_text_add(&text, "\n");
    (void)fwrite(text.data, 1, text.size, stdout);
    cli_text_release(&text);
}

static void print_json(const struct arm_gc_result *result, bool dry_run)
{
    (void)printf("{\"dry_run\":%s,\"chunks\":%" PRIu64 ",\"chunk_bytes\":%" PRIu64
                 ",\"key_runs\":%" PRIu64 ",\"key_run_bytes\":%" PRIu64 ",\"young\":%" PRIu64
                 ",\"leased\":%" PRIu64 "}\n",
                 dry_run ? "true" : "false", result->chunks, result->chunk_bytes, result->key_runs,
                 result->key_run_bytes, result->young, result->leased);
}

static int read_grace(const struct cli *cli, const struct cli_args *args, int64_t *out)
{
    const char *text = cli_args_value(args, "grace");
    uint64_t grace_s;

    *out = 0;
    if (text == NULL) {
        return CLI_DONE;
    }
    if (!cli_parse_count(text, &grace_s) || grace_s > INT64_MAX) {
        return cli_usage_error(cli, args->verb, "--grace takes a number of seconds, not '%s'",
                               text);
    }
    *out = grace_s == 0 ? -1 : (int64_t)grace_s;
    return CLI_DONE;
}

static int run_gc(struct cli *cli, const struct cli_args *args)
{
    struct arm_gc_options options = {.size = sizeof options,
                                     .dry_run = cli_args_value(args, "dry-run") != NULL,
                                     .on_progress = on_progress};
    int status = read_grace(cli, args, &options.grace_s);
    struct arm_gc_result result = {0};
    struct arm_error err = {0};
    struct cli_watch *watch;
    arm_status st = ARM_OK;

    if (status != CLI_DONE) {
        return status;
    }
    watch = cli_watch_begin(cli);
    options.context = watch;
    CLI_TRY(cli_open_repo(cli, CLI_WRITE, &err));
    cli_watch_show(watch, "looking for what nobody needs");
    CLI_TRY(arm_gc(cli->repo, &options, &result, &err));
done:
    cli_watch_hide(watch);
    if (cli_watch_caught(watch) != 0) {
        status = cli_tell(cli, &(struct arm_error){.code = ARM_INTERRUPTED},
                          &(struct cli_told){.status = CLI_SIGNAL + cli_watch_caught(watch)});
    } else if (st != ARM_OK) {
        status = cli_report(cli, &err, NULL);
    } else if (cli->json) {
        print_json(&result, options.dry_run);
    } else if (!cli->quiet) {
        print_text(&result, options.dry_run);
    }
    cli_close(cli);
    cli_watch_end(watch);
    return status;
}

const struct cli_verb cli_verb_gc = {
    .name = "gc",
    .usage = "[--dry-run] [--grace SECONDS]",
    .summary = "remove what no commit needs",
    .help =
        "Removes the chunks that nothing in the history names: those of transactions that were\n"
        "rolled back, of loads and compactions that were cut short. Every version stays, and\n"
        "so does what running processes are at work with, and what was written in the last\n"
        "hour. Others may read and write meanwhile.",
    .examples = "armillaria gc --dry-run\n"
                "armillaria gc",
    .run = run_gc,
    .options = {{"dry-run", 0, NULL, "remove nothing, say what would be", false},
                {"grace", 0, "SECONDS", "what is younger stays; an hour if not given", false},
                {"keep-days", 0, "N", "retire versions that are older", true}},
};
