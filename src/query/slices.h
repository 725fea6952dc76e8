/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_SLICES_H
#define ARM_QUERY_SLICES_H

/* A stream of rows, a few at a time, however large its batches are. */

#include "base/status.h"

struct arm_slices {
    struct ArrowArrayStream *stream; /* borrowed; wrapped in place, if it has half floats */
    struct ArrowSchema schema;       /* of its rows */
    struct ArrowArray batch;         /* that is read */
    int64_t row;                     /* of it, that comes next */
    struct ArrowArray *columns;      /* a slice of each of its columns ... */
    struct ArrowArray **children;    /* ... and where they are */
};

/* `*out` is zeroed, or released before. Errors: ARM_SCHEMA: the stream gives no schema. */
arm_status arm__slices_open(struct ArrowArrayStream *stream, struct arm_slices *out,
                            struct arm_error *err);
void arm__slices_release(struct arm_slices *slices); /* accepts the zeroed state */

/* The next rows, at most `rows_max` and at least one, good until the next call; to be released as
 * any array, which frees nothing. release NULL: the end. Errors: the stream's, as ARM_IO or
 * ARM_NO_MEMORY; ARM_SCHEMA: a batch is not of the schema. */
arm_status arm__slices_next(struct arm_slices *slices, int64_t rows_max, struct ArrowArray *out,
                            struct arm_error *err);

#endif
