/* SPDX-License-Identifier: Apache-2.0 */
/* Consumers of the changelog in the fold: made whole, moved in parts, forward or back, dropped. */

#include <stdio.h>
#include <string.h>

#include "index/index_fixture.h"

static arm_status fold_cursor(uint64_t tx, const char *name, uint64_t shares, uint64_t acked_tx,
                              bool is_drop)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__ConsumerChange change = ARMPB__CONSUMER_CHANGE__INIT;
    Armpb__ConsumerCursor cursor = ARMPB__CONSUMER_CURSOR__INIT;
    uint8_t commit_id[ARM_ID_BYTES];
    char own_name[ARM_NAME_BYTES];

    memset(commit_id, (int)tx, sizeof commit_id);
    (void)snprintf(own_name, sizeof own_name, "%s", name);
    cursor.name = own_name;
    cursor.shares = shares;
    cursor.has_acked_tx = !is_drop;
    cursor.acked_tx = acked_tx;
    change.commit_id = (ProtobufCBinaryData){sizeof commit_id, commit_id};
    change.time_us = (int64_t)(10 * tx);
    change.cursor = &cursor;
    record.consumer = &change;
    return fold_at(tx, &record);
}

/* Where shares 0 and 63 stand as of a tx; UINT64_MAX: there is no such consumer. */
static void assert_stands(const char *name, uint64_t at_tx, uint64_t first, uint64_t last)
{
    struct arm_consumer_row row;
    bool found = false;

    assert_ok(arm__index_consumer(txn, name, at_tx, &row, &found, &err), err);
    assert_int_equal(found, first != UINT64_MAX);
    if (found) {
        assert_int_equal(row.acked_tx[0], first);
        assert_int_equal(row.acked_tx[63], last);
    }
}

static void test_consumer_is_made_moved_and_dropped(void **state)
{
    assert_ok(fold_cursor(1, "c", UINT64_MAX, 0, false), err);
    assert_ok(fold_cursor(2, "c", 1, 1, false), err);
    assert_ok(fold_cursor(3, "cc", UINT64_MAX, 2, false), err); /* another, not a later one */
    assert_ok(fold_cursor(4, "c", UINT64_MAX - 1, 3, false), err);
    assert_ok(fold_cursor(5, "c", UINT64_MAX, 1, false), err); /* back */
    assert_ok(fold_cursor(6, "c", UINT64_MAX, 0, true), err);
    assert_ok(fold_cursor(7, "c", UINT64_MAX, 6, false), err); /* made anew */
    assert_stands("c", 0, UINT64_MAX, 0);
    assert_stands("c", 1, 0, 0);
    assert_stands("c", 3, 1, 0);
    assert_stands("c", 4, 1, 3);
    assert_stands("c", 5, 1, 1);
    assert_stands("c", 6, UINT64_MAX, 0);
    assert_stands("c", UINT64_MAX, 6, 6);
    assert_stands("cc", UINT64_MAX, 2, 2);
    assert_stands("ccc", UINT64_MAX, UINT64_MAX, 0);
    (void)state;
}

static void assert_refused(uint64_t tx, uint64_t shares, uint64_t acked_tx, bool is_drop,
                           const char *why)
{
    assert_fails(ARM_CORRUPT, fold_cursor(tx, "c", shares, acked_tx, is_drop), err);
    assert_non_null(strstr(err.message, why));
    arm__index_abort(txn);
    assert_ok(arm__index_write(the_index, &txn, &err), err);
}

static void test_consumer_refuses_what_does_not_follow(void **state)
{
    assert_refused(1, 1, 0, false, "never made"); /* in part */
    assert_refused(1, UINT64_MAX, 0, true, "never made");
    assert_refused(1, UINT64_MAX, 1, false, "ahead of the log");
    assert_ok(fold_cursor(1, "c", UINT64_MAX, 0, false), err);
    assert_refused(2, 1, 2, false, "ahead of the log");
    (void)state;
}

static arm_status count_name(void *context, const char *name, const struct arm_consumer_row *row,
                             struct arm_error *why)
{
    char *names = context;

    (void)row;
    (void)why;
    (void)strcat(names, name);
    (void)strcat(names, "|");
    return ARM_OK;
}

static void test_consumers_are_listed_by_name(void **state)
{
    char names[64] = "";

    assert_ok(fold_cursor(1, "b/b", UINT64_MAX, 0, false), err);
    assert_ok(fold_cursor(2, "b", UINT64_MAX, 0, false), err);
    assert_ok(fold_cursor(3, "a", UINT64_MAX, 0, false), err);
    assert_ok(fold_cursor(4, "a", UINT64_MAX, 0, true), err);
    assert_ok(fold_cursor(5, "c", UINT64_MAX, 0, false), err);
    assert_ok(arm__index_consumers(txn, 4, count_name, names, &err), err);
    assert_string_equal(names, "b|b/b|");
    (void)state;
}

#define CONSUMER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONSUMER_TEST(test_consumer_is_made_moved_and_dropped),
        CONSUMER_TEST(test_consumer_refuses_what_does_not_follow),
        CONSUMER_TEST(test_consumers_are_listed_by_name),
    };

    return cmocka_run_group_tests_name("index consumer", tests, NULL, NULL);
}
