/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria import, export. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrow.h"
#include "run.h"
#include "spool.h"
#include "verbs.h"
#include "width.h"

/* ---- import ---- */

static bool parse_mode(const char *text, arm_write_mode *out)
{
    static const char *const names[] = {"create", "append", "replace", "upsert"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (arm_write_mode)i;
            return true;
        }
    }
    return false;
}

static bool is_format(const char *format)
{
    static const char *const names[] = {"parquet", "csv", "json", "arrow"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(format, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Where the name at `at` ends; it stands in double quotes if it holds a comma. Its bytes go to
 * `out`, which has room for them and a NUL. NULL: the quotes do not end. */
static const char *take_name(const char *at, char **out)
{
    bool quoted = *at == '"';

    for (at += quoted; *at != '\0' && (quoted || *at != ','); at++) {
        if (quoted && *at == '"') {
            if (at[1] != '"') {
                break;
            }
            at++;
        }
        *(*out)++ = *at;
    }
    *(*out)++ = '\0';
    return quoted && *at++ != '"' ? NULL : at;
}

/* `a,b` as names, in memory of their own (one free). False: it is no list of names. */
static bool parse_key(const char *text, const char *const **out, size_t *out_count)
{
    size_t room = strlen(text) + 2;
    const char **names = malloc(room * sizeof *names + room);
    char *bytes;
    size_t count = 0;

    if (names == NULL) {
        return false;
    }
    bytes = (char *)(names + room);
    for (const char *at = text;; at++) {
        names[count++] = bytes;
        at = take_name(at, &bytes);
        if (at == NULL || (*at != ',' && *at != '\0') || names[count - 1][0] == '\0') {
            free(names);
            return false;
        }
        if (*at == '\0') {
            break;
        }
    }
    *out = names;
    *out_count = count;
    return true;
}

/* Mode, format, message, key (to be freed); CLI_DONE, or what is wrong with them. */
static int read_options(const struct cli *cli, const struct cli_args *args,
                        struct arm_write_options *out)
{
    const char *mode = cli_args_value(args, "mode");
    const char *format = cli_args_value(args, "format");
    const char *key = cli_args_value(args, "key");

    *out = (struct arm_write_options){.size = sizeof *out,
                                      .message = cli_args_value(args, "m"),
                                      .null_text = cli_args_value(args, "null")};
    if (mode != NULL && !parse_mode(mode, &out->mode)) {
        return cli_usage_error(cli, args->verb,
                               "'%s' is not a mode: create, append, replace or upsert", mode);
    }
    if (format != NULL && (strcmp(format, "jsonl") == 0 || strcmp(format, "ndjson") == 0)) {
        format = "json";
    }
    if (format != NULL && !is_format(format)) {
        return cli_usage_error(cli, args->verb, "'%s' is not a format: parquet, csv, json or arrow",
                               format);
    }
    out->format = format;
    for (size_t i = 1; i < args->positional_count; i++) {
        if (strcmp(args->positional[i], "-") == 0 && format == NULL) {
            return cli_usage_error(cli, args->verb, "standard input (-) needs --format");
        }
        if (strcmp(args->positional[i], "-") == 0 && args->positional_count > 2) {
            return cli_usage_error(cli, args->verb, "standard input (-) goes alone");
        }
    }
    if (key != NULL && !parse_key(key, &out->key, &out->key_count)) {
        return cli_usage_error(cli, args->verb,
                               "'%s' is not a list of columns: write a,b, or \"a,b\" for a name "
                               "with a comma",
                               key);
    }
    return CLI_DONE;
}

static void print_import(const struct cli *cli, const char *table,
                         const struct arm_write_result *result)
{
    struct cli_text text = {0};

    if (cli->json) {
        cli_text_add(&text, "[{\"table\":");
        cli_json_string(table, strlen(table), &text);
        cli_text_printf(&text,
                        ",\"version\":%" PRIu64 ",\"tx\":%" PRIu64 ",\"rows\":%" PRIu64
                        ",\"bytes_added\":%" PRIu64 ",\"chunks_added\":%" PRIu64
                        ",\"chunks_reused\":%" PRIu64 "}]",
                        result->version, result->tx, result->rows, result->bytes_added,
                        result->chunks_added, result->chunks_reused);
    } else if (result->tx == 0) {
        (void)cli_text_show(&text, table, strlen(table));
        cli_text_printf(&text, ": nothing changed, version %" PRIu64 " has these rows already",
                        result->version);
    } else {
        (void)cli_text_show(&text, table, strlen(table));
        cli_text_printf(&text, ": version %" PRIu64 ", ", result->version);
        cli_text_count(&text, result->rows);
        cli_text_add(&text, result->rows == 1 ? " row, " : " rows, ");
        cli_text_bytes(&text, result->bytes_added);
        cli_text_add(&text, " stored");
        if (result->chunks_reused > 0) {
            cli_text_printf(&text, ", %" PRIu64 " of %" PRIu64 " chunks known",
                            result->chunks_reused, result->chunks_reused + result->chunks_added);
        }
        cli_text_printf(&text, ", tx %" PRIu64, result->tx);
    }
    (void)printf("%s\n", text.data);
    cli_text_release(&text);
}

/* What a person does about it, where the message alone does not say. */
static const char *import_hint(arm_status status, arm_write_mode mode)
{
    switch (status) {
    case ARM_EXISTS:
        return "--mode append adds the rows, --mode replace puts them in place of the old ones";
    case ARM_SCHEMA:
        return mode == ARM_WRITE_APPEND
                   ? "nothing was changed; --mode replace takes the file's columns"
                   : "nothing was changed";
    case ARM_SQL:
    case ARM_CONSTRAINT:
    case ARM_UNSUPPORTED:
        return "nothing was changed";
    default:
        return NULL;
    }
}

static int run_import(struct cli *cli, const struct cli_args *args)
{
    const char *table = args->positional[0];
    size_t count = args->positional_count - 1;
    struct arm_write_options options;
    struct arm_write_result result = {0};
    struct cli_watch *watch = NULL;
    struct arm_error err = {0};
    struct cli_inputs inputs = {0};
    int status = read_options(cli, args, &options);
    arm_status st = ARM_OK;

    if (status != CLI_DONE) {
        return status;
    }
    watch = cli_watch_begin(cli);
    CLI_TRY(cli_open(cli, CLI_WRITE, &err));
    CLI_TRY(cli_inputs_open(cli, watch, args->positional + 1, count, &inputs, &err));
    cli_watch_session(watch, cli->session);
    cli_watch_show(watch, "importing");
    CLI_TRY(arm_import(cli->session, table, inputs.paths, count, &options, &result, &err));
    cli_watch_hide(watch);
    if (cli->json || !cli->quiet) {
        print_import(cli, table, &result);
    }
done:
    cli_watch_hide(watch);
    if (st != ARM_OK) {
        cli_inputs_name(&inputs, &err);
        status = cli_run_report(cli, watch, &err, import_hint(st, options.mode));
    }
    cli_inputs_close(&inputs);
    free((void *)(uintptr_t)options.key);
    cli_watch_session(watch, NULL);
    cli_close(cli);
    cli_watch_end(watch);
    return status;
}

/* ---- export ---- */

static void print_export(const struct cli *cli, const char *table, const char *file, uint64_t rows)
{
    struct cli_text text = {0};

    if (cli->json) {
        cli_text_add(&text, "[{\"table\":");
        cli_json_string(table, strlen(table), &text);
        cli_text_add(&text, ",\"file\":");
        cli_json_string(file, strlen(file), &text);
        cli_text_printf(&text, ",\"rows\":%" PRIu64 "}]", rows);
    } else {
        (void)cli_text_show(&text, file, strlen(file));
        cli_text_add(&text, ": ");
        cli_text_count(&text, rows);
        cli_text_add(&text, rows == 1 ? " row" : " rows");
    }
    (void)printf("%s\n", text.data);
    cli_text_release(&text);
}

static int run_export(struct cli *cli, const struct cli_args *args)
{
    struct arm_export_options options = {.size = sizeof options, .at = cli_args_value(args, "at")};
    struct cli_watch *watch = cli_watch_begin(cli);
    struct arm_error err = {0};
    uint64_t rows = 0;
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    CLI_TRY(cli_open(cli, CLI_READ, &err));
    cli_watch_session(watch, cli->session);
    cli_watch_show(watch, "exporting");
    CLI_TRY(
        arm_export(cli->session, args->positional[0], args->positional[1], &options, &rows, &err));
    cli_watch_hide(watch);
    if (cli->json || !cli->quiet) {
        print_export(cli, args->positional[0], args->positional[1], rows);
    }
done:
    cli_watch_hide(watch);
    if (st == ARM_INVALID) { /* the suffix tells no format, as in `sql -o` */
        status = cli_usage_error(cli, args->verb, "%s", err.message);
    } else if (st != ARM_OK) {
        /* A table that is not there now is told by DuckDB, which knows what is near. */
        bool no_table = options.at == NULL && strstr(err.message, "does not exist") != NULL;
        const char *hint = NULL;

        if (no_table) {
            hint = cli_table_hint(cli, ARM_NOT_FOUND, NULL);
        } else if (options.at != NULL) {
            hint = cli_table_hint(cli, st, options.at);
        }
        status = cli_run_report(cli, watch, &err, hint);
    }
    cli_watch_session(watch, NULL);
    cli_close(cli);
    cli_watch_end(watch);
    return status;
}

const struct cli_verb cli_verb_import = {
    .name = "import",
    .usage = "TABLE FILE... [--key C,...] [--mode create|append|replace|upsert] [--format F]\n"
             "       [--null TEXT] [-m MSG]",
    .summary = "write files into a table",
    .help =
        "Reads Parquet, CSV, JSON, JSON lines or Arrow IPC, by content and suffix; several files\n"
        "or globs make one version. Columns match by name. create and replace take the file's\n"
        "types, append and upsert the table's. - is standard input, and needs --format.",
    .examples = "armillaria import flights flights.csv --null NA -m 'first load'\n"
                "armillaria import flights 2014-*.parquet --mode append\n"
                "armillaria import planes planes.csv --key tailnum\n"
                "armillaria import planes newer.csv --mode upsert\n"
                "curl -s https://example.org/rows.csv | armillaria import rows - --format csv",
    .exits = ", 3 another commit came first,\n4 damage found",
    .positional_min = 2,
    .positional_max = SIZE_MAX,
    .run = run_import,
    .options =
        {
            {"mode", 0, "MODE", "create (the default), append, replace or upsert"},
            {"format", 0, "F", "parquet, csv, json or arrow"},
            {"message", 'm', "MSG", "of the commit"},
            {"null", 0, "TEXT", "what stands for NULL in CSV, besides nothing"},
            {"key", 0, "C,...", "columns of the primary key"},
        },
};

const struct cli_verb cli_verb_export = {
    .name = "export",
    .usage = "TABLE FILE [--at REF]",
    .summary = "write a table to a file",
    .help = "Writes Parquet, CSV, JSON or Arrow IPC, by the file's suffix; whole or not at all.",
    .examples = "armillaria export flights flights.parquet\n"
                "armillaria export flights before.csv --at version:1",
    .positional_min = 2,
    .positional_max = 2,
    .run = run_export,
    .options = {{"at", 0, "REF", "as of this ref; version:N too"}},
};
