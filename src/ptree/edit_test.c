/* SPDX-License-Identifier: Apache-2.0 */
#include "ptree/ptree_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ptree/change.h"
#include "ptree/ptree_fixture.h"
#include "support/cmocka_all.h"

static const struct arm_hash empty_root;

static struct arm_bytes text(const char *chars)
{
    return arm__bytes(chars, strlen(chars));
}

static void assert_hash_equal(const struct arm_hash *a, const struct arm_hash *b)
{
    assert_memory_equal(a->bytes, b->bytes, sizeof a->bytes);
}

static struct arm_hash build(struct test_nodes *nodes, size_t count)
{
    struct arm_hash root;

    assert_int_equal(test_build(nodes, count, &root, NULL), ARM_OK);
    return root;
}

static struct arm_hash edit(struct test_nodes *nodes, struct arm_hash root,
                            const struct arm_ptree_edit *edits, size_t count)
{
    struct arm_hash out;

    assert_int_equal(arm__ptree_edit(&nodes->store, &root, edits, count, &out, NULL), ARM_OK);
    return out;
}

static void test_edit_of_nothing(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_ptree_edit remove = {text("absent"), {NULL, 0}};
    struct arm_hash root = edit(nodes, empty_root, NULL, 0);

    assert_true(arm__hash_is_zero(&root));
    root = edit(nodes, empty_root, &remove, 1);
    assert_true(arm__hash_is_zero(&root));
    assert_int_equal(nodes->puts, 0);
    test_nodes_free(nodes);
}

static void test_edit_without_effect_keeps_the_root_and_stores_nothing(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, 1000);
    struct arm_hash after;
    struct test_entry entry;
    struct arm_ptree_edit edits[3];

    test_nodes_reset_counts(nodes);
    test_entry_make(500, 0, &entry);
    edits[0] = (struct arm_ptree_edit){text("absent"), {NULL, 0}};
    edits[1] = test_entry_edit(&entry); /* the value it has */
    edits[2] = (struct arm_ptree_edit){text("zzz"), {NULL, 0}};
    after = edit(nodes, root, edits, 3);
    assert_hash_equal(&root, &after);
    after = edit(nodes, root, NULL, 0);
    assert_hash_equal(&root, &after);
    assert_int_equal(nodes->puts, 0);
    test_nodes_free(nodes);
}

static void test_edit_refuses_wrong_batches(void **state)
{
    static const uint8_t large[ARM_PTREE_VALUE_BYTES_MAX + 1];
    struct test_nodes *nodes = test_nodes_new();
    struct arm_bytes value = text("v");
    const struct arm_ptree_edit batches[][2] = {
        {{text("b"), value}, {text("a"), value}},
        {{text("a"), value}, {text("a"), value}},
        {{text("a"), value}, {arm__bytes(large, ARM_PTREE_KEY_BYTES_MAX + 1), value}},
        {{text("a"), value}, {text("b"), arm__bytes(large, sizeof large)}},
    };

    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        struct arm_hash out = {{7}};
        struct arm_error err = {.code = ARM_OK};

        assert_int_equal(arm__ptree_edit(&nodes->store, &empty_root, batches[i], 2, &out, &err),
                         ARM_INVALID);
        assert_int_equal(err.code, ARM_INVALID);
        assert_int_equal(out.bytes[0], 7);
    }
    assert_int_equal(nodes->puts, 0);
    test_nodes_free(nodes);
}

static void test_edit_takes_the_largest_and_the_smallest(void **state)
{
    static const uint8_t zeros[ARM_PTREE_VALUE_BYTES_MAX];
    struct test_nodes *nodes = test_nodes_new();
    struct arm_buf out = ARM_BUF_INIT(ARM_PTREE_VALUE_BYTES_MAX);
    struct arm_ptree_edit edits[] = {
        {{NULL, 0}, arm__bytes(zeros, 0)}, /* empty key, empty value */
        {arm__bytes(zeros, ARM_PTREE_KEY_BYTES_MAX), arm__bytes(zeros, sizeof zeros)},
    };
    struct arm_hash root = edit(nodes, empty_root, edits, 2);
    bool found = false;

    assert_int_equal(arm__ptree_get(&nodes->store, &root, edits[0].key, &out, &found, NULL),
                     ARM_OK);
    assert_true(found);
    assert_int_equal(out.size, 0);
    assert_int_equal(arm__ptree_get(&nodes->store, &root, edits[1].key, &out, &found, NULL),
                     ARM_OK);
    assert_true(found);
    assert_int_equal(out.size, sizeof zeros);
    arm__buf_release(&out);
    test_nodes_free(nodes);
}

static void test_edit_in_a_store_for_reading_only(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, 100);
    struct arm_ptree_edit put = {text("new"), text("v")};
    struct arm_hash out;

    nodes->store.put = NULL;
    assert_int_equal(arm__ptree_edit(&nodes->store, &root, &put, 1, &out, NULL), ARM_INVALID);
    test_nodes_free(nodes);
}

/* Remove all but one entry, for each entry, then the last: trees of every height shrink. */
static void test_edit_T1_shrinks_to_one_entry_and_to_none(void **state)
{
    enum { COUNT = 700 };
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, COUNT);
    struct test_entry *entries = test_memory(COUNT * sizeof *entries);
    struct arm_ptree_edit *removals = test_memory(COUNT * sizeof *removals);

    for (size_t i = 0; i < COUNT; i++) {
        test_entry_make(i, 0, &entries[i]);
    }
    for (size_t kept = 0; kept < COUNT; kept++) {
        struct arm_ptree_edit keep = test_entry_edit(&entries[kept]);
        struct arm_hash alone = edit(nodes, empty_root, &keep, 1);
        struct arm_hash left;
        size_t count = 0;

        for (size_t i = 0; i < COUNT; i++) {
            if (i != kept) {
                removals[count++].key = arm__bytes(entries[i].key, 9);
            }
        }
        left = edit(nodes, root, removals, count);
        assert_hash_equal(&alone, &left);
        removals[0].key = keep.key;
        left = edit(nodes, left, removals, 1);
        assert_true(arm__hash_is_zero(&left));
    }
    free(removals);
    free(entries);
    test_nodes_free(nodes);
}

/* One entry after the other, at the end and at the front: each root is that of the whole batch,
 * also where the old root ends in a cut and stays a node of the new tree. */
static void test_edit_T1_grows_one_by_one(void **state)
{
    enum { COUNT = 600 };
    struct test_nodes *nodes = test_nodes_new();
    struct test_entry *entries = test_memory(COUNT * sizeof *entries);
    struct arm_ptree_edit *edits = test_memory(COUNT * sizeof *edits);
    struct arm_hash appended = empty_root;
    struct arm_hash prepended = empty_root;

    for (size_t i = 0; i < COUNT; i++) {
        test_entry_make(i, 0, &entries[i]);
        edits[i] = test_entry_edit(&entries[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        struct arm_hash front = edit(nodes, empty_root, edits, i + 1);
        struct arm_hash back = edit(nodes, empty_root, edits + COUNT - 1 - i, i + 1);

        appended = edit(nodes, appended, &edits[i], 1);
        assert_hash_equal(&front, &appended);
        prepended = edit(nodes, prepended, &edits[COUNT - 1 - i], 1);
        assert_hash_equal(&back, &prepended);
    }
    free(edits);
    free(entries);
    test_nodes_free(nodes);
}

/* Remove ranges, so that whole nodes and the ends of levels go. */
static void test_edit_T1_removed_ranges(void **state)
{
    enum { COUNT = 2000 };
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, COUNT);
    struct test_entry *entries = test_memory(COUNT * sizeof *entries);
    struct arm_ptree_edit *removals = test_memory(COUNT * sizeof *removals);
    struct arm_ptree_edit *rest = test_memory(COUNT * sizeof *rest);
    uint64_t random = test_seed(11);

    for (size_t i = 0; i < COUNT; i++) {
        test_entry_make(i, 0, &entries[i]);
    }
    for (int round = 0; round < 300; round++) {
        size_t from = test_random(&random) % COUNT;
        size_t to = round % 3 == 0 ? COUNT : from + test_random(&random) % (COUNT - from + 1);
        size_t removal_count = 0;
        size_t rest_count = 0;
        struct arm_hash removed;
        struct arm_hash built;

        from = round % 3 == 1 ? 0 : from;
        for (size_t i = 0; i < COUNT; i++) {
            if (i >= from && i < to) {
                removals[removal_count++].key = arm__bytes(entries[i].key, 9);
            } else {
                rest[rest_count++] = test_entry_edit(&entries[i]);
            }
        }
        removed = edit(nodes, root, removals, removal_count);
        built = edit(nodes, empty_root, rest, rest_count);
        assert_hash_equal(&built, &removed);
    }
    free(rest);
    free(removals);
    free(entries);
    test_nodes_free(nodes);
}

static void test_edit_T3_old_roots_stay_valid(void **state)
{
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, 2000);
    struct arm_hash after = root;
    struct arm_buf out = ARM_BUF_INIT(ARM_PTREE_VALUE_BYTES_MAX);
    bool found = false;

    for (uint64_t i = 0; i < 2000; i += 7) {
        struct arm_ptree_edit change;
        struct test_entry entry;

        test_entry_make(i, 99, &entry);
        change = test_entry_edit(&entry);
        after = edit(nodes, after, &change, 1);
    }
    for (uint64_t i = 0; i < 2000; i++) {
        struct test_entry entry;

        test_entry_make(i, 0, &entry);
        assert_int_equal(
            arm__ptree_get(&nodes->store, &root, arm__bytes(entry.key, 9), &out, &found, NULL),
            ARM_OK);
        assert_true(found);
        assert_memory_equal(out.data, entry.value, sizeof entry.value);
    }
    arm__buf_release(&out);
    test_nodes_free(nodes);
}

/* One update touches one node a level; an insertion or a removal hardly more on average. */
static void test_edit_rewrites_only_the_nodes_around(void **state)
{
    enum { COUNT = 100000, ROUNDS = 500, LEVELS = 5 };
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, COUNT);
    uint64_t random = test_seed(5);

    for (int kind = 0; kind < 3; kind++) {
        test_nodes_reset_counts(nodes);
        for (int i = 0; i < ROUNDS; i++) {
            struct test_entry entry;
            struct arm_ptree_edit change;

            test_entry_make(test_random(&random) % COUNT, kind == 0 ? 1 : 0, &entry);
            entry.key[8] = (uint8_t)(entry.key[8] + (kind == 1));
            change = test_entry_edit(&entry);
            change.value.data = kind == 2 ? NULL : change.value.data;
            (void)edit(nodes, root, &change, 1);
        }
        assert_true(nodes->puts <= ROUNDS * (kind == 0 ? LEVELS : LEVELS + 2));
        assert_true(nodes->gets <= ROUNDS * (LEVELS + 2));
    }
    test_nodes_free(nodes);
}

/* Fail the n-th allocation, for each n; the map is as it was and the next try succeeds. */
static void test_edit_allocation_failures(void **state)
{
    enum { COUNT = 60 };
    struct test_nodes *nodes = test_nodes_new();
    struct arm_hash root = build(nodes, 3000);
    struct test_entry entries[COUNT];
    struct arm_ptree_edit edits[COUNT];
    struct arm_hash expected;
    arm_status st = ARM_NO_MEMORY;
    uint64_t nth = 0;

    for (size_t i = 0; i < COUNT; i++) {
        test_entry_make(i * 50, 8, &entries[i]);
        edits[i] = test_entry_edit(&entries[i]);
        edits[i].value.data = i % 3 == 0 ? NULL : edits[i].value.data;
    }
    expected = edit(nodes, root, edits, COUNT);
    while (st != ARM_OK) {
        struct arm_hash out = {{7}};
        struct arm_error err = {.code = ARM_OK};

        arm__alloc_fail_at(++nth);
        st = arm__ptree_edit(&nodes->store, &root, edits, COUNT, &out, &err);
        arm__alloc_fail_at(0);
        if (st == ARM_OK) {
            assert_hash_equal(&expected, &out);
        } else {
            assert_int_equal(st, ARM_NO_MEMORY);
            assert_int_equal(err.code, ARM_NO_MEMORY);
            assert_int_equal(out.bytes[0], 7);
        }
    }
    assert_true(nth > 10);
    test_nodes_free(nodes);
}

static struct arm_node_change change(const char *key, uint8_t hash, bool is_new)
{
    struct arm_node_change out = {.ref = {.hash = {{hash}}, .count = 1}, .is_new = is_new};

    memcpy(out.key.bytes, key, strlen(key));
    out.key.size = strlen(key);
    return out;
}

static void test_changes_N1_one_key_is_one_change(void **state)
{
    struct arm_node_changes changes = ARM_NODE_CHANGES_INIT;
    struct arm_node_edits edits = ARM_NODE_EDITS_INIT;
    const struct arm_node_change notes[] = {
        change("b", 1, true),  change("b", 1, false), /* the same node: no change */
        change("c", 2, true),  change("c", 3, false), /* new in place of old */
        change("e", 4, false), change("g", 5, false),
        change("i", 6, false), change("f", 7, true), /* late */
        change("e", 8, true),                        /* late, in place of old */
        change("g", 5, true),                        /* late, the same node */
    };

    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        assert_int_equal(arm__node_changes_add(&changes, &notes[i], NULL), ARM_OK);
    }
    assert_int_equal(arm__node_changes_edits(&changes, &edits, NULL), ARM_OK);
    assert_int_equal(edits.count, 4);
    for (size_t i = 0; i < 4; i++) {
        static const uint8_t values[] = {2, 8, 7, 0};

        assert_int_equal(edits.items[i].key.data[0], "cefi"[i]);
        assert_int_equal(edits.items[i].value.data == NULL, i == 3);
        assert_true(i == 3 || edits.items[i].value.data[0] == values[i]);
    }
    arm__node_edits_release(&edits);
    arm__node_changes_release(&changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edit_of_nothing),
        cmocka_unit_test(test_edit_without_effect_keeps_the_root_and_stores_nothing),
        cmocka_unit_test(test_edit_refuses_wrong_batches),
        cmocka_unit_test(test_edit_takes_the_largest_and_the_smallest),
        cmocka_unit_test(test_edit_in_a_store_for_reading_only),
        cmocka_unit_test(test_edit_T1_grows_one_by_one),
        cmocka_unit_test(test_edit_T1_shrinks_to_one_entry_and_to_none),
        cmocka_unit_test(test_edit_T1_removed_ranges),
        cmocka_unit_test(test_edit_T3_old_roots_stay_valid),
        cmocka_unit_test(test_edit_rewrites_only_the_nodes_around),
        cmocka_unit_test(test_edit_allocation_failures),
        cmocka_unit_test(test_changes_N1_one_key_is_one_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
