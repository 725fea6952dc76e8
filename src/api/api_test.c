/* SPDX-License-Identifier: Apache-2.0 */
/* The public contract, from inside one process: handles, forks, options, ownership. */

#include <armillaria.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/streams.h"
#include "support/temp.h"

/* A repository in a directory of its own, with a handle and a session. */
struct fixture {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    arm_repo *repo;
    arm_session *session;
};

static void open_fixture(struct fixture *fixture)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    struct arm_error err = {0};

    fixture->dir = temp_dir_make();
    (void)temp_path(&fixture->dir, "repo", fixture->path);
    assert_ok(arm_repo_open(fixture->path, &options, &fixture->repo, &err), err);
    assert_ok(arm_session_open(fixture->repo, NULL, &fixture->session, &err), err);
}

static void close_fixture(struct fixture *fixture)
{
    arm_session_close(fixture->session);
    arm_repo_close(fixture->repo);
    temp_dir_remove(&fixture->dir);
}

static int64_t count_tables(arm_session *session)
{
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    assert_ok(arm_tables(session, NULL, &stream, &err), err);
    return drain(&stream);
}

static void test_api_A1_two_handles_share_one_repository(void **state)
{
    struct fixture fixture;
    char other_spelling[2 * TEMP_PATH_BYTES];
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    struct arm_error err = {0};
    uint64_t tx[2] = {0};

    open_fixture(&fixture);
    (void)snprintf(other_spelling, sizeof other_spelling, "%s/../repo/.", fixture.path);
    assert_ok(arm_repo_open(other_spelling, NULL, &repo, &err), err);
    assert_ok(arm_session_open(repo, "main", &session, &err), err);
    run_sql(fixture.session, "CREATE TABLE t AS SELECT 1 AS a");
    assert_int_equal(count_tables(session), 1);
    assert_ok(arm_latest_tx(fixture.repo, &tx[0], &err), err);
    assert_ok(arm_latest_tx(repo, &tx[1], &err), err);
    assert_true(tx[0] == tx[1] && tx[0] > 0);
    assert_true(arm_session_last_tx(fixture.session) == tx[0]);
    assert_true(arm_session_last_tx(session) == 0);
    assert_string_equal(arm_repo_path(repo), arm_repo_path(fixture.repo));
    arm_session_close(session);
    arm_repo_close(repo);
    run_sql(fixture.session, "CREATE TABLE u AS SELECT 1 AS a");
    close_fixture(&fixture);
}

static void test_api_a_stream_outlives_session_and_handle(void **state)
{
    struct fixture fixture;
    struct ArrowArrayStream stream;
    struct arm_error err = {0};
    arm_repo *again = NULL;

    open_fixture(&fixture);
    run_sql(fixture.session, "CREATE TABLE t AS SELECT * FROM range(300000) r(i)");
    assert_ok(arm_sql(fixture.session, "SELECT i FROM t", NULL, &stream, NULL, &err), err);
    arm_session_close(fixture.session);
    arm_repo_close(fixture.repo);
    assert_ok(arm_repo_open(fixture.path, NULL, &again, &err), err); /* shares what is still open */
    assert_int_equal(drain(&stream), 300000);
    arm_repo_close(again);
    temp_dir_remove(&fixture.dir);
}

static void test_api_A3_a_forked_child_is_refused_and_may_open_anew(void **state)
{
    struct fixture fixture;
    struct ArrowArrayStream stream;
    struct arm_error err = {0};
    int status = 0;
    pid_t child = 0;

    open_fixture(&fixture);
    run_sql(fixture.session, "CREATE TABLE t AS SELECT 1 AS a");
    child = fork();
    if (child == 0) {
        arm_repo *repo = NULL;
        uint64_t tx = 0;
        bool refused = arm_tables(fixture.session, NULL, &stream, &err) == ARM_FORKED &&
                       arm_latest_tx(fixture.repo, &tx, &err) == ARM_FORKED &&
                       arm_session_progress(fixture.session) < 0;

        arm_session_interrupt(fixture.session);
        arm_session_close(fixture.session);
        arm_repo_close(fixture.repo);
        refused = refused && arm_repo_open(fixture.path, NULL, &repo, &err) == ARM_OK &&
                  arm_latest_tx(repo, &tx, &err) == ARM_OK && tx > 0;
        arm_repo_close(repo);
        _exit(refused ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    run_sql(fixture.session, "INSERT INTO t VALUES (2)"); /* the parent goes on */
    close_fixture(&fixture);
}

/* Every call that takes a handle and can fail, with the handles of the parent: how many did not
 * answer ARM_FORKED. */
static int count_not_forked(struct fixture *f, struct arm_error *err)
{
    const uint8_t commit_id[16] = {1};
    const char *const paths[1] = {"/dev/null"};
    struct arm_write_options append = {.size = sizeof append, .mode = ARM_WRITE_APPEND};
    struct arm_history_options history = {.size = sizeof history};
    struct ArrowArrayStream stream = {.release = NULL};
    arm_session *session = NULL;
    uint64_t number = 0;
    char file[TEMP_PATH_BYTES];
    arm_status statuses[] = {
        arm_latest_tx(f->repo, &number, err),
        arm_commit_find(f->repo, commit_id, &number, err),
        arm_session_open(f->repo, NULL, &session, err),
        arm_sql(f->session, "SELECT 1", NULL, &stream, NULL, err),
        arm_sql(f->session, "INSERT INTO t VALUES (7)", NULL, &stream, NULL, err),
        arm_import(f->session, "t", paths, 1, &append, NULL, err),
        arm_export(f->session, "t", temp_path(&f->dir, "t.csv", file), NULL, NULL, err),
        arm_tables(f->session, NULL, &stream, err),
        arm_versions(f->session, "t", true, &stream, err),
        arm_schema(f->session, "t", NULL, &stream, err),
        arm_log(f->session, &history, &stream, err),
        arm_show(f->session, "main", &stream, err),
        arm_stats(f->session, &stream, err),
        arm_verify(f->repo, NULL, NULL, err),
        arm_recover(f->repo, NULL, err),
    };
    int count = 0;

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (statuses[i] != ARM_FORKED) {
            (void)fprintf(stderr, "call %zu answered %s\n", i, arm_status_name(statuses[i]));
            count++;
        }
    }
    return count + (session != NULL) + (stream.release != NULL);
}

/* The rest is harmless: names are told, closing in the child leaves the parent's handles alone,
 * in the middle of a transaction and with a stream open too. */
static void test_api_A3_every_call_in_a_forked_child_is_refused(void **state)
{
    struct fixture fixture;
    struct ArrowArrayStream stream;
    struct ArrowArrayStream rows;
    struct arm_error err = {0};
    int status = 0;
    pid_t child = 0;

    open_fixture(&fixture);
    run_sql(fixture.session, "CREATE TABLE t AS SELECT 1 AS a");
    run_sql(fixture.session, "BEGIN");
    run_sql(fixture.session, "INSERT INTO t VALUES (2)");
    assert_ok(arm_sql(fixture.session, "SELECT * FROM range(300000)", NULL, &rows, NULL, &err),
              err);
    child = fork();
    if (child == 0) {
        int wrong = count_not_forked(&fixture, &err);

        wrong += strcmp(arm_session_branch(fixture.session), "main") != 0;
        wrong += strstr(arm_repo_path(fixture.repo), "repo") == NULL;
        wrong += arm_session_progress(fixture.session) >= 0;
        (void)arm_session_last_tx(fixture.session);
        arm_session_interrupt(fixture.session);
        arm_session_close(fixture.session);
        arm_repo_close(fixture.repo);
        _exit(wrong);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(drain(&rows), 300000);
    run_sql(fixture.session, "COMMIT");
    assert_ok(arm_sql(fixture.session, "SELECT a FROM t", NULL, &stream, NULL, &err), err);
    assert_int_equal(drain(&stream), 2);
    close_fixture(&fixture);
}

static void test_api_A4_option_sizes(void **state)
{
    struct fixture fixture;
    /* A newer program's struct: ours and one field more. */
    struct {
        struct arm_history_options known;
        uint64_t more;
    } newer = {.known = {.size = sizeof newer}};
    struct arm_history_options older = {.size = offsetof(struct arm_history_options, limit),
                                        .limit = 1};
    struct arm_history_options unset = {0};
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    open_fixture(&fixture);
    run_sql(fixture.session, "CREATE TABLE t AS SELECT 1 AS a");
    run_sql(fixture.session, "INSERT INTO t VALUES (2)");
    assert_fails(ARM_INVALID, arm_log(fixture.session, &newer.known, &stream, &err), err);
    assert_fails(ARM_INVALID, arm_log(fixture.session, &unset, &stream, &err), err);
    assert_ok(arm_log(fixture.session, &older, &stream, &err), err); /* its limit is not seen */
    assert_int_equal(drain(&stream), 2);
    assert_ok(arm_log(fixture.session, NULL, &stream, &err), err);
    assert_int_equal(drain(&stream), 2);
    close_fixture(&fixture);
}

static void test_api_missing_arguments_are_told(void **state)
{
    struct fixture fixture;
    struct ArrowArrayStream stream;
    struct arm_error err = {0};
    arm_repo *repo = NULL;

    open_fixture(&fixture);
    assert_fails(ARM_INVALID, arm_repo_open(NULL, NULL, &repo, &err), err);
    assert_fails(ARM_INVALID, arm_repo_open(fixture.path, NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_sql(NULL, "SELECT 1", NULL, &stream, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_sql(fixture.session, NULL, NULL, &stream, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_sql(fixture.session, "SELECT 1", NULL, NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_tables(fixture.session, NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_schema(fixture.session, NULL, NULL, &stream, &err), err);
    assert_fails(ARM_INVALID, arm_import(fixture.session, "t", NULL, 1, NULL, NULL, &err), err);
    assert_int_equal(arm_tables(fixture.session, NULL, NULL, NULL), ARM_INVALID);
    assert_fails(ARM_NOT_FOUND, arm_session_open(fixture.repo, "nosuch", &fixture.session, &err),
                 err);
    arm_repo_close(NULL);
    arm_session_close(NULL);
    arm_session_interrupt(NULL);
    close_fixture(&fixture);
}

static void test_api_A5_a_taken_stream_is_released_whatever_happens(void **state)
{
    struct fixture fixture;
    struct arm_write_options upsert = {.size = sizeof upsert, .mode = ARM_WRITE_UPSERT};
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    open_fixture(&fixture);
    run_sql(fixture.session, "CREATE TABLE t AS SELECT 1 AS a");
    assert_ok(arm_sql(fixture.session, "SELECT 1 AS a", NULL, &stream, NULL, &err), err);
    assert_fails(ARM_SCHEMA, arm_write(fixture.session, "t", &stream, &upsert, NULL, &err), err);
    assert_null(stream.release);
    assert_ok(arm_sql(fixture.session, "SELECT 1 AS a", NULL, &stream, NULL, &err), err);
    assert_fails(ARM_EXISTS, arm_write(fixture.session, "t", &stream, NULL, NULL, &err), err);
    assert_null(stream.release);
    assert_fails(ARM_INVALID, arm_write(fixture.session, "t", &stream, NULL, NULL, &err), err);
    close_fixture(&fixture);
}

static void test_api_A7_a_reading_handle_only_reads(void **state)
{
    struct fixture fixture;
    struct arm_repo_options reading = {.size = sizeof reading, .read_only = true};
    struct ArrowArrayStream stream;
    struct arm_error err = {0};
    arm_repo *repo = NULL;
    arm_session *session = NULL;

    open_fixture(&fixture);
    run_sql(fixture.session, "CREATE TABLE t AS SELECT 1 AS a");
    assert_ok(arm_repo_open(fixture.path, &reading, &repo, &err), err);
    assert_ok(arm_session_open(repo, NULL, &session, &err), err);
    assert_fails(ARM_READ_ONLY,
                 arm_sql(session, "INSERT INTO t VALUES (2)", NULL, &stream, NULL, &err), err);
    assert_ok(arm_sql(fixture.session, "SELECT 2 AS a", NULL, &stream, NULL, &err), err);
    assert_fails(ARM_READ_ONLY, arm_write(session, "u", &stream, NULL, NULL, &err), err);
    run_sql(fixture.session, "INSERT INTO t VALUES (2)");
    assert_ok(arm_sql(session, "SELECT * FROM t", NULL, &stream, NULL, &err), err);
    assert_int_equal(drain(&stream), 2);
    arm_session_close(session);
    arm_repo_close(repo);
    close_fixture(&fixture);

    open_fixture(&fixture);
    arm_session_close(fixture.session);
    arm_repo_close(fixture.repo);
    assert_ok(arm_repo_open(fixture.path, &reading, &repo, &err), err);
    assert_fails(ARM_BUSY, arm_repo_open(fixture.path, NULL, &fixture.repo, &err), err);
    arm_repo_close(repo);
    temp_dir_remove(&fixture.dir);
}

static void *open_and_close(void *context)
{
    for (int i = 0; i < 20; i++) {
        arm_repo *repo = NULL;
        struct ArrowArrayStream stream;
        arm_session *session = NULL;

        if (arm_repo_open(context, NULL, &repo, NULL) != ARM_OK ||
            arm_session_open(repo, NULL, &session, NULL) != ARM_OK ||
            arm_tables(session, NULL, &stream, NULL) != ARM_OK || drain(&stream) != 1) {
            return context;
        }
        arm_session_close(session);
        arm_repo_close(repo);
    }
    return NULL;
}

static void test_api_A2_threads_open_and_close_at_once(void **state)
{
    enum { THREADS = 4 };
    struct fixture fixture;
    pthread_t threads[THREADS];

    open_fixture(&fixture);
    run_sql(fixture.session, "CREATE TABLE t AS SELECT 1 AS a");
    arm_session_close(fixture.session);
    arm_repo_close(fixture.repo); /* so that each thread may be the first and the last */
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, fixture.path), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    temp_dir_remove(&fixture.dir);
}

static void test_api_a_commit_is_found_by_its_id(void **state)
{
    struct fixture fixture;
    const uint8_t never[16] = {1, 2, 3};
    struct arm_error err = {0};
    uint64_t tx = 77;

    open_fixture(&fixture);
    assert_fails(ARM_NOT_FOUND, arm_commit_find(fixture.repo, never, &tx, &err), err);
    assert_true(tx == 77);
    close_fixture(&fixture);
}

static void test_api_every_status_has_a_name_and_a_text(void **state)
{
#define CHECK(code, number, text)                                                                  \
    assert_string_equal(arm_status_name(code), #code);                                             \
    assert_string_equal(arm_status_text(code), text);
    ARM_STATUS_MAP(CHECK)
#undef CHECK
    assert_non_null(arm_status_name((arm_status)9999));
    assert_non_null(arm_status_text((arm_status)9999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_A1_two_handles_share_one_repository),
        cmocka_unit_test(test_api_a_stream_outlives_session_and_handle),
        cmocka_unit_test(test_api_A3_a_forked_child_is_refused_and_may_open_anew),
        cmocka_unit_test(test_api_A3_every_call_in_a_forked_child_is_refused),
        cmocka_unit_test(test_api_A4_option_sizes),
        cmocka_unit_test(test_api_missing_arguments_are_told),
        cmocka_unit_test(test_api_A5_a_taken_stream_is_released_whatever_happens),
        cmocka_unit_test(test_api_A7_a_reading_handle_only_reads),
        cmocka_unit_test(test_api_A2_threads_open_and_close_at_once),
        cmocka_unit_test(test_api_a_commit_is_found_by_its_id),
        cmocka_unit_test(test_api_every_status_has_a_name_and_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
