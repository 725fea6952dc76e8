/* SPDX-License-Identifier: Apache-2.0 */
#include "table/rows_hash.h"

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

/* Row hashes and sizes of all rows, in one array each. */
static void hash_rows(const Armpb__Schema *schema, const struct rows *rows, uint64_t *hashes,
                      uint32_t *sizes)
{
    struct arm_error err = {0};
    size_t at = 0;

    for (size_t i = 0; i < rows->count; i++) {
        assert_ok(arm__row_hashes(schema, rows->chunks[i], hashes + at, &err), err);
        assert_ok(arm__row_sizes(schema, rows->chunks[i], sizes + at, &err), err);
        at += duckdb_data_chunk_get_size(rows->chunks[i]);
    }
}

/* Every type, some thousand rows, NULLs among them. */
static const char many_sql[] =
    "SELECT * REPLACE (CASE WHEN i % 7 = 0 THEN NULL ELSE int END AS int,"
    " CASE WHEN i % 5 = 0 THEN repeat('x', (i % 40)::INTEGER) ELSE varchar END AS varchar,"
    " CASE WHEN i % 3 = 0 THEN [i, NULL] ELSE int_array END AS int_array,"
    " CASE WHEN i % 4 = 0 THEN {'a': i, 'b': NULL} ELSE struct END AS struct)"
    " FROM (" EXTREMES_SQL "), range(2000) t(i)";

static void test_hashes_do_not_depend_on_batches(void **state)
{
    struct rows rows = rows_of(*state, many_sql);
    uint64_t *hashes = calloc(rows.row_count, sizeof *hashes);
    uint64_t *others = calloc(rows.row_count, sizeof *others);
    uint32_t *sizes = calloc(rows.row_count, sizeof *sizes);
    uint32_t *other_sizes = calloc(rows.row_count, sizeof *other_sizes);

    hash_rows(rows.schema, &rows, hashes, sizes);
    for (unsigned seed = 0; seed < 3; seed++) {
        struct rows batches = rows_rebatch(&rows, seed);

        assert_int_equal(batches.row_count, rows.row_count);
        assert_same_rows(rows.schema, &rows, &batches);
        hash_rows(rows.schema, &batches, others, other_sizes);
        assert_memory_equal(hashes, others, rows.row_count * sizeof *hashes);
        assert_memory_equal(sizes, other_sizes, rows.row_count * sizeof *sizes);
        rows_free_chunks(&batches);
    }
    free(other_sizes);
    free(sizes);
    free(others);
    free(hashes);
    rows_free(&rows);
}

static struct arm_hash hash_of(struct arm_engine *engine, const char *sql, uint64_t *out_first)
{
    struct rows rows = rows_of(engine, sql);
    struct arm_hash hash = rows_hash_of(rows.schema, &rows);
    uint64_t *hashes = calloc(rows.row_count + 1, sizeof *hashes);
    uint32_t *sizes = calloc(rows.row_count + 1, sizeof *sizes);

    hash_rows(rows.schema, &rows, hashes, sizes);
    *out_first = hashes[0];
    free(sizes);
    free(hashes);
    rows_free(&rows);
    return hash;
}

/* Rows that differ in anything differ in both hashes (the first row is the one that differs). */
static void test_hashes_tell_values_apart(void **state)
{
    static const char *const queries[] = {
        "SELECT 1 AS a, 'x' AS b",
        "SELECT 2 AS a, 'x' AS b",
        "SELECT 1 AS a, 'y' AS b",
        "SELECT 1 AS a, '' AS b",
        "SELECT 1 AS a, NULL::VARCHAR AS b",
        "SELECT NULL::INTEGER AS a, NULL::VARCHAR AS b",
        "SELECT NULL::INTEGER AS a, 'x' AS b",
        "SELECT 0 AS a, 'x' AS b",
        "SELECT 1 AS a, 'xxxxxxxxxxxxx' AS b",
        "SELECT 1 AS a, 'xxxxxxxxxxxxy' AS b",
        "SELECT 1 AS a, 'yxxxxxxxxxxxx' AS b",
        "SELECT 1 AS a, 'xxxxxxxxxxxxxx' AS b",
        "SELECT 1 AS a, chr(0) AS b",
        "SELECT 1 AS a, chr(0) || chr(0) AS b",
        "SELECT 0.0::DOUBLE AS a",
        "SELECT '-0.0'::DOUBLE AS a",
        "SELECT 'nan'::DOUBLE AS a",
        "SELECT '-nan'::DOUBLE AS a",
        "SELECT [1, 2] AS a, [3] AS b",
        "SELECT [1] AS a, [2, 3] AS b",
        "SELECT [1, 2, 3] AS a, []::INTEGER[] AS b",
        "SELECT [1, 2, 3] AS a, NULL::INTEGER[] AS b",
        "SELECT [1, 2, 3] AS a, [NULL]::INTEGER[] AS b",
        "SELECT {'a': 1, 'b': 2} AS a",
        "SELECT {'a': 2, 'b': 1} AS a",
        "SELECT {'a': NULL, 'b': NULL}::STRUCT(a INTEGER, b INTEGER) AS a",
        "SELECT NULL::STRUCT(a INTEGER, b INTEGER) AS a",
        "SELECT [NULL, NULL]::INTEGER[2] AS a",
        "SELECT NULL::INTEGER[2] AS a",
        "SELECT MAP {1: 2} AS a",
        "SELECT MAP {2: 1} AS a",
        "SELECT INTERVAL '1 month' AS a",
        "SELECT INTERVAL '30 days' AS a",
        "SELECT INTERVAL '720 hours' AS a",
    };
    enum { COUNT = sizeof queries / sizeof *queries };
    struct arm_hash hashes[COUNT];
    uint64_t firsts[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        hashes[i] = hash_of(*state, queries[i], &firsts[i]);
        for (size_t j = 0; j < i; j++) {
            if (arm__hash_equal(&hashes[i], &hashes[j]) || firsts[i] == firsts[j]) {
                fail_msg("%s = %s", queries[i], queries[j]);
            }
        }
    }
}

/* Which column, of which type and id, is part of the rows hash; names are not. */
static void test_rows_hash_covers_ids_and_types_not_names(void **state)
{
    struct rows a = rows_of(*state, "SELECT 7::INTEGER AS a, {'x': 1} AS s");
    struct rows b = rows_of(*state, "SELECT 7::INTEGER AS b, {'y': 1} AS t");
    struct rows c = rows_of(*state, "SELECT 7::UINTEGER AS a, {'x': 1} AS s");
    struct arm_hash hash = rows_hash_of(a.schema, &a);
    struct arm_hash other = rows_hash_of(b.schema, &b);

    assert_true(arm__hash_equal(&hash, &other));
    other = rows_hash_of(c.schema, &c);
    assert_false(arm__hash_equal(&hash, &other));
    b.schema->columns[0]->field->id = 9;
    other = rows_hash_of(b.schema, &b);
    assert_false(arm__hash_equal(&hash, &other));
    rows_free(&c);
    rows_free(&b);
    rows_free(&a);
}

/* What lies under a NULL does not count. */
static void test_hashes_ignore_what_is_under_null(void **state)
{
    struct rows a = rows_of(*state, "SELECT NULL::INTEGER AS a, NULL::VARCHAR AS b,"
                                    " NULL::STRUCT(x INTEGER) AS s, NULL::INTEGER[] AS l");
    struct rows b = rows_of(*state, "SELECT 7 AS a, repeat('q', 100) AS b,"
                                    " {'x': 3} AS s, [1, 2] AS l");
    uint64_t first;
    uint64_t other;
    struct arm_error err = {0};

    for (size_t c = 0; c < 4; c++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(b.chunks[0], c);

        duckdb_vector_ensure_validity_writable(vector);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), 0);
    }
    assert_same_rows(a.schema, &a, &b);
    assert_ok(arm__row_hashes(a.schema, a.chunks[0], &first, &err), err);
    assert_ok(arm__row_hashes(a.schema, b.chunks[0], &other, &err), err);
    assert_true(first == other);
    rows_free(&b);
    rows_free(&a);
}

/* Frozen: another value here means that every table is cut anew and no chunk found again. */
static void test_hashes_are_frozen(void **state)
{
    uint64_t first;
    struct arm_hash hash =
        hash_of(*state,
                "SELECT 42::BIGINT AS a, 'armillaria' AS b, 'a text over twelve bytes' AS c,"
                " NULL::DATE AS d, [1.5::DOUBLE, NULL] AS e, {'x': true, 'y': 3::TINYINT} AS f,"
                " 'ab'::ENUM('a', 'ab') AS g, 12.34::DECIMAL(30, 2) AS h",
                &first);
    char hex[ARM_HASH_HEX + 1];
    char row[32];

    arm__hash_hex(&hash, hex);
    (void)snprintf(row, sizeof row, "%016llx", (unsigned long long)first);
    assert_string_equal(row, "4203cadea9162019");
    assert_string_equal(hex, "e66b6be48c4304c9d01af44a8964b2fb8011073fa6fef99ce6ae72dd8e7bded1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes_do_not_depend_on_batches),
        cmocka_unit_test(test_hashes_tell_values_apart),
        cmocka_unit_test(test_rows_hash_covers_ids_and_types_not_names),
        cmocka_unit_test(test_hashes_ignore_what_is_under_null),
        cmocka_unit_test(test_hashes_are_frozen),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
