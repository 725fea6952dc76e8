/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of chunks, decoded once and kept: a chunk is immutable (C2). */

#include "base/alloc.h"
#include "catalog/catalog_private.h"
#include "model/message.h"

/* The proto that owns the columns, beside the view of it that is handed out. */
struct arm_statistics_item {
    struct arm_chunk_statistics view;
    Armpb__Entry *owner;
};

static void free_item(void *value)
{
    struct arm_statistics_item *item = value;

    arm__message_free(item->owner == NULL ? NULL : &item->owner->base);
    arm__free(item);
}

void arm__catalog_statistics_release(struct arm_catalog *catalog)
{
    arm__cache_release(&catalog->statistics, free_item);
}

static arm_status load_item(struct arm_catalog *catalog, const struct arm_hash *chunk,
                            struct arm_statistics_item **out, struct arm_error *err)
{
    struct arm_statistics_item *item = NULL;
    struct arm_index_txn *txn = NULL;
    struct arm_chunk_row row;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *item, &item, err));
    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_chunk(txn, chunk, &row, &item->owner, &found, err));
    if (found && item->owner != NULL) {
        item->view.count = item->owner->n_statistics;
        item->view.columns = item->owner->statistics;
    }
    *out = item;
    item = NULL;
done:
    arm__index_abort(txn);
    arm__free(item);
    return st;
}

arm_status arm__catalog_statistics(struct arm_catalog *catalog, const struct arm_hash *chunk,
                                   const struct arm_chunk_statistics **out, struct arm_error *err)
{
    struct arm_statistics_item *item;
    struct arm_statistics_item *loaded = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&catalog->mutex);
    item = arm__cache_get(&catalog->statistics, chunk->bytes);
    arm__mutex_unlock(&catalog->mutex);
    if (item == NULL) {
        ARM_TRY(load_item(catalog, chunk, &loaded, err));
        if (loaded->owner == NULL) { /* not named yet: it may be later */
            *out = NULL;
            goto done;
        }
        arm__mutex_lock(&catalog->mutex);
        item = arm__cache_get(&catalog->statistics, chunk->bytes);
        if (item == NULL) {
            st = arm__cache_put(&catalog->statistics, chunk->bytes, loaded, err);
            item = loaded;
            loaded = st == ARM_OK ? NULL : loaded;
        }
        arm__mutex_unlock(&catalog->mutex);
    }
    if (st == ARM_OK) {
        *out = item->view.count == 0 ? NULL : &item->view;
    }
done:
    if (loaded != NULL) {
        free_item(loaded);
    }
    return st;
}
