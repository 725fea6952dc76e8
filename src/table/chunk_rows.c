/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks are kept as DuckDB's own blocks, with the columns that they were written with: a later
 * schema takes of them what it still has. Nothing is read under the mutex. */

#include "table/chunk_rows.h"

#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "catalog/cache.h"
#include "model/type.h"
#include "table/chunk_select.h"
#include "table/piece.h"

enum { KNOWN_MAX = 8192, WORTH_MAX = 4096 };

/* The rows of a chunk. */
struct rows {
    size_t count; /* blocks */
    duckdb_data_chunk *blocks;
    uint32_t *ends; /* number of rows up to the end of each */
    size_t bytes;   /* about */
};

/* What is known of a chunk: its rows, or how often they were asked for. */
struct known {
    struct rows rows; /* no blocks: not kept */
    uint64_t last_used;
    uint32_t asked;
    uint32_t worth;
    bool is_being_read;
};

struct arm_chunk_rows {
    struct arm_mutex mutex;
    struct arm_cache chunks; /* by chunk, table and schema */
    size_t bytes_max;
    size_t bytes;
    uint64_t clock;
};

static void release_rows(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        duckdb_destroy_data_chunk(&rows->blocks[i]);
    }
    arm__free(rows->blocks);
    arm__free(rows->ends);
    *rows = (struct rows){.count = 0};
}

static void free_known(void *value)
{
    struct known *known = value;

    release_rows(&known->rows);
    arm__free(known);
}

arm_status arm__chunk_rows_new(size_t bytes_max, struct arm_chunk_rows **out, struct arm_error *err)
{
    arm_status st = arm__calloc(1, sizeof **out, out, err);

    if (st == ARM_OK) {
        arm__mutex_init(&(*out)->mutex);
        arm__cache_init(&(*out)->chunks, ARM_HASH_BYTES);
        (*out)->bytes_max = bytes_max;
    }
    return st;
}

void arm__chunk_rows_free(struct arm_chunk_rows *rows)
{
    if (rows != NULL) {
        arm__cache_release(&rows->chunks, free_known);
        arm__mutex_release(&rows->mutex);
        arm__free(rows);
    }
}

/* ---- Decoding ---- */

/* About the memory of the values of `piece`. */
static arm_status add_bytes(const struct arm_piece *piece, size_t *bytes, struct arm_error *err)
{
    size_t child_count = arm__shape_child_count(&piece->shape);
    struct arm_piece child = ARM_PIECE_EMPTY;
    const duckdb_string_t *strings = piece->data;
    arm_status st = ARM_OK;

    *bytes += (size_t)piece->count *
              (piece->shape.layout == ARM_LAYOUT_FIXED ? piece->shape.width : sizeof *strings);
    if (piece->shape.layout == ARM_LAYOUT_STRING) {
        for (uint32_t i = 0; i < piece->count; i++) {
            uint32_t row = arm__piece_row(piece, i);
            uint32_t size = row == ARM_ROW_NULL ? 0 : strings[row].value.inlined.length;

            *bytes += size > ARM_STRING_INLINE ? size : 0;
        }
    }
    for (size_t i = 0; i < child_count; i++) {
        ARM_TRY(arm__piece_child(piece, i, &child, err));
        ARM_TRY(add_bytes(&child, bytes, err));
        arm__piece_release(&child);
    }
done:
    arm__piece_release(&child);
    return st;
}

/* `*block` is taken. */
static arm_status add_block(struct rows *rows, const Armpb__Schema *schema,
                            duckdb_data_chunk *block, struct arm_error *err)
{
    uint32_t count = (uint32_t)duckdb_data_chunk_get_size(*block);
    arm_status st = ARM_OK;

    for (size_t c = 0; c < schema->n_columns; c++) {
        struct arm_piece piece = arm__piece(schema->columns[c]->field->type,
                                            duckdb_data_chunk_get_vector(*block, c), count);

        ARM_TRY(add_bytes(&piece, &rows->bytes, err));
    }
    ARM_TRY(arm__realloc(&rows->blocks, rows->count + 1, sizeof *rows->blocks, err));
    ARM_TRY(arm__realloc(&rows->ends, rows->count + 1, sizeof *rows->ends, err));
    rows->ends[rows->count] = count + (rows->count == 0 ? 0 : rows->ends[rows->count - 1]);
    rows->blocks[rows->count++] = *block;
    *block = NULL;
done:
    return st;
}

/* All rows of the entry, or those up to `bytes_max`; to be released by the caller, also after a
 * failure. */
static arm_status decode(const struct arm_chunk_source *source, duckdb_connection connection,
                         size_t bytes_max, struct rows *out, struct arm_error *err)
{
    duckdb_data_chunk block = NULL;
    duckdb_result result;
    arm_status st = arm__chunk_select(source->repository, connection, source->written,
                                      &source->entry->chunk, false, &result, err);

    if (st != ARM_OK) {
        return st;
    }
    while (out->bytes <= bytes_max && (block = duckdb_fetch_chunk(result)) != NULL) {
        ARM_TRY(add_block(out, source->written, &block, err));
    }
    if (out->bytes <= bytes_max &&
        (out->count == 0 || out->ends[out->count - 1] != source->entry->rows)) {
        st = arm__fail(err, ARM_CORRUPT, "a chunk has not the %u rows of its entry",
                       source->entry->rows);
    }
done:
    duckdb_destroy_data_chunk(&block);
    duckdb_destroy_result(&result);
    return st;
}

/* ---- What is kept; all under the mutex ---- */

/* What is known of the chunk, NULL without memory to know it. */
static struct known *find(struct arm_chunk_rows *all, const struct arm_hash *id)
{
    struct known *known = arm__cache_get(&all->chunks, id->bytes);

    if (known != NULL) {
        return known;
    }
    if (all->chunks.count >= KNOWN_MAX) {
        arm__cache_release(&all->chunks, free_known);
        all->bytes = 0;
    }
    if (arm__calloc(1, sizeof *known, &known, NULL) != ARM_OK) {
        return NULL;
    }
    known->worth = ARM_CHUNK_ROWS_WORTH;
    if (arm__cache_put(&all->chunks, id->bytes, known, NULL) != ARM_OK) {
        arm__free(known);
        return NULL;
    }
    return known;
}

/* It must be asked for twice as often as before to be decoded. */
static void forget(struct arm_chunk_rows *all, struct known *known)
{
    all->bytes -= known->rows.bytes;
    release_rows(&known->rows);
    known->asked = 0;
    known->worth = known->worth >= WORTH_MAX ? WORTH_MAX : 2 * known->worth;
}

static void make_room(struct arm_chunk_rows *all, size_t bytes)
{
    while (all->bytes > 0 && all->bytes + bytes > all->bytes_max) {
        struct known *oldest = NULL;

        for (size_t i = 0; i < all->chunks.capacity; i++) {
            struct known *known = all->chunks.slots[i].value;

            if (known != NULL && known->rows.count > 0 &&
                (oldest == NULL || known->last_used < oldest->last_used)) {
                oldest = known;
            }
        }
        forget(all, oldest);
    }
}

/* ---- One row ---- */

static const Armpb__Column *find_column(const Armpb__Schema *schema, uint32_t id, size_t hint,
                                        size_t *out)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        *out = (hint + i) % schema->n_columns;
        if (schema->columns[*out]->field->id == id) {
            return schema->columns[*out];
        }
    }
    return NULL;
}

static bool has_all(const Armpb__Schema *written, const Armpb__Schema *schema)
{
    bool has = true;

    for (size_t c = 0; c < schema->n_columns && has; c++) {
        size_t at = 0;
        const Armpb__Column *column = find_column(written, schema->columns[c]->field->id, c, &at);

        has =
            column != NULL && arm__type_equal(column->field->type, schema->columns[c]->field->type);
    }
    return has;
}

static arm_status copy_row(const struct rows *rows, uint32_t row, const Armpb__Schema *written,
                           const Armpb__Schema *schema, const duckdb_logical_type *types,
                           duckdb_data_chunk *out, struct arm_error *err)
{
    duckdb_selection_vector selection = NULL;
    duckdb_data_chunk chunk =
        duckdb_create_data_chunk((duckdb_logical_type *)(uintptr_t)types, schema->n_columns);
    size_t low = 0;
    size_t high = rows->count;

    if (chunk == NULL) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: a row");
    }
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;

        if (rows->ends[middle - 1] <= row) {
            low = middle;
        } else {
            high = middle;
        }
    }
    selection = duckdb_create_selection_vector(1);
    *duckdb_selection_vector_get_data_ptr(selection) = row - (low == 0 ? 0 : rows->ends[low - 1]);
    for (size_t c = 0; c < schema->n_columns; c++) {
        size_t at = 0;

        (void)find_column(written, schema->columns[c]->field->id, c, &at);
        duckdb_vector_copy_sel(duckdb_data_chunk_get_vector(rows->blocks[low], at),
                               duckdb_data_chunk_get_vector(chunk, c), selection, 1, 0, 0);
    }
    duckdb_destroy_selection_vector(selection);
    duckdb_data_chunk_set_size(chunk, 1);
    *out = chunk;
    return ARM_OK;
}

static struct arm_hash name_of(const struct arm_chunk_source *source)
{
    struct arm_hasher hasher;
    uint8_t schema_id[4];

    arm__set_u32(schema_id, source->written->schema_id);
    arm__hasher_init(&hasher);
    arm__hasher_update(&hasher, source->entry->chunk.bytes, sizeof source->entry->chunk.bytes);
    arm__hasher_update(&hasher, source->table_id->bytes, sizeof source->table_id->bytes);
    arm__hasher_update(&hasher, schema_id, sizeof schema_id);
    return arm__hasher_finish(&hasher);
}

/* Decode the chunk and keep it; that it cannot be is no failure. */
static void read_chunk(struct arm_chunk_rows *all, const struct arm_chunk_source *source,
                       const struct arm_hash *id)
{
    duckdb_connection connection = NULL;
    struct rows rows = {.count = 0};
    struct known *known;
    arm_status st = arm__engine_connect(source->engine, &connection, NULL);

    if (st == ARM_OK) {
        st = decode(source, connection, all->bytes_max, &rows, NULL);
        arm__engine_disconnect(source->engine, connection);
    }
    arm__mutex_lock(&all->mutex);
    known = find(all, id);
    if (known != NULL && known->rows.count == 0) {
        known->is_being_read = false;
        if (st == ARM_OK && rows.bytes <= all->bytes_max) {
            make_room(all, rows.bytes);
            known->rows = rows;
            all->bytes += rows.bytes;
            rows = (struct rows){.count = 0};
        } else {
            known->asked = 0;
            known->worth = WORTH_MAX;
        }
    }
    arm__mutex_unlock(&all->mutex);
    release_rows(&rows);
}

/* Whether the chunk is to be decoded now, by this thread (R1). */
static bool is_due(struct known *known)
{
    if (known->is_being_read || ++known->asked < known->worth) {
        return false;
    }
    known->is_being_read = true;
    return true;
}

arm_status arm__chunk_row(struct arm_chunk_rows *rows, const struct arm_chunk_source *source,
                          uint32_t row, const Armpb__Schema *schema,
                          const duckdb_logical_type *types, duckdb_data_chunk *out,
                          struct arm_error *err)
{
    struct arm_hash id = name_of(source);
    bool is_read = false;
    arm_status st = ARM_OK;

    *out = NULL;
    if (row >= source->entry->rows || !has_all(source->written, schema)) {
        return ARM_OK;
    }
    do {
        bool reads_now = false;
        struct known *known;

        arm__mutex_lock(&rows->mutex);
        known = find(rows, &id);
        if (known != NULL && known->rows.count > 0) {
            known->last_used = ++rows->clock;
            st = copy_row(&known->rows, row, source->written, schema, types, out, err);
        } else if (known != NULL && !is_read) {
            reads_now = is_due(known);
        }
        arm__mutex_unlock(&rows->mutex);
        is_read = reads_now;
        if (reads_now) {
            read_chunk(rows, source, &id);
        }
    } while (is_read);
    return st;
}
