/* SPDX-License-Identifier: Apache-2.0 */
/* Which tables are to be merged, and those that need no look at their rows: what one side alone
 * changed is taken whole. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "merge/parts.h"
#include "query/merge.h"

static int compare_rows(const void *left, const void *right)
{
    const struct arm_table_row *a = left;
    const struct arm_table_row *b = right;

    return memcmp(a->table_id.bytes, b->table_id.bytes, ARM_TABLE_ID_BYTES);
}

/* What is restored is one table. */
static bool concerns(const struct arm_merging *m, const struct arm_table_row *row)
{
    return m->verb != ARM_MERGE_RESTORE || (arm__name_equal(row->schema_name, m->schema_name) &&
                                            arm__name_equal(row->name, m->name));
}

/* By table id. */
static arm_status list_tables(struct arm_merging *m, const struct arm_snapshot *at,
                              struct arm_table_list *out, struct arm_error *err)
{
    size_t kept = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_list(arm__txn_catalog(m->txn), at, out, err));
    for (size_t i = 0; i < out->count; i++) {
        if (concerns(m, &out->rows[i])) {
            out->rows[kept++] = out->rows[i];
        }
    }
    out->count = kept;
    if (out->count > 0) {
        qsort(out->rows, out->count, sizeof *out->rows, compare_rows);
    }
done:
    return st;
}

static const struct arm_table_row *find(const struct arm_table_list *list,
                                        const struct arm_table_row *row)
{
    return list->count == 0
               ? NULL
               : bsearch(row, list->rows, list->count, sizeof *list->rows, compare_rows);
}

/* The same version under the same name, or there on neither side. */
static bool is_same(const struct arm_table_row *a, const struct arm_table_row *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return a->version == b->version && strcmp(a->schema_name, b->schema_name) == 0 &&
           strcmp(a->name, b->name) == 0;
}

/* ---- What theirs alone changed ---- */

/* How many rows come and go when ours becomes theirs, by entries alone. */
static arm_status count_rows(struct arm_merging *m, const struct arm_table_info *theirs,
                             const struct arm_table_row *had, struct arm_adoption *out,
                             struct arm_error *err)
{
    const struct arm_view *ours_view = NULL;
    const struct arm_view *theirs_view = NULL;
    struct arm_parts parts = {.a = {.count = 0}};
    arm_status st = ARM_OK;

    if (theirs->row.object != ARMPB__OBJECT_KIND__TABLE) {
        return ARM_OK;
    }
    if (had == NULL) {
        out->rows_added = theirs->version.row_count;
        return ARM_OK;
    }
    ARM_TRY(arm__txn_view(m->txn, had->schema_name, had->name, &ours_view, err));
    ARM_TRY(arm__txn_view_version(m->txn, theirs, &theirs_view, err));
    ARM_TRY(arm__parts_find(ours_view->entries, ours_view->entry_count, theirs_view->entries,
                            theirs_view->entry_count, &parts, err));
    out->rows_added = parts.b.row_count;
    out->rows_removed = parts.a.row_count;
done:
    arm__parts_release(&parts);
    arm__view_drop(theirs_view);
    arm__view_drop(ours_view);
    return st;
}

/* A merge takes the version itself; what goes back in time makes a next one. */
static bool goes_back(const struct arm_merging *m)
{
    return m->verb == ARM_MERGE_REVERT || m->verb == ARM_MERGE_RESTORE;
}

static arm_status adopt(struct arm_merging *m, const struct arm_table_row *ours,
                        const struct arm_table_row *theirs, struct arm_error *err)
{
    struct arm_adoption adoption = {.had = ours};
    struct arm_table_row named = *theirs;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_table(arm__txn_catalog(m->txn), &m->theirs, theirs->schema_name,
                               theirs->name, &adoption.info, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_CORRUPT, "table \"%s\" is not there", theirs->name);
        goto done;
    }
    adoption.schema_name = named.schema_name;
    adoption.name = named.name;
    ARM_TRY(count_rows(m, &adoption.info, ours, &adoption, err));
    st = goes_back(m) ? arm__txn_adopt_next(m->txn, &adoption, err)
                      : arm__txn_adopt(m->txn, &adoption, err);
    if (st == ARM_EXISTS) { /* another table of ours has the name: both made one */
        st = arm__merge_tell(m, theirs->schema_name, theirs->name, "table/table",
                             "both sides have a table of this name, and they are not the same one",
                             err);
        goto done;
    }
    ARM_TRY(st);
    ARM_TRY(arm__merge_changed(m, theirs->schema_name, theirs->name, err));
done:
    arm__table_info_release(&adoption.info);
    return st;
}

static arm_status drop(struct arm_merging *m, const struct arm_table_row *ours,
                       struct arm_error *err)
{
    arm_status st = ARM_OK;

    switch (ours->object) {
    case ARMPB__OBJECT_KIND__TABLE:
        ARM_TRY(arm__txn_drop_table(m->txn, ours->schema_name, ours->name, err));
        break;
    case ARMPB__OBJECT_KIND__SCHEMA: /* what is in it may stay: it is there as long as it is */
        ARM_TRY(arm__txn_drop_schema(m->txn, ours->name, false, err));
        break;
    default:
        ARM_TRY(arm__txn_drop(m->txn, ours->object, ours->schema_name, ours->name, err));
        break;
    }
    ARM_TRY(arm__merge_changed(m, ours->schema_name, ours->name, err));
done:
    return st;
}

/* ---- One table ---- */

/* Whether both made something of the name that is the same: nothing is to be done. */
static arm_status is_twin(struct arm_merging *m, const struct arm_table_row *theirs, bool *out,
                          struct arm_error *err)
{
    struct arm_catalog *catalog = arm__txn_catalog(m->txn);
    struct arm_table_info a = {.schema = NULL};
    struct arm_table_info b = {.schema = NULL};
    const struct arm_view *a_view = NULL;
    const struct arm_view *b_view = NULL;
    struct arm_parts parts = {.a = {.count = 0}};
    bool has_a = false;
    bool has_b = false;
    arm_status st = ARM_OK;

    *out = false;
    ARM_TRY(
        arm__catalog_table(catalog, &m->ours, theirs->schema_name, theirs->name, &a, &has_a, err));
    ARM_TRY(arm__catalog_table(catalog, &m->theirs, theirs->schema_name, theirs->name, &b, &has_b,
                               err));
    if (!has_a || !has_b || a.row.object != b.row.object ||
        !arm__schema_same_columns(a.schema, b.schema)) {
        goto done;
    }
    if (a.row.object == ARMPB__OBJECT_KIND__SCHEMA) { /* a namespace is nothing but its name */
        *out = true;
        goto done;
    }
    if (a.row.object != ARMPB__OBJECT_KIND__TABLE) {
        goto done;
    }
    ARM_TRY(arm__txn_view_version(m->txn, &a, &a_view, err));
    ARM_TRY(arm__txn_view_version(m->txn, &b, &b_view, err));
    ARM_TRY(arm__parts_find(a_view->entries, a_view->entry_count, b_view->entries,
                            b_view->entry_count, &parts, err));
    *out = parts.a.row_count == 0 && parts.b.row_count == 0;
done:
    arm__parts_release(&parts);
    arm__view_drop(a_view);
    arm__view_drop(b_view);
    arm__table_info_release(&a);
    arm__table_info_release(&b);
    return st;
}

/* One of the two does not have it any more, and the other changed it. */
static arm_status tell_dropped(struct arm_merging *m, const struct arm_merging_table *t,
                               struct arm_error *err)
{
    const struct arm_table_row *kept = t->ours != NULL ? t->ours : t->theirs;
    bool by_ours = t->ours == NULL;

    if (m->strategy == ARM_MERGE_NEITHER) {
        return arm__merge_tell(m, kept->schema_name, kept->name,
                               by_ours ? "drop/update" : "update/drop",
                               by_ours ? "the target dropped it, the source changed it"
                                       : "the target changed it, the source dropped it",
                               err);
    }
    return arm__merge_tell(m, kept->schema_name, kept->name,
                           by_ours ? "drop/update" : "update/drop",
                           "one side dropped it, the other changed it: a strategy decides rows, "
                           "not whole tables",
                           err);
}

static arm_status merge_one(struct arm_merging *m, const struct arm_merging_table *t,
                            struct arm_error *err)
{
    bool twin = false;
    arm_status st = ARM_OK;

    if (is_same(t->ours, t->theirs) || (t->other == NULL && is_same(t->base, t->theirs))) {
        return ARM_OK;
    }
    if (t->other == NULL && is_same(t->base, t->ours)) {
        if (t->theirs == NULL) {
            return drop(m, t->ours, err);
        }
        if (goes_back(m) && t->ours != NULL && t->ours->object == ARMPB__OBJECT_KIND__TABLE) {
            return arm__merge_table(m, t, err); /* a next version, of the branch's own */
        }
        if (t->ours == NULL) {
            ARM_TRY(is_twin(m, t->theirs, &twin, err));
        }
        return twin ? ARM_OK : adopt(m, t->ours, t->theirs, err);
    }
    if (t->ours == NULL || t->theirs == NULL) {
        return tell_dropped(m, t, err);
    }
    ARM_TRY(arm__merge_table(m, t, err));
done:
    return st;
}

/* ---- All of them ---- */

struct lists {
    struct arm_table_list bases[2];
    struct arm_table_list fork;
    struct arm_table_list ours;
    struct arm_table_list theirs;
};

/* What both sides began with. Where they merged each other before, there are two such states: what
 * one of them changed since they parted is right; if both did, they are to be joined first. */
static void find_base(const struct arm_merging *m, const struct lists *l,
                      const struct arm_table_row *row, struct arm_merging_table *out)
{
    const struct arm_table_row *one = find(&l->bases[0], row);
    const struct arm_table_row *other = m->base_count > 1 ? find(&l->bases[1], row) : one;
    const struct arm_table_row *fork = find(&l->fork, row);

    out->base = one;
    if (is_same(one, other) || is_same(fork, other)) {
        return;
    }
    if (is_same(fork, one)) {
        out->base = other;
    } else if (one == NULL || other == NULL) {
        out->base = fork;
    } else {
        out->other = other;
        out->fork = fork;
    }
}

/* What is dropped, or frees its name, goes before what may take it. */
static bool goes_first(const struct arm_merging_table *t)
{
    return t->theirs == NULL || (t->ours != NULL && strcmp(t->ours->name, t->theirs->name) != 0);
}

static arm_status merge_lists(struct arm_merging *m, const struct lists *l, struct arm_error *err)
{
    const struct arm_table_list *ours = &l->ours;
    const struct arm_table_list *theirs = &l->theirs;
    arm_status st = ARM_OK;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < ours->count; i++) {
            struct arm_merging_table t = {.ours = &ours->rows[i],
                                          .theirs = find(theirs, &ours->rows[i])};

            find_base(m, l, &ours->rows[i], &t);
            if (goes_first(&t) == (pass == 0)) {
                ARM_TRY(merge_one(m, &t, err));
            }
        }
    }
    for (size_t i = 0; i < theirs->count; i++) {
        struct arm_merging_table t = {.theirs = &theirs->rows[i]};

        find_base(m, l, &theirs->rows[i], &t);
        if (find(ours, &theirs->rows[i]) == NULL) {
            ARM_TRY(merge_one(m, &t, err));
        }
    }
done:
    return st;
}

arm_status arm__merge_tables(struct arm_merging *m, struct arm_error *err)
{
    struct lists l = {.fork = {.count = 0}};
    arm_status st = ARM_OK;

    for (size_t i = 0; i < m->base_count; i++) {
        ARM_TRY(list_tables(m, &m->bases[i], &l.bases[i], err));
    }
    if (m->has_fork) {
        ARM_TRY(list_tables(m, &m->fork, &l.fork, err));
    }
    ARM_TRY(list_tables(m, &m->ours, &l.ours, err));
    ARM_TRY(list_tables(m, &m->theirs, &l.theirs, err));
    ARM_TRY(merge_lists(m, &l, err));
done:
    arm__free(l.bases[0].rows);
    arm__free(l.bases[1].rows);
    arm__free(l.fork.rows);
    arm__free(l.ours.rows);
    arm__free(l.theirs.rows);
    return st;
}
