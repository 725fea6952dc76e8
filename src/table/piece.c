/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors taken apart. DuckDB's layouts are those of duckdb.h: a list's entry is an offset and
 * a length in the child vector, an array's row r has the child's rows r * size and on. */

#include "table/piece.h"

#include <assert.h>

#include "base/alloc.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are hashed as they lie");
_Static_assert(sizeof(duckdb_string_t) == 16, "DuckDB's string is 16 bytes");
_Static_assert(sizeof(duckdb_list_entry) == 16, "DuckDB's list entry is 16 bytes");

static uint32_t decimal_width(uint32_t digits)
{
    return digits <= 4 ? 2 : digits <= 9 ? 4 : digits <= 18 ? 8 : 16;
}

static uint32_t enum_width(size_t labels)
{
    return labels <= UINT8_MAX ? 1 : labels <= UINT16_MAX ? 2 : 4;
}

static struct arm_shape fixed(const Armpb__Type *type, uint32_t width)
{
    return (struct arm_shape){ARM_LAYOUT_FIXED, width, type};
}

struct arm_shape arm__shape(const Armpb__Type *type)
{
    switch (type->kind) {
    case ARMPB__TYPE_KIND__BOOLEAN:
    case ARMPB__TYPE_KIND__TINYINT:
    case ARMPB__TYPE_KIND__UTINYINT:
        return fixed(type, 1);
    case ARMPB__TYPE_KIND__SMALLINT:
    case ARMPB__TYPE_KIND__USMALLINT:
        return fixed(type, 2);
    case ARMPB__TYPE_KIND__INTEGER:
    case ARMPB__TYPE_KIND__UINTEGER:
    case ARMPB__TYPE_KIND__FLOAT:
    case ARMPB__TYPE_KIND__DATE:
        return fixed(type, 4);
    case ARMPB__TYPE_KIND__HUGEINT:
    case ARMPB__TYPE_KIND__UHUGEINT:
    case ARMPB__TYPE_KIND__UUID:
    case ARMPB__TYPE_KIND__INTERVAL:
        return fixed(type, 16);
    case ARMPB__TYPE_KIND__DECIMAL:
        return fixed(type, decimal_width(type->width));
    case ARMPB__TYPE_KIND__ENUM:
        return fixed(type, enum_width(type->n_labels));
    case ARMPB__TYPE_KIND__VARCHAR:
    case ARMPB__TYPE_KIND__BLOB:
    case ARMPB__TYPE_KIND__BIT:
    case ARMPB__TYPE_KIND__BIGNUM:
        return (struct arm_shape){ARM_LAYOUT_STRING, 0, type};
    case ARMPB__TYPE_KIND__LIST:
    case ARMPB__TYPE_KIND__MAP:
        return (struct arm_shape){ARM_LAYOUT_LIST, 0, type};
    case ARMPB__TYPE_KIND__ARRAY:
        return (struct arm_shape){ARM_LAYOUT_ARRAY, 0, type};
    case ARMPB__TYPE_KIND__STRUCT:
        return (struct arm_shape){ARM_LAYOUT_STRUCT, 0, type};
    default:
        return fixed(type, 8); /* BIGINT, UBIGINT, DOUBLE, TIME*, TIMESTAMP* */
    }
}

struct arm_shape arm__shape_child(const struct arm_shape *shape, size_t index)
{
    assert(shape->layout >= ARM_LAYOUT_LIST);
    if (shape->layout == ARM_LAYOUT_LIST && shape->type->kind == ARMPB__TYPE_KIND__MAP) {
        return (struct arm_shape){ARM_LAYOUT_STRUCT, 0, shape->type};
    }
    return arm__shape(shape->type->fields[index]->type);
}

size_t arm__shape_child_count(const struct arm_shape *shape)
{
    switch (shape->layout) {
    case ARM_LAYOUT_FIXED:
    case ARM_LAYOUT_STRING:
        return 0;
    case ARM_LAYOUT_LIST:
    case ARM_LAYOUT_ARRAY:
        return 1;
    case ARM_LAYOUT_STRUCT:
        return shape->type->n_fields;
    }
    return 0;
}

static struct arm_piece make(struct arm_shape shape, duckdb_vector vector, uint32_t count)
{
    bool has_data = shape.layout <= ARM_LAYOUT_LIST;

    return (struct arm_piece){
        .shape = shape,
        .vector = vector,
        .data = has_data ? duckdb_vector_get_data(vector) : NULL,
        .validity = duckdb_vector_get_validity(vector),
        .rows = NULL,
        .count = count,
    };
}

struct arm_piece arm__piece(const Armpb__Type *type, duckdb_vector vector, uint32_t count)
{
    return make(arm__shape(type), vector, count);
}

void arm__piece_release(struct arm_piece *piece)
{
    arm__free(piece->rows);
    *piece = ARM_PIECE_EMPTY;
}

/* A member's rows are its struct's, NULL where that is. */
static arm_status struct_member(const struct arm_piece *piece, size_t index, struct arm_piece *out,
                                struct arm_error *err)
{
    struct arm_piece child =
        make(arm__shape_child(&piece->shape, index),
             duckdb_struct_vector_get_child(piece->vector, index), piece->count);

    if (!arm__piece_is_plain(piece)) {
        arm_status st = arm__calloc(piece->count, sizeof *child.rows, &child.rows, err);

        if (st != ARM_OK) {
            return st;
        }
        for (uint32_t i = 0; i < piece->count; i++) {
            child.rows[i] = arm__piece_row(piece, i);
        }
    }
    *out = child;
    return ARM_OK;
}

/* Where the elements of row `row` lie in the child vector. */
static duckdb_list_entry elements_of(const struct arm_piece *piece, uint32_t row)
{
    if (piece->shape.layout == ARM_LAYOUT_LIST) {
        return ((const duckdb_list_entry *)piece->data)[row];
    }
    return (duckdb_list_entry){(uint64_t)row * piece->shape.type->array_size,
                               piece->shape.type->array_size};
}

/* Count the elements; `*out_dense`: they are the child's first, in order. */
static arm_status count_elements(const struct arm_piece *piece, uint32_t *out_count,
                                 bool *out_dense, struct arm_error *err)
{
    uint64_t total = 0;
    bool dense = true;

    for (uint32_t i = 0; i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);

        if (row != ARM_ROW_NULL) {
            duckdb_list_entry entry = elements_of(piece, row);

            dense = dense && (entry.length == 0 || entry.offset == total);
            if (entry.offset > ARM_ROW_NULL - 1 || entry.length > ARM_ROW_NULL - 1 ||
                entry.offset + entry.length > ARM_ROW_NULL - 1 ||
                total + entry.length > ARM_ROW_NULL - 1) {
                return arm__fail(err, ARM_INVALID, "over 2^32 list elements in one batch of rows");
            }
            total += entry.length;
        }
    }
    *out_count = (uint32_t)total;
    *out_dense = dense;
    return ARM_OK;
}

static arm_status elements(const struct arm_piece *piece, struct arm_piece *out,
                           struct arm_error *err)
{
    bool is_list = piece->shape.layout == ARM_LAYOUT_LIST;
    struct arm_piece child = ARM_PIECE_EMPTY;
    uint32_t count = 0;
    uint32_t at = 0;
    bool dense = false;
    arm_status st = count_elements(piece, &count, &dense, err);

    if (st != ARM_OK) {
        return st;
    }
    child = make(arm__shape_child(&piece->shape, 0),
                 is_list ? duckdb_list_vector_get_child(piece->vector)
                         : duckdb_array_vector_get_child(piece->vector),
                 count);
    if (!dense) {
        st = arm__calloc(count, sizeof *child.rows, &child.rows, err);
        if (st != ARM_OK) {
            return st;
        }
        for (uint32_t i = 0; i < piece->count; i++) {
            uint32_t row = arm__piece_row(piece, i);

            if (row != ARM_ROW_NULL) {
                duckdb_list_entry entry = elements_of(piece, row);

                for (uint32_t j = 0; j < (uint32_t)entry.length; j++) {
                    child.rows[at++] = (uint32_t)entry.offset + j;
                }
            }
        }
        assert(at == count);
    }
    *out = child;
    return ARM_OK;
}

arm_status arm__piece_child(const struct arm_piece *piece, size_t index, struct arm_piece *out,
                            struct arm_error *err)
{
    assert(index < arm__shape_child_count(&piece->shape));
    if (piece->shape.layout == ARM_LAYOUT_STRUCT) {
        return struct_member(piece, index, out, err);
    }
    return elements(piece, out, err);
}
