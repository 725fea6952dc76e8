/* SPDX-License-Identifier: Apache-2.0 */
/* Running SQL text. */

#include "run.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "statement.h"

static const struct arm_sql_options no_options = {.size = sizeof no_options};

/* A statement that only changed rows answers with their count. */
static bool is_count(const struct cli_reader *reader)
{
    return cli_schema_marked(&reader->schema, "arm.count");
}

static arm_status take_count(struct cli_run *run, struct cli_reader *reader, struct arm_error *err)
{
    struct cli_text text = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    CLI_TRY(cli_reader_next(reader, &has_row, err));
    if (has_row) {
        cli_cell_show(cli_reader_cell(reader, 0), &text);
        free(run->count);
        run->count = cli_strdup(cli_text_string(&text));
    }
    if (has_row && run->format == CLI_FORMAT_TABLE && !run->cli->quiet) {
        cli_text_add(&text, strcmp(run->count, "1") == 0 ? " row affected\n" : " rows affected\n");
        CLI_TRY(cli_sink_write(&run->sink, &text, err));
    }
done:
    cli_text_release(&text);
    return st;
}

static arm_status write_result(struct cli_run *run, struct ArrowArrayStream *stream,
                               struct arm_error *err)
{
    struct cli_reader reader = {0};
    bool has_row = true;
    arm_status st = ARM_OK;

    CLI_TRY(cli_reader_open(stream, &reader, err));
    if (cli_reader_column_count(&reader) == 0) {
        while (has_row) { /* nothing to show, but it must run to its end */
            CLI_TRY(cli_reader_next(&reader, &has_row, err));
        }
    } else if (is_count(&reader)) {
        CLI_TRY(take_count(run, &reader, err));
    } else {
        run->results++;
        CLI_TRY(cli_write_rows(&reader, run->format, &run->sink, &run->rows, err));
    }
done:
    cli_reader_close(&reader);
    return st;
}

/* Say which of several statements failed. */
static void locate(const char *sql, const char *statement, uint64_t number, struct arm_error *err)
{
    struct arm_error inner = *err;
    size_t line = 1;

    while (isspace((unsigned char)*statement)) {
        statement++;
    }
    for (const char *at = sql; at < statement; at++) {
        line += *at == '\n' ? 1 : 0;
    }
    (void)snprintf(err->message, sizeof err->message, "statement %llu, line %zu: %.900s",
                   (unsigned long long)number, line, inner.message);
}

static bool has_more(const char *sql)
{
    size_t end = cli_statement_end(sql);

    return end != 0 && !cli_statement_is_blank(sql + end);
}

static void forget_results(struct cli_run *run)
{
    free(run->count);
    run->count = NULL;
    run->results = 0;
    run->rows = 0;
}

/* After an error JSON's array has no end, so that nobody takes a part for the whole; only the line
 * has. */
static void give_up(struct cli_run *run)
{
    struct cli_text text = {0};

    if (run->format == CLI_FORMAT_JSON && run->rows > 0) {
        cli_text_add(&text, "\n");
        (void)cli_sink_write(&run->sink, &text, NULL);
    }
    cli_text_release(&text);
    forget_results(run);
}

arm_status cli_run_text(struct cli_run *run, const char *sql, struct arm_error *err)
{
    struct arm_sql_options options = no_options;
    const char *statement = sql;
    uint64_t number = 0;
    arm_status st = ARM_OK;

    options.at = run->at;
    options.message = run->message;
    options.render = cli_format_render(run->format);
    while (st == ARM_OK && statement != NULL) {
        struct ArrowArrayStream stream = {0};
        const char *tail = NULL;

        cli_watch_show(run->watch, "running");
        run->has_run = true;
        st = arm_sql(run->cli->session, statement, &options, &stream, &tail, err);
        if (st == ARM_OK) {
            st = write_result(run, &stream, err);
        }
        cli_watch_hide(run->watch);
        number++;
        if (st == ARM_OK && cli_watch_caught(run->watch) != 0 && tail != NULL) {
            st = cli_fail(err, ARM_INTERRUPTED, "interrupted");
        } else if (st != ARM_OK && st != ARM_CLOSED && (number > 1 || has_more(statement))) {
            locate(sql, statement, number, err);
        }
        statement = tail;
    }
    if (st != ARM_OK) {
        give_up(run);
    }
    return st;
}

arm_status cli_run_finish(struct cli_run *run, struct arm_error *err)
{
    struct cli_text text = {0};
    const char *count = run->results > 0 ? NULL : run->count;
    arm_status st = ARM_OK;

    switch (run->format) {
    case CLI_FORMAT_CSV:
        if (count != NULL) {
            cli_text_printf(&text, "Count\n%s\n", count);
        }
        break;
    case CLI_FORMAT_JSON:
        if (count != NULL) {
            cli_text_printf(&text, "[{\"Count\":%s}]\n", count);
        } else {
            cli_text_add(&text, run->rows > 0 ? "]\n" : "[]\n");
        }
        break;
    case CLI_FORMAT_JSONL:
        if (count != NULL) {
            cli_text_printf(&text, "{\"Count\":%s}\n", count);
        }
        break;
    case CLI_FORMAT_MARKDOWN:
        if (count != NULL) {
            cli_text_printf(&text, "| Count |\n|---|\n| %s |\n", count);
        }
        break;
    case CLI_FORMAT_TABLE: /* told at once */
    case CLI_FORMAT_PARQUET:
    case CLI_FORMAT_ARROW:
        break;
    }
    st = cli_sink_write(&run->sink, &text, err);
    cli_text_release(&text);
    forget_results(run);
    return st;
}

void cli_run_end_transaction(struct cli_run *run)
{
    struct ArrowArrayStream stream = {0};

    /* Outside of a transaction ROLLBACK is an error. */
    if (run->has_run &&
        arm_sql(run->cli->session, "ROLLBACK", NULL, &stream, NULL, NULL) == ARM_OK) {
        stream.release(&stream);
        cli_warn(run->cli, "BEGIN without COMMIT: the transaction was rolled back");
    }
}

void cli_run_release(struct cli_run *run)
{
    forget_results(run);
}

/* ---- Parquet and Arrow ---- */

/* "COPY (<statement>) TO '<path>' (FORMAT parquet)". */
static char *copy_statement(const char *sql, size_t size, const char *path)
{
    struct cli_text text = {0};

    cli_text_add(&text, "COPY (");
    cli_text_append(&text, sql, size);
    cli_text_add(&text, "\n) TO '"); /* a new line ends a trailing comment */
    for (const char *at = path; *at != '\0'; at++) {
        cli_text_append(&text, at, 1);
        cli_text_add(&text, *at == '\'' ? "'" : "");
    }
    cli_text_add(&text, "' (FORMAT parquet)");
    return text.data;
}

static arm_status write_parquet(struct cli_run *run, const char *sql, size_t size, const char *path,
                                struct arm_error *err)
{
    struct arm_sql_options options = no_options;
    struct ArrowArrayStream stream = {0};
    struct cli_reader reader = {0};
    char *copy = copy_statement(sql, size, path);
    bool has_row = true;
    arm_status st = ARM_OK;

    options.at = run->at;
    CLI_TRY(arm_sql(run->cli->session, copy, &options, &stream, NULL, err));
    CLI_TRY(cli_reader_open(&stream, &reader, err));
    while (has_row) {
        CLI_TRY(cli_reader_next(&reader, &has_row, err));
    }
done:
    cli_reader_close(&reader);
    free(copy);
    return st;
}

static arm_status write_arrow(struct cli_run *run, const char *sql, const char *path,
                              struct arm_error *err)
{
    struct arm_sql_options options = no_options;
    struct ArrowArrayStream stream = {0};
    arm_status st = ARM_OK;

    options.at = run->at;
    CLI_TRY(arm_sql(run->cli->session, sql, &options, &stream, NULL, err));
    run->cli->output_failed = true; /* the statement has done its work */
    CLI_TRY(arm_arrow_write_file(&stream, path, NULL, err));
    run->cli->output_failed = false;
done:
    return st;
}

arm_status cli_run_file(struct cli_run *run, const char *sql, const char *path,
                        struct arm_error *err)
{
    size_t end = cli_statement_end(sql);
    size_t size = end == 0 ? strlen(sql) : end - 1; /* without its ';' */
    arm_status st = ARM_OK;

    if (cli_statement_is_blank(sql) || (end != 0 && !cli_statement_is_blank(sql + end))) {
        return cli_fail(err, ARM_INVALID,
                        "a file of this format takes the rows of one statement: run them one by "
                        "one, or choose a text format");
    }
    cli_watch_show(run->watch, "running");
    st = run->format == CLI_FORMAT_PARQUET ? write_parquet(run, sql, size, path, err)
                                           : write_arrow(run, sql, path, err);
    cli_watch_hide(run->watch);
    return st;
}

const char *cli_run_hint(const struct cli_run *run, arm_status status)
{
    if (status == ARM_READ_ONLY && run->at != NULL) {
        return "--at only reads: leave it out to change tables";
    }
    return cli_ref_hint(run->cli, status);
}

int cli_run_report(const struct cli *cli, const struct cli_watch *watch,
                   const struct arm_error *err, const char *hint)
{
    int caught = watch == NULL ? 0 : cli_watch_caught(watch);

    if (caught != 0) {
        struct arm_error told;

        (void)cli_fail(&told, ARM_INTERRUPTED, "interrupted: what was not committed is not there");
        return cli_tell(cli, &told, &(struct cli_told){.status = CLI_SIGNAL + caught});
    }
    return cli_report(cli, err, hint);
}
