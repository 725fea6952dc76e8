/* SPDX-License-Identifier: Apache-2.0 */
#include "merge/diff.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/lineage.h"
#include "merge/columns.h"
#include "merge/foresee.h"
#include "merge/pairs.h"
#include "merge/parts.h"
#include "model/table_name.h"
#include "model/type.h"

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

static arm_status comparison_init(struct arm_transaction *txn, const struct arm_pair *pair,
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
    ARM_TRY(same || !pair->has_a ? arm__side_init(&out->diff.a, wanted, of_a, NULL, 0, err)
                                 : arm__side_init_by_name(&out->diff.a, wanted, of_a, err));
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
    struct arm_pair pair = {.has_a = false};
    arm_status st = ARM_OK;

    ARM_TRY(arm__pair_find(txn, schema_name, name, a, b, &pair, err));
    ARM_TRY(comparison_init(txn, &pair, &c, err));
    ARM_TRY(show(shower, &c, err));
    ARM_TRY(arm__row_diff_sql(&c.diff, out_sql, err));
done:
    comparison_release(&c);
    arm__pair_release(&pair);
    return st;
}

/* ---- All tables ---- */

struct table_diff {
    struct arm_transaction *txn;
    const struct arm_shower *shower;
    struct arm_buf *sql;
    size_t count;              /* of tables that are in it */
    struct arm_table_map base; /* at the merge base */
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

/* Of the entries that the other side has not. */
static uint64_t bytes_of(const struct arm_view *view, const struct arm_part *part)
{
    uint64_t bytes = 0;

    for (size_t i = 0; view != NULL && i < view->entry_count; i++) {
        bytes += part->fellow[i] == ARM_PART_NONE ? view->entries[i].bytes : 0;
    }
    return bytes;
}

static arm_status add_bytes(struct table_diff *d, const struct comparison *c, struct arm_error *err)
{
    return arm__buf_printf(d->sql, err, ", %llu::UBIGINT, %llu::UBIGINT",
                           (unsigned long long)bytes_of(c->b, &c->parts.b),
                           (unsigned long long)bytes_of(c->a, &c->parts.a));
}

/* Whether it could be merged; two tables of one name that are the same, row by row, can. */
static arm_status add_foreseen(struct table_diff *d, const struct arm_pair *pair,
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
    const struct arm_table_row *of_base = arm__table_map_find(&d->base, &row->table_id);
    bool found = false;
    arm_status st = ARM_OK;

    if (of_base != NULL) {
        ARM_TRY(arm__catalog_table(arm__txn_catalog(d->txn), &d->at_base, of_base->schema_name,
                                   of_base->name, &base, &found, err));
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
static arm_status add_counts(struct table_diff *d, const struct arm_pair *pair,
                             struct arm_error *err)
{
    struct comparison c = {.a = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(comparison_init(d->txn, pair, &c, err));
    if (c.parts.a.row_count == 0 || c.parts.b.row_count == 0) {
        ARM_TRY(add_known(d->sql, c.parts.b.row_count, c.parts.a.row_count, err));
        ARM_TRY(add_foreseen(d, pair, &c, err));
        ARM_TRY(add_bytes(d, &c, err));
        goto done;
    }
    ARM_TRY(show(d->shower, &c, err));
    ARM_TRY(add_text(d->sql, ", added::UBIGINT, removed::UBIGINT, changed::UBIGINT", err));
    ARM_TRY(add_foreseen(d, pair, &c, err));
    ARM_TRY(add_bytes(d, &c, err));
    ARM_TRY(add_text(d->sql, " FROM (", err));
    ARM_TRY(arm__row_count_sql(&c.diff, d->sql, err));
    ARM_TRY(add_text(d->sql, ")", err));
done:
    comparison_release(&c);
    return st;
}

static const char *status_of(const struct arm_pair *pair)
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

static arm_status add_pair(void *context, const struct arm_pair *pair, struct arm_error *err)
{
    struct table_diff *d = context;
    const struct arm_table_row *row = pair->has_b ? &pair->b.row : &pair->a.row;
    char shown[ARM_SHOWN_NAME_BYTES];
    arm_status st = ARM_OK;

    arm__shown_name(row->schema_name, row->name, shown);
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

arm_status arm__diff_tables(struct arm_transaction *txn, const struct arm_shower *shower,
                            const char *a, const char *b, struct arm_buf *out_sql,
                            struct arm_error *err)
{
    static const char nothing[] = "SELECT '' AS \"table\", '' AS status, 0::UBIGINT, 0::UBIGINT, "
                                  "0::UBIGINT, 0::UBIGINT, 0::UBIGINT, false, 0::UBIGINT, "
                                  "0::UBIGINT WHERE false";
    struct arm_catalog *catalog = arm__txn_catalog(txn);
    struct arm_snapshot at_a;
    struct arm_snapshot at_b;
    struct table_diff d = {.txn = txn, .shower = shower, .sql = out_sql};
    bool has_base = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_resolve(catalog, arm__txn_snapshot(txn), a, &at_a, err));
    ARM_TRY(arm__catalog_resolve(catalog, arm__txn_snapshot(txn), b, &at_b, err));
    ARM_TRY(arm__catalog_merge_base(catalog, &at_a, &at_b, &d.at_base, &has_base, err));
    if (has_base) {
        ARM_TRY(arm__table_map_read(txn, &d.at_base, &d.base, err));
    }
    ARM_TRY(add_text(out_sql, "SELECT * FROM (", err));
    ARM_TRY(arm__pairs_each(txn, &at_a, &at_b, add_pair, &d, err));
    if (d.count == 0) {
        ARM_TRY(add_text(out_sql, nothing, err));
    }
    ARM_TRY(add_text(out_sql,
                     ") AS d(\"table\", status, old_version, new_version, rows_added, "
                     "rows_removed, rows_changed, conflict, bytes_added, bytes_removed) ORDER BY 1",
                     err));
done:
    arm__table_map_release(&d.base);
    return st;
}
