/* SPDX-License-Identifier: Apache-2.0 */
/* Version numbers: per name, over all branches, without gaps; and names that change hands. */
#include "commit/commit.h"

#include "support/kernel_fixture.h"

static uint64_t version_on(struct kernel *k, const char *branch, const char *name)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_table_info info = {.schema = NULL};

    return kernel_find(k, &at, name, &info) ? info.row.version : 0;
}

static uint64_t parent_on(struct kernel *k, const char *branch, const char *name)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_table_info info = {.schema = NULL};

    assert_true(kernel_find(k, &at, name, &info));
    return info.version.parent_version;
}

static uint64_t drop(struct kernel *k, const char *branch, const char *name)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_new_change change = kernel_change(k, &at, name, ARMPB__CHANGE_KIND__DROP);
    struct arm_commit_result result;
    uint64_t version = 99;

    assert_ok(kernel_commit_one(k, &at, &change, &result, &version), k->err);
    assert_int_equal(version, 0);
    return result.tx;
}

static uint64_t rename_to(struct kernel *k, const char *branch, const char *name,
                          const char *new_name)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_new_change change = kernel_change(k, &at, name, ARMPB__CHANGE_KIND__RENAME);
    uint64_t version = 0;

    change.name = new_name;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, &version), k->err);
    return version;
}

static void test_number_counts_over_all_branches(void **state)
{
    struct kernel *k = *state;

    assert_int_equal(kernel_create_table(k, "main", "t"), 1);
    (void)kernel_branch(k, "b", "main");
    assert_int_equal(kernel_append(k, "main", "t", 1), 2);
    assert_int_equal(kernel_append(k, "b", "t", 1), 3);
    assert_int_equal(kernel_append(k, "main", "t", 1), 4);
    assert_int_equal(parent_on(k, "main", "t"), 2);
    assert_int_equal(parent_on(k, "b", "t"), 1);
    /* A table of the same name on another branch is another table, and counts on. */
    (void)kernel_branch(k, "c", "main");
    (void)drop(k, "c", "t");
    assert_int_equal(kernel_create_table(k, "c", "T"), 5);
    assert_int_equal(parent_on(k, "c", "t"), 0);
    assert_int_equal(version_on(k, "main", "t"), 4);
    assert_int_equal(version_on(k, "b", "t"), 3);
}

static void test_number_goes_on_after_drop(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot before;
    struct arm_table_info info = {.schema = NULL};

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 1);
    before = kernel_snapshot(k, "main");
    (void)drop(k, "main", "t");
    assert_int_equal(version_on(k, "main", "t"), 0);
    assert_int_equal(kernel_create_table(k, "main", "t"), 3);
    assert_int_equal(parent_on(k, "main", "t"), 0);
    assert_true(kernel_find(k, &before, "t", &info)); /* the old one at its time */
    assert_int_equal(info.row.version, 2);
}

static void test_number_of_a_rename_is_above_both_names(void **state)
{
    struct kernel *k = *state;

    for (int i = 0; i < 3; i++) {
        (void)kernel_create_table(k, "main", "old");
        (void)drop(k, "main", "old");
    }
    (void)kernel_create_table(k, "main", "t");
    assert_int_equal(rename_to(k, "main", "t", "old"), 4);
    assert_int_equal(parent_on(k, "main", "old"), 1);
    assert_int_equal(version_on(k, "main", "t"), 0);
    assert_int_equal(kernel_append(k, "main", "old", 1), 5);
    assert_int_equal(rename_to(k, "main", "old", "t"), 6);
    assert_int_equal(kernel_create_table(k, "main", "old"), 6);
    assert_int_equal(rename_to(k, "main", "t", "T"), 7); /* the case alone */
    assert_int_equal(version_on(k, "main", "t"), 7);
}

/* One table of two names on two branches: no number is of two of its versions. */
static void test_number_of_a_table_with_two_names_is_above_both(void **state)
{
    struct kernel *k = *state;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_branch(k, "b", "main");
    assert_int_equal(rename_to(k, "b", "t", "u"), 2);
    assert_int_equal(kernel_append(k, "b", "u", 1), 3);
    assert_int_equal(kernel_append(k, "main", "t", 1), 4);
    assert_int_equal(parent_on(k, "main", "t"), 1);
    assert_int_equal(kernel_append(k, "b", "u", 1), 5);
}

/* Names change hands within one commit, in any order. */
static void test_number_tables_swap_names_in_one_commit(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_new_change changes[2];
    struct arm_commit_request request = {.change_count = 2, .changes = changes};
    struct arm_commit_result result;
    struct arm_table_info a = {.schema = NULL};
    struct arm_table_info b = {.schema = NULL};
    uint64_t versions[2];

    (void)kernel_create_table(k, "main", "a");
    (void)kernel_create_table(k, "main", "b");
    (void)kernel_append(k, "main", "b", 1);
    at = kernel_snapshot(k, "main");
    changes[0] = kernel_change(k, &at, "a", ARMPB__CHANGE_KIND__RENAME);
    changes[1] = kernel_change(k, &at, "b", ARMPB__CHANGE_KIND__RENAME);
    changes[0].name = "b";
    changes[1].name = "a";
    request.snapshot = at;
    assert_ok(arm__commit(k->repository, &request, &result, versions, &k->err), k->err);
    assert_int_equal(versions[0], 3);
    assert_int_equal(versions[1], 4); /* above the 3 that "b" just got */
    assert_true(kernel_find(k, &at, "a", &a));
    at = kernel_snapshot(k, "main");
    assert_true(kernel_find(k, &at, "b", &b));
    assert_true(arm__table_id_equal(&a.row.table_id, &b.row.table_id));
}

static void test_number_create_or_replace_is_drop_and_create(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_new_change changes[2];
    struct arm_commit_request request = {.change_count = 2, .changes = changes};
    struct arm_commit_result result;
    struct arm_table_info before = {.schema = NULL};
    struct arm_table_info after = {.schema = NULL};
    uint64_t versions[2];

    (void)kernel_create_table(k, "main", "t");
    for (size_t drop_at = 0; drop_at < 2; drop_at++) { /* in either order */
        at = kernel_snapshot(k, "main");
        assert_true(kernel_find(k, &at, "t", &before));
        changes[drop_at] = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__DROP);
        changes[1 - drop_at] = kernel_create_change("t");
        request.snapshot = at;
        assert_ok(arm__commit(k->repository, &request, &result, versions, &k->err), k->err);
        assert_int_equal(versions[drop_at], 0);
        assert_int_equal(versions[1 - drop_at], 2 + drop_at);
        at = kernel_snapshot(k, "main");
        assert_true(kernel_find(k, &at, "t", &after));
        assert_false(arm__table_id_equal(&before.row.table_id, &after.row.table_id));
        assert_int_equal(after.version.parent_version, 0);
    }
}

/* ALTER numbers new columns; two branches never give one id to two columns. */
static void test_number_columns_get_ids_over_all_branches(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot on_main;
    struct arm_snapshot on_b;
    struct arm_new_change change;
    const Armpb__Schema *schema;
    struct arm_table_info info = {.schema = NULL};

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_branch(k, "b", "main");
    on_main = kernel_snapshot(k, "main");
    on_b = kernel_snapshot(k, "b");
    change = kernel_change(k, &on_main, "t", ARMPB__CHANGE_KIND__ALTER);
    change.schema = kernel_schema(2);
    assert_ok(kernel_commit_one(k, &on_main, &change, NULL, NULL), k->err);
    change = kernel_change(k, &on_b, "t", ARMPB__CHANGE_KIND__ALTER);
    change.schema = kernel_schema(2);
    assert_ok(kernel_commit_one(k, &on_b, &change, NULL, NULL), k->err);
    on_main = kernel_snapshot(k, "main");
    assert_true(kernel_find(k, &on_main, "t", &info));
    assert_int_equal(info.version.schema_id, 2);
    assert_ok(arm__catalog_schema(arm__repository_catalog(k->repository), &info.row.table_id, 2,
                                  &schema, &k->err),
              k->err);
    assert_int_equal(schema->columns[1]->field->id, 2);
    on_b = kernel_snapshot(k, "b");
    assert_true(kernel_find(k, &on_b, "t", &info));
    assert_int_equal(info.version.schema_id, 3);
    assert_ok(arm__catalog_schema(arm__repository_catalog(k->repository), &info.row.table_id, 3,
                                  &schema, &k->err),
              k->err);
    assert_int_equal(schema->columns[1]->field->id, 3);
}

/* The same for rows: a row id means one row, on whatever branch. */
static void test_number_row_ids_are_one_tables_over_all_branches(void **state)
{
    struct kernel *k = *state;
    struct arm_table_state *rows;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 10);
    (void)kernel_branch(k, "b", "main");
    (void)kernel_append(k, "b", "t", 5);
    (void)kernel_append(k, "main", "t", 3);
    rows = kernel_state(k, "main", "t");
    assert_int_equal(rows->entries[1].first_row_id, 15);
    arm__table_state_drop(rows);
}

/* Names at the limit of a key are names like others. */
static void test_number_longest_names_are_told_apart(void **state)
{
    struct kernel *k = *state;
    char a[256];
    char b[256];

    memset(a, 'x', 255);
    a[255] = '\0';
    memcpy(b, a, sizeof b);
    b[254] = 'y';
    assert_int_equal(kernel_create_table(k, "main", a), 1);
    assert_int_equal(kernel_create_table(k, "main", b), 1);
    a[0] = 'X';
    assert_int_equal(kernel_append(k, "main", a, 1), 2);
    assert_int_equal(kernel_append(k, "main", b, 1), 2);
    assert_int_equal(version_on(k, "main", a), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_number_counts_over_all_branches),
        kernel_test(test_number_goes_on_after_drop),
        kernel_test(test_number_of_a_rename_is_above_both_names),
        kernel_test(test_number_of_a_table_with_two_names_is_above_both),
        kernel_test(test_number_tables_swap_names_in_one_commit),
        kernel_test(test_number_create_or_replace_is_drop_and_create),
        kernel_test(test_number_columns_get_ids_over_all_branches),
        kernel_test(test_number_row_ids_are_one_tables_over_all_branches),
        kernel_test(test_number_longest_names_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
