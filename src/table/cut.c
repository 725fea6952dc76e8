/* SPDX-License-Identifier: Apache-2.0 */
/* Where to cut. The decision looks at nothing but the rows since the last cut, so two streams
 * that agree on a cut and on the rows behind it agree on all later cuts. */

#include "table/cut.h"

#include <assert.h>

/* One row in TARGET - MIN is below it, which makes the mean TARGET: times the factor. */
#define THRESHOLD (UINT64_MAX / (ARM_CUT_TARGET - ARM_CUT_MIN))

_Static_assert(ARM_CUT_MAX <= ARM_CUT_TARGET + ARM_CUT_TARGET / 2, "at most 1.5 x target");

void arm__cutter_init(struct arm_cutter *cutter, uint32_t factor)
{
    assert(factor > 0);
    assert(factor <= ARM_CUT_FACTOR_MAX);
    *cutter =
        (struct arm_cutter){.factor = factor, .best_hash = UINT64_MAX, .bytes_hash = UINT64_MAX};
}

/* Take one row; how many rows to cut after, 0: none. */
static uint32_t take_row(struct arm_cutter *cutter, uint64_t hash, uint32_t size)
{
    uint32_t row = ++cutter->rows;

    assert(row <= cutter->factor * ARM_CUT_MAX);
    cutter->bytes += size;
    if (row >= cutter->factor * ARM_CUT_MIN) {
        if (hash < THRESHOLD / cutter->factor) {
            return row;
        }
        if (hash < cutter->best_hash || cutter->best_row == 0) {
            cutter->best_hash = hash;
            cutter->best_row = row;
        }
        if (row == cutter->factor * ARM_CUT_MAX) {
            return cutter->best_row;
        }
    }
    if (cutter->bytes >= ARM_CUT_BYTES_MIN) {
        if (hash < cutter->bytes_hash || cutter->bytes_row == 0) {
            cutter->bytes_hash = hash;
            cutter->bytes_row = row;
        }
        if (cutter->bytes >= ARM_CUT_BYTES_MAX) {
            return cutter->bytes_row;
        }
    }
    return 0;
}

void arm__cutter_feed(struct arm_cutter *cutter, const uint64_t *hashes, const uint32_t *sizes,
                      uint32_t count, uint32_t *out_cut, uint32_t *out_used)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cut = take_row(cutter, hashes[i], sizes == NULL ? 0 : sizes[i]);

        if (cut > 0) {
            assert(cut <= cutter->rows);
            arm__cutter_init(cutter, cutter->factor);
            *out_cut = cut;
            *out_used = i + 1;
            return;
        }
    }
    *out_cut = 0;
    *out_used = count;
}
