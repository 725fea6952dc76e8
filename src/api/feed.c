/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions to the changelog, and the consumers whose cursors the repository keeps. */

#include <string.h>

#include "api/api_private.h"
#include "api/rows.h"
#include "base/alloc.h"
#include "feed/consumers.h"
#include "feed/subscription.h"
#include "query/acknowledge.h"

struct arm_feed {
    struct arm_root *root;
    struct arm_subscription *subscription;
};

static arm_status enter(const struct arm_feed *feed, struct arm_error *err)
{
    return feed == NULL ? arm__require(NULL, "feed", err) : arm__root_check(feed->root, err);
}

/* For the caller's own thread: while the feed has one, it is that one's. */
static arm_status enter_alone(const struct arm_feed *feed, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter(feed, err));
    if (arm__subscription_has_thread(feed->subscription)) {
        st = arm__fail(err, ARM_INVALID,
                       "a thread calls for the events of this feed: stop it "
                       "first");
    }
done:
    return st;
}

static arm_status check_options(const struct arm_feed_options *options, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if ((unsigned)options->from > ARM_FROM_TX) {
        return arm__fail(err, ARM_INVALID, "options.from is %u, which is none of arm_feed_from",
                         (unsigned)options->from);
    }
    if (options->table_count > 0) {
        ARM_TRY(arm__require(options->tables, "options.tables", err));
    }
    for (size_t i = 0; i < options->table_count; i++) {
        ARM_TRY(arm__require(options->tables[i], "a table", err));
    }
done:
    return st;
}

arm_status arm_feed_open(arm_repo *repo, const struct arm_feed_options *options, arm_feed **out,
                         struct arm_error *err)
{
    struct arm_feed_options known;
    struct arm_feed *feed = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repo_enter(repo, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    ARM_TRY(check_options(&known, err));
    ARM_TRY(arm__calloc(1, sizeof *feed, &feed, err));
    ARM_TRY(arm__subscription_open(arm__root_repository(repo->root), &known,
                                   repo->read_only || arm__root_is_read_only(repo->root),
                                   &feed->subscription, err));
    feed->root = arm__root_retain(repo->root);
    *out = feed;
    feed = NULL;
done:
    arm__free(feed);
    return st;
}

void arm_feed_close(arm_feed *feed)
{
    if (feed == NULL) {
        return;
    }
    if (!arm__root_is_forked(feed->root)) {
        arm__subscription_close(feed->subscription);
        arm__root_drop(feed->root);
    }
    arm__free(feed);
}

arm_status arm_feed_next(arm_feed *feed, uint64_t wait_us, const struct arm_event **out,
                         struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter_alone(feed, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__subscription_next(feed->subscription, wait_us, out, err));
done:
    return st;
}

void arm_feed_interrupt(arm_feed *feed)
{
    if (feed != NULL && !arm__root_is_forked(feed->root)) {
        arm__subscription_interrupt(feed->subscription);
    }
}

arm_status arm_feed_ack(arm_feed *feed, uint64_t tx, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter_alone(feed, err));
    ARM_TRY(arm__subscription_ack(feed->subscription, tx, err));
done:
    return st;
}

arm_status arm_feed_ack_in(arm_feed *feed, arm_session *session, uint64_t tx, struct arm_error *err)
{
    struct arm_new_cursor cursor;
    arm_status st = ARM_OK;

    ARM_TRY(enter_alone(feed, err));
    ARM_TRY(arm__session_enter(session, err));
    if (feed->root != session->root) {
        st = arm__fail(err, ARM_INVALID, "the session is of another repository");
        goto done;
    }
    ARM_TRY(arm__subscription_cursor(feed->subscription, tx, &cursor, err));
    if (cursor.shares != 0) {
        ARM_TRY(arm__session_acknowledge(session->query, &cursor, err));
        arm__subscription_pass(feed->subscription, &cursor);
    }
done:
    return st;
}

arm_status arm_feed_rewind(arm_feed *feed, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter_alone(feed, err));
    ARM_TRY(arm__subscription_rewind(feed->subscription, err));
done:
    return st;
}

arm_status arm_feed_start(arm_feed *feed, const struct arm_feed_callbacks *callbacks,
                          struct arm_error *err)
{
    struct arm_feed_callbacks known;
    arm_status st = ARM_OK;

    ARM_TRY(enter(feed, err));
    ARM_TRY(arm__require(callbacks, "callbacks", err));
    ARM_TRY(arm__options_copy(callbacks, sizeof known, &known, err));
    if (known.on_event == NULL) {
        st = arm__fail(err, ARM_INVALID, "callbacks.on_event is NULL");
        goto done;
    }
    ARM_TRY(arm__subscription_start(feed->subscription, &known, err));
done:
    return st;
}

arm_status arm_feed_stop(arm_feed *feed, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter(feed, err));
    ARM_TRY(arm__subscription_stop(feed->subscription, err));
done:
    return st;
}

/* ---- Consumers ---- */

enum {
    CONSUMER_NAME,
    CONSUMER_ACKED_TX,
    CONSUMER_LAG,
    CONSUMER_WAITING_SINCE,
    CONSUMER_MEMBERS,
    CONSUMER_FIELDS
};

static const struct arm_rows_field consumer_fields[CONSUMER_FIELDS] = {
    [CONSUMER_NAME] = {.name = "consumer", .format = "u"},
    [CONSUMER_ACKED_TX] = {.name = "acked_tx", .format = "L"},
    [CONSUMER_LAG] = {.name = "lag", .format = "L"},
    [CONSUMER_WAITING_SINCE] = {.name = "waiting_since", .format = "tsu:UTC", .nullable = true},
    [CONSUMER_MEMBERS] = {.name = "members", .format = "L"},
};

static arm_status push_consumer(void *context, const struct arm_consumer_info *info,
                                struct arm_error *err)
{
    struct arm_rows *rows = context;
    struct arm_rows_column *waiting = arm__rows_column(rows, CONSUMER_WAITING_SINCE);
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_text(arm__rows_column(rows, CONSUMER_NAME), info->name, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, CONSUMER_ACKED_TX), info->acked_tx, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, CONSUMER_LAG), info->lag, err));
    ARM_TRY(info->lag == 0 ? arm__rows_null(waiting, err)
                           : arm__rows_time(waiting, info->waiting_since_us, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, CONSUMER_MEMBERS), info->members, err));
    arm__rows_end_row(rows);
done:
    return st;
}

arm_status arm_consumers(arm_session *session, struct ArrowArrayStream *out, struct arm_error *err)
{
    struct arm_rows *rows = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__rows_new(consumer_fields, CONSUMER_FIELDS, &rows, err));
    ARM_TRY(arm__consumers_list(arm__root_repository(session->root), push_consumer, rows, err));
    st = arm__rows_stream(rows, out, err);
    rows = NULL;
done:
    arm__rows_free(rows);
    return st;
}

static arm_status enter_to_change(const arm_session *session, const char *name,
                                  struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(name, "name", err));
    if (session->read_only) {
        st = arm__fail(err, ARM_READ_ONLY, "%s was opened for reading only",
                       arm__repository_path(arm__root_repository(session->root)));
    }
done:
    return st;
}

arm_status arm_consumer_move(arm_session *session, const char *name, uint64_t tx,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter_to_change(session, name, err));
    ARM_TRY(arm__consumers_move(arm__root_repository(session->root), name, tx, err));
done:
    return st;
}

arm_status arm_consumer_drop(arm_session *session, const char *name, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter_to_change(session, name, err));
    ARM_TRY(arm__consumer_drop(arm__root_repository(session->root), name, err));
done:
    return st;
}
