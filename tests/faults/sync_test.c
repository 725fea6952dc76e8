/* SPDX-License-Identifier: Apache-2.0 */
/* A sync that fails, at the public interface: every sync of a statement in turn. This program's
 * own fdatasync and fsync stand before the system's. */

#include <armillaria.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/temp.h"

/* Syncs of this process until one fails; 0: none will. */
static _Atomic long syncs_left;

static int do_sync(long number, int fd)
{
    if (syncs_left > 0) {
        syncs_left--;
        if (syncs_left == 0) {
            errno = EIO;
            return -1;
        }
    }
    return (int)syscall(number, fd);
}

int fdatasync(int fd)
{
    return do_sync(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return do_sync(SYS_fsync, fd);
}

struct fixture {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    arm_repo *repo;
    arm_session *session;
};

static const struct arm_repo_options one_thread = {
    .size = sizeof one_thread, .create = true, .thread_count = 1};

static void open_both(struct fixture *f)
{
    struct arm_error err = {0};

    assert_ok(arm_repo_open(f->path, &one_thread, &f->repo, &err), err);
    assert_ok(arm_session_open(f->repo, NULL, &f->session, &err), err);
}

static void close_both(struct fixture *f)
{
    arm_session_close(f->session);
    arm_repo_close(f->repo);
}

static arm_status run(arm_session *session, const char *sql, int64_t *out_rows,
                      struct arm_error *err)
{
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    arm_status st = arm_sql(session, sql, NULL, &stream, NULL, err);

    *out_rows = 0;
    if (st == ARM_OK) {
        while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
            *out_rows += batch.length;
            batch.release(&batch);
        }
        stream.release(&stream);
    }
    return st;
}

static int64_t must_run(arm_session *session, const char *sql)
{
    struct arm_error err = {0};
    int64_t rows = 0;

    assert_ok(run(session, sql, &rows, &err), err);
    return rows;
}

/* Another process of the same repository, in a child: what it answers to an insertion. */
static arm_status ask_other_process(const struct fixture *f, int *out_rows)
{
    int pipes[2];
    int answer[2] = {-1, -1};
    int status = 0;
    pid_t child;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        struct fixture other = {.repo = NULL};
        struct arm_error err = {0};
        int64_t rows = -1;

        syncs_left = 0;
        memcpy(other.path, f->path, sizeof other.path);
        answer[0] = (int)arm_repo_open(other.path, &one_thread, &other.repo, &err);
        if (answer[0] == ARM_OK) {
            answer[0] = (int)arm_session_open(other.repo, NULL, &other.session, &err);
        }
        if (answer[0] == ARM_OK) {
            (void)run(other.session, "SELECT a FROM t", &rows, &err);
            answer[1] = (int)rows;
            answer[0] = (int)run(other.session, "INSERT INTO t VALUES (1000)", &rows, &err);
            close_both(&other);
        }
        _exit(write(pipes[1], answer, sizeof answer) == sizeof answer ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(read(pipes[0], answer, sizeof answer), sizeof answer);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    *out_rows = answer[1];
    return (arm_status)answer[0];
}

/* Poisoned: this handle, another of this process and another process are refused, and read what
 * was durable. */
static void check_poison(const struct fixture *f, int64_t durable_rows)
{
    arm_repo *second = NULL;
    arm_session *session = NULL;
    struct arm_error err = {0};
    struct arm_recover_result recovered;
    int64_t rows;
    int seen = 0;

    assert_fails(ARM_REOPEN, run(f->session, "INSERT INTO t VALUES (7)", &rows, &err), err);
    assert_fails(ARM_REOPEN, arm_recover(f->repo, &recovered, &err), err);
    assert_int_equal(must_run(f->session, "SELECT a FROM t"), durable_rows);
    assert_ok(arm_repo_open(f->path, NULL, &second, &err), err);
    assert_ok(arm_session_open(second, NULL, &session, &err), err);
    assert_fails(ARM_REOPEN, run(session, "CREATE TABLE u AS SELECT 1 AS a", &rows, &err), err);
    arm_session_close(session);
    arm_repo_close(second);
    assert_int_equal(ask_other_process(f, &seen), ARM_REOPEN);
    assert_int_equal(seen, durable_rows);
}

static bool is_zero(const uint8_t id[16])
{
    static const uint8_t zeros[16];

    return memcmp(id, zeros, sizeof zeros) == 0;
}

/* One row by row calls, as arm_sql would insert it. */
static arm_status put_row(arm_session *session, int64_t id, struct arm_error *err)
{
    struct ArrowArrayStream row;
    arm_txn *txn = NULL;
    char sql[100];
    arm_status st;

    (void)snprintf(sql, sizeof sql, "SELECT %lld AS a", (long long)id);
    assert_ok(arm_sql(session, sql, NULL, &row, NULL, err), *err);
    assert_ok(arm_txn_begin(session, NULL, &txn, err), *err);
    st = arm_put(txn, "t", &row, NULL, err);
    if (st != ARM_OK) {
        arm_txn_rollback(txn);
        return st;
    }
    return arm_txn_commit(txn, "m", NULL, err);
}

/* `sql` NULL: a row by row calls. */
static void check_every_sync(const char *sql, int64_t added)
{
    struct fixture f;
    int64_t rows = 1;
    long unknown = 0;
    long nth = 0;
    bool struck = true;

    f.dir = temp_dir_make();
    (void)temp_path(&f.dir, "repo", f.path);
    open_both(&f);
    (void)must_run(f.session, sql != NULL ? "CREATE TABLE t (a BIGINT)"
                                          : "CREATE TABLE t (a BIGINT PRIMARY KEY)");
    (void)must_run(f.session, "INSERT INTO t VALUES (1)");
    close_both(&f);
    while (struck) {
        struct arm_error err = {0};
        int64_t got;
        uint64_t tx = 99;
        uint64_t found = 99;
        arm_status st;
        arm_status answer;

        open_both(&f);
        (void)must_run(f.session, "SELECT 1");
        syncs_left = ++nth;
        st = sql == NULL ? put_row(f.session, 100 + nth, &err) : run(f.session, sql, &got, &err);
        struck = syncs_left == 0;
        syncs_left = 0;
        if (st == ARM_COMMIT_UNKNOWN) {
            unknown++;
            assert_false(is_zero(err.commit_id));
            check_poison(&f, rows);
        } else if (st != ARM_OK) {
            assert_fails(ARM_IO, st, err);
            assert_true(is_zero(err.commit_id));
            assert_non_null(strstr(err.message, f.path));
        }
        close_both(&f);
        open_both(&f); /* as it is told to */
        answer = arm_commit_find(f.repo, err.commit_id, &tx, NULL);
        assert_ok(arm_latest_tx(f.repo, &found, &err), err);
        rows += st == ARM_OK || answer == ARM_OK ? added : 0;
        assert_int_equal(must_run(f.session, "SELECT a FROM t"), rows);
        assert_true(answer == ARM_OK ? tx == found : answer == ARM_NOT_FOUND && tx == 99);
        close_both(&f);
    }
    print_message("%ld syncs, %ld with an unknown outcome\n", nth - 1, unknown);
    assert_true(nth > 1);
    assert_int_equal(unknown, 1);
    temp_dir_remove(&f.dir);
}

static void test_sync_fails_under_a_row_in_the_log(void **state)
{
    check_every_sync("INSERT INTO t VALUES (2)", 1);
}

static void test_sync_fails_under_row_calls(void **state)
{
    check_every_sync(NULL, 1);
}

static void test_sync_fails_under_a_chunk(void **state)
{
    check_every_sync("INSERT INTO t SELECT range + 5 FROM range(12000)", 12000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sync_fails_under_a_row_in_the_log),
        cmocka_unit_test(test_sync_fails_under_a_chunk),
        cmocka_unit_test(test_sync_fails_under_row_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
