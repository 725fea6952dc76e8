/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of copied rows. Values of fixed width are copied by memcpy, strings into the run's own
 * slabs (the vectors only point there), nested values by DuckDB. */

#include "table/run.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "table/piece.h"

enum { SLAB_BYTES = 1 << 18 };

/* Memory for strings, given out front to back. */
struct arm_slab {
    struct arm_slab *next;
    size_t used;
    size_t size;
    uint8_t bytes[];
};

void arm__run_init(struct arm_run *run, const Armpb__Schema *schema,
                   const duckdb_logical_type *types)
{
    *run = (struct arm_run){.schema = schema, .types = types};
}

void arm__run_release(struct arm_run *run)
{
    for (size_t i = 0; i < run->block_count; i++) {
        duckdb_destroy_data_chunk(&run->blocks[i]);
    }
    arm__free(run->blocks);
    while (run->slabs != NULL) {
        struct arm_slab *next = run->slabs->next;

        arm__free(run->slabs);
        run->slabs = next;
    }
    arm__run_init(run, run->schema, run->types);
}

static arm_status add_block(struct arm_run *run, struct arm_error *err)
{
    duckdb_data_chunk block;

    if (run->block_count == run->block_capacity) {
        size_t capacity = run->block_capacity == 0 ? 4 : 2 * run->block_capacity;
        arm_status st = arm__realloc(&run->blocks, capacity, sizeof *run->blocks, err);

        if (st != ARM_OK) {
            return st;
        }
        run->block_capacity = capacity;
    }
    /* DuckDB does not change the types it is given, but does not say so. */
    block = duckdb_create_data_chunk((duckdb_logical_type *)(uintptr_t)run->types,
                                     run->schema->n_columns);
    if (block == NULL) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: a block of rows");
    }
    run->blocks[run->block_count++] = block;
    return ARM_OK;
}

/* ---- Copying ---- */

/* Room for `size` bytes, not initialised. */
static arm_status take_bytes(struct arm_run *run, size_t size, uint8_t **out, struct arm_error *err)
{
    if (run->slabs == NULL || run->slabs->size - run->slabs->used < size) {
        size_t slab_size = size > SLAB_BYTES ? size : SLAB_BYTES;
        struct arm_slab *slab = NULL;
        arm_status st = arm__realloc(&slab, 1, sizeof *slab + slab_size, err);

        if (st != ARM_OK) {
            return st;
        }
        *slab = (struct arm_slab){.next = run->slabs, .used = 0, .size = slab_size};
        run->slabs = slab;
    }
    *out = run->slabs->bytes + run->slabs->used;
    run->slabs->used += size;
    return ARM_OK;
}

static inline bool row_is_valid(const uint64_t *validity, uint32_t row)
{
    return validity == NULL || (validity[row / 64] >> (row % 64) & 1) != 0;
}

/* A block begins with all rows valid: only NULLs are to be set. */
static void copy_nulls(duckdb_vector to, uint32_t at, const uint64_t *validity, uint32_t first,
                       uint32_t count)
{
    uint64_t *mask = NULL;

    for (uint32_t i = 0; validity != NULL && i < count; i++) {
        if (!row_is_valid(validity, first + i)) {
            if (mask == NULL) {
                duckdb_vector_ensure_validity_writable(to);
                mask = duckdb_vector_get_validity(to);
            }
            duckdb_validity_set_row_invalid(mask, at + i);
        }
    }
}

static arm_status copy_strings(struct arm_run *run, const duckdb_string_t *from,
                               const uint64_t *validity, uint32_t first, uint32_t count,
                               duckdb_string_t *to, struct arm_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        const duckdb_string_t *string = &from[first + i];

        if (!row_is_valid(validity, first + i)) {
            to[i] = (duckdb_string_t){.value.inlined = {.length = 0}};
            continue;
        }
        to[i] = *string;
        if (string->value.inlined.length > ARM_STRING_INLINE) {
            uint8_t *bytes;
            arm_status st = take_bytes(run, string->value.pointer.length, &bytes, err);

            if (st != ARM_OK) {
                return st;
            }
            memcpy(bytes, string->value.pointer.ptr, string->value.pointer.length);
            to[i].value.pointer.ptr = (char *)bytes;
        }
    }
    return ARM_OK;
}

static void copy_nested(duckdb_vector from, uint32_t first, uint32_t count, duckdb_vector to,
                        uint32_t at)
{
    duckdb_selection_vector selection = duckdb_create_selection_vector(count);
    sel_t *rows = duckdb_selection_vector_get_data_ptr(selection);

    for (uint32_t i = 0; i < count; i++) {
        rows[i] = first + i;
    }
    duckdb_vector_copy_sel(from, to, selection, count, 0, at);
    duckdb_destroy_selection_vector(selection);
}

static arm_status copy_column(struct arm_run *run, const struct arm_shape *shape,
                              duckdb_vector from, uint32_t first, uint32_t count, duckdb_vector to,
                              uint32_t at, struct arm_error *err)
{
    const uint64_t *validity;
    uint8_t *to_data;

    if (shape->layout > ARM_LAYOUT_STRING) {
        copy_nested(from, first, count, to, at);
        return ARM_OK;
    }
    validity = duckdb_vector_get_validity(from);
    to_data = duckdb_vector_get_data(to);
    copy_nulls(to, at, validity, first, count);
    if (shape->layout == ARM_LAYOUT_STRING) {
        return copy_strings(run, duckdb_vector_get_data(from), validity, first, count,
                            (duckdb_string_t *)to_data + at, err);
    }
    memcpy(to_data + (size_t)at * shape->width,
           (const uint8_t *)duckdb_vector_get_data(from) + (size_t)first * shape->width,
           (size_t)count * shape->width);
    return ARM_OK;
}

arm_status arm__run_append(struct arm_run *run, duckdb_data_chunk chunk, uint32_t first,
                           uint32_t count, struct arm_error *err)
{
    uint32_t capacity = (uint32_t)duckdb_vector_size();
    arm_status st = ARM_OK;

    while (count > 0) {
        uint32_t at = run->rows % capacity;
        uint32_t step = count < capacity - at ? count : capacity - at;
        duckdb_data_chunk block;

        if (at == 0) {
            ARM_TRY(add_block(run, err));
        }
        block = run->blocks[run->block_count - 1];
        for (size_t c = 0; c < run->schema->n_columns; c++) {
            struct arm_shape shape = arm__shape(run->schema->columns[c]->field->type);

            ARM_TRY(copy_column(run, &shape, duckdb_data_chunk_get_vector(chunk, c), first, step,
                                duckdb_data_chunk_get_vector(block, c), at, err));
        }
        duckdb_data_chunk_set_size(block, at + step);
        run->rows += step;
        first += step;
        count -= step;
    }
done:
    return st;
}

arm_status arm__run_split(struct arm_run *run, uint32_t keep, struct arm_run *rest,
                          struct arm_error *err)
{
    uint32_t capacity = (uint32_t)duckdb_vector_size();
    size_t keep_blocks = (keep + capacity - 1) / capacity;
    arm_status st = ARM_OK;

    assert(keep > 0 && keep <= run->rows);
    for (size_t b = keep / capacity; b < run->block_count; b++) {
        uint32_t size = (uint32_t)duckdb_data_chunk_get_size(run->blocks[b]);
        uint32_t first = b * capacity < keep ? keep % capacity : 0;

        ARM_TRY(arm__run_append(rest, run->blocks[b], first, size - first, err));
    }
    while (run->block_count > keep_blocks) {
        duckdb_destroy_data_chunk(&run->blocks[--run->block_count]);
    }
    if (keep % capacity != 0) {
        duckdb_data_chunk_set_size(run->blocks[run->block_count - 1], keep % capacity);
    }
    run->rows = keep;
done:
    return st;
}
