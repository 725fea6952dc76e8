/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_LOAD_PRIVATE_H
#define ARM_QUERY_LOAD_PRIVATE_H

/* What load.c (rows from a source into a table) and load_schema.c (what columns and constraints
 * that table then has) share. */

#include "query/query_private.h"

/* One load under way. */
struct loading {
    struct arm_query_session *session;
    const struct arm_load *load;
    struct arm_transaction *txn;
    char schema_name[256];
    char name[256];
    const struct arm_view *view; /* of the table; NULL: there is none */
    struct arm_duck_result *result;
    Armpb__Schema *schema; /* owned: of the rows, if it is not the table's */
    struct arm_writer *writer;
    size_t check_count; /* columns of verdicts behind the rows' own */
    uint64_t rows;      /* pushed */
};

/* Choose `schema` for what `result` gives; it stays NULL where the table's own is meant. */
arm_status arm__load_schema(struct loading *l, struct arm_error *err);

#endif
