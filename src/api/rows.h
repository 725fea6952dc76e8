/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_API_ROWS_H
#define ARM_API_ROWS_H

/* Small tables as Arrow streams: what the catalog calls answer. Columns are filled one value at
 * a time, all of one row before the next, and leave as one record batch.
 *
 * B1  Every column holds as many values as there are rows, a struct's members as many as the
 *     struct, a list's items as many as its last offset says. */

#include "base/buf.h"

/* A column's shape. `format` is Arrow's: "b" bool, "I" uint32, "L" uint64, "g" double, "u" utf8,
 * "tsu:UTC" timestamp in microseconds, "+l" list of its one child, "+m" map: a list of
 * a struct of key and value, "+s" struct of its children.
 * Static: shapes outlive every stream. */
struct arm_rows_field {
    const char *name;
    const char *format;
    bool nullable;
    size_t child_count;
    const struct arm_rows_field *children;
};

struct arm_rows_column;
struct arm_rows;

arm_status arm__rows_new(const struct arm_rows_field *fields, size_t count, struct arm_rows **out,
                         struct arm_error *err);
void arm__rows_free(struct arm_rows *rows); /* NULL is accepted */

struct arm_rows_column *arm__rows_column(struct arm_rows *rows, size_t column);
struct arm_rows_column *arm__rows_child(struct arm_rows_column *column, size_t child);

/* Append one value of the column's type. */
arm_status arm__rows_bool(struct arm_rows_column *column, bool value, struct arm_error *err);
arm_status arm__rows_u32(struct arm_rows_column *column, uint32_t value, struct arm_error *err);
arm_status arm__rows_u64(struct arm_rows_column *column, uint64_t value, struct arm_error *err);
arm_status arm__rows_time(struct arm_rows_column *column, int64_t us, struct arm_error *err);
arm_status arm__rows_double(struct arm_rows_column *column, double value, struct arm_error *err);
/* NULL is a null. */
arm_status arm__rows_text(struct arm_rows_column *column, const char *text, struct arm_error *err);
arm_status arm__rows_null(struct arm_rows_column *column, struct arm_error *err);
/* The children appended since the last end make one list, or one struct. */
arm_status arm__rows_end(struct arm_rows_column *column, struct arm_error *err);

/* One row is complete (B1). */
void arm__rows_end_row(struct arm_rows *rows);

/* The rows as a stream. Takes `rows`, whatever happens. */
arm_status arm__rows_stream(struct arm_rows *rows, struct ArrowArrayStream *out,
                            struct arm_error *err);

#endif
