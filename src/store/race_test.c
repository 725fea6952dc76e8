/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and processes on one store at once. */

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "store/chunk.h"
#include "support/store_fixture.h"

enum { PROCESSES = 4, THREADS = 8, SHARED = 40, OWN = 10 };

/* Counts in memory that all processes share. */
struct tally {
    uint32_t made[SHARED]; /* puts that said "new", by chunk */
    uint32_t own_made;
    uint32_t failures;
    uint32_t deleted;
    uint32_t done; /* processes */
};

struct job {
    struct arm_store *store;
    struct tally *tally;
    unsigned number; /* over all processes */
};

static void add(uint32_t *count, uint32_t n)
{
    (void)__atomic_fetch_add(count, n, __ATOMIC_SEQ_CST);
}

static struct tally *map_tally(void)
{
    void *memory =
        mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(memory != MAP_FAILED);
    return memory;
}

/* Chunk `n` of those all put. */
static size_t shared_text(unsigned n, char text[64])
{
    return (size_t)snprintf(text, 64, "shared chunk %u", n);
}

static void put_one(const struct job *job, const char *text, size_t size, uint32_t *made)
{
    struct arm_error err = {0};
    struct arm_hash hash;
    bool is_new = false;

    if (arm__store_put(job->store, arm__bytes(text, size), &hash, &is_new, &err) != ARM_OK ||
        arm__store_check(job->store, &hash, &err) != ARM_OK) {
        add(&job->tally->failures, 1);
        print_error("put \"%s\": %s\n", text, err.message);
    }
    add(made, is_new);
}

static void *put_all(void *context)
{
    const struct job *job = context;
    char text[64];

    for (unsigned i = 0; i < SHARED; i++) {
        unsigned n = (i * 7 + job->number) % SHARED;

        put_one(job, text, shared_text(n, text), &job->tally->made[n]);
        if (i < OWN) {
            size_t size = (size_t)snprintf(text, sizeof text, "own chunk %u of %u", i, job->number);

            put_one(job, text, size, &job->tally->own_made);
        }
    }
    return NULL;
}

/* Put, look, drop: in between, nobody may delete it (S5). */
static void *put_and_drop(void *context)
{
    const struct job *job = context;

    for (unsigned i = 0; i < 4 * SHARED; i++) {
        struct arm_error err = {0};
        struct arm_hash hash;
        char text[64];
        size_t size = shared_text((i + job->number) % 5, text);

        if (arm__store_put(job->store, arm__bytes(text, size), &hash, NULL, &err) != ARM_OK ||
            arm__store_check(job->store, &hash, &err) != ARM_OK) {
            add(&job->tally->failures, 1);
            print_error("put and look: %s\n", err.message);
        }
        arm__store_lease_drop(job->store, &hash);
    }
    return NULL;
}

/* Fork PROCESSES processes, each with a store and THREADS threads of `run`. */
static void start(struct store_fixture *f, struct tally *tally, void *(*run)(void *), pid_t *pids)
{
    for (unsigned p = 0; p < PROCESSES; p++) {
        pids[p] = fork();
        assert_true(pids[p] >= 0);
        if (pids[p] == 0) {
            struct arm_store *store = NULL;
            struct job jobs[THREADS];
            pthread_t threads[THREADS];

            if (arm__store_open(arm__io_system(), f->dir.path, &store, NULL) != ARM_OK) {
                _exit(1);
            }
            for (unsigned t = 0; t < THREADS; t++) {
                jobs[t] = (struct job){store, tally, p * THREADS + t};
                if (pthread_create(&threads[t], NULL, run, &jobs[t]) != 0) {
                    _exit(1);
                }
            }
            for (unsigned t = 0; t < THREADS; t++) {
                pthread_join(threads[t], NULL);
            }
            arm__store_close(store);
            add(&tally->done, 1);
            _exit(0);
        }
    }
}

static void wait_for_all(const pid_t *pids)
{
    for (unsigned p = 0; p < PROCESSES; p++) {
        int status = 0;

        assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
        assert_int_equal(status, 0);
    }
}

static void test_store_puts_of_many_threads_and_processes_make_each_chunk_once(void **state)
{
    struct store_fixture *f = *state;
    struct tally *tally = map_tally();
    pid_t pids[PROCESSES];

    start(f, tally, put_all, pids);
    wait_for_all(pids);
    assert_int_equal(tally->failures, 0);
    for (unsigned n = 0; n < SHARED; n++) {
        assert_int_equal(tally->made[n], 1); /* LE4 */
    }
    assert_int_equal(tally->own_made, PROCESSES * THREADS * OWN);
    assert_int_equal(temp_count_files(&f->dir, "chunks"), SHARED + PROCESSES * THREADS * OWN);
    assert_int_equal(temp_count_files(&f->dir, "staging"), 1); /* the lock */
    munmap(tally, sizeof *tally);
}

static void test_store_S5_nothing_leased_is_deleted_in_a_race(void **state)
{
    struct store_fixture *f = *state;
    struct tally *tally = map_tally();
    pid_t pids[PROCESSES];
    uint64_t limit_us = arm__monotonic_us() + 120 * UINT64_C(1000000);

    start(f, tally, put_and_drop, pids);
    while (__atomic_load_n(&tally->done, __ATOMIC_SEQ_CST) < PROCESSES &&
           arm__monotonic_us() < limit_us) {
        for (unsigned n = 0; n < 5; n++) {
            char text[64];
            size_t size = shared_text(n, text);
            struct arm_hash hash = arm__hash(arm__bytes(text, size));
            arm_status st = arm__store_delete(f->store, &hash, &f->err);

            assert_true(st == ARM_OK || st == ARM_BUSY || st == ARM_NOT_FOUND);
            add(&tally->deleted, st == ARM_OK);
        }
        assert_ok(arm__store_sweep(f->store, NULL, NULL, NULL, &f->err), f->err);
    }
    wait_for_all(pids);
    assert_int_equal(tally->failures, 0);
    print_message("%u deleted meanwhile\n", tally->deleted);
    assert_int_equal(temp_count_files(&f->dir, "staging"), 1);
    munmap(tally, sizeof *tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_store_puts_of_many_threads_and_processes_make_each_chunk_once),
        store_test(test_store_S5_nothing_leased_is_deleted_in_a_race),
    };

    return cmocka_run_group_tests_name("store/race", tests, NULL, NULL);
}
