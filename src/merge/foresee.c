/* SPDX-License-Identifier: Apache-2.0 */
#include "merge/foresee.h"

#include <string.h>

#include "merge/sides.h"

static bool same_name(const struct arm_table_row *a, const struct arm_table_row *b)
{
    return strcmp(a->schema_name, b->schema_name) == 0 && strcmp(a->name, b->name) == 0;
}

/* A side has of the table what the base has. */
static bool is_base(const struct arm_foreseen *t, const struct arm_table_info *side)
{
    return t->base == NULL || side == NULL
               ? t->base == side
               : t->base->row.version == side->row.version && same_name(&t->base->row, &side->row);
}

static bool both_renamed(const struct arm_foreseen *t)
{
    const struct arm_table_row *ours = &t->ours->row;
    const struct arm_table_row *theirs = &t->theirs->row;

    return !same_name(ours, theirs) && (t->base == NULL || (!same_name(&t->base->row, ours) &&
                                                            !same_name(&t->base->row, theirs)));
}

static arm_status add(struct arm_buf *out, const char *text, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

/* Both changed it: do they contradict each other in a row? */
static arm_status add_rows(struct arm_transaction *txn, const struct arm_shower *shower,
                           const struct arm_foreseen *t, const struct arm_merged_schema *merged,
                           struct arm_buf *out, struct arm_error *err)
{
    struct arm_sides sides = {.ours = {.schema = t->ours->schema},
                              .theirs = {.schema = t->theirs->schema}};
    arm_status st = ARM_OK;

    if (t->base != NULL) {
        sides.base.schema = t->base->schema;
        ARM_TRY(arm__txn_view_version(txn, t->base, &sides.base.view, err));
    }
    ARM_TRY(arm__txn_view_version(txn, t->ours, &sides.ours.view, err));
    ARM_TRY(arm__txn_view_version(txn, t->theirs, &sides.theirs.view, err));
    ARM_TRY(arm__sides_compare(&sides, err));
    if (!arm__sides_differ(&sides)) {
        ARM_TRY(add(out, "false", err));
        goto done;
    }
    ARM_TRY(arm__sides_show(&sides, merged, shower, err));
    ARM_TRY(add(out, "(SELECT count(*) > 0 FROM (", err));
    ARM_TRY(arm__three_way_sql(&sides.merge, out, err));
    ARM_TRY(add(out, ") WHERE kind IS NOT NULL)", err));
done:
    arm__view_drop(sides.base.view);
    arm__view_drop(sides.ours.view);
    arm__view_drop(sides.theirs.view);
    arm__sides_release(&sides);
    return st;
}

arm_status arm__foresee_sql(struct arm_transaction *txn, const struct arm_shower *shower,
                            const struct arm_foreseen *t, struct arm_buf *out,
                            struct arm_error *err)
{
    struct arm_merged_schema merged = {.schema = NULL};
    arm_status st = ARM_OK;

    if (is_base(t, t->ours) || is_base(t, t->theirs)) {
        return add(out, "false", err);
    }
    if (t->ours == NULL || t->theirs == NULL || both_renamed(t) ||
        !arm__table_id_equal(&t->ours->row.table_id, &t->theirs->row.table_id)) {
        return add(out, "true", err);
    }
    ARM_TRY(arm__schemas_merge(t->base == NULL ? NULL : t->base->schema, t->ours->schema,
                               t->theirs->schema, &merged, err));
    if (merged.contradiction[0] != '\0') {
        ARM_TRY(add(out, "true", err));
        goto done;
    }
    ARM_TRY(add_rows(txn, shower, t, &merged, out, err));
done:
    arm__merged_schema_release(&merged);
    return st;
}
