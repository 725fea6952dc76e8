/* SPDX-License-Identifier: Apache-2.0 */
/* Writing hot batches. A batch is columnar and carries its own types, so that it can be read
 * without a schema; every value lies where it can be reached without reading those before it.
 *
 *   u8      format, 1
 *   varint  rows, 1 .. ARM_HOT_ROWS_MAX
 *   varint  columns, at least 1
 *           each: varint field id, code of its type with names (typecode.c); no id twice
 *           then the values of each column, in the same order
 *
 *   values of n rows, of a type:
 *     u8      0: no NULL; 1: some, then (n + 7) / 8 bytes: bit i % 8 of byte i / 8 is set where
 *             row i is not NULL; bits past the end are 0, and at least one of the others is
 *     then, for the v values that are not NULL (nothing if there are none):
 *     FIXED   v times the type's width, little-endian, as DuckDB holds it
 *     STRING  ends, then the bytes of all (VARCHAR, BLOB, BIT, BIGNUM)
 *     LIST    ends, then values of as many elements (LIST; MAP: of the type STRUCT(key, value))
 *     ARRAY   values of v times the array's size elements
 *     STRUCT  values of v rows for each member
 *
 *   ends = u8 width (1, 2 or 4: the least that holds the last), v ends, each not below the one
 *   before: value i has the bytes or elements from the end of i - 1 (0 for the first) to its own.
 *
 * Valid iff all this holds, BOOLEANs are 0 or 1, ENUMs number a label, BITs and BIGNUMs have
 * their form, and nothing follows. Strings are not held to be UTF-8. One batch has one encoding.
 * Reading is in hot_read.c. */

#include "table/hot.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "table/hot_private.h"
#include "table/piece.h"
#include "table/typecode.h"

static arm_status put_values(struct arm_buf *out, const struct arm_piece *pieces,
                             size_t piece_count, struct arm_error *err);

static uint64_t total_rows(const struct arm_piece *pieces, size_t piece_count)
{
    uint64_t rows = 0;

    for (size_t p = 0; p < piece_count; p++) {
        rows += pieces[p].count;
    }
    return rows;
}

/* The flag, and the bitmap if there is a NULL. `*out_valid` counts what is none. */
static arm_status put_nulls(struct arm_buf *out, const struct arm_piece *pieces, size_t piece_count,
                            uint64_t *out_valid, struct arm_error *err)
{
    uint64_t rows = total_rows(pieces, piece_count);
    size_t flag = out->size;
    size_t bitmap = flag + 1;
    uint64_t valid = 0;
    uint64_t at = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(out, 1, err));
    ARM_TRY(arm__buf_zeros(out, (size_t)((rows + 7) / 8), err));
    for (size_t p = 0; p < piece_count; p++) {
        for (uint32_t i = 0; i < pieces[p].count; i++, at++) {
            if (arm__piece_row(&pieces[p], i) != ARM_ROW_NULL) {
                out->data[bitmap + at / 8] |= (uint8_t)(1u << at % 8);
                valid++;
            }
        }
    }
    if (valid == rows) {
        out->data[flag] = 0;
        out->size = bitmap;
    }
    *out_valid = valid;
done:
    return st;
}

static arm_status put_fixed(struct arm_buf *out, const struct arm_piece *piece,
                            struct arm_error *err)
{
    size_t width = piece->shape.width;
    const uint8_t *data = piece->data;
    arm_status st = ARM_OK;

    if (arm__piece_is_plain(piece)) {
        return arm__buf_append(out, data, piece->count * width, err);
    }
    for (uint32_t i = 0; st == ARM_OK && i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);

        if (row != ARM_ROW_NULL) {
            st = arm__buf_append(out, data + row * width, width, err);
        }
    }
    return st;
}

/* Bytes of a string, or elements of a list. */
static uint64_t length_of(const struct arm_piece *piece, uint32_t row)
{
    if (piece->shape.layout == ARM_LAYOUT_STRING) {
        return ((const duckdb_string_t *)piece->data)[row].value.inlined.length;
    }
    return ((const duckdb_list_entry *)piece->data)[row].length;
}

static arm_status put_ends(struct arm_buf *out, const struct arm_piece *pieces, size_t piece_count,
                           struct arm_error *err)
{
    uint64_t total = 0;
    uint64_t end = 0;
    uint8_t width;
    arm_status st = ARM_OK;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t p = 0; p < piece_count; p++) {
            for (uint32_t i = 0; i < pieces[p].count; i++) {
                uint32_t row = arm__piece_row(&pieces[p], i);

                if (row == ARM_ROW_NULL) {
                    continue;
                }
                if (pass == 0) {
                    total += length_of(&pieces[p], row);
                    continue;
                }
                end += length_of(&pieces[p], row);
                ARM_TRY(arm__buf_append(out, &end, width, err)); /* little-endian: piece.c */
            }
        }
        if (pass == 0) {
            if (total > UINT32_MAX) {
                return arm__fail(err, ARM_INVALID, "too large: a column of %llu bytes",
                                 (unsigned long long)total);
            }
            width = total <= UINT8_MAX ? 1 : total <= UINT16_MAX ? 2 : 4;
            ARM_TRY(arm__buf_u8(out, width, err));
        }
    }
done:
    return st;
}

static arm_status put_strings(struct arm_buf *out, const struct arm_piece *piece,
                              struct arm_error *err)
{
    const duckdb_string_t *strings = piece->data;
    arm_status st = ARM_OK;

    for (uint32_t i = 0; st == ARM_OK && i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);

        if (row != ARM_ROW_NULL) {
            st = arm__buf_append(out, arm__string_data(&strings[row]),
                                 strings[row].value.inlined.length, err);
        }
    }
    return st;
}

/* Only the rows of a struct that are not NULL. */
static arm_status keep_valid(const struct arm_piece *parent, struct arm_piece *child,
                             struct arm_error *err)
{
    uint32_t kept = 0;
    arm_status st = ARM_OK;

    if (arm__piece_is_plain(parent)) {
        return ARM_OK;
    }
    if (child->rows == NULL) {
        st = arm__calloc(child->count, sizeof *child->rows, &child->rows, err);
    }
    for (uint32_t i = 0; st == ARM_OK && i < parent->count; i++) {
        uint32_t row = arm__piece_row(parent, i);

        if (row != ARM_ROW_NULL) {
            child->rows[kept++] = row;
        }
    }
    child->count = kept;
    return st;
}

static arm_status put_child(struct arm_buf *out, const struct arm_piece *pieces, size_t piece_count,
                            size_t index, struct arm_error *err)
{
    struct arm_piece *children = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(piece_count, sizeof *children, &children, err));
    for (size_t p = 0; p < piece_count; p++) {
        ARM_TRY(arm__piece_child(&pieces[p], index, &children[p], err));
        if (pieces[p].shape.layout == ARM_LAYOUT_STRUCT) {
            ARM_TRY(keep_valid(&pieces[p], &children[p], err));
        }
    }
    ARM_TRY(put_values(out, children, piece_count, err));
done:
    for (size_t p = 0; children != NULL && p < piece_count; p++) {
        arm__piece_release(&children[p]);
    }
    arm__free(children);
    return st;
}

/* `pieces` are of one column and shape, at least one. */
static arm_status put_values(struct arm_buf *out, const struct arm_piece *pieces,
                             size_t piece_count, struct arm_error *err)
{
    const struct arm_shape *shape = &pieces[0].shape;
    uint64_t valid = 0;
    arm_status st = ARM_OK;

    ARM_TRY(put_nulls(out, pieces, piece_count, &valid, err));
    if (valid == 0) {
        return ARM_OK;
    }
    if (shape->layout == ARM_LAYOUT_STRING || shape->layout == ARM_LAYOUT_LIST) {
        ARM_TRY(put_ends(out, pieces, piece_count, err));
    }
    for (size_t p = 0; p < piece_count; p++) {
        if (shape->layout == ARM_LAYOUT_FIXED) {
            ARM_TRY(put_fixed(out, &pieces[p], err));
        } else if (shape->layout == ARM_LAYOUT_STRING) {
            ARM_TRY(put_strings(out, &pieces[p], err));
        }
    }
    for (size_t i = 0; i < arm__shape_child_count(shape); i++) {
        ARM_TRY(put_child(out, pieces, piece_count, i, err));
    }
done:
    return st;
}

static arm_status put_header(struct arm_buf *out, const Armpb__Schema *schema, uint64_t rows,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u8(out, ARM_HOT_FORMAT, err));
    ARM_TRY(arm__buf_varint(out, rows, err));
    ARM_TRY(arm__buf_varint(out, schema->n_columns, err));
    for (size_t c = 0; c < schema->n_columns; c++) {
        ARM_TRY(arm__buf_varint(out, schema->columns[c]->field->id, err));
        ARM_TRY(arm__typecode_append(schema->columns[c]->field->type, true, out, err));
    }
done:
    return st;
}

arm_status arm__hot_encode(const Armpb__Schema *schema, const duckdb_data_chunk *chunks,
                           size_t count, struct arm_buf *out, struct arm_error *err)
{
    size_t before = out->size;
    struct arm_piece *pieces = NULL;
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < count; i++) {
        rows += duckdb_data_chunk_get_size(chunks[i]);
    }
    if (rows == 0 || rows > ARM_HOT_ROWS_MAX) {
        return arm__fail(err, ARM_INVALID, "a hot batch of %llu rows, not 1 to %u",
                         (unsigned long long)rows, ARM_HOT_ROWS_MAX);
    }
    ARM_TRY(put_header(out, schema, rows, err));
    ARM_TRY(arm__calloc(count, sizeof *pieces, &pieces, err));
    for (size_t c = 0; c < schema->n_columns; c++) {
        for (size_t i = 0; i < count; i++) {
            pieces[i] = arm__piece(schema->columns[c]->field->type,
                                   duckdb_data_chunk_get_vector(chunks[i], c),
                                   (uint32_t)duckdb_data_chunk_get_size(chunks[i]));
        }
        ARM_TRY(put_values(out, pieces, count, err));
    }
done:
    if (st != ARM_OK) {
        out->size = before;
    }
    arm__free(pieces);
    return st;
}
