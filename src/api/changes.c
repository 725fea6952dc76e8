/* SPDX-License-Identifier: Apache-2.0 */
/* The changelog as rows: arm_changes, page by page as it is read, and arm_row_changes. */

#include <errno.h>
#include <string.h>

#include "api/api_private.h"
#include "api/change_rows.h"
#include "base/alloc.h"
#include "model/type.h"
#include "query/branch.h"

enum { PAGE_EVENTS = 1024, SQL_BYTES_MAX = 1 << 20 };

enum {
    EVENT_TX,
    EVENT_TIMESTAMP,
    EVENT_BRANCH,
    EVENT_AUTHOR,
    EVENT_MESSAGE,
    EVENT_CHANGES,
    EVENT_FIELDS
};

static const struct arm_rows_field event_fields[EVENT_FIELDS] = {
    [EVENT_TX] = {.name = "tx_id", .format = "L"},
    [EVENT_TIMESTAMP] = {.name = "timestamp", .format = "tsu:UTC"},
    [EVENT_BRANCH] = {.name = "branch", .format = "u"},
    [EVENT_AUTHOR] = {.name = "author", .format = "u"},
    [EVENT_MESSAGE] = {.name = "message", .format = "u"},
    [EVENT_CHANGES] = {.name = "changes",
                       .format = "+l",
                       .child_count = 1,
                       .children = &arm__change_field},
};

/* ---- What is asked for ---- */

/* The stream's own: where it is, and what it looks for. */
struct event_stream {
    struct arm_catalog *catalog; /* of the root that holds it open */
    struct arm_event_filter filter;
    struct arm_table_pattern *tables; /* the filter's; owned */
    uint64_t position;
    uint64_t until;
    uint64_t left; /* events that are still wanted */
    struct arm_error error;
};

static void free_events(struct event_stream *events)
{
    if (events != NULL) {
        arm__free(events->tables);
        arm__free(events);
    }
}

static arm_status take_tables(struct event_stream *events,
                              const struct arm_changes_options *options, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (options->table_count > 0) {
        ARM_TRY(arm__require(options->tables, "options.tables", err));
    }
    ARM_TRY(arm__calloc(options->table_count, sizeof *events->tables, &events->tables, err));
    for (size_t i = 0; i < options->table_count; i++) {
        ARM_TRY(arm__require(options->tables[i], "a table", err));
        ARM_TRY(arm__pattern_parse(options->tables[i], &events->tables[i], err));
    }
    events->filter.table_count = options->table_count;
    events->filter.tables = events->tables;
done:
    return st;
}

static arm_status take_branch(struct event_stream *events, const struct arm_session *session,
                              const char *branch, struct arm_error *err)
{
    struct arm_snapshot at;
    arm_status st = ARM_OK;

    if (branch != NULL && strcmp(branch, "*") == 0) {
        goto done; /* all of them */
    }
    if (branch == NULL) {
        ARM_TRY(arm__session_now(session->query, &at, err));
    } else {
        ARM_TRY(arm__catalog_snapshot(events->catalog, branch, &at, err));
    }
    events->filter.branch_id = at.branch_id;
done:
    return st;
}

static arm_status take_range(struct event_stream *events, uint64_t durable,
                             const struct arm_changes_options *options, struct arm_error *err)
{
    uint64_t tx;
    arm_status st = ARM_OK;

    events->position = options->since;
    events->until = options->until == 0 || options->until > durable ? durable : options->until;
    if (options->since_us != 0) {
        ARM_TRY(arm__events_at_time(events->catalog, options->since_us, durable, &tx, err));
        events->position = tx > events->position ? tx : events->position;
    }
    if (options->until_us != 0) {
        ARM_TRY(arm__events_at_time(events->catalog, options->until_us, durable, &tx, err));
        events->until = tx < events->until ? tx : events->until;
    }
    events->left = options->limit == 0 ? UINT64_MAX : options->limit;
done:
    return st;
}

/* ---- Its pages ---- */

static arm_status push_event(struct arm_rows *rows, const struct arm_event *event,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_u64(arm__rows_column(rows, EVENT_TX), event->tx, err));
    ARM_TRY(arm__rows_time(arm__rows_column(rows, EVENT_TIMESTAMP), event->time_us, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, EVENT_BRANCH), event->branch, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, EVENT_AUTHOR), event->author, err));
    ARM_TRY(arm__rows_text(arm__rows_column(rows, EVENT_MESSAGE), event->message, err));
    ARM_TRY(arm__rows_changes(arm__rows_column(rows, EVENT_CHANGES), event, err));
    arm__rows_end_row(rows);
done:
    return st;
}

/* The next page, as a stream of one batch. */
static arm_status read_page(struct event_stream *events, struct ArrowArrayStream *out,
                            struct arm_error *err)
{
    size_t limit = events->left < PAGE_EVENTS ? (size_t)events->left : PAGE_EVENTS;
    struct arm_event_page page = {.count = 0};
    struct arm_rows *rows = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_new(event_fields, EVENT_FIELDS, &rows, err));
    while (limit > 0 && page.count == 0 && events->position < events->until) {
        arm__event_page_release(&page);
        ARM_TRY(arm__events_read(events->catalog, &events->filter, events->position, events->until,
                                 limit, &page, err));
        events->position = page.scanned_to;
    }
    for (size_t i = 0; i < page.count; i++) {
        ARM_TRY(push_event(rows, &page.events[i], err));
    }
    events->left -= page.count;
    st = arm__rows_stream(rows, out, err);
    rows = NULL;
done:
    arm__rows_free(rows);
    arm__event_page_release(&page);
    return st;
}

static int as_errno(arm_status st)
{
    return st == ARM_NO_MEMORY ? ENOMEM : EIO;
}

static int events_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct event_stream *events = stream->private_data;
    struct ArrowArrayStream page = {.release = NULL};
    struct arm_rows *rows = NULL;
    int code;
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_new(event_fields, EVENT_FIELDS, &rows, &events->error));
    ARM_TRY(arm__rows_stream(rows, &page, &events->error));
    code = page.get_schema(&page, out);
    page.release(&page);
    return code;
done:
    return as_errno(st);
}

static int events_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct event_stream *events = stream->private_data;
    struct ArrowArrayStream page = {.release = NULL};
    uint64_t before = events->left;
    int code;
    arm_status st = ARM_OK;

    ARM_TRY(read_page(events, &page, &events->error));
    if (events->left == before) { /* the end */
        memset(out, 0, sizeof *out);
        code = 0;
    } else {
        code = page.get_next(&page, out);
    }
    page.release(&page);
    return code;
done:
    return as_errno(st);
}

static const char *events_error(struct ArrowArrayStream *stream)
{
    const struct event_stream *events = stream->private_data;

    return events->error.message[0] == '\0' ? NULL : events->error.message;
}

static void events_release(struct ArrowArrayStream *stream)
{
    free_events(stream->private_data);
    stream->release = NULL;
}

arm_status arm_changes(arm_session *session, const struct arm_changes_options *options,
                       struct ArrowArrayStream *out, struct arm_error *err)
{
    struct arm_changes_options known;
    struct event_stream *events = NULL;
    struct arm_held *held = NULL;
    struct arm_log *log;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    ARM_TRY(arm__repository_check(arm__root_repository(session->root), false, err));
    ARM_TRY(arm__calloc(1, sizeof *events, &events, err));
    events->catalog = arm__session_catalog(session);
    log = arm__repository_log(arm__root_repository(session->root));
    ARM_TRY(take_tables(events, &known, err));
    ARM_TRY(take_branch(events, session, known.branch, err));
    ARM_TRY(take_range(events, arm__log_durable_to(log), &known, err));
    ARM_TRY(arm__held_new(session->root, &held, err));
    *out = (struct ArrowArrayStream){.get_schema = events_schema,
                                     .get_next = events_next,
                                     .get_last_error = events_error,
                                     .release = events_release,
                                     .private_data = events};
    events = NULL;
    arm__stream_hold(out, held);
done:
    free_events(events);
    return st;
}

/* ---- Rows ---- */

/* No log is so long, and SQL's numbers end there. */
static unsigned long long sql_tx(uint64_t tx)
{
    return tx > INT64_MAX ? INT64_MAX : tx;
}

static arm_status describe_rows(const char *table, const struct arm_row_changes_options *options,
                                struct arm_buf *sql, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(sql, err, "FROM arm_row_changes("));
    ARM_TRY(arm__sql_string(table, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, ", %llu", sql_tx(options->since)));
    if (options->until != 0) {
        ARM_TRY(arm__buf_printf(sql, err, ", until => %llu", sql_tx(options->until)));
    }
    if (options->branch != NULL) {
        ARM_TRY(arm__buf_printf(sql, err, ", branch => "));
        ARM_TRY(arm__sql_string(options->branch, sql, err));
    }
    ARM_TRY(arm__buf_append(sql, ")", 2, err)); /* with its NUL */
done:
    return st;
}

arm_status arm_row_changes(arm_session *session, const char *table,
                           const struct arm_row_changes_options *options,
                           struct ArrowArrayStream *out, struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    struct arm_row_changes_options known;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(table, "table", err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    ARM_TRY(describe_rows(table, &known, &sql, err));
    ARM_TRY(arm_sql(session, (const char *)sql.data, NULL, out, NULL, err));
done:
    arm__buf_release(&sql);
    return st;
}
