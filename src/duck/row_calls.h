/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_DUCK_ROW_CALLS_H
#define ARM_DUCK_ROW_CALLS_H

/* What row calls need of DuckDB: its transaction without SQL, rows out of Arrow, and a row by key
 * where it stands in a file. */

#include "duck/duck.h"
#include "txn/txn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the session is set to, for a transaction that DuckDB does not know of. */
arm_status arm__duck_settings(struct arm_duck_connection *connection, struct arm_txn_settings *out,
                              struct arm_error *err);
/* As BEGIN; `serializable` NULL: as the session is set. Errors: ARM_INVALID: one is open. */
arm_status arm__duck_begin(struct arm_duck_connection *connection, const bool *serializable,
                           struct arm_error *err);
/* As COMMIT and ROLLBACK, whether or not BEGIN or arm__duck_begin opened it. Errors of a commit: it
 * is rolled back then; ARM_INVALID: none is open. */
arm_status arm__duck_commit(struct arm_duck_connection *connection, struct arm_error *err);
arm_status arm__duck_rollback(struct arm_duck_connection *connection, struct arm_error *err);
/* A number of the open transaction, which no other has or had; 0: none is open. */
uint64_t arm__duck_transaction_number(struct arm_duck_connection *connection);
/* The open transaction, if it can still be used. Errors: ARM_INVALID: none is open; ARM_SQL: an
 * error spoilt it. */
arm_status arm__duck_usable(struct arm_duck_connection *connection, struct arm_transaction **out,
                            struct arm_error *err);
/* An error spoils the transaction, as one of SQL does. */
void arm__duck_spoil(struct arm_duck_connection *connection, const struct arm_error *why);

/* Rows of a batch: column i is child `children[i]` of it (SIZE_MAX: NULLs), cast to types[i].
 * `array` is taken. Errors: ARM_SCHEMA naming column names[i], whose values do not fit. */
struct arm_arrow_rows {
    struct ArrowSchema *schema;
    struct ArrowArray *array;
    size_t column_count;
    const size_t *children;
    const duckdb_logical_type *types;
    const char *const *names;
};
arm_status arm__duck_rows(struct arm_duck_connection *connection, const struct arm_arrow_rows *rows,
                          duckdb_data_chunk *out, struct arm_error *err);

/* Say in `err` that the CHECK `sql` of table `table` refuses row `row` of `rows`, which is row
 * `number` of all, from 1 on, and what stands in the columns that it speaks of; `names` has those
 * of the first `column_count` columns. Returns the code. */
struct arm_refused_row {
    const char *table;
    const char *sql;
    duckdb_data_chunk rows;
    size_t row;
    uint64_t number;
    size_t column_count;
    const char *const *names;
};
arm_status arm__duck_refuse_row(const struct arm_refused_row *refused, struct arm_error *err);

/* SELECT of the row of `table` ("schema"."name", quoted) whose key columns have the values of row
 * `row` of `keys`. Freed with arm__duck_result_free. */
arm_status arm__duck_select_key(struct arm_duck_connection *connection, const char *table,
                                duckdb_data_chunk keys, size_t row, const char *const *names,
                                struct arm_duck_result **out, struct arm_error *err);

#ifdef __cplusplus
}
#endif

#endif
