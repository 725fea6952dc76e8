/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria verify, recover. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arrow.h"
#include "verbs.h"
#include "watch.h"
#include "width.h"

/* What verify found so far. */
struct findings {
    const struct cli *cli;
    struct cli_watch *watch;
    struct cli_text json; /* the issues, as members of an array */
    uint64_t count;
};

static void add_json(struct cli_text *out, const char *name, const char *value)
{
    cli_text_printf(out, "\"%s\":", name);
    cli_json_string(value, strlen(value), out);
}

static void on_issue(void *context, const struct arm_damage *issue)
{
    struct findings *findings = context;
    struct cli_text text = {0};

    if (findings->cli->json) {
        cli_text_add(&findings->json, findings->count == 0 ? "{" : ",\n {");
        add_json(&findings->json, "kind", issue->kind);
        cli_text_add(&findings->json, ",");
        add_json(&findings->json, "object", issue->object);
        cli_text_add(&findings->json, ",");
        add_json(&findings->json, "message", issue->message);
        cli_text_add(&findings->json, "}");
    } else {
        cli_watch_hide(findings->watch);
        cli_text_printf(&text, "damage: %s ", issue->kind);
        (void)cli_text_show(&text, issue->object, strlen(issue->object));
        cli_text_add(&text, ": ");
        (void)cli_text_show(&text, issue->message, strlen(issue->message));
        cli_text_add(&text, "\n");
        (void)fwrite(text.data, 1, text.size, stdout);
    }
    findings->count++;
    cli_text_release(&text);
}

static bool on_progress(void *context, uint64_t done, uint64_t total)
{
    const struct findings *findings = context;

    cli_watch_progress(findings->watch, total == 0 ? 0 : (double)done / (double)total);
    return cli_watch_caught(findings->watch) == 0;
}

/* "1 frame", "2 frames". */
static void add_count(struct cli_text *out, uint64_t count, const char *what)
{
    cli_text_count(out, count);
    cli_text_printf(out, " %s%s", what, count == 1 ? "" : "s");
}

static void print_healthy(const struct arm_verify_result *result, bool full)
{
    struct cli_text text = {0};

    cli_text_add(&text, "healthy: ");
    add_count(&text, result->records, "record");
    cli_text_add(&text, " in ");
    add_count(&text, result->frames, "frame");
    cli_text_add(&text, ", ");
    add_count(&text, result->chunks, "chunk");
    if (full) {
        cli_text_add(&text, ", ");
        cli_text_bytes(&text, result->bytes_hashed);
        cli_text_add(&text, " hashed");
    }
    cli_text_add(&text, "\n");
    (void)fwrite(text.data, 1, text.size, stdout);
    cli_text_release(&text);
}

static int finish_verify(const struct cli *cli, const struct findings *findings,
                         const struct arm_verify_result *result, bool full)
{
    bool is_healthy = findings->count == 0 && result->is_healthy;

    if (cli->json) {
        (void)printf("{\"is_healthy\":%s,\"issues\":[%s]}\n", is_healthy ? "true" : "false",
                     cli_text_string(&findings->json));
    } else if (is_healthy) {
        print_healthy(result, full);
    } else {
        (void)printf("damaged: %" PRIu64 " issue%s\n", findings->count,
                     findings->count == 1 ? "" : "s");
    }
    return is_healthy ? CLI_DONE : CLI_DAMAGE;
}

static int run_verify(struct cli *cli, const struct cli_args *args)
{
    struct findings findings = {.cli = cli};
    struct arm_verify_options options = {.size = sizeof options,
                                         .full = cli_args_value(args, "full") != NULL,
                                         .on_issue = on_issue,
                                         .on_progress = on_progress,
                                         .context = &findings};
    struct arm_verify_result result = {0};
    struct arm_error err = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    findings.watch = cli_watch_begin(cli);
    CLI_TRY(cli_open_repo(cli, CLI_READ, &err));
    cli_watch_show(findings.watch, "verifying");
    CLI_TRY(arm_verify(cli->repo, &options, &result, &err));
done:
    cli_watch_hide(findings.watch);
    if (cli_watch_caught(findings.watch) != 0) {
        status =
            cli_tell(cli, &(struct arm_error){.code = ARM_INTERRUPTED},
                     &(struct cli_told){.status = CLI_SIGNAL + cli_watch_caught(findings.watch)});
    } else if (st == ARM_OK) {
        status = finish_verify(cli, &findings, &result, options.full);
    } else if (cli_exit_of(st) == CLI_DAMAGE) { /* too damaged to be looked through */
        on_issue(&findings,
                 &(struct arm_damage){"log", cli->directory == NULL ? "repository" : cli->directory,
                                      err.message});
        status = finish_verify(cli, &findings, &result, options.full);
    } else {
        status = cli_report(cli, &err, NULL);
    }
    cli_text_release(&findings.json);
    cli_close(cli);
    cli_watch_end(findings.watch);
    return status;
}

static void print_recovery(const struct arm_recover_result *result)
{
    struct cli_text text = {0};

    if (result->is_clean) {
        cli_text_add(&text, "clean: nothing had to be done");
    } else {
        cli_text_printf(&text, "recovered: %" PRIu64 " unfinished piece%s rolled back",
                        result->rolled_back, result->rolled_back == 1 ? "" : "s");
        if (result->cut_bytes > 0) {
            cli_text_add(&text, ", ");
            cli_text_bytes(&text, result->cut_bytes);
            cli_text_add(&text, " of unacknowledged log removed");
        }
        cli_text_add(&text, result->rebuilt ? ", the index made anew" : "");
    }
    (void)printf("%s\n", cli_text_string(&text));
    cli_text_release(&text);
}

static int run_recover(struct cli *cli, const struct cli_args *args)
{
    struct arm_recover_result result = {0};
    struct arm_error err = {0};
    arm_status st = ARM_OK;

    (void)args;
    CLI_TRY(cli_open_repo(cli, CLI_WRITE, &err));
    CLI_TRY(arm_recover(cli->repo, &result, &err));
    if (cli->json) {
        (void)printf("{\"is_clean\":%s,\"rolled_back\":%" PRIu64 "}\n",
                     result.is_clean ? "true" : "false", result.rolled_back);
    } else {
        print_recovery(&result);
    }
done:
    cli_close(cli);
    return st == ARM_OK ? CLI_DONE : cli_report(cli, &err, NULL);
}

const struct cli_verb cli_verb_verify = {
    .name = "verify",
    .usage = "[--full]",
    .summary = "prove that nothing is damaged",
    .help =
        "Checks the hash chain of the log, the index against a fresh fold of the log, and that\n"
        "every chunk is there. Exit status 4 where damage is found.",
    .examples = "armillaria verify\n"
                "armillaria verify --full --json",
    .run = run_verify,
    .options = {{"full", 0, NULL, "hash every byte of every chunk, and count its rows"}},
};

const struct cli_verb cli_verb_recover = {
    .name = "recover",
    .usage = "",
    .summary = "clean up after a crash, and tell what was found",
    .help = "Opening a repository recovers it; this says what there was to do: unfinished work\n"
            "that is rolled back, unacknowledged log that is removed, an index made anew.",
    .examples = "armillaria recover",
    .run = run_recover,
    .options = {{NULL, 0, NULL, NULL}},
};
