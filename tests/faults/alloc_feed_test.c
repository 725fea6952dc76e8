/* SPDX-License-Identifier: Apache-2.0 */
/* Memory exhausted in the changelog: in queries of it, in subscriptions, in what a consumer
 * acknowledges. */

#include "faults/alloc_trials.h"

static const char *const tables[] = {"h", "x*"};
static arm_feed *feed;
static uint64_t given;

static void make_history(struct scene *s)
{
    (void)must_run(s, "CREATE TABLE x (k INTEGER PRIMARY KEY, v VARCHAR)");
    (void)must_run(s, "INSERT INTO x SELECT range, 'v' FROM range(20)");
    (void)must_run(s, "UPDATE x SET v = 'u' WHERE k < 5");
    (void)must_run(s, "ALTER TABLE x ADD COLUMN w INTEGER");
    (void)must_run(s, "DELETE FROM x WHERE k = 7");
}

/* ---- Queries ---- */

static const struct arm_changes_options every = {
    .size = sizeof every, .branch = "*", .tables = tables, .table_count = 2};

STREAM_TRIAL(changes, arm_changes(s->session, &every, &stream, err))
STREAM_TRIAL(rows, arm_row_changes(s->session, "x", NULL, &stream, err))
STREAM_TRIAL(consumers, arm_consumers(s->session, &stream, err))

static void test_alloc_changelog(void **state)
{
    static const struct trial trials[] = {
        {"arm_changes", NULL, run_changes, NULL},
        {"arm_row_changes", NULL, run_rows, NULL},
        {"arm_consumers", NULL, run_consumers, NULL},
    };

    (void)state;
    RUN_TRIALS(trials, make_history);
}

/* ---- Subscriptions ---- */

static arm_status open_feed(struct scene *s, const char *consumer, struct arm_error *err)
{
    struct arm_feed_options feed_options = {.size = sizeof feed_options,
                                            .tables = tables,
                                            .table_count = 2,
                                            .from = ARM_FROM_TX,
                                            .consumer = consumer};

    return arm_feed_open(s->repo, &feed_options, &feed, err);
}

static void close_feed(struct scene *s)
{
    (void)s;
    arm_feed_close(feed);
    feed = NULL;
}

static arm_status run_open(struct scene *s, struct arm_error *err)
{
    return open_feed(s, NULL, err);
}

/* What a call that failed had made of a consumer stays; it is made anew each time. */
static arm_status run_open_consumer(struct scene *s, struct arm_error *err)
{
    arm_status st;

    s->commits_parts = true;
    st = open_feed(s, "c", err);
    end_fault();
    if (st == ARM_OK) {
        close_feed(s);
    }
    return st;
}

static void ready_feed(struct scene *s)
{
    struct arm_error err = {0};

    close_feed(s);
    assert_ok(open_feed(s, "c", &err), err);
    assert_ok(arm_consumer_move(s->session, "c", 0, &err), err);
    assert_ok(arm_feed_rewind(feed, &err), err);
}

static arm_status run_next(struct scene *s, struct arm_error *err)
{
    const struct arm_event *event = NULL;
    arm_status st = arm_feed_next(feed, 0, &event, err);

    (void)s;
    end_fault();
    if (st == ARM_OK) {
        assert_non_null(event);
        given = event->tx;
    } else {
        assert_ok(arm_feed_next(feed, 0, &event, err), *err); /* it goes on */
        assert_non_null(event);
        given = event->tx;
    }
    return st;
}

static void ready_event(struct scene *s)
{
    struct arm_error err = {0};

    ready_feed(s);
    assert_ok(run_next(s, &err), err);
}

static arm_status run_ack(struct scene *s, struct arm_error *err)
{
    (void)s;
    return arm_feed_ack(feed, given, err);
}

static arm_status run_rewind(struct scene *s, struct arm_error *err)
{
    (void)s;
    return arm_feed_rewind(feed, err);
}

static arm_status run_move(struct scene *s, struct arm_error *err)
{
    return arm_consumer_move(s->session, "c", given, err);
}

static void test_alloc_subscriptions(void **state)
{
    static const struct trial trials[] = {
        {"arm_feed_open", NULL, run_open, close_feed},
        {"arm_feed_open, a consumer", NULL, run_open_consumer, NULL},
        {"arm_feed_next", ready_feed, run_next, NULL},
        {"arm_feed_ack", ready_event, run_ack, NULL},
        {"arm_feed_rewind", ready_event, run_rewind, NULL},
        {"arm_consumer_move", ready_event, run_move, close_feed},
    };

    (void)state;
    RUN_TRIALS(trials, make_history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_changelog),
        cmocka_unit_test(test_alloc_subscriptions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
