/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/row_read.h"

#include "table/chunk_rows.h"
#include "table/row_ids.h"
#include "txn/txn_private.h"

/* An id that the batch brings. */
static arm_status fill_id(const struct arm_hot_batch *batch, uint32_t row, int64_t *out,
                          struct arm_error *err)
{
    duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_vector vector = duckdb_create_vector(type, 1);
    Armpb__Field field;
    Armpb__Type of_field;
    arm_status st;

    arm__row_id_field(&field, &of_field);
    st = arm__hot_fill(batch, &field, row, 1, vector, err);
    if (st == ARM_OK) {
        *out = *(const int64_t *)duckdb_vector_get_data(vector);
    }
    duckdb_destroy_vector(&vector);
    duckdb_destroy_logical_type(&type);
    return st;
}

/* The row out of a hot batch; `*out` NULL: the batch has not all columns as they are now. */
static arm_status read_hot(const struct arm_view *view, size_t entry, uint32_t row,
                           const duckdb_logical_type *types, duckdb_data_chunk *out,
                           int64_t *out_id, struct arm_error *err)
{
    const Armpb__Schema *schema = view->schema;
    struct arm_buf bytes = ARM_BUF_INIT(ARM_HOT_BYTES_MAX);
    struct arm_hot_batch *batch = NULL;
    duckdb_data_chunk chunk = NULL;
    bool has_all = true;
    arm_status st = ARM_OK;

    ARM_TRY(arm__view_hot(view, entry, &bytes, &batch, err));
    for (size_t c = 0; c < schema->n_columns && has_all; c++) {
        has_all = arm__hot_has(batch, schema->columns[c]->field);
    }
    if (has_all) {
        chunk =
            duckdb_create_data_chunk((duckdb_logical_type *)(uintptr_t)types, schema->n_columns);
        if (chunk == NULL) {
            st = arm__fail(err, ARM_NO_MEMORY, "out of memory: a row");
            goto done;
        }
        duckdb_data_chunk_set_size(chunk, 1);
        for (size_t c = 0; c < schema->n_columns; c++) {
            ARM_TRY(arm__hot_fill(batch, schema->columns[c]->field, row, 1,
                                  duckdb_data_chunk_get_vector(chunk, c), err));
        }
        if (out_id != NULL && view->entries[entry].explicit_row_ids) {
            ARM_TRY(fill_id(batch, row, out_id, err));
        }
    }
    *out = chunk;
    chunk = NULL;
done:
    if (chunk != NULL) {
        duckdb_destroy_data_chunk(&chunk);
    }
    arm__hot_free(batch);
    arm__buf_release(&bytes);
    return st;
}

arm_status arm__txn_read_row(struct arm_transaction *txn, const struct arm_view *view,
                             const struct arm_key_match *match, const duckdb_logical_type *types,
                             duckdb_data_chunk *out, int64_t *out_id, struct arm_error *err)
{
    const struct arm_state_entry *entry = &view->entries[match->entry];
    const struct arm_txn_origin *origin = arm__txn_view_origin(view, match->entry);
    struct arm_chunk_source source = {.repository = txn->repository,
                                      .engine = txn->engine,
                                      .table_id = &view->table_id,
                                      .entry = entry};
    arm_status st = ARM_OK;

    *out = NULL;
    if (out_id != NULL) {
        *out_id = (int64_t)(entry->first_row_id + match->row);
    }
    if (entry->is_hot) {
        return read_hot(view, match->entry, match->row, types, out, out_id, err);
    }
    if ((out_id != NULL && entry->explicit_row_ids) || (origin != NULL && origin->batch != NULL)) {
        return ARM_OK; /* its schema may be the transaction's own */
    }
    ARM_TRY(arm__catalog_schema(arm__repository_catalog(txn->repository), &view->table_id,
                                entry->schema_id, &source.written, err));
    ARM_TRY(arm__chunk_row(arm__engine_chunk_rows(txn->engine), &source, match->row, view->schema,
                           types, out, err));
done:
    return st;
}
