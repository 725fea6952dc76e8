/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_HOT_PRIVATE_H
#define ARM_TABLE_HOT_PRIVATE_H

/* What hot.c (writing), hot_open.c (judging) and hot_fill.c (reading) share. */

#include "table/hot.h"
#include "table/piece.h"

#define ARM_HOT_FORMAT 1u

/* Values of one column, or of one child, as they lie in the batch. */
struct arm_hot_values {
    struct arm_shape shape;
    uint32_t count;        /* NULLs included */
    uint32_t valid;        /* the others: so many values follow */
    const uint8_t *bitmap; /* NULL: no NULLs */
    const uint8_t *data;   /* FIXED: values; STRING: bytes */
    const uint8_t *ends;   /* STRING, LIST */
    uint32_t end_width;
    struct arm_hot_values *children; /* arm__shape_child_count of them; unset if valid == 0 */
};

struct arm_hot_column {
    uint32_t field_id;
    Armpb__Type *type;
    struct arm_hot_values values;
};

/* One allocation holds it all: the batch, its columns, types and values. */
struct arm_hot_batch {
    uint32_t rows;
    size_t column_count;
    struct arm_hot_column *columns;
};

/* End of value `i`, in bytes or elements; that of -1 is 0. */
static inline uint32_t arm__hot_end(const struct arm_hot_values *values, uint32_t i)
{
    const uint8_t *at = values->ends + (size_t)i * values->end_width;

    switch (values->end_width) {
    case 1:
        return at[0];
    case 2:
        return (uint32_t)(at[0] | at[1] << 8);
    default:
        return arm__get_u32(at);
    }
}

static inline uint32_t arm__hot_begin(const struct arm_hot_values *values, uint32_t i)
{
    return i == 0 ? 0 : arm__hot_end(values, i - 1);
}

#endif
