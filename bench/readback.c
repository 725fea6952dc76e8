/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a table back that was made of 1,000 one-row commits: SELECT of all its rows through the
 * public calls, in a session that has read it before, and in a fresh process; beside DuckDB's own
 * table and one Parquet file of the same rows.
 *
 * usage: readback WORK_DIRECTORY [RUNS]
 *
 * Budget: warm, at most 3 ms (median). */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/kernel.h"

enum { ROWS = 1000, RUNS_DEFAULT = 200, RUNS_MAX = 10000, COLD_RUNS = 10 };
static const double budget_ms = 3;
static const char query[] = "SELECT * FROM t";

static void open_session(const char *path, arm_repo **repo, arm_session **session)
{
    struct arm_error err;

    bench_check(arm_repo_open(path, NULL, repo, &err), &err, "open");
    bench_check(arm_session_open(*repo, NULL, session, &err), &err, "session");
}

static void make_table(const char *path)
{
    struct bench_kernel k = {.row_count = 0};

    bench_kernel_make(&k, path);
    bench_kernel_table(&k, "t");
    for (int i = 0; i < ROWS; i++) {
        bench_kernel_append(&k, "t");
    }
    bench_kernel_close(&k);
}

/* In a process of its own: ms to open, then to read. */
static int run_cold(const char *path)
{
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    double start = bench_now_ms();
    double middle;

    open_session(path, &repo, &session);
    middle = bench_now_ms();
    if (bench_session_run(session, query) != ROWS) {
        bench_fail(query, "other rows");
    }
    printf("%f %f\n", middle - start, bench_now_ms() - middle);
    arm_session_close(session);
    arm_repo_close(repo);
    return 0;
}

static void prepare_duckdb(struct bench_duckdb *duckdb, arm_session *session, const char *file)
{
    struct arm_error err;
    char sql[BENCH_PATH_BYTES + 100];
    uint64_t rows = 0;

    bench_check(arm_export(session, "t", file, NULL, &rows, &err), &err, "export");
    (void)snprintf(sql, sizeof sql, "CREATE TABLE t AS SELECT * FROM '%s'", file);
    (void)bench_duckdb_run(duckdb, sql);
}

static double time_duckdb(struct bench_duckdb *duckdb, const char *sql)
{
    double start = bench_now_ms();

    if (bench_duckdb_run(duckdb, sql) != ROWS) {
        bench_fail(sql, "other rows");
    }
    return bench_now_ms() - start;
}

static void measure_warm(const char *path, const char *file, size_t runs, double *out_ours)
{
    double *times[3];
    struct bench_duckdb duckdb;
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    char sql[BENCH_PATH_BYTES + 100];

    for (size_t i = 0; i < 3; i++) {
        times[i] = calloc(runs, sizeof *times[i]);
    }
    open_session(path, &repo, &session);
    bench_duckdb_open(&duckdb);
    prepare_duckdb(&duckdb, session, file);
    (void)snprintf(sql, sizeof sql, "SELECT * FROM '%s'", file);
    for (size_t i = 0; i < runs; i++) {
        double start = bench_now_ms();

        if (bench_session_run(session, query) != ROWS) {
            bench_fail(query, "other rows");
        }
        times[0][i] = bench_now_ms() - start;
        times[1][i] = time_duckdb(&duckdb, query);
        times[2][i] = time_duckdb(&duckdb, sql);
    }
    *out_ours = bench_median(times[0], runs);
    printf("| 1,000 rows | median ms |\n|---|---|\n");
    printf("| armillaria, of 1,000 commits, warm | %.2f |\n", *out_ours);
    printf("| DuckDB, a table in memory | %.2f |\n", bench_median(times[1], runs));
    printf("| DuckDB, one Parquet file | %.2f |\n", bench_median(times[2], runs));
    bench_duckdb_close(&duckdb);
    arm_session_close(session);
    arm_repo_close(repo);
    for (size_t i = 0; i < 3; i++) {
        free(times[i]);
    }
}

static void measure_cold(const char *path)
{
    const char *const arguments[] = {"--cold", path, NULL};
    double opening[COLD_RUNS];
    double reading[COLD_RUNS];

    for (size_t i = 0; i < COLD_RUNS; i++) {
        double times[2];

        bench_child(arguments, times, 2, NULL);
        opening[i] = times[0];
        reading[i] = times[1];
    }
    printf("| armillaria, a fresh process: opening | %.2f |\n", bench_median(opening, COLD_RUNS));
    printf("| … and reading, SQL's engine started for it | %.2f |\n\n",
           bench_median(reading, COLD_RUNS));
}

int main(int argc, char **argv)
{
    char path[BENCH_PATH_BYTES];
    char file[BENCH_PATH_BYTES];
    double ours;

    if (argc == 3 && strcmp(argv[1], "--cold") == 0) {
        return run_cold(argv[2]);
    }
    if (argc < 2) {
        bench_fail("usage", "readback WORK_DIRECTORY [RUNS]");
    }
    make_table(bench_path(argv[1], "readback", path));
    measure_warm(path, bench_path(argv[1], "readback.parquet", file),
                 bench_count(argc, argv, 2, RUNS_DEFAULT, RUNS_MAX), &ours);
    measure_cold(path);
    printf("budget: 1,000 one-row commits read back in %.2f ms, at most %.0f: %s\n", ours,
           budget_ms, bench_verdict(ours <= budget_ms));
    bench_remove_tree(path);
    (void)remove(file);
    return 0;
}
