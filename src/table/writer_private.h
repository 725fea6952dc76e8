/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_WRITER_PRIVATE_H
#define ARM_TABLE_WRITER_PRIVATE_H

/* What writer.c (rows in, cut into runs), workers.c (runs to threads, entries back in order)
 * and chunk_write.c (one run to one entry) share. */

#include "base/thread.h"
#include "table/cut.h"
#include "table/row_ids.h"
#include "table/run.h"
#include "table/writer.h"

#define ARM_WRITER_WORKERS_MAX 8u
#define ARM_WRITER_QUEUE (ARM_WRITER_WORKERS_MAX + 1) /* cut runs held at most (W4) */

/* What every chunk of a writer is made with; constant while its workers run. */
struct arm_chunk_plan {
    struct arm_repository *repository;
    struct arm_engine *engine;
    const Armpb__Schema *schema;       /* the table's, or that with row ids */
    struct arm_row_id_schema with_ids; /* zeroed without explicit row ids */
    bool explicit_row_ids;
    duckdb_logical_type *types; /* of its columns */
    char *select;               /* "SELECT "a", CAST("b" AS VARCHAR) AS "b" FROM arm_run(" */
    char *options;              /* of COPY, without the last parenthesis */
};
arm_status arm__chunk_plan_init(struct arm_chunk_plan *plan,
                                const struct arm_writer_options *options, struct arm_error *err);
/* The SQL of a chunk, made once before the first is written. */
arm_status arm__chunk_plan_sql(struct arm_chunk_plan *plan, struct arm_error *err);
void arm__chunk_plan_release(struct arm_chunk_plan *plan);

/* Write `run` as a chunk; `entry` gets all but its position and rows hash, which is the
 * caller's. Nothing is left behind by a failure. */
arm_status arm__chunk_write(const struct arm_chunk_plan *plan, duckdb_connection connection,
                            const struct arm_run *run, struct arm_new_entry *entry,
                            struct arm_error *err);
/* Whether the log knows a chunk with the rows of `entry->rows_hash`, and it is there: then
 * `entry` gets all but its position, and the chunk is leased. */
arm_status arm__chunk_find(const struct arm_chunk_plan *plan, struct arm_new_entry *entry,
                           bool *out_found, struct arm_error *err);

/* The keys of `run`'s rows, in `entry->keys`; those of a chunk are kept, where they are not
 * known. */
arm_status arm__entry_keys(const struct arm_chunk_plan *plan, const struct arm_run *run,
                           struct arm_new_entry *entry, struct arm_error *err);

/* Refuse rows with a value that no chunk can keep: see keepable.c. Errors: ARM_UNSUPPORTED naming
 * the column. */
arm_status arm__keepable_check(const Armpb__Schema *schema, duckdb_data_chunk chunk,
                               struct arm_error *err);

/* What of Parquet to leave out for a run: see survey.c. */
struct arm_survey {
    bool confused_floats; /* no dictionaries */
    bool wide_deltas;     /* no deltas: PARQUET_VERSION v1 */
};
arm_status arm__survey(const struct arm_run *run, struct arm_survey *out, struct arm_error *err);

/* Statistics of a run's columns: bounds and sizes as COPY's RETURN_STATS tells, NULLs counted
 * here. `*out` is an array of as many as the schema has columns; freed by
 * arm__statistics_free. */
arm_status arm__statistics_make(const struct arm_run *run, duckdb_result *result,
                                Armpb__ColumnStatistics ***out, struct arm_error *err);
void arm__statistics_free(Armpb__ColumnStatistics **statistics, size_t count);

/* A cut run on its way; `index` is that of its entry (W1). */
struct arm_job {
    struct arm_run run;
    size_t index;
};

/* Threads that turn jobs into entries. All below `mutex` is guarded by it. */
struct arm_workers {
    const struct arm_chunk_plan *plan;
    size_t thread_count;
    pthread_t threads[ARM_WRITER_WORKERS_MAX];
    duckdb_connection connections[ARM_WRITER_WORKERS_MAX];
    struct arm_mutex mutex;
    struct arm_cond changed;
    bool closing; /* no more jobs come */
    size_t held;  /* jobs given and not done; invariant W4: held <= ARM_WRITER_QUEUE */
    size_t queued;
    struct arm_job queue[ARM_WRITER_QUEUE]; /* in order; the first `queued` */
    struct arm_new_entry *entries;          /* one for each job given, by index */
    bool *done;                             /* which of them are filled */
    size_t entry_count;
    size_t entry_capacity;
    arm_status status; /* of the first failure */
    struct arm_error error;
};

void arm__workers_init(struct arm_workers *workers, const struct arm_chunk_plan *plan);
/* Give `run` (taken, also on failure) to a thread; blocks while too many are held. Starts the
 * threads with the first. */
arm_status arm__workers_give(struct arm_workers *workers, struct arm_run *run,
                             struct arm_error *err);
/* Wait for all jobs and end the threads. Errors: the first failure of a job. */
arm_status arm__workers_finish(struct arm_workers *workers, struct arm_error *err);
/* Drop what is queued, interrupt what runs, end the threads, free the entries. */
void arm__workers_release(struct arm_workers *workers);

/* Free hot bytes and statistics, and give the lease of the chunk back. */
void arm__new_entry_release(struct arm_repository *repository, struct arm_new_entry *entry);

#endif
