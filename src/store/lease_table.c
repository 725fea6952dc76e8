/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table keyed by a hash's own first bytes, which are as random as it gets.
 *
 * LT1  used * 2 <= capacity: probing ends.
 * LT2  Between an entry and the place its hash points to, no entry is free. remove restores
 *      this by moving entries back, so that there are no tombstones.
 * LT3  Each slot below slot_count is in exactly one entry or once among the free. */

#include "store/lease_table.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

enum { CAPACITY_MIN = 16 };

void arm__lease_table_release(struct arm_lease_table *table)
{
    arm__free(table->entries);
    arm__free(table->free_slots);
    *table = (struct arm_lease_table){0};
}

static size_t home(const struct arm_lease_table *table, const struct arm_hash *hash)
{
    return (size_t)arm__get_u64(hash->bytes) & (table->capacity - 1);
}

static size_t after(const struct arm_lease_table *table, size_t place)
{
    return (place + 1) & (table->capacity - 1);
}

/* The entry of `hash`, or the free one where it would go. */
static struct arm_lease_entry *probe(const struct arm_lease_table *table,
                                     const struct arm_hash *hash)
{
    size_t place = home(table, hash);

    assert(table->used * 2 <= table->capacity); /* LT1 */
    while (table->entries[place].count > 0 && !arm__hash_equal(&table->entries[place].hash, hash)) {
        place = after(table, place);
    }
    return &table->entries[place];
}

struct arm_lease_entry *arm__lease_table_find(struct arm_lease_table *table,
                                              const struct arm_hash *hash)
{
    struct arm_lease_entry *entry = table->capacity == 0 ? NULL : probe(table, hash);

    return entry == NULL || entry->count == 0 ? NULL : entry;
}

static arm_status grow(struct arm_lease_table *table, struct arm_error *err)
{
    size_t capacity = table->capacity == 0 ? CAPACITY_MIN : table->capacity * 2;
    struct arm_lease_table bigger;
    arm_status st = ARM_OK;

    /* First, so that capacity never runs ahead of it: slot_count stays within the most entries
     * there ever were, and so within half the capacity. */
    ARM_TRY(arm__realloc(&table->free_slots, capacity, sizeof *table->free_slots, err));
    bigger = *table;
    bigger.capacity = capacity;
    ARM_TRY(arm__calloc(capacity, sizeof *bigger.entries, &bigger.entries, err));
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->entries[i].count > 0) {
            *probe(&bigger, &table->entries[i].hash) = table->entries[i];
        }
    }
    arm__free(table->entries);
    *table = bigger;
done:
    return st;
}

arm_status arm__lease_table_reserve(struct arm_lease_table *table, struct arm_error *err)
{
    return (table->used + 1) * 2 > table->capacity ? grow(table, err) : ARM_OK;
}

uint64_t arm__lease_table_next_slot(const struct arm_lease_table *table)
{
    return table->free_count > 0 ? table->free_slots[table->free_count - 1] : table->slot_count;
}

void arm__lease_table_add(struct arm_lease_table *table, const struct arm_hash *hash)
{
    struct arm_lease_entry *entry = probe(table, hash);

    assert(entry->count == 0);
    *entry = (struct arm_lease_entry){
        .hash = *hash, .slot = arm__lease_table_next_slot(table), .count = 1};
    if (table->free_count > 0) {
        table->free_count--;
    } else {
        table->slot_count++;
    }
    table->used++;
    assert(table->used + table->free_count == table->slot_count); /* LT3 */
    assert(table->used * 2 <= table->capacity);                   /* LT1 */
}

void arm__lease_table_remove(struct arm_lease_table *table, struct arm_lease_entry *entry)
{
    size_t hole = (size_t)(entry - table->entries);

    table->free_slots[table->free_count++] = entry->slot;
    table->used--;
    assert(table->used + table->free_count == table->slot_count); /* LT3 */
    for (size_t place = after(table, hole); table->entries[place].count > 0;
         place = after(table, place)) {
        size_t from = home(table, &table->entries[place].hash);
        size_t distance_of_hole = (hole - from) & (table->capacity - 1);
        size_t distance_of_place = (place - from) & (table->capacity - 1);

        if (distance_of_hole < distance_of_place) { /* LT2: the hole is on its way */
            table->entries[hole] = table->entries[place];
            hole = place;
        }
    }
    table->entries[hole].count = 0;
}
