/* SPDX-License-Identifier: Apache-2.0 */
#include "query/slices.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "duck/half_floats.h"

/* The stream gave `code`, an errno: what it was asked for is `what`. */
static arm_status stream_failed(struct ArrowArrayStream *stream, int code, arm_status otherwise,
                                const char *what, struct arm_error *err)
{
    const char *why = stream->get_last_error(stream);

    return arm__fail(err, code == ENOMEM ? ARM_NO_MEMORY : otherwise, "%s: %s", what,
                     why == NULL ? "it does not say why" : why);
}

arm_status arm__slices_open(struct ArrowArrayStream *stream, struct arm_slices *out,
                            struct arm_error *err)
{
    int code;
    arm_status st = ARM_OK;

    memset(out, 0, sizeof *out);
    out->stream = stream;
    ARM_TRY(arm__widen_stream(stream, err));
    code = stream->get_schema(stream, &out->schema);
    if (code != 0) {
        out->schema.release = NULL;
        st = stream_failed(stream, code, ARM_SCHEMA, "the Arrow stream gives no schema", err);
        goto done;
    }
    ARM_TRY(
        arm__calloc((size_t)out->schema.n_children + 1, sizeof *out->columns, &out->columns, err));
    ARM_TRY(arm__calloc((size_t)out->schema.n_children + 1, sizeof *out->children, &out->children,
                        err));
    for (int64_t i = 0; i < out->schema.n_children; i++) {
        out->children[i] = &out->columns[i];
    }
done:
    return st;
}

static void release_batch(struct arm_slices *slices)
{
    if (slices->batch.release != NULL) {
        slices->batch.release(&slices->batch);
    }
}

void arm__slices_release(struct arm_slices *slices)
{
    release_batch(slices);
    if (slices->schema.release != NULL) {
        slices->schema.release(&slices->schema);
    }
    arm__free(slices->columns);
    arm__free((void *)slices->children);
    memset(slices, 0, sizeof *slices);
}

/* What a slice has is the batch's. */
static void keep(struct ArrowArray *array)
{
    array->release = NULL;
}

static arm_status next_batch(struct arm_slices *slices, struct arm_error *err)
{
    struct ArrowArrayStream *stream = slices->stream;
    int code;

    release_batch(slices);
    slices->row = 0;
    code = stream->get_next(stream, &slices->batch);
    if (code != 0) {
        slices->batch.release = NULL;
        return stream_failed(stream, code, ARM_IO, "the Arrow stream failed", err);
    }
    return slices->batch.release == NULL || slices->batch.n_children == slices->schema.n_children
               ? ARM_OK
               : arm__fail(err, ARM_SCHEMA, "a batch of the Arrow stream is not of its schema");
}

arm_status arm__slices_next(struct arm_slices *slices, int64_t rows_max, struct ArrowArray *out,
                            struct arm_error *err)
{
    const struct ArrowArray *batch = &slices->batch;
    arm_status st = ARM_OK;

    *out = (struct ArrowArray){.release = NULL};
    while (batch->release == NULL || slices->row == batch->length) {
        ARM_TRY(next_batch(slices, err));
        if (batch->release == NULL) {
            goto done;
        }
    }
    *out = *batch;
    out->length = batch->length - slices->row < rows_max ? batch->length - slices->row : rows_max;
    out->offset = 0;
    out->children = slices->children;
    out->release = keep;
    for (int64_t i = 0; i < batch->n_children; i++) {
        struct ArrowArray *column = &slices->columns[i];

        *column = *batch->children[i];
        column->offset += batch->offset + slices->row;
        column->length = out->length;
        column->null_count = column->null_count == 0 ? 0 : -1;
        column->release = keep;
    }
    slices->row += out->length;
done:
    return st;
}
