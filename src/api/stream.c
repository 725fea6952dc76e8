/* SPDX-License-Identifier: Apache-2.0 */
/* A result stream that keeps its root open: the registry (root.c) must know of it, for a stream
 * may outlive the handle and the session it came from. */

#include <errno.h>

#include "api/api_private.h"
#include "base/alloc.h"

struct arm_held {
    struct ArrowArrayStream inner;
    struct arm_root *root;
};

static struct arm_held *held_of(struct ArrowArrayStream *stream)
{
    return stream->private_data;
}

static int held_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct arm_held *held = held_of(stream);

    return arm__root_is_forked(held->root) ? EPERM : held->inner.get_schema(&held->inner, out);
}

static int held_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct arm_held *held = held_of(stream);

    return arm__root_is_forked(held->root) ? EPERM : held->inner.get_next(&held->inner, out);
}

static const char *held_error(struct ArrowArrayStream *stream)
{
    struct arm_held *held = held_of(stream);

    return arm__root_is_forked(held->root) ? "the stream belongs to the parent process"
                                           : held->inner.get_last_error(&held->inner);
}

static void held_release(struct ArrowArrayStream *stream)
{
    struct arm_held *held = held_of(stream);

    if (!arm__root_is_forked(held->root)) {
        held->inner.release(&held->inner);
        arm__root_drop(held->root);
    }
    arm__free(held);
    stream->release = NULL;
}

arm_status arm__held_new(struct arm_root *root, struct arm_held **out, struct arm_error *err)
{
    struct arm_held *held = NULL;
    arm_status st = arm__calloc(1, sizeof *held, &held, err);

    if (st == ARM_OK) {
        held->root = arm__root_retain(root);
        *out = held;
    }
    return st;
}

void arm__held_free(struct arm_held *held)
{
    if (held != NULL) {
        arm__root_drop(held->root);
        arm__free(held);
    }
}

void arm__stream_hold(struct ArrowArrayStream *stream, struct arm_held *held)
{
    held->inner = *stream;
    *stream = (struct ArrowArrayStream){
        .get_schema = held_schema,
        .get_next = held_next,
        .get_last_error = held_error,
        .release = held_release,
        .private_data = held,
    };
}

void arm__stream_release(struct ArrowArrayStream *stream)
{
    if (stream != NULL && stream->release != NULL) {
        stream->release(stream);
    }
}
