/* SPDX-License-Identifier: Apache-2.0 */
/* Results as Arrow streams. A stream holds its session (Q1) and reads the session's connection
 * until it ends, or until the connection is wanted for another statement: what is left is then
 * taken into memory (Q2). From then on it needs no lock of the session's, so that a statement, on
 * whichever of its threads, can read it: a result can be written back by its own session. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "query/query_private.h"
#include "query/type_marks.h"

struct result_stream {
    struct arm_query_session *session; /* counted */
    struct arm_duck_result *result;
    struct arm_watchdog *watchdog; /* of the statement's time limit; NULL: none */
    atomic_bool detached;          /* its rows are in memory */
    bool failed;
    char message[1024];
};

/* Hold the session while the connection is read; nothing to hold once the rows are in memory. */
static bool hold(struct result_stream *stream)
{
    bool held = !atomic_load(&stream->detached);

    if (held) {
        arm__mutex_lock(&stream->session->run);
    }
    return held;
}

static void unhold(struct result_stream *stream, bool held)
{
    if (held) {
        arm__mutex_unlock(&stream->session->run);
    }
}

/* Metadata in Arrow's own encoding (little-endian sizes), one pair each: of a field "arm.json" =
 * "1", of the schema of changed rows "arm.count" = "1". */
static const char json_mark[] = {1,   0,   0,   0,   8,   0, 0, 0, 'a', 'r', 'm',
                                 '.', 'j', 's', 'o', 'n', 1, 0, 0, 0,   '1'};
static const char count_mark[] = {1,   0,   0,   0,   9,   0,   0, 0, 'a', 'r', 'm',
                                  '.', 'c', 'o', 'u', 'n', 't', 1, 0, 0,   0,   '1'};

/* ---- Errors: Arrow has a number and a text ---- */

static int fail_with(struct result_stream *stream, arm_status st, const char *message)
{
    stream->failed = true;
    (void)snprintf(stream->message, sizeof stream->message, "%s", message);
    switch (st) {
    case ARM_INTERRUPTED:
        return EINTR;
    case ARM_NO_MEMORY:
        return ENOMEM;
    case ARM_FULL:
        return ENOSPC;
    default:
        return EIO;
    }
}

/* ---- The interface ---- */

static void mark_columns(const struct arm_duck_result *result, struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (arm__duck_column_is_json(result, (size_t)i)) {
            schema->children[i]->metadata = json_mark;
        }
        arm__mark_type(arm__duck_column_sql_type(result, (size_t)i), schema->children[i]);
    }
}

static int convert_schema(struct result_stream *stream, struct ArrowSchema *out)
{
    struct arm_error err;
    arm_status st = arm__duck_arrow_schema(stream->result, out, &err);

    if (st != ARM_OK) {
        return fail_with(stream, st, err.message);
    }
    mark_columns(stream->result, out);
    if (!arm__duck_has_rows(stream->result)) {
        out->metadata = count_mark;
    }
    return 0;
}

static int stream_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct result_stream *stream = self->private_data;
    bool held = hold(stream);
    int rc = convert_schema(stream, out);

    unhold(stream, held);
    return rc;
}

/* The connection is free: this stream needs it no more, and its time limit must not interrupt
 * another statement. */
static void let_go(struct result_stream *stream)
{
    arm__watchdog_stop(stream->watchdog);
    stream->watchdog = NULL;
    if (!atomic_load(&stream->detached) && stream->session->open == stream) {
        stream->session->open = NULL;
    }
}

static int next_batch(struct result_stream *stream, struct ArrowArray *out)
{
    struct arm_error err;
    arm_status st;

    if (stream->failed) {
        return EIO; /* the message stays */
    }
    st = arm__duck_arrow_next(stream->result, out, &err);
    if (st != ARM_OK) {
        let_go(stream);
        return fail_with(stream, st, err.message);
    }
    if (out->release == NULL) {
        let_go(stream);
    }
    return 0;
}

static int stream_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct result_stream *stream = self->private_data;
    bool held = hold(stream);
    int rc = next_batch(stream, out);

    unhold(stream, held);
    return rc;
}

static const char *stream_error(struct ArrowArrayStream *self)
{
    const struct result_stream *stream = self->private_data;

    return stream->failed ? stream->message : NULL;
}

static void free_stream(struct result_stream *stream)
{
    struct arm_query_session *session = stream->session;
    bool held = hold(stream); /* else a statement that reads these rows may have it */

    let_go(stream);
    arm__duck_result_free(stream->result);
    unhold(stream, held);
    arm__session_drop(session);
    arm__free(stream);
}

static void stream_release(struct ArrowArrayStream *self)
{
    free_stream(self->private_data);
    self->release = NULL;
    self->private_data = NULL;
}

arm_status arm__stream_new(struct result_stream **out, struct arm_error *err)
{
    return arm__calloc(1, sizeof **out, out, err);
}

void arm__stream_start(struct result_stream *stream, struct arm_query_session *session,
                       struct arm_duck_result *result, struct arm_watchdog *watchdog,
                       struct ArrowArrayStream *out)
{
    stream->session = arm__session_retain(session);
    stream->result = result;
    atomic_init(&stream->detached, false);
    stream->watchdog = watchdog;
    session->open = stream;
    *out = (struct ArrowArrayStream){.get_schema = stream_schema,
                                     .get_next = stream_next,
                                     .get_last_error = stream_error,
                                     .release = stream_release,
                                     .private_data = stream};
}

void arm__stream_detach(struct result_stream *stream)
{
    struct arm_error err;

    assert(stream->session->open == stream);
    if (arm__duck_buffer(stream->result, &err) != ARM_OK) {
        (void)fail_with(stream, err.code, err.message); /* told at the stream's next row */
    }
    let_go(stream);
    atomic_store(&stream->detached, true);
}

/* ---- The empty stream ---- */

static void release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static int empty_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    (void)self;
    *out = (struct ArrowSchema){.format = "+s", .name = "", .release = release_schema};
    return 0;
}

static int empty_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    (void)self;
    *out = (struct ArrowArray){.release = NULL};
    return 0;
}

static const char *empty_error(struct ArrowArrayStream *self)
{
    (void)self;
    return NULL;
}

static void empty_release(struct ArrowArrayStream *self)
{
    self->release = NULL;
}

arm_status arm__stream_empty(struct ArrowArrayStream *out, struct arm_error *err)
{
    (void)err;
    *out = (struct ArrowArrayStream){.get_schema = empty_schema,
                                     .get_next = empty_next,
                                     .get_last_error = empty_error,
                                     .release = empty_release};
    return ARM_OK;
}
