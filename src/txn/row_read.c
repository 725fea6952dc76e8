/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/row_read.h"

#include "table/chunk_rows.h"
#include "txn/txn_private.h"

/* The row out of a hot batch; `*out` NULL: the batch has not all columns as they are now. */
static arm_status read_hot(const struct arm_view *view, size_t entry, uint32_t row,
                           const duckdb_logical_type *types, duckdb_data_chunk *out,
                           struct arm_error *err)
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
                             duckdb_data_chunk *out, struct arm_error *err)
{
    const struct arm_state_entry *entry = &view->entries[match->entry];
    const struct arm_txn_origin *origin = arm__txn_view_origin(view, match->entry);
    struct arm_chunk_source source = {.repository = txn->repository,
                                      .engine = txn->engine,
                                      .table_id = &view->table_id,
                                      .entry = entry};
    arm_status st = ARM_OK;

    *out = NULL;
    if (entry->is_hot) {
        return read_hot(view, match->entry, match->row, types, out, err);
    }
    if (origin != NULL && origin->batch != NULL) {
        return ARM_OK; /* its schema may be the transaction's own */
    }
    ARM_TRY(arm__catalog_schema(arm__repository_catalog(txn->repository), &view->table_id,
                                entry->schema_id, &source.written, err));
    ARM_TRY(arm__chunk_row(arm__engine_chunk_rows(txn->engine), &source, match->row, view->schema,
                           types, out, err));
done:
    return st;
}
