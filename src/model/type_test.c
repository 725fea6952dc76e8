/* SPDX-License-Identifier: Apache-2.0 */
#include "model/type.h"

#include <string.h>

#include "golden/model_example.h"
#include "support/cmocka_all.h"

static void assert_text(struct arm_buf *buf, const char *wanted)
{
    struct arm_error err = {0};

    assert_ok(arm__buf_u8(buf, 0, &err), err);
    assert_string_equal((const char *)buf->data, wanted);
    arm__buf_release(buf);
}

static void assert_sql(const Armpb__Type *type, const char *logical, const char *physical)
{
    struct arm_buf out = ARM_BUF_INIT(4096);
    struct arm_error err = {0};

    assert_ok(arm__type_sql(type, &out, &err), err);
    assert_text(&out, logical);
    if (physical != NULL) {
        assert_ok(arm__type_physical_sql(type, &out, &err), err);
        assert_text(&out, physical);
    } else {
        assert_fails(ARM_UNSUPPORTED, arm__type_physical_sql(type, &out, &err), err);
        assert_int_equal(out.size, 0);
        assert_non_null(strstr(err.message, logical));
    }
}

/* The table of README.md. NULL: refused. */
static void test_type_M7_every_kind_has_a_physical_type_or_is_refused(void **state)
{
    static const struct {
        Armpb__TypeKind kind;
        const char *logical;
        const char *physical;
        bool is_physical;
    } KINDS[] = {
        {ARMPB__TYPE_KIND__BOOLEAN, "BOOLEAN", "BOOLEAN", true},
        {ARMPB__TYPE_KIND__TINYINT, "TINYINT", "TINYINT", true},
        {ARMPB__TYPE_KIND__SMALLINT, "SMALLINT", "SMALLINT", true},
        {ARMPB__TYPE_KIND__INTEGER, "INTEGER", "INTEGER", true},
        {ARMPB__TYPE_KIND__BIGINT, "BIGINT", "BIGINT", true},
        {ARMPB__TYPE_KIND__HUGEINT, "HUGEINT", "VARCHAR", false},
        {ARMPB__TYPE_KIND__UTINYINT, "UTINYINT", "UTINYINT", true},
        {ARMPB__TYPE_KIND__USMALLINT, "USMALLINT", "USMALLINT", true},
        {ARMPB__TYPE_KIND__UINTEGER, "UINTEGER", "UINTEGER", true},
        {ARMPB__TYPE_KIND__UBIGINT, "UBIGINT", "UBIGINT", true},
        {ARMPB__TYPE_KIND__UHUGEINT, "UHUGEINT", "VARCHAR", false},
        {ARMPB__TYPE_KIND__FLOAT, "FLOAT", "FLOAT", true},
        {ARMPB__TYPE_KIND__DOUBLE, "DOUBLE", "DOUBLE", true},
        {ARMPB__TYPE_KIND__VARCHAR, "VARCHAR", "VARCHAR", true},
        {ARMPB__TYPE_KIND__BLOB, "BLOB", "BLOB", true},
        {ARMPB__TYPE_KIND__BIT, "BIT", "VARCHAR", false},
        {ARMPB__TYPE_KIND__UUID, "UUID", "UUID", true},
        {ARMPB__TYPE_KIND__DATE, "DATE", "DATE", true},
        {ARMPB__TYPE_KIND__TIME, "TIME", "TIME", true},
        {ARMPB__TYPE_KIND__TIME_NS, "TIME_NS", "VARCHAR", false},
        {ARMPB__TYPE_KIND__TIME_TZ, "TIME WITH TIME ZONE", "VARCHAR", false},
        {ARMPB__TYPE_KIND__TIMESTAMP, "TIMESTAMP", "TIMESTAMP", true},
        {ARMPB__TYPE_KIND__TIMESTAMP_S, "TIMESTAMP_S", "TIMESTAMP", false},
        {ARMPB__TYPE_KIND__TIMESTAMP_MS, "TIMESTAMP_MS", "TIMESTAMP", false},
        {ARMPB__TYPE_KIND__TIMESTAMP_NS, "TIMESTAMP_NS", "TIMESTAMP_NS", true},
        {ARMPB__TYPE_KIND__TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE",
         true},
        {ARMPB__TYPE_KIND__INTERVAL, "INTERVAL", "VARCHAR", false},
        {ARMPB__TYPE_KIND__BIGNUM, "BIGNUM", "VARCHAR", false},
        {ARMPB__TYPE_KIND__GEOMETRY, "GEOMETRY", NULL, false},
        {ARMPB__TYPE_KIND__VARIANT, "VARIANT", NULL, false},
    };

    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        Armpb__Type type = ARMPB__TYPE__INIT;

        type.kind = KINDS[i].kind;
        assert_sql(&type, KINDS[i].logical, KINDS[i].physical);
        assert_int_equal(arm__type_is_physical(&type), KINDS[i].is_physical);
    }
    /* With DECIMAL, ENUM and the five nested ones that is all of them. */
    assert_int_equal(armpb__type_kind__descriptor.n_values, sizeof KINDS / sizeof *KINDS + 7);
}

static void test_type_nested_types_are_physical_inside(void **state)
{
    struct example e = {0};
    Armpb__Schema *schema = example_schema(&e);

    assert_sql(schema->columns[1]->field->type, "DECIMAL(18,3)", "DECIMAL(18,3)");
    assert_sql(schema->columns[2]->field->type, "JSON", "JSON");
    assert_true(arm__type_is_physical(schema->columns[2]->field->type));
    assert_sql(schema->columns[4]->field->type, "MAP(UUID, ENUM('no', 'it''s'))",
               "MAP(UUID, VARCHAR)");
    assert_false(arm__type_is_physical(schema->columns[4]->field->type));
    e.members[1]->type->fields[0]->type->kind = ARMPB__TYPE_KIND__STRUCT; /* was the UNION */
    assert_sql(schema->columns[3]->field->type,
               "STRUCT(\"a b\" INTEGER[3], u STRUCT(x DATE, y VARCHAR)[])",
               "STRUCT(\"a b\" INTEGER[], u STRUCT(x DATE, y VARCHAR)[])");
    assert_false(arm__type_is_physical(schema->columns[3]->field->type));
}

static void test_type_names_are_quoted_where_they_must_be(void **state)
{
    static const char *const PLAIN[] = {"a", "_x1", "name", "key", "date"};
    static const char *const QUOTED[] = {"A",   "1a",   "a b", "\"",      "select",
                                         "all", "with", "at",  "\xC3\xB6"};
    struct example e = {0};
    Armpb__Type type = ARMPB__TYPE__INIT;
    Armpb__Field *member = NULL;
    struct arm_error err = {0};

    (void)example_field(&e, "?", ARMPB__TYPE_KIND__DATE, &member);
    type.kind = ARMPB__TYPE_KIND__STRUCT;
    type.fields = &member;
    type.n_fields = 1;
    for (size_t i = 0; i < sizeof PLAIN / sizeof *PLAIN; i++) {
        struct arm_buf wanted = ARM_BUF_INIT(100);

        member->name = (char *)(uintptr_t)PLAIN[i];
        assert_ok(arm__buf_printf(&wanted, &err, "STRUCT(%s DATE)", PLAIN[i]), err);
        assert_ok(arm__buf_u8(&wanted, 0, &err), err);
        assert_sql(&type, (const char *)wanted.data, (const char *)wanted.data);
        arm__buf_release(&wanted);
    }
    for (size_t i = 0; i < sizeof QUOTED / sizeof *QUOTED; i++) {
        struct arm_buf out = ARM_BUF_INIT(100);

        member->name = (char *)(uintptr_t)QUOTED[i];
        assert_ok(arm__type_sql(&type, &out, &err), err);
        assert_memory_equal(out.data, "STRUCT(\"", 8);
        arm__buf_release(&out);
    }
}

static void test_sql_quotes_are_doubled(void **state)
{
    struct arm_buf out = ARM_BUF_INIT(100);
    struct arm_error err = {0};

    assert_ok(arm__sql_identifier("a\"b\"", &out, &err), err);
    assert_text(&out, "\"a\"\"b\"\"\"");
    assert_ok(arm__sql_string("it's", &out, &err), err);
    assert_text(&out, "'it''s'");
    assert_ok(arm__sql_string("", &out, &err), err);
    assert_text(&out, "''");
}

static void test_type_M7_store_sql_is_a_cast_by_the_way_that_keeps_infinity(void **state)
{
    Armpb__Type type = ARMPB__TYPE__INIT;
    struct arm_buf out = ARM_BUF_INIT(200);
    struct arm_error err = {0};

    type.kind = ARMPB__TYPE_KIND__DATE;
    assert_ok(arm__type_store_sql(&type, "\"x\"", &out, &err), err);
    assert_text(&out, "\"x\"");
    type.kind = ARMPB__TYPE_KIND__HUGEINT;
    assert_ok(arm__type_store_sql(&type, "x", &out, &err), err);
    assert_text(&out, "CAST(x AS VARCHAR)");
    type.kind = ARMPB__TYPE_KIND__TIMESTAMP_S;
    assert_ok(arm__type_store_sql(&type, "x", &out, &err), err);
    assert_text(&out, "CAST(CAST(x AS TIMESTAMP_MS) AS TIMESTAMP)");
    type.kind = ARMPB__TYPE_KIND__VARIANT;
    assert_fails(ARM_UNSUPPORTED, arm__type_store_sql(&type, "x", &out, &err), err);
    assert_int_equal(out.size, 0);
    arm__buf_release(&out);
}

static void test_type_equal_looks_at_names_not_at_ids(void **state)
{
    struct example a = {0};
    struct example b = {0};
    Armpb__Schema *x = example_schema(&a);
    Armpb__Schema *y = example_schema(&b);
    Armpb__Type *decimal = y->columns[1]->field->type;
    Armpb__Type *record = y->columns[3]->field->type;

    y->columns[0]->field->id = 99;
    record->fields[0]->type->fields[0]->id = 98;
    record->fields[0]->type->fields[0]->name = "item"; /* of a list: no one's business */
    assert_true(arm__schema_same_columns(x, y));
    decimal->scale = 2;
    assert_false(arm__schema_same_columns(x, y));
    decimal->scale = 3;
    record->fields[0]->name = "A b";
    assert_false(arm__schema_same_columns(x, y));
    record->fields[0]->name = "a b";
    y->columns[2]->field->type->alias = NULL;
    assert_false(arm__schema_same_columns(x, y));
    y->columns[2]->field->type->alias = "JSON";
    y->columns[0]->field->name = "ID";
    assert_false(arm__schema_same_columns(x, y));
    y->columns[0]->field->name = "id";
    assert_true(arm__schema_same_columns(x, y));
    y->n_columns--;
    assert_false(arm__schema_same_columns(x, y));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type_M7_every_kind_has_a_physical_type_or_is_refused),
        cmocka_unit_test(test_type_nested_types_are_physical_inside),
        cmocka_unit_test(test_type_names_are_quoted_where_they_must_be),
        cmocka_unit_test(test_sql_quotes_are_doubled),
        cmocka_unit_test(test_type_M7_store_sql_is_a_cast_by_the_way_that_keeps_infinity),
        cmocka_unit_test(test_type_equal_looks_at_names_not_at_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
