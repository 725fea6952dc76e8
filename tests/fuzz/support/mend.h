/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_FUZZ_SUPPORT_MEND_H
#define ARM_TESTS_FUZZ_SUPPORT_MEND_H

/* Hashes put right, so that a search reaches what stands behind them. */

#include "base/buf.h"
#include "log/log_private.h"

/* Put right the digests and the hash of the frame that `size` bytes begin with, as far as its own
 * sizes let it. Returns its size, or 0 where there is nothing to mend. */
size_t mend_frame(uint8_t *bytes, size_t size);

/* The same for all frames from `bytes` on, each continuing `*inout_previous`. */
void mend_chain(uint8_t *bytes, size_t size, struct arm_hash *inout_previous);

/* The hash of a segment's header. */
void mend_segment(uint8_t bytes[ARM_SEGMENT_HEADER_BYTES], struct arm_hash *out_hash);

#endif
