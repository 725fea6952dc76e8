/* SPDX-License-Identifier: Apache-2.0 */
/* Batch edits: level by level, from the leaves up, rewrite the nodes around each edit.
 *
 * A region begins at the node where an edit falls. Its entries, merged with the edits, run
 * through a node writer, and so do those of the nodes that follow, until the writer ends a node
 * exactly where an old one ends: from there on old and new nodes are the same (T1). Nodes gone
 * and nodes new are the edits of the level above (change.h); above the old root there is nothing,
 * and every node is new. The root is the first node to hold every entry of the map.
 *
 * E1  Before a region, and after it, the writer is empty and stands where an old node begins.
 * E2  From the second level on, `total` is the number of entries of the new map, so a node that
 *     counts as many is alone on its level.
 * E3  No node of one child that is alone on its level is stored: its child is the root, or
 *     leads to it. */

#include <assert.h>

#include "ptree/change.h"
#include "ptree/ptree_private.h"

struct editor {
    struct arm_ptree_path path; /* in the old tree */
    struct arm_node_writer writer;
    unsigned level;                     /* being rewritten */
    const struct arm_ptree_edit *edits; /* of this level; those before `next` are done */
    size_t edit_count;
    size_t next;
    struct arm_node_changes changes; /* of the level above */
    uint64_t total;                  /* entries of the map */
    bool has_only_child;             /* E3 */
    struct arm_node_link only_child;
};

static arm_status check_edits(const struct arm_ptree_edit *edits, size_t count,
                              struct arm_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (edits[i].key.size > ARM_PTREE_KEY_BYTES_MAX) {
            return arm__fail(err, ARM_INVALID, "ptree edit %zu: a key of %zu bytes", i,
                             edits[i].key.size);
        }
        if (edits[i].value.data != NULL && edits[i].value.size > ARM_PTREE_VALUE_BYTES_MAX) {
            return arm__fail(err, ARM_INVALID, "ptree edit %zu: a value of %zu bytes", i,
                             edits[i].value.size);
        }
        if (i > 0 && arm__bytes_compare(edits[i - 1].key, edits[i].key) >= 0) {
            return arm__fail(err, ARM_INVALID, "ptree edit %zu: keys are out of order", i);
        }
    }
    return ARM_OK;
}

/* The old tree has nodes at this level. */
static bool has_old(const struct editor *e)
{
    return e->path.at != NULL && e->level <= e->path.top;
}

/* Store the writer's node and note it as new. */
static arm_status emit(struct editor *e, struct arm_error *err)
{
    const struct arm_node_store *nodes = &e->path.nodes;
    struct arm_bytes node = arm__buf_bytes(&e->writer.bytes);
    struct arm_node_change change = {
        .key = e->writer.last,
        .ref = {.hash = arm__hash(node), .count = e->writer.count},
        .is_new = true,
    };
    const struct arm_hash *old = has_old(e) ? &e->path.at[e->level].link.hash : NULL;
    arm_status st = ARM_OK;

    if (old == NULL || !arm__hash_equal(old, &change.ref.hash)) { /* else it is there */
        if (nodes->put == NULL) {
            ARM_TRY(arm__fail(err, ARM_INVALID, "the node store is for reading only"));
        }
        ARM_TRY(nodes->put(nodes->self, &change.ref.hash, node, err));
    }
    ARM_TRY(arm__node_changes_add(&e->changes, &change, err));
    ARM_TRY(arm__node_begin(&e->writer, e->level, err));
done:
    return st;
}

/* The writer's node is alone on its level and has one child: keep the child's link (E3). */
static arm_status keep_only_child(struct editor *e, struct arm_error *err)
{
    struct arm_node node = ARM_NODE_INIT; /* a view: the bytes stay the writer's */
    arm_status st = ARM_OK;

    node.bytes = e->writer.bytes;
    node.level = e->level;
    ARM_TRY(arm__node_first(arm__buf_bytes(&node.bytes), &node.cursor, err));
    ARM_TRY(arm__node_link_child(&node, &e->only_child, err));
    e->has_only_child = true;
    ARM_TRY(arm__node_begin(&e->writer, e->level, err));
done:
    return st;
}

/* End the writer's node, if it holds anything. */
static arm_status flush(struct editor *e, struct arm_error *err)
{
    if (e->writer.entry_count == 0) {
        return ARM_OK;
    }
    if (e->level > 0 && e->writer.entry_count == 1 && e->writer.count == e->total) {
        return keep_only_child(e, err);
    }
    return emit(e, err);
}

static arm_status add(struct editor *e, struct arm_bytes key, struct arm_bytes value,
                      struct arm_error *err)
{
    arm_status st = arm__node_add(&e->writer, key, value, err);

    return st == ARM_OK && e->writer.is_cut ? flush(e, err) : st;
}

/* Apply the next edit; `replaces` says whether its key has an old entry. */
static arm_status apply_edit(struct editor *e, bool replaces, struct arm_error *err)
{
    const struct arm_ptree_edit *edit = &e->edits[e->next++];
    bool puts = edit->value.data != NULL;

    if (e->level == 0 && puts != replaces) {
        e->total = puts ? e->total + 1 : e->total - 1;
    }
    return puts ? add(e, edit->key, edit->value, err) : ARM_OK;
}

/* Write the current old node's entries, merged with the edits up to its last key. */
static arm_status merge_node(struct editor *e, struct arm_error *err)
{
    struct arm_node *old = &e->path.at[e->level];
    struct arm_node_change gone = {.ref = {.hash = old->link.hash, .count = old->count}};
    arm_status st = ARM_OK;

    while (!old->cursor.is_end) {
        struct arm_bytes key = arm__ptree_key_bytes(&old->cursor.key);
        int order = e->next == e->edit_count ? 1 : arm__bytes_compare(e->edits[e->next].key, key);

        if (order <= 0) {
            ARM_TRY(apply_edit(e, order == 0, err));
        } else {
            ARM_TRY(add(e, key, old->cursor.value, err));
        }
        if (order >= 0) {
            gone.key = old->cursor.key;
            ARM_TRY(arm__node_step(old, err));
        }
    }
    if (e->level < e->path.top) { /* nothing above the old root knows it */
        ARM_TRY(arm__node_changes_add(&e->changes, &gone, err));
    }
done:
    return st;
}

/* To the old node after the current one, which is used up; false at the end of the level. */
static arm_status next_old_node(struct editor *e, bool *out_more, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_leave(&e->path, err));
    while (!e->path.is_end && e->path.level > e->level) {
        ARM_TRY(arm__path_descend(&e->path, err));
    }
    *out_more = !e->path.is_end;
done:
    return st;
}

/* From the next edit to where the boundaries meet again, or to the end of the level. */
static arm_status rewrite_region(struct editor *e, struct arm_error *err)
{
    bool more = has_old(e);
    arm_status st = ARM_OK;

    assert(e->writer.entry_count == 0); /* E1 */
    if (more) {
        ARM_TRY(arm__path_seek(&e->path, e->level, e->edits[e->next].key, err));
    }
    while (more) {
        ARM_TRY(merge_node(e, err));
        if (e->writer.entry_count == 0 &&
            (e->next == e->edit_count || !arm__path_is_last(&e->path))) {
            goto done; /* E1 */
        }
        ARM_TRY(next_old_node(e, &more, err));
    }
    while (e->next < e->edit_count) { /* above every old key */
        ARM_TRY(apply_edit(e, false, err));
    }
    ARM_TRY(flush(e, err));
done:
    return st;
}

static arm_status rewrite_level(struct editor *e, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (e->level == ARM_PTREE_LEVELS_MAX) {
        return arm__fail(err, ARM_CORRUPT, "a ptree with more levels than any map needs");
    }
    ARM_TRY(arm__path_rewind(&e->path, err));
    ARM_TRY(arm__node_begin(&e->writer, e->level, err));
    while (e->next < e->edit_count) {
        ARM_TRY(rewrite_region(e, err));
    }
done:
    return st;
}

/* The root below the only child that was kept: the first node with more than one, or a leaf.
 * It is an old node, for a new one that holds the whole map was found a level below (E2). */
static arm_status root_below(struct editor *e, struct arm_hash *out_root, struct arm_error *err)
{
    struct arm_node node = ARM_NODE_INIT;
    arm_status st = ARM_OK;

    for (;;) {
        ARM_TRY(arm__node_load(&e->path.nodes, &e->only_child, &node, err));
        if (node.level == 0 || !arm__node_is_last(&node.cursor)) {
            break;
        }
        ARM_TRY(arm__node_link_child(&node, &e->only_child, err));
    }
    *out_root = e->only_child.hash;
done:
    arm__node_release(&node);
    return st;
}

/* Whether the level just rewritten has given the root. */
static arm_status find_root(struct editor *e, const struct arm_hash *old_root, bool *out_found,
                            struct arm_hash *out_root, struct arm_error *err)
{
    *out_found = true;
    if (e->has_only_child) {
        return root_below(e, out_root, err);
    }
    if (e->total == 0) {
        *out_root = (struct arm_hash){{0}};
        return ARM_OK;
    }
    if (e->changes.count == 0) {
        *out_root = *old_root;
        return ARM_OK;
    }
    for (size_t i = 0; i < e->changes.count; i++) {
        if (e->changes.items[i].is_new && e->changes.items[i].ref.count == e->total) {
            *out_root = e->changes.items[i].ref.hash; /* E2 */
            return ARM_OK;
        }
    }
    *out_found = false;
    return ARM_OK;
}

/* Rewrite levels until the root is found. */
static arm_status rewrite(struct editor *e, const struct arm_hash *old_root,
                          struct arm_hash *out_root, struct arm_error *err)
{
    struct arm_node_changes below = ARM_NODE_CHANGES_INIT;
    struct arm_node_edits edits = ARM_NODE_EDITS_INIT;
    bool found = false;
    arm_status st = ARM_OK;

    for (;;) {
        ARM_TRY(rewrite_level(e, err));
        ARM_TRY(find_root(e, old_root, &found, out_root, err));
        if (found) {
            break;
        }
        arm__node_edits_release(&edits);
        arm__node_changes_release(&below);
        below = e->changes;
        e->changes = ARM_NODE_CHANGES_INIT;
        ARM_TRY(arm__node_changes_edits(&below, &edits, err));
        e->edits = edits.items;
        e->edit_count = edits.count;
        e->next = 0;
        e->level++;
    }
done:
    arm__node_edits_release(&edits);
    arm__node_changes_release(&below);
    return st;
}

arm_status arm__ptree_edit(const struct arm_node_store *nodes, const struct arm_hash *root,
                           const struct arm_ptree_edit *edits, size_t count,
                           struct arm_hash *out_root, struct arm_error *err)
{
    struct editor e = {
        .path = ARM_PTREE_PATH_INIT,
        .writer = ARM_NODE_WRITER_INIT,
        .edits = edits,
        .edit_count = count,
        .changes = ARM_NODE_CHANGES_INIT,
    };
    struct arm_hash new_root;
    arm_status st = ARM_OK;

    ARM_TRY(check_edits(edits, count, err));
    ARM_TRY(arm__path_open(nodes, root, &e.path, err));
    e.total = e.path.at == NULL ? 0 : e.path.at[e.path.top].count;
    ARM_TRY(rewrite(&e, root, &new_root, err));
    *out_root = new_root;
done:
    arm__node_changes_release(&e.changes);
    arm__node_writer_release(&e.writer);
    arm__path_release(&e.path);
    return st;
}
