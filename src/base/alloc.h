/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BASE_ALLOC_H
#define ARM_BASE_ALLOC_H

/* The one door to the heap. Every allocation of the library's C code goes through these, so
 * that a test can make the n-th one fail (arm__alloc_fail_at). All fill `err` with
 * ARM_NO_MEMORY. Memory is released by arm__free; NULL is accepted. */

#include "base/status.h"

/* `count` x `size` zeroed bytes in `*out` (never NULL on success, even for 0 bytes). */
arm_status arm__calloc(size_t count, size_t size_bytes, void *out, struct arm_error *err);

/* Grow `*inout` to `count` x `size` bytes, content kept; untouched on failure. */
arm_status arm__realloc(void *inout, size_t count, size_t size_bytes, struct arm_error *err);

/* A copy of the NUL-terminated `text`; NULL stays NULL. */
arm_status arm__strdup(const char *text, char **out, struct arm_error *err);

void arm__free(void *memory);

/* Test door: the n-th allocation of this thread from now on fails (1 is the next), 0 turns it
 * off. Returns how many allocations were made since the last call. */
uint64_t arm__alloc_fail_at(uint64_t nth);

#endif
