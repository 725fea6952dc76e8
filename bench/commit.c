/* SPDX-License-Identifier: Apache-2.0 */
/* Commits of one row by age and size of the table: at version 10 … 100,000, and with 10 … 100,000
 * chunks. Each repository gets one commit in turn, and a 512-byte append + fdatasync stands beside
 * them, so that all see the same disk. A window of 257 commits of one table holds one that puts
 * the manifest's nodes (every 256 versions): the mean tells what that costs.
 *
 * Histories are made without syncs, then measured with them; once more without, which shows the
 * work that the disk hides; and as SQL text through the public calls.
 *
 * usage: commit WORK_DIRECTORY [ROUNDS]          FULL=1: more rounds
 *
 * Budgets: median and mean at most 1.2 x those at 10; at 10, at most 1.5 x the append. */

#include <stdio.h>
#include <stdlib.h>

#include "support/kernel.h"

enum { SIZES = 5, WINDOW = 257, ROUNDS_MAX = 100, PLACES = 2 * SIZES, NAME_BYTES = 32 };
static const size_t sizes[SIZES] = {10, 100, 1000, 10000, 100000};
static const double ratio_budget = 1.2;
static const double sync_budget = 1.5;

/* One repository, with a table for each round where a window would make it much older. */
struct place {
    struct bench_kernel kernel;
    char path[BENCH_PATH_BYTES];
    bool by_chunks; /* else by versions */
    size_t size;
    size_t table_count;
    arm_repo *repo; /* when SQL is measured */
    arm_session *session;
    double *times;
    size_t time_count;
};

static void table_name(const struct place *place, size_t round, char out[NAME_BYTES])
{
    (void)snprintf(out, NAME_BYTES, "t%zu", round % place->table_count);
}

static void make_place(struct place *place, const char *work, size_t rounds)
{
    char name[NAME_BYTES];

    (void)snprintf(name, sizeof name, "commit-%s-%zu", place->by_chunks ? "chunks" : "versions",
                   place->size);
    (void)bench_path(work, name, place->path);
    place->table_count = place->size <= 100 ? 3 * rounds : 1;
    place->times = calloc(rounds * WINDOW, sizeof *place->times);
    if (place->times == NULL) {
        bench_fail(work, "out of memory");
    }
    bench_kernel_make(&place->kernel, place->path);
    for (size_t t = 0; t < place->table_count; t++) {
        table_name(place, t, name);
        bench_kernel_table(&place->kernel, name);
        if (place->by_chunks) {
            bench_kernel_append_names(&place->kernel, name, place->size);
        }
        for (size_t v = 1; !place->by_chunks && v < place->size; v++) {
            bench_kernel_append(&place->kernel, name);
        }
    }
}

/* ---- The windows ---- */

static double commit_once(struct place *place, const char *table)
{
    char sql[200];
    double start;

    if (place->session == NULL) {
        start = bench_now_ms();
        bench_kernel_append(&place->kernel, table);
    } else {
        (void)snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (%zu, %zu.5, 'note %zu')", table,
                       place->time_count, place->time_count, place->time_count);
        start = bench_now_ms();
        (void)bench_session_run(place->session, sql);
    }
    return bench_now_ms() - start;
}

/* `first_table`: so that every pass has tables of its own. */
static void measure(struct place *places, size_t first_table, size_t rounds,
                    struct bench_sync_probe *probe, double *append, double *overwrite)
{
    char table[NAME_BYTES];
    size_t probes = 0;

    for (size_t p = 0; p < PLACES; p++) {
        places[p].time_count = 0;
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < WINDOW; i++) {
            for (size_t p = 0; p < PLACES; p++) {
                table_name(&places[p], first_table + round, table);
                places[p].times[places[p].time_count] = commit_once(&places[p], table);
                places[p].time_count++;
            }
            if (probe != NULL) {
                append[probes] = bench_sync_probe_append(probe);
                overwrite[probes++] = bench_sync_probe_overwrite(probe);
            }
        }
    }
}

struct figures {
    double median;
    double mean;
};

static struct figures figures_of(const struct place *place)
{
    struct figures figures = {.mean = bench_mean(place->times, place->time_count)};

    figures.median = bench_median(place->times, place->time_count);
    return figures;
}

/* Print a table of the places; the worst ratios to the first of each kind. */
static struct figures report(const char *what, const struct place *places)
{
    struct figures worst = {0, 0};
    struct figures first = {0, 0};

    printf("| %s | median us | mean us | x median at 10 | x mean at 10 |\n|---|---|---|---|---|\n",
           what);
    for (size_t p = 0; p < PLACES; p++) {
        struct figures f = figures_of(&places[p]);

        first = p % SIZES == 0 ? f : first;
        printf("| %s %zu | %.0f | %.0f | %.2f | %.2f |\n",
               places[p].by_chunks ? "chunks" : "version", places[p].size, 1e3 * f.median,
               1e3 * f.mean, f.median / first.median, f.mean / first.mean);
        worst.median =
            f.median / first.median > worst.median ? f.median / first.median : worst.median;
        worst.mean = f.mean / first.mean > worst.mean ? f.mean / first.mean : worst.mean;
    }
    printf("\n");
    return worst;
}

static void tell(const char *what, struct figures worst)
{
    printf("budget: %s, worst ratio to 10: median %.2f, mean %.2f, at most %.1f: %s\n\n", what,
           worst.median, worst.mean, ratio_budget,
           bench_verdict(worst.median <= ratio_budget && worst.mean <= ratio_budget));
}

/* ---- The three passes ---- */

static void pass_synced(struct place *places, size_t rounds, struct bench_sync_probe *probe)
{
    double *append = calloc(rounds * WINDOW, sizeof *append);
    double *overwrite = calloc(rounds * WINDOW, sizeof *overwrite);
    struct figures worst;
    double limit;
    double at_ten;

    if (append == NULL || overwrite == NULL) {
        bench_fail("commit", "out of memory");
    }
    for (size_t p = 0; p < PLACES; p++) {
        places[p].kernel.is_syncing = true;
    }
    measure(places, 0, rounds, probe, append, overwrite);
    worst = report("durable commit of one row at", places);
    limit = bench_median(append, rounds * WINDOW);
    at_ten = figures_of(&places[0]).median;
    printf("beside them, medians: 512 bytes appended + fdatasync %.0f us, written over zeros + "
           "fdatasync %.0f us\n\n",
           1e3 * limit, 1e3 * bench_median(overwrite, rounds * WINDOW));
    tell("durable commit of one row", worst);
    printf("budget: durable commit of one row %.2f x an append + fdatasync, at most %.1f: %s\n\n",
           at_ten / limit, sync_budget, bench_verdict(at_ten <= sync_budget * limit));
    free(append);
    free(overwrite);
}

static void pass_unsynced(struct place *places, size_t rounds)
{
    for (size_t p = 0; p < PLACES; p++) {
        places[p].kernel.is_syncing = false;
    }
    measure(places, rounds, rounds, NULL, NULL, NULL);
    (void)report("the same without sync at", places);
}

static void pass_sql(struct place *places, size_t rounds, struct bench_sync_probe *probe)
{
    struct arm_repo_options options = {.size = sizeof options, .thread_count = 1};
    double *append = calloc(rounds * WINDOW, sizeof *append);
    double *overwrite = calloc(rounds * WINDOW, sizeof *overwrite);
    struct arm_error err;

    for (size_t p = 0; p < PLACES; p++) {
        bench_check(arm_repo_open(places[p].path, &options, &places[p].repo, &err), &err, "open");
        bench_check(arm_session_open(places[p].repo, NULL, &places[p].session, &err), &err,
                    "session");
        (void)bench_session_run(places[p].session, "SELECT 1");
    }
    measure(places, 2 * rounds, rounds, probe, append, overwrite);
    tell("SQL INSERT of one row, as text", report("SQL INSERT of one row, as text, at", places));
    printf("beside them: 512 bytes appended + fdatasync %.0f us\n",
           1e3 * bench_median(append, rounds * WINDOW));
    for (size_t p = 0; p < PLACES; p++) {
        arm_session_close(places[p].session);
        arm_repo_close(places[p].repo);
    }
    free(append);
    free(overwrite);
}

int main(int argc, char **argv)
{
    struct place *places = calloc(PLACES, sizeof *places);
    struct bench_sync_probe probe;
    size_t rounds;

    if (argc < 2 || places == NULL) {
        bench_fail("usage", "commit WORK_DIRECTORY [ROUNDS]");
    }
    rounds = bench_count(argc, argv, 2, bench_size(3, 10), ROUNDS_MAX);
    for (size_t p = 0; p < PLACES; p++) {
        places[p].by_chunks = p >= SIZES;
        places[p].size = sizes[p % SIZES];
        make_place(&places[p], argv[1], rounds);
    }
    bench_sync_probe_open(&probe, argv[1]);
    pass_synced(places, rounds, &probe);
    pass_unsynced(places, rounds);
    for (size_t p = 0; p < PLACES; p++) {
        bench_kernel_close(&places[p].kernel);
    }
    pass_sql(places, rounds, &probe);
    bench_sync_probe_close(&probe);
    for (size_t p = 0; p < PLACES; p++) {
        bench_remove_tree(places[p].path);
        free(places[p].times);
    }
    free(places);
    return 0;
}
