/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_API_FEED_FIXTURE_H
#define ARM_API_FEED_FIXTURE_H

/* What tests of subscriptions begin with. */

#include <armillaria.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/temp.h"

/* A repository with a table t, which tx 2 made, and a session on main. */
struct fixture {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    arm_repo *repo;
    arm_session *session;
    struct arm_error err;
};

static inline void run(struct fixture *f, const char *sql)
{
    struct ArrowArrayStream stream;

    assert_ok(arm_sql(f->session, sql, NULL, &stream, NULL, &f->err), f->err);
    stream.release(&stream);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
    struct fixture *f = *state;

    arm_session_close(f->session);
    arm_repo_close(f->repo);
    temp_dir_remove(&f->dir);
    return 0;
}

static inline arm_feed *open_feed(struct fixture *f, const struct arm_feed_options *options)
{
    arm_feed *feed = NULL;

    assert_ok(arm_feed_open(f->repo, options, &feed, &f->err), f->err);
    return feed;
}

/* The tx of the next event; 0: there is none. */
static inline uint64_t next_tx(struct fixture *f, arm_feed *feed, uint64_t wait_us)
{
    const struct arm_event *event = NULL;

    assert_ok(arm_feed_next(feed, wait_us, &event, &f->err), f->err);
    return event == NULL ? 0 : event->tx;
}

static inline void insert(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        run(f, "INSERT INTO t VALUES (1)");
    }
}

static inline uint64_t latest(struct fixture *f)
{
    uint64_t tx = 0;

    assert_ok(arm_latest_tx(f->repo, &tx, &f->err), f->err);
    return tx;
}

/* ---- A callback that counts ---- */

struct calls {
    atomic_int count;
    atomic_int ends;
    int last; /* after so many it asks to end; 0: never */
    arm_status why;
};

static inline bool on_event(void *context, const struct arm_event *event)
{
    struct calls *calls = context;

    return event != NULL && atomic_fetch_add(&calls->count, 1) + 1 != calls->last;
}

static inline void on_end(void *context, arm_status why, const struct arm_error *err)
{
    struct calls *calls = context;

    calls->why = err == NULL ? why : err->code;
    atomic_fetch_add(&calls->ends, 1);
}

static inline void wait_for(const atomic_int *count, int wanted)
{
    for (int i = 0; i < 5000 && atomic_load(count) < wanted; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(atomic_load(count), wanted);
}

#endif
