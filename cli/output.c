/* SPDX-License-Identifier: Apache-2.0 */
/* CSV, JSON, JSON lines, Markdown and drawn tables. */

#include "output.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "table.h"
#include "width.h"

enum { FLUSH_BYTES = 1 << 16 };

/* ---- Formats ---- */

bool cli_format_parse(const char *name, enum cli_format *out)
{
    static const char *const names[] = {"table",    "csv",     "json", "jsonl",
                                        "markdown", "parquet", "arrow"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (enum cli_format)i;
            return true;
        }
    }
    return false;
}

bool cli_format_of_file(const char *path, enum cli_format *out)
{
    static const struct {
        const char *suffix;
        enum cli_format format;
    } suffixes[] = {
        {".csv", CLI_FORMAT_CSV},     {".json", CLI_FORMAT_JSON},
        {".jsonl", CLI_FORMAT_JSONL}, {".ndjson", CLI_FORMAT_JSONL},
        {".md", CLI_FORMAT_MARKDOWN}, {".parquet", CLI_FORMAT_PARQUET},
        {".arrow", CLI_FORMAT_ARROW}, {".arrows", CLI_FORMAT_ARROW},
        {".txt", CLI_FORMAT_TABLE},
    };
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot != NULL && i < sizeof suffixes / sizeof *suffixes; i++) {
        if (strcasecmp(dot, suffixes[i].suffix) == 0) {
            *out = suffixes[i].format;
            return true;
        }
    }
    return false;
}

bool cli_format_is_text(enum cli_format format)
{
    return format != CLI_FORMAT_PARQUET && format != CLI_FORMAT_ARROW;
}

arm_render cli_format_render(enum cli_format format)
{
    switch (format) {
    case CLI_FORMAT_JSON:
    case CLI_FORMAT_JSONL:
        return ARM_RENDER_JSON;
    case CLI_FORMAT_PARQUET:
    case CLI_FORMAT_ARROW:
        return ARM_RENDER_ARROW;
    case CLI_FORMAT_TABLE:
    case CLI_FORMAT_CSV:
    case CLI_FORMAT_MARKDOWN:
        break;
    }
    return ARM_RENDER_TEXT;
}

/* ---- Writing ---- */

/* Write; no data: flush. It may block, where nobody reads. */
static bool put(const struct cli_sink *sink, const char *data, size_t size)
{
    bool ok;

    if (sink->watch != NULL) {
        cli_watch_writing(sink->watch, true);
    }
    ok = data == NULL ? fflush(sink->out) == 0 : fwrite(data, 1, size, sink->out) == size;
    if (sink->watch != NULL) {
        cli_watch_writing(sink->watch, false);
    }
    return ok;
}

arm_status cli_sink_write(const struct cli_sink *sink, const struct cli_text *text,
                          struct arm_error *err)
{
    if (sink->watch != NULL && cli_watch_caught(sink->watch) != 0) {
        return cli_fail(err, ARM_INTERRUPTED, "interrupted");
    }
    if (sink->watch != NULL && sink->is_terminal) {
        cli_watch_hide(sink->watch);
    }
    if (!put(sink, text->data, text->size)) {
        return cli_fail_output(err, sink->name);
    }
    return ARM_OK;
}

arm_status cli_sink_flush(const struct cli_sink *sink, struct arm_error *err)
{
    return put(sink, NULL, 0) ? ARM_OK : cli_fail_output(err, sink->name);
}

/* A format that writes row by row: `head` first, `row` for each, all into a text that is flushed
 * now and then. */
struct row_format {
    void (*head)(const struct cli_reader *reader, struct cli_text *out);
    void (*row)(const struct cli_reader *reader, uint64_t row, const char *const *labels,
                struct cli_text *out);
};

/* JSON wants member names to differ: the second "a" is "a_1", as in DuckDB. */
static char **unique_names(const struct cli_reader *reader)
{
    size_t count = cli_reader_column_count(reader);
    char **names = cli_alloc(count, sizeof *names);

    for (size_t i = 0; i < count; i++) {
        const char *name = cli_reader_column_name(reader, i);
        unsigned suffix = 0;

        names[i] = cli_strdup(name);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(names[i], names[j]) == 0) {
                free(names[i]);
                names[i] = cli_format("%s_%u", name, ++suffix);
                j = SIZE_MAX; /* from the start */
            }
        }
    }
    return names;
}

/* What stands before each value of an object: `{"a":`, then `,"b":`. */
static char **json_labels(const struct cli_reader *reader)
{
    size_t count = cli_reader_column_count(reader);
    char **labels = unique_names(reader);

    for (size_t i = 0; i < count; i++) {
        struct cli_text label = {0};

        cli_text_add(&label, i == 0 ? "{" : ",");
        cli_json_string(labels[i], strlen(labels[i]), &label);
        cli_text_add(&label, ":");
        free(labels[i]);
        labels[i] = label.data;
    }
    return labels;
}

static void free_labels(char **labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(labels[i]);
    }
    free(labels);
}

static arm_status write_by_row(struct cli_reader *reader, const struct row_format *format,
                               const struct cli_sink *sink, uint64_t *io_rows,
                               struct arm_error *err)
{
    char **labels = json_labels(reader);
    struct cli_text text = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    if (format->head != NULL) {
        format->head(reader, &text);
    }
    for (;;) {
        CLI_TRY(cli_reader_next(reader, &has_row, err));
        if (!has_row) {
            break;
        }
        format->row(reader, (*io_rows)++, (const char *const *)(const void *)labels, &text);
        if (text.size >= FLUSH_BYTES) {
            CLI_TRY(cli_sink_write(sink, &text, err));
            cli_text_clear(&text);
        }
    }
    CLI_TRY(cli_sink_write(sink, &text, err));
done:
    cli_text_release(&text);
    free_labels(labels, cli_reader_column_count(reader));
    return st;
}

/* ---- CSV: a header; NULL is nothing, an empty text is "" ---- */

static bool csv_wants_quotes(const char *text, size_t size)
{
    if (size == 0 || text[0] == ' ' || text[size - 1] == ' ') {
        return true;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r') {
            return true;
        }
    }
    return false;
}

static void csv_text(const char *text, size_t size, struct cli_text *out)
{
    bool quoted = csv_wants_quotes(text, size);

    if (!quoted) {
        cli_text_append(out, text, size);
        return;
    }
    cli_text_add(out, "\"");
    for (size_t i = 0; i < size; i++) {
        cli_text_append(out, &text[i], 1);
        if (text[i] == '"') {
            cli_text_add(out, "\"");
        }
    }
    cli_text_add(out, "\"");
}

static void csv_head(const struct cli_reader *reader, struct cli_text *out)
{
    for (size_t i = 0; i < cli_reader_column_count(reader); i++) {
        const char *name = cli_reader_column_name(reader, i);

        cli_text_add(out, i == 0 ? "" : ",");
        csv_text(name, strlen(name), out);
    }
    cli_text_add(out, "\n");
}

static void csv_row(const struct cli_reader *reader, uint64_t row, const char *const *labels,
                    struct cli_text *out)
{
    (void)row;
    (void)labels;
    for (size_t i = 0; i < cli_reader_column_count(reader); i++) {
        struct cli_cell cell = cli_reader_cell(reader, i);
        size_t size = 0;

        cli_text_add(out, i == 0 ? "" : ",");
        if (!cli_cell_is_null(cell)) {
            const char *text = cli_cell_text(cell, &size);

            csv_text(text, size, out);
        }
    }
    cli_text_add(out, "\n");
}

static const struct row_format csv_format = {csv_head, csv_row};

/* ---- JSON ---- */

static void json_object(const struct cli_reader *reader, const char *const *labels,
                        struct cli_text *out)
{
    for (size_t i = 0; i < cli_reader_column_count(reader); i++) {
        cli_text_add(out, labels[i]);
        cli_cell_json(cli_reader_cell(reader, i), out);
    }
    cli_text_add(out, "}");
}

static void json_row(const struct cli_reader *reader, uint64_t row, const char *const *labels,
                     struct cli_text *out)
{
    cli_text_add(out, row == 0 ? "[" : ",\n ");
    json_object(reader, labels, out);
}

static void jsonl_row(const struct cli_reader *reader, uint64_t row, const char *const *labels,
                      struct cli_text *out)
{
    (void)row;
    json_object(reader, labels, out);
    cli_text_add(out, "\n");
}

static const struct row_format json_format = {NULL, json_row};
static const struct row_format jsonl_format = {NULL, jsonl_row};

/* ---- Markdown ---- */

static void markdown_text(const char *text, size_t size, struct cli_text *out)
{
    struct cli_text shown = {0};

    (void)cli_text_show(&shown, text, size);
    for (size_t i = 0; i < shown.size; i++) {
        cli_text_add(out, shown.data[i] == '|' ? "\\" : "");
        cli_text_append(out, &shown.data[i], 1);
    }
    cli_text_release(&shown);
}

static void markdown_head(const struct cli_reader *reader, struct cli_text *out)
{
    size_t count = cli_reader_column_count(reader);

    cli_text_add(out, "|");
    for (size_t i = 0; i < count; i++) {
        const char *name = cli_reader_column_name(reader, i);

        cli_text_add(out, " ");
        markdown_text(name, strlen(name), out);
        cli_text_add(out, " |");
    }
    cli_text_add(out, "\n|");
    for (size_t i = 0; i < count; i++) {
        cli_text_add(out, "---|");
    }
    cli_text_add(out, "\n");
}

static void markdown_row(const struct cli_reader *reader, uint64_t row, const char *const *labels,
                         struct cli_text *out)
{
    (void)row;
    (void)labels;
    cli_text_add(out, "|");
    for (size_t i = 0; i < cli_reader_column_count(reader); i++) {
        struct cli_cell cell = cli_reader_cell(reader, i);
        size_t size = 0;

        cli_text_add(out, " ");
        if (!cli_cell_is_null(cell)) {
            const char *text = cli_cell_text(cell, &size);

            markdown_text(text, size, out);
        }
        cli_text_add(out, " |");
    }
    cli_text_add(out, "\n");
}

static const struct row_format markdown_format = {markdown_head, markdown_row};

/* ---- Tables ---- */

/* What EXPLAIN answers: a drawing of many lines, which a cell would not hold. */
static bool is_plan(const struct cli_reader *reader)
{
    return cli_reader_column_count(reader) == 2 &&
           strcmp(cli_reader_column_name(reader, 0), "explain_key") == 0 &&
           strcmp(cli_reader_column_name(reader, 1), "explain_value") == 0;
}

static arm_status write_plan(struct cli_reader *reader, const struct cli_sink *sink,
                             struct arm_error *err)
{
    struct cli_text text = {0};
    bool has_row = false;
    arm_status st = ARM_OK;

    for (;;) {
        size_t size = 0;
        const char *plan = NULL;

        CLI_TRY(cli_reader_next(reader, &has_row, err));
        if (!has_row) {
            break;
        }
        plan = cli_cell_text(cli_reader_cell(reader, 1), &size);
        cli_text_show_lines(&text, plan, size, "");
    }
    CLI_TRY(cli_sink_write(sink, &text, err));
done:
    cli_text_release(&text);
    return st;
}

static arm_status write_table(struct cli_reader *reader, const struct cli_sink *sink,
                              struct arm_error *err)
{
    struct cli_table_options options = {.style = CLI_TABLE_BOX,
                                        .is_terminal = sink->is_terminal,
                                        .rows_max = sink->rows_max,
                                        .color = sink->color,
                                        .out = sink->out};
    struct cli_table *table = cli_table_new(&options);
    const struct cli_text nothing = {0};
    size_t count = cli_reader_column_count(reader);
    bool has_row = true;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < count; i++) {
        cli_table_column(table, cli_reader_column_name(reader, i), CLI_ALIGN_AUTO);
    }
    for (;;) {
        CLI_TRY(cli_reader_next(reader, &has_row, err));
        if (!has_row) {
            break;
        }
        if (sink->watch != NULL && cli_watch_caught(sink->watch) != 0) {
            st = cli_fail(err, ARM_INTERRUPTED, "interrupted");
            goto done;
        }
        for (size_t i = 0; i < count; i++) {
            struct cli_cell cell = cli_reader_cell(reader, i);
            bool is_null = cli_cell_is_null(cell);
            size_t size = 0;
            const char *text = is_null ? NULL : cli_cell_text(cell, &size);

            cli_table_cell(table, text, size);
        }
    }
    CLI_TRY(cli_sink_write(sink, &nothing, err)); /* puts the bar away */
    cli_table_finish(table);
    table = NULL;
    if (ferror(sink->out)) {
        st = cli_fail_output(err, sink->name);
    }
done:
    cli_table_free(table);
    return st;
}

arm_status cli_write_rows(struct cli_reader *reader, enum cli_format format,
                          const struct cli_sink *sink, uint64_t *io_rows, struct arm_error *err)
{
    switch (format) {
    case CLI_FORMAT_TABLE:
        return is_plan(reader) ? write_plan(reader, sink, err) : write_table(reader, sink, err);
    case CLI_FORMAT_CSV:
        return write_by_row(reader, &csv_format, sink, io_rows, err);
    case CLI_FORMAT_JSON:
        return write_by_row(reader, &json_format, sink, io_rows, err);
    case CLI_FORMAT_JSONL:
        return write_by_row(reader, &jsonl_format, sink, io_rows, err);
    case CLI_FORMAT_MARKDOWN:
        return write_by_row(reader, &markdown_format, sink, io_rows, err);
    case CLI_FORMAT_PARQUET:
    case CLI_FORMAT_ARROW:
        break;
    }
    return cli_fail(err, ARM_INVALID, "not a text format");
}
