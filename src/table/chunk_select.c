/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a file are those of the day it was written: its columns are found by field id, and
 * cast back to their types (model/README.md has the physical ones). */

#include "table/chunk_select.h"

#include <string.h>

#include "base/alloc.h"
#include "model/type.h"
#include "table/engine_private.h"
#include "table/row_ids.h"

enum { SQL_BYTES_MAX = 64 << 20 };

/* What the columns of a file are called, by field id. */
struct file_names {
    size_t count;
    int64_t *ids;
    char **names;
};

static void release_names(struct file_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        arm__free(names->names[i]);
    }
    arm__free(names->names);
    arm__free(names->ids);
}

static arm_status take_name(struct file_names *names, int64_t id, duckdb_string_t *text,
                            struct arm_error *err)
{
    size_t size = duckdb_string_t_length(*text);
    char *name = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__realloc(&names->ids, names->count + 1, sizeof *names->ids, err));
    ARM_TRY(arm__realloc(&names->names, names->count + 1, sizeof *names->names, err));
    ARM_TRY(arm__calloc(size + 1, 1, &name, err));
    memcpy(name, duckdb_string_t_data(text), size);
    names->ids[names->count] = id;
    names->names[names->count++] = name;
done:
    return st;
}

static arm_status read_names(duckdb_connection connection, const char *path, struct file_names *out,
                             struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    duckdb_data_chunk block = NULL;
    duckdb_result result;
    bool has_result = false;
    arm_status st = ARM_OK;

    ARM_TRY(
        arm__buf_printf(&sql, err, "SELECT CAST(field_id AS BIGINT), name FROM parquet_schema("));
    ARM_TRY(arm__sql_string(path, &sql, err));
    ARM_TRY(arm__buf_printf(&sql, err, ") WHERE field_id IS NOT NULL%c", 0));
    ARM_TRY(arm__engine_query(connection, (const char *)sql.data, ARM_IO, &result, err));
    has_result = true;
    while ((block = duckdb_fetch_chunk(result)) != NULL) {
        const int64_t *ids = duckdb_vector_get_data(duckdb_data_chunk_get_vector(block, 0));
        duckdb_string_t *names = duckdb_vector_get_data(duckdb_data_chunk_get_vector(block, 1));

        for (idx_t i = 0; i < duckdb_data_chunk_get_size(block); i++) {
            ARM_TRY(take_name(out, ids[i], &names[i], err));
        }
        duckdb_destroy_data_chunk(&block);
    }
done:
    duckdb_destroy_data_chunk(&block);
    if (has_result) {
        duckdb_destroy_result(&result);
    }
    arm__buf_release(&sql);
    return st;
}

static arm_status append_column(const Armpb__Field *field, const struct file_names *names,
                                bool is_first, struct arm_buf *sql, struct arm_error *err)
{
    const char *name = NULL;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < names->count; i++) {
        name = names->ids[i] == field->id ? names->names[i] : name;
    }
    if (name == NULL) {
        return arm__fail(err, ARM_CORRUPT, "a chunk has no column of id %u", field->id);
    }
    ARM_TRY(arm__buf_printf(sql, err, is_first ? "SELECT CAST(" : ", CAST("));
    ARM_TRY(arm__sql_identifier(name, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, " AS "));
    ARM_TRY(arm__type_sql(field->type, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, ")"));
done:
    return st;
}

static arm_status make_select(duckdb_connection connection, const Armpb__Schema *schema,
                              bool with_row_ids, const char *path, struct arm_buf *sql,
                              struct arm_error *err)
{
    struct file_names names = {.count = 0};
    Armpb__Field field;
    Armpb__Type type;
    arm_status st = ARM_OK;

    ARM_TRY(read_names(connection, path, &names, err));
    for (size_t c = 0; c < schema->n_columns; c++) {
        ARM_TRY(append_column(schema->columns[c]->field, &names, c == 0, sql, err));
    }
    if (with_row_ids) {
        arm__row_id_field(&field, &type);
        ARM_TRY(append_column(&field, &names, false, sql, err));
    }
    ARM_TRY(arm__buf_printf(sql, err, " FROM read_parquet("));
    ARM_TRY(arm__sql_string(path, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, ")%c", 0));
done:
    release_names(&names);
    return st;
}

arm_status arm__chunk_select(struct arm_repository *repository, duckdb_connection connection,
                             const Armpb__Schema *schema, const struct arm_hash *chunk,
                             bool with_row_ids, duckdb_result *out, struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_chunk_sound(arm__repository_catalog(repository), chunk, err));
    ARM_TRY(arm__store_path(arm__repository_store(repository), chunk, &path, err));
    ARM_TRY(make_select(connection, schema, with_row_ids, path, &sql, err));
    ARM_TRY(arm__engine_query(connection, (const char *)sql.data, ARM_IO, out, err));
done:
    arm__free(path);
    arm__buf_release(&sql);
    return st;
}
