/* SPDX-License-Identifier: Apache-2.0 */
/* Generated columns in a schema: places of both kinds, what is added, dropped, and refused. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/record.h"
#include "support/cmocka_all.h"

static Armpb__Type *integer(void)
{
    Armpb__Type *type = NULL;
    struct arm_error err = {0};

    assert_ok(arm__calloc(1, sizeof *type, &type, &err), err);
    armpb__type__init(type);
    type->kind = ARMPB__TYPE_KIND__INTEGER;
    return type;
}

/* g0, a, g2, b, g4: the letters are stored. */
static Armpb__Schema *make_schema(void)
{
    static const char *const stored[] = {"a", "b"};
    static const char *const generated[] = {"g0", "g2", "g4"};
    Armpb__Schema *schema = NULL;
    Armpb__Column *column;
    struct arm_error err = {0};

    assert_ok(arm__calloc(1, sizeof *schema, &schema, &err), err);
    armpb__schema__init(schema);
    schema->schema_id = 1;
    for (size_t i = 0; i < 2; i++) {
        assert_ok(arm__schema_add_column(schema, stored[i], integer(), &column, &err), err);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_ok(arm__schema_add_generated(schema, generated[i], integer(), 2 * i, "a + 1", &err),
                  err);
    }
    arm__schema_number_fields(schema);
    return schema;
}

/* The names in order. */
static void assert_columns(const Armpb__Schema *schema, const char *wanted)
{
    char names[64] = "";

    for (size_t i = 0; i < arm__schema_width(schema); i++) {
        const Armpb__Generated *generated = arm__schema_generated_at(schema, i);
        size_t stored = generated == NULL ? arm__schema_stored_at(schema, i) : 0;
        const Armpb__Field *field =
            generated != NULL ? generated->field : schema->columns[stored]->field;

        (void)strcat(strcat(names, i == 0 ? "" : " "), field->name);
        if (generated == NULL) {
            assert_int_equal(arm__schema_position(schema, stored), i);
        }
    }
    assert_string_equal(names, wanted);
}

static void test_generated_columns_stand_among_the_stored_ones(void **state)
{
    Armpb__Schema *schema = make_schema();

    (void)state;
    assert_columns(schema, "g0 a g2 b g4");
    assert_int_equal(schema->columns[1]->field->id, 2);
    assert_int_equal(schema->generated[0]->field->id, 3);
    assert_int_equal(schema->last_field_id, 5);
    arm__schema_free(schema);
}

static void test_generated_gaps_close(void **state)
{
    Armpb__Schema *schema = make_schema();
    Armpb__Column *column;
    struct arm_error err = {0};

    (void)state;
    arm__schema_remove_column(schema, 0);
    assert_columns(schema, "g0 g2 b g4");
    arm__schema_remove_generated(schema, 1);
    assert_columns(schema, "g0 b g4");
    assert_ok(arm__schema_add_column(schema, "c", integer(), &column, &err), err);
    assert_columns(schema, "g0 b g4 c");
    arm__schema_remove_generated(schema, 0);
    assert_columns(schema, "b g4 c");
    arm__schema_free(schema);
}

static void test_generated_M2_round_trips_to_the_same_bytes(void **state)
{
    Armpb__Schema *schema = make_schema();
    Armpb__Schema *back = NULL;
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    struct arm_buf again = ARM_BUF_INIT(1 << 16);
    struct arm_error err = {0};

    (void)state;
    assert_ok(arm__schema_encode(schema, &bytes, &err), err);
    assert_ok(arm__schema_decode(arm__buf_bytes(&bytes), &back, &err), err);
    assert_columns(back, "g0 a g2 b g4");
    assert_ok(arm__schema_encode(back, &again, &err), err);
    assert_int_equal(bytes.size, again.size);
    assert_memory_equal(bytes.data, again.data, bytes.size);
    arm__schema_free(schema);
    arm__schema_free(back);
    arm__buf_release(&bytes);
    arm__buf_release(&again);
}

static void test_generated_M4_what_could_not_be_read_is_not_written(void **state)
{
    struct arm_buf bytes = ARM_BUF_INIT(1 << 16);
    struct arm_error err = {0};

    (void)state;
    for (int fault = 0; fault < 5; fault++) {
        Armpb__Schema *schema = make_schema();

        switch (fault) {
        case 0:
            schema->generated[1]->position = 0; /* another's */
            break;
        case 1:
            schema->generated[2]->position = 5; /* behind all */
            break;
        case 2:
            schema->generated[0]->sql[0] = '\0';
            break;
        case 3:
            assert_ok(arm__text_set(&schema->generated[0]->field->name, "A", &err), err);
            break;
        default:
            schema->generated[0]->field->id = schema->columns[0]->field->id;
            break;
        }
        assert_fails(ARM_INVALID, arm__schema_encode(schema, &bytes, &err), err);
        assert_int_equal(bytes.size, 0);
        arm__schema_free(schema);
    }
    arm__buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_columns_stand_among_the_stored_ones),
        cmocka_unit_test(test_generated_gaps_close),
        cmocka_unit_test(test_generated_M2_round_trips_to_the_same_bytes),
        cmocka_unit_test(test_generated_M4_what_could_not_be_read_is_not_written),
    };

    return cmocka_run_group_tests_name("model/generated", tests, NULL, NULL);
}
