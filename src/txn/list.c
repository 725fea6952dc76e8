/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: the entries of a table that this transaction changed, in order, dead rows joined. Appends
 * put entries behind those that views see already; anything else makes a new list. */

#include <assert.h>

#include "base/alloc.h"
#include "txn/txn_private.h"

static arm_status new_list(size_t capacity, struct arm_txn_list **out, struct arm_error *err)
{
    struct arm_txn_list *list = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *list, &list, err));
    atomic_init(&list->references, 1);
    ARM_TRY(arm__calloc(capacity, sizeof *list->entries, &list->entries, err));
    ARM_TRY(arm__calloc(capacity, sizeof *list->origins, &list->origins, err));
    list->capacity = capacity;
    *out = list;
    list = NULL;
done:
    arm__txn_list_drop(list);
    return st;
}

/* Put an entry behind the others; there is room. `batch` and `dead` get a reference each. */
static void add(struct arm_txn_list *list, struct arm_state_entry entry,
                struct arm_txn_origin origin)
{
    assert(list->count < list->capacity);
    if (origin.dead != NULL) {
        entry.vector = origin.dead->all;
        entry.dead = origin.dead->all_count;
        arm__txn_dead_retain(origin.dead);
    }
    if (origin.batch != NULL) {
        arm__txn_batch_retain(origin.batch);
    }
    list->entries[list->count] = entry;
    list->origins[list->count] = origin;
    list->live_rows += entry.rows - entry.dead;
    list->count++;
}

static void add_base(struct arm_txn_list *list, const struct arm_txn_table *table, size_t index)
{
    if (table->base_removed == NULL || !table->base_removed[index]) {
        add(list, table->state->entries[index],
            (struct arm_txn_origin){
                .index = index,
                .dead = table->base_dead == NULL ? NULL : table->base_dead[index],
            });
    }
}

static void add_own(struct arm_txn_list *list, const struct arm_txn_table *table, size_t index,
                    uint64_t first_row_id)
{
    const struct arm_txn_own *own = &table->own[index];
    const struct arm_new_entry *from = arm__txn_own_entry(own);
    struct arm_state_entry entry = {
        .position = from->position,
        .first_row_id = from->keeps_row_ids ? from->first_row_id : first_row_id,
        .bytes = from->bytes,
        .rows = from->rows,
        .schema_id =
            from->keeps_row_ids ? from->schema_id : arm__txn_table_schema(table)->schema_id,
        .is_hot = from->is_hot,
        .explicit_row_ids = from->explicit_row_ids,
        .rows_hash = from->rows_hash,
        .chunk = from->chunk,
    };

    add(list, entry, (struct arm_txn_origin){own->batch, own->index, index, own->dead});
}

/* Row ids of own rows, until a commit gives them theirs: behind those of the base. */
static uint64_t next_row_id(const struct arm_txn_table *table, size_t own)
{
    uint64_t id = table->first_own_row_id;

    for (size_t i = 0; i < own; i++) {
        id += arm__txn_own_entry(&table->own[i])->rows;
    }
    return id;
}

/* Own entries that a replacement put between others stand at their positions; the rest, which is
 * appended, stands last. Both lists are in order: a merge. */
static void merge(struct arm_txn_list *list, const struct arm_txn_table *table)
{
    size_t base_count = table->state == NULL || table->truncated ? 0 : table->state->entry_count;
    uint64_t row_id = next_row_id(table, 0);
    size_t base = 0;

    for (size_t own = 0; own < table->own_count; own++) {
        const struct arm_new_entry *next = arm__txn_own_entry(&table->own[own]);

        while (base < base_count &&
               (next->position.size == 0 ||
                arm__bytes_compare(arm__position_bytes(&table->state->entries[base].position),
                                   arm__position_bytes(&next->position)) < 0)) {
            add_base(list, table, base++);
        }
        add_own(list, table, own, row_id);
        row_id += next->rows;
    }
    while (base < base_count) {
        add_base(list, table, base++);
    }
}

/* Whether the list shows all but own entries at the end, which only need to be added. */
static bool can_extend(const struct arm_txn_table *table)
{
    bool can = table->list != NULL;

    for (size_t own = can ? table->list_own : 0; can && own < table->own_count; own++) {
        can = arm__txn_own_entry(&table->own[own])->position.size == 0;
    }
    return can;
}

/* The same entries with room for more. */
static arm_status copy_list(const struct arm_txn_list *from, size_t capacity,
                            struct arm_txn_list **out, struct arm_error *err)
{
    struct arm_txn_list *list = NULL;
    arm_status st = new_list(capacity, &list, err);

    if (st == ARM_OK) {
        for (size_t i = 0; i < from->count; i++) {
            add(list, from->entries[i], from->origins[i]);
        }
        *out = list;
    }
    return st;
}

static arm_status extend(struct arm_txn_table *table, struct arm_error *err)
{
    size_t needed = table->list->count + (table->own_count - table->list_own);
    uint64_t row_id;
    arm_status st = ARM_OK;

    if (needed > table->list->capacity) {
        struct arm_txn_list *larger = NULL;

        ARM_TRY(copy_list(table->list, 2 * needed, &larger, err));
        arm__txn_list_drop(table->list);
        table->list = larger;
    }
    row_id = next_row_id(table, table->list_own);
    for (size_t own = table->list_own; own < table->own_count; own++) {
        add_own(table->list, table, own, row_id);
        row_id += arm__txn_own_entry(&table->own[own])->rows;
    }
    table->list_own = table->own_count;
done:
    return st;
}

arm_status arm__txn_list_update(struct arm_transaction *txn, struct arm_txn_table *table,
                                struct arm_error *err)
{
    struct arm_txn_list *list = NULL;
    size_t base_count;
    arm_status st = ARM_OK;

    if (can_extend(table)) {
        return extend(table, err);
    }
    ARM_TRY(arm__txn_load_state(txn, table, err));
    base_count = table->state == NULL || table->truncated ? 0 : table->state->entry_count;
    ARM_TRY(new_list(base_count + 2 * table->own_count, &list, err));
    merge(list, table);
    arm__txn_list_drop(table->list);
    table->list = list;
    table->list_own = table->own_count;
done:
    return st;
}
