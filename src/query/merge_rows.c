/* SPDX-License-Identifier: Apache-2.0 */
/* A table that both sides changed: its name, its columns, its rows. */

#include <string.h>

#include "base/alloc.h"
#include "merge/few.h"
#include "model/type.h"
#include "query/merge_sides.h"
#include "query/query_private.h"

enum {
    FEW_ROWS = 2048,        /* ... are planned without the optimizer */
    FEW_BYTES_MAX = 4 << 20 /* of rows that are held in memory, as stored */
};

/* What of a table is at hand while it is merged. */
struct table_merge {
    struct arm_merging *m;
    struct arm_table_info base; /* without its schema; version 0: not there, or two bases joined */
    Armpb__Schema *base_schema; /* NULL: it is not there */
    struct arm_table_info ours;
    struct arm_table_info theirs;
    char schema_name[256]; /* what it is called from here on */
    char name[256];
    struct arm_merged_schema merged;
    const struct arm_view *base_view; /* NULL: nothing */
    const struct arm_view *ours_view;
    const struct arm_view *theirs_view;
    struct arm_sides sides;
    struct arm_merge_chunks chunks; /* that come as they stand */
};

static void table_merge_release(struct table_merge *t)
{
    arm__merge_chunks_release(&t->chunks);
    arm__sides_release(&t->sides);
    arm__view_drop(t->base_view);
    arm__view_drop(t->ours_view);
    arm__view_drop(t->theirs_view);
    arm__merged_schema_release(&t->merged);
    arm__schema_free(t->base_schema);
    arm__table_info_release(&t->base);
    arm__table_info_release(&t->ours);
    arm__table_info_release(&t->theirs);
}

arm_status arm__merge_info(struct arm_merging *m, const struct arm_table_row *row,
                           struct arm_table_info *out, struct arm_error *err)
{
    return row == NULL ? ARM_OK
                       : arm__catalog_table_version(arm__txn_catalog(m->txn), row->schema_name,
                                                    row->name, row->version, out, err);
}

/* What both began with. */
static arm_status take_base(struct table_merge *t, const struct arm_merging_table *rows,
                            struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (rows->other != NULL) {
        ARM_TRY(arm__merge_bases(t->m, rows, &t->base_view, &t->base_schema, err));
    }
    if (t->base_view == NULL) {
        const struct arm_table_row *row = rows->other != NULL ? rows->fork : rows->base;

        ARM_TRY(arm__merge_info(t->m, row, &t->base, err));
        if (row != NULL) {
            ARM_TRY(arm__txn_view_version(t->m->txn, &t->base, &t->base_view, err));
            t->base_schema = t->base.schema;
            t->base.schema = NULL;
        }
    }
done:
    return st;
}

/* ---- Name ---- */

static bool same_name(const struct arm_table_row *a, const struct arm_table_row *b)
{
    return strcmp(a->schema_name, b->schema_name) == 0 && strcmp(a->name, b->name) == 0;
}

/* `*out_goes_on` false: it is told that both renamed it. */
static arm_status merge_name(struct table_merge *t, const struct arm_merging_table *rows,
                             bool *out_goes_on, struct arm_error *err)
{
    bool ours_kept = rows->base != NULL && same_name(rows->base, rows->ours);
    bool theirs_kept = rows->base != NULL && same_name(rows->base, rows->theirs);
    arm_status st = ARM_OK;

    *out_goes_on = true;
    memcpy(t->schema_name, rows->ours->schema_name, sizeof t->schema_name);
    memcpy(t->name, rows->ours->name, sizeof t->name);
    if (theirs_kept || same_name(rows->ours, rows->theirs)) {
        return ARM_OK;
    }
    if (!ours_kept) {
        *out_goes_on = false;
        return arm__merge_tell(t->m, t->schema_name, t->name, "rename/rename",
                               "both sides renamed it, and differently", err);
    }
    st = arm__txn_rename_table(t->m->txn, t->schema_name, t->name, rows->theirs->name, err);
    if (st == ARM_EXISTS) {
        *out_goes_on = false;
        return arm__merge_tell(t->m, t->schema_name, t->name, "rename/table",
                               "the source renamed it, and the target has another table of that "
                               "name",
                               err);
    }
    ARM_TRY(st);
    memcpy(t->name, rows->theirs->name, sizeof t->name);
    ARM_TRY(arm__merge_changed(t->m, t->schema_name, t->name, err));
done:
    return st;
}

/* ---- Columns ---- */

static bool has_type_changed(const Armpb__Schema *from, const Armpb__Schema *to)
{
    for (size_t i = 0; i < to->n_columns; i++) {
        const Armpb__Column *old = arm__schema_column(from, to->columns[i]->field->id);

        if (old != NULL && !arm__type_equal(old->field->type, to->columns[i]->field->type)) {
            return true;
        }
    }
    return false;
}

static arm_status merge_columns(struct table_merge *t, bool *out_goes_on, struct arm_error *err)
{
    struct arm_merged_schema *merged = &t->merged;
    arm_status st = ARM_OK;

    ARM_TRY(arm__schemas_merge(t->base_schema, t->ours.schema, t->theirs.schema, merged, err));
    *out_goes_on = merged->contradiction[0] == '\0';
    if (!*out_goes_on) {
        ARM_TRY(
            arm__merge_tell(t->m, t->schema_name, t->name, "schema", merged->contradiction, err));
        goto done;
    }
    ARM_TRY(
        arm__txn_open_table(t->m->txn, t->schema_name, t->name, t->theirs.version.schema_id, err));
    if (!merged->is_ours) {
        ARM_TRY(arm__txn_alter_table(t->m->txn, t->schema_name, t->name, merged->schema, err));
        ARM_TRY(arm__merge_changed(t->m, t->schema_name, t->name, err));
    }
done:
    return st;
}

/* ---- Rows ---- */

/* Planning is most of what a merge of a few rows takes. */
static arm_status execute(struct table_merge *t, const char *sql, struct arm_duck_result **out,
                          struct arm_error *err)
{
    struct arm_duck_connection *connection = t->m->session->connection;
    bool optimized;
    arm_status st;

    if (arm__sides_row_count(&t->sides) > FEW_ROWS) {
        return arm__duck_execute(connection, sql, out, err);
    }
    optimized = arm__duck_optimize(connection, false);
    st = arm__duck_execute(connection, sql, out, err);
    (void)arm__duck_optimize(connection, optimized);
    return st;
}

/* `tells` false: what a conflict is of is not asked for, and with one (`*out_conflicts`) nothing
 * was done. */
static arm_status run(struct table_merge *t, bool tells, uint64_t *out_conflicts,
                      struct arm_error *err)
{
    struct arm_duck_connection *connection = t->m->session->connection;
    struct arm_buf sql = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    struct arm_duck_application application = {
        .view = t->ours_view, .visit = tells ? arm__merge_take_conflict : NULL, .context = t->m};
    arm_status st = ARM_OK;

    t->sides.merge.tells = tells;
    ARM_TRY(arm__three_way_sql(&t->sides.merge, &sql, err));
    ARM_TRY(arm__buf_u8(&sql, 0, err));
    ARM_TRY(execute(t, (const char *)sql.data, &application.rows, err));
    ARM_TRY(arm__duck_buffer(application.rows, err));
    ARM_TRY(arm__duck_apply(connection, &application, out_conflicts, err));
done:
    arm__duck_result_free(application.rows);
    arm__buf_release(&sql);
    return st;
}

/* What each side may have, both may not. */
static arm_status tell_constraint(struct table_merge *t, const struct arm_error *why,
                                  struct arm_error *err)
{
    return arm__merge_tell(t->m, t->schema_name, t->name, "constraint", why->message, err);
}

static arm_status apply(struct table_merge *t, struct arm_error *err)
{
    struct arm_merging *m = t->m;
    size_t first = m->report->conflict_count;
    struct arm_error why = {.code = ARM_OK};
    uint64_t conflicts = 0;
    arm_status st = run(t, false, &conflicts, &why);

    if (st == ARM_OK && conflicts > 0) {
        st = run(t, true, &conflicts, &why);
    }
    if (st == ARM_CONSTRAINT) {
        return tell_constraint(t, &why, err);
    }
    if (st != ARM_OK && err != NULL) {
        *err = why;
    }
    ARM_TRY(st);
    if (m->stays_open && conflicts > 0) {
        ARM_TRY(
            arm__merge_locate(m, first, t->ours_view, t->merged.schema, t->sides.merge.match, err));
    }
done:
    return st;
}

/* ---- Few rows ---- */

/* The views of the sides, in the order of enum arm_few_side, before statements may read them. */
struct kept_sides {
    const struct arm_view *views[ARM_FEW_SIDES]; /* owned */
    size_t count;
};

static arm_status keep_view(void *self, const struct arm_view *view, char out_at[32],
                            struct arm_error *err)
{
    struct kept_sides *kept = self;

    (void)err;
    out_at[0] = '\0';
    kept->views[kept->count++] = view;
    return ARM_OK;
}

static void drop_sides(struct kept_sides *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        arm__view_drop(kept->views[i]);
    }
    kept->count = 0;
}

static arm_status show_sides(struct table_merge *t, struct kept_sides *kept, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < kept->count; i++) {
        const struct arm_view *view = arm__view_retain(kept->views[i]);

        ARM_TRY(arm__duck_show(t->m->session->connection, view, t->sides.at[i], err));
    }
done:
    return st;
}

static bool is_for_few(struct table_merge *t)
{
    const struct arm_three_way *merge = &t->sides.merge;

    return arm__sides_row_count(&t->sides) <= arm__duck_few_rows(t->m->session->connection) &&
           arm__sides_bytes(&t->sides) <= FEW_BYTES_MAX && !arm__side_casts(&merge->here) &&
           !arm__side_casts(&merge->gone) && !arm__side_casts(&merge->there) &&
           !arm__side_casts(&merge->ours);
}

/* Where the columns of the key stand; the caller's. */
static arm_status key_columns(const Armpb__Schema *schema, size_t **out, size_t *out_count,
                              struct arm_error *err)
{
    const Armpb__Key *key = schema->keys[0];
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(key->n_field_ids, sizeof **out, out, err));
    *out_count = key->n_field_ids;
    for (size_t i = 0; i < key->n_field_ids; i++) {
        while (schema->columns[(*out)[i]]->field->id != key->field_ids[i]) {
            (*out)[i]++;
        }
    }
done:
    return st;
}

/* `*out_done` false: it takes a statement. */
static arm_status merge_few(struct table_merge *t, const struct kept_sides *kept, bool *out_done,
                            struct arm_error *err)
{
    struct arm_duck_few few = {.view = t->ours_view};
    size_t *key = NULL;
    struct arm_error why = {.code = ARM_OK};
    arm_status st = ARM_OK;

    *out_done = false;
    if (!is_for_few(t)) {
        return ARM_OK;
    }
    if (t->sides.merge.match == ARM_MATCH_KEY) {
        ARM_TRY(key_columns(t->merged.schema, &key, &few.key_count, err));
        few.key = key;
    }
    memcpy(few.sides, kept->views, sizeof few.sides);
    st = arm__duck_merge_few(t->m->session->connection, &few, out_done, &why);
    if (st == ARM_CONSTRAINT) {
        *out_done = true;
        st = tell_constraint(t, &why, err);
    } else if (st != ARM_OK && err != NULL) {
        *err = why;
    }
done:
    arm__free(key);
    return st;
}

/* ---- Chunks ---- */

/* Nothing of the columns changed on either side. */
static bool has_one_schema(const struct table_merge *t)
{
    uint32_t id = t->base.version.schema_id;

    return t->base.version.version > 0 && t->ours.version.schema_id == id &&
           t->theirs.version.schema_id == id;
}

static arm_status find_chunks(struct table_merge *t, struct arm_error *err)
{
    return !has_one_schema(t)
               ? ARM_OK
               : arm__merge_find_chunks(t->m, &t->sides,
                                        arm__sides_match(&t->sides, t->merged.schema),
                                        t->base.version.next_row_id, &t->chunks, err);
}

static arm_status take_chunks(struct table_merge *t, struct arm_error *err)
{
    struct arm_error why = {.code = ARM_OK};
    arm_status st = ARM_OK;

    if (t->chunks.count == 0) {
        return ARM_OK;
    }
    st = arm__txn_adopt_chunks(t->m->txn, t->schema_name, t->name, t->theirs_view,
                               t->chunks.entries, t->chunks.count, &why);
    if (st == ARM_CONSTRAINT) {
        return tell_constraint(t, &why, err);
    }
    if (st != ARM_OK && err != NULL) {
        *err = why;
    }
    return st;
}

/* ---- All of it ---- */

/* The rows that are to be looked at. */
static arm_status merge_by_rows(struct table_merge *t, struct arm_error *err)
{
    struct kept_sides kept = {.count = 0};
    const struct arm_shower shower = {&kept, keep_view};
    bool is_done = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__sides_show(&t->sides, &t->merged, &shower, err));
    t->sides.merge.strategy = t->m->strategy;
    ARM_TRY(merge_few(t, &kept, &is_done, err));
    if (!is_done) {
        ARM_TRY(show_sides(t, &kept, err));
        ARM_TRY(apply(t, err));
    }
done:
    drop_sides(&kept);
    return st;
}

static arm_status merge_rows(struct table_merge *t, struct arm_error *err)
{
    struct arm_sides *sides = &t->sides;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_view_version(t->m->txn, &t->theirs, &t->theirs_view, err));
    ARM_TRY(arm__txn_view(t->m->txn, t->schema_name, t->name, &t->ours_view, err));
    sides->base = (struct arm_sides_state){t->base_view, t->base_schema};
    sides->ours = (struct arm_sides_state){t->ours_view, t->merged.schema};
    sides->theirs = (struct arm_sides_state){t->theirs_view, t->theirs.schema};
    ARM_TRY(arm__sides_compare(sides, err));
    if (!arm__sides_differ(sides)) {
        goto done; /* only its columns, or its name */
    }
    if (arm__sides_match(sides, t->merged.schema) != ARM_MATCH_KEY &&
        (has_type_changed(t->ours.schema, t->merged.schema) ||
         has_type_changed(t->theirs.schema, t->merged.schema))) {
        ARM_TRY(arm__merge_tell(t->m, t->schema_name, t->name, "schema",
                                "one side changed the type of a column, the other rows: without a "
                                "primary key it cannot be told which rows are the same",
                                err));
        goto done;
    }
    ARM_TRY(find_chunks(t, err));
    if (arm__sides_differ(sides)) {
        ARM_TRY(merge_by_rows(t, err));
    }
    ARM_TRY(take_chunks(t, err));
    ARM_TRY(arm__merge_changed(t->m, t->schema_name, t->name, err));
done:
    return st;
}

/* Views and their like have no rows: either they are the same, or it is a conflict. */
static arm_status merge_object(struct table_merge *t, const struct arm_merging_table *rows,
                               struct arm_error *err)
{
    return arm__merge_tell(t->m, rows->ours->schema_name, rows->ours->name,
                           arm__object_word(rows->ours->object), "both sides changed it", err);
}

arm_status arm__merge_table(struct arm_merging *m, const struct arm_merging_table *rows,
                            struct arm_error *err)
{
    struct table_merge t = {.m = m};
    bool goes_on = true;
    arm_status st = ARM_OK;

    if (rows->ours->object != ARMPB__OBJECT_KIND__TABLE) {
        return merge_object(&t, rows, err);
    }
    ARM_TRY(take_base(&t, rows, err));
    ARM_TRY(arm__merge_info(m, rows->ours, &t.ours, err));
    ARM_TRY(arm__merge_info(m, rows->theirs, &t.theirs, err));
    ARM_TRY(merge_name(&t, rows, &goes_on, err));
    if (goes_on) {
        ARM_TRY(merge_columns(&t, &goes_on, err));
    }
    if (goes_on) {
        ARM_TRY(merge_rows(&t, err));
    }
done:
    table_merge_release(&t);
    return st;
}
