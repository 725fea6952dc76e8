/* SPDX-License-Identifier: Apache-2.0 */
/* What a commit of one row adds to the repository: log, index and all, as files say and as the
 * disk gives. First 1,000 SQL INSERTs, each a commit; then many commits of one row without SQL,
 * over which the steps by which files grow even out.
 *
 * usage: bytes WORK_DIRECTORY [COMMITS]          FULL=1: 1,000,000 in place of 100,000
 *
 * Budgets: at most 1,024 bytes of index and log a commit; 1,000 commits at most 1.1 MB on disk. */

#include <stdio.h>

#include "support/kernel.h"

enum { STATEMENTS = 1000 };
static const double commit_budget_bytes = 1024;
static const double thousand_budget_bytes = 1.1e6;

/* Of the log, what frames fill; of the index, what its pages fill. */
struct usage {
    struct bench_sizes log;
    struct bench_sizes index;
    struct bench_sizes all;
    double log_filled;
    double index_filled;
};

static void read_filled(const char *path, struct usage *out)
{
    struct arm_repository_options options = {.read_only = true};
    struct arm_repository *repository = NULL;
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    struct arm_error err;
    uint64_t pages = 0;

    bench_check(arm__repository_open(path, &options, &repository, &err), &err, "open");
    bench_check(arm__index_read(arm__repository_index(repository), &txn, &err), &err, "index");
    bench_check(arm__index_state(txn, &state, &err), &err, "state");
    arm__index_abort(txn);
    bench_check(arm__index_size(arm__repository_index(repository), &pages, &err), &err, "size");
    out->log_filled =
        (double)arm__log_position_bytes(arm__repository_log(repository), &state.folded);
    out->index_filled = (double)pages;
    arm__repository_close(repository);
}

static struct usage usage_of(const char *path)
{
    char part[BENCH_PATH_BYTES];
    struct usage usage;

    usage.log = bench_tree_sizes(bench_path(path, "log", part));
    usage.index = bench_tree_sizes(bench_path(path, "index", part));
    usage.all = bench_tree_sizes(path);
    read_filled(path, &usage);
    return usage;
}

static void print_row(const char *what, double count, struct bench_sizes from,
                      struct bench_sizes to, double filled)
{
    printf("| %s | %.0f | %.0f | %.0f |\n", what, filled / count,
           (double)(to.apparent_bytes - from.apparent_bytes) / count,
           (double)(to.allocated_bytes - from.allocated_bytes) / count);
}

/* Bytes a commit of log and index, as filled. */
static double report(const char *what, double count, const struct usage *from,
                     const struct usage *to)
{
    double log = to->log_filled - from->log_filled;
    double index = to->index_filled - from->index_filled;

    printf("| %s: bytes a commit | filled | size of files | on disk |\n|---|---|---|---|\n", what);
    print_row("log", count, from->log, to->log, log);
    print_row("index", count, from->index, to->index, index);
    print_row("repository", count, from->all, to->all, log + index);
    printf("\n");
    return (log + index) / count;
}

static void insert_rows(const char *path)
{
    struct arm_repo_options options = {.size = sizeof options};
    struct arm_error err;
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    char sql[200];

    bench_check(arm_repo_open(path, &options, &repo, &err), &err, "open");
    bench_check(arm_session_open(repo, NULL, &session, &err), &err, "session");
    for (int i = 0; i < STATEMENTS; i++) {
        (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%d, %d.25, 'note %d')", i, i, i);
        (void)bench_session_run(session, sql);
    }
    arm_session_close(session);
    arm_repo_close(repo);
}

int main(int argc, char **argv)
{
    struct bench_kernel k = {.row_count = 0};
    char path[BENCH_PATH_BYTES];
    struct usage at[3];
    size_t commits;
    double thousand;
    double filled;

    if (argc < 2) {
        bench_fail("usage", "bytes WORK_DIRECTORY [COMMITS]");
    }
    commits = bench_count(argc, argv, 2, bench_size(100000, 1000000), 100000000);
    bench_kernel_make(&k, bench_path(argv[1], "bytes", path));
    bench_kernel_table(&k, "t");
    bench_kernel_close(&k);
    at[0] = usage_of(path);
    insert_rows(path);
    at[1] = usage_of(path);
    bench_kernel_open(&k, path, false);
    for (size_t i = 0; i < commits; i++) {
        bench_kernel_append(&k, "t");
    }
    bench_kernel_close(&k);
    at[2] = usage_of(path);
    (void)report("1,000 SQL INSERTs", STATEMENTS, &at[0], &at[1]);
    filled = report("commits of one row", (double)commits, &at[1], &at[2]);
    thousand = (double)(at[1].all.allocated_bytes - at[0].all.allocated_bytes);
    printf("An empty repository with one table takes %.0f bytes on disk.\n\n",
           (double)at[0].all.allocated_bytes);
    printf("budget: 1,000 commits by SQL take %.2f MB on disk, at most %.1f: %s\n\n",
           thousand / 1e6, thousand_budget_bytes / 1e6,
           bench_verdict(thousand <= thousand_budget_bytes));
    printf("budget: log and index grow by %.0f bytes a commit, at most %.0f: %s\n", filled,
           commit_budget_bytes, bench_verdict(filled <= commit_budget_bytes));
    bench_remove_tree(path);
    return 0;
}
