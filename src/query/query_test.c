/* SPDX-License-Identifier: Apache-2.0 */
/* Q1 to Q5: sessions, statements and their streams. */

#include <pthread.h>
#include <time.h>

#include "catalog/catalog_private.h"
#include "query/query_fixture.h"

static void pause_us(long us)
{
    struct timespec time = {.tv_nsec = us * 1000};

    (void)nanosleep(&time, NULL);
}

static void test_query_Q1_stream_outlives_its_session(void **state)
{
    struct query_fixture *f = *state;
    struct ArrowArrayStream first;
    struct ArrowArrayStream second;
    struct ArrowArray array;

    assert_text(f, "CREATE TABLE t AS SELECT i FROM range(300000) r(i)", "300000|");
    assert_ok(query_start(f, "SELECT * FROM t", &first), f->err);
    assert_int_equal(first.get_next(&first, &array), 0);
    int64_t rows = array.length;

    array.release(&array);
    assert_ok(query_start(f, "SELECT i FROM t WHERE i < 1000", &second), f->err);
    arm__session_close(f->session);
    arm__host_drop(f->host);
    assert_int_equal(rows + query_count(&first), 300000);
    assert_int_equal(query_count(&second), 1000);
    query_open(f);
}

static void test_query_Q1_close_rolls_back_and_keeps_the_rows(void **state)
{
    struct query_fixture *f = *state;
    struct ArrowArrayStream stream;

    assert_text(f, "CREATE TABLE t AS SELECT i FROM range(100000) r(i)", "100000|");
    assert_text(f, "BEGIN", "");
    assert_text(f, "DELETE FROM t WHERE i < 10", "10|");
    assert_ok(query_start(f, "SELECT * FROM t", &stream), f->err);
    arm__session_close(f->session);
    assert_int_equal(query_count(&stream), 99990);
    assert_ok(arm__session_open(f->host, "main", false, &f->session, &f->err), f->err);
    assert_text(f, "SELECT count(*) FROM t", "100000|");
}

static void test_query_Q2_open_stream_is_taken_in(void **state)
{
    struct query_fixture *f = *state;
    struct ArrowArrayStream streams[3];

    assert_text(f, "CREATE TABLE t AS SELECT i, 's' || i AS s FROM range(200000) r(i)", "200000|");
    for (int i = 0; i < 3; i++) {
        assert_ok(query_start(f, "SELECT * FROM t", &streams[i]), f->err);
        assert_text(f, "DELETE FROM t WHERE i IN (SELECT min(i) FROM t)", "1|");
    }
    for (int i = 2; i >= 0; i--) {
        assert_int_equal(query_count(&streams[i]), 200000 - i);
    }
}

static void test_query_result_is_written_back(void **state)
{
    struct query_fixture *f = *state;
    struct arm_write_options options = {.size = sizeof options};
    struct arm_write_result result;
    struct ArrowArrayStream stream;

    assert_text(f, "CREATE TABLE t AS SELECT i, i::HUGEINT * 10 AS h FROM range(50000) r(i)",
                "50000|");
    assert_ok(query_start(f, "SELECT i, i % 7 AS g FROM t", &stream), f->err);
    assert_ok(arm__session_write(f->session, "copy", &stream, &options, &result, &f->err), f->err);
    stream.release(&stream);
    assert_int_equal(result.rows, 50000);
    assert_int_equal(result.version, 1);
    assert_true(result.tx > 0 && result.bytes_added > 0);
    assert_int_equal(arm__session_last_tx(f->session), result.tx);
    assert_text(f, "SELECT count(*), sum(i), sum(g) FROM copy", "50000,1249975000,149997|");
}

static void test_query_Q5_done_when_it_returns(void **state)
{
    struct query_fixture *f = *state;
    struct ArrowArrayStream stream;
    struct arm_query_session *other = NULL;
    struct ArrowSchema schema;

    assert_ok(query_start(f, "CREATE TABLE t (i INTEGER)", &stream), f->err);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(schema.n_children, 0);
    schema.release(&schema);
    stream.release(&stream);
    assert_ok(query_start(f, "INSERT INTO t VALUES (1), (2)", &stream), f->err);
    assert_ok(arm__session_open(f->host, "main", false, &other, &f->err), f->err);
    struct arm_query_session *mine = f->session;

    f->session = other;
    assert_text(f, "SELECT count(*) FROM t", "2|"); /* though nobody has read the count */
    arm__session_close(other);
    f->session = mine;
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(schema.n_children, 1);
    assert_string_equal(schema.children[0]->name, "Count");
    schema.release(&schema);
    assert_int_equal(query_count(&stream), 1);
}

static void test_query_statements_one_by_one(void **state)
{
    struct query_fixture *f = *state;
    struct ArrowArrayStream stream;
    const char *sql = "SELECT 1; -- one\nSELECT ';2'; SELECT 'never closed";
    const char *tail = NULL;

    assert_ok(arm__session_sql(f->session, sql, NULL, &stream, &tail, &f->err), f->err);
    assert_int_equal(query_count(&stream), 1);
    assert_ptr_equal(tail, sql + strlen("SELECT 1;"));
    assert_ok(arm__session_sql(f->session, tail, NULL, &stream, &tail, &f->err), f->err);
    assert_int_equal(query_count(&stream), 1);
    assert_fails_with(f, ARM_SQL, "not closed",
                      arm__session_sql(f->session, tail, NULL, &stream, &tail, &f->err));
    assert_ok(arm__session_sql(f->session, "SELECT 1; -- end", NULL, &stream, &tail, &f->err),
              f->err);
    stream.release(&stream);
    assert_null(tail);
    assert_ok(arm__session_sql(f->session, " ; /* nothing */ ", NULL, &stream, NULL, &f->err),
              f->err);
    assert_int_equal(query_count(&stream), 0);
    assert_fails_with(f, ARM_SQL, "more than one", query_start(f, "SELECT 1; SELECT 2", &stream));
}

static void test_query_at(void **state)
{
    struct query_fixture *f = *state;
    struct arm_sql_options options = {.size = sizeof options, .at = "main~1"};
    struct ArrowArrayStream stream;

    assert_text(f, "CREATE TABLE t AS SELECT 1 AS i", "1|");
    assert_text(f, "INSERT INTO t VALUES (2), (3)", "2|");
    assert_ok(arm__session_sql(f->session, "SELECT * FROM t", &options, &stream, NULL, &f->err),
              f->err);
    assert_int_equal(query_count(&stream), 1);
    assert_fails_with(
        f, ARM_READ_ONLY, "",
        arm__session_sql(f->session, "DELETE FROM t", &options, &stream, NULL, &f->err));
    options.at = "nosuch";
    assert_fails_with(f, ARM_NOT_FOUND, "nosuch",
                      arm__session_sql(f->session, "SELECT 1", &options, &stream, NULL, &f->err));
    assert_text(f, "SELECT count(*) FROM t", "3|");
    assert_text(f, "BEGIN", "");
    options.at = "main";
    assert_fails_with(f, ARM_INVALID, "transaction",
                      arm__session_sql(f->session, "SELECT 1", &options, &stream, NULL, &f->err));
    assert_text(f, "ROLLBACK", "");
}

/* ---- Stopping ---- */

static const char endless[] = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE "
                              "a.range * b.range % 7 = 3";

static void test_query_time_limit(void **state)
{
    struct query_fixture *f = *state;
    struct arm_sql_options options = {.size = sizeof options, .timeout_us = 200000};
    struct ArrowArrayStream stream;

    assert_fails_with(f, ARM_INTERRUPTED, "",
                      arm__session_sql(f->session, endless, &options, &stream, NULL, &f->err));
    /* the limit of a statement that is done does not stop another */
    options.timeout_us = 100000;
    assert_ok(arm__session_sql(f->session, "SELECT * FROM range(500000)", &options, &stream, NULL,
                               &f->err),
              f->err);
    assert_text(f,
                "SELECT count(*) FROM range(10000) a, range(20000) b WHERE a.range * b.range "
                "% 7 = 9",
                "0|");
    pause_us(150000);
    assert_int_equal(query_count(&stream), 500000);
}

static void *interrupt_soon(void *session)
{
    pause_us(150000);
    arm__session_interrupt(session);
    return NULL;
}

static void test_query_interrupt(void **state)
{
    struct query_fixture *f = *state;
    struct ArrowArrayStream stream;
    pthread_t thread;

    arm__session_interrupt(f->session); /* no connection yet */
    assert_true(arm__session_progress(f->session) < 0);
    assert_text(f, "SELECT 1", "1|");
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, f->session), 0);
    assert_fails_with(f, ARM_INTERRUPTED, "", query_start(f, endless, &stream));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_text(f, "SELECT 1", "1|");
}

/* ---- Transactions ---- */

static arm_status write_rows(struct query_fixture *f, const char *table, arm_write_mode mode,
                             const char *sql, struct arm_write_result *result)
{
    struct arm_write_options options = {.size = sizeof options, .mode = mode};
    struct ArrowArrayStream stream;
    arm_status st;

    assert_ok(query_start(f, sql, &stream), f->err);
    st = arm__session_write(f->session, table, &stream, &options, result, &f->err);
    stream.release(&stream);
    return st;
}

static void test_query_Q3_write_joins_the_transaction(void **state)
{
    struct query_fixture *f = *state;
    struct arm_write_result result;

    assert_text(f, "BEGIN", "");
    assert_ok(write_rows(f, "t", ARM_WRITE_CREATE, "SELECT 1 AS i", &result), f->err);
    assert_int_equal(result.tx, 0); /* not yet */
    assert_text(f, "INSERT INTO t VALUES (2)", "1|");
    assert_ok(write_rows(f, "t", ARM_WRITE_APPEND, "SELECT 3 AS i", &result), f->err);
    assert_text(f, "SELECT * FROM t", "1|2|3|");
    assert_text(f, "ROLLBACK", "");
    assert_fails_with(f, ARM_SQL, "t", query_text(f, "SELECT * FROM t"));
    assert_text(f, "BEGIN", "");
    assert_ok(write_rows(f, "t", ARM_WRITE_CREATE, "SELECT 1 AS i", &result), f->err);
    assert_ok(write_rows(f, "t", ARM_WRITE_REPLACE, "SELECT 'x' AS s", &result), f->err);
    assert_text(f, "COMMIT", "");
    assert_text(f, "SELECT * FROM t", "x|");
}

static void test_query_knows_an_open_transaction(void **state)
{
    struct query_fixture *f = *state;

    assert_false(arm__session_in_transaction(f->session)); /* and no engine yet */
    assert_text(f, "SELECT 1", "1|");
    assert_false(arm__session_in_transaction(f->session));
    assert_text(f, "BEGIN", "");
    assert_true(arm__session_in_transaction(f->session));
    assert_fails_with(f, ARM_SQL, "nosuch", query_text(f, "SELECT nosuch"));
    assert_true(arm__session_in_transaction(f->session));
    assert_text(f, "ROLLBACK", "");
    assert_false(arm__session_in_transaction(f->session));
    assert_text(f, "BEGIN", "");
    assert_text(f, "CREATE TABLE t AS SELECT 1 AS i", "1|");
    assert_text(f, "COMMIT", "");
    assert_false(arm__session_in_transaction(f->session));
}

static void test_query_write_modes(void **state)
{
    struct query_fixture *f = *state;
    struct arm_write_result result;

    assert_fails_with(f, ARM_NOT_FOUND, "t",
                      write_rows(f, "t", ARM_WRITE_APPEND, "SELECT 1 AS i", &result));
    assert_ok(write_rows(f, "t", ARM_WRITE_CREATE, "SELECT 1 AS i, 'a' AS s", &result), f->err);
    assert_fails_with(f, ARM_EXISTS, "t",
                      write_rows(f, "t", ARM_WRITE_CREATE, "SELECT 1 AS i", &result));
    assert_ok(write_rows(f, "t", ARM_WRITE_APPEND, "SELECT 'b' AS S, 2::BIGINT AS i", &result),
              f->err);
    assert_ok(write_rows(f, "t", ARM_WRITE_APPEND, "SELECT 3 AS i", &result), f->err);
    assert_int_equal(result.version, 3);
    assert_fails_with(f, ARM_SCHEMA, "nope",
                      write_rows(f, "t", ARM_WRITE_APPEND, "SELECT 1 AS i, 2 AS nope", &result));
    assert_fails_with(f, ARM_SCHEMA, "x",
                      write_rows(f, "t", ARM_WRITE_APPEND, "SELECT 'x' AS i", &result));
    assert_text(f, "SELECT * FROM t", "1,a|2,b|3,NULL|");
    assert_ok(write_rows(f, "t", ARM_WRITE_REPLACE, "SELECT * FROM t WHERE i > 1", &result),
              f->err);
    assert_int_equal(result.version, 4);
    assert_ok(write_rows(f, "t", ARM_WRITE_REPLACE, "SELECT * FROM t", &result), f->err);
    assert_int_equal(result.tx, 0); /* identical: no version */
    assert_int_equal(result.version, 4);
    assert_text(f, "SELECT * FROM t", "2,b|3,NULL|");
    assert_ok(write_rows(f, "t", ARM_WRITE_REPLACE, "SELECT i, 1.5 AS s, 'n' AS n FROM t", &result),
              f->err);
    assert_text(f, "SELECT * FROM t", "2,1.5,n|3,1.5,n|");
    assert_text(f, "SELECT * FROM t AT (VERSION => 4)", "2,b|3,NULL|");
    assert_ok(write_rows(f, "new", ARM_WRITE_REPLACE, "SELECT 7 AS i", &result), f->err);
    assert_text(f, "SELECT * FROM new", "7|");
    assert_ok(write_rows(f, "main.\"odd.name\"", ARM_WRITE_CREATE, "SELECT 1 AS \"a.b\"", &result),
              f->err);
    assert_text(f, "SELECT \"a.b\" FROM \"odd.name\"", "1|");
    assert_fails_with(f, ARM_INVALID_NAME, "",
                      write_rows(f, "", ARM_WRITE_CREATE, "SELECT 1 AS i", &result));
}

/* What has the same name and type keeps its column id through a replace. */
static void test_query_replace_keeps_column_ids(void **state)
{
    struct query_fixture *f = *state;
    struct arm_catalog *catalog = arm__repository_catalog(arm__host_repository(f->host));
    struct arm_write_result result;
    struct arm_snapshot now;
    struct arm_table_info before = {0};
    struct arm_table_info after = {0};
    bool found = false;

    assert_ok(write_rows(f, "t", ARM_WRITE_CREATE,
                         "SELECT 1 AS a, {'x': 1, 'y': [1]} AS st, 'q' AS q", &result),
              f->err);
    assert_ok(arm__catalog_snapshot(catalog, "main", &now, &f->err), f->err);
    assert_ok(arm__catalog_table(catalog, &now, "main", "t", &before, &found, &f->err), f->err);
    assert_ok(write_rows(f, "t", ARM_WRITE_REPLACE,
                         "SELECT 5 AS q, {'x': 2, 'y': [2]} AS st, 2 AS a", &result),
              f->err);
    assert_ok(arm__catalog_snapshot(catalog, "main", &now, &f->err), f->err);
    assert_ok(arm__catalog_table(catalog, &now, "main", "t", &after, &found, &f->err), f->err);
    assert_memory_equal(before.row.table_id.bytes, after.row.table_id.bytes, ARM_TABLE_ID_BYTES);
    assert_int_equal(after.schema->columns[1]->field->id, before.schema->columns[1]->field->id);
    assert_int_equal(after.schema->columns[1]->field->type->fields[1]->id,
                     before.schema->columns[1]->field->type->fields[1]->id);
    assert_int_equal(after.schema->columns[2]->field->id, before.schema->columns[0]->field->id);
    assert_true(after.schema->columns[0]->field->id > before.schema->last_field_id);
    arm__table_info_release(&before);
    arm__table_info_release(&after);
    assert_text(f, "SELECT * FROM t", "5,{'x': 2, 'y': [2]},2|");
    assert_text(f, "SELECT st FROM t AT (VERSION => 1)", "{'x': 1, 'y': [1]}|");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, query_setup, query_teardown)

/* X5, through SQL: what an INSERT costs does not grow with the table, for nobody asks for its
 * entries. */
static void test_query_X5_insert_reads_no_entries(void **state)
{
    struct query_fixture *f = *state;
    struct arm_catalog *catalog;

    assert_text(f, "CREATE TABLE t AS SELECT i FROM range(3) r(i)", "3|");
    assert_text(f, "INSERT INTO t VALUES (7)", "1|");
    arm__session_close(f->session);
    arm__host_drop(f->host);
    query_open(f); /* nothing is cached */
    catalog = arm__repository_catalog(arm__host_repository(f->host));
    assert_text(f, "INSERT INTO t VALUES (8)", "1|");
    assert_text(f, "INSERT INTO t SELECT i FROM range(20000) r(i)", "20000|");
    assert_int_equal(catalog->cached_entries, 0);
    assert_text(f, "SELECT count(*) FROM t", "20005|");
    assert_true(catalog->cached_entries > 0); /* so that is where they would be seen */
}

/* The mark of a column, or of what is in it: the way there is the children's numbers. */
static const char *mark_of(struct query_fixture *f, const char *type, const char *way)
{
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowStringView value = {NULL, 0};
    const struct ArrowSchema *at;
    char sql[256];

    (void)snprintf(sql, sizeof sql, "SELECT NULL::%s", type);
    assert_ok(query_start(f, sql, &stream), f->err);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    at = schema.children[0];
    for (; *way != '\0'; way++) {
        at = at->children[*way - '0'];
    }
    assert_int_equal(ArrowMetadataGetValue(at->metadata, ArrowCharView("arm.type"), &value), 0);
    (void)snprintf(f->text, sizeof f->text, "%.*s", (int)value.size_bytes, value.data);
    schema.release(&schema);
    stream.release(&stream);
    return f->text;
}

static void test_query_types_that_arrow_does_not_tell(void **state)
{
    struct query_fixture *f = *state;

    assert_string_equal(mark_of(f, "HUGEINT", ""), "HUGEINT");
    assert_string_equal(mark_of(f, "UHUGEINT", ""), "UHUGEINT");
    assert_string_equal(mark_of(f, "UUID", ""), "UUID");
    assert_string_equal(mark_of(f, "BIT", ""), "BIT");
    assert_string_equal(mark_of(f, "TIMETZ", ""), "TIMETZ");
    assert_string_equal(mark_of(f, "JSON", ""), "JSON");
    assert_string_equal(mark_of(f, "VARCHAR", ""), "");
    assert_string_equal(mark_of(f, "DECIMAL(38, 0)", ""), "");
    assert_string_equal(mark_of(f, "UUID[]", "0"), "UUID");
    assert_string_equal(mark_of(f, "BIT[3]", "0"), "BIT");
    assert_string_equal(mark_of(f, "MAP(VARCHAR, HUGEINT)", "00"), "");
    assert_string_equal(mark_of(f, "MAP(VARCHAR, HUGEINT)", "01"), "HUGEINT");
    assert_string_equal(mark_of(f, "STRUCT(a INT, b JSON[])", "10"), "JSON");
    assert_string_equal(mark_of(f, "UNION(a INT, b TIMETZ)", "1"), "TIMETZ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_query_Q1_stream_outlives_its_session),
        TEST(test_query_Q1_close_rolls_back_and_keeps_the_rows),
        TEST(test_query_Q2_open_stream_is_taken_in),
        TEST(test_query_result_is_written_back),
        TEST(test_query_types_that_arrow_does_not_tell),
        TEST(test_query_Q5_done_when_it_returns),
        TEST(test_query_statements_one_by_one),
        TEST(test_query_at),
        TEST(test_query_time_limit),
        TEST(test_query_interrupt),
        TEST(test_query_Q3_write_joins_the_transaction),
        TEST(test_query_knows_an_open_transaction),
        TEST(test_query_write_modes),
        TEST(test_query_replace_keeps_column_ids),
        TEST(test_query_X5_insert_reads_no_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
