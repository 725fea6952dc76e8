/* SPDX-License-Identifier: Apache-2.0 */
/* Commits and versions as they are listed; names of old; statistics; table states. */
#include <stdlib.h>

#include "catalog/catalog.h"
#include "model/vector.h"
#include "support/kernel_fixture.h"

static struct arm_catalog *catalog_of(struct kernel *k)
{
    return arm__repository_catalog(k->repository);
}

/* ---- Commits ---- */

static arm_status list_commit(void *context, const struct arm_commit_info *info,
                              struct arm_error *err)
{
    char *out = context;
    size_t size = strlen(out);

    assert_string_equal(info->commit->author, "test");
    (void)snprintf(out + size, 1024 - size, "%llu@%s ", (unsigned long long)info->row.tx,
                   info->branch);
    return ARM_OK;
}

static void expect_log(struct kernel *k, const char *branch, uint64_t limit, const char *wanted)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    char out[1024] = "";

    assert_ok(arm__catalog_log(catalog_of(k), &at, limit, list_commit, out, &k->err), k->err);
    assert_string_equal(out, wanted);
}

static void test_history_log_is_the_branchs_newest_first(void **state)
{
    struct kernel *k = *state;
    char out[1024] = "";

    expect_log(k, "main", 0, "");
    (void)kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 1);
    (void)kernel_branch(k, "b", "main");
    (void)kernel_append(k, "b", "t", 1);
    (void)kernel_append(k, "main", "t", 1);
    expect_log(k, "main", 0, "6@main 3@main 2@main ");
    expect_log(k, "b", 0, "5@b 3@main 2@main ");
    expect_log(k, "b", 2, "5@b 3@main ");
    assert_fails(ARM_NOT_FOUND, arm__catalog_commit(catalog_of(k), 4, list_commit, out, &k->err),
                 k->err);
    assert_fails(ARM_NOT_FOUND, arm__catalog_commit(catalog_of(k), 99, list_commit, out, &k->err),
                 k->err);
    assert_ok(arm__catalog_commit(catalog_of(k), 5, list_commit, out, &k->err), k->err);
    assert_string_equal(out, "5@b ");
}

/* ---- Versions ---- */

static arm_status list_version(void *context, const struct arm_version_info *info,
                               struct arm_error *err)
{
    char *out = context;
    size_t size = strlen(out);

    assert_string_equal(info->message, "m");
    (void)snprintf(out + size, 1024 - size, "%llu<%llu@%s ",
                   (unsigned long long)info->version.version,
                   (unsigned long long)info->version.parent_version, info->branch);
    return ARM_OK;
}

static void expect_versions(struct kernel *k, const char *name, bool all, const char *wanted)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    char out[1024] = "";

    assert_ok(
        arm__catalog_versions(catalog_of(k), &at, "main", name, all, list_version, out, &k->err),
        k->err);
    assert_string_equal(out, wanted);
}

static void change_name(struct kernel *k, const char *from, const char *to)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_change(
        k, &at, from, to == NULL ? ARMPB__CHANGE_KIND__DROP : ARMPB__CHANGE_KIND__RENAME);

    change.name = to;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
}

static void test_history_versions_of_a_branch_and_of_all(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    char out[1024] = "";

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_branch(k, "b", "main");
    (void)kernel_append(k, "b", "t", 1);
    (void)kernel_append(k, "main", "t", 1);
    expect_versions(k, "t", false, "3<1@main 1<0@main ");
    expect_versions(k, "t", true, "3<1@main 2<1@b 1<0@main ");
    change_name(k, "t", "u");
    expect_versions(k, "u", false, "4<3@main 3<1@main 1<0@main ");
    at = kernel_snapshot(k, "main");
    assert_fails(
        ARM_NOT_FOUND,
        arm__catalog_versions(catalog_of(k), &at, "main", "t", false, list_version, out, &k->err),
        k->err);
    expect_versions(k, "t", true, "3<1@main 2<1@b 1<0@main ");
}

static void test_history_names_of_a_table_at_its_commits(void **state)
{
    static const char *const names[] = {"", "", "t", "t", "u", "u", "u"};
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_table_info info = {.schema = NULL};
    char schema[256];
    char name[256];

    (void)kernel_create_table(k, "main", "t");
    at = kernel_snapshot(k, "main");
    assert_true(kernel_find(k, &at, "t", &info));
    (void)kernel_append(k, "main", "t", 1);
    change_name(k, "t", "u");
    (void)kernel_append(k, "main", "u", 1);
    change_name(k, "u", NULL);
    for (uint64_t tx = 2; tx <= 6; tx++) {
        assert_ok(arm__catalog_table_name(catalog_of(k), 1, tx, &info.row.table_id, schema, name,
                                          &k->err),
                  k->err);
        assert_string_equal(schema, "main");
        assert_string_equal(name, names[tx]);
    }
    assert_fails(
        ARM_NOT_FOUND,
        arm__catalog_table_name(catalog_of(k), 1, 1, &info.row.table_id, schema, name, &k->err),
        k->err);
    /* Versions from before the rename are found under the new name, and the other way. */
    assert_ok(arm__catalog_table_version(catalog_of(k), "main", "u", 1, &info, &k->err), k->err);
    assert_string_equal(info.row.name, "t");
    arm__table_info_release(&info);
    assert_ok(arm__catalog_table_version(catalog_of(k), "main", "u", 4, &info, &k->err), k->err);
    assert_string_equal(info.row.name, "u");
    arm__table_info_release(&info);
    assert_fails(ARM_NOT_FOUND,
                 arm__catalog_table_version(catalog_of(k), "main", "t", 3, &info, &k->err), k->err);
}

/* ---- Statistics ---- */

static void test_history_statistics_come_with_the_first_naming(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_create_change("t");
    Armpb__ColumnStatistics column = ARMPB__COLUMN_STATISTICS__INIT;
    Armpb__ColumnStatistics *columns[] = {&column};
    struct arm_new_entry entry = kernel_chunk(k, 10);
    const struct arm_chunk_statistics *known;
    const struct arm_chunk_statistics *again;

    assert_ok(arm__catalog_statistics(catalog_of(k), &entry.chunk, &known, &k->err), k->err);
    assert_null(known);
    column.column_id = 1;
    column.null_count = 4;
    entry.statistics_count = 1;
    entry.statistics = columns;
    change.added = &entry;
    change.added_count = 1;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    assert_ok(arm__catalog_statistics(catalog_of(k), &entry.chunk, &known, &k->err), k->err);
    assert_non_null(known);
    assert_int_equal(known->count, 1);
    assert_int_equal(known->columns[0]->null_count, 4);
    assert_ok(arm__catalog_statistics(catalog_of(k), &entry.chunk, &again, &k->err), k->err);
    assert_ptr_equal(known, again);
}

/* ---- C2: states ---- */

static void delete_row(struct kernel *k, size_t entry, uint32_t row)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    struct arm_table_state *rows = kernel_state(k, "main", "t");
    roaring_bitmap_t *dead = roaring_bitmap_create();
    struct arm_buf bits = ARM_BUF_INIT(1000);
    struct arm_new_deletion deletion = {.position = rows->entries[entry].position,
                                        .first_row_id = rows->entries[entry].first_row_id,
                                        .rows = rows->entries[entry].rows};

    roaring_bitmap_add(dead, row);
    assert_ok(arm__vector_encode(dead, &bits, &k->err), k->err);
    deletion.bits = arm__buf_bytes(&bits);
    change.deleted = &deletion;
    change.deleted_count = 1;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    arm__buf_release(&bits);
    roaring_bitmap_free(dead);
    arm__table_state_drop(rows);
}

static void test_history_C2_states_never_change(void **state)
{
    struct kernel *k = *state;
    struct arm_table_state *first;
    struct arm_table_state *second;
    struct arm_table_state *third;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 10);
    delete_row(k, 0, 3);
    first = kernel_state(k, "main", "t");
    second = kernel_state(k, "main", "t");
    assert_ptr_equal(first, second);
    arm__table_state_drop(second);
    delete_row(k, 0, 4);
    (void)kernel_append(k, "main", "t", 5);
    second = kernel_state(k, "main", "t");
    assert_int_equal(first->live_rows, 9);
    assert_int_equal(first->entry_count, 1);
    assert_false(roaring_bitmap_contains(first->entries[0].vector, 4));
    assert_int_equal(second->live_rows, 13);
    assert_int_equal(second->entry_count, 2);
    assert_true(roaring_bitmap_contains(second->entries[0].vector, 3));
    assert_true(roaring_bitmap_contains(second->entries[0].vector, 4));
    arm__table_state_drop(second); /* nobody holds it: the next one is made of it */
    (void)kernel_append(k, "main", "t", 1);
    third = kernel_state(k, "main", "t");
    assert_int_equal(third->live_rows, 14);
    second = NULL;
    assert_ok(
        arm__catalog_state(catalog_of(k), &third->table_id, third->version - 1, &second, &k->err),
        k->err);
    assert_int_equal(second->live_rows, 13);
    arm__table_state_drop(third);
    arm__table_state_drop(second);
    arm__table_state_drop(first);
}

/* More states than the cache holds, in any order. */
static void test_history_C2_states_are_made_anew_when_they_went(void **state)
{
    enum { VERSIONS = 150 };
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_table_info info = {.schema = NULL};

    (void)kernel_create_table(k, "main", "t");
    for (int i = 2; i <= VERSIONS; i++) {
        (void)kernel_append(k, "main", "t", 1);
    }
    at = kernel_snapshot(k, "main");
    assert_true(kernel_find(k, &at, "t", &info));
    for (uint64_t i = 0; i < 600; i++) {
        uint64_t version = 1 + i * 7919 % VERSIONS;
        struct arm_table_state *rows;

        assert_ok(arm__catalog_state(catalog_of(k), &info.row.table_id, version, &rows, &k->err),
                  k->err);
        assert_int_equal(rows->live_rows, version - 1);
        assert_int_equal(rows->version, version);
        arm__table_state_drop(rows);
    }
}

/* From the changes since the root, as they stand in the index, and from those applied. */
static void test_history_rows_before_a_truncation_are_gone(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_new_change change;
    struct kernel_batch batch;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 2);
    (void)kernel_append(k, "main", "t", 2);
    at = kernel_snapshot(k, "main");
    change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    change.truncated = true;
    change.added = kernel_hot(k, 3, &batch);
    change.added_count = 1;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    (void)kernel_append(k, "main", "t", 1);
    for (int round = 0; round < 2; round++) {
        struct arm_table_state *rows = kernel_state(k, "main", "t");

        assert_int_equal(rows->entry_count, 2);
        assert_int_equal(rows->live_rows, 4);
        arm__table_state_drop(rows);
        kernel_reopen(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_history_log_is_the_branchs_newest_first),
        kernel_test(test_history_versions_of_a_branch_and_of_all),
        kernel_test(test_history_names_of_a_table_at_its_commits),
        kernel_test(test_history_statistics_come_with_the_first_naming),
        kernel_test(test_history_C2_states_never_change),
        kernel_test(test_history_rows_before_a_truncation_are_gone),
        kernel_test(test_history_C2_states_are_made_anew_when_they_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
