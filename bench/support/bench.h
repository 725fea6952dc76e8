/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BENCH_H
#define ARM_BENCH_H

/* What the benchmarks share: a clock, medians, DuckDB as the limit to run beside, and failing
 * loudly. A benchmark prints a Markdown table and a line that begins with "budget:". */

#include <duckdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <armillaria.h>

double bench_now_ms(void); /* monotonic */
double bench_cpu_ms(void); /* processor time of this process, all threads */
/* Median of `count` values; sorts them. */
double bench_median(double *values, size_t count);
double bench_mean(const double *values, size_t count);
/* "met" or "missed". */
const char *bench_verdict(bool is_met);

/* The smaller number, or the larger with FULL=1 in the environment. */
size_t bench_size(size_t usual, size_t full);
/* The n-th argument as a count from 1 to `most`; `usual` if it is not there. */
size_t bench_count(int argc, char **argv, int n, size_t usual, size_t most);
/* "<directory>/<name>", in `out`; returns `out`. */
enum { BENCH_PATH_BYTES = 4096 };
char *bench_path(const char *directory, const char *name, char out[BENCH_PATH_BYTES]);

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

/* What lies below a path: the sizes that files say, and the blocks they take. */
struct bench_sizes {
    uint64_t apparent_bytes;
    uint64_t allocated_bytes;
    uint64_t file_count;
};
struct bench_sizes bench_tree_sizes(const char *path);
/* ms to read every file below `path`, and to hash it or not. */
double bench_hash_files(const char *path, bool is_hashing);
/* The chunk files of a repository as an SQL list, to be freed. */
char *bench_list_chunks(const char *repository);

/* Run this very program again with `arguments` (a NULL at the end) and give back the line of
 * numbers it prints: `count` of them in `out`. `*out_peak_kb` (may be NULL) is the most memory
 * it had. So that what is measured starts in a fresh process. */
void bench_child(const char *const *arguments, double *out, size_t count, long *out_peak_kb);
/* The same, but the child kills itself at the end and prints nothing. */
void bench_child_killed(const char *const *arguments);

/* The cost of making 512 bytes durable, in one file: what no commit can beat. */
struct bench_sync_probe {
    int append_fd;
    int overwrite_fd;
    long long overwrite_at;
};
void bench_sync_probe_open(struct bench_sync_probe *probe, const char *directory);
double bench_sync_probe_append(struct bench_sync_probe *probe); /* ms; the file grows */
/* ms; written zeros are overwritten, as a preallocated log does. */
double bench_sync_probe_overwrite(struct bench_sync_probe *probe);
void bench_sync_probe_close(struct bench_sync_probe *probe);

/* The whole of a text file, to be freed. */
char *bench_read_text(const char *path);

#endif
