/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_MERGE_SIDES_H
#define ARM_QUERY_MERGE_SIDES_H

/* What of a table that both changed need not be merged row by row (merge_chunks.c). */

#include "merge/sides.h"
#include "query/merge.h"

/* Entries of theirs' view that come as they stand. */
struct arm_merge_chunks {
    size_t count;
    size_t *entries; /* owned */
    uint64_t rows;
};
/* Those chunks, taken out of `sides`: whoever asks has arm__txn_adopt_chunks take them when the
 * rest is merged. All three sides have the same schema; rows since the base have ids from
 * `first_new_id` on. */
arm_status arm__merge_find_chunks(struct arm_merging *merging, struct arm_sides *sides,
                                  enum arm_row_match match, uint64_t first_new_id,
                                  struct arm_merge_chunks *out, struct arm_error *err);
void arm__merge_chunks_release(struct arm_merge_chunks *chunks); /* accepts the zeroed state */

#endif
