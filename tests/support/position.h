/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POSITION_H
#define ARM_TESTS_SUPPORT_POSITION_H

#include "model/position.h"
#include "support/cmocka_all.h"

/* Where the next row after `last` is appended. */
static inline struct arm_position position_after(struct arm_bytes last)
{
    struct arm_position after = {0};

    assert_int_equal(arm__position_between(last, (struct arm_bytes){NULL, 0}, 1, &after, NULL),
                     ARM_OK);
    return after;
}

#endif
