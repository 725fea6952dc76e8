/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/row_changes.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "feed/pieces.h"
#include "feed/table_line.h"
#include "merge/parts.h"
#include "model/type.h"

/* Rows of one schema, on one side of steps. */
struct group {
    struct arm_table_id table_id;
    uint32_t schema_id;
    const Armpb__Schema *own; /* the catalog's */
    struct arm_pieces pieces; /* each marked with its step's number */
    struct arm_side side;
    char at[32];
};
struct groups {
    size_t count;
    struct group *items;
};

struct changes {
    struct arm_transaction *txn;
    struct arm_catalog *catalog;
    const struct arm_shower *shower;
    struct arm_table_line line;
    Armpb__Schema *wanted; /* the columns that are told; owned */
    struct arm_table_id table_id;
    enum arm_row_match match;
    struct groups from;
    struct groups to;
};

static void groups_release(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        arm__pieces_release(&groups->items[i].pieces);
        arm__side_release(&groups->items[i].side);
    }
    arm__free(groups->items);
}

static void changes_release(struct changes *c)
{
    groups_release(&c->from);
    groups_release(&c->to);
    arm__schema_free(c->wanted);
    arm__table_line_release(&c->line);
}

/* ---- Versions ---- */

/* One end of a step: its rows, and how they are read. */
struct end {
    struct arm_version_row version;
    struct arm_table_state *state; /* NULL: there is no table */
};

static arm_status version_of(struct changes *c, const struct arm_line_point *point,
                             struct arm_version_row *out, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_begin_read(c->catalog, &txn, err));
    ARM_TRY(arm__index_version(txn, &point->table_id, point->version, out, NULL, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_CORRUPT, "index: version %llu of a table is missing",
                       (unsigned long long)point->version);
    }
done:
    arm__index_abort(txn);
    return st;
}

/* Versions of a step are readable if they were kept when the walk began (keep_all), or are found
 * not to have expired now. */
static arm_status end_init(struct changes *c, const struct arm_line_point *point, struct end *out,
                           struct arm_error *err)
{
    arm_status st = ARM_OK;

    *out = (struct end){.state = NULL};
    if (point->is_there) {
        ARM_TRY(version_of(c, point, &out->version, err));
        ARM_TRY(arm__catalog_state(c->catalog, &point->table_id, point->version, &out->state, err));
    }
done:
    return st;
}

/* `*out_since`: of the last step that begins with a version which has expired. */
static arm_status find_kept(struct changes *c, uint64_t *out_since, struct arm_error *err)
{
    uint64_t durable = arm__txn_snapshot(c->txn)->tx;
    struct arm_index_txn *txn = NULL;
    bool is_expired = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_begin_read(c->catalog, &txn, err));
    for (size_t i = c->line.count; !is_expired && i-- > 0;) {
        const struct arm_line_step *step = &c->line.steps[i];

        *out_since = step->tx;
        if (step->from.is_there) {
            ARM_TRY(arm__index_is_expired(txn, &step->from.table_id, step->from.version, durable,
                                          &is_expired, err));
        }
    }
done:
    arm__index_abort(txn);
    return st;
}

/* Nothing that the steps read may be taken by gc meanwhile: what is needed first came first. */
static arm_status keep_all(struct changes *c, struct arm_error *err)
{
    const struct arm_line_step *first = c->line.count > 0 ? &c->line.steps[0] : NULL;
    const struct arm_line_point *oldest = NULL;
    struct arm_version_row version;
    struct arm_error why;
    uint64_t since = 0;
    arm_status st = ARM_OK;

    if (first != NULL) {
        oldest = first->from.is_there ? &first->from : &first->to;
        ARM_TRY(version_of(c, oldest, &version, err));
        st = arm__txn_keep_version(c->txn, &oldest->table_id, &version, &why);
        if (st == ARM_HISTORY_EXPIRED) {
            ARM_TRY(find_kept(c, &since, err));
            st = arm__fail(err, ARM_HISTORY_EXPIRED,
                           "%s; what became of rows is known since tx %llu", why.message,
                           (unsigned long long)since);
        } else if (st != ARM_OK) {
            st = arm__fail(err, st, "%s", why.message);
        }
    }
done:
    return st;
}

/* ---- Groups ---- */

static arm_status find_group(struct changes *c, struct groups *groups,
                             const struct arm_table_id *table_id, uint32_t schema_id,
                             struct group **out, struct arm_error *err)
{
    struct group *group;
    arm_status st = ARM_OK;

    for (size_t i = groups->count; i-- > 0;) { /* the last one is the likeliest */
        if (groups->items[i].schema_id == schema_id &&
            arm__table_id_equal(&groups->items[i].table_id, table_id)) {
            *out = &groups->items[i];
            return ARM_OK;
        }
    }
    ARM_TRY(arm__realloc(&groups->items, groups->count + 1, sizeof *groups->items, err));
    group = &groups->items[groups->count];
    *group = (struct group){.table_id = *table_id, .schema_id = schema_id};
    arm__pieces_init(&group->pieces);
    ARM_TRY(arm__catalog_schema(c->catalog, table_id, schema_id, &group->own, err));
    groups->count++;
    *out = group;
done:
    return st;
}

/* What one side alone has; its bitmaps are taken. */
static arm_status add_part(struct changes *c, struct groups *groups, const struct end *end,
                           struct arm_part *part, uint64_t step, struct arm_error *err)
{
    struct group *group = NULL;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < part->count; i++) {
        roaring_bitmap_t *rows = part->rows[i];

        if (rows == NULL) {
            continue;
        }
        ARM_TRY(find_group(c, groups, &end->version.table_id, end->version.schema_id, &group, err));
        part->rows[i] = NULL;
        ARM_TRY(arm__pieces_add(&group->pieces, &end->state->entries[i], rows, step, err));
    }
done:
    return st;
}

static arm_status add_step(struct changes *c, size_t number, struct arm_error *err)
{
    const struct arm_line_step *step = &c->line.steps[number];
    struct arm_parts parts = {.a = {.count = 0}};
    struct end from = {.state = NULL};
    struct end to = {.state = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(end_init(c, &step->from, &from, err));
    ARM_TRY(end_init(c, &step->to, &to, err));
    ARM_TRY(arm__parts_find(from.state == NULL ? NULL : from.state->entries,
                            from.state == NULL ? 0 : from.state->entry_count,
                            to.state == NULL ? NULL : to.state->entries,
                            to.state == NULL ? 0 : to.state->entry_count, &parts, err));
    ARM_TRY(add_part(c, &c->from, &from, &parts.a, number, err));
    ARM_TRY(add_part(c, &c->to, &to, &parts.b, number, err));
done:
    arm__parts_release(&parts);
    arm__table_state_drop(to.state);
    arm__table_state_drop(from.state);
    return st;
}

/* ---- Columns ---- */

static arm_status show_group(struct changes *c, struct group *group, struct arm_error *err)
{
    bool is_same = arm__table_id_equal(&group->table_id, &c->table_id);
    const struct arm_view *view = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(is_same ? arm__side_init(&group->side, c->wanted, group->own, NULL, 0, err)
                    : arm__side_init_by_name(&group->side, c->wanted, group->own, err));
    ARM_TRY(arm__pieces_compose(&group->pieces, c->txn, group->side.read, &view, err));
    ARM_TRY(c->shower->show(c->shower->self, view, group->at, err));
    group->side.at = group->at;
    group->side.has_pieces = true;
done:
    return st;
}

/* By key, if every version of the table has it. */
static void choose_match(struct changes *c)
{
    const struct groups *both[2] = {&c->from, &c->to};

    c->match = arm__row_match(c->wanted, c->wanted, c->wanted, true);
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < both[i]->count; k++) {
            const struct group *group = &both[i]->items[k];

            if (arm__table_id_equal(&group->table_id, &c->table_id)) {
                enum arm_row_match match = arm__row_match(c->wanted, group->own, group->own, true);

                c->match = match == ARM_MATCH_ID ? match : c->match;
            }
        }
    }
}

static arm_status find_wanted(struct changes *c, struct arm_error *err)
{
    const Armpb__Schema *schema = NULL;
    struct arm_version_row version;
    arm_status st = ARM_OK;

    ARM_TRY(version_of(c, &c->line.last, &version, err));
    ARM_TRY(
        arm__catalog_schema(c->catalog, &c->line.last.table_id, version.schema_id, &schema, err));
    ARM_TRY(arm__schema_clone(schema, &c->wanted, err));
    c->table_id = c->line.last.table_id;
done:
    return st;
}

/* ---- SQL ---- */

static arm_status add(struct arm_buf *out, const char *text, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

/* A side is there even if it has no row. */
static arm_status add_groups(struct changes *c, struct groups *groups, struct arm_buf *out,
                             struct arm_error *err)
{
    struct group *ignored = NULL;
    arm_status st = ARM_OK;

    if (groups->count == 0) {
        ARM_TRY(find_group(c, groups, &c->table_id, c->wanted->schema_id, &ignored, err));
    }
    for (size_t i = 0; i < groups->count; i++) {
        struct group *group = &groups->items[i];

        ARM_TRY(show_group(c, group, err));
        ARM_TRY(add(out, i == 0 ? "" : " UNION ALL ", err));
        ARM_TRY(arm__pieces_sql_begin(&group->pieces, out, err));
        ARM_TRY(arm__side_sql(&group->side, c->match, out, err));
        ARM_TRY(arm__pieces_sql_end(&group->pieces, out, err));
    }
done:
    return st;
}

/* A list with a number for each step, as text: parsed once, not a literal for each. */
static arm_status add_numbers(const struct changes *c, bool versions, struct arm_buf *out,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(add(out, "(string_split('", err));
    for (size_t i = 0; i < c->line.count; i++) {
        const struct arm_line_step *step = &c->line.steps[i];
        uint64_t version = step->to.is_there ? step->to.version : step->from.version;

        ARM_TRY(arm__buf_printf(out, err, i == 0 ? "%llu" : ",%llu",
                                (unsigned long long)(versions ? version : step->tx)));
    }
    ARM_TRY(add(out, c->line.count == 0 ? "0" : "", err));
    ARM_TRY(add(out, "', ',')::UBIGINT[])[p::BIGINT + 1]", err));
done:
    return st;
}

static arm_status add_columns(const struct changes *c, struct arm_buf *out, struct arm_error *err)
{
    const struct arm_side *side = &c->to.items[0].side;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < arm__side_width(side); i++) {
        ARM_TRY(arm__buf_printf(out, err, "r.c%zu AS ", i));
        ARM_TRY(arm__sql_identifier(arm__side_name(side, i), out, err));
        ARM_TRY(add(out, ", ", err));
    }
done:
    return st;
}

static arm_status add_sql(struct changes *c, struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(add(out, "WITH a AS (", err));
    ARM_TRY(add_groups(c, &c->from, out, err));
    ARM_TRY(add(out, "), b AS (", err));
    ARM_TRY(add_groups(c, &c->to, out, err));
    ARM_TRY(add(out,
                "), j AS MATERIALIZED (SELECT a.r AS ar, b.r AS br, coalesce(b.p, a.p) AS p, "
                "coalesce(b.k, a.k) AS k FROM a FULL JOIN b ON a.p = b.p AND a.k = b.k WHERE a.r "
                "IS DISTINCT FROM b.r) SELECT ",
                err));
    ARM_TRY(add_columns(c, out, err));
    ARM_TRY(add(out, "_change, ", err));
    ARM_TRY(add_numbers(c, false, out, err));
    ARM_TRY(add(out, " AS _tx, ", err));
    ARM_TRY(add_numbers(c, true, out, err));
    ARM_TRY(add(out,
                " AS _version FROM (SELECT ar AS r, CASE WHEN br IS NULL THEN 'delete' ELSE "
                "'update_before' END AS _change, p, k, 0 AS o FROM j WHERE ar IS NOT NULL UNION "
                "ALL SELECT br, CASE WHEN ar IS NULL THEN 'insert' ELSE 'update_after' END, p, k, "
                "1 FROM j WHERE br IS NOT NULL) ORDER BY p, k, o",
                err));
done:
    return st;
}

/* ---- All of it ---- */

static arm_status find_line(struct changes *c, const struct arm_row_changes_request *request,
                            struct arm_error *err)
{
    struct arm_snapshot at = *arm__txn_snapshot(c->txn);
    arm_status st = ARM_OK;

    if (request->ref != NULL) {
        ARM_TRY(
            arm__catalog_resolve(c->catalog, arm__txn_snapshot(c->txn), request->ref, &at, err));
    }
    at.tx = request->until < at.tx ? request->until : at.tx;
    ARM_TRY(arm__table_line(c->catalog, &at, request->schema_name, request->name, request->since,
                            &c->line, err));
    if (!c->line.is_known) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\" on branch \"%s\" at tx %llu",
                       request->name, at.branch, (unsigned long long)at.tx);
    }
done:
    return st;
}

arm_status arm__row_changes(struct arm_transaction *txn, const struct arm_shower *shower,
                            const struct arm_row_changes_request *request, struct arm_buf *out_sql,
                            struct arm_error *err)
{
    struct changes c = {.txn = txn, .catalog = arm__txn_catalog(txn), .shower = shower};
    arm_status st = ARM_OK;

    ARM_TRY(find_line(&c, request, err));
    ARM_TRY(find_wanted(&c, err));
    ARM_TRY(keep_all(&c, err));
    for (size_t i = 0; i < c.line.count; i++) {
        ARM_TRY(add_step(&c, i, err));
    }
    choose_match(&c);
    ARM_TRY(add_sql(&c, out_sql, err));
done:
    changes_release(&c);
    return st;
}
