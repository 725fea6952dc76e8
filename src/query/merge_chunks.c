/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks that theirs alone has, and whose rows meet none that anybody changed: they come into ours
 * as they stand, under the ids that their rows have, and are not read (but for keys). */

#include "base/alloc.h"
#include "query/merge_sides.h"
#include "query/query_private.h"

void arm__merge_chunks_release(struct arm_merge_chunks *chunks)
{
    arm__free(chunks->entries);
    *chunks = (struct arm_merge_chunks){.count = 0};
}

/* All of its rows are new since the base, and alive. Rows that upkeep moved have older ids. */
static bool is_new(const struct arm_state_entry *entry, const roaring_bitmap_t *rows,
                   uint64_t first_new_id)
{
    return !entry->is_hot && !entry->explicit_row_ids && entry->dead == 0 &&
           entry->first_row_id >= first_new_id && rows != NULL &&
           roaring_bitmap_get_cardinality(rows) == entry->rows;
}

/* `few` rows or less are written anew, without a statement. */
static arm_status find(const struct arm_sides *sides, uint64_t first_new_id, uint64_t few,
                       struct arm_merge_chunks *out, struct arm_error *err)
{
    const struct arm_view *theirs = sides->theirs.view;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(theirs->entry_count + 1, sizeof *out->entries, &out->entries, err));
    for (size_t i = 0; i < theirs->entry_count; i++) {
        if (is_new(&theirs->entries[i], sides->by_theirs.b.rows[i], first_new_id)) {
            out->entries[out->count++] = i;
            out->rows += theirs->entries[i].rows;
        }
    }
    if (out->rows <= few) {
        arm__merge_chunks_release(out);
    }
done:
    return st;
}

/* ---- Whom their rows could meet ---- */

/* What rows are matched by, of some rows of a side. */
struct matched {
    struct arm_side side;
    char at[32];
};

static arm_status show_view(void *self, const struct arm_view *view, char out_at[32],
                            struct arm_error *err)
{
    return arm__duck_show(self, view, out_at, err);
}

static arm_status add_matched(struct arm_merging *m, const struct arm_sides_state *state,
                              roaring_bitmap_t *const *rows, enum arm_row_match match,
                              struct matched *out, struct arm_buf *sql, struct arm_error *err)
{
    const struct arm_shower shower = {m->session->connection, show_view};
    arm_status st = ARM_OK;

    ARM_TRY(arm__side_init(&out->side, state->schema, state->schema, NULL, 0, err));
    out->side.is_to_write = true;
    ARM_TRY(arm__side_show(&shower, state->view, NULL, rows, &out->side, out->at, err));
    ARM_TRY(arm__buf_printf(sql, err, "SELECT k FROM ("));
    ARM_TRY(arm__side_sql(&out->side, match, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, ")"));
done:
    return st;
}

static arm_status meet(struct arm_merging *m, const struct arm_sides *sides,
                       roaring_bitmap_t *const *fresh, enum arm_row_match match, bool *out,
                       struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    struct matched parts[3] = {{.at = ""}, {.at = ""}, {.at = ""}};
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(&sql, err, "SELECT 1 FROM ("));
    ARM_TRY(add_matched(m, &sides->ours, sides->by_ours.b.rows, match, &parts[0], &sql, err));
    ARM_TRY(arm__buf_printf(&sql, err, " UNION ALL "));
    ARM_TRY(add_matched(m, &sides->base, sides->by_theirs.a.rows, match, &parts[1], &sql, err));
    ARM_TRY(arm__buf_printf(&sql, err, ") AS o SEMI JOIN ("));
    ARM_TRY(add_matched(m, &sides->theirs, fresh, match, &parts[2], &sql, err));
    ARM_TRY(arm__buf_printf(&sql, err, ") AS t ON o.k = t.k LIMIT 1"));
    ARM_TRY(arm__buf_u8(&sql, 0, err));
    ARM_TRY(arm__session_run(m->session, (const char *)sql.data, &rows, err));
    *out = rows > 0;
done:
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        arm__side_release(&parts[i].side);
    }
    arm__buf_release(&sql);
    return st;
}

/* ---- All of it ---- */

/* Taken out of what is to be merged by rows. */
static void take_out(struct arm_part *part, size_t entry)
{
    part->row_count -= roaring_bitmap_get_cardinality(part->rows[entry]);
    roaring_bitmap_free(part->rows[entry]);
    part->rows[entry] = NULL;
}

arm_status arm__merge_find_chunks(struct arm_merging *m, struct arm_sides *sides,
                                  enum arm_row_match match, uint64_t first_new_id,
                                  struct arm_merge_chunks *out, struct arm_error *err)
{
    struct arm_part *theirs = &sides->by_theirs.b;
    roaring_bitmap_t **fresh = NULL;
    bool meets = false;
    arm_status st = ARM_OK;

    ARM_TRY(find(sides, first_new_id, arm__duck_few_rows(m->session->connection), out, err));
    if (out->count == 0) {
        goto done;
    }
    ARM_TRY(arm__calloc(theirs->count, sizeof(roaring_bitmap_t *), &fresh, err));
    for (size_t i = 0; i < out->count; i++) {
        fresh[out->entries[i]] = theirs->rows[out->entries[i]];
    }
    if (sides->by_ours.b.row_count > 0 || sides->by_theirs.a.row_count > 0) {
        ARM_TRY(meet(m, sides, fresh, match, &meets, err));
    }
    for (size_t i = 0; !meets && i < out->count; i++) {
        take_out(theirs, out->entries[i]);
    }
    if (meets) {
        arm__merge_chunks_release(out);
    }
done:
    arm__free(fresh);
    return st;
}
