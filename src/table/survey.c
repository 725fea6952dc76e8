/* SPDX-License-Identifier: Apache-2.0 */
/* A look over a run before it is written, for what DuckDB's Parquet writer gets wrong.
 *
 *   - Its dictionaries take 0.0 and -0.0 for one value, and all NaNs. A run with both zeros, or two
 *     NaNs of other bits, in one column is written without dictionaries.
 *   - It packs deltas of 32-bit values in up to 34 bits, which other readers refuse (pyarrow:
 *     "InitBlock EOF"). A run with a column of 32-bit values that lie 2^31 or more apart is
 *     written as version 1, which has no deltas.
 *
 * What is decided depends on the rows alone (W3). Members of one column are looked at together:
 * too careful at times, never wrong. */

#include <string.h>

#include "table/piece.h"
#include "table/writer_private.h"

/* What was seen of one column. */
struct seen {
    bool zero;
    bool minus_zero;
    bool nan;
    uint64_t nan_bits;
    bool confused;
    int64_t min; /* of 32-bit values */
    int64_t max;
};

enum kind { OTHER, FLOAT_32, FLOAT_64, SIGNED_32, UNSIGNED_32 };

static enum kind kind_of(const Armpb__Type *type)
{
    switch (type->kind) {
    case ARMPB__TYPE_KIND__FLOAT:
        return FLOAT_32;
    case ARMPB__TYPE_KIND__DOUBLE:
        return FLOAT_64;
    case ARMPB__TYPE_KIND__INTEGER:
    case ARMPB__TYPE_KIND__DATE:
        return SIGNED_32;
    case ARMPB__TYPE_KIND__UINTEGER:
        return UNSIGNED_32;
    case ARMPB__TYPE_KIND__DECIMAL:
        return arm__shape(type).width == 4 ? SIGNED_32 : OTHER;
    default:
        return OTHER;
    }
}

/* Whether there is anything to look at in the type. */
static bool concerns(const Armpb__Type *type)
{
    bool found = kind_of(type) != OTHER;

    for (size_t i = 0; !found && i < type->n_fields; i++) {
        found = concerns(type->fields[i]->type);
    }
    return found;
}

static void see_float(struct seen *seen, uint64_t bits, uint64_t sign, uint64_t infinity)
{
    uint64_t magnitude = bits & ~sign;

    if (magnitude == 0) {
        seen->zero = seen->zero || bits == 0;
        seen->minus_zero = seen->minus_zero || bits != 0;
        seen->confused = seen->confused || (seen->zero && seen->minus_zero);
    } else if (magnitude > infinity) {
        seen->confused = seen->confused || (seen->nan && seen->nan_bits != bits);
        seen->nan = true;
        seen->nan_bits = bits;
    }
}

static void see_32(const struct arm_piece *piece, bool is_signed, struct seen *seen)
{
    const int32_t *values = piece->data;
    int64_t min = seen->min;
    int64_t max = seen->max;

    for (uint32_t i = 0; i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);
        int64_t value;

        if (row != ARM_ROW_NULL) {
            value = is_signed ? values[row] : (int64_t)(uint32_t)values[row];
            min = value < min ? value : min;
            max = value > max ? value : max;
        }
    }
    seen->min = min;
    seen->max = max;
}

static void see_values(const struct arm_piece *piece, enum kind kind, struct seen *seen)
{
    if (kind == SIGNED_32 || kind == UNSIGNED_32) {
        see_32(piece, kind == SIGNED_32, seen);
        return;
    }
    for (uint32_t i = 0; kind != OTHER && i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);

        if (row != ARM_ROW_NULL && kind == FLOAT_32) {
            see_float(seen, ((const uint32_t *)piece->data)[row], UINT32_C(1) << 31,
                      UINT32_C(0x7F800000));
        } else if (row != ARM_ROW_NULL) {
            see_float(seen, ((const uint64_t *)piece->data)[row], UINT64_C(1) << 63,
                      UINT64_C(0x7FF0) << 48);
        }
    }
}

static arm_status see_piece(const struct arm_piece *piece, struct seen *seen, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (piece->shape.layout == ARM_LAYOUT_FIXED) {
        see_values(piece, kind_of(piece->shape.type), seen);
    }
    for (size_t i = 0; st == ARM_OK && i < arm__shape_child_count(&piece->shape); i++) {
        struct arm_piece child = ARM_PIECE_EMPTY;

        st = arm__piece_child(piece, i, &child, err);
        if (st == ARM_OK) {
            st = see_piece(&child, seen, err);
        }
        arm__piece_release(&child);
    }
    return st;
}

arm_status arm__survey(const struct arm_run *run, struct arm_survey *out, struct arm_error *err)
{
    struct arm_survey survey = {false, false};

    for (size_t c = 0; c < run->schema->n_columns; c++) {
        const Armpb__Type *type = run->schema->columns[c]->field->type;
        struct seen seen = {.min = INT64_MAX, .max = INT64_MIN};

        for (size_t b = 0; concerns(type) && b < run->block_count; b++) {
            struct arm_piece piece =
                arm__piece(type, duckdb_data_chunk_get_vector(run->blocks[b], c),
                           (uint32_t)duckdb_data_chunk_get_size(run->blocks[b]));
            arm_status st = see_piece(&piece, &seen, err);

            if (st != ARM_OK) {
                return st;
            }
        }
        survey.confused_floats = survey.confused_floats || seen.confused;
        survey.wide_deltas =
            survey.wide_deltas || (seen.max > seen.min && seen.max - seen.min > INT32_MAX);
    }
    *out = survey;
    return ARM_OK;
}
