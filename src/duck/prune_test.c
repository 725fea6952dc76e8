/* SPDX-License-Identifier: Apache-2.0 */
#include "duck/prune.h"

#include <string.h>

#include "support/cmocka_all.h"

/* Statistics of a column whose values are the bytes min .. max. */
static Armpb__ColumnStatistics stats(const char *min, const char *max, uint64_t null_count)
{
    Armpb__ColumnStatistics s = ARMPB__COLUMN_STATISTICS__INIT;

    s.column_id = 1;
    s.null_count = null_count;
    if (min != NULL) {
        s.has_min = 1;
        s.min = (ProtobufCBinaryData){strlen(min), (uint8_t *)(uintptr_t)min};
        s.has_max = 1;
        s.max = (ProtobufCBinaryData){strlen(max), (uint8_t *)(uintptr_t)max};
    }
    return s;
}

static bool compare_keeps(enum arm_prune_op op, const char *constant,
                          const Armpb__ColumnStatistics *statistics)
{
    struct arm_bytes value = arm__bytes(constant, strlen(constant));
    struct arm_prune filter = {
        .kind = ARM_PRUNE_COMPARE, .op = op, .value_count = 1, .values = &value};

    return arm__prune_keeps(&filter, statistics, 10);
}

static void test_prune_compare(void **state)
{
    Armpb__ColumnStatistics s = stats("d", "m", 0);

    assert_false(compare_keeps(ARM_PRUNE_EQUAL, "c", &s));
    assert_true(compare_keeps(ARM_PRUNE_EQUAL, "d", &s));
    assert_true(compare_keeps(ARM_PRUNE_EQUAL, "f", &s));
    assert_true(compare_keeps(ARM_PRUNE_EQUAL, "m", &s));
    assert_false(compare_keeps(ARM_PRUNE_EQUAL, "n", &s));
    assert_false(compare_keeps(ARM_PRUNE_LESS, "d", &s));
    assert_true(compare_keeps(ARM_PRUNE_LESS, "e", &s));
    assert_true(compare_keeps(ARM_PRUNE_LESS_EQUAL, "d", &s));
    assert_false(compare_keeps(ARM_PRUNE_LESS_EQUAL, "c", &s));
    assert_false(compare_keeps(ARM_PRUNE_GREATER, "m", &s));
    assert_true(compare_keeps(ARM_PRUNE_GREATER, "l", &s));
    assert_true(compare_keeps(ARM_PRUNE_GREATER_EQUAL, "m", &s));
    assert_false(compare_keeps(ARM_PRUNE_GREATER_EQUAL, "n", &s));
}

static void test_prune_P1_unknown_keeps(void **state)
{
    Armpb__ColumnStatistics s = stats("d", "m", 0);
    Armpb__ColumnStatistics none = stats(NULL, NULL, 3);
    Armpb__ColumnStatistics all_null = stats(NULL, NULL, 10);
    struct arm_prune unknown = {.kind = ARM_PRUNE_UNKNOWN};

    assert_true(compare_keeps(ARM_PRUNE_EQUAL, "z", NULL));
    assert_true(compare_keeps(ARM_PRUNE_EQUAL, "z", &none));
    assert_false(compare_keeps(ARM_PRUNE_EQUAL, "z", &all_null));
    assert_true(arm__prune_keeps(&unknown, &s, 10));
    s.has_has_nan = 1;
    s.has_nan = 1;
    assert_true(compare_keeps(ARM_PRUNE_GREATER, "z", &s));
}

static void test_prune_P2_cut_bounds(void **state)
{
    /* values "abcdef" .. "abcxyz", bounds cut to three bytes, the maximum raised */
    Armpb__ColumnStatistics s = stats("abc", "abd", 0);

    assert_true(compare_keeps(ARM_PRUNE_EQUAL, "abcdef", &s));
    assert_true(compare_keeps(ARM_PRUNE_EQUAL, "abcxyz", &s));
    assert_true(compare_keeps(ARM_PRUNE_GREATER, "abcxy", &s));
    assert_false(compare_keeps(ARM_PRUNE_EQUAL, "abe", &s));
}

static void test_prune_null(void **state)
{
    Armpb__ColumnStatistics some = stats("a", "b", 3);
    Armpb__ColumnStatistics none = stats("a", "b", 0);
    Armpb__ColumnStatistics all = stats(NULL, NULL, 10);
    struct arm_prune is_null = {.kind = ARM_PRUNE_IS_NULL};
    struct arm_prune not_null = {.kind = ARM_PRUNE_NOT_NULL};

    assert_true(arm__prune_keeps(&is_null, &some, 10));
    assert_false(arm__prune_keeps(&is_null, &none, 10));
    assert_true(arm__prune_keeps(&not_null, &some, 10));
    assert_false(arm__prune_keeps(&not_null, &all, 10));
}

static void test_prune_in(void **state)
{
    Armpb__ColumnStatistics s = stats("d", "m", 0);
    struct arm_bytes outside[] = {arm__bytes("a", 1), arm__bytes("c", 1), arm__bytes("n", 1)};
    struct arm_bytes inside[] = {arm__bytes("a", 1), arm__bytes("f", 1), arm__bytes("n", 1)};
    struct arm_prune filter = {.kind = ARM_PRUNE_IN, .value_count = 3, .values = outside};

    assert_false(arm__prune_keeps(&filter, &s, 10));
    filter.values = inside;
    assert_true(arm__prune_keeps(&filter, &s, 10));
    for (size_t i = 0; i < 2; i++) { /* the bounds are values that are there */
        inside[1] = arm__bytes(i == 0 ? "d" : "m", 1);
        assert_true(arm__prune_keeps(&filter, &s, 10));
    }
    filter.value_count = 0;
    assert_false(arm__prune_keeps(&filter, &s, 10));
}

static void test_prune_and_or(void **state)
{
    Armpb__ColumnStatistics s = stats("d", "m", 0);
    struct arm_bytes a = arm__bytes("a", 1);
    struct arm_bytes f = arm__bytes("f", 1);
    struct arm_prune children[] = {
        {.kind = ARM_PRUNE_COMPARE, .op = ARM_PRUNE_EQUAL, .value_count = 1, .values = &a},
        {.kind = ARM_PRUNE_COMPARE, .op = ARM_PRUNE_EQUAL, .value_count = 1, .values = &f},
    };
    struct arm_prune both = {.kind = ARM_PRUNE_AND, .child_count = 2, .children = children};
    struct arm_prune either = {.kind = ARM_PRUNE_OR, .child_count = 2, .children = children};

    assert_false(arm__prune_keeps(&both, &s, 10));
    assert_true(arm__prune_keeps(&either, &s, 10));
    children[1].values = &a;
    assert_false(arm__prune_keeps(&either, &s, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prune_compare),
        cmocka_unit_test(test_prune_P1_unknown_keeps),
        cmocka_unit_test(test_prune_P2_cut_bounds),
        cmocka_unit_test(test_prune_null),
        cmocka_unit_test(test_prune_in),
        cmocka_unit_test(test_prune_and_or),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
