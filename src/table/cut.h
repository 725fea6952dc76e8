/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_CUT_H
#define ARM_TABLE_CUT_H

/* Content-defined cuts: where a stream of rows is cut into chunks, decided by row hashes alone,
 * so that an insertion moves the cuts next to it and no others (FastCDC's idea, on rows). Pure.
 *
 * A chunk ends behind the first row, at or after ARM_CUT_MIN rows, whose hash is below a
 * threshold; where there is none up to ARM_CUT_MAX, behind the row with the smallest hash in
 * that window. Mean about ARM_CUT_TARGET.
 *
 * Rows so large that fewer of them reach ARM_CUT_BYTES_MAX are cut by bytes: behind the row with
 * the smallest hash of those at or after ARM_CUT_BYTES_MIN, so that memory is bounded and the
 * cut still moves with the rows.
 *
 * A large table has larger chunks: `factor` times the rows, by the same rule; no more bytes. */

#include "base/buf.h"

#define ARM_CUT_TARGET 122880u
#define ARM_CUT_MIN 92160u
#define ARM_CUT_MAX 184320u /* 1.5 x target */
#define ARM_CUT_BYTES_MIN (24u << 20)
#define ARM_CUT_BYTES_MAX (48u << 20)

#define ARM_CUT_FACTOR_MAX 8u

struct arm_cutter {
    uint32_t factor;   /* 1 to ARM_CUT_FACTOR_MAX */
    uint32_t rows;     /* since the last cut */
    uint32_t best_row; /* smallest hash so far in the window: the cut if no other comes */
    uint64_t best_hash;
    uint64_t bytes;     /* since the last cut, where sizes are given */
    uint32_t bytes_row; /* smallest hash so far since ARM_CUT_BYTES_MIN; 0: none yet */
    uint64_t bytes_hash;
};

void arm__cutter_init(struct arm_cutter *cutter, uint32_t factor);
/* Take `count` hashes, and the bytes of each row (`sizes`, as arm__row_sizes gives them; NULL: not
 * looked at). `*out_cut` > 0: cut after so many rows counted from the last cut (the caller then
 * feeds the rows behind the cut again); `*out_used`: how many of these hashes were looked at.
 * 0: no cut yet, all were taken. */
void arm__cutter_feed(struct arm_cutter *cutter, const uint64_t *hashes, const uint32_t *sizes,
                      uint32_t count, uint32_t *out_cut, uint32_t *out_used);

#endif
