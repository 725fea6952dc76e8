/* SPDX-License-Identifier: Apache-2.0 */
/* Columns in memory, and their way out as an Arrow stream: rows_export.c. */

#include "api/rows.h"

#include <assert.h>
#include <string.h>

#include "api/rows_private.h"
#include "base/alloc.h"

/* Offsets are 32 bits, so no column may hold more. */
enum { COLUMN_BYTES_MAX = INT32_MAX };

static void release_column(struct arm_rows_column *column)
{
    for (size_t i = 0; i < column->child_count; i++) {
        release_column(&column->children[i]);
    }
    arm__free(column->children);
    arm__buf_release(&column->validity);
    arm__buf_release(&column->offsets);
    arm__buf_release(&column->values);
}

bool arm__rows_has_offsets(const struct arm_rows_column *column)
{
    const char *format = column->field->format;

    return format[0] == 'u' || strcmp(format, "+l") == 0 || strcmp(format, "+m") == 0;
}

static arm_status init_column(struct arm_rows_column *column, const struct arm_rows_field *field,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    column->field = field;
    column->validity = ARM_BUF_INIT(COLUMN_BYTES_MAX);
    column->offsets = ARM_BUF_INIT(COLUMN_BYTES_MAX);
    column->values = ARM_BUF_INIT(COLUMN_BYTES_MAX);
    if (arm__rows_has_offsets(column)) {
        ARM_TRY(arm__buf_u32(&column->offsets, 0, err));
    }
    if (field->child_count > 0) {
        ARM_TRY(arm__calloc(field->child_count, sizeof *column->children, &column->children, err));
    }
    for (size_t i = 0; i < field->child_count; i++) {
        column->child_count++;
        ARM_TRY(init_column(&column->children[i], &field->children[i], err));
    }
done:
    return st;
}

arm_status arm__rows_new(const struct arm_rows_field *fields, size_t count, struct arm_rows **out,
                         struct arm_error *err)
{
    struct arm_rows *rows = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *rows, &rows, err));
    rows->field = (struct arm_rows_field){
        .name = "", .format = "+s", .child_count = count, .children = fields};
    ARM_TRY(init_column(&rows->batch, &rows->field, err));
    *out = rows;
    rows = NULL;
done:
    arm__rows_free(rows);
    return st;
}

void arm__rows_free(struct arm_rows *rows)
{
    if (rows != NULL) {
        release_column(&rows->batch);
        arm__free(rows);
    }
}

struct arm_rows_column *arm__rows_column(struct arm_rows *rows, size_t column)
{
    return arm__rows_child(&rows->batch, column);
}

struct arm_rows_column *arm__rows_child(struct arm_rows_column *column, size_t child)
{
    assert(child < column->child_count);
    return &column->children[child];
}

/* ---- Values ---- */

/* Append bit number `at` to a bitmap. */
static arm_status push_bit(struct arm_buf *bits, size_t at, bool value, struct arm_error *err)
{
    arm_status st = at % 8 == 0 ? arm__buf_u8(bits, 0, err) : ARM_OK;

    if (st == ARM_OK && value) {
        bits->data[at / 8] |= (uint8_t)(1u << (at % 8));
    }
    return st;
}

/* The value is in the buffers: count it. */
static arm_status count_value(struct arm_rows_column *column, bool valid, struct arm_error *err)
{
    arm_status st = push_bit(&column->validity, column->length, valid, err);

    if (st == ARM_OK) {
        column->length++;
        column->null_count += valid ? 0 : 1;
    }
    return st;
}

arm_status arm__rows_bool(struct arm_rows_column *column, bool value, struct arm_error *err)
{
    arm_status st = ARM_OK;

    assert(column->field->format[0] == 'b');
    ARM_TRY(push_bit(&column->values, column->length, value, err));
    ARM_TRY(count_value(column, true, err));
done:
    return st;
}

arm_status arm__rows_u32(struct arm_rows_column *column, uint32_t value, struct arm_error *err)
{
    arm_status st = ARM_OK;

    assert(column->field->format[0] == 'I');
    ARM_TRY(arm__buf_u32(&column->values, value, err));
    ARM_TRY(count_value(column, true, err));
done:
    return st;
}

static arm_status push_u64(struct arm_rows_column *column, uint64_t value, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_u64(&column->values, value, err));
    ARM_TRY(count_value(column, true, err));
done:
    return st;
}

arm_status arm__rows_u64(struct arm_rows_column *column, uint64_t value, struct arm_error *err)
{
    assert(column->field->format[0] == 'L');
    return push_u64(column, value, err);
}

arm_status arm__rows_time(struct arm_rows_column *column, int64_t us, struct arm_error *err)
{
    assert(column->field->format[0] == 't');
    return push_u64(column, (uint64_t)us, err);
}

arm_status arm__rows_double(struct arm_rows_column *column, double value, struct arm_error *err)
{
    uint64_t bits = 0;

    assert(column->field->format[0] == 'g');
    memcpy(&bits, &value, sizeof bits);
    return push_u64(column, bits, err);
}

arm_status arm__rows_text(struct arm_rows_column *column, const char *text, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (text == NULL) {
        return arm__rows_null(column, err);
    }
    assert(column->field->format[0] == 'u');
    ARM_TRY(arm__buf_append(&column->values, text, strlen(text), err));
    ARM_TRY(arm__buf_u32(&column->offsets, (uint32_t)column->values.size, err));
    ARM_TRY(count_value(column, true, err));
done:
    return st;
}

arm_status arm__rows_null(struct arm_rows_column *column, struct arm_error *err)
{
    arm_status st = ARM_OK;

    assert(column->field->nullable);
    switch (column->field->format[0]) {
    case 'u':
        ARM_TRY(arm__buf_u32(&column->offsets, (uint32_t)column->values.size, err));
        break;
    case 'L':
    case 'g':
    case 't':
        ARM_TRY(arm__buf_zeros(&column->values, sizeof(uint64_t), err));
        break;
    default:
        assert(false); /* no shape makes another type nullable */
    }
    ARM_TRY(count_value(column, false, err));
done:
    return st;
}

arm_status arm__rows_end(struct arm_rows_column *column, struct arm_error *err)
{
    arm_status st = ARM_OK;

    assert(column->field->format[0] == '+');
    if (arm__rows_has_offsets(column)) {
        ARM_TRY(arm__buf_u32(&column->offsets, (uint32_t)column->children[0].length, err));
    }
    ARM_TRY(count_value(column, true, err));
done:
    return st;
}

void arm__rows_end_row(struct arm_rows *rows)
{
    rows->batch.length++;
    for (size_t i = 0; i < rows->batch.child_count; i++) {
        assert(rows->batch.children[i].length == rows->batch.length); /* B1 */
    }
}
