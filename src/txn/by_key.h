/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TXN_BY_KEY_H
#define ARM_TXN_BY_KEY_H

/* What row calls and upserts share: which rows of a view have the primary keys of what was
 * written. */

#include "txn/txn_private.h"

/* `*out` (arm__free): in order of the view's rows. Errors: ARM_SCHEMA: there is no primary key. */
arm_status arm__txn_match_keys(struct arm_transaction *txn, const struct arm_view *view,
                               const struct arm_written *written, struct arm_key_match **out,
                               size_t *out_count, struct arm_error *err);
/* Into `dying`, by entry of the view. */
arm_status arm__txn_mark_matches(const struct arm_key_match *matches, size_t count,
                                 roaring_bitmap_t **dying, struct arm_error *err);
void arm__txn_free_dying(roaring_bitmap_t **dying, size_t entry_count); /* NULL is accepted */

#endif
