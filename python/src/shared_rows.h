/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_SHARED_ROWS_H
#define ARM_PY_SHARED_ROWS_H

/* The rows of a stream, which comes once, for readers that come more than once: batches are kept as
 * they come, and each reader is given all of them, without a copy. Knows nothing of Python: a
 * reader may be another library, on any thread. */

#include <stdbool.h>
#include <stddef.h>

#include "armillaria.h"

struct shared_rows;
struct shared_batch;

/* Takes the stream, whatever happens. `*out` has one reference. Returns 0, or an errno, and then
 * `message` (NULL: not wanted) says why. */
enum { SHARED_MESSAGE_BYTES = 1024 };
int shared_rows_new(struct ArrowArrayStream *stream, struct shared_rows **out,
                    char message[SHARED_MESSAGE_BYTES]);
struct shared_rows *shared_rows_retain(struct shared_rows *rows);
void shared_rows_drop(struct shared_rows *rows); /* NULL is accepted */

const struct ArrowSchema *shared_rows_schema(const struct shared_rows *rows);
/* Batch number `i`, borrowed as long as the rows; NULL: there are not so many. Reads what has not
 * come yet: may block, and fail with an errno and a message. */
int shared_rows_batch(struct shared_rows *rows, size_t i, const struct ArrowArray **out,
                      char message[SHARED_MESSAGE_BYTES]);
/* A stream of all rows, from the first one. */
int shared_rows_replay(struct shared_rows *rows, struct ArrowArrayStream *out);

#endif
