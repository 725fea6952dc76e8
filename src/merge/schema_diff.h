/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MERGE_SCHEMA_DIFF_H
#define ARM_MERGE_SCHEMA_DIFF_H

/* What differs between the columns, keys and CHECKs of two versions of a table. Pure.
 *
 * Columns are the same by id in two versions of one table, by name in two tables of one name. The
 * order of columns is not compared. */

#include "model/record.h"

struct arm_schema_change {
    const char *change;   /* "added", "removed", "changed" */
    const char *column;   /* as b calls it, as a does where b has it not; NULL: of the table */
    const char *property; /* "column": all of it; "name", "type", "nullable", "default", "comment",
                             "generated"; "primary key", "unique", "check" */
    const char *old_text; /* as in SQL; NULL: there was none */
    const char *new_text;
};
/* The change is the visitor's until it returns. */
typedef arm_status arm_visit_schema_change(void *context, const struct arm_schema_change *change,
                                           struct arm_error *err);
/* Columns first, in the order of b, then what a alone has; then keys, then CHECKs. */
arm_status arm__schema_diff(const Armpb__Schema *a, const Armpb__Schema *b, bool same_table,
                            arm_visit_schema_change *visit, void *context, struct arm_error *err);

#endif
