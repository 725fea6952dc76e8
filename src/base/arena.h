/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BASE_ARENA_H
#define ARM_BASE_ARENA_H

/* Memory that is freed all at once: what is built of many small pieces that live equally long.
 * Blocks grow; what does not fit one gets its own. */

#include "base/status.h"

struct arm_arena_block;
struct arm_arena {
    struct arm_arena_block *last;
};
/* `count` items of a size, zeroed, aligned for anything; `out` points to a pointer. */
arm_status arm__arena_alloc(struct arm_arena *arena, size_t count, size_t size_bytes, void *out,
                            struct arm_error *err);
/* A copy of `text` with its NUL. */
arm_status arm__arena_text(struct arm_arena *arena, const char *text, const char **out,
                           struct arm_error *err);
void arm__arena_release(struct arm_arena *arena); /* accepts the zeroed state */

#endif
