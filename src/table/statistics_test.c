/* SPDX-License-Identifier: Apache-2.0 */
#include "model/value.h"
#include "table/writer_fixture.h"

/* The value of a query of one row and column is the BOOLEAN true. */
static void expect_true(struct desk *desk, const char *sql)
{
    struct rows rows = rows_of(desk->engine, sql);
    const bool *value = duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows.chunks[0], 0));

    if (!*value) {
        fail_msg("%s", sql);
    }
    rows_free(&rows);
}

static bool is_text(const Armpb__Type *type)
{
    return type->kind == ARMPB__TYPE_KIND__VARCHAR || type->kind == ARMPB__TYPE_KIND__BLOB;
}

/* The bound as a literal: strings as BLOBs, byte by byte. */
static void append_literal(const Armpb__Type *type, ProtobufCBinaryData bound, struct arm_buf *sql)
{
    struct arm_buf text = ARM_BUF_INIT(1 << 20);
    struct arm_error err = {0};

    if (is_text(type)) {
        assert_ok(arm__buf_printf(sql, &err, "'"), err);
        for (size_t i = 0; i < bound.len; i++) {
            assert_ok(arm__buf_printf(sql, &err, "\\x%02X", bound.data[i]), err);
        }
        assert_ok(arm__buf_printf(sql, &err, "'::BLOB"), err);
        return;
    }
    assert_ok(arm__value_to_text(type, arm__bytes(bound.data, bound.len), &text, &err), err);
    assert_ok(arm__buf_u8(&text, 0, &err), err);
    assert_ok(arm__buf_printf(sql, &err, "CAST("), err);
    assert_ok(arm__sql_string((const char *)text.data, sql, &err), err);
    assert_ok(arm__buf_printf(sql, &err, " AS "), err);
    assert_ok(arm__type_sql(type, sql, &err), err);
    assert_ok(arm__buf_printf(sql, &err, ")"), err);
    arm__buf_release(&text);
}

/* What statistics say of a column holds for the rows of `source`: no value is below the minimum
 * or above the maximum, and, where nothing was cut, they are values of it. */
static void expect_bound(struct desk *desk, const Armpb__Field *field, ProtobufCBinaryData bound,
                         bool is_max, const char *source, struct arm_buf *sql)
{
    bool cut = is_text(field->type) && bound.len >= ARM_VALUE_CUT;
    bool floats = field->type->kind == ARMPB__TYPE_KIND__FLOAT ||
                  field->type->kind == ARMPB__TYPE_KIND__DOUBLE;
    struct arm_error err = {0};

    arm__buf_clear(sql);
    assert_ok(arm__buf_printf(sql, &err, "SELECT coalesce(%s%s(",
                              field->type->kind == ARMPB__TYPE_KIND__VARCHAR ? "encode(" : "(",
                              is_max ? "max" : "min"),
              err);
    assert_ok(arm__sql_identifier(field->name, sql, &err), err);
    assert_ok(arm__buf_printf(sql, &err, ")) %s ", !cut ? "=" : is_max ? "<=" : ">="), err);
    append_literal(field->type, bound, sql);
    assert_ok(arm__buf_printf(sql, &err, ", false) AS good FROM (%s) WHERE ", source), err);
    assert_ok(arm__sql_identifier(field->name, sql, &err), err);
    assert_ok(arm__buf_printf(sql, &err, floats ? " < 'nan'%c" : " IS NOT NULL%c", 0), err);
    expect_true(desk, (const char *)sql->data);
}

static void expect_statistics(struct desk *desk, const char *source, size_t least_bounds)
{
    struct rows rows = rows_of(desk->engine, source);
    struct arm_written written = desk_write(desk, rows.schema, &rows, true);
    struct arm_buf sql = ARM_BUF_INIT(1 << 20);
    size_t bounds = 0;

    assert_int_equal(written.entry_count, 1);
    assert_int_equal(written.entries[0].statistics_count, rows.schema->n_columns);
    for (size_t c = 0; c < rows.schema->n_columns; c++) {
        const Armpb__ColumnStatistics *of = written.entries[0].statistics[c];
        const Armpb__Field *field = rows.schema->columns[c]->field;
        struct arm_error err = {0};

        assert_int_equal(of->column_id, field->id);
        assert_true(of->has_column_bytes && of->column_bytes > 0);
        arm__buf_clear(&sql);
        assert_ok(arm__buf_printf(&sql, &err, "SELECT count(*) FILTER ("), err);
        assert_ok(arm__sql_identifier(field->name, &sql, &err), err);
        assert_ok(arm__buf_printf(&sql, &err, " IS NULL) = %llu AS good FROM (%s)%c",
                                  (unsigned long long)of->null_count, source, 0),
                  err);
        expect_true(desk, (const char *)sql.data);
        if (of->has_min) {
            expect_bound(desk, field, of->min, false, source, &sql);
        }
        if (of->has_max) {
            expect_bound(desk, field, of->max, true, source, &sql);
        }
        bounds += of->has_min && of->has_max;
    }
    if (bounds < least_bounds) {
        fail_msg("%zu columns have bounds, not %zu: %s", bounds, least_bounds, source);
    }
    arm__buf_release(&sql);
    arm__written_release(&written);
    rows_free(&rows);
}

static void test_statistics_hold_for_every_type_at_its_extremes(void **state)
{
    expect_statistics(*state,
                      "SELECT * EXCLUDE (\"union\", geometry, small_enum, medium_enum, large_enum)"
                      " FROM test_all_types()",
                      20);
}

static void test_statistics_hold_for_plain_values(void **state)
{
    expect_statistics(
        *state,
        "SELECT (i % 2 = 0) AS b, (i - 50)::TINYINT AS t, (i - 500)::SMALLINT AS s,"
        " i::UTINYINT AS ut, i * 3::USMALLINT AS us, i::UINTEGER AS ui, i::UBIGINT AS ub,"
        " -i::INTEGER AS n, i * 1000000007 AS big, (i - 7) / 3.0::DOUBLE AS d,"
        " ((i - 9) / 7.0)::FLOAT AS f, (i - 3)::DECIMAL(4, 1) AS d4, (i - 3)::DECIMAL(9, 2) AS d9,"
        " (i - 3)::DECIMAL(18, 3) AS d18, (i - 3)::DECIMAL(38, 10) AS d38,"
        " 'name ' || i AS v, ('x' || i)::BLOB AS bl, DATE '1969-12-01' + i::INTEGER AS da,"
        " TIME '00:00:01' + INTERVAL (i) MINUTE AS ti,"
        " TIMESTAMP '1969-12-31 23:59:59.5' + INTERVAL (i) HOUR AS ts,"
        " (TIMESTAMP '1969-12-31 23:59:59' + INTERVAL (i) HOUR)::TIMESTAMP_S AS tss,"
        " (TIMESTAMP '1969-12-31 23:59:59.125' + INTERVAL (i) HOUR)::TIMESTAMP_MS AS tsm,"
        " (TIMESTAMP '1969-12-31 23:59:59.125' + INTERVAL (i) HOUR)::TIMESTAMP_NS AS tsn,"
        " TIMESTAMPTZ '1969-12-31 23:59:59.5+00' + INTERVAL (i) HOUR AS tz,"
        " ('00000000-0000-0000-0000-0000000000' || (10 + i))::UUID AS u"
        " FROM range(90) t(i)",
        24);
}

static void test_statistics_hold_for_nulls_and_nans(void **state)
{
    expect_statistics(
        *state,
        "SELECT CASE WHEN i % 3 > 0 THEN i END AS a,"
        " CASE WHEN i % 3 = 0 THEN NULL WHEN i % 3 = 1 THEN 'nan'::DOUBLE ELSE i END AS d,"
        " NULL::INTEGER AS n, CASE WHEN i % 2 = 0 THEN [i] END AS l,"
        " CASE WHEN i % 5 = 0 THEN {'a': i} END AS s FROM range(100) t(i)",
        2);
}

static void test_statistics_cut_long_texts_safely(void **state)
{
    expect_statistics(*state,
                      "SELECT repeat('a', i::INTEGER) AS a, repeat(chr(255), 20 + i::INTEGER) AS y,"
                      " repeat('z', 300) || i AS z, repeat('\\xFF'::BLOB, 40) AS f,"
                      " chr(0) || 'x' || chr(0) || i AS zero, 'a' || chr(0) || repeat('q', 50) AS q"
                      " FROM range(60) t(i)",
                      1);
}

static void test_statistics_know_nan_and_odd_names(void **state)
{
    struct desk *desk = *state;
    struct rows rows = rows_of(
        desk->engine, "SELECT 'nan'::DOUBLE AS \"a.b\", 1.5::DOUBLE AS \"a\", 2 AS \"q\"\"uote\","
                      " {'x': 1} AS \"a.\"");
    struct arm_written written = desk_write(desk, rows.schema, &rows, true);
    Armpb__ColumnStatistics *const *all = written.entries[0].statistics;

    assert_true(all[0]->has_nan);
    assert_false(all[0]->has_min);
    assert_false(all[1]->has_nan);
    assert_true(all[1]->has_min);
    assert_true(all[2]->has_min);
    assert_false(all[3]->has_min);
    assert_true(all[3]->column_bytes > 0);
    arm__written_release(&written);
    rows_free(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        desk_test(test_statistics_hold_for_every_type_at_its_extremes),
        desk_test(test_statistics_hold_for_plain_values),
        desk_test(test_statistics_hold_for_nulls_and_nans),
        desk_test(test_statistics_cut_long_texts_safely),
        desk_test(test_statistics_know_nan_and_odd_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
