/* SPDX-License-Identifier: Apache-2.0 */
/* Judging chunks by the bounds of their columns; see prune.h for P1 and P2. */

#include "duck/prune.h"

#include <string.h>

static struct arm_bytes bytes_of(const ProtobufCBinaryData *data)
{
    return arm__bytes(data->data, data->len);
}

/* Whether a value v with min <= v <= max can satisfy v <op> constant. */
static bool compare_keeps(enum arm_prune_op op, struct arm_bytes constant, struct arm_bytes min,
                          struct arm_bytes max)
{
    switch (op) {
    case ARM_PRUNE_EQUAL:
        return arm__bytes_compare(min, constant) <= 0 && arm__bytes_compare(constant, max) <= 0;
    case ARM_PRUNE_LESS:
        return arm__bytes_compare(min, constant) < 0;
    case ARM_PRUNE_LESS_EQUAL:
        return arm__bytes_compare(min, constant) <= 0;
    case ARM_PRUNE_GREATER:
        return arm__bytes_compare(max, constant) > 0;
    case ARM_PRUNE_GREATER_EQUAL:
        return arm__bytes_compare(max, constant) >= 0;
    }
    return true;
}

/* Whether any of the ascending values lies in min..max: the first not below min decides. */
static bool in_keeps(const struct arm_prune *filter, struct arm_bytes min, struct arm_bytes max)
{
    size_t low = 0;
    size_t high = filter->value_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (arm__bytes_compare(filter->values[middle], min) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < filter->value_count && arm__bytes_compare(filter->values[low], max) <= 0;
}

static bool values_keep(const struct arm_prune *filter, const Armpb__ColumnStatistics *statistics,
                        uint32_t rows)
{
    struct arm_bytes min = bytes_of(&statistics->min);
    struct arm_bytes max = bytes_of(&statistics->max);

    if (statistics->null_count >= rows) {
        return false; /* NULL passes no comparison */
    }
    /* A NaN is greater than every number and no bound tells of it. */
    if (!statistics->has_min || !statistics->has_max || statistics->has_nan) {
        return true;
    }
    return filter->kind == ARM_PRUNE_IN ? in_keeps(filter, min, max)
                                        : compare_keeps(filter->op, filter->values[0], min, max);
}

bool arm__prune_keeps(const struct arm_prune *filter, const Armpb__ColumnStatistics *statistics,
                      uint32_t rows)
{
    bool any = false;

    if (statistics == NULL) {
        return true;
    }
    switch (filter->kind) {
    case ARM_PRUNE_UNKNOWN:
        return true;
    case ARM_PRUNE_COMPARE:
    case ARM_PRUNE_IN:
        return values_keep(filter, statistics, rows);
    case ARM_PRUNE_IS_NULL:
        return statistics->null_count > 0;
    case ARM_PRUNE_NOT_NULL:
        return statistics->null_count < rows;
    case ARM_PRUNE_AND:
        for (size_t i = 0; i < filter->child_count; i++) {
            if (!arm__prune_keeps(&filter->children[i], statistics, rows)) {
                return false;
            }
        }
        return true;
    case ARM_PRUNE_OR:
        for (size_t i = 0; i < filter->child_count; i++) {
            any = any || arm__prune_keeps(&filter->children[i], statistics, rows);
        }
        return any;
    }
    return true;
}

/* ---- Bounds of a whole view ---- */

/* Strings may be cut, at a character of any length. */
static bool may_be_cut(const Armpb__Field *field)
{
    return field->type->kind == ARMPB__TYPE_KIND__VARCHAR ||
           field->type->kind == ARMPB__TYPE_KIND__BLOB;
}

/* Widen `bounds` by one entry; false: it says nothing. */
static bool widen(struct arm_bounds *bounds, const Armpb__ColumnStatistics *statistics,
                  uint32_t rows, bool *has_any)
{
    struct arm_bytes min = bytes_of(&statistics->min);
    struct arm_bytes max = bytes_of(&statistics->max);

    bounds->has_null = bounds->has_null || statistics->null_count > 0;
    bounds->has_nan = bounds->has_nan || statistics->has_nan;
    if (statistics->null_count >= rows) {
        return true;
    }
    if (!statistics->has_min || !statistics->has_max) {
        return false;
    }
    if (!*has_any || arm__bytes_compare(min, bounds->min) < 0) {
        bounds->min = min;
    }
    if (!*has_any || arm__bytes_compare(max, bounds->max) > 0) {
        bounds->max = max;
    }
    *has_any = true;
    return true;
}

void arm__view_bounds(const struct arm_view *view, const Armpb__Field *field,
                      const Armpb__ColumnStatistics *const *statistics, struct arm_bounds *out)
{
    bool has_any = false;

    *out = (struct arm_bounds){.is_exact = !may_be_cut(field)};
    for (size_t i = 0; i < view->entry_count; i++) {
        const struct arm_state_entry *entry = &view->entries[i];

        if (entry->dead > 0) {
            out->is_exact = false;
        }
        if (statistics[i] == NULL || !widen(out, statistics[i], entry->rows, &has_any)) {
            *out = (struct arm_bounds){.is_known = false, .has_null = true, .has_nan = true};
            return;
        }
    }
    out->is_known = has_any;
}
