/* SPDX-License-Identifier: Apache-2.0 */
/* The driver as a driver manager sees it: its table of calls, handles that are not there, options.
 * What statements do is tested from Python, by the driver manager. */

#include <stdlib.h>

#include "adbc/adbc_fixture.h"

/* ---- The table of calls ---- */

static void test_driver_D2_fills_all_of_1_1(void **state)
{
    struct AdbcDriver driver;
    char marks[sizeof(void *)];
    struct AdbcError error = ADBC_ERROR_INIT;
    void (*const *calls)(void);
    size_t first = offsetof(struct AdbcDriver, release) / sizeof(void *);

    memset(&driver, 0, sizeof driver);
    memset(marks, 0x5a, sizeof marks);
    memcpy(&driver.private_manager, marks, sizeof marks);
    assert_int_equal(AdbcArmillariaInit(ADBC_VERSION_1_1_0, &driver, &error), ADBC_STATUS_OK);
    assert_memory_equal(&driver.private_manager, marks, sizeof marks);
    calls = (void (*const *)(void))(const void *)&driver;
    for (size_t i = first; i < sizeof driver / sizeof(void *); i++) {
        if (calls[i] == NULL) {
            fail_msg("call %zu is missing", i);
        }
    }
    assert_int_equal(driver.release(&driver, &error), ADBC_STATUS_OK);
}

static void test_driver_D2_leaves_what_1_0_does_not_have(void **state)
{
    const size_t size = offsetof(struct AdbcDriver, ErrorGetDetailCount);
    unsigned char *raw = malloc(sizeof(struct AdbcDriver));
    struct AdbcError error = {0};
    const struct AdbcDriver *driver = (const struct AdbcDriver *)(const void *)raw;

    assert_non_null(raw);
    memset(raw, 0x5a, sizeof(struct AdbcDriver));
    assert_int_equal(AdbcDriverInit(ADBC_VERSION_1_0_0, raw, &error), ADBC_STATUS_OK);
    for (size_t i = size; i < sizeof(struct AdbcDriver); i++) {
        assert_int_equal(raw[i], 0x5a);
    }
    assert_non_null(driver->StatementExecutePartitions);
    assert_non_null(driver->ConnectionReadPartition);
    free(raw);
}

static void test_driver_D2_refuses_other_revisions(void **state)
{
    struct AdbcDriver driver = {0};
    struct AdbcError error = {0};

    assert_int_equal(AdbcDriverInit(1002000, &driver, &error), ADBC_STATUS_NOT_IMPLEMENTED);
    assert_null(driver.DatabaseNew);
    error.release(&error);
    assert_int_equal(AdbcDriverInit(0, &driver, NULL), ADBC_STATUS_NOT_IMPLEMENTED);
    assert_int_equal(AdbcDriverInit(ADBC_VERSION_1_1_0, NULL, NULL), ADBC_STATUS_INVALID_ARGUMENT);
}

/* ---- Handles ---- */

/* Every call of a handle that was never made, or is released. */
static void check_dead_statement(struct fixture *f)
{
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    size_t length = 0;
    int64_t number = 0;
    double real = 0;
    struct AdbcStatement *dead = &f->statement;
    const struct AdbcDriver *d = &f->driver;
    struct AdbcError *error = &f->error;

    assert_null(dead->private_data);
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->StatementRelease(dead, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->StatementSetSqlQuery(dead, "x", error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->StatementPrepare(dead, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->StatementCancel(dead, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE,
                   d->StatementExecuteQuery(dead, &stream, &number, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->StatementExecuteSchema(dead, &schema, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE,
                   d->StatementGetParameterSchema(dead, &schema, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->StatementSetOption(dead, "k", "v", error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->StatementSetOptionInt(dead, "k", 1, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE,
                   d->StatementGetOption(dead, "k", NULL, &length, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE,
                   d->StatementGetOptionDouble(dead, "k", &real, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->StatementPrepare(NULL, error));
    assert_null(stream.release);
    assert_null(schema.release);
}

static void check_dead_connection(struct fixture *f)
{
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    struct AdbcStatement statement = {0};
    size_t length = 0;
    struct AdbcConnection *dead = &f->connection;
    const struct AdbcDriver *d = &f->driver;
    struct AdbcError *error = &f->error;

    assert_null(dead->private_data);
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->ConnectionRelease(dead, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->ConnectionInit(dead, &f->database, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->ConnectionCommit(dead, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->ConnectionRollback(dead, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->ConnectionCancel(dead, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE,
                   d->ConnectionGetInfo(dead, NULL, 0, &stream, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->ConnectionGetTableTypes(dead, &stream, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE,
                   d->ConnectionGetObjects(dead, 0, NULL, NULL, NULL, NULL, NULL, &stream, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE,
                   d->ConnectionGetTableSchema(dead, NULL, NULL, "t", &schema, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->ConnectionSetOption(dead, "k", "v", error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE,
                   d->ConnectionGetOption(dead, "k", NULL, &length, error));
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->StatementNew(dead, &statement, error));
    assert_null(statement.private_data);
    assert_refused(f, ADBC_STATUS_INVALID_STATE, d->StatementNew(NULL, &statement, error));
}

static void test_driver_D1_a_released_handle_is_refused(void **state)
{
    struct fixture f;

    open_fixture(&f);
    assert_done(&f, f.driver.StatementRelease(&f.statement, &f.error));
    check_dead_statement(&f);
    assert_done(&f, f.driver.ConnectionRelease(&f.connection, &f.error));
    check_dead_connection(&f);
    assert_done(&f, f.driver.DatabaseRelease(&f.database, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_STATE, f.driver.DatabaseInit(&f.database, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_STATE,
                   f.driver.DatabaseSetOption(&f.database, "uri", "x", &f.error));
    close_fixture(&f);
}

static void test_driver_D1_handles_go_in_any_order(void **state)
{
    struct ArrowArrayStream stream = {0};
    struct fixture f;

    open_fixture(&f);
    assert_done(&f, try_sql(&f, "SELECT i FROM range(100000) r(i)", &stream, NULL));
    assert_done(&f, f.driver.DatabaseRelease(&f.database, &f.error));
    assert_done(&f, f.driver.ConnectionRelease(&f.connection, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_STATE, /* whose connection is gone */
                   f.driver.StatementExecuteQuery(&f.statement, NULL, NULL, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_STATE,
                   f.driver.StatementPrepare(&f.statement, &f.error));
    assert_done(&f, f.driver.StatementCancel(&f.statement, &f.error)); /* the open result */
    stream.release(&stream);
    assert_refused(&f, ADBC_STATUS_INVALID_STATE, f.driver.StatementCancel(&f.statement, &f.error));
    close_fixture(&f);
}

static void test_driver_D1_a_result_outlives_all(void **state)
{
    struct ArrowArrayStream stream = {0};
    struct fixture f;

    open_fixture(&f);
    assert_done(&f, try_sql(&f, "SELECT i FROM range(100000) r(i)", &stream, NULL));
    close_fixture(&f);
    assert_int_equal(count_rows(&stream), 100000);
}

static void test_driver_nothing_is_initialised_twice_or_early(void **state)
{
    struct fixture f;
    struct AdbcConnection early = {0};
    struct AdbcDatabase database = {0};

    open_fixture(&f);
    assert_refused(&f, ADBC_STATUS_INVALID_STATE, f.driver.DatabaseInit(&f.database, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_STATE,
                   f.driver.DatabaseSetOption(&f.database, "uri", "x", &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_STATE,
                   f.driver.ConnectionInit(&f.connection, &f.database, &f.error));
    assert_done(&f, f.driver.DatabaseNew(&database, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_STATE, f.driver.DatabaseInit(&database, &f.error));
    assert_done(&f, f.driver.ConnectionNew(&early, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_STATE,
                   f.driver.ConnectionInit(&early, &database, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_STATE,
                   f.driver.StatementNew(&early, &f.statement, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_STATE, f.driver.ConnectionCommit(&early, &f.error));
    assert_done(&f, f.driver.ConnectionInit(&early, &f.database, &f.error)); /* at last */
    assert_done(&f, f.driver.ConnectionRelease(&early, &f.error));
    assert_done(&f, f.driver.DatabaseRelease(&database, &f.error));
    close_fixture(&f);
}

static void test_driver_nulls_are_refused(void **state)
{
    struct fixture f;
    struct ArrowArray array = {0};
    struct ArrowSchema schema = {0};
    size_t length = 4;
    const struct AdbcDriver *d = &f.driver;

    open_fixture(&f);
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT, d->DatabaseNew(NULL, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT, d->ConnectionNew(NULL, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                   d->ConnectionSetOption(&f.connection, NULL, "x", &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                   d->ConnectionGetOption(&f.connection, "adbc.connection.autocommit", NULL,
                                          &length, &f.error));
    assert_refused(
        &f, ADBC_STATUS_INVALID_ARGUMENT,
        d->ConnectionGetOption(&f.connection, "adbc.connection.autocommit", NULL, NULL, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                   d->ConnectionGetInfo(&f.connection, NULL, 0, NULL, &f.error));
    assert_refused(
        &f, ADBC_STATUS_INVALID_ARGUMENT,
        d->ConnectionGetObjects(&f.connection, 0, NULL, NULL, NULL, NULL, NULL, NULL, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                   d->ConnectionGetTableSchema(&f.connection, NULL, NULL, NULL, &schema, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                   d->StatementSetSqlQuery(&f.statement, NULL, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                   d->StatementBind(&f.statement, NULL, &schema, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                   d->StatementBind(&f.statement, &array, &schema, &f.error));
    assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                   d->StatementBindStream(&f.statement, NULL, &f.error));
    assert_int_equal(d->StatementSetSqlQuery(&f.statement, NULL, NULL),
                     ADBC_STATUS_INVALID_ARGUMENT);
    close_fixture(&f);
}

static void test_driver_a_depth_that_is_none_is_refused(void **state)
{
    struct fixture f;
    struct ArrowArrayStream stream = {0};
    const int wrong[] = {-1, 4, 1000};

    open_fixture(&f);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_refused(&f, ADBC_STATUS_INVALID_ARGUMENT,
                       f.driver.ConnectionGetObjects(&f.connection, wrong[i], NULL, NULL, NULL,
                                                     NULL, NULL, &stream, &f.error));
        assert_null(stream.release);
    }
    close_fixture(&f);
}

/* ---- Options ---- */

static void test_driver_an_option_is_copied_only_where_it_fits(void **state)
{
    struct fixture f;
    char value[8] = "xxxxxxx";
    size_t length = 4;
    const char *key = "adbc.connection.autocommit";

    open_fixture(&f);
    assert_done(&f, f.driver.ConnectionGetOption(&f.connection, key, value, &length, &f.error));
    assert_int_equal(length, 5); /* its end included */
    assert_string_equal(value, "xxxxxxx");
    assert_done(&f, f.driver.ConnectionGetOption(&f.connection, key, value, &length, &f.error));
    assert_string_equal(value, "true");
    length = 0;
    assert_done(&f, f.driver.ConnectionGetOption(&f.connection, key, NULL, &length, &f.error));
    assert_int_equal(length, 5);
    memcpy(value, "xxxxxxx", 8);
    length = 4;
    assert_done(&f, f.driver.ConnectionGetOptionBytes(&f.connection, key, (uint8_t *)value, &length,
                                                      &f.error));
    assert_int_equal(length, 4);
    assert_memory_equal(value, "truexxx", 8);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_driver_D2_fills_all_of_1_1),
        cmocka_unit_test(test_driver_D2_leaves_what_1_0_does_not_have),
        cmocka_unit_test(test_driver_D2_refuses_other_revisions),
        cmocka_unit_test(test_driver_D1_a_released_handle_is_refused),
        cmocka_unit_test(test_driver_D1_handles_go_in_any_order),
        cmocka_unit_test(test_driver_D1_a_result_outlives_all),
        cmocka_unit_test(test_driver_nothing_is_initialised_twice_or_early),
        cmocka_unit_test(test_driver_nulls_are_refused),
        cmocka_unit_test(test_driver_a_depth_that_is_none_is_refused),
        cmocka_unit_test(test_driver_an_option_is_copied_only_where_it_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
