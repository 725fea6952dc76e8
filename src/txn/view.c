/* SPDX-License-Identifier: Apache-2.0 */
/* Views: what one statement sees of a table. A view holds counted references to everything it
 * shows, so that it outlives the transaction (X2). A table that was not changed here is shown by
 * the catalog's own array: a view of it costs the same whatever its size. */

#include <assert.h>
#include <stdio.h>

#include "base/alloc.h"
#include "model/type.h"
#include "txn/txn_private.h"

static struct arm_counted_view *counted(const struct arm_view *view)
{
    return (struct arm_counted_view *)(uintptr_t)view;
}

const struct arm_view *arm__view_retain(const struct arm_view *view)
{
    atomic_fetch_add_explicit(&counted(view)->references, 1, memory_order_relaxed);
    return view;
}

void arm__view_drop(const struct arm_view *view)
{
    struct arm_counted_view *self = counted(view);

    if (view == NULL || atomic_fetch_sub_explicit(&self->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; self->dead != NULL && i < view->entry_count; i++) {
        arm__vector_free(self->dead[i]);
    }
    arm__free(self->dead);
    arm__free(self->narrow);
    arm__free(self->pieces);
    arm__txn_list_drop(self->list);
    arm__txn_schema_drop(self->schema);
    arm__table_state_drop(self->state);
    if (self->of != NULL) {
        arm__view_drop(&self->of->view);
    }
    arm__free(self);
}

const struct arm_txn_origin *arm__txn_view_origin(const struct arm_view *view, size_t entry)
{
    assert(entry < view->entry_count);
    return counted(view)->list == NULL ? NULL : &counted(view)->list->origins[entry];
}

/* ---- Making one ---- */

static arm_status new_view(struct arm_repository *repository, const struct arm_table_id *table_id,
                           const char *schema_name, const char *name, struct arm_counted_view **out,
                           struct arm_error *err)
{
    struct arm_counted_view *self = NULL;
    arm_status st = arm__calloc(1, sizeof *self, &self, err);

    if (st == ARM_OK) {
        atomic_init(&self->references, 1);
        self->catalog = arm__repository_catalog(repository);
        self->store = arm__repository_store(repository);
        self->view.table_id = *table_id;
        (void)snprintf(self->view.schema_name, sizeof self->view.schema_name, "%s", schema_name);
        (void)snprintf(self->view.name, sizeof self->view.name, "%s", name);
        *out = self;
    }
    return st;
}

static void show_state(struct arm_counted_view *self, struct arm_table_state *state)
{
    self->state = arm__table_state_retain(state);
    self->view.live_rows = state->live_rows;
    self->view.entry_count = state->entry_count;
    self->view.entries = state->entries;
}

static arm_status show_rows(struct arm_transaction *txn, struct arm_txn_table *table,
                            struct arm_counted_view *self, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_load_state(txn, table, err));
    if (!arm__txn_table_has_changes(table)) {
        show_state(self, table->state);
        return ARM_OK;
    }
    ARM_TRY(arm__txn_list_update(txn, table, err));
    self->state = table->state == NULL ? NULL : arm__table_state_retain(table->state);
    self->list = arm__txn_list_retain(table->list);
    self->view.live_rows = table->list->live_rows;
    self->view.entry_count = table->list->count;
    self->view.entries = table->list->entries;
done:
    return st;
}

static arm_status make_view(struct arm_transaction *txn, struct arm_txn_table *table,
                            bool with_rows, const struct arm_view **out, struct arm_error *err)
{
    struct arm_counted_view *self = NULL;
    arm_status st = ARM_OK;

    if (table->unjoined >= ARM_TXN_UNJOINED_MAX) {
        ARM_TRY(arm__txn_join(txn, table, err));
    }
    ARM_TRY(
        new_view(txn->repository, &table->table_id, table->schema_name, table->name, &self, err));
    self->view.object = table->object;
    self->view.version = table->base.row.version;
    self->view.first_own_row_id = table->first_own_row_id;
    self->view.live_rows = table->base.version.row_count - table->removed_rows + table->own_rows;
    self->view.has_own_schema = table->schema != NULL;
    if (table->schema != NULL) {
        self->schema = arm__txn_schema_retain(table->schema);
        self->view.schema = table->schema->schema;
    } else {
        ARM_TRY(arm__catalog_schema(self->catalog, &table->table_id, table->base.version.schema_id,
                                    &self->view.schema, err));
    }
    if (with_rows) {
        ARM_TRY(show_rows(txn, table, self, err));
    }
    *out = &self->view;
    self = NULL;
done:
    if (self != NULL) {
        arm__view_drop(&self->view);
    }
    return st;
}

static arm_status find_view(struct arm_transaction *txn, const char *schema_name, const char *name,
                            bool with_rows, const struct arm_view **out, struct arm_error *err)
{
    const struct arm_view *view = NULL;
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(arm__txn_find(txn, schema_name, name, &table, err));
    if (table != NULL) {
        ARM_TRY(make_view(txn, table, with_rows, &view, err));
    }
    *out = view;
done:
    arm__mutex_unlock(&txn->mutex);
    return st;
}

arm_status arm__txn_view(struct arm_transaction *txn, const char *schema_name, const char *name,
                         const struct arm_view **out, struct arm_error *err)
{
    return find_view(txn, schema_name, name, true, out, err);
}

arm_status arm__txn_look(struct arm_transaction *txn, const char *schema_name, const char *name,
                         const struct arm_view **out, struct arm_error *err)
{
    return find_view(txn, schema_name, name, false, out, err);
}

/* Whether the transaction has the version pinned: it has looked at it before, or has the table at
 * it. Under the mutex. */
static bool has_past(const struct arm_transaction *txn, const struct arm_table_info *info)
{
    for (size_t i = 0; i < txn->past_count; i++) {
        if (txn->past[i].version == info->row.version &&
            arm__table_id_equal(&txn->past[i].table_id, &info->row.table_id)) {
            return true;
        }
    }
    for (size_t i = 0; i < txn->table_count; i++) {
        const struct arm_txn_table *table = txn->tables[i];

        if (table->state != NULL && table->state->version == info->row.version &&
            arm__table_id_equal(&table->table_id, &info->row.table_id)) {
            return true;
        }
    }
    return false;
}

/* Pinned before it is asked whether it has expired, and then for as long as the transaction lasts
 * (X7). What has no rows does not expire. */
arm_status arm__txn_pin_version(struct arm_transaction *txn, const struct arm_table_info *info,
                                struct arm_table_state **out, struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(txn->repository);
    const struct arm_table_id *id = &info->row.table_id;
    arm_status st = ARM_OK;

    if (info->row.object != ARMPB__OBJECT_KIND__TABLE || has_past(txn, info)) {
        return arm__catalog_pinned_state(catalog, id, info->row.version, out, err);
    }
    ARM_TRY(arm__realloc(&txn->past, txn->past_count + 1, sizeof *txn->past, err));
    ARM_TRY(
        arm__pin_take(arm__repository_store(txn->repository), info->version.tx, &txn->pin, err));
    ARM_TRY(arm__catalog_state(catalog, id, info->row.version, out, err));
    txn->past[txn->past_count++] = (struct arm_txn_past){*id, info->row.version};
done:
    return st;
}

arm_status arm__txn_keep_version(struct arm_transaction *txn, const struct arm_table_id *id,
                                 const struct arm_version_row *version, struct arm_error *err)
{
    struct arm_table_info info = {
        .row = {.table_id = *id, .version = version->version, .object = ARMPB__OBJECT_KIND__TABLE},
        .version = *version};
    struct arm_table_state *state = NULL;
    arm_status st;

    arm__mutex_lock(&txn->mutex);
    st = arm__txn_pin_version(txn, &info, &state, err);
    arm__mutex_unlock(&txn->mutex);
    arm__table_state_drop(state);
    return st;
}

arm_status arm__txn_view_version(struct arm_transaction *txn, const struct arm_table_info *info,
                                 const struct arm_view **out, struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(txn->repository);
    struct arm_table_state *state = NULL;
    struct arm_counted_view *self = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    st = arm__txn_pin_version(txn, info, &state, err);
    arm__mutex_unlock(&txn->mutex);
    ARM_TRY(st);
    ARM_TRY(new_view(txn->repository, &info->row.table_id, info->row.schema_name, info->row.name,
                     &self, err));
    self->view.object = info->row.object;
    self->view.version = info->row.version;
    self->view.first_own_row_id = UINT64_MAX;
    ARM_TRY(arm__catalog_schema(catalog, &info->row.table_id, info->version.schema_id,
                                &self->view.schema, err));
    show_state(self, state);
    *out = &self->view;
    self = NULL;
done:
    if (self != NULL) {
        arm__view_drop(&self->view);
    }
    arm__table_state_drop(state);
    return st;
}

arm_status arm__txn_view_at(struct arm_transaction *txn, const char *schema_name, const char *name,
                            const char *ref, const struct arm_view **out, struct arm_error *err)
{
    struct arm_table_info info = {.schema = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_table_at(arm__repository_catalog(txn->repository), &txn->snapshot,
                                  schema_name, name, ref, &info, err));
    ARM_TRY(arm__txn_view_version(txn, &info, out, err));
done:
    arm__table_info_release(&info);
    return st;
}

/* ---- Where a row is ---- */

/* What an entry is, in any view of the transaction. */
struct entry_name {
    const struct arm_txn_batch *batch; /* NULL: of the base */
    size_t index;
};

static struct entry_name name_of(const struct arm_view *view, size_t entry)
{
    const struct arm_txn_origin *origin = arm__txn_view_origin(view, entry);

    return origin == NULL ? (struct entry_name){NULL, entry}
                          : (struct entry_name){origin->batch, origin->index};
}

bool arm__view_is_own(const struct arm_view *view, size_t entry)
{
    return name_of(view, entry).batch != NULL;
}

bool arm__view_has_row(const struct arm_view *now, const struct arm_view *then, size_t entry,
                       uint32_t row)
{
    struct entry_name name = name_of(then, entry);

    for (size_t i = 0; i < now->entry_count; i++) {
        struct entry_name other = name_of(now, i);

        if (other.batch == name.batch && other.index == name.index) {
            const roaring_bitmap_t *dead = now->entries[i].vector;

            return dead == NULL || !roaring_bitmap_contains(dead, row);
        }
    }
    return false;
}

/* ---- Reading an entry ---- */

/* The written entry that a view's entry shows; NULL: it is the base's. */
static const struct arm_new_entry *own_entry(const struct arm_view *view, size_t entry)
{
    const struct arm_txn_origin *origin = arm__txn_view_origin(view, entry);

    return origin == NULL || origin->batch == NULL ? NULL
                                                   : &origin->batch->written.entries[origin->index];
}

arm_status arm__view_path(const struct arm_view *view, size_t entry, char **out,
                          struct arm_error *err)
{
    assert(entry < view->entry_count);
    assert(!view->entries[entry].is_hot);
    return arm__store_path(counted(view)->store, &view->entries[entry].chunk, out, err);
}

arm_status arm__view_sound(const struct arm_view *view, size_t entry, struct arm_error *err)
{
    assert(entry < view->entry_count);
    assert(!view->entries[entry].is_hot);
    return arm__catalog_chunk_sound(counted(view)->catalog, &view->entries[entry].chunk, err);
}

arm_status arm__view_check(const struct arm_view *view, size_t entry, struct arm_error *err)
{
    assert(entry < view->entry_count);
    assert(!view->entries[entry].is_hot);
    return arm__store_check(counted(view)->store, &view->entries[entry].chunk, err);
}

arm_status arm__view_hot(const struct arm_view *view, size_t entry, struct arm_buf *bytes,
                         struct arm_hot_batch **out, struct arm_error *err)
{
    const struct arm_new_entry *own = own_entry(view, entry);
    arm_status st = ARM_OK;

    assert(view->entries[entry].is_hot);
    if (own != NULL) {
        return arm__hot_open(own->hot, out, err);
    }
    ARM_TRY(arm__catalog_hot_rows(counted(view)->catalog, &view->entries[entry], bytes, err));
    ARM_TRY(arm__hot_open(arm__buf_bytes(bytes), out, err));
done:
    return st;
}

static const Armpb__ColumnStatistics *find_column(Armpb__ColumnStatistics *const *columns,
                                                  size_t count, uint32_t column_id)
{
    for (size_t i = 0; i < count; i++) {
        if (columns[i]->column_id == column_id) {
            return columns[i];
        }
    }
    return NULL;
}

/* Bounds are bytes of a type: they say nothing of a column that has another one since. */
bool arm__txn_keeps_type(struct arm_catalog *catalog, const struct arm_table_id *table_id,
                         const Armpb__Schema *schema, uint32_t schema_id, uint32_t column_id)
{
    const Armpb__Column *now = arm__schema_column(schema, column_id);
    const Armpb__Schema *written = NULL;
    const Armpb__Column *then;

    if (schema_id == schema->schema_id) {
        return true;
    }
    if (now == NULL ||
        arm__catalog_schema(catalog, table_id, schema_id, &written, NULL) != ARM_OK) {
        return false;
    }
    then = arm__schema_column(written, column_id);
    return then != NULL && arm__type_equal(then->field->type, now->field->type);
}

static bool has_type_of_now(const struct arm_view *view, size_t entry, uint32_t column_id)
{
    return own_entry(view, entry) !=
               NULL || /* a transaction does not change the types of its rows */
           arm__txn_keeps_type(counted(view)->catalog, &view->table_id, view->schema,
                               view->entries[entry].schema_id, column_id);
}

const Armpb__ColumnStatistics *arm__view_statistics(const struct arm_view *view, size_t entry,
                                                    uint32_t column_id)
{
    const struct arm_new_entry *own = own_entry(view, entry);
    const struct arm_chunk_statistics *known = NULL;

    if (view->entries[entry].is_hot || !has_type_of_now(view, entry, column_id)) {
        return NULL;
    }
    if (own != NULL && own->statistics_count > 0) {
        return find_column(own->statistics, own->statistics_count, column_id);
    }
    if (arm__catalog_statistics(counted(view)->catalog, &view->entries[entry].chunk, &known,
                                NULL) != ARM_OK ||
        known == NULL) {
        return NULL; /* unknown: the chunk is read */
    }
    return find_column(known->columns, known->count, column_id);
}
