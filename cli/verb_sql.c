/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria sql. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "script.h"
#include "shell.h"
#include "verbs.h"

/* Without statements on the command line, a terminal gets the shell. */
static bool is_shell(const struct cli_args *args)
{
    return cli_args_value(args, "c") == NULL && cli_args_value(args, "f") == NULL &&
           isatty(STDIN_FILENO);
}

static int check_options(const struct cli *cli, const struct cli_args *args, enum cli_format format)
{
    const char *file = cli_args_value(args, "o");

    if (cli_args_value(args, "c") != NULL && cli_args_value(args, "f") != NULL) {
        return cli_usage_error(cli, args->verb, "-c and -f are one or the other");
    }
    if (is_shell(args) && file != NULL) {
        return cli_usage_error(cli, args->verb,
                               "the shell prints on the terminal: -o needs -c or -f");
    }
    if (is_shell(args) && !cli_format_is_text(format)) {
        return cli_usage_error(cli, args->verb,
                               "the shell prints text: this format needs -c or -f, and -o");
    }
    if (!cli_format_is_text(format) && file == NULL && isatty(STDOUT_FILENO)) {
        return cli_usage_error(cli, args->verb,
                               "this format is not for a terminal: add -o FILE, or redirect");
    }
    return CLI_DONE;
}

/* --format, else --json, else what the suffix of -o means, else a table. */
static int choose_format(const struct cli *cli, const struct cli_args *args, enum cli_format *out)
{
    const char *format = cli_args_value(args, "format");
    const char *file = cli_args_value(args, "o");

    *out = cli->json ? CLI_FORMAT_JSON : CLI_FORMAT_TABLE;
    if (format != NULL && !cli_format_parse(format, out)) {
        return cli_usage_error(cli, args->verb,
                               "'%s' is not a format: table, csv, json, jsonl, markdown, parquet "
                               "or arrow",
                               format);
    }
    if (format == NULL && !cli->json && file != NULL && !cli_format_of_file(file, out)) {
        return cli_usage_error(cli, args->verb,
                               "the suffix of '%s' does not tell its format: add --format", file);
    }
    return CLI_DONE;
}

static arm_status run_into(struct cli_run *run, struct cli_target *target, const char *sql,
                           struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (!cli_format_is_text(run->format)) {
        CLI_TRY(cli_run_file(run, sql, target->path, err));
    } else {
        run->sink.out = target->out;
        run->sink.name = target->name;
        run->sink.is_terminal = target->out == stdout && isatty(STDOUT_FILENO);
        run->sink.color = run->sink.is_terminal && run->cli->color_out;
        CLI_TRY(cli_run_text(run, sql, err));
        CLI_TRY(cli_run_finish(run, err));
        cli_run_end_transaction(run);
    }
    run->cli->output_failed = true;
    CLI_TRY(cli_target_commit(target, err));
    run->cli->output_failed = false;
done:
    if (run->sink.out != NULL && target->out == run->sink.out && ferror(run->sink.out)) {
        run->cli->output_failed = true;
    }
    return st;
}

static int run_sql(struct cli *cli, const struct cli_args *args)
{
    const char *command = cli_args_value(args, "c");
    const char *file = cli_args_value(args, "f");
    struct cli_run run = {
        .cli = cli, .at = cli_args_value(args, "at"), .message = cli_args_value(args, "m")};
    struct cli_target target = {0};
    struct arm_error err = {0};
    char *sql = NULL;
    int status = choose_format(cli, args, &run.format);
    arm_status st = ARM_OK;

    status = status == CLI_DONE ? check_options(cli, args, run.format) : status;
    if (status != CLI_DONE) {
        return status;
    }
    run.watch = cli_watch_begin(cli);
    run.sink.watch = run.watch;
    CLI_TRY(cli_open(cli, CLI_READ, &err));
    cli_watch_session(run.watch, cli->session);
    if (is_shell(args)) {
        status = cli_shell(&run);
        goto done;
    }
    if (command != NULL) {
        CLI_TRY(cli_script_check("-c", command, strlen(command), &err));
        sql = cli_strdup(command);
    } else {
        CLI_TRY(cli_script_read(run.watch, file == NULL ? "-" : file, &sql, &err));
    }
    CLI_TRY(
        cli_target_open(cli_args_value(args, "o"), !cli_format_is_text(run.format), &target, &err));
    CLI_TRY(run_into(&run, &target, sql, &err));
done:
    if (st != ARM_OK) {
        /* Before the target is open, it is a file that was not found. */
        bool has_run = target.out != NULL || target.path != NULL;

        status = cli_run_report(cli, run.watch, &err, has_run ? cli_run_hint(&run, st) : NULL);
    }
    cli_watch_session(run.watch, NULL);
    cli_target_abort(&target);
    cli_run_release(&run);
    free(sql);
    cli_close(cli);
    cli_watch_end(run.watch);
    return status;
}

const struct cli_verb cli_verb_sql = {
    .name = "sql",
    .usage = "[-c SQL | -f FILE] [--at REF] [--format F] [-o FILE] [-m MSG]",
    .summary = "run SQL, or talk SQL on a terminal",
    .help =
        "Runs statements one by one, each its own commit unless between BEGIN and COMMIT, and\n"
        "stops at the first error. Without -c and -f: an interactive shell on a terminal, else\n"
        "the statements of standard input. The dialect is DuckDB's; tables can be read at any\n"
        "version:\n"
        "\n"
        "    armillaria sql -c 'SELECT count(*) FROM flights AT (VERSION => 1)'\n"
        "\n"
        "Of several statements, json is one array and jsonl one sequence of all their rows, in\n"
        "order; table, csv and markdown print one result after another. All but table leave out\n"
        "the counts of changed rows where another statement gives rows.",
    .examples = "armillaria sql\n"
                "armillaria sql -c 'SELECT * FROM flights LIMIT 5' --format jsonl\n"
                "armillaria sql -f report.sql -o report.csv\n"
                "armillaria sql --at main~1 -c 'SELECT count(*) FROM flights'",
    .exits = ", 3 another commit came first,\n4 damage found, 130 interrupted",
    .positional_max = 0,
    .run = run_sql,
    .options =
        {
            {NULL, 'c', "SQL", "the statements"},
            {NULL, 'f', "FILE", "a file of statements; - is standard input"},
            {"at", 0, "REF", "read every table as of this ref"},
            {"format", 0, "F", "table, csv, json, jsonl, markdown, parquet or arrow"},
            {NULL, 'o', "FILE", "write the rows to a file; its suffix tells the format"},
            {"message", 'm', "MSG", "of the commits; else the text of the statement"},
        },
};
