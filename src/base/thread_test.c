/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka_all.h"

struct shared {
    pthread_mutex_t robust;
    uint32_t bell;
};

static struct shared *map_shared(void)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(shared != MAP_FAILED);
    return shared;
}

static void test_thread_T2_robust_mutex_outlives_its_owner(void **state)
{
    struct shared *shared = map_shared();
    struct arm_error err = {0};
    bool died = false;
    pid_t child;
    int status = 0;

    arm__robust_init(&shared->robust);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)arm__robust_lock(&shared->robust, &died, NULL);
        _exit(0); /* holding it */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_ok(arm__robust_lock(&shared->robust, &died, &err), err);
    assert_true(died);
    arm__robust_unlock(&shared->robust);
    assert_ok(arm__robust_lock(&shared->robust, &died, &err), err);
    assert_false(died);
    arm__robust_unlock(&shared->robust);
    munmap(shared, sizeof *shared);
}

static void test_thread_robust_mutex_beyond_repair_is_an_error(void **state)
{
    struct shared *shared = map_shared();
    struct arm_error err = {0};
    bool died = false;
    pid_t child;
    int status = 0;

    arm__robust_init(&shared->robust);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)pthread_mutex_lock(&shared->robust);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)pthread_mutex_lock(&shared->robust); /* EOWNERDEAD, and not made consistent */
    (void)pthread_mutex_unlock(&shared->robust);
    assert_fails(ARM_IO, arm__robust_lock(&shared->robust, &died, &err), err);
    munmap(shared, sizeof *shared);
}

static void test_thread_futex_wakes_another_process(void **state)
{
    struct shared *shared = map_shared();
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        usleep(20000);
        __atomic_store_n(&shared->bell, 1, __ATOMIC_SEQ_CST);
        arm__futex_wake_all(&shared->bell);
        _exit(0);
    }
    while (__atomic_load_n(&shared->bell, __ATOMIC_SEQ_CST) == 0) {
        arm__futex_wait(&shared->bell, 0, UINT64_MAX);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    munmap(shared, sizeof *shared);
}

static void test_thread_futex_wait_ends_in_time(void **state)
{
    uint32_t word = 5;
    uint64_t begin = arm__monotonic_us();

    arm__futex_wait(&word, 4, UINT64_MAX); /* changed already */
    arm__futex_wait(&word, 5, 20000);
    assert_true(arm__monotonic_us() - begin >= 15000);
    assert_true(arm__monotonic_us() - begin < 10000000);
}

struct counter {
    struct arm_mutex mutex;
    struct arm_cond changed;
    unsigned value;
};

static void *count_up(void *context)
{
    struct counter *counter = context;

    for (int i = 0; i < 10000; i++) {
        arm__mutex_lock(&counter->mutex);
        counter->value++;
        arm__mutex_unlock(&counter->mutex);
    }
    arm__cond_wake_all(&counter->changed);
    return NULL;
}

static void test_thread_mutex_and_cond(void **state)
{
    struct counter counter = {.value = 0};
    pthread_t threads[4];

    arm__mutex_init(&counter.mutex);
    arm__cond_init(&counter.changed);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &counter), 0);
    }
    arm__mutex_lock(&counter.mutex);
    while (counter.value < 40000) {
        arm__cond_wait(&counter.changed, &counter.mutex);
    }
    arm__mutex_unlock(&counter.mutex);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    arm__cond_release(&counter.changed);
    arm__mutex_release(&counter.mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread_T2_robust_mutex_outlives_its_owner),
        cmocka_unit_test(test_thread_robust_mutex_beyond_repair_is_an_error),
        cmocka_unit_test(test_thread_futex_wakes_another_process),
        cmocka_unit_test(test_thread_futex_wait_ends_in_time),
        cmocka_unit_test(test_thread_mutex_and_cond),
    };

    return cmocka_run_group_tests_name("base/thread", tests, NULL, NULL);
}
