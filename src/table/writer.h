/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_WRITER_H
#define ARM_TABLE_WRITER_H

/* Rows in, entries out: the one writer behind INSERT, CREATE TABLE AS, import, arm_write and
 * replace. Rows are pushed in order; few become one hot batch, many are cut by content and
 * written by worker threads as Parquet chunks (sorted by nothing: order is kept).
 *
 * W1  Entries come out in the order of the rows, whichever worker finished first.
 * W2  A run of rows whose rows hash the index (or this writer) knows is not encoded again.
 * W3  The same rows and settings give the same chunks, byte for byte.
 * W4  Memory is bounded: ARM_WRITER_QUEUE cut runs at most are held; push blocks.
 * W5  A chunk is durable and leased before finish returns; an abort removes what it staged,
 *     gives the leases back and leaves chunks to gc.
 *
 * One thread pushes; progress may be read from any. */

#include <duckdb.h>

#include "commit/commit.h"
#include "table/engine.h"

struct arm_writer;

struct arm_writer_options {
    struct arm_repository *repository; /* borrowed */
    struct arm_engine *engine;         /* borrowed */
    const Armpb__Schema *schema;       /* borrowed; with field ids; columns of the pushed chunks */
    const char *table;                 /* for messages */
    bool no_hot;                       /* always chunks */
    uint32_t chunk_rows;               /* chunks of so many rows, cut by no content; 0: as usual */
    uint32_t chunk_factor;             /* chunks of so many times the usual rows; 0: 1 */
    bool explicit_row_ids;             /* the pushed chunks have a BIGINT behind these columns, the
                                        * row's id, never NULL */
};

arm_status arm__writer_new(const struct arm_writer_options *options, struct arm_writer **out,
                           struct arm_error *err);
/* Borrow `chunk`: logical types of the schema, in order. NOT NULL columns are checked:
 * ARM_CONSTRAINT naming table, column and row. The first error of a worker comes out here or at
 * finish. */
arm_status arm__writer_push(struct arm_writer *writer, duckdb_data_chunk chunk,
                            struct arm_error *err);

/* What was written: entries in order, to be freed by arm__written_release. `position` of each
 * is empty. */
struct arm_written {
    uint64_t rows;
    size_t entry_count;
    struct arm_new_entry *entries;
    uint64_t chunks_new;
    uint64_t chunks_reused;
    uint64_t bytes_new;
    /* The writer's, borrowed: for the leases of the chunks, one for each entry, which are held
     * until the entry is released; and for whoever must write the rows anew. */
    struct arm_repository *repository;
    struct arm_engine *engine;
};
/* Frees the writer, whatever happened. */
arm_status arm__writer_finish(struct arm_writer *writer, struct arm_written *out,
                              struct arm_error *err);
void arm__writer_abort(struct arm_writer *writer); /* NULL is accepted */
void arm__written_release(struct arm_written *written);

/* What a replacement of `old` by `written` really changes: entries whose rows hash and schema
 * are the same, in the same order, with no dead row, stay; `removed` are the positions of the
 * others, `written->entries` keeps only those to add, with positions between. All removed:
 * `*out_truncated`. Both lists empty: nothing changes. */
struct arm_replacement {
    bool truncated;
    size_t removed_count;
    struct arm_position *removed; /* arm__free */
};
arm_status arm__replace_plan(const struct arm_table_state *old, struct arm_written *written,
                             struct arm_replacement *out, struct arm_error *err);

#endif
