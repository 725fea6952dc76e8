/* SPDX-License-Identifier: Apache-2.0 */
/* The 22 TPC-H queries on versioned tables, beside DuckDB on plain Parquet files (one a table,
 * written by its COPY with zstd) of the same rows. The two take turns, query by query.
 *
 * usage: tpch DATA_DIRECTORY QUERY_DIRECTORY WORK_DIRECTORY [RUNS [changed]]
 *
 * With `changed` one row of a hundred is deleted from each of the six large tables, then another
 * updated, and the queries are measured after each; DuckDB's files hold the rows that are left.
 *
 * Budget: the sum of the medians is at most 1.03 times DuckDB's; 1.2 times after the deletion. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/bench.h"

enum { RUNS_DEFAULT = 7, RUNS_MAX = 99, QUERIES = 22, PATH_BYTES = 4096 };

static const char *const tables[] = {"lineitem", "orders",   "customer", "part",
                                     "partsupp", "supplier", "nation",   "region"};
enum { TABLES = sizeof tables / sizeof *tables };
static const double plain_budget = 1.03;
static const double deleted_budget = 1.2;

/* The files of DuckDB's side, as views of its. */
static void view_plain(struct bench_duckdb *duckdb, const char *work)
{
    char sql[3 * PATH_BYTES];

    for (size_t i = 0; i < TABLES; i++) {
        (void)snprintf(sql, sizeof sql, "CREATE OR REPLACE VIEW %s AS FROM '%s/%s.parquet'",
                       tables[i], work, tables[i]);
        (void)bench_duckdb_run(duckdb, sql);
    }
}

static void load_plain(struct bench_duckdb *duckdb, const char *data, const char *work)
{
    char sql[3 * PATH_BYTES];

    (void)bench_duckdb_run(duckdb, "SET parquet_metadata_cache = true"); /* as ours does */
    for (size_t i = 0; i < TABLES; i++) {
        (void)snprintf(sql, sizeof sql,
                       "COPY (FROM '%s/%s.parquet') TO '%s/%s.parquet' "
                       "(FORMAT parquet, COMPRESSION zstd)",
                       data, tables[i], work, tables[i]);
        (void)bench_duckdb_run(duckdb, sql);
    }
    view_plain(duckdb, work);
}

static void load_ours(arm_session *session, const char *data)
{
    for (size_t i = 0; i < TABLES; i++) {
        char path[PATH_BYTES];
        const char *paths[] = {path};
        struct arm_write_result result;
        struct arm_error err;

        (void)snprintf(path, sizeof path, "%s/%s.parquet", data, tables[i]);
        bench_check(arm_import(session, tables[i], paths, 1, NULL, &result, &err), &err, path);
    }
}

/* One query, both ways in turn; medians out. */
static void run_query(struct bench_duckdb *duckdb, arm_session *session, const char *sql,
                      size_t runs, double *out_plain, double *out_ours)
{
    double plain[RUNS_MAX];
    double ours[RUNS_MAX];

    if (bench_duckdb_run(duckdb, sql) != bench_session_run(session, sql)) { /* warms up, too */
        bench_fail(sql, "the two give different numbers of rows");
    }
    for (size_t i = 0; i < runs; i++) {
        double start = bench_now_ms();

        (void)bench_duckdb_run(duckdb, sql);
        plain[i] = bench_now_ms() - start;
        start = bench_now_ms();
        (void)bench_session_run(session, sql);
        ours[i] = bench_now_ms() - start;
    }
    *out_plain = bench_median(plain, runs);
    *out_ours = bench_median(ours, runs);
}

static void run_queries(struct bench_duckdb *duckdb, arm_session *session, const char *queries,
                        size_t runs, const char *what, double budget)
{
    double plain_sum = 0;
    double ours_sum = 0;
    double log_sum = 0;

    printf("| TPC-H query, %s | DuckDB on Parquet, ms | armillaria, ms | ratio |\n"
           "|---|---|---|---|\n",
           what);
    for (int query = 1; query <= QUERIES; query++) {
        char path[PATH_BYTES];
        char *sql;
        double plain = 0;
        double ours = 0;

        (void)snprintf(path, sizeof path, "%s/q%02d.sql", queries, query);
        sql = bench_read_text(path);
        run_query(duckdb, session, sql, runs, &plain, &ours);
        free(sql);
        printf("| %d | %.1f | %.1f | %.2f |\n", query, plain, ours, ours / plain);
        plain_sum += plain;
        ours_sum += ours;
        log_sum += log(ours / plain);
    }
    printf("| sum | %.0f | %.0f | %.3f |\n", plain_sum, ours_sum, ours_sum / plain_sum);
    printf("\nbudget: tpch, %s: ratio %.3f (<= %.3f) of the sums of medians of %zu runs; "
           "geometric mean %.3f\n\n",
           what, ours_sum / plain_sum, budget, runs, exp(log_sum / (double)QUERIES));
}

/* ---- Changed rows ---- */

/* What tells rows apart, and a column that may change. */
static const char *const changes[][3] = {
    {"lineitem", "hash(l_orderkey, l_linenumber)", "l_quantity"},
    {"orders", "hash(o_orderkey)", "o_totalprice"},
    {"customer", "hash(c_custkey)", "c_acctbal"},
    {"part", "hash(p_partkey)", "p_retailprice"},
    {"partsupp", "hash(ps_partkey, ps_suppkey)", "ps_availqty"},
    {"supplier", "hash(s_suppkey)", "s_acctbal"},
};
enum { CHANGES = sizeof changes / sizeof *changes };

/* Change rows by `statement`, which takes table, hash and column; DuckDB then gets the rows that
 * are there. */
static void change(struct bench_duckdb *duckdb, arm_session *session, const char *work,
                   const char *statement)
{
    char sql[3 * PATH_BYTES];

    for (size_t i = 0; i < CHANGES; i++) {
        (void)snprintf(sql, sizeof sql, statement, changes[i][0], changes[i][1], changes[i][2]);
        (void)bench_session_run(session, sql);
        (void)snprintf(sql, sizeof sql,
                       "COPY (FROM %s) TO '%s/%s.parquet' (FORMAT parquet, COMPRESSION zstd)",
                       changes[i][0], work, changes[i][0]);
        (void)bench_session_run(session, sql);
    }
    view_plain(duckdb, work);
}

static void run_changed(struct bench_duckdb *duckdb, arm_session *session, const char *queries,
                        const char *work, size_t runs)
{
    change(duckdb, session, work, "DELETE FROM %1$s WHERE %2$s %% 100 = 7");
    run_queries(duckdb, session, queries, runs, "1 % of the rows deleted", deleted_budget);
    change(duckdb, session, work, "UPDATE %1$s SET %3$s = %3$s + 1 WHERE %2$s %% 100 = 13");
    run_queries(duckdb, session, queries, runs, "1 % deleted and 1 % updated", deleted_budget);
}

int main(int argc, char **argv)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    struct bench_duckdb duckdb;
    struct arm_error err;
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    char path[PATH_BYTES];
    size_t runs;

    if (argc < 4) {
        bench_fail("usage", "tpch DATA_DIRECTORY QUERY_DIRECTORY WORK_DIRECTORY [RUNS [changed]]");
    }
    runs = argc > 4 ? strtoul(argv[4], NULL, 10) : RUNS_DEFAULT;
    runs = runs < 1 || runs > RUNS_MAX ? RUNS_DEFAULT : runs;
    (void)snprintf(path, sizeof path, "%s/tpch.repo", argv[3]);
    bench_remove_tree(path);
    bench_duckdb_open(&duckdb);
    load_plain(&duckdb, argv[1], argv[3]);
    bench_check(arm_repo_open(path, &options, &repo, &err), &err, "open");
    bench_check(arm_session_open(repo, NULL, &session, &err), &err, "session");
    load_ours(session, argv[1]);
    if (argc > 5 && strcmp(argv[5], "changed") == 0) {
        run_changed(&duckdb, session, argv[2], argv[3], runs);
    } else {
        run_queries(&duckdb, session, argv[2], runs, "as loaded", plain_budget);
    }
    arm_session_close(session);
    arm_repo_close(repo);
    bench_duckdb_close(&duckdb);
    bench_remove_tree(path);
    return 0;
}
