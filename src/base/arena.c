/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "base/alloc.h"

enum { BLOCK_BYTES = 4096 };

struct arm_arena_block {
    struct arm_arena_block *previous;
    size_t used;
    size_t capacity;
    alignas(max_align_t) uint8_t bytes[];
};

arm_status arm__arena_alloc(struct arm_arena *arena, size_t count, size_t size_bytes, void *out,
                            struct arm_error *err)
{
    struct arm_arena_block *block = arena->last;
    size_t wanted;
    void **place = out;
    arm_status st = ARM_OK;

    if (__builtin_mul_overflow(count, size_bytes, &wanted) || wanted > SIZE_MAX / 4) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: %zu times %zu bytes", count,
                         size_bytes);
    }
    wanted = (wanted + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (block == NULL || block->capacity - block->used < wanted) {
        size_t capacity = wanted > BLOCK_BYTES ? wanted : BLOCK_BYTES;

        ARM_TRY(arm__calloc(1, sizeof *block + capacity, &block, err));
        block->previous = arena->last;
        block->capacity = capacity;
        arena->last = block;
    }
    *place = block->bytes + block->used;
    block->used += wanted;
done:
    return st;
}

arm_status arm__arena_text(struct arm_arena *arena, const char *text, const char **out,
                           struct arm_error *err)
{
    size_t size = strlen(text) + 1;
    char *copy;
    arm_status st = arm__arena_alloc(arena, size, 1, &copy, err);

    if (st == ARM_OK) {
        memcpy(copy, text, size);
        *out = copy;
    }
    return st;
}

void arm__arena_release(struct arm_arena *arena)
{
    while (arena->last != NULL) {
        struct arm_arena_block *block = arena->last;

        arena->last = block->previous;
        arm__free(block);
    }
}
