/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a hot batch with every type, as they were on the day they were fixed. A change of
 * them is a change of format: ARM_GOLDEN_UPDATE=1 writes them anew. */

#include "base/io.h"
#include "table/hot.h"
#include "table/table_fixture.h"

enum { BYTES_MAX = 1 << 20 };

static const char rows_sql[] =
    "SELECT * EXCLUDE (\"union\", geometry, medium_enum, large_enum),"
    " [{'a': 1::HUGEINT, 'b': [NULL, '']::VARCHAR[]}, NULL] AS deep,"
    " '{\"a\": [1, null]}'::JSON AS js, MAP {'k': [1.5::DECIMAL(30,3)]} AS deep_map,"
    " [[1, NULL, 3]::INTEGER[3], NULL]::INTEGER[3][2] AS deep_array,"
    " repeat('wide ', 60) AS wide FROM test_all_types()";

static void test_golden_hot_batch(void **state)
{
    const char *source = getenv("ARM_SOURCE_DIR");
    struct arm_engine *engine = fixture_engine();
    struct rows rows = rows_of(engine, rows_sql);
    struct arm_buf bytes = ARM_BUF_INIT(BYTES_MAX);
    struct arm_buf golden = ARM_BUF_INIT(BYTES_MAX);
    struct arm_hot_batch *batch = NULL;
    duckdb_data_chunk chunk;
    struct arm_error err = {0};
    char path[1024];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/golden/hot_every_type.bin",
                   source != NULL ? source : ".");
    assert_ok(arm__hot_encode(rows.schema, rows.chunks, rows.count, &bytes, &err), err);
    if (getenv("ARM_GOLDEN_UPDATE") != NULL) {
        assert_ok(arm__io_replace_file(arm__io_system(), path, arm__buf_bytes(&bytes), &err), err);
    }
    assert_ok(arm__io_read_file(arm__io_system(), path, &golden, &err), err);
    assert_int_equal(golden.size, bytes.size);
    assert_memory_equal(golden.data, bytes.data, bytes.size);

    /* And the file is read as those rows. */
    assert_ok(arm__hot_open(arm__buf_bytes(&golden), &batch, &err), err);
    chunk = duckdb_create_data_chunk(rows.types, rows.schema->n_columns);
    for (size_t c = 0; c < rows.schema->n_columns; c++) {
        assert_ok(arm__hot_fill(batch, rows.schema->columns[c]->field, 0, arm__hot_row_count(batch),
                                duckdb_data_chunk_get_vector(chunk, c), &err),
                  err);
    }
    duckdb_data_chunk_set_size(chunk, arm__hot_row_count(batch));
    struct rows back = {.chunks = &chunk, .count = 1, .row_count = arm__hot_row_count(batch)};

    assert_same_rows(rows.schema, &rows, &back);
    duckdb_destroy_data_chunk(&chunk);
    arm__hot_free(batch);
    arm__buf_release(&golden);
    arm__buf_release(&bytes);
    rows_free(&rows);
    arm__engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden_hot_batch)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
