/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, at most half full: rows of one hash follow one another
 * along its probe sequence. */

#include "keys/hot_keys.h"

#include <string.h>

#include "base/alloc.h"
#include "catalog/cache.h"

enum { FIRST_SLOTS = 256, NAME_BYTES = 16, POSITIONS_MAX = INT32_MAX };

struct hot_entry {
    struct arm_hot_name name;
    size_t position_at; /* in `positions` */
    uint8_t position_size;
};

struct hot_slot {
    uint64_t hash; /* ARM_KEY_NONE: free */
    uint32_t entry;
    uint32_t row;
};

struct arm_hot_keys {
    struct arm_cache known; /* names of entries that are here */
    /* Lineage of the entries of a state whose hot ones are all here. */
    size_t seen_count;
    size_t seen_capacity;
    uint64_t *seen;
    size_t entry_count;
    size_t entry_capacity;
    struct hot_entry *entries;
    struct arm_buf positions;
    size_t used;
    size_t slot_count; /* a power of two */
    struct hot_slot *slots;
};

arm_status arm__hot_keys_new(struct arm_hot_keys **out, struct arm_error *err)
{
    struct arm_hot_keys *keys = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *keys, &keys, err));
    arm__cache_init(&keys->known, NAME_BYTES);
    keys->positions = ARM_BUF_INIT(POSITIONS_MAX);
    keys->slot_count = FIRST_SLOTS;
    ARM_TRY(arm__calloc(keys->slot_count, sizeof *keys->slots, &keys->slots, err));
    *out = keys;
    keys = NULL;
done:
    arm__hot_keys_free(keys);
    return st;
}

static void forget(void *value)
{
    (void)value; /* a mark, nobody's memory */
}

void arm__hot_keys_free(struct arm_hot_keys *keys)
{
    if (keys != NULL) {
        arm__cache_release(&keys->known, forget);
        arm__buf_release(&keys->positions);
        arm__free(keys->entries);
        arm__free(keys->slots);
        arm__free(keys->seen);
        arm__free(keys);
    }
}

size_t arm__hot_keys_count(const struct arm_hot_keys *keys)
{
    return keys->used;
}

static void name_bytes(struct arm_hot_name name, uint8_t out[NAME_BYTES])
{
    arm__set_u64(out, name.tx);
    arm__set_u64(out + 8, name.offset);
}

bool arm__hot_keys_has(const struct arm_hot_keys *keys, struct arm_hot_name entry)
{
    uint8_t name[NAME_BYTES];

    name_bytes(entry, name);
    return arm__cache_get(&keys->known, name) != NULL;
}

size_t arm__hot_keys_seen(const struct arm_hot_keys *keys, const struct arm_table_state *state)
{
    size_t count = keys->seen_count < state->entry_count ? keys->seen_count : state->entry_count;

    return count > 0 && keys->seen[count - 1] == state->entries[count - 1].lineage ? count : 0;
}

void arm__hot_keys_note_seen(struct arm_hot_keys *keys, const struct arm_table_state *state)
{
    size_t at = arm__hot_keys_seen(keys, state);
    size_t capacity = keys->seen_capacity == 0 ? FIRST_SLOTS : keys->seen_capacity;

    if (at == state->entry_count) {
        return; /* what is known of a longer one stays */
    }
    while (capacity < state->entry_count) {
        capacity *= 2;
    }
    if (capacity > keys->seen_capacity) {
        if (arm__realloc(&keys->seen, capacity, sizeof *keys->seen, NULL) != ARM_OK) {
            return;
        }
        keys->seen_capacity = capacity;
    }
    for (; at < state->entry_count; at++) {
        keys->seen[at] = state->entries[at].lineage;
    }
    keys->seen_count = state->entry_count;
}

static size_t home_of(const struct arm_hot_keys *keys, uint64_t hash)
{
    return (size_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (keys->slot_count - 1);
}

/* There is room. */
static void put_slot(struct arm_hot_keys *keys, struct hot_slot slot)
{
    size_t at = home_of(keys, slot.hash);

    while (keys->slots[at].hash != ARM_KEY_NONE) {
        at = (at + 1) & (keys->slot_count - 1);
    }
    keys->slots[at] = slot;
    keys->used++;
}

static arm_status reserve_slots(struct arm_hot_keys *keys, size_t more, struct arm_error *err)
{
    struct arm_hot_keys larger = *keys;
    arm_status st = ARM_OK;

    while (2 * (keys->used + more) > larger.slot_count) {
        larger.slot_count *= 2;
    }
    if (larger.slot_count == keys->slot_count) {
        return ARM_OK;
    }
    ARM_TRY(arm__calloc(larger.slot_count, sizeof *larger.slots, &larger.slots, err));
    larger.used = 0;
    for (size_t i = 0; i < keys->slot_count; i++) {
        if (keys->slots[i].hash != ARM_KEY_NONE) {
            put_slot(&larger, keys->slots[i]);
        }
    }
    arm__free(keys->slots);
    *keys = larger;
done:
    return st;
}

static arm_status reserve_entry(struct arm_hot_keys *keys, struct arm_error *err)
{
    size_t capacity = keys->entry_capacity == 0 ? 64 : 2 * keys->entry_capacity;
    arm_status st = ARM_OK;

    if (keys->entry_count == UINT32_MAX) {
        return arm__fail(err, ARM_FULL, "too many hot entries: compact the table");
    }
    if (keys->entry_count == keys->entry_capacity) {
        ARM_TRY(arm__realloc(&keys->entries, capacity, sizeof *keys->entries, err));
        keys->entry_capacity = capacity;
    }
done:
    return st;
}

arm_status arm__hot_keys_add(struct arm_hot_keys *keys, struct arm_hot_name entry,
                             struct arm_bytes position, const struct arm_key_run *run,
                             struct arm_error *err)
{
    const uint64_t *hashes = arm__key_run_hashes(run);
    const uint32_t *rows = arm__key_run_numbers(run);
    size_t at = keys->positions.size;
    uint8_t name[NAME_BYTES];
    arm_status st = ARM_OK;

    name_bytes(entry, name);
    ARM_TRY(reserve_entry(keys, err));
    ARM_TRY(reserve_slots(keys, arm__key_run_count(run), err));
    ARM_TRY(arm__buf_append(&keys->positions, position.data, position.size, err));
    st = arm__cache_put(&keys->known, name, keys, err);
    if (st != ARM_OK) {
        keys->positions.size = at;
        goto done;
    }
    keys->entries[keys->entry_count] = (struct hot_entry){entry, at, (uint8_t)position.size};
    for (size_t i = 0; i < arm__key_run_count(run); i++) {
        put_slot(keys, (struct hot_slot){hashes[i], (uint32_t)keys->entry_count, rows[i]});
    }
    keys->entry_count++;
done:
    return st;
}

bool arm__hot_keys_next(const struct arm_hot_keys *keys, uint64_t hash, size_t *cursor,
                        struct arm_hot_place *out)
{
    size_t mask = keys->slot_count - 1;
    size_t at = *cursor == SIZE_MAX ? home_of(keys, hash) : (*cursor + 1) & mask;

    for (; keys->slots[at].hash != ARM_KEY_NONE; at = (at + 1) & mask) {
        const struct hot_slot *slot = &keys->slots[at];

        if (slot->hash == hash) {
            const struct hot_entry *entry = &keys->entries[slot->entry];

            out->entry = entry->name;
            out->position =
                arm__bytes(keys->positions.data + entry->position_at, entry->position_size);
            out->row = slot->row;
            *cursor = at;
            return true;
        }
    }
    return false;
}
