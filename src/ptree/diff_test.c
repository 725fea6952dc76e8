/* SPDX-License-Identifier: Apache-2.0 */
#include "ptree/ptree.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ptree/ptree_fixture.h"
#include "support/cmocka_all.h"

static const struct arm_hash empty_root;

static struct arm_hash build(struct test_nodes *nodes, size_t count)
{
    struct arm_hash root;

    assert_int_equal(test_build(nodes, count, &root, NULL), ARM_OK);
    return root;
}

static struct arm_hash edit_one(struct test_nodes *nodes, struct arm_hash root, uint64_t number,
                                int salt)
{
    struct test_entry entry;
    struct arm_ptree_edit change;
    struct arm_hash out;

    test_entry_make(number, (uint64_t)(salt < 0 ? 0 : salt), &entry);
    change = test_entry_edit(&entry);
    change.value.data = salt < 0 ? NULL : change.value.data; /* negative: remove */
    assert_int_equal(arm__ptree_edit(&nodes->store, &root, &change, 1, &out, NULL), ARM_OK);
    return out;
}

struct tally {
    size_t only_a;
    size_t only_b;
    size_t both;
    size_t stop_after; /* 0: never */
    uint8_t last[ARM_PTREE_KEY_BYTES_MAX];
    size_t last_size;
};

static arm_status count_difference(void *context, struct arm_bytes key, struct arm_bytes a,
                                   struct arm_bytes b, struct arm_error *err)
{
    struct tally *tally = context;
    size_t seen = tally->only_a + tally->only_b + tally->both;

    assert_true(seen == 0 ||
                arm__bytes_compare(arm__bytes(tally->last, tally->last_size), key) < 0);
    memcpy(tally->last, key.data, key.size);
    tally->last_size = key.size;
    assert_true(a.data != NULL || b.data != NULL);
    tally->only_a += b.data == NULL;
    tally->only_b += a.data == NULL;
    tally->both += a.data != NULL && b.data != NULL;
    if (tally->stop_after == seen + 1) {
        return arm__fail(err, ARM_INTERRUPTED, "enough");
    }
    return ARM_OK;
}

static struct tally diff(struct test_nodes *nodes, struct arm_hash a, struct arm_hash b)
{
    struct tally tally = {0};

    test_nodes_reset_counts(nodes);
    assert_int_equal(arm__ptree_diff(&nodes->store, &a, &b, count_difference, &tally, NULL),
                     ARM_OK);
    return tally;
}

static void test_diff_with_the_empty_map(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, 1000);
    struct tally tally = diff(nodes, empty_root, root);

    assert_int_equal(tally.only_b, 1000);
    assert_int_equal(tally.only_a + tally.both, 0);
    tally = diff(nodes, root, empty_root);
    assert_int_equal(tally.only_a, 1000);
    assert_int_equal(tally.only_b + tally.both, 0);
    tally = diff(nodes, empty_root, empty_root);
    assert_int_equal(tally.only_a + tally.only_b + tally.both, 0);
    test_nodes_free(nodes);
}

static void test_diff_of_equal_roots_reads_nothing(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, 1000);
    struct tally tally = diff(nodes, root, root);

    assert_int_equal(tally.only_a + tally.only_b + tally.both, 0);
    assert_int_equal(nodes->gets, 0);
    test_nodes_free(nodes);
}

static void test_diff_of_maps_of_different_heights(void **state)
{
    struct test_nodes *nodes = test_nodes_new();

    for (size_t small = 1; small < 3000; small = 3 * small + 1) {
        struct tally tally = diff(nodes, build(nodes, small), build(nodes, 3000));

        assert_int_equal(tally.only_b, 3000 - small);
        assert_int_equal(tally.only_a + tally.both, 0);
    }
    test_nodes_free(nodes);
}

/* One change in 100,000 entries: about a node a level on either side. */
static void test_diff_T4_of_one_change_reads_few_nodes(void **state)
{
    enum { COUNT = 100000, ROUNDS = 300, LEVELS = 5 };
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, COUNT);
    uint64_t random = test_seed(17);
    size_t gets = 0;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t number = test_random(&random) % COUNT;
        struct arm_hash updated = edit_one(nodes, root, number, 1);
        struct arm_hash removed = edit_one(nodes, root, number, -1);
        struct tally tally = diff(nodes, root, updated);

        assert_int_equal(tally.both, 1);
        assert_int_equal(tally.only_a + tally.only_b, 0);
        assert_true(nodes->gets <= 2 * LEVELS);
        tally = diff(nodes, root, removed);
        assert_int_equal(tally.only_a, 1);
        assert_int_equal(tally.only_b + tally.both, 0);
        assert_true(nodes->gets <= 12 * LEVELS);
        gets += nodes->gets;
        tally = diff(nodes, removed, root);
        assert_int_equal(tally.only_b, 1);
        assert_int_equal(tally.only_a + tally.both, 0);
    }
    assert_true(gets <= ROUNDS * 3 * LEVELS); /* on average */
    test_nodes_free(nodes);
}

static void test_diff_T4_of_many_changes(void **state)
{
    enum { COUNT = 100000, CHANGES = 200, LEVELS = 5 };
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, COUNT);
    struct arm_hash changed = root;
    struct tally tally;

    for (uint64_t i = 0; i < CHANGES; i++) {
        changed = edit_one(nodes, changed, i * (COUNT / CHANGES), i % 2 == 0 ? 1 : -1);
    }
    tally = diff(nodes, root, changed);
    assert_int_equal(tally.both, CHANGES / 2);
    assert_int_equal(tally.only_a, CHANGES / 2);
    assert_int_equal(tally.only_b, 0);
    assert_true(nodes->gets <= CHANGES * 2 * LEVELS);
    test_nodes_free(nodes);
}

static void test_diff_ends_with_the_status_of_its_visitor(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, 100);
    struct tally tally = {.stop_after = 5};

    assert_int_equal(
        arm__ptree_diff(&nodes->store, &empty_root, &root, count_difference, &tally, NULL),
        ARM_INTERRUPTED);
    assert_int_equal(tally.only_b, 5);
    test_nodes_free(nodes);
}

static void test_diff_allocation_failures(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, 3000);
    struct arm_hash changed = edit_one(nodes, edit_one(nodes, root, 1, 4), 2500, -1);
    arm_status st = ARM_NO_MEMORY;
    uint64_t nth = 0;

    while (st != ARM_OK) {
        struct tally tally = {0};

        arm__alloc_fail_at(++nth);
        st = arm__ptree_diff(&nodes->store, &root, &changed, count_difference, &tally, NULL);
        arm__alloc_fail_at(0);
        assert_true(st == ARM_OK || st == ARM_NO_MEMORY);
        assert_true(st != ARM_OK || tally.both + tally.only_a == 2);
    }
    assert_true(nth > 8);
    test_nodes_free(nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diff_with_the_empty_map),
        cmocka_unit_test(test_diff_of_equal_roots_reads_nothing),
        cmocka_unit_test(test_diff_of_maps_of_different_heights),
        cmocka_unit_test(test_diff_T4_of_one_change_reads_few_nodes),
        cmocka_unit_test(test_diff_T4_of_many_changes),
        cmocka_unit_test(test_diff_ends_with_the_status_of_its_visitor),
        cmocka_unit_test(test_diff_allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
