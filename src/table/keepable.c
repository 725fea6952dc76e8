/* SPDX-License-Identifier: Apache-2.0 */
/* Values that no text of DuckDB gives back, so that no chunk could keep them: an INTERVAL of 10^9
 * hours or more beside its months and days (its text cannot be read), and a TIME WITH TIME ZONE
 * whose offset has seconds but no minutes (its text is another offset). Likewise a TIMESTAMP_S or
 * TIMESTAMP_MS that no TIMESTAMP can be, which is what a chunk holds. They are refused when they
 * are pushed, hot or not: what is written can always move to a chunk. */

#include <duckdb.h>

#include "table/piece.h"
#include "table/writer_private.h"

static const uint64_t INTERVAL_US_MAX = UINT64_C(3600000000000000000) - 1;
static const int64_t TIMESTAMP_US_MIN = INT64_C(-9223372022400000000);

/* What is wrong with values of a type. */
struct rule {
    bool (*is_kept)(const void *values, uint32_t row);
    const char *refusal;
};

static bool interval_is_kept(const void *values, uint32_t row)
{
    int64_t us = ((const duckdb_interval *)values)[row].micros;

    return (us < 0 ? 0 - (uint64_t)us : (uint64_t)us) <= INTERVAL_US_MAX;
}

static bool time_tz_is_kept(const void *values, uint32_t row)
{
    int32_t offset = duckdb_from_time_tz(((const duckdb_time_tz *)values)[row]).offset; /* s */

    return offset % 60 == 0 || offset / 60 % 60 != 0;
}

/* The infinities are the largest number and its negative; a TIMESTAMP begins in 290309 BC. */
static bool timestamp_is_kept(int64_t value, int64_t us_per_unit)
{
    return value == INT64_MAX || value == -INT64_MAX ||
           (value <= (INT64_MAX - 1) / us_per_unit && value >= TIMESTAMP_US_MIN / us_per_unit);
}

static bool timestamp_s_is_kept(const void *values, uint32_t row)
{
    return timestamp_is_kept(((const duckdb_timestamp_s *)values)[row].seconds, 1000000);
}

static bool timestamp_ms_is_kept(const void *values, uint32_t row)
{
    return timestamp_is_kept(((const duckdb_timestamp_ms *)values)[row].millis, 1000);
}

/* NULL: every value of the type is kept. */
static const struct rule *rule_of(const Armpb__Type *type)
{
    static const struct rule interval = {interval_is_kept,
                                         "an INTERVAL of 1,000,000,000 hours or more"};
    static const struct rule time_tz = {
        time_tz_is_kept, "a TIME WITH TIME ZONE whose offset has seconds and no minutes"};
    static const struct rule timestamp_s = {timestamp_s_is_kept,
                                            "a TIMESTAMP_S outside the range of TIMESTAMP"};
    static const struct rule timestamp_ms = {timestamp_ms_is_kept,
                                             "a TIMESTAMP_MS outside the range of TIMESTAMP"};

    switch (type->kind) {
    case ARMPB__TYPE_KIND__INTERVAL:
        return &interval;
    case ARMPB__TYPE_KIND__TIME_TZ:
        return &time_tz;
    case ARMPB__TYPE_KIND__TIMESTAMP_S:
        return &timestamp_s;
    case ARMPB__TYPE_KIND__TIMESTAMP_MS:
        return &timestamp_ms;
    default:
        return NULL;
    }
}

static bool concerns(const Armpb__Type *type)
{
    bool found = rule_of(type) != NULL;

    for (size_t i = 0; !found && i < type->n_fields; i++) {
        found = concerns(type->fields[i]->type);
    }
    return found;
}

static arm_status check_piece(const struct arm_piece *piece, const char *column,
                              struct arm_error *err)
{
    const struct rule *rule =
        piece->shape.layout == ARM_LAYOUT_FIXED ? rule_of(piece->shape.type) : NULL;
    arm_status st = ARM_OK;

    for (uint32_t i = 0; rule != NULL && i < piece->count; i++) {
        uint32_t row = arm__piece_row(piece, i);

        if (row != ARM_ROW_NULL && !rule->is_kept(piece->data, row)) {
            return arm__fail(err, ARM_UNSUPPORTED, "column %s: %s cannot be kept", column,
                             rule->refusal);
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
