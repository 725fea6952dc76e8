/* SPDX-License-Identifier: Apache-2.0 */
/* Two merge bases that both changed a table since they parted: what they have together is made in a
 * transaction of another session, which is never committed, and read as a view that outlives it.
 * As in git's recursive strategy; where the two contradict each other, what was there before counts
 * as the base, so that a contradiction which was resolved differently on the two sides is told
 * again. */

#include <string.h>

#include "query/merge.h"
#include "query/query_private.h"

static arm_status join(struct arm_merging *m, const struct arm_merging_table *rows,
                       struct arm_query_session *scratch, const struct arm_view **out_view,
                       Armpb__Schema **out_schema, struct arm_error *err)
{
    struct arm_merge_report report = {.tx = 0};
    struct arm_merging joined = {
        .session = scratch, .strategy = ARM_MERGE_BASE, .verb = m->verb, .report = &report};
    struct arm_merging_table table = {
        .base = rows->fork, .ours = rows->base, .theirs = rows->other};
    const struct arm_view *view = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_run(scratch, "BEGIN TRANSACTION", NULL, err));
    joined.txn = arm__duck_transaction(scratch->connection);
    ARM_TRY(arm__merge_table(&joined, &table, err));
    if (report.conflict_count == 0) { /* else of names or columns, which no row's base resolves */
        ARM_TRY(arm__txn_view(joined.txn, rows->base->schema_name, rows->base->name, &view, err));
    }
    if (view != NULL) { /* NULL: it is called otherwise by now */
        ARM_TRY(arm__schema_clone(view->schema, out_schema, err));
        *out_view = view;
        view = NULL;
    }
done:
    arm__view_drop(view);
    arm__merge_report_release(&report);
    if (arm__duck_transaction(scratch->connection) != NULL) {
        (void)arm__session_run(scratch, "ROLLBACK", NULL, NULL);
    }
    return st;
}

arm_status arm__merge_bases(struct arm_merging *m, const struct arm_merging_table *rows,
                            const struct arm_view **out_view, Armpb__Schema **out_schema,
                            struct arm_error *err)
{
    struct arm_query_session *scratch = NULL;
    arm_status st = ARM_OK;

    *out_view = NULL;
    ARM_TRY(arm__session_open(m->session->host, m->session->branch, false, &scratch, err));
    scratch->scratch = &m->bases[0];
    ARM_TRY(arm__session_enter_run(scratch, err));
    st = join(m, rows, scratch, out_view, out_schema, err);
    arm__session_leave_run(scratch);
done:
    arm__session_close(scratch);
    return st;
}
