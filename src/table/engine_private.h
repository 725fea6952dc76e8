/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_ENGINE_PRIVATE_H
#define ARM_TABLE_ENGINE_PRIVATE_H

/* What this directory asks of the engine beyond engine.h. */

#include "table/chunk_rows.h"
#include "table/engine.h"
#include "table/run.h"

/* The runs that arm_run(id) can read. */
struct arm_runs *arm__engine_runs(struct arm_engine *engine);

/* Run one statement of our own; `*out` is destroyed by the caller, on success only. Failures are
 * called `code` but where DuckDB's own kind says more: ARM_NO_MEMORY, ARM_FULL,
 * ARM_INTERRUPTED. */
arm_status arm__engine_query(duckdb_connection connection, const char *sql, arm_status code,
                             duckdb_result *out, struct arm_error *err);

#endif
