/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_FIXTURE_H
#define ARM_QUERY_FIXTURE_H

/* For tests of query/: a repository in a directory of its own, a host, a session. */

#include <nanoarrow/nanoarrow.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "query/session.h"
#include "support/cmocka_all.h"
#include "support/temp.h"

struct query_fixture {
    struct temp_dir dir;   /* of files */
    struct temp_dir place; /* of the repository */
    struct arm_host *host;
    struct arm_query_session *session;
    struct arm_error err;
    char text[1 << 14]; /* of query_text: "a,b|c,d|" */
};

static inline void query_open(struct query_fixture *f)
{
    struct arm_repository_options options = {0};
    struct arm_host_options host = {.engine = {.thread_count = 2}};
    struct arm_repository *repository = NULL;

    assert_ok(arm__repository_open(f->place.path, &options, &repository, &f->err), f->err);
    assert_ok(arm__host_new(repository, &host, &f->host, &f->err), f->err);
    assert_ok(arm__session_open(f->host, "main", false, &f->session, &f->err), f->err);
}

static inline int query_setup(void **state)
{
    static struct query_fixture f;

    memset(&f, 0, sizeof f);
    f.dir = temp_dir_make();
    f.place = temp_dir_make();
    assert_ok(arm__repository_create(NULL, f.place.path, &f.err), f.err);
    query_open(&f);
    *state = &f;
    return 0;
}

static inline int query_teardown(void **state)
{
    struct query_fixture *f = *state;

    arm__session_close(f->session);
    arm__host_drop(f->host);
    temp_dir_remove(&f->dir);
    temp_dir_remove(&f->place);
    return 0;
}

static inline arm_status query_start(struct query_fixture *f, const char *sql,
                                     struct ArrowArrayStream *out)
{
    return arm__session_sql(f->session, sql, NULL, out, NULL, &f->err);
}

/* Rows of a stream, which is released. */
static inline int64_t query_count(struct ArrowArrayStream *stream)
{
    struct ArrowArray array;
    int64_t rows = 0;

    for (;;) {
        int rc = stream->get_next(stream, &array);

        if (rc != 0) {
            fail_msg("%d: %s", rc, stream->get_last_error(stream));
        }
        if (array.release == NULL) {
            break;
        }
        rows += array.length;
        array.release(&array);
    }
    stream->release(stream);
    return rows;
}

/* Append the rows of a struct array of utf8 columns to f->text. */
static inline void query_print(struct query_fixture *f, const struct ArrowArrayView *view)
{
    size_t used = strlen(f->text);

    for (int64_t row = 0; row < view->length; row++) {
        for (int64_t column = 0; column < view->n_children; column++) {
            const struct ArrowArrayView *child = view->children[column];
            bool is_null = ArrowArrayViewIsNull(child, row);
            struct ArrowStringView text = {"NULL", 4};

            if (!is_null) {
                text = ArrowArrayViewGetStringUnsafe(child, row);
            }
            used += (size_t)snprintf(f->text + used, sizeof f->text - used, "%s%.*s",
                                     column > 0 ? "," : "", (int)text.size_bytes, text.data);
        }
        used += (size_t)snprintf(f->text + used, sizeof f->text - used, "|");
    }
}

/* Run a statement; its rows, as text, in f->text. */
static inline arm_status query_text(struct query_fixture *f, const char *sql)
{
    struct arm_sql_options options = {.size = sizeof options, .render = ARM_RENDER_TEXT};
    struct ArrowArrayStream stream;
    struct ArrowArrayView view;
    struct ArrowSchema schema;
    struct ArrowArray array;
    arm_status st;

    f->text[0] = '\0';
    st = arm__session_sql(f->session, sql, &options, &stream, NULL, &f->err);
    if (st != ARM_OK) {
        return st;
    }
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(ArrowArrayViewInitFromSchema(&view, &schema, NULL), 0);
    while (stream.get_next(&stream, &array) == 0 && array.release != NULL) {
        assert_int_equal(ArrowArrayViewSetArray(&view, &array, NULL), 0);
        query_print(f, &view);
        array.release(&array);
    }
    if (stream.get_last_error(&stream) != NULL) {
        st = arm__fail(&f->err, ARM_SQL, "%s", stream.get_last_error(&stream));
    }
    ArrowArrayViewReset(&view);
    schema.release(&schema);
    stream.release(&stream);
    return st;
}

#define assert_text(f, sql, expected)                                                              \
    do {                                                                                           \
        arm_status st_ = query_text((f), (sql));                                                   \
        if (st_ != ARM_OK) {                                                                       \
            fail_msg("%s\n  %d: %s", (sql), (int)st_, (f)->err.message);                           \
        }                                                                                          \
        assert_string_equal((f)->text, expected);                                                  \
    } while (0)

/* `expr` fails with this code, and `part` stands in the message. */
#define assert_fails_with(f, code_, part, expr)                                                    \
    do {                                                                                           \
        arm_status st_ = (expr);                                                                   \
        if (st_ != (code_) || strstr((f)->err.message, (part)) == NULL) {                          \
            fail_msg("%s\n  gave %d: %s", #expr, (int)st_, st_ == ARM_OK ? "" : (f)->err.message); \
        }                                                                                          \
    } while (0)

#endif
