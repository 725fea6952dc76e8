/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_POSITION_H
#define ARM_MODEL_POSITION_H

/* Positions: fractional byte-string keys that order the entries of a manifest, so that an
 * entry can always be put between two others. Pure; ordered by arm__bytes_compare.
 *
 * A position is an integer part (one byte n = 1..8, then n big-endian bytes, the first not 0
 * but for the value 0 itself; below 2^63) followed by a fraction of any bytes that does not end
 * in 0. Appending takes the next integer: short keys, however long a table lives. */

#include "base/buf.h"

#define ARM_POSITION_BYTES_MAX 64

struct arm_position {
    uint8_t size;
    uint8_t bytes[ARM_POSITION_BYTES_MAX];
};

struct arm_bytes arm__position_bytes(const struct arm_position *position);
/* The first position of an empty table. */
struct arm_position arm__position_first(void);
/* `count` positions strictly between `low` and `high` (low < high), in order, evenly spread.
 * An empty end is open: there they are the next integers after `low` or before `high`. `out` is
 * untouched on failure. Errors: ARM_FULL past the last integer or ARM_POSITION_BYTES_MAX (the
 * caller then numbers the table anew); ARM_CORRUPT if an end is not well-formed. */
arm_status arm__position_between(struct arm_bytes low, struct arm_bytes high, size_t count,
                                 struct arm_position *out, struct arm_error *err);
/* Errors: ARM_CORRUPT unless well-formed. */
arm_status arm__position_check(struct arm_bytes position, struct arm_error *err);

#endif
