/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/alloc.h"
#include "golden/model_example.h"
#include "model/type.h"
#include "support/cmocka_all.h"

static void test_schema_M2_round_trips_to_the_same_bytes(void **state)
{
    struct example e = {0};
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    struct arm_buf again = ARM_BUF_INIT(1 << 16);
    Armpb__Schema *back = NULL;
    Armpb__Schema *copy = NULL;
    struct arm_error err = {0};

    assert_ok(arm__schema_encode(example_schema(&e), &bytes, &err), err);
    assert_ok(arm__schema_decode(arm__buf_bytes(&bytes), &back, &err), err);
    assert_true(arm__schema_same_columns(&e.schema, back));
    assert_ok(arm__schema_clone(back, &copy, &err), err);
    arm__schema_free(back);
    assert_ok(arm__schema_encode(copy, &again, &err), err);
    assert_int_equal(bytes.size, again.size);
    assert_memory_equal(bytes.data, again.data, bytes.size);
    arm__schema_free(copy);
    arm__schema_free(NULL);
    arm__buf_release(&bytes);
    arm__buf_release(&again);
}

static void test_schema_fields_are_numbered_depth_first(void **state)
{
    struct example e = {0};
    Armpb__Schema *schema = example_schema(&e);
    const Armpb__Field *s = schema->columns[3]->field;
    const Armpb__Field *m = schema->columns[4]->field;

    assert_int_equal(schema->columns[2]->field->id, 3);
    assert_int_equal(s->id, 4);
    assert_int_equal(s->type->fields[0]->id, 5);
    assert_int_equal(s->type->fields[0]->type->fields[0]->id, 6);
    assert_int_equal(s->type->fields[1]->id, 7);
    assert_int_equal(m->id, 11);
    assert_int_equal(m->type->fields[1]->id, 13);
    assert_int_equal(schema->generated[0]->field->id, 14);
    assert_int_equal(schema->last_field_id, 14);
    arm__schema_number_fields(schema);
    assert_int_equal(schema->last_field_id, 14); /* those that have one keep it */
}

static void test_schema_field_ids_sql(void **state)
{
    struct example e = {0};
    struct arm_buf out = ARM_BUF_INIT(4096);
    struct arm_error err = {0};

    assert_ok(arm__schema_field_ids_sql(example_schema(&e), &out, &err), err);
    assert_ok(arm__buf_u8(&out, 0, &err), err);
    assert_string_equal(
        (const char *)out.data,
        "{\"id\": 1, \"price\": 2, \"J\xC3\xB6rg's \"\"doc\"\"\": 3, "
        "\"s\": {__duckdb_field_id: 4, \"a b\": {__duckdb_field_id: 5, \"element\": 6}, "
        "\"u\": {__duckdb_field_id: 7, \"element\": {__duckdb_field_id: 8, \"x\": 9, "
        "\"y\": 10}}}, \"m\": {__duckdb_field_id: 11, \"key\": 12, \"value\": 13}}");
    arm__buf_release(&out);
}

/* A change to the example that makes it a bad one. */
typedef void spoil(struct example *e);

static void no_column(struct example *e)
{
    e->schema.n_columns = 0;
}
static void same_name(struct example *e)
{
    e->columns[1].field->name = "ID";
}
static void same_member(struct example *e)
{
    e->members[1]->name = "A B";
}
static void width_of_an_integer(struct example *e)
{
    e->columns[0].field->type->has_width = true;
}
static void too_wide(struct example *e)
{
    e->columns[1].field->type->width = 39;
}
static void scale_above_width(struct example *e)
{
    e->columns[1].field->type->scale = 19;
}
static void no_scale(struct example *e)
{
    e->columns[1].field->type->has_scale = false;
}
static void empty_array(struct example *e)
{
    e->members[0]->type->array_size = 0;
}
static void huge_array(struct example *e)
{
    e->members[0]->type->array_size = 100001;
}
static void array_of_two(struct example *e)
{
    e->members[0]->type->n_fields = 2;
}
static void no_label(struct example *e)
{
    e->columns[4].field->type->fields[1]->type->n_labels = 0;
}
static void same_label(struct example *e)
{
    static char *twice[] = {"a", "a"};

    e->columns[4].field->type->fields[1]->type->labels = twice;
}
static void map_of_one(struct example *e)
{
    e->columns[4].field->type->n_fields = 1;
}
static void struct_of_none(struct example *e)
{
    e->columns[3].field->type->n_fields = 0;
}

static void test_schema_check_says_what_is_wrong(void **state)
{
    static spoil *const SPOIL[] = {no_column,  same_name,         same_member, width_of_an_integer,
                                   too_wide,   scale_above_width, no_scale,    empty_array,
                                   huge_array, array_of_two,      no_label,    same_label,
                                   map_of_one, struct_of_none};
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof SPOIL / sizeof *SPOIL; i++) {
        struct example e = {0};

        (void)example_schema(&e);
        SPOIL[i](&e);
        if (arm__schema_check(&e.schema, &err) != ARM_SCHEMA) {
            fail_msg("number %zu was taken", i);
        }
        if (SPOIL[i] != no_column) { /* views have none */
            assert_fails(ARM_INVALID, arm__schema_encode(&e.schema, &bytes, &err), err);
        }
    }
    arm__buf_release(&bytes);
}

static void test_schema_check_refuses_names_and_types_that_cannot_be_kept(void **state)
{
    struct example e = {0};
    struct arm_error err = {0};

    (void)example_schema(&e);
    assert_fails(ARM_UNSUPPORTED, arm__schema_check(&e.schema, &err), err); /* the UNION */
    assert_non_null(strstr(err.message, "column s"));
    assert_non_null(strstr(err.message, "UNION"));
    e.members[1]->type->fields[0]->type->kind = ARMPB__TYPE_KIND__STRUCT;
    assert_ok(arm__schema_check(&e.schema, &err), err);
    e.columns[0].field->name = "__DuckDB_field_id";
    assert_fails(ARM_INVALID_NAME, arm__schema_check(&e.schema, &err), err);
    e.columns[0].field->name = "";
    assert_fails(ARM_INVALID_NAME, arm__schema_check(&e.schema, &err), err);
    e.columns[0].field->name = "id";
    e.members[0]->name = "a\nb";
    assert_fails(ARM_INVALID_NAME, arm__schema_check(&e.schema, &err), err);
}

static void id_zero(struct example *e)
{
    e->schema.schema_id = 0;
}
static void field_without_id(struct example *e)
{
    e->members[0]->id = 0;
}
static void id_above_last(struct example *e)
{
    e->schema.last_field_id = 12;
}
static void same_id(struct example *e)
{
    e->members[0]->id = 1;
}
static void iceberg_id(struct example *e)
{
    e->schema.last_field_id = INT32_MAX - 199;
}
static void primary_second(struct example *e)
{
    e->keys[1].primary = true;
}
static void key_of_none(struct example *e)
{
    e->keys[0].n_field_ids = 0;
}
static void key_of_a_member(struct example *e)
{
    static uint32_t member[] = {5};

    e->keys[0].field_ids = member;
}
static void key_twice(struct example *e)
{
    static uint32_t twice[] = {2, 2};

    e->keys[1].field_ids = twice;
}
static void empty_check(struct example *e)
{
    e->checks[0].sql = "";
}

static void test_schema_M4_ids_keys_and_checks_are_judged(void **state)
{
    static spoil *const SPOIL[] = {id_zero,    field_without_id, id_above_last, same_id,
                                   iceberg_id, primary_second,   key_of_none,   key_of_a_member,
                                   key_twice,  empty_check};
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof SPOIL / sizeof *SPOIL; i++) {
        struct example e = {0};

        (void)example_schema(&e);
        SPOIL[i](&e);
        if (arm__schema_encode(&e.schema, &bytes, &err) != ARM_INVALID) {
            fail_msg("number %zu was taken", i);
        }
        assert_int_equal(bytes.size, 0);
    }
    arm__buf_release(&bytes);
}

/* A LIST of a LIST of ... an INTEGER: `depth` types. */
static arm_status encode_deep(unsigned depth, struct arm_buf *out, struct arm_error *err)
{
    enum { MOST = 80 };
    static Armpb__Type types[MOST];
    static Armpb__Field fields[MOST];
    static Armpb__Field *list[MOST];
    Armpb__Schema schema = ARMPB__SCHEMA__INIT;
    Armpb__Column column = ARMPB__COLUMN__INIT;
    Armpb__Column *columns[] = {&column};

    for (unsigned i = 0; i < depth; i++) {
        armpb__type__init(&types[i]);
        armpb__field__init(&fields[i]);
        fields[i].name = "x";
        fields[i].type = &types[i];
        list[i] = &fields[i];
        types[i].kind = i + 1 < depth ? ARMPB__TYPE_KIND__LIST : ARMPB__TYPE_KIND__INTEGER;
        types[i].n_fields = i + 1 < depth ? 1 : 0;
        types[i].fields = &list[i + 1];
    }
    column.field = &fields[0];
    schema.columns = columns;
    schema.n_columns = 1;
    schema.schema_id = 1;
    arm__schema_number_fields(&schema);
    return arm__schema_encode(&schema, out, err);
}

static void test_schema_M3_types_are_at_most_64_deep(void **state)
{
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    Armpb__Schema *schema = NULL;
    struct arm_error err = {0};

    assert_fails(ARM_INVALID, encode_deep(65, &bytes, &err), err);
    assert_ok(encode_deep(64, &bytes, &err), err);
    assert_ok(arm__schema_decode(arm__buf_bytes(&bytes), &schema, &err), err);
    arm__schema_free(schema);
    arm__buf_release(&bytes);
}

static void test_schema_M10_no_allocation_failure_leaks(void **state)
{
    struct example e = {0};
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    Armpb__Schema *schema = NULL;
    struct arm_error err = {0};
    arm_status st = ARM_NO_MEMORY;

    assert_ok(arm__schema_encode(example_schema(&e), &bytes, &err), err);
    for (uint64_t n = 1; st == ARM_NO_MEMORY; n++) {
        (void)arm__alloc_fail_at(n);
        st = arm__schema_decode(arm__buf_bytes(&bytes), &schema, &err);
        (void)arm__alloc_fail_at(0);
        assert_true(st == ARM_NO_MEMORY ? schema == NULL : n > 10);
    }
    assert_ok(st, err);
    arm__schema_free(schema);
    arm__buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_M2_round_trips_to_the_same_bytes),
        cmocka_unit_test(test_schema_fields_are_numbered_depth_first),
        cmocka_unit_test(test_schema_field_ids_sql),
        cmocka_unit_test(test_schema_check_says_what_is_wrong),
        cmocka_unit_test(test_schema_check_refuses_names_and_types_that_cannot_be_kept),
        cmocka_unit_test(test_schema_M4_ids_keys_and_checks_are_judged),
        cmocka_unit_test(test_schema_M3_types_are_at_most_64_deep),
        cmocka_unit_test(test_schema_M10_no_allocation_failure_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
