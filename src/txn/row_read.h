/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TXN_ROW_READ_H
#define ARM_TXN_ROW_READ_H

/* One row of a view, where no statement is needed for it. */

#include "txn/txn.h"

/* The row that was found, as the only one of a new data chunk (the caller's), with the view's
 * columns, which are of `types`. `*out` NULL: it is to be read by a statement, since its batch or
 * chunk has not all columns as they are now, or is no chunk that is kept decoded
 * (table/chunk_rows.h). `out_id` (may be NULL) gets the row's id; of rows of chunks that bring
 * their ids it is a statement that tells. */
arm_status arm__txn_read_row(struct arm_transaction *txn, const struct arm_view *view,
                             const struct arm_key_match *match, const duckdb_logical_type *types,
                             duckdb_data_chunk *out, int64_t *out_id, struct arm_error *err);

#endif
