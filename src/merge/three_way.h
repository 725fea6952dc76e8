/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MERGE_THREE_WAY_H
#define ARM_MERGE_THREE_WAY_H

/* The rows of a table that both sides changed since a base, merged: SQL whose rows arm__duck_apply
 * applies to ours.
 *
 * M1  What theirs did to a row that ours has as the base does is done to it.
 * M2  Where both changed a row, each cell that only one of them changed is taken from it.
 * M3  What both did alike is done once. All else is a conflict: a cell that both changed, a row
 *     that one changed and the other deleted, a key that both added.
 * M4  A row that upkeep moved, on whichever side, is no change (its content is compared).
 *
 * The rows that are looked at are those which theirs may have changed, and those of ours that may
 * be the same: what it costs follows the change. */

#include "merge/columns.h"

enum arm_merge_side { ARM_MERGE_NEITHER, ARM_MERGE_OURS, ARM_MERGE_THEIRS, ARM_MERGE_BASE };

struct arm_three_way {
    enum arm_row_match match;
    enum arm_merge_side strategy; /* who is right where there is a conflict (BASE: it is as it
                                   * was); NEITHER: it is told, and the row is what can be had
                                   * without deciding */
    bool tells; /* what each conflict is of, as text: half of what the statement costs to plan */
    struct arm_side here;  /* rows of the base that theirs changed and ours has: as ours has them */
    struct arm_side gone;  /* ... and that ours has not as they were: as the base has them */
    struct arm_side there; /* rows that theirs has instead, or new ones */
    struct arm_side ours;  /* rows that ours has instead, or new ones */
};
/* What each row of a side is told by (arm_duck_conflict.key), and where it is: key, entry, row. */
arm_status arm__places_sql(const struct arm_side *side, enum arm_row_match match,
                           struct arm_buf *out, struct arm_error *err);

arm_status arm__three_way_sql(const struct arm_three_way *merge, struct arm_buf *out,
                              struct arm_error *err);

#endif
