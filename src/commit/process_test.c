/* SPDX-License-Identifier: Apache-2.0 */
/* Many writers: processes and threads. Nothing acknowledged is lost, nothing doubled. */
#include "commit/commit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/kernel_fixture.h"

enum { MOVES = 300, PROCESSES = 4, THREADS = 8, COMMITS = 50 };

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

/* ---- K7 ---- */

/* A door for a process that dies when it is to sync what it has appended. */
static struct {
    struct arm_io io;
    struct kernel *k;
} doomed;

static arm_status die_at_sync(void *self, struct arm_file *file, struct arm_error *err)
{
    struct arm_repository *repository = doomed.k->repository;
    struct arm_log *log = repository != NULL ? arm__repository_log(repository) : NULL;

    if (log != NULL && arm__log_appended_to(log) > arm__log_durable_to(log)) {
        (void)raise(SIGKILL);
    }
    return arm__io_system()->sync(self, file, err);
}

static const struct arm_id doomed_id = {{7}};

/* Appends the commit `doomed_id`, which makes table "x". */
static void make_x(struct kernel *k)
{
    struct arm_new_change change = kernel_create_change("x");
    struct arm_commit_request request = {
        .commit_id = doomed_id, .author = "test", .change_count = 1, .changes = &change};
    struct arm_commit_result result;

    request.snapshot = kernel_snapshot(k, "main");
    (void)arm__commit(k->repository, &request, &result, NULL, &k->err);
}

static const struct arm_new_cursor to_one = {.name = "c", .shares = 6, .acked_tx = 1};

static void move_consumer(struct kernel *k)
{
    (void)arm__consumer_move(k->repository, &to_one, NULL, &k->err);
}

/* Waits for a word, then does what is to be appended. */
static void be_doomed(struct kernel *k, int word, void (*append)(struct kernel *k))
{
    struct arm_repository_options options = {.io = &doomed.io};
    char byte;

    doomed.io = *arm__io_system();
    doomed.io.sync = die_at_sync;
    doomed.k = k;
    if (read(word, &byte, 1) == 1 &&
        arm__repository_open(k->dir.path, &options, &k->repository, &k->err) == ARM_OK) {
        append(k);
    }
    _exit(1);
}

/* The repository is open, and has what was appended, which is not durable. There is a consumer "c".
 */
static void leave_unsynced(struct kernel *k, void (*append)(struct kernel *k))
{
    struct arm_consumer_row row;

    int word[2];
    int status = 0;
    pid_t child;

    kernel_close(k);
    assert_int_equal(pipe(word), 0);
    child = fork();
    if (child == 0) {
        (void)close(word[1]); /* or it would wait for itself */
        be_doomed(k, word[0], append);
    }
    kernel_open(k);
    (void)kernel_create_table(k, "main", "t");
    assert_ok(arm__consumer_make(k->repository, "c", 0, &row, &k->err), k->err);
    assert_int_equal(write(word[1], "", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    (void)close(word[0]);
    (void)close(word[1]);
}

static void test_process_K7_what_is_refused_succeeds_after_a_kill(void **state)
{
    struct kernel *k = *state;
    struct arm_table_info info;
    struct arm_new_change change = kernel_create_change("x");
    struct arm_snapshot at;

    leave_unsynced(k, make_x);
    at = kernel_snapshot(k, "main");
    assert_false(kernel_find(k, &at, "x", &info)); /* it is not durable */
    assert_fails(ARM_CONFLICT, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    at = kernel_snapshot(k, "main");
    assert_true(kernel_find(k, &at, "x", &info));
    assert_fails(ARM_EXISTS, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
}

static bool is_durable(struct kernel *k)
{
    struct arm_log *log = arm__repository_log(k->repository);

    return arm__log_durable_to(log) == arm__log_appended_to(log);
}

/* How a consumer stands is known to all, once one was told so. */
static void test_process_K7_consumer_is_not_moved_from_where_it_was(void **state)
{
    struct kernel *k = *state;
    struct arm_consumer_row seen = {.tx = 0};
    struct arm_new_cursor cursor = to_one;

    leave_unsynced(k, move_consumer);
    assert_false(is_durable(k));
    cursor.seen = &seen; /* as it stood before */
    assert_fails(ARM_CONFLICT, arm__consumer_move(k->repository, &cursor, NULL, &k->err), k->err);
    assert_true(is_durable(k));
}

static void test_process_K7_consumer_is_read_as_it_will_stay(void **state)
{
    struct kernel *k = *state;
    struct arm_consumer_row row;

    leave_unsynced(k, move_consumer);
    assert_ok(arm__consumer_read(k->repository, "c", &row, &k->err), k->err);
    assert_true(is_durable(k));
    assert_int_equal(row.acked_tx[1], 1);
    assert_int_equal(row.acked_tx[0], 0);
}

static void test_process_K7_consumer_is_found_as_it_will_stay(void **state)
{
    struct kernel *k = *state;
    struct arm_consumer_row row;

    leave_unsynced(k, move_consumer);
    assert_ok(arm__consumer_make(k->repository, "c", 0, &row, &k->err), k->err);
    assert_true(is_durable(k));
    assert_int_equal(row.acked_tx[1], 1);
}

static void move_often(struct kernel *k)
{
    struct arm_consumer_row row;

    kernel_open(k);
    for (int i = 0; i < MOVES; i++) {
        assert_ok(arm__consumer_make(k->repository, "c", 0, &row, &k->err), k->err);
        assert_ok(arm__consumer_move(k->repository, &to_one, &row, &k->err), k->err);
        assert_ok(arm__consumer_read(k->repository, "c", &row, &k->err), k->err);
    }
    _exit(0);
}

/* What one has folded another sees before it is published. */
static void test_process_consumer_is_moved_by_many(void **state)
{
    struct kernel *k = *state;
    pid_t children[PROCESSES];

    kernel_close(k);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            move_often(k);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    kernel_open(k);
}

/* Who asks gets an answer that stays. */
static void test_process_what_was_appended_is_found_after_a_kill(void **state)
{
    struct kernel *k = *state;
    struct arm_table_info info;
    struct arm_snapshot at;
    uint64_t tx = 0;

    leave_unsynced(k, make_x);
    assert_ok(arm__commit_find(k->repository, &doomed_id, &tx, &k->err), k->err);
    at = kernel_snapshot(k, "main");
    assert_int_equal(tx, at.tx);
    assert_true(kernel_find(k, &at, "x", &info));
    arm__table_info_release(&info);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_process_many_writers_lose_nothing),
        kernel_test(test_process_many_threads_lose_nothing),
        kernel_test(test_process_openers_and_writers_take_turns),
        kernel_test(test_process_what_was_appended_is_found_after_a_kill),
        kernel_test(test_process_K7_what_is_refused_succeeds_after_a_kill),
        kernel_test(test_process_K7_consumer_is_not_moved_from_where_it_was),
        kernel_test(test_process_K7_consumer_is_read_as_it_will_stay),
        kernel_test(test_process_K7_consumer_is_found_as_it_will_stay),
        kernel_test(test_process_consumer_is_moved_by_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
