/* SPDX-License-Identifier: Apache-2.0 */
/* The heap, with a door for tests. The counters belong to a thread, so that a test that fails
 * one allocation disturbs no other thread; nothing but arm__alloc_fail_at reads them back. */

#include "base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The test door: per thread, so that nothing is shared. */
/* NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): arm__alloc_fail_at */
static _Thread_local uint64_t allocations_made;
static _Thread_local uint64_t allocations_until_failure; /* 0: off */
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

/* Count one allocation; true when a test asked for this one to fail. */
static bool must_fail(void)
{
    allocations_made++;
    if (allocations_until_failure == 0) {
        return false;
    }
    allocations_until_failure--;
    return allocations_until_failure == 0;
}

static arm_status no_memory(size_t count, size_t size_bytes, struct arm_error *err)
{
    return arm__fail(err, ARM_NO_MEMORY, "out of memory: %zu times %zu bytes", count, size_bytes);
}

arm_status arm__calloc(size_t count, size_t size_bytes, void *out, struct arm_error *err)
{
    void *memory;
    size_t total;

    assert(out != NULL);
    if (must_fail() || __builtin_mul_overflow(count, size_bytes, &total)) {
        return no_memory(count, size_bytes, err);
    }
    /* calloc(0) may give NULL, which callers take for "nothing". */
    memory = calloc(total == 0 ? 1 : total, 1);
    if (memory == NULL) {
        return no_memory(count, size_bytes, err);
    }
    memcpy(out, &memory, sizeof memory); /* `out` is any type's pointer to pointer */
    return ARM_OK;
}

arm_status arm__realloc(void *inout, size_t count, size_t size_bytes, struct arm_error *err)
{
    void *memory;
    void *grown;
    size_t total;

    assert(inout != NULL);
    if (must_fail() || __builtin_mul_overflow(count, size_bytes, &total)) {
        return no_memory(count, size_bytes, err);
    }
    memcpy(&memory, inout, sizeof memory);
    grown = realloc(memory, total == 0 ? 1 : total);
    if (grown == NULL) {
        return no_memory(count, size_bytes, err);
    }
    memcpy(inout, &grown, sizeof grown);
    return ARM_OK;
}

arm_status arm__strdup(const char *text, char **out, struct arm_error *err)
{
    char *copy = NULL;

    if (text != NULL) {
        size_t size = strlen(text) + 1;
        arm_status st = arm__calloc(size, 1, &copy, err);

        if (st != ARM_OK) {
            return st;
        }
        memcpy(copy, text, size);
    }
    *out = copy;
    return ARM_OK;
}

void arm__free(void *memory)
{
    free(memory);
}

uint64_t arm__alloc_fail_at(uint64_t nth)
{
    uint64_t made = allocations_made;

    allocations_made = 0;
    allocations_until_failure = nth;
    return made;
}
