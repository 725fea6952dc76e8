/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions through the public header: what is given, and when it wakes. */

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "api/feed_fixture.h"

enum { WAIT_US = 5000000, SUBSCRIBERS = 64, EVENTS = 40, ASLEEP = 700 };

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

static void test_feed_thread_calls_and_stops(void **state)
{
    struct fixture *f = *state;
    struct calls calls = {.last = 0};
    struct arm_feed_callbacks callbacks = {
        .size = sizeof callbacks, .on_event = on_event, .on_end = on_end, .context = &calls};
    arm_feed *feed = open_feed(f, &from_start);
    const struct arm_event *event = NULL;

    assert_ok(arm_feed_start(feed, &callbacks, &f->err), f->err);
    assert_int_equal(arm_feed_start(feed, &callbacks, &f->err), ARM_INVALID);
    assert_int_equal(arm_feed_next(feed, 0, &event, &f->err), ARM_INVALID);
    assert_int_equal(arm_feed_rewind(feed, &f->err), ARM_INVALID);
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
        TEST(feed_catches_up_after_a_long_sleep),
    };

    return cmocka_run_group_tests_name("api feed", tests, NULL, NULL);
}
