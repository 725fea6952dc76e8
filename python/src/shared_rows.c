/* SPDX-License-Identifier: Apache-2.0 */
#include "shared_rows.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nanoarrow/nanoarrow.h>

/* A batch, and who looks at a part of it: each node of a copy counts, as it may go its own way. */
struct shared_batch {
    atomic_size_t references;
    struct ArrowArray array;
};

struct shared_rows {
    atomic_size_t references;
    pthread_mutex_t mutex; /* guards what follows, but for the schema */
    pid_t pid;             /* who made it; a forked child reads nothing */
    struct ArrowSchema schema;
    struct ArrowArrayStream source; /* release NULL: it ended */
    struct shared_batch **batches;
    size_t count;
    size_t room;
    int failure; /* an errno: it failed, with this message, and does so for every reader */
    char message[SHARED_MESSAGE_BYTES];
};

static void tell(char out[SHARED_MESSAGE_BYTES], const char *text)
{
    if (out != NULL) {
        (void)snprintf(out, SHARED_MESSAGE_BYTES, "%s", text == NULL ? "out of memory" : text);
    }
}

/* ---- Life ---- */

int shared_rows_new(struct ArrowArrayStream *stream, struct shared_rows **out,
                    char message[SHARED_MESSAGE_BYTES])
{
    struct shared_rows *rows = calloc(1, sizeof *rows);
    int rc;

    if (rows == NULL) {
        stream->release(stream);
        tell(message, NULL);
        return ENOMEM;
    }
    rows->source = *stream;
    stream->release = NULL;
    rc = rows->source.get_schema(&rows->source, &rows->schema);
    if (rc != 0) {
        tell(message, rows->source.get_last_error(&rows->source));
        rows->source.release(&rows->source);
        free(rows);
        return rc;
    }
    atomic_init(&rows->references, 1);
    rows->pid = getpid();
    (void)pthread_mutex_init(&rows->mutex, NULL);
    *out = rows;
    return 0;
}

struct shared_rows *shared_rows_retain(struct shared_rows *rows)
{
    atomic_fetch_add_explicit(&rows->references, 1, memory_order_relaxed);
    return rows;
}

static void drop_batch(struct shared_batch *batch)
{
    if (atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel) == 1) {
        batch->array.release(&batch->array);
        free(batch);
    }
}

void shared_rows_drop(struct shared_rows *rows)
{
    if (rows == NULL ||
        atomic_fetch_sub_explicit(&rows->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < rows->count; i++) {
        drop_batch(rows->batches[i]);
    }
    free(rows->batches);
    if (rows->source.release != NULL && rows->pid == getpid()) {
        rows->source.release(&rows->source);
    }
    rows->schema.release(&rows->schema);
    (void)pthread_mutex_destroy(&rows->mutex);
    free(rows);
}

const struct ArrowSchema *shared_rows_schema(const struct shared_rows *rows)
{
    return &rows->schema;
}

/* ---- Reading ---- */

static int make_room(struct shared_rows *rows)
{
    enum { ROOM_FIRST = 8 };
    size_t room = rows->room == 0 ? ROOM_FIRST : rows->room * 2;
    struct shared_batch **grown;

    if (rows->count < rows->room) {
        return 0;
    }
    grown = realloc(rows->batches, room * sizeof *grown);
    if (grown == NULL) {
        return ENOMEM;
    }
    rows->batches = grown;
    rows->room = room;
    return 0;
}

static void end_source(struct shared_rows *rows)
{
    rows->source.release(&rows->source);
    rows->source.release = NULL;
}

/* One more batch, if there is one. */
static int pull(struct shared_rows *rows)
{
    struct shared_batch *batch;
    int rc = make_room(rows);

    batch = rc == 0 ? calloc(1, sizeof *batch) : NULL;
    if (batch == NULL) {
        return ENOMEM; /* nothing is lost: it may be tried again */
    }
    rc = rows->source.get_next(&rows->source, &batch->array);
    if (rc != 0) {
        rows->failure = rc;
        tell(rows->message, rows->source.get_last_error(&rows->source));
        end_source(rows);
        free(batch);
        return rc;
    }
    if (batch->array.release == NULL) {
        end_source(rows);
        free(batch);
        return 0;
    }
    atomic_init(&batch->references, 1);
    rows->batches[rows->count++] = batch;
    return 0;
}

static int find_batch(struct shared_rows *rows, size_t i, struct shared_batch **out,
                      char message[SHARED_MESSAGE_BYTES])
{
    int rc = 0;

    if (rows->pid != getpid()) { /* who held the mutex may not be there */
        tell(message, "the rows were made before this process was forked");
        return EPERM;
    }
    (void)pthread_mutex_lock(&rows->mutex);
    while (rc == 0 && i >= rows->count && rows->source.release != NULL) {
        rc = pull(rows);
    }
    *out = i < rows->count ? rows->batches[i] : NULL;
    if (*out == NULL && rows->failure != 0) {
        rc = rows->failure;
    }
    if (rc != 0) {
        tell(message, rows->failure == 0 ? NULL : rows->message);
    }
    (void)pthread_mutex_unlock(&rows->mutex);
    return rc;
}

int shared_rows_batch(struct shared_rows *rows, size_t i, const struct ArrowArray **out,
                      char message[SHARED_MESSAGE_BYTES])
{
    struct shared_batch *batch;
    int rc = find_batch(rows, i, &batch, message);

    if (rc == 0) {
        *out = batch == NULL ? NULL : &batch->array;
    }
    return rc;
}

/* ---- Copies: nodes of their own over the same buffers ---- */

static void release_copy(struct ArrowArray *copy)
{
    for (int64_t i = 0; i < copy->n_children; i++) {
        if (copy->children[i]->release != NULL) {
            copy->children[i]->release(copy->children[i]);
        }
        free(copy->children[i]);
    }
    free(copy->children);
    if (copy->dictionary != NULL) {
        if (copy->dictionary->release != NULL) {
            copy->dictionary->release(copy->dictionary);
        }
        free(copy->dictionary);
    }
    drop_batch(copy->private_data);
    copy->release = NULL;
}

static int copy_node(struct shared_batch *batch, const struct ArrowArray *node,
                     struct ArrowArray *out);

static int copy_below(struct shared_batch *batch, const struct ArrowArray *node,
                      struct ArrowArray **out)
{
    struct ArrowArray *copy = calloc(1, sizeof *copy);
    int rc;

    if (copy == NULL) {
        return ENOMEM;
    }
    rc = copy_node(batch, node, copy);
    if (rc != 0) {
        free(copy);
        return rc;
    }
    *out = copy;
    return 0;
}

static int copy_node(struct shared_batch *batch, const struct ArrowArray *node,
                     struct ArrowArray *out)
{
    int rc = 0;

    *out = *node; /* the buffers are the batch's */
    out->n_children = 0;
    out->children = NULL;
    out->dictionary = NULL;
    out->private_data = batch;
    out->release = release_copy;
    atomic_fetch_add_explicit(&batch->references, 1, memory_order_relaxed);
    if (node->n_children > 0) {
        out->children = calloc((size_t)node->n_children, sizeof *out->children);
        rc = out->children == NULL ? ENOMEM : 0;
    }
    for (int64_t i = 0; rc == 0 && i < node->n_children; i++) {
        rc = copy_below(batch, node->children[i], &out->children[i]);
        out->n_children += rc == 0;
    }
    if (rc == 0 && node->dictionary != NULL) {
        rc = copy_below(batch, node->dictionary, &out->dictionary);
    }
    if (rc != 0) {
        release_copy(out);
    }
    return rc;
}

/* ---- Replaying ---- */

struct replay {
    struct shared_rows *rows; /* counted */
    size_t next;
    char message[SHARED_MESSAGE_BYTES];
};

static int replay_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct replay *replay = self->private_data;

    return ArrowSchemaDeepCopy(&replay->rows->schema, out);
}

static int replay_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct replay *replay = self->private_data;
    struct shared_batch *batch;
    int rc = find_batch(replay->rows, replay->next, &batch, replay->message);

    if (rc != 0) {
        return rc;
    }
    if (batch == NULL) {
        *out = (struct ArrowArray){.release = NULL};
        return 0;
    }
    rc = copy_node(batch, &batch->array, out);
    if (rc != 0) {
        tell(replay->message, NULL);
        return rc;
    }
    replay->next++;
    return 0;
}

static const char *replay_error(struct ArrowArrayStream *self)
{
    struct replay *replay = self->private_data;

    return replay->message;
}

static void replay_release(struct ArrowArrayStream *self)
{
    struct replay *replay = self->private_data;

    shared_rows_drop(replay->rows);
    free(replay);
    self->release = NULL;
}

int shared_rows_replay(struct shared_rows *rows, struct ArrowArrayStream *out)
{
    struct replay *replay = calloc(1, sizeof *replay);

    if (replay == NULL) {
        return ENOMEM;
    }
    replay->rows = shared_rows_retain(rows);
    *out = (struct ArrowArrayStream){.get_schema = replay_schema,
                                     .get_next = replay_next,
                                     .get_last_error = replay_error,
                                     .release = replay_release,
                                     .private_data = replay};
    return 0;
}
