/* SPDX-License-Identifier: Apache-2.0 */
/* G2 and G6 under threads: writers insert chunks and hot rows in transactions that they commit or
 * roll back, while one thread compacts, one makes checkpoints, one reads whatever is there, and one
 * runs gc without any grace and without a pause, which gives up all of the past every other time.
 * Nobody ever misses a chunk; a reader that began before all of it reads what it saw.
 *
 * ARM_GC_ROUNDS=n transactions a writer instead of the usual. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "commit/gc.h"
#include "txn/compact_fixture.h"

enum { WRITERS = 3, ROUNDS = 40, CHUNK_ROWS = 10200 };

struct writer {
    pthread_t thread;
    struct desk *desk;
    unsigned seed;
    unsigned rounds;
    int64_t first;
    int64_t next;
    int64_t committed; /* rows */
};

static atomic_bool stop;
static uint64_t gcs;
static uint64_t removed;
static uint64_t leased;
static uint64_t pinned;
static uint64_t reads;

static void *run_writer(void *argument)
{
    struct writer *w = argument;

    for (unsigned i = 0; i < w->rounds; i++) {
        struct arm_transaction *txn = txn_begin(w->desk, "main");
        int64_t rows = 0;

        for (int k = rand_r(&w->seed) % 3; k >= 0; k--) {
            int64_t count = rand_r(&w->seed) % 2 == 0 ? CHUNK_ROWS : 1 + rand_r(&w->seed) % 3;

            txn_insert(w->desk, txn, "t", w->next, w->next + count);
            w->next += count;
            rows += count;
        }
        if (rand_r(&w->seed) % 3 == 0) {
            arm__txn_rollback(txn);
            if (rand_r(&w->seed) % 2 == 0) {
                w->next -= rows; /* the same chunks again, perhaps while gc takes them */
            }
        } else {
            txn_commit(w->desk, txn);
            w->committed += rows;
        }
    }
    return NULL;
}

static void *run_compactor(void *argument)
{
    for (unsigned i = 0; !atomic_load(&stop); i++) {
        (void)desk_compact(argument, i % 2 == 0 ? NULL : &small_limits);
    }
    return NULL;
}

static void *run_checkpointer(void *argument)
{
    struct desk *desk = argument;

    while (!atomic_load(&stop)) {
        struct arm_error err = {0};

        assert_ok(arm__repository_checkpoint(desk->kernel->repository, &err), err);
    }
    return NULL;
}

static void *run_gc(void *argument)
{
    struct desk *desk = argument;

    while (!atomic_load(&stop)) {
        struct arm_gc_request request = {.until_us = gcs % 2 == 0 ? 0 : INT64_MAX};
        struct arm_gc_report report;
        struct arm_error err = {0};

        assert_ok(arm__repository_gc(desk->kernel->repository, &request, &report, &err), err);
        gcs++;
        removed += report.chunks;
        leased += report.leased;
        pinned += report.pinned;
    }
    return NULL;
}

/* The snapshot is what it was when its rows were counted, and all of its chunks can be read. */
static void *run_reader(void *argument)
{
    struct desk *desk = argument;

    while (!atomic_load(&stop)) {
        struct arm_transaction *txn = txn_begin(desk, "main");
        const struct arm_view *view = txn_view(txn, "t");
        struct numbers numbers = view_numbers(desk, view);

        assert_int_equal(numbers.count, view->live_rows);
        free(numbers.values);
        arm__view_drop(view);
        arm__txn_rollback(txn);
        reads++;
    }
    return NULL;
}

static void check_rows(struct desk *desk, int64_t wanted)
{
    struct arm_transaction *txn = txn_begin(desk, "main");
    const struct arm_view *view = txn_view(txn, "t");
    struct numbers numbers = view_numbers(desk, view);

    assert_int_equal(numbers.count, wanted);
    free(numbers.values);
    arm__view_drop(view);
    arm__txn_rollback(txn);
}

/* All at once; the rows that were committed. */
static int64_t run_all(struct desk *desk)
{
    static void *(*const others[])(void *) = {run_compactor, run_checkpointer, run_reader, run_gc};
    enum { OTHERS = sizeof others / sizeof *others };
    static struct writer writers[WRITERS];
    const char *rounds = getenv("ARM_GC_ROUNDS");
    pthread_t threads[OTHERS];
    int64_t committed = 0;

    gcs = removed = leased = pinned = reads = 0;
    atomic_store(&stop, false);
    for (size_t i = 0; i < OTHERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, others[i], desk), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        struct writer *w = &writers[i];

        *w = (struct writer){.desk = desk, .seed = (unsigned)i + 1};
        w->first = w->next = (i + 1) * INT64_C(1000000000);
        w->rounds = rounds != NULL ? (unsigned)strtoul(rounds, NULL, 10) : ROUNDS;
        assert_int_equal(pthread_create(&w->thread, NULL, run_writer, w), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
        committed += writers[i].committed;
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < OTHERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    print_message("%llu gcs, %llu chunks removed, %llu leased, %llu pinned, %llu reads\n",
                  (unsigned long long)gcs, (unsigned long long)removed, (unsigned long long)leased,
                  (unsigned long long)pinned, (unsigned long long)reads);
    assert_true(gcs > 1 && removed > 0 && reads > 0);
    return committed;
}

static void test_gc_nobody_misses_a_chunk(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *reader;
    int64_t wanted = 3;

    make_table(desk, "t", 0, 3);
    reader = txn_begin(desk, "main");
    wanted += run_all(desk);
    assert_rows(desk, reader, "t", "0 1 2");
    arm__txn_rollback(reader);
    check_rows(desk, wanted);
    wanted += run_all(desk); /* now that nobody holds the past */
    check_rows(desk, wanted);
    kernel_reopen(desk->kernel);
    check_rows(desk, wanted);
    assert_healthy(desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        desk_test(test_gc_nobody_misses_a_chunk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
