/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE3 on one processor beside reading and copying the same memory; and verify and verify
 * --full of a repository beside reading the same files, and reading and hashing them.
 *
 * usage: hash WORK_DIRECTORY [ROWS]          FULL=1: 40,000,000 rows (1 GB) in place of 4,000,000
 *
 * All on one thread; ratios are of processor time, which a busy machine does not change.
 *
 * Budget: verify --full at most 1.25 x verify and reading and hashing the same files. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "support/bench.h"

enum { BUFFER_BYTES = 64 << 20, RUNS = 5, WAYS = 3, SQL_BYTES = 200 };
static const double budget = 1.25;

static double gigabytes_a_second(double bytes, double ms)
{
    return bytes / 1e6 / ms;
}

/* ---- Memory ---- */

static uint64_t run_memory(size_t way, const uint64_t *from, uint64_t *to)
{
    uint64_t sum = 0;

    if (way == 0) {
        for (size_t i = 0; i < BUFFER_BYTES / sizeof *from; i++) {
            sum += from[i];
        }
    } else if (way == 1) {
        memcpy(to, from, BUFFER_BYTES);
        sum = to[from[0] % 64];
    } else {
        struct arm_hash hash = arm__hash(arm__bytes(from, BUFFER_BYTES));

        memcpy(&sum, hash.bytes, sizeof sum);
    }
    return sum;
}

static void measure_memory(void)
{
    static const char *const names[WAYS] = {"reading", "memcpy", "BLAKE3"};
    uint64_t *from = malloc(BUFFER_BYTES);
    uint64_t *to = malloc(BUFFER_BYTES);
    double times[WAYS][RUNS];
    uint64_t kept = 0;

    if (from == NULL || to == NULL) {
        bench_fail("hash", "out of memory");
    }
    for (size_t i = 0; i < BUFFER_BYTES / sizeof *from; i++) {
        from[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    }
    memset(to, 1, BUFFER_BYTES);
    for (size_t run = 0; run < RUNS; run++) {
        for (size_t way = 0; way < WAYS; way++) {
            double start = bench_cpu_ms();

            kept += run_memory(way, from, to);
            times[way][run] = bench_cpu_ms() - start;
        }
    }
    printf("| 64 MiB in memory, one processor | GB/s |\n|---|---|\n");
    for (size_t way = 0; way < WAYS; way++) {
        printf("| %s | %.2f |\n", names[way],
               gigabytes_a_second(BUFFER_BYTES, bench_median(times[way], RUNS)));
    }
    printf("%s\n", kept == 1 ? " " : ""); /* so that nothing is left out */
    free(to);
    free(from);
}

/* ---- A repository ---- */

static void make(const char *path, size_t rows)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    struct arm_error err;
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    char sql[SQL_BYTES];

    bench_remove_tree(path);
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE t AS SELECT hash(i) AS a, hash(i, 1) AS b, hash(i, 2) AS c "
                   "FROM range(%zu) r(i)",
                   rows);
    bench_check(arm_repo_open(path, &options, &repo, &err), &err, "open");
    bench_check(arm_session_open(repo, NULL, &session, &err), &err, "session");
    (void)bench_session_run(session, sql);
    arm_session_close(session);
    arm_repo_close(repo);
}

static void verify(arm_repo *repo, bool is_full)
{
    struct arm_verify_options options = {.size = sizeof options, .full = is_full};
    struct arm_verify_result result;
    struct arm_error err;

    bench_check(arm_verify(repo, &options, &result, &err), &err, "verify");
    if (!result.is_healthy) {
        bench_fail("verify", "damage");
    }
}

static void measure_files(const char *path)
{
    static const char *const names[] = {"reading the files", "reading and hashing them", "verify",
                                        "verify --full"};
    double times[4][RUNS];
    double cpu[4][RUNS];
    double medians[4];
    char chunks[BENCH_PATH_BYTES];
    struct arm_error err;
    arm_repo *repo = NULL;
    double bytes;
    double limit;

    bytes = (double)bench_tree_sizes(bench_path(path, "chunks", chunks)).apparent_bytes;
    bench_check(arm_repo_open(path, NULL, &repo, &err), &err, "open");
    for (size_t run = 0; run < RUNS; run++) {
        for (size_t i = 0; i < 4; i++) {
            cpu[i][run] = bench_cpu_ms();
            times[i][run] = bench_now_ms();
            if (i < 2) {
                (void)bench_hash_files(chunks, i == 1);
            } else {
                verify(repo, i == 3);
            }
            times[i][run] = bench_now_ms() - times[i][run];
            cpu[i][run] = bench_cpu_ms() - cpu[i][run];
        }
    }
    arm_repo_close(repo);
    printf("| %.0f MB in %.0f chunks | median ms | processor ms | GB a second of processor |\n"
           "|---|---|---|---|\n",
           bytes / 1e6, (double)bench_tree_sizes(chunks).file_count);
    for (size_t i = 0; i < 4; i++) {
        medians[i] = bench_median(cpu[i], RUNS);
        printf("| %s | %.1f | %.1f | %.2f |\n", names[i], bench_median(times[i], RUNS), medians[i],
               gigabytes_a_second(bytes, medians[i]));
    }
    limit = medians[1] + medians[2];
    printf("\nbudget: verify --full %.2f x verify and reading and hashing the same files, at most "
           "%.2f: %s\n",
           medians[3] / limit, budget, bench_verdict(medians[3] <= budget * limit));
}

int main(int argc, char **argv)
{
    char path[BENCH_PATH_BYTES];

    if (argc < 2) {
        bench_fail("usage", "hash WORK_DIRECTORY [ROWS]");
    }
    measure_memory();
    make(bench_path(argv[1], "hash", path),
         bench_count(argc, argv, 2, bench_size(4000000, 40000000), 1000000000));
    measure_files(path);
    bench_remove_tree(path);
    return 0;
}
