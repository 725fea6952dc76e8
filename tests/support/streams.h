/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_SUPPORT_STREAMS_H
#define ARM_SUPPORT_STREAMS_H

/* Results of the public calls, read to their end. */

#include <armillaria.h>

#include "support/cmocka_all.h"

/* Rows of a stream, which is released. */
static inline int64_t drain(struct ArrowArrayStream *stream)
{
    struct ArrowArray batch;
    int64_t rows = 0;

    while (stream->get_next(stream, &batch) == 0 && batch.release != NULL) {
        rows += batch.length;
        batch.release(&batch);
    }
    stream->release(stream);
    return rows;
}

/* Every statement of a text, each of which must be done. */
static inline void run_sql(arm_session *session, const char *sql)
{
    struct ArrowArrayStream stream;
    const char *next = sql;
    struct arm_error err = {0};

    while (next != NULL) {
        assert_ok(arm_sql(session, next, NULL, &stream, &next, &err), err);
        (void)drain(&stream);
    }
}

#endif
