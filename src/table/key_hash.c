/* SPDX-License-Identifier: Apache-2.0 */
#include "table/key_hash.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "table/piece.h"
#include "table/rows_hash.h"

bool arm__key_takes(const Armpb__Type *type)
{
    enum arm_layout layout = arm__shape(type).layout;

    return (layout == ARM_LAYOUT_FIXED || layout == ARM_LAYOUT_STRING) &&
           type->kind != ARMPB__TYPE_KIND__INTERVAL && type->kind != ARMPB__TYPE_KIND__VARIANT &&
           type->kind != ARMPB__TYPE_KIND__GEOMETRY;
}

arm_status arm__keys_check(const Armpb__Schema *schema, struct arm_error *err)
{
    for (size_t k = 0; k < schema->n_keys; k++) {
        for (size_t i = 0; i < schema->keys[k]->n_field_ids; i++) {
            const Armpb__Field *field =
                arm__schema_column(schema, schema->keys[k]->field_ids[i])->field;

            if (!arm__key_takes(field->type)) {
                return arm__fail(err, ARM_SCHEMA,
                                 "column %s cannot be in a key: lists, structs, intervals and "
                                 "their like cannot",
                                 field->name);
            }
        }
    }
    return ARM_OK;
}

static size_t column_of(const Armpb__Schema *schema, uint32_t field_id)
{
    size_t i = 0;

    while (schema->columns[i]->field->id != field_id) {
        i++;
    }
    return i;
}

/* ---- Floating point: one zero, one NaN ---- */

static void canonical_floats(const float *from, float *to, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i] = isnan(from[i]) ? (float)NAN : from[i] + 0.0f;
    }
}

static void canonical_doubles(const double *from, double *to, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i] = isnan(from[i]) ? (double)NAN : from[i] + 0.0;
    }
}

static arm_status fold_column(struct arm_piece *piece, uint64_t *hashes, struct arm_error *err)
{
    Armpb__TypeKind kind = piece->shape.type->kind;
    void *values = NULL;
    arm_status st = ARM_OK;

    if (kind == ARMPB__TYPE_KIND__FLOAT || kind == ARMPB__TYPE_KIND__DOUBLE) {
        ARM_TRY(arm__calloc(piece->count, piece->shape.width, &values, err));
        if (kind == ARMPB__TYPE_KIND__FLOAT) {
            canonical_floats(piece->data, values, piece->count);
        } else {
            canonical_doubles(piece->data, values, piece->count);
        }
        piece->data = values;
    }
    arm__row_hash_fold(piece, hashes);
done:
    arm__free(values);
    return st;
}

static void forget_nulls(const struct arm_piece *piece, uint64_t *hashes)
{
    for (uint32_t i = 0; piece->validity != NULL && i < piece->count; i++) {
        if (arm__piece_row(piece, i) == ARM_ROW_NULL) {
            hashes[i] = ARM_KEY_NONE;
        }
    }
}

arm_status arm__key_hashes(const Armpb__Schema *schema, const Armpb__Key *key,
                           duckdb_data_chunk chunk, uint64_t *out, struct arm_error *err)
{
    uint32_t count = (uint32_t)duckdb_data_chunk_get_size(chunk);
    arm_status st = ARM_OK;

    for (uint32_t i = 0; i < count; i++) {
        out[i] = arm__row_hash_seed();
    }
    for (size_t k = 0; k < key->n_field_ids; k++) {
        size_t c = column_of(schema, key->field_ids[k]);
        struct arm_piece piece = arm__piece(schema->columns[c]->field->type,
                                            duckdb_data_chunk_get_vector(chunk, c), count);

        ARM_TRY(fold_column(&piece, out, err));
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i] = arm__row_hash_finish(out[i]);
        out[i] += out[i] == ARM_KEY_NONE;
    }
    for (size_t k = 0; k < key->n_field_ids; k++) {
        size_t c = column_of(schema, key->field_ids[k]);
        struct arm_piece piece = arm__piece(schema->columns[c]->field->type,
                                            duckdb_data_chunk_get_vector(chunk, c), count);

        forget_nulls(&piece, out);
    }
done:
    return st;
}

bool arm__key_is_exact(const Armpb__Schema *schema, const Armpb__Key *key)
{
    const Armpb__Type *type = arm__schema_column(schema, key->field_ids[0])->field->type;
    struct arm_shape shape = arm__shape(type);

    return key->n_field_ids == 1 && shape.layout == ARM_LAYOUT_FIXED && shape.width <= 8 &&
           type->kind != ARMPB__TYPE_KIND__FLOAT && type->kind != ARMPB__TYPE_KIND__DOUBLE;
}

/* ---- Prints ---- */

static void update_value(struct arm_hasher *hasher, const struct arm_piece *piece, uint32_t row)
{
    const uint8_t *data = piece->data;

    if (piece->shape.layout == ARM_LAYOUT_STRING) {
        const duckdb_string_t *string = (const duckdb_string_t *)piece->data + row;
        uint32_t size = string->value.inlined.length;

        arm__hasher_update(hasher, &size, sizeof size);
        arm__hasher_update(hasher, arm__string_data(string), size);
    } else if (piece->shape.type->kind == ARMPB__TYPE_KIND__FLOAT) {
        float value;

        canonical_floats((const float *)piece->data + row, &value, 1);
        arm__hasher_update(hasher, &value, sizeof value);
    } else if (piece->shape.type->kind == ARMPB__TYPE_KIND__DOUBLE) {
        double value;

        canonical_doubles((const double *)piece->data + row, &value, 1);
        arm__hasher_update(hasher, &value, sizeof value);
    } else {
        arm__hasher_update(hasher, data + (size_t)row * piece->shape.width, piece->shape.width);
    }
}

static void print_row(const struct arm_piece *pieces, size_t count, uint32_t i,
                      uint8_t out[ARM_KEY_PRINT_BYTES])
{
    struct arm_hasher hasher;
    struct arm_hash hash;

    memset(out, 0, ARM_KEY_PRINT_BYTES);
    arm__hasher_init(&hasher);
    for (size_t k = 0; k < count; k++) {
        uint32_t row = arm__piece_row(&pieces[k], i);

        if (row == ARM_ROW_NULL) {
            return;
        }
        update_value(&hasher, &pieces[k], row);
    }
    hash = arm__hasher_finish(&hasher);
    memcpy(out, hash.bytes, ARM_KEY_PRINT_BYTES);
}

arm_status arm__key_prints(const Armpb__Schema *schema, const Armpb__Key *key,
                           duckdb_data_chunk chunk, uint8_t (*out)[ARM_KEY_PRINT_BYTES],
                           struct arm_error *err)
{
    uint32_t count = (uint32_t)duckdb_data_chunk_get_size(chunk);
    struct arm_piece *pieces = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(key->n_field_ids, sizeof *pieces, &pieces, err));
    for (size_t k = 0; k < key->n_field_ids; k++) {
        size_t c = column_of(schema, key->field_ids[k]);

        pieces[k] = arm__piece(schema->columns[c]->field->type,
                               duckdb_data_chunk_get_vector(chunk, c), count);
    }
    for (uint32_t i = 0; i < count; i++) {
        print_row(pieces, key->n_field_ids, i, out[i]);
    }
done:
    arm__free(pieces);
    return st;
}

arm_status arm__key_run_of_chunks(const Armpb__Schema *schema, const Armpb__Key *key,
                                  const duckdb_data_chunk *chunks, size_t count,
                                  struct arm_key_run **out, struct arm_error *err)
{
    uint64_t *hashes = NULL;
    size_t rows = 0;
    size_t at = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < count; i++) {
        rows += duckdb_data_chunk_get_size(chunks[i]);
    }
    ARM_TRY(arm__calloc(rows, sizeof *hashes, &hashes, err));
    for (size_t i = 0; i < count; i++) {
        ARM_TRY(arm__key_hashes(schema, key, chunks[i], hashes + at, err));
        at += duckdb_data_chunk_get_size(chunks[i]);
    }
    ARM_TRY(arm__key_run_new(hashes, (uint32_t)rows, out, err));
done:
    arm__free(hashes);
    return st;
}
