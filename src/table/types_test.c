/* SPDX-License-Identifier: Apache-2.0 */
#include "table/types.h"

#include "base/alloc.h"
#include "model/type.h"
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

static void test_types_come_back_as_they_went(void **state)
{
    struct rows rows = rows_of(*state, EXTREMES_SQL);
    struct arm_error err = {0};

    assert_true(rows.schema->n_columns > 50);
    for (size_t c = 0; c < rows.schema->n_columns; c++) {
        const Armpb__Type *type = rows.schema->columns[c]->field->type;
        duckdb_logical_type duck = NULL;
        Armpb__Type *back = NULL;

        assert_ok(arm__type_to_duckdb(type, &duck, &err), err);
        assert_ok(arm__type_from_duckdb(duck, &back, &err), err);
        assert_true(arm__type_equal(type, back));
        armpb__type__free_unpacked(back, NULL);
        duckdb_destroy_logical_type(&duck);
    }
    rows_free(&rows);
}

/* The SQL spelling means the same type to DuckDB. */
static void test_types_sql_spelling_is_duckdbs(void **state)
{
    struct rows rows = rows_of(*state, EXTREMES_SQL);
    struct arm_error err = {0};

    for (size_t c = 0; c < rows.schema->n_columns; c++) {
        const Armpb__Type *type = rows.schema->columns[c]->field->type;
        struct arm_buf sql = ARM_BUF_INIT(64 << 20);
        struct rows one;

        assert_ok(arm__buf_printf(&sql, &err, "SELECT NULL::"), err);
        assert_ok(arm__type_sql(type, &sql, &err), err);
        assert_ok(arm__buf_printf(&sql, &err, " AS x%c", 0), err);
        one = rows_of(*state, (const char *)sql.data);
        assert_true(arm__type_equal(type, one.schema->columns[0]->field->type));
        rows_free(&one);
        arm__buf_release(&sql);
    }
    rows_free(&rows);
}

static void expect_refused(struct arm_engine *engine, const char *sql, const char *name)
{
    duckdb_connection connection;
    duckdb_result result;
    duckdb_logical_type type;
    Armpb__Type *out = NULL;
    struct arm_error err = {0};

    assert_ok(arm__engine_connect(engine, &connection, &err), err);
    assert_int_equal(duckdb_query(connection, sql, &result), DuckDBSuccess);
    type = duckdb_column_logical_type(&result, 0);
    assert_fails(ARM_UNSUPPORTED, arm__type_from_duckdb(type, &out, &err), err);
    assert_null(out);
    assert_non_null(strstr(err.message, name));
    duckdb_destroy_logical_type(&type);
    duckdb_destroy_result(&result);
    arm__engine_disconnect(engine, connection);
}

static void test_types_not_kept_are_refused_by_name(void **state)
{
    expect_refused(*state, "SELECT union_value(a := 1)", "UNION");
    expect_refused(*state, "SELECT [union_value(a := 1)]", "UNION");
    expect_refused(*state, "SELECT 1::VARIANT", "VARIANT");
    expect_refused(*state, "SELECT geometry FROM test_all_types()", "GEOMETRY");
}

static void test_types_schema_refuses_wrong_columns(void **state)
{
    duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);
    duckdb_logical_type types[] = {type, type};
    const char *twice[] = {"a", "A"};
    const char *empty[] = {"a", ""};
    Armpb__Schema *schema = NULL;
    struct arm_error err = {0};

    (void)state;
    assert_fails(ARM_SCHEMA, arm__schema_from_columns(0, NULL, NULL, &schema, &err), err);
    assert_fails(ARM_SCHEMA, arm__schema_from_columns(2, twice, types, &schema, &err), err);
    assert_fails(ARM_SCHEMA, arm__schema_from_columns(2, empty, types, &schema, &err), err);
    assert_null(schema);
    duckdb_destroy_logical_type(&type);
}

static void test_types_survive_every_failed_allocation(void **state)
{
    struct rows rows =
        rows_of(*state, "SELECT {'a': [1], 'b': MAP {'x': 'y'::ENUM('x', 'y')}} AS s,"
                        " [1.5]::DECIMAL(9,1)[1] AS l");
    const char *names[] = {"s", "l"};
    Armpb__Schema *schema = NULL;
    struct arm_error err = {0};
    uint64_t n = 1;

    for (;; n++) {
        arm_status st;

        arm__alloc_fail_at(n);
        st = arm__schema_from_columns(2, names, rows.types, &schema, &err);
        arm__alloc_fail_at(0);
        if (st == ARM_OK) {
            break;
        }
        assert_int_equal(st, ARM_NO_MEMORY);
        assert_null(schema);
    }
    assert_true(n > 20);
    armpb__schema__free_unpacked(schema, NULL);
    rows_free(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_come_back_as_they_went),
        cmocka_unit_test(test_types_sql_spelling_is_duckdbs),
        cmocka_unit_test(test_types_not_kept_are_refused_by_name),
        cmocka_unit_test(test_types_schema_refuses_wrong_columns),
        cmocka_unit_test(test_types_survive_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
