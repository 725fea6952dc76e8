/* SPDX-License-Identifier: Apache-2.0 */
/* A table's columns, constraints and name: they change, its rows stay as they are. */

#include <stdio.h>
#include <string.h>

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

arm_status arm__txn_alter_table(struct arm_transaction *txn, const char *schema_name,
                                const char *name, const Armpb__Schema *schema,
                                struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    struct arm_txn_schema *own = NULL;
    uint32_t id;
    arm_status st = ARM_OK;

    arm__mutex_lock(&txn->mutex);
    ARM_TRY(arm__txn_find_for_change(txn, schema_name, name, &table, err));
    ARM_TRY(arm__keys_check(schema, err));
    ARM_TRY(check_types(table, schema, err));
    id = table->is_created ? 1 : table->base.version.schema_id + 1;
    ARM_TRY(arm__txn_schema_new(schema, id, &own, err));
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
