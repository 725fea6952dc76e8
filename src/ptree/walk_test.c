/* SPDX-License-Identifier: Apache-2.0 */
#include "ptree/ptree.h"

#include <stdlib.h>
#include <string.h>

#include "ptree/ptree_fixture.h"
#include "ptree/ptree_private.h"
#include "support/cmocka_all.h"

struct visits {
    struct test_nodes *seen; /* the nodes visited, by hash */
    struct arm_hash skip;    /* below this node: not */
    size_t count;
    size_t stop_after; /* 0: never */
};

static arm_status note_node(void *context, const struct arm_hash *hash, struct arm_bytes node,
                            bool *descend, struct arm_error *err)
{
    struct visits *visits = context;
    struct arm_hash actual = arm__hash(node);

    assert_true(*descend);
    assert_true(arm__hash_equal(&actual, hash));
    assert_null(test_nodes_slot(visits->seen, hash)->data); /* once */
    test_nodes_plant(visits->seen, hash, node);
    visits->count++;
    *descend = !arm__hash_equal(hash, &visits->skip);
    if (visits->count == visits->stop_after) {
        return arm__fail(err, ARM_INTERRUPTED, "enough");
    }
    return ARM_OK;
}

static arm_status walk(struct test_nodes *nodes, const struct arm_hash *root, struct visits *visits)
{
    arm_status st;

    visits->seen = test_nodes_new();
    visits->count = 0;
    st = arm__ptree_walk(&nodes->store, root, note_node, visits, NULL);
    test_nodes_free(visits->seen);
    return st;
}

static void test_walk_visits_every_node_once(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct visits visits = {0};
    struct arm_hash root = {{0}};

    assert_int_equal(walk(nodes, &root, &visits), ARM_OK);
    assert_int_equal(visits.count, 0);
    assert_int_equal(test_build(nodes, 5000, &root, NULL), ARM_OK);
    assert_int_equal(walk(nodes, &root, &visits), ARM_OK);
    assert_int_equal(visits.count, nodes->count);
    assert_int_equal(nodes->gets, nodes->count);
    test_nodes_free(nodes);
}

static void test_walk_skips_what_is_below(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct visits visits = {0};
    struct arm_node_cursor cursor;
    struct arm_node_ref child;
    struct arm_hash root;
    const struct test_node *slot;
    size_t below;

    assert_int_equal(test_build(nodes, 5000, &root, NULL), ARM_OK);
    visits.skip = root;
    assert_int_equal(walk(nodes, &root, &visits), ARM_OK);
    assert_int_equal(visits.count, 1);
    slot = test_nodes_slot(nodes, &root);
    assert_int_equal(arm__node_first(arm__bytes(slot->data, slot->size), &cursor, NULL), ARM_OK);
    assert_int_equal(arm__node_ref_decode(cursor.value, &child, NULL), ARM_OK);
    visits.skip = (struct arm_hash){{0}};
    assert_int_equal(walk(nodes, &child.hash, &visits), ARM_OK);
    below = visits.count - 1;
    visits.skip = child.hash;
    assert_int_equal(walk(nodes, &root, &visits), ARM_OK);
    assert_int_equal(visits.count, nodes->count - below);
    test_nodes_free(nodes);
}

static void test_walk_ends_with_the_status_of_its_visitor(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct visits visits = {.stop_after = 3};
    struct arm_hash root;

    assert_int_equal(test_build(nodes, 5000, &root, NULL), ARM_OK);
    assert_int_equal(walk(nodes, &root, &visits), ARM_INTERRUPTED);
    assert_int_equal(visits.count, 3);
    test_nodes_free(nodes);
}

static void test_walk_T5_finds_damage_anywhere(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct visits visits = {0};
    struct arm_hash root;

    assert_int_equal(test_build(nodes, 1000, &root, NULL), ARM_OK);
    for (size_t i = 0; i < nodes->capacity; i++) {
        struct test_node *slot = &nodes->slots[i];

        if (slot->data != NULL) {
            slot->data[slot->size / 2] ^= 1;
            assert_int_equal(walk(nodes, &root, &visits), ARM_CORRUPT);
            slot->data[slot->size / 2] ^= 1;
        }
    }
    test_nodes_free(nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk_visits_every_node_once),
        cmocka_unit_test(test_walk_skips_what_is_below),
        cmocka_unit_test(test_walk_ends_with_the_status_of_its_visitor),
        cmocka_unit_test(test_walk_T5_finds_damage_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
