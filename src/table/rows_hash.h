/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_ROWS_HASH_H
#define ARM_TABLE_ROWS_HASH_H

/* Two hashes of rows, ours and stable: they depend on values, types and column ids alone, never
 * on DuckDB's hash(), its version, vector layout or how rows were batched.
 *
 *   row hash   64 bits per row, for cutting: fast, not cryptographic.
 *   rows hash  BLAKE3 over field ids, types and a canonical encoding of all values of a run of
 *              rows: decides whether a chunk with the same content is there already.
 *
 * Canonical: NULL is NULL whatever lies under it, -0.0 and each NaN keep their bits (equal rows
 * must read back equal to the bit). */

#include <duckdb.h>

#include "model/record.h"

/* `out` gets one hash per row of `chunk` (its columns are the schema's, in order). */
arm_status arm__row_hashes(const Armpb__Schema *schema, duckdb_data_chunk chunk, uint64_t *out,
                           struct arm_error *err);

/* The pieces that it is made of, for other hashes of rows: what a row's hash begins as, a column
 * of values without parts folded in, what is made of it at the end. */
struct arm_piece;
uint64_t arm__row_hash_seed(void);
void arm__row_hash_fold(const struct arm_piece *piece, uint64_t *hashes);
uint64_t arm__row_hash_finish(uint64_t hash);

/* `out` gets the bytes of each row, about as many as it takes in memory: of its values alone,
 * like the hash. At most UINT32_MAX. */
arm_status arm__row_sizes(const Armpb__Schema *schema, duckdb_data_chunk chunk, uint32_t *out,
                          struct arm_error *err);

/* Rows hash of `count` data chunks, as one run of rows. */
arm_status arm__rows_hash(const Armpb__Schema *schema, const duckdb_data_chunk *chunks,
                          size_t count, struct arm_hash *out, struct arm_error *err);

#endif
