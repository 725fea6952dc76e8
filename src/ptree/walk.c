/* SPDX-License-Identifier: Apache-2.0 */
/* Every node below a root, parents first. No node is met twice in one tree, since keys rise
 * over all of it (R1). */

#include "ptree/ptree_private.h"

arm_status arm__ptree_walk(const struct arm_node_store *nodes, const struct arm_hash *root,
                           arm_visit_node *visit, void *context, struct arm_error *err)
{
    struct arm_ptree_path path = ARM_PTREE_PATH_INIT;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_open(nodes, root, &path, err));
    while (!path.is_end) {
        const struct arm_node *node = arm__path_node(&path);
        bool descend = true;

        ARM_TRY(visit(context, &node->link.hash, arm__buf_bytes(&node->bytes), &descend, err));
        if (!descend || node->level == 0) {
            ARM_TRY(arm__path_leave(&path, err));
        }
        if (!path.is_end) {
            ARM_TRY(arm__path_descend(&path, err));
        }
    }
done:
    arm__path_release(&path);
    return st;
}
