/* SPDX-License-Identifier: Apache-2.0 */
/* A merge from its refs to its commit: what is merged with what, and, outside of a transaction, the
 * transaction around it. */

#include "query/merge.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/lineage.h"
#include "query/branch.h"
#include "query/merge_private.h"
#include "query/query_private.h"

enum { TRIES = 20 }; /* until nobody commits to the target meanwhile */

/* ---- The report ---- */

static void release_conflict(struct arm_merge_conflict *conflict)
{
    arm__free(conflict->table);
    arm__free(conflict->kind);
    arm__free(conflict->columns);
    arm__free(conflict->key);
    arm__free(conflict->base);
    arm__free(conflict->ours);
    arm__free(conflict->theirs);
    arm__view_drop(conflict->view);
}

void arm__merge_report_release(struct arm_merge_report *report)
{
    for (size_t i = 0; i < report->table_count; i++) {
        arm__free(report->tables[i]);
    }
    for (size_t i = 0; i < report->conflict_count; i++) {
        release_conflict(&report->conflicts[i]);
    }
    arm__free(report->tables);
    arm__free(report->conflicts);
    *report = (struct arm_merge_report){.tx = 0};
}

/* As users name it. */
static arm_status shown_name(const char *schema_name, const char *name, char **out,
                             struct arm_error *err)
{
    char shown[2 * 256 + 2];

    (void)snprintf(shown, sizeof shown, "%s%s%s",
                   strcmp(schema_name, "main") == 0 ? "" : schema_name,
                   strcmp(schema_name, "main") == 0 || schema_name[0] == '\0' ? "" : ".", name);
    return arm__strdup(shown, out, err);
}

arm_status arm__merge_changed(struct arm_merging *merging, const char *schema_name,
                              const char *name, struct arm_error *err)
{
    struct arm_merge_report *report = merging->report;
    char *shown = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(shown_name(schema_name, name, &shown, err));
    for (size_t i = 0; i < report->table_count; i++) {
        if (strcmp(report->tables[i], shown) == 0) {
            goto done;
        }
    }
    ARM_TRY(arm__realloc(&report->tables, report->table_count + 1, sizeof(char *), err));
    report->tables[report->table_count++] = shown;
    shown = NULL;
done:
    arm__free(shown);
    return st;
}

static arm_status copy_text(const char *text, char **out, struct arm_error *err)
{
    return text == NULL ? ARM_OK : arm__strdup(text, out, err);
}

arm_status arm__merge_take_conflict(void *self, const struct arm_duck_conflict *from,
                                    struct arm_error *err)
{
    struct arm_merging *merging = self;
    struct arm_merge_report *report = merging->report;
    struct arm_merge_conflict conflict = {.table = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(shown_name(from->schema_name, from->name, &conflict.table, err));
    ARM_TRY(copy_text(from->kind, &conflict.kind, err));
    ARM_TRY(copy_text(from->columns, &conflict.columns, err));
    ARM_TRY(copy_text(from->key, &conflict.key, err));
    ARM_TRY(copy_text(from->base, &conflict.base, err));
    ARM_TRY(copy_text(from->ours, &conflict.ours, err));
    ARM_TRY(copy_text(from->theirs, &conflict.theirs, err));
    conflict.is_of_row =
        from->columns != NULL || from->base != NULL || from->ours != NULL || from->theirs != NULL;
    conflict.stays = from->stays;
    conflict.entry = from->entry;
    conflict.row = from->row;
    ARM_TRY(arm__realloc(&report->conflicts, report->conflict_count + 1, sizeof *report->conflicts,
                         err));
    report->conflicts[report->conflict_count++] = conflict;
    conflict = (struct arm_merge_conflict){.table = NULL};
done:
    release_conflict(&conflict);
    return st;
}

/* A conflict of a table as a whole: what it is stands where a row's key would. */
arm_status arm__merge_tell(struct arm_merging *merging, const char *schema_name, const char *name,
                           const char *kind, const char *what, struct arm_error *err)
{
    struct arm_duck_conflict conflict = {
        .schema_name = schema_name, .name = name, .kind = kind, .key = what};

    return arm__merge_take_conflict(merging, &conflict, err);
}

/* ---- What is merged with what ---- */

/* A point of history: its last commit (tx 0: none), and all that is behind it. */
struct point {
    struct arm_record_row head;
    struct arm_lineage lineage;
};

static arm_status find_point(struct arm_index_txn *txn, const struct arm_snapshot *at,
                             struct point *out, struct arm_error *err)
{
    uint64_t tx = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_head(txn, at->branch_id, at->tx, &tx, err));
    if (tx != 0) {
        ARM_TRY(arm__index_record(txn, tx, &out->head, &found, err));
    }
    ARM_TRY(arm__lineage_of(txn, at->branch_id, at->tx, &out->lineage, err));
done:
    return st;
}

/* How the two points stand to each other. */
struct relation {
    struct arm_id theirs_id;
    uint64_t ours_tx;
    bool is_up_to_date; /* ours has theirs already */
    bool is_fast_forward;
    size_t base_count;
    struct arm_lineage_point *bases; /* owned */
};

static arm_status relate(struct arm_merging *m, struct relation *out, struct arm_error *err)
{
    struct arm_index *index = arm__repository_index(m->session->duck.repository);
    struct arm_index_txn *txn = NULL;
    struct point ours = {.head = {.tx = 0}};
    struct point theirs = {.head = {.tx = 0}};
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(index, &txn, err));
    ARM_TRY(find_point(txn, &m->ours, &ours, err));
    ARM_TRY(find_point(txn, &m->theirs, &theirs, err));
    *out = (struct relation){.theirs_id = theirs.head.commit_id, .ours_tx = ours.head.tx};
    out->is_up_to_date = theirs.head.tx == 0 ||
                         arm__lineage_has(&ours.lineage, theirs.head.branch_id, theirs.head.tx);
    out->is_fast_forward =
        ours.head.tx == 0 || arm__lineage_has(&theirs.lineage, ours.head.branch_id, ours.head.tx);
    ARM_TRY(arm__lineage_bases(txn, &ours.lineage, &theirs.lineage, &out->bases, &out->base_count,
                               err));
done:
    arm__lineage_release(&ours.lineage);
    arm__lineage_release(&theirs.lineage);
    arm__index_abort(txn);
    return st;
}

/* ---- The points of each verb ---- */

static struct arm_snapshot snapshot_of(const struct arm_lineage_point *point)
{
    return (struct arm_snapshot){.branch_id = point->branch_id, .tx = point->tx};
}

/* Of more than two the latest two are taken: the others are nearly as old as what these have in
 * common. */
static arm_status take_bases(struct arm_merging *m, const struct relation *relation,
                             struct arm_error *err)
{
    struct arm_index *index = arm__repository_index(m->session->duck.repository);
    struct arm_lineage lineages[2] = {{.count = 0}, {.count = 0}};
    struct arm_lineage_point *forks = NULL;
    struct arm_index_txn *txn = NULL;
    size_t fork_count = 0;
    arm_status st = ARM_OK;

    m->base_count = relation->base_count < 2 ? relation->base_count : 2;
    for (size_t i = 0; i < m->base_count; i++) {
        m->bases[i] = snapshot_of(&relation->bases[i]);
    }
    if (m->base_count < 2) {
        return ARM_OK;
    }
    ARM_TRY(arm__index_read(index, &txn, err));
    for (size_t i = 0; i < 2; i++) {
        ARM_TRY(arm__lineage_of(txn, m->bases[i].branch_id, m->bases[i].tx, &lineages[i], err));
    }
    ARM_TRY(arm__lineage_bases(txn, &lineages[0], &lineages[1], &forks, &fork_count, err));
    m->has_fork = fork_count > 0;
    if (m->has_fork) {
        m->fork = snapshot_of(&forks[0]);
    }
done:
    arm__free(forks);
    arm__lineage_release(&lineages[0]);
    arm__lineage_release(&lineages[1]);
    arm__index_abort(txn);
    return st;
}

static arm_status merge_points(struct arm_merging *m, struct arm_merge_report *report, bool *out_go,
                               struct arm_error *err)
{
    struct relation relation = {.bases = NULL};
    arm_status st = ARM_OK;

    ARM_TRY(relate(m, &relation, err));
    report->tx = relation.ours_tx;
    report->is_up_to_date = relation.is_up_to_date;
    report->is_fast_forward = !relation.is_up_to_date && relation.is_fast_forward;
    *out_go = !relation.is_up_to_date;
    if (!*out_go) {
        goto done;
    }
    ARM_TRY(take_bases(m, &relation, err));
    ARM_TRY(arm__txn_merge(m->txn, &relation.theirs_id, err));
done:
    arm__free(relation.bases);
    return st;
}

/* The commit that the source names, and its first parent; what comes of it is the one's
 * difference to the other. */
static arm_status commit_points(struct arm_merging *m, const char *source, struct arm_error *err)
{
    struct arm_index *index = arm__repository_index(m->session->duck.repository);
    struct arm_index_txn *txn = NULL;
    struct arm_snapshot commit = {.tx = 0};
    struct arm_snapshot parent;
    struct arm_record_row row;
    uint64_t tx = 0;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(index, &txn, err));
    ARM_TRY(arm__index_head(txn, m->theirs.branch_id, m->theirs.tx, &tx, err));
    if (tx != 0) {
        ARM_TRY(arm__index_record(txn, tx, &row, &found, err));
    }
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no commit at '%s'", source);
        goto done;
    }
    commit.branch_id = row.branch_id;
    commit.tx = tx;
    parent = commit;
    parent.tx = tx - 1;
    m->bases[0] = m->verb == ARM_MERGE_REVERT ? commit : parent;
    m->theirs = m->verb == ARM_MERGE_REVERT ? parent : commit;
    m->base_count = 1;
done:
    arm__index_abort(txn);
    return st;
}

/* A table as it was: as if nothing but that had been changed since what the branch has. */
static arm_status table_points(struct arm_merging *m, const struct arm_merge_order *order,
                               struct arm_error *err)
{
    struct arm_catalog *catalog = arm__txn_catalog(m->txn);
    struct arm_table_info info = {.schema = NULL};
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__table_name_parse(order->table, m->schema_name, m->name, err));
    ARM_TRY(arm__catalog_table(catalog, &m->theirs, m->schema_name, m->name, &info, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\" at '%s'", m->name,
                       order->source);
        goto done;
    }
    m->bases[0] = m->ours;
    m->base_count = 1;
done:
    arm__table_info_release(&info);
    return st;
}

/* Where what is brought comes from. Of one table, a version may be named. */
static arm_status find_source(struct arm_merging *m, const struct arm_merge_order *order,
                              struct arm_error *err)
{
    struct arm_catalog *catalog = arm__txn_catalog(m->txn);
    struct arm_table_info info = {0};
    const char *source = order->source;
    struct arm_ref ref;
    char at[32];
    arm_status st = ARM_OK;

    if (order->verb == ARM_MERGE_RESTORE && arm__ref_parse(source, &ref, NULL) == ARM_OK &&
        ref.kind == ARM_REF_VERSION) {
        ARM_TRY(arm__table_name_parse(order->table, m->schema_name, m->name, err));
        ARM_TRY(
            arm__catalog_table_at(catalog, &m->ours, m->schema_name, m->name, source, &info, err));
        (void)snprintf(at, sizeof at, "tx:%llu", (unsigned long long)info.version.tx);
        source = at;
    }
    ARM_TRY(arm__catalog_resolve(catalog, &m->ours, source, &m->theirs, err));
done:
    arm__table_info_release(&info);
    return st;
}

/* ---- The merge itself, in the session's open transaction ---- */

arm_status arm__merge_run(struct arm_query_session *session, const struct arm_merge_order *order,
                          bool stays_open, struct arm_merge_report *report, struct arm_error *err)
{
    struct arm_merging m = {.session = session,
                            .txn = arm__duck_transaction(session->connection),
                            .verb = order->verb,
                            .strategy = order->strategy,
                            .stays_open = stays_open,
                            .report = report};
    bool goes = true;
    arm_status st = ARM_OK;

    m.ours = *arm__txn_snapshot(m.txn);
    ARM_TRY(find_source(&m, order, err));
    switch (order->verb) {
    case ARM_MERGE_ALL:
        ARM_TRY(merge_points(&m, report, &goes, err));
        break;
    case ARM_MERGE_RESTORE:
        ARM_TRY(table_points(&m, order, err));
        break;
    default:
        ARM_TRY(commit_points(&m, order->source, err));
        break;
    }
    if (goes) {
        ARM_TRY(arm__merge_tables(&m, err));
    }
done:
    return st;
}

/* ---- Outside of a transaction ---- */

static arm_status fail_with_conflicts(const struct arm_merge_report *report,
                                      const struct arm_merge_order *order, struct arm_error *err)
{
    static const char *const done_words[] = {[ARM_MERGE_ALL] = "merged",
                                             [ARM_MERGE_PICK] = "cherry-picked",
                                             [ARM_MERGE_REVERT] = "reverted",
                                             [ARM_MERGE_RESTORE] = "restored"};
    const struct arm_merge_conflict *first = &report->conflicts[0];

    return arm__fail(err, ARM_MERGE_CONFLICT,
                     "\"%s\" cannot be %s: %zu conflict%s, the first in table \"%s\": %s %.300s",
                     order->source, done_words[order->verb], report->conflict_count,
                     report->conflict_count == 1 ? "" : "s", first->table, first->kind,
                     first->key == NULL ? "" : first->key);
}

static void usual_message(const struct arm_query_session *session,
                          const struct arm_merge_order *order, char out[ARM_MESSAGE_BYTES])
{
    switch (order->verb) {
    case ARM_MERGE_PICK:
        (void)snprintf(out, ARM_MESSAGE_BYTES, "Cherry-pick of '%.200s'", order->source);
        break;
    case ARM_MERGE_REVERT:
        (void)snprintf(out, ARM_MESSAGE_BYTES, "Revert of '%.200s'", order->source);
        break;
    case ARM_MERGE_RESTORE:
        (void)snprintf(out, ARM_MESSAGE_BYTES, "Restore of %.100s as at '%.100s'", order->table,
                       order->source);
        break;
    default:
        (void)snprintf(out, ARM_MESSAGE_BYTES, "Merge '%.100s' into '%.100s'", order->source,
                       session->branch);
        break;
    }
}

static arm_status commit(struct arm_query_session *session, const struct arm_merge_order *order,
                         struct arm_merge_report *report, struct arm_error *err)
{
    char message[ARM_MESSAGE_BYTES];
    uint64_t before = arm__session_last_tx(session);
    arm_status st = ARM_OK;

    usual_message(session, order, message);
    session->message = order->message != NULL ? order->message : message;
    ARM_TRY(arm__session_run(session, "COMMIT", NULL, err));
    report->tx = arm__session_last_tx(session);
    if (report->tx == before) { /* it changed nothing */
        report->tx = 0;
        report->is_up_to_date = true;
    }
done:
    session->message = NULL;
    return st;
}

/* One try; what it leaves open on failure is rolled back. */
static arm_status try_merge(struct arm_query_session *session, const struct arm_merge_order *order,
                            struct arm_merge_report *report, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_run(session, "BEGIN TRANSACTION", NULL, err));
    ARM_TRY(arm__merge_run(session, order, false, report, err));
    if (report->conflict_count > 0) {
        st = fail_with_conflicts(report, order, err);
        goto done;
    }
    if (order->is_dry_run || report->is_up_to_date) {
        ARM_TRY(arm__session_run(session, "ROLLBACK", NULL, err));
    } else {
        ARM_TRY(commit(session, order, report, err));
    }
done:
    if (st != ARM_OK && arm__duck_transaction(session->connection) != NULL) {
        (void)arm__session_run(session, "ROLLBACK", NULL, NULL);
    }
    return st;
}

/* Q9: the session stands on the target. */
arm_status arm__merge_here(struct arm_query_session *session, const struct arm_merge_order *order,
                           struct arm_merge_report *report, struct arm_error *err)
{
    arm_status st = ARM_CONFLICT;

    for (int i = 0; i < TRIES && st == ARM_CONFLICT; i++) {
        arm__merge_report_release(report);
        st = try_merge(session, order, report, err);
    }
    return st;
}

/* Another branch is merged into by a session of its own. */
arm_status arm__merge_into(struct arm_query_session *session, const struct arm_merge_order *order,
                           struct arm_merge_report *report, struct arm_error *err)
{
    struct arm_query_session *other = NULL;
    struct arm_merge_order there = *order;
    struct arm_snapshot now;
    char source[300];
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_now(session, &now, err));
    if (order->target == NULL || strcmp(order->target, now.branch) == 0) {
        return arm__merge_here(session, order, report, err);
    }
    (void)snprintf(source, sizeof source, "%s", order->source);
    ARM_TRY(arm__session_open(session->host, order->target, session->read_only, &other, err));
    there.target = NULL;
    there.source = source;
    ARM_TRY(arm__session_enter_run(other, err));
    st = arm__merge_here(other, &there, report, err);
    if (arm__session_last_tx(other) != 0) {
        atomic_store(&session->last_tx, arm__session_last_tx(other));
    }
    arm__session_leave_run(other);
done:
    arm__session_close(other);
    return st;
}

arm_status arm__session_merge(struct arm_query_session *session,
                              const struct arm_merge_order *order, struct arm_merge_report *out,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter_run(session, err));
    if (arm__duck_transaction(session->connection) != NULL) {
        st = arm__fail(err, ARM_INVALID,
                       "a transaction is open: commit or roll it back first, or merge in it with "
                       "MERGE BRANCH");
        goto done;
    }
    ARM_TRY(arm__merge_into(session, order, out, err));
done:
    arm__session_leave_run(session);
    return st;
}
