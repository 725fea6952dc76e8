/* SPDX-License-Identifier: Apache-2.0 */
/* Iteration in key order: a path that stays at the leaves.
 *
 * I1  After a failure the iterator is finished: next fails the same way until it is freed. */

#include "ptree/ptree_private.h"

#include "base/alloc.h"

struct arm_ptree_iter {
    struct arm_ptree_path path;
    bool is_given; /* the entry under the path was returned: step before the next */
    arm_status failure;
};

/* Down to the leaf and the entry where `from` belongs. */
static arm_status seek(struct arm_ptree_path *path, struct arm_bytes from, struct arm_error *err)
{
    arm_status st = ARM_OK;

    while (!path->is_end) {
        ARM_TRY(arm__node_seek(arm__path_node(path), from, err));
        if (arm__path_node(path)->cursor.is_end) { /* only in the root: keys are all below */
            path->is_end = true;
        } else if (path->level > 0) {
            ARM_TRY(arm__path_descend(path, err));
        } else {
            break;
        }
    }
done:
    return st;
}

/* To the next entry of the map. */
static arm_status step(struct arm_ptree_path *path, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_advance(path, err));
    while (!path->is_end && path->level > 0) {
        ARM_TRY(arm__path_descend(path, err));
    }
done:
    return st;
}

arm_status arm__ptree_iter_new(const struct arm_node_store *nodes, const struct arm_hash *root,
                               struct arm_bytes from, struct arm_ptree_iter **out,
                               struct arm_error *err)
{
    struct arm_ptree_iter *iter = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *iter, &iter, err));
    iter->path = ARM_PTREE_PATH_INIT;
    ARM_TRY(arm__path_open(nodes, root, &iter->path, err));
    ARM_TRY(seek(&iter->path, from, err));
    *out = iter;
    iter = NULL; /* taken by the caller */
done:
    arm__ptree_iter_free(iter);
    return st;
}

arm_status arm__ptree_iter_next(struct arm_ptree_iter *iter, struct arm_bytes *out_key,
                                struct arm_bytes *out_value, struct arm_error *err)
{
    const struct arm_node *leaf;
    arm_status st = ARM_OK;

    if (iter->failure != ARM_OK) {
        return arm__fail(err, iter->failure, "the iteration failed before"); /* I1 */
    }
    if (iter->is_given && !iter->path.is_end) {
        ARM_TRY(step(&iter->path, err));
    }
    iter->is_given = true;
    if (iter->path.is_end) {
        *out_key = arm__bytes(NULL, 0);
        *out_value = arm__bytes(NULL, 0);
    } else {
        leaf = arm__path_node(&iter->path);
        *out_key = arm__ptree_key_bytes(&leaf->cursor.key);
        *out_value = leaf->cursor.value;
    }
done:
    iter->failure = st;
    return st;
}

void arm__ptree_iter_free(struct arm_ptree_iter *iter)
{
    if (iter != NULL) {
        arm__path_release(&iter->path);
        arm__free(iter);
    }
}
