/* SPDX-License-Identifier: Apache-2.0 */
/* A row by SQL in a transaction, of whose commit the subscriber hears. */

#include <stdio.h>
#include <stdlib.h>

#include "changes/side.h"
#include "support/bench.h"

struct ours {
    arm_repo *repo;
    arm_session *session;
    arm_feed *feed;
};

static struct ours *open_repo(const char *where)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true, .thread_count = 1};
    struct ours *ours = calloc(1, sizeof *ours);
    struct arm_error err;

    if (ours == NULL) {
        bench_fail("changes", "out of memory");
    }
    bench_check(arm_repo_open(where, &options, &ours->repo, &err), &err, "open");
    return ours;
}

static void close_repo(void *context)
{
    struct ours *ours = context;

    arm_feed_close(ours->feed);
    arm_session_close(ours->session);
    arm_repo_close(ours->repo);
    free(ours);
}

static void *open_writer(const char *where)
{
    struct ours *ours = open_repo(where);
    struct arm_error err;

    bench_check(arm_session_open(ours->repo, NULL, &ours->session, &err), &err, "session");
    return ours;
}

static void prepare(const char *where)
{
    struct ours *ours = open_writer(where);

    (void)bench_session_run(ours->session, "CREATE TABLE IF NOT EXISTS events(n UBIGINT)");
    close_repo(ours);
}

static int64_t change(void *writer, uint64_t number)
{
    struct ours *ours = writer;
    arm_txn *txn = NULL;
    struct arm_error err;
    char sql[80];
    int64_t start;

    (void)snprintf(sql, sizeof sql, "INSERT INTO events VALUES (%llu)", (unsigned long long)number);
    bench_check(arm_txn_begin(ours->session, NULL, &txn, &err), &err, "begin");
    (void)bench_session_run(ours->session, sql);
    start = side_now_ns();
    bench_check(arm_txn_commit(txn, "", NULL, &err), &err, "commit");
    return start;
}

static void *open_reader(const char *where)
{
    struct ours *ours = open_repo(where);
    struct arm_error err;

    bench_check(arm_feed_open(ours->repo, NULL, &ours->feed, &err), &err, "subscribe");
    return ours;
}

static void next(void *reader)
{
    struct ours *ours = reader;
    const struct arm_event *event = NULL;
    struct arm_error err;

    bench_check(arm_feed_next(ours->feed, UINT64_MAX, &event, &err), &err, "next");
}

const struct side side_ours = {.name = "armillaria",
                               .prepare = prepare,
                               .open_writer = open_writer,
                               .change = change,
                               .close_writer = close_repo,
                               .open_reader = open_reader,
                               .next = next,
                               .close_reader = close_repo};
