/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_CHUNK_ROWS_H
#define ARM_TABLE_CHUNK_ROWS_H

/* Rows of chunks one by one, from chunks that are kept decoded.
 *
 * R1  A chunk is decoded once reads of it have cost about as much, and never twice at a time: who
 *     asks meanwhile reads its row by a statement.
 * R2  What is kept takes at most so many bytes, the least recently used going first; what
 *     had to go must be asked for twice as often to come back.
 * R3  Chunks are immutable, and so is what is kept of them: it is never stale. */

#include "commit/repository.h"
#include "table/engine.h"

#define ARM_CHUNK_ROWS_BYTES ((size_t)64 << 20)
#define ARM_CHUNK_ROWS_WORTH 4u /* reads, for a chunk that was never kept */

/* Thread-safe. Keeps about so many bytes at most: ARM_CHUNK_ROWS_BYTES. */
struct arm_chunk_rows;
arm_status arm__chunk_rows_new(size_t bytes_max, struct arm_chunk_rows **out,
                               struct arm_error *err);
void arm__chunk_rows_free(struct arm_chunk_rows *rows); /* before its database; NULL accepted */
/* The engine's own. */
struct arm_chunk_rows *arm__engine_chunk_rows(struct arm_engine *engine);

struct arm_chunk_source {
    struct arm_repository *repository;
    struct arm_engine *engine;
    const struct arm_table_id *table_id;
    const struct arm_state_entry *entry; /* a chunk of that table */
    const Armpb__Schema *written;        /* the one it was written with */
};
/* Row `row` of the entry as the only row of a new data chunk (the caller's) with the columns of
 * `schema`, which are of `types`. `*out` NULL: it is to be read by a statement, since its chunk is
 * not kept, or lacks one of the columns as it is now. A chunk that cannot be decoded is not kept:
 * the statement tells why. */
arm_status arm__chunk_row(struct arm_chunk_rows *rows, const struct arm_chunk_source *source,
                          uint32_t row, const Armpb__Schema *schema,
                          const duckdb_logical_type *types, duckdb_data_chunk *out,
                          struct arm_error *err);

#endif
