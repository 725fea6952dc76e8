/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of hot rows that this process committed last, as their writers brought them: what a
 * commit has to look at that began meanwhile. Without them it would read and hash the rows anew,
 * as it does with those of other processes. */

#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"
#include "keys/key_run.h"

static void drop(struct arm_recent_keys *keys)
{
    for (size_t i = 0; i < keys->key_count; i++) {
        arm__key_run_drop(keys->keys[i]);
    }
    arm__free(keys->keys);
    *keys = (struct arm_recent_keys){.tx = 0};
}

void arm__recent_note(struct arm_recent *recent, uint64_t tx, const struct arm_placed_keys *keys)
{
    struct arm_recent_keys *kept = &recent->entries[recent->next];
    struct arm_error ignored;

    drop(kept);
    if (keys->key_count == 0 || arm__calloc(keys->key_count, sizeof(struct arm_key_run *),
                                            &kept->keys, &ignored) != ARM_OK) {
        return;
    }
    for (size_t i = 0; i < keys->key_count; i++) {
        kept->keys[i] = arm__key_run_retain(keys->keys[i]);
    }
    kept->key_count = keys->key_count;
    kept->payload_offset = keys->payload_offset;
    kept->tx = tx;
    recent->next = (recent->next + 1) % ARM_RECENT_ENTRIES;
}

const struct arm_recent_keys *arm__recent_find(const struct arm_recent *recent, uint64_t tx,
                                               uint64_t payload_offset)
{
    for (size_t i = 1; i <= ARM_RECENT_ENTRIES; i++) { /* the newest first */
        const struct arm_recent_keys *keys =
            &recent->entries[(recent->next + ARM_RECENT_ENTRIES - i) % ARM_RECENT_ENTRIES];

        if (keys->tx == tx && keys->payload_offset == payload_offset) {
            return keys;
        }
        if (keys->tx < tx) {
            return NULL;
        }
    }
    return NULL;
}

void arm__recent_release(struct arm_recent *recent)
{
    for (size_t i = 0; i < ARM_RECENT_ENTRIES; i++) {
        drop(&recent->entries[i]);
    }
}
