/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_COMPACT_H
#define ARM_TABLE_COMPACT_H

/* Compaction of the tables of a branch: what is worth it (compact_plan.h) is read, written anew
 * outside every lock (rewrite.h), and committed (commit/compact.h). Rows keep their order and
 * their ids: where those do not follow from where the rows stand, the chunk has them in a column
 * (row_ids.h).
 *
 * What others changed meanwhile is given up and looked at again, a few times. A crash leaves staged
 * files and chunks that no record names. */

#include "commit/repository.h"
#include "table/compact_plan.h"
#include "table/engine.h"

struct arm_compact_report {
    uint64_t tables; /* that have another layout now */
    uint64_t sources;
    uint64_t entries;
    uint64_t hot_rows;
    uint64_t dead_rows;
    uint64_t rows;
    uint64_t bytes_added;
    uint64_t given_up;
};

struct arm_compact_job {
    struct arm_repository *repository;
    struct arm_engine *engine;
    const char *branch;
    const char *schema_name; /* NULL: all tables */
    const char *name;
    const struct arm_compact_limits *limits; /* NULL: by the size of each table */
    arm_progress *progress;                  /* rows; may be NULL */
    void *context;
};
/* Errors: ARM_NOT_FOUND (branch, table), ARM_INTERRUPTED, those of writer and commit. What was
 * done before a failure stays, and is reported. */
arm_status arm__compact(const struct arm_compact_job *job, struct arm_compact_report *out,
                        struct arm_error *err);

#endif
