/* SPDX-License-Identifier: Apache-2.0 */
/* Views of a part of the rows there are: of another view's, with the same entries under the same
 * numbers, so that a row is named alike in both; or of whatever entries. What is not shown is dead.
 * */

#include <stdio.h>

#include "base/alloc.h"
#include "txn/txn_private.h"

static struct arm_counted_view *counted(const struct arm_view *view)
{
    return (struct arm_counted_view *)(uintptr_t)view;
}

/* What is dead where only `alive` may live (NULL: nothing). */
static arm_status bury(const struct arm_state_entry *entry, const roaring_bitmap_t *alive,
                       roaring_bitmap_t **out, uint32_t *out_dead, struct arm_error *err)
{
    roaring_bitmap_t *dead = roaring_bitmap_from_range(0, entry->rows, 1);
    arm_status st = ARM_OK;

    if (dead == NULL) {
        return arm__fail(err, ARM_NO_MEMORY, "no memory for a deletion vector");
    }
    if (alive != NULL) {
        roaring_bitmap_andnot_inplace(dead, alive);
    }
    if (entry->vector != NULL) {
        roaring_bitmap_or_inplace(dead, entry->vector);
    }
    *out = dead;
    *out_dead = (uint32_t)roaring_bitmap_get_cardinality(dead);
    return st;
}

arm_status arm__view_narrow(const struct arm_view *view, roaring_bitmap_t *const *alive,
                            const Armpb__Schema *schema, const struct arm_view **out,
                            struct arm_error *err)
{
    struct arm_counted_view *of = counted(view);
    struct arm_counted_view *self = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *self, &self, err));
    self->view = *view;
    self->view.entry_count = 0;
    atomic_init(&self->references, 1);
    self->catalog = of->catalog;
    self->store = of->store;
    (void)arm__view_retain(view);
    self->of = of;
    self->list = of->list == NULL ? NULL : arm__txn_list_retain(of->list);
    if (schema != NULL) {
        ARM_TRY(arm__txn_schema_copy(schema, &self->schema, err));
        self->view.schema = self->schema->schema;
    }
    ARM_TRY(arm__calloc(view->entry_count, sizeof *self->dead, &self->dead, err));
    ARM_TRY(arm__calloc(view->entry_count, sizeof *self->narrow, &self->narrow, err));
    self->view.entry_count = view->entry_count;
    self->view.live_rows = 0;
    for (size_t i = 0; i < view->entry_count; i++) {
        struct arm_state_entry *entry = &self->narrow[i];

        *entry = view->entries[i];
        ARM_TRY(bury(&view->entries[i], alive[i], &self->dead[i], &entry->dead, err));
        entry->vector = self->dead[i];
        entry->lineage = 0;
        self->view.live_rows += entry->rows - entry->dead;
    }
    self->view.entries = self->narrow;
    *out = &self->view;
    self = NULL;
done:
    if (self != NULL) {
        arm__view_drop(&self->view);
    }
    return st;
}

arm_status arm__view_compose(struct arm_transaction *txn, const struct arm_view_piece *pieces,
                             size_t count, const Armpb__Schema *schema, const struct arm_view **out,
                             struct arm_error *err)
{
    struct arm_counted_view *self = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *self, &self, err));
    atomic_init(&self->references, 1);
    self->catalog = arm__repository_catalog(txn->repository);
    self->store = arm__repository_store(txn->repository);
    self->view.object = ARMPB__OBJECT_KIND__TABLE;
    (void)snprintf(self->view.schema_name, sizeof self->view.schema_name, "main");
    (void)snprintf(self->view.name, sizeof self->view.name, "rows"); /* of no table */
    self->view.first_own_row_id = UINT64_MAX;
    ARM_TRY(arm__txn_schema_copy(schema, &self->schema, err));
    self->view.schema = self->schema->schema;
    ARM_TRY(arm__calloc(count, sizeof *self->dead, &self->dead, err));
    ARM_TRY(arm__calloc(count, sizeof *self->narrow, &self->narrow, err));
    ARM_TRY(arm__calloc(count, sizeof *self->pieces, &self->pieces, err));
    self->view.entry_count = count;
    for (size_t i = 0; i < count; i++) {
        struct arm_state_entry *entry = &self->narrow[i];

        *entry = *pieces[i].entry;
        entry->lineage = 0;
        ARM_TRY(bury(pieces[i].entry, pieces[i].rows, &self->dead[i], &entry->dead, err));
        entry->vector = self->dead[i];
        self->pieces[i] = pieces[i].number;
        self->view.live_rows += entry->rows - entry->dead;
    }
    self->view.entries = self->narrow;
    self->view.pieces = self->pieces;
    *out = &self->view;
    self = NULL;
done:
    if (self != NULL) {
        arm__view_drop(&self->view);
    }
    return st;
}
