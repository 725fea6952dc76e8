/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_DUCK_HALF_FLOATS_H
#define ARM_DUCK_HALF_FLOATS_H

/* Arrow's half floats, which SQL has no type for, as single ones, which hold each of them: in
 * columns and in whatever is nested in them. */

#include "base/status.h"

/* Whether there is any. */
bool arm__has_halves(const struct ArrowSchema *schema);

/* A copy in which they are single ones. */
arm_status arm__widen_schema(const struct ArrowSchema *schema, struct ArrowSchema *out,
                             struct arm_error *err);

/* In place: an array of `schema` becomes one of its widened copy. What it had is released with it.
 * Where it fails the array is good for nothing but to be released. */
arm_status arm__widen_array(const struct ArrowSchema *schema, struct ArrowArray *array,
                            struct arm_error *err);

/* In place: the stream, which may give none, then gives single ones. */
arm_status arm__widen_stream(struct ArrowArrayStream *stream, struct arm_error *err);

#endif
