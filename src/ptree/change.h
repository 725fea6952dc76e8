/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PTREE_CHANGE_H
#define ARM_PTREE_CHANGE_H

/* What rewriting one level changes in the level above: nodes that are gone and nodes that are
 * new, each by its last key. That is a list of edits again, so that every level is rewritten
 * by the same code.
 *
 * N1  Keys rise strictly: a node gone and a node new under one key are one change, and none
 *     at all if they are the same node. */

#include "ptree/ptree_private.h"

struct arm_node_change {
    struct arm_ptree_key key;
    struct arm_node_ref ref; /* of the new node, else of the one that is gone */
    bool is_new;
};

struct arm_node_changes {
    struct arm_node_change *items;
    size_t count;
    size_t capacity;
};

/* The list as edits of the level above. */
struct arm_node_edits {
    struct arm_ptree_edit *items; /* borrow their keys from the changes */
    size_t count;
    struct arm_buf values;
};

#define ARM_NODE_CHANGES_INIT ((struct arm_node_changes){NULL, 0, 0})
#define ARM_NODE_EDITS_INIT ((struct arm_node_edits){NULL, 0, ARM_BUF_INIT(SIZE_MAX)})

/* Note a node. Fast in key order; the last node of a level may come late, when the nodes that
 * stood after it are already noted as gone. Errors: ARM_NO_MEMORY. */
arm_status arm__node_changes_add(struct arm_node_changes *changes,
                                 const struct arm_node_change *change, struct arm_error *err);
/* `out` is valid until the next add. Errors: ARM_NO_MEMORY. */
arm_status arm__node_changes_edits(const struct arm_node_changes *changes,
                                   struct arm_node_edits *out, struct arm_error *err);
void arm__node_edits_release(struct arm_node_edits *edits);
void arm__node_changes_release(struct arm_node_changes *changes);

#endif
