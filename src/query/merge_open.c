/* SPDX-License-Identifier: Apache-2.0 */
/* MERGE BRANCH, and the merge that stays open in its transaction (Q10): its conflicts are kept with
 * the session, each with the place of its row. Any statement that writes the row leaves that place
 * dead: the conflict is resolved. */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "duck/branch_parse.h"
#include "model/type.h"
#include "query/merge_private.h"
#include "query/query_private.h"

/* ---- Where rows are ---- */

/* A row that is named by its run's first entry, counting on, is one of the run's entries. */
static void find_entry(const struct arm_view *view, struct arm_merge_conflict *conflict)
{
    while (conflict->entry + 1 < view->entry_count &&
           conflict->row >= view->entries[conflict->entry].rows) {
        conflict->row -= view->entries[conflict->entry].rows;
        conflict->entry++;
    }
}

struct located {
    struct arm_merge_report *report;
    size_t first;
    const struct arm_view *view;
};

static void locate(const struct located *l, struct arm_bytes key, uint64_t entry, uint64_t row)
{
    for (size_t i = l->first; i < l->report->conflict_count; i++) {
        struct arm_merge_conflict *conflict = &l->report->conflicts[i];

        if (conflict->view == NULL && conflict->key != NULL &&
            arm__bytes_compare(arm__bytes(conflict->key, strlen(conflict->key)), key) == 0) {
            conflict->entry = entry;
            conflict->row = row;
            find_entry(l->view, conflict);
            conflict->view = arm__view_retain(l->view);
        }
    }
}

/* Key, entry, row. */
static void locate_chunk(const struct located *l, duckdb_data_chunk chunk)
{
    duckdb_vector keys = duckdb_data_chunk_get_vector(chunk, 0);
    const uint64_t *entries = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1));
    const int64_t *rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 2));
    duckdb_string_t *texts = duckdb_vector_get_data(keys);

    for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++) {
        uint32_t size = duckdb_string_t_length(texts[i]);

        locate(l, arm__bytes(duckdb_string_t_data(&texts[i]), size), entries[i], (uint64_t)rows[i]);
    }
}

static arm_status read_places(struct arm_merging *m, const char *sql, const struct located *l,
                              struct arm_error *err)
{
    struct arm_duck_result *result = NULL;
    duckdb_data_chunk chunk = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__duck_execute(m->session->connection, sql, &result, err));
    for (;;) {
        ARM_TRY(arm__duck_next(result, &chunk, err));
        if (chunk == NULL) {
            break;
        }
        locate_chunk(l, chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
done:
    arm__duck_result_free(result);
    return st;
}

/* All rows that the transaction itself wrote: those that were written anew are among them. */
static arm_status own_rows(const struct arm_view *view, roaring_bitmap_t ***out,
                           struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(view->entry_count, sizeof(roaring_bitmap_t *), out, err));
    for (size_t i = 0; i < view->entry_count; i++) {
        if (arm__view_is_own(view, i)) {
            (*out)[i] = roaring_bitmap_from_range(0, view->entries[i].rows, 1);
            if ((*out)[i] == NULL) {
                st = arm__fail(err, ARM_NO_MEMORY, "no memory for the rows of a merge");
                goto done;
            }
        }
    }
done:
    return st;
}

arm_status arm__merge_locate(struct arm_merging *m, size_t first, const struct arm_view *before,
                             const Armpb__Schema *wanted, enum arm_row_match match,
                             struct arm_error *err)
{
    struct arm_merge_report *report = m->report;
    struct located l = {.report = report, .first = first};
    struct arm_buf sql = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    struct arm_side side = {.at = NULL};
    const struct arm_view *narrow = NULL;
    roaring_bitmap_t **rows = NULL;
    char at[32];
    arm_status st = ARM_OK;

    for (size_t i = first; i < report->conflict_count; i++) {
        if (report->conflicts[i].stays) {
            find_entry(before, &report->conflicts[i]);
            report->conflicts[i].view = arm__view_retain(before);
        }
    }
    ARM_TRY(arm__txn_view(m->txn, before->schema_name, before->name, &l.view, err));
    ARM_TRY(own_rows(l.view, &rows, err));
    ARM_TRY(arm__side_init(&side, wanted, wanted, NULL, 0, err));
    ARM_TRY(arm__view_narrow(l.view, rows, side.read, &narrow, err));
    ARM_TRY(arm__duck_show(m->session->connection, narrow, at, err));
    side.at = at;
    side.is_to_write = true;
    ARM_TRY(arm__places_sql(&side, match, &sql, err));
    ARM_TRY(arm__buf_u8(&sql, 0, err));
    ARM_TRY(read_places(m, (const char *)sql.data, &l, err));
done:
    for (size_t i = 0; rows != NULL && i < l.view->entry_count; i++) {
        if (rows[i] != NULL) {
            roaring_bitmap_free(rows[i]);
        }
    }
    arm__free(rows);
    arm__view_drop(l.view);
    arm__side_release(&side);
    arm__buf_release(&sql);
    return st;
}

/* ---- The merge that is open ---- */

/* The conflict's row stands where it stood. A table that is gone has no rows. */
static arm_status is_resolved(struct arm_transaction *txn,
                              const struct arm_merge_conflict *conflict, bool *out,
                              struct arm_error *err)
{
    const struct arm_view *then = conflict->view;
    const struct arm_view *now = NULL;
    arm_status st = ARM_OK;

    *out = false;
    if (then == NULL || txn == NULL) { /* of no row: nothing resolves it */
        return ARM_OK;
    }
    ARM_TRY(arm__txn_view(txn, then->schema_name, then->name, &now, err));
    *out = now == NULL || !arm__view_has_row(now, then, conflict->entry, (uint32_t)conflict->row);
done:
    arm__view_drop(now);
    return st;
}

arm_status arm__merge_ready(void *self, struct arm_transaction *txn, struct arm_error *err)
{
    struct arm_query_session *session = self;
    const struct arm_merge_report *merge = session->merge;
    size_t left = 0;
    arm_status st = ARM_OK;

    for (size_t i = 0; merge != NULL && i < merge->conflict_count; i++) {
        bool resolved;

        ARM_TRY(is_resolved(txn, &merge->conflicts[i], &resolved, err));
        left += !resolved;
    }
    if (left > 0) {
        st = arm__fail(err, ARM_MERGE_CONFLICT,
                       "%zu of the merge's conflicts %s not resolved: UPDATE, DELETE or INSERT the "
                       "rows that arm_conflicts() shows, then COMMIT; or ROLLBACK",
                       left, left == 1 ? "is" : "are");
    }
done:
    return st;
}

arm_status arm__merge_conflicts(void *self, arm_duck_visit_conflict *visit, void *context,
                                struct arm_error *err)
{
    struct arm_query_session *session = self;
    const struct arm_merge_report *merge = session->merge;
    struct arm_transaction *txn = arm__duck_transaction(session->connection);
    arm_status st = ARM_OK;

    for (size_t i = 0; merge != NULL && i < merge->conflict_count; i++) {
        const struct arm_merge_conflict *from = &merge->conflicts[i];
        struct arm_duck_conflict conflict = {.name = from->table,
                                             .kind = from->kind,
                                             .columns = from->columns,
                                             .key = from->key,
                                             .base = from->base,
                                             .ours = from->ours,
                                             .theirs = from->theirs};
        bool resolved;

        ARM_TRY(is_resolved(txn, from, &resolved, err));
        if (!resolved) {
            ARM_TRY(visit(context, &conflict, err));
        }
    }
done:
    return st;
}

void arm__merge_ended(void *self)
{
    struct arm_query_session *session = self;

    if (session->merge != NULL) {
        arm__merge_report_release(session->merge);
        arm__free(session->merge);
        session->merge = NULL;
    }
}

/* ---- The statement ---- */

static arm_status take_strategy(const char *word, enum arm_merge_side *out, struct arm_error *err)
{
    if (word == NULL || strcasecmp(word, "fail") == 0) {
        *out = ARM_MERGE_NEITHER;
    } else if (strcasecmp(word, "ours") == 0) {
        *out = ARM_MERGE_OURS;
    } else if (strcasecmp(word, "theirs") == 0) {
        *out = ARM_MERGE_THEIRS;
    } else {
        return arm__fail(err, ARM_INVALID, "no strategy \"%s\": there are fail, ours and theirs",
                         word);
    }
    return ARM_OK;
}

/* Into the transaction that is open, which it may leave with conflicts. An error ends it. */
static arm_status merge_open(struct arm_query_session *session, const struct arm_merge_order *order,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (order->target != NULL && strcmp(order->target, session->branch) != 0) {
        return arm__fail(err, ARM_INVALID,
                         "this transaction is of branch \"%s\": nothing can be merged into \"%s\" "
                         "in it",
                         session->branch, order->target);
    }
    if (session->merge != NULL) {
        return arm__fail(err, ARM_INVALID, "this transaction has merged already: commit it first");
    }
    ARM_TRY(arm__calloc(1, sizeof *session->merge, &session->merge, err));
    ARM_TRY(arm__merge_run(session, order, true, session->merge, err));
done:
    if (st != ARM_OK) { /* the transaction has half of it */
        (void)arm__session_run(session, "ROLLBACK", NULL, NULL);
    }
    return st;
}

static arm_status add(struct arm_buf *out, const char *text, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

static arm_status answer(const struct arm_merge_report *report, bool is_open, struct arm_buf *out,
                         struct arm_error *err)
{
    char text[160];
    arm_status st = ARM_OK;

    (void)snprintf(text, sizeof text, "SELECT %s%llu::UBIGINT%s AS tx, %s AS fast_forward, [",
                   is_open || report->tx == 0 ? "CASE WHEN false THEN " : "",
                   (unsigned long long)report->tx, is_open || report->tx == 0 ? " END" : "",
                   report->is_fast_forward ? "true" : "false");
    ARM_TRY(add(out, text, err));
    for (size_t i = 0; i < report->table_count; i++) {
        ARM_TRY(add(out, i == 0 ? "" : ", ", err));
        ARM_TRY(arm__sql_string(report->tables[i], out, err));
    }
    (void)snprintf(text, sizeof text, "]::VARCHAR[] AS tables, %zu::UBIGINT AS conflicts",
                   report->conflict_count);
    ARM_TRY(add(out, text, err));
    ARM_TRY(arm__buf_u8(out, 0, err));
done:
    return st;
}

arm_status arm__merge_statement(struct arm_query_session *session, const char *sql,
                                struct arm_buf *out_sql, struct arm_error *err)
{
    struct arm_branch_statement statement = {.name = NULL};
    struct arm_merge_report report = {.tx = 0};
    struct arm_merge_order order = {.message = session->message};
    bool is_open = arm__duck_transaction(session->connection) != NULL;
    bool is_one = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__branch_parse(sql, &statement, &is_one, NULL, err));
    order.source = statement.name;
    order.target = statement.other;
    ARM_TRY(take_strategy(statement.strategy, &order.strategy, err));
    if (is_open) {
        ARM_TRY(merge_open(session, &order, err));
        ARM_TRY(answer(session->merge, true, out_sql, err));
    } else {
        ARM_TRY(arm__merge_into(session, &order, &report, err));
        ARM_TRY(answer(&report, false, out_sql, err));
    }
done:
    arm__merge_report_release(&report);
    arm__branch_statement_release(&statement);
    return st;
}
