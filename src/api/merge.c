/* SPDX-License-Identifier: Apache-2.0 */
/* Differences and merges. */

#include "query/merge.h"

#include <string.h>

#include "api/api_private.h"
#include "api/rows.h"
#include "model/type.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

enum { SQL_BYTES_MAX = 1 << 20 };

/* ---- Differences: functions of SQL ---- */

static arm_status add_text(struct arm_buf *out, const char *text, struct arm_error *err)
{
    return arm__buf_append(out, text, strlen(text), err);
}

/* Run `SELECT * FROM function(arguments)`. */
static arm_status call_function(arm_session *session, const char *function,
                                const char *const *arguments, size_t count,
                                struct ArrowArrayStream *out, struct arm_error *err)
{
    struct arm_sql_options options = {.size = sizeof options};
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(add_text(&sql, "SELECT * FROM ", err));
    ARM_TRY(add_text(&sql, function, err));
    for (size_t i = 0; i < count; i++) {
        ARM_TRY(add_text(&sql, i == 0 ? "(" : ", ", err));
        ARM_TRY(arm__sql_string(arguments[i], &sql, err));
    }
    ARM_TRY(add_text(&sql, ")", err));
    ARM_TRY(arm__buf_u8(&sql, 0, err));
    ARM_TRY(arm_sql(session, (const char *)sql.data, &options, out, NULL, err));
done:
    arm__buf_release(&sql);
    return st;
}

arm_status arm_diff(arm_session *session, const char *a, const char *b,
                    struct ArrowArrayStream *out, struct arm_error *err)
{
    const char *arguments[] = {a, b};
    arm_status st = ARM_OK;

    ARM_TRY(arm__require(a, "a", err));
    ARM_TRY(arm__require(b, "b", err));
    ARM_TRY(call_function(session, "arm_diff", arguments, COUNT_OF(arguments), out, err));
done:
    return st;
}

arm_status arm_diff_rows(arm_session *session, const char *table, const char *a, const char *b,
                         struct ArrowArrayStream *out, struct arm_error *err)
{
    const char *arguments[] = {table, a, b};
    arm_status st = ARM_OK;

    ARM_TRY(arm__require(table, "table", err));
    ARM_TRY(arm__require(a, "a", err));
    ARM_TRY(arm__require(b, "b", err));
    ARM_TRY(call_function(session, "arm_row_diff", arguments, COUNT_OF(arguments), out, err));
done:
    return st;
}

arm_status arm_diff_schemas(arm_session *session, const char *table, const char *a, const char *b,
                            struct ArrowArrayStream *out, struct arm_error *err)
{
    const char *arguments[] = {table, a, b};
    size_t skipped = table == NULL ? 1 : 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__require(a, "a", err));
    ARM_TRY(arm__require(b, "b", err));
    ARM_TRY(call_function(session, "arm_schema_diff", arguments + skipped,
                          COUNT_OF(arguments) - skipped, out, err));
done:
    return st;
}

/* ---- The report of a merge ---- */

enum { REPORT_TX, REPORT_FAST_FORWARD, REPORT_TABLES, REPORT_CONFLICTS };
enum {
    CONFLICT_TABLE,
    CONFLICT_KIND,
    CONFLICT_COLUMNS,
    CONFLICT_KEY,
    CONFLICT_BASE,
    CONFLICT_OURS,
    CONFLICT_THEIRS
};

static const struct arm_rows_field conflict_members[] = {
    [CONFLICT_TABLE] = {.name = "table", .format = "u"},
    [CONFLICT_KIND] = {.name = "kind", .format = "u"},
    [CONFLICT_COLUMNS] = {.name = "columns", .format = "u", .nullable = true},
    [CONFLICT_KEY] = {.name = "key", .format = "u", .nullable = true},
    [CONFLICT_BASE] = {.name = "base", .format = "u", .nullable = true},
    [CONFLICT_OURS] = {.name = "ours", .format = "u", .nullable = true},
    [CONFLICT_THEIRS] = {.name = "theirs", .format = "u", .nullable = true},
};

static const struct arm_rows_field conflict_item = {.name = "item",
                                                    .format = "+s",
                                                    .child_count = COUNT_OF(conflict_members),
                                                    .children = conflict_members};

static const struct arm_rows_field table_item = {.name = "item", .format = "u"};

static const struct arm_rows_field report_fields[] = {
    [REPORT_TX] = {.name = "tx", .format = "L", .nullable = true},
    [REPORT_FAST_FORWARD] = {.name = "fast_forward", .format = "b"},
    [REPORT_TABLES] = {.name = "tables", .format = "+l", .child_count = 1, .children = &table_item},
    [REPORT_CONFLICTS] = {.name = "conflicts",
                          .format = "+l",
                          .child_count = 1,
                          .children = &conflict_item},
};

static arm_status push_conflict(struct arm_rows_column *item,
                                const struct arm_merge_conflict *conflict, struct arm_error *err)
{
    const char *const texts[] = {
        [CONFLICT_TABLE] = conflict->table,     [CONFLICT_KIND] = conflict->kind,
        [CONFLICT_COLUMNS] = conflict->columns, [CONFLICT_KEY] = conflict->key,
        [CONFLICT_BASE] = conflict->base,       [CONFLICT_OURS] = conflict->ours,
        [CONFLICT_THEIRS] = conflict->theirs,
    };
    arm_status st = ARM_OK;

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        ARM_TRY(arm__rows_text(arm__rows_child(item, i), texts[i], err));
    }
    ARM_TRY(arm__rows_end(item, err));
done:
    return st;
}

static arm_status push_report(struct arm_rows *rows, const struct arm_merge_report *report,
                              uint64_t tx, struct arm_error *err)
{
    struct arm_rows_column *tx_column = arm__rows_column(rows, REPORT_TX);
    struct arm_rows_column *tables = arm__rows_column(rows, REPORT_TABLES);
    struct arm_rows_column *conflicts = arm__rows_column(rows, REPORT_CONFLICTS);
    arm_status st = ARM_OK;

    ARM_TRY(tx == 0 ? arm__rows_null(tx_column, err) : arm__rows_u64(tx_column, tx, err));
    ARM_TRY(
        arm__rows_bool(arm__rows_column(rows, REPORT_FAST_FORWARD), report->is_fast_forward, err));
    for (size_t i = 0; i < report->table_count; i++) {
        ARM_TRY(arm__rows_text(arm__rows_child(tables, 0), report->tables[i], err));
    }
    ARM_TRY(arm__rows_end(tables, err));
    for (size_t i = 0; i < report->conflict_count; i++) {
        ARM_TRY(push_conflict(arm__rows_child(conflicts, 0), &report->conflicts[i], err));
    }
    ARM_TRY(arm__rows_end(conflicts, err));
    arm__rows_end_row(rows);
done:
    return st;
}

/* The merge is over, however it ended: what cannot be told for want of memory is not told. */
static void give_report(const struct arm_merge_report *report, uint64_t tx,
                        struct ArrowArrayStream *out)
{
    struct arm_rows *rows = NULL;
    arm_status st = ARM_OK;

    *out = (struct ArrowArrayStream){.release = NULL};
    ARM_TRY(arm__rows_new(report_fields, COUNT_OF(report_fields), &rows, NULL));
    ARM_TRY(push_report(rows, report, tx, NULL));
    (void)arm__rows_stream(rows, out, NULL);
    rows = NULL;
done:
    arm__rows_free(rows);
}

/* ---- Merges ---- */

static arm_status take_strategy(arm_merge_strategy given, enum arm_merge_side *out,
                                struct arm_error *err)
{
    switch (given) {
    case ARM_STRATEGY_FAIL:
        *out = ARM_MERGE_NEITHER;
        return ARM_OK;
    case ARM_STRATEGY_OURS:
        *out = ARM_MERGE_OURS;
        return ARM_OK;
    case ARM_STRATEGY_THEIRS:
        *out = ARM_MERGE_THEIRS;
        return ARM_OK;
    }
    return arm__fail(err, ARM_INVALID, "%d is no strategy of merging", (int)given);
}

/* `order` has its verb, and what that is done to. */
static arm_status bring(arm_session *session, struct arm_merge_order *order,
                        const struct arm_merge_options *options, struct arm_merge_result *out,
                        struct ArrowArrayStream *out_report, struct arm_error *err)
{
    struct arm_merge_report report = {.tx = 0};
    struct arm_merge_options known;
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    ARM_TRY(take_strategy(known.strategy, &order->strategy, err));
    order->target = known.into;
    order->is_dry_run = known.dry_run;
    order->message = known.message;
    st = arm__session_merge(session->query, order, &report, err);
    if (st != ARM_OK && st != ARM_MERGE_CONFLICT) {
        goto done;
    }
    if (st == ARM_OK && (!known.dry_run || report.is_up_to_date)) {
        tx = report.tx; /* else nothing was committed */
    }
    if (out != NULL) {
        *out = (struct arm_merge_result){.tx = tx,
                                         .fast_forward = report.is_fast_forward,
                                         .up_to_date = report.is_up_to_date,
                                         .tables = report.table_count,
                                         .conflicts = report.conflict_count};
    }
    if (out_report != NULL) {
        give_report(&report, tx, out_report);
    }
done:
    arm__merge_report_release(&report);
    return st;
}

arm_status arm_merge(arm_session *session, const char *source,
                     const struct arm_merge_options *options, struct arm_merge_result *out,
                     struct ArrowArrayStream *out_report, struct arm_error *err)
{
    struct arm_merge_order order = {.verb = ARM_MERGE_ALL, .source = source};
    arm_status st = ARM_OK;

    ARM_TRY(arm__require(source, "source", err));
    ARM_TRY(bring(session, &order, options, out, out_report, err));
done:
    return st;
}

arm_status arm_cherry_pick(arm_session *session, const char *ref,
                           const struct arm_merge_options *options, struct arm_merge_result *out,
                           struct ArrowArrayStream *out_report, struct arm_error *err)
{
    struct arm_merge_order order = {.verb = ARM_MERGE_PICK, .source = ref};
    arm_status st = ARM_OK;

    ARM_TRY(arm__require(ref, "ref", err));
    ARM_TRY(bring(session, &order, options, out, out_report, err));
done:
    return st;
}

arm_status arm_revert(arm_session *session, const char *ref,
                      const struct arm_merge_options *options, struct arm_merge_result *out,
                      struct ArrowArrayStream *out_report, struct arm_error *err)
{
    struct arm_merge_order order = {.verb = ARM_MERGE_REVERT, .source = ref};
    arm_status st = ARM_OK;

    ARM_TRY(arm__require(ref, "ref", err));
    ARM_TRY(bring(session, &order, options, out, out_report, err));
done:
    return st;
}

arm_status arm_restore(arm_session *session, const char *table, const char *ref,
                       const struct arm_merge_options *options, struct arm_merge_result *out,
                       struct ArrowArrayStream *out_report, struct arm_error *err)
{
    struct arm_merge_order order = {.verb = ARM_MERGE_RESTORE, .source = ref, .table = table};
    arm_status st = ARM_OK;

    ARM_TRY(arm__require(table, "table", err));
    ARM_TRY(arm__require(ref, "ref", err));
    ARM_TRY(bring(session, &order, options, out, out_report, err));
done:
    return st;
}
