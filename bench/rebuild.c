/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a repository of many commits, each time in a fresh process: closed clean; after a kill
 * in the same boot; after its index is lost, with the checkpoints that its commits made and
 * without. Beside the last: reading the same log and hashing it, which no fold can do without.
 *
 * usage: rebuild WORK_DIRECTORY [COMMITS]          FULL=1: 1,000,000 in place of 100,000
 *        rebuild --make PATH COMMITS; rebuild --open PATH          for a profile of one opening */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "support/kernel.h"

enum { TABLES = 10, RUNS = 3, COMMITS_MAX = 100000000, NUMBERS = 5 };
static const double million = 1e6;

/* What a process that opens it prints. */
struct opening {
    double ms;
    double cpu_ms;
    double folded;
    double restored_tx;
    double is_rebuilt;
};

static int open_and_tell(const char *path, bool is_killed)
{
    struct bench_kernel k = {.row_count = 0};
    struct arm_recovery_report report;
    double cpu = bench_cpu_ms();
    double start = bench_now_ms();

    bench_kernel_open(&k, path, true);
    start = bench_now_ms() - start;
    cpu = bench_cpu_ms() - cpu;
    arm__repository_recovery(k.repository, &report);
    printf("%f %f %llu %llu %d\n", start, cpu, (unsigned long long)report.folded,
           (unsigned long long)report.restored_tx, report.rebuilt);
    if (is_killed) {
        bench_kernel_append(&k, "t0");
        (void)kill(getpid(), SIGKILL);
    }
    bench_kernel_close(&k);
    return 0;
}

static struct opening open_once(const char *path)
{
    const char *const arguments[] = {"--open", path, NULL};
    double numbers[NUMBERS];

    bench_child(arguments, numbers, NUMBERS, NULL);
    return (struct opening){numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
}

static void kill_once(const char *path)
{
    const char *const arguments[] = {"--kill", path, NULL};

    bench_child_killed(arguments);
}

static void lose_index(const char *path, bool checkpoints_too)
{
    char part[BENCH_PATH_BYTES];

    bench_remove_tree(bench_path(path, "index", part));
    if (checkpoints_too) {
        (void)remove(bench_path(path, "log/checkpoint", part));
    }
}

enum loss { LOSS_NONE, LOSS_KILL, LOSS_INDEX, LOSS_ALL, LOSSES };
static const char *const loss_names[LOSSES] = {"after a clean close", "after a kill, same boot",
                                               "index lost, with checkpoints",
                                               "index and log/checkpoint lost"};

static struct opening open_after(const char *path, enum loss loss)
{
    struct opening openings[RUNS];
    double times[RUNS];
    double cpu[RUNS];
    double done;

    for (size_t i = 0; i < RUNS; i++) {
        if (loss == LOSS_KILL) {
            kill_once(path);
        } else if (loss != LOSS_NONE) {
            lose_index(path, loss == LOSS_ALL);
        }
        openings[i] = open_once(path);
        times[i] = openings[i].ms;
        cpu[i] = openings[i].cpu_ms;
    }
    done = openings[0].folded + openings[0].restored_tx;
    openings[0].ms = bench_median(times, RUNS);
    openings[0].cpu_ms = bench_median(cpu, RUNS);
    printf("| %s | %.1f | %.1f | %.0f | %.0f | %.2f |\n", loss_names[loss], openings[0].ms,
           openings[0].cpu_ms, openings[0].restored_tx, openings[0].folded,
           done > 1 ? 1e3 * openings[0].cpu_ms / done : 0);
    return openings[0];
}

static void make(const char *path, size_t commits)
{
    struct bench_kernel k = {.row_count = 0};
    char name[16];
    double start = bench_now_ms();
    double cpu = bench_cpu_ms();

    bench_kernel_make(&k, path);
    for (size_t i = 0; i < TABLES; i++) {
        (void)snprintf(name, sizeof name, "t%zu", i);
        bench_kernel_table(&k, name);
    }
    for (size_t i = 0; i < commits; i++) {
        (void)snprintf(name, sizeof name, "t%zu", i % TABLES);
        bench_kernel_append(&k, name);
    }
    start = bench_now_ms() - start;
    cpu = bench_cpu_ms() - cpu;
    bench_kernel_close(&k);
    printf("%zu commits of one row, %d tables, made without syncs: %.1f us each, %.1f us of "
           "processor time.\n\n",
           commits, TABLES, 1e3 * start / (double)commits, 1e3 * cpu / (double)commits);
}

int main(int argc, char **argv)
{
    char path[BENCH_PATH_BYTES];
    char log[BENCH_PATH_BYTES];
    struct opening at[LOSSES];
    double hashing;
    size_t commits;

    if (argc == 3 && (strcmp(argv[1], "--open") == 0 || strcmp(argv[1], "--kill") == 0)) {
        return open_and_tell(argv[2], strcmp(argv[1], "--kill") == 0);
    }
    if (argc == 4 && strcmp(argv[1], "--make") == 0) {
        make(argv[2], bench_count(argc, argv, 3, 1, COMMITS_MAX));
        return 0;
    }
    if (argc < 2) {
        bench_fail("usage", "rebuild WORK_DIRECTORY [COMMITS]");
    }
    commits = bench_count(argc, argv, 2, bench_size(100000, 1000000), COMMITS_MAX);
    make(bench_path(argv[1], "rebuild", path), commits);
    printf("| opening | median ms | processor ms | restored up to tx | commits folded | "
           "processor us a commit |\n|---|---|---|---|---|---|\n");
    for (int loss = 0; loss < LOSSES; loss++) {
        at[loss] = open_after(path, (enum loss)loss);
    }
    hashing = bench_hash_files(bench_path(path, "log", log), true);
    printf("| (reading and hashing the same log) | %.1f | | | | %.2f |\n", hashing,
           1e3 * hashing / (double)commits);
    printf("\nbudget: none is set; a million commits take %.1f s of processor from the log alone, "
           "%.1f s with checkpoints\n",
           at[LOSS_ALL].cpu_ms / 1e3 * million / (double)commits,
           at[LOSS_INDEX].cpu_ms / 1e3 * million / (double)commits);
    bench_remove_tree(path);
    return 0;
}
