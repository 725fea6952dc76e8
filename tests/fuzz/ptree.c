/* SPDX-License-Identifier: Apache-2.0 */
/* A ptree of nodes that come from anywhere. R1: keys rise over the whole tree, no walk is
 * without end, and a lookup, an iteration and a diff agree. The input is nodes, each behind two
 * bytes of its size; where an inner one names a child, its hash is put right: the first byte
 * picks which of the nodes before it is meant. The last node is the root of one map, the one
 * before it of another. */

#include <stdlib.h>

#include "ptree/ptree_private.h"
#include "support/fuzz.h"

enum { NODES_MAX = 32, STEPS_MAX = 100000 };

struct forest {
    size_t count;
    struct arm_bytes nodes[NODES_MAX];
    struct arm_hash hashes[NODES_MAX];
};

static arm_status get(void *self, const struct arm_hash *hash, struct arm_buf *out,
                      struct arm_error *err)
{
    const struct forest *forest = self;

    arm__buf_clear(out);
    for (size_t i = 0; i < forest->count; i++) {
        if (arm__hash_equal(&forest->hashes[i], hash)) {
            return arm__buf_append(out, forest->nodes[i].data, forest->nodes[i].size, err);
        }
    }
    return arm__fail(err, ARM_NOT_FOUND, "no such node");
}

static arm_status put(void *self, const struct arm_hash *hash, struct arm_bytes node,
                      struct arm_error *err)
{
    const struct arm_hash actual = arm__hash(node);

    (void)self;
    (void)err;
    assert(arm__hash_equal(hash, &actual)); /* T2 */
    assert(node.size <= ARM_NODE_BYTES_MAX);
    return ARM_OK;
}

/* Let the children of an inner node be nodes of the forest. */
static void name_children(struct forest *forest, struct arm_bytes node)
{
    struct arm_node_cursor cursor;
    arm_status st = arm__node_first(node, &cursor, NULL);

    while (st == ARM_OK && !cursor.is_end && cursor.level > 0 && forest->count > 0) {
        uint8_t *hash = (uint8_t *)(uintptr_t)cursor.value.data;

        memcpy(hash, forest->hashes[hash[0] % forest->count].bytes, ARM_HASH_BYTES);
        st = arm__node_next(&cursor, NULL);
    }
}

static void plant(struct forest *forest, struct fuzz_input *in)
{
    while (in->size > 0 && forest->count < NODES_MAX) {
        size_t size = fuzz_take_u8(in);
        struct arm_bytes node;

        size |= (size_t)fuzz_take_u8(in) << 8;
        node = fuzz_take(in, size);
        name_children(forest, node);
        forest->nodes[forest->count] = node;
        forest->hashes[forest->count] = arm__hash(node);
        forest->count++;
    }
}

static void check_found(const struct arm_node_store *nodes, const struct arm_hash *root,
                        struct arm_bytes key, struct arm_bytes value)
{
    struct arm_buf got = ARM_BUF_INIT(ARM_PTREE_VALUE_BYTES_MAX);
    struct arm_error err;
    bool found = false;

    FUZZ_FILL(err);
    if (fuzz_judged(arm__ptree_get(nodes, root, key, &got, &found, &err), ARM_CORRUPT,
                    ARM_NOT_FOUND, &err)) {
        assert(found);
        assert(fuzz_same(arm__buf_bytes(&got), value));
    }
    arm__buf_release(&got);
}

/* Returns whether the whole map could be read. */
static bool check_iteration(const struct arm_node_store *nodes, const struct arm_hash *root)
{
    struct arm_ptree_iter *iter = NULL;
    struct arm_ptree_key before = {.size = 0};
    struct arm_bytes key = {NULL, 0};
    struct arm_bytes value;
    struct arm_error err;
    size_t steps = 0;
    arm_status st;

    FUZZ_FILL(err);
    st = arm__ptree_iter_new(nodes, root, key, &iter, &err);
    while (st == ARM_OK) {
        st = arm__ptree_iter_next(iter, &key, &value, &err);
        if (st != ARM_OK || key.data == NULL) {
            break;
        }
        assert(steps == 0 || arm__bytes_compare(arm__ptree_key_bytes(&before), key) < 0);
        assert(key.size <= ARM_PTREE_KEY_BYTES_MAX);
        assert(value.size <= ARM_PTREE_VALUE_BYTES_MAX);
        steps++;
        assert(steps < STEPS_MAX);
        before.size = key.size;
        memcpy(before.bytes, key.data, key.size);
        if (steps % 16 == 1) {
            check_found(nodes, root, key, value);
        }
    }
    arm__ptree_iter_free(iter);
    return fuzz_judged(st, ARM_CORRUPT, ARM_NOT_FOUND, &err);
}

static arm_status see_difference(void *context, struct arm_bytes key, struct arm_bytes a,
                                 struct arm_bytes b, struct arm_error *err)
{
    size_t *count = context;

    (void)err;
    assert(key.data != NULL);
    assert(a.data != NULL || b.data != NULL);
    assert(a.data == NULL || b.data == NULL || !fuzz_same(a, b));
    ++*count;
    assert(*count < 2 * (size_t)STEPS_MAX);
    return ARM_OK;
}

static arm_status see_node(void *context, const struct arm_hash *hash, struct arm_bytes node,
                           bool *descend, struct arm_error *err)
{
    (void)err;
    *descend = true;
    return put(context, hash, node, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct forest forest = {.count = 0};
    struct arm_node_store nodes = {&forest, get, put};
    struct arm_hash root = {{0}};
    struct arm_hash other = {{0}};
    struct arm_hash edited;
    struct arm_ptree_edit edit = {arm__bytes("key", 3), arm__bytes("value", 5)};
    size_t count = 0;
    struct arm_error err;

    plant(&forest, &in);
    root = forest.count > 0 ? forest.hashes[forest.count - 1] : root;
    other = forest.count > 1 ? forest.hashes[forest.count - 2] : other;
    if (check_iteration(&nodes, &root)) {
        assert(arm__ptree_walk(&nodes, &root, see_node, NULL, NULL) == ARM_OK);
        assert(arm__ptree_diff(&nodes, &root, &root, see_difference, &count, NULL) == ARM_OK);
        assert(count == 0);
    }
    FUZZ_FILL(err);
    (void)fuzz_judged(arm__ptree_diff(&nodes, &root, &other, see_difference, &count, &err),
                      ARM_CORRUPT, ARM_NOT_FOUND, &err);
    FUZZ_FILL(err);
    FUZZ_FILL(edited);
    if (!fuzz_judged(arm__ptree_edit(&nodes, &root, &edit, 1, &edited, &err), ARM_CORRUPT,
                     ARM_NOT_FOUND, &err)) {
        assert(FUZZ_UNTOUCHED(edited));
    }
    for (size_t i = 0; i < forest.count; i++) {
        free((void *)(uintptr_t)forest.nodes[i].data);
    }
    return 0;
}
