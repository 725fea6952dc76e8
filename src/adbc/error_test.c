/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of both sizes, and those of results. */

#include "adbc/adbc_fixture.h"

static void test_error_D3_an_error_of_1_0_is_not_overrun(void **state)
{
    struct fixture f;
    struct {
        unsigned char error[ADBC_ERROR_1_0_0_SIZE];
        unsigned char behind[sizeof(struct AdbcError)];
    } old;
    struct AdbcError *error = (struct AdbcError *)(void *)&old;

    open_fixture(&f);
    memset(&old, 0x5a, sizeof old);
    memset(old.error, 0, sizeof old.error);
    assert_int_equal(f.driver.StatementPrepare(&f.statement, error), ADBC_STATUS_INVALID_STATE);
    assert_non_null(error->message);
    assert_memory_equal(error->sqlstate, "HY010", 5);
    assert_int_equal(f.driver.ErrorGetDetailCount(error), 0);
    assert_done(&f, f.driver.StatementSetSqlQuery(&f.statement, "SELECT * FROM nope", NULL));
    assert_int_equal(f.driver.StatementExecuteQuery(&f.statement, NULL, NULL, error),
                     ADBC_STATUS_NOT_FOUND); /* the one before is released */
    assert_int_equal(error->vendor_code, ARM_SQL);
    error->release(error);
    assert_null(error->release);
    assert_int_equal(error->vendor_code, 0);
    for (size_t i = 0; i < sizeof old.behind; i++) {
        assert_int_equal(old.behind[i], 0x5a);
    }
    close_fixture(&f);
}

static void test_error_D3_an_error_of_1_1_has_details(void **state)
{
    struct fixture f;
    struct AdbcErrorDetail detail;

    open_fixture(&f);
    assert_int_equal(try_sql(&f, "SELECT * FROM nope", NULL, NULL), ADBC_STATUS_NOT_FOUND);
    assert_int_equal(f.error.vendor_code, ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA);
    assert_memory_equal(f.error.sqlstate, "42P01", 5);
    assert_int_equal(f.driver.ErrorGetDetailCount(&f.error), 1);
    detail = f.driver.ErrorGetDetail(&f.error, 0);
    assert_string_equal(detail.key, "adbc.armillaria.status");
    assert_int_equal(detail.value_length, strlen("ARM_SQL"));
    assert_memory_equal(detail.value, "ARM_SQL", detail.value_length);
    assert_null(f.driver.ErrorGetDetail(&f.error, 1).key);
    assert_null(f.driver.ErrorGetDetail(&f.error, -1).key);
    assert_int_equal(f.driver.ErrorGetDetailCount(NULL), 0);
    f.error.release(&f.error);
    assert_int_equal(f.driver.ErrorGetDetailCount(&f.error), 0);
    close_fixture(&f);
}

static void test_error_D3_a_result_tells_its_error(void **state)
{
    struct fixture f;
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    const struct AdbcError *error;
    AdbcStatusCode status = 99;
    int rc = 0;

    open_fixture(&f);
    assert_done(&f, try_sql(&f,
                            "SELECT CASE WHEN i = 4999999 THEN CAST('x' || i AS INT) ELSE 1 END "
                            "FROM range(5000000) r(i)",
                            &stream, NULL));
    error = f.driver.ErrorFromArrayStream(&stream, &status);
    assert_non_null(error);
    assert_int_equal(status, ADBC_STATUS_OK);
    while (rc == 0) {
        rc = stream.get_next(&stream, &batch);
        if (rc == 0) {
            assert_non_null(batch.release);
            batch.release(&batch);
        }
    }
    error = f.driver.ErrorFromArrayStream(&stream, &status);
    assert_int_equal(status, ADBC_STATUS_INVALID_DATA);
    assert_memory_equal(error->sqlstate, "22000", 5);
    assert_string_equal(error->message, stream.get_last_error(&stream));
    assert_int_not_equal(stream.get_next(&stream, &batch), 0); /* it stays so */
    stream.release(&stream);
    assert_null(f.driver.ErrorFromArrayStream(NULL, &status));
    assert_null(f.driver.ErrorFromArrayStream(&stream, &status));
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_D3_an_error_of_1_0_is_not_overrun),
        cmocka_unit_test(test_error_D3_an_error_of_1_1_has_details),
        cmocka_unit_test(test_error_D3_a_result_tells_its_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
