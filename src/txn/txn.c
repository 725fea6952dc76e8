/* SPDX-License-Identifier: Apache-2.0 */
/* Begin, look-up of tables, names, release. */

#include "txn/txn.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "txn/txn_private.h"

/* ---- Tables ---- */

const struct arm_new_entry *arm__txn_own_entry(const struct arm_txn_own *own)
{
    return &own->batch->written.entries[own->index];
}

const Armpb__Schema *arm__txn_table_schema(const struct arm_txn_table *table)
{
    return table->schema != NULL ? table->schema->schema : table->base.schema;
}

bool arm__txn_table_has_changes(const struct arm_txn_table *table)
{
    if (table->is_ghost) {
        return false;
    }
    if (table->is_created) {
        return !table->is_dropped; /* made and dropped again: it never was */
    }
    if (table->is_adopted) {
        return !table->is_dropped || table->had_version != 0;
    }
    return table->is_told || table->is_dropped || table->truncated || table->has_new_schema ||
           table->is_renamed || table->own_count > 0 || table->base_removed != NULL ||
           table->base_dead_count > 0;
}

void arm__txn_table_changed(struct arm_txn_table *table)
{
    arm__txn_list_drop(table->list);
    table->list = NULL;
    table->list_own = 0;
}

void arm__txn_table_clear_changes(struct arm_txn_table *table)
{
    arm__txn_table_changed(table);
    for (size_t i = 0; i < table->own_count; i++) {
        arm__txn_dead_drop(table->own[i].dead);
        arm__txn_batch_drop(table->own[i].batch);
    }
    table->own_count = 0;
    table->own_rows = 0;
    table->unjoined = 0;
    for (size_t i = 0; table->base_dead != NULL && i < table->state->entry_count; i++) {
        arm__txn_dead_drop(table->base_dead[i]);
    }
    arm__free(table->base_dead);
    arm__free(table->base_removed);
    table->base_dead = NULL;
    table->base_dead_count = 0;
    table->base_removed = NULL;
    table->removed_rows = 0;
    table->truncated = false;
}

static void free_table(struct arm_txn_table *table)
{
    arm__txn_table_clear_changes(table);
    arm__free(table->own);
    arm__free(table->metadata);
    arm__free(table->uses);
    arm__txn_schema_drop(table->schema);
    arm__txn_reads_release(&table->reads);
    arm__table_info_release(&table->base);
    arm__table_state_drop(table->state);
    arm__free(table);
}

arm_status arm__txn_add_table(struct arm_transaction *txn, const char *schema_name,
                              const char *name, struct arm_txn_table **out, struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__realloc(&txn->tables, txn->table_count + 1, sizeof *txn->tables, err));
    ARM_TRY(arm__calloc(1, sizeof *table, &table, err));
    (void)snprintf(table->schema_name, sizeof table->schema_name, "%s", schema_name);
    (void)snprintf(table->name, sizeof table->name, "%s", name);
    txn->tables[txn->table_count++] = table;
    *out = table;
done:
    return st;
}

void arm__txn_remove_last(struct arm_transaction *txn)
{
    free_table(txn->tables[--txn->table_count]);
}

/* Names are compared without regard to ASCII case (model/name.h). */
static bool has_name(const struct arm_txn_table *table, const char *schema_name, const char *name)
{
    return strcasecmp(table->schema_name, schema_name) == 0 && strcasecmp(table->name, name) == 0;
}

arm_status arm__txn_find(struct arm_transaction *txn, const char *schema_name, const char *name,
                         struct arm_txn_table **out, struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(txn->repository);
    struct arm_table_info info = {.schema = NULL};
    struct arm_txn_table *table = NULL;
    bool found = false;
    arm_status st = ARM_OK;

    for (size_t i = txn->table_count; i-- > 0;) { /* the last of a name is the live one */
        if (has_name(txn->tables[i], schema_name, name)) {
            *out = txn->tables[i]->is_dropped ? NULL : txn->tables[i];
            return ARM_OK;
        }
    }
    ARM_TRY(arm__catalog_table(catalog, &txn->snapshot, schema_name, name, &info, &found, err));
    if (found) {
        ARM_TRY(arm__txn_add_table(txn, info.row.schema_name, info.row.name, &table, err));
        table->exists_in_base = true;
        table->object = info.row.object;
        table->table_id = info.row.table_id;
        table->base = info;
        table->first_own_row_id = info.version.next_row_id;
        info.schema = NULL;
    } else {
        ARM_TRY(arm__txn_note_absent(txn, schema_name, name, err));
    }
    *out = table;
done:
    arm__table_info_release(&info);
    return st;
}

arm_status arm__txn_find_for_change(struct arm_transaction *txn, const char *schema_name,
                                    const char *name, struct arm_txn_table **out,
                                    struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    if (txn->read_only) {
        return arm__fail(err, ARM_READ_ONLY, "cannot change table \"%s\": this session only reads",
                         name);
    }
    ARM_TRY(arm__txn_find(txn, schema_name, name, &table, err));
    if (table == NULL) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\"", name);
        goto done;
    }
    if (table->object != ARMPB__OBJECT_KIND__TABLE) {
        st = arm__fail(err, ARM_INVALID, "\"%s\" is a %s, not a table", name,
                       arm__object_word(table->object));
        goto done;
    }
    *out = table;
done:
    return st;
}

arm_status arm__txn_load_state(struct arm_transaction *txn, struct arm_txn_table *table,
                               struct arm_error *err)
{
    if (table->state != NULL || !table->exists_in_base) {
        return ARM_OK;
    }
    return txn->is_old && table->object == ARMPB__OBJECT_KIND__TABLE
               ? arm__catalog_state(arm__repository_catalog(txn->repository), &table->table_id,
                                    table->base.row.version, &table->state, err)
               : arm__catalog_pinned_state(arm__repository_catalog(txn->repository),
                                           &table->table_id, table->base.row.version, &table->state,
                                           err);
}

/* ---- Life ---- */

arm_status arm__txn_begin(struct arm_repository *repository, struct arm_engine *engine,
                          const struct arm_snapshot *snapshot, bool read_only,
                          struct arm_transaction **out, struct arm_error *err)
{
    struct arm_transaction *txn = NULL;
    uint64_t horizon_tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *txn, &txn, err));
    txn->repository = repository;
    txn->engine = engine;
    txn->snapshot = *snapshot;
    txn->read_only = read_only;
    arm__mutex_init(&txn->mutex);
    ARM_TRY(arm__pin_take(arm__repository_store(repository), snapshot->tx, &txn->pin, err));
    if (snapshot->tx < arm__log_durable_to(arm__repository_log(repository))) {
        ARM_TRY(arm__catalog_horizon(arm__repository_catalog(repository), &horizon_tx, NULL, err));
    }
    txn->is_old = snapshot->tx < horizon_tx;
    *out = txn;
    txn = NULL;
done:
    if (txn != NULL) {
        arm__txn_free(txn);
    }
    return st;
}

arm_status arm__txn_open(struct arm_repository *repository, struct arm_engine *engine,
                         arm_choose_snapshot *choose, void *self, struct arm_transaction **out,
                         struct arm_error *err)
{
    struct arm_pin pin = {.is_held = false};
    struct arm_snapshot snapshot;
    bool read_only = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_pin(repository, &pin, err));
    ARM_TRY(choose(self, &snapshot, &read_only, err));
    ARM_TRY(arm__txn_begin(repository, engine, &snapshot, read_only, out, err));
done:
    arm__repository_unpin(repository, &pin);
    return st;
}

void arm__txn_free(struct arm_transaction *txn)
{
    for (size_t i = 0; i < txn->table_count; i++) {
        free_table(txn->tables[i]);
    }
    arm__free(txn->tables);
    arm__free(txn->absent);
    arm__free(txn->cursor);
    arm__free(txn->past);
    arm__pin_drop(arm__repository_store(txn->repository), &txn->pin);
    arm__mutex_release(&txn->mutex);
    arm__free(txn);
}

void arm__txn_configure(struct arm_transaction *txn, const struct arm_txn_settings *settings)
{
    txn->settings = *settings;
}

void arm__txn_set_checked(struct arm_transaction *txn, uint64_t protected_tx)
{
    txn->checked_tx = protected_tx;
}

bool arm__txn_is_serializable(const struct arm_transaction *txn)
{
    return txn->settings.serializable;
}

void arm__txn_rollback(struct arm_transaction *txn)
{
    if (txn != NULL) {
        arm__txn_free(txn);
    }
}

const struct arm_snapshot *arm__txn_snapshot(const struct arm_transaction *txn)
{
    return &txn->snapshot;
}

struct arm_catalog *arm__txn_catalog(const struct arm_transaction *txn)
{
    return arm__repository_catalog(txn->repository);
}

bool arm__txn_has_changes(const struct arm_transaction *txn)
{
    if (arm__txn_is_merge(txn) || txn->cursor != NULL) {
        return true;
    }
    for (size_t i = 0; i < txn->table_count; i++) {
        if (arm__txn_table_has_changes(txn->tables[i])) {
            return true;
        }
    }
    return false;
}

uint64_t arm__txn_catalog_version(const struct arm_transaction *txn)
{
    /* Equal only for the same branch at the same tx with the same number of own changes, planned
     * for the same isolation. */
    return ((txn->snapshot.branch_id << 48) ^ (txn->snapshot.tx << 17)) + 2 * txn->catalog_version +
           txn->settings.serializable;
}

/* ---- Names ---- */

struct name_walk {
    struct arm_transaction *txn;
    arm_visit_object *visit;
    void *context;
};

/* A name that the snapshot does not have for this table. */
static bool is_own_name(const struct arm_txn_table *table)
{
    return table->is_created || table->is_renamed || table->is_adopted;
}

/* An object of the snapshot, unless its name is another's or nobody's here. */
static arm_status visit_base(void *context, const struct arm_table_row *row, struct arm_error *err)
{
    struct name_walk *walk = context;
    bool gone = false;

    arm__mutex_lock(&walk->txn->mutex);
    for (size_t i = walk->txn->table_count; i-- > 0;) {
        const struct arm_txn_table *table = walk->txn->tables[i];

        if (has_name(table, row->schema_name, row->name)) {
            gone = table->is_dropped || is_own_name(table);
            break;
        }
    }
    arm__mutex_unlock(&walk->txn->mutex);
    return gone ? ARM_OK
                : walk->visit(walk->context, row->object, row->schema_name, row->name, err);
}

arm_status arm__txn_objects(struct arm_transaction *txn, arm_visit_object *visit, void *context,
                            struct arm_error *err)
{
    struct name_walk walk = {txn, visit, context};
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_tables(arm__repository_catalog(txn->repository), &txn->snapshot,
                                visit_base, &walk, err));
    for (size_t i = 0; i < txn->table_count; i++) { /* only this session adds to the list */
        const struct arm_txn_table *table = txn->tables[i];

        if (is_own_name(table) && !table->is_dropped) {
            ARM_TRY(visit(context, table->object, table->schema_name, table->name, err));
        }
    }
done:
    return st;
}

struct table_walk {
    arm_visit_name_pair *visit;
    void *context;
};

static arm_status visit_table(void *context, Armpb__ObjectKind object, const char *schema_name,
                              const char *name, struct arm_error *err)
{
    struct table_walk *walk = context;

    return object == ARMPB__OBJECT_KIND__TABLE ? walk->visit(walk->context, schema_name, name, err)
                                               : ARM_OK;
}

arm_status arm__txn_tables(struct arm_transaction *txn, arm_visit_name_pair *visit, void *context,
                           struct arm_error *err)
{
    struct table_walk walk = {visit, context};

    return arm__txn_objects(txn, visit_table, &walk, err);
}
