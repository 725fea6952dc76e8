/* SPDX-License-Identifier: Apache-2.0 */
/* Upkeep under kills: two processes write to one table, each enough for its thread to flush the
 * hot rows of both, and are killed with SIGKILL about when it does. Whoever comes after one that
 * was killed finds what it was told, and of what was in flight all or nothing; keys are kept; in
 * the end every byte is verified. The test ends after rows were flushed indeed, at the latest by
 * the writers that nobody kills.
 *
 * Each act is a commit: a row comes, or (every tenth) the one five before it goes. So the number
 * of acts says which rows are there. ARM_KILLS says how many kills. */

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/children.h"
#include "support/cmocka_all.h"
#include "support/sql_client.h"
#include "support/temp.h"

enum {
    KILLS_DEFAULT = 8,
    WRITERS = 2,
    DELETES = 10, /* every so many acts */
    BEHIND = 5,
    SQL_BYTES = 300,
    LOOK_EVERY = 1000, /* acts of a process: then its thread looks what to flush ... */
    FLUSH_ACTS = 150,  /* ... which takes about so many acts */
    POLL_US = 500,
    POLLS_MAX = 200000,
};

struct farm {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    struct shared {
        atomic_bool stop;
        atomic_llong begun[WRITERS]; /* acts */
        atomic_llong done[WRITERS];  /* acknowledged ones */
    } *shared;
    long long started[WRITERS]; /* acts that were done before */
};

static void run(struct sql_client *client, const char *sql)
{
    child_must(sql_client_run(client, sql) == ARM_OK, sql, client->err.message);
}

static void open_client(const struct farm *farm, struct sql_client *client)
{
    child_must(sql_client_open(client, farm->path) == ARM_OK, "open", client->err.message);
}

static void sql_of(unsigned slot, long long act, char sql[SQL_BYTES])
{
    if (act % DELETES == 0) {
        (void)snprintf(sql, SQL_BYTES, "DELETE FROM t WHERE slot = %u AND act = %lld", slot,
                       act - BEHIND);
    } else {
        (void)snprintf(sql, SQL_BYTES, "INSERT INTO t VALUES (%u, %lld, 'row %lld')", slot, act,
                       act);
    }
}

/* Count and sum that so many acts leave, as the query says them. */
static void expected(long long acts, char out[SQL_BYTES])
{
    long long count = 0;
    long long sum = 0;

    for (long long act = 1; act <= acts; act++) {
        count += act % DELETES == 0 ? -1 : 1;
        sum += act % DELETES == 0 ? BEHIND - act : act;
    }
    (void)snprintf(out, SQL_BYTES, "%lld,%lld|", count, sum);
}

/* How many acts the table shows: all that were acknowledged, and perhaps the one in flight. */
static long long acts_found(const struct farm *farm, struct sql_client *client, unsigned slot)
{
    long long begun = atomic_load(&farm->shared->begun[slot]);
    char wanted[SQL_BYTES];
    char sql[SQL_BYTES];

    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*)::VARCHAR, coalesce(sum(act), 0)::VARCHAR FROM t "
                   "WHERE slot = %u AND v = 'row ' || act",
                   slot);
    run(client, sql);
    for (long long acts = atomic_load(&farm->shared->done[slot]); acts <= begun; acts++) {
        expected(acts, wanted);
        if (strcmp(client->text, wanted) == 0) {
            return acts;
        }
    }
    child_must(false, "neither what was acknowledged nor one more", client->text);
    return 0;
}

/* The first act of a life. The one before may have ended with it appended and not durable when this
 * one looked: who does it again is refused, for it is there by then. */
static void begin_acts(const struct farm *farm, struct sql_client *client, unsigned slot,
                       long long act)
{
    char sql[SQL_BYTES];

    sql_of(slot, act, sql);
    if (sql_client_run(client, sql) == ARM_OK) {
        return;
    }
    child_must(client->err.code == ARM_CONFLICT || client->err.code == ARM_CONSTRAINT, sql,
               client->err.message);
    child_must(acts_found(farm, client, slot) == act, "refused for an act", "that is not there");
}

static int be_writer(const void *context, unsigned slot)
{
    const struct farm *farm = context;
    struct sql_client client;
    char sql[SQL_BYTES];
    long long first;
    long long act;

    open_client(farm, &client);
    act = acts_found(farm, &client, slot);
    first = act + 1;
    atomic_store(&farm->shared->done[slot], act);
    if (act % DELETES > 0) { /* its own row, hot or in a chunk */
        (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%u, %lld, 'twice')", slot, act);
        child_must(sql_client_run(&client, sql) == ARM_CONSTRAINT, "a key", "was not found");
    }
    while (!atomic_load(&farm->shared->stop)) {
        atomic_store(&farm->shared->begun[slot], ++act);
        if (act == first) {
            begin_acts(farm, &client, slot, act);
        } else {
            sql_of(slot, act, sql);
            run(&client, sql);
        }
        atomic_store(&farm->shared->done[slot], act);
    }
    sql_client_close(&client);
    return 0;
}

static int be_founder(const void *context, unsigned unused)
{
    struct sql_client client;

    (void)unused;
    open_client(context, &client);
    run(&client, "CREATE TABLE t (slot INTEGER, act BIGINT, v VARCHAR, PRIMARY KEY (slot, act))");
    sql_client_close(&client);
    return 0;
}

static int be_judge(const void *context, unsigned unused)
{
    struct arm_verify_options options = {.size = sizeof options, .full = true};
    const struct farm *farm = context;
    struct arm_verify_result verified;
    struct sql_client client;

    (void)unused;
    open_client(farm, &client);
    for (unsigned slot = 0; slot < WRITERS; slot++) {
        child_must(acts_found(farm, &client, slot) == atomic_load(&farm->shared->done[slot]),
                   "an act that ended", "is not there");
    }
    child_must(arm_verify(client.repo, &options, &verified, &client.err) == ARM_OK &&
                   verified.is_healthy,
               "verify", "damage");
    sql_client_close(&client);
    return 0;
}

/* Folders of chunks: only a flush makes any here. */
static size_t count_chunk_folders(const struct farm *farm)
{
    char path[TEMP_PATH_BYTES + sizeof "/chunks"];
    const struct dirent *entry;
    size_t count = 0;
    DIR *folder;

    (void)snprintf(path, sizeof path, "%s/chunks", farm->path);
    folder = opendir(path);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(folder);
    return count;
}

static pid_t start_writer(struct farm *farm, unsigned slot)
{
    farm->started[slot] = atomic_load(&farm->shared->done[slot]);
    return child_start(be_writer, farm, slot);
}

/* Until the writer's thread should be at work. */
static void await_a_flush(const struct farm *farm, unsigned slot)
{
    long long wanted = farm->started[slot] + LOOK_EVERY + rand() % FLUSH_ACTS;

    for (unsigned i = 0; atomic_load(&farm->shared->done[slot]) < wanted; i++) {
        assert_true(i < POLLS_MAX); /* or it has ended */
        nap_us(POLL_US);
    }
}

/* The last writers are not killed: one of them flushes at the latest. */
static void await_chunks(const struct farm *farm)
{
    for (unsigned i = 0; count_chunk_folders(farm) == 0; i++) {
        assert_true(i < POLLS_MAX);
        nap_us(POLL_US);
    }
}

static void test_upkeep_survives_kills(void **state)
{
    unsigned kills = children_kills(KILLS_DEFAULT);
    unsigned seed = (unsigned)time(NULL);
    struct farm farm = {.dir = temp_dir_make()};
    pid_t writers[WRITERS];

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    (void)temp_path(&farm.dir, "repo", farm.path);
    farm.shared = children_share(sizeof *farm.shared);
    child_wait(child_start(be_founder, &farm, 0));
    for (unsigned slot = 0; slot < WRITERS; slot++) {
        writers[slot] = start_writer(&farm, slot);
    }
    for (unsigned i = 0; i < kills; i++) {
        unsigned slot = (unsigned)rand() % WRITERS;

        await_a_flush(&farm, slot);
        child_kill(writers[slot]);
        writers[slot] = start_writer(&farm, slot);
    }
    await_chunks(&farm);
    atomic_store(&farm.shared->stop, true);
    for (unsigned slot = 0; slot < WRITERS; slot++) {
        child_wait(writers[slot]);
    }
    child_wait(child_start(be_judge, &farm, 0));
    print_message("%u kills, %lld acts, %zu folders of chunks\n", kills,
                  atomic_load(&farm.shared->done[0]) + atomic_load(&farm.shared->done[1]),
                  count_chunk_folders(&farm));
    children_unshare(farm.shared, sizeof *farm.shared);
    temp_dir_remove(&farm.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upkeep_survives_kills),
    };

    temp_use_memory(); /* no power is cut here */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
