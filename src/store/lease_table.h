/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_STORE_LEASE_TABLE_H
#define ARM_STORE_LEASE_TABLE_H

/* The hashes this process leases, in memory: a hash table from hash to count, and for each the
 * slot of the lease file that says so. No locking of its own. */

#include "base/hash.h"

struct arm_lease_entry {
    struct arm_hash hash;
    uint64_t slot;  /* of the lease file, from 0 */
    uint32_t count; /* 0: the entry is free */
    bool durable;   /* this process saw the chunk, whole and synced, since it leased it (S2) */
};

struct arm_lease_table {
    struct arm_lease_entry *entries; /* linear probing; capacity is 0 or a power of two */
    size_t capacity;
    size_t used;
    uint64_t *free_slots; /* a stack; room for slot_count of them, so that remove cannot fail */
    size_t free_count;
    uint64_t slot_count;
};

void arm__lease_table_release(struct arm_lease_table *table); /* empty again */
/* NULL if there is none. Valid until the next add or remove. */
struct arm_lease_entry *arm__lease_table_find(struct arm_lease_table *table,
                                              const struct arm_hash *hash);
/* Make sure that the next add has room. */
arm_status arm__lease_table_reserve(struct arm_lease_table *table, struct arm_error *err);
/* The slot the next add will take. */
uint64_t arm__lease_table_next_slot(const struct arm_lease_table *table);
/* A hash that is not there, with count 1; after a reserve. */
void arm__lease_table_add(struct arm_lease_table *table, const struct arm_hash *hash);
void arm__lease_table_remove(struct arm_lease_table *table, struct arm_lease_entry *entry);

#endif
