/* SPDX-License-Identifier: Apache-2.0 */
/* The rows hash: BLAKE3 of a canonical encoding of a run of rows, column after column.
 *
 *   text    "arm rows 1"
 *   u64     rows
 *   u32     columns; each: u32 field id, its type's code without names (typecode.c)
 *   values  of each column
 *
 *   values  of a column of n values, the NULLs first:
 *     u32     number of each NULL value, counted from 0; then 0xFFFFFFFF
 *     FIXED   the bytes of each value that is not NULL
 *     STRING  u32 length and bytes of each
 *     LIST    u32 length of each, then the values of all elements
 *     ARRAY   the values of all elements
 *     STRUCT  the values of each member, NULL where the struct is
 *
 * Integers are little-endian; a value's bytes are DuckDB's own of that type (TIME_TZ: 40 bits of
 * microseconds over 24 of offset; UUID: as a 128-bit integer, top bit flipped; INTERVAL: months,
 * days, microseconds; ENUM: the label's number). */

#include "table/rows_hash.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "table/piece.h"
#include "table/typecode.h"

enum {
    SINK_BYTES = 16384, /* as many as BLAKE3 hashes at once with the widest registers */
    TYPECODE_BYTES_MAX = 64 << 20,
};

static const char header_text[] = "arm rows 1";

/* Gathers small pieces, so that the hash function gets whole blocks. */
struct sink {
    struct arm_hasher hasher;
    size_t size;
    uint8_t bytes[SINK_BYTES];
};

static void sink_flush(struct sink *sink)
{
    arm__hasher_update(&sink->hasher, sink->bytes, sink->size);
    sink->size = 0;
}

static void sink_put(struct sink *sink, const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size > SINK_BYTES - sink->size) {
        size_t fits = SINK_BYTES - sink->size;

        memcpy(sink->bytes + sink->size, at, fits);
        sink->size = SINK_BYTES;
        sink_flush(sink);
        at += fits;
        size -= fits;
    }
    if (size > 0) {
        memcpy(sink->bytes + sink->size, at, size);
        sink->size += size;
    }
}

static inline void sink_u32(struct sink *sink, uint32_t value)
{
    if (SINK_BYTES - sink->size < sizeof value) {
        sink_put(sink, &value, sizeof value);
        return;
    }
    memcpy(sink->bytes + sink->size, &value, sizeof value);
    sink->size += sizeof value;
}

static inline void sink_string(struct sink *sink, const duckdb_string_t *string)
{
    uint32_t size = string->value.inlined.length;

    sink_u32(sink, size);
    if (size <= ARM_STRING_INLINE && SINK_BYTES - sink->size >= ARM_STRING_INLINE) {
        /* A copy of fixed size is quicker; what is too much is written over. */
        memcpy(sink->bytes + sink->size, string->value.inlined.inlined, ARM_STRING_INLINE);
        sink->size += size;
    } else {
        sink_put(sink, arm__string_data(string), size);
    }
}

/* ---- Values of one column ---- */

static void put_nulls(struct sink *sink, const struct arm_piece *pieces, size_t piece_count)
{
    uint32_t base = 0;

    for (size_t p = 0; p < piece_count; p++) {
        const struct arm_piece *piece = &pieces[p];

        for (uint32_t i = 0; !arm__piece_is_plain(piece) && i < piece->count; i++) {
            if (arm__piece_row(piece, i) == ARM_ROW_NULL) {
                sink_u32(sink, base + i);
            }
        }
        base += piece->count;
    }
    sink_u32(sink, ARM_ROW_NULL);
}

static void put_fixed(struct sink *sink, const struct arm_piece *piece)
{
    const uint8_t *data = piece->data;
    size_t width = piece->shape.width;

    if (arm__piece_is_plain(piece)) {
        sink_put(sink, data, piece->count * width);
        return;
    }
    for (uint32_t i = 0; i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);

        if (row != ARM_ROW_NULL) {
            sink_put(sink, data + row * width, width);
        }
    }
}

static void put_strings(struct sink *sink, const struct arm_piece *piece)
{
    const duckdb_string_t *strings = piece->data;

    for (uint32_t i = 0; i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);

        if (row != ARM_ROW_NULL) {
            sink_string(sink, &strings[row]);
        }
    }
}

static void put_lengths(struct sink *sink, const struct arm_piece *piece)
{
    const duckdb_list_entry *entries = piece->data;

    for (uint32_t i = 0; i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);

        if (row != ARM_ROW_NULL) {
            sink_u32(sink, (uint32_t)entries[row].length);
        }
    }
}

static arm_status put_values(struct sink *sink, const struct arm_piece *pieces, size_t piece_count,
                             struct arm_error *err);

static arm_status put_child(struct sink *sink, const struct arm_piece *pieces, size_t piece_count,
                            size_t index, struct arm_error *err)
{
    struct arm_piece *children = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(piece_count, sizeof *children, &children, err));
    for (size_t p = 0; p < piece_count; p++) {
        ARM_TRY(arm__piece_child(&pieces[p], index, &children[p], err));
    }
    ARM_TRY(put_values(sink, children, piece_count, err));
done:
    for (size_t p = 0; children != NULL && p < piece_count; p++) {
        arm__piece_release(&children[p]);
    }
    arm__free(children);
    return st;
}

/* `pieces` are of one column and shape, at least one. */
static arm_status put_values(struct sink *sink, const struct arm_piece *pieces, size_t piece_count,
                             struct arm_error *err)
{
    const struct arm_shape *shape = &pieces[0].shape;
    arm_status st = ARM_OK;

    put_nulls(sink, pieces, piece_count);
    for (size_t p = 0; p < piece_count; p++) {
        switch (shape->layout) {
        case ARM_LAYOUT_FIXED:
            put_fixed(sink, &pieces[p]);
            break;
        case ARM_LAYOUT_STRING:
            put_strings(sink, &pieces[p]);
            break;
        case ARM_LAYOUT_LIST:
            put_lengths(sink, &pieces[p]);
            break;
        case ARM_LAYOUT_ARRAY:
        case ARM_LAYOUT_STRUCT:
            break;
        }
    }
    for (size_t i = 0; st == ARM_OK && i < arm__shape_child_count(shape); i++) {
        st = put_child(sink, pieces, piece_count, i, err);
    }
    return st;
}

/* ---- The whole ---- */

static arm_status put_header(struct sink *sink, const Armpb__Schema *schema, uint64_t rows,
                             struct arm_error *err)
{
    struct arm_buf codes = ARM_BUF_INIT(TYPECODE_BYTES_MAX);
    arm_status st = ARM_OK;

    sink_put(sink, header_text, sizeof header_text - 1);
    sink_put(sink, &rows, sizeof rows);
    sink_u32(sink, (uint32_t)schema->n_columns);
    for (size_t c = 0; c < schema->n_columns; c++) {
        ARM_TRY(arm__buf_u32(&codes, schema->columns[c]->field->id, err));
        ARM_TRY(arm__typecode_append(schema->columns[c]->field->type, false, &codes, err));
    }
    sink_put(sink, codes.data, codes.size);
done:
    arm__buf_release(&codes);
    return st;
}

static arm_status put_column(struct sink *sink, const Armpb__Type *type, size_t column,
                             const duckdb_data_chunk *chunks, size_t count,
                             struct arm_piece *pieces, struct arm_error *err)
{
    for (size_t i = 0; i < count; i++) {
        pieces[i] = arm__piece(type, duckdb_data_chunk_get_vector(chunks[i], column),
                               (uint32_t)duckdb_data_chunk_get_size(chunks[i]));
    }
    return put_values(sink, pieces, count, err);
}

arm_status arm__rows_hash(const Armpb__Schema *schema, const duckdb_data_chunk *chunks,
                          size_t count, struct arm_hash *out, struct arm_error *err)
{
    struct arm_piece *pieces = NULL;
    struct sink sink;
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    arm__hasher_init(&sink.hasher);
    sink.size = 0;
    for (size_t i = 0; i < count; i++) {
        rows += duckdb_data_chunk_get_size(chunks[i]);
    }
    if (rows >= ARM_ROW_NULL) {
        return arm__fail(err, ARM_INVALID, "a run of %llu rows", (unsigned long long)rows);
    }
    ARM_TRY(put_header(&sink, schema, rows, err));
    ARM_TRY(arm__calloc(count, sizeof *pieces, &pieces, err));
    for (size_t c = 0; rows > 0 && c < schema->n_columns; c++) {
        ARM_TRY(put_column(&sink, schema->columns[c]->field->type, c, chunks, count, pieces, err));
    }
    sink_flush(&sink);
    *out = arm__hasher_finish(&sink.hasher);
done:
    arm__free(pieces);
    return st;
}
