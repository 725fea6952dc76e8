/* SPDX-License-Identifier: Apache-2.0 */
#include "merge/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* ---- Which entry is which ---- */

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Equal: the same rows under the same ids. */
static int compare_entries(const struct arm_state_entry *a, const struct arm_state_entry *b)
{
    int order = compare_u64(a->first_row_id, b->first_row_id);

    order = order != 0 ? order : compare_u64(a->rows, b->rows);
    order = order != 0 ? order : (int)a->explicit_row_ids - (int)b->explicit_row_ids;
    order = order != 0 ? order : (int)a->is_hot - (int)b->is_hot;
    return order != 0 ? order
                      : memcmp(a->is_hot ? a->rows_hash.bytes : a->chunk.bytes,
                               b->is_hot ? b->rows_hash.bytes : b->chunk.bytes, ARM_HASH_BYTES);
}

struct numbered {
    const struct arm_state_entry *entry;
    size_t number;
};

static int compare_numbered(const void *left, const void *right)
{
    const struct numbered *a = left;
    const struct numbered *b = right;

    return compare_entries(a->entry, b->entry);
}

static arm_status part_init(struct arm_part *part, size_t count, struct arm_error *err)
{
    arm_status st = ARM_OK;

    part->count = count;
    ARM_TRY(arm__calloc(count, sizeof(roaring_bitmap_t *), &part->rows, err));
    ARM_TRY(arm__calloc(count, sizeof *part->fellow, &part->fellow, err));
    for (size_t i = 0; i < count; i++) {
        part->fellow[i] = ARM_PART_NONE;
    }
done:
    return st;
}

static void pair(struct arm_parts *parts, size_t a, size_t b)
{
    parts->a.fellow[a] = b;
    parts->b.fellow[b] = a;
}

/* Entries that no compare in order has found, by content. */
static arm_status pair_rest(const struct arm_state_entry *a, const struct arm_state_entry *b,
                            size_t first, size_t a_end, size_t b_end, struct arm_parts *out,
                            struct arm_error *err)
{
    struct numbered *as = NULL;
    struct numbered *bs = NULL;
    size_t a_count = a_end - first;
    size_t b_count = b_end - first;
    size_t i = 0;
    size_t k = 0;
    arm_status st = ARM_OK;

    if (a_count == 0 || b_count == 0) {
        return ARM_OK;
    }
    ARM_TRY(arm__calloc(a_count, sizeof *as, &as, err));
    ARM_TRY(arm__calloc(b_count, sizeof *bs, &bs, err));
    for (size_t n = 0; n < a_count; n++) {
        as[n] = (struct numbered){&a[first + n], first + n};
    }
    for (size_t n = 0; n < b_count; n++) {
        bs[n] = (struct numbered){&b[first + n], first + n};
    }
    qsort(as, a_count, sizeof *as, compare_numbered);
    qsort(bs, b_count, sizeof *bs, compare_numbered);
    while (i < a_count && k < b_count) {
        int order = compare_entries(as[i].entry, bs[k].entry);

        if (order == 0) {
            pair(out, as[i].number, bs[k].number);
        }
        i += order <= 0;
        k += order >= 0;
    }
done:
    arm__free(bs);
    arm__free(as);
    return st;
}

/* Two states of one history mostly begin and end alike. */
static arm_status pair_all(const struct arm_state_entry *a, const struct arm_state_entry *b,
                           struct arm_parts *out, struct arm_error *err)
{
    size_t a_end = out->a.count;
    size_t b_end = out->b.count;
    size_t first = 0;

    while (first < a_end && first < b_end && compare_entries(&a[first], &b[first]) == 0) {
        pair(out, first, first);
        first++;
    }
    while (a_end > first && b_end > first && compare_entries(&a[a_end - 1], &b[b_end - 1]) == 0) {
        a_end--;
        b_end--;
        pair(out, a_end, b_end);
    }
    return pair_rest(a, b, first, a_end, b_end, out, err);
}

/* ---- Which rows ---- */

static arm_status no_memory(struct arm_error *err)
{
    return arm__fail(err, ARM_NO_MEMORY, "no memory to compare rows");
}

/* Keep a bitmap, or free it if it is empty. */
static void keep(struct arm_part *part, size_t entry, roaring_bitmap_t *rows)
{
    uint64_t count = roaring_bitmap_get_cardinality(rows);

    if (count == 0) {
        roaring_bitmap_free(rows);
        return;
    }
    part->rows[entry] = rows;
    part->row_count += count;
}

/* Rows that live in `here`, and not in `there` (NULL: nothing does). */
static arm_status find_rows(const struct arm_state_entry *here, const struct arm_state_entry *there,
                            struct arm_part *part, size_t entry, struct arm_error *err)
{
    roaring_bitmap_t *rows = NULL;

    if (here->dead == here->rows || (there != NULL && there->vector == NULL)) {
        return ARM_OK; /* nothing lives here, or all live there */
    }
    rows = there == NULL ? roaring_bitmap_from_range(0, here->rows, 1)
                         : roaring_bitmap_copy(there->vector);
    if (rows == NULL) {
        return no_memory(err);
    }
    if (here->vector != NULL) {
        roaring_bitmap_andnot_inplace(rows, here->vector);
    }
    keep(part, entry, rows);
    return ARM_OK;
}

static arm_status find_side(const struct arm_state_entry *here, const struct arm_state_entry *there,
                            struct arm_part *part, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < part->count; i++) {
        const struct arm_state_entry *fellow =
            part->fellow[i] == ARM_PART_NONE ? NULL : &there[part->fellow[i]];

        if (fellow == NULL || fellow->vector != here[i].vector) {
            ARM_TRY(find_rows(&here[i], fellow, part, i, err));
        }
    }
done:
    return st;
}

arm_status arm__parts_find(const struct arm_state_entry *a, size_t a_count,
                           const struct arm_state_entry *b, size_t b_count, struct arm_parts *out,
                           struct arm_error *err)
{
    struct arm_parts parts = {.a = {.count = 0}};
    arm_status st = ARM_OK;

    ARM_TRY(part_init(&parts.a, a_count, err));
    ARM_TRY(part_init(&parts.b, b_count, err));
    ARM_TRY(pair_all(a, b, &parts, err));
    ARM_TRY(find_side(a, b, &parts.a, err));
    ARM_TRY(find_side(b, a, &parts.b, err));
    *out = parts;
    parts = (struct arm_parts){.a = {.count = 0}};
done:
    arm__parts_release(&parts);
    return st;
}

static void free_rows(roaring_bitmap_t **rows, size_t count)
{
    for (size_t i = 0; rows != NULL && i < count; i++) {
        if (rows[i] != NULL) {
            roaring_bitmap_free(rows[i]);
        }
    }
    arm__free(rows);
}

void arm__parts_release(struct arm_parts *parts)
{
    free_rows(parts->a.rows, parts->a.count);
    free_rows(parts->b.rows, parts->b.count);
    arm__free(parts->a.fellow);
    arm__free(parts->b.fellow);
    *parts = (struct arm_parts){.a = {.count = 0}};
}

/* ---- Of three ---- */

static arm_status split_entry(const roaring_bitmap_t *rows, size_t entry, size_t fellow,
                              const struct arm_state_entry *ours, struct arm_split *out,
                              struct arm_error *err)
{
    roaring_bitmap_t *gone = roaring_bitmap_copy(rows);
    roaring_bitmap_t *here = NULL;
    arm_status st = ARM_OK;

    if (gone == NULL) {
        return no_memory(err);
    }
    if (fellow != ARM_PART_NONE && ours->vector == NULL) {
        here = gone;
        gone = NULL;
    } else if (fellow != ARM_PART_NONE) {
        here = roaring_bitmap_andnot(rows, ours->vector);
        if (here == NULL) {
            st = no_memory(err);
            goto done;
        }
        roaring_bitmap_and_inplace(gone, ours->vector);
    }
    if (here != NULL && !roaring_bitmap_is_empty(here)) {
        out->in_ours[fellow] = here;
        here = NULL;
    }
    if (gone != NULL && !roaring_bitmap_is_empty(gone)) {
        out->gone_rows += roaring_bitmap_get_cardinality(gone);
        out->gone[entry] = gone;
        gone = NULL;
    }
done:
    if (here != NULL) {
        roaring_bitmap_free(here);
    }
    if (gone != NULL) {
        roaring_bitmap_free(gone);
    }
    return st;
}

arm_status arm__parts_split(const struct arm_parts *theirs, const struct arm_parts *ours,
                            const struct arm_state_entry *ours_entries, struct arm_split *out,
                            struct arm_error *err)
{
    struct arm_split split = {.ours_count = ours->b.count, .base_count = theirs->a.count};
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(split.ours_count, sizeof(roaring_bitmap_t *), &split.in_ours, err));
    ARM_TRY(arm__calloc(split.base_count, sizeof(roaring_bitmap_t *), &split.gone, err));
    for (size_t i = 0; i < split.base_count; i++) {
        size_t fellow = ours->a.fellow[i];

        if (theirs->a.rows[i] != NULL) {
            ARM_TRY(split_entry(theirs->a.rows[i], i, fellow,
                                fellow == ARM_PART_NONE ? NULL : &ours_entries[fellow], &split,
                                err));
        }
    }
    *out = split;
    split = (struct arm_split){.ours_count = 0};
done:
    arm__split_release(&split);
    return st;
}

void arm__split_release(struct arm_split *split)
{
    free_rows(split->in_ours, split->ours_count);
    free_rows(split->gone, split->base_count);
    *split = (struct arm_split){.ours_count = 0};
}
