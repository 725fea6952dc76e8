/* SPDX-License-Identifier: Apache-2.0 */
#include "merge/few.h"

#include <string.h>

#include "base/alloc.h"

/* ---- Rows in order ---- */

/* Into its place among `count` rows that are in order. */
static void insert(const struct arm_few *few, struct arm_few_row *rows, size_t count,
                   struct arm_few_row row)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (few->order(few->context, rows[middle], row) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    memmove(&rows[low + 1], &rows[low], (count - low) * sizeof *rows);
    rows[low] = row;
}

static size_t sort(const struct arm_few *few, struct arm_few_row *rows)
{
    size_t count = 0;

    for (int side = 0; side < ARM_FEW_SIDES; side++) {
        for (size_t i = 0; i < few->counts[side]; i++) {
            insert(few, rows, count, (struct arm_few_row){(enum arm_few_side)side, i});
            count++;
        }
    }
    return count;
}

/* ---- One of them, on its sides ---- */

struct row {
    const struct arm_few_row *base; /* NULL: not there */
    const struct arm_few_row *theirs;
    const struct arm_few_row *ours;
};

struct merging {
    const struct arm_few *few;
    arm_visit_few_change *visit;
    struct arm_few_row *cells;
    bool is_clear;
};

static bool same_cell(const struct merging *m, const struct arm_few_row *a,
                      const struct arm_few_row *b, size_t column)
{
    return m->few->same(m->few->context, *a, *b, column);
}

/* Not there on either side is the same, too. */
static bool same_row(const struct merging *m, const struct arm_few_row *a,
                     const struct arm_few_row *b)
{
    bool same = (a == NULL) == (b == NULL);

    for (size_t c = 0; a != NULL && same && c < m->few->width; c++) {
        same = same_cell(m, a, b, c);
    }
    return same;
}

static arm_status take(struct merging *m, const struct row *row, struct arm_error *err)
{
    bool is_here = row->base != NULL && row->base->side == ARM_FEW_HERE;
    const struct arm_few_row *old = is_here ? row->base : row->ours;
    struct arm_few_change change = {.goes = old != NULL, .comes = row->theirs != NULL};

    if (old != NULL) {
        change.gone = *old;
    }
    if (row->theirs != NULL) {
        change.id = *row->theirs;
        for (size_t c = 0; c < m->few->width; c++) {
            m->cells[c] = *row->theirs;
        }
    }
    change.cells = m->cells;
    return m->visit(m->few->context, &change, err);
}

static arm_status mix(struct merging *m, const struct row *row, struct arm_error *err)
{
    const struct arm_few_change change = {
        .goes = true, .gone = *row->ours, .comes = true, .id = *row->ours, .cells = m->cells};

    for (size_t c = 0; c < m->few->width; c++) {
        bool by_ours = !same_cell(m, row->ours, row->base, c);

        m->cells[c] = by_ours ? *row->ours : *row->theirs;
        if (by_ours && !same_cell(m, row->theirs, row->base, c) &&
            !same_cell(m, row->theirs, row->ours, c)) {
            m->is_clear = false;
        }
    }
    return m->visit(m->few->context, &change, err);
}

static arm_status merge_row(struct merging *m, const struct row *row, struct arm_error *err)
{
    bool is_here = row->base != NULL && row->base->side == ARM_FEW_HERE;

    if ((row->base == NULL && row->theirs == NULL) || same_row(m, row->base, row->theirs)) {
        return ARM_OK; /* theirs did nothing to it */
    }
    if (is_here || same_row(m, row->ours, row->base)) {
        return take(m, row, err);
    }
    if (same_row(m, row->ours, row->theirs)) {
        return ARM_OK;
    }
    if (row->base == NULL || row->theirs == NULL || row->ours == NULL) {
        m->is_clear = false;
        return ARM_OK;
    }
    return mix(m, row, err);
}

static void put(struct merging *m, struct row *row, const struct arm_few_row *one)
{
    const struct arm_few_row **place = one->side == ARM_FEW_THERE  ? &row->theirs
                                       : one->side == ARM_FEW_OURS ? &row->ours
                                                                   : &row->base;

    m->is_clear = m->is_clear && *place == NULL;
    *place = one;
}

arm_status arm__few_merge(const struct arm_few *few, arm_visit_few_change *visit, bool *out_clear,
                          struct arm_error *err)
{
    struct merging m = {.few = few, .visit = visit, .is_clear = true};
    struct arm_few_row *rows = NULL;
    size_t count = 0;
    arm_status st = ARM_OK;

    for (int side = 0; side < ARM_FEW_SIDES; side++) {
        count += few->counts[side];
    }
    ARM_TRY(arm__calloc(count + 1, sizeof *rows, &rows, err));
    ARM_TRY(arm__calloc(few->width + 1, sizeof *m.cells, &m.cells, err));
    count = sort(few, rows);
    for (size_t i = 0; i < count && m.is_clear;) {
        struct row row = {.base = NULL};
        size_t first = i;

        while (i < count && few->order(few->context, rows[first], rows[i]) == 0) {
            put(&m, &row, &rows[i++]);
        }
        ARM_TRY(merge_row(&m, &row, err));
    }
    *out_clear = m.is_clear;
done:
    arm__free(m.cells);
    arm__free(rows);
    return st;
}
