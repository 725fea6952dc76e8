/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "log/log_fixture.h"

/* Several processes and threads on one log. A robust mutex in shared memory stands in for the
 * commit lock. Workers are no place for cmocka's assertions: they stop the process. */

struct shared {
    pthread_mutex_t commit_lock;
    struct trap_counts counts;
    _Atomic uint64_t acknowledged;
    _Atomic uint64_t seen; /* by a subscriber */
    _Atomic uint64_t ready;
};

static struct shared *shared_new(void)
{
    struct shared *shared = shared_memory(sizeof *shared);

    arm__robust_init(&shared->commit_lock);
    return shared;
}

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            _exit(3);                                                                              \
        }                                                                                          \
    } while (0)

struct worker {
    struct arm_log *log;
    struct shared *shared;
    struct arm_log_position *tail; /* of this process, guarded by the commit lock */
    int commit_count;
    bool unchecked; /* syncs are not all counted in one place */
};

/* Read what others appended, then append one; returns its tx and how many syncs had begun. */
static uint64_t commit_one(struct worker *w, struct arm_buf *buf, uint64_t *out_syncs_begun)
{
    struct arm_frame_header header;
    struct arm_log_position at;
    struct arm_record record;
    struct arm_error err = {0};
    bool found = true;
    bool owner_died;
    char spine[32];
    uint8_t payload[300];
    uint64_t tx;

    REQUIRE(arm__robust_lock(&w->shared->commit_lock, &owner_died, &err) == ARM_OK);
    while (found) {
        REQUIRE(arm__log_read(w->log, w->tail, buf, &header, &found, &err) == ARM_OK);
    }
    tx = w->tail->next_tx;
    record = record_of(tx, sizeof payload, spine, payload);
    REQUIRE(arm__log_append(w->log, w->tail, &record, 1, &at, &err) == ARM_OK);
    *out_syncs_begun = atomic_load(&w->shared->counts.syncs_begun);
    at = *w->tail;
    arm__robust_unlock(&w->shared->commit_lock);
    arm__log_published(w->log, &at); /* as with the index, whose commit gives up the lock */
    return tx;
}

static void *work(void *context)
{
    struct worker *w = context;
    struct arm_buf buf = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);

    for (int i = 0; i < w->commit_count; i++) {
        struct arm_error err = {0};
        uint64_t begun = 0;
        uint64_t tx = commit_one(w, &buf, &begun);

        REQUIRE(arm__log_wait_durable(w->log, tx, &err) == ARM_OK);
        REQUIRE(arm__log_durable_to(w->log) >= tx);
        /* L2: some sync that began after the append has succeeded. */
        REQUIRE(w->unchecked || atomic_load(&w->shared->counts.sync_done) > begun);
        (void)atomic_fetch_add(&w->shared->acknowledged, 1);
    }
    arm__buf_release(&buf);
    return NULL;
}

/* `threads` of them on one handle, opened here. */
static void work_in_process(const struct fixture *f, struct shared *shared, int threads,
                            int commit_count, struct arm_epoch_config epoch)
{
    struct arm_log_options options = {.epoch = epoch};
    struct arm_log_position tail;
    struct worker worker = {NULL, shared, &tail, commit_count, false};
    pthread_t handles[16];
    struct trap trap;
    struct arm_error err = {0};

    trap_init(&trap, &shared->counts);
    REQUIRE(arm__log_open(&trap.io, f->dir.path, &FIXTURE_ID, &options, &worker.log, &err) ==
            ARM_OK);
    tail = arm__log_start(worker.log);
    for (int i = 0; i < threads; i++) {
        REQUIRE(pthread_create(&handles[i], NULL, work, &worker) == 0);
    }
    for (int i = 0; i < threads; i++) {
        REQUIRE(pthread_join(handles[i], NULL) == 0);
    }
    arm__log_close(worker.log);
}

static void run(int processes, int threads, int commit_count, struct arm_epoch_config epoch,
                uint64_t sync_us)
{
    struct shared *shared = shared_new();
    uint64_t commits = (uint64_t)processes * (uint64_t)threads * (uint64_t)commit_count;
    struct fixture f;
    pid_t children[8];

    fixture_make(&f);
    atomic_store(&shared->counts.sync_us, sync_us);
    for (int i = 0; i < processes; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            work_in_process(&f, shared, threads, commit_count, epoch);
            _exit(0);
        }
    }
    for (int i = 0; i < processes; i++) {
        assert_int_equal(wait_for(children[i]), 0);
    }
    assert_int_equal(atomic_load(&shared->acknowledged), commits);
    assert_int_equal(arm__log_durable_to(f.log), commits);
    assert_int_equal(fixture_check(&f), commits); /* L1: one chain, dense tx ids */
    if (processes * threads > 1) {
        assert_true(atomic_load(&shared->counts.syncs_begun) <
                    (threads > 1 ? commits / 2 : commits)); /* processes may come one by one */
    }
    print_message("    %d x %d: %llu commits, %llu syncs\n", processes, threads,
                  (unsigned long long)commits,
                  (unsigned long long)atomic_load(&shared->counts.syncs_begun));
    fixture_remove(&f);
    (void)munmap(shared, sizeof *shared);
}

static void test_group_L2_one_writer_syncs_each_commit(void **state)
{
    run(1, 1, 100, arm__epoch_single_node(), 0);
}

static void test_group_L3_threads_of_one_process_share_syncs(void **state)
{
    run(1, 8, 100, arm__epoch_single_node(), 200);
}

static void test_group_L3_processes_share_syncs(void **state)
{
    run(4, 1, 100, arm__epoch_single_node(), 200);
}

static void test_group_L3_threads_of_many_processes_share_syncs(void **state)
{
    run(4, 8, 50, arm__epoch_single_node(), 100);
    run(4, 8, 50, arm__epoch_low_latency(), 100);
}

static uint64_t syncs_of(struct arm_epoch_config epoch, int threads, uint64_t *out_us)
{
    struct shared *shared = shared_new();
    struct fixture f;
    uint64_t syncs;
    uint64_t start;

    fixture_make(&f);
    start = arm__monotonic_us();
    work_in_process(&f, shared, threads, 8, epoch);
    *out_us = arm__monotonic_us() - start;
    syncs = atomic_load(&shared->counts.syncs_begun);
    fixture_remove(&f);
    (void)munmap(shared, sizeof *shared);
    return syncs;
}

static void test_group_epoch_waits_for_time_or_count(void **state)
{
    uint64_t us = 0;

    /* The time passes, though nobody comes. */
    assert_int_equal(syncs_of((struct arm_epoch_config){20000, 0}, 1, &us), 8);
    assert_true(us >= 160000);
    /* Company comes: all eight threads in one sync. */
    assert_true(syncs_of((struct arm_epoch_config){20000, 0}, 8, &us) <= 16);
    /* The count is reached long before the time. */
    assert_true(syncs_of((struct arm_epoch_config){5000000, 4}, 4, &us) <= 16);
    assert_true(us < 5000000);
    assert_int_equal(syncs_of((struct arm_epoch_config){5000000, 1}, 1, &us), 8);
    assert_true(us < 5000000);
    assert_int_equal(arm__epoch_high_throughput().wait_us, 5000);
}

static void test_group_wait_for_what_was_never_appended_is_refused(void **state)
{
    struct fixture f;

    fixture_make(&f);
    fixture_append(&f, 10);
    assert_fails(ARM_INVALID, arm__log_wait_durable(f.log, 2, &f.err), f.err);
    assert_ok(arm__log_wait_durable(f.log, 1, &f.err), f.err);
    assert_ok(arm__log_wait_durable(f.log, 0, &f.err), f.err);
    fixture_remove(&f);
}

static void test_group_L4_failed_sync_poisons_every_process(void **state)
{
    struct shared *shared = shared_new();
    struct fixture f;
    struct fixture other;
    struct trap trap;

    fixture_make(&f);
    fixture_append_durable(&f, 10);
    other = f; /* stands for another process: its own mapping, its own files */
    trap_init(&trap, &shared->counts);
    fixture_open_only(&other, &trap.io, (struct arm_log_options){0});
    atomic_store(&shared->counts.fail_sync, 1);
    fixture_append(&other, 10);
    assert_fails(ARM_COMMIT_UNKNOWN, arm__log_wait_durable(other.log, 2, &other.err), other.err);
    assert_true(arm__log_poisoned(f.log));
    assert_true(arm__log_poisoned(other.log));
    /* No retry by anyone, no append; what was durable is. */
    assert_fails(ARM_COMMIT_UNKNOWN, arm__log_wait_durable(f.log, 2, &f.err), f.err);
    assert_int_equal(atomic_load(&shared->counts.syncs_begun), 1);
    assert_int_equal(arm__log_durable_to(f.log), 1);
    assert_ok(arm__log_wait_durable(f.log, 1, &f.err), f.err);
    assert_fails(ARM_REOPEN, arm__log_wait_durable(f.log, 3, &f.err), f.err);
    f.tail = other.tail;
    assert_int_equal(fixture_try_append(&f, 10), ARM_REOPEN);
    assert_int_equal(fixture_try_append(&other, 10), ARM_REOPEN);
    assert_int_equal(arm__log_append_close(f.log, &f.tail, &f.err), ARM_REOPEN);
    fixture_close(&other);
    fixture_close(&f);

    fixture_open(&f); /* the first opener mends it */
    assert_false(arm__log_poisoned(f.log));
    assert_int_equal(fixture_check(&f), 1);
    fixture_append_durable(&f, 10);
    fixture_remove(&f);
    (void)munmap(shared, sizeof *shared);
}

/* Those who wait for a leader in another process learn that its sync failed. */
static void *wait_for_unknown(void *context)
{
    struct fixture *f = context;

    REQUIRE(arm__log_wait_durable(f->log, 2, &f->err) == ARM_COMMIT_UNKNOWN);
    return NULL;
}

static void test_group_L4_sleepers_are_told(void **state)
{
    struct shared *shared = shared_new();
    struct fixture f;
    struct trap trap;
    pthread_t threads[4];
    struct fixture views[4];

    fixture_make(&f);
    fixture_close(&f);
    trap_init(&trap, &shared->counts);
    fixture_open_only(&f, &trap.io, (struct arm_log_options){0});
    fixture_recover(&f, 0);
    fixture_append_durable(&f, 10);
    fixture_append(&f, 10);
    atomic_store(&shared->counts.fail_sync, atomic_load(&shared->counts.syncs_begun) + 1);
    for (int i = 0; i < 4; i++) {
        views[i] = f;
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_unknown, &views[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(arm__log_durable_to(f.log), 1);
    fixture_remove(&f);
    (void)munmap(shared, sizeof *shared);
}

static void test_group_L4_failed_sync_of_a_roll_poisons(void **state)
{
    for (uint64_t n = 1; n <= 2; n++) { /* the old segment's, the new one's */
        struct shared *shared = shared_new();
        struct fixture f;
        struct trap trap;

        fixture_make(&f);
        fixture_close(&f);
        trap_init(&trap, &shared->counts);
        fixture_open_only(&f, &trap.io, (struct arm_log_options){0});
        fixture_recover(&f, 0);
        f.log->segment_bytes_max = 65536;
        fixture_append_durable(&f, 30000);
        fixture_append(&f, 20000);
        atomic_store(&shared->counts.fail_sync, atomic_load(&shared->counts.syncs_begun) + n);
        assert_int_equal(fixture_try_append(&f, 20000), ARM_IO);
        assert_true(arm__log_poisoned(f.log));
        assert_int_equal(arm__log_durable_to(f.log), n);
        fixture_close(&f);
        fixture_open(&f);
        assert_false(f.found.damaged);
        assert_int_equal(fixture_check(&f), n);
        fixture_append_durable(&f, 50000);
        assert_int_equal(fixture_check(&f), n + 1);
        fixture_remove(&f);
        (void)munmap(shared, sizeof *shared);
    }
}

/* One worker on a handle of its own, that is killed in its write `kill_at`, 0: never. */
static void work_until_killed(const struct fixture *f, struct shared *shared, uint64_t kill_at,
                              int commit_count)
{
    struct trap_counts *counts = shared_memory(sizeof *counts);
    struct arm_log_options options = {0};
    struct arm_log_position tail;
    struct worker worker = {NULL, shared, &tail, commit_count, true};
    struct trap trap;
    struct arm_error err = {0};

    trap_init(&trap, counts);
    REQUIRE(arm__log_open(&trap.io, f->dir.path, &FIXTURE_ID, &options, &worker.log, &err) ==
            ARM_OK);
    worker.log->segment_bytes_max = 65536;
    tail = arm__log_start(worker.log);
    atomic_store(&counts->kill_at_write, kill_at);
    atomic_store(&counts->kill_after_bytes, kill_at * 97 % 500);
    (void)work(&worker);
    arm__log_close(worker.log);
}

/* Processes die in the middle of appends and rolls while others go on. */
static void test_group_killed_appenders_take_nothing_with_them(void **state)
{
    struct shared *shared = shared_new();
    struct fixture f;
    pid_t workers[2];
    uint64_t last;

    fixture_make(&f);
    for (int i = 0; i < 2; i++) {
        workers[i] = fork();
        if (workers[i] == 0) {
            work_until_killed(&f, shared, 0, 400);
            _exit(0);
        }
    }
    for (uint64_t i = 0; i < 40; i++) {
        pid_t victim = fork();

        if (victim == 0) {
            work_until_killed(&f, shared, 1 + i * 7 % 11, 100);
            _exit(0);
        }
        assert_int_equal(wait_for(victim), 9);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(wait_for(workers[i]), 0);
    }
    last = fixture_check(&f);
    assert_true(last >= atomic_load(&shared->acknowledged));
    assert_true(atomic_load(&shared->acknowledged) >= 800);
    fixture_close(&f);
    fixture_forget_page(&f);
    fixture_open(&f);
    assert_false(f.found.damaged);
    assert_true(f.found.tail.segment >= 2);
    assert_int_equal(fixture_check(&f), last);
    fixture_remove(&f);
    (void)munmap(shared, sizeof *shared);
}

/* A leader that dies with the sync mutex leaves it to the next who waits. */
static void test_group_L3_dead_leader_is_succeeded(void **state)
{
    struct fixture f;
    pid_t child;

    fixture_make(&f);
    fixture_append(&f, 100);
    child = fork();
    if (child == 0) {
        struct fixture mine = f;
        bool owner_died;

        fixture_open_only(&mine, arm__io_system(), (struct arm_log_options){0});
        if (arm__robust_lock(&mine.log->page->sync_mutex, &owner_died, NULL) == ARM_OK) {
            usleep(100000); /* the parent sleeps on the bell by now */
        }
        _exit(7);
    }
    usleep(30000);
    assert_ok(arm__log_wait_durable(f.log, 1, &f.err), f.err);
    assert_int_equal(wait_for(child), 7);
    fixture_append_durable(&f, 100);
    fixture_remove(&f);
}

/* Killed in the middle of the sync it leads, the mutex held: again and again, while another process
 * commits. Nobody waits for ever, and what is acknowledged was synced by somebody alive. */
static void test_group_L3_leaders_killed_in_their_sync_are_succeeded(void **state)
{
    struct fixture f;

    fixture_make(&f);
    for (uint64_t tx = 1; tx <= 20; tx++) {
        struct trap_counts *counts = shared_memory(sizeof *counts);
        int status = 0;
        pid_t child;

        fixture_append(&f, 100);
        child = fork();
        if (child == 0) {
            struct fixture mine = f;
            struct trap trap;

            trap_init(&trap, counts);
            fixture_open_only(&mine, &trap.io, (struct arm_log_options){0});
            atomic_store(&counts->kill_at_sync, 1);
            (void)arm__log_wait_durable(mine.log, tx, &mine.err);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(arm__log_durable_to(f.log), tx - 1); /* its sync never ended */
        assert_ok(arm__log_wait_durable(f.log, tx, &f.err), f.err);
        assert_false(arm__log_poisoned(f.log));
        (void)munmap(counts, sizeof *counts);
    }
    assert_int_equal(fixture_check(&f), 20);
    fixture_remove(&f);
}

static void subscribe(const struct fixture *f, struct shared *shared, uint64_t last,
                      struct arm_log_options options)
{
    struct fixture mine = *f;
    struct arm_log_position at;
    struct arm_frame_header header;
    bool found;

    fixture_open_only(&mine, arm__io_system(), options);
    at = arm__log_start(mine.log);
    atomic_fetch_add(&shared->ready, 1);
    for (uint64_t tx = 0; tx < last;) {
        arm__log_tail_wait(mine.log, tx, UINT64_MAX, NULL);
        REQUIRE(arm__log_durable_to(mine.log) > tx);
        while (tx < arm__log_durable_to(mine.log)) { /* what is durable can be read */
            REQUIRE(arm__log_read(mine.log, &at, &mine.buf, &header, &found, &mine.err) == ARM_OK);
            REQUIRE(found && header.first_tx == tx + 1);
            tx = header.first_tx;
        }
        atomic_store(&shared->seen, tx);
    }
    fixture_close(&mine);
}

static void tail_wait_across_processes(struct arm_log_options options, int subscribers)
{
    struct shared *shared = shared_new();
    struct fixture f;
    pid_t children[8];

    fixture_make(&f);
    for (int i = 0; i < subscribers; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            subscribe(&f, shared, 50, options);
            _exit(0);
        }
    }
    while (atomic_load(&shared->ready) < (uint64_t)subscribers) {
        usleep(1000);
    }
    for (int i = 0; i < 50; i++) {
        fixture_append(&f, 100);
        if (i % 10 == 0) {
            usleep(3000); /* appended but not durable: seen by nobody */
            assert_true(atomic_load(&shared->seen) < f.tail.next_tx - 1);
        }
        assert_ok(arm__log_wait_durable(f.log, f.tail.next_tx - 1, &f.err), f.err);
    }
    for (int i = 0; i < subscribers; i++) {
        assert_int_equal(wait_for(children[i]), 0);
    }
    fixture_remove(&f);
    (void)munmap(shared, sizeof *shared);
}

static void test_group_tail_wait_wakes_across_processes(void **state)
{
    tail_wait_across_processes((struct arm_log_options){0}, 8);
    tail_wait_across_processes((struct arm_log_options){.read_only = true}, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_L2_one_writer_syncs_each_commit),
        cmocka_unit_test(test_group_L3_threads_of_one_process_share_syncs),
        cmocka_unit_test(test_group_L3_processes_share_syncs),
        cmocka_unit_test(test_group_L3_threads_of_many_processes_share_syncs),
        cmocka_unit_test(test_group_epoch_waits_for_time_or_count),
        cmocka_unit_test(test_group_wait_for_what_was_never_appended_is_refused),
        cmocka_unit_test(test_group_L4_failed_sync_poisons_every_process),
        cmocka_unit_test(test_group_L4_sleepers_are_told),
        cmocka_unit_test(test_group_L4_failed_sync_of_a_roll_poisons),
        cmocka_unit_test(test_group_killed_appenders_take_nothing_with_them),
        cmocka_unit_test(test_group_L3_dead_leader_is_succeeded),
        cmocka_unit_test(test_group_L3_leaders_killed_in_their_sync_are_succeeded),
        cmocka_unit_test(test_group_tail_wait_wakes_across_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
