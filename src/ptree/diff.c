/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two maps: two paths in step.
 *
 * D1  Every difference below both places has been visited, and none above either.
 * D2  Two entries of one level that name the same node have the same map below them: both are
 *     passed over unread. Else the higher place goes down a level; both, if level.
 *
 * Boundaries depend on content, so behind a change the two paths soon leave a node at the same
 * key, and stand on equal entries again: O(changes x log n) nodes are read (T4). */

#include "ptree/ptree_private.h"

#include <string.h>

static const struct arm_bytes absent = {NULL, 0};

static const struct arm_node_cursor *cursor_of(const struct arm_ptree_path *path)
{
    return &arm__path_node(path)->cursor;
}

static bool value_equal(struct arm_bytes a, struct arm_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Visit the lower of two leaf entries, or both if they have one key, and step past them. A path
 * at its end is above every key. */
static arm_status visit_leaves(struct arm_ptree_path *a, struct arm_ptree_path *b,
                               arm_visit_difference *visit, void *context, struct arm_error *err)
{
    bool takes_a = !a->is_end;
    bool takes_b = !b->is_end;
    struct arm_bytes key;
    struct arm_bytes value_a;
    struct arm_bytes value_b;
    arm_status st = ARM_OK;

    if (takes_a && takes_b) {
        int order = arm__bytes_compare(arm__ptree_key_bytes(&cursor_of(a)->key),
                                       arm__ptree_key_bytes(&cursor_of(b)->key));

        takes_a = order <= 0;
        takes_b = order >= 0;
    }
    key = arm__ptree_key_bytes(takes_a ? &cursor_of(a)->key : &cursor_of(b)->key);
    value_a = takes_a ? cursor_of(a)->value : absent;
    value_b = takes_b ? cursor_of(b)->value : absent;
    if (takes_a != takes_b || !value_equal(value_a, value_b)) {
        ARM_TRY(visit(context, key, value_a, value_b, err));
    }
    if (takes_a) {
        ARM_TRY(arm__path_advance(a, err));
    }
    if (takes_b) {
        ARM_TRY(arm__path_advance(b, err));
    }
done:
    return st;
}

/* The level of a path's place; a path at its end has no place to go down from. */
static unsigned level_of(const struct arm_ptree_path *path)
{
    return path->is_end ? 0 : path->level;
}

/* Both stand on the same child. An inner value is its hash and count: equal for equal nodes. */
static bool is_same_child(const struct arm_ptree_path *a, const struct arm_ptree_path *b)
{
    return !a->is_end && !b->is_end && a->level == b->level && a->level > 0 &&
           value_equal(cursor_of(a)->value, cursor_of(b)->value);
}

static arm_status step(struct arm_ptree_path *a, struct arm_ptree_path *b,
                       arm_visit_difference *visit, void *context, struct arm_error *err)
{
    unsigned level_a = level_of(a);
    unsigned level_b = level_of(b);
    arm_status st = ARM_OK;

    if (is_same_child(a, b)) { /* D2 */
        ARM_TRY(arm__path_advance(a, err));
        ARM_TRY(arm__path_advance(b, err));
    } else if (level_a == 0 && level_b == 0) {
        ARM_TRY(visit_leaves(a, b, visit, context, err));
    } else {
        if (level_a >= level_b) {
            ARM_TRY(arm__path_descend(a, err));
        }
        if (level_b >= level_a) {
            ARM_TRY(arm__path_descend(b, err));
        }
    }
done:
    return st;
}

arm_status arm__ptree_diff(const struct arm_node_store *nodes, const struct arm_hash *a,
                           const struct arm_hash *b, arm_visit_difference *visit, void *context,
                           struct arm_error *err)
{
    struct arm_ptree_path path_a = ARM_PTREE_PATH_INIT;
    struct arm_ptree_path path_b = ARM_PTREE_PATH_INIT;
    arm_status st = ARM_OK;

    if (arm__hash_equal(a, b)) {
        return ARM_OK;
    }
    ARM_TRY(arm__path_open(nodes, a, &path_a, err));
    ARM_TRY(arm__path_open(nodes, b, &path_b, err));
    while (!path_a.is_end || !path_b.is_end) {
        ARM_TRY(step(&path_a, &path_b, visit, context, err));
    }
done:
    arm__path_release(&path_b);
    arm__path_release(&path_a);
    return st;
}
