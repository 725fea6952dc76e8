/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CATALOG_CACHE_H
#define ARM_CATALOG_CACHE_H

/* A map from short keys to pointers that only grows, for things that are immutable once known.
 * Not thread-safe: its owner locks. */

#include "base/buf.h"

#define ARM_CACHE_KEY_MAX 32

struct arm_cache_slot {
    uint8_t key[ARM_CACHE_KEY_MAX];
    void *value; /* NULL: the slot is free */
};

struct arm_cache {
    size_t key_size;
    size_t count;
    size_t capacity; /* a power of two, or 0 */
    struct arm_cache_slot *slots;
};

void arm__cache_init(struct arm_cache *cache, size_t key_size);
/* Gives every value to `free_value`, then forgets it. */
void arm__cache_release(struct arm_cache *cache, void (*free_value)(void *value));
/* NULL: not there. */
void *arm__cache_get(const struct arm_cache *cache, const void *key);
/* The key must not be there. Errors: ARM_NO_MEMORY (nothing changed, value not taken). */
arm_status arm__cache_put(struct arm_cache *cache, const void *key, void *value,
                          struct arm_error *err);

#endif
