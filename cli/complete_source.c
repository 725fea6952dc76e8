/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to complete: tables, columns, files. The catalog tells without an engine; where the
 * engine runs anyway it is asked, because it also knows what the open transaction made. */

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "arrow.h"
#include "complete_private.h"
#include "complete_words.h"
#include "width.h"

/* ---- Gathering ---- */

static void add(const struct builder *builder, char *text, char suffix)
{
    struct cli_candidates *out = builder->out;

    if ((out->count & (out->count - 1)) == 0) { /* grow at powers of two */
        size_t capacity = out->count == 0 ? 1 : 2 * out->count;

        out->items = cli_grow(out->items, capacity, sizeof *out->items);
    }
    out->items[out->count++] = (struct cli_candidate){.text = text, .suffix = suffix};
}

static bool begins(const struct builder *builder, const char *text)
{
    return strncasecmp(text, builder->prefix, builder->prefix_size) == 0;
}

static bool needs_quotes(const char *name)
{
    if (isdigit((unsigned char)name[0]) || cli_words_have(cli_words_reserved, name, strlen(name))) {
        return true;
    }
    for (const char *at = name; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && *at != '_' && (unsigned char)*at < 0x80) {
            return true;
        }
    }
    return name[0] == '\0';
}

/* What would reach the terminal in another form than it is typed in. */
static bool is_plain(const char *text)
{
    struct cli_text shown = {0};
    bool is_same = false;

    (void)cli_text_show(&shown, text, strlen(text));
    is_same = strcmp(cli_text_string(&shown), text) == 0;
    cli_text_release(&shown);
    return is_same;
}

void cli_builder_name(const struct builder *builder, const char *name, char suffix)
{
    struct cli_text text = {0};
    bool quotes = builder->is_quoted || needs_quotes(name);

    if (!begins(builder, name) || !is_plain(name)) {
        return;
    }
    cli_text_add(&text, quotes ? "\"" : "");
    for (const char *at = name; *at != '\0'; at++) {
        cli_text_append(&text, at, 1);
        cli_text_add(&text, *at == '"' ? "\"" : "");
    }
    cli_text_add(&text, quotes ? "\"" : "");
    add(builder, text.data, suffix);
}

void cli_builder_word(const struct builder *builder, const char *word, char suffix)
{
    bool lower = builder->prefix_size > 0 && islower((unsigned char)builder->prefix[0]);
    char *text = NULL;

    if (builder->is_quoted || !begins(builder, word)) {
        return;
    }
    text = cli_strdup(word);
    for (char *at = text; lower && *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    add(builder, text, suffix);
}

void cli_builder_raw(const struct builder *builder, const char *text, char suffix)
{
    if (begins(builder, text) && is_plain(text)) {
        add(builder, cli_strdup(text), suffix);
    }
}

/* ---- The catalog, or the engine ---- */

/* A copy of a text cell; "" of a null. */
static char *cell_string(const struct cli_reader *reader, const char *column)
{
    size_t index = cli_reader_find(reader, column);
    size_t size = 0;
    const char *text = NULL;

    if (index == SIZE_MAX || cli_cell_is_null(cli_reader_cell(reader, index))) {
        return cli_strdup("");
    }
    text = cli_cell_text(cli_reader_cell(reader, index), &size);
    return cli_format("%.*s", (int)size, text);
}

/* Takes the stream; a failure gives fewer names and is nobody's business. */
static void each_row(struct ArrowArrayStream *stream,
                     void (*take)(const struct builder *builder, const char *schema_name,
                                  const char *name),
                     const char *column, const struct builder *builder)
{
    struct cli_reader reader = {0};
    bool has_row = false;

    if (cli_reader_open(stream, &reader, NULL) == ARM_OK) {
        while (cli_reader_next(&reader, &has_row, NULL) == ARM_OK && has_row) {
            char *schema_name = cell_string(&reader, "schema");
            char *name = cell_string(&reader, column);

            take(builder, schema_name, name);
            free(schema_name);
            free(name);
        }
    }
    cli_reader_close(&reader);
}

static bool ask(const struct builder *builder, const char *sql, struct ArrowArrayStream *out)
{
    struct arm_sql_options options = {
        .size = sizeof options, .at = builder->completer->at, .render = ARM_RENDER_TEXT};

    return builder->completer->has_engine &&
           arm_sql(builder->completer->cli->session, sql, &options, out, NULL, NULL) == ARM_OK;
}

static void take_table(const struct builder *builder, const char *schema_name, const char *name)
{
    (void)schema_name;
    cli_builder_name(builder, name, ' ');
}

void cli_builder_tables(const struct builder *builder)
{
    struct ArrowArrayStream stream = {0};
    const struct cli_completer *completer = builder->completer;

    if (ask(builder,
            "SELECT schema_name AS schema, table_name AS \"table\" FROM duckdb_tables() "
            "WHERE NOT internal "
            "UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal",
            &stream) ||
        arm_tables(completer->cli->session, completer->at, &stream, NULL) == ARM_OK) {
        each_row(&stream, take_table, "table", builder);
    }
}

static void take_column(const struct builder *builder, const char *schema_name, const char *name)
{
    (void)schema_name;
    cli_builder_name(builder, name, '\0');
}

/* `text` between quotes. */
static void add_quoted(struct cli_text *out, const char *text, const char *quote)
{
    cli_text_add(out, quote);
    for (const char *at = text; *at != '\0'; at++) {
        cli_text_append(out, at, 1);
        cli_text_add(out, *at == quote[0] ? quote : "");
    }
    cli_text_add(out, quote);
}

static void catalog_columns(const struct builder *builder, const char *schema_name,
                            const char *table)
{
    const struct cli_completer *completer = builder->completer;
    struct ArrowArrayStream stream = {0};
    struct cli_text name = {0};

    if (schema_name[0] != '\0') {
        add_quoted(&name, schema_name, "\"");
        cli_text_add(&name, ".");
    }
    add_quoted(&name, table, "\"");
    if (arm_schema(completer->cli->session, name.data, completer->at, &stream, NULL) == ARM_OK) {
        each_row(&stream, take_column, "column", builder);
    }
    cli_text_release(&name);
}

void cli_builder_columns(const struct builder *builder, const char *schema_name, const char *table)
{
    struct ArrowArrayStream stream = {0};
    struct cli_text sql = {0};

    cli_text_add(&sql, "SELECT column_name AS \"column\" FROM duckdb_columns() "
                       "WHERE NOT internal AND lower(table_name) = lower(");
    add_quoted(&sql, table, "'");
    cli_text_add(&sql, ")");
    if (schema_name[0] != '\0') {
        cli_text_add(&sql, " AND lower(schema_name) = lower(");
        add_quoted(&sql, schema_name, "'");
        cli_text_add(&sql, ")");
    }
    if (ask(builder, sql.data, &stream)) {
        each_row(&stream, take_column, "column", builder);
    } else {
        catalog_columns(builder, schema_name, table);
    }
    cli_text_release(&sql);
}

static void take_all_columns(const struct builder *builder, const char *schema_name,
                             const char *name)
{
    catalog_columns(builder, schema_name, name);
}

void cli_builder_all_columns(const struct builder *builder)
{
    struct ArrowArrayStream stream = {0};
    const struct cli_completer *completer = builder->completer;

    if (ask(builder,
            "SELECT DISTINCT column_name AS \"column\" FROM duckdb_columns() WHERE NOT internal",
            &stream)) {
        each_row(&stream, take_column, "column", builder);
    } else if (arm_tables(completer->cli->session, completer->at, &stream, NULL) == ARM_OK) {
        each_row(&stream, take_all_columns, "table", builder);
    }
}

/* ---- Branches and tags ---- */

static void take_ref(const struct builder *builder, const char *schema_name, const char *name)
{
    (void)schema_name;
    cli_builder_name(builder, name, ' ');
}

void cli_builder_refs(const struct builder *builder, bool branches, bool tags)
{
    arm_session *session = builder->completer->cli->session;
    struct ArrowArrayStream stream = {0};

    if (branches && arm_branches(session, NULL, &stream, NULL) == ARM_OK) {
        each_row(&stream, take_ref, "name", builder);
    }
    if (tags && arm_tags(session, &stream, NULL) == ARM_OK) {
        each_row(&stream, take_ref, "name", builder);
    }
}

/* ---- Files ---- */

static void add_file(const struct builder *builder, const char *folder, const char *shown_folder,
                     const char *name)
{
    char *path = cli_format("%s%s", folder, name);
    char *shown = cli_format("%s%s", shown_folder, name);
    struct stat stat_of;

    if (strncmp(shown, builder->prefix, builder->prefix_size) == 0 && is_plain(shown) &&
        strchr(name, '\'') == NULL) {
        if (stat(path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode)) {
            add(builder, cli_format("%s/", shown), '\0');
        } else {
            add(builder, cli_strdup(shown), '\0');
        }
    }
    free(path);
    free(shown);
}

void cli_builder_files(const struct builder *builder)
{
    char *typed = cli_format("%.*s", (int)builder->prefix_size, builder->prefix);
    const char *slash = strrchr(typed, '/');
    size_t folder_size = slash == NULL ? 0 : (size_t)(slash + 1 - typed);
    char *shown_folder = cli_format("%.*s", (int)folder_size, typed);
    const char *home = strncmp(typed, "~/", 2) == 0 ? getenv("HOME") : NULL;
    char *folder =
        home == NULL ? cli_strdup(shown_folder) : cli_format("%s%s", home, shown_folder + 1);
    bool wants_hidden = typed[folder_size] == '.';
    DIR *directory = opendir(folder[0] == '\0' ? "." : folder);
    const struct dirent *entry = NULL;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        bool is_dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;

        if (!is_dots && (entry->d_name[0] != '.' || wants_hidden)) {
            add_file(builder, folder, shown_folder, entry->d_name);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    free(typed);
    free(shown_folder);
    free(folder);
}
