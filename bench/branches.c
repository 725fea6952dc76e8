/* SPDX-License-Identifier: Apache-2.0 */
/* Branches, diffs and merges: what a branch costs however many tables and branches there are; the
 * rows that differ, of a table of a million; merges of one row, and of one row in a hundred,
 * changed on each side of it. bench/peers/branches.py does the same with doltlite.
 *
 * usage: branches WORK_DIRECTORY [RUNS]
 *        FULL=1: 10,000 branches over 1,000 tables, and a diff of ten million rows too
 *
 * Budgets: a branch one append and its sync, and 50 us; under 200 bytes of log. A diff of 1,000
 * changed rows 5 ms of a million, 10 ms of ten million. A merge with one changed row on each side
 * 3 ms. */

#include <stdio.h>
#include <stdlib.h>

#include "support/kernel.h"

enum { RUNS_DEFAULT = 9, RUNS_MAX = 100, ROWS = 1000000 };
static const double branch_budget_us = 50;
static const double branch_budget_bytes = 200;
static const double diff_budget_ms = 5;
static const double large_diff_budget_ms = 10;
static const double merge_budget_ms = 3;

static double log_bytes(struct bench_kernel *k)
{
    struct arm_index *index = arm__repository_index(k->repository);
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    struct arm_error err;

    bench_check(arm__index_read(index, &txn, &err), &err, "index");
    bench_check(arm__index_state(txn, &state, &err), &err, "state");
    arm__index_abort(txn);
    return (double)arm__log_position_bytes(arm__repository_log(k->repository), &state.folded);
}

static double index_bytes(struct bench_kernel *k)
{
    struct arm_error err;
    uint64_t bytes = 0;

    bench_check(arm__index_size(arm__repository_index(k->repository), &bytes, &err), &err, "size");
    return (double)bytes;
}

static double time_branch(struct bench_kernel *k, size_t number)
{
    Armpb__RefChange change = ARMPB__REF_CHANGE__INIT;
    char name[64];
    struct arm_snapshot main_now;
    struct arm_error err;
    uint64_t tx;
    double start = bench_now_ms();

    (void)snprintf(name, sizeof name, "team/branch-%zu", number);
    bench_check(
        arm__catalog_snapshot(arm__repository_catalog(k->repository), "main", &main_now, &err),
        &err, "main");
    change.kind = ARMPB__REF_KIND__BRANCH;
    change.action = ARMPB__REF_ACTION__REF_CREATE;
    change.name = name;
    change.has_from_branch_id = true;
    change.from_branch_id = main_now.branch_id;
    bench_check(arm__commit_ref(k->repository, &change, &tx, &err), &err, name);
    return bench_now_ms() - start;
}

/* Branches over many tables, each beside an append of 512 bytes with its sync. */
static void measure_branches(const char *work)
{
    size_t tables = bench_size(100, 1000);
    size_t branches = bench_size(1000, 10000);
    double *times = calloc(branches, sizeof *times);
    double *syncs = calloc(branches, sizeof *syncs);
    struct bench_kernel k = {.row_count = 0};
    struct bench_sync_probe probe;
    char path[BENCH_PATH_BYTES];
    double log_before;
    double index_before;
    double added_log;
    double branch_us;
    double sync_us;

    bench_kernel_make(&k, bench_path(work, "branches", path));
    for (size_t i = 0; i < tables; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "table_%zu", i);
        bench_kernel_table(&k, name);
        bench_kernel_append(&k, name);
    }
    bench_kernel_close(&k);
    bench_kernel_open(&k, path, true);
    bench_sync_probe_open(&probe, work);
    log_before = log_bytes(&k);
    index_before = index_bytes(&k);
    for (size_t i = 0; i < branches; i++) {
        syncs[i] = bench_sync_probe_append(&probe);
        times[i] = time_branch(&k, i);
    }
    added_log = (log_bytes(&k) - log_before) / (double)branches;
    branch_us = 1e3 * bench_median(times, branches);
    sync_us = 1e3 * bench_median(syncs, branches);
    printf("| branches over %zu tables | a branch | append + sync | log | index |\n"
           "|---|---|---|---|---|\n| %zu | %.0f us | %.0f us | %.0f B | %.0f B |\n\n",
           tables, branches, branch_us, sync_us, added_log,
           (index_bytes(&k) - index_before) / (double)branches);
    printf("budget: a branch %.0f us more than an append and its sync: %.0f us, %s; %.0f bytes of "
           "log: %.0f, %s\n\n",
           branch_budget_us, branch_us - sync_us,
           bench_verdict(branch_us - sync_us <= branch_budget_us), branch_budget_bytes, added_log,
           bench_verdict(added_log < branch_budget_bytes));
    bench_sync_probe_close(&probe);
    bench_kernel_close(&k);
    bench_remove_tree(path);
    free(times);
    free(syncs);
}

/* ---- By SQL ---- */

struct repository {
    arm_repo *repo;
    arm_session *session;
};

static void run(const struct repository *r, const char *format, long long number)
{
    char sql[1024];

    (void)snprintf(sql, sizeof sql, format, number);
    (void)bench_session_run(r->session, sql);
}

static double time_run(const struct repository *r, const char *sql)
{
    double start = bench_now_ms();

    (void)bench_session_run(r->session, sql);
    return bench_now_ms() - start;
}

static void make_repository(struct repository *r, const char *path, long long rows)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    struct arm_error err;

    bench_remove_tree(path);
    bench_check(arm_repo_open(path, &options, &r->repo, &err), &err, "open");
    bench_check(arm_session_open(r->repo, NULL, &r->session, &err), &err, "session");
    run(r,
        "CREATE TABLE t (id BIGINT PRIMARY KEY, a BIGINT, b DOUBLE, c VARCHAR, d BIGINT,"
        " e BIGINT, f DOUBLE, g VARCHAR, h BIGINT, i BIGINT)",
        0);
    run(r,
        "INSERT INTO t SELECT i, i * 7, i / 3, 'text ' || i %% 1000, i %% 17, i, i / 7,"
        " 'g' || i %% 5000, i, i FROM range(%lld) r(i)",
        rows);
}

static void close_repository(struct repository *r, const char *path)
{
    arm_session_close(r->session);
    arm_repo_close(r->repo);
    bench_remove_tree(path);
}

static void print_time(const char *what, double *times, size_t runs)
{
    double median = bench_median(times, runs);

    printf("| %s | %.2f | %.2f | %.2f |\n", what, median, times[0], times[runs - 1]);
}

static double measure_diff(const struct repository *r, const char *what, const char *change,
                           size_t runs)
{
    double times[RUNS_MAX];

    (void)bench_session_run(r->session, "CREATE BRANCH before");
    (void)bench_session_run(r->session, change);
    for (size_t i = 0; i < runs; i++) {
        times[i] = time_run(r, "FROM arm_row_diff('t', 'before', 'main')");
    }
    print_time(what, times, runs);
    (void)bench_session_run(r->session, "DROP BRANCH before");
    return times[runs / 2];
}

/* Each a merge of its own: one more row on each side. */
static double measure_small_merges(const struct repository *r, const char *what, size_t runs)
{
    double times[RUNS_MAX];

    (void)bench_session_run(r->session, "CREATE BRANCH one");
    for (size_t i = 0; i < runs; i++) {
        (void)bench_session_run(r->session, "USE BRANCH one");
        run(r, "UPDATE t SET a = a - 1 WHERE id = %lld", 500000 + (long long)i);
        (void)bench_session_run(r->session, "USE BRANCH main");
        run(r, "UPDATE t SET b = b - 1 WHERE id = %lld", 400000 + (long long)i);
        times[i] = time_run(r, "MERGE BRANCH one");
    }
    print_time(what, times, runs);
    (void)bench_session_run(r->session, "DROP BRANCH one");
    return times[runs / 2];
}

/* What a branch loads comes as it stands, though main was changed too. */
static void measure_load_merges(const struct repository *r, size_t runs)
{
    double times[RUNS_MAX];

    (void)bench_session_run(r->session, "CREATE BRANCH loads");
    for (size_t i = 0; i < runs; i++) {
        (void)bench_session_run(r->session, "USE BRANCH loads");
        run(r,
            "INSERT INTO t SELECT i, i * 7, i / 3, 'text ' || i %% 1000, i %% 17, i, i / 7,"
            " 'g' || i %% 5000, i, i FROM range(1000000 + %1$lld * 100000,"
            " 1100000 + %1$lld * 100000) r(i)",
            (long long)i);
        (void)bench_session_run(r->session, "USE BRANCH main");
        run(r, "UPDATE t SET b = b - 1 WHERE id = %lld", 600000 + (long long)i);
        times[i] = time_run(r, "MERGE BRANCH loads");
    }
    print_time("merge, a row changed, and a hundred thousand loaded", times, runs);
    (void)bench_session_run(r->session, "DROP BRANCH loads");
}

static double measure_large_merges(const struct repository *r, size_t runs)
{
    double times[RUNS_MAX];

    (void)bench_session_run(r->session, "CREATE BRANCH many");
    for (size_t i = 0; i < runs; i++) {
        (void)bench_session_run(r->session, "USE BRANCH many");
        run(r, "UPDATE t SET c = 'many' WHERE id %% 100 = %lld", 2 * (long long)i);
        (void)bench_session_run(r->session, "USE BRANCH main");
        run(r, "UPDATE t SET d = -2 WHERE id %% 100 = %lld", 2 * (long long)i + 1);
        times[i] = time_run(r, "MERGE BRANCH many");
    }
    print_time("merge, one row in a hundred changed on each side", times, runs);
    return times[runs / 2];
}

int main(int argc, char **argv)
{
    static const char near[] = "UPDATE t SET a = a + 1 WHERE id BETWEEN 300000 AND 300999";
    static const char far[] = "UPDATE t SET a = a + 1 WHERE id % 1000 = 7";
    struct repository r;
    char path[BENCH_PATH_BYTES];
    size_t runs;
    double diff_ms;
    double large_diff_ms = 0;
    double merge_ms;

    if (argc < 2) {
        bench_fail("usage", "branches WORK_DIRECTORY [RUNS]");
    }
    runs = bench_count(argc, argv, 2, RUNS_DEFAULT, RUNS_MAX);
    runs = runs > 40 ? 40 : runs;
    measure_branches(argv[1]);
    make_repository(&r, bench_path(argv[1], "merges", path), ROWS);
    printf("| a million rows of ten columns | ms, median | least | most |\n|---|---|---|---|\n");
    diff_ms = measure_diff(&r, "diff, 1,000 neighbouring rows changed", near, runs);
    (void)measure_diff(&r, "diff, one row in a thousand changed", far, runs);
    merge_ms = measure_small_merges(&r, "merge, one row changed on each side", runs);
    (void)bench_session_run(r.session, "SET arm_merge_few_rows = 0");
    (void)measure_small_merges(&r, "... by a statement", runs);
    (void)bench_session_run(r.session, "SET arm_merge_few_rows = 256");
    (void)measure_large_merges(&r, runs);
    measure_load_merges(&r, runs);
    close_repository(&r, path);
    if (bench_size(0, 1) == 1) {
        make_repository(&r, path, 10LL * ROWS);
        large_diff_ms = measure_diff(&r, "diff, the same of ten million rows", near, runs);
        close_repository(&r, path);
    }
    printf("\nbudget: diff of 1,000 changed rows of a million %.0f ms: %.2f, %s\n", diff_budget_ms,
           diff_ms, bench_verdict(diff_ms <= diff_budget_ms));
    if (large_diff_ms > 0) {
        printf("budget: ... of ten million %.0f ms: %.2f, %s\n", large_diff_budget_ms,
               large_diff_ms, bench_verdict(large_diff_ms <= large_diff_budget_ms));
    }
    printf("budget: merge with one changed row on each side %.0f ms: %.2f, %s\n", merge_budget_ms,
           merge_ms, bench_verdict(merge_ms <= merge_budget_ms));
    return 0;
}
