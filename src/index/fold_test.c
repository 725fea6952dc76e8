/* SPDX-License-Identifier: Apache-2.0 */
/* The fold judges what records claim. One good commit is told in many wrong ways. */
#include <stdlib.h>
#include <string.h>

#include "index/index_fixture.h"
#include "support/position.h"

/* ---- Records ---- */

enum { ENTRY_MAX = 40 };

/* A commit with one change, and all that it points to. */
struct told {
    Armpb__Record record;
    Armpb__Commit commit;
    Armpb__TableChange change;
    Armpb__TableChange *changes[1];
    Armpb__Entry entries[ENTRY_MAX];
    Armpb__Entry *entry_list[ENTRY_MAX];
    Armpb__DeletionEdit edit;
    Armpb__DeletionEdit *edits[1];
    Armpb__Schema schema;
    ProtobufCBinaryData parents[1];
    uint8_t id[ARM_ID_BYTES];
    uint8_t parent[ARM_ID_BYTES];
    uint8_t table_id[ARM_TABLE_ID_BYTES];
    uint8_t hash[ARM_HASH_BYTES];
    uint8_t root[ARM_HASH_BYTES];
    struct arm_position positions[ENTRY_MAX];
};

static char main_name[] = "main";
static char table_name[] = "t";
static char empty[] = "";

static void tell_ref(Armpb__Record *record, Armpb__RefChange *change, uint8_t id[ARM_ID_BYTES])
{
    armpb__record__init(record);
    armpb__ref_change__init(change);
    memset(id, 1, ARM_ID_BYTES);
    record->ref = change;
    change->commit_id = (ProtobufCBinaryData){ARM_ID_BYTES, id};
    change->time_us = 10;
    change->author = empty;
    change->kind = ARMPB__REF_KIND__BRANCH;
    change->action = ARMPB__REF_ACTION__REF_CREATE;
    change->name = main_name;
}

static void fold_main(void)
{
    Armpb__Record record;
    Armpb__RefChange change;
    uint8_t id[ARM_ID_BYTES];

    tell_ref(&record, &change, id);
    assert_ok(fold_at(1, &record), err);
}

static void add_entry(struct told *t, size_t i, struct arm_position position, uint64_t first,
                      uint32_t rows)
{
    Armpb__Entry *entry = &t->entries[i];

    armpb__entry__init(entry);
    t->positions[i] = position;
    t->entry_list[i] = entry;
    entry->position = (ProtobufCBinaryData){position.size, t->positions[i].bytes};
    entry->first_row_id = first;
    entry->rows = rows;
    entry->bytes = 10;
    entry->schema_id = 1;
    entry->rows_hash = (ProtobufCBinaryData){ARM_HASH_BYTES, t->hash};
    entry->has_payload_offset = true;
    t->change.n_added = i + 1;
    t->change.added = t->entry_list;
}

/* tx 2: table t with 5 rows. */
static void tell_create(struct told *t)
{
    memset(t, 0, sizeof *t);
    armpb__record__init(&t->record);
    armpb__commit__init(&t->commit);
    armpb__table_change__init(&t->change);
    armpb__schema__init(&t->schema);
    t->record.commit = &t->commit;
    memset(t->id, 2, sizeof t->id);
    memset(t->table_id, 7, sizeof t->table_id);
    t->commit.commit_id = (ProtobufCBinaryData){ARM_ID_BYTES, t->id};
    t->commit.time_us = 20;
    t->commit.branch_id = 1;
    t->commit.generation = 1;
    t->commit.author = empty;
    t->commit.message = empty;
    t->changes[0] = &t->change;
    t->commit.changes = t->changes;
    t->commit.n_changes = 1;
    t->change.table_id = (ProtobufCBinaryData){ARM_TABLE_ID_BYTES, t->table_id};
    t->change.kind = ARMPB__CHANGE_KIND__CREATE;
    t->change.schema_name = main_name;
    t->change.name = table_name;
    t->change.has_version = true;
    t->change.version = 1;
    t->schema.schema_id = 1;
    t->change.schema = &t->schema;
    t->change.schema_id = 1;
    add_entry(t, 0, arm__position_first(), 0, 5);
    t->change.row_count = 5;
    t->change.rows_added = 5;
    t->change.next_row_id = 5;
    t->change.data_bytes = 10;
}

/* tx 3: 2 rows more. */
static void tell_append(struct told *t)
{
    struct arm_position first = arm__position_first();

    tell_create(t);
    memset(t->id, 3, sizeof t->id);
    memset(t->parent, 2, sizeof t->parent);
    t->parents[0] = (ProtobufCBinaryData){ARM_ID_BYTES, t->parent};
    t->commit.parents = t->parents;
    t->commit.n_parents = 1;
    t->commit.generation = 2;
    t->commit.time_us = 30;
    t->change.kind = ARMPB__CHANGE_KIND__WRITE;
    t->change.schema_name = NULL;
    t->change.name = NULL;
    t->change.schema = NULL;
    t->change.version = 2;
    t->change.has_parent_version = true;
    t->change.parent_version = 1;
    add_entry(t, 0, position_after(arm__position_bytes(&first)), 5, 2);
    t->change.row_count = 7;
    t->change.rows_added = 2;
    t->change.next_row_id = 7;
    t->change.data_bytes = 20;
}

static void fold_create(void)
{
    struct told t;

    fold_main();
    tell_create(&t);
    assert_ok(fold_at(2, &t.record), err);
}

/* ---- What is right ---- */

static void test_fold_good_records_fold(void **state)
{
    struct arm_version_row row;
    struct arm_record_row record;
    struct told t;
    bool found;
    struct arm_table_id id;
    Armpb__Record gap;
    Armpb__RefChange change;
    uint8_t gap_id[ARM_ID_BYTES];

    fold_create();
    tell_append(&t);
    assert_ok(fold_at(3, &t.record), err);
    memcpy(id.bytes, t.table_id, sizeof id.bytes);
    assert_ok(arm__index_version(txn, &id, 2, &row, NULL, &found, &err), err);
    assert_true(found);
    assert_int_equal(row.row_count, 7);
    assert_int_equal(row.tail_count, 2);
    assert_false(row.is_materialised);
    assert_true(arm__hash_is_zero(&row.root));
    assert_ok(arm__index_record(txn, 3, &record, &found, &err), err);
    assert_int_equal(record.offset, 3000);
    assert_int_equal(record.generation, 2);
    assert_fails(ARM_CORRUPT, fold_at(3, &t.record), err); /* twice */
    tell_ref(&gap, &change, gap_id);
    memset(gap_id, 4, sizeof gap_id);
    change.name = table_name;
    change.time_us = 40;
    assert_fails(ARM_CORRUPT, fold_at(5, &gap), err);
    assert_ok(fold_at(4, &gap), err);
}

/* ---- What is wrong ---- */

typedef void mislead(struct told *t);

static void wrong_time(struct told *t)
{
    t->commit.time_us = 20;
}
static void wrong_id(struct told *t)
{
    memset(t->id, 2, sizeof t->id);
}
static void wrong_branch(struct told *t)
{
    t->commit.branch_id = 2;
}
static void no_parent(struct told *t)
{
    t->commit.n_parents = 0;
}
static void unknown_parent(struct told *t)
{
    t->parent[0] = 9;
}
static void parent_is_a_ref(struct told *t)
{
    memset(t->parent, 1, sizeof t->parent);
}
static void wrong_generation(struct told *t)
{
    t->commit.generation = 3;
}
static void wrong_version(struct told *t)
{
    t->change.version = 3;
}
static void version_again(struct told *t)
{
    t->change.version = 1;
}
static void wrong_parent_version(struct told *t)
{
    t->change.parent_version = 2;
}
static void no_parent_version(struct told *t)
{
    t->change.has_parent_version = false;
}
static void wrong_row_count(struct told *t)
{
    t->change.row_count = 8;
}
static void wrong_rows_added(struct told *t)
{
    t->change.rows_added = 3;
    t->change.row_count = 8;
}
static void more_removed_than_there(struct told *t)
{
    t->change.rows_removed = 8;
    t->change.row_count = (uint64_t)-1;
}
static void row_id_not_given(struct told *t)
{
    t->entries[0].first_row_id = 6;
}
static void row_id_overflows(struct told *t)
{
    t->entries[0].first_row_id = UINT64_MAX;
}
static void row_ids_go_back(struct told *t)
{
    t->entries[0].first_row_id = 0;
    t->change.next_row_id = 4;
}
static void unknown_schema(struct told *t)
{
    t->change.schema_id = 2;
}
static void other_schema_of_the_id(struct told *t)
{
    t->schema.last_field_id = 9;
    t->change.schema = &t->schema;
}
static void schema_of_another_id(struct told *t)
{
    t->schema.schema_id = 2;
    t->change.schema = &t->schema;
}
static void unknown_table(struct told *t)
{
    t->table_id[0] = 1;
}
static void another_object(struct told *t)
{
    t->change.has_object = true;
    t->change.object = ARMPB__OBJECT_KIND__VIEW;
}
static void truncated_but_not_all(struct told *t)
{
    t->change.has_truncated = true;
    t->change.truncated = true;
    t->change.rows_removed = 4;
    t->change.row_count = 3;
}
static void wrong_root(struct told *t)
{
    t->change.has_root = true;
    t->change.root = (ProtobufCBinaryData){ARM_HASH_BYTES, t->root};
}
static void large_without_root(struct told *t)
{
    for (size_t i = 1; i < ENTRY_MAX; i++) {
        add_entry(t, i, position_after(arm__position_bytes(&t->positions[i - 1])), 5 + 2 * i, 2);
    }
    t->change.row_count = 5 + 2 * ENTRY_MAX;
    t->change.rows_added = 2 * ENTRY_MAX;
    t->change.next_row_id = 5 + 2 * ENTRY_MAX;
}
static void name_taken(struct told *t)
{
    t->change.kind = ARMPB__CHANGE_KIND__CREATE;
    t->change.schema_name = main_name;
    t->change.name = table_name;
    t->change.schema = &t->schema;
    t->change.has_parent_version = false;
    t->table_id[0] = 1;
    t->change.row_count = 2;
}
static void renamed_to_nothing(struct told *t)
{
    t->change.kind = ARMPB__CHANGE_KIND__RENAME;
    t->change.schema_name = main_name;
    t->change.name = empty;
}
static void drops_what_is_not_there(struct told *t)
{
    t->change.kind = ARMPB__CHANGE_KIND__DROP;
    t->table_id[0] = 1;
}

static void test_fold_wrong_records_are_refused(void **state)
{
    static mislead *const ways[] = {
        wrong_time,
        wrong_id,
        wrong_branch,
        no_parent,
        unknown_parent,
        parent_is_a_ref,
        wrong_generation,
        wrong_version,
        version_again,
        no_parent_version,
        wrong_parent_version,
        wrong_row_count,
        wrong_rows_added,
        row_id_not_given,
        more_removed_than_there,
        row_id_overflows,
        row_ids_go_back,
        unknown_schema,
        other_schema_of_the_id,
        schema_of_another_id,
        unknown_table,
        another_object,
        truncated_but_not_all,
        wrong_root,
        large_without_root,
        name_taken,
        renamed_to_nothing,
        drops_what_is_not_there,
    };

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct told t;

        fold_create();
        tell_append(&t);
        ways[i](&t);
        if (fold_at(3, &t.record) != ARM_CORRUPT) {
            fail_msg("way %zu of lying is believed", i);
        }
        arm__index_abort(txn);
        assert_ok(arm__index_write(the_index, &txn, &err), err);
    }
}

static void test_fold_wrong_refs_are_refused(void **state)
{
    Armpb__Record record;
    Armpb__RefChange change;
    uint8_t id[ARM_ID_BYTES];
    static char other[] = "other";

    fold_create();
    tell_ref(&record, &change, id);
    id[0] = 9;
    change.time_us = 100;
    assert_fails(ARM_CORRUPT, fold_at(3, &record), err); /* main is there */
    change.name = other;
    change.has_from_tx = true;
    change.from_tx = 3;
    change.has_from_branch_id = true;
    change.from_branch_id = 1;
    arm__index_abort(txn);
    assert_ok(arm__index_write(the_index, &txn, &err), err);
    fold_create();
    assert_fails(ARM_CORRUPT, fold_at(3, &record), err); /* from the future */
    arm__index_abort(txn);
    assert_ok(arm__index_write(the_index, &txn, &err), err);
    fold_create();
    change.kind = ARMPB__REF_KIND__TAG;
    change.from_tx = 1;
    assert_fails(ARM_CORRUPT, fold_at(3, &record), err); /* names no commit */
    arm__index_abort(txn);
    assert_ok(arm__index_write(the_index, &txn, &err), err);
    fold_create();
    change.from_tx = 2;
    assert_ok(fold_at(3, &record), err);
}

/* ---- I2: a reader bound to a tx sees nothing later ---- */

static void test_fold_I2_readers_see_their_tx(void **state)
{
    struct arm_table_row row;
    struct told t;
    bool found;
    uint64_t head;

    fold_create();
    tell_append(&t);
    assert_ok(fold_at(3, &t.record), err);
    for (uint64_t tx = 1; tx <= 4; tx++) {
        assert_ok(arm__index_table(txn, 1, tx, "MAIN", "T", &row, &found, &err), err);
        assert_int_equal(found, tx >= 2);
        assert_int_equal(found ? row.version : 0, tx < 2 ? 0 : tx == 2 ? 1 : 2);
        assert_ok(arm__index_head(txn, 1, tx, &head, &err), err);
        assert_int_equal(head, tx < 2 ? 0 : tx == 2 ? 2 : 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fold_good_records_fold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fold_wrong_records_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fold_wrong_refs_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fold_I2_readers_see_their_tx, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
