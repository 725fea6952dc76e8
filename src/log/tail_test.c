/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the tail of a log: how it ends, and what becomes of what nobody syncs. */

#include "log/log_fixture.h"

static void test_tail_wait_ends_in_time_and_on_poison(void **state)
{
    struct fixture f;
    uint64_t start;

    fixture_make(&f);
    fixture_append_durable(&f, 100);
    start = arm__monotonic_us();
    arm__log_tail_wait(f.log, 0, UINT64_MAX, NULL); /* there already */
    arm__log_tail_wait(f.log, 1, 0, NULL);
    assert_true(arm__monotonic_us() - start < 1000000);
    start = arm__monotonic_us();
    arm__log_tail_wait(f.log, 1, 30000, NULL);
    assert_true(arm__monotonic_us() - start >= 30000);
    arm__page_poison(f.log->page);
    arm__log_tail_wait(f.log, 1, UINT64_MAX, NULL);
    fixture_remove(&f);
}

/* Its writer was killed between the append and the sync, or forgot. */
static void test_tail_W4_who_waits_syncs_what_nobody_syncs(void **state)
{
    struct fixture f;

    (void)state;
    fixture_make(&f);
    fixture_append(&f, 100);
    assert_int_equal(arm__log_durable_to(f.log), 0);
    arm__log_tail_wait(f.log, 0, 20000000, NULL);
    assert_int_equal(arm__log_durable_to(f.log), 1);
    fixture_append(&f, 100);
    for (int i = 0; i < 1000 && arm__log_durable_to(f.log) < 2; i++) { /* in short pieces */
        arm__log_tail_wait(f.log, 1, 10000, NULL);
    }
    assert_int_equal(arm__log_durable_to(f.log), 2);
    fixture_append(&f, 100);
    for (int i = 0; i < 1000 && arm__log_durable_to(f.log) < 3; i++) { /* not at all */
        arm__log_mind_orphans(f.log);
        usleep(10000);
    }
    assert_int_equal(arm__log_durable_to(f.log), 3);
    fixture_remove(&f);
}

static void *sync_slowly(void *context)
{
    struct fixture *f = context;

    assert_int_equal(pthread_mutex_lock(&f->log->page->sync_mutex), 0);
    usleep(800000);
    (void)pthread_mutex_unlock(&f->log->page->sync_mutex);
    return NULL;
}

/* A leader that is alive is not waited for longer than one asked to. */
static void test_tail_W4_who_waits_leaves_a_slow_leader_alone(void **state)
{
    struct fixture f;
    pthread_t thread;
    uint64_t start;

    (void)state;
    fixture_make(&f);
    fixture_append(&f, 100);
    assert_int_equal(pthread_create(&thread, NULL, sync_slowly, &f), 0);
    usleep(50000);
    start = arm__monotonic_us();
    arm__log_tail_wait(f.log, 0, 350000, NULL);
    assert_true(arm__monotonic_us() - start < 700000);
    assert_int_equal(arm__log_durable_to(f.log), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    fixture_remove(&f);
}

struct stopping {
    struct arm_log *log;
    struct arm_flag flag;
};

static void *stop_later(void *context)
{
    struct stopping *stopping = context;

    usleep(30000);
    arm__flag_set(&stopping->flag);
    arm__log_ring(stopping->log);
    return NULL;
}

static void test_tail_wait_can_be_stopped(void **state)
{
    struct stopping stopping = {.flag = {0}};
    struct fixture f;
    pthread_t thread;

    (void)state;
    fixture_make(&f);
    stopping.log = f.log;
    assert_int_equal(pthread_create(&thread, NULL, stop_later, &stopping), 0);
    arm__log_tail_wait(f.log, 0, UINT64_MAX, &stopping.flag);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(arm__flag_take(&stopping.flag));
    assert_false(arm__flag_is_set(&stopping.flag));
    fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tail_wait_ends_in_time_and_on_poison),
        cmocka_unit_test(test_tail_W4_who_waits_syncs_what_nobody_syncs),
        cmocka_unit_test(test_tail_W4_who_waits_leaves_a_slow_leader_alone),
        cmocka_unit_test(test_tail_wait_can_be_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
