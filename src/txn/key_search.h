/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TXN_KEY_SEARCH_H
#define ARM_TXN_KEY_SEARCH_H

/* Which live rows may have the key of a row that a statement wrote: found by the hashes of one key
 * among what was written, the transaction's own rows, and those of the snapshot. */

#include "table/key_read.h"
#include "txn/txn_private.h"

enum arm_key_side { ARM_KEY_FRESH, ARM_KEY_OWN, ARM_KEY_BASE };

/* A row that was found: of an entry among what was written, of the transaction's own, or of the
 * base's. */
struct arm_key_place {
    enum arm_key_side side;
    size_t entry;
    uint32_t row;
};

struct arm_key_search;
/* `fresh` has the hash that `found`, which lives, has too. */
typedef arm_status arm_visit_found(const struct arm_key_search *search,
                                   const struct arm_key_place *fresh,
                                   const struct arm_key_place *found, struct arm_error *err);

struct arm_key_search {
    struct arm_transaction *txn;
    struct arm_txn_table *table;
    const struct arm_key_change *change;
    const Armpb__Schema *schema;
    const Armpb__Key *key;
    arm_visit_found *visit;
    void *context;
    size_t fresh_count;
    struct arm_key_run **fresh;
    const struct arm_new_entry **fresh_entries;
    size_t old_count;
    struct arm_key_run **old; /* each holds a reference */
    struct arm_key_place *places;
    const roaring_bitmap_t **base_dying; /* by entry; NULL: no row of the base dies now */
    const roaring_bitmap_t **own_dying;
};

/* Search by key `key` of the schema that the table has, or is about to have. */
arm_status arm__key_search(struct arm_transaction *txn, struct arm_txn_table *table,
                           const struct arm_key_change *change, size_t key, arm_visit_found *visit,
                           void *context, struct arm_error *err);

/* Where the rows of a place are to be read; `bytes` holds those of a hot entry of the base. */
arm_status arm__key_source_of(const struct arm_key_search *search,
                              const struct arm_key_place *place, struct arm_buf *bytes,
                              struct arm_key_source *out, struct arm_error *err);

#endif
