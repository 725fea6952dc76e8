/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_PIECE_H
#define ARM_TABLE_PIECE_H

/* A piece: some rows of a flat DuckDB vector with our type, taken apart level by level: a
 * struct's members, a list's elements. What is under a NULL is never looked at, whatever lies
 * there: rows of a NULL struct are NULL rows of its members, elements of a NULL list are none.
 * Hashing and the hot encoding are written over pieces, so that they agree on what a value is. */

#include <duckdb.h>

#include "model/record.h"

/* How values of a type lie in a vector. A MAP is a list of structs. */
enum arm_layout {
    ARM_LAYOUT_FIXED,  /* `width` bytes each */
    ARM_LAYOUT_STRING, /* duckdb_string_t */
    ARM_LAYOUT_LIST,   /* duckdb_list_entry, elements in a child vector */
    ARM_LAYOUT_ARRAY,  /* `array_size` elements each in a child vector */
    ARM_LAYOUT_STRUCT, /* one child vector for each member */
};

struct arm_shape {
    enum arm_layout layout;
    uint32_t width;          /* FIXED: 1, 2, 4, 8 or 16 */
    const Armpb__Type *type; /* of a map's entries: the MAP's own */
};

struct arm_shape arm__shape(const Armpb__Type *type);
/* Shape of the child `index`: of a list or array (0), a struct's member. */
struct arm_shape arm__shape_child(const struct arm_shape *shape, size_t index);
size_t arm__shape_child_count(const struct arm_shape *shape);

#define ARM_ROW_NULL UINT32_MAX /* in `rows`: NULL, because something above it is */

struct arm_piece {
    struct arm_shape shape;
    duckdb_vector vector;
    const void *data;         /* FIXED, STRING, LIST */
    const uint64_t *validity; /* NULL: no NULLs */
    uint32_t *rows;           /* owned; NULL: rows 0 .. count-1 */
    uint32_t count;
};

#define ARM_PIECE_EMPTY ((struct arm_piece){.rows = NULL})

/* All of `vector`'s first `count` rows. */
struct arm_piece arm__piece(const Armpb__Type *type, duckdb_vector vector, uint32_t count);
void arm__piece_release(struct arm_piece *piece); /* accepts the empty state */

/* The child `index` of a nested piece, for those of its rows that are not NULL; a struct's
 * members keep the count of rows. Errors: ARM_INVALID (over 2^32 - 2 elements in one vector),
 * ARM_NO_MEMORY. */
arm_status arm__piece_child(const struct arm_piece *piece, size_t index, struct arm_piece *out,
                            struct arm_error *err);

/* Row `i` of the piece as a row of the vector, or ARM_ROW_NULL. */
static inline uint32_t arm__piece_row(const struct arm_piece *piece, uint32_t i)
{
    uint32_t row = piece->rows == NULL ? i : piece->rows[i];

    if (row != ARM_ROW_NULL && piece->validity != NULL &&
        (piece->validity[row / 64] >> (row % 64) & 1) == 0) {
        return ARM_ROW_NULL;
    }
    return row;
}

/* Whether every row is there and they are the vector's first: for loops without a test. */
static inline bool arm__piece_is_plain(const struct arm_piece *piece)
{
    return piece->rows == NULL && piece->validity == NULL;
}

#define ARM_STRING_INLINE 12u

static inline const uint8_t *arm__string_data(const duckdb_string_t *string)
{
    return string->value.inlined.length <= ARM_STRING_INLINE
               ? (const uint8_t *)string->value.inlined.inlined
               : (const uint8_t *)string->value.pointer.ptr;
}

#endif
