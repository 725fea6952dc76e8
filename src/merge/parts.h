/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MERGE_PARTS_H
#define ARM_MERGE_PARTS_H

/* In which rows two states of a table may differ, told by their entries alone: no row is read.
 *
 * P1  A row that is in neither part is in both states, the same, or in none.
 * P2  What an upkeep moved without a change may be in both parts: only its content tells.
 *
 * Entries are the same if they have the same rows under the same ids: the same chunk from the same
 * row id on, or the same hot rows (a merge writes those of its source again). Where they stand says
 * nothing: a merge may put them elsewhere. */

#include "catalog/catalog.h"

#define ARM_PART_NONE SIZE_MAX

/* One side: of entry i, the rows that live here and not on the other side (NULL: none), and its
 * fellow there (ARM_PART_NONE: there is none). */
struct arm_part {
    size_t count; /* entries */
    roaring_bitmap_t **rows;
    size_t *fellow;
    uint64_t row_count; /* in all of `rows` */
};
struct arm_parts {
    struct arm_part a;
    struct arm_part b;
};
arm_status arm__parts_find(const struct arm_state_entry *a, size_t a_count,
                           const struct arm_state_entry *b, size_t b_count, struct arm_parts *out,
                           struct arm_error *err);
void arm__parts_release(struct arm_parts *parts); /* accepts the zeroed state */

/* Split the rows of the base that theirs does not have (`theirs->a`) into those that ours has too,
 * by ours' entries, and the rest, by the base's: of each side one bitmap an entry, NULL: none. */
struct arm_split {
    size_t ours_count;
    roaring_bitmap_t **in_ours;
    size_t base_count;
    roaring_bitmap_t **gone;
    uint64_t gone_rows;
};
arm_status arm__parts_split(const struct arm_parts *theirs, const struct arm_parts *ours,
                            const struct arm_state_entry *ours_entries, struct arm_split *out,
                            struct arm_error *err);
void arm__split_release(struct arm_split *split); /* accepts the zeroed state */

#endif
