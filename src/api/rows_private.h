/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_API_ROWS_PRIVATE_H
#define ARM_API_ROWS_PRIVATE_H

/* What rows.c fills and rows_export.c hands out. */

#include "api/rows.h"

struct arm_rows_column {
    const struct arm_rows_field *field;
    size_t length;
    size_t null_count;
    struct arm_buf validity; /* a bit per value */
    struct arm_buf offsets;  /* utf8 and lists: length + 1 int32 */
    struct arm_buf values;
    size_t child_count;
    struct arm_rows_column *children;
};

struct arm_rows {
    struct arm_rows_field field; /* the struct whose members are the columns */
    struct arm_rows_column batch;
};

bool arm__rows_has_offsets(const struct arm_rows_column *column);

#endif
