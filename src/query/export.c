/* SPDX-License-Identifier: Apache-2.0 */
/* arm_export: a table at a ref into a file, whole or not at all: it is written beside its place
 * and renamed. A column of a type that the format would bend (DuckDB's Parquet makes a HUGEINT a
 * DOUBLE, and TIMETZ UTC) is written as the text that SQL reads back. */

#include <string.h>
#include <strings.h>

#include "model/type.h"
#include "query/arrow_sql.h"
#include "query/beside.h"
#include "query/explain.h"
#include "query/json_sql.h"
#include "query/source.h"
#include "table/types.h"

static arm_status choose_format(const char *path, const char *format, enum arm_file_format *out,
                                struct arm_error *err)
{
    *out = format != NULL ? arm__format_by_name(format) : arm__format_by_suffix(path);
    if (*out == ARM_FILE_UNKNOWN) {
        return arm__fail(err, ARM_INVALID,
                         "%s%s names no format we write: parquet, csv, json, jsonl or arrow",
                         format == NULL ? "the suffix of " : "", format == NULL ? path : format);
    }
    return ARM_OK;
}

/* `FROM armillaria."schema"."table" [AT (VERSION => 'ref')]`. */
static arm_status append_table(const char *table, const char *at, struct arm_buf *sql,
                               struct arm_error *err)
{
    char schema_name[256];
    char name[256];
    arm_status st = ARM_OK;

    ARM_TRY(arm__table_name_parse(table, schema_name, name, err));
    ARM_TRY(arm__buf_printf(sql, err, "FROM armillaria."));
    ARM_TRY(arm__sql_identifier(schema_name, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, "."));
    ARM_TRY(arm__sql_identifier(name, sql, err));
    if (at != NULL) {
        ARM_TRY(arm__buf_printf(sql, err, " AT (VERSION => "));
        ARM_TRY(arm__sql_string(at, sql, err));
        ARM_TRY(arm__buf_printf(sql, err, ")"));
    }
done:
    return st;
}

static bool is_json(enum arm_file_format format)
{
    return format == ARM_FILE_JSON || format == ARM_FILE_JSONL;
}

/* JSON comes as lines of text that are written as they are: no line holds the delimiter. */
static const char *copy_options(enum arm_file_format format)
{
    switch (format) {
    case ARM_FILE_PARQUET:
        return "FORMAT parquet, COMPRESSION zstd";
    case ARM_FILE_CSV:
        return "FORMAT csv, HEADER true";
    default:
        return "FORMAT csv, HEADER false, DELIMITER e'\\x01', QUOTE '', ESCAPE ''";
    }
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t size = strlen(text);
    size_t suffix_size = strlen(suffix);

    return size >= suffix_size && strcasecmp(text + size - suffix_size, suffix) == 0;
}

/* Text is packed as its name says, which DuckDB does not see: it writes beside it. */
static const char *packing(const char *path, enum arm_file_format format)
{
    if (format == ARM_FILE_PARQUET) {
        return "";
    }
    return ends_with(path, ".gz")    ? ", COMPRESSION gzip"
           : ends_with(path, ".zst") ? ", COMPRESSION zstd"
                                     : "";
}

/* ---- JSON ---- */

/* `concat('{', '"a"', ':', <json of a>, ..., '}')` of the columns of a result. */
static arm_status append_object(const struct arm_duck_result *result, struct arm_buf *sql,
                                struct arm_error *err)
{
    struct arm_buf name = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    Armpb__Type *type = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(sql, err, "concat('{'"));
    for (size_t i = 0; i < arm__duck_column_count(result); i++) {
        arm__buf_clear(&name);
        ARM_TRY(arm__sql_identifier(arm__duck_column_name(result, i), &name, err));
        ARM_TRY(arm__buf_u8(&name, 0, err));
        ARM_TRY(arm__type_from_duckdb(arm__duck_column_type(result, i), &type, err));
        ARM_TRY(arm__json_member_sql(arm__duck_column_name(result, i), type,
                                     (const char *)name.data, 0, i == 0, sql, err));
        armpb__type__free_unpacked(type, NULL);
        type = NULL;
    }
    ARM_TRY(arm__buf_printf(sql, err, ", '}')"));
done:
    if (type != NULL) {
        armpb__type__free_unpacked(type, NULL);
    }
    arm__buf_release(&name);
    return st;
}

/* The result of no rows that tells the columns of `from`. */
static arm_status look(struct arm_query_session *session, const char *from,
                       struct arm_duck_result **out, struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(&text, err, "%s LIMIT 0", from));
    ARM_TRY(arm__buf_u8(&text, 0, err));
    ARM_TRY(arm__duck_execute(session->connection, (const char *)text.data, out, err));
done:
    arm__buf_release(&text);
    return st;
}

/* The rows of `from` as lines of JSON; as one array if `is_array`, with its brackets. */
static arm_status append_json(struct arm_query_session *session, const char *from, bool is_array,
                              struct arm_buf *sql, struct arm_error *err)
{
    struct arm_duck_result *result = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(look(session, from, &result, err));
    ARM_TRY(arm__buf_printf(sql, err, "%s",
                            is_array
                                ? "SELECT '[' AS j UNION ALL SELECT CASE WHEN row_number() OVER "
                                  "() = 1 THEN ' ' ELSE ',' END || "
                                : "SELECT "));
    ARM_TRY(append_object(result, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, " %s%s", from, is_array ? " UNION ALL SELECT ']'" : ""));
done:
    arm__duck_result_free(result);
    return st;
}

/* ---- Parquet and Arrow ---- */

/* `<what the format holds of the column> AS <its name>` */
static arm_status append_column(const char *column, duckdb_logical_type column_type,
                                enum arm_file_format format, struct arm_buf *sql,
                                struct arm_error *err)
{
    struct arm_buf name = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    Armpb__Type *type = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__sql_identifier(column, &name, err));
    ARM_TRY(arm__buf_u8(&name, 0, err));
    ARM_TRY(arm__type_from_duckdb(column_type, &type, err));
    ARM_TRY(format == ARM_FILE_ARROW
                ? arm__arrow_column_sql(type, (const char *)name.data, sql, err)
                : arm__type_store_sql(type, (const char *)name.data, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, " AS %s", (const char *)name.data));
done:
    if (type != NULL) {
        armpb__type__free_unpacked(type, NULL);
    }
    arm__buf_release(&name);
    return st;
}

static arm_status append_columns(struct arm_query_session *session, const char *from,
                                 enum arm_file_format format, struct arm_buf *sql,
                                 struct arm_error *err)
{
    struct arm_duck_result *result = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(look(session, from, &result, err));
    for (size_t i = 0; i < arm__duck_column_count(result); i++) {
        ARM_TRY(arm__buf_printf(sql, err, "%s", i == 0 ? "SELECT " : ", "));
        ARM_TRY(append_column(arm__duck_column_name(result, i), arm__duck_column_type(result, i),
                              format, sql, err));
    }
    ARM_TRY(arm__buf_printf(sql, err, " %s", from));
done:
    arm__duck_result_free(result);
    return st;
}

/* ---- Writing ---- */

/* `options`: of COPY, in two parts. */
static arm_status export_copy(struct arm_query_session *session, const char *from, const char *path,
                              const char *const options[2], uint64_t *out_rows,
                              struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(&sql, err, "COPY (%s) TO ", from));
    ARM_TRY(arm__sql_string(path, &sql, err));
    ARM_TRY(arm__buf_printf(&sql, err, " (%s%s, USE_TMP_FILE false)", options[0], options[1]));
    ARM_TRY(arm__buf_u8(&sql, 0, err));
    ARM_TRY(arm__session_run(session, (const char *)sql.data, out_rows, err));
done:
    arm__buf_release(&sql);
    return st;
}

/* The query whose rows are written. Inside. */
static arm_status append_query(struct arm_query_session *session, const char *from,
                               enum arm_file_format format, struct arm_buf *sql,
                               struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (is_json(format)) {
        ARM_TRY(append_json(session, from, format == ARM_FILE_JSON, sql, err));
    } else if (format == ARM_FILE_CSV) {
        ARM_TRY(arm__buf_printf(sql, err, "%s", from));
    } else {
        ARM_TRY(append_columns(session, from, format, sql, err));
    }
    ARM_TRY(arm__buf_u8(sql, 0, err));
done:
    return st;
}

/* DuckDB's formats. Inside. */
static arm_status export_beside(struct arm_query_session *session, const char *query,
                                const char *path, enum arm_file_format format, uint64_t *out_rows,
                                struct arm_error *err)
{
    const char *const options[2] = {copy_options(format), packing(path, format)};
    struct arm_beside file = {.path = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(arm__beside_open(path, &file, err));
    ARM_TRY(export_copy(session, query, file.path, options, out_rows, err));
    ARM_TRY(arm__beside_commit(&file, err));
    *out_rows -= format == ARM_FILE_JSON ? 2 : 0; /* the brackets */
done:
    arm__beside_release(&file);
    return st;
}

/* Everything; of Arrow, whose stream takes the session's lock itself, the query alone. */
static arm_status export_inside(struct arm_query_session *session, const char *from,
                                const char *path, enum arm_file_format format,
                                struct arm_buf *query, uint64_t *out_rows, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter_run(session, err));
    ARM_TRY(append_query(session, from, format, query, err));
    if (format != ARM_FILE_ARROW) {
        ARM_TRY(export_beside(session, (const char *)query->data, path, format, out_rows, err));
    }
done:
    arm__session_leave_run(session);
    return st;
}

arm_status arm__session_export(struct arm_query_session *session, const char *table,
                               const char *path, const struct arm_export_options *options,
                               uint64_t *out_rows, struct arm_error *err)
{
    struct arm_buf from = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    struct arm_buf query = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    enum arm_file_format format = ARM_FILE_UNKNOWN;
    struct ArrowArrayStream stream;
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    ARM_TRY(choose_format(path, options->format, &format, err));
    ARM_TRY(append_table(table, options->at, &from, err));
    ARM_TRY(arm__buf_u8(&from, 0, err));
    ARM_TRY(export_inside(session, (const char *)from.data, path, format, &query, &rows, err));
    if (format == ARM_FILE_ARROW) {
        ARM_TRY(arm__session_sql(session, (const char *)query.data, NULL, &stream, NULL, err));
        ARM_TRY(arm__arrow_write_file(&stream, path, &rows, err));
    }
    *out_rows = rows;
done:
    if (st != ARM_OK) {
        arm__explain(NULL, err);
    }
    arm__buf_release(&query);
    arm__buf_release(&from);
    return st;
}
