/* SPDX-License-Identifier: Apache-2.0 */
/* Values that no text of DuckDB gives back, so that no chunk could keep them: an INTERVAL of 10^9
 * hours or more beside its months and days (its text cannot be read), and a TIME WITH TIME ZONE
 * whose offset has seconds but no minutes (its text is another offset). They are refused when
 * they are pushed, hot or not: what is written can always move to a chunk. */

#include <duckdb.h>

#include "table/piece.h"
#include "table/writer_private.h"

static const uint64_t INTERVAL_US_MAX = UINT64_C(3600000000000000000) - 1;

static bool concerns(const Armpb__Type *type)
{
    bool found =
        type->kind == ARMPB__TYPE_KIND__INTERVAL || type->kind == ARMPB__TYPE_KIND__TIME_TZ;

    for (size_t i = 0; !found && i < type->n_fields; i++) {
        found = concerns(type->fields[i]->type);
    }
    return found;
}

static bool interval_is_kept(const duckdb_interval *value)
{
    uint64_t magnitude = value->micros < 0 ? 0 - (uint64_t)value->micros : (uint64_t)value->micros;

    return magnitude <= INTERVAL_US_MAX;
}

static bool time_tz_is_kept(const duckdb_time_tz *value)
{
    int32_t offset = duckdb_from_time_tz(*value).offset; /* seconds */

    return offset % 60 == 0 || offset / 60 % 60 != 0;
}

static arm_status check_piece(const struct arm_piece *piece, const char *column,
                              struct arm_error *err)
{
    Armpb__TypeKind kind = piece->shape.type->kind;
    bool is_value = piece->shape.layout == ARM_LAYOUT_FIXED;
    arm_status st = ARM_OK;

    for (uint32_t i = 0; is_value && i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);

        if (row == ARM_ROW_NULL) {
            continue;
        }
        if (kind == ARMPB__TYPE_KIND__INTERVAL &&
            !interval_is_kept(&((const duckdb_interval *)piece->data)[row])) {
            return arm__fail(err, ARM_UNSUPPORTED,
                             "column %s: an INTERVAL of 1,000,000,000 hours or more cannot be kept",
                             column);
        }
        if (kind == ARMPB__TYPE_KIND__TIME_TZ &&
            !time_tz_is_kept(&((const duckdb_time_tz *)piece->data)[row])) {
            return arm__fail(err, ARM_UNSUPPORTED,
                             "column %s: a TIME WITH TIME ZONE whose offset has seconds and no "
                             "minutes cannot be kept",
                             column);
        }
    }
    for (size_t i = 0; st == ARM_OK && i < arm__shape_child_count(&piece->shape); i++) {
        struct arm_piece child = ARM_PIECE_EMPTY;

        st = arm__piece_child(piece, i, &child, err);
        if (st == ARM_OK) {
            st = check_piece(&child, column, err);
        }
        arm__piece_release(&child);
    }
    return st;
}

arm_status arm__keepable_check(const Armpb__Schema *schema, duckdb_data_chunk chunk,
                               struct arm_error *err)
{
    uint32_t count = (uint32_t)duckdb_data_chunk_get_size(chunk);
    arm_status st = ARM_OK;

    for (size_t c = 0; st == ARM_OK && c < schema->n_columns; c++) {
        const Armpb__Field *field = schema->columns[c]->field;

        if (concerns(field->type)) {
            struct arm_piece piece =
                arm__piece(field->type, duckdb_data_chunk_get_vector(chunk, c), count);

            st = check_piece(&piece, field->name, err);
        }
    }
    return st;
}
