/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria gc. */

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "verbs.h"
#include "watch.h"

enum { US_PER_SECOND = 1000000 };

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

/* A time as `log` shows it; "" for none. */
static void show_time(int64_t time_us, char out[40])
{
    time_t seconds = (time_t)(time_us / US_PER_SECOND);
    struct tm parts;
    size_t size = 0;

    if (time_us != 0 && gmtime_r(&seconds, &parts) != NULL) {
        size = strftime(out, 30, "%Y-%m-%dT%H:%M:%S", &parts);
        size += (size_t)snprintf(out + size, 40 - size, ".%06dZ", (int)(time_us % US_PER_SECOND));
    }
    out[size] = '\0';
}

static void print_text(const struct arm_gc_result *result, bool dry_run)
{
    struct cli_text text = {0};
    char time[40];

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
    if (result->pinned > 0) {
        cli_text_add(&text, "; ");
        add_count(&text, result->pinned, "chunk");
        cli_text_add(&text, result->pinned == 1 ? " is being read" : " are being read");
    }
    if (result->horizon_us != 0) {
        show_time(result->horizon_us, time);
        cli_text_printf(&text, dry_run ? "; history would begin at %s" : "; history begins at %s",
                        time);
    }
    cli_text_add(&text, "\n");
    (void)fwrite(text.data, 1, text.size, stdout);
    cli_text_release(&text);
}

static void print_json(const struct arm_gc_result *result, bool dry_run)
{
    const char *quote = result->horizon_us != 0 ? "\"" : "";
    char time[40];

    show_time(result->horizon_us, time);
    (void)printf("{\"dry_run\":%s,\"chunks\":%" PRIu64 ",\"chunk_bytes\":%" PRIu64
                 ",\"key_runs\":%" PRIu64 ",\"key_run_bytes\":%" PRIu64 ",\"young\":%" PRIu64
                 ",\"leased\":%" PRIu64 ",\"pinned\":%" PRIu64 ",\"history_from\":%s%s%s}\n",
                 dry_run ? "true" : "false", result->chunks, result->chunk_bytes, result->key_runs,
                 result->key_run_bytes, result->young, result->leased, result->pinned, quote,
                 result->horizon_us != 0 ? time : "null", quote);
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

static int read_keep_days(const struct cli *cli, const struct cli_args *args, int64_t *out)
{
    const char *text = cli_args_value(args, "keep-days");
    uint64_t days;

    *out = 0;
    if (text == NULL) {
        return CLI_DONE;
    }
    if (!cli_parse_count(text, &days) || days > INT64_MAX) {
        return cli_usage_error(cli, args->verb, "--keep-days takes a number of days, not '%s'",
                               text);
    }
    *out = days == 0 ? -1 : (int64_t)days;
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

    if (status == CLI_DONE) {
        status = read_keep_days(cli, args, &options.keep_days);
    }
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
    .usage = "[--keep-days N] [--dry-run] [--grace SECONDS]",
    .summary = "remove what nothing needs that can be read",
    .help =
        "Removes the chunks that no version needs: those of transactions that were rolled back,\n"
        "of loads and compactions that were cut short, and those that a compaction has put others\n"
        "in the place of. Every version stays, unless --keep-days gives old ones up: those that\n"
        "were not current any more N days ago, on no branch, and that no tag names. They cannot "
        "be\n"
        "read again; 0 keeps what is current alone. What running processes are at work with "
        "stays,\n"
        "and what was written in the last hour. Others may read and write meanwhile.",
    .examples = "armillaria gc --dry-run\n"
                "armillaria gc --keep-days 30",
    .run = run_gc,
    .options = {{"dry-run", 0, NULL, "remove nothing, say what would be"},
                {"grace", 0, "SECONDS", "what is younger stays; an hour if not given"},
                {"keep-days", 0, "N", "give up versions that were superseded so long ago"}},
};
