/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BENCH_KERNEL_H
#define ARM_BENCH_KERNEL_H

/* A repository without SQL, for what the public calls have no way to ask yet: commits of one row
 * as a row call will make them, histories of a hundred thousand commits made without waiting for
 * the disk, chunks that are named and not there. */

#include "commit/commit.h"
#include "support/bench.h"
#include "table/engine.h"

struct bench_kernel {
    struct arm_io io; /* the system's, whose syncs can be left out */
    bool is_syncing;
    struct arm_repository *repository;
    Armpb__Schema *schema; /* of every table: id BIGINT, amount DOUBLE, note VARCHAR */
    duckdb_data_chunk row; /* of that schema */
    uint64_t row_count;    /* made so far, so that no two are alike */
};

/* Make and open a repository that does not sync. `path` is made anew. */
void bench_kernel_make(struct bench_kernel *k, const char *path);
/* Open one that is there. `k` is zeroed or was closed. */
void bench_kernel_open(struct bench_kernel *k, const char *path, bool is_syncing);
void bench_kernel_close(struct bench_kernel *k);

void bench_kernel_table(struct bench_kernel *k, const char *name);
/* Append one hot row to the table: snapshot, look-up, encoding and commit. */
void bench_kernel_append(struct bench_kernel *k, const char *name);
/* Append `count` chunks of 1,000 rows in one commit, of which there are only the names. */
void bench_kernel_append_names(struct bench_kernel *k, const char *name, size_t count);
/* Replace the table's rows by one hot row. */
void bench_kernel_replace(struct bench_kernel *k, const char *name);
/* Append `chunk_count` chunks of `rows` rows each in one commit: ids are 2 * row_count and rise, so
 * that ranges of ids do not meet, and no id is odd. */
void bench_kernel_append_chunks(struct bench_kernel *k, struct arm_engine *engine, const char *name,
                                size_t chunk_count, uint32_t rows);

#endif
