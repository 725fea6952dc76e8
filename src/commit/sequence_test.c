/* SPDX-License-Identifier: Apache-2.0 */
/* Places of sequences: no two callers get one, in threads, over reopening, over a kill, on any
 * branch; and few records are written for many. */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/kernel_fixture.h"

static struct arm_table_id make_sequence(struct kernel *k, const char *branch, uint64_t used)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    Armpb__Schema schema = ARMPB__SCHEMA__INIT;
    Armpb__Sequence sequence = ARMPB__SEQUENCE__INIT;
    struct arm_new_change change = {.kind = ARMPB__CHANGE_KIND__CREATE,
                                    .object = ARMPB__OBJECT_KIND__SEQUENCE,
                                    .schema_name = "main",
                                    .name = "q",
                                    .schema = &schema};
    struct arm_table_info info;

    schema.schema_id = 1;
    schema.sequence = &sequence;
    sequence.start = sequence.increment = sequence.min_value = 1;
    sequence.max_value = INT64_MAX;
    sequence.has_used = used > 0;
    sequence.used = used;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    at = kernel_snapshot(k, branch);
    assert_true(kernel_find(k, &at, "q", &info));
    assert_int_equal(info.row.object, ARMPB__OBJECT_KIND__SEQUENCE);
    return info.row.table_id;
}

static struct arm_places take(struct kernel *k, const struct arm_table_id *id, uint64_t wanted)
{
    struct arm_places places = {0, 0};

    assert_ok(arm__sequence_take(k->repository, id, wanted, &places, &k->err), k->err);
    assert_in_range(places.count, 1, wanted);
    return places;
}

static uint64_t next_tx(struct kernel *k)
{
    return kernel_snapshot(k, "main").tx + 1;
}

static void test_sequence_first_values_leave_no_gap(void **state)
{
    struct kernel *k = *state;
    struct arm_table_id id = make_sequence(k, "main", 0);

    for (uint64_t i = 0; i < 3; i++) { /* each in a process that wants one */
        assert_int_equal(take(k, &id, 1).first, i);
        kernel_reopen(k);
    }
    assert_int_equal(take(k, &id, 100).first, 3);
    assert_int_equal(take(k, &id, 1).first, 103);
}

static void test_sequence_goes_on_behind_what_its_maker_took(void **state)
{
    struct kernel *k = *state;
    struct arm_table_id id = make_sequence(k, "main", 40);

    assert_int_equal(take(k, &id, 1).first, 40);
}

static void test_sequence_many_values_write_few_records(void **state)
{
    struct kernel *k = *state;
    struct arm_table_id id = make_sequence(k, "main", 0);
    uint64_t before = next_tx(k);
    uint64_t next = 0;

    while (next < 20000) {
        struct arm_places places = take(k, &id, 1);

        assert_int_equal(places.first, next); /* in order, since nobody else takes any */
        next += places.count;
    }
    (void)kernel_create_table(k, "main", "t"); /* to see where the log is */
    assert_in_range(next_tx(k) - before, 10, 40);
}

static void test_sequence_is_one_on_all_branches_and_dropped(void **state)
{
    struct kernel *k = *state;
    struct arm_table_id id = make_sequence(k, "main", 0);
    struct arm_snapshot at;
    struct arm_new_change drop;

    (void)kernel_branch(k, "other", "main");
    assert_int_equal(take(k, &id, 1).first, 0);
    at = kernel_snapshot(k, "main");
    drop = kernel_change(k, &at, "q", ARMPB__CHANGE_KIND__DROP);
    assert_ok(kernel_commit_one(k, &at, &drop, NULL, NULL), k->err);
    kernel_reopen(k);
    assert_int_equal(take(k, &id, 1).first, 1); /* "other" has it still */
}

static void test_sequence_that_never_was(void **state)
{
    struct kernel *k = *state;
    struct arm_table_id id = {{1, 2, 3}};
    struct arm_places places;
    struct arm_table_info info;
    struct arm_snapshot at;

    assert_fails(ARM_NOT_FOUND, arm__sequence_take(k->repository, &id, 1, &places, &k->err),
                 k->err);
    (void)kernel_create_table(k, "main", "t"); /* a table's id is none of a sequence */
    at = kernel_snapshot(k, "main");
    assert_true(kernel_find(k, &at, "t", &info));
    assert_fails(ARM_NOT_FOUND,
                 arm__sequence_take(k->repository, &info.row.table_id, 1, &places, &k->err),
                 k->err);
}

static void test_sequence_survives_the_index_and_checkpoints(void **state)
{
    struct kernel *k = *state;
    struct arm_table_id id = make_sequence(k, "main", 0);
    char command[TEMP_PATH_BYTES + 20];
    struct arm_places places = take(k, &id, 5000);

    for (int checkpoint = 0; checkpoint < 2; checkpoint++) {
        uint64_t end = places.first + places.count;

        if (checkpoint > 0) {
            assert_ok(arm__repository_checkpoint(k->repository, &k->err), k->err);
        }
        kernel_close(k);
        (void)snprintf(command, sizeof command, "rm -rf '%s/index'", k->dir.path);
        assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a test
        kernel_open(k);
        places = take(k, &id, 3);
        assert_int_equal(places.first, end);
    }
}

/* ---- Threads ---- */

enum { THREADS = 4, EACH = 3000 };

struct taker {
    struct kernel *k;
    struct arm_table_id id;
    unsigned char *seen; /* a place is one thread's alone: so is its byte */
    arm_status status;
    bool is_twice;
};

static void *take_many(void *argument)
{
    struct taker *t = argument;

    for (unsigned taken = 0; t->status == ARM_OK && taken < EACH;) {
        struct arm_places places = {0, 0};

        t->status = arm__sequence_take(t->k->repository, &t->id, 1 + taken % 7, &places, NULL);
        for (uint64_t i = 0; i < places.count; i++) {
            t->is_twice = t->is_twice || t->seen[places.first + i]++ != 0;
            taken++;
        }
    }
    return NULL;
}

static void test_sequence_threads_share_without_meeting(void **state)
{
    struct kernel *k = *state;
    struct arm_table_id id = make_sequence(k, "main", 0);
    unsigned char *seen = calloc((size_t)2 * THREADS * EACH + 4096, 1);
    struct taker takers[THREADS];
    pthread_t threads[THREADS];

    assert_non_null(seen);
    for (size_t i = 0; i < THREADS; i++) {
        takers[i] = (struct taker){.k = k, .id = id, .seen = seen};
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(takers[i].status, ARM_OK);
        assert_false(takers[i].is_twice);
    }
    free(seen);
}

/* ---- What fails ---- */

static void test_sequence_kill_repeats_no_place(void **state)
{
    struct kernel *k = *state;
    struct arm_table_id id = make_sequence(k, "main", 0);
    uint64_t after = 0;

    for (int round = 0; round < 5; round++) {
        uint64_t last = 0;
        int ends[2];
        pid_t child;

        kernel_close(k);
        assert_int_equal(pipe(ends), 0); // NOLINT(android-cloexec-pipe): no exec follows
        child = fork();
        if (child == 0) { /* hands out places until it is killed in the middle */
            kernel_open(k);
            for (;;) {
                struct arm_places places = take(k, &id, 1);

                (void)!write(ends[1], &places.first, sizeof places.first);
            }
        }
        (void)close(ends[1]);
        for (int i = 0; i < 20 + 30 * round; i++) {
            uint64_t place = 0;

            assert_int_equal(read(ends[0], &place, sizeof place), sizeof place);
            assert_true(place >= after);
            last = place;
        }
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        after = last + 1;
        for (uint64_t place = 0; read(ends[0], &place, sizeof place) == sizeof place;) {
            after = place + 1; /* told before it died */
        }
        (void)close(ends[0]);
        kernel_open(k);
        assert_true(take(k, &id, 1).first >= after);
        after++;
    }
}

static void test_sequence_failed_syncs_give_nothing_away_twice(void **state)
{
    struct kernel *k = *state;
    struct arm_table_id id = make_sequence(k, "main", 0);
    struct arm_places places = take(k, &id, 1);
    uint64_t after = places.first + 1;

    for (uint64_t n = 1; n <= 6; n++) {
        arm_status st;

        io_fault_at(k->fault, n, EIO, IO_FAULT_ONCE);
        st = arm__sequence_take(k->repository, &id, 2000, &places, &k->err);
        io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
        kernel_reopen(k);
        if (st != ARM_OK) {
            places = take(k, &id, 1);
        }
        assert_true(places.first >= after);
        after = places.first + places.count;
    }
}

static void test_sequence_out_of_memory_changes_nothing(void **state)
{
    struct kernel *k = *state;
    struct arm_table_id id = make_sequence(k, "main", 0);
    struct arm_places places = {7, 7};
    arm_status st = ARM_NO_MEMORY;

    for (uint64_t n = 1; st == ARM_NO_MEMORY; n++) {
        (void)arm__alloc_fail_at(n);
        st = arm__sequence_take(k->repository, &id, 5, &places, &k->err);
        (void)arm__alloc_fail_at(0);
    }
    assert_ok(st, k->err);
    assert_int_equal(places.first, 0);
    assert_int_equal(places.count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_sequence_first_values_leave_no_gap),
        kernel_test(test_sequence_goes_on_behind_what_its_maker_took),
        kernel_test(test_sequence_many_values_write_few_records),
        kernel_test(test_sequence_is_one_on_all_branches_and_dropped),
        kernel_test(test_sequence_that_never_was),
        kernel_test(test_sequence_survives_the_index_and_checkpoints),
        kernel_test(test_sequence_threads_share_without_meeting),
        kernel_test(test_sequence_kill_repeats_no_place),
        kernel_fault_test(test_sequence_failed_syncs_give_nothing_away_twice),
        kernel_test(test_sequence_out_of_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
