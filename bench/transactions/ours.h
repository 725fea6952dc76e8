/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BENCH_OURS_H
#define ARM_BENCH_OURS_H

/* What the three ways of asking Armillaria share: a repository with the tables, and rows in memory
 * as an Arrow stream. */

#include "transactions/side.h"

void *ours_make(const char *where, size_t rows, size_t accounts);
void *ours_share(const char *where);
void ours_unshare(void *shared);
/* A session with SQL's engine started. */
arm_session *ours_session(void *shared);
int64_t ours_ask(arm_session *session, const char *sql);
/* Run a statement whose rows are of no interest. */
arm_status ours_run(arm_session *session, const char *sql, struct arm_error *err);
enum side_outcome ours_outcome(arm_status status, const struct arm_error *err,
                               char why[SIDE_WHY_BYTES]);

/* Rows of a few columns, whose values are the caller's and outlive the stream. */
enum { OURS_COLUMNS_MAX = 5 };
struct ours_column {
    const char *name;
    const char *format;     /* "l": int64_t, "g": double, "u": text */
    const void *values;     /* of text: its bytes */
    const int32_t *offsets; /* of text */
};
struct ours_rows {
    size_t column_count;
    struct ours_column columns[OURS_COLUMNS_MAX];
    int64_t row_count;
    /* The stream's own. */
    bool is_given;
    const void *buffers[OURS_COLUMNS_MAX][3];
    struct ArrowArray arrays[OURS_COLUMNS_MAX];
    struct ArrowArray *array_list[OURS_COLUMNS_MAX];
};
/* A stream of one batch. One at a time of each `rows`. */
struct ArrowArrayStream ours_stream(struct ours_rows *rows);

#endif
