/* SPDX-License-Identifier: Apache-2.0 */
/* Reading hot batches into DuckDB's vectors. What arm__hot_open let pass cannot fail here but for
 * memory. Values lie densely, without the NULLs: the place of a row's value is the number of
 * rows before it that are not NULL. */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "model/type.h"
#include "table/hot_private.h"

/* Where the values go in a vector: `count` rows, the i-th being `rows[i]`, or base + i. */
struct places {
    const uint32_t *rows;
    uint32_t base;
    uint32_t count;
};

static inline uint32_t place(const struct places *places, uint32_t i)
{
    return places->rows == NULL ? places->base + i : places->rows[i];
}

static bool is_valid(const struct arm_hot_values *values, uint32_t i)
{
    return values->bitmap == NULL || (values->bitmap[i / 8] >> i % 8 & 1) != 0;
}

/* How many of the first `i` values are not NULL. */
static uint32_t rank(const struct arm_hot_values *values, uint32_t i)
{
    uint32_t count = 0;

    if (values->bitmap == NULL) {
        return i;
    }
    for (uint32_t byte = 0; byte < i / 8; byte++) {
        count += (uint32_t)__builtin_popcount(values->bitmap[byte]);
    }
    if (i % 8 != 0) {
        count += (uint32_t)__builtin_popcount(values->bitmap[i / 8] & ((1u << i % 8) - 1));
    }
    return count;
}

/* ---- NULLs ---- */

/* A row is NULL, and so is what is below it: DuckDB looks at members without their struct. */
static void set_null(const struct arm_shape *shape, duckdb_vector vector, uint32_t row)
{
    duckdb_vector_ensure_validity_writable(vector);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
    if (shape->layout == ARM_LAYOUT_LIST) {
        ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row] = (duckdb_list_entry){0, 0};
    } else if (shape->layout == ARM_LAYOUT_STRUCT) {
        for (size_t i = 0; i < arm__shape_child_count(shape); i++) {
            struct arm_shape child = arm__shape_child(shape, i);

            set_null(&child, duckdb_struct_vector_get_child(vector, i), row);
        }
    } else if (shape->layout == ARM_LAYOUT_ARRAY) {
        struct arm_shape child = arm__shape_child(shape, 0);
        uint32_t size = shape->type->array_size;

        for (uint32_t i = 0; i < size; i++) {
            set_null(&child, duckdb_array_vector_get_child(vector), row * size + i);
        }
    }
}

/* Set the NULLs among values first .. first + places->count - 1. `*out` are the places of the
 * others; `*out_rows` is what they stand in, to be freed. */
static arm_status split_nulls(const struct arm_hot_values *values, uint32_t first,
                              const struct places *places, duckdb_vector vector, struct places *out,
                              uint32_t **out_rows, struct arm_error *err)
{
    uint32_t *rows = NULL;
    uint32_t count = 0;
    arm_status st = ARM_OK;

    if (values->bitmap == NULL) {
        *out = *places;
        return ARM_OK;
    }
    ARM_TRY(arm__calloc(places->count, sizeof *rows, &rows, err));
    for (uint32_t i = 0; i < places->count; i++) {
        if (is_valid(values, first + i)) {
            rows[count++] = place(places, i);
        } else {
            set_null(&values->shape, vector, place(places, i));
        }
    }
    *out = (struct places){rows, 0, count};
    *out_rows = rows;
done:
    return st;
}

/* ---- Values: from the `first` of those that are not NULL, to `places` ---- */

static arm_status fill(const struct arm_hot_values *values, uint32_t first,
                       const struct places *places, duckdb_vector vector, struct arm_error *err);

static void fill_fixed(const struct arm_hot_values *values, uint32_t first,
                       const struct places *places, duckdb_vector vector)
{
    size_t width = values->shape.width;
    uint8_t *to = duckdb_vector_get_data(vector);
    const uint8_t *from = values->data + first * width;

    if (places->rows == NULL) {
        memcpy(to + places->base * width, from, places->count * width);
        return;
    }
    for (uint32_t i = 0; i < places->count; i++) {
        memcpy(to + places->rows[i] * width, from + i * width, width);
    }
}

static void fill_strings(const struct arm_hot_values *values, uint32_t first,
                         const struct places *places, duckdb_vector vector)
{
    duckdb_string_t *strings = duckdb_vector_get_data(vector);

    for (uint32_t i = 0; i < places->count; i++) {
        uint32_t begin = arm__hot_begin(values, first + i);
        uint32_t size = arm__hot_end(values, first + i) - begin;
        const uint8_t *data = values->data + begin;

        if (size > ARM_STRING_INLINE) {
            duckdb_unsafe_vector_assign_string_element_len(vector, place(places, i),
                                                           (const char *)data, size);
        } else {
            duckdb_string_t string = {.value.inlined = {.length = size}};

            memcpy(string.value.inlined.inlined, data, size);
            strings[place(places, i)] = string;
        }
    }
}

/* The elements go behind those that the vector has. */
static arm_status fill_lists(const struct arm_hot_values *values, uint32_t first,
                             const struct places *places, duckdb_vector vector,
                             struct arm_error *err)
{
    uint32_t begin = arm__hot_begin(values, first);
    uint32_t total = arm__hot_end(values, first + places->count - 1) - begin;
    idx_t there = duckdb_list_vector_get_size(vector);
    duckdb_list_entry *entries;

    if (there + total > UINT32_MAX / 2) {
        return arm__fail(err, ARM_INVALID, "over 2^31 list elements in one vector");
    }
    if (duckdb_list_vector_reserve(vector, there + total) != DuckDBSuccess ||
        duckdb_list_vector_set_size(vector, there + total) != DuckDBSuccess) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: a list of %u elements", total);
    }
    entries = duckdb_vector_get_data(vector);
    for (uint32_t i = 0; i < places->count; i++) {
        uint32_t at = arm__hot_begin(values, first + i);

        entries[place(places, i)] = (duckdb_list_entry){
            there + (at - begin),
            arm__hot_end(values, first + i) - at,
        };
    }
    if (total == 0) {
        return ARM_OK;
    }
    return fill(&values->children[0], begin, &(struct places){NULL, (uint32_t)there, total},
                duckdb_list_vector_get_child(vector), err);
}

static arm_status fill_arrays(const struct arm_hot_values *values, uint32_t first,
                              const struct places *places, duckdb_vector vector,
                              struct arm_error *err)
{
    uint32_t size = values->shape.type->array_size;
    uint32_t *rows = NULL;
    struct places child = {NULL, places->base * size, places->count * size};
    arm_status st = ARM_OK;

    if (places->rows != NULL) {
        ARM_TRY(arm__calloc(child.count, sizeof *rows, &rows, err));
        for (uint32_t i = 0; i < child.count; i++) {
            rows[i] = places->rows[i / size] * size + i % size;
        }
        child.rows = rows;
    }
    ARM_TRY(fill(&values->children[0], first * size, &child, duckdb_array_vector_get_child(vector),
                 err));
done:
    arm__free(rows);
    return st;
}

static arm_status fill_valid(const struct arm_hot_values *values, uint32_t first,
                             const struct places *places, duckdb_vector vector,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (places->count == 0) {
        return ARM_OK;
    }
    switch (values->shape.layout) {
    case ARM_LAYOUT_FIXED:
        fill_fixed(values, first, places, vector);
        return ARM_OK;
    case ARM_LAYOUT_STRING:
        fill_strings(values, first, places, vector);
        return ARM_OK;
    case ARM_LAYOUT_LIST:
        return fill_lists(values, first, places, vector, err);
    case ARM_LAYOUT_ARRAY:
        return fill_arrays(values, first, places, vector, err);
    case ARM_LAYOUT_STRUCT:
        break;
    }
    for (size_t i = 0; st == ARM_OK && i < arm__shape_child_count(&values->shape); i++) {
        st = fill(&values->children[i], first, places, duckdb_struct_vector_get_child(vector, i),
                  err);
    }
    return st;
}

/* Values first .. first + places->count - 1, NULLs among them. */
static arm_status fill(const struct arm_hot_values *values, uint32_t first,
                       const struct places *places, duckdb_vector vector, struct arm_error *err)
{
    struct places valid = {NULL, 0, 0};
    uint32_t *rows = NULL;
    arm_status st = ARM_OK;

    assert((uint64_t)first + places->count <= values->count);
    ARM_TRY(split_nulls(values, first, places, vector, &valid, &rows, err));
    ARM_TRY(fill_valid(values, rank(values, first), &valid, vector, err));
done:
    arm__free(rows);
    return st;
}

/* ---- Columns ---- */

static const struct arm_hot_column *find(const struct arm_hot_batch *batch, uint32_t field_id)
{
    for (size_t c = 0; c < batch->column_count; c++) {
        if (batch->columns[c].field_id == field_id) {
            return &batch->columns[c];
        }
    }
    return NULL;
}

const Armpb__Type *arm__hot_type(const struct arm_hot_batch *batch, uint32_t field_id)
{
    const struct arm_hot_column *column = find(batch, field_id);

    return column == NULL ? NULL : column->type;
}

bool arm__hot_has(const struct arm_hot_batch *batch, const Armpb__Field *field)
{
    const struct arm_hot_column *column = find(batch, field->id);

    return column != NULL && arm__type_equal(column->type, field->type);
}

arm_status arm__hot_fill(const struct arm_hot_batch *batch, const Armpb__Field *field,
                         uint32_t first, uint32_t count, duckdb_vector vector,
                         struct arm_error *err)
{
    const struct arm_hot_column *column = find(batch, field->id);

    if (column == NULL || !arm__type_equal(column->type, field->type)) {
        return arm__fail(err, ARM_SCHEMA, "these hot rows have no column %s (id %u) of its type",
                         field->name, field->id);
    }
    if (first > batch->rows || count > batch->rows - first) {
        return arm__fail(err, ARM_INVALID, "rows %u to %u of %u hot rows", first, first + count,
                         batch->rows);
    }
    return fill(&column->values, first, &(struct places){NULL, 0, count}, vector, err);
}
