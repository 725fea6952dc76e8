/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_VECTOR_H
#define ARM_MODEL_VECTOR_H

/* Deletion vectors: roaring bitmaps of dead row numbers (from 0) in one entry, in roaring's
 * portable format (as in Iceberg v3 and Delta), each container in its smallest form, so that
 * equal sets are equal bytes. Pure.
 *
 * CRoaring is 0.2.66 (Debian 12): do not call roaring_bitmap_remove_run_compression, which writes
 * past its memory where a run ends at row 65,535 of a container. */

#include <roaring/roaring.h>

#include "base/buf.h"

/* Judge untrusted bytes without unpacking them; `*out_dead` counts their rows. Errors:
 * ARM_CORRUPT unless they are exactly one bitmap whose rows are all < row_count. */
arm_status arm__vector_check(struct arm_bytes bytes, uint32_t row_count, uint32_t *out_dead,
                             struct arm_error *err);
/* The same, and unpack them: `*out` is the caller's, freed by arm__vector_free. */
arm_status arm__vector_decode(struct arm_bytes bytes, uint32_t row_count, roaring_bitmap_t **out,
                              struct arm_error *err);
/* Append its bytes. */
arm_status arm__vector_encode(const roaring_bitmap_t *bitmap, struct arm_buf *out,
                              struct arm_error *err);
/* Append to `out`: `old` (may be empty) with `added` OR-ed on; `*out_dead` counts its rows,
 * `*out_new` those that were not dead before. */
arm_status arm__vector_or(struct arm_bytes old, struct arm_bytes added, uint32_t row_count,
                          struct arm_buf *out, uint32_t *out_dead, uint32_t *out_new,
                          struct arm_error *err);
void arm__vector_free(roaring_bitmap_t *bitmap); /* NULL is accepted */

#endif
