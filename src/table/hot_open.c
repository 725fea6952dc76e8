/* SPDX-License-Identifier: Apache-2.0 */
/* Judging hot batches: bytes that may come from anywhere. Every count, length and offset is held
 * against the bytes that are there before anything is allocated or read by it: each row takes at
 * least a bit, each type a byte, so that a batch makes us allocate at most a constant times
 * its own size. The layout is in hot.c. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "table/hot_private.h"
#include "table/typecode.h"

static const char what[] = "hot rows";

enum { BIT_BYTES_MIN = 2, BIT_PADDING_MAX = 7, BIGNUM_BYTES_MIN = 4 };

/* ---- Values ---- */

static arm_status take_values(struct arm_reader *r, struct arm_shape shape, uint64_t count,
                              struct arm_arena *arena, struct arm_hot_values *out,
                              struct arm_error *err);

static uint32_t count_bits(const uint8_t *bits, size_t bytes)
{
    uint32_t count = 0;

    for (size_t i = 0; i < bytes; i++) {
        count += (uint32_t)__builtin_popcount(bits[i]);
    }
    return count;
}

static arm_status take_nulls(struct arm_reader *r, struct arm_hot_values *values,
                             struct arm_error *err)
{
    size_t bytes = ((size_t)values->count + 7) / 8;
    uint8_t flag = 0;
    arm_status st = ARM_OK;

    values->valid = values->count;
    ARM_TRY(arm__take_u8(r, &flag, err));
    if (flag == 0) {
        return ARM_OK;
    }
    if (flag != 1) {
        return arm__fail(err, ARM_CORRUPT, "%s: %u for NULLs", what, flag);
    }
    ARM_TRY(arm__take(r, bytes, &values->bitmap, err));
    values->valid = count_bits(values->bitmap, bytes);
    if (values->valid >= values->count ||
        (values->count % 8 != 0 && values->bitmap[bytes - 1] >> values->count % 8 != 0)) {
        return arm__fail(err, ARM_CORRUPT, "%s: a bitmap of NULLs that holds none, or too many",
                         what);
    }
done:
    return st;
}

static arm_status check_fixed(const struct arm_hot_values *values, struct arm_error *err)
{
    const Armpb__Type *type = values->shape.type;
    uint32_t worst = 0;

    if (type->kind != ARMPB__TYPE_KIND__BOOLEAN && type->kind != ARMPB__TYPE_KIND__ENUM) {
        return ARM_OK;
    }
    for (uint32_t i = 0; i < values->valid; i++) {
        const uint8_t *at = values->data + (size_t)i * values->shape.width;
        uint32_t value = values->shape.width == 1   ? at[0]
                         : values->shape.width == 2 ? (uint32_t)(at[0] | at[1] << 8)
                                                    : arm__get_u32(at);

        worst = value > worst ? value : worst;
    }
    if (type->kind == ARMPB__TYPE_KIND__BOOLEAN ? worst > 1 : worst >= type->n_labels) {
        return arm__fail(err, ARM_CORRUPT, "%s: %u is no value of its type", what, worst);
    }
    return ARM_OK;
}

static arm_status take_ends(struct arm_reader *r, struct arm_hot_values *values,
                            struct arm_error *err)
{
    uint8_t width = 0;
    uint32_t before = 0;
    uint32_t last;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_u8(r, &width, err));
    if (width != 1 && width != 2 && width != 4) {
        return arm__fail(err, ARM_CORRUPT, "%s: ends of %u bytes", what, width);
    }
    values->end_width = width;
    ARM_TRY(arm__take(r, (size_t)values->valid * width, &values->ends, err));
    for (uint32_t i = 0; i < values->valid; i++) {
        uint32_t end = arm__hot_end(values, i);

        if (end < before) {
            return arm__fail(err, ARM_CORRUPT, "%s: an end before its beginning", what);
        }
        before = end;
    }
    last = before;
    if (width != (last <= UINT8_MAX ? 1 : last <= UINT16_MAX ? 2 : 4)) {
        return arm__fail(err, ARM_CORRUPT, "%s: ends wider than needed", what);
    }
done:
    return st;
}

/* BIT and BIGNUM have a form that DuckDB relies on. */
static arm_status check_strings(const struct arm_hot_values *values, struct arm_error *err)
{
    Armpb__TypeKind kind = values->shape.type->kind;

    if (kind != ARMPB__TYPE_KIND__BIT && kind != ARMPB__TYPE_KIND__BIGNUM) {
        return ARM_OK;
    }
    for (uint32_t i = 0; i < values->valid; i++) {
        uint32_t begin = arm__hot_begin(values, i);
        uint32_t size = arm__hot_end(values, i) - begin;
        bool good = kind == ARMPB__TYPE_KIND__BIGNUM
                        ? size >= BIGNUM_BYTES_MIN
                        : size >= BIT_BYTES_MIN && values->data[begin] <= BIT_PADDING_MAX;

        if (!good) {
            return arm__fail(err, ARM_CORRUPT, "%s: no BIT or BIGNUM", what);
        }
    }
    return ARM_OK;
}

/* How many values each child has. */
static uint64_t child_rows(const struct arm_hot_values *values)
{
    switch (values->shape.layout) {
    case ARM_LAYOUT_LIST:
        return arm__hot_end(values, values->valid - 1);
    case ARM_LAYOUT_ARRAY:
        return (uint64_t)values->valid * values->shape.type->array_size;
    default:
        return values->valid;
    }
}

static arm_status take_children(struct arm_reader *r, struct arm_hot_values *values,
                                struct arm_arena *arena, struct arm_error *err)
{
    size_t count = arm__shape_child_count(&values->shape);
    arm_status st = ARM_OK;

    if (count > 0) {
        values->children = arm__arena_take(arena, count * sizeof *values->children);
    }
    for (size_t i = 0; st == ARM_OK && i < count; i++) {
        st = take_values(r, arm__shape_child(&values->shape, i), child_rows(values), arena,
                         &values->children[i], err);
    }
    return st;
}

static arm_status take_values(struct arm_reader *r, struct arm_shape shape, uint64_t count,
                              struct arm_arena *arena, struct arm_hot_values *out,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    /* A value takes at least a bit, so this many cannot be. */
    if (count > UINT32_MAX / 2 || count / 8 > r->rest.size) {
        return arm__fail(err, ARM_CORRUPT, "%s: %llu values in %zu bytes", what,
                         (unsigned long long)count, r->rest.size);
    }
    out->shape = shape;
    out->count = (uint32_t)count;
    ARM_TRY(take_nulls(r, out, err));
    if (out->valid == 0) {
        return ARM_OK;
    }
    switch (shape.layout) {
    case ARM_LAYOUT_FIXED:
        ARM_TRY(arm__take(r, (size_t)out->valid * shape.width, &out->data, err));
        return check_fixed(out, err);
    case ARM_LAYOUT_STRING:
        ARM_TRY(take_ends(r, out, err));
        ARM_TRY(arm__take(r, arm__hot_end(out, out->valid - 1), &out->data, err));
        return check_strings(out, err);
    case ARM_LAYOUT_LIST:
        ARM_TRY(take_ends(r, out, err));
        break;
    case ARM_LAYOUT_ARRAY:
    case ARM_LAYOUT_STRUCT:
        break;
    }
    ARM_TRY(take_children(r, out, arena, err));
done:
    return st;
}

/* ---- The batch ---- */

struct header {
    uint64_t rows;
    uint64_t columns;
    struct arm_reader types; /* where the ids and codes begin */
    struct arm_typecode_need need;
};

static arm_status take_header(struct arm_reader *r, struct header *out, struct arm_error *err)
{
    uint8_t format = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_u8(r, &format, err));
    if (format != ARM_HOT_FORMAT) {
        return arm__fail(err, ARM_CORRUPT, "%s: format %u", what, format);
    }
    ARM_TRY(arm__take_varint(r, &out->rows, err));
    ARM_TRY(arm__take_varint(r, &out->columns, err));
    if (out->rows < 1 || out->rows > ARM_HOT_ROWS_MAX || out->columns < 1 ||
        out->columns > r->rest.size / 2) {
        return arm__fail(err, ARM_CORRUPT, "%s: %llu rows, %llu columns", what,
                         (unsigned long long)out->rows, (unsigned long long)out->columns);
    }
    out->types = *r;
    for (uint64_t c = 0; c < out->columns; c++) {
        uint64_t id;

        ARM_TRY(arm__take_varint(r, &id, err));
        if (id > UINT32_MAX) {
            return arm__fail(err, ARM_CORRUPT, "%s: a field id over 32 bits", what);
        }
        ARM_TRY(arm__typecode_check(r, &out->need, err));
    }
done:
    return st;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static arm_status check_ids(const struct arm_hot_batch *batch, struct arm_error *err)
{
    bool ascending = true;
    bool twice = false;
    uint32_t *ids = NULL;
    arm_status st = ARM_OK;

    for (size_t c = 1; c < batch->column_count; c++) {
        ascending = ascending && batch->columns[c - 1].field_id < batch->columns[c].field_id;
    }
    if (ascending) {
        return ARM_OK;
    }
    st = arm__calloc(batch->column_count, sizeof *ids, &ids, err);
    if (st != ARM_OK) {
        return st;
    }
    for (size_t c = 0; c < batch->column_count; c++) {
        ids[c] = batch->columns[c].field_id;
    }
    qsort(ids, batch->column_count, sizeof *ids, compare_ids);
    for (size_t c = 1; c < batch->column_count; c++) {
        twice = twice || ids[c - 1] == ids[c];
    }
    arm__free(ids);
    return twice ? arm__fail(err, ARM_CORRUPT, "%s: a field id twice", what) : ARM_OK;
}

/* A MAP's type makes two kinds of values: the lists and their entries. */
static size_t memory_needed(const struct header *header)
{
    return arm__arena_round(sizeof(struct arm_hot_batch)) +
           arm__arena_round((size_t)header->columns * sizeof(struct arm_hot_column)) +
           header->need.bytes +
           2 * header->need.types * arm__arena_round(sizeof(struct arm_hot_values));
}

arm_status arm__hot_open(struct arm_bytes bytes, struct arm_hot_batch **out, struct arm_error *err)
{
    struct arm_reader r = arm__reader(bytes, what);
    struct header header = {.rows = 0};
    struct arm_arena arena = {NULL, 0, 0};
    struct arm_hot_batch *batch = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(take_header(&r, &header, err));
    arena.size = memory_needed(&header);
    ARM_TRY(arm__calloc(arena.size, 1, &arena.data, err));
    batch = arm__arena_take(&arena, sizeof *batch);
    batch->rows = (uint32_t)header.rows;
    batch->column_count = (size_t)header.columns;
    batch->columns = arm__arena_take(&arena, batch->column_count * sizeof *batch->columns);
    for (size_t c = 0; c < batch->column_count; c++) {
        uint64_t id = 0;

        ARM_TRY(arm__take_varint(&header.types, &id, err));
        batch->columns[c].field_id = (uint32_t)id;
        batch->columns[c].type = arm__typecode_build(&header.types, &arena);
    }
    ARM_TRY(check_ids(batch, err));
    for (size_t c = 0; c < batch->column_count; c++) {
        ARM_TRY(take_values(&r, arm__shape(batch->columns[c].type), batch->rows, &arena,
                            &batch->columns[c].values, err));
    }
    ARM_TRY(arm__take_end(&r, err));
    *out = batch;
    arena.data = NULL;
done:
    arm__free(arena.data);
    return st;
}

void arm__hot_free(struct arm_hot_batch *batch)
{
    arm__free(batch); /* the arena's beginning */
}

uint32_t arm__hot_row_count(const struct arm_hot_batch *batch)
{
    return batch->rows;
}
