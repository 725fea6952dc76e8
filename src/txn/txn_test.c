/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn.h"

#include "base/alloc.h"
#include "txn/txn_fixture.h"

/* ---- Reading ---- */

static void test_txn_reads_its_own_writes(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;

    make_table(desk, "t", 0, 3);
    txn = txn_begin(desk, "main");
    txn_insert(desk, txn, "t", 10, 12);
    assert_rows(desk, txn, "t", "0 1 2 10 11");
    assert_int_equal(txn_delete(desk, txn, "t", 1), 1);
    assert_int_equal(txn_delete(desk, txn, "t", 10), 1);
    assert_rows(desk, txn, "t", "0 2 11");
    assert_head_rows(desk, "t", "0 1 2");
    txn_commit(desk, txn);
    assert_head_rows(desk, "t", "0 2 11");
}

static void test_txn_X1_snapshot_never_changes(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *reader;
    struct arm_transaction *writer;

    make_table(desk, "t", 0, 2);
    make_table(desk, "u", 5, 6);
    reader = txn_begin(desk, "main");
    writer = txn_begin(desk, "main");
    txn_insert(desk, writer, "t", 7, 9);
    txn_insert(desk, writer, "u", 8, 9);
    txn_commit(desk, writer);
    make_table(desk, "v", 0, 1);
    assert_rows(desk, reader, "t", "0 1");
    assert_rows(desk, reader, "u", "5");
    assert_null(txn_view(reader, "v"));
    arm__txn_rollback(reader);
    assert_head_rows(desk, "t", "0 1 7 8");
}

/* A view shows what it showed, whatever comes after: more rows, deletions, a replacement, the
 * end of the transaction. */
static void test_txn_X2_views_are_not_disturbed(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    const struct arm_view *views[6];
    static const char *const rows[] = {"0 1 2", "0 1 2 3", "0 1 3", "0 1", "50 51", "50 51 60"};

    make_table(desk, "t", 0, 3);
    txn = txn_begin(desk, "main");
    views[0] = txn_view(txn, "t");
    txn_insert(desk, txn, "t", 3, 4);
    views[1] = txn_view(txn, "t");
    txn_delete(desk, txn, "t", 2);
    views[2] = txn_view(txn, "t");
    txn_delete(desk, txn, "t", 3);
    views[3] = txn_view(txn, "t");
    txn_replace(desk, txn, "t", 50, 52);
    views[4] = txn_view(txn, "t");
    txn_insert(desk, txn, "t", 60, 61);
    views[5] = txn_view(txn, "t");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 6; i++) {
            assert_view(desk, views[i], rows[i]);
        }
        if (round == 0) {
            txn_commit(desk, txn);
        }
    }
    for (size_t i = 0; i < 6; i++) {
        arm__view_drop(views[i]);
    }
    arm__view_drop(NULL);
}

static void test_txn_look_tells_columns_and_rows_without_entries(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    const struct arm_view *view;
    struct arm_error err = {0};

    make_table(desk, "t", 0, 5);
    txn = txn_begin(desk, "main");
    txn_insert(desk, txn, "t", 5, 9);
    txn_delete(desk, txn, "t", 1);
    txn_delete(desk, txn, "t", 8);
    txn_delete(desk, txn, "t", 3); /* of entries that have dead rows already */
    txn_delete(desk, txn, "t", 6);
    assert_ok(arm__txn_look(txn, "MAIN", "T", &view, &err), err);
    assert_int_equal(view->live_rows, 5);
    assert_int_equal(view->entry_count, 0);
    assert_string_equal(view->schema->columns[0]->field->name, "id");
    arm__view_drop(view);
    txn_replace(desk, txn, "t", 1, 3);
    assert_ok(arm__txn_look(txn, "main", "t", &view, &err), err);
    assert_int_equal(view->live_rows, 2);
    arm__view_drop(view);
    assert_ok(arm__txn_look(txn, "main", "nothing", &view, &err), err);
    assert_null(view);
    arm__txn_rollback(txn);
}

static void test_txn_view_at_shows_old_versions_without_own_changes(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    const struct arm_view *view;
    struct arm_error err = {0};

    make_table(desk, "t", 0, 2);
    txn = txn_begin(desk, "main");
    txn_insert(desk, txn, "t", 2, 3);
    txn_commit(desk, txn);
    txn = txn_begin(desk, "main");
    txn_insert(desk, txn, "t", 3, 4);
    assert_ok(arm__txn_view_at(txn, "main", "t", "version:1", &view, &err), err);
    assert_view(desk, view, "0 1");
    arm__view_drop(view);
    assert_ok(arm__txn_view_at(txn, "main", "t", "main", &view, &err), err);
    assert_view(desk, view, "0 1 2");
    arm__view_drop(view);
    assert_fails(ARM_NOT_FOUND, arm__txn_view_at(txn, "main", "t", "version:9", &view, &err), err);
    arm__txn_rollback(txn);
}

/* ---- The end ---- */

static void test_txn_X4_rollback_leaves_nothing_reachable(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    uint64_t before;

    make_table(desk, "t", 0, 2);
    before = kernel_snapshot(desk->kernel, "main").tx;
    txn = txn_begin(desk, "main");
    txn_insert(desk, txn, "t", 100, 30100); /* a chunk */
    txn_insert(desk, txn, "t", 2, 3);
    txn_delete(desk, txn, "t", 0);
    txn_create(desk, txn, "u");
    txn_insert(desk, txn, "u", 0, 1);
    assert_true(arm__txn_has_changes(txn));
    assert_int_equal(desk_leases(desk), 1);
    arm__txn_rollback(txn);
    arm__txn_rollback(NULL);
    assert_int_equal(desk_leases(desk), 0);
    assert_int_equal(desk_staged(desk), 0);
    assert_int_equal(kernel_snapshot(desk->kernel, "main").tx, before);
    assert_head_rows(desk, "t", "0 1");
}

static void test_txn_nothing_changed_makes_no_commit(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;

    make_table(desk, "t", 0, 2);
    txn = txn_begin(desk, "main");
    assert_rows(desk, txn, "t", "0 1");
    assert_false(arm__txn_has_changes(txn));
    assert_int_equal(txn_commit(desk, txn).tx, 0);
    txn = txn_begin(desk, "main");
    txn_create(desk, txn, "u");
    txn_insert(desk, txn, "u", 0, 3);
    txn_drop(txn, "u");
    assert_false(arm__txn_has_changes(txn));
    assert_int_equal(txn_commit(desk, txn).tx, 0);
    txn = txn_begin(desk, "main");
    txn_insert(desk, txn, "t", 5, 8);
    for (int64_t id = 5; id < 8; id++) {
        txn_delete(desk, txn, "t", id);
    }
    assert_int_equal(txn_commit(desk, txn).tx, 0); /* what was added is gone again */
    assert_head_rows(desk, "t", "0 1");
}

static void test_txn_create_and_fill_is_one_change(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    struct arm_table_info info;
    struct arm_snapshot at;

    txn_create(desk, txn, "t");
    txn_insert(desk, txn, "t", 0, 2);
    txn_insert(desk, txn, "t", 2, 3);
    assert_rows(desk, txn, "t", "0 1 2");
    txn_commit(desk, txn);
    assert_head_rows(desk, "t", "0 1 2");
    at = kernel_snapshot(desk->kernel, "main");
    assert_true(kernel_find(desk->kernel, &at, "t", &info));
    assert_int_equal(info.row.version, 1);
    assert_int_equal(info.version.row_count, 3);
}

static void test_txn_drop_and_create_makes_another_table(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    struct arm_error err = {0};
    Armpb__Schema *schema = table_schema(desk);

    make_table(desk, "t", 0, 2);
    txn = txn_begin(desk, "main");
    assert_fails(ARM_EXISTS, arm__txn_create_table(txn, "main", "T", schema, false, &err), err);
    txn_drop(txn, "t");
    assert_null(txn_view(txn, "t"));
    assert_fails(ARM_NOT_FOUND, arm__txn_drop_table(txn, "main", "t", &err), err);
    txn_create(desk, txn, "t");
    assert_rows(desk, txn, "t", "");
    txn_insert(desk, txn, "t", 7, 8);
    assert_rows(desk, txn, "t", "7");
    txn_commit(desk, txn);
    assert_head_rows(desk, "t", "7");
    txn = txn_begin(desk, "main");
    assert_ok(arm__txn_create_table(txn, "main", "t", schema, true, &err), err);
    txn_insert(desk, txn, "t", 8, 9);
    txn_commit(desk, txn);
    assert_head_rows(desk, "t", "8");
    txn = txn_begin(desk, "main");
    txn_drop(txn, "t");
    txn_create(desk, txn, "t");
    txn_drop(txn, "t");
    assert_int_not_equal(txn_commit(desk, txn).tx, 0);
    txn = txn_begin(desk, "main");
    assert_null(txn_view(txn, "t"));
    arm__txn_rollback(txn);
    arm__schema_free(schema);
}

static arm_status collect(void *context, const char *schema_name, const char *name,
                          struct arm_error *err)
{
    (void)err;
    strcat(context, schema_name);
    strcat(context, ".");
    strcat(context, name);
    strcat(context, " ");
    return ARM_OK;
}

static void test_txn_tables_are_the_snapshots_and_its_own(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    char names[200] = "";
    struct arm_error err = {0};

    make_table(desk, "b", 0, 1);
    make_table(desk, "a", 0, 1);
    txn = txn_begin(desk, "main");
    txn_drop(txn, "b");
    txn_create(desk, txn, "c");
    txn_create(desk, txn, "d");
    txn_drop(txn, "c");
    assert_ok(arm__txn_tables(txn, collect, names, &err), err);
    assert_string_equal(names, "main.a main.d ");
    arm__txn_rollback(txn);
}

/* ---- Many small statements ---- */

static void test_txn_thousand_inserts_make_few_entries(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    const struct arm_view *view;
    struct arm_table_state *rows;

    make_table(desk, "t", 0, 2);
    txn = txn_begin(desk, "main");
    for (int64_t i = 100; i < 1100; i++) {
        txn_insert(desk, txn, "t", i, i + 1);
        if (i % 3 == 0) {
            view = txn_view(txn, "t");
            assert_int_equal(view->live_rows, 2 + (i - 99) - (i >= 500));
            arm__view_drop(view);
        }
        if (i == 500) {
            assert_int_equal(txn_delete(desk, txn, "t", 333), 1);
        }
    }
    txn_commit(desk, txn);
    rows = kernel_state(desk->kernel, "main", "t");
    assert_int_equal(rows->entry_count, 2);
    assert_int_equal(rows->live_rows, 1001);
    assert_int_equal(rows->entries[1].dead, 0);
    assert_true(rows->entries[1].is_hot);
    arm__table_state_drop(rows);
}

static void test_txn_over_the_hot_limit_rows_go_to_a_chunk(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    struct arm_table_state *rows;

    txn_create(desk, txn, "t");
    txn_insert(desk, txn, "t", 0, 6000);
    txn_insert(desk, txn, "t", 6000, 12000);
    txn_delete(desk, txn, "t", 7);
    txn_commit(desk, txn);
    rows = kernel_state(desk->kernel, "main", "t");
    assert_int_equal(rows->entry_count, 1);
    assert_false(rows->entries[0].is_hot);
    assert_int_equal(rows->live_rows, 11999);
    arm__table_state_drop(rows);
    assert_int_equal(desk_leases(desk), 0);
}

static void test_txn_deleted_rows_of_an_own_chunk_are_marked(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn = txn_begin(desk, "main");
    struct arm_table_state *rows;

    txn_create(desk, txn, "t");
    txn_insert(desk, txn, "t", 0, 20000);
    assert_int_equal(txn_delete(desk, txn, "t", 5), 1);
    assert_int_equal(txn_delete(desk, txn, "t", 19999), 1);
    assert_int_equal(txn_delete(desk, txn, "t", 5), 0); /* dead already */
    txn_commit(desk, txn);
    rows = kernel_state(desk->kernel, "main", "t");
    assert_int_equal(rows->entry_count, 1);
    assert_int_equal(rows->entries[0].dead, 2);
    assert_int_equal(rows->live_rows, 19998);
    arm__table_state_drop(rows);
}

/* ---- Deleting ---- */

static void test_txn_delete_needs_a_view_of_its_statement(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    const struct arm_view *view;
    roaring_bitmap_t *bits = roaring_bitmap_of(1, 0);
    roaring_bitmap_t *beyond = roaring_bitmap_of(1, 3);
    roaring_bitmap_t *rows[1] = {bits};
    roaring_bitmap_t *wrong[1] = {beyond};
    uint64_t count = 77;
    struct arm_error err = {0};

    make_table(desk, "t", 0, 3);
    txn = txn_begin(desk, "main");
    view = txn_view(txn, "t");
    assert_fails(ARM_INVALID, arm__txn_delete(txn, view, wrong, &count, &err), err);
    assert_ok(arm__txn_delete(txn, view, rows, &count, &err), err);
    assert_int_equal(count, 1);
    assert_ok(arm__txn_delete(txn, view, rows, &count, &err), err); /* the same view again */
    assert_int_equal(count, 0);
    txn_replace(desk, txn, "t", 50, 52);
    assert_fails(ARM_INVALID, arm__txn_delete(txn, view, rows, &count, &err), err);
    arm__view_drop(view);
    view = txn_view(txn, "t");
    txn_drop(txn, "t");
    assert_fails(ARM_NOT_FOUND, arm__txn_delete(txn, view, rows, &count, &err), err);
    txn_create(desk, txn, "t");
    assert_fails(ARM_INVALID, arm__txn_delete(txn, view, rows, &count, &err), err);
    arm__view_drop(view);
    arm__txn_rollback(txn);
    roaring_bitmap_free(beyond);
    roaring_bitmap_free(bits);
}

/* ---- Conflicts ---- */

static void test_txn_conflicts_come_out_and_commuting_changes_do_not(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *a;
    struct arm_transaction *b;
    struct arm_commit_result result;
    struct arm_error err = {0};

    make_table(desk, "t", 0, 4);
    a = txn_begin(desk, "main");
    b = txn_begin(desk, "main");
    txn_delete(desk, a, "t", 1);
    txn_insert(desk, a, "t", 10, 11);
    txn_delete(desk, b, "t", 2);
    txn_insert(desk, b, "t", 20, 21);
    txn_commit(desk, a);
    txn_commit(desk, b); /* other rows: they commute */
    assert_head_rows(desk, "t", "0 3 10 20");
    a = txn_begin(desk, "main");
    b = txn_begin(desk, "main");
    txn_delete(desk, a, "t", 3);
    txn_delete(desk, b, "t", 3);
    txn_commit(desk, a);
    assert_fails(ARM_CONFLICT, arm__txn_commit(b, "b", &result, &err), err);
    assert_non_null(strstr(err.message, "t"));
    b = txn_begin(desk, "main");
    a = txn_begin(desk, "main");
    txn_replace(desk, a, "t", 100, 102);
    txn_insert(desk, b, "t", 30, 31);
    txn_commit(desk, b);
    assert_fails(ARM_CONFLICT, arm__txn_commit(a, "a", &result, &err), err);
    assert_head_rows(desk, "t", "0 10 20 30");
}

static void test_txn_read_only_changes_nothing(void **state)
{
    struct desk *desk = *state;
    struct arm_snapshot at;
    struct arm_transaction *txn;
    const struct arm_view *view;
    struct arm_written written = {.rows = 0};
    roaring_bitmap_t *rows[1] = {NULL};
    uint64_t count;
    Armpb__Schema *schema = table_schema(desk);
    struct arm_error err = {0};

    make_table(desk, "t", 0, 2);
    at = kernel_snapshot(desk->kernel, "main");
    assert_ok(arm__txn_begin(desk->kernel->repository, desk->engine, &at, true, &txn, &err), err);
    view = txn_view(txn, "t");
    assert_fails(ARM_READ_ONLY, arm__txn_create_table(txn, "main", "u", schema, false, &err), err);
    assert_fails(ARM_READ_ONLY, arm__txn_drop_table(txn, "main", "t", &err), err);
    assert_fails(ARM_READ_ONLY, arm__txn_append(txn, "main", "t", &written, &err), err);
    assert_fails(ARM_READ_ONLY, arm__txn_replace(txn, "main", "t", NULL, &written, &err), err);
    assert_fails(ARM_READ_ONLY, arm__txn_delete(txn, view, rows, &count, &err), err);
    arm__view_drop(view);
    arm__txn_rollback(txn);
    arm__schema_free(schema);
}

/* ---- Replacing ---- */

static void test_txn_identical_replace_changes_nothing(void **state)
{
    struct desk *desk = *state;
    Armpb__Schema *schema = table_schema(desk);
    struct arm_transaction *txn;
    struct arm_error err = {0};

    make_table(desk, "t", 0, 300000);
    txn = txn_begin(desk, "main");
    txn_replace(desk, txn, "t", 0, 300000);
    assert_false(arm__txn_has_changes(txn));
    assert_int_equal(txn_commit(desk, txn).tx, 0);
    txn = txn_begin(desk, "main");
    struct rows rows = number_rows(desk, 0, 300000);
    struct arm_written written = desk_write(desk, schema, &rows, false);

    assert_ok(arm__txn_replace(txn, "main", "t", schema, &written, &err), err); /* its own schema */
    assert_int_equal(txn_commit(desk, txn).tx, 0);
    arm__written_release(&written);
    rows_free(&rows);
    arm__schema_free(schema);
}

static void test_txn_replace_by_other_columns(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    const struct arm_view *view;
    struct rows rows =
        rows_of(desk->engine, "SELECT i::VARCHAR AS name, i AS id FROM range(3) t(i)");
    struct arm_written written;
    uint64_t before;
    struct arm_error err = {0};

    make_table(desk, "t", 0, 2);
    rows.schema->columns[0]->field->id = 2;
    rows.schema->columns[1]->field->id = 1;
    written = desk_write(desk, rows.schema, &rows, false);
    txn = txn_begin(desk, "main");
    before = arm__txn_catalog_version(txn);
    assert_ok(arm__txn_replace(txn, "main", "t", rows.schema, &written, &err), err);
    assert_int_not_equal(arm__txn_catalog_version(txn), before);
    view = txn_view(txn, "t");
    assert_int_equal(view->schema->n_columns, 2);
    assert_int_equal(view->live_rows, 3);
    arm__view_drop(view);
    txn_commit(desk, txn);
    txn = txn_begin(desk, "main");
    view = txn_view(txn, "t");
    assert_string_equal(view->schema->columns[0]->field->name, "name");
    assert_int_equal(view->version, 2);
    assert_int_equal(view->live_rows, 3);
    arm__view_drop(view);
    arm__txn_rollback(txn);
    arm__written_release(&written);
    rows_free(&rows);
}

static void test_txn_replace_keeps_chunks_and_order(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *txn;
    struct arm_table_state *before;
    struct arm_table_state *after;
    size_t kept = 0;

    make_table(desk, "t", 0, 500000);
    before = kernel_state(desk->kernel, "main", "t");
    txn = txn_begin(desk, "main");
    txn_replace_sql(desk, txn, "t",
                    "SELECT i AS id FROM (SELECT i FROM range(250000) t(i) UNION ALL"
                    " SELECT -i FROM range(1, 1001) t(i) UNION ALL"
                    " SELECT i FROM range(250000, 500000) t(i))");
    assert_order(desk, txn, "t", 250000, 1000);
    txn_commit(desk, txn);
    txn = txn_begin(desk, "main");
    assert_order(desk, txn, "t", 250000, 1000);
    arm__txn_rollback(txn);
    after = kernel_state(desk->kernel, "main", "t");
    for (size_t i = 0; i < after->entry_count; i++) {
        for (size_t j = 0; j < before->entry_count; j++) {
            kept += arm__hash_equal(&after->entries[i].chunk, &before->entries[j].chunk) &&
                    after->entries[i].first_row_id == before->entries[j].first_row_id;
        }
    }
    assert_true(before->entry_count - kept <= 2);
    arm__table_state_drop(before);
    arm__table_state_drop(after);
}

/* ---- Failures ---- */

static void test_txn_out_of_memory_leaves_it_as_it_was(void **state)
{
    struct desk *desk = *state;
    Armpb__Schema *schema = table_schema(desk);
    struct arm_transaction *txn;
    const struct arm_view *view = NULL;
    struct arm_error err = {0};
    arm_status st = ARM_NO_MEMORY;

    make_table(desk, "t", 0, 3);
    txn = txn_begin(desk, "main");
    txn_insert(desk, txn, "t", 10, 12);
    txn_delete(desk, txn, "t", 0);
    for (uint64_t n = 1; st != ARM_OK; n++) {
        arm__alloc_fail_at(n);
        st = arm__txn_view(txn, "main", "t", &view, &err);
        arm__alloc_fail_at(0);
    }
    assert_view(desk, view, "1 2 10 11");
    st = ARM_NO_MEMORY;
    for (uint64_t n = 1; st != ARM_OK; n++) {
        arm__alloc_fail_at(n);
        st = arm__txn_create_table(txn, "main", "t", schema, true, &err);
        arm__alloc_fail_at(0);
        if (st != ARM_OK) {
            assert_int_equal(st, ARM_NO_MEMORY);
            assert_rows(desk, txn, "t", "1 2 10 11");
        }
    }
    assert_rows(desk, txn, "t", "");
    assert_view(desk, view, "1 2 10 11");
    arm__view_drop(view);
    arm__txn_rollback(txn);
    arm__schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        desk_test(test_txn_reads_its_own_writes),
        desk_test(test_txn_X1_snapshot_never_changes),
        desk_test(test_txn_X2_views_are_not_disturbed),
        desk_test(test_txn_look_tells_columns_and_rows_without_entries),
        desk_test(test_txn_view_at_shows_old_versions_without_own_changes),
        desk_test(test_txn_X4_rollback_leaves_nothing_reachable),
        desk_test(test_txn_nothing_changed_makes_no_commit),
        desk_test(test_txn_create_and_fill_is_one_change),
        desk_test(test_txn_drop_and_create_makes_another_table),
        desk_test(test_txn_tables_are_the_snapshots_and_its_own),
        desk_test(test_txn_thousand_inserts_make_few_entries),
        desk_test(test_txn_over_the_hot_limit_rows_go_to_a_chunk),
        desk_test(test_txn_deleted_rows_of_an_own_chunk_are_marked),
        desk_test(test_txn_delete_needs_a_view_of_its_statement),
        desk_test(test_txn_conflicts_come_out_and_commuting_changes_do_not),
        desk_test(test_txn_read_only_changes_nothing),
        desk_test(test_txn_identical_replace_changes_nothing),
        desk_test(test_txn_replace_by_other_columns),
        desk_test(test_txn_replace_keeps_chunks_and_order),
        desk_test(test_txn_out_of_memory_leaves_it_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
