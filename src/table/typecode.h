/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_TYPECODE_H
#define ARM_TABLE_TYPECODE_H

/* A type as a few bytes, in hot batches and under the rows hash; the layout is described at the
 * top of typecode.c. */

#include "model/record.h"

#define ARM_TYPECODE_DEPTH_MAX 64u

/* Append the code of `type`; without names: neither those of members nor the alias. */
arm_status arm__typecode_append(const Armpb__Type *type, bool names, struct arm_buf *out,
                                struct arm_error *err);

/* What arm__typecode_build will take of an arena, and how many types it will make. */
struct arm_typecode_need {
    size_t bytes;
    size_t types;
};

/* Take a code with names from untrusted bytes: judge it, and add to `need`. Errors:
 * ARM_CORRUPT. */
arm_status arm__typecode_check(struct arm_reader *reader, struct arm_typecode_need *need,
                               struct arm_error *err);

/* Memory cut into pieces aligned for anything. Invariant: used <= size. */
struct arm_arena {
    uint8_t *data;
    size_t used;
    size_t size;
};
#define ARM_ARENA_ALIGN 16u
static inline size_t arm__arena_round(size_t bytes)
{
    return (bytes + ARM_ARENA_ALIGN - 1) & ~(size_t)(ARM_ARENA_ALIGN - 1);
}
void *arm__arena_take(struct arm_arena *arena, size_t bytes); /* zeroed if the arena was */

/* The type of a code that arm__typecode_check found good, in the arena's memory. */
Armpb__Type *arm__typecode_build(struct arm_reader *reader, struct arm_arena *arena);

#endif
