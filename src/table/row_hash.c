/* SPDX-License-Identifier: Apache-2.0 */
/* Row hashes, and sizes of rows: column after column, each a loop over its values that the
 * compiler can pipeline. A value is folded into its row's hash by xor, a multiplication by an odd
 * constant and a shift, so equal rows have equal hashes and one changed bit moves about half
 * of them. What a change of these functions would do: cut every table anew. They are frozen. */

#include "table/rows_hash.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "table/piece.h"

#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)
#define SEED UINT64_C(0x243F6A8885A308D3)
#define NULL_VALUE UINT64_C(0xA4093822299F31D0)
#define LENGTH_SALT UINT64_C(0x082EFA98EC4E6C89)

static inline uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * MULTIPLIER;
    return hash ^ hash >> 32;
}

static inline uint64_t finish(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xFF51AFD7ED558CCD);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xC4CEB9FE1A85EC53);
    return hash ^ hash >> 33;
}

static inline uint64_t load64(const void *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint32_t load32(const void *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

/* ---- Values without parts ---- */

static inline uint64_t hash_string(const duckdb_string_t *string)
{
    uint32_t size = string->value.inlined.length;
    uint64_t hash = mix(LENGTH_SALT, size);

    if (size <= ARM_STRING_INLINE) {
        uint64_t head = load64(string->value.inlined.inlined);
        uint64_t tail = load32(string->value.inlined.inlined + 8);

        /* Bytes past the end are not the value's. */
        head &= size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
        tail &= size <= 8 ? 0 : (UINT64_C(1) << 8 * (size - 8)) - 1;
        return mix(mix(hash, head), tail);
    }
    const uint8_t *data = (const uint8_t *)string->value.pointer.ptr;
    const uint8_t *last = data + size - 8;

    for (; data < last; data += 8) {
        hash = mix(hash, load64(data));
    }
    return mix(hash, load64(last));
}

/* What a value gives to its row's hash, by layout and width. */
static inline uint64_t value_1(const void *data, uint32_t row)
{
    return ((const uint8_t *)data)[row];
}

static inline uint64_t value_2(const void *data, uint32_t row)
{
    return ((const uint16_t *)data)[row];
}

static inline uint64_t value_4(const void *data, uint32_t row)
{
    return ((const uint32_t *)data)[row];
}

static inline uint64_t value_8(const void *data, uint32_t row)
{
    return ((const uint64_t *)data)[row];
}

static inline uint64_t value_16(const void *data, uint32_t row)
{
    const uint64_t *halves = (const uint64_t *)data + 2 * (size_t)row;

    return mix(halves[0], halves[1]);
}

static inline uint64_t value_string(const void *data, uint32_t row)
{
    return hash_string((const duckdb_string_t *)data + row);
}

/* Fold a column of values into the hashes of the piece's rows. */
#define FOLD(value)                                                                                \
    do {                                                                                           \
        if (arm__piece_is_plain(piece)) {                                                          \
            for (uint32_t i = 0; i < piece->count; i++) {                                          \
                hashes[i] = mix(hashes[i], value(piece->data, i));                                 \
            }                                                                                      \
        } else {                                                                                   \
            for (uint32_t i = 0; i < piece->count; i++) {                                          \
                uint32_t row = arm__piece_row(piece, i);                                           \
                                                                                                   \
                hashes[i] =                                                                        \
                    mix(hashes[i], row == ARM_ROW_NULL ? NULL_VALUE : value(piece->data, row));    \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static void fold_values(const struct arm_piece *piece, uint64_t *hashes)
{
    if (piece->shape.layout == ARM_LAYOUT_STRING) {
        FOLD(value_string);
        return;
    }
    assert(piece->shape.layout == ARM_LAYOUT_FIXED);
    switch (piece->shape.width) {
    case 1:
        FOLD(value_1);
        break;
    case 2:
        FOLD(value_2);
        break;
    case 4:
        FOLD(value_4);
        break;
    case 8:
        FOLD(value_8);
        break;
    default:
        FOLD(value_16);
        break;
    }
}

/* ---- Nested values ---- */

static arm_status fold_piece(const struct arm_piece *piece, uint64_t *hashes,
                             struct arm_error *err);

/* How many elements row `i` of a list or array has; 0 for NULL. */
static uint32_t element_count(const struct arm_piece *piece, uint32_t i, bool *out_null)
{
    uint32_t row = arm__piece_row(piece, i);

    *out_null = row == ARM_ROW_NULL;
    if (*out_null) {
        return 0;
    }
    if (piece->shape.layout == ARM_LAYOUT_ARRAY) {
        return piece->shape.type->array_size;
    }
    return (uint32_t)((const duckdb_list_entry *)piece->data)[row].length;
}

static arm_status fold_elements(const struct arm_piece *piece, uint64_t *hashes,
                                struct arm_error *err)
{
    struct arm_piece child = ARM_PIECE_EMPTY;
    uint64_t *child_hashes = NULL;
    uint32_t at = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__piece_child(piece, 0, &child, err));
    ARM_TRY(arm__calloc(child.count, sizeof *child_hashes, &child_hashes, err));
    ARM_TRY(fold_piece(&child, child_hashes, err));
    for (uint32_t i = 0; i < piece->count; i++) {
        bool is_null;
        uint32_t count = element_count(piece, i, &is_null);
        uint64_t hash = is_null ? NULL_VALUE : mix(LENGTH_SALT, count);

        for (uint32_t j = 0; j < count; j++) {
            hash = mix(hash, child_hashes[at++]);
        }
        hashes[i] = mix(hashes[i], hash);
    }
    assert(at == child.count);
done:
    arm__free(child_hashes);
    arm__piece_release(&child);
    return st;
}

static arm_status fold_members(const struct arm_piece *piece, uint64_t *hashes,
                               struct arm_error *err)
{
    for (uint32_t i = 0; i < piece->count; i++) {
        bool is_null = arm__piece_row(piece, i) == ARM_ROW_NULL;

        hashes[i] = mix(hashes[i], is_null ? NULL_VALUE : LENGTH_SALT);
    }
    for (size_t m = 0; m < arm__shape_child_count(&piece->shape); m++) {
        struct arm_piece child = ARM_PIECE_EMPTY;
        arm_status st = arm__piece_child(piece, m, &child, err);

        if (st == ARM_OK) {
            st = fold_piece(&child, hashes, err);
        }
        arm__piece_release(&child);
        if (st != ARM_OK) {
            return st;
        }
    }
    return ARM_OK;
}

static arm_status fold_piece(const struct arm_piece *piece, uint64_t *hashes, struct arm_error *err)
{
    switch (piece->shape.layout) {
    case ARM_LAYOUT_LIST:
    case ARM_LAYOUT_ARRAY:
        return fold_elements(piece, hashes, err);
    case ARM_LAYOUT_STRUCT:
        return fold_members(piece, hashes, err);
    default:
        fold_values(piece, hashes);
        return ARM_OK;
    }
}

arm_status arm__row_hashes(const Armpb__Schema *schema, duckdb_data_chunk chunk, uint64_t *out,
                           struct arm_error *err)
{
    uint32_t count = (uint32_t)duckdb_data_chunk_get_size(chunk);

    for (uint32_t i = 0; i < count; i++) {
        out[i] = SEED;
    }
    for (size_t c = 0; c < schema->n_columns; c++) {
        struct arm_piece piece = arm__piece(schema->columns[c]->field->type,
                                            duckdb_data_chunk_get_vector(chunk, c), count);
        arm_status st = fold_piece(&piece, out, err);

        if (st != ARM_OK) {
            return st;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i] = finish(out[i]);
    }
    return ARM_OK;
}

uint64_t arm__row_hash_seed(void)
{
    return SEED;
}

void arm__row_hash_fold(const struct arm_piece *piece, uint64_t *hashes)
{
    fold_values(piece, hashes);
}

uint64_t arm__row_hash_finish(uint64_t hash)
{
    return finish(hash);
}

/* ---- Sizes ---- */

static inline uint32_t add(uint32_t a, uint32_t b)
{
    uint32_t sum;

    return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

static arm_status add_sizes(const struct arm_piece *piece, uint32_t *sizes, struct arm_error *err);

static void add_strings(const struct arm_piece *piece, uint32_t *sizes)
{
    const duckdb_string_t *strings = piece->data;

    for (uint32_t i = 0; i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);
        uint32_t size = row == ARM_ROW_NULL ? 0 : strings[row].value.inlined.length;

        sizes[i] = add(sizes[i], size <= ARM_STRING_INLINE ? 16 : add(size, 16));
    }
}

static arm_status add_elements(const struct arm_piece *piece, uint32_t *sizes,
                               struct arm_error *err)
{
    struct arm_piece child = ARM_PIECE_EMPTY;
    uint32_t *child_sizes = NULL;
    uint32_t at = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__piece_child(piece, 0, &child, err));
    ARM_TRY(arm__calloc(child.count, sizeof *child_sizes, &child_sizes, err));
    ARM_TRY(add_sizes(&child, child_sizes, err));
    for (uint32_t i = 0; i < piece->count; i++) {
        bool is_null;
        uint32_t count = element_count(piece, i, &is_null);

        sizes[i] = add(sizes[i], 16);
        for (uint32_t j = 0; j < count; j++) {
            sizes[i] = add(sizes[i], child_sizes[at++]);
        }
    }
done:
    arm__free(child_sizes);
    arm__piece_release(&child);
    return st;
}

static arm_status add_sizes(const struct arm_piece *piece, uint32_t *sizes, struct arm_error *err)
{
    switch (piece->shape.layout) {
    case ARM_LAYOUT_FIXED:
        for (uint32_t i = 0; i < piece->count; i++) {
            sizes[i] = add(sizes[i], piece->shape.width);
        }
        return ARM_OK;
    case ARM_LAYOUT_STRING:
        add_strings(piece, sizes);
        return ARM_OK;
    case ARM_LAYOUT_LIST:
    case ARM_LAYOUT_ARRAY:
        return add_elements(piece, sizes, err);
    case ARM_LAYOUT_STRUCT:
        break;
    }
    for (size_t m = 0; m < arm__shape_child_count(&piece->shape); m++) {
        struct arm_piece child = ARM_PIECE_EMPTY;
        arm_status st = arm__piece_child(piece, m, &child, err);

        if (st == ARM_OK) {
            st = add_sizes(&child, sizes, err);
        }
        arm__piece_release(&child);
        if (st != ARM_OK) {
            return st;
        }
    }
    return ARM_OK;
}

arm_status arm__row_sizes(const Armpb__Schema *schema, duckdb_data_chunk chunk, uint32_t *out,
                          struct arm_error *err)
{
    uint32_t count = (uint32_t)duckdb_data_chunk_get_size(chunk);
    uint32_t fixed = 0;
    arm_status st = ARM_OK;

    for (size_t c = 0; c < schema->n_columns; c++) {
        fixed = add(fixed, arm__shape(schema->columns[c]->field->type).width);
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i] = fixed;
    }
    for (size_t c = 0; st == ARM_OK && c < schema->n_columns; c++) {
        struct arm_piece piece = arm__piece(schema->columns[c]->field->type,
                                            duckdb_data_chunk_get_vector(chunk, c), count);

        if (piece.shape.layout != ARM_LAYOUT_FIXED) {
            st = add_sizes(&piece, out, err);
        }
    }
    return st;
}
