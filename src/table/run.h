/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_RUN_H
#define ARM_TABLE_RUN_H

/* A run: copied rows, in blocks of DuckDB's vector size, all full but the last. How the rows
 * came in batches leaves no trace in it. And a table function, arm_run(id), through which a COPY
 * reads a run: registered once per database, rows in order, vectors by reference.
 *
 * U1  A block's rows are not changed once a block stands behind it.
 * U2  A run that a scan may read is registered, and outlives its registration. */

#include <duckdb.h>

#include "base/thread.h"
#include "model/record.h"

struct arm_run {
    const Armpb__Schema *schema;      /* borrowed */
    const duckdb_logical_type *types; /* of its columns, borrowed */
    uint32_t rows;
    size_t block_count;
    size_t block_capacity;
    duckdb_data_chunk *blocks;
    struct arm_slab *slabs; /* bytes of long strings */
};

void arm__run_init(struct arm_run *run, const Armpb__Schema *schema,
                   const duckdb_logical_type *types);
void arm__run_release(struct arm_run *run); /* accepts the zeroed state */

/* Copy rows first .. first+count-1 of `chunk` behind the others. What a failure leaves behind is
 * only fit to be released. */
arm_status arm__run_append(struct arm_run *run, duckdb_data_chunk chunk, uint32_t first,
                           uint32_t count, struct arm_error *err);

/* Keep the first `keep` rows; the others are appended to `rest`. */
arm_status arm__run_split(struct arm_run *run, uint32_t keep, struct arm_run *rest,
                          struct arm_error *err);

/* The runs that scans may read, one list per database. Thread-safe. */
struct arm_runs;
arm_status arm__runs_new(duckdb_connection connection, struct arm_runs **out,
                         struct arm_error *err);
void arm__runs_free(struct arm_runs *runs); /* after its database; NULL is accepted */

/* `*out_id` is what to write in arm_run(id); no user can guess it. `run` is borrowed until it
 * is removed; one scan at a time. */
arm_status arm__runs_add(struct arm_runs *runs, const struct arm_run *run, uint64_t *out_id,
                         struct arm_error *err);
void arm__runs_remove(struct arm_runs *runs, uint64_t id);

#endif
