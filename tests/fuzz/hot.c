/* SPDX-License-Identifier: Apache-2.0 */
/* Hot batches (table/hot.h). O1: what the judge lets pass is read into DuckDB's vectors without
 * further checks, and written again to the same bytes. No engine is started for it. */

#include <stdlib.h>

#include "support/fuzz.h"
#include "table/hot.h"
#include "table/hot_private.h"
#include "table/types.h"

/* Elements of arrays in a row, beyond which DuckDB would be asked for too much memory: how large
 * a type may be is for the schema to say, not for the batch. */
enum { ELEMENTS_MAX = 1 << 16, COLUMNS_MAX = 64 };

static uint64_t elements_of(const Armpb__Type *type)
{
    uint64_t own = type->kind == ARMPB__TYPE_KIND__ARRAY ? type->array_size : 1;
    uint64_t inside = 1;

    for (size_t i = 0; i < type->n_fields && inside <= ELEMENTS_MAX; i++) {
        inside += elements_of(type->fields[i]->type);
    }
    return own * inside;
}

/* The batch's columns as a schema that borrows its types. */
struct plan {
    Armpb__Schema schema;
    Armpb__Column columns[COLUMNS_MAX];
    Armpb__Column *pointers[COLUMNS_MAX];
    Armpb__Field fields[COLUMNS_MAX];
    duckdb_logical_type types[COLUMNS_MAX];
};

/* False: DuckDB cannot hold it (a type that it does not know, too large, too many). */
static bool make_plan(const struct arm_hot_batch *batch, struct plan *plan)
{
    uint64_t elements = 0;

    armpb__schema__init(&plan->schema);
    plan->schema.columns = plan->pointers;
    if (batch->column_count > COLUMNS_MAX) {
        return false;
    }
    for (size_t c = 0; c < batch->column_count; c++) {
        elements += elements_of(batch->columns[c].type);
    }
    if (elements * batch->rows > ELEMENTS_MAX) {
        return false;
    }
    for (size_t c = 0; c < batch->column_count; c++) {
        struct arm_error err;

        FUZZ_FILL(err);
        if (!fuzz_judged(arm__type_to_duckdb(batch->columns[c].type, &plan->types[c], &err),
                         ARM_UNSUPPORTED, ARM_SCHEMA, &err)) {
            return false;
        }
        armpb__column__init(&plan->columns[c]);
        armpb__field__init(&plan->fields[c]);
        plan->fields[c].id = batch->columns[c].field_id;
        plan->fields[c].name = (char *)(uintptr_t)"c";
        plan->fields[c].type = batch->columns[c].type;
        plan->columns[c].field = &plan->fields[c];
        plan->pointers[c] = &plan->columns[c];
        plan->schema.n_columns = c + 1;
    }
    return true;
}

/* Read in pieces of DuckDB's vectors, and written. */
static void write_again(const struct arm_hot_batch *batch, struct plan *plan,
                        struct arm_bytes bytes)
{
    idx_t piece = duckdb_vector_size();
    size_t count = (batch->rows + piece - 1) / piece;
    duckdb_data_chunk *chunks = calloc(count, sizeof(duckdb_data_chunk));
    struct arm_buf again = ARM_BUF_INIT(1 << 24);

    assert(chunks != NULL);
    for (size_t i = 0; i < count; i++) {
        uint32_t first = (uint32_t)(i * piece);
        uint32_t rows = batch->rows - first < piece ? batch->rows - first : (uint32_t)piece;

        chunks[i] = duckdb_create_data_chunk(plan->types, plan->schema.n_columns);
        assert(chunks[i] != NULL);
        for (size_t c = 0; c < plan->schema.n_columns; c++) {
            assert(arm__hot_has(batch, &plan->fields[c]));
            assert(arm__hot_fill(batch, &plan->fields[c], first, rows,
                                 duckdb_data_chunk_get_vector(chunks[i], c), NULL) == ARM_OK);
        }
        duckdb_data_chunk_set_size(chunks[i], rows);
    }
    assert(arm__hot_encode(&plan->schema, chunks, count, &again, NULL) == ARM_OK);
    assert(fuzz_same(arm__buf_bytes(&again), bytes));
    for (size_t i = 0; i < count; i++) {
        duckdb_destroy_data_chunk(&chunks[i]);
    }
    free((void *)chunks);
    arm__buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct plan plan;
    struct arm_hot_batch *batch;
    struct arm_error err;

    FUZZ_FILL(batch);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__hot_open(arm__bytes(data, size), &batch, &err), ARM_CORRUPT, ARM_CORRUPT,
                     &err)) {
        assert(FUZZ_UNTOUCHED(batch));
        return 0;
    }
    assert(arm__hot_row_count(batch) >= 1);
    assert(arm__hot_row_count(batch) <= ARM_HOT_ROWS_MAX);
    memset(&plan, 0, sizeof plan);
    if (make_plan(batch, &plan)) {
        write_again(batch, &plan, arm__bytes(data, size));
    }
    for (size_t c = 0; c < COLUMNS_MAX && plan.types[c] != NULL; c++) {
        duckdb_destroy_logical_type(&plan.types[c]);
    }
    arm__hot_free(batch);
    return 0;
}
