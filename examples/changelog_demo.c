/* SPDX-License-Identifier: Apache-2.0 */
/* The four ways to use the changelog, on one repository:
 *
 *   batch       what is the state?          a query at a version
 *   change      what changed since?         commits, and rows, behind a tx
 *   streaming   tell me when it changes     a subscription that is read, and acknowledged
 *   background  do it while I do else       a thread that calls back
 *
 * usage: changelog_demo DIRECTORY     (made, if it is not there) */

#include <armillaria.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void check(arm_status status, const struct arm_error *err)
{
    if (status != ARM_OK) {
        (void)fprintf(stderr, "changelog_demo: %s\n", err->message);
        exit(1);
    }
}

/* Run a statement and give the first number of its answer: 0 if it has none. */
static uint64_t run(arm_session *session, const char *sql)
{
    struct ArrowArrayStream rows;
    struct ArrowArray batch;
    struct arm_error err;
    uint64_t number = 0;

    check(arm_sql(session, sql, NULL, &rows, NULL, &err), &err);
    while (rows.get_next(&rows, &batch) == 0 && batch.release != NULL) {
        if (batch.length > 0 && batch.n_children > 0) {
            number = ((const uint64_t *)batch.children[0]->buffers[1])[0];
        }
        batch.release(&batch);
    }
    rows.release(&rows);
    return number;
}

static void print_event(const struct arm_event *event)
{
    (void)printf("  tx %" PRIu64 " by %s on %s:", event->tx, event->author, event->branch);
    for (size_t i = 0; i < event->change_count; i++) {
        const struct arm_change *change = &event->changes[i];

        (void)printf(" %s %" PRIu64 " -> %" PRIu64 " (+%" PRIu64 " -%" PRIu64 ")",
                     change->table_name, change->old_version, change->new_version,
                     change->rows_added, change->rows_removed);
    }
    (void)printf("\n");
}

/* ---- Batch: the state, at any version ---- */

static void batch(arm_session *session)
{
    (void)printf("batch: %" PRIu64 " orders now, %" PRIu64 " at version 2\n",
                 run(session, "SELECT count(*)::UBIGINT FROM orders"),
                 run(session, "SELECT count(*)::UBIGINT FROM orders AT (VERSION => 2)"));
}

/* ---- Change: what came behind a tx ---- */

static void change(arm_session *session, uint64_t since)
{
    struct arm_changes_options options = {.size = sizeof options, .since = since};
    struct arm_row_changes_options row_options = {.size = sizeof row_options, .since = since};
    struct ArrowArrayStream stream;
    struct ArrowArray rows;
    struct arm_error err;
    int64_t commits = 0;
    int64_t changed = 0;

    check(arm_changes(session, &options, &stream, &err), &err);
    while (stream.get_next(&stream, &rows) == 0 && rows.release != NULL) {
        commits += rows.length;
        rows.release(&rows);
    }
    stream.release(&stream);
    check(arm_row_changes(session, "orders", &row_options, &stream, &err), &err);
    while (stream.get_next(&stream, &rows) == 0 && rows.release != NULL) {
        changed += rows.length;
        rows.release(&rows);
    }
    stream.release(&stream);
    (void)printf("change: since tx %" PRIu64 " %" PRId64 " commits, %" PRId64 " row changes\n",
                 since, commits, changed);
}

/* ---- Streaming: told when it changes, from where it stood, exactly once ---- */

/* The totals and that the event is done with are committed as one: whoever is killed between the
 * two has done neither, and who comes next under this name gets the event again. */
static void streaming(arm_repo *repo, arm_session *session)
{
    const char *tables[] = {"orders"};
    struct arm_feed_options options = {
        .size = sizeof options, .consumer = "totals", .tables = tables, .table_count = 1};
    const struct arm_event *event = NULL;
    arm_feed *feed = NULL;
    struct arm_error err;

    check(arm_feed_open(repo, &options, &feed, &err), &err);
    (void)printf("streaming:\n");
    for (;;) {
        char sql[200];

        check(arm_feed_next(feed, 100000, &event, &err), &err); /* or wait 0.1 s */
        if (event == NULL) {
            break;
        }
        print_event(event);
        (void)run(session, "BEGIN");
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO totals SELECT %" PRIu64 ", coalesce(sum(amount), 0) FROM "
                       "orders AT (VERSION => %" PRIu64 ")",
                       event->tx, event->changes[0].new_version);
        (void)run(session, sql);
        check(arm_feed_ack_in(feed, session, event->tx, &err), &err);
        (void)run(session, "COMMIT");
    }
    arm_feed_close(feed);
    (void)printf("  %" PRIu64 " totals kept\n",
                 run(session, "SELECT count(*)::UBIGINT FROM totals"));
}

/* ---- Background: a thread of the library calls ---- */

static bool on_event(void *context, const struct arm_event *event)
{
    (void)context;
    print_event(event);
    return true; /* go on */
}

static void background(arm_repo *repo, arm_session *session, uint64_t since)
{
    struct arm_feed_options options = {.size = sizeof options, .from = ARM_FROM_TX, .since = since};
    struct arm_feed_callbacks callbacks = {.size = sizeof callbacks, .on_event = on_event};
    arm_feed *feed = NULL;
    struct arm_error err;

    (void)printf("background:\n");
    (void)fflush(stdout);
    check(arm_feed_open(repo, &options, &feed, &err), &err);
    check(arm_feed_start(feed, &callbacks, &err), &err);
    (void)run(session, "DELETE FROM orders WHERE id = 2");
    (void)run(session, "SELECT count(*)::UBIGINT FROM range(50000000)"); /* something else */
    check(arm_feed_stop(feed, &err), &err);
    arm_feed_close(feed);
}

int main(int argc, char **argv)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    uint64_t since = 0;
    struct arm_error err;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: changelog_demo DIRECTORY\n");
        return 2;
    }
    check(arm_repo_open(argv[1], &options, &repo, &err), &err);
    check(arm_session_open(repo, NULL, &session, &err), &err);
    check(arm_latest_tx(repo, &since, &err), &err);
    (void)run(session, "CREATE TABLE IF NOT EXISTS totals(tx UBIGINT PRIMARY KEY, amount DOUBLE)");
    (void)run(session, "CREATE TABLE orders(id INTEGER PRIMARY KEY, amount DOUBLE)");
    (void)run(session, "INSERT INTO orders VALUES (1, 10), (2, 20), (3, 30)");
    (void)run(session, "UPDATE orders SET amount = 25 WHERE id = 2");
    (void)run(session, "INSERT INTO orders VALUES (4, 40)");

    batch(session);
    change(session, since);
    streaming(repo, session);
    check(arm_latest_tx(repo, &since, &err), &err);
    background(repo, session, since);

    arm_session_close(session);
    arm_repo_close(repo);
    return 0;
}
