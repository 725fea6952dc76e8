/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_ENGINE_H
#define ARM_TABLE_ENGINE_H

/* One DuckDB instance, in memory, per open repository: private connections for writing chunks,
 * sessions' connections for SQL. Opened with extension install and load off, no network, a
 * memory limit and a spill directory. Thread-safe; a connection serves one thread. */

#include <duckdb.h>

#include "base/hash.h"

struct arm_engine_options {
    uint64_t memory_limit_bytes; /* 0: DuckDB's default share of the machine */
    uint32_t thread_count;       /* 0: one per processor */
    const char *spill_directory; /* borrowed */
};

struct arm_engine;
arm_status arm__engine_open(const struct arm_engine_options *options, struct arm_engine **out,
                            struct arm_error *err);
void arm__engine_close(struct arm_engine *engine); /* after all its connections; NULL accepted */
duckdb_database arm__engine_database(struct arm_engine *engine);
uint32_t arm__engine_thread_count(const struct arm_engine *engine);

/* A connection for our own statements; pooled. */
arm_status arm__engine_connect(struct arm_engine *engine, duckdb_connection *out,
                               struct arm_error *err);
void arm__engine_disconnect(struct arm_engine *engine, duckdb_connection connection);

/* Run one statement of our own and drop its result. `code` is what a failure is called. */
arm_status arm__engine_run(duckdb_connection connection, const char *sql, arm_status code,
                           struct arm_error *err);

#endif
