/* SPDX-License-Identifier: Apache-2.0 */
/* Reading entries back. A hot batch is filled column by column; a chunk is read by a statement
 * (chunk_select.h). */

#include "table/rewrite.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "table/chunk_select.h"
#include "table/hot.h"
#include "table/row_ids.h"
#include "table/types.h"

enum { HOT_BYTES_MAX = 64 << 20 };

struct arm_rewrite {
    struct arm_repository *repository;
    struct arm_engine *engine;
    const Armpb__Schema *table;        /* without ids */
    struct arm_row_id_schema with_ids; /* zeroed: the rows need none */
    const Armpb__Schema *schema;       /* what is pushed */
    bool explicit_row_ids;
    duckdb_connection connection; /* made with the first chunk */
    duckdb_data_chunk all;        /* what a batch holds ... */
    duckdb_data_chunk live;       /* ... and what of it lives */
    duckdb_selection_vector selection;
    struct arm_writer *writer;
};

/* ---- Making one ---- */

static arm_status make_blocks(struct arm_rewrite *r, struct arm_error *err)
{
    duckdb_logical_type *types = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(r->schema->n_columns, sizeof *types, &types, err));
    for (size_t i = 0; i < r->schema->n_columns; i++) {
        ARM_TRY(arm__type_to_duckdb(r->schema->columns[i]->field->type, &types[i], err));
    }
    r->all = duckdb_create_data_chunk(types, r->schema->n_columns);
    r->live = duckdb_create_data_chunk(types, r->schema->n_columns);
    r->selection = duckdb_create_selection_vector(duckdb_vector_size());
    if (r->all == NULL || r->live == NULL) {
        st = arm__fail(err, ARM_NO_MEMORY, "out of memory: a block of rows");
    }
done:
    for (size_t i = 0; types != NULL && i < r->schema->n_columns; i++) {
        duckdb_destroy_logical_type(&types[i]);
    }
    arm__free(types);
    return st;
}

arm_status arm__rewrite_new(const struct arm_writer_options *options, struct arm_rewrite **out,
                            struct arm_error *err)
{
    struct arm_rewrite *r = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *r, &r, err));
    r->repository = options->repository;
    r->engine = options->engine;
    r->table = options->schema;
    r->schema = options->schema;
    r->explicit_row_ids = options->explicit_row_ids;
    if (options->explicit_row_ids) {
        ARM_TRY(arm__row_id_schema_init(&r->with_ids, options->schema, err));
        r->schema = &r->with_ids.schema;
    }
    ARM_TRY(make_blocks(r, err));
    ARM_TRY(arm__writer_new(options, &r->writer, err));
    *out = r;
    r = NULL;
done:
    arm__rewrite_abort(r);
    return st;
}

void arm__rewrite_abort(struct arm_rewrite *r)
{
    if (r == NULL) {
        return;
    }
    arm__writer_abort(r->writer);
    duckdb_destroy_data_chunk(&r->all);
    duckdb_destroy_data_chunk(&r->live);
    if (r->selection != NULL) {
        duckdb_destroy_selection_vector(r->selection);
    }
    if (r->connection != NULL) {
        arm__engine_disconnect(r->engine, r->connection);
    }
    arm__row_id_schema_release(&r->with_ids);
    arm__free(r);
}

arm_status arm__rewrite_finish(struct arm_rewrite *r, struct arm_written *out,
                               struct arm_error *err)
{
    arm_status st = arm__writer_finish(r->writer, out, err);

    r->writer = NULL;
    arm__rewrite_abort(r);
    return st;
}

/* ---- Pushing a block ---- */

/* Which of rows first .. first+count-1 live: their number. */
static uint32_t select_live(struct arm_rewrite *r, const struct arm_state_entry *entry,
                            uint32_t first, uint32_t count)
{
    sel_t *rows = duckdb_selection_vector_get_data_ptr(r->selection);
    uint32_t live = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (entry->vector == NULL || !roaring_bitmap_contains(entry->vector, first + i)) {
            rows[live++] = i;
        }
    }
    return live;
}

/* Push `block`, rows first .. first+count-1 of the entry: the table's columns, and behind them the
 * ids if the entry brings them. */
static arm_status push_block(struct arm_rewrite *r, const struct arm_state_entry *entry,
                             duckdb_data_chunk block, uint32_t first, uint32_t count,
                             struct arm_error *err)
{
    const sel_t *rows = duckdb_selection_vector_get_data_ptr(r->selection);
    idx_t columns = r->table->n_columns + (entry->explicit_row_ids ? 1 : 0);
    uint32_t live = select_live(r, entry, first, count);

    assert(!entry->explicit_row_ids || r->explicit_row_ids);
    if (live == 0) {
        return ARM_OK;
    }
    if (live == count && columns == r->schema->n_columns) {
        return arm__writer_push(r->writer, block, err);
    }
    duckdb_data_chunk_reset(r->live);
    for (idx_t c = 0; c < columns; c++) {
        duckdb_vector_copy_sel(duckdb_data_chunk_get_vector(block, c),
                               duckdb_data_chunk_get_vector(r->live, c), r->selection, live, 0, 0);
    }
    if (columns < r->schema->n_columns) { /* the ids, from where the rows stand */
        int64_t *ids = duckdb_vector_get_data(duckdb_data_chunk_get_vector(r->live, columns));

        for (uint32_t i = 0; i < live; i++) {
            ids[i] = (int64_t)(entry->first_row_id + first + rows[i]);
        }
    }
    duckdb_data_chunk_set_size(r->live, live);
    return arm__writer_push(r->writer, r->live, err);
}

/* ---- Hot rows ---- */

static arm_status fill_block(struct arm_rewrite *r, const struct arm_state_entry *entry,
                             const struct arm_hot_batch *batch, uint32_t first, uint32_t count,
                             struct arm_error *err)
{
    size_t columns = r->table->n_columns;
    Armpb__Field field;
    Armpb__Type type;
    arm_status st = ARM_OK;

    duckdb_data_chunk_reset(r->all);
    for (size_t i = 0; i < columns; i++) {
        ARM_TRY(arm__hot_fill(batch, r->table->columns[i]->field, first, count,
                              duckdb_data_chunk_get_vector(r->all, i), err));
    }
    if (entry->explicit_row_ids) {
        arm__row_id_field(&field, &type);
        ARM_TRY(arm__hot_fill(batch, &field, first, count,
                              duckdb_data_chunk_get_vector(r->all, columns), err));
    }
    duckdb_data_chunk_set_size(r->all, count);
done:
    return st;
}

static arm_status push_hot(struct arm_rewrite *r, const struct arm_state_entry *entry,
                           struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(r->repository);
    uint32_t step = (uint32_t)duckdb_vector_size();
    struct arm_buf bytes = ARM_BUF_INIT(HOT_BYTES_MAX);
    struct arm_hot_batch *batch = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_hot_rows(catalog, entry, &bytes, err));
    ARM_TRY(arm__hot_open(arm__buf_bytes(&bytes), &batch, err));
    if (arm__hot_row_count(batch) != entry->rows) {
        st = arm__fail(err, ARM_CORRUPT, "a hot batch has %u rows, its entry %u",
                       arm__hot_row_count(batch), entry->rows);
        goto done;
    }
    for (uint32_t first = 0; first < entry->rows; first += step) {
        uint32_t count = entry->rows - first < step ? entry->rows - first : step;

        ARM_TRY(fill_block(r, entry, batch, first, count, err));
        ARM_TRY(push_block(r, entry, r->all, first, count, err));
    }
done:
    arm__hot_free(batch);
    arm__buf_release(&bytes);
    return st;
}

/* ---- Chunks ---- */

/* One file has one row group, which DuckDB gives in order. */
static arm_status push_result(struct arm_rewrite *r, const struct arm_state_entry *entry,
                              duckdb_result *result, struct arm_error *err)
{
    duckdb_data_chunk block = NULL;
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    while ((block = duckdb_fetch_chunk(*result)) != NULL) {
        uint32_t count = (uint32_t)duckdb_data_chunk_get_size(block);

        if (rows + count > entry->rows) {
            break;
        }
        ARM_TRY(push_block(r, entry, block, (uint32_t)rows, count, err));
        rows += count;
        duckdb_destroy_data_chunk(&block);
    }
    if (block != NULL || rows != entry->rows) {
        st = arm__fail(err, ARM_CORRUPT, "a chunk has not the %u rows of its entry", entry->rows);
    }
done:
    duckdb_destroy_data_chunk(&block);
    return st;
}

static arm_status push_chunk(struct arm_rewrite *r, const struct arm_state_entry *entry,
                             struct arm_error *err)
{
    duckdb_result result;
    arm_status st = ARM_OK;

    if (r->connection == NULL) {
        ARM_TRY(arm__engine_connect(r->engine, &r->connection, err));
    }
    ARM_TRY(arm__chunk_select(r->repository, r->connection, r->table, &entry->chunk,
                              entry->explicit_row_ids, &result, err));
    st = push_result(r, entry, &result, err);
    duckdb_destroy_result(&result);
done:
    return st;
}

arm_status arm__rewrite_entry(struct arm_rewrite *rewrite, const struct arm_state_entry *entry,
                              struct arm_error *err)
{
    if (entry->dead == entry->rows) {
        return ARM_OK;
    }
    return entry->is_hot ? push_hot(rewrite, entry, err) : push_chunk(rewrite, entry, err);
}
