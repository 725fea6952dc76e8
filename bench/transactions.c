/* SPDX-License-Identifier: Apache-2.0 */
/* Small transactions, by one writer and by eight: ours by row calls, by prepared SQL and by SQL
 * text, beside SQLite (write-ahead log, FULL) and PostgreSQL (as it comes), in turn on one disk,
 * all durable. Conflicts are tried again, and counted; failures are counted. In the end all sides
 * must hold the same rows.
 *
 * usage: transactions WORK_DIRECTORY POSTGRES ROUNDS [WORKLOAD…]
 *
 * POSTGRES is how to connect ("host=... dbname=..."), or "" where there is none; ROUNDS 0 means
 * the usual number; workloads are chosen by how their names begin. FULL=1: more acts. SIDE=text:
 * only the sides whose names have it, for `perf record`.
 *
 * Budgets: by row calls an INSERT takes at most 1.5 x a 512-byte append + fdatasync, and one writer
 * makes as many a second as SQLite's; prepared 0.1 ms more, as text 0.25 ms more; eight writers
 * make as many as PostgreSQL's, without a conflict or a failure; a lookup takes at most 5 us of a
 * hot row and 50 us of one in a chunk. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transactions/crew.h"

enum {
    ROUNDS_DEFAULT = 5,
    ROUNDS_MAX = 100,
    PROBES = 50, /* a round */
    SIDES_MAX = 5,
    ROWS = 1000000,
    ACCOUNTS = 100000,
};
static const double sync_budget = 1.5;
static const double prepared_budget_ms = 0.1;
static const double text_budget_ms = 0.25;
static const double hot_budget_us = 5;
static const double chunk_budget_us = 50;

/* ---- Workloads ---- */

struct workload {
    const char *name;
    const char *title;
    enum side_act act;
    unsigned writers;
    bool by_processes;
    size_t usual; /* acts of each writer, a round */
    size_t full;
};

static const struct workload workloads[] = {
    {"insert-1", "INSERT of one row, one writer", ACT_INSERT, 1, false, 1000, 5000},
    {"insert-8", "INSERT of one row, 8 threads", ACT_INSERT, 8, false, 250, 1250},
    {"insert-8-processes", "INSERT of one row, 8 processes", ACT_INSERT, 8, true, 250, 1250},
    {"lookup-hot", "lookup by key, a hot row", ACT_LOOKUP_HOT, 1, false, 200, 1000},
    {"lookup-chunk", "lookup by key, a row of a million", ACT_LOOKUP, 1, false, 100, 1000},
    {"update-1", "UPDATE of one row by key, one writer", ACT_UPDATE, 1, false, 50, 500},
    {"update-8", "UPDATE of one row by key, 8 threads", ACT_UPDATE, 8, false, 20, 100},
    {"delete-1", "DELETE of one row by key, one writer", ACT_DELETE, 1, false, 50, 500},
    {"delete-8", "DELETE of one row by key, 8 threads", ACT_DELETE, 8, false, 20, 100},
    {"mixed-1", "transfer over 3 tables and history, one writer", ACT_TRANSFER, 1, false, 50, 500},
    {"mixed-8", "transfer over 3 tables and history, 8 threads", ACT_TRANSFER, 8, false, 20, 100},
    {"upsert", "upsert of 10,000 rows, half of them there", ACT_UPSERT, 1, false, 2, 5},
};
enum { WORKLOADS = sizeof workloads / sizeof *workloads };

/* What one side did in a workload. */
struct figures {
    double per_second; /* median of the rounds */
    double median_ms;
    double p99_ms;
    double mean_ms;
    uint64_t conflicts;
    uint64_t failed;
};

/* ---- Sides ---- */

static const struct side *const sides[] = {
    &side_rows,     &side_prepared, &side_text,
#ifdef ARM_BENCH_SQLITE
    &side_sqlite,
#endif
#ifdef ARM_BENCH_POSTGRES
    &side_postgres,
#endif
};
enum { SIDES = sizeof sides / sizeof *sides };

struct place {
    const struct side *side; /* NULL: not there */
    char where[BENCH_PATH_BYTES];
    void *shared;
};

struct bench {
    struct place places[SIDES];
    size_t rounds;
    const char *work;
    uint64_t first;  /* number of the next act */
    size_t inserted; /* rows of events: ids from 0 on */
    size_t probes;
    double append_ms[ROUNDS_MAX * PROBES];
    double overwrite_ms[ROUNDS_MAX * PROBES];
    struct figures figures[WORKLOADS][SIDES];
};

static bool is_postgres(const struct side *side)
{
    return strcmp(side->name, "PostgreSQL") == 0;
}

static void tell_missing(bool has_postgres)
{
#ifndef ARM_BENCH_SQLITE
    printf("SQLite is not beside them: install libsqlite3-dev, configure and build again.\n\n");
#endif
#ifndef ARM_BENCH_POSTGRES
    printf("PostgreSQL is not beside them: install libpq-dev and postgresql, configure and build "
           "again.\n\n");
    (void)has_postgres;
#else
    if (!has_postgres) {
        printf("PostgreSQL is not beside them, since none was started: install postgresql.\n\n");
    }
#endif
}

static void make_places(struct bench *b, const char *postgres)
{
    const char *only = getenv("SIDE");

    for (size_t i = 0; i < SIDES; i++) {
        struct place *place = &b->places[i];
        char name[32];

        (void)snprintf(name, sizeof name, "transactions-%zu", i);
        (void)bench_path(b->work, name, place->where);
        if (is_postgres(sides[i])) {
            (void)snprintf(place->where, sizeof place->where, "%s", postgres);
        }
        if (place->where[0] != '\0' && (only == NULL || strstr(sides[i]->name, only) != NULL)) {
            place->side = sides[i];
            place->shared = sides[i]->make(place->where, ROWS, ACCOUNTS);
        }
    }
    tell_missing(postgres[0] != '\0');
}

static void close_places(struct bench *b)
{
    for (size_t i = 0; i < SIDES; i++) {
        if (b->places[i].side != NULL) {
            b->places[i].side->unshare(b->places[i].shared);
        }
        if (b->places[i].side != NULL && !is_postgres(sides[i])) {
            bench_remove_tree(b->places[i].where);
        }
    }
}

/* ---- Running them ---- */

struct tally {
    double *times; /* of all rounds */
    double rates[ROUNDS_MAX];
    size_t count;
    struct figures figures;
};

static void run_side(const struct bench *b, const struct workload *w, size_t side, size_t round,
                     struct tally *tally)
{
    const struct place *place = &b->places[side];
    struct crew_plan plan = {.act = w->act,
                             .by_processes = w->by_processes,
                             .writers = w->writers,
                             .count = bench_size(w->usual, w->full),
                             .first = b->first,
                             .events = b->inserted,
                             .rows = ROWS,
                             .accounts = ACCOUNTS};
    struct crew_result result =
        crew_run(place->side, place->where, place->shared, &plan, tally->times + tally->count);

    tally->count += plan.writers * plan.count;
    tally->rates[round] = result.per_second;
    tally->figures.conflicts += result.conflicts;
    tally->figures.failed += result.failed;
    if (result.failed > 0) {
        (void)fprintf(stderr, "bench: %s: %s: %.*s\n", w->name, place->side->name, SIDE_WHY_BYTES,
                      result.why);
    }
}

/* Between the sides' turns, so that it sees the same disk. */
static void probe(struct bench *b)
{
    struct bench_sync_probe probe;

    bench_sync_probe_open(&probe, b->work);
    for (size_t i = 0; i < PROBES; i++) {
        b->append_ms[b->probes] = bench_sync_probe_append(&probe);
        b->overwrite_ms[b->probes++] = bench_sync_probe_overwrite(&probe);
    }
    bench_sync_probe_close(&probe);
}

static void finish(struct tally *tally, size_t rounds)
{
    struct figures *f = &tally->figures;

    f->per_second = bench_median(tally->rates, rounds);
    f->mean_ms = bench_mean(tally->times, tally->count);
    f->median_ms = bench_median(tally->times, tally->count);
    f->p99_ms = tally->times[tally->count * 99 / 100];
    free(tally->times);
}

static void report(const struct bench *b, const struct workload *w, const struct figures *figures)
{
    double base = figures[SIDES - 1].per_second;

    printf("| %s | per second | x %s | median us | mean us | 99 %% us | conflicts | failed |\n"
           "|---|---|---|---|---|---|---|---|\n",
           w->title, sides[SIDES - 1]->name);
    for (size_t i = 0; i < SIDES; i++) {
        const struct figures *f = &figures[i];

        if (b->places[i].side != NULL) {
            printf("| %s | %.0f | %.2f | %.1f | %.1f | %.1f | %llu | %llu |\n", sides[i]->name,
                   f->per_second, base > 0 ? f->per_second / base : 0, 1e3 * f->median_ms,
                   1e3 * f->mean_ms, 1e3 * f->p99_ms, (unsigned long long)f->conflicts,
                   (unsigned long long)f->failed);
        }
    }
    printf("\n");
}

static void measure(struct bench *b, size_t workload)
{
    const struct workload *w = &workloads[workload];
    size_t acts = w->writers * bench_size(w->usual, w->full);
    struct tally *tallies = calloc(SIDES, sizeof *tallies);

    for (size_t i = 0; i < SIDES; i++) {
        if (tallies == NULL ||
            (tallies[i].times = calloc(b->rounds * acts, sizeof(double))) == NULL) {
            bench_fail(w->name, "out of memory");
        }
    }
    for (size_t round = 0; round < b->rounds; round++) {
        if (w->act == ACT_INSERT && w->writers == 1) {
            probe(b);
        }
        for (size_t i = 0; i < SIDES; i++) {
            if (b->places[i].side != NULL) {
                run_side(b, w, i, round, &tallies[i]);
            }
        }
        b->first += acts;
        b->inserted += w->act == ACT_INSERT ? acts : 0;
    }
    for (size_t i = 0; i < SIDES; i++) {
        if (b->places[i].side != NULL) {
            finish(&tallies[i], b->rounds);
            b->figures[workload][i] = tallies[i].figures;
        }
    }
    free(tallies);
    report(b, w, b->figures[workload]);
}

/* ---- What must be so in the end ---- */

/* All sides did the same: they hold the same rows, and no balance was lost. */
static void check_rows(const struct bench *b)
{
    static const char *const questions[] = {
        "SELECT CAST(count(*) AS BIGINT) FROM events",
        "SELECT CAST(sum(id) AS BIGINT) FROM events",
        "SELECT CAST(count(*) AS BIGINT) FROM big",
        "SELECT CAST(sum(id) AS BIGINT) FROM big",
        "SELECT CAST(sum(amount) AS BIGINT) FROM big",
        "SELECT CAST(sum(balance) AS BIGINT) FROM accounts",
        "SELECT CAST(sum(balance) AS BIGINT) FROM tellers",
        "SELECT CAST(sum(balance) AS BIGINT) FROM branches",
        "SELECT CAST(coalesce(sum(delta), 0) AS BIGINT) FROM history",
    };
    enum { QUESTIONS = sizeof questions / sizeof *questions };
    int64_t expected[QUESTIONS] = {0};
    bool is_first = true;

    for (size_t i = 0; i < SIDES; i++) {
        const struct place *place = &b->places[i];
        struct side_writer *writer =
            place->side == NULL ? NULL : place->side->open(place->where, place->shared);

        for (size_t q = 0; writer != NULL && q < QUESTIONS; q++) {
            int64_t number = place->side->ask(writer, questions[q]);

            expected[q] = is_first ? number : expected[q];
            if (number != expected[q] || (q > 5 && number != expected[5])) {
                bench_fail(place->side->name, questions[q]);
            }
        }
        if (writer != NULL) {
            place->side->close(writer);
            is_first = false;
        }
    }
    printf("All sides hold the same rows.\n\n");
}

/* ---- Budgets ---- */

/* Of a workload that was measured and a side that is there, or NULL. */
static const struct figures *figures_of(const struct bench *b, const char *workload,
                                        const struct side *side)
{
    for (size_t w = 0; w < WORKLOADS; w++) {
        for (size_t i = 0; i < SIDES; i++) {
            if (strcmp(workloads[w].name, workload) == 0 && sides[i] == side &&
                b->figures[w][i].per_second > 0) {
                return &b->figures[w][i];
            }
        }
    }
    return NULL;
}

static const struct figures *peer_figures(const struct bench *b, const char *workload,
                                          const char *peer)
{
    for (size_t i = 0; i < SIDES; i++) {
        if (strncmp(sides[i]->name, peer, strlen(peer)) == 0) {
            return figures_of(b, workload, sides[i]);
        }
    }
    return NULL;
}

static void tell_single(struct bench *b)
{
    const struct figures *rows = figures_of(b, "insert-1", &side_rows);
    const struct figures *prepared = figures_of(b, "insert-1", &side_prepared);
    const struct figures *text = figures_of(b, "insert-1", &side_text);
    const struct figures *sqlite = peer_figures(b, "insert-1", "SQLite");
    double append;

    if (rows == NULL || prepared == NULL || text == NULL) {
        return;
    }
    append = bench_median(b->append_ms, b->probes);
    printf("beside them, medians: 512 bytes appended + fdatasync %.0f us, written over zeros + "
           "fdatasync %.0f us\n\n",
           1e3 * append, 1e3 * bench_median(b->overwrite_ms, b->probes));
    printf("budget: INSERT by row call %.2f x an append + fdatasync, at most %.1f: %s\n",
           rows->median_ms / append, sync_budget,
           bench_verdict(rows->median_ms <= sync_budget * append));
    if (sqlite != NULL) {
        printf("budget: one writer's INSERTs by row call %.2f x SQLite's rate, at least 1: %s\n",
               rows->per_second / sqlite->per_second,
               bench_verdict(rows->per_second >= sqlite->per_second));
    }
    printf("budget: prepared %.2f ms more than the row call, at most %.2f: %s\n",
           prepared->median_ms - rows->median_ms, prepared_budget_ms,
           bench_verdict(prepared->median_ms - rows->median_ms <= prepared_budget_ms));
    printf("budget: as text %.2f ms more than the row call, at most %.2f: %s\n",
           text->median_ms - rows->median_ms, text_budget_ms,
           bench_verdict(text->median_ms - rows->median_ms <= text_budget_ms));
}

static void tell_eight(const struct bench *b)
{
    const struct figures *rows = figures_of(b, "insert-8", &side_rows);
    const struct figures *postgres = peer_figures(b, "insert-8", "PostgreSQL");

    if (rows == NULL) {
        return;
    }
    printf("budget: 8 writers, %llu conflicts and %llu failures, none allowed: %s\n",
           (unsigned long long)rows->conflicts, (unsigned long long)rows->failed,
           bench_verdict(rows->conflicts + rows->failed == 0));
    if (postgres != NULL) {
        printf("budget: 8 writers' INSERTs by row call %.2f x PostgreSQL's rate, at least 1: %s\n",
               rows->per_second / postgres->per_second,
               bench_verdict(rows->per_second >= postgres->per_second));
    }
}

static void tell_lookup(const struct bench *b, const char *workload, const char *what,
                        double budget_us)
{
    const struct figures *rows = figures_of(b, workload, &side_rows);

    if (rows != NULL) {
        printf("budget: lookup of %s by row call %.1f us, at most %.0f: %s\n", what,
               1e3 * rows->median_ms, budget_us, bench_verdict(1e3 * rows->median_ms <= budget_us));
    }
}

/* By name, or by the first letters of several. */
static bool chooses(const char *word, const struct workload *w)
{
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        if (strcmp(word, workloads[i].name) == 0) {
            return w == &workloads[i];
        }
    }
    return strncmp(w->name, word, strlen(word)) == 0;
}

static bool is_wanted(const struct workload *w, int argc, char **argv)
{
    for (int i = 4; i < argc; i++) {
        if (chooses(argv[i], w)) {
            return true;
        }
    }
    return argc <= 4;
}

int main(int argc, char **argv)
{
    static struct bench b;

    if (crew_is_writer(argc, argv, sides, SIDES)) {
        return 0;
    }
    if (argc < 3) {
        bench_fail("usage", "transactions WORK_DIRECTORY POSTGRES [ROUNDS [WORKLOAD...]]");
    }
    b.work = argv[1];
    b.rounds = argc > 3 && strcmp(argv[3], "0") != 0 ? bench_count(argc, argv, 3, 0, ROUNDS_MAX)
                                                     : ROUNDS_DEFAULT;
    make_places(&b, argv[2]);
    for (size_t w = 0; w < WORKLOADS; w++) {
        bool is_there = workloads[w].act != ACT_LOOKUP_HOT || b.inserted > 0;

        if (is_there && is_wanted(&workloads[w], argc, argv)) {
            measure(&b, w);
            (void)fflush(stdout);
        }
    }
    check_rows(&b);
    tell_single(&b);
    tell_eight(&b);
    tell_lookup(&b, "lookup-hot", "a hot row", hot_budget_us);
    tell_lookup(&b, "lookup-chunk", "a row in a chunk", chunk_budget_us);
    close_places(&b);
    return 0;
}
