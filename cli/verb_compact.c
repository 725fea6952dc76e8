/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria compact. */

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

/* "1 piece", "2 pieces". */
static void add_count(struct cli_text *out, uint64_t count, const char *what)
{
    cli_text_count(out, count);
    cli_text_printf(out, " %s%s", what, count == 1 ? "" : "s");
}

static void print_text(const struct arm_compact_result *result)
{
    struct cli_text text = {0};

    if (result->tables == 0) {
        cli_text_add(&text, "nothing to do: every table is compact");
    } else {
        cli_text_add(&text, "compacted ");
        add_count(&text, result->tables, "table");
        cli_text_add(&text, ": ");
        add_count(&text, result->entries_removed, "piece");
        cli_text_add(&text, " became ");
        add_count(&text, result->entries_added, "chunk");
        cli_text_add(&text, " (");
        add_count(&text, result->rows, "row");
        cli_text_add(&text, ", ");
        cli_text_bytes(&text, result->bytes_added);
        cli_text_add(&text, " new)");
        if (result->hot_rows_flushed > 0) {
            cli_text_add(&text, ", ");
            add_count(&text, result->hot_rows_flushed, "row");
            cli_text_add(&text, " flushed from the log");
        }
        if (result->dead_rows > 0) {
            cli_text_add(&text, ", ");
            add_count(&text, result->dead_rows, "deleted row");
            cli_text_add(&text, " left out");
        }
    }
    cli_text_add(&text, "\n");
    (void)fwrite(text.data, 1, text.size, stdout);
    cli_text_release(&text);
}

static void print_json(const struct arm_compact_result *result)
{
    (void)printf(
        "{\"tables\":%" PRIu64 ",\"entries_removed\":%" PRIu64 ",\"entries_added\":%" PRIu64
        ",\"hot_rows_flushed\":%" PRIu64 ",\"dead_rows\":%" PRIu64 ",\"rows\":%" PRIu64
        ",\"bytes_added\":%" PRIu64 ",\"given_up\":%" PRIu64 "}\n",
        result->tables, result->entries_removed, result->entries_added, result->hot_rows_flushed,
        result->dead_rows, result->rows, result->bytes_added, result->given_up);
}

static int run_compact(struct cli *cli, const struct cli_args *args)
{
    const char *table = args->positional_count > 0 ? args->positional[0] : NULL;
    struct arm_compact_options options = {.size = sizeof options, .on_progress = on_progress};
    struct arm_compact_result result = {0};
    struct cli_watch *watch = cli_watch_begin(cli);
    struct arm_error err = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    options.context = watch;
    CLI_TRY(cli_open(cli, CLI_WRITE, &err));
    cli_watch_show(watch, "compacting");
    CLI_TRY(arm_compact(cli->session, table, &options, &result, &err));
done:
    cli_watch_hide(watch);
    if (cli_watch_caught(watch) != 0) {
        status = cli_tell(cli, &(struct arm_error){.code = ARM_INTERRUPTED},
                          &(struct cli_told){.status = CLI_SIGNAL + cli_watch_caught(watch)});
    } else if (st != ARM_OK) {
        status = cli_report(cli, &err, NULL);
    } else if (cli->json) {
        print_json(&result);
    } else if (!cli->quiet) {
        print_text(&result);
    }
    cli_close(cli);
    cli_watch_end(watch);
    return status;
}

const struct cli_verb cli_verb_compact = {
    .name = "compact",
    .usage = "[TABLE]",
    .summary = "write many small pieces anew as few",
    .help =
        "Brings the rows of a table, or of all tables of the branch, into good chunks: rows that\n"
        "small writes left in the log are flushed, neighbouring small chunks joined, deleted rows\n"
        "dropped where they are a quarter of a chunk. No version is made, every version reads as\n"
        "before, and others may read and write meanwhile: no commit fails because of it. Chunks\n"
        "that old versions need stay.",
    .examples = "armillaria compact\n"
                "armillaria compact orders",
    .positional_max = 1,
    .run = run_compact,
    .options = {{NULL, 0, NULL, NULL}},
};
