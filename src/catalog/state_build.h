/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CATALOG_STATE_BUILD_H
#define ARM_CATALOG_STATE_BUILD_H

/* Building table states: from the index, or from the state before by one change. */

#include <stdatomic.h>

#include "catalog/catalog.h"

/* A deletion vector that states share. */
struct arm_shared_vector {
    atomic_uint references;
    roaring_bitmap_t *rows;
};

/* The public part first, so that a pointer to one is a pointer to the other. */
struct arm_counted_state {
    struct arm_table_state state;
    atomic_uint references;
    size_t capacity;
    struct arm_shared_vector **vectors; /* as state.entries; NULL: none */
};

static inline struct arm_counted_state *arm__counted_state(struct arm_table_state *state)
{
    return (struct arm_counted_state *)state;
}

/* The state of a version's layout, read whole. */
arm_status arm__state_load(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                           uint64_t version, uint64_t layout, struct arm_table_state **out,
                           struct arm_error *err);

/* A copy; its vectors are shared. */
arm_status arm__state_copy(const struct arm_table_state *from, struct arm_table_state **out,
                           struct arm_error *err);

/* Make `state`, which nobody else has, that of the version that `change` (of `tx`) makes of it.
 * After a failure it is of no version: to be dropped. Errors: ARM_CORRUPT, ARM_NO_MEMORY. */
arm_status arm__state_apply(struct arm_table_state *state, const Armpb__TableChange *change,
                            uint64_t tx, struct arm_error *err);

#endif
