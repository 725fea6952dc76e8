/* SPDX-License-Identifier: Apache-2.0 */
/* The handle: what it leans on, and its caches. */

#include "catalog/catalog.h"

#include "base/alloc.h"
#include "catalog/catalog_private.h"

enum { SCHEMA_KEY_BYTES = ARM_TABLE_ID_BYTES + 4, HOT_KEY_BYTES = 16 };

arm_status arm__catalog_new(struct arm_index *index, struct arm_log *log, struct arm_store *store,
                            struct arm_catalog **out, struct arm_error *err)
{
    struct arm_catalog *catalog = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *catalog, &catalog, err));
    catalog->index = index;
    catalog->log = log;
    catalog->store = store;
    arm__mutex_init(&catalog->mutex);
    arm__cache_init(&catalog->hot, HOT_KEY_BYTES);
    arm__cache_init(&catalog->sound, ARM_HASH_BYTES);
    arm__cache_init(&catalog->statistics, ARM_HASH_BYTES);
    arm__cache_init(&catalog->schemas, SCHEMA_KEY_BYTES);
    *out = catalog;
done:
    return st;
}

arm_status arm__catalog_begin_read(struct arm_catalog *catalog, struct arm_index_txn **out,
                                   struct arm_error *err)
{
    return arm__index_read(catalog->index, out, err);
}

static void free_schema(void *schema)
{
    arm__schema_free(schema);
}

void arm__catalog_free(struct arm_catalog *catalog)
{
    if (catalog == NULL) {
        return;
    }
    arm__catalog_states_release(catalog);
    arm__catalog_hot_release(catalog);
    arm__catalog_sound_release(catalog);
    arm__catalog_statistics_release(catalog);
    arm__cache_release(&catalog->schemas, free_schema);
    arm__mutex_release(&catalog->mutex);
    arm__free(catalog);
}
