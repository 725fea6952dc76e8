/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_FEED_ROW_CHANGES_H
#define ARM_FEED_ROW_CHANGES_H

/* What became of a table's rows, commit by commit, as SQL that gives it: the table's columns as
 * they are at the end, _change, _tx, _version.
 *
 * All steps of the line (table_line.h) are one statement. Of each, the rows in which its two
 * versions may differ are told by their entries (merge/parts.h): those that died are read as the
 * one had them, those that came as the other has them, each marked with its step, and matched
 * within it. So what is read follows what was changed, and how many commits did it matters little.
 *
 * W1  Done one after the other to what there was at `since`, they give what there is at `until`.
 * W2  What upkeep moved without a change is none: where it did between two versions, the rows that
 *     it moved are read, and found to be the same. */

#include "merge/diff.h"

struct arm_row_changes_request {
    const char *schema_name;
    const char *name;
    uint64_t since;
    uint64_t until;  /* UINT64_MAX: up to the transaction's snapshot */
    const char *ref; /* whose line; NULL: the transaction's branch */
};
/* Errors: ARM_NOT_FOUND, ARM_HISTORY_EXPIRED. */
arm_status arm__row_changes(struct arm_transaction *txn, const struct arm_shower *shower,
                            const struct arm_row_changes_request *request, struct arm_buf *out_sql,
                            struct arm_error *err);

#endif
