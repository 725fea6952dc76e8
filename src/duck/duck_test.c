/* SPDX-License-Identifier: Apache-2.0 */
/* D1 and D2, results, and what a connection does beside running statements. */

#include "duck/duck_fixture.h"

#include <nanoarrow/nanoarrow.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static void pause_us(long us)
{
    struct timespec time = {.tv_nsec = us * 1000};

    (void)nanosleep(&time, NULL);
}

/* ---- D1: errors ---- */

static void test_duck_D1_conflict_keeps_code_and_commit(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t AS SELECT i FROM range(5) r(i)");
    assert_sql(&f->a, "BEGIN");
    assert_sql(&f->a, "DELETE FROM t WHERE i = 1");
    assert_sql(&f->b, "DELETE FROM t WHERE i < 3");
    assert_refused(&f->a, "COMMIT", ARM_CONFLICT, "t");
    assert_memory_equal(f->err.commit_id, f->b.last.commit_id.bytes, 16);
    assert_rows(&f->a, "SELECT i FROM t", "3|4|");
    /* the same in autocommit: it runs on what the other left */
    assert_rows(&f->a, "DELETE FROM t WHERE i < 4", "1|");
}

/* A row keeps its id as long as it lives, however often it is written anew. */
static void test_duck_update_keeps_row_ids(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    assert_sql(s, "CREATE TABLE t AS SELECT i, 0 AS n FROM range(40000) r(i)");
    assert_sql(s, "CREATE TABLE ids AS SELECT i, __arm_row_id AS id FROM t");
    assert_rows(s, "UPDATE t SET n = n + 1 WHERE i % 2 = 0", "20000|"); /* chunks */
    assert_rows(s, "UPDATE t SET n = n + 1 WHERE i % 1000 = 0", "40|"); /* hot rows */
    assert_rows(s, "UPDATE t SET n = n + 1 WHERE i % 4000 = 0", "10|");
    assert_sql(s, "BEGIN");
    assert_sql(s, "INSERT INTO t VALUES (-1, 0), (-2, 0)");
    assert_rows(s, "UPDATE t SET n = n + 1 WHERE i < 1", "3|");
    assert_rows(s, "UPDATE t SET n = n + 1 WHERE i < 1", "3|");
    assert_sql(s, "COMMIT");
    assert_rows(s, "SELECT count(*), sum(n) FROM t", "40002,20056|");
    assert_rows(s, "SELECT count(*) FROM t JOIN ids USING (i) WHERE t.__arm_row_id = ids.id",
                "40000|");
    assert_rows(s, "SELECT count(DISTINCT __arm_row_id) FROM t", "40002|");
    assert_rows(s, "SELECT sum(n) FROM t AT (VERSION => 2)", "20000|"); /* what was, stays */
}

/* A row that a statement matches twice is updated once, and counted once. */
static void test_duck_update_of_a_row_named_twice(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t AS SELECT i, 0 AS n FROM range(3) r(i)");
    assert_rows(&f->a, "UPDATE t SET n = n + 1 FROM (VALUES (1), (1), (2)) q(k) WHERE i = k", "2|");
    assert_rows(&f->a, "SELECT i, n FROM t ORDER BY i", "0,0|1,1|2,1|");
}

/* Two who update the same row conflict, whoever changes which column; other rows do not. */
static void test_duck_update_conflicts_by_row(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t AS SELECT i, 0 AS n, 0 AS m FROM range(5) r(i)");
    assert_sql(&f->a, "BEGIN");
    assert_sql(&f->a, "UPDATE t SET n = 1 WHERE i = 1");
    assert_sql(&f->b, "UPDATE t SET m = 1 WHERE i = 2");
    assert_sql(&f->a, "COMMIT");
    assert_rows(&f->b, "SELECT i, n, m FROM t WHERE n + m > 0 ORDER BY i", "1,1,0|2,0,1|");
    assert_sql(&f->a, "BEGIN");
    assert_sql(&f->a, "UPDATE t SET n = 2 WHERE i = 1");
    assert_sql(&f->b, "UPDATE t SET m = 2 WHERE i = 1");
    assert_refused(&f->a, "COMMIT", ARM_CONFLICT, "t");
    assert_rows(&f->a, "SELECT n, m FROM t WHERE i = 1", "1,2|");
}

static void test_duck_D1_codes_of_c_calls(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    assert_sql(s, "CREATE TABLE t (i INTEGER NOT NULL)");
    assert_refused(s, "CREATE TABLE t (j INTEGER)", ARM_EXISTS, "t");
    assert_refused(s, "INSERT INTO t VALUES (NULL)", ARM_CONSTRAINT, "t.i");
    assert_refused(s, "CREATE TABLE u (x UNION(a INTEGER))", ARM_UNSUPPORTED, "UNION");
    assert_refused(s, "UPDATE t AT (VERSION => 1) SET i = 1", ARM_SQL, "");
    assert_refused(s, "SELECT * FROM t AT (VERSION => 7)", ARM_NOT_FOUND, "7");
    assert_refused(s, "CREATE TABLE \"\" (i INTEGER)", ARM_SQL, "");
    assert_refused(s, "CREATE BRANCH refused", ARM_EXISTS, "there is a branch");
    assert_rows(s, "SELECT count(*) FROM t", "0|");
}

static void test_duck_D1_codes_of_duckdb(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    assert_refused(s, "SELEC 1", ARM_SQL, "syntax error");
    assert_refused(s, "SELECT nope", ARM_SQL, "nope");
    assert_refused(s, "SELECT * FROM nope", ARM_SQL, "nope");
    assert_refused(s, "SELECT CAST('x' AS INTEGER)", ARM_SQL, "x");
    assert_refused(s, "SELECT * FROM read_csv('/nowhere/x.csv')", ARM_IO, "x.csv");
    assert_refused(s, "SELECT $1", ARM_SQL, "parameter");
    assert_refused(s, "", ARM_SQL, "no statement");
    assert_sql(s, "CREATE TEMP TABLE k (i INTEGER PRIMARY KEY)");
    assert_refused(s, "INSERT INTO k VALUES (1), (1)", ARM_CONSTRAINT, "duplicate key");
    assert_sql(s, "SET memory_limit = '20MB'");
    assert_sql(s, "SET temp_directory = ''");
    assert_refused(s,
                   "SELECT count(*) FROM (SELECT DISTINCT i, i::VARCHAR FROM range(3000000) "
                   "r(i))",
                   ARM_NO_MEMORY, "");
    assert_rows(s, "SELECT 1", "1|");
}

/* Overwrite, or remove, the only chunk file. */
static void damage_chunk(struct fixture *f, bool removes)
{
    char command[512];

    (void)snprintf(command, sizeof command,
                   removes ? "find '%s/chunks' -type f -delete"
                           : "find '%s/chunks' -type f -exec truncate -s 100 '{}' +",
                   f->dir.path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a test's own file */
}

static void test_duck_D1_damage_is_corruption(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t AS SELECT i FROM range(20000) r(i)");
    damage_chunk(f, false);
    assert_refused(&f->a, "SELECT sum(i) FROM t", ARM_CORRUPT, "table t");
    damage_chunk(f, true);
    assert_refused(&f->a, "SELECT sum(i) FROM t", ARM_CORRUPT, "table t");
    assert_rows(&f->a, "SELECT count(*) FROM t", "20000|"); /* the manifest knows */
}

static void test_duck_aborted_transaction_cannot_commit(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    assert_sql(s, "CREATE TABLE t (i INTEGER NOT NULL)");
    assert_sql(s, "BEGIN");
    assert_sql(s, "INSERT INTO t VALUES (1)");
    assert_refused(s, "INSERT INTO t VALUES (2), (NULL)", ARM_CONSTRAINT, "t.i");
    assert_refused(s, "SELECT * FROM t", ARM_SQL, "aborted");
    assert_refused(s, "COMMIT", ARM_SQL, "nothing was committed");
    assert_rows(s, "SELECT count(*) FROM t", "0|");
    assert_refused(s, "COMMIT", ARM_SQL, "no transaction");
}

/* ---- D2: transactions ---- */

static void test_duck_D2_snapshot_is_taken_at_begin(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t AS SELECT 1 AS i");
    assert_sql(&f->a, "CREATE TABLE u AS SELECT 1 AS i");
    assert_sql(&f->a, "BEGIN");
    assert_sql(&f->b, "INSERT INTO t VALUES (2)");
    assert_sql(&f->b, "CREATE TABLE new AS SELECT 1 AS i");
    assert_sql(&f->b, "DROP TABLE u");
    assert_rows(&f->a, "SELECT * FROM t", "1|");
    assert_rows(&f->a, "SELECT * FROM u", "1|");
    assert_refused(&f->a, "SELECT * FROM new", ARM_SQL, "new");
    assert_rows(&f->a, "SHOW TABLES", "t|u|");
    assert_sql(&f->a, "INSERT INTO t VALUES (3)");
    assert_rows(&f->a, "SELECT * FROM t", "1|3|");
    assert_rows(&f->b, "SELECT * FROM t", "1|2|");
    assert_sql(&f->a, "COMMIT");
    assert_rows(&f->a, "SELECT * FROM t", "1|2|3|");
    assert_rows(&f->a, "SHOW TABLES", "new|t|");
}

static void test_duck_D2_statement_is_a_commit(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    s->message = "made by a test";
    assert_sql(s, "CREATE TABLE t (i INTEGER)");
    assert_int_equal(s->commit_count, 1);
    assert_sql(s, "INSERT INTO t VALUES (1)");
    assert_int_equal(s->commit_count, 2);
    assert_sql(s, "DELETE FROM t WHERE i = 5"); /* changes nothing */
    assert_int_equal(s->commit_count, 2);
    assert_sql(s, "SELECT * FROM t");
    assert_int_equal(s->commit_count, 2);
    assert_sql(s, "BEGIN");
    assert_sql(s, "INSERT INTO t VALUES (2)");
    assert_sql(s, "INSERT INTO t VALUES (3)");
    assert_sql(s, "ROLLBACK");
    assert_int_equal(s->commit_count, 2);
    assert_sql(s, "BEGIN");
    assert_sql(s, "INSERT INTO t VALUES (2)");
    assert_sql(s, "INSERT INTO t VALUES (3)");
    assert_sql(s, "COMMIT");
    assert_int_equal(s->commit_count, 3);
    assert_true(s->last.tx > 0);
    assert_rows(s, "SELECT count(*) FROM t AT (VERSION => 3)", "3|");
}

static void test_duck_transaction_handle(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    assert_null(arm__duck_transaction(s->connection));
    assert_sql(s, "SELECT 1");
    assert_null(arm__duck_transaction(s->connection));
    assert_sql(s, "BEGIN");
    struct arm_transaction *txn = arm__duck_transaction(s->connection);

    assert_non_null(txn);
    assert_false(arm__txn_has_changes(txn));
    assert_sql(s, "CREATE TABLE t AS SELECT 1 AS i");
    assert_ptr_equal(arm__duck_transaction(s->connection), txn);
    assert_true(arm__txn_has_changes(txn));
    assert_sql(s, "COMMIT");
    assert_null(arm__duck_transaction(s->connection));
}

static void test_duck_prepared_insert_survives_commits_of_others(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t (i INTEGER)");
    assert_sql(&f->a, "PREPARE p AS INSERT INTO t VALUES ($1)");
    assert_sql(&f->a, "EXECUTE p(1)");
    assert_sql(&f->b, "INSERT INTO t VALUES (2)");
    assert_sql(&f->a, "EXECUTE p(3)");
    assert_sql(&f->b, "CREATE OR REPLACE TABLE t (i VARCHAR, j INTEGER)");
    assert_refused(&f->a, "EXECUTE p(4)", ARM_SQL, "2 columns");
    assert_sql(&f->b, "CREATE OR REPLACE TABLE t (i VARCHAR)");
    assert_sql(&f->a, "EXECUTE p('five')");
    assert_rows(&f->b, "SELECT * FROM t", "five|");
}

/* ---- Results ---- */

static uint64_t count_rows(struct fixture *f, struct arm_duck_result *result)
{
    duckdb_data_chunk chunk = NULL;
    uint64_t rows = 0;

    for (;;) {
        assert_ok(arm__duck_next(result, &chunk, &f->err), f->err);
        if (chunk == NULL) {
            return rows;
        }
        rows += duckdb_data_chunk_get_size(chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
}

static struct arm_duck_result *start(struct fixture_session *session, const char *sql)
{
    struct arm_duck_result *result = NULL;
    struct fixture *f = session->fixture;

    assert_ok(arm__duck_execute(session->connection, sql, &result, &f->err), f->err);
    return result;
}

static void test_duck_stream_keeps_its_snapshot(void **state)
{
    struct fixture *f = *state;
    duckdb_data_chunk chunk = NULL;

    assert_sql(&f->a, "CREATE TABLE t AS SELECT i FROM range(300000) r(i)");
    struct arm_duck_result *result = start(&f->a, "SELECT i FROM t");

    assert_ok(arm__duck_next(result, &chunk, &f->err), f->err);
    uint64_t rows = duckdb_data_chunk_get_size(chunk);

    duckdb_destroy_data_chunk(&chunk);
    assert_sql(&f->b, "DELETE FROM t");
    assert_sql(&f->b, "DROP TABLE t");
    assert_int_equal(rows + count_rows(f, result), 300000);
    assert_int_equal(count_rows(f, result), 0);
    arm__duck_result_free(result);
    assert_refused(&f->a, "SELECT * FROM t", ARM_SQL, "t");
}

static void test_duck_stream_left_open_lets_go(void **state)
{
    struct fixture *f = *state;
    duckdb_data_chunk chunk = NULL;

    assert_sql(&f->a, "CREATE TABLE t AS SELECT i FROM range(300000) r(i)");
    struct arm_duck_result *result = start(&f->a, "SELECT i FROM t");

    assert_ok(arm__duck_next(result, &chunk, &f->err), f->err);
    duckdb_destroy_data_chunk(&chunk);
    arm__duck_result_free(result);
    assert_rows(&f->a, "SELECT count(*) FROM t", "300000|");
    assert_sql(&f->a, "BEGIN");
    assert_sql(&f->a, "DELETE FROM t WHERE i < 10");
    arm__duck_result_free(start(&f->a, "SELECT i FROM t"));
    assert_rows(&f->a, "SELECT count(*) FROM t", "299990|");
    assert_sql(&f->a, "COMMIT");
}

static void test_duck_buffer_frees_the_connection(void **state)
{
    struct fixture *f = *state;
    duckdb_data_chunk chunk = NULL;

    assert_sql(&f->a, "CREATE TABLE t AS SELECT i, 's' || i AS s FROM range(300000) r(i)");
    struct arm_duck_result *result = start(&f->a, "SELECT i, s FROM t");

    assert_ok(arm__duck_render(result, ARM_RENDER_TEXT, &f->err), f->err);
    assert_ok(arm__duck_next(result, &chunk, &f->err), f->err);
    uint64_t rows = duckdb_data_chunk_get_size(chunk);

    duckdb_destroy_data_chunk(&chunk);
    assert_ok(arm__duck_buffer(result, &f->err), f->err);
    assert_sql(&f->a, "DELETE FROM t");
    assert_rows(&f->a, "SELECT count(*) FROM t", "0|");
    assert_int_equal(rows + count_rows(f, result), 300000);
    assert_ok(arm__duck_buffer(result, &f->err), f->err); /* nothing is left */
    arm__duck_result_free(result);
}

static void test_duck_columns_of_results(void **state)
{
    struct fixture *f = *state;
    struct arm_duck_result *result = start(&f->a, "SELECT 1 AS a, 'x' AS \"b c\"");

    assert_true(arm__duck_has_rows(result));
    assert_int_equal(arm__duck_column_count(result), 2);
    assert_string_equal(arm__duck_column_name(result, 1), "b c");
    assert_int_equal(duckdb_get_type_id(arm__duck_column_type(result, 0)), DUCKDB_TYPE_INTEGER);
    arm__duck_result_free(result);
    result = start(&f->a, "CREATE TABLE t (i INTEGER)");
    assert_false(arm__duck_has_rows(result));
    assert_int_equal(arm__duck_column_count(result), 0);
    assert_int_equal(count_rows(f, result), 0);
    arm__duck_result_free(result);
    result = start(&f->a, "INSERT INTO t VALUES (1), (2)");
    assert_false(arm__duck_has_rows(result));
    assert_int_equal(arm__duck_column_count(result), 1);
    assert_string_equal(arm__duck_column_name(result, 0), "Count");
    assert_int_equal(count_rows(f, result), 1);
    arm__duck_result_free(result);
    assert_rows(&f->a, "CREATE TABLE u AS SELECT * FROM t", "2|");
    assert_rows(&f->a, "BEGIN", "");
    assert_rows(&f->a, "COMMIT", "");
}

static void test_duck_render_json(void **state)
{
    struct fixture *f = *state;
    duckdb_data_chunk chunk = NULL;
    struct arm_duck_result *result =
        start(&f->a, "SELECT true AS b, 5 AS i, 1.5::DECIMAL(4,1) AS d, {'a': [1, NULL]} AS s, "
                     "DATE '2020-01-02' AS t, '{\"x\": 1}'::JSON AS j");

    assert_ok(arm__duck_render(result, ARM_RENDER_JSON, &f->err), f->err);
    assert_int_equal(duckdb_get_type_id(arm__duck_column_type(result, 0)), DUCKDB_TYPE_BOOLEAN);
    assert_int_equal(duckdb_get_type_id(arm__duck_column_type(result, 1)), DUCKDB_TYPE_INTEGER);
    assert_int_equal(duckdb_get_type_id(arm__duck_column_type(result, 2)), DUCKDB_TYPE_VARCHAR);
    assert_true(arm__duck_column_is_json(result, 2)); /* a number, in text */
    assert_true(arm__duck_column_is_json(result, 3));
    assert_false(arm__duck_column_is_json(result, 4));
    assert_true(arm__duck_column_is_json(result, 5));
    assert_ok(arm__duck_next(result, &chunk, &f->err), f->err);
    duckdb_string_t *text = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 3));

    assert_int_equal(duckdb_string_t_length(*text), strlen("{\"a\":[1,null]}"));
    assert_memory_equal(duckdb_string_t_data(text), "{\"a\":[1,null]}",
                        duckdb_string_t_length(*text));
    duckdb_destroy_data_chunk(&chunk);
    arm__duck_result_free(result);
}

/* ---- Beside statements ---- */

static void *interrupt_soon(void *connection)
{
    pause_us(100000);
    arm__duck_interrupt(connection);
    return NULL;
}

static void test_duck_interrupt(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;

    arm__duck_interrupt(f->a.connection); /* nothing runs */
    assert_sql(&f->a, "CREATE TABLE t AS SELECT i FROM range(1000) r(i)");
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, f->a.connection), 0);
    assert_refused(&f->a, "SELECT count(*) FROM t a, t b, t c, t d WHERE a.i + b.i = c.i * d.i",
                   ARM_INTERRUPTED, "");
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_rows(&f->a, "SELECT count(*) FROM t", "1000|");
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, f->a.connection), 0);
    assert_refused(&f->a,
                   "INSERT INTO t SELECT a.i FROM t a, t b, t c WHERE a.i + b.i > 1 AND "
                   "c.i % 1000 < 999",
                   ARM_INTERRUPTED, "");
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_rows(&f->a, "SELECT count(*) FROM t", "1000|");
}

/* A stream of one int32 column "n": 0 .. rows-1, in two batches. */
static void make_stream(struct ArrowArrayStream *out, int32_t rows)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct ArrowError error;

    ArrowSchemaInit(&schema);
    assert_int_equal(ArrowSchemaSetTypeStruct(&schema, 1), 0);
    assert_int_equal(ArrowSchemaSetType(schema.children[0], NANOARROW_TYPE_INT32), 0);
    assert_int_equal(ArrowSchemaSetName(schema.children[0], "n"), 0);
    struct ArrowSchema copy;

    assert_int_equal(ArrowSchemaDeepCopy(&schema, &copy), 0);
    assert_int_equal(ArrowBasicArrayStreamInit(out, &schema, 2), 0);
    for (int32_t half = 0; half < 2; half++) {
        assert_int_equal(ArrowArrayInitFromSchema(&array, &copy, &error), 0);
        assert_int_equal(ArrowArrayStartAppending(&array), 0);
        for (int32_t n = half * rows / 2; n < (half + 1) * rows / 2; n++) {
            assert_int_equal(ArrowArrayAppendInt(array.children[0], n), 0);
            assert_int_equal(ArrowArrayFinishElement(&array), 0);
        }
        assert_int_equal(ArrowArrayFinishBuildingDefault(&array, &error), 0);
        ArrowBasicArrayStreamSetArray(out, half, &array);
    }
    copy.release(&copy);
}

static void test_duck_offered_stream_is_a_table(void **state)
{
    struct fixture *f = *state;
    struct ArrowArrayStream stream;

    make_stream(&stream, 50000);
    assert_ok(arm__duck_offer(f->a.connection, "mine", &stream, &f->err), f->err);
    assert_rows(&f->a, "CREATE TABLE t AS SELECT n, n * 2 AS d FROM mine", "50000|");
    assert_rows(&f->a, "SELECT count(*), sum(n), sum(d) FROM t", "50000,1249975000,2499950000|");
    assert_ok(arm__duck_offer(f->a.connection, "mine", NULL, &f->err), f->err);
    assert_refused(&f->a, "SELECT * FROM mine", ARM_SQL, "mine");
    stream.release(&stream);
}

static void test_duck_progress(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t AS SELECT i FROM range(300000) r(i)");
    double progress = arm__duck_progress(f->a.connection);

    assert_true(progress >= -1 && progress <= 1);
}

static void test_duck_history_functions(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    s->message = "first";
    assert_sql(s, "CREATE TABLE t AS SELECT i FROM range(20000) r(i)");
    s->message = "second";
    assert_sql(s, "DELETE FROM t WHERE i < 5");
    assert_sql(s, "CREATE TABLE u (x VARCHAR)");
    assert_rows(s, "SELECT \"table\", \"schema\", version, rows, bytes > 0, key FROM arm_tables()",
                "t,main,2,19995,true,[]|u,main,1,0,false,[]|");
    assert_rows(s,
                "SELECT version, parent, branch, rows, message, created_at > '2020-01-01' FROM "
                "arm_versions('t')",
                "2,1,main,19995,second,true|1,NULL,main,20000,first,true|");
    assert_rows(s, "SELECT count(*), count(DISTINCT commit) FROM arm_log()", "3,3|");
    assert_rows(s,
                "SELECT changes[1].table_name, changes[1].rows_removed, len(parents), message "
                "FROM arm_log() WHERE message = 'second' AND changes[1].table_name = 't'",
                "t,5,1,second|");
    assert_rows(s,
                "SELECT (SELECT count(*) FROM t AT (VERSION => 1)) - rows FROM arm_tables() "
                "WHERE \"table\" = 't'",
                "5|");
    assert_refused(s, "FROM arm_versions('nope')", ARM_NOT_FOUND, "nope");
}

static void test_duck_settings(void **state)
{
    struct fixture *f = *state;
    struct fixture_session *s = &f->a;

    assert_rows(s, "SELECT current_setting('TimeZone'), current_database(), current_schema()",
                "UTC,armillaria,main|");
    assert_rows(s, "SELECT TIMESTAMPTZ '2020-01-01 12:00:00+02'", "2020-01-01 10:00:00+00|");
    assert_refused(s, "INSTALL spatial", ARM_UNSUPPORTED, "network");
    assert_refused(s, "LOAD spatial", ARM_IO, "");
    assert_refused(s, "SELECT * FROM 'https://example.com/x.parquet'", ARM_SQL, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_duck_D1_conflict_keeps_code_and_commit),
        TEST(test_duck_D1_codes_of_c_calls),
        TEST(test_duck_update_keeps_row_ids),
        TEST(test_duck_update_of_a_row_named_twice),
        TEST(test_duck_update_conflicts_by_row),
        TEST(test_duck_D1_codes_of_duckdb),
        TEST(test_duck_D1_damage_is_corruption),
        TEST(test_duck_aborted_transaction_cannot_commit),
        TEST(test_duck_D2_snapshot_is_taken_at_begin),
        TEST(test_duck_D2_statement_is_a_commit),
        TEST(test_duck_transaction_handle),
        TEST(test_duck_prepared_insert_survives_commits_of_others),
        TEST(test_duck_stream_keeps_its_snapshot),
        TEST(test_duck_stream_left_open_lets_go),
        TEST(test_duck_buffer_frees_the_connection),
        TEST(test_duck_columns_of_results),
        TEST(test_duck_render_json),
        TEST(test_duck_interrupt),
        TEST(test_duck_offered_stream_is_a_table),
        TEST(test_duck_progress),
        TEST(test_duck_history_functions),
        TEST(test_duck_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
