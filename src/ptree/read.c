/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes from the store, and the lookup of one key.
 *
 * R1  A loaded node has the hash it was asked by and is valid from end to end (T2, T5), and it is
 *     what its parent says: its level, its last key, its number of entries, keys above those
 *     of the node before it. So keys rise over the whole tree, no node is met twice in it, and
 *     no walk is without end, whatever the store hands out.
 * R2  What a load does not judge is where nodes end: a tree that was cut by another rule reads
 *     correctly, but its root is not the one T1 promises. Only a forger makes such a tree. */

#include "ptree/ptree_private.h"

#include <assert.h>

void arm__node_link_root(const struct arm_hash *root, struct arm_node_link *out)
{
    *out = (struct arm_node_link){.hash = *root, .is_root = true};
}

arm_status arm__node_link_child(const struct arm_node *node, struct arm_node_link *out,
                                struct arm_error *err)
{
    struct arm_node_ref ref;
    arm_status st;

    assert(node->level > 0);
    assert(!node->cursor.is_end);
    st = arm__node_ref_decode(node->cursor.value, &ref, err);
    if (st == ARM_OK) {
        *out = (struct arm_node_link){.hash = ref.hash,
                                      .has_floor = node->has_floor,
                                      .level = node->level - 1,
                                      .count = ref.count,
                                      .last = node->cursor.key,
                                      .floor = node->floor};
    }
    return st;
}

static bool key_equal(const struct arm_ptree_key *a, const struct arm_ptree_key *b)
{
    return arm__bytes_compare(arm__ptree_key_bytes(a), arm__ptree_key_bytes(b)) == 0;
}

static bool link_equal(const struct arm_node_link *a, const struct arm_node_link *b)
{
    return arm__hash_equal(&a->hash, &b->hash) && a->is_root == b->is_root &&
           a->has_floor == b->has_floor && a->level == b->level && a->count == b->count &&
           key_equal(&a->last, &b->last) && (!a->has_floor || key_equal(&a->floor, &b->floor));
}

/* The bytes named by `hash`, and only those. */
static arm_status fetch(const struct arm_node_store *nodes, const struct arm_hash *hash,
                        struct arm_buf *out, struct arm_error *err)
{
    struct arm_hash actual;
    arm_status st;

    arm__buf_clear(out);
    st = nodes->get(nodes->self, hash, out, err);
    if (st == ARM_INVALID) { /* all that appending to `out` finds invalid */
        return arm__fail(err, ARM_CORRUPT, "a ptree node of over %u bytes", ARM_NODE_BYTES_MAX);
    }
    if (st != ARM_OK) {
        return st;
    }
    actual = arm__hash(arm__buf_bytes(out));
    if (!arm__hash_equal(&actual, hash)) {
        return arm__fail(err, ARM_CORRUPT, "the bytes of a ptree node do not have its hash");
    }
    return ARM_OK;
}

/* Go over the whole node once: its format, `*out_count`, and its last key in `*cursor`. */
static arm_status judge_entries(struct arm_node_cursor *cursor, uint64_t *out_count,
                                struct arm_error *err)
{
    uint64_t count = 0;
    arm_status st = ARM_OK;

    for (;;) {
        struct arm_node_ref ref = {.count = 1};

        if (cursor->level > 0) {
            ARM_TRY(arm__node_ref_decode(cursor->value, &ref, err));
        }
        count += ref.count; /* both at most ARM_PTREE_ENTRIES_MAX: no overflow */
        if (count > ARM_PTREE_ENTRIES_MAX) {
            ARM_TRY(arm__fail(err, ARM_CORRUPT, "a ptree node counts more entries than can be"));
        }
        if (arm__node_is_last(cursor)) {
            break;
        }
        ARM_TRY(arm__node_next(cursor, err));
    }
    *out_count = count;
done:
    return st;
}

/* R1, for the bytes in `node`. */
static arm_status judge(const struct arm_node_link *link, struct arm_node *node,
                        struct arm_error *err)
{
    struct arm_node_cursor last;
    arm_status st = ARM_OK;

    ARM_TRY(arm__node_first(arm__buf_bytes(&node->bytes), &node->cursor, err));
    node->level = node->cursor.level;
    last = node->cursor;
    ARM_TRY(judge_entries(&last, &node->count, err));
    if (link->is_root) {
        if (node->level > 0 && arm__node_is_last(&node->cursor)) {
            ARM_TRY(arm__fail(err, ARM_CORRUPT, "a ptree root with one child"));
        }
    } else if (node->level != link->level || node->count != link->count ||
               !key_equal(&last.key, &link->last)) {
        ARM_TRY(arm__fail(err, ARM_CORRUPT, "a ptree node is not what its parent says"));
    }
    if (link->has_floor && arm__bytes_compare(arm__ptree_key_bytes(&link->floor),
                                              arm__ptree_key_bytes(&node->cursor.key)) >= 0) {
        ARM_TRY(arm__fail(err, ARM_CORRUPT, "a ptree node reaches into the one before it"));
    }
done:
    return st;
}

arm_status arm__node_load(const struct arm_node_store *nodes, const struct arm_node_link *link,
                          struct arm_node *node, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (node->is_loaded && link_equal(&node->link, link)) {
        ARM_TRY(arm__node_first(arm__buf_bytes(&node->bytes), &node->cursor, err));
    } else {
        node->is_loaded = false;
        ARM_TRY(fetch(nodes, &link->hash, &node->bytes, err));
        ARM_TRY(judge(link, node, err));
        node->link = *link;
        node->is_loaded = true;
    }
    node->has_floor = node->link.has_floor;
    node->floor = node->link.floor;
done:
    return st;
}

arm_status arm__node_step(struct arm_node *node, struct arm_error *err)
{
    if (node->level > 0) {
        node->has_floor = true;
        node->floor = node->cursor.key;
    }
    return arm__node_next(&node->cursor, err);
}

arm_status arm__node_seek(struct arm_node *node, struct arm_bytes key, struct arm_error *err)
{
    arm_status st = ARM_OK;

    while (!node->cursor.is_end &&
           arm__bytes_compare(arm__ptree_key_bytes(&node->cursor.key), key) < 0) {
        ARM_TRY(arm__node_step(node, err));
    }
done:
    return st;
}

void arm__node_release(struct arm_node *node)
{
    arm__buf_release(&node->bytes);
    *node = ARM_NODE_INIT;
}

/* Put `value` in `out` in place of what it holds. */
static arm_status value_copy(struct arm_bytes value, struct arm_buf *out, struct arm_error *err)
{
    size_t more = value.size > out->size ? value.size - out->size : 0;
    arm_status st = arm__buf_reserve(out, more, err);

    if (st == ARM_OK) {
        arm__buf_clear(out);
        st = arm__buf_append(out, value.data, value.size, err);
    }
    return st;
}

/* Walk down to `key`: `*out_found`, and then `node` stands on it. */
static arm_status find(const struct arm_node_store *nodes, const struct arm_hash *root,
                       struct arm_bytes key, struct arm_node *node, bool *out_found,
                       struct arm_error *err)
{
    struct arm_node_link link;
    arm_status st = ARM_OK;

    arm__node_link_root(root, &link);
    for (;;) {
        ARM_TRY(arm__node_load(nodes, &link, node, err));
        ARM_TRY(arm__node_seek(node, key, err));
        if (node->cursor.is_end || node->level == 0) {
            break;
        }
        ARM_TRY(arm__node_link_child(node, &link, err));
    }
    *out_found = !node->cursor.is_end &&
                 arm__bytes_compare(arm__ptree_key_bytes(&node->cursor.key), key) == 0;
done:
    return st;
}

arm_status arm__ptree_get(const struct arm_node_store *nodes, const struct arm_hash *root,
                          struct arm_bytes key, struct arm_buf *out, bool *out_found,
                          struct arm_error *err)
{
    struct arm_node node = ARM_NODE_INIT;
    bool found = false;
    arm_status st = ARM_OK;

    if (!arm__hash_is_zero(root)) {
        ARM_TRY(find(nodes, root, key, &node, &found, err));
    }
    if (found) {
        ARM_TRY(value_copy(node.cursor.value, out, err));
    }
    *out_found = found;
done:
    arm__node_release(&node);
    return st;
}
