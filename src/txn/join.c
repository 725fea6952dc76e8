/* SPDX-License-Identifier: Apache-2.0 */
/* Joining: hot entries that many small statements left behind one another are written anew as
 * one, without the rows that died since, by the same writer as any rows: over the hot limits
 * they become a chunk. */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "table/row_ids.h"
#include "table/types.h"
#include "txn/txn_private.h"

/* Two data chunks of a schema's columns: what a batch holds, and what of it lives. */
struct bench {
    struct arm_row_id_schema with_ids; /* zeroed: the rows have none of their own */
    const Armpb__Schema *schema;       /* the table's, or that */
    duckdb_data_chunk all;
    duckdb_data_chunk live;
    duckdb_selection_vector selection;
};

static void release_bench(struct bench *bench)
{
    duckdb_destroy_data_chunk(&bench->all);
    duckdb_destroy_data_chunk(&bench->live);
    if (bench->selection != NULL) {
        duckdb_destroy_selection_vector(bench->selection);
    }
    arm__row_id_schema_release(&bench->with_ids);
}

static arm_status make_bench(const Armpb__Schema *table, bool has_ids, struct bench *out,
                             struct arm_error *err)
{
    const Armpb__Schema *schema = table;
    duckdb_logical_type *types = NULL;
    arm_status st = ARM_OK;

    if (has_ids) {
        ARM_TRY(arm__row_id_schema_init(&out->with_ids, table, err));
        schema = &out->with_ids.schema;
    }
    out->schema = schema;
    ARM_TRY(arm__calloc(schema->n_columns, sizeof *types, &types, err));
    for (size_t i = 0; i < schema->n_columns; i++) {
        ARM_TRY(arm__type_to_duckdb(schema->columns[i]->field->type, &types[i], err));
    }
    out->all = duckdb_create_data_chunk(types, schema->n_columns);
    out->live = duckdb_create_data_chunk(types, schema->n_columns);
    out->selection = duckdb_create_selection_vector(duckdb_vector_size());
    if (out->all == NULL || out->live == NULL) {
        st = arm__fail(err, ARM_NO_MEMORY, "out of memory: a block of rows");
    }
done:
    for (size_t i = 0; types != NULL && i < schema->n_columns; i++) {
        duckdb_destroy_logical_type(&types[i]);
    }
    arm__free(types);
    return st;
}

/* Rows first .. first+count-1 of a batch, filled into `bench->all`, less the dead ones. */
static duckdb_data_chunk select_live(struct bench *bench, const roaring_bitmap_t *dead,
                                     uint32_t first, uint32_t count)
{
    sel_t *rows = duckdb_selection_vector_get_data_ptr(bench->selection);
    uint32_t live = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (dead == NULL || !roaring_bitmap_contains(dead, first + i)) {
            rows[live++] = i;
        }
    }
    if (live == count) {
        return bench->all;
    }
    duckdb_data_chunk_reset(bench->live);
    for (idx_t c = 0; live > 0 && c < duckdb_data_chunk_get_column_count(bench->all); c++) {
        duckdb_vector_copy_sel(duckdb_data_chunk_get_vector(bench->all, c),
                               duckdb_data_chunk_get_vector(bench->live, c), bench->selection, live,
                               0, 0);
    }
    duckdb_data_chunk_set_size(bench->live, live);
    return bench->live;
}

static arm_status push_own(struct arm_writer *writer, const struct arm_txn_own *own,
                           struct bench *bench, struct arm_error *err)
{
    const Armpb__Schema *schema = bench->schema;
    const roaring_bitmap_t *dead = own->dead == NULL ? NULL : own->dead->all;
    uint32_t step = (uint32_t)duckdb_vector_size();
    struct arm_hot_batch *batch = NULL;
    uint32_t rows;
    arm_status st = ARM_OK;

    ARM_TRY(arm__hot_open(arm__txn_own_entry(own)->hot, &batch, err));
    rows = arm__hot_row_count(batch);
    for (uint32_t first = 0; first < rows; first += step) {
        uint32_t count = rows - first < step ? rows - first : step;

        duckdb_data_chunk_reset(bench->all);
        duckdb_data_chunk_set_size(bench->all, count);
        for (size_t i = 0; i < schema->n_columns; i++) {
            ARM_TRY(arm__hot_fill(batch, schema->columns[i]->field, first, count,
                                  duckdb_data_chunk_get_vector(bench->all, i), err));
        }
        ARM_TRY(arm__writer_push(writer, select_live(bench, dead, first, count), err));
    }
done:
    arm__hot_free(batch);
    return st;
}

/* Own entries first .. end-1, all hot, as the writer would have written them at once. */
static arm_status write_joined(struct arm_transaction *txn, const struct arm_txn_table *table,
                               size_t first, size_t end, struct arm_written *out,
                               struct arm_error *err)
{
    struct arm_writer_options options = {
        .repository = txn->repository,
        .engine = txn->engine,
        .schema = arm__txn_table_schema(table),
        .table = table->name,
        .explicit_row_ids = arm__txn_own_entry(&table->own[first])->explicit_row_ids,
    };
    struct arm_writer *writer = NULL;
    struct bench bench = {.all = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(make_bench(options.schema, options.explicit_row_ids, &bench, err));
    ARM_TRY(arm__writer_new(&options, &writer, err));
    for (size_t i = first; i < end; i++) {
        ARM_TRY(push_own(writer, &table->own[i], &bench, err));
    }
    st = arm__writer_finish(writer, out, err);
    writer = NULL;
done:
    arm__writer_abort(writer);
    release_bench(&bench);
    return st;
}

/* Put `written` (taken on success) in the place of own entries first .. end-1. */
static arm_status splice(struct arm_txn_table *table, size_t first, size_t end,
                         struct arm_written *written, struct arm_error *err)
{
    size_t count = written->entry_count;
    size_t rest = table->own_count - end;
    struct arm_txn_batch *batch = NULL;
    arm_status st = arm__txn_batch_new(written, &batch, err);

    if (st != ARM_OK) {
        return st;
    }
    assert(count <= end - first); /* joining makes no more entries than there were */
    for (size_t i = first; i < end; i++) {
        arm__txn_dead_drop(table->own[i].dead);
        arm__txn_batch_drop(table->own[i].batch);
    }
    for (size_t i = 0; i < count; i++) {
        table->own[first + i] = (struct arm_txn_own){
            .batch = arm__txn_batch_retain(batch), .index = i, .generation = table->generation};
    }
    memmove(&table->own[first + count], &table->own[end], rest * sizeof *table->own);
    table->own_count = first + count + rest;
    arm__txn_batch_drop(batch);
    arm__txn_table_changed(table);
    return ARM_OK;
}

/* Rows with ids of their own are not joined with such that get theirs when committed, nor are rows
 * from before the columns changed: they have others. */
static bool joinable(const struct arm_txn_table *table, const struct arm_txn_own *own,
                     const struct arm_txn_own *first)
{
    const struct arm_new_entry *entry = arm__txn_own_entry(own);

    return own->generation == table->generation && entry->is_hot && entry->position.size == 0 &&
           entry->explicit_row_ids == arm__txn_own_entry(first)->explicit_row_ids;
}

arm_status arm__txn_join(struct arm_transaction *txn, struct arm_txn_table *table,
                         struct arm_error *err)
{
    struct arm_written written = {.rows = 0};
    arm_status st = ARM_OK;

    if (arm__txn_is_merge(txn)) { /* its rows stay where they are: arm__view_has_row */
        return ARM_OK;
    }
    for (size_t first = 0; first < table->own_count; first++) {
        size_t end = first;

        while (end < table->own_count && joinable(table, &table->own[end], &table->own[first])) {
            end++;
        }
        if (end - first >= 2 || (end > first && table->own[first].dead != NULL)) {
            ARM_TRY(write_joined(txn, table, first, end, &written, err));
            ARM_TRY(splice(table, first, end, &written, err));
        }
    }
    table->unjoined = 0;
done:
    arm__written_release(&written);
    return st;
}
