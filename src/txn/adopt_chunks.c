/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of another branch's version of the table, which come into ours as they stand. */

#include "base/alloc.h"
#include "txn/txn_private.h"

/* The entry, for a commit that names its chunk anew: leased, its keys known. */
static arm_status take_entry(struct arm_transaction *txn, const Armpb__Schema *schema,
                             const struct arm_state_entry *from, struct arm_new_entry *out,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_lease(arm__repository_store(txn->repository), &from->chunk, err));
    *out = (struct arm_new_entry){.rows = from->rows,
                                  .bytes = from->bytes,
                                  .explicit_row_ids = from->explicit_row_ids,
                                  .keeps_row_ids = true,
                                  .first_row_id = from->first_row_id,
                                  .schema_id = from->schema_id,
                                  .rows_hash = from->rows_hash,
                                  .chunk = from->chunk};
    if (schema->n_keys > 0) {
        ARM_TRY(arm__calloc(schema->n_keys, sizeof(struct arm_key_run *), &out->keys, err));
    }
    for (size_t k = 0; k < schema->n_keys; k++) {
        ARM_TRY(arm__txn_entry_keys(txn, schema, schema->keys[k], from, &out->keys[k], err));
        out->key_count++;
    }
done:
    return st;
}

arm_status arm__txn_adopt_chunks(struct arm_transaction *txn, const char *schema_name,
                                 const char *name, const struct arm_view *theirs,
                                 const size_t *entries, size_t count, struct arm_error *err)
{
    struct arm_written written = {.repository = txn->repository, .engine = txn->engine};
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(count, sizeof *written.entries, &written.entries, err));
    for (size_t i = 0; i < count; i++) {
        const struct arm_state_entry *entry = &theirs->entries[entries[i]];

        written.rows += entry->rows;
        written.entry_count++; /* it is released, however far it comes */
        ARM_TRY(take_entry(txn, theirs->schema, entry, &written.entries[i], err));
    }
    ARM_TRY(arm__txn_append(txn, schema_name, name, &written, err));
done:
    arm__written_release(&written);
    return st;
}
