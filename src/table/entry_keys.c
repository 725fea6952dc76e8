/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the rows that a writer writes, made while they are at hand: of a chunk they would
 * have to be read again. */

#include "base/alloc.h"
#include "table/key_hash.h"
#include "table/writer_private.h"

static arm_status make_run(const struct arm_chunk_plan *plan, const struct arm_run *run,
                           const Armpb__Key *key, const struct arm_new_entry *entry,
                           struct arm_key_run **out, struct arm_error *err)
{
    struct arm_key_store *store = arm__repository_keys(plan->repository);
    struct arm_hash digest = arm__key_digest(plan->schema, key);
    struct arm_key_run *keys = NULL;
    arm_status st = ARM_OK;

    if (!entry->is_hot) {
        ARM_TRY(arm__key_store_find(store, &entry->chunk, entry->rows, &digest, &keys, err));
    }
    if (keys == NULL) {
        ARM_TRY(
            arm__key_run_of_chunks(plan->schema, key, run->blocks, run->block_count, &keys, err));
        if (!entry->is_hot) {
            ARM_TRY(arm__key_store_keep(store, &entry->chunk, &digest, keys, err));
        }
    }
    *out = keys;
    keys = NULL;
done:
    arm__key_run_drop(keys);
    return st;
}

arm_status arm__entry_keys(const struct arm_chunk_plan *plan, const struct arm_run *run,
                           struct arm_new_entry *entry, struct arm_error *err)
{
    const Armpb__Schema *schema = plan->schema;
    arm_status st = ARM_OK;

    if (schema->n_keys == 0) {
        return ARM_OK;
    }
    ARM_TRY(arm__calloc(schema->n_keys, sizeof(struct arm_key_run *), &entry->keys, err));
    entry->key_count = schema->n_keys;
    for (size_t k = 0; k < schema->n_keys; k++) {
        ARM_TRY(make_run(plan, run, schema->keys[k], entry, &entry->keys[k], err));
    }
done:
    return st; /* what was made goes with the entry */
}
