/* SPDX-License-Identifier: Apache-2.0 */
#include "merge/sides.h"

void arm__sides_release(struct arm_sides *sides)
{
    arm__side_release(&sides->merge.here);
    arm__side_release(&sides->merge.gone);
    arm__side_release(&sides->merge.there);
    arm__side_release(&sides->merge.ours);
    arm__split_release(&sides->split);
    arm__parts_release(&sides->by_ours);
    arm__parts_release(&sides->by_theirs);
}

arm_status arm__sides_compare(struct arm_sides *out, struct arm_error *err)
{
    const struct arm_view *base = out->base.view;
    const struct arm_view *ours = out->ours.view;
    const struct arm_view *theirs = out->theirs.view;
    const struct arm_state_entry *entries = base == NULL ? NULL : base->entries;
    size_t count = base == NULL ? 0 : base->entry_count;
    arm_status st = ARM_OK;

    ARM_TRY(arm__parts_find(entries, count, theirs->entries, theirs->entry_count, &out->by_theirs,
                            err));
    ARM_TRY(arm__parts_find(entries, count, ours->entries, ours->entry_count, &out->by_ours, err));
    ARM_TRY(arm__parts_split(&out->by_theirs, &out->by_ours, ours->entries, &out->split, err));
done:
    return st;
}

bool arm__sides_differ(const struct arm_sides *sides)
{
    return sides->by_theirs.a.row_count > 0 || sides->by_theirs.b.row_count > 0;
}

uint64_t arm__sides_row_count(const struct arm_sides *sides)
{
    return sides->by_theirs.a.row_count + sides->by_theirs.b.row_count + sides->by_ours.b.row_count;
}

/* Of each entry, its rows' share. */
static uint64_t bytes_of(const struct arm_view *view, const struct arm_part *part)
{
    uint64_t bytes = 0;

    for (size_t i = 0; view != NULL && i < view->entry_count; i++) {
        if (part->rows[i] != NULL) {
            bytes += view->entries[i].bytes * roaring_bitmap_get_cardinality(part->rows[i]) /
                     view->entries[i].rows;
        }
    }
    return bytes;
}

uint64_t arm__sides_bytes(const struct arm_sides *sides)
{
    return bytes_of(sides->base.view, &sides->by_theirs.a) +
           bytes_of(sides->theirs.view, &sides->by_theirs.b) +
           bytes_of(sides->ours.view, &sides->by_ours.b);
}

enum arm_row_match arm__sides_match(const struct arm_sides *sides, const Armpb__Schema *wanted)
{
    const Armpb__Schema *base = sides->base.view == NULL ? wanted : sides->base.schema;
    bool by_key = arm__row_match(wanted, base, sides->theirs.schema, true) == ARM_MATCH_KEY &&
                  arm__row_match(wanted, sides->ours.schema, wanted, true) == ARM_MATCH_KEY;

    return by_key ? ARM_MATCH_KEY : ARM_MATCH_ID;
}

/* One side's rows, as a table that the statement may read. */
static arm_status show(const struct arm_shower *shower, const struct arm_view *view,
                       const struct arm_view *other, roaring_bitmap_t *const *rows,
                       struct arm_side *side, char at[32], struct arm_error *err)
{
    side->is_to_write = true;
    return arm__side_show(shower, view, other, rows, side, at, err);
}

arm_status arm__sides_show(struct arm_sides *s, const struct arm_merged_schema *merged,
                           const struct arm_shower *shower, struct arm_error *err)
{
    const Armpb__Schema *wanted = merged->schema;
    const Armpb__Schema *base = s->base.view == NULL ? wanted : s->base.schema;
    struct arm_three_way *merge = &s->merge;
    arm_status st = ARM_OK;

    merge->match = arm__sides_match(s, wanted);
    ARM_TRY(arm__side_init(&merge->here, wanted, s->ours.schema, NULL, 0, err));
    ARM_TRY(arm__side_init(&merge->ours, wanted, s->ours.schema, NULL, 0, err));
    ARM_TRY(arm__side_init(&merge->gone, wanted, base, NULL, 0, err));
    ARM_TRY(arm__side_init(&merge->there, wanted, s->theirs.schema, merged->aliases,
                           merged->alias_count, err));
    ARM_TRY(show(shower, s->ours.view, NULL, s->split.in_ours, &merge->here, s->at[0], err));
    ARM_TRY(show(shower, s->base.view, s->ours.view, s->split.gone, &merge->gone, s->at[1], err));
    ARM_TRY(show(shower, s->theirs.view, NULL, s->by_theirs.b.rows, &merge->there, s->at[2], err));
    ARM_TRY(show(shower, s->ours.view, NULL, s->by_ours.b.rows, &merge->ours, s->at[3], err));
done:
    return st;
}
