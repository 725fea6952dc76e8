/* SPDX-License-Identifier: Apache-2.0 */
/* A place in the tree: the nodes from the root down to one node (P1, P2 in ptree_private.h).
 *
 * Nodes above the current one stay loaded while the path moves, so that a walk reads each node
 * once, and a node that a move comes back to is not read again. */

#include "ptree/ptree_private.h"

#include <assert.h>

#include "base/alloc.h"

static void check(const struct arm_ptree_path *path)
{
    assert(path->is_end || path->level <= path->top); /* P1 */
}

arm_status arm__path_open(const struct arm_node_store *nodes, const struct arm_hash *root,
                          struct arm_ptree_path *out, struct arm_error *err)
{
    struct arm_ptree_path path = {.nodes = *nodes, .is_end = true};
    struct arm_node node = ARM_NODE_INIT;
    struct arm_node_link link;
    arm_status st = ARM_OK;

    if (!arm__hash_is_zero(root)) {
        arm__node_link_root(root, &link);
        ARM_TRY(arm__node_load(nodes, &link, &node, err));
        ARM_TRY(arm__calloc((size_t)node.level + 1, sizeof *path.at, &path.at, err));
        for (unsigned level = 0; level < node.level; level++) {
            path.at[level] = ARM_NODE_INIT;
        }
        path.top = node.level;
        path.level = node.level;
        path.is_end = false;
        path.at[node.level] = node;
        node = ARM_NODE_INIT; /* moved */
    }
    *out = path;
done:
    arm__node_release(&node);
    return st;
}

arm_status arm__path_rewind(struct arm_ptree_path *path, struct arm_error *err)
{
    if (path->at == NULL) {
        return ARM_OK;
    }
    path->level = path->top;
    path->is_end = false;
    return arm__node_load(&path->nodes, &path->at[path->top].link, &path->at[path->top], err);
}

arm_status arm__path_descend(struct arm_ptree_path *path, struct arm_error *err)
{
    struct arm_node_link link;
    arm_status st = ARM_OK;

    assert(!path->is_end);
    assert(path->level > 0);
    ARM_TRY(arm__node_link_child(arm__path_node(path), &link, err));
    ARM_TRY(arm__node_load(&path->nodes, &link, &path->at[path->level - 1], err));
    path->level--;
done:
    return st;
}

/* Up from nodes whose entries are used up, to the next entry of one that has more. */
static arm_status ascend_to_entry(struct arm_ptree_path *path, struct arm_error *err)
{
    arm_status st = ARM_OK;

    while (arm__path_node(path)->cursor.is_end) {
        if (path->level == path->top) {
            path->is_end = true;
            break;
        }
        path->level++;
        ARM_TRY(arm__node_step(arm__path_node(path), err));
    }
    check(path);
done:
    return st;
}

arm_status arm__path_advance(struct arm_ptree_path *path, struct arm_error *err)
{
    arm_status st = ARM_OK;

    assert(!path->is_end);
    ARM_TRY(arm__node_step(arm__path_node(path), err));
    ARM_TRY(ascend_to_entry(path, err));
done:
    return st;
}

arm_status arm__path_leave(struct arm_ptree_path *path, struct arm_error *err)
{
    assert(!path->is_end);
    arm__path_node(path)->cursor.is_end = true;
    return ascend_to_entry(path, err);
}

arm_status arm__path_seek(struct arm_ptree_path *path, unsigned level, struct arm_bytes key,
                          struct arm_error *err)
{
    arm_status st = ARM_OK;

    assert(!path->is_end);
    assert(level <= path->level);
    /* P2: the entry above holds the last key of the node below it. */
    while (path->level < path->top &&
           arm__bytes_compare(arm__ptree_key_bytes(&path->at[path->level + 1].cursor.key), key) <
               0) {
        path->level++;
    }
    while (path->level > level) {
        struct arm_node *node = arm__path_node(path);

        while (!arm__node_is_last(&node->cursor) &&
               arm__bytes_compare(arm__ptree_key_bytes(&node->cursor.key), key) < 0) {
            ARM_TRY(arm__node_step(node, err));
        }
        ARM_TRY(arm__path_descend(path, err));
    }
    check(path);
done:
    return st;
}

bool arm__path_is_last(const struct arm_ptree_path *path)
{
    for (unsigned level = path->level + 1; level <= path->top; level++) {
        if (!arm__node_is_last(&path->at[level].cursor)) {
            return false;
        }
    }
    return true;
}

void arm__path_release(struct arm_ptree_path *path)
{
    if (path->at != NULL) {
        for (unsigned level = 0; level <= path->top; level++) {
            arm__node_release(&path->at[level]);
        }
        arm__free(path->at);
    }
    *path = ARM_PTREE_PATH_INIT;
}
