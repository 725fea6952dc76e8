/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MERGE_FEW_H
#define ARM_MERGE_FEW_H

/* Three ways for rows so few that planning a statement would take longer than they do: what
 * merge/three_way.h says (M1 to M4), of rows that whoever calls has read. Rows that contradict each
 * other are left to the statement. Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* The sides of a three-way merge, as in struct arm_three_way. */
enum arm_few_side { ARM_FEW_HERE, ARM_FEW_GONE, ARM_FEW_THERE, ARM_FEW_OURS, ARM_FEW_SIDES };

struct arm_few_row {
    enum arm_few_side side;
    size_t index; /* among the side's */
};

struct arm_few {
    void *context;
    size_t counts[ARM_FEW_SIDES]; /* rows of each side */
    size_t width;                 /* columns of each row */
    /* The order of rows by what they are matched by: 0: they are the same row. */
    int (*order)(void *context, struct arm_few_row a, struct arm_few_row b);
    bool (*same)(void *context, struct arm_few_row a, struct arm_few_row b, size_t column);
};

/* What is done to one row. */
struct arm_few_change {
    bool goes;
    struct arm_few_row gone; /* of HERE or OURS */
    bool comes;
    struct arm_few_row id;           /* whose id it brings */
    const struct arm_few_row *cells; /* from which row each column comes */
};
/* The change is the visitor's until it returns. */
typedef arm_status arm_visit_few_change(void *context, const struct arm_few_change *change,
                                        struct arm_error *err);
/* `*out_clear` false: there is a contradiction, and the visitor may have been called nevertheless.
 */
arm_status arm__few_merge(const struct arm_few *few, arm_visit_few_change *visit, bool *out_clear,
                          struct arm_error *err);

#endif
