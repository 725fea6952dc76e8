/* SPDX-License-Identifier: Apache-2.0 */
#include "ptree/ptree_private.h"

#include <stdlib.h>
#include <string.h>

#include "ptree/ptree_fixture.h"
#include "support/cmocka_all.h"

static struct arm_bytes text(const char *chars)
{
    return arm__bytes(chars, strlen(chars));
}

static arm_status get(struct test_nodes *nodes, const struct arm_hash *root, struct arm_bytes key,
                      bool *found)
{
    struct arm_buf out = ARM_BUF_INIT(ARM_PTREE_VALUE_BYTES_MAX);
    arm_status st = arm__ptree_get(&nodes->store, root, key, &out, found, NULL);

    arm__buf_release(&out);
    return st;
}

static void test_get_finds_every_key_and_no_other(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_buf out = ARM_BUF_INIT(ARM_PTREE_VALUE_BYTES_MAX);
    struct arm_hash root;
    struct test_entry entry;
    bool found = false;

    assert_int_equal(test_build(nodes, 3000, &root, NULL), ARM_OK);
    for (uint64_t i = 0; i < 3000; i++) {
        test_entry_make(i, 0, &entry);
        assert_int_equal(
            arm__ptree_get(&nodes->store, &root, arm__bytes(entry.key, 9), &out, &found, NULL),
            ARM_OK);
        assert_true(found);
        assert_int_equal(out.size, sizeof entry.value);
        assert_memory_equal(out.data, entry.value, out.size);
        entry.key[8]++;
        assert_int_equal(
            arm__ptree_get(&nodes->store, &root, arm__bytes(entry.key, 9), &out, &found, NULL),
            ARM_OK);
        assert_false(found);
        assert_int_equal(out.size, sizeof entry.value); /* untouched */
    }
    arm__buf_release(&out);
    test_nodes_free(nodes);
}

static void test_get_beside_the_keys(void **state)
{
    static const uint8_t long_key[ARM_PTREE_KEY_BYTES_MAX + 1] = {'k'};
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = {{0}};
    bool found = true;

    assert_int_equal(get(nodes, &root, text("a"), &found), ARM_OK); /* the empty map */
    assert_false(found);
    assert_int_equal(nodes->gets, 0);
    assert_int_equal(test_build(nodes, 500, &root, NULL), ARM_OK);
    for (size_t i = 0; i < 4; i++) {
        struct arm_bytes keys[] = {arm__bytes(NULL, 0), text("a"), text("z"),
                                   arm__bytes(long_key, sizeof long_key)};

        found = true;
        assert_int_equal(get(nodes, &root, keys[i], &found), ARM_OK);
        assert_false(found);
    }
    test_nodes_free(nodes);
}

static void test_get_fails_without_touching_its_outputs(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_buf small = ARM_BUF_INIT(10);
    struct arm_hash root;
    struct test_entry entry;
    struct arm_hash absent = {{1}};
    bool found = false;

    assert_int_equal(test_build(nodes, 10, &root, NULL), ARM_OK);
    test_entry_make(3, 0, &entry);
    assert_int_equal(arm__buf_append(&small, "before", 6, NULL), ARM_OK);
    assert_int_equal(
        arm__ptree_get(&nodes->store, &root, arm__bytes(entry.key, 9), &small, &found, NULL),
        ARM_INVALID);
    assert_false(found);
    assert_int_equal(small.size, 6);
    assert_int_equal(get(nodes, &absent, text("k"), &found), ARM_NOT_FOUND);
    arm__buf_release(&small);
    test_nodes_free(nodes);
}

static void test_read_after_a_failure_a_node_holds_nothing(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_node node = ARM_NODE_INIT;
    struct arm_hash root;
    struct arm_node_link good;
    struct arm_node_link absent;

    assert_int_equal(test_build(nodes, 3, &root, NULL), ARM_OK);
    arm__node_link_root(&root, &good);
    arm__node_link_root(&(struct arm_hash){{1}}, &absent);
    assert_int_equal(arm__node_load(&nodes->store, &good, &node, NULL), ARM_OK);
    assert_int_equal(arm__node_load(&nodes->store, &good, &node, NULL), ARM_OK);
    assert_int_equal(nodes->gets, 1); /* held: not read again */
    assert_int_equal(arm__node_load(&nodes->store, &absent, &node, NULL), ARM_NOT_FOUND);
    assert_int_equal(arm__node_load(&nodes->store, &good, &node, NULL), ARM_OK);
    assert_int_equal(nodes->gets, 3);
    assert_int_equal(node.count, 3);
    arm__node_release(&node);
    test_nodes_free(nodes);
}

/* Every byte of a stored node, flipped: its hash tells. */
static void test_read_T5_a_damaged_node_is_found(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root;
    struct test_entry entry;
    struct test_node *slot;
    bool found = false;

    assert_int_equal(test_build(nodes, 400, &root, NULL), ARM_OK);
    test_entry_make(399, 0, &entry);
    slot = test_nodes_slot(nodes, &root);
    for (size_t i = 0; i < slot->size; i++) {
        slot->data[i] ^= 0x40;
        assert_int_equal(get(nodes, &root, arm__bytes(entry.key, 9), &found), ARM_CORRUPT);
        slot->data[i] ^= 0x40;
    }
    slot->size--;
    assert_int_equal(get(nodes, &root, arm__bytes(entry.key, 9), &found), ARM_CORRUPT);
    slot->size++;
    assert_int_equal(get(nodes, &root, arm__bytes(entry.key, 9), &found), ARM_OK);
    test_nodes_free(nodes);
}

static void test_read_T2_a_node_past_the_maximum_is_refused(void **state)
{
    static const uint8_t large[ARM_NODE_BYTES_MAX + 1] = {1, 0};
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash hash = arm__hash(arm__bytes(large, sizeof large));
    bool found = false;

    test_nodes_plant(nodes, &hash, arm__bytes(large, sizeof large));
    assert_int_equal(get(nodes, &hash, text("k"), &found), ARM_CORRUPT);
    test_nodes_free(nodes);
}

/* -- Forged trees: every node has its hash, but parents and children do not agree ------------- */

struct forger {
    struct test_nodes *nodes;
    struct arm_node_writer writer;
};

static void forge_begin(struct forger *forger, unsigned level)
{
    assert_int_equal(arm__node_begin(&forger->writer, level, NULL), ARM_OK);
}

static void forge_entry(struct forger *forger, const char *key, struct arm_bytes value)
{
    forger->writer.is_cut = false;
    assert_int_equal(arm__node_add(&forger->writer, text(key), value, NULL), ARM_OK);
}

static void forge_child(struct forger *forger, const char *key, struct arm_hash hash,
                        uint64_t count)
{
    struct arm_buf value = ARM_BUF_INIT(ARM_NODE_REF_BYTES_MAX);
    struct arm_node_ref ref = {hash, count};

    assert_int_equal(arm__node_ref_encode(&ref, &value, NULL), ARM_OK);
    forge_entry(forger, key, arm__buf_bytes(&value));
    arm__buf_release(&value);
}

static struct arm_hash forge_end(struct forger *forger)
{
    struct arm_bytes node = arm__buf_bytes(&forger->writer.bytes);
    struct arm_hash hash = arm__hash(node);

    test_nodes_plant(forger->nodes, &hash, node);
    return hash;
}

static struct arm_hash forge_leaf(struct forger *forger, const char *first, const char *second)
{
    forge_begin(forger, 0);
    forge_entry(forger, first, text("1"));
    forge_entry(forger, second, text("2"));
    return forge_end(forger);
}

/* What a walk over the whole tree, an iteration and a lookup of "d" say, which is the same. */
static arm_status visit_nothing(void *context, const struct arm_hash *hash, struct arm_bytes node,
                                bool *descend, struct arm_error *err)
{
    return ARM_OK;
}

static arm_status read_all(struct forger *forger, const struct arm_hash *root)
{
    struct arm_ptree_iter *iter = NULL;
    struct arm_bytes key = text("");
    struct arm_bytes value;
    bool found = false;
    arm_status st = arm__ptree_iter_new(&forger->nodes->store, root, text(""), &iter, NULL);

    while (st == ARM_OK && key.data != NULL) {
        st = arm__ptree_iter_next(iter, &key, &value, NULL);
    }
    arm__ptree_iter_free(iter);
    assert_int_equal(arm__ptree_walk(&forger->nodes->store, root, visit_nothing, NULL, NULL), st);
    assert_int_equal(get(forger->nodes, root, text("d"), &found), st);
    assert_int_equal(found, st == ARM_OK);
    return st;
}

/* A root over leaves "a", "b" and "c", "d", as the arguments describe the second. */
static arm_status read_forged(struct forger *forger, const char *last, uint64_t count,
                              unsigned level, struct arm_hash second)
{
    struct arm_hash first = forge_leaf(forger, "a", "b");
    struct arm_hash root;

    forge_begin(forger, level);
    forge_child(forger, "b", first, 2);
    forge_child(forger, last, second, count);
    root = forge_end(forger);
    return read_all(forger, &root);
}

static void test_read_T5_children_are_what_their_parent_says(void **state)
{
    struct forger forger = {test_nodes_new(), ARM_NODE_WRITER_INIT};
    struct arm_hash good = forge_leaf(&forger, "c", "d");
    struct arm_hash equal_floor = forge_leaf(&forger, "b", "d");
    struct arm_hash below_floor = forge_leaf(&forger, "a", "d");
    struct arm_hash root;

    assert_int_equal(read_forged(&forger, "d", 2, 1, good), ARM_OK);
    assert_int_equal(read_forged(&forger, "e", 2, 1, good), ARM_CORRUPT); /* last key */
    assert_int_equal(read_forged(&forger, "d", 3, 1, good), ARM_CORRUPT); /* count */
    assert_int_equal(read_forged(&forger, "d", 2, 2, good), ARM_CORRUPT); /* level */
    assert_int_equal(read_forged(&forger, "d", 2, 1, equal_floor), ARM_CORRUPT);
    assert_int_equal(read_forged(&forger, "d", 2, 1, below_floor), ARM_CORRUPT);
    forge_begin(&forger, 1); /* a root with one child */
    forge_child(&forger, "d", good, 2);
    root = forge_end(&forger);
    assert_int_equal(read_all(&forger, &root), ARM_CORRUPT);
    arm__node_writer_release(&forger.writer);
    test_nodes_free(forger.nodes);
}

static void test_read_T5_the_floor_holds_below_the_next_level(void **state)
{
    struct forger forger = {test_nodes_new(), ARM_NODE_WRITER_INIT};
    struct arm_hash ab = forge_leaf(&forger, "a", "b");
    struct arm_hash ad = forge_leaf(&forger, "a", "d"); /* first leaf of the second half */
    struct arm_hash left;
    struct arm_hash right;
    struct arm_hash root;

    forge_begin(&forger, 1);
    forge_child(&forger, "b", ab, 2);
    left = forge_end(&forger);
    forge_begin(&forger, 1);
    forge_child(&forger, "d", ad, 2);
    right = forge_end(&forger);
    forge_begin(&forger, 2);
    forge_child(&forger, "b", left, 2);
    forge_child(&forger, "d", right, 2);
    root = forge_end(&forger);
    assert_int_equal(read_all(&forger, &root), ARM_CORRUPT);
    arm__node_writer_release(&forger.writer);
    test_nodes_free(forger.nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_finds_every_key_and_no_other),
        cmocka_unit_test(test_get_beside_the_keys),
        cmocka_unit_test(test_get_fails_without_touching_its_outputs),
        cmocka_unit_test(test_read_after_a_failure_a_node_holds_nothing),
        cmocka_unit_test(test_read_T5_a_damaged_node_is_found),
        cmocka_unit_test(test_read_T2_a_node_past_the_maximum_is_refused),
        cmocka_unit_test(test_read_T5_children_are_what_their_parent_says),
        cmocka_unit_test(test_read_T5_the_floor_holds_below_the_next_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
