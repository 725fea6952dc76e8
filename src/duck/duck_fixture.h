/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_DUCK_FIXTURE_H
#define ARM_DUCK_FIXTURE_H

/* For tests of duck/: a repository in a directory of its own, an engine, and a session without
 * query/. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "duck/branch_parse.h"
#include "duck/duck.h"
#include "support/cmocka_all.h"
#include "support/temp.h"

struct fixture_session {
    struct fixture *fixture;
    const char *at; /* NULL: main, to read and write */
    const char *message;
    struct arm_commit_result last;
    unsigned commit_count;
    char branch[64]; /* that a statement named last */
    struct arm_duck_session duck;
    struct arm_duck_connection *connection;
};

struct fixture {
    struct temp_dir dir;
    struct arm_repository *repository;
    struct arm_engine *engine;
    struct fixture_session a;
    struct fixture_session b;
    struct arm_error err;
    char text[1 << 16]; /* of fixture_rows */
};

static inline arm_status fixture_snapshot(void *self, struct arm_snapshot *out, bool *out_read_only,
                                          struct arm_error *err)
{
    struct fixture_session *session = self;
    struct arm_catalog *catalog = arm__repository_catalog(session->fixture->repository);
    arm_status st = arm__catalog_snapshot(catalog, "main", out, err);

    *out_read_only = session->at != NULL;
    if (st == ARM_OK && session->at != NULL) {
        struct arm_snapshot on = *out;

        st = arm__catalog_resolve(catalog, &on, session->at, out, err);
    }
    return st;
}

static inline const char *fixture_message(void *self)
{
    return ((struct fixture_session *)self)->message;
}

static inline void fixture_committed(void *self, const struct arm_commit_result *result)
{
    struct fixture_session *session = self;

    session->last = *result;
    session->commit_count++;
}

static inline arm_status fixture_branch(void *self, const struct arm_branch_statement *statement,
                                        struct arm_error *err)
{
    struct fixture_session *session = self;

    if (strcmp(statement->name, "refused") == 0) {
        return arm__fail(err, ARM_EXISTS, "there is a branch \"refused\"");
    }
    (void)snprintf(session->branch, sizeof session->branch, "%s", statement->name);
    return ARM_OK;
}

static inline void fixture_connect(struct fixture *f, struct fixture_session *session)
{
    session->fixture = f;
    session->duck = (struct arm_duck_session){.self = session,
                                              .repository = f->repository,
                                              .engine = f->engine,
                                              .snapshot = fixture_snapshot,
                                              .message = fixture_message,
                                              .committed = fixture_committed,
                                              .branch_statement = fixture_branch};
    assert_ok(arm__duck_connect(&session->duck, &session->connection, &f->err), f->err);
}

static inline void fixture_open(struct fixture *f)
{
    struct arm_repository_options options = {0};
    struct arm_engine_options engine = {.thread_count = 2};

    assert_ok(arm__repository_open(f->dir.path, &options, &f->repository, &f->err), f->err);
    assert_ok(arm__engine_open(&engine, &f->engine, &f->err), f->err);
    assert_ok(arm__duck_register(f->engine, &f->err), f->err);
    fixture_connect(f, &f->a);
    fixture_connect(f, &f->b);
}

static inline void fixture_close(struct fixture *f)
{
    arm__duck_disconnect(f->a.connection);
    arm__duck_disconnect(f->b.connection);
    arm__engine_close(f->engine);
    arm__repository_close(f->repository);
}

static inline int fixture_setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    f.dir = temp_dir_make();
    assert_ok(arm__repository_create(NULL, f.dir.path, &f.err), f.err);
    fixture_open(&f);
    *state = &f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    fixture_close(f);
    temp_dir_remove(&f->dir);
    return 0;
}

/* ---- Statements ---- */

/* "a,b|c,d|" of the rows of a chunk whose columns are VARCHAR. */
static inline size_t fixture_print(duckdb_data_chunk chunk, char *out, size_t size)
{
    size_t used = 0;

    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); row++) {
        for (idx_t column = 0; column < duckdb_data_chunk_get_column_count(chunk); column++) {
            duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, column);
            uint64_t *validity = duckdb_vector_get_validity(vector);
            duckdb_string_t *strings = duckdb_vector_get_data(vector);
            bool is_null = validity != NULL && !duckdb_validity_row_is_valid(validity, row);
            int length = is_null ? 4 : (int)duckdb_string_t_length(strings[row]);

            used +=
                (size_t)snprintf(out + used, size - used, "%s%.*s", column > 0 ? "," : "", length,
                                 is_null ? "NULL" : duckdb_string_t_data(&strings[row]));
        }
        used += (size_t)snprintf(out + used, size - used, "|");
    }
    return used;
}

/* Run a statement and put its rows in f->text as "a,b|c,d|". */
static inline arm_status fixture_run(struct fixture_session *session, const char *sql)
{
    struct fixture *f = session->fixture;
    struct arm_duck_result *result = NULL;
    duckdb_data_chunk chunk = NULL;
    size_t used = 0;
    arm_status st = ARM_OK;

    f->text[0] = '\0';
    ARM_TRY(arm__duck_execute(session->connection, sql, &result, &f->err));
    ARM_TRY(arm__duck_render(result, ARM_RENDER_TEXT, &f->err));
    for (;;) {
        ARM_TRY(arm__duck_next(result, &chunk, &f->err));
        if (chunk == NULL) {
            break;
        }
        if (used < sizeof f->text / 2) {
            used += fixture_print(chunk, f->text + used, sizeof f->text - used);
        }
        duckdb_destroy_data_chunk(&chunk);
    }
done:
    arm__duck_result_free(result);
    return st;
}

#define assert_sql(session, sql)                                                                   \
    do {                                                                                           \
        arm_status st_ = fixture_run((session), (sql));                                            \
        if (st_ != ARM_OK) {                                                                       \
            fail_msg("%s\n  %s: %s", (sql), arm_status_name_(st_),                                 \
                     (session)->fixture->err.message);                                             \
        }                                                                                          \
    } while (0)

#define assert_rows(session, sql, expected)                                                        \
    do {                                                                                           \
        assert_sql(session, sql);                                                                  \
        assert_string_equal((session)->fixture->text, expected);                                   \
    } while (0)

/* The statement fails with this code, and `part` stands in the message. */
#define assert_refused(session, sql, code_, part)                                                  \
    do {                                                                                           \
        arm_status st_ = fixture_run((session), (sql));                                            \
        const char *message_ = (session)->fixture->err.message;                                    \
        if (st_ != (code_) || strstr(message_, (part)) == NULL) {                                  \
            fail_msg("%s\n  gave %s: %s", (sql), arm_status_name_(st_),                            \
                     st_ == ARM_OK ? "" : message_);                                               \
        }                                                                                          \
    } while (0)

static inline const char *arm_status_name_(arm_status status)
{
    switch (status) {
#define ARM_STATUS_CASE(code, number, text)                                                        \
    case code:                                                                                     \
        return #code;
        ARM_STATUS_MAP(ARM_STATUS_CASE)
#undef ARM_STATUS_CASE
    }
    return "?";
}

#endif
