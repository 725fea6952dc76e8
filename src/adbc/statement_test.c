/* SPDX-License-Identifier: Apache-2.0 */
/* What is bound, transactions that are left open, cancelling. */

#include <nanoarrow/nanoarrow.h>
#include <pthread.h>

#include "adbc/adbc_fixture.h"

/* ---- What is bound ---- */

struct source {
    int released;
};

static int source_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    (void)self;
    ArrowSchemaInit(out);
    return ArrowSchemaSetType(out, NANOARROW_TYPE_INT32); /* no struct */
}

static int source_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    (void)self;
    out->release = NULL;
    return 0;
}

static const char *source_error(struct ArrowArrayStream *self)
{
    (void)self;
    return NULL;
}

static void source_release(struct ArrowArrayStream *self)
{
    struct source *source = self->private_data;

    source->released++;
    self->release = NULL;
}

static struct ArrowArrayStream make_stream(struct source *source)
{
    return (struct ArrowArrayStream){.get_schema = source_schema,
                                     .get_next = source_next,
                                     .get_last_error = source_error,
                                     .release = source_release,
                                     .private_data = source};
}

static void test_statement_D4_what_is_bound_is_released_once(void **state)
{
    struct fixture f;
    struct source sources[5] = {{0}};
    struct ArrowArrayStream stream = make_stream(&sources[0]);
    struct AdbcStatement dead = {0};

    open_fixture(&f);
    assert_done(&f, f.driver.StatementSetSqlQuery(&f.statement, "SELECT ?", &f.error));
    assert_done(&f, f.driver.StatementBindStream(&f.statement, &stream, &f.error));
    assert_null(stream.release);
    stream = make_stream(&sources[1]);
    assert_done(&f, f.driver.StatementBindStream(&f.statement, &stream, &f.error));
    assert_int_equal(sources[0].released, 1); /* another is bound */
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                   f.driver.StatementExecuteQuery(&f.statement, NULL, NULL, &f.error));
    assert_int_equal(sources[1].released, 1); /* executed */
    stream = make_stream(&sources[2]);
    assert_refused(&f, ADBC_STATUS_INVALID_STATE,
                   f.driver.StatementBindStream(&dead, &stream, &f.error));
    assert_int_equal(sources[2].released, 1); /* taken all the same */
    stream = make_stream(&sources[3]);
    assert_done(&f, f.driver.StatementBindStream(&f.statement, &stream, &f.error));
    assert_done(
        &f, f.driver.StatementSetOption(&f.statement, "adbc.ingest.target_table", "t", &f.error));
    assert_int_equal(f.driver.StatementExecuteQuery(&f.statement, NULL, NULL, NULL),
                     ADBC_STATUS_INVALID_ARGUMENT);
    assert_int_equal(sources[3].released, 1); /* ingested, or not */
    stream = make_stream(&sources[4]);
    assert_done(&f, f.driver.StatementBindStream(&f.statement, &stream, &f.error));
    close_fixture(&f);
    assert_int_equal(sources[4].released, 1);
}

static void make_batch(struct ArrowSchema *schema, struct ArrowArray *array, int64_t count)
{
    ArrowSchemaInit(schema);
    assert_int_equal(ArrowSchemaSetTypeStruct(schema, 1), 0);
    assert_int_equal(ArrowSchemaSetType(schema->children[0], NANOARROW_TYPE_INT64), 0);
    assert_int_equal(ArrowSchemaSetName(schema->children[0], "a"), 0);
    assert_int_equal(ArrowArrayInitFromSchema(array, schema, NULL), 0);
    assert_int_equal(ArrowArrayStartAppending(array), 0);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(ArrowArrayAppendInt(array->children[0], i), 0);
        assert_int_equal(ArrowArrayFinishElement(array), 0);
    }
    assert_int_equal(ArrowArrayFinishBuildingDefault(array, NULL), 0);
}

static void test_statement_D4_a_batch_is_bound_and_ingested(void **state)
{
    struct fixture f;
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    int64_t rows = 0;

    open_fixture(&f);
    make_batch(&schema, &array, 5);
    assert_done(
        &f, f.driver.StatementSetOption(&f.statement, "adbc.ingest.target_table", "t", &f.error));
    assert_done(&f, f.driver.StatementBind(&f.statement, &array, &schema, &f.error));
    assert_null(array.release);
    assert_null(schema.release);
    assert_done(&f, f.driver.StatementExecuteQuery(&f.statement, NULL, &rows, &f.error));
    assert_int_equal(rows, 5);
    make_batch(&schema, &array, 3);
    array.offset = 1; /* of the struct itself: rows 1 and 2 */
    array.length = 2;
    assert_done(&f,
                f.driver.StatementSetSqlQuery(&f.statement, "DELETE FROM t WHERE a = ?", &f.error));
    assert_done(&f, f.driver.StatementBind(&f.statement, &array, &schema, &f.error));
    assert_done(&f, f.driver.StatementExecuteQuery(&f.statement, NULL, &rows, &f.error));
    assert_int_equal(rows, 2);
    assert_int_equal(query(&f, "SELECT * FROM t WHERE a IN (0, 3, 4)"), 3);
    assert_int_equal(query(&f, "SELECT * FROM t"), 3);
    make_batch(&schema, &array, 1);
    schema.release(&schema);
    ArrowSchemaInit(&schema);
    assert_int_equal(ArrowSchemaSetTypeStruct(&schema, 0), 0); /* not what the batch is */
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                   f.driver.StatementBind(&f.statement, &array, &schema, &f.error));
    close_fixture(&f);
}

static void bind_unsound(struct fixture *f, int64_t offset, int64_t length)
{
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};

    make_batch(&schema, &array, 3);
    array.offset = offset;
    array.length = length;
    assert_done(f, f->driver.StatementBind(&f->statement, &array, &schema, &f->error));
}

static void test_statement_D4_a_batch_that_is_shorter_than_it_says_is_refused(void **state)
{
    static const int64_t wrong[][2] = {{0, 4}, {2, 2}, {-1, 2}, {0, -1}, {INT64_MAX, 1}};
    struct fixture f;

    open_fixture(&f);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_done(&f, f.driver.StatementSetSqlQuery(&f.statement, "SELECT ?", &f.error));
        bind_unsound(&f, wrong[i][0], wrong[i][1]);
        assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                       f.driver.StatementExecuteQuery(&f.statement, NULL, NULL, &f.error));
        assert_done(&f, f.driver.StatementSetOption(&f.statement, "adbc.ingest.target_table", "t",
                                                    &f.error));
        bind_unsound(&f, wrong[i][0], wrong[i][1]);
        assert_refused(&f, ADBC_STATUS_INVALID_DATA,
                       f.driver.StatementExecuteQuery(&f.statement, NULL, NULL, &f.error));
    }
    close_fixture(&f);
}

/* ---- Transactions, cancelling ---- */

static void test_statement_D5_a_connection_rolls_back_when_it_goes(void **state)
{
    struct fixture f;

    open_fixture(&f);
    (void)run(&f, "CREATE TABLE t(a INT)");
    assert_done(&f, f.driver.ConnectionSetOption(&f.connection, "adbc.connection.autocommit",
                                                 "false", &f.error));
    assert_int_equal(run(&f, "INSERT INTO t VALUES (1), (2)"), 2);
    assert_done(&f, f.driver.StatementRelease(&f.statement, &f.error));
    assert_done(&f, f.driver.ConnectionRelease(&f.connection, &f.error));
    assert_done(&f, f.driver.ConnectionNew(&f.connection, &f.error));
    assert_done(&f, f.driver.ConnectionInit(&f.connection, &f.database, &f.error));
    assert_done(&f, f.driver.StatementNew(&f.connection, &f.statement, &f.error));
    assert_int_equal(query(&f, "SELECT * FROM t"), 0);
    close_fixture(&f);
}

struct canceller {
    struct fixture *fixture;
    atomic_bool done;
};

static void *cancel_until_done(void *context)
{
    struct canceller *canceller = context;

    while (!atomic_load(&canceller->done)) {
        (void)canceller->fixture->driver.StatementCancel(&canceller->fixture->statement, NULL);
    }
    return NULL;
}

static void test_statement_D6_a_statement_is_cancelled(void **state)
{
    struct fixture f;
    struct canceller canceller = {.fixture = &f};
    pthread_t thread;

    open_fixture(&f);
    assert_refused(&f, ADBC_STATUS_INVALID_STATE, f.driver.StatementCancel(&f.statement, &f.error));
    assert_done(&f, f.driver.StatementSetSqlQuery(
                        &f.statement,
                        "SELECT sum(hash(a.range + b.range)) FROM range(100000000) a,"
                        " range(100000) b",
                        &f.error));
    assert_int_equal(pthread_create(&thread, NULL, cancel_until_done, &canceller), 0);
    assert_int_equal(f.driver.StatementExecuteQuery(&f.statement, NULL, NULL, &f.error),
                     ADBC_STATUS_CANCELLED);
    atomic_store(&canceller.done, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_memory_equal(f.error.sqlstate, "57014", 5);
    f.error.release(&f.error);
    assert_int_equal(query(&f, "SELECT 1"), 1);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statement_D4_what_is_bound_is_released_once),
        cmocka_unit_test(test_statement_D4_a_batch_is_bound_and_ingested),
        cmocka_unit_test(test_statement_D4_a_batch_that_is_shorter_than_it_says_is_refused),
        cmocka_unit_test(test_statement_D5_a_connection_rolls_back_when_it_goes),
        cmocka_unit_test(test_statement_D6_a_statement_is_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
