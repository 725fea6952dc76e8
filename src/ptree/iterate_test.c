/* SPDX-License-Identifier: Apache-2.0 */
#include "ptree/ptree.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ptree/ptree_fixture.h"
#include "support/cmocka_all.h"

enum { COUNT = 2500 };

/* Entries from `from` on are first, first + 1 … COUNT - 1, and then the end, again and again. */
static void assert_iterates(struct test_nodes *nodes, const struct arm_hash *root,
                            struct arm_bytes from, uint64_t first)
{
    struct arm_ptree_iter *iter = NULL;
    struct arm_bytes key;
    struct arm_bytes value;

    assert_int_equal(arm__ptree_iter_new(&nodes->store, root, from, &iter, NULL), ARM_OK);
    for (uint64_t i = first; i < COUNT; i++) {
        struct test_entry entry;

        test_entry_make(i, 0, &entry);
        assert_int_equal(arm__ptree_iter_next(iter, &key, &value, NULL), ARM_OK);
        assert_int_equal(key.size, sizeof entry.key);
        assert_memory_equal(key.data, entry.key, key.size);
        assert_int_equal(value.size, sizeof entry.value);
        assert_memory_equal(value.data, entry.value, value.size);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(arm__ptree_iter_next(iter, &key, &value, NULL), ARM_OK);
        assert_null(key.data);
        assert_null(value.data);
    }
    arm__ptree_iter_free(iter);
}

static void test_iterate_from_every_key_and_between(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root;

    assert_int_equal(test_build(nodes, COUNT, &root, NULL), ARM_OK);
    assert_iterates(nodes, &root, arm__bytes(NULL, 0), 0);
    assert_iterates(nodes, &root, arm__bytes("a", 1), 0);
    assert_iterates(nodes, &root, arm__bytes("z", 1), COUNT);
    for (uint64_t i = 0; i < COUNT; i += 13) {
        struct test_entry entry;

        test_entry_make(i, 0, &entry);
        assert_iterates(nodes, &root, arm__bytes(entry.key, 9), i);
        entry.key[8]++;
        assert_iterates(nodes, &root, arm__bytes(entry.key, 9), i + 1);
    }
    test_nodes_free(nodes);
}

static void test_iterate_the_empty_map(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = {{0}};

    assert_iterates(nodes, &root, arm__bytes(NULL, 0), COUNT);
    assert_int_equal(nodes->gets, 0);
    arm__ptree_iter_free(NULL);
    test_nodes_free(nodes);
}

static void test_iterate_reads_each_node_once(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root;

    assert_int_equal(test_build(nodes, COUNT, &root, NULL), ARM_OK);
    assert_iterates(nodes, &root, arm__bytes(NULL, 0), 0);
    assert_int_equal(nodes->gets, nodes->count);
    test_nodes_free(nodes);
}

static arm_status iterate_all(struct test_nodes *nodes, const struct arm_hash *root,
                              struct arm_error *err)
{
    struct arm_ptree_iter *iter = NULL;
    struct arm_bytes key = {NULL, 0};
    struct arm_bytes value = {NULL, 0};
    arm_status st = arm__ptree_iter_new(&nodes->store, root, arm__bytes(NULL, 0), &iter, err);

    if (st != ARM_OK) {
        assert_null(iter);
        return st;
    }
    do {
        st = arm__ptree_iter_next(iter, &key, &value, err);
    } while (st == ARM_OK && key.data != NULL);
    if (st != ARM_OK) {
        assert_int_equal(arm__ptree_iter_next(iter, &key, &value, NULL), st); /* I1 */
    }
    arm__ptree_iter_free(iter);
    return st;
}

static void test_iterate_allocation_failures(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root;
    arm_status st = ARM_NO_MEMORY;
    uint64_t nth = 0;

    assert_int_equal(test_build(nodes, COUNT, &root, NULL), ARM_OK);
    while (st != ARM_OK) {
        struct arm_error err = {.code = ARM_OK};

        arm__alloc_fail_at(++nth);
        st = iterate_all(nodes, &root, &err);
        arm__alloc_fail_at(0);
        assert_int_equal(st, err.code);
        assert_true(st == ARM_OK || st == ARM_NO_MEMORY);
    }
    assert_true(nth > 4);
    test_nodes_free(nodes);
}

static void test_iterate_I1_a_damaged_node_ends_it(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root;

    assert_int_equal(test_build(nodes, COUNT, &root, NULL), ARM_OK);
    for (size_t i = 0; i < nodes->capacity; i += 17) {
        struct test_node *slot = &nodes->slots[i];

        if (slot->data != NULL) {
            slot->data[slot->size - 1] ^= 1;
            assert_int_equal(iterate_all(nodes, &root, NULL), ARM_CORRUPT);
            slot->data[slot->size - 1] ^= 1;
        }
    }
    assert_int_equal(iterate_all(nodes, &root, NULL), ARM_OK);
    test_nodes_free(nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iterate_from_every_key_and_between),
        cmocka_unit_test(test_iterate_the_empty_map),
        cmocka_unit_test(test_iterate_reads_each_node_once),
        cmocka_unit_test(test_iterate_allocation_failures),
        cmocka_unit_test(test_iterate_I1_a_damaged_node_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
