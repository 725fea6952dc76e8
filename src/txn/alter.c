/* SPDX-License-Identifier: Apache-2.0 */
/* A table's columns, constraints and name: they change, its rows stay as they are. */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "catalog/numbers.h"
#include "model/type.h"
#include "table/key_hash.h"
#include "txn/txn_private.h"

static bool has_type(const Armpb__Schema *schema, const Armpb__Field *field)
{
    const Armpb__Column *column = arm__schema_column(schema, field->id);

    return column == NULL || arm__type_equal(column->field->type, field->type);
}

/* Rows that this transaction wrote lie in memory in the types they had. */
static arm_status check_types(const struct arm_txn_table *table, const Armpb__Schema *schema,
                              struct arm_error *err)
{
    const Armpb__Schema *old = arm__txn_table_schema(table);

    for (size_t i = 0; table->own_count > 0 && i < old->n_columns; i++) {
        if (!has_type(schema, old->columns[i]->field)) {
            return arm__fail(
                err, ARM_UNSUPPORTED,
                "the type of column \"%s\" cannot change in the transaction that wrote "
                "rows of table \"%s\": commit first",
                old->columns[i]->field->name, table->name);
        }
    }
    return ARM_OK;
}

arm_status arm__txn_next_schema(struct arm_transaction *txn, const struct arm_txn_table *table,
                                const Armpb__Schema *schema, struct arm_txn_schema **out,
                                struct arm_error *err)
{
    struct arm_txn_schema *own = NULL;
    uint32_t last = 0;
    arm_status st = ARM_OK;

    if (table->is_created) {
        return arm__txn_schema_new(schema, 1, out, err);
    }
    ARM_TRY(arm__catalog_last_field_id(arm__txn_catalog(txn), &table->table_id, &last, err));
    ARM_TRY(arm__txn_schema_copy(schema, &own, err));
    own->schema->schema_id = table->base.version.schema_id + 1;
    if (own->schema->last_field_id < last) {
        own->schema->last_field_id = last;
    }
    arm__schema_number_fields(own->schema);
    *out = own;
done:
    return st;
}

arm_status arm__txn_alter_table(struct arm_transaction *txn, const char *schema_name,
                                const char *name, const Armpb__Schema *schema,
                                struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    struct arm_txn_schema *own = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(arm__txn_find_for_change(txn, schema_name, name, &table, err));
    ARM_TRY(arm__keys_check(schema, err));
    ARM_TRY(check_types(table, schema, err));
    ARM_TRY(arm__txn_next_schema(txn, table, schema, &own, err));
    arm__txn_schema_drop(table->schema);
    table->schema = own;
    table->has_new_schema = !table->is_created;
    table->generation++;
    arm__txn_table_changed(table);
    txn->catalog_version++;
done:
    arm__mutex_unlock(&txn->mutex);
    return st;
}

/* ---- Names ---- */

/* The old name leads nowhere from here on, also where the snapshot has it. */
static arm_status leave_name(struct arm_transaction *txn, const struct arm_txn_table *table,
                             struct arm_error *err)
{
    struct arm_txn_table *ghost = NULL;
    arm_status st = arm__txn_add_table(txn, table->schema_name, table->name, &ghost, err);

    if (st == ARM_OK) {
        ghost->is_dropped = true;
        ghost->is_ghost = true;
    }
    return st;
}

/* The last of a name in the list is the live one. */
static void move_last(struct arm_transaction *txn, const struct arm_txn_table *table)
{
    size_t i = 0;
    struct arm_txn_table *moved;

    while (txn->tables[i] != table) {
        i++;
    }
    moved = txn->tables[i];
    memmove(&txn->tables[i], &txn->tables[i + 1],
            (txn->table_count - i - 1) * sizeof(struct arm_txn_table *));
    txn->tables[txn->table_count - 1] = moved;
}

arm_status arm__txn_rename_table(struct arm_transaction *txn, const char *schema_name,
                                 const char *name, const char *new_name, struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    struct arm_txn_table *taken = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(arm__txn_find_for_change(txn, schema_name, name, &table, err));
    ARM_TRY(arm__name_check(new_name, "table", err));
    ARM_TRY(arm__txn_find(txn, schema_name, new_name, &taken, err));
    if (taken != NULL && taken != table) { /* another case of its own name is free */
        st = arm__fail(err, ARM_EXISTS, "%s \"%s\" exists already", arm__object_word(taken->object),
                       new_name);
        goto done;
    }
    ARM_TRY(leave_name(txn, table, err));
    (void)snprintf(table->name, sizeof table->name, "%s", new_name);
    table->is_renamed = !table->is_created && strcmp(table->name, table->base.row.name) != 0;
    move_last(txn, table);
    arm__txn_table_changed(table);
    txn->catalog_version++;
done:
    arm__mutex_unlock(&txn->mutex);
    return st;
}

/* ---- Merges ---- */

arm_status arm__txn_merge(struct arm_transaction *txn, const struct arm_id *commit_id,
                          struct arm_error *err)
{
    if (txn->read_only) {
        return arm__fail(err, ARM_READ_ONLY, "cannot merge: this session only reads");
    }
    if (arm__txn_has_changes(txn)) {
        return arm__fail(err, ARM_INVALID,
                         "a merge must be the first change of its transaction: commit, then merge");
    }
    txn->merged = *commit_id;
    return ARM_OK;
}

bool arm__txn_is_merge(const struct arm_transaction *txn)
{
    static const struct arm_id nothing;

    return !arm__id_equal(&txn->merged, &nothing);
}

/* Ids of rows that this transaction makes lie above those of all branches. */
static arm_status raise_own_ids(struct arm_transaction *txn, struct arm_txn_table *table,
                                struct arm_error *err)
{
    return arm__catalog_next_row_id(arm__repository_catalog(txn->repository), &table->table_id,
                                    &table->first_own_row_id, err);
}

arm_status arm__txn_open_table(struct arm_transaction *txn, const char *schema_name,
                               const char *name, uint32_t merged_schema_id, struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(arm__txn_find_for_change(txn, schema_name, name, &table, err));
    assert(table->own_count == 0);
    ARM_TRY(raise_own_ids(txn, table, err));
    table->merged_schema_id = merged_schema_id;
    arm__txn_table_changed(table);
done:
    arm__mutex_unlock(&txn->mutex);
    return st;
}

/* The table that is to become another branch's: it has the name that it is to have. */
static arm_status find_adopter(struct arm_transaction *txn, const struct arm_adoption *adoption,
                               struct arm_txn_table **out, struct arm_error *err)
{
    const struct arm_table_row *had = adoption->had;
    struct arm_txn_table *table = NULL;
    struct arm_txn_table *taken = NULL;
    arm_status st = ARM_OK;

    if (had != NULL) {
        ARM_TRY(arm__txn_find(txn, had->schema_name, had->name, &table, err));
        assert(table != NULL && !arm__txn_table_has_changes(table));
    }
    ARM_TRY(arm__txn_find(txn, adoption->schema_name, adoption->name, &taken, err));
    if (taken != NULL && taken != table) {
        st = arm__fail(err, ARM_EXISTS, "%s \"%s\" exists already", arm__object_word(taken->object),
                       adoption->name);
        goto done;
    }
    if (table == NULL) {
        ARM_TRY(arm__txn_add_table(txn, adoption->schema_name, adoption->name, &table, err));
    } else if (taken == NULL) {
        ARM_TRY(leave_name(txn, table, err));
        move_last(txn, table);
    }
    (void)snprintf(table->schema_name, sizeof table->schema_name, "%s", adoption->schema_name);
    (void)snprintf(table->name, sizeof table->name, "%s", adoption->name);
    *out = table;
done:
    return st;
}

static arm_status adopt(struct arm_transaction *txn, struct arm_adoption *adoption, bool is_next,
                        struct arm_error *err)
{
    struct arm_table_state *state = NULL;
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(arm__txn_pin_version(txn, &adoption->info, &state, err));
    ARM_TRY(find_adopter(txn, adoption, &table, err));
    arm__table_info_release(&table->base);
    arm__table_state_drop(table->state);
    table->exists_in_base = true;
    table->is_adopted = true;
    table->object = adoption->info.row.object;
    table->table_id = adoption->info.row.table_id;
    table->base = adoption->info;
    adoption->info = (struct arm_table_info){.schema = NULL};
    table->state = state;
    state = NULL;
    table->had_version = adoption->had == NULL ? 0 : adoption->had->version;
    table->adopted_rows_added = adoption->rows_added;
    table->adopted_rows_removed = adoption->rows_removed;
    table->is_next = is_next;
    ARM_TRY(raise_own_ids(txn, table, err));
    arm__txn_table_changed(table);
    txn->catalog_version++;
done:
    arm__table_state_drop(state);
    arm__mutex_unlock(&txn->mutex);
    return st;
}

arm_status arm__txn_adopt(struct arm_transaction *txn, struct arm_adoption *adoption,
                          struct arm_error *err)
{
    return adopt(txn, adoption, false, err);
}

arm_status arm__txn_adopt_next(struct arm_transaction *txn, struct arm_adoption *adoption,
                               struct arm_error *err)
{
    return adopt(txn, adoption, true, err);
}
