/* SPDX-License-Identifier: Apache-2.0 */
/* The changelog: how long after a commit began another process has the event, by 1 and 8
 * subscribers, with a writer that rests between two and one that does not; beside Redis Streams and
 * PostgreSQL's NOTIFY, all durable, and beside the limit, a sync and a futex. How many events a
 * second reach 1, 8 and 64 subscribers; and what a query costs at the end of a long history.
 *
 * usage: changes WORK_DIRECTORY POSTGRES REDIS [ROUNDS]
 *
 * POSTGRES and REDIS are how to connect, or "" where there is none. FULL=1: more events, and a
 * million commits.
 *
 * Budgets: an event is there at most one fdatasync + 0.1 ms after the commit began (p50); with 8
 * subscribers and a writer that does not rest its p99 is at most 1 ms later than that. */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "changes/side.h"
#include "support/bench.h"
#include "support/kernel.h"

enum {
    ROUNDS_DEFAULT = 5,
    ROUNDS_MAX = 50,
    READERS_MAX = 64,
    EVENTS_MAX = 2000,
    WARM_UP = 20, /* events before those that count */
    REST_US = 1000,
    QUERIES = 200,
    ANSWER = 10, /* commits that a query finds */
    HISTORY_SMALL = 10,
    DRAINED = 20000,
};
static const double p50_budget_ms = 0.1;
static const double p99_budget_ms = 1.0;

int64_t side_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- Processes ---- */

/* What they share. */
struct board {
    _Atomic uint32_t ready;
    _Atomic uint64_t received[READERS_MAX];
    int64_t begun[WARM_UP + EVENTS_MAX];
    int64_t got[READERS_MAX][WARM_UP + EVENTS_MAX];
};

static struct board *make_board(void)
{
    void *made =
        mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (made == MAP_FAILED) {
        bench_fail("changes", "out of memory");
    }
    return made;
}

/* What is not printed yet is printed by one of the two. */
static pid_t fork_one(void)
{
    (void)fflush(stdout);
    return fork();
}

static void wait_for_children(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        int status = 0;

        if (wait(&status) < 0 || status != 0) {
            bench_fail("changes", "a process failed");
        }
    }
}

static void be_reader(struct board *board, const struct side *side, const char *where,
                      unsigned number, size_t count)
{
    void *reader = side->open_reader(where);

    atomic_fetch_add(&board->ready, 1);
    for (size_t i = 0; i < count; i++) {
        side->next(reader);
        board->got[number][i] = side_now_ns();
        atomic_store(&board->received[number], i + 1);
    }
    side->close_reader(reader);
    exit(0);
}

static bool all_have(struct board *board, unsigned readers, size_t count)
{
    bool all = true;

    for (unsigned i = 0; i < readers; i++) {
        all = all && atomic_load(&board->received[i]) >= count;
    }
    return all;
}

static void be_writer(struct board *board, const struct side *side, const char *where,
                      unsigned readers, size_t count, bool rests)
{
    void *writer = side->open_writer(where);

    for (size_t i = 0; i < count; i++) {
        board->begun[i] = side->change(writer, i);
        while (rests && !all_have(board, readers, i + 1)) {
            (void)usleep(50);
        }
        if (rests) {
            (void)usleep(REST_US);
        }
    }
    side->close_writer(writer);
    exit(0);
}

/* ---- Latency ---- */

struct contestant {
    const struct side *side;
    const char *where;
};
enum { SIDES_MAX = 4 };

struct contest {
    struct contestant sides[SIDES_MAX];
    size_t side_count;
    struct board *board;
    size_t rounds;
};

static void enter(struct contest *contest, const struct side *side, const char *where)
{
    if (where[0] != '\0') { /* else it is not there */
        contest->sides[contest->side_count++] = (struct contestant){side, where};
    }
}

struct latency {
    double p50;
    double p99;
};

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

/* One round: every subscriber's delay of every event, in ms. */
static struct latency measure_round(struct board *board, const struct contestant *contestant,
                                    unsigned readers, bool rests, size_t count)
{
    double *delays = malloc(sizeof *delays * readers * count);
    size_t total = 0;
    struct latency latency;

    memset(board, 0, sizeof *board);
    for (unsigned i = 0; i < readers; i++) {
        if (fork_one() == 0) {
            be_reader(board, contestant->side, contestant->where, i, WARM_UP + count);
        }
    }
    while (atomic_load(&board->ready) < readers) {
        (void)usleep(1000);
    }
    if (fork_one() == 0) {
        be_writer(board, contestant->side, contestant->where, readers, WARM_UP + count, rests);
    }
    wait_for_children(readers + 1);
    for (unsigned i = 0; delays != NULL && i < readers; i++) {
        for (size_t k = WARM_UP; k < WARM_UP + count; k++) {
            delays[total++] = (double)(board->got[i][k] - board->begun[k]) / 1e6;
        }
    }
    qsort(delays, total, sizeof *delays, compare_doubles);
    latency = (struct latency){delays[total / 2], delays[total * 99 / 100]};
    free(delays);
    return latency;
}

static void measure_latency(const struct contest *contest, unsigned readers, bool rests)
{
    const struct contestant *sides = contest->sides;
    size_t side_count = contest->side_count;
    size_t rounds = contest->rounds;
    size_t count = bench_size(200, EVENTS_MAX);
    double p50s[SIDES_MAX][ROUNDS_MAX];
    double p99s[SIDES_MAX][ROUNDS_MAX];
    double p50[SIDES_MAX];
    double p99[SIDES_MAX];

    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < side_count; i++) {
            struct latency got = measure_round(contest->board, &sides[i], readers, rests, count);

            p50s[i][round] = got.p50;
            p99s[i][round] = got.p99;
        }
    }
    for (size_t i = 0; i < side_count; i++) {
        p50[i] = bench_median(p50s[i], rounds);
        p99[i] = bench_median(p99s[i], rounds);
        printf("| %s | %u | %s | %.3f | %.3f | %.2f |\n", sides[i].side->name, readers,
               rests ? "rests" : "does not rest", p50[i], p99[i], p50[i] / p50[0]);
    }
    /* The limit comes first, ours second. */
    if (rests) {
        printf(
            "budget: event with %u subscriber%s: p50 %.3f ms, a sync and a futex %.3f + %.1f: %s\n",
            readers, readers == 1 ? "" : "s", p50[1], p50[0], p50_budget_ms,
            bench_verdict(p50[1] <= p50[0] + p50_budget_ms));
    } else {
        printf(
            "budget: event with %u subscriber%s, the writer does not rest: p99 %.3f ms, a sync and "
            "a futex (p50) %.3f + %.1f + %.1f: %s\n",
            readers, readers == 1 ? "" : "s", p99[1], p50[0], p50_budget_ms, p99_budget_ms,
            bench_verdict(p99[1] <= p50[0] + p50_budget_ms + p99_budget_ms));
    }
}

/* ---- Events a second ---- */

static void be_drainer(struct board *board, const char *where, size_t count)
{
    struct arm_feed_options options = {.size = sizeof options, .from = ARM_FROM_TX};
    struct arm_repo_options repo_options = {.size = sizeof repo_options};
    const struct arm_event *event = NULL;
    struct arm_error err;
    arm_feed *feed = NULL;
    arm_repo *repo = NULL;

    bench_check(arm_repo_open(where, &repo_options, &repo, &err), &err, "open");
    bench_check(arm_feed_open(repo, &options, &feed, &err), &err, "subscribe");
    atomic_fetch_add(&board->ready, 1);
    while (atomic_load(&board->received[0]) == 0) {
        (void)usleep(200);
    }
    for (size_t i = 0; i < count; i++) {
        bench_check(arm_feed_next(feed, UINT64_MAX, &event, &err), &err, "next");
    }
    arm_feed_close(feed);
    arm_repo_close(repo);
    exit(0);
}

static void measure_rate(const struct contest *contest, const char *where, unsigned readers,
                         size_t count)
{
    struct board *board = contest->board;
    size_t rounds = contest->rounds;
    double rates[ROUNDS_MAX];
    double rate;

    for (size_t round = 0; round < rounds; round++) {
        int64_t start;

        memset(board, 0, sizeof *board);
        for (unsigned i = 0; i < readers; i++) {
            if (fork_one() == 0) {
                be_drainer(board, where, count);
            }
        }
        while (atomic_load(&board->ready) < readers) {
            (void)usleep(1000);
        }
        start = side_now_ns();
        atomic_store(&board->received[0], 1);
        wait_for_children(readers);
        rates[round] = (double)count * readers / ((double)(side_now_ns() - start) / 1e9);
    }
    rate = bench_median(rates, rounds);
    printf("| %u | %.0f | %.0f |\n", readers, rate, rate / readers);
}

/* ---- Queries ---- */

/* The last commits, and the last ones of a table that few of them changed; ms. */
static double time_query(arm_session *session, uint64_t since, const char *table)
{
    struct arm_changes_options options = {
        .size = sizeof options, .since = since, .tables = &table, .table_count = table != NULL};
    double times[QUERIES];

    for (int i = 0; i < QUERIES; i++) {
        double start = bench_now_ms();
        struct ArrowArrayStream stream;
        struct ArrowArray array;
        struct arm_error err;
        int64_t rows = 0;

        bench_check(arm_changes(session, &options, &stream, &err), &err, "changes");
        while (stream.get_next(&stream, &array) == 0 && array.release != NULL) {
            rows += array.length;
            array.release(&array);
        }
        stream.release(&stream);
        times[i] = bench_now_ms() - start;
        if (rows != ANSWER) {
            bench_fail("changes", "the query found something else");
        }
    }
    return bench_median(times, QUERIES);
}

/* `count` commits, of which the first ten are of table `few`. */
static void make_history(const char *path, size_t count)
{
    struct bench_kernel kernel = {.is_syncing = false};

    bench_kernel_make(&kernel, path);
    bench_kernel_table(&kernel, "few");
    bench_kernel_table(&kernel, "many");
    for (size_t i = 0; i < count; i++) {
        bench_kernel_append(&kernel, i < ANSWER ? "few" : "many");
    }
    bench_kernel_close(&kernel);
}

struct query_times {
    double last;
    double of_table;
};

static struct query_times measure_queries(const char *path)
{
    struct arm_repo_options options = {.size = sizeof options};
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    struct query_times times;
    struct arm_error err;
    uint64_t latest = 0;

    bench_check(arm_repo_open(path, &options, &repo, &err), &err, "open");
    bench_check(arm_session_open(repo, NULL, &session, &err), &err, "session");
    bench_check(arm_latest_tx(repo, &latest, &err), &err, "latest");
    times.last = time_query(session, latest - ANSWER, NULL);
    times.of_table = time_query(session, 2, "few"); /* behind its making */
    arm_session_close(session);
    arm_repo_close(repo);
    return times;
}

/* In a process of its own: none that forks has anything open. */
static void prepare(const struct contestant *contestant)
{
    if (fork_one() == 0) {
        contestant->side->prepare(contestant->where);
        exit(0);
    }
    wait_for_children(1);
}

static void prepare_histories(const char *small, const char *large, size_t count)
{
    if (fork_one() == 0) {
        make_history(small, HISTORY_SMALL);
        make_history(large, count);
        exit(0);
    }
    wait_for_children(1);
}

static void print_queries(const char *small, const char *large, size_t history)
{
    struct query_times at_small = measure_queries(small);
    struct query_times at_large = measure_queries(large);

    printf("\n| a query that finds %d commits | of %d, ms | of %zu, ms | ratio |\n"
           "|---|---|---|---|\n"
           "| the last ones | %.3f | %.3f | %.2f |\n| of one table | %.3f | %.3f | %.2f |\n",
           ANSWER, HISTORY_SMALL, history, at_small.last, at_large.last,
           at_large.last / at_small.last, at_small.of_table, at_large.of_table,
           at_large.of_table / at_small.of_table);
}

int main(int argc, char **argv)
{
    size_t history = bench_size(100000, 1000000);
    struct contest contest = {.rounds = bench_count(argc, argv, 4, ROUNDS_DEFAULT, ROUNDS_MAX)};
    char ours[BENCH_PATH_BYTES];
    char small[BENCH_PATH_BYTES];
    char large[BENCH_PATH_BYTES];

    if (argc < 4) {
        bench_fail("usage", "changes WORK_DIRECTORY POSTGRES REDIS [ROUNDS]");
    }
    contest.board = make_board();
    enter(&contest, &side_limit, argv[1]);
    enter(&contest, &side_ours, bench_path(argv[1], "changes", ours));
    enter(&contest, &side_redis, argv[3]);
#ifdef ARM_BENCH_POSTGRES
    enter(&contest, &side_postgres, argv[2]);
#endif
    for (size_t i = 0; i < contest.side_count; i++) {
        prepare(&contest.sides[i]);
    }
    printf("| | subscribers | the writer | event p50, ms | p99, ms | x the limit |\n"
           "|---|---|---|---|---|---|\n");
    measure_latency(&contest, 1, true);
    measure_latency(&contest, 8, true);
    measure_latency(&contest, 1, false);
    measure_latency(&contest, 8, false);

    (void)bench_path(argv[1], "history-small", small);
    (void)bench_path(argv[1], "history", large);
    prepare_histories(small, large, history);
    printf("\n| subscribers | events a second | each |\n|---|---|---|\n");
    measure_rate(&contest, large, 1, DRAINED);
    measure_rate(&contest, large, 8, DRAINED);
    measure_rate(&contest, large, 64, DRAINED / 8);
    print_queries(small, large, history);
    return 0;
}
