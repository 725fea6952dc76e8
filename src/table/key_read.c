/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk's key columns are read by DuckDB, found by field id; hot rows are filled into a block of
 * our own. A block of key columns alone has a schema of its own, the key's. */

#include "table/key_read.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/type.h"
#include "model/utf8.h"
#include "table/engine_private.h"
#include "table/hot.h"
#include "table/types.h"

enum { SQL_BYTES_MAX = 16 << 20, TEXT_VALUE_MAX = 200 };

/* The columns of a key, in its order; borrows from the schema. Not to be moved. */
struct key_schema {
    Armpb__Schema schema;
    Armpb__Column **columns;
    duckdb_logical_type *types;
};

static void release_schema(struct key_schema *keys)
{
    for (size_t i = 0; keys->types != NULL && i < keys->schema.n_columns; i++) {
        duckdb_destroy_logical_type(&keys->types[i]);
    }
    arm__free(keys->types);
    arm__free(keys->columns);
}

static arm_status make_schema(const Armpb__Schema *schema, const Armpb__Key *key,
                              struct key_schema *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    memset(out, 0, sizeof *out);
    armpb__schema__init(&out->schema);
    ARM_TRY(arm__calloc(key->n_field_ids, sizeof(Armpb__Column *), &out->columns, err));
    ARM_TRY(arm__calloc(key->n_field_ids, sizeof *out->types, &out->types, err));
    for (size_t i = 0; i < key->n_field_ids; i++) {
        out->columns[i] = (Armpb__Column *)(uintptr_t)arm__schema_column(schema, key->field_ids[i]);
        out->schema.n_columns++;
        ARM_TRY(arm__type_to_duckdb(out->columns[i]->field->type, &out->types[i], err));
    }
    out->schema.columns = out->columns;
done:
    return st;
}

/* ---- SQL over a chunk ---- */

/* MAP {1: {name: 'k0', type: 'INTEGER', default_value: NULL}, ...} */
static arm_status append_map(const struct key_schema *keys, struct arm_buf *sql,
                             struct arm_error *err)
{
    struct arm_buf type = ARM_BUF_INIT(SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(sql, err, "MAP {"));
    for (size_t i = 0; i < keys->schema.n_columns; i++) {
        const Armpb__Field *field = keys->columns[i]->field;

        arm__buf_clear(&type);
        ARM_TRY(arm__type_physical_sql(field->type, &type, err));
        ARM_TRY(arm__buf_u8(&type, 0, err));
        ARM_TRY(arm__buf_printf(sql, err, "%s%u: {name: 'k%zu', type: ", i == 0 ? "" : ", ",
                                field->id, i));
        ARM_TRY(arm__sql_string((const char *)type.data, sql, err));
        ARM_TRY(arm__buf_printf(sql, err, ", default_value: NULL}"));
    }
    ARM_TRY(arm__buf_printf(sql, err, "}"));
done:
    arm__buf_release(&type);
    return st;
}

/* The key columns as `form` ("CAST(%s AS VARCHAR)" or "%s") of their logical types. */
static arm_status append_columns(const struct key_schema *keys, bool as_text, const char *prefix,
                                 struct arm_buf *sql, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < keys->schema.n_columns; i++) {
        ARM_TRY(arm__buf_printf(sql, err, "%s%sCAST(%s%zu AS ", i == 0 ? "" : ", ",
                                as_text ? "CAST(" : "", prefix, i));
        ARM_TRY(arm__type_sql(keys->columns[i]->field->type, sql, err));
        ARM_TRY(arm__buf_printf(sql, err, as_text ? ") AS VARCHAR)" : ")"));
    }
done:
    return st;
}

static arm_status chunk_sql(struct arm_repository *repository, const struct key_schema *keys,
                            const struct arm_hash *chunk, bool as_text, const char *rest,
                            struct arm_buf *sql, struct arm_error *err)
{
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_path(arm__repository_store(repository), chunk, &path, err));
    ARM_TRY(arm__buf_printf(sql, err, "SELECT "));
    ARM_TRY(append_columns(keys, as_text, "k", sql, err));
    ARM_TRY(arm__buf_printf(sql, err, " FROM read_parquet("));
    ARM_TRY(arm__sql_string(path, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, ", schema = "));
    ARM_TRY(append_map(keys, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, ")%s", rest));
    ARM_TRY(arm__buf_u8(sql, 0, err));
done:
    arm__free(path);
    return st;
}

/* ---- All keys of a source ---- */

/* What is made of the keys, block by block. */
struct key_sink {
    bool prints; /* else hashes */
    size_t rows;
    uint64_t *hashes;
    uint8_t (*print_bytes)[ARM_KEY_PRINT_BYTES];
};

static void release_sink(struct key_sink *sink)
{
    arm__free(sink->hashes);
    arm__free(sink->print_bytes);
}

static arm_status sink_block(struct key_sink *sink, const struct key_schema *keys,
                             const Armpb__Key *key, duckdb_data_chunk block, struct arm_error *err)
{
    size_t rows = sink->rows + duckdb_data_chunk_get_size(block);
    arm_status st = ARM_OK;

    if (sink->prints) {
        ARM_TRY(arm__realloc(&sink->print_bytes, rows, sizeof *sink->print_bytes, err));
        ARM_TRY(arm__key_prints(&keys->schema, key, block, sink->print_bytes + sink->rows, err));
    } else {
        ARM_TRY(arm__realloc(&sink->hashes, rows, sizeof *sink->hashes, err));
        ARM_TRY(arm__key_hashes(&keys->schema, key, block, sink->hashes + sink->rows, err));
    }
    sink->rows = rows;
done:
    return st;
}

static arm_status sink_result(struct key_sink *sink, const struct key_schema *keys,
                              const Armpb__Key *key, duckdb_result *result, struct arm_error *err)
{
    size_t count;
    arm_status st = ARM_OK;

    do {
        duckdb_data_chunk block = duckdb_fetch_chunk(*result);

        count = block == NULL ? 0 : duckdb_data_chunk_get_size(block);
        if (count > 0) {
            st = sink_block(sink, keys, key, block, err);
        }
        duckdb_destroy_data_chunk(&block);
    } while (st == ARM_OK && count > 0);
    return st;
}

static arm_status sink_chunk(struct arm_repository *repository, struct arm_engine *engine,
                             const struct key_schema *keys, const Armpb__Key *key,
                             const struct arm_hash *chunk, struct key_sink *sink,
                             struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    duckdb_connection connection = NULL;
    duckdb_result result;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_chunk_sound(arm__repository_catalog(repository), chunk, err));
    ARM_TRY(chunk_sql(repository, keys, chunk, false, "", &sql, err));
    ARM_TRY(arm__engine_connect(engine, &connection, err));
    ARM_TRY(arm__engine_query(connection, (const char *)sql.data, ARM_IO, &result, err));
    st = sink_result(sink, keys, key, &result, err);
    duckdb_destroy_result(&result);
done:
    if (connection != NULL) {
        arm__engine_disconnect(engine, connection);
    }
    arm__buf_release(&sql);
    return st;
}

arm_status arm__key_run_of_chunk(struct arm_repository *repository, struct arm_engine *engine,
                                 const Armpb__Schema *schema, const Armpb__Key *key,
                                 const struct arm_hash *chunk, uint32_t rows,
                                 struct arm_key_run **out, struct arm_error *err)
{
    struct arm_key_store *store = arm__repository_keys(repository);
    struct arm_hash digest = arm__key_digest(schema, key);
    struct key_schema keys = {.columns = NULL};
    struct key_sink sink = {.prints = false};
    struct arm_key_run *run = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__key_store_find(store, chunk, rows, &digest, &run, err));
    if (run == NULL) {
        ARM_TRY(make_schema(schema, key, &keys, err));
        ARM_TRY(sink_chunk(repository, engine, &keys, key, chunk, &sink, err));
        if (sink.rows != rows) {
            char hex[ARM_HASH_HEX + 1];

            arm__hash_hex(chunk, hex);
            st =
                arm__fail(err, ARM_CORRUPT, "chunk %s has %zu rows, not the %u that its table says",
                          hex, sink.rows, rows);
            goto done;
        }
        ARM_TRY(arm__key_run_new(sink.hashes, rows, &run, err));
        ARM_TRY(arm__key_store_keep(store, chunk, &digest, run, err));
    }
    *out = run;
    run = NULL;
done:
    arm__key_run_drop(run);
    release_sink(&sink);
    release_schema(&keys);
    return st;
}

/* ---- Hot rows ---- */

/* Rows first .. first+count-1 of the key's columns. A column that the rows do not have, or have in
 * another type, came or changed after them. */
static arm_status fill_block(const struct key_schema *keys, const struct arm_hot_batch *batch,
                             uint32_t first, uint32_t count, duckdb_data_chunk block,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    duckdb_data_chunk_reset(block);
    duckdb_data_chunk_set_size(block, count);
    for (size_t i = 0; i < keys->schema.n_columns; i++) {
        ARM_TRY(arm__hot_fill(batch, keys->columns[i]->field, first, count,
                              duckdb_data_chunk_get_vector(block, i), err));
    }
done:
    return st;
}

static arm_status new_block(const struct key_schema *keys, duckdb_data_chunk *out,
                            struct arm_error *err)
{
    *out = duckdb_create_data_chunk(keys->types, keys->schema.n_columns);
    return *out != NULL ? ARM_OK : arm__fail(err, ARM_NO_MEMORY, "out of memory: a block of keys");
}

static arm_status sink_hot(const struct key_schema *keys, const Armpb__Key *key,
                           struct arm_bytes hot, struct key_sink *sink, struct arm_error *err)
{
    uint32_t step = (uint32_t)duckdb_vector_size();
    struct arm_hot_batch *batch = NULL;
    duckdb_data_chunk block = NULL;
    uint32_t rows;
    arm_status st = ARM_OK;

    ARM_TRY(arm__hot_open(hot, &batch, err));
    ARM_TRY(new_block(keys, &block, err));
    rows = arm__hot_row_count(batch);
    for (uint32_t first = 0; first < rows; first += step) {
        uint32_t count = rows - first < step ? rows - first : step;

        ARM_TRY(fill_block(keys, batch, first, count, block, err));
        ARM_TRY(sink_block(sink, keys, key, block, err));
    }
done:
    if (block != NULL) {
        duckdb_destroy_data_chunk(&block);
    }
    arm__hot_free(batch);
    return st;
}

arm_status arm__key_run_of_hot(const Armpb__Schema *schema, const Armpb__Key *key,
                               struct arm_bytes hot, struct arm_key_run **out,
                               struct arm_error *err)
{
    struct key_schema keys = {.columns = NULL};
    struct key_sink sink = {.prints = false};
    arm_status st = ARM_OK;

    ARM_TRY(make_schema(schema, key, &keys, err));
    ARM_TRY(sink_hot(&keys, key, hot, &sink, err));
    ARM_TRY(arm__key_run_new(sink.hashes, (uint32_t)sink.rows, out, err));
done:
    release_sink(&sink);
    release_schema(&keys);
    return st;
}

arm_status arm__key_prints_of(struct arm_repository *repository, struct arm_engine *engine,
                              const Armpb__Schema *schema, const Armpb__Key *key,
                              const struct arm_key_source *source,
                              uint8_t (**out)[ARM_KEY_PRINT_BYTES], size_t *out_rows,
                              struct arm_error *err)
{
    struct key_schema keys = {.columns = NULL};
    struct key_sink sink = {.prints = true};
    arm_status st = ARM_OK;

    ARM_TRY(make_schema(schema, key, &keys, err));
    ARM_TRY(source->hot.size > 0
                ? sink_hot(&keys, key, source->hot, &sink, err)
                : sink_chunk(repository, engine, &keys, key, &source->chunk, &sink, err));
    *out = sink.print_bytes;
    *out_rows = sink.rows;
    sink.print_bytes = NULL;
done:
    release_sink(&sink);
    release_schema(&keys);
    return st;
}

/* ---- In words ---- */

static arm_status append_value(const struct key_schema *keys, size_t i, duckdb_result *result,
                               struct arm_buf *out, struct arm_error *err)
{
    char *value = duckdb_value_varchar(result, i, 0);
    const char *text = value == NULL ? "NULL" : value;
    const char *canonical = strcmp(text, "-0.0") == 0   ? "0.0" /* of FLOAT and DOUBLE */
                            : strcmp(text, "-nan") == 0 ? "nan"
                                                        : text;
    size_t size = strlen(canonical);
    size_t shown = arm__utf8_cut(canonical, size, TEXT_VALUE_MAX);
    arm_status st =
        arm__buf_printf(out, err, "%s%s: %.*s%s", i == 0 ? "" : ", ", keys->columns[i]->field->name,
                        (int)shown, canonical, canonical[shown] == '\0' ? "" : "...");

    if (st == ARM_OK && canonical[shown] != '\0') { /* all of it must tell keys apart */
        struct arm_hash hash = arm__hash(arm__bytes(canonical, size));
        char hex[ARM_HASH_HEX + 1];

        arm__hash_hex(&hash, hex);
        st = arm__buf_printf(out, err, " (BLAKE3 %.16s)", hex);
    }
    duckdb_free(value);
    return st;
}

static arm_status run_text(struct arm_engine *engine, const struct key_schema *keys,
                           const char *sql, struct arm_buf *out, struct arm_error *err)
{
    duckdb_connection connection = NULL;
    duckdb_result result;
    arm_status st = ARM_OK;

    ARM_TRY(arm__engine_connect(engine, &connection, err));
    ARM_TRY(arm__engine_query(connection, sql, ARM_IO, &result, err));
    for (size_t i = 0; st == ARM_OK && i < keys->schema.n_columns; i++) {
        st = append_value(keys, i, &result, out, err);
    }
    duckdb_destroy_result(&result);
done:
    if (connection != NULL) {
        arm__engine_disconnect(engine, connection);
    }
    return st;
}

/* One hot row, shown to DuckDB as a run. */
static arm_status hot_text(struct arm_engine *engine, const struct key_schema *keys,
                           struct arm_bytes hot, uint32_t row, struct arm_buf *out,
                           struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    struct arm_runs *runs = arm__engine_runs(engine);
    struct arm_hot_batch *batch = NULL;
    duckdb_data_chunk block = NULL;
    struct arm_run run;
    uint64_t id = 0;
    arm_status st = ARM_OK;

    arm__run_init(&run, &keys->schema, keys->types);
    ARM_TRY(arm__hot_open(hot, &batch, err));
    ARM_TRY(new_block(keys, &block, err));
    ARM_TRY(fill_block(keys, batch, row, 1, block, err));
    ARM_TRY(arm__run_append(&run, block, 0, 1, err));
    ARM_TRY(arm__runs_add(runs, &run, &id, err));
    ARM_TRY(arm__buf_printf(&sql, err, "SELECT "));
    for (size_t i = 0; i < keys->schema.n_columns; i++) {
        ARM_TRY(arm__buf_printf(&sql, err, "%sCAST(", i == 0 ? "" : ", "));
        ARM_TRY(arm__sql_identifier(keys->columns[i]->field->name, &sql, err));
        ARM_TRY(arm__buf_printf(&sql, err, " AS VARCHAR)"));
    }
    ARM_TRY(arm__buf_printf(&sql, err, " FROM arm_run(%llu::UBIGINT)", (unsigned long long)id));
    ARM_TRY(arm__buf_u8(&sql, 0, err));
    ARM_TRY(run_text(engine, keys, (const char *)sql.data, out, err));
done:
    if (id != 0) {
        arm__runs_remove(runs, id);
    }
    if (block != NULL) {
        duckdb_destroy_data_chunk(&block);
    }
    arm__run_release(&run);
    arm__hot_free(batch);
    arm__buf_release(&sql);
    return st;
}

static arm_status chunk_text(struct arm_repository *repository, struct arm_engine *engine,
                             const struct key_schema *keys, const struct arm_hash *chunk,
                             uint32_t row, struct arm_buf *out, struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    char limit[64];
    arm_status st = ARM_OK;

    (void)snprintf(limit, sizeof limit, " LIMIT 1 OFFSET %u", row);
    ARM_TRY(chunk_sql(repository, keys, chunk, true, limit, &sql, err));
    ARM_TRY(run_text(engine, keys, (const char *)sql.data, out, err));
done:
    arm__buf_release(&sql);
    return st;
}

arm_status arm__key_text(struct arm_repository *repository, struct arm_engine *engine,
                         const Armpb__Schema *schema, const Armpb__Key *key,
                         const struct arm_key_source *source, uint32_t row, struct arm_buf *out,
                         struct arm_error *err)
{
    struct key_schema keys = {.columns = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(make_schema(schema, key, &keys, err));
    st = source->hot.size > 0
             ? hot_text(engine, &keys, source->hot, row, out, err)
             : chunk_text(repository, engine, &keys, &source->chunk, row, out, err);
done:
    release_schema(&keys);
    return st;
}
