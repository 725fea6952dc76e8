/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences and views as schemas: values at the ends of what they can say. */

#include "model/object.h"

#include <string.h>

#include "base/alloc.h"
#include "support/cmocka_all.h"

static Armpb__Sequence sequence(int64_t start, int64_t increment, int64_t low, int64_t high)
{
    Armpb__Sequence s = ARMPB__SEQUENCE__INIT;

    s.start = start;
    s.increment = increment;
    s.min_value = low;
    s.max_value = high;
    return s;
}

static int64_t value(const Armpb__Sequence *s, uint64_t place)
{
    struct arm_error err = {0};
    int64_t out = 0;

    assert_ok(arm__sequence_value(s, "q", place, &out, &err), err);
    return out;
}

static void assert_end(const Armpb__Sequence *s, uint64_t place, const char *what)
{
    struct arm_error err = {0};
    int64_t out = 77;

    assert_fails(ARM_CONSTRAINT, arm__sequence_value(s, "q", place, &out, &err), err);
    assert_non_null(strstr(err.message, what));
    assert_int_equal(out, 77);
}

static void test_object_sequence_rises_and_falls_to_its_end(void **state)
{
    Armpb__Sequence up = sequence(3, 4, 1, 12);
    Armpb__Sequence down = sequence(3, -4, -6, 12);

    (void)state;
    assert_int_equal(value(&up, 0), 3);
    assert_int_equal(value(&up, 2), 11);
    assert_end(&up, 3, "maximum value of sequence \"q\" (12)");
    assert_end(&up, UINT64_MAX, "maximum");
    assert_int_equal(value(&down, 2), -5);
    assert_end(&down, 3, "minimum value of sequence \"q\" (-6)");
}

static void test_object_sequence_cycles_from_the_other_end(void **state)
{
    Armpb__Sequence up = sequence(3, 4, 1, 12);
    Armpb__Sequence down = sequence(3, -4, -6, 12);

    (void)state;
    up.cycle = down.cycle = true;
    assert_int_equal(value(&up, 3), 1); /* 1 5 9, 1 5 9 ... */
    assert_int_equal(value(&up, 5), 9);
    assert_int_equal(value(&up, 6), 1);
    assert_int_equal(value(&down, 3), 12); /* 12 8 4 0 -4, 12 ... */
    assert_int_equal(value(&down, 7), -4);
    assert_int_equal(value(&down, 8), 12);
}

static void test_object_sequence_of_all_integers(void **state)
{
    Armpb__Sequence up = sequence(INT64_MIN, 1, INT64_MIN, INT64_MAX);
    Armpb__Sequence down = sequence(0, INT64_MIN, INT64_MIN, INT64_MAX);

    (void)state;
    assert_int_equal(value(&up, 0), INT64_MIN);
    assert_int_equal(value(&up, UINT64_MAX), INT64_MAX);
    assert_int_equal(value(&down, 1), INT64_MIN);
    assert_end(&down, 2, "minimum");
    down.cycle = true;
    assert_int_equal(value(&down, 2), INT64_MAX);
    assert_int_equal(value(&down, 3), -1);
    assert_int_equal(value(&down, 4), INT64_MAX);
    up = sequence(5, 1, INT64_MIN, INT64_MAX);
    up.cycle = true;
    assert_int_equal(value(&up, (uint64_t)INT64_MAX - 4), INT64_MIN);
    assert_int_equal(value(&up, UINT64_MAX), 4);
}

static void test_object_schemas_hold_to_the_rules_and_free_what_fails(void **state)
{
    static const char *const ALIASES[] = {"a", "b"};
    Armpb__Sequence bad = sequence(3, 0, 1, 12);
    Armpb__Schema *schema = NULL;
    struct arm_error err = {0};
    arm_status st = ARM_NO_MEMORY;
    uint64_t failures = 0;

    (void)state;
    assert_ok(arm__schema_new(&schema, &err), err);
    assert_fails(ARM_INVALID, arm__schema_set_sequence(schema, &bad, &err), err);
    arm__schema_free(schema);
    while (st == ARM_NO_MEMORY) {
        assert_ok(arm__schema_new(&schema, &err), err);
        (void)arm__alloc_fail_at(failures + 1);
        st = arm__schema_set_view(schema, "SELECT 1, 2", ALIASES, 2, &err);
        (void)arm__alloc_fail_at(0);
        if (st == ARM_NO_MEMORY) {
            failures++;
            arm__schema_free(schema);
        }
    }
    assert_ok(st, err);
    assert_int_equal(failures, 4);
    assert_int_equal(schema->n_view_aliases, 2);
    assert_string_equal(schema->view_aliases[1], "b");
    arm__schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object_sequence_rises_and_falls_to_its_end),
        cmocka_unit_test(test_object_sequence_cycles_from_the_other_end),
        cmocka_unit_test(test_object_sequence_of_all_integers),
        cmocka_unit_test(test_object_schemas_hold_to_the_rules_and_free_what_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
