/* SPDX-License-Identifier: Apache-2.0 */
/* Retention in the fold: the horizon only ever advances, and not past its record. */

#include <string.h>

#include "index/index_fixture.h"

static arm_status fold_horizon(uint64_t tx, uint64_t horizon_tx)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__Retention retention = ARMPB__RETENTION__INIT;
    uint8_t commit_id[ARM_ID_BYTES];

    memset(commit_id, (int)tx, sizeof commit_id);
    retention.commit_id = (ProtobufCBinaryData){sizeof commit_id, commit_id};
    retention.time_us = (int64_t)(10 * tx);
    retention.horizon_tx = horizon_tx;
    record.retention = &retention;
    return fold_at(tx, &record);
}

/* tx 1: main. */
static void fold_main(void)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__RefChange ref = ARMPB__REF_CHANGE__INIT;
    uint8_t id[ARM_ID_BYTES] = {1};

    ref.commit_id = (ProtobufCBinaryData){sizeof id, id};
    ref.time_us = 10;
    ref.author = "";
    ref.kind = ARMPB__REF_KIND__BRANCH;
    ref.action = ARMPB__REF_ACTION__REF_CREATE;
    ref.name = "main";
    record.ref = &ref;
    assert_ok(fold_at(1, &record), err);
}

static void assert_horizon(uint64_t at_tx, uint64_t wanted, uint64_t wanted_tx)
{
    uint64_t horizon_tx = 77;
    uint64_t tx = 77;

    assert_ok(arm__index_horizon(txn, at_tx, &horizon_tx, &tx, &err), err);
    assert_int_equal(horizon_tx, wanted);
    assert_int_equal(tx, wanted_tx);
}

static void test_retention_advances_only(void **state)
{
    (void)state;
    fold_main();
    assert_horizon(UINT64_MAX, 0, 0);
    assert_ok(fold_horizon(2, 1), err);
    assert_ok(fold_horizon(3, 2), err);
    assert_horizon(1, 0, 0);
    assert_horizon(2, 1, 2);
    assert_horizon(UINT64_MAX, 2, 3);
    assert_fails(ARM_CORRUPT, fold_horizon(4, 2), err);
    assert_non_null(strstr(err.message, "the horizon goes back"));
}

static void test_retention_does_not_reach_itself(void **state)
{
    (void)state;
    fold_main();
    assert_fails(ARM_CORRUPT, fold_horizon(2, 2), err);
}

/* What nobody ever made has not expired either: it is not there. */
static void test_retention_of_no_version(void **state)
{
    struct arm_table_id id = {{7}};
    bool is_expired = true;

    (void)state;
    fold_main();
    assert_ok(fold_horizon(2, 1), err);
    assert_ok(arm__index_is_expired(txn, &id, 1, UINT64_MAX, &is_expired, &err), err);
    assert_false(is_expired);
}

#define retention_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        retention_test(test_retention_advances_only),
        retention_test(test_retention_does_not_reach_itself),
        retention_test(test_retention_of_no_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
