/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a load and of scans, of n and of 10 n rows, each in a process of its own with a limit
 * for DuckDB: the most that was resident, and what was before the work began (the libraries, and
 * DuckDB started).
 *
 * usage: memory WORK_DIRECTORY [ROWS]          FULL=1: 4,000,000 and ten times as many
 *
 * Budget: with 10 n rows no more than DuckDB's limit and 64 MiB. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/bench.h"

enum { ROWS = 1000000, ROWS_FULL = 4000000, ROWS_MAX = 100000000, WORKS = 4, SQL_BYTES = 400 };
static const uint64_t limit_bytes = UINT64_C(256) << 20;
static const double ours_mib = 64;
static const double mib = 1024 * 1024;

static const char *const works[WORKS] = {"load", "create", "sum", "rows"};
static const char *const work_names[WORKS] = {"load, from an Arrow stream",
                                              "CREATE TABLE AS SELECT", "scan, into sums",
                                              "scan, all rows streamed out"};

static double resident_mib(void)
{
    char *status = bench_read_text("/proc/self/status");
    const char *line = strstr(status, "VmRSS:");
    double kb = 0;

    if (line == NULL || sscanf(line, "VmRSS: %lf", &kb) != 1) {
        bench_fail("/proc/self/status", "no VmRSS");
    }
    free(status);
    return kb / 1024;
}

static void load(arm_repo *repo, arm_session *session, const char *select)
{
    struct arm_write_result result;
    struct ArrowArrayStream stream;
    struct arm_error err;
    arm_session *source = NULL;

    bench_check(arm_session_open(repo, NULL, &source, &err), &err, "session");
    bench_check(arm_sql(source, select, NULL, &stream, NULL, &err), &err, select);
    bench_check(arm_write(session, "t", &stream, NULL, &result, &err), &err, "write");
    arm_session_close(source);
}

/* The process that is measured: prints what was resident before. */
static int work(const char *what, const char *path, const char *rows)
{
    struct arm_repo_options options = {
        .size = sizeof options, .create = true, .memory_limit_bytes = limit_bytes};
    char select[SQL_BYTES];
    char sql[SQL_BYTES + 40];
    struct arm_error err;
    arm_repo *repo = NULL;
    arm_session *session = NULL;

    (void)snprintf(select, sizeof select,
                   "SELECT i AS id, hash(i)::DOUBLE AS amount, 'note ' || hash(i) AS note "
                   "FROM range(%s) r(i)",
                   rows);
    (void)snprintf(sql, sizeof sql, "CREATE TABLE u AS %s", select);
    bench_check(arm_repo_open(path, &options, &repo, &err), &err, path);
    bench_check(arm_session_open(repo, NULL, &session, &err), &err, "session");
    (void)bench_session_run(session, "SELECT 1");
    printf("%f\n", resident_mib());
    if (strcmp(what, works[0]) == 0) {
        load(repo, session, select);
    } else if (strcmp(what, works[1]) == 0) {
        (void)bench_session_run(session, sql);
    } else if (strcmp(what, works[2]) == 0) {
        (void)bench_session_run(session, "SELECT sum(id), sum(amount), sum(length(note)) FROM t");
    } else {
        (void)bench_session_run(session, "SELECT * FROM t");
    }
    arm_session_close(session);
    arm_repo_close(repo);
    return 0;
}

int main(int argc, char **argv)
{
    char path[2][BENCH_PATH_BYTES];
    char rows[2][32];
    double limit = (double)limit_bytes / mib + ours_mib;
    double worst = 0;
    size_t count;

    if (argc == 5 && strcmp(argv[1], "--work") == 0) {
        return work(argv[2], argv[3], argv[4]);
    }
    if (argc < 2) {
        bench_fail("usage", "memory WORK_DIRECTORY [ROWS]");
    }
    count = bench_count(argc, argv, 2, bench_size(ROWS, ROWS_FULL), ROWS_MAX);
    for (size_t i = 0; i < 2; i++) {
        (void)bench_path(argv[1], i == 0 ? "memory-1" : "memory-10", path[i]);
        (void)snprintf(rows[i], sizeof rows[i], "%zu", i == 0 ? count : 10 * count);
    }
    printf("| MiB resident at most (before the work); DuckDB's limit %.0f | %s rows | %s rows |\n"
           "|---|---|---|\n",
           (double)limit_bytes / mib, rows[0], rows[1]);
    for (size_t w = 0; w < WORKS; w++) {
        printf("| %s |", work_names[w]);
        for (size_t i = 0; i < 2; i++) {
            const char *const arguments[] = {"--work", works[w], path[i], rows[i], NULL};
            double before;
            long peak_kb = 0;

            bench_child(arguments, &before, 1, &peak_kb);
            printf(" %.0f (%.0f) |", (double)peak_kb / 1024, before);
            worst = i == 1 && (double)peak_kb / 1024 > worst ? (double)peak_kb / 1024 : worst;
        }
        printf("\n");
    }
    printf("\nbudget: with ten times the rows at most %.0f MiB resident, of %.0f + %.0f: %s\n",
           worst, (double)limit_bytes / mib, ours_mib, bench_verdict(worst <= limit));
    for (size_t i = 0; i < 2; i++) {
        bench_remove_tree(path[i]);
    }
    return 0;
}
