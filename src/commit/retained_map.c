/* SPDX-License-Identifier: Apache-2.0 */
/* The mark: what stands at a name, by open addressing. */

#include <string.h>

#include "base/alloc.h"
#include "commit/retained_private.h"

enum { SLOTS_MIN = 256 };

/* 128 bits of a BLAKE3: two names do not meet. */
static void digest(const struct arm_retained_name *name, uint8_t out[16])
{
    uint8_t bytes[9 + ARM_HASH_BYTES];
    struct arm_hash hash = arm__hash(name->bytes);

    bytes[0] = (uint8_t)name->kind;
    arm__set_be64(bytes + 1, name->number);
    memcpy(bytes + 9, hash.bytes, sizeof hash.bytes);
    hash = arm__hash(arm__bytes(bytes, sizeof bytes));
    memcpy(out, hash.bytes, 16);
}

static size_t slot_of(const struct arm_retained *r, const uint8_t key[16])
{
    size_t at = (size_t)arm__get_be64(key) & (r->slot_count - 1);

    while (r->slots[at].value != ARM_NOWHERE && memcmp(r->slots[at].key, key, 16) != 0) {
        at = (at + 1) & (r->slot_count - 1);
    }
    return at;
}

uint32_t arm__retained_find(const struct arm_retained *r, const struct arm_retained_name *name)
{
    uint8_t key[16];

    if (r->slot_count == 0) {
        return ARM_NOWHERE;
    }
    digest(name, key);
    return r->slots[slot_of(r, key)].value;
}

static arm_status widen(struct arm_retained *r, struct arm_error *err)
{
    struct arm_retained_slot *old = r->slots;
    size_t old_count = r->slot_count;
    size_t count = old_count == 0 ? SLOTS_MIN : 2 * old_count;
    struct arm_retained_slot *slots = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(count, sizeof *slots, &slots, err));
    for (size_t i = 0; i < count; i++) {
        slots[i].value = ARM_NOWHERE;
    }
    r->slots = slots;
    r->slot_count = count;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].value != ARM_NOWHERE) {
            r->slots[slot_of(r, old[i].key)] = old[i];
        }
    }
    arm__free(old);
done:
    return st;
}

arm_status arm__retained_put(struct arm_retained *r, const struct arm_retained_name *name,
                             uint32_t value, struct arm_error *err)
{
    struct arm_retained_slot *slot;
    uint8_t key[16];
    arm_status st = ARM_OK;

    if (2 * r->slots_used >= r->slot_count) {
        ARM_TRY(widen(r, err));
    }
    digest(name, key);
    slot = &r->slots[slot_of(r, key)];
    r->slots_used += slot->value == ARM_NOWHERE;
    memcpy(slot->key, key, sizeof slot->key);
    slot->value = value;
done:
    return st;
}
