/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a chunk's bytes have their hash, asked once a process: a reader of Parquet takes a
 * flipped bit for a value. What was found sound is remembered; a file that changes while the
 * process lives is not seen, but by `verify`. When too much is remembered, all is forgotten. */

#include "catalog/catalog_private.h"

enum { REMEMBERED_MAX = 1 << 18 };

static void forget(void *value)
{
    (void)value; /* a mark, nobody's */
}

void arm__catalog_sound_release(struct arm_catalog *catalog)
{
    arm__cache_release(&catalog->sound, forget);
    catalog->sound_count = 0;
}

arm_status arm__catalog_chunk_sound(struct arm_catalog *catalog, const struct arm_hash *chunk,
                                    struct arm_error *err)
{
    static const char mark[] = "sound";
    bool known;
    arm_status st = ARM_OK;

    arm__mutex_lock(&catalog->mutex);
    known = arm__cache_get(&catalog->sound, chunk->bytes) != NULL;
    arm__mutex_unlock(&catalog->mutex);
    if (known) {
        return ARM_OK;
    }
    ARM_TRY(arm__store_check(catalog->store, chunk, err));
    arm__mutex_lock(&catalog->mutex);
    if (catalog->sound_count >= REMEMBERED_MAX) {
        arm__catalog_sound_release(catalog);
    }
    if (arm__cache_get(&catalog->sound, chunk->bytes) == NULL &&
        arm__cache_put(&catalog->sound, chunk->bytes, (void *)(uintptr_t)mark, NULL) == ARM_OK) {
        catalog->sound_count++; /* remembering is no duty: else it is hashed again */
    }
    arm__mutex_unlock(&catalog->mutex);
done:
    return st;
}
