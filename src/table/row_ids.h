/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_ROW_IDS_H
#define ARM_TABLE_ROW_IDS_H

/* Rows that keep the id they had: those that an update writes anew, or a compaction moves. Their
 * ids do not follow from where they stand, so that they stand in a column of their own, behind
 * the table's, in hot batches and chunks alike (Entry.explicit_row_ids). Its field id is the one
 * that Apache Iceberg's specification (v3, row lineage) keeps for row ids, above any column's. */

#include "model/record.h"

#define ARM_ROW_ID_FIELD 2147483540u

/* A schema's columns and the ids behind them; borrows from the schema. Not to be moved. */
struct arm_row_id_schema {
    Armpb__Schema schema;
    Armpb__Column **columns;
    Armpb__Column column;
    Armpb__Field field;
    Armpb__Type type;
    char name[40];
};
arm_status arm__row_id_schema_init(struct arm_row_id_schema *out, const Armpb__Schema *schema,
                                   struct arm_error *err);
void arm__row_id_schema_release(struct arm_row_id_schema *schema); /* accepts the zeroed state */

/* The column as a field: BIGINT, without a name. */
void arm__row_id_field(Armpb__Field *field, Armpb__Type *type);

#endif
