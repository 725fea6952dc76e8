/* SPDX-License-Identifier: Apache-2.0 */
/* What a serializable request read, against what was appended since its snapshot (K6): backward
 * validation, after Kung and Robinson, "On Optimistic Methods for Concurrency Control", 1981.
 *
 * Its changes then stand where they would stand had it run alone at its tx, since all that it read
 * is as it was at the snapshot. A request without changes is not validated: it stands where its
 * snapshot is.
 *
 *   a name       still means the same thing, or nothing
 *   its columns  are as they were
 *   its rows     those that were looked for: the judge tells. Rows that were replaced, or deleted
 *                by numbers of another layout than the reader saw, may be any
 */

#include "commit/commit_private.h"

struct reading {
    struct arm_commit_plan *plan;
    const struct arm_new_read *read;
    uint64_t newer_tx; /* of the version looked at before; 0: none */
    bool was_moved;    /* compactions came between */
};

static arm_status tell(struct arm_commit_plan *plan, const struct arm_new_read *read,
                       const char *what, uint64_t other_tx, struct arm_error *err)
{
    const struct arm_snapshot *snapshot = &plan->request->snapshot;
    struct arm_table_row seen = {.version = 0};
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_table(plan->txn, snapshot->branch_id, snapshot->tx, read->schema_name,
                             read->name, &seen, &found, err));
    st = arm__validate_conflict_of(plan, &seen, what, other_tx, err);
done:
    return st;
}

/* ---- Rows ---- */

static arm_status tell_rows(struct reading *r, uint64_t tx, struct arm_error *err)
{
    return tell(r->plan, r->read, "rows that it read were changed", tx, err);
}

/* Whether a version was given another layout before the next was made of it. */
static arm_status look_for_layout(void *context, const struct arm_version_row *row,
                                  const Armpb__TableChange *theirs, struct arm_error *err)
{
    struct reading *r = context;
    uint64_t seen = theirs == NULL ? r->read->base_layout : 0;
    struct arm_layout_row layout;
    bool found = false;
    arm_status st = ARM_OK;

    if (r->newer_tx != 0) {
        ARM_TRY(arm__index_layout(r->plan->txn, &row->table_id, row->version, r->newer_tx, &layout,
                                  &found, err));
    }
    r->was_moved = r->was_moved || (found && layout.tx > seen);
    r->newer_tx = row->tx;
done:
    return st;
}

static arm_status judge_added(struct reading *r, const Armpb__TableChange *theirs, uint64_t tx,
                              struct arm_error *err)
{
    const struct arm_read_judge *judge = r->read->judge;
    bool matters = false;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < theirs->n_added; i++) {
        struct arm_state_entry entry = arm__entry_since(theirs->added[i], tx);

        ARM_TRY(judge->added(judge->self, &entry, &matters, err));
        if (matters) {
            return tell_rows(r, tx, err);
        }
    }
done:
    return st;
}

static arm_status judge_version(void *context, const struct arm_version_row *row,
                                const Armpb__TableChange *theirs, struct arm_error *err)
{
    struct reading *r = context;
    const struct arm_read_judge *judge = r->read->judge;
    bool matters = false;
    arm_status st = ARM_OK;

    if (row->schema_id != r->read->schema_id) {
        return tell(r->plan, r->read, "its columns were changed", row->tx, err);
    }
    if (theirs == NULL) {
        return ARM_OK;
    }
    if ((theirs->has_truncated && theirs->truncated) || theirs->n_removed > 0 ||
        (r->was_moved && theirs->n_deleted > 0)) {
        return tell_rows(r, row->tx, err);
    }
    ARM_TRY(judge_added(r, theirs, row->tx, err));
    for (size_t i = 0; i < theirs->n_deleted; i++) {
        ARM_TRY(judge->deleted(judge->self, theirs->deleted[i], &matters, err));
        if (matters) {
            return tell_rows(r, row->tx, err);
        }
    }
done:
    return st;
}

/* ---- One name ---- */

static arm_status validate_found(struct arm_commit_plan *plan, const struct arm_new_read *read,
                                 const struct arm_table_row *row, struct arm_error *err)
{
    struct reading r = {.plan = plan, .read = read};
    struct arm_version_row head;
    bool descends = true;
    bool found;
    arm_status st = ARM_OK;

    if (row->version == read->base_version) {
        return ARM_OK; /* a compaction makes no version */
    }
    ARM_TRY(arm__index_version(plan->txn, &row->table_id, row->version, &head, NULL, &found, err));
    if (!found || head.schema_id != read->schema_id) {
        st = tell(plan, read, "its columns were changed", row->tx, err);
        goto done;
    }
    if (read->judge == NULL) {
        goto done;
    }
    ARM_TRY(
        arm__versions_since(plan, row, read->base_version, look_for_layout, &r, &descends, err));
    if (descends) {
        ARM_TRY(
            arm__versions_since(plan, row, read->base_version, judge_version, &r, &descends, err));
    }
    if (!descends) {
        st = tell_rows(&r, row->tx, err);
    }
done:
    return st;
}

static arm_status validate_read(struct arm_commit_plan *plan, const struct arm_new_read *read,
                                struct arm_error *err)
{
    uint64_t branch_id = plan->request->snapshot.branch_id;
    struct arm_table_row row;
    uint64_t dropped_tx = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_table(plan->txn, branch_id, arm__plan_now(plan), read->schema_name,
                             read->name, &row, &found, err));
    if (!read->was_there) {
        return found ? arm__validate_conflict_of(plan, &row, "it was created", row.tx, err)
                     : ARM_OK;
    }
    if (found && arm__table_id_equal(&row.table_id, &read->table_id)) {
        return validate_found(plan, read, &row, err);
    }
    ARM_TRY(arm__index_table_by_id(plan->txn, branch_id, arm__plan_now(plan), &read->table_id, &row,
                                   &dropped_tx, &found, err));
    st = found ? tell(plan, read, "it was renamed", row.tx, err)
               : tell(plan, read, "it was dropped", dropped_tx, err);
done:
    return st;
}

/* ---- All of it ---- */

arm_status arm__validate_reads(struct arm_commit_plan *plan, struct arm_error *err)
{
    const struct arm_commit_request *request = plan->request;
    uint64_t now = arm__plan_now(plan);
    arm_status st = ARM_OK;

    if (request->reads_all && now > request->snapshot.tx) {
        st = arm__fail(err, ARM_CONFLICT,
                       "this transaction read the history or the list of tables, and tx %llu came "
                       "since it began; run it again",
                       (unsigned long long)now);
        goto done;
    }
    for (size_t i = 0; i < request->read_count; i++) {
        ARM_TRY(validate_read(plan, &request->reads[i], err));
    }
done:
    return st;
}
