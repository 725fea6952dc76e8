/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, at most three quarters full. */

#include "catalog/cache.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

enum { FIRST_CAPACITY = 64 };

void arm__cache_init(struct arm_cache *cache, size_t key_size)
{
    assert(key_size <= ARM_CACHE_KEY_MAX);
    *cache = (struct arm_cache){.key_size = key_size};
}

void arm__cache_release(struct arm_cache *cache, void (*free_value)(void *value))
{
    for (size_t i = 0; i < cache->capacity; i++) {
        if (cache->slots[i].value != NULL) {
            free_value(cache->slots[i].value);
        }
    }
    arm__free(cache->slots);
    arm__cache_init(cache, cache->key_size);
}

/* FNV-1a: keys are hashes or ids already. */
static uint64_t spread(const uint8_t *key, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ key[i]) * 0x100000001b3u;
    }
    return hash;
}

/* The slot of the key, or the free one where it would stand. */
static struct arm_cache_slot *find(const struct arm_cache *cache, const void *key)
{
    size_t mask = cache->capacity - 1;
    size_t at = (size_t)spread(key, cache->key_size) & mask;

    while (cache->slots[at].value != NULL &&
           memcmp(cache->slots[at].key, key, cache->key_size) != 0) {
        at = (at + 1) & mask;
    }
    return &cache->slots[at];
}

void *arm__cache_get(const struct arm_cache *cache, const void *key)
{
    return cache->capacity == 0 ? NULL : find(cache, key)->value;
}

static arm_status grow(struct arm_cache *cache, struct arm_error *err)
{
    struct arm_cache larger = *cache;
    arm_status st = ARM_OK;

    larger.capacity = cache->capacity == 0 ? FIRST_CAPACITY : 2 * cache->capacity;
    ARM_TRY(arm__calloc(larger.capacity, sizeof *larger.slots, &larger.slots, err));
    for (size_t i = 0; i < cache->capacity; i++) {
        if (cache->slots[i].value != NULL) {
            *find(&larger, cache->slots[i].key) = cache->slots[i];
        }
    }
    arm__free(cache->slots);
    *cache = larger;
done:
    return st;
}

arm_status arm__cache_put(struct arm_cache *cache, const void *key, void *value,
                          struct arm_error *err)
{
    struct arm_cache_slot *slot;
    arm_status st = ARM_OK;

    assert(value != NULL);
    if (4 * (cache->count + 1) > 3 * cache->capacity) {
        ARM_TRY(grow(cache, err));
    }
    slot = find(cache, key);
    assert(slot->value == NULL);
    memcpy(slot->key, key, cache->key_size);
    slot->value = value;
    cache->count++;
done:
    return st;
}
