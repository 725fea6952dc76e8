/* SPDX-License-Identifier: Apache-2.0 */
/* Serializable transactions and the grain of conflicts: what others do after a read, and whether it
 * would have been read otherwise. */

#include <pthread.h>

#include "duck/duck_fixture.h"
#include "table/compact.h"

static const char serializable[] = "SET arm_isolation = 'serializable'";

/* `big` has rows 0..29999 in chunks, 30000 in the log, -1 in the log and dead again; `few` is of
 * the log alone. */
static void make_tables(struct fixture *f)
{
    assert_sql(&f->a, "CREATE TABLE big (i INTEGER, s VARCHAR)");
    assert_sql(&f->a, "INSERT INTO big SELECT range, 'row' || range FROM range(30000)");
    assert_sql(&f->a, "INSERT INTO big VALUES (30000, 'hot'), (-1, 'dead'), (40000, NULL)");
    assert_sql(&f->a, "DELETE FROM big WHERE i = -1");
    assert_sql(&f->a,
               "CREATE TABLE few AS SELECT range AS i, range % 3 = 0 AS third FROM range(9)");
    assert_sql(&f->a, "CREATE TABLE other (n INTEGER)");
    assert_sql(&f->a, "CREATE VIEW seen AS SELECT * FROM few WHERE i > 4");
    assert_sql(&f->a, "CREATE SCHEMA s");
    assert_sql(&f->a, "CREATE TABLE s.t (n INTEGER)");
}

/* b reads; a writes and commits; b, which also writes elsewhere, commits. */
static void assert_meets(struct fixture *f, const char *read, const char *write, bool expected)
{
    arm_status st;

    assert_sql(&f->b, "BEGIN");
    assert_sql(&f->b, read);
    assert_sql(&f->b, "INSERT INTO other VALUES (1)");
    assert_sql(&f->a, write);
    st = fixture_run(&f->b, "COMMIT");
    if (st != (expected ? ARM_CONFLICT : ARM_OK)) {
        fail_msg("read: %s; write: %s: %s", read, write,
                 st == ARM_OK ? "no conflict" : f->err.message);
    }
}

static const struct {
    const char *read;
    const char *write;
    bool meets;
} cases[] = {
    /* a point, in chunks and in the log */
    {"SELECT s FROM big WHERE i = 77", "UPDATE big SET s = 'x' WHERE i = 77", true},
    {"SELECT s FROM big WHERE i = 30000", "UPDATE big SET s = 'y' WHERE i = 30000", true},
    {"SELECT s FROM big WHERE i = 30000", "UPDATE big SET s = 'z' WHERE i = 40000", false},
    {"SELECT s FROM big WHERE i = 30000", "DELETE FROM big WHERE i = 40000", false},
    {"SELECT s FROM big WHERE i = 40001", "INSERT INTO big VALUES (40002, 'near')", false},
    {"SELECT s FROM big WHERE i = 40001", "INSERT INTO big VALUES (40001, 'there')", true},
    /* a range: into it, out of it, beside it */
    {"SELECT count(*) FROM big WHERE i BETWEEN 50000 AND 60000",
     "INSERT INTO big VALUES (55555, '')", true},
    {"SELECT count(*) FROM big WHERE i BETWEEN 50000 AND 60000",
     "INSERT INTO big SELECT range, '' FROM range(70000, 90000)", false},
    {"SELECT count(*) FROM big WHERE i BETWEEN 50000 AND 60000",
     "INSERT INTO big SELECT range, '' FROM range(59999, 80000)", true},
    {"SELECT count(*) FROM big WHERE i BETWEEN 50000 AND 60000",
     "UPDATE big SET i = 58000 WHERE i = 30000", true},
    {"SELECT count(*) FROM big WHERE i > 100000", "DELETE FROM big WHERE i = 5", false},
    {"SELECT max(i) FROM big WHERE s > 'row' AND i > 200000",
     "INSERT INTO big VALUES (200001, 'other')", false},
    {"SELECT max(i) FROM big WHERE s IS NULL AND i > 200000",
     "INSERT INTO big VALUES (200002, NULL)", true},
    {"SELECT i FROM big WHERE i IN (300001, 300003)", "INSERT INTO big VALUES (300002, '')", false},
    {"SELECT i FROM big WHERE i IN (300001, 300003)", "INSERT INTO big VALUES (300003, '')", true},
    {"SELECT i FROM big WHERE s = 'no such'", "INSERT INTO big VALUES (6, 'another')", false},
    {"SELECT i FROM big WHERE s = 'no such'", "INSERT INTO big VALUES (6, 'no such')", true},
    /* what statistics would have answered */
    {"SELECT count(*) FROM few", "INSERT INTO few VALUES (9, true)", true},
    {"SELECT max(i) FROM few", "INSERT INTO few VALUES (8, true)", true},
    {"SELECT * FROM big WHERE i > 1000000", "INSERT INTO big VALUES (1000001, '')", true},
    {"SELECT 1 WHERE EXISTS (FROM big WHERE i > 2000000)", "INSERT INTO big VALUES (2000001, '')",
     true},
    /* filters that the scan does not judge, joins, limits */
    {"SELECT * FROM few WHERE i % 2 = 1", "INSERT INTO few VALUES (10, true)", true},
    {"SELECT * FROM few JOIN big USING (i) WHERE few.i < 2", "DELETE FROM few WHERE i = 4", false},
    {"SELECT * FROM few JOIN big USING (i) WHERE few.i < 2", "DELETE FROM few WHERE i = 0", true},
    {"SELECT * FROM few ORDER BY i LIMIT 1", "INSERT INTO few VALUES (-5, true)", true},
    {"SELECT * FROM few LIMIT 1", "INSERT INTO few VALUES (11, true)", true},
    /* changes read too */
    {"DELETE FROM few WHERE i = 70", "INSERT INTO few VALUES (70, true)", true},
    {"UPDATE few SET third = false WHERE i = 71", "INSERT INTO few VALUES (72, true)", false},
    {"UPDATE few SET third = (SELECT count(*) > 5 FROM s.t) WHERE i = 6",
     "INSERT INTO s.t VALUES (1)", true},
    {"CREATE OR REPLACE TABLE copied AS FROM few", "INSERT INTO few VALUES (12, true)", true},
    {"COPY few TO '/dev/null' (FORMAT csv)", "INSERT INTO few VALUES (13, true)", true},
    /* views, other refs */
    {"SELECT * FROM seen", "INSERT INTO few VALUES (3, true)", false},
    {"SELECT * FROM seen", "INSERT INTO few VALUES (5, true)", true},
    {"SELECT * FROM seen", "CREATE OR REPLACE VIEW seen AS SELECT * FROM few WHERE i > 5", true},
    {"SELECT * FROM few AT (VERSION => 1)", "INSERT INTO few VALUES (14, true)", false},
    {"SELECT * FROM few AT (VERSION => 'main')", "INSERT INTO few VALUES (15, true)", true},
    /* names and columns */
    {"SELECT * FROM few WHERE i = 1000", "ALTER TABLE few ADD COLUMN more INTEGER", true},
    {"SELECT * FROM few WHERE i = 1000", "ALTER TABLE few RENAME TO fewer", true},
    {"SELECT * FROM fewer WHERE i = 1000", "DROP TABLE fewer CASCADE", true},
    {"DROP TABLE IF EXISTS nothing", "CREATE TABLE nothing (i INTEGER)", true},
    {"SELECT count(*) FROM information_schema.tables", "CREATE TABLE another (i INTEGER)", true},
    {"SELECT count(*) FROM arm_log()", "INSERT INTO s.t VALUES (2)", true},
    {"INSERT INTO s.t VALUES (3)", "INSERT INTO s.t VALUES (4)", false},
};

static void test_isolation_of_reads(void **state)
{
    struct fixture *f = *state;

    make_tables(f);
    assert_sql(&f->b, serializable);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_meets(f, cases[i].read, cases[i].write, cases[i].meets);
    }
}

/* The same under snapshot isolation, where only writes meet. */
static void test_isolation_of_snapshots(void **state)
{
    struct fixture *f = *state;

    make_tables(f);
    assert_meets(f, "SELECT s FROM big WHERE i = 77", "UPDATE big SET s = 'x' WHERE i = 77", false);
    assert_meets(f, "SELECT count(*) FROM few", "INSERT INTO few VALUES (9, true)", false);
    assert_meets(f, "UPDATE few SET third = true WHERE i = 1", "DELETE FROM few WHERE i = 1", true);
}

/* Who changes nothing stands where his snapshot is; his own rows are nobody else's. */
static void test_isolation_of_readers(void **state)
{
    struct fixture *f = *state;

    make_tables(f);
    assert_sql(&f->b, serializable);
    assert_sql(&f->b, "BEGIN");
    assert_rows(&f->b, "SELECT count(*) FROM few", "9|");
    assert_sql(&f->a, "INSERT INTO few VALUES (9, true)");
    assert_rows(&f->b, "SELECT count(*) FROM few", "9|");
    assert_sql(&f->b, "COMMIT");
    assert_sql(&f->b, "BEGIN");
    assert_sql(&f->b, "CREATE TABLE mine AS FROM few");
    assert_sql(&f->b, "UPDATE mine SET i = i + 1");
    assert_sql(&f->b, "DELETE FROM mine WHERE i > 5");
    assert_sql(&f->a, "INSERT INTO other VALUES (1)");
    assert_sql(&f->b, "COMMIT");
    assert_sql(&f->b, "BEGIN");
    assert_sql(&f->b, "UPDATE few SET third = NOT third");
    assert_sql(&f->b, "ROLLBACK");
    assert_sql(&f->b, "PREPARE p AS INSERT INTO other SELECT count(*) FROM few");
    assert_sql(&f->b, "BEGIN");
    assert_sql(&f->b, "EXECUTE p");
    assert_sql(&f->a, "INSERT INTO few VALUES (10, true)");
    assert_refused(&f->b, "COMMIT", ARM_CONFLICT, "\"few\": rows that it read were changed by tx");
    assert_memory_equal(f->err.commit_id, f->a.last.commit_id.bytes, 16);
}

/* A plan that was made for a snapshot, and answers by statistics, is not used by a serializable
 * transaction at the same tx. */
static void test_isolation_of_prepared_statements(void **state)
{
    struct fixture *f = *state;

    make_tables(f);
    assert_sql(&f->b, "PREPARE p AS SELECT count(*) FROM few");
    assert_rows(&f->b, "EXECUTE p", "9|");
    assert_sql(&f->b, serializable);
    assert_meets(f, "EXECUTE p", "INSERT INTO few VALUES (9, true)", true);
    assert_sql(&f->b, "RESET arm_isolation");
    assert_meets(f, "EXECUTE p", "INSERT INTO few VALUES (10, true)", false);
}

static void compact(struct fixture *f, const char *table)
{
    struct arm_compact_report report;
    struct arm_compact_job job = {.repository = f->repository,
                                  .engine = f->engine,
                                  .branch = "main",
                                  .schema_name = "main",
                                  .name = table};

    assert_ok(arm__compact(&job, &report, &f->err), f->err);
    assert_int_equal(report.tables, 1);
}

/* Two chunks become one in the place of the first. The row that was read is deleted there, by a
 * number that in the reader's layout is nobody's in a chunk that it did not look at. */
static void test_isolation_over_a_join_of_chunks(void **state)
{
    struct fixture *f = *state;

    make_tables(f);
    assert_sql(&f->b, serializable);
    assert_sql(&f->a, "CREATE TABLE halves (i INTEGER)");
    assert_sql(&f->a, "INSERT INTO halves FROM range(12000)");
    assert_sql(&f->a, "INSERT INTO halves FROM range(12000, 24000)");
    assert_sql(&f->b, "BEGIN");
    assert_rows(&f->b, "SELECT * FROM halves WHERE i = 20000", "20000|");
    assert_sql(&f->b, "INSERT INTO other VALUES (1)");
    compact(f, "halves");
    assert_sql(&f->a, "DELETE FROM halves WHERE i = 20000");
    assert_refused(&f->b, "COMMIT", ARM_CONFLICT, "rows that it read");
}

/* Rows that compaction moved: a conflict too many, none too few. */
static void test_isolation_over_a_compaction(void **state)
{
    struct fixture *f = *state;

    make_tables(f);
    assert_sql(&f->b, serializable);
    assert_meets(f, "SELECT * FROM few WHERE i = 1",
                 "INSERT INTO few SELECT range + 100, false FROM range(20000)", false);
    assert_sql(&f->b, "BEGIN");
    assert_rows(&f->b, "SELECT third FROM few WHERE i = 1", "false|");
    assert_sql(&f->b, "INSERT INTO other VALUES (1)");
    compact(f, "few");
    assert_sql(&f->b, "COMMIT"); /* nothing was changed */
    assert_sql(&f->b, "BEGIN");
    assert_rows(&f->b, "SELECT third FROM few WHERE i = 1", "false|");
    assert_sql(&f->b, "INSERT INTO other VALUES (1)");
    assert_sql(&f->a, "INSERT INTO few VALUES (1000000, true)");
    compact(f, "few");
    assert_sql(&f->a, "DELETE FROM few WHERE i = 1"); /* nothing new that it might have read */
    assert_refused(&f->b, "COMMIT", ARM_CONFLICT, "rows that it read");
}

/* Both from one snapshot. */
static void assert_pair(struct fixture *f, const char *first, const char *second, bool meets)
{
    assert_sql(&f->a, "BEGIN");
    assert_sql(&f->b, "BEGIN");
    assert_sql(&f->a, first);
    assert_sql(&f->b, second);
    assert_sql(&f->a, "COMMIT");
    if (meets) {
        assert_refused(&f->b, "COMMIT", ARM_CONFLICT, "run it again");
    } else {
        assert_sql(&f->b, "COMMIT");
    }
}

static void test_grain_of_conflicts(void **state)
{
    static const char *const grains[] = {"row", "chunk", "table"};
    static const char *const two_of_a_chunk[][2] = {
        {"UPDATE big SET s = 'a' WHERE i = 10", "UPDATE big SET s = 'b' WHERE i = 11"},
        {"UPDATE big SET s = 'a' WHERE i = 20", "UPDATE big SET s = 'b' WHERE i = 21"},
        {"UPDATE big SET s = 'a' WHERE i = 30", "DELETE FROM big WHERE i = 31"},
    };
    struct fixture *f = *state;
    char set[64];

    make_tables(f);
    for (size_t g = 0; g < 3; g++) {
        (void)snprintf(set, sizeof set, "SET arm_conflict_grain = '%s'", grains[g]);
        assert_sql(&f->b, set);
        assert_pair(f, "INSERT INTO few VALUES (100, true)", "INSERT INTO few VALUES (101, true)",
                    false);
        assert_pair(f, "UPDATE big SET s = 'a' WHERE i = 8", "UPDATE big SET s = 'b' WHERE i = 8",
                    true);
        assert_pair(f, two_of_a_chunk[g][0], two_of_a_chunk[g][1], g >= 1);
        assert_pair(f, "DELETE FROM big WHERE i = 30000", "DELETE FROM big WHERE i = 29998",
                    g >= 2);
        assert_pair(f, "INSERT INTO big VALUES (30000, '')", "DELETE FROM big WHERE i = 29999",
                    g >= 2);
        assert_sql(&f->a, "INSERT INTO big SELECT range, '' FROM range(29998, 30000)");
    }
    assert_refused(&f->b, "SET arm_conflict_grain = 'page'", ARM_SQL, "'row', 'chunk', 'table'");
    assert_refused(&f->b, "SET arm_isolation = 'none'", ARM_SQL, "'snapshot', 'serializable'");
    assert_rows(&f->b, "SELECT current_setting('arm_conflict_grain')", "table|");
}

/* ---- Running again ---- */

struct counting {
    struct fixture_session *session;
    const char *sql;
    unsigned conflicts;
    unsigned failures;
};

enum { ADDITIONS = 60 };

static void *count_up(void *context)
{
    struct counting *self = context;

    for (unsigned i = 0; i < ADDITIONS; i++) {
        struct arm_duck_result *result = NULL;
        struct arm_error err = {0};
        arm_status st = arm__duck_execute(self->session->connection, self->sql, &result, &err);

        arm__duck_result_free(result);
        self->conflicts += st == ARM_CONFLICT;
        self->failures += st != ARM_OK && st != ARM_CONFLICT;
    }
    return NULL;
}

/* Two sessions that add to one row all the time: nothing is lost, nothing is done twice. */
static void test_retry_loses_and_doubles_nothing(void **state)
{
    static const char sql[] = "UPDATE sum SET n = n + 1";
    struct fixture *f = *state;
    struct counting both[] = {{&f->a, sql, 0, 0}, {&f->b, sql, 0, 0}};
    pthread_t threads[2];
    char expected[32];

    assert_sql(&f->a, "CREATE TABLE sum AS SELECT 0 AS n");
    for (unsigned round = 0; round < 2; round++) {
        if (round == 1) {
            assert_sql(&f->a, "SET arm_retries = 1000");
            assert_sql(&f->b, "SET arm_retries = 1000");
        }
        for (size_t i = 0; i < 2; i++) {
            both[i].conflicts = 0;
            assert_int_equal(pthread_create(&threads[i], NULL, count_up, &both[i]), 0);
        }
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(both[i].failures, 0);
        }
        if (round == 0) {
            assert_true(both[0].conflicts + both[1].conflicts > 0);
        } else {
            assert_int_equal(both[0].conflicts + both[1].conflicts, 0);
        }
        (void)snprintf(expected, sizeof expected, "%u|",
                       2 * ADDITIONS - both[0].conflicts - both[1].conflicts);
        assert_rows(&f->a, "SELECT n FROM sum", expected);
        assert_sql(&f->a, "UPDATE sum SET n = 0");
    }
    assert_refused(&f->a, "SET arm_retries = 1001", ARM_SQL, "from 0 to 1000");
}

/* What reads from elsewhere is run once: its input may be gone. */
static void test_retry_of_a_stream(void **state)
{
    static const char sql[] = "UPDATE sum SET n = n + (SELECT count(*) FROM read_csv('%s'))";
    struct fixture *f = *state;
    char path[512];
    char update[1024];
    struct counting both[] = {{&f->a, update, 0, 0}, {&f->b, update, 0, 0}};
    pthread_t threads[2];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/one.csv", f->dir.path);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("a\n1\n", file) > 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(update, sizeof update, sql, path);
    assert_sql(&f->a, "CREATE TABLE sum AS SELECT 0 AS n");
    assert_sql(&f->a, "SET arm_retries = 1000");
    assert_sql(&f->b, "SET arm_retries = 1000");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &both[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(both[i].failures, 0);
    }
    assert_true(both[0].conflicts + both[1].conflicts > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_isolation_of_reads, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_isolation_of_snapshots, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_isolation_of_readers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_isolation_of_prepared_statements, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_isolation_over_a_compaction, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_isolation_over_a_join_of_chunks, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_grain_of_conflicts, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_retry_loses_and_doubles_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_retry_of_a_stream, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
