/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_COMPACTION_H
#define ARM_MODEL_COMPACTION_H

/* Where the rows of compacted entries went: the rows of a group's sources but for the dropped, in
 * order, are those of its entries. Pure; the group has been judged (record_judge.c). */

#include <roaring/roaring.h>

#include "model/record.h"

struct arm_group_map {
    const Armpb__CompactedGroup *group; /* borrowed */
    uint64_t *source_starts;            /* of each source's first kept row among all kept rows */
    uint64_t *entry_starts;             /* of each entry's first row, and the end behind the last */
    roaring_bitmap_t **dropped;         /* of each source; NULL: none */
};
/* Errors: ARM_NO_MEMORY, ARM_CORRUPT. */
arm_status arm__group_map_init(const Armpb__CompactedGroup *group, struct arm_group_map *out,
                               struct arm_error *err);
void arm__group_map_release(struct arm_group_map *map); /* accepts the zeroed state */

/* Add rows of a source to `entries`: one set an entry of the group, NULL as long as it is empty, to
 * be freed by the caller. `*out_gone`: of them so many were dropped. */
arm_status arm__group_map_rows(const struct arm_group_map *map, size_t source,
                               const roaring_bitmap_t *rows, roaring_bitmap_t **entries,
                               uint64_t *out_gone, struct arm_error *err);

#endif
