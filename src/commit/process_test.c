/* SPDX-License-Identifier: Apache-2.0 */
/* Many writers: processes and threads. Nothing acknowledged is lost, nothing doubled. */
#include "commit/commit.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/kernel_fixture.h"

enum { PROCESSES = 4, THREADS = 8, COMMITS = 50 };

/* Appends as fast as it can; the versions must be its own and growing. */
static bool append_many(struct kernel *k)
{
    uint64_t last = 0;

    for (int i = 0; i < COMMITS; i++) {
        uint64_t version = kernel_append(k, "main", "t", 1);

        if (version <= last) {
            return false;
        }
        last = version;
    }
    return true;
}

static void expect_rows(struct kernel *k, uint64_t count)
{
    struct arm_table_state *rows = kernel_state(k, "main", "t");
    struct arm_verify_report report;
    char issue[1024] = "";
    uint64_t next = 0;

    assert_int_equal(rows->live_rows, count);
    assert_int_equal(rows->version, count + 1);
    for (size_t i = 0; i < rows->entry_count; i++) { /* every row id once */
        assert_int_equal(rows->entries[i].first_row_id, next++);
    }
    arm__table_state_drop(rows);
    assert_ok(arm__repository_verify(k->repository, false, kernel_print_issue, NULL, issue, &report,
                                     &k->err),
              k->err);
    assert_string_equal(issue, "");
    assert_int_equal(report.records, count + 2);
}

static void test_process_many_writers_lose_nothing(void **state)
{
    struct kernel *k = *state;
    pid_t children[PROCESSES];

    (void)kernel_create_table(k, "main", "t");
    kernel_close(k);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            bool is_right;

            kernel_open(k); /* who is first is anybody's guess */
            is_right = append_many(k);
            kernel_close(k);
            _exit(is_right ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    kernel_open(k);
    expect_rows(k, PROCESSES * COMMITS);
}

static void *run_thread(void *context)
{
    struct kernel k = *(struct kernel *)context; /* its own error and counter */

    return append_many(&k) ? NULL : context;
}

static void test_process_many_threads_lose_nothing(void **state)
{
    struct kernel *k = *state;
    pthread_t threads[THREADS];

    (void)kernel_create_table(k, "main", "t");
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, k), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *wrong;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    expect_rows(k, THREADS * COMMITS);
}

/* Opening and closing all the time beside writers: first and last change hands. */
static void test_process_openers_and_writers_take_turns(void **state)
{
    enum { ROUNDS = 25 };
    struct kernel *k = *state;
    pid_t children[PROCESSES];

    (void)kernel_create_table(k, "main", "t");
    kernel_close(k);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            for (int round = 0; round < ROUNDS; round++) {
                kernel_open_as(k, round % 5 == 4);
                if (round % 5 != 4) {
                    (void)kernel_append(k, "main", "t", 1);
                }
                kernel_close(k);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    kernel_open(k);
    expect_rows(k, PROCESSES * ROUNDS / 5 * 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_process_many_writers_lose_nothing),
        kernel_test(test_process_many_threads_lose_nothing),
        kernel_test(test_process_openers_and_writers_take_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
