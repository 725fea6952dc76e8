/* SPDX-License-Identifier: Apache-2.0 */
/* Martin Kleppmann's Hermitage: each anomaly that an isolation level may or may not let through, as
 * the shortest run of interleaved statements that shows it. Writers do not wait here: what would
 * block elsewhere is buffered, and of two that meet the one that commits later is refused.
 *
 * Each script is run over rows that lie in the log, over rows without a key, over chunks, with a
 * compaction after every statement, and with each session in a process of its own. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/sql_client.h"
#include "support/temp.h"

enum { SESSIONS = 3, STEPS_MAX = 20, SQL_BYTES = 300, WANTED_BYTES = 100 };

/* What a statement must give: rows ("id,value|…"), nothing of interest, or a conflict. */
#define CONFLICT "conflict"
/* Under snapshot isolation, and if the sessions are serializable. */
#define LEVELS(snapshot, serializable) snapshot "\n" serializable

struct step {
    int session; /* 1 to 3; 0: the end of the script */
    const char *sql;
    const char *wanted; /* NULL: that it succeeds */
};

struct anomaly {
    const char *name;
    struct step steps[STEPS_MAX];
};

#define BEGIN_TWO                                                                                  \
    {1, "BEGIN", NULL},                                                                            \
    {                                                                                              \
        2, "BEGIN", NULL                                                                           \
    }

/* At first the table holds (1, 10) and (2, 20), and another, "other", (1, 30). */
static const struct anomaly anomalies[] = {
    {"G0, write cycles: prevented",
     {BEGIN_TWO,
      {1, "UPDATE test SET value = 11 WHERE id = 1", NULL},
      {2, "UPDATE test SET value = 12 WHERE id = 1", NULL},
      {1, "UPDATE test SET value = 21 WHERE id = 2", NULL},
      {1, "COMMIT", NULL},
      {1, "SELECT * FROM test ORDER BY id", "1,11|2,21|"},
      {2, "UPDATE test SET value = 22 WHERE id = 2", NULL},
      {2, "COMMIT", CONFLICT},
      {1, "SELECT * FROM test ORDER BY id", "1,11|2,21|"},
      {2, "SELECT * FROM test ORDER BY id", "1,11|2,21|"}}},
    {"G1a, aborted reads: prevented",
     {BEGIN_TWO,
      {1, "UPDATE test SET value = 101 WHERE id = 1", NULL},
      {2, "SELECT * FROM test ORDER BY id", "1,10|2,20|"},
      {1, "ROLLBACK", NULL},
      {2, "SELECT * FROM test ORDER BY id", "1,10|2,20|"},
      {2, "COMMIT", NULL}}},
    {"G1b, intermediate reads: prevented",
     {BEGIN_TWO,
      {1, "UPDATE test SET value = 101 WHERE id = 1", NULL},
      {2, "SELECT * FROM test ORDER BY id", "1,10|2,20|"},
      {1, "UPDATE test SET value = 11 WHERE id = 1", NULL},
      {1, "COMMIT", NULL},
      {2, "SELECT * FROM test ORDER BY id", "1,10|2,20|"},
      {2, "COMMIT", NULL},
      {2, "SELECT * FROM test ORDER BY id", "1,11|2,20|"}}},
    {"G1c, circular information flow: prevented",
     {BEGIN_TWO,
      {1, "UPDATE test SET value = 11 WHERE id = 1", NULL},
      {2, "UPDATE test SET value = 22 WHERE id = 2", NULL},
      {1, "SELECT value FROM test WHERE id = 2", "20|"},
      {2, "SELECT value FROM test WHERE id = 1", "10|"},
      {1, "COMMIT", NULL},
      {2, "COMMIT", LEVELS("", CONFLICT)}}}, /* each has read what the other replaced */
    {"OTV, an observed transaction vanishes: prevented",
     {BEGIN_TWO,
      {1, "UPDATE test SET value = 11 WHERE id = 1", NULL},
      {1, "UPDATE test SET value = 19 WHERE id = 2", NULL},
      {2, "UPDATE test SET value = 12 WHERE id = 1", NULL},
      {1, "COMMIT", NULL},
      {3, "BEGIN", NULL}, /* what it sees is decided here */
      {3, "SELECT value FROM test WHERE id = 1", "11|"},
      {2, "UPDATE test SET value = 18 WHERE id = 2", NULL},
      {3, "SELECT value FROM test WHERE id = 2", "19|"},
      {2, "COMMIT", CONFLICT},
      {3, "SELECT value FROM test WHERE id = 2", "19|"},
      {3, "SELECT value FROM test WHERE id = 1", "11|"},
      {3, "COMMIT", NULL}}},
    {"PMP, a predicate with many preceders: prevented",
     {BEGIN_TWO,
      {1, "SELECT * FROM test WHERE value = 30", ""},
      {2, "INSERT INTO test VALUES (3, 30)", NULL},
      {2, "COMMIT", NULL},
      {1, "SELECT * FROM test WHERE value % 3 = 0", ""},
      {1, "COMMIT", NULL},
      {1, "SELECT * FROM test WHERE value % 3 = 0", "3,30|"}}},
    {"PMP, with a predicate that writes: prevented",
     {BEGIN_TWO,
      {1, "UPDATE test SET value = value + 10", NULL},
      {2, "SELECT * FROM test WHERE value = 20", "2,20|"},
      {2, "DELETE FROM test WHERE value = 20", NULL},
      {1, "COMMIT", NULL},
      {2, "SELECT * FROM test WHERE value = 20", ""},
      {2, "COMMIT", CONFLICT},
      {2, "SELECT * FROM test ORDER BY id", "1,20|2,30|"}}},
    {"P4, a lost update: prevented",
     {BEGIN_TWO,
      {1, "SELECT value FROM test WHERE id = 1", "10|"},
      {2, "SELECT value FROM test WHERE id = 1", "10|"},
      {1, "UPDATE test SET value = 11 WHERE id = 1", NULL},
      {2, "UPDATE test SET value = 11 WHERE id = 1", NULL},
      {1, "COMMIT", NULL},
      {2, "COMMIT", CONFLICT},
      {2, "SELECT * FROM test ORDER BY id", "1,11|2,20|"}}},
    {"P4, with a commit of a third in between: prevented",
     {BEGIN_TWO,
      {1, "SELECT value FROM test WHERE id = 1", "10|"},
      {2, "SELECT value FROM test WHERE id = 1", "10|"},
      {1, "UPDATE test SET value = 11 WHERE id = 1", NULL},
      {2, "UPDATE test SET value = 12 WHERE id = 1", NULL},
      {1, "COMMIT", NULL},
      {3, "UPDATE test SET value = 21 WHERE id = 2", NULL},
      {2, "COMMIT", CONFLICT},
      {2, "SELECT * FROM test ORDER BY id", "1,11|2,21|"}}},
    {"G-single, read skew: prevented",
     {BEGIN_TWO,
      {1, "SELECT value FROM test WHERE id = 1", "10|"},
      {2, "SELECT * FROM test ORDER BY id", "1,10|2,20|"},
      {2, "UPDATE test SET value = 12 WHERE id = 1", NULL},
      {2, "UPDATE test SET value = 18 WHERE id = 2", NULL},
      {2, "COMMIT", NULL},
      {1, "SELECT value FROM test WHERE id = 2", "20|"},
      {1, "COMMIT", NULL}}},
    {"G-single, with predicates: prevented",
     {BEGIN_TWO,
      {1, "SELECT * FROM test WHERE value % 5 = 0 ORDER BY id", "1,10|2,20|"},
      {2, "UPDATE test SET value = 12 WHERE value = 10", NULL},
      {2, "COMMIT", NULL},
      {1, "SELECT * FROM test WHERE value % 3 = 0", ""},
      {1, "COMMIT", NULL}}},
    {"G-single, with a predicate that writes: prevented",
     {BEGIN_TWO,
      {1, "SELECT value FROM test WHERE id = 1", "10|"},
      {2, "SELECT * FROM test ORDER BY id", "1,10|2,20|"},
      {2, "UPDATE test SET value = 12 WHERE id = 1", NULL},
      {2, "UPDATE test SET value = 18 WHERE id = 2", NULL},
      {2, "COMMIT", NULL},
      {1, "DELETE FROM test WHERE value = 20", NULL},
      {1, "COMMIT", CONFLICT},
      {1, "SELECT * FROM test ORDER BY id", "1,12|2,18|"}}},
    {"G-single, over two tables: prevented",
     {BEGIN_TWO,
      {1, "SELECT value FROM test WHERE id = 1", "10|"},
      {2, "UPDATE test SET value = 12 WHERE id = 1", NULL},
      {2, "UPDATE other SET value = 32 WHERE id = 1", NULL},
      {2, "COMMIT", NULL},
      {1, "SELECT value FROM other WHERE id = 1", "30|"},
      {1, "COMMIT", NULL},
      {1, "SELECT value FROM other WHERE id = 1", "32|"}}},
    {"G-single, one of the two gives up: the other commits",
     {BEGIN_TWO,
      {1, "SELECT value FROM test WHERE id = 1", "10|"},
      {2, "SELECT * FROM test ORDER BY id", "1,10|2,20|"},
      {2, "UPDATE test SET value = 12 WHERE id = 1", NULL},
      {1, "DELETE FROM test WHERE value = 20", NULL},
      {2, "UPDATE test SET value = 18 WHERE id = 2", NULL},
      {1, "ROLLBACK", NULL},
      {2, "COMMIT", NULL},
      {1, "SELECT * FROM test ORDER BY id", "1,12|2,18|"}}},
    {"G2-item, write skew: happens under snapshot, not serializable",
     {BEGIN_TWO,
      {1, "SELECT * FROM test WHERE id IN (1, 2) ORDER BY id", "1,10|2,20|"},
      {2, "SELECT * FROM test WHERE id IN (1, 2) ORDER BY id", "1,10|2,20|"},
      {1, "UPDATE test SET value = 11 WHERE id = 1", NULL},
      {2, "UPDATE test SET value = 21 WHERE id = 2", NULL},
      {1, "COMMIT", NULL},
      {2, "COMMIT", LEVELS("", CONFLICT)},
      {1, "SELECT * FROM test ORDER BY id", LEVELS("1,11|2,21|", "1,11|2,20|")}}},
    {"G2-item, by deletions: happens under snapshot, not serializable",
     {BEGIN_TWO,
      {1, "SELECT * FROM test WHERE value > 5 ORDER BY id", "1,10|2,20|"},
      {2, "SELECT * FROM test WHERE value > 5 ORDER BY id", "1,10|2,20|"},
      {1, "DELETE FROM test WHERE id = 1", NULL},
      {2, "DELETE FROM test WHERE id = 2", NULL},
      {2, "COMMIT", NULL},
      {1, "COMMIT", LEVELS("", CONFLICT)},
      {1, "SELECT * FROM test", LEVELS("", "1,10|")}}},
    {"G2-item, over two tables: happens under snapshot, not serializable",
     {BEGIN_TWO,
      {1, "SELECT value FROM other WHERE id = 1", "30|"},
      {2, "SELECT value FROM test WHERE id = 1", "10|"},
      {1, "UPDATE test SET value = 11 WHERE id = 1", NULL},
      {2, "UPDATE other SET value = 31 WHERE id = 1", NULL},
      {1, "COMMIT", NULL},
      {2, "COMMIT", LEVELS("", CONFLICT)},
      {1, "SELECT * FROM test ORDER BY id", "1,11|2,20|"},
      {1, "SELECT * FROM other ORDER BY id", LEVELS("1,31|", "1,30|")}}},
    {"G2, anti-dependency cycle over a predicate: happens under snapshot, not serializable",
     {BEGIN_TWO,
      {1, "SELECT * FROM test WHERE value % 3 = 0", ""},
      {2, "SELECT * FROM test WHERE value % 3 = 0", ""},
      {1, "INSERT INTO test VALUES (3, 30)", NULL},
      {2, "INSERT INTO test VALUES (4, 42)", NULL},
      {1, "COMMIT", NULL},
      {2, "COMMIT", LEVELS("", CONFLICT)},
      {1, "SELECT * FROM test WHERE value % 3 = 0 ORDER BY id", LEVELS("3,30|4,42|", "3,30|")}}},
    {"G2, shown by a third that only reads (Fekete): happens under snapshot, not serializable",
     {{1, "BEGIN", NULL},
      {1, "SELECT * FROM test ORDER BY id", "1,10|2,20|"},
      {2, "BEGIN", NULL},
      {2, "UPDATE test SET value = value + 5 WHERE id = 2", NULL},
      {2, "COMMIT", NULL},
      {3, "BEGIN", NULL},
      {3, "SELECT * FROM test ORDER BY id", "1,10|2,25|"},
      {3, "COMMIT", NULL},
      {1, "UPDATE test SET value = 0 WHERE id = 1", NULL},
      {1, "COMMIT", LEVELS("", CONFLICT)},
      {1, "SELECT * FROM test ORDER BY id", LEVELS("1,0|2,25|", "1,10|2,25|")}}},
};

enum { ANOMALIES = sizeof anomalies / sizeof anomalies[0] };

/* ---- Sessions, here or in processes ---- */

struct stage {
    struct temp_dir dir;
    struct sql_client clients[SESSIONS + 1]; /* the first prepares and compacts */
    struct sql_peer peers[SESSIONS + 1];
    bool in_processes;
    bool is_compacting;
    bool is_serializable;
    const char *anomaly; /* at work; NULL: none yet */
};

/* Rows or message in `*out`. */
static arm_status run_on(struct stage *stage, int session, const char *sql, const char **out)
{
    struct sql_client *client = &stage->clients[session];
    arm_status st;

    if (stage->in_processes) {
        st = sql_peer_run(&stage->peers[session], sql);
        *out = stage->peers[session].text;
    } else {
        st = sql_client_run(client, sql);
        *out = st == ARM_OK ? client->text : client->err.message;
    }
    return st;
}

/* The level's part. */
static const char *wanted_of(const struct stage *stage, const char *wanted, char out[WANTED_BYTES])
{
    size_t snapshot = strcspn(wanted, "\n");
    const char *serializable = wanted[snapshot] == '\n' ? wanted + snapshot + 1 : wanted;

    (void)snprintf(out, WANTED_BYTES, "%.*s", stage->is_serializable ? 99 : (int)snapshot,
                   stage->is_serializable ? serializable : wanted);
    return out;
}

static void must_run(struct stage *stage, int session, const char *sql, const char *wanted)
{
    const char *text = NULL;
    arm_status st = run_on(stage, session, sql, &text);
    char rows[WANTED_BYTES] = "";
    bool refused;

    if (wanted != NULL) {
        wanted = wanted_of(stage, wanted, rows);
    }
    refused = wanted != NULL && strcmp(wanted, CONFLICT) == 0;

    if (st != (refused ? ARM_CONFLICT : ARM_OK)) {
        fail_msg("%s\n  session %d: %s\n  gave %s: %s",
                 stage->anomaly != NULL ? stage->anomaly : "", session, sql, arm_status_name(st),
                 text);
    }
    if (wanted != NULL && !refused && strcmp(text, wanted) != 0) {
        fail_msg("%s\n  session %d: %s\n  gave %s, not %s", stage->anomaly, session, sql, text,
                 wanted);
    }
}

static void open_stage(struct stage *stage)
{
    char path[TEMP_PATH_BYTES];

    stage->dir = temp_dir_make();
    (void)temp_path(&stage->dir, "repo", path);
    for (int i = 0; i <= SESSIONS; i++) {
        if (stage->in_processes) {
            sql_peer_start(&stage->peers[i], path);
        } else {
            assert_ok(sql_client_open(&stage->clients[i], path), stage->clients[i].err);
        }
        if (stage->is_serializable) { /* snapshot isolation is the default */
            must_run(stage, i, "SET arm_isolation = 'serializable'", NULL);
        }
    }
}

static void close_stage(struct stage *stage)
{
    for (int i = 0; i <= SESSIONS; i++) {
        if (stage->in_processes) {
            sql_peer_stop(&stage->peers[i]);
        } else {
            sql_client_close(&stage->clients[i]);
        }
    }
    temp_dir_remove(&stage->dir);
}

/* ---- Scripts ---- */

static void compact(struct stage *stage)
{
    struct sql_client *client = &stage->clients[0];

    assert_ok(arm_compact(client->session, NULL, NULL, NULL, &client->err), client->err);
}

static void prepare(struct stage *stage, const char *columns, bool is_chunk)
{
    char sql[SQL_BYTES];

    (void)snprintf(sql, sizeof sql, "CREATE OR REPLACE TABLE test (%s)", columns);
    must_run(stage, 0, sql, NULL);
    must_run(stage, 0, "INSERT INTO test VALUES (1, 10)", NULL);
    must_run(stage, 0, "INSERT INTO test VALUES (2, 20)", NULL);
    (void)snprintf(sql, sizeof sql, "CREATE OR REPLACE TABLE other (%s)", columns);
    must_run(stage, 0, sql, NULL);
    must_run(stage, 0, "INSERT INTO other VALUES (1, 30)", NULL);
    if (is_chunk) {
        compact(stage);
    }
}

static void play(struct stage *stage, const struct anomaly *anomaly)
{
    for (const struct step *step = anomaly->steps; step->session != 0; step++) {
        must_run(stage, step->session, step->sql, step->wanted);
        if (stage->is_compacting) {
            compact(stage);
        }
    }
}

static void play_at_level(struct stage stage, const char *columns, bool is_chunk)
{
    open_stage(&stage);
    for (size_t i = 0; i < ANOMALIES; i++) {
        stage.anomaly = anomalies[i].name;
        prepare(&stage, columns, is_chunk);
        play(&stage, &anomalies[i]);
    }
    close_stage(&stage);
}

static void play_all(struct stage *stage, const char *columns, bool is_chunk)
{
    play_at_level(*stage, columns, is_chunk);
    stage->is_serializable = true;
    play_at_level(*stage, columns, is_chunk);
}

static const char with_key[] = "id INTEGER PRIMARY KEY, value INTEGER";

/* First, since it forks. */
static void test_hermitage_sessions_in_processes(void **state)
{
    struct stage stage = {.in_processes = true};

    (void)state;
    play_all(&stage, with_key, false);
}

static void test_hermitage_rows_in_the_log(void **state)
{
    struct stage stage = {.in_processes = false};

    (void)state;
    play_all(&stage, with_key, false);
}

static void test_hermitage_rows_without_a_key(void **state)
{
    struct stage stage = {.in_processes = false};

    (void)state;
    play_all(&stage, "id INTEGER, value INTEGER", false);
}

static void test_hermitage_rows_in_chunks(void **state)
{
    struct stage stage = {.in_processes = false};

    (void)state;
    play_all(&stage, with_key, true);
}

static void test_hermitage_compaction_after_every_statement(void **state)
{
    struct stage stage = {.is_compacting = true};

    (void)state;
    play_all(&stage, with_key, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hermitage_sessions_in_processes),
        cmocka_unit_test(test_hermitage_rows_in_the_log),
        cmocka_unit_test(test_hermitage_rows_without_a_key),
        cmocka_unit_test(test_hermitage_rows_in_chunks),
        cmocka_unit_test(test_hermitage_compaction_after_every_statement),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
