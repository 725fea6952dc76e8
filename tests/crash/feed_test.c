/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers to the changelog, in processes that are killed at random moments together with the
 * writers, again and again. Each notes what it is given in memory that outlives it; at the end that
 * is held to the log, by the validators of etcd's robustness tests: every event is given, once, in
 * order, none that is not (yet) there, from wherever a subscriber went on.
 *
 *   follower   goes on behind the last event that it noted
 *   consumer   notes, then acknowledges: what is given again was noted, and not acknowledged
 *   exact      commits a row for each event, and that it is done with, as one transaction
 *   members    two of one consumer, which share three tables: those of each come in order
 *
 * ARM_KILLS says how many kills. The parent opens no repository: it forks. */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/children.h"
#include "support/cmocka_all.h"
#include "support/sql_client.h"
#include "support/temp.h"

enum {
    KILLS_DEFAULT = 80,
    EVENTS_MAX = 1 << 20,
    TABLES = 3,
    DELAY_US_MAX = 80000,
    WAIT_US = 20000,
    CATCH_UP_ROUNDS = 3000,
    SQL_BYTES = 256,
};

enum slot { WRITER_ONE, WRITER_TWO, FOLLOWER, CONSUMER, EXACT, MEMBER_ONE, MEMBER_TWO, SLOTS };

static const char *const tables[TABLES] = {"apples", "pears", "plums"};

/* What a subscriber was given: the tx, and of which tables (bits). Zero: being written. */
struct given {
    _Atomic uint64_t tx;
    _Atomic uint32_t changed;
};
struct tape {
    _Atomic uint64_t count;
    struct given events[EVENTS_MAX];
};

enum { TAPE_FOLLOWER, TAPE_CONSUMER, TAPE_MEMBERS, TAPES };

struct shared {
    atomic_bool writers_stop;
    atomic_bool readers_stop;
    _Atomic uint64_t caught_up[SLOTS]; /* everything up to this tx was looked at */
    _Atomic uint64_t again;            /* events that were given again, after a kill */
    _Atomic uint64_t refused;          /* by ARM_CONFLICT */
    struct tape tapes[TAPES];
};

struct stage {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct shared *shared;
};

/* ---- In the processes ---- */

static void run(struct sql_client *client, const char *sql)
{
    child_must(sql_client_run(client, sql) == ARM_OK, sql, client->err.message);
}

static void open_client(const struct stage *stage, struct sql_client *client)
{
    child_must(sql_client_open(client, stage->path) == ARM_OK, "open", client->err.message);
}

static int be_founder(const void *context, unsigned unused)
{
    struct sql_client client;
    char sql[SQL_BYTES];

    (void)unused;
    open_client(context, &client);
    for (int i = 0; i < TABLES; i++) {
        (void)snprintf(sql, sizeof sql, "CREATE TABLE %s(n BIGINT)", tables[i]);
        run(&client, sql);
    }
    run(&client, "CREATE BRANCH results");
    run(&client, "USE BRANCH results");
    run(&client, "CREATE TABLE done(tx UBIGINT PRIMARY KEY)");
    sql_client_close(&client);
    return 0;
}

/* Of one table, now and then of two as one commit. */
static int be_writer(const void *context, unsigned slot)
{
    const struct stage *stage = context;
    struct sql_client client;
    char sql[SQL_BYTES];

    open_client(stage, &client);
    for (unsigned n = 0; !atomic_load(&stage->shared->writers_stop); n++) {
        bool is_pair = n % 5 == 4;

        if (is_pair) {
            run(&client, "BEGIN");
        }
        for (unsigned i = 0; i < 1u + is_pair; i++) {
            (void)snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (%u)",
                           tables[(n + slot + i) % TABLES], n);
            run(&client, sql);
        }
        if (is_pair) {
            run(&client, "COMMIT");
        }
    }
    sql_client_close(&client);
    return 0;
}

static uint32_t changed_tables(const struct arm_event *event)
{
    uint32_t changed = 0;

    for (size_t i = 0; i < event->change_count; i++) {
        for (int k = 0; k < TABLES; k++) {
            changed |= strcmp(event->changes[i].table_name, tables[k]) == 0 ? 1u << k : 0;
        }
    }
    return changed;
}

static void note(struct tape *tape, const struct arm_event *event)
{
    uint64_t place = atomic_fetch_add(&tape->count, 1);

    child_must(place < EVENTS_MAX, "the tape", "is full");
    atomic_store(&tape->events[place].changed, changed_tables(event));
    atomic_store(&tape->events[place].tx, event->tx);
}

static uint64_t last_noted(const struct tape *tape)
{
    uint64_t tx = 0;

    for (uint64_t i = 0; i < atomic_load(&tape->count); i++) {
        uint64_t noted = atomic_load(&tape->events[i].tx);

        tx = noted != 0 ? noted : tx;
    }
    return tx;
}

/* A subscriber, and what it does with an event. */
struct subscriber {
    const struct stage *stage;
    struct sql_client client;
    arm_feed *feed;
    unsigned slot;
};

static void subscribe(struct subscriber *s, const struct arm_feed_options *options)
{
    open_client(s->stage, &s->client);
    child_must(arm_feed_open(s->client.repo, options, &s->feed, &s->client.err) == ARM_OK,
               "subscribe", s->client.err.message);
}

/* The next one; NULL: there is none now. It is durable by then. */
static const struct arm_event *next(struct subscriber *s)
{
    const struct arm_event *event = NULL;
    struct arm_error err;
    uint64_t latest = 0;

    child_must(arm_latest_tx(s->client.repo, &latest, &err) == ARM_OK, "latest", err.message);
    child_must(arm_feed_next(s->feed, WAIT_US, &event, &err) == ARM_OK, "next", err.message);
    if (event == NULL) {
        atomic_store(&s->stage->shared->caught_up[s->slot], latest);
    } else {
        child_must(arm_latest_tx(s->client.repo, &latest, &err) == ARM_OK, "latest", err.message);
        child_must(event->tx <= latest, "an event", "is not durable");
    }
    return event;
}

static bool goes_on(const struct subscriber *s)
{
    return !atomic_load(&s->stage->shared->readers_stop);
}

static void unsubscribe(struct subscriber *s)
{
    arm_feed_close(s->feed);
    sql_client_close(&s->client);
}

static int be_follower(const void *context, unsigned slot)
{
    struct subscriber s = {.stage = context, .slot = slot};
    struct tape *tape = &s.stage->shared->tapes[TAPE_FOLLOWER];
    struct arm_feed_options options = {
        .size = sizeof options, .branch = "*", .from = ARM_FROM_TX, .since = last_noted(tape)};

    subscribe(&s, &options);
    while (goes_on(&s)) {
        const struct arm_event *event = next(&s);

        if (event != NULL) {
            note(tape, event);
        }
    }
    unsubscribe(&s);
    return 0;
}

static void acknowledge(struct subscriber *s, uint64_t tx)
{
    struct arm_error err;
    arm_status st = arm_feed_ack(s->feed, tx, &err);

    if (st == ARM_CONFLICT) { /* the shares passed on after this process was thought dead */
        atomic_fetch_add(&s->stage->shared->refused, 1);
        st = arm_feed_rewind(s->feed, &err);
    }
    child_must(st == ARM_OK, "acknowledge", err.message);
}

/* Many at a time, now and then: what was noted by then is done with. */
static int consume(struct subscriber *s, struct tape *tape, const struct arm_feed_options *options)
{
    uint64_t noted = 0;

    subscribe(s, options);
    for (unsigned n = 0; goes_on(s); n++) {
        const struct arm_event *event = next(s);

        if (event != NULL) {
            note(tape, event);
            noted = event->tx;
        }
        if (noted != 0 && (event == NULL || n % 3 == 0)) {
            acknowledge(s, noted);
            noted = 0;
        }
    }
    unsubscribe(s);
    return 0;
}

static int be_consumer(const void *context, unsigned slot)
{
    struct subscriber s = {.stage = context, .slot = slot};
    struct arm_feed_options options = {.size = sizeof options, .consumer = "one"};

    return consume(&s, &s.stage->shared->tapes[TAPE_CONSUMER], &options);
}

static int be_member(const void *context, unsigned slot)
{
    struct subscriber s = {.stage = context, .slot = slot};
    struct arm_feed_options options = {.size = sizeof options,
                                       .consumer = "shared/by-two",
                                       .tables = tables,
                                       .table_count = TABLES};

    return consume(&s, &s.stage->shared->tapes[TAPE_MEMBERS], &options);
}

static int be_exact(const void *context, unsigned slot)
{
    struct subscriber s = {.stage = context, .slot = slot};
    struct arm_feed_options options = {.size = sizeof options, .consumer = "exactly"};
    char sql[SQL_BYTES];

    subscribe(&s, &options);
    run(&s.client, "USE BRANCH results");
    while (goes_on(&s)) {
        const struct arm_event *event = next(&s);
        struct arm_error err;

        if (event == NULL) {
            continue;
        }
        (void)snprintf(sql, sizeof sql, "INSERT INTO done VALUES (%llu)",
                       (unsigned long long)event->tx);
        run(&s.client, "BEGIN");
        run(&s.client, sql);
        child_must(arm_feed_ack_in(s.feed, s.client.session, event->tx, &err) == ARM_OK,
                   "acknowledge", err.message);
        run(&s.client, "COMMIT");
    }
    unsubscribe(&s);
    return 0;
}

static int (*const main_of[SLOTS])(const void *, unsigned) = {
    be_writer, be_writer, be_follower, be_consumer, be_exact, be_member, be_member};

/* ---- The judge ---- */

/* The log: the commits of the branch, and what each changed. */
struct truth {
    size_t count;
    struct {
        uint64_t tx;
        uint32_t changed;
    } *events;
};

static struct truth read_truth(struct sql_client *client, const char *branch)
{
    struct arm_feed_options options = {
        .size = sizeof options, .branch = branch, .from = ARM_FROM_TX};
    const struct arm_event *event = NULL;
    struct truth truth = {0, calloc(EVENTS_MAX, sizeof *truth.events)};
    arm_feed *feed = NULL;

    child_must(truth.events != NULL, "the judge", "has no memory");
    child_must(arm_feed_open(client->repo, &options, &feed, &client->err) == ARM_OK, "judge",
               client->err.message);
    for (;;) {
        child_must(arm_feed_next(feed, 0, &event, &client->err) == ARM_OK, "judge",
                   client->err.message);
        if (event == NULL) {
            break;
        }
        truth.events[truth.count].tx = event->tx;
        truth.events[truth.count++].changed = changed_tables(event);
    }
    arm_feed_close(feed);
    return truth;
}

static void say(uint64_t tx, const char *who, const char *what)
{
    char text[80];

    (void)snprintf(text, sizeof text, "tx %llu %s", (unsigned long long)tx, what);
    child_must(false, who, text);
}

/* Each once, in order: nothing else, nothing missing. */
static void judge_exactly(const struct tape *tape, const struct truth *truth)
{
    uint64_t place = 0;

    for (size_t i = 0; i < truth->count; i++) {
        while (place < atomic_load(&tape->count) && atomic_load(&tape->events[place].tx) == 0) {
            place++; /* killed while it noted it; then it was given again */
        }
        if (place >= atomic_load(&tape->count)) {
            say(truth->events[i].tx, "the follower", "was never given");
        }
        if (atomic_load(&tape->events[place].tx) != truth->events[i].tx ||
            atomic_load(&tape->events[place].changed) != truth->events[i].changed) {
            say(truth->events[i].tx, "the follower", "should have been next");
        }
        place++;
    }
    while (place < atomic_load(&tape->count)) {
        if (atomic_load(&tape->events[place].tx) != 0) {
            say(atomic_load(&tape->events[place].tx), "the follower", "is not in the log");
        }
        place++;
    }
}

/* Of the events that changed table `table` (-1: all): each at least once, the first time in order;
 * again only what was given before. `*out_again`: how many were. */
static void judge_at_least_once(const struct tape *tape, const struct truth *truth, int table,
                                const char *who, uint64_t *out_again)
{
    size_t next_new = 0; /* of the truth */

    for (uint64_t place = 0; place < atomic_load(&tape->count); place++) {
        uint64_t tx = atomic_load(&tape->events[place].tx);
        uint32_t changed = atomic_load(&tape->events[place].changed);

        if (tx == 0 || (table >= 0 && (changed >> table & 1) == 0)) {
            continue;
        }
        while (next_new < truth->count && table >= 0 &&
               (truth->events[next_new].changed >> table & 1) == 0) {
            next_new++;
        }
        if (next_new < truth->count && truth->events[next_new].tx == tx) {
            next_new++;
        } else if (next_new == 0 || tx > truth->events[next_new - 1].tx) {
            say(tx, who, "came before its time, or is not in the log");
        } else {
            (*out_again)++;
        }
    }
    for (; next_new < truth->count; next_new++) {
        if (table < 0 || (truth->events[next_new].changed >> table & 1) != 0) {
            say(truth->events[next_new].tx, who, "was never given");
        }
    }
}

static void judge_done(struct sql_client *client, const struct truth *truth)
{
    char text[100];
    unsigned long long count = 0;
    unsigned long long least = 0;

    run(client, "USE BRANCH results");
    run(client, "SELECT count(*), min(tx) FROM done");
    child_must(sscanf(client->text, "%llu,%llu|", &count, &least) == 2, "done", client->text);
    (void)snprintf(text, sizeof text, "%llu results of %zu events", count, truth->count);
    child_must(count == truth->count && least == truth->events[0].tx, "exactly once", text);
    run(client, "SELECT count(*) FROM (SELECT tx FROM done EXCEPT SELECT tx_id FROM "
                "arm_changes(0, branch => 'main'))");
    child_must(strcmp(client->text, "0|") == 0, "exactly once", "something else was done");
}

static int be_judge(const void *context, unsigned unused)
{
    const struct stage *stage = context;
    struct shared *shared = stage->shared;
    struct arm_verify_options options = {.size = sizeof options, .full = true};
    struct arm_verify_result verified;
    struct sql_client client;
    uint64_t again = 0;

    (void)unused;
    open_client(stage, &client);
    child_must(arm_verify(client.repo, &options, &verified, &client.err) == ARM_OK &&
                   verified.is_healthy,
               "verify", client.err.message);
    struct truth every = read_truth(&client, "*");
    struct truth of_main = read_truth(&client, "main");
    judge_exactly(&shared->tapes[TAPE_FOLLOWER], &every);
    judge_at_least_once(&shared->tapes[TAPE_CONSUMER], &of_main, -1, "the consumer", &again);
    for (int i = 0; i < TABLES; i++) {
        judge_at_least_once(&shared->tapes[TAPE_MEMBERS], &of_main, i, "the members", &again);
    }
    judge_done(&client, &of_main);
    atomic_store(&shared->again, again);
    (void)printf("%zu commits on main, %zu in all; %llu events given again, %llu "
                 "acknowledgements refused\n",
                 of_main.count, every.count, (unsigned long long)again,
                 (unsigned long long)atomic_load(&shared->refused));
    (void)fflush(stdout);
    free(every.events);
    free(of_main.events);
    sql_client_close(&client);
    return 0;
}

/* ---- The play ---- */

static int be_clock(const void *context, unsigned unused)
{
    const struct stage *stage = context;
    struct sql_client client;
    uint64_t latest = 0;
    int rounds = 0;
    bool all = false;

    (void)unused;
    open_client(stage, &client); /* all that writers left is durable */
    while (!all && rounds++ < CATCH_UP_ROUNDS) {
        nap_us(WAIT_US);
        all = true;
        if (rounds == 1) {
            child_must(arm_latest_tx(client.repo, &latest, &client.err) == ARM_OK, "latest",
                       client.err.message);
        }
        for (int i = FOLLOWER; i < SLOTS; i++) {
            all = all && atomic_load(&stage->shared->caught_up[i]) >= latest;
        }
    }
    child_must(all, "the subscribers", "did not catch up");
    sql_client_close(&client);
    return 0;
}

static void test_crash_feed_every_event_once_in_order(void **state)
{
    const char *seed_text = getenv("ARM_SEED");
    unsigned seed = seed_text == NULL ? (unsigned)time(NULL) : (unsigned)atoi(seed_text);
    unsigned kills = children_kills(KILLS_DEFAULT);
    struct stage stage = {.dir = temp_dir_make()};
    pid_t children[SLOTS];

    (void)state;
    (void)printf("seed %u, %u kills\n", seed, kills);
    srand(seed);
    (void)temp_path(&stage.dir, "r", stage.path);
    stage.shared = children_share(sizeof *stage.shared);
    child_wait(child_start(be_founder, &stage, 0));
    for (unsigned i = 0; i < SLOTS; i++) {
        children[i] = child_start(main_of[i], &stage, i);
    }
    for (unsigned n = 0; n < kills; n++) {
        unsigned slot = (unsigned)rand() % SLOTS;

        nap_us(rand() % DELAY_US_MAX);
        child_kill(children[slot]);
        children[slot] = child_start(main_of[slot], &stage, slot);
    }
    atomic_store(&stage.shared->writers_stop, true);
    child_wait(children[WRITER_ONE]);
    child_wait(children[WRITER_TWO]);
    child_wait(child_start(be_clock, &stage, 0));
    atomic_store(&stage.shared->readers_stop, true);
    for (unsigned i = FOLLOWER; i < SLOTS; i++) {
        child_wait(children[i]);
    }
    child_wait(child_start(be_judge, &stage, 0));
    children_unshare(stage.shared, sizeof *stage.shared);
    temp_dir_remove(&stage.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_feed_every_event_once_in_order),
    };

    return cmocka_run_group_tests_name("crash feed", tests, NULL, NULL);
}
