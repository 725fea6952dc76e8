/* SPDX-License-Identifier: Apache-2.0 */
/* Upsert: whole rows, each in the place of the one that has its primary key, or new. What meets
 * among the new rows alone is for the check of keys. */

#include "base/alloc.h"
#include "txn/by_key.h"

arm_status arm__txn_upsert(struct arm_transaction *txn, const char *schema_name, const char *name,
                           struct arm_written *written, uint64_t *out_replaced,
                           struct arm_error *err)
{
    struct arm_written parts[2] = {{.rows = 0}, {.rows = 0}};
    const struct arm_view *view = NULL;
    struct arm_key_match *matches = NULL;
    roaring_bitmap_t **dying = NULL;
    size_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_view(txn, schema_name, name, &view, err));
    if (view == NULL) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\"", name);
        goto done;
    }
    if (view->schema->n_keys == 0 || !view->schema->keys[0]->primary) {
        st = arm__fail(err, ARM_SCHEMA,
                       "table \"%s\" has no primary key to upsert by: append, or replace it", name);
        goto done;
    }
    ARM_TRY(arm__calloc(view->entry_count, sizeof(roaring_bitmap_t *), &dying, err));
    ARM_TRY(arm__txn_match_keys(txn, view, written, &matches, &count, err));
    ARM_TRY(arm__txn_mark_matches(matches, count, dying, err));
    parts[1] = *written;
    *written = (struct arm_written){.rows = 0};
    ARM_TRY(arm__txn_update(txn, view, dying, parts, NULL, out_replaced, err));
done:
    arm__txn_free_dying(dying, view == NULL ? 0 : view->entry_count);
    arm__free(matches);
    arm__view_drop(view);
    arm__written_release(&parts[1]);
    return st;
}
