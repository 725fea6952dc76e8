/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a snapshot of any version: from a ref to the tx, from there to the table's version and
 * schema, and from there to its state (the entries that a scan walks), with nothing cached and
 * with the state cached. The states of three tables: one entry and as many versions as there are
 * commits; the entries of up to 100 commits; and those of up to 100,000, for which making the
 * state is a matter of its size, not of its age.
 *
 * usage: snapshot WORK_DIRECTORY [COMMITS]          FULL=1: 1,000,000 in place of 100,000
 *
 * Budget: snapshot, version and schema of any tx in less than 20 us (median), and so its state
 * where it is cached, or small. */

#include <stdio.h>
#include <stdlib.h>

#include "support/kernel.h"

enum { RUNS = 300, COMMITS_MAX = 100000000, SHORT_VERSIONS = 100, STEPS = 4 };
static const double budget_us = 20;

enum step { STEP_RESOLVE, STEP_TABLE, STEP_COLD, STEP_WARM };
static const char *const step_names[STEPS] = {"ref to tx", "table at tx", "state, nothing cached",
                                              "state, cached"};

struct picture {
    const char *table;
    const char *what;
    uint64_t first_tx; /* any from here ... */
    uint64_t last_tx;
    double times[STEPS][RUNS];
    double medians[STEPS];
};

static uint64_t last_tx(struct bench_kernel *k)
{
    return arm__log_durable_to(arm__repository_log(k->repository));
}

static double time_state(struct arm_catalog *catalog, const struct arm_table_info *info)
{
    struct arm_table_state *state = NULL;
    struct arm_error err;
    double start = bench_now_ms();

    bench_check(arm__catalog_state(catalog, &info->row.table_id, info->row.version, &state, &err),
                &err, "state");
    start = bench_now_ms() - start;
    arm__table_state_drop(state);
    return start;
}

/* One snapshot of a tx, step by step, in a catalog that has cached nothing. Names and states in
 * turns of their own: making a large state leaves nothing of the index in the processor's cache. */
static void open_one(struct bench_kernel *k, struct picture *picture, size_t run, bool with_state)
{
    uint64_t span = picture->last_tx - picture->first_tx + 1;
    uint64_t tx = picture->first_tx + ((uint64_t)random() << 31 ^ (uint64_t)random()) % span;
    struct arm_catalog *catalog = NULL;
    struct arm_table_info info = {.schema = NULL};
    struct arm_snapshot on;
    struct arm_snapshot at;
    struct arm_error err;
    char ref[32];
    bool found;
    double start;
    double middle;

    (void)snprintf(ref, sizeof ref, "tx:%llu", (unsigned long long)tx);
    bench_check(arm__catalog_new(arm__repository_index(k->repository),
                                 arm__repository_log(k->repository),
                                 arm__repository_store(k->repository), &catalog, &err),
                &err, "catalog");
    bench_check(arm__catalog_snapshot(catalog, "main", &on, &err), &err, "snapshot");
    start = bench_now_ms();
    bench_check(arm__catalog_resolve(catalog, &on, ref, &at, &err), &err, ref);
    middle = bench_now_ms();
    bench_check(arm__catalog_table(catalog, &at, "main", picture->table, &info, &found, &err), &err,
                "table");
    if (!found) {
        bench_fail(picture->table, "no such table");
    }
    if (with_state) {
        picture->times[STEP_COLD][run] = time_state(catalog, &info);
        picture->times[STEP_WARM][run] = time_state(catalog, &info);
    } else {
        picture->times[STEP_TABLE][run] = bench_now_ms() - middle;
        picture->times[STEP_RESOLVE][run] = middle - start;
    }
    arm__table_info_release(&info);
    arm__catalog_free(catalog);
}

static void make(struct bench_kernel *k, struct picture *picture, size_t versions, bool replacing)
{
    bench_kernel_table(k, picture->table);
    picture->first_tx = last_tx(k);
    for (size_t v = 1; v < versions; v++) {
        if (replacing) {
            bench_kernel_replace(k, picture->table);
        } else {
            bench_kernel_append(k, picture->table);
        }
    }
    picture->last_tx = last_tx(k);
}

static void report(struct picture *picture)
{
    uint64_t versions = picture->last_tx - picture->first_tx + 1;

    printf("| %s | %llu |", picture->what, (unsigned long long)versions);
    for (size_t s = 0; s < STEPS; s++) {
        picture->medians[s] = 1e3 * bench_median(picture->times[s], RUNS);
        printf(" %.1f (%.1f) |", picture->medians[s], 1e3 * picture->times[s][RUNS * 99 / 100]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    static struct picture pictures[] = {
        {.table = "replaced", .what = "one entry, replaced by each commit"},
        {.table = "short", .what = "a hot row a commit, few commits"},
        {.table = "long", .what = "a hot row a commit"},
    };
    static const size_t count = sizeof pictures / sizeof *pictures;
    struct bench_kernel k = {.row_count = 0};
    char path[BENCH_PATH_BYTES];
    size_t commits;
    double open_us = 0;
    double small_us;

    if (argc < 2) {
        bench_fail("usage", "snapshot WORK_DIRECTORY [COMMITS]");
    }
    commits = bench_count(argc, argv, 2, bench_size(100000, 1000000), COMMITS_MAX);
    bench_kernel_make(&k, bench_path(argv[1], "snapshot", path));
    make(&k, &pictures[0], commits, true);
    make(&k, &pictures[1], SHORT_VERSIONS, false);
    make(&k, &pictures[2], commits, false);
    printf("| us, median (99 %%); table | versions |");
    for (size_t s = 0; s < STEPS; s++) {
        printf(" %s |", step_names[s]);
    }
    printf("\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        double sum;

        for (size_t run = 0; run < (size_t)2 * RUNS; run++) {
            open_one(&k, &pictures[i], run % RUNS, run >= RUNS);
        }
        report(&pictures[i]);
        sum = pictures[i].medians[STEP_RESOLVE] + pictures[i].medians[STEP_TABLE];
        open_us = sum > open_us ? sum : open_us;
    }
    small_us = pictures[0].medians[STEP_RESOLVE] + pictures[0].medians[STEP_TABLE] +
               pictures[0].medians[STEP_COLD];
    printf("\nbudget: snapshot, version and schema of any tx %.1f us, with the state of a small "
           "table %.1f us, less than %.0f: %s\n",
           open_us, small_us, budget_us,
           bench_verdict(open_us < budget_us && small_us < budget_us));
    bench_kernel_close(&k);
    bench_remove_tree(path);
    return 0;
}
