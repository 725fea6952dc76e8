/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_API_BRANCH_FIXTURE_H
#define ARM_API_BRANCH_FIXTURE_H

/* What tests of branches begin with. */

#include <armillaria.h>
#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/streams.h"
#include "support/temp.h"

/* A repository with a table t of one row, and two sessions on main. */
struct fixture {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    arm_repo *repo;
    arm_session *session;
    arm_session *other;
    char text[256]; /* of ask */
};

static inline void refuse_with(arm_session *session, const char *sql,
                               struct arm_sql_options *options, arm_status code, const char *says)
{
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    options->size = sizeof *options;
    assert_fails(code, arm_sql(session, sql, options, &stream, NULL, &err), err);
    if (strstr(err.message, says) == NULL) {
        fail_msg("%s: %s", sql, err.message);
    }
}

static inline void refuse_sql(arm_session *session, const char *sql, arm_status code,
                              const char *says)
{
    struct arm_sql_options none = {0};

    refuse_with(session, sql, &none, code, says);
}

/* The first value that a query gives, as text; its rows are one batch. */
static inline const char *ask_with(struct fixture *f, arm_session *session, const char *sql,
                                   struct arm_sql_options *options)
{
    struct ArrowArrayStream stream;
    struct ArrowArray batch = {0};
    struct arm_error err = {0};
    const int32_t *offsets;

    options->size = sizeof *options;
    options->render = ARM_RENDER_TEXT;
    assert_ok(arm_sql(session, sql, options, &stream, NULL, &err), err);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_non_null(batch.release);
    offsets = batch.children[0]->buffers[1];
    (void)snprintf(f->text, sizeof f->text, "%.*s", (int)(offsets[1] - offsets[0]),
                   (const char *)batch.children[0]->buffers[2] + offsets[0]);
    batch.release(&batch);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_null(batch.release);
    stream.release(&stream);
    return f->text;
}

static inline const char *ask(struct fixture *f, arm_session *session, const char *sql,
                              const char *at)
{
    struct arm_sql_options options = {.at = at};

    return ask_with(f, session, sql, &options);
}

static inline const char *count_rows(struct fixture *f, arm_session *session)
{
    return ask(f, session, "SELECT count(*) FROM t", NULL);
}

static inline void open_fixture(struct fixture *f)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    struct arm_error err = {0};

    f->dir = temp_dir_make();
    (void)temp_path(&f->dir, "repo", f->path);
    assert_ok(arm_repo_open(f->path, &options, &f->repo, &err), err);
    assert_ok(arm_session_open(f->repo, NULL, &f->session, &err), err);
    assert_ok(arm_session_open(f->repo, NULL, &f->other, &err), err);
    run_sql(f->session, "CREATE TABLE t AS SELECT 1 AS a");
}

static inline void close_fixture(struct fixture *f)
{
    arm_session_close(f->other);
    arm_session_close(f->session);
    arm_repo_close(f->repo);
    temp_dir_remove(&f->dir);
}

#endif
