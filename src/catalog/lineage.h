/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CATALOG_LINEAGE_H
#define ARM_CATALOG_LINEAGE_H

/* Ancestors of a commit, and what two commits have in common.
 *
 * The commits of a branch follow one another, so the ancestors that a commit has on it are those up
 * to some tx: a history is one tx for each branch that it touches (a version vector). It is found
 * in as many steps as there are branches and merges in it, however many commits they have.
 *
 * L1  Ancestors have smaller txs than the commit: every walk ends.
 * L2  A commit is its own ancestor. */

#include "catalog/catalog.h"

/* The last commit that a history has on one branch. */
struct arm_lineage_point {
    uint64_t branch_id;
    uint64_t tx;
};
struct arm_lineage {
    size_t count;
    struct arm_lineage_point *points; /* by branch id; owned */
    bool is_heap; /* by tx, the latest at the top: arm__lineage_next has begun */
};
void arm__lineage_release(struct arm_lineage *lineage); /* accepts the zeroed state */

/* The history of a branch as of a tx, its ancestors' and what was merged included. */
arm_status arm__lineage_of(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                           struct arm_lineage *out, struct arm_error *err);
/* Whether it has commit `tx` of the branch. */
bool arm__lineage_has(const struct arm_lineage *lineage, uint64_t branch_id, uint64_t tx);

/* The merge bases of two histories: the common ancestors that are no ancestors of another common
 * one, latest first. None: they have nothing in common. `*out` is owned by the caller. */
arm_status arm__lineage_bases(struct arm_index_txn *txn, const struct arm_lineage *a,
                              const struct arm_lineage *b, struct arm_lineage_point **out,
                              size_t *out_count, struct arm_error *err);

/* The latest merge base of two points, as a snapshot without a branch's name; `*out_found` false:
 * they have nothing in common. In a read transaction of its own. */
arm_status arm__catalog_merge_base(struct arm_catalog *catalog, const struct arm_snapshot *a,
                                   const struct arm_snapshot *b, struct arm_snapshot *out,
                                   bool *out_found, struct arm_error *err);

/* The commits of a history, latest first; `*out_tx` 0 at the end. Uses the lineage up: it can be
 * asked nothing else from the first call on. */
arm_status arm__lineage_next(struct arm_index_txn *txn, struct arm_lineage *lineage,
                             uint64_t *out_tx, struct arm_error *err);

#endif
