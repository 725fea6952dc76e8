/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MERGE_FORESEE_H
#define ARM_MERGE_FORESEE_H

/* Whether a table could not be merged without a decision, were the one side merged into the
 * other. */

#include "merge/diff.h"

/* A table on the two sides and at their merge base; NULL: not there. */
struct arm_foreseen {
    const struct arm_table_info *base;
    const struct arm_table_info *ours;
    const struct arm_table_info *theirs;
};
/* Appends a boolean SQL expression: a constant where versions, names and columns tell, else a query
 * over the rows that both sides changed. Constraints are not looked at. */
arm_status arm__foresee_sql(struct arm_transaction *txn, const struct arm_shower *shower,
                            const struct arm_foreseen *table, struct arm_buf *out,
                            struct arm_error *err);

#endif
