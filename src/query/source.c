/* SPDX-License-Identifier: Apache-2.0 */
#include "query/source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "model/type.h"
#include "query/arrow_ipc.h"
#include "query/csv.h"
#include "query/packed.h"

enum { HEAD_BYTES = 512, PIECE_BYTES = 1 << 16, LONG_LINE_BYTES_MAX = 64 << 20 };

/* ---- Formats ---- */

static const struct {
    const char *name;
    enum arm_file_format format;
} formats[] = {
    {"parquet", ARM_FILE_PARQUET}, {"pq", ARM_FILE_PARQUET},    {"csv", ARM_FILE_CSV},
    {"tsv", ARM_FILE_CSV},         {"txt", ARM_FILE_CSV},       {"json", ARM_FILE_JSON},
    {"jsonl", ARM_FILE_JSONL},     {"ndjson", ARM_FILE_JSONL},  {"arrow", ARM_FILE_ARROW},
    {"arrows", ARM_FILE_ARROW},    {"feather", ARM_FILE_ARROW}, {"ipc", ARM_FILE_ARROW},
};

enum arm_file_format arm__format_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcasecmp(formats[i].name, name) == 0) {
            return formats[i].format;
        }
    }
    return ARM_FILE_UNKNOWN;
}

/* The last suffix, or the one before .gz or .zst, which DuckDB unpacks. */
enum arm_file_format arm__format_by_suffix(const char *path)
{
    char copy[64];
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t size = strlen(name);
    char *dot;

    if (size >= sizeof copy) {
        name += size - (sizeof copy - 1);
    }
    (void)snprintf(copy, sizeof copy, "%s", name);
    dot = strrchr(copy, '.');
    if (dot != NULL && (strcasecmp(dot, ".gz") == 0 || strcasecmp(dot, ".zst") == 0)) {
        *dot = '\0';
        dot = strrchr(copy, '.');
    }
    return dot == NULL ? ARM_FILE_UNKNOWN : arm__format_by_name(dot + 1);
}

static const char *format_name(enum arm_file_format format)
{
    switch (format) {
    case ARM_FILE_PARQUET:
        return "Parquet";
    case ARM_FILE_CSV:
        return "CSV";
    case ARM_FILE_JSON:
    case ARM_FILE_JSONL:
        return "JSON";
    case ARM_FILE_ARROW:
        return "Arrow IPC";
    case ARM_FILE_UNKNOWN:
        break;
    }
    return "unknown";
}

/* ---- Looking into a file ---- */

static arm_status read_head(const char *path, char *head, size_t *out_size, struct arm_error *err)
{
    FILE *file = fopen(path, "rbe");
    arm_status st = ARM_OK;

    if (file == NULL) {
        return arm__fail_errno(err, errno, "open", path);
    }
    *out_size = fread(head, 1, HEAD_BYTES, file);
    if (ferror(file) != 0) {
        st = arm__fail_errno(err, errno, "read", path);
    } else if (*out_size == 0) {
        st = arm__fail(err, ARM_SCHEMA, "%s is empty: there is nothing to import", path);
    }
    (void)fclose(file);
    return st;
}

static bool begins(const char *head, size_t size, const char *magic)
{
    return size >= strlen(magic) && memcmp(head, magic, strlen(magic)) == 0;
}

static char first_letter(const char *head, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (strchr(" \t\r\n", head[i]) == NULL || head[i] == '\0') {
            return head[i];
        }
    }
    return '\0';
}

/* By content, where the content says it; a text's suffix decides between CSV and JSON. */
static arm_status detect(const char *path, enum arm_file_format wanted, enum arm_file_format *out,
                         struct arm_error *err)
{
    char head[HEAD_BYTES];
    size_t size = 0;
    enum arm_file_format format = wanted;
    arm_status st = ARM_OK;

    ARM_TRY(read_head(path, head, &size, err));
    format = format == ARM_FILE_UNKNOWN ? arm__format_by_suffix(path) : format;
    if (begins(head, size, "PAR1")) {
        format = ARM_FILE_PARQUET;
    } else if (arm__arrow_ipc_detect(path)) {
        format = ARM_FILE_ARROW;
    } else if (format == ARM_FILE_PARQUET || format == ARM_FILE_ARROW) {
        st = arm__fail(err, ARM_SCHEMA, "%s does not begin as a file of %s does", path,
                       format_name(format));
        goto done;
    } else if (format == ARM_FILE_UNKNOWN) {
        char letter = first_letter(head, size);

        format = letter == '{' || letter == '[' ? ARM_FILE_JSON : ARM_FILE_CSV;
    }
    if (wanted != ARM_FILE_UNKNOWN && format != wanted) {
        st = arm__fail(err, ARM_SCHEMA, "%s is %s, not %s", path, format_name(format),
                       format_name(wanted));
        goto done;
    }
    if (format == ARM_FILE_CSV || format == ARM_FILE_JSON || format == ARM_FILE_JSONL) {
        ARM_TRY(arm__packed_check(path, err));
    }
    *out = format == ARM_FILE_JSONL ? ARM_FILE_JSON : format;
done:
    return st;
}

/* ---- Pipes: read once, into a file that can be read again ---- */

static arm_status copy_all(int from, int to, const char *path, struct arm_error *err)
{
    static const char what[] = "spool file";
    char piece[PIECE_BYTES];

    for (;;) {
        ssize_t got = read(from, piece, sizeof piece);

        if (got == 0) {
            return ARM_OK;
        }
        if (got < 0 && errno != EINTR) {
            return arm__fail_errno(err, errno, "read", path);
        }
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(to, piece + done, (size_t)(got - done));

            if (put < 0 && errno != EINTR) {
                return arm__fail_errno(err, errno, "write", what);
            }
            done += put > 0 ? put : 0;
        }
    }
}

static arm_status spool(const char *path, const char *directory, char **out, struct arm_error *err)
{
    char *name = NULL;
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = -1;
    arm_status st = ARM_OK;

    if (from < 0) {
        return arm__fail_errno(err, errno, "open", path);
    }
    ARM_TRY(arm__path_join(directory, "spool-XXXXXX", &name, err));
    to = mkostemp(name, O_CLOEXEC);
    if (to < 0) {
        st = arm__fail_errno(err, errno, "create", name);
        goto done;
    }
    st = copy_all(from, to, path, err);
    if (st != ARM_OK) {
        (void)unlink(name);
        goto done;
    }
    *out = name;
    name = NULL;
done:
    arm__free(name);
    (void)close(from);
    if (to >= 0) {
        (void)close(to);
    }
    return st;
}

/* ---- Paths ---- */

/* One existing file, or directory entry, by its exact name. */
static arm_status add_file(struct arm_source *source, const char *path, const char *spool_directory,
                           struct arm_error *err)
{
    struct stat found;
    arm_status st = ARM_OK;

    if (stat(path, &found) != 0) {
        return arm__fail_errno(err, errno, "open", path);
    }
    if (S_ISDIR(found.st_mode)) {
        return arm__fail(err, ARM_SCHEMA, "%s is a directory: name the files in it, as in '%s/*'",
                         path, path);
    }
    if (!S_ISREG(found.st_mode)) {
        if (source->spool != NULL) {
            return arm__fail(err, ARM_INVALID, "%s: only one pipe can be read", path);
        }
        ARM_TRY(spool(path, spool_directory, &source->spool, err));
        path = source->spool;
    }
    ARM_TRY(arm__name_list_add(&source->paths, path, err));
done:
    return st;
}

static arm_status add_matches(struct arm_source *source, const char *pattern,
                              const char *spool_directory, struct arm_error *err)
{
    glob_t matches = {0};
    int rc = glob(pattern, 0, NULL, &matches);
    arm_status st = ARM_OK;

    if (rc != 0) {
        st = rc == GLOB_NOSPACE ? arm__fail(err, ARM_NO_MEMORY, "out of memory for %s", pattern)
                                : arm__fail(err, ARM_NOT_FOUND, "no file matches %s", pattern);
        goto done;
    }
    for (size_t i = 0; i < matches.gl_pathc; i++) {
        ARM_TRY(add_file(source, matches.gl_pathv[i], spool_directory, err));
    }
done:
    globfree(&matches);
    return st;
}

static arm_status add_path(struct arm_source *source, const char *path, const char *spool_directory,
                           struct arm_error *err)
{
    struct stat found;

    /* What is there by that very name is meant, stars and all. */
    if (stat(path, &found) != 0 && errno == ENOENT && strpbrk(path, "*?[") != NULL) {
        return add_matches(source, path, spool_directory, err);
    }
    return add_file(source, path, spool_directory, err);
}

arm_status arm__source_open(const char *const *paths, size_t path_count, const char *format,
                            const char *spool_directory, struct arm_source *out,
                            struct arm_error *err)
{
    struct arm_source source = {.format = ARM_FILE_UNKNOWN};
    enum arm_file_format wanted = ARM_FILE_UNKNOWN;
    arm_status st = ARM_OK;

    if (format != NULL) {
        wanted = arm__format_by_name(format);
        wanted = wanted == ARM_FILE_JSONL ? ARM_FILE_JSON : wanted;
        if (wanted == ARM_FILE_UNKNOWN) {
            return arm__fail(err, ARM_INVALID,
                             "there is no format \"%s\": parquet, csv, json, jsonl or arrow",
                             format);
        }
    }
    for (size_t i = 0; i < path_count; i++) {
        ARM_TRY(add_path(&source, paths[i], spool_directory, err));
    }
    for (size_t i = 0; i < source.paths.count; i++) {
        enum arm_file_format found = ARM_FILE_UNKNOWN;

        ARM_TRY(detect(source.paths.items[i], wanted, &found, err));
        if (i > 0 && found != source.format) {
            st = arm__fail(err, ARM_SCHEMA, "%s is %s, but %s is %s: import them one by one",
                           source.paths.items[i], format_name(found), source.paths.items[0],
                           format_name(source.format));
            goto done;
        }
        source.format = found;
    }
    *out = source;
    source = (struct arm_source){.format = ARM_FILE_UNKNOWN};
done:
    arm__source_release(&source);
    return st;
}

void arm__source_release(struct arm_source *source)
{
    if (source->spool != NULL) {
        (void)unlink(source->spool);
        arm__free(source->spool);
    }
    arm__name_list_release(&source->paths);
    *source = (struct arm_source){.format = ARM_FILE_UNKNOWN};
}

/* ---- SQL ---- */

/* A file's name as a pattern that matches just it: DuckDB expands globs in every path. */
static arm_status append_path(const char *path, struct arm_buf *sql, struct arm_error *err)
{
    struct arm_buf pattern = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    for (const char *at = path; *at != '\0'; at++) {
        bool special = strchr("*?[", *at) != NULL;

        ARM_TRY(
            arm__buf_printf(&pattern, err, "%s%c%s", special ? "[" : "", *at, special ? "]" : ""));
    }
    ARM_TRY(arm__buf_u8(&pattern, 0, err));
    ARM_TRY(arm__sql_string((const char *)pattern.data, sql, err));
done:
    arm__buf_release(&pattern);
    return st;
}

static bool has_column(const struct arm_source *source, const char *name)
{
    for (size_t i = 0; i < source->column_count; i++) {
        if (strcasecmp(source->columns[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* `, types = {"a": 'INTEGER', ...}` of the schema's columns that the files have. JSON takes the
 * same, by another name. */
static arm_status append_types(const struct arm_source *source, struct arm_buf *sql,
                               struct arm_error *err)
{
    struct arm_buf type = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    size_t count = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < source->schema->n_columns; i++) {
        const Armpb__Field *field = source->schema->columns[i]->field;

        if (!has_column(source, field->name)) {
            continue;
        }
        ARM_TRY(arm__buf_printf(sql, err, "%s",
                                count++ > 0                      ? ", "
                                : source->format == ARM_FILE_CSV ? ", types = {"
                                                                 : ", columns = {"));
        ARM_TRY(arm__sql_identifier(field->name, sql, err));
        arm__buf_clear(&type);
        ARM_TRY(arm__type_sql(field->type, &type, err));
        ARM_TRY(arm__buf_u8(&type, 0, err));
        ARM_TRY(arm__buf_printf(sql, err, ": "));
        ARM_TRY(arm__sql_string((const char *)type.data, sql, err));
    }
    if (count > 0) {
        ARM_TRY(arm__buf_printf(sql, err, "}"));
    }
done:
    arm__buf_release(&type);
    return st;
}

arm_status arm__source_sql(const struct arm_source *source, struct arm_buf *sql,
                           struct arm_error *err)
{
    const char *function = source->format == ARM_FILE_PARQUET ? "read_parquet"
                           : source->format == ARM_FILE_CSV   ? "read_csv"
                                                              : "read_json";
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(sql, err, "%s([", function));
    for (size_t i = 0; i < source->paths.count; i++) {
        ARM_TRY(arm__buf_printf(sql, err, "%s", i == 0 ? "" : ", "));
        ARM_TRY(append_path(source->paths.items[i], sql, err));
    }
    ARM_TRY(arm__buf_printf(sql, err, "]"));
    if (source->paths.count > 1) { /* or columns that only later files have would be lost */
        ARM_TRY(arm__buf_printf(sql, err, ", union_by_name = true"));
    }
    if (source->schema != NULL) {
        ARM_TRY(append_types(source, sql, err));
    } else if (source->format == ARM_FILE_JSON) { /* every key, not those of the first rows */
        ARM_TRY(arm__buf_printf(sql, err, ", sample_size = -1"));
    }
    if (source->format == ARM_FILE_CSV) {
        struct arm_csv_head head = arm__csv_look(source->paths.items[0]);

        if (head.delimiter != '\0') {
            ARM_TRY(arm__buf_printf(sql, err, ", delim = '%c'", head.delimiter));
        }
    }
    if (source->format == ARM_FILE_CSV) { /* or a quote that is never closed would be a letter */
        ARM_TRY(arm__buf_printf(sql, err, ", quote = '\"'"));
    }
    if (source->has_long_lines) {
        ARM_TRY(arm__buf_printf(sql, err, ", max_line_size = %d, buffer_size = %d",
                                LONG_LINE_BYTES_MAX, 2 * LONG_LINE_BYTES_MAX));
    }
    if (source->format == ARM_FILE_CSV && source->null_text != NULL) {
        ARM_TRY(arm__buf_printf(sql, err, ", nullstr = ['', "));
        ARM_TRY(arm__sql_string(source->null_text, sql, err));
        ARM_TRY(arm__buf_printf(sql, err, "]"));
    }
    ARM_TRY(arm__buf_printf(sql, err, ")"));
done:
    return st;
}
