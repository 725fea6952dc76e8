/* SPDX-License-Identifier: Apache-2.0 */
#include "merge/diff.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/lineage.h"
#include "merge/columns.h"
#include "merge/foresee.h"
#include "merge/parts.h"
#include "model/type.h"

/* ---- Which tables are the same ---- */

/* Those that have rows. */
static arm_status list_tables(struct arm_catalog *catalog, const struct arm_snapshot *at,
                              struct arm_table_list *out, struct arm_error *err)
{
    size_t kept = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_list(catalog, at, out, err));
    for (size_t i = 0; i < out->count; i++) {
        if (out->rows[i].object == ARMPB__OBJECT_KIND__TABLE) {
            out->rows[kept++] = out->rows[i];
        }
    }
    out->count = kept;
done:
    return st;
}

/* The same table, else one of the same name, that nothing else on the side is the same as. */
static const struct arm_table_row *fellow(const struct arm_table_list *list,
                                          const struct arm_table_list *others,
                                          const struct arm_table_row *row)
{
    const struct arm_table_row *namesake = NULL;

    for (size_t i = 0; i < list->count; i++) {
        if (arm__table_id_equal(&list->rows[i].table_id, &row->table_id)) {
            return &list->rows[i];
        }
        if (arm__name_equal(list->rows[i].schema_name, row->schema_name) &&
            arm__name_equal(list->rows[i].name, row->name)) {
            namesake = &list->rows[i];
        }
    }
    for (size_t i = 0; namesake != NULL && i < others->count; i++) {
        if (arm__table_id_equal(&others->rows[i].table_id, &namesake->table_id)) {
            return NULL; /* that one is there under another name */
        }
    }
    return namesake;
}

/* ---- One table at two points ---- */

/* `has_a` or `has_b` false: it is not there. */
struct pair {
    bool has_a;
    bool has_b;
    struct arm_table_info a;
    struct arm_table_info b;
};

static void pair_release(struct pair *pair)
{
    arm__table_info_release(&pair->a);
    arm__table_info_release(&pair->b);
}

static arm_status take_info(struct arm_transaction *txn, const struct arm_snapshot *at,
                            const struct arm_table_row *row, struct arm_table_info *out,
                            bool *out_has, struct arm_error *err)
{
    *out_has = false;
    return row == NULL ? ARM_OK
                       : arm__catalog_table(arm__txn_catalog(txn), at, row->schema_name, row->name,
                                            out, out_has, err);
}

static arm_status find_at(struct arm_transaction *txn, const char *schema_name, const char *name,
                          const char *ref, struct arm_table_info *out, bool *out_has,
                          struct arm_error *err)
{
    struct arm_catalog *catalog = arm__txn_catalog(txn);
    struct arm_error local;
    arm_status st =
        arm__catalog_table_at(catalog, arm__txn_snapshot(txn), schema_name, name, ref, out, &local);

    *out_has = st == ARM_OK && out->row.object == ARMPB__OBJECT_KIND__TABLE;
    if (st == ARM_NOT_FOUND) { /* of the ref, or of the table at it */
        struct arm_snapshot at;

        return arm__catalog_resolve(catalog, arm__txn_snapshot(txn), ref, &at, err);
    }
    if (st != ARM_OK && err != NULL) {
        *err = local;
    }
    return st;
}

/* The ref as a point of all tables; false: it names a version of one. */
static bool is_point(struct arm_transaction *txn, const char *ref, struct arm_snapshot *out)
{
    struct arm_ref parsed;

    return arm__ref_parse(ref, &parsed, NULL) == ARM_OK && parsed.kind != ARM_REF_VERSION &&
           arm__catalog_resolve(arm__txn_catalog(txn), arm__txn_snapshot(txn), ref, out, NULL) ==
               ARM_OK;
}

static const struct arm_table_row *named(const struct arm_table_list *list, const char *schema_name,
                                         const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (arm__name_equal(list->rows[i].schema_name, schema_name) &&
            arm__name_equal(list->rows[i].name, name)) {
            return &list->rows[i];
        }
    }
    return NULL;
}

/* The table that has the name at b, at a if b has none: and the same one on the other side, which
 * may be called otherwise there. */
static arm_status find_fellows(struct arm_transaction *txn, const struct arm_snapshot *at_a,
                               const struct arm_snapshot *at_b, const char *schema_name,
                               const char *name, struct pair *out, struct arm_error *err)
{
    struct arm_catalog *catalog = arm__txn_catalog(txn);
    const struct arm_table_row *of_a = NULL;
    const struct arm_table_row *of_b = NULL;
    struct arm_table_list a = {.count = 0};
    struct arm_table_list b = {.count = 0};
    arm_status st = ARM_OK;

    ARM_TRY(list_tables(catalog, at_a, &a, err));
    ARM_TRY(list_tables(catalog, at_b, &b, err));
    of_b = named(&b, schema_name, name);
    of_a = of_b == NULL ? named(&a, schema_name, name) : fellow(&a, &b, of_b);
    if (of_b == NULL && of_a != NULL) {
        of_b = fellow(&b, &a, of_a);
    }
    ARM_TRY(take_info(txn, at_a, of_a, &out->a, &out->has_a, err));
    ARM_TRY(take_info(txn, at_b, of_b, &out->b, &out->has_b, err));
done:
    arm__free(a.rows);
    arm__free(b.rows);
    return st;
}

static arm_status find_pair(struct arm_transaction *txn, const char *schema_name, const char *name,
                            const char *a, const char *b, struct pair *out, struct arm_error *err)
{
    struct arm_snapshot at_a;
    struct arm_snapshot at_b;
    arm_status st = ARM_OK;

    if (is_point(txn, a, &at_a) && is_point(txn, b, &at_b)) {
        return find_fellows(txn, &at_a, &at_b, schema_name, name, out, err);
    }
    ARM_TRY(find_at(txn, schema_name, name, a, &out->a, &out->has_a, err));
    ARM_TRY(find_at(txn, schema_name, name, b, &out->b, &out->has_b, err));
done:
    return st;
}

/* ---- What is read of it ---- */

/* A comparison while it is put together. */
struct comparison {
    struct arm_row_diff diff;
    const struct arm_view *a; /* NULL: it is not there */
    const struct arm_view *b;
    struct arm_parts parts;
    char a_at[32];
    char b_at[32];
};

static void comparison_release(struct comparison *c)
{
    arm__parts_release(&c->parts);
    arm__side_release(&c->diff.a);
    arm__side_release(&c->diff.b);
    arm__view_drop(c->a);
    arm__view_drop(c->b);
}

static arm_status comparison_init(struct arm_transaction *txn, const struct pair *pair,
                                  struct comparison *out, struct arm_error *err)
{
    const Armpb__Schema *wanted = pair->has_b ? pair->b.schema : pair->a.schema;
    const Armpb__Schema *of_a = pair->has_a ? pair->a.schema : wanted;
    bool same = pair->has_a && pair->has_b &&
                arm__table_id_equal(&pair->a.row.table_id, &pair->b.row.table_id);
    arm_status st = ARM_OK;

    if (pair->has_a) {
        ARM_TRY(arm__txn_view_version(txn, &pair->a, &out->a, err));
    }
    if (pair->has_b) {
        ARM_TRY(arm__txn_view_version(txn, &pair->b, &out->b, err));
    }
    ARM_TRY(arm__parts_find(out->a == NULL ? NULL : out->a->entries,
                            out->a == NULL ? 0 : out->a->entry_count,
                            out->b == NULL ? NULL : out->b->entries,
                            out->b == NULL ? 0 : out->b->entry_count, &out->parts, err));
    out->diff.wanted = wanted;
    out->diff.match = arm__row_match(wanted, of_a, wanted, same);
    out->diff.a_version = pair->has_a ? pair->a.row.version : 0;
    out->diff.b_version = pair->has_b ? pair->b.row.version : 0;
    out->diff.a_tx = pair->has_a ? pair->a.version.tx : 0;
    out->diff.b_tx = pair->has_b ? pair->b.version.tx : 0;
    ARM_TRY(arm__side_init(&out->diff.a, wanted, of_a, NULL, 0, err));
    ARM_TRY(arm__side_init(&out->diff.b, wanted, wanted, NULL, 0, err));
done:
    return st;
}

arm_status arm__side_show(const struct arm_shower *shower, const struct arm_view *view,
                          const struct arm_view *other, roaring_bitmap_t *const *rows,
                          struct arm_side *side, char at[32], struct arm_error *err)
{
    roaring_bitmap_t **nothing = NULL;
    const struct arm_view *narrow = NULL;
    arm_status st = ARM_OK;

    if (view == NULL) {
        ARM_TRY(arm__calloc(other->entry_count, sizeof(roaring_bitmap_t *), &nothing, err));
        rows = nothing;
        view = other;
    }
    ARM_TRY(arm__view_narrow(view, rows, side->read, &narrow, err));
    ARM_TRY(shower->show(shower->self, narrow, at, err));
    side->at = at;
done:
    arm__free(nothing);
    return st;
}

static arm_status show(const struct arm_shower *shower, struct comparison *c, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__side_show(shower, c->a, c->b, c->parts.a.rows, &c->diff.a, c->a_at, err));
    ARM_TRY(arm__side_show(shower, c->b, c->a, c->parts.b.rows, &c->diff.b, c->b_at, err));
done:
    return st;
}

arm_status arm__diff_rows(struct arm_transaction *txn, const struct arm_shower *shower,
                          const char *schema_name, const char *name, const char *a, const char *b,
                          struct arm_buf *out_sql, struct arm_error *err)
{
    struct comparison c = {.a = NULL};
    struct pair pair = {.has_a = false};
    arm_status st = ARM_OK;

    ARM_TRY(find_pair(txn, schema_name, name, a, b, &pair, err));
    if (!pair.has_a && !pair.has_b) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\" at '%s' nor at '%s'", name, a,
                       b);
        goto done;
    }
    ARM_TRY(comparison_init(txn, &pair, &c, err));
    ARM_TRY(show(shower, &c, err));
    ARM_TRY(arm__row_diff_sql(&c.diff, out_sql, err));
done:
    comparison_release(&c);
    pair_release(&pair);
    return st;
}

/* ---- All tables ---- */

struct table_diff {
    struct arm_transaction *txn;
    const struct arm_shower *shower;
    const struct arm_snapshot *a;
    const struct arm_snapshot *b;
    struct arm_buf *sql;
    size_t count;               /* of tables that are in it */
    struct arm_table_list base; /* at the merge base */
    struct arm_snapshot at_base;
};

static arm_status add_text(struct arm_buf *out, const char *text, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

static arm_status add_version(struct arm_buf *out, uint64_t version, struct arm_error *err)
{
    char text[40];

    (void)snprintf(text, sizeof text, version == 0 ? ", NULL::UBIGINT" : ", %llu::UBIGINT",
                   (unsigned long long)version);
    return add_text(out, text, err);
}

static arm_status add_known(struct arm_buf *out, uint64_t added, uint64_t removed,
                            struct arm_error *err)
{
    char text[96];

    (void)snprintf(text, sizeof text, ", %llu::UBIGINT, %llu::UBIGINT, 0::UBIGINT",
                   (unsigned long long)added, (unsigned long long)removed);
    return add_text(out, text, err);
}

/* Whether it could be merged; two tables of one name that are the same, row by row, can. */
static arm_status add_foreseen(struct table_diff *d, const struct pair *pair,
                               const struct comparison *c, struct arm_error *err)
{
    const struct arm_table_row *row = pair->has_b ? &pair->b.row : &pair->a.row;
    bool is_twin = pair->has_a && pair->has_b &&
                   !arm__table_id_equal(&pair->a.row.table_id, &pair->b.row.table_id) &&
                   c->parts.a.row_count == 0 && c->parts.b.row_count == 0 &&
                   arm__schema_same_columns(pair->a.schema, pair->b.schema);
    struct arm_table_info base = {.schema = NULL};
    struct arm_foreseen foreseen = {.ours = pair->has_a ? &pair->a : NULL,
                                    .theirs = pair->has_b ? &pair->b : NULL};
    bool found = false;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < d->base.count && !found; i++) {
        if (arm__table_id_equal(&d->base.rows[i].table_id, &row->table_id)) {
            ARM_TRY(arm__catalog_table(arm__txn_catalog(d->txn), &d->at_base,
                                       d->base.rows[i].schema_name, d->base.rows[i].name, &base,
                                       &found, err));
        }
    }
    foreseen.base = found ? &base : NULL;
    ARM_TRY(add_text(d->sql, ", ", err));
    ARM_TRY(is_twin ? add_text(d->sql, "false", err)
                    : arm__foresee_sql(d->txn, d->shower, &foreseen, d->sql, err));
done:
    arm__table_info_release(&base);
    return st;
}

/* Rows on one side only were added, or removed; else they are to be matched. */
static arm_status add_counts(struct table_diff *d, const struct pair *pair, struct arm_error *err)
{
    struct comparison c = {.a = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(comparison_init(d->txn, pair, &c, err));
    if (c.parts.a.row_count == 0 || c.parts.b.row_count == 0) {
        ARM_TRY(add_known(d->sql, c.parts.b.row_count, c.parts.a.row_count, err));
        ARM_TRY(add_foreseen(d, pair, &c, err));
        goto done;
    }
    ARM_TRY(show(d->shower, &c, err));
    ARM_TRY(add_text(d->sql, ", added::UBIGINT, removed::UBIGINT, changed::UBIGINT", err));
    ARM_TRY(add_foreseen(d, pair, &c, err));
    ARM_TRY(add_text(d->sql, " FROM (", err));
    ARM_TRY(arm__row_count_sql(&c.diff, d->sql, err));
    ARM_TRY(add_text(d->sql, ")", err));
done:
    comparison_release(&c);
    return st;
}

static const char *status_of(const struct pair *pair)
{
    if (!pair->has_a) {
        return "added";
    }
    if (!pair->has_b) {
        return "removed";
    }
    return strcmp(pair->a.row.schema_name, pair->b.row.schema_name) == 0 &&
                   strcmp(pair->a.row.name, pair->b.row.name) == 0
               ? "modified"
               : "renamed";
}

static arm_status add_pair(struct table_diff *d, const struct pair *pair, struct arm_error *err)
{
    const struct arm_table_row *row = pair->has_b ? &pair->b.row : &pair->a.row;
    char shown[2 * 256 + 2];
    arm_status st = ARM_OK;

    (void)snprintf(shown, sizeof shown, strcmp(row->schema_name, "main") == 0 ? "%.0s%s" : "%s.%s",
                   row->schema_name, row->name);
    ARM_TRY(add_text(d->sql, d->count++ == 0 ? "SELECT " : " UNION ALL SELECT ", err));
    ARM_TRY(arm__sql_string(shown, d->sql, err));
    ARM_TRY(add_text(d->sql, d->count == 1 ? " AS \"table\", '" : ", '", err));
    ARM_TRY(add_text(d->sql, status_of(pair), err));
    ARM_TRY(add_text(d->sql, d->count == 1 ? "' AS status" : "'", err));
    ARM_TRY(add_version(d->sql, pair->has_a ? pair->a.row.version : 0, err));
    ARM_TRY(add_version(d->sql, pair->has_b ? pair->b.row.version : 0, err));
    ARM_TRY(add_counts(d, pair, err));
done:
    return st;
}

static arm_status compare(struct table_diff *d, const struct arm_table_row *a,
                          const struct arm_table_row *b, struct arm_error *err)
{
    struct pair pair = {.has_a = false};
    arm_status st = ARM_OK;

    if (a != NULL && b != NULL && arm__table_id_equal(&a->table_id, &b->table_id) &&
        a->version == b->version && strcmp(a->name, b->name) == 0 &&
        strcmp(a->schema_name, b->schema_name) == 0) {
        return ARM_OK;
    }
    ARM_TRY(take_info(d->txn, d->a, a, &pair.a, &pair.has_a, err));
    ARM_TRY(take_info(d->txn, d->b, b, &pair.b, &pair.has_b, err));
    ARM_TRY(add_pair(d, &pair, err));
done:
    pair_release(&pair);
    return st;
}

static arm_status compare_all(struct table_diff *d, struct arm_error *err)
{
    struct arm_catalog *catalog = arm__txn_catalog(d->txn);
    struct arm_table_list a = {.count = 0};
    struct arm_table_list b = {.count = 0};
    arm_status st = ARM_OK;

    ARM_TRY(list_tables(catalog, d->a, &a, err));
    ARM_TRY(list_tables(catalog, d->b, &b, err));
    for (size_t i = 0; i < b.count; i++) {
        ARM_TRY(compare(d, fellow(&a, &b, &b.rows[i]), &b.rows[i], err));
    }
    for (size_t i = 0; i < a.count; i++) {
        if (fellow(&b, &a, &a.rows[i]) == NULL) {
            ARM_TRY(compare(d, &a.rows[i], NULL, err));
        }
    }
done:
    arm__free(a.rows);
    arm__free(b.rows);
    return st;
}

arm_status arm__diff_tables(struct arm_transaction *txn, const struct arm_shower *shower,
                            const char *a, const char *b, struct arm_buf *out_sql,
                            struct arm_error *err)
{
    static const char nothing[] = "SELECT '' AS \"table\", '' AS status, 0::UBIGINT, 0::UBIGINT, "
                                  "0::UBIGINT, 0::UBIGINT, 0::UBIGINT, false WHERE false";
    struct arm_catalog *catalog = arm__txn_catalog(txn);
    struct arm_snapshot at_a;
    struct arm_snapshot at_b;
    struct table_diff d = {.txn = txn, .shower = shower, .a = &at_a, .b = &at_b, .sql = out_sql};
    bool has_base = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_resolve(catalog, arm__txn_snapshot(txn), a, &at_a, err));
    ARM_TRY(arm__catalog_resolve(catalog, arm__txn_snapshot(txn), b, &at_b, err));
    ARM_TRY(arm__catalog_merge_base(catalog, &at_a, &at_b, &d.at_base, &has_base, err));
    if (has_base) {
        ARM_TRY(list_tables(catalog, &d.at_base, &d.base, err));
    }
    ARM_TRY(add_text(out_sql, "SELECT * FROM (", err));
    ARM_TRY(compare_all(&d, err));
    if (d.count == 0) {
        ARM_TRY(add_text(out_sql, nothing, err));
    }
    ARM_TRY(add_text(out_sql,
                     ") AS d(\"table\", status, old_version, new_version, rows_added, "
                     "rows_removed, rows_changed, conflict) ORDER BY 1",
                     err));
done:
    arm__free(d.base.rows);
    return st;
}
