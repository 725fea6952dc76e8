/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_DUCK_PRUNE_H
#define ARM_DUCK_PRUNE_H

/* Which entries of a view can hold rows that a filter accepts (D3), decided by the statistics
 * kept beside each chunk: constants and bounds are bytes in the encoding of model/value.h, so
 * that every comparison is one memcmp. Pure.
 *
 * P1  "No" is certain: a chunk is left out only if no row of it can pass. Whatever is unknown
 *     (no statistics, another kind of filter, a NaN) keeps it.
 * P2  Bounds of strings may be cut: a minimum is not above, a maximum not below the values. */

#ifdef __cplusplus
extern "C" {
#endif

#include "txn/txn.h"

enum arm_prune_kind {
    ARM_PRUNE_UNKNOWN, /* cannot be judged: keeps everything */
    ARM_PRUNE_COMPARE, /* column <op> values[0] */
    ARM_PRUNE_IN,      /* column is one of values, in ascending order */
    ARM_PRUNE_IS_NULL,
    ARM_PRUNE_NOT_NULL,
    ARM_PRUNE_AND, /* of children */
    ARM_PRUNE_OR
};

enum arm_prune_op {
    ARM_PRUNE_EQUAL,
    ARM_PRUNE_LESS,
    ARM_PRUNE_LESS_EQUAL,
    ARM_PRUNE_GREATER,
    ARM_PRUNE_GREATER_EQUAL
};

/* A filter of one column; everything borrowed. */
struct arm_prune {
    enum arm_prune_kind kind;
    enum arm_prune_op op;
    size_t value_count;
    const struct arm_bytes *values;
    size_t child_count;
    const struct arm_prune *children;
};

/* `statistics` (NULL: unknown) are those of the column in an entry of `rows` rows. */
bool arm__prune_keeps(const struct arm_prune *filter, const Armpb__ColumnStatistics *statistics,
                      uint32_t rows);

/* Bounds of a column over all rows of a view; `is_known` false: at least one entry says nothing.
 * `statistics` are those of each entry, NULL where unknown; bytes borrowed with them. Dead rows
 * only make the truth narrower: see `is_exact`. */
struct arm_bounds {
    bool is_known; /* min and max */
    bool is_exact; /* no row is dead and no bound was cut: they are values of the table */
    bool has_null; /* may hold NULL */
    bool has_nan;
    struct arm_bytes min;
    struct arm_bytes max;
};
void arm__view_bounds(const struct arm_view *view, const Armpb__Field *field,
                      const Armpb__ColumnStatistics *const *statistics, struct arm_bounds *out);

#ifdef __cplusplus
}
#endif

#endif
