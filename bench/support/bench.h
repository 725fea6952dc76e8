/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BENCH_H
#define ARM_BENCH_H

/* What the benchmarks share: a clock, medians, DuckDB as the limit to run beside, and failing
 * loudly. A benchmark prints a Markdown table and a line that begins with "budget:". */

#include <duckdb.h>
#include <stdbool.h>
#include <stddef.h>

#include <armillaria.h>

double bench_now_ms(void); /* monotonic */
double bench_cpu_ms(void); /* processor time of this process, all threads */
/* Median of `count` values; sorts them. */
double bench_median(double *values, size_t count);

/* Print and exit with 1. */
_Noreturn void bench_fail(const char *what, const char *message);
/* Exit unless `status` is ARM_OK. */
void bench_check(arm_status status, const struct arm_error *err, const char *what);

/* DuckDB in memory, with as many threads as ours. */
struct bench_duckdb {
    duckdb_database database;
    duckdb_connection connection;
};
void bench_duckdb_open(struct bench_duckdb *duckdb);
void bench_duckdb_close(struct bench_duckdb *duckdb);
/* Run a statement and read all its rows; the number of rows. */
size_t bench_duckdb_run(struct bench_duckdb *duckdb, const char *sql);

/* Run a statement in a session and read all its rows; the number of rows. */
size_t bench_session_run(arm_session *session, const char *sql);

/* Remove a directory and what is in it. */
void bench_remove_tree(const char *path);

/* The whole of a text file, to be freed. */
char *bench_read_text(const char *path);

#endif
