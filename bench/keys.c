/* SPDX-License-Identifier: Apache-2.0 */
/* What keys cost: a load with a primary key beside the same without one; one row and 10,000 rows
 * put into a table that has a million, by key, beside DuckDB's own tables; a scattered UPDATE.
 *
 * usage: keys WORK_DIRECTORY [RUNS]
 *
 * Budgets: a keyed load at most 1.5 x the unkeyed one; an UPDATE of 1 % of a million rows at most
 * 30 ms. (Its rows go into the log: bytes are for the program `bytes`.) */

#include <stdio.h>
#include <stdlib.h>

#include "support/bench.h"

enum { RUNS_DEFAULT = 7, RUNS_MAX = 100, LOAD_ROWS = 3000000, ROWS = 1000000, UPSERT_ROWS = 10000 };
static const double load_budget = 1.5;
static const double update_budget_ms = 30;

/* Ten columns, as a table of readings has them. */
static const char columns[] =
    "(id BIGINT%s, a INTEGER, b INTEGER, c DOUBLE, d DOUBLE, e VARCHAR, f VARCHAR, g DATE,"
    " h TIMESTAMP, i BOOLEAN)";
static const char rows[] =
    "SELECT range * 7 AS id, range %% 1000 AS a, hash(range) %% 100000 AS b, range / 3 AS c,"
    " sin(range) AS d, 'name ' || range %% 5000 AS e, md5(range::VARCHAR) AS f,"
    " DATE '2020-01-01' + (range %% 1000)::INTEGER AS g,"
    " TIMESTAMP '2020-01-01' + to_seconds(range) AS h, range %% 3 = 0 AS i FROM range(%d)";

struct sides {
    arm_repo *repo;
    arm_session *session;
    struct bench_duckdb duckdb;
};

static double time_ours(struct sides *s, const char *sql)
{
    double start = bench_now_ms();

    (void)bench_session_run(s->session, sql);
    return bench_now_ms() - start;
}

static double time_duckdb(struct sides *s, const char *sql)
{
    double start = bench_now_ms();

    (void)bench_duckdb_run(&s->duckdb, sql);
    return bench_now_ms() - start;
}

static void make_table(struct sides *s, const char *name, const char *key)
{
    char column_list[1024];
    char sql[2048];

    (void)snprintf(column_list, sizeof column_list, columns, key);
    (void)snprintf(sql, sizeof sql, "CREATE OR REPLACE TABLE %s %s", name, column_list);
    (void)bench_session_run(s->session, sql);
    (void)bench_duckdb_run(&s->duckdb, sql);
}

static void load_sql(const char *name, int count, char *out, size_t size)
{
    char select[1024];

    (void)snprintf(select, sizeof select, rows, count);
    (void)snprintf(out, size, "INSERT INTO %s %s", name, select);
}

/* ---- Loads ---- */

/* Rows that no run before has had, or their chunks would be known. */
static double time_load(struct sides *s, const char *key, int count)
{
    char sql[2048];

    make_table(s, "load_", key);
    load_sql("load_", count, sql, sizeof sql);
    return time_ours(s, sql);
}

static void measure_load(struct sides *s, size_t runs)
{
    double *plain = calloc(runs, sizeof *plain);
    double *keyed = calloc(runs, sizeof *keyed);
    double ratio;

    for (size_t i = 0; i < runs; i++) {
        plain[i] = time_load(s, "", LOAD_ROWS + 2 * (int)i);
        keyed[i] = time_load(s, " PRIMARY KEY", LOAD_ROWS + 2 * (int)i + 1);
    }
    ratio = bench_median(keyed, runs) / bench_median(plain, runs);
    printf("| load of %d rows | median ms |\n|---|---|\n", LOAD_ROWS);
    printf("| without a key | %.0f |\n| with one | %.0f |\n\n", bench_median(plain, runs),
           bench_median(keyed, runs));
    printf("budget: a keyed load in %.2f x the time of an unkeyed one, at most %.1f: %s\n\n", ratio,
           load_budget, bench_verdict(ratio <= load_budget));
    free(keyed);
    free(plain);
}

/* ---- A million rows ---- */

static const char *const acts[][2] = {
    {"INSERT of one row", "INSERT INTO t (id, e) VALUES (%zu, 'one')"},
    {"INSERT of one row, no key", "INSERT INTO n (id, e) VALUES (%zu, 'one')"},
    {"INSERT ... ON CONFLICT of one row that is there",
     "INSERT INTO t (id, e) VALUES (%zu * 7, 'one') ON CONFLICT (id) DO UPDATE SET e = excluded.e"},
    {"UPDATE of one row by key", "UPDATE t SET e = 'up %zu' WHERE id = 7000"},
    {"DELETE of one row by key", "DELETE FROM t WHERE id = %zu * 7"},
    {"upsert of 10,000 rows, half of them there", "INSERT INTO t (id, e) SELECT range * 14 + %zu * "
                                                  "7, 'ups' FROM range(137000, 147000) ON CONFLICT "
                                                  "(id) DO UPDATE SET e = excluded.e"},
    {"UPDATE of 1 % of the rows, scattered", "UPDATE t SET b = b + %zu WHERE id % 700 = 70"},
};
enum { ACT_COUNT = sizeof acts / sizeof *acts, ACT_UPDATE = ACT_COUNT - 1 };

static void act_sql(size_t act, size_t number, char *out, size_t size)
{
    size_t used = 0;

    for (const char *c = acts[act][1]; *c != '\0' && used + 24 < size; c++) {
        if (c[0] == '%' && c[1] == 'z') {
            used += (size_t)snprintf(out + used, size - used, "%zu", number);
            c += 2;
        } else {
            out[used++] = *c;
        }
    }
    out[used] = '\0';
}

static double measure_act(struct sides *s, size_t act, size_t runs)
{
    double *ours = calloc(runs, sizeof *ours);
    double *theirs = calloc(runs, sizeof *theirs);
    double median;

    for (size_t i = 0; i < runs; i++) {
        char sql[1024];

        act_sql(act, 3 + i, sql, sizeof sql);
        if (act == 0 || act == 1) {
            act_sql(act, 10000001 + i, sql, sizeof sql);
        }
        ours[i] = time_ours(s, sql);
        theirs[i] = time_duckdb(s, sql);
    }
    median = bench_median(ours, runs);
    printf("| %s | %.2f | %.2f |\n", acts[act][0], median, bench_median(theirs, runs));
    free(theirs);
    free(ours);
    return median;
}

static void measure_acts(struct sides *s, size_t runs)
{
    char sql[2048];
    double update = 0;

    make_table(s, "t", " PRIMARY KEY");
    make_table(s, "n", "");
    load_sql("t", ROWS, sql, sizeof sql);
    (void)time_ours(s, sql);
    (void)time_duckdb(s, sql);
    printf("| a table of %d rows and ten columns | ms | DuckDB's own table in memory, ms |\n"
           "|---|---|---|\n",
           ROWS);
    for (size_t act = 0; act < ACT_COUNT; act++) {
        update = measure_act(s, act, runs);
    }
    printf("\nbudget: an UPDATE of 1 %% of the rows in %.1f ms, at most %.0f: %s\n", update,
           update_budget_ms, bench_verdict(update <= update_budget_ms));
}

int main(int argc, char **argv)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    size_t runs = bench_count(argc, argv, 2, RUNS_DEFAULT, RUNS_MAX);
    char path[BENCH_PATH_BYTES];
    struct arm_error err;
    struct sides s;

    if (argc < 2) {
        bench_fail("usage", "keys WORK_DIRECTORY [RUNS]");
    }
    (void)bench_path(argv[1], "keys", path);
    bench_check(arm_repo_open(path, &options, &s.repo, &err), &err, "open");
    bench_check(arm_session_open(s.repo, NULL, &s.session, &err), &err, "session");
    bench_duckdb_open(&s.duckdb);
    measure_load(&s, runs);
    measure_acts(&s, runs);
    bench_duckdb_close(&s.duckdb);
    arm_session_close(s.session);
    arm_repo_close(s.repo);
    bench_remove_tree(path);
    return 0;
}
