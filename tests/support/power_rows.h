/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_ROWS_H
#define ARM_TESTS_SUPPORT_POWER_ROWS_H

/* Rows of the tables of a power play (one column, id BIGINT), with the ids that they have as
 * rows: an update must keep these. */

#include "txn/txn.h"

struct power_row {
    int64_t value;
    int64_t row_id;
};

struct power_rows {
    struct power_row *rows;
    size_t count;
};

/* The rows of an entry, dead ones too, to be freed. A chunk's are read once: its bytes never
 * change, and verify hashes them. */
arm_status power_entry_rows(struct arm_repository *repository, struct arm_engine *engine,
                            const struct arm_view *view, size_t entry, struct power_rows *out,
                            struct arm_error *err);

/* The live rows with their ids, hashed, whatever their order. */
struct arm_hash power_hash_rows(struct arm_repository *repository, struct arm_engine *engine,
                                const struct arm_view *view);

/* Rows number `from` .. `to` - 1 of every entry get a value that is POWER_UPDATED more. */
enum { POWER_UPDATED = 1000000 };
arm_status power_update(struct arm_repository *repository, struct arm_engine *engine,
                        struct arm_transaction *txn, const char *table, uint64_t from, uint64_t to,
                        struct arm_error *err);

#endif
