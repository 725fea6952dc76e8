/* SPDX-License-Identifier: Apache-2.0 */
#include "table/hot.h"

#include "base/alloc.h"
#include "table/table_fixture.h"

static int setup(void **state)
{
    *state = fixture_engine();
    return 0;
}

static int teardown(void **state)
{
    arm__engine_close(*state);
    return 0;
}

enum { BYTES_MAX = 64 << 20 };

static struct arm_buf encode(const Armpb__Schema *schema, const struct rows *rows)
{
    struct arm_buf bytes = ARM_BUF_INIT(BYTES_MAX);
    struct arm_error err = {0};

    assert_ok(arm__hot_encode(schema, rows->chunks, rows->count, &bytes, &err), err);
    return bytes;
}

/* All rows of a batch, `step` at a time. */
static struct rows decode(const struct rows *like, struct arm_bytes bytes, uint32_t step)
{
    struct rows out = {.count = 0};
    struct arm_hot_batch *batch = NULL;
    struct arm_error err = {0};

    assert_ok(arm__hot_open(bytes, &batch, &err), err);
    for (uint32_t at = 0; at < arm__hot_row_count(batch); at += step) {
        uint32_t rest = arm__hot_row_count(batch) - at;
        uint32_t count = rest < step ? rest : step;
        duckdb_data_chunk chunk = duckdb_create_data_chunk(like->types, like->schema->n_columns);

        for (size_t c = 0; c < like->schema->n_columns; c++) {
            const Armpb__Field *field = like->schema->columns[c]->field;

            assert_true(arm__hot_has(batch, field));
            assert_ok(arm__hot_fill(batch, field, at, count, duckdb_data_chunk_get_vector(chunk, c),
                                    &err),
                      err);
        }
        duckdb_data_chunk_set_size(chunk, count);
        rows_add(&out, chunk);
    }
    arm__hot_free(batch);
    return out;
}

static void expect_round_trip(struct arm_engine *engine, const char *sql)
{
    struct rows rows = rows_of(engine, sql);
    struct arm_buf bytes = encode(rows.schema, &rows);
    static const uint32_t steps[] = {2048, 1, 7, 1000};

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct rows back = decode(&rows, arm__buf_bytes(&bytes), steps[i]);
        struct arm_buf again = encode(rows.schema, &back);

        assert_same_rows(rows.schema, &rows, &back);
        assert_int_equal(bytes.size, again.size); /* one batch has one encoding */
        assert_memory_equal(bytes.data, again.data, bytes.size);
        arm__buf_release(&again);
        rows_free_chunks(&back);
    }
    arm__buf_release(&bytes);
    rows_free(&rows);
}

static void test_hot_every_type_comes_back_at_its_extremes(void **state)
{
    expect_round_trip(*state, EXTREMES_SQL);
}

static void test_hot_nulls_at_every_level_come_back(void **state)
{
    expect_round_trip(
        *state, "SELECT CASE WHEN i % 2 = 0 THEN i END AS a,"
                " CASE WHEN i % 3 = 0 THEN NULL WHEN i % 3 = 1 THEN {'x': NULL, 'y': [i, NULL]}"
                "  ELSE {'x': i::VARCHAR, 'y': NULL} END AS s,"
                " CASE WHEN i % 5 = 0 THEN NULL WHEN i % 5 = 1 THEN [] ELSE"
                "  [CASE WHEN i % 2 = 0 THEN [i, i + 1] END, [NULL], []] END AS l,"
                " (CASE WHEN i % 4 > 0 THEN [{'k': i}, NULL] END)::STRUCT(k INTEGER)[2] AS r,"
                " CASE WHEN i % 7 = 0 THEN NULL ELSE MAP {i::VARCHAR: NULL, 'b': [i]} END AS m,"
                " NULL::INTEGER AS n, NULL::VARCHAR[3][] AS nn,"
                " (i % 2 = 1) AS b, repeat('é', (i % 30)::INTEGER) AS v"
                " FROM range(5000) t(i)");
}

static void test_hot_large_values_come_back(void **state)
{
    expect_round_trip(*state, "SELECT repeat('0123456789', 1000000) AS a, ''::BLOB AS b,"
                              " range(100000) AS l UNION ALL SELECT '', NULL, []");
}

static void test_hot_floats_keep_their_bits(void **state)
{
    static const uint64_t bits[] = {
        0,
        UINT64_C(1) << 63,
        UINT64_C(0x7FF0000000000000),
        UINT64_C(0xFFF0000000000000),
        UINT64_C(0x7FF8000000000000),
        UINT64_C(0x7FF8DEADBEEF0001),
        UINT64_C(0xFFF4000000000007),
        1,
    };
    struct rows rows = rows_of(*state, "SELECT i::DOUBLE AS d FROM range(8) t(i)");
    struct arm_buf bytes;
    struct rows back;

    memcpy(duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows.chunks[0], 0)), bits,
           sizeof bits);
    bytes = encode(rows.schema, &rows);
    back = decode(&rows, arm__buf_bytes(&bytes), 3);
    assert_same_rows(rows.schema, &rows, &back);
    rows_free_chunks(&back);
    arm__buf_release(&bytes);
    rows_free(&rows);
}

static void test_hot_encoding_does_not_depend_on_batches(void **state)
{
    struct rows rows =
        rows_of(*state, "SELECT i, repeat('x', (i % 20)::INTEGER) AS v,"
                        " CASE WHEN i % 3 > 0 THEN [i] END AS l FROM range(6000) t(i)");
    struct rows batches = rows_rebatch(&rows, 5);
    struct arm_buf a = encode(rows.schema, &rows);
    struct arm_buf b = encode(rows.schema, &batches);

    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    arm__buf_release(&b);
    arm__buf_release(&a);
    rows_free_chunks(&batches);
    rows_free(&rows);
}

static void test_hot_one_row_is_small(void **state)
{
    struct rows rows = rows_of(*state, "SELECT 1::BIGINT AS id, 'name' AS name, 2.5::DOUBLE AS x,"
                                       " DATE '2026-01-01' AS d, true AS b");
    struct arm_buf bytes = encode(rows.schema, &rows);

    assert_true(bytes.size <= 48);
    arm__buf_release(&bytes);
    rows_free(&rows);
}

static void test_hot_fill_appends_to_lists_that_are_there(void **state)
{
    struct rows before = rows_of(*state, "SELECT [-i, 7, -i] AS l FROM range(10) t(i)");
    struct rows rows = rows_of(*state, "SELECT [i, i + 1] AS l FROM range(10) t(i)");
    const struct rows *both[] = {&before, &rows};
    duckdb_data_chunk chunk = duckdb_create_data_chunk(rows.types, 1);
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 0);
    struct arm_error err = {0};

    for (int i = 0; i < 2; i++) { /* the second fills the same rows anew */
        struct arm_buf bytes = encode(rows.schema, both[i]);
        struct arm_hot_batch *batch = NULL;

        assert_ok(arm__hot_open(arm__buf_bytes(&bytes), &batch, &err), err);
        assert_ok(arm__hot_fill(batch, rows.schema->columns[0]->field, 0, 10, vector, &err), err);
        arm__hot_free(batch);
        arm__buf_release(&bytes);
    }
    duckdb_data_chunk_set_size(chunk, 10);
    struct rows back = {.chunks = &chunk, .count = 1, .row_count = 10};

    assert_same_rows(rows.schema, &rows, &back);
    duckdb_destroy_data_chunk(&chunk);
    rows_free(&rows);
    rows_free(&before);
}

static void test_hot_another_type_is_told_not_filled(void **state)
{
    struct rows rows = rows_of(*state, "SELECT 1::INTEGER AS a");
    struct rows other = rows_of(*state, "SELECT 1::BIGINT AS a, 2 AS b");
    struct arm_buf bytes = encode(rows.schema, &rows);
    duckdb_data_chunk chunk = duckdb_create_data_chunk(other.types, 2);
    struct arm_hot_batch *batch = NULL;
    struct arm_error err = {0};

    assert_ok(arm__hot_open(arm__buf_bytes(&bytes), &batch, &err), err);
    for (size_t c = 0; c < 2; c++) {
        const Armpb__Field *field = other.schema->columns[c]->field;

        assert_false(arm__hot_has(batch, field));
        assert_fails(
            ARM_SCHEMA,
            arm__hot_fill(batch, field, 0, 1, duckdb_data_chunk_get_vector(chunk, c), &err), err);
    }
    assert_int_equal(arm__hot_type(batch, 1)->kind, ARMPB__TYPE_KIND__INTEGER);
    assert_null(arm__hot_type(batch, 2));
    assert_fails(ARM_INVALID,
                 arm__hot_fill(batch, rows.schema->columns[0]->field, 1, 1,
                               duckdb_data_chunk_get_vector(chunk, 0), &err),
                 err);
    arm__hot_free(batch);
    duckdb_destroy_data_chunk(&chunk);
    arm__buf_release(&bytes);
    rows_free(&other);
    rows_free(&rows);
}

static void test_hot_too_many_rows_are_refused(void **state)
{
    struct rows rows = rows_of(*state, "SELECT i FROM range(10001) t(i)");
    struct arm_buf bytes = ARM_BUF_INIT(BYTES_MAX);
    struct arm_error err = {0};

    assert_fails(ARM_INVALID, arm__hot_encode(rows.schema, rows.chunks, rows.count, &bytes, &err),
                 err);
    assert_int_equal(bytes.size, 0);
    assert_fails(ARM_INVALID, arm__hot_encode(rows.schema, rows.chunks, 0, &bytes, &err), err);
    rows_free(&rows);
}

static void test_hot_survives_every_failed_allocation(void **state)
{
    struct rows rows = rows_of(*state, "SELECT [{'a': i, 'b': NULL::VARCHAR}, NULL] AS l,"
                                       " (CASE WHEN i > 1 THEN [i] END)::BIGINT[1] AS r"
                                       " FROM range(4) t(i)");
    struct arm_buf bytes = encode(rows.schema, &rows);
    struct arm_hot_batch *batch = NULL;
    struct arm_error err = {0};
    arm_status st = ARM_NO_MEMORY;

    for (uint64_t n = 1; st != ARM_OK; n++) {
        struct arm_buf again = ARM_BUF_INIT(BYTES_MAX);

        arm__alloc_fail_at(n);
        st = arm__hot_encode(rows.schema, rows.chunks, rows.count, &again, &err);
        arm__alloc_fail_at(0);
        assert_true(st == ARM_OK || (st == ARM_NO_MEMORY && again.size == 0));
        arm__buf_release(&again);
    }
    arm__alloc_fail_at(1);
    assert_fails(ARM_NO_MEMORY, arm__hot_open(arm__buf_bytes(&bytes), &batch, &err), err);
    arm__alloc_fail_at(0);
    assert_ok(arm__hot_open(arm__buf_bytes(&bytes), &batch, &err), err);
    st = ARM_NO_MEMORY;
    for (uint64_t n = 1; st != ARM_OK; n++) {
        duckdb_data_chunk chunk = duckdb_create_data_chunk(rows.types, 2);

        arm__alloc_fail_at(n);
        st = ARM_OK;
        for (size_t c = 0; st == ARM_OK && c < 2; c++) {
            st = arm__hot_fill(batch, rows.schema->columns[c]->field, 0, 4,
                               duckdb_data_chunk_get_vector(chunk, c), &err);
        }
        arm__alloc_fail_at(0);
        assert_true(st == ARM_OK || st == ARM_NO_MEMORY);
        duckdb_destroy_data_chunk(&chunk);
    }
    arm__hot_free(batch);
    arm__buf_release(&bytes);
    rows_free(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hot_every_type_comes_back_at_its_extremes),
        cmocka_unit_test(test_hot_nulls_at_every_level_come_back),
        cmocka_unit_test(test_hot_large_values_come_back),
        cmocka_unit_test(test_hot_floats_keep_their_bits),
        cmocka_unit_test(test_hot_encoding_does_not_depend_on_batches),
        cmocka_unit_test(test_hot_one_row_is_small),
        cmocka_unit_test(test_hot_fill_appends_to_lists_that_are_there),
        cmocka_unit_test(test_hot_another_type_is_told_not_filled),
        cmocka_unit_test(test_hot_too_many_rows_are_refused),
        cmocka_unit_test(test_hot_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
