/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_FEED_TABLE_LINE_H
#define ARM_FEED_TABLE_LINE_H

/* What became of a table on a branch, step by step: from which version to which, at which commit.
 *
 * L1  The steps follow one another: what one leads to is what the next begins with. Done one after
 *     the other to what had the name at `since`, they give what has it at `until`.
 * L2  What has the name at the end is followed through its renames. Who had the name before, and
 *     was dropped or renamed, leaves in a step of his own. */

#include "catalog/catalog.h"

struct arm_line_point {
    bool is_there; /* else the rest is zero */
    struct arm_table_id table_id;
    uint64_t version;
};
struct arm_line_step {
    uint64_t tx; /* of the commit, on the branch or before it was made of another */
    struct arm_line_point from;
    struct arm_line_point to;
};
struct arm_table_line {
    size_t count;
    struct arm_line_step *steps; /* by tx; owned */
    bool is_known;               /* there is, or was, a table of that name */
    struct arm_line_point last;  /* what it is at the end, or was before it was dropped */
};
/* Of the branch of `at`, behind `since`, up to at->tx. */
arm_status arm__table_line(struct arm_catalog *catalog, const struct arm_snapshot *at,
                           const char *schema_name, const char *name, uint64_t since,
                           struct arm_table_line *out, struct arm_error *err);
void arm__table_line_release(struct arm_table_line *line); /* accepts the zeroed state */

#endif
