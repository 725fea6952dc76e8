/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_TABLE_FIXTURE_H
#define ARM_TABLE_TABLE_FIXTURE_H

/* For tests: an engine, rows from SQL as data chunks with a schema of ours, and comparison of
 * rows to the bit. */

#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/record.h"
#include "support/cmocka_all.h"
#include "table/engine.h"
#include "table/rows_hash.h"
#include "table/types.h"

/* DuckDB is not built with the sanitizers. Under TSan its own threads are left out, since how they
 * hand memory on is not seen, and races are overlooked where our code touches values that lie
 * in its memory: its allocator gives a block from one thread to another unseen. Our own
 * structures are watched as ever. */
#if defined(__SANITIZE_THREAD__)
#define FIXTURE_TSAN 1
const char *__tsan_default_suppressions(void); /* NOLINT(bugprone-reserved-identifier): its name */
__attribute__((weak)) const char *__tsan_default_suppressions(void) /* in several objects */
{
    return "race:src/table/run.c\n"
           "race:src/table/row_hash.c\n"
           "race:src/table/rows_hash.c\n"
           "race:src/table/piece.h\n"
           "race:src/table/piece.c\n"
           "race:src/table/hot.c\n"
           "race:src/table/hot_fill.c\n"
           "race:src/table/survey.c\n"
           "race:src/table/statistics.c\n"
           "race:table_fixture.h\n";
}
#else
#define FIXTURE_TSAN 0
#endif

/* Rows of a query, and what they are rows of. */
struct rows {
    Armpb__Schema *schema; /* with field ids */
    duckdb_logical_type *types;
    duckdb_data_chunk *chunks;
    size_t count;
    uint64_t row_count;
};

/* Under TSan: no threads of DuckDB's own; our workers stay as many. */
static inline void fixture_calm(struct arm_engine *engine)
{
    duckdb_connection connection;
    struct arm_error err = {0};

    if (FIXTURE_TSAN) {
        assert_ok(arm__engine_connect(engine, &connection, &err), err);
        assert_ok(arm__engine_run(connection, "SET threads = 1", ARM_SQL, &err), err);
        arm__engine_disconnect(engine, connection);
    }
}

static inline struct arm_engine *fixture_engine(void)
{
    struct arm_engine_options options = {.thread_count = 2};
    struct arm_engine *engine = NULL;
    struct arm_error err = {0};

    assert_ok(arm__engine_open(&options, &engine, &err), err);
    fixture_calm(engine);
    return engine;
}

static inline void rows_add(struct rows *rows, duckdb_data_chunk chunk)
{
    rows->chunks = realloc(rows->chunks, (rows->count + 1) * sizeof *rows->chunks);
    assert_non_null(rows->chunks);
    rows->chunks[rows->count++] = chunk;
    rows->row_count += duckdb_data_chunk_get_size(chunk);
}

static inline void rows_number(Armpb__Field *field, uint32_t *id)
{
    field->id = ++*id;
    for (size_t i = 0; i < field->type->n_fields; i++) {
        rows_number(field->type->fields[i], id);
    }
}

/* The rows of `sql`; the test fails if it does. */
static inline struct rows rows_of(struct arm_engine *engine, const char *sql)
{
    struct rows rows = {.count = 0};
    duckdb_connection connection;
    duckdb_result result;
    duckdb_data_chunk chunk;
    struct arm_error err = {0};

    assert_ok(arm__engine_connect(engine, &connection, &err), err);
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess) {
        fail_msg("%.200s: %s", sql, duckdb_result_error(&result));
    }
    idx_t columns = duckdb_column_count(&result);
    const char **names = calloc(columns, sizeof *names);
    uint32_t id = 0;

    rows.types = calloc(columns, sizeof *rows.types);
    for (idx_t c = 0; c < columns; c++) {
        names[c] = duckdb_column_name(&result, c);
        rows.types[c] = duckdb_column_logical_type(&result, c);
    }
    assert_ok(arm__schema_from_columns(columns, names, rows.types, &rows.schema, &err), err);
    rows.schema->schema_id = 1;
    for (idx_t c = 0; c < columns; c++) {
        rows_number(rows.schema->columns[c]->field, &id);
    }
    rows.schema->last_field_id = id;
    while ((chunk = duckdb_fetch_chunk(result)) != NULL) {
        rows_add(&rows, chunk);
    }
    free(names);
    duckdb_destroy_result(&result);
    arm__engine_disconnect(engine, connection);
    return rows;
}

static inline void rows_free_chunks(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        duckdb_destroy_data_chunk(&rows->chunks[i]);
    }
    free(rows->chunks);
    rows->chunks = NULL;
    rows->count = 0;
    rows->row_count = 0;
}

static inline void rows_free(struct rows *rows)
{
    rows_free_chunks(rows);
    for (size_t c = 0; c < rows->schema->n_columns; c++) {
        duckdb_destroy_logical_type(&rows->types[c]);
    }
    free(rows->types);
    armpb__schema__free_unpacked(rows->schema, NULL);
}

/* Copy rows first .. first+count-1 of `chunk` to a chunk of their own. */
static inline duckdb_data_chunk rows_slice(const struct rows *rows, duckdb_data_chunk chunk,
                                           uint32_t first, uint32_t count)
{
    duckdb_data_chunk slice = duckdb_create_data_chunk(rows->types, rows->schema->n_columns);
    duckdb_selection_vector selection = duckdb_create_selection_vector(count);
    sel_t *at = duckdb_selection_vector_get_data_ptr(selection);

    for (uint32_t i = 0; i < count; i++) {
        at[i] = first + i;
    }
    for (size_t c = 0; c < rows->schema->n_columns; c++) {
        duckdb_vector_copy_sel(duckdb_data_chunk_get_vector(chunk, c),
                               duckdb_data_chunk_get_vector(slice, c), selection, count, 0, 0);
    }
    duckdb_data_chunk_set_size(slice, count);
    duckdb_destroy_selection_vector(selection);
    return slice;
}

/* The same rows in batches of random sizes. */
static inline struct rows rows_rebatch(const struct rows *rows, unsigned seed)
{
    struct rows other = {.count = 0};

    srand(seed);
    for (size_t i = 0; i < rows->count; i++) {
        uint32_t size = (uint32_t)duckdb_data_chunk_get_size(rows->chunks[i]);

        for (uint32_t at = 0; at < size;) {
            uint32_t step = 1 + (uint32_t)rand() % (rand() % 4 == 0 ? 5 : 2048);

            step = step < size - at ? step : size - at;
            rows_add(&other, rows_slice(rows, rows->chunks[i], at, step));
            at += step;
        }
    }
    return other;
}

static inline struct arm_hash rows_hash_of(const Armpb__Schema *schema, const struct rows *rows)
{
    struct arm_hash hash;
    struct arm_error err = {0};

    assert_ok(arm__rows_hash(schema, rows->chunks, rows->count, &hash, &err), err);
    return hash;
}

/* The rows are the same, to the bit (as far as the rows hash tells, which has tests of its own). */
static inline void assert_same_rows(const Armpb__Schema *schema, const struct rows *a,
                                    const struct rows *b)
{
    struct arm_hash x = rows_hash_of(schema, a);
    struct arm_hash y = rows_hash_of(schema, b);

    assert_int_equal(a->row_count, b->row_count);
    assert_memory_equal(x.bytes, y.bytes, sizeof x.bytes);
}

/* Every type we keep at its extremes, and NULL. */
#define EXTREMES_SQL                                                                               \
    "SELECT * EXCLUDE (\"union\", geometry), [{'a': 1::HUGEINT, 'b': [NULL, '']::VARCHAR[]}, "     \
    "NULL] AS deep,"                                                                               \
    " '{\"a\": [1, null]}'::JSON AS js, MAP {'k': [1.5::DECIMAL(30,3)]} AS deep_map,"              \
    " [[1, NULL, 3]::INTEGER[3], NULL]::INTEGER[3][2] AS deep_array FROM test_all_types()"

#endif
