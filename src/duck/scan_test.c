/* SPDX-License-Identifier: Apache-2.0 */
/* D3, and what a scan puts together: chunks, hot rows, dead rows, earlier versions. */

#include "duck/duck_fixture.h"

/* `sql` gives `expected` and opens `count` chunks. */
#define assert_opens(session, sql, expected, count)                                                \
    do {                                                                                           \
        uint64_t before_ = arm__duck_opened((session)->connection);                                \
        assert_rows(session, sql, expected);                                                       \
        uint64_t opened_ = arm__duck_opened((session)->connection) - before_;                      \
        if (opened_ != (count)) {                                                                  \
            fail_msg("%s\n  opened %llu chunks", (sql), (unsigned long long)opened_);              \
        }                                                                                          \
    } while (0)

enum { ROWS = 700000 };

/* Chunks by content: their number is what it is. */
static uint64_t chunk_count(struct fixture_session *session)
{
    uint64_t before = arm__duck_opened(session->connection);

    assert_sql(session, "SELECT sum(id), sum(g) FROM t");
    return arm__duck_opened(session->connection) - before;
}

static void make_table(struct fixture_session *session)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE t AS SELECT i AS id, i %% 7 AS g, 'name ' || i AS s, "
                   "i * 0.5 AS v, i::HUGEINT AS h FROM range(%d) r(i)",
                   ROWS);
    assert_sql(session, sql);
    assert_in_range(chunk_count(session), 4, 8);
}

static void test_scan_D3_pruned_chunks_stay_shut(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    make_table(s);
    assert_opens(s, "SELECT id, g, s FROM t WHERE id = 424242", "424242,0,name 424242|", 1);
    assert_opens(s, "SELECT count(*) FROM t WHERE id < 0", "0|", 0);
    assert_opens(s, "SELECT * FROM t WHERE id > 9999999", "", 0);
    assert_opens(s, "SELECT count(*) FROM t WHERE id BETWEEN 10 AND 20 AND g = 3", "2|", 1);
    assert_opens(s, "SELECT id FROM t WHERE id IN (5, 699999) ORDER BY id", "5|699999|", 2);
    assert_opens(s, "SELECT id FROM t WHERE id = 5 OR id = 699999 ORDER BY id", "5|699999|", 2);
    assert_opens(s, "SELECT count(*) FROM t WHERE s IS NULL", "0|", 0);
    assert_opens(s, "SELECT count(*) FROM t WHERE v < 1", "2|", 1);
    assert_opens(s, "SELECT count(*) FROM t", "700000|", 0);
    assert_opens(s, "SELECT min(id), max(id), count(*) FROM t", "0,699999,700000|", 0);
    /* a join's keys are known when its scan starts */
    assert_opens(s,
                 "SELECT s FROM t JOIN (SELECT 77 AS id UNION ALL SELECT 78) q USING (id) "
                 "ORDER BY s",
                 "name 77|name 78|", 1);
    /* prepared: the value is known when it is bound */
    assert_sql(s, "PREPARE p AS SELECT s FROM t WHERE id = $1");
    assert_opens(s, "EXECUTE p(500000)", "name 500000|", 1);
}

static void test_scan_late_materialization_comes_back_once(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    make_table(s);
    uint64_t all = chunk_count(s);

    assert_opens(s, "SELECT * EXCLUDE (h) FROM t ORDER BY id DESC LIMIT 2",
                 "699999,6,name 699999,349999.5|699998,5,name 699998,349999.0|", all + 1);
}

static void test_scan_chunks_hot_and_dead_together(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    make_table(s);
    assert_rows(s, "DELETE FROM t WHERE id % 1000 = 3", "700|");
    assert_rows(s, "INSERT INTO t SELECT id + 1000000, g, s, v, h FROM t WHERE id < 5", "4|");
    assert_rows(s, "INSERT INTO t (id, s) VALUES (2000000, 'last')", "1|");
    assert_rows(s, "DELETE FROM t WHERE id IN (1000001, 424242)", "2|");
    assert_opens(s, "SELECT count(*) FROM t", "699303|", 0);
    assert_rows(s, "SELECT count(*), count(id), count(h) FROM t", "699303,699303,699302|");
    assert_opens(s, "SELECT id, g, s, v, h FROM t WHERE id > 699998 ORDER BY id",
                 "699999,6,name 699999,349999.5,699999|1000000,0,name 0,0.0,0|"
                 "1000002,2,name 2,1.0,2|1000004,4,name 4,2.0,4|2000000,NULL,last,NULL,NULL|",
                 1);
    /* a filter on a column that chunks hold as text, hot rows as themselves */
    assert_rows(s, "SELECT id FROM t WHERE h < 3 ORDER BY id", "0|1|2|1000000|1000002|");
    assert_rows(s, "SELECT id FROM t WHERE s = 'name 424242'", "");
    assert_rows(s, "SELECT max(id), min(id) FROM t", "2000000,0|");
    assert_rows(s, "SELECT id FROM t ORDER BY id DESC LIMIT 2", "2000000|1000004|");
    fixture_close(f); /* what was written is there */
    fixture_open(f);
    assert_rows(&f->a, "SELECT count(*), sum(id) FROM t", "699303,244759573664|");
}

static void test_scan_order_is_the_source_order(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    assert_sql(s, "CREATE TABLE o AS SELECT (i * 7919) % 500009 AS k, i AS n FROM range(500000) "
                  "r(i)");
    assert_sql(s, "INSERT INTO o SELECT k, n + 500000 FROM o");
    assert_sql(s, "CREATE TEMP TABLE got AS SELECT n, row_number() OVER () - 1 AS rn FROM o");
    assert_rows(s, "SELECT count(*), bool_and(n = rn) FROM got", "1000000,true|");
}

static void test_scan_earlier_versions(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;
    char sql[160];
    char time[ARM_TIME_TEXT];

    assert_sql(s, "CREATE TABLE e AS SELECT i AS n FROM range(20000) r(i)"); /* 1 */
    assert_sql(s, "INSERT INTO e VALUES (20000)");                           /* 2 */
    arm__time_format(s->last.time_us, time);
    assert_sql(s, "DELETE FROM e WHERE n < 10000"); /* 3 */
    assert_rows(s, "SELECT count(*) FROM e AT (VERSION => 1)", "20000|");
    assert_rows(s, "SELECT count(*) FROM e AT (VERSION => 2)", "20001|");
    assert_rows(s, "SELECT count(n) FROM e AT (VERSION => 'version:2')", "20001|");
    assert_rows(s, "SELECT count(n) FROM e AT (VERSION => 'main')", "10001|");
    assert_rows(s, "SELECT count(n) FROM e AT (VERSION => 'main~2')", "20000|");
    (void)snprintf(sql, sizeof sql, "SELECT count(n) FROM e AT (TIMESTAMP => '%s')", time);
    assert_rows(s, sql, "20001|");
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(n) FROM e AT (TIMESTAMP => CAST('%s' AS TIMESTAMPTZ))", time);
    assert_rows(s, sql, "20001|");
    (void)snprintf(sql, sizeof sql, "SELECT count(n) FROM e AT (VERSION => '%s')", time);
    assert_rows(s, sql, "20001|");
    assert_rows(s, "SELECT count(*) FROM e a AT (VERSION => 2) JOIN e USING (n)", "10001|");
    assert_rows(s, "SELECT (SELECT count(*) FROM e AT (VERSION => 1)) - count(*) FROM e", "9999|");
    /* own changes are not in any version */
    assert_sql(s, "BEGIN");
    assert_sql(s, "DELETE FROM e");
    assert_rows(s, "SELECT count(*) FROM e AT (VERSION => 3)", "10001|");
    assert_rows(s, "INSERT INTO e SELECT * FROM e AT (VERSION => 2) WHERE n < 5", "5|");
    assert_sql(s, "COMMIT");
    assert_rows(s, "SELECT * FROM e", "0|1|2|3|4|");
    /* another schema, and a table that is gone */
    assert_sql(s, "CREATE OR REPLACE TABLE e AS SELECT 'x' AS other");
    assert_rows(s, "SELECT * FROM e AT (VERSION => 4) LIMIT 1", "0|");
    assert_sql(s, "DROP TABLE e");
    assert_rows(s, "SELECT * FROM e AT (VERSION => 5)", "x|");
    assert_refused(s, "SELECT * FROM e", ARM_SQL, "does not exist");
    assert_refused(s, "SELECT * FROM e AT (VERSION => 9)", ARM_NOT_FOUND, "9");
    assert_refused(s, "SELECT * FROM e AT (VERSION => 'nosuch')", ARM_NOT_FOUND, "nosuch");
    assert_refused(s, "SELECT * FROM e AT (VERSION => 'bad ref')", ARM_INVALID, "bad ref");
}

static void test_scan_session_at_a_ref_only_reads(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    assert_sql(s, "CREATE TABLE r AS SELECT 1 AS i");
    assert_sql(s, "INSERT INTO r VALUES (2)");
    f->b.at = "main~1";
    assert_rows(&f->b, "SELECT * FROM r", "1|");
    assert_refused(&f->b, "INSERT INTO r VALUES (3)", ARM_READ_ONLY, "");
    assert_refused(&f->b, "CREATE TABLE r2 (i INTEGER)", ARM_READ_ONLY, "");
    assert_refused(&f->b, "DROP TABLE r", ARM_READ_ONLY, "");
    f->b.at = "nosuch";
    assert_refused(&f->b, "SELECT 1", ARM_NOT_FOUND, "nosuch");
    f->b.at = NULL;
    assert_rows(&f->b, "SELECT * FROM r", "1|2|");
}

static void test_scan_many_small_commits(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;
    char sql[96];

    assert_sql(s, "CREATE TABLE m (i INTEGER, s VARCHAR, l INTEGER[])");
    for (int i = 0; i < 300; i++) {
        (void)snprintf(sql, sizeof sql, "INSERT INTO m VALUES (%d, 's%d', [%d, NULL])", i, i, i);
        assert_sql(s, sql);
        if (i % 50 == 49) {
            (void)snprintf(sql, sizeof sql, "DELETE FROM m WHERE i = %d", i - 20);
            assert_sql(s, sql);
        }
    }
    assert_rows(s, "SELECT count(*), sum(i), max(s), sum(l[1]) FROM m", "294,43926,s99,43926|");
    assert_rows(s, "SELECT i, s, l FROM m WHERE i BETWEEN 28 AND 30",
                "28,s28,[28, NULL]|"
                "30,s30,[30, NULL]|");
    assert_rows(s, "DELETE FROM m WHERE i % 2 = 0", "150|");
    assert_rows(s, "SELECT count(*), min(i), max(i) FROM m", "144,1,299|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_scan_D3_pruned_chunks_stay_shut, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_scan_late_materialization_comes_back_once,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_scan_chunks_hot_and_dead_together, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_scan_order_is_the_source_order, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_scan_earlier_versions, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_scan_session_at_a_ref_only_reads, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_scan_many_small_commits, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
