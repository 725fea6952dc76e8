/* SPDX-License-Identifier: Apache-2.0 */
/* Queries that need one chunk or none of a table of 10,000 chunks: a point, and a range between
 * two rows; beside DuckDB over a plain list of the same 10,000 Parquet files (which it opens all,
 * with its cache of footers off, as it is unless told, and on).
 *
 * usage: prune WORK_DIRECTORY [CHUNKS]
 *
 * Budget: each query at most 5 ms (median). */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/kernel.h"

enum { CHUNKS = 10000, CHUNKS_MAX = 1000000, ROWS = 100, RUNS = 100, PEER_RUNS = 3, BATCH = 1000 };
static const double budget_ms = 5;

/* The list of the files, as SQL, to be freed. */
static char *make_table(const char *path, size_t chunks)
{
    struct bench_kernel k = {.row_count = 0};
    struct arm_engine_options options = {.spill_directory = path};
    struct arm_engine *engine = NULL;
    struct arm_error err;

    bench_kernel_make(&k, path);
    bench_check(arm__engine_open(&options, &engine, &err), &err, "engine");
    bench_kernel_table(&k, "t");
    for (size_t done = 0; done < chunks; done += BATCH) { /* no record in a chunk of its own */
        size_t rest = chunks - done;

        bench_kernel_append_chunks(&k, engine, "t", rest < BATCH ? rest : BATCH, ROWS);
    }
    arm__engine_close(engine);
    bench_kernel_close(&k);
    return bench_list_chunks(path);
}

static void write_query(char *out, size_t size, const char *source, bool is_point, size_t run,
                        size_t chunks)
{
    /* Even ids are there, odd ones are not. */
    unsigned long long row = (run * 7919 + 13) % (chunks * ROWS);

    if (is_point) {
        (void)snprintf(out, size, "SELECT * FROM %s WHERE id = %llu", source, 2 * row);
    } else {
        (void)snprintf(out, size, "SELECT * FROM %s WHERE id BETWEEN %llu AND %llu", source,
                       2 * row + 1, 2 * row + 1);
    }
}

static double ours(arm_session *session, bool is_point, size_t chunks)
{
    double times[RUNS];
    char sql[200];

    for (size_t i = 0; i <= RUNS; i++) { /* the first warms up */
        double start;

        write_query(sql, sizeof sql, "t", is_point, i, chunks);
        start = bench_now_ms();
        if (bench_session_run(session, sql) != (is_point ? 1 : 0)) {
            bench_fail(sql, "other rows");
        }
        times[i == 0 ? 0 : i - 1] = bench_now_ms() - start;
    }
    return bench_median(times, RUNS);
}

static double peer(struct bench_duckdb *duckdb, const char *list, bool is_point, size_t chunks)
{
    size_t size = strlen(list) + 200;
    char *source = malloc(size);
    char *sql = malloc(size + 200);
    double times[PEER_RUNS];

    if (source == NULL || sql == NULL) {
        bench_fail("prune", "out of memory");
    }
    (void)snprintf(source, size, "read_parquet(%s)", list);
    for (size_t i = 0; i <= PEER_RUNS; i++) {
        double start;

        write_query(sql, size + 200, source, is_point, i, chunks);
        start = bench_now_ms();
        if (bench_duckdb_run(duckdb, sql) != (is_point ? 1 : 0)) {
            bench_fail("prune", "other rows from the list");
        }
        times[i == 0 ? 0 : i - 1] = bench_now_ms() - start;
    }
    free(sql);
    free(source);
    return bench_median(times, PEER_RUNS);
}

int main(int argc, char **argv)
{
    char path[BENCH_PATH_BYTES];
    struct bench_duckdb duckdb;
    struct arm_error err;
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    double times[2][3];
    double worst;
    size_t chunks;
    char *list;

    if (argc < 2) {
        bench_fail("usage", "prune WORK_DIRECTORY [CHUNKS]");
    }
    chunks = bench_count(argc, argv, 2, CHUNKS, CHUNKS_MAX);
    list = make_table(bench_path(argv[1], "prune", path), chunks);
    bench_check(arm_repo_open(path, NULL, &repo, &err), &err, "open");
    bench_check(arm_session_open(repo, NULL, &session, &err), &err, "session");
    bench_duckdb_open(&duckdb);
    for (int point = 0; point < 2; point++) {
        times[point][0] = ours(session, point == 1, chunks);
        (void)bench_duckdb_run(&duckdb, "SET parquet_metadata_cache = false");
        times[point][1] = peer(&duckdb, list, point == 1, chunks);
        (void)bench_duckdb_run(&duckdb, "SET parquet_metadata_cache = true");
        times[point][2] = peer(&duckdb, list, point == 1, chunks);
    }
    printf("| over %zu chunks, median ms | armillaria | DuckDB, list of the files | the same, "
           "footers cached |\n|---|---|---|---|\n",
           chunks);
    printf("| point | %.2f | %.0f | %.0f |\n", times[1][0], times[1][1], times[1][2]);
    printf("| empty range | %.2f | %.0f | %.0f |\n\n", times[0][0], times[0][1], times[0][2]);
    worst = times[0][0] > times[1][0] ? times[0][0] : times[1][0];
    printf("budget: point or empty range over %zu chunks in %.2f ms, at most %.0f: %s\n", chunks,
           worst, budget_ms, bench_verdict(worst <= budget_ms));
    bench_duckdb_close(&duckdb);
    arm_session_close(session);
    arm_repo_close(repo);
    free(list);
    bench_remove_tree(path);
    return 0;
}
