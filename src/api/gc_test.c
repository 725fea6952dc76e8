/* SPDX-License-Identifier: Apache-2.0 */
/* gc as a program calls it: old versions that are given up, and who keeps what by reading it. */

#include <armillaria.h>
#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/temp.h"

enum { ROWS = 30000 };

struct fixture {
    struct temp_dir dir;
    arm_repo *repo;
    arm_session *session;
    struct arm_error err;
};

static void must(struct fixture *f, const char *sql)
{
    struct ArrowArrayStream stream;

    assert_ok(arm_sql(f->session, sql, NULL, &stream, NULL, &f->err), f->err);
    stream.release(&stream);
}

static int setup(void **state)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    static struct fixture f;
    char path[TEMP_PATH_BYTES];
    char sql[128];

    memset(&f, 0, sizeof f);
    f.dir = temp_dir_make();
    assert_ok(arm_repo_open(temp_path(&f.dir, "repo", path), &options, &f.repo, &f.err), f.err);
    assert_ok(arm_session_open(f.repo, NULL, &f.session, &f.err), f.err);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(sql, sizeof sql,
                       "CREATE OR REPLACE TABLE t AS SELECT i AS id FROM range(%d, %d) s(i)",
                       i * ROWS, (i + 1) * ROWS);
        must(&f, sql);
    }
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arm_session_close(f->session);
    arm_repo_close(f->repo);
    temp_dir_remove(&f->dir);
    return 0;
}

static struct arm_gc_result gc(struct fixture *f, int64_t keep_days)
{
    struct arm_gc_options options = {.size = sizeof options, .grace_s = -1, .keep_days = keep_days};
    struct arm_gc_result result;

    assert_ok(arm_gc(f->repo, &options, &result, &f->err), f->err);
    return result;
}

static arm_status read_first(struct fixture *f)
{
    struct ArrowArrayStream stream;
    arm_status st = arm_sql(f->session, "SELECT count(*) FROM t AT (VERSION => 1)", NULL, &stream,
                            NULL, &f->err);

    if (st == ARM_OK) {
        stream.release(&stream);
    }
    return st;
}

/* Rows of what is left of a stream; it is released. */
static int64_t drain(struct ArrowArrayStream *stream)
{
    struct ArrowArray batch;
    int64_t rows = 0;

    for (;;) {
        assert_int_equal(stream->get_next(stream, &batch), 0);
        if (batch.release == NULL) {
            break;
        }
        rows += batch.length;
        batch.release(&batch);
    }
    stream->release(stream);
    return rows;
}

static void test_gc_keeps_all_unless_told(void **state)
{
    struct fixture *f = *state;
    struct arm_gc_options old = {.size = offsetof(struct arm_gc_options, keep_days),
                                 .grace_s = -1,
                                 .keep_days = -1}; /* of a program that knows no such field */
    struct arm_gc_result result;

    assert_ok(arm_gc(f->repo, &old, &result, &f->err), f->err);
    assert_int_equal(result.chunks + (uint64_t)result.horizon_us, 0);
    assert_int_equal(gc(f, 0).chunks, 0);
    assert_int_equal(gc(f, 1).chunks, 0);
    assert_int_equal(gc(f, INT64_MAX).chunks, 0);
    assert_ok(read_first(f), f->err);
    result = gc(f, -1);
    assert_int_equal(result.chunks, 2);
    assert_true(result.chunk_bytes > 0 && result.horizon_us > 0);
    assert_fails(ARM_HISTORY_EXPIRED, read_first(f), f->err);
    assert_non_null(strstr(f->err.message, "the oldest version that can be read is 3"));
}

/* A stream that is half read has its snapshot; a session between statements has none. */
static void test_gc_lets_a_stream_be_read(void **state)
{
    struct fixture *f = *state;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    arm_session *writer = f->session;
    int64_t rows;

    assert_ok(arm_session_open(f->repo, NULL, &f->session, &f->err), f->err);
    must(f, "SELECT count(*) FROM t");
    assert_ok(arm_sql(writer, "SELECT * FROM t AT (VERSION => 2)", NULL, &stream, NULL, &f->err),
              f->err);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    rows = batch.length;
    assert_true(rows > 0 && rows < ROWS);
    batch.release(&batch);
    must(f, "CREATE OR REPLACE TABLE t AS SELECT 7 AS id");
    assert_int_equal(gc(f, -1).chunks, 1);
    assert_int_equal(gc(f, -1).pinned, 2);
    assert_fails(ARM_HISTORY_EXPIRED, read_first(f), f->err);
    assert_int_equal(rows + drain(&stream), ROWS);
    assert_int_equal(gc(f, -1).chunks, 2);
    assert_int_equal(gc(f, -1).pinned, 0);
    arm_session_close(f->session);
    f->session = writer;
}

#define gc_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        gc_test(test_gc_keeps_all_unless_told),
        gc_test(test_gc_lets_a_stream_be_read),
    };

    return cmocka_run_group_tests_name("api/gc", tests, NULL, NULL);
}
