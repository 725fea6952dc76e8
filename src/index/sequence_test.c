/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences in the fold: they only ever advance, and only those that were made. */

#include <string.h>

#include "index/index_fixture.h"

static struct arm_table_id sequence_id = {{7}};

static arm_status fold_advance(uint64_t tx, const struct arm_table_id *id, uint64_t used)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__SequenceAdvance advance = ARMPB__SEQUENCE_ADVANCE__INIT;
    uint8_t commit_id[ARM_ID_BYTES];
    struct arm_table_id copy = *id;

    memset(commit_id, (int)tx, sizeof commit_id);
    advance.commit_id = (ProtobufCBinaryData){sizeof commit_id, commit_id};
    advance.time_us = (int64_t)(10 * tx);
    advance.table_id = (ProtobufCBinaryData){sizeof copy.bytes, copy.bytes};
    advance.used = used;
    record.sequence = &advance;
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

/* tx 2: a sequence, of which its maker took `used` places. */
static void fold_sequence(uint64_t used)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__Commit commit = ARMPB__COMMIT__INIT;
    Armpb__TableChange change = ARMPB__TABLE_CHANGE__INIT;
    Armpb__TableChange *changes[] = {&change};
    Armpb__Schema schema = ARMPB__SCHEMA__INIT;
    Armpb__Sequence sequence = ARMPB__SEQUENCE__INIT;
    uint8_t id[ARM_ID_BYTES] = {2};

    sequence.start = sequence.increment = sequence.min_value = 1;
    sequence.max_value = INT64_MAX;
    sequence.has_used = used > 0;
    sequence.used = used;
    schema.schema_id = 1;
    schema.sequence = &sequence;
    change.table_id = (ProtobufCBinaryData){sizeof sequence_id.bytes, sequence_id.bytes};
    change.kind = ARMPB__CHANGE_KIND__CREATE;
    change.has_object = true;
    change.object = ARMPB__OBJECT_KIND__SEQUENCE;
    change.schema_name = "main";
    change.name = "q";
    change.has_version = true;
    change.version = 1;
    change.schema = &schema;
    change.schema_id = 1;
    commit.commit_id = (ProtobufCBinaryData){sizeof id, id};
    commit.time_us = 20;
    commit.branch_id = 1;
    commit.generation = 1;
    commit.author = commit.message = "";
    commit.changes = changes;
    commit.n_changes = 1;
    record.commit = &commit;
    assert_ok(fold_at(2, &record), err);
}

static void assert_used(uint64_t expected)
{
    uint64_t used = 0;
    bool found = false;

    assert_ok(arm__index_sequence(txn, &sequence_id, &used, &found, &err), err);
    assert_true(found);
    assert_int_equal(used, expected);
}

static void test_sequence_advances_only(void **state)
{
    (void)state;
    fold_main();
    fold_sequence(0);
    assert_used(0);
    assert_ok(fold_advance(3, &sequence_id, 5), err);
    assert_used(5);
    assert_fails(ARM_CORRUPT, fold_advance(4, &sequence_id, 5), err);
    assert_non_null(strstr(err.message, "goes back"));
}

static void test_sequence_begins_behind_what_its_maker_took(void **state)
{
    (void)state;
    fold_main();
    fold_sequence(9);
    assert_used(9);
    assert_fails(ARM_CORRUPT, fold_advance(3, &sequence_id, 9), err);
}

static void test_sequence_that_was_never_made_does_not_advance(void **state)
{
    struct arm_table_id other = {{8}};
    uint64_t used = 77;
    bool found = true;

    (void)state;
    fold_main();
    fold_sequence(0);
    assert_ok(arm__index_sequence(txn, &other, &used, &found, &err), err);
    assert_false(found);
    assert_fails(ARM_CORRUPT, fold_advance(3, &other, 1), err);
    assert_non_null(strstr(err.message, "never made"));
}

#define sequence_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        sequence_test(test_sequence_advances_only),
        sequence_test(test_sequence_begins_behind_what_its_maker_took),
        sequence_test(test_sequence_that_was_never_made_does_not_advance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
