/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MERGE_SCHEMAS_H
#define ARM_MERGE_SCHEMAS_H

/* The columns and constraints of a table that two sides changed since a base. Pure.
 *
 * Columns are the same by id. What one side alone changed of one (name, type, NOT NULL, default,
 * comment) is taken; what it alone added or dropped, as well. A column that both added under one
 * name, in the same type, is one column. What both changed otherwise is a contradiction. */

#include "merge/columns.h"

struct arm_merged_schema {
    Armpb__Schema *schema; /* owned; ours' columns first, then those that theirs added */
    bool is_ours;          /* nothing of ours changes */
    size_t alias_count;    /* columns that theirs calls by another id */
    struct arm_column_alias *aliases;
    char contradiction[256]; /* "": there is none, and the rest is set */
};
/* `base` NULL: both made it anew. */
arm_status arm__schemas_merge(const Armpb__Schema *base, const Armpb__Schema *ours,
                              const Armpb__Schema *theirs, struct arm_merged_schema *out,
                              struct arm_error *err);
void arm__merged_schema_release(struct arm_merged_schema *merged); /* accepts the zeroed state */

#endif
