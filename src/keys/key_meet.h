/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_KEYS_KEY_MEET_H
#define ARM_KEYS_KEY_MEET_H

/* Which rows may have a key in common: those of one hash, in different places. */

#include "keys/key_run.h"

struct arm_key_pair {
    size_t run; /* of the fresh ones */
    uint32_t row;
    size_t other; /* run: of the fresh ones too, if `is_fresh`; else of the old ones */
    uint32_t other_row;
    bool is_fresh;
};
/* Returning other than ARM_OK ends the search and is handed on. */
typedef arm_status arm_visit_pair(void *context, const struct arm_key_pair *pair,
                                  struct arm_error *err);

/* Every row of `fresh` with every earlier one of its hash in `fresh`, and with every one in `old`;
 * in no order. What it costs is that of looking few keys up in many runs, or of going through all
 * of both once, whichever is less. */
arm_status arm__keys_meet(struct arm_key_run *const *fresh, size_t fresh_count,
                          struct arm_key_run *const *old, size_t old_count, arm_visit_pair *visit,
                          void *context, struct arm_error *err);

#endif
