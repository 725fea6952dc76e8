/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions through the public header: what is given, when it wakes, what is acknowledged. */

#include <armillaria.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/temp.h"

enum { WAIT_US = 5000000, SUBSCRIBERS = 64, EVENTS = 40, ASLEEP = 700 };

struct fixture {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    arm_repo *repo;
    arm_session *session;
    struct arm_error err;
};

static void run(struct fixture *f, const char *sql)
{
    struct ArrowArrayStream stream;

    assert_ok(arm_sql(f->session, sql, NULL, &stream, NULL, &f->err), f->err);
    stream.release(&stream);
}

static int setup(void **state)
{
    static struct fixture f;
    struct arm_repo_options options = {.size = sizeof options, .create = true};

    memset(&f, 0, sizeof f);
    f.dir = temp_dir_make();
    (void)temp_path(&f.dir, "repo", f.path);
    assert_ok(arm_repo_open(f.path, &options, &f.repo, &f.err), f.err);
    assert_ok(arm_session_open(f.repo, NULL, &f.session, &f.err), f.err);
    run(&f, "CREATE TABLE t(a INTEGER)"); /* tx 2 */
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arm_session_close(f->session);
    arm_repo_close(f->repo);
    temp_dir_remove(&f->dir);
    return 0;
}

static arm_feed *open_feed(struct fixture *f, const struct arm_feed_options *options)
{
    arm_feed *feed = NULL;

    assert_ok(arm_feed_open(f->repo, options, &feed, &f->err), f->err);
    return feed;
}

/* The tx of the next event; 0: there is none. */
static uint64_t next_tx(struct fixture *f, arm_feed *feed, uint64_t wait_us)
{
    const struct arm_event *event = NULL;

    assert_ok(arm_feed_next(feed, wait_us, &event, &f->err), f->err);
    return event == NULL ? 0 : event->tx;
}

static void insert(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        run(f, "INSERT INTO t VALUES (1)");
    }
}

static uint64_t latest(struct fixture *f)
{
    uint64_t tx = 0;

    assert_ok(arm_latest_tx(f->repo, &tx, &f->err), f->err);
    return tx;
}

static const struct arm_feed_options from_start = {
    .size = sizeof from_start, .from = ARM_FROM_TX, .since = 0};

/* ---- What is given ---- */

static void test_feed_gives_what_is_told_of_a_commit(void **state)
{
    struct fixture *f = *state;
    arm_feed *feed = open_feed(f, &from_start);
    const struct arm_event *event = NULL;

    run(f, "BEGIN");
    run(f, "INSERT INTO t VALUES (1), (2)");
    run(f, "CREATE TABLE u AS SELECT 1 AS b");
    run(f, "COMMIT");
    assert_int_equal(next_tx(f, feed, 0), 2);
    assert_ok(arm_feed_next(feed, 0, &event, &f->err), f->err);
    assert_int_equal(event->tx, 3);
    assert_string_equal(event->branch, "main");
    assert_int_equal(event->change_count, 2);
    assert_string_equal(event->changes[0].table_name, "t");
    assert_int_equal(event->changes[0].old_version, 1);
    assert_int_equal(event->changes[0].new_version, 2);
    assert_int_equal(event->changes[0].rows_added, 2);
    assert_true(event->changes[0].bytes_added > 0);
    assert_true(event->changes[1].is_new_table);
    assert_int_equal(event->changes[1].old_version, 0);
    assert_int_equal(next_tx(f, feed, 0), 0);
    arm_feed_close(feed);
}

static void test_feed_begins_now_unless_told_otherwise(void **state)
{
    struct fixture *f = *state;
    struct arm_feed_options since = {.size = sizeof since, .from = ARM_FROM_TX, .since = 2};
    arm_feed *now = open_feed(f, NULL);
    arm_feed *behind;

    insert(f, 1);
    behind = open_feed(f, &since);
    assert_int_equal(next_tx(f, now, 0), 3);
    assert_int_equal(next_tx(f, behind, 0), 3);
    assert_int_equal(next_tx(f, behind, 0), 0);
    arm_feed_close(now);
    arm_feed_close(behind);
}

static void test_feed_outlives_its_handle_and_reads_without_writing(void **state)
{
    struct fixture *f = *state;
    struct arm_repo_options options = {.size = sizeof options, .read_only = true};
    struct arm_feed_options consumer = {.size = sizeof consumer, .consumer = "c"};
    arm_repo *reader = NULL;
    arm_feed *feed = NULL;

    assert_ok(arm_repo_open(f->path, &options, &reader, &f->err), f->err);
    assert_int_equal(arm_feed_open(reader, &consumer, &feed, &f->err), ARM_READ_ONLY);
    assert_ok(arm_feed_open(reader, &from_start, &feed, &f->err), f->err);
    arm_repo_close(reader);
    assert_int_equal(next_tx(f, feed, 0), 2);
    insert(f, 1);
    assert_int_equal(next_tx(f, feed, WAIT_US), 3);
    arm_feed_close(feed);
}

static void test_feed_refuses_what_makes_no_sense(void **state)
{
    struct fixture *f = *state;
    const char *bad_tables[] = {"\"t"};
    const char *null_tables[] = {NULL};
    struct arm_feed_options options = {.size = sizeof options};
    arm_feed *feed = NULL;
    const struct arm_event *event = NULL;

    assert_int_equal(arm_feed_open(NULL, NULL, &feed, &f->err), ARM_INVALID);
    assert_int_equal(arm_feed_open(f->repo, NULL, NULL, &f->err), ARM_INVALID);
    options.branch = "nowhere";
    assert_int_equal(arm_feed_open(f->repo, &options, &feed, &f->err), ARM_NOT_FOUND);
    options = (struct arm_feed_options){.size = sizeof options, .from = (arm_feed_from)9};
    assert_int_equal(arm_feed_open(f->repo, &options, &feed, &f->err), ARM_INVALID);
    options = (struct arm_feed_options){.size = sizeof options, .from = ARM_FROM_TX, .since = 99};
    assert_int_equal(arm_feed_open(f->repo, &options, &feed, &f->err), ARM_INVALID);
    options =
        (struct arm_feed_options){.size = sizeof options, .tables = bad_tables, .table_count = 1};
    assert_int_equal(arm_feed_open(f->repo, &options, &feed, &f->err), ARM_INVALID_NAME);
    options.tables = null_tables;
    assert_int_equal(arm_feed_open(f->repo, &options, &feed, &f->err), ARM_INVALID);
    options = (struct arm_feed_options){.size = sizeof options, .consumer = "-x"};
    assert_int_equal(arm_feed_open(f->repo, &options, &feed, &f->err), ARM_INVALID_NAME);
    options = (struct arm_feed_options){.size = sizeof options + 8};
    assert_int_equal(arm_feed_open(f->repo, &options, &feed, &f->err), ARM_INVALID);
    assert_int_equal(arm_feed_next(NULL, 0, &event, &f->err), ARM_INVALID);
    feed = open_feed(f, NULL);
    assert_int_equal(arm_feed_next(feed, 0, NULL, &f->err), ARM_INVALID);
    assert_int_equal(arm_feed_ack(feed, 2, &f->err), ARM_INVALID);
    assert_int_equal(arm_feed_rewind(feed, &f->err), ARM_INVALID);
    assert_int_equal(arm_feed_start(feed, NULL, &f->err), ARM_INVALID);
    arm_feed_close(feed);
    arm_feed_close(NULL);
    arm_feed_interrupt(NULL);
}

/* ---- Waiting ---- */

static void *insert_later(void *context)
{
    (void)usleep(50000);
    insert(context, 1);
    return NULL;
}

static void *interrupt_later(void *context)
{
    (void)usleep(50000);
    arm_feed_interrupt(context);
    return NULL;
}

static void test_feed_wakes_by_a_commit_a_timeout_and_an_interruption(void **state)
{
    struct fixture *f = *state;
    const struct arm_event *event = NULL;
    arm_feed *feed = open_feed(f, NULL);
    pthread_t thread;

    assert_int_equal(next_tx(f, feed, 1000), 0);
    assert_int_equal(pthread_create(&thread, NULL, insert_later, f), 0);
    assert_int_equal(next_tx(f, feed, UINT64_MAX), 3);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, interrupt_later, feed), 0);
    assert_int_equal(arm_feed_next(feed, UINT64_MAX, &event, &f->err), ARM_INTERRUPTED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    arm_feed_interrupt(feed);
    assert_int_equal(arm_feed_next(feed, UINT64_MAX, &event, &f->err), ARM_INTERRUPTED);
    assert_int_equal(next_tx(f, feed, 0), 0);
    arm_feed_close(feed);
}

static void test_feed_refuses_a_forked_child(void **state)
{
    struct fixture *f = *state;
    arm_feed *feed = open_feed(f, &from_start);
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        const struct arm_event *event = NULL;

        _exit(arm_feed_next(feed, 0, &event, NULL) == ARM_FORKED &&
                      arm_feed_ack(feed, 2, NULL) == ARM_FORKED
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(next_tx(f, feed, 0), 2);
    arm_feed_close(feed);
}

/* Each in a thread; all of them are told of each commit, in order. */
struct listener {
    pthread_t thread;
    arm_feed *feed;
    uint64_t given[EVENTS];
};

static void *listen_to_all(void *context)
{
    struct listener *listener = context;
    const struct arm_event *event = NULL;

    for (int i = 0; i < EVENTS; i++) {
        if (arm_feed_next(listener->feed, WAIT_US, &event, NULL) != ARM_OK || event == NULL) {
            break;
        }
        listener->given[i] = event->tx;
    }
    return NULL;
}

static void test_feed_sixty_four_subscribers_are_all_told(void **state)
{
    static struct listener listeners[SUBSCRIBERS];
    struct fixture *f = *state;

    memset(listeners, 0, sizeof listeners);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        listeners[i].feed = open_feed(f, NULL);
        assert_int_equal(pthread_create(&listeners[i].thread, NULL, listen_to_all, &listeners[i]),
                         0);
    }
    insert(f, EVENTS);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        assert_int_equal(pthread_join(listeners[i].thread, NULL), 0);
        for (int k = 0; k < EVENTS; k++) {
            assert_int_equal(listeners[i].given[k], 3 + k);
        }
        arm_feed_close(listeners[i].feed);
    }
}

/* ---- The thread ---- */

struct calls {
    atomic_int count;
    atomic_int ends;
    int last; /* after so many it asks to end; 0: never */
    arm_status why;
};

static bool on_event(void *context, const struct arm_event *event)
{
    struct calls *calls = context;

    return event != NULL && atomic_fetch_add(&calls->count, 1) + 1 != calls->last;
}

static void on_end(void *context, arm_status why, const struct arm_error *err)
{
    struct calls *calls = context;

    calls->why = err == NULL ? why : err->code;
    atomic_fetch_add(&calls->ends, 1);
}

static void wait_for(const atomic_int *count, int wanted)
{
    for (int i = 0; i < 5000 && atomic_load(count) < wanted; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(atomic_load(count), wanted);
}

static void test_feed_thread_calls_and_stops(void **state)
{
    struct fixture *f = *state;
    struct calls calls = {.last = 0};
    struct arm_feed_callbacks callbacks = {
        .size = sizeof callbacks, .on_event = on_event, .on_end = on_end, .context = &calls};
    arm_feed *feed = open_feed(f, &from_start);

    assert_ok(arm_feed_start(feed, &callbacks, &f->err), f->err);
    assert_int_equal(arm_feed_start(feed, &callbacks, &f->err), ARM_INVALID);
    insert(f, 3);
    wait_for(&calls.count, 4);
    assert_ok(arm_feed_stop(feed, &f->err), f->err);
    assert_int_equal(atomic_load(&calls.ends), 1);
    assert_int_equal(calls.why, ARM_OK);
    assert_ok(arm_feed_stop(feed, &f->err), f->err);
    insert(f, 1);
    assert_int_equal(next_tx(f, feed, 0), 6); /* the feed is the caller's again */
    assert_ok(arm_feed_start(feed, &callbacks, &f->err), f->err);
    arm_feed_close(feed); /* and its thread */
    assert_int_equal(atomic_load(&calls.ends), 2);
}

static void test_feed_thread_acknowledges_what_the_callback_has_done(void **state)
{
    struct fixture *f = *state;
    struct calls calls = {.last = 3};
    struct arm_feed_callbacks callbacks = {
        .size = sizeof callbacks, .on_event = on_event, .on_end = on_end, .context = &calls};
    struct arm_feed_options options = {.size = sizeof options, .consumer = "c"};
    arm_feed *feed = open_feed(f, &options);

    insert(f, 4);
    assert_ok(arm_feed_start(feed, &callbacks, &f->err), f->err);
    wait_for(&calls.ends, 1);
    assert_ok(arm_feed_stop(feed, &f->err), f->err);
    arm_feed_close(feed);
    feed = open_feed(f, &options);
    assert_true(next_tx(f, feed, 0) == 5); /* 2 and 4 are done; of 5 it said that it is not */
    arm_feed_close(feed);
}

/* ---- Consumers ---- */

static void test_consumer_gets_again_what_was_not_acknowledged(void **state)
{
    struct fixture *f = *state;
    struct arm_feed_options options = {.size = sizeof options, .consumer = "c"};
    arm_feed *feed = open_feed(f, &options);
    uint64_t third;

    insert(f, 3);
    assert_int_equal(next_tx(f, feed, 0), 2);
    assert_int_equal(arm_feed_ack(feed, 99, &f->err), ARM_INVALID);
    assert_ok(arm_feed_ack(feed, 2, &f->err), f->err);
    assert_ok(arm_feed_ack(feed, 2, &f->err), f->err);
    assert_true(next_tx(f, feed, 0) > 2);
    third = next_tx(f, feed, 0);
    assert_ok(arm_feed_rewind(feed, &f->err), f->err);
    assert_true(next_tx(f, feed, 0) < third);
    assert_int_equal(next_tx(f, feed, 0), third);
    arm_feed_close(feed);
    feed = open_feed(f, &options);
    assert_true(next_tx(f, feed, 0) < third);
    assert_int_equal(next_tx(f, feed, 0), third);
    assert_ok(arm_feed_ack(feed, third, &f->err), f->err); /* all before it, too */
    arm_feed_close(feed);
    feed = open_feed(f, &options);
    assert_true(next_tx(f, feed, 0) > third);
    assert_int_equal(next_tx(f, feed, 0), 0);
    arm_feed_close(feed);
}

static void test_consumer_that_was_moved_is_told(void **state)
{
    struct fixture *f = *state;
    struct arm_feed_options options = {.size = sizeof options, .consumer = "c"};
    arm_feed *feed = open_feed(f, &options);
    const struct arm_event *event = NULL;

    insert(f, 2);
    assert_int_equal(next_tx(f, feed, 0), 2);
    assert_ok(arm_consumer_move(f->session, "c", latest(f), &f->err), f->err);
    assert_int_equal(arm_feed_ack(feed, 2, &f->err), ARM_CONFLICT);
    assert_ok(arm_feed_rewind(feed, &f->err), f->err);
    assert_int_equal(next_tx(f, feed, 0), 0);
    insert(f, 1);
    assert_true(next_tx(f, feed, 0) > 2);
    assert_ok(arm_consumer_drop(f->session, "c", &f->err), f->err);
    assert_int_equal(arm_feed_rewind(feed, &f->err), ARM_NOT_FOUND);
    assert_int_equal(arm_consumer_drop(f->session, "c", &f->err), ARM_NOT_FOUND);
    assert_ok(arm_feed_next(feed, 0, &event, &f->err), f->err);
    arm_feed_close(feed);
}

/* What was made of an event, and that it is done with, are one. */
static void test_consumer_commits_results_and_cursor_as_one(void **state)
{
    struct fixture *f = *state;
    const char *tables[] = {"t"};
    struct arm_feed_options options = {
        .size = sizeof options, .consumer = "c", .tables = tables, .table_count = 1};
    arm_feed *feed;
    uint64_t tx;

    run(f, "CREATE TABLE done(tx BIGINT)");
    feed = open_feed(f, &options);
    tx = next_tx(f, feed, 0);
    assert_int_equal(arm_feed_ack_in(feed, f->session, tx, &f->err), ARM_INVALID);
    run(f, "BEGIN");
    run(f, "INSERT INTO done VALUES (2)");
    assert_ok(arm_feed_ack_in(feed, f->session, tx, &f->err), f->err);
    run(f, "ROLLBACK");
    assert_ok(arm_feed_rewind(feed, &f->err), f->err);
    assert_int_equal(next_tx(f, feed, 0), tx);
    run(f, "BEGIN");
    run(f, "INSERT INTO done VALUES (2)");
    assert_ok(arm_feed_ack_in(feed, f->session, tx, &f->err), f->err);
    run(f, "COMMIT");
    insert(f, 2);
    tx = next_tx(f, feed, 0);
    run(f, "BEGIN"); /* two acknowledgements, of which the second holds */
    assert_ok(arm_feed_ack_in(feed, f->session, tx, &f->err), f->err);
    tx = next_tx(f, feed, 0);
    assert_ok(arm_feed_ack_in(feed, f->session, tx, &f->err), f->err);
    run(f, "COMMIT"); /* and nothing else */
    arm_feed_close(feed);
    feed = open_feed(f, &options);
    assert_int_equal(next_tx(f, feed, 0), 0);
    arm_feed_close(feed);
}

static arm_status try_sql(struct fixture *f, const char *sql)
{
    struct ArrowArrayStream stream;
    arm_status st = arm_sql(f->session, sql, NULL, &stream, NULL, &f->err);

    if (st == ARM_OK) {
        stream.release(&stream);
    }
    return st;
}

static void test_consumer_results_of_two_are_not_both_committed(void **state)
{
    struct fixture *f = *state;
    struct arm_feed_options options = {.size = sizeof options, .consumer = "c"};
    arm_feed *feed = open_feed(f, &options);
    arm_feed *other;
    uint64_t tx = next_tx(f, feed, 0);

    run(f, "BEGIN");
    run(f, "INSERT INTO t VALUES (5)");
    assert_ok(arm_feed_ack_in(feed, f->session, tx, &f->err), f->err);
    options.consumer = "d";
    other = open_feed(f, &options);
    assert_int_equal(next_tx(f, other, 0), tx);
    assert_int_equal(arm_feed_ack_in(other, f->session, tx, &f->err), ARM_INVALID);
    assert_ok(arm_consumer_move(f->session, "c", 1, &f->err), f->err); /* as another member might */
    assert_int_equal(try_sql(f, "COMMIT"), ARM_CONFLICT);
    arm_feed_close(other);
    arm_feed_close(feed);
}

enum { DIVIDED = 8, LOOKED_US = 150000 };

/* What is there for the member now; returns how many events, and the last one's tx. */
static int take_all(struct fixture *f, arm_feed *feed, uint64_t *out_last)
{
    int count = 0;
    uint64_t tx;

    while ((tx = next_tx(f, feed, 0)) != 0) {
        *out_last = tx;
        count++;
    }
    return count;
}

/* Two members have half of the tables each. What one acknowledged is done with, what the other did
 * not is given to who follows: from where each table stands. */
static void test_consumer_members_divide_tables_and_are_followed(void **state)
{
    struct fixture *f = *state;
    struct arm_feed_options options = {
        .size = sizeof options, .consumer = "c", .from = ARM_FROM_NOW};
    arm_feed *first;
    arm_feed *second;
    uint64_t last = 0;
    char sql[80];

    for (int i = 0; i < DIVIDED; i++) {
        (void)snprintf(sql, sizeof sql, "CREATE TABLE s%d(a INTEGER)", i);
        run(f, sql);
    }
    run(f, "DROP TABLE t");
    first = open_feed(f, &options);
    second = open_feed(f, &options);
    for (int i = 0; i < 4; i++) { /* they look for each other, give up and take */
        (void)usleep(LOOKED_US);
        assert_int_equal(next_tx(f, i % 2 == 0 ? first : second, 0), 0);
    }
    for (int i = 0; i < DIVIDED; i++) {
        (void)snprintf(sql, sizeof sql, "INSERT INTO s%d VALUES (1)", i);
        run(f, sql);
    }
    assert_int_equal(take_all(f, second, &last), DIVIDED / 2);
    assert_int_equal(take_all(f, first, &last), DIVIDED / 2);
    assert_ok(arm_feed_ack(first, last, &f->err), f->err);
    arm_feed_close(first);
    arm_feed_close(second);
    first = open_feed(f, &options);
    assert_int_equal(take_all(f, first, &last), DIVIDED / 2);
    assert_ok(arm_feed_ack(first, last, &f->err), f->err);
    arm_feed_close(first);
}

/* ---- Much of it ---- */

/* Pages of events, and consumers that were asleep: none is dropped, and none but commits are given
 * (upkeep takes versions between them). ARM_COMMITS: after so many. */
static void test_feed_catches_up_after_a_long_sleep(void **state)
{
    const char *wanted = getenv("ARM_COMMITS");
    int count = wanted == NULL ? ASLEEP : atoi(wanted);
    struct fixture *f = *state;
    struct arm_feed_options options = {.size = sizeof options, .consumer = "sleeper"};
    arm_feed *feed = open_feed(f, &options);
    arm_feed *follower = open_feed(f, NULL);
    uint64_t expected = 0;
    uint64_t tx;

    assert_int_equal(next_tx(f, feed, 0), 2);
    insert(f, count);
    for (int i = 0; i < count; i++) {
        tx = next_tx(f, follower, 0);
        assert_true(tx > expected);
        expected = tx;
        assert_int_equal(next_tx(f, feed, 0), tx);
    }
    assert_int_equal(next_tx(f, feed, 0), 0);
    assert_int_equal(next_tx(f, follower, 0), 0);
    arm_feed_close(follower);
    arm_feed_close(feed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feed_gives_what_is_told_of_a_commit),
        TEST(feed_begins_now_unless_told_otherwise),
        TEST(feed_outlives_its_handle_and_reads_without_writing),
        TEST(feed_refuses_what_makes_no_sense),
        TEST(feed_wakes_by_a_commit_a_timeout_and_an_interruption),
        TEST(feed_refuses_a_forked_child),
        TEST(feed_sixty_four_subscribers_are_all_told),
        TEST(feed_thread_calls_and_stops),
        TEST(feed_thread_acknowledges_what_the_callback_has_done),
        TEST(consumer_gets_again_what_was_not_acknowledged),
        TEST(consumer_that_was_moved_is_told),
        TEST(consumer_commits_results_and_cursor_as_one),
        TEST(consumer_results_of_two_are_not_both_committed),
        TEST(consumer_members_divide_tables_and_are_followed),
        TEST(feed_catches_up_after_a_long_sleep),
    };

    return cmocka_run_group_tests_name("api feed", tests, NULL, NULL);
}
