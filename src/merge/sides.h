/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MERGE_SIDES_H
#define ARM_MERGE_SIDES_H

/* Three states of a table on their way to a statement: compared by entries, what is left of each
 * shown to the engine. */

#include "merge/diff.h"
#include "merge/parts.h"
#include "merge/schemas.h"
#include "merge/three_way.h"

/* A state: its rows and its columns; borrowed. `view` NULL: the table is not there. */
struct arm_sides_state {
    const struct arm_view *view;
    const Armpb__Schema *schema;
};

struct arm_sides {
    struct arm_sides_state base;
    struct arm_sides_state ours; /* its columns may be the merged ones already */
    struct arm_sides_state theirs;
    struct arm_parts by_theirs; /* base against theirs */
    struct arm_parts by_ours;   /* base against ours */
    struct arm_split split;
    struct arm_three_way merge; /* once it is shown */
    char at[4][32];
};
/* `out` has its states; the rest of it is zeroed. */
arm_status arm__sides_compare(struct arm_sides *out, struct arm_error *err);
/* Whether theirs changed any row. */
bool arm__sides_differ(const struct arm_sides *sides);
/* How many rows the statement will look at. */
uint64_t arm__sides_row_count(const struct arm_sides *sides);
/* About how many bytes they are stored in. */
uint64_t arm__sides_bytes(const struct arm_sides *sides);
/* How rows of the merged columns are matched in all three states. */
enum arm_row_match arm__sides_match(const struct arm_sides *sides, const Armpb__Schema *wanted);
/* `merged` is borrowed until the release. */
arm_status arm__sides_show(struct arm_sides *sides, const struct arm_merged_schema *merged,
                           const struct arm_shower *shower, struct arm_error *err);
void arm__sides_release(struct arm_sides *sides); /* accepts the zeroed state */

#endif
