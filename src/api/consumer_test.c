/* SPDX-License-Identifier: Apache-2.0 */
/* Named consumers through the public header: what is acknowledged, by whom, and given again. */

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "api/feed_fixture.h"

enum { DIVIDED = 8, LOOKED_US = 150000, WAIT_US = 5000000 };

/* A member of consumer c. */
static arm_feed *open_consumer(struct fixture *f)
{
    struct arm_feed_options options = {.size = sizeof options, .consumer = "c"};

    return open_feed(f, &options);
}

/* Take what is there for the member now; returns the last one's tx. */
static uint64_t take_all(struct fixture *f, arm_feed *feed)
{
    uint64_t last = 0;
    uint64_t tx;

    while ((tx = next_tx(f, feed, 0)) != 0) {
        last = tx;
    }
    return last;
}

/* ---- Acknowledging ---- */

static void test_consumer_gets_again_what_was_not_acknowledged(void **state)
{
    struct fixture *f = *state;
    arm_feed *feed = open_consumer(f);
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
    feed = open_consumer(f);
    assert_true(next_tx(f, feed, 0) < third);
    assert_int_equal(next_tx(f, feed, 0), third);
    assert_ok(arm_feed_ack(feed, third, &f->err), f->err); /* all before it, too */
    arm_feed_close(feed);
    feed = open_consumer(f);
    assert_true(next_tx(f, feed, 0) > third);
    assert_int_equal(next_tx(f, feed, 0), 0);
    arm_feed_close(feed);
}

static void test_consumer_that_was_moved_is_told(void **state)
{
    struct fixture *f = *state;
    arm_feed *feed = open_consumer(f);
    const struct arm_event *event = NULL;

    insert(f, 2);
    assert_int_equal(next_tx(f, feed, 0), 2);
    assert_ok(arm_consumer_move(f->session, "c", latest(f), &f->err), f->err);
    assert_int_equal(arm_feed_ack(feed, 2, &f->err), ARM_CONFLICT);
    assert_ok(arm_feed_rewind(feed, &f->err), f->err);
    assert_int_equal(next_tx(f, feed, 0), 0);
    insert(f, 1);
    assert_true(next_tx(f, feed, 0) > 2);
    assert_ok(arm_feed_ack(feed, latest(f), &f->err), f->err);
    (void)usleep(LOOKED_US);
    assert_ok(arm_consumer_drop(f->session, "c", &f->err), f->err);
    assert_int_equal(arm_feed_next(feed, 0, &event, &f->err), ARM_NOT_FOUND);
    assert_int_equal(arm_feed_rewind(feed, &f->err), ARM_NOT_FOUND);
    assert_int_equal(arm_consumer_drop(f->session, "c", &f->err), ARM_NOT_FOUND);
    arm_feed_close(feed);
}

/* It waits with nothing to do: what it is moved back to comes by itself. */
static void test_consumer_that_waits_follows_when_it_is_moved(void **state)
{
    struct fixture *f = *state;
    arm_feed *feed = open_consumer(f);
    uint64_t last;

    insert(f, 2);
    last = take_all(f, feed);
    assert_ok(arm_feed_ack(feed, last, &f->err), f->err);
    assert_ok(arm_consumer_move(f->session, "c", 0, &f->err), f->err);
    assert_int_equal(arm_feed_ack(feed, last, &f->err), ARM_CONFLICT); /* it is not done any more */
    assert_int_equal(next_tx(f, feed, WAIT_US), 2);
    assert_int_equal(arm_feed_ack(feed, last, &f->err), ARM_INVALID); /* nor was it given again */
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

/* ---- Members ---- */

/* Two members that know of each other, and of DIVIDED tables, of which each has half. */
static void open_two(struct fixture *f, arm_feed **out_first, arm_feed **out_second)
{
    struct arm_feed_options options = {
        .size = sizeof options, .consumer = "c", .from = ARM_FROM_NOW};
    char sql[80];

    for (int i = 0; i < DIVIDED; i++) {
        (void)snprintf(sql, sizeof sql, "CREATE TABLE s%d(a INTEGER)", i);
        run(f, sql);
    }
    run(f, "DROP TABLE t");
    *out_first = open_feed(f, &options);
    *out_second = open_feed(f, &options);
    for (int i = 0; i < 4; i++) { /* they look for each other, give up and take */
        (void)usleep(LOOKED_US);
        assert_int_equal(next_tx(f, i % 2 == 0 ? *out_first : *out_second, 0), 0);
    }
}

/* A row for each table. */
static void fill(struct fixture *f)
{
    char sql[80];

    for (int i = 0; i < DIVIDED; i++) {
        (void)snprintf(sql, sizeof sql, "INSERT INTO s%d VALUES (1)", i);
        run(f, sql);
    }
}

/* The txs of `count` events, which are all there are. */
static void take_some(struct fixture *f, arm_feed *feed, int count, uint64_t txs[])
{
    for (int i = 0; i < count; i++) {
        txs[i] = next_tx(f, feed, 0);
        assert_true(txs[i] != 0);
    }
    assert_int_equal(next_tx(f, feed, 0), 0);
}

/* Two members have half of the tables each. What one acknowledged is done with, what the other did
 * not is given to who follows: from where each table stands. */
static void test_consumer_members_divide_tables_and_are_followed(void **state)
{
    struct fixture *f = *state;
    uint64_t txs[DIVIDED];
    arm_feed *first;
    arm_feed *second;

    open_two(f, &first, &second);
    fill(f);
    take_some(f, second, DIVIDED / 2, txs);
    take_some(f, first, DIVIDED / 2, txs);
    assert_ok(arm_feed_ack(first, txs[DIVIDED / 2 - 1], &f->err), f->err);
    arm_feed_close(first);
    arm_feed_close(second);
    first = open_consumer(f);
    take_some(f, first, DIVIDED / 2, txs);
    assert_ok(arm_feed_ack(first, txs[DIVIDED / 2 - 1], &f->err), f->err);
    arm_feed_close(first);
}

/* One member's acknowledgement says nothing of what another was given. */
static void test_consumer_transaction_is_of_one_member(void **state)
{
    struct fixture *f = *state;
    uint64_t txs[DIVIDED];
    arm_feed *first;
    arm_feed *second;

    open_two(f, &first, &second);
    fill(f);
    take_some(f, first, DIVIDED / 2, txs);
    run(f, "BEGIN");
    assert_ok(arm_feed_ack_in(first, f->session, txs[1], &f->err), f->err);
    take_some(f, second, DIVIDED / 2, txs);
    assert_int_equal(arm_feed_ack_in(second, f->session, txs[1], &f->err), ARM_INVALID);
    run(f, "ROLLBACK");
    arm_feed_close(first);
    arm_feed_close(second);
}

/* Said twice, what reaches further counts, and nothing that was done is undone. */
static void test_consumer_transaction_goes_forward(void **state)
{
    struct fixture *f = *state;
    uint64_t txs[DIVIDED];
    arm_feed *first;
    arm_feed *second;

    open_two(f, &first, &second);
    fill(f);
    take_some(f, second, DIVIDED / 2, txs);
    assert_ok(arm_feed_ack(second, txs[DIVIDED / 2 - 1], &f->err), f->err);
    arm_feed_close(second);
    take_some(f, first, DIVIDED / 2, txs);
    run(f, "BEGIN");
    assert_ok(arm_feed_ack_in(first, f->session, txs[DIVIDED / 2 - 1], &f->err), f->err);
    assert_ok(arm_feed_ack_in(first, f->session, txs[0], &f->err), f->err);
    run(f, "COMMIT");
    arm_feed_close(first);
    first = open_consumer(f);
    assert_int_equal(next_tx(f, first, 0), 0);
    arm_feed_close(first);
}

/* A child that was forked has the member's files open, and keeps nothing of its work. */
static void test_consumer_member_leaves_though_its_child_lives(void **state)
{
    struct fixture *f = *state;
    arm_feed *feed = open_consumer(f);
    int status;
    pid_t child = fork();

    if (child == 0) {
        (void)alarm(60); /* should the test end before it is killed */
        for (;;) {
            (void)pause();
        }
    }
    arm_feed_close(feed);
    feed = open_consumer(f);
    assert_int_equal(next_tx(f, feed, 0), 2);
    arm_feed_close(feed);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
}

/* ---- The thread ---- */

static void test_consumer_thread_acknowledges_what_the_callback_has_done(void **state)
{
    struct fixture *f = *state;
    struct calls calls = {.last = 3};
    struct arm_feed_callbacks callbacks = {
        .size = sizeof callbacks, .on_event = on_event, .on_end = on_end, .context = &calls};
    arm_feed *feed = open_consumer(f);

    insert(f, 4);
    assert_ok(arm_feed_start(feed, &callbacks, &f->err), f->err);
    wait_for(&calls.ends, 1);
    assert_ok(arm_feed_stop(feed, &f->err), f->err);
    arm_feed_close(feed);
    feed = open_consumer(f);
    assert_true(next_tx(f, feed, 0) == 5); /* 2 and 4 are done; of 5 it said that it is not */
    arm_feed_close(feed);
}

/* What was refused is given again, and so is what was taken before, of which nobody said anything.
 */
static void test_consumer_thread_gives_again_what_is_not_done(void **state)
{
    struct fixture *f = *state;
    struct calls calls = {.last = 1};
    struct arm_feed_callbacks callbacks = {
        .size = sizeof callbacks, .on_event = on_event, .on_end = on_end, .context = &calls};
    arm_feed *feed = open_consumer(f);

    insert(f, 2);
    assert_int_equal(next_tx(f, feed, 0), 2);
    assert_ok(arm_feed_start(feed, &callbacks, &f->err), f->err);
    wait_for(&calls.ends, 1); /* the first one is refused */
    assert_ok(arm_feed_stop(feed, &f->err), f->err);
    assert_int_equal(next_tx(f, feed, 0), 2);
    calls.last = 0;
    assert_ok(arm_feed_start(feed, &callbacks, &f->err), f->err);
    wait_for(&calls.count, 4); /* one, and all three */
    assert_ok(arm_feed_stop(feed, &f->err), f->err);
    arm_feed_close(feed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(consumer_gets_again_what_was_not_acknowledged),
        TEST(consumer_that_was_moved_is_told),
        TEST(consumer_that_waits_follows_when_it_is_moved),
        TEST(consumer_commits_results_and_cursor_as_one),
        TEST(consumer_results_of_two_are_not_both_committed),
        TEST(consumer_members_divide_tables_and_are_followed),
        TEST(consumer_transaction_is_of_one_member),
        TEST(consumer_transaction_goes_forward),
        TEST(consumer_member_leaves_though_its_child_lives),
        TEST(consumer_thread_acknowledges_what_the_callback_has_done),
        TEST(consumer_thread_gives_again_what_is_not_done),
    };

    return cmocka_run_group_tests_name("api consumer", tests, NULL, NULL);
}
