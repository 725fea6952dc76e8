/* SPDX-License-Identifier: Apache-2.0 */
/* Validation: each change of a request against what was appended since its snapshot (K2, K3).
 *
 * A table's versions since the writer's base are walked back from the branch's head (since.c).
 *
 *                        theirs:  append   delete       replace   schema, rename, drop
 *   ours: append                  -        -            conflict  conflict
 *         delete                  -        same rows    conflict  conflict
 *         replace                 conflict conflict     conflict  conflict
 *         schema, rename, drop    conflict conflict     conflict  conflict
 */

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "commit/commit_private.h"
#include "model/vector.h"

static const char *const default_schema = "main";

/* ---- Telling ---- */

arm_status arm__validate_conflict_of(struct arm_commit_plan *plan, const struct arm_table_row *row,
                                     const char *what, uint64_t other_tx, struct arm_error *err)
{
    bool is_schema = row->object == ARMPB__OBJECT_KIND__SCHEMA;
    struct arm_record_row other = {.tx = 0};
    struct arm_error ignored;
    bool found = false;
    arm_status st;

    (void)arm__index_record(plan->txn, other_tx, &other, &found, &ignored);
    st = arm__fail(err, ARM_CONFLICT,
                   "%s %s%s%s\"%s\": %s by tx %llu since this transaction began; run it again",
                   arm__object_word(row->object), is_schema ? "" : "\"", row->schema_name,
                   is_schema ? "" : "\".", row->name, what, (unsigned long long)other_tx);
    if (found) {
        arm__error_set_commit(err, &other.commit_id);
    }
    return st;
}

/* The same by the name that the writer knew, whatever it is called now. */
arm_status arm__validate_conflict(struct arm_commit_plan *plan,
                                  const struct arm_change_plan *change, const char *what,
                                  uint64_t other_tx, struct arm_error *err)
{
    const struct arm_snapshot *snapshot = &plan->request->snapshot;
    struct arm_table_row seen = change->row;
    struct arm_error ignored;
    uint64_t dropped_tx;
    bool found;

    (void)arm__index_table_by_id(plan->txn, snapshot->branch_id, snapshot->tx, &change->table_id,
                                 &seen, &dropped_tx, &found, &ignored);
    return arm__validate_conflict_of(plan, &seen, what, other_tx, err);
}

/* ---- What ours is ---- */

static bool is_structural(const struct arm_change_plan *change)
{
    return change->kind == ARMPB__CHANGE_KIND__DROP || change->kind == ARMPB__CHANGE_KIND__RENAME ||
           change->request->schema != NULL;
}

/* A change that takes a name, or takes one anew. */
static bool is_named(Armpb__ChangeKind kind)
{
    return kind == ARMPB__CHANGE_KIND__CREATE || kind == ARMPB__CHANGE_KIND__RENAME ||
           kind == ARMPB__CHANGE_KIND__ADOPT;
}

static bool is_replacement(const struct arm_new_change *request)
{
    return request->truncated || request->removed_count > 0;
}

static bool has_rows(const struct arm_new_change *request)
{
    return is_replacement(request) || request->added_count > 0 || request->deleted_count > 0;
}

/* ---- Against one version of theirs ---- */

static int compare_position(const struct arm_position *a, ProtobufCBinaryData b)
{
    return arm__bytes_compare(arm__position_bytes(a), arm__bytes(b.data, b.len));
}

/* Deletions of the same rows of the same entry. */
static arm_status meet_deletions(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                                 const struct arm_new_deletion *ours,
                                 const Armpb__TableChange *theirs, uint64_t tx,
                                 struct arm_error *err)
{
    roaring_bitmap_t *a = NULL;
    roaring_bitmap_t *b = NULL;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < theirs->n_deleted; i++) {
        const Armpb__DeletionEdit *edit = theirs->deleted[i];

        if (compare_position(&ours->position, edit->position) != 0) {
            continue;
        }
        if (plan->request->grain != ARM_GRAIN_ROW) {
            st = arm__validate_conflict(plan, change, "rows of the same chunk were changed", tx,
                                        err);
            goto done;
        }
        ARM_TRY(arm__vector_decode(ours->bits, ours->rows, &a, err));
        ARM_TRY(
            arm__vector_decode(arm__bytes(edit->bits.data, edit->bits.len), ours->rows, &b, err));
        if (roaring_bitmap_intersect(a, b)) {
            st = arm__validate_conflict(plan, change, "the same rows were changed", tx, err);
        }
        goto done; /* a position stands in a change once */
    }
done:
    arm__vector_free(b);
    arm__vector_free(a);
    return st;
}

/* An entry that both put at one position between others. */
static arm_status meet_positions(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                                 const Armpb__TableChange *theirs, uint64_t tx,
                                 struct arm_error *err)
{
    const struct arm_new_change *request = change->request;

    for (size_t i = 0; i < request->added_count; i++) {
        for (size_t k = 0; request->added[i].position.size != 0 && k < theirs->n_added; k++) {
            if (compare_position(&request->added[i].position, theirs->added[k]->position) == 0) {
                return arm__validate_conflict(plan, change, "rows were inserted at the same place",
                                              tx, err);
            }
        }
    }
    return ARM_OK;
}

/* The keys of a hot entry of theirs, where its writer left them; NULL: he did not. */
static struct arm_key_run *const *keys_of(struct arm_commit_plan *plan,
                                          const struct arm_state_entry *entry)
{
    const struct arm_recent_keys *recent;

    if (!arm__plan_is_pending(plan, entry->tx)) {
        recent =
            arm__recent_find(&plan->repository->turns.recent, entry->tx, entry->payload_offset);
        return recent == NULL ? NULL : recent->keys;
    }
    return arm__turn_keys(plan->turn, entry->tx, entry->payload_offset);
}

/* A row that both added under one key. */
static arm_status meet_keys(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                            const Armpb__TableChange *theirs, uint64_t tx, struct arm_error *err)
{
    const struct arm_key_judge *judge = change->request->judge;
    bool meets = false;
    arm_status st = ARM_OK;

    for (size_t i = 0; judge != NULL && i < theirs->n_added; i++) {
        struct arm_state_entry entry = arm__entry_since(theirs->added[i], tx);
        struct arm_key_run *const *keys = entry.is_hot ? keys_of(plan, &entry) : NULL;

        if (keys == NULL && arm__plan_is_pending(plan, tx)) {
            plan->needs_log = true;
            return ARM_OK;
        }
        ARM_TRY(judge->meets(judge->self, &entry, keys, &meets, err));
        if (meets) {
            return arm__validate_conflict(plan, change, "a row with the same key was written", tx,
                                          err);
        }
    }
done:
    return st;
}

/* ARM_GRAIN_TABLE: whether one of the two may not go. */
static bool meet_as_tables(const struct arm_commit_plan *plan, const struct arm_new_change *ours,
                           const Armpb__TableChange *theirs, bool they_replace)
{
    bool we_add = !is_replacement(ours) && ours->deleted_count == 0;
    bool they_add = !they_replace && theirs->n_deleted == 0;

    return plan->request->grain == ARM_GRAIN_TABLE && has_rows(ours) && !(we_add && they_add);
}

static arm_status meet_change(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                              const Armpb__TableChange *theirs, uint64_t tx, struct arm_error *err)
{
    const struct arm_new_change *request = change->request;
    bool they_replace = (theirs->has_truncated && theirs->truncated) || theirs->n_removed > 0;
    bool they_have_rows = they_replace || theirs->n_added > 0 || theirs->n_deleted > 0;
    arm_status st = ARM_OK;

    if (theirs->kind == ARMPB__CHANGE_KIND__RENAME) {
        return arm__validate_conflict(plan, change, "it was renamed", tx, err);
    }
    if (they_replace && has_rows(request)) {
        return arm__validate_conflict(plan, change, "its rows were replaced", tx, err);
    }
    if (they_have_rows &&
        (is_replacement(request) || meet_as_tables(plan, request, theirs, they_replace))) {
        return arm__validate_conflict(plan, change, "its rows were changed", tx, err);
    }
    for (size_t i = 0; !change->was_moved && i < request->deleted_count; i++) {
        ARM_TRY(meet_deletions(plan, change, &request->deleted[i], theirs, tx, err));
    }
    ARM_TRY(meet_positions(plan, change, theirs, tx, err));
    ARM_TRY(meet_keys(plan, change, theirs, tx, err));
    ARM_TRY(arm__validate_taken_rows(plan, change, theirs, tx, err));
done:
    return st;
}

struct meeting {
    struct arm_commit_plan *plan;
    const struct arm_change_plan *change;
    struct arm_version_row newer; /* the one looked at before */
};

static arm_status meet_version(void *context, const struct arm_version_row *row,
                               const Armpb__TableChange *theirs, struct arm_error *err)
{
    struct meeting *m = context;

    if (row->schema_id != m->newer.schema_id) {
        return arm__validate_conflict(m->plan, m->change, "its columns were changed", m->newer.tx,
                                      err);
    }
    m->newer = *row;
    if (theirs == NULL) {
        return ARM_OK;
    }
    if (is_structural(m->change)) {
        return arm__validate_conflict(m->plan, m->change, "it was changed", row->tx, err);
    }
    return meet_change(m->plan, m->change, theirs, row->tx, err);
}

static arm_status meet_versions(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                                struct arm_error *err)
{
    struct meeting meeting = {.plan = plan, .change = change, .newer = change->parent};
    bool descends = true;
    arm_status st = ARM_OK;

    if (change->row.version != change->request->base_version) {
        ARM_TRY(arm__versions_since(plan, &change->row, change->request->base_version, meet_version,
                                    &meeting, &descends, err));
    }
    if (!descends) {
        st = arm__validate_conflict(plan, change,
                                    "the version that it was based on is not its "
                                    "ancestor",
                                    change->row.tx, err);
    }
done:
    return st;
}

/* ---- Finding the tables ---- */

static arm_status find_table(struct arm_commit_plan *plan, struct arm_change_plan *change,
                             struct arm_error *err)
{
    uint64_t branch_id = plan->request->snapshot.branch_id;
    uint64_t dropped_tx = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_table_by_id(plan->txn, branch_id, arm__plan_now(plan), &change->table_id,
                                   &change->row, &dropped_tx, &found, err));
    if (!found && dropped_tx > plan->request->snapshot.tx) {
        st = arm__validate_conflict(plan, change, "it was dropped", dropped_tx, err);
        goto done;
    }
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no such table on branch \"%s\"",
                       plan->request->snapshot.branch);
        goto done;
    }
    ARM_TRY(arm__version_row(plan, &change->table_id, change->row.version, &change->parent, err));
done:
    return st;
}

/* What is adopted, which no version of the branch's leads to; and that the branch has of the table
 * what the writer saw (K8). */
static arm_status find_adopted(struct arm_commit_plan *plan, struct arm_change_plan *change,
                               struct arm_error *err)
{
    const struct arm_new_change *request = change->request;
    uint64_t branch_id = plan->request->snapshot.branch_id;
    uint64_t dropped_tx = 0;
    bool found;
    arm_status st = ARM_OK;

    change->row.object = request->object == 0 ? ARMPB__OBJECT_KIND__TABLE : request->object;
    ARM_TRY(arm__index_table_by_id(plan->txn, branch_id, arm__plan_now(plan), &change->table_id,
                                   &change->row, &dropped_tx, &found, err));
    if ((found ? change->row.version : 0) != request->had_version) {
        st = arm__validate_conflict(plan, change, found ? "it was changed" : "it was dropped",
                                    found ? change->row.tx : dropped_tx, err);
        goto done;
    }
    change->row.version = request->base_version;
    change->row.table_id = change->table_id;
    ARM_TRY(arm__index_version(plan->txn, &change->table_id, request->base_version, &change->parent,
                               NULL, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_INVALID, "version %llu is to be adopted, which is not there",
                       (unsigned long long)request->base_version);
    } else if (request->force_change) { /* of any age: it must be there to be read */
        st = arm__expired_check(plan->txn, &change->table_id, request->base_version,
                                arm__plan_now(plan), err);
    }
done:
    return st;
}

static bool same_name(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* Whether the table of that name is dropped, renamed away or adopted by this very request. */
static bool is_freed(const struct arm_commit_plan *plan, const struct arm_table_id *table_id)
{
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct arm_change_plan *other = &plan->changes[i];

        if ((other->kind == ARMPB__CHANGE_KIND__DROP || other->kind == ARMPB__CHANGE_KIND__RENAME ||
             other->kind == ARMPB__CHANGE_KIND__ADOPT) &&
            arm__table_id_equal(&other->table_id, table_id)) {
            return true;
        }
    }
    return false;
}

/* A name that CREATE, RENAME or ADOPT takes must be free. */
static arm_status check_free(struct arm_commit_plan *plan, const struct arm_change_plan *change,
                             struct arm_error *err)
{
    uint64_t branch_id = plan->request->snapshot.branch_id;
    struct arm_table_row taken;
    bool found;
    arm_status st = ARM_OK;

    for (const struct arm_change_plan *other = plan->changes; other < change; other++) {
        if (is_named(other->kind) && same_name(other->schema_name, change->schema_name) &&
            same_name(other->name, change->name)) {
            st = arm__fail(err, ARM_INVALID, "table \"%s\".\"%s\" is made twice in one commit",
                           change->schema_name, change->name);
            goto done;
        }
    }
    ARM_TRY(arm__index_table(plan->txn, branch_id, arm__plan_now(plan), change->schema_name,
                             change->name, &taken, &found, err));
    if (!found || is_freed(plan, &taken.table_id)) {
        goto done;
    }
    st = taken.tx > plan->request->snapshot.tx
             ? arm__validate_conflict_of(plan, &taken, "it was created or changed", taken.tx, err)
             : arm__fail(err, ARM_EXISTS, "there is a %s \"%s\".\"%s\" already",
                         arm__object_word(taken.object), change->schema_name, change->name);
done:
    return st;
}

/* ---- All of it ---- */

static arm_status check_request(const struct arm_new_change *request, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (is_named(request->kind)) {
        if (request->name == NULL) {
            return arm__fail(err, ARM_INVALID, "a table is to be made without a name");
        }
        ARM_TRY(arm__object_name_check(
            request->object, request->schema_name != NULL ? request->schema_name : default_schema,
            request->name, err));
    }
    if (request->kind == ARMPB__CHANGE_KIND__CREATE && request->schema == NULL) {
        st = arm__fail(err, ARM_INVALID, "table \"%s\" is to be made without columns",
                       request->name);
    }
done:
    return st;
}

/* One plan per change. */
static arm_status plan_changes(struct arm_commit_plan *plan, struct arm_error *err)
{
    const struct arm_commit_request *request = plan->request;
    arm_status st = ARM_OK;

    ARM_TRY(arm__arena_alloc(&plan->arena, request->change_count, sizeof *plan->changes,
                             &plan->changes, err));
    for (size_t i = 0; i < request->change_count; i++) {
        const struct arm_new_change *from = &request->changes[i];

        ARM_TRY(check_request(from, err));
        plan->changes[i] = (struct arm_change_plan){
            .request = from, .kind = from->kind, .table_id = from->table_id};
        if (from->kind == ARMPB__CHANGE_KIND__CREATE) {
            plan->changes[i].table_id = arm__table_id(&plan->commit_id, (uint32_t)i);
        }
    }
    plan->change_count = request->change_count;
done:
    return st;
}

static arm_status check_twice(const struct arm_commit_plan *plan, struct arm_error *err)
{
    for (size_t i = 0; i < plan->change_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (arm__table_id_equal(&plan->changes[i].table_id, &plan->changes[k].table_id)) {
                return arm__fail(err, ARM_INVALID, "one table is changed twice in one commit");
            }
        }
    }
    return ARM_OK;
}

/* The parent in the layout that the change is of. */
static arm_status lay_parent(struct arm_commit_plan *plan, struct arm_change_plan *change,
                             struct arm_error *err)
{
    const struct arm_new_change *request = change->request;

    if (change->goes_back && change->row.version != request->base_version) {
        return arm__validate_conflict(plan, change, "its rows were replaced", change->row.tx, err);
    }
    return arm__index_lay(plan->txn, &change->parent,
                          change->goes_back ? request->base_layout : ARM_LAYOUT_NEWEST, err);
}

static arm_status validate_change(struct arm_commit_plan *plan, struct arm_change_plan *change,
                                  struct arm_error *err)
{
    const struct arm_new_change *request = change->request;
    bool is_new = change->kind == ARMPB__CHANGE_KIND__CREATE;
    bool is_adopted = change->kind == ARMPB__CHANGE_KIND__ADOPT;
    arm_status st = ARM_OK;

    if (!is_new) {
        ARM_TRY(is_adopted ? find_adopted(plan, change, err) : find_table(plan, change, err));
        ARM_TRY(arm__translate_find(plan, change, err));
        ARM_TRY(meet_versions(plan, change, err));
        ARM_TRY(arm__translate(plan, change, err));
        ARM_TRY(lay_parent(plan, change, err));
        change->schema_name = change->row.schema_name;
        change->name = change->row.name;
    }
    if (is_named(change->kind)) {
        change->schema_name = request->schema_name != NULL ? request->schema_name
                              : is_new                     ? default_schema
                                                           : change->row.schema_name;
        change->name = request->name;
    }
    if (is_new || is_adopted ||
        (change->kind == ARMPB__CHANGE_KIND__RENAME &&
         !(same_name(change->schema_name, change->row.schema_name) &&
           same_name(change->name, change->row.name)))) {
        ARM_TRY(check_free(plan, change, err));
    }
done:
    return st;
}

/* K9: the checks were run on what the snapshot became; so it must be what the branch is. */
static arm_status check_checks(struct arm_commit_plan *plan, const char *name,
                               const struct arm_ref_row *branch, struct arm_error *err)
{
    const struct arm_commit_request *request = plan->request;
    struct arm_record_row other = {.tx = 0};
    uint64_t seen = 0;
    uint64_t now = 0;
    bool found = false;
    arm_status st = ARM_OK;

    if (request->checked_tx == 0 && branch->protected_tx <= request->snapshot.tx) {
        return arm__fail(err, ARM_CONSTRAINT,
                         "branch \"%s\" has checks, which this way of writing does not run", name);
    }
    ARM_TRY(arm__index_head(plan->txn, branch->branch_id, request->snapshot.tx, &seen, err));
    ARM_TRY(arm__index_head(plan->txn, branch->branch_id, arm__plan_now(plan), &now, err));
    if (request->checked_tx != branch->protected_tx || seen != now) {
        uint64_t other_tx = seen != now ? now : branch->protected_tx;

        ARM_TRY(arm__index_record(plan->txn, other_tx, &other, &found, err));
        st = arm__fail(err, ARM_CONFLICT,
                       "branch \"%s\", whose checks held, was changed by tx %llu since this "
                       "transaction began; run it again",
                       name, (unsigned long long)other_tx);
        if (found) {
            arm__error_set_commit(err, &other.commit_id);
        }
    }
done:
    return st;
}

/* What the branch asks of commits (K9). */
static arm_status check_protection(struct arm_commit_plan *plan, const char *name,
                                   struct arm_error *err)
{
    struct arm_ref_row branch = {.protected_tx = 0};
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_ref(plan->txn, ARMPB__REF_KIND__BRANCH, name, arm__plan_now(plan), &branch,
                           &found, err));
    if (branch.only_merges && !arm__plan_merges(plan)) {
        st = arm__fail(err, ARM_CONSTRAINT,
                       "branch \"%s\" takes only merges: commit to another and merge that", name);
        goto done;
    }
    if (branch.has_checks) {
        ARM_TRY(check_checks(plan, name, &branch, err));
    }
done:
    return st;
}

/* Nothing was committed to the branch behind what the writer looked at. */
static arm_status check_unchanged(struct arm_commit_plan *plan, const char *name,
                                  struct arm_error *err)
{
    const struct arm_commit_request *request = plan->request;
    struct arm_record_row other = {.tx = 0};
    uint64_t now = 0;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(
        arm__index_head(plan->txn, request->snapshot.branch_id, arm__plan_now(plan), &now, err));
    if (now > request->unchanged_since) {
        ARM_TRY(arm__index_record(plan->txn, now, &other, &found, err));
        st = arm__fail(err, ARM_CONFLICT, "branch \"%s\" was changed by tx %llu since tx %llu",
                       name, (unsigned long long)now, (unsigned long long)request->unchanged_since);
        if (found) {
            arm__error_set_commit(err, &other.commit_id);
        }
    }
done:
    return st;
}

arm_status arm__commit_validate(struct arm_commit_plan *plan, struct arm_error *err)
{
    const struct arm_snapshot *snapshot = &plan->request->snapshot;
    char name[256];
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_branch_name(plan->txn, snapshot->branch_id, arm__plan_now(plan), name, err));
    if (name[0] == '\0') {
        st = arm__fail(err, ARM_NOT_FOUND, "branch \"%s\" is not there any more", snapshot->branch);
        goto done;
    }
    if (plan->request->change_count > 0 || arm__plan_merges(plan)) {
        ARM_TRY(check_protection(plan, name, err));
    }
    if (plan->request->unchanged_since > 0) {
        ARM_TRY(check_unchanged(plan, name, err));
    }
    ARM_TRY(plan_changes(plan, err));
    ARM_TRY(check_twice(plan, err));
    for (size_t i = 0; i < plan->change_count; i++) {
        ARM_TRY(validate_change(plan, &plan->changes[i], err));
    }
    ARM_TRY(arm__validate_reads(plan, err));
    if (plan->request->cursor != NULL) {
        ARM_TRY(arm__validate_cursor(plan->txn, plan->request->cursor, arm__plan_now(plan), err));
    }
done:
    return st;
}
