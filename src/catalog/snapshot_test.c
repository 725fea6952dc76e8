/* SPDX-License-Identifier: Apache-2.0 */
/* Refs of every form, branches and tags, and what the catalog says of them. */
#include <stdlib.h>

#include "catalog/catalog.h"
#include "support/kernel_fixture.h"

static arm_status resolve(struct kernel *k, const char *ref, struct arm_snapshot *out)
{
    struct arm_snapshot on = kernel_snapshot(k, "main");

    return arm__catalog_resolve(arm__repository_catalog(k->repository), &on, ref, out, &k->err);
}

static void expect_ref(struct kernel *k, const char *ref, const char *branch, uint64_t tx)
{
    struct arm_snapshot at = {.tx = 0};

    if (resolve(k, ref, &at) != ARM_OK) {
        fail_msg("%s: %s", ref, k->err.message);
    }
    assert_string_equal(at.branch, branch);
    assert_int_equal(at.tx, tx);
}

static void expect_no_ref(struct kernel *k, const char *ref, arm_status wanted)
{
    struct arm_snapshot at;

    assert_fails(wanted, resolve(k, ref, &at), k->err);
}

static int64_t time_of(struct kernel *k, uint64_t tx)
{
    struct arm_index_txn *txn;
    struct arm_record_row row = {.time_us = 0};
    bool found;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__index_record(txn, tx, &row, &found, &k->err), k->err);
    arm__index_abort(txn);
    return row.time_us;
}

/* tx 1: main. 2: create t. 3, 4: appends. 5: branch b. 6: append on b. 7: tag. 8: append on main.
 * 9: branch c from b's tx 3. */
static void make_history(struct kernel *k)
{
    struct arm_snapshot at;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 1);
    (void)kernel_append(k, "main", "t", 1);
    (void)kernel_branch(k, "b", "main");
    (void)kernel_append(k, "b", "t", 1);
    at = kernel_snapshot(k, "b");
    (void)kernel_ref(k, ARMPB__REF_KIND__TAG, ARMPB__REF_ACTION__REF_CREATE, "v1", &at);
    (void)kernel_append(k, "main", "t", 1);
    at.tx = 3;
    (void)kernel_ref(k, ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_CREATE, "c", &at);
}

static void test_ref_every_form(void **state)
{
    struct kernel *k = *state;

    make_history(k);
    expect_ref(k, "main", "main", 9);
    expect_ref(k, "main~0", "main", 9);
    expect_ref(k, "main~1", "main", 4);
    expect_ref(k, "main~3", "main", 2);
    expect_no_ref(k, "main~4", ARM_NOT_FOUND);
    expect_ref(k, "b", "b", 9);
    expect_ref(k, "b~1", "b", 4); /* through the branch's creation */
    expect_ref(k, "c~1", "c", 2);
    expect_ref(k, "v1", "b", 6);
    expect_ref(k, "v1~2", "b", 3);
    expect_ref(k, "tx:3", "main", 3);
    expect_ref(k, "tx:6", "b", 6);
    expect_ref(k, "tx:6~1", "b", 4);
    expect_no_ref(k, "tx:10", ARM_NOT_FOUND);
    expect_no_ref(k, "tx:0", ARM_NOT_FOUND);
    expect_no_ref(k, "nothing", ARM_NOT_FOUND);
    expect_no_ref(k, "version:2", ARM_INVALID);
    expect_no_ref(k, "a..b", ARM_INVALID);
}

static void test_ref_times(void **state)
{
    struct kernel *k = *state;
    char text[ARM_TIME_TEXT + 8];

    make_history(k);
    for (uint64_t tx = 2; tx <= 9; tx++) {
        static const uint64_t heads[] = {0, 0, 2, 3, 4, 4, 4, 4, 8, 8};

        assert_true(time_of(k, tx) > time_of(k, tx - 1));
        arm__time_format(time_of(k, tx), text);
        expect_ref(k, text, "main", heads[tx]);
    }
    strcat(text, "~1");
    expect_ref(k, text, "main", 4);
    arm__time_format(time_of(k, 2) - 1, text);
    expect_no_ref(k, text, ARM_NOT_FOUND);
    assert_non_null(strstr(k->err.message, text));
    expect_ref(k, "2999-01-01", "main", 8);
}

/* What a ref means is what the table was. */
static void test_ref_of_a_table(void **state)
{
    static const struct {
        const char *ref;
        uint64_t version;
    } cases[] = {{"main", 5}, {"b", 4}, {"c", 2},         {"v1", 4},          {"main~1", 3},
                 {"tx:6", 4}, {"3", 3}, {"version:4", 4}, {"version:5~1", 3}, {"tx:2", 1}};
    struct kernel *k = *state;
    struct arm_snapshot on;
    struct arm_table_info info = {.schema = NULL};

    make_history(k);
    on = kernel_snapshot(k, "main");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(arm__catalog_table_at(arm__repository_catalog(k->repository), &on, "main", "T",
                                        cases[i].ref, &info, &k->err),
                  k->err);
        assert_int_equal(info.row.version, cases[i].version);
        assert_string_equal(info.row.name, "t");
        assert_int_equal(info.version.version, cases[i].version);
        arm__table_info_release(&info);
    }
    assert_fails(ARM_NOT_FOUND,
                 arm__catalog_table_at(arm__repository_catalog(k->repository), &on, "main", "t",
                                       "version:6", &info, &k->err),
                 k->err);
    assert_non_null(strstr(k->err.message, "1 to 5"));
    assert_fails(ARM_NOT_FOUND,
                 arm__catalog_table_at(arm__repository_catalog(k->repository), &on, "main", "t",
                                       "tx:1", &info, &k->err),
                 k->err);
}

/* ---- Branches and tags ---- */

static arm_status change_ref(struct kernel *k, Armpb__RefKind kind, Armpb__RefAction action,
                             const char *name, const char *new_name, const char *description)
{
    Armpb__RefChange change = ARMPB__REF_CHANGE__INIT;
    uint64_t tx;

    change.kind = kind;
    change.action = action;
    change.name = (char *)(uintptr_t)name;
    change.new_name = (char *)(uintptr_t)new_name;
    change.description = (char *)(uintptr_t)description;
    if (action == ARMPB__REF_ACTION__REF_CREATE) {
        change.has_from_branch_id = true;
        change.from_branch_id = 1;
    }
    return arm__commit_ref(k->repository, &change, &tx, &k->err);
}

#define BRANCH ARMPB__REF_KIND__BRANCH
#define TAG ARMPB__REF_KIND__TAG
#define CREATE ARMPB__REF_ACTION__REF_CREATE
#define DROP ARMPB__REF_ACTION__REF_DROP
#define RENAME ARMPB__REF_ACTION__REF_RENAME
#define DESCRIBE ARMPB__REF_ACTION__REF_DESCRIBE

static void test_ref_changes_that_are_refused(void **state)
{
    struct kernel *k = *state;

    assert_fails(ARM_NOT_FOUND, change_ref(k, TAG, CREATE, "v", NULL, NULL), k->err);
    assert_non_null(strstr(k->err.message, "no commit"));
    (void)kernel_create_table(k, "main", "t");
    assert_ok(change_ref(k, TAG, CREATE, "v", NULL, NULL), k->err);
    assert_fails(ARM_EXISTS, change_ref(k, TAG, CREATE, "v", NULL, NULL), k->err);
    assert_ok(change_ref(k, BRANCH, CREATE, "v", NULL, NULL),
              k->err);          /* tags and branches differ */
    expect_ref(k, "v", "v", 4); /* a branch before a tag */
    assert_fails(ARM_EXISTS, change_ref(k, BRANCH, CREATE, "main", NULL, NULL), k->err);
    assert_fails(ARM_INVALID_NAME, change_ref(k, BRANCH, CREATE, "a b", NULL, NULL), k->err);
    assert_fails(ARM_INVALID, change_ref(k, BRANCH, DROP, "main", NULL, NULL), k->err);
    assert_fails(ARM_INVALID, change_ref(k, BRANCH, RENAME, "main", "x", NULL), k->err);
    assert_fails(ARM_NOT_FOUND, change_ref(k, BRANCH, DROP, "x", NULL, NULL), k->err);
    assert_fails(ARM_NOT_FOUND, change_ref(k, TAG, DROP, "x", NULL, NULL), k->err);
    assert_fails(ARM_EXISTS, change_ref(k, BRANCH, RENAME, "v", "main", NULL), k->err);
    assert_fails(ARM_INVALID, change_ref(k, BRANCH, RENAME, "v", NULL, NULL), k->err);
}

/* A line for each branch. */
static arm_status list_branch(void *context, const struct arm_branch_info *info,
                              struct arm_error *err)
{
    char *out = context;
    size_t size = strlen(out);

    assert_true(info->created_us > 0);
    (void)snprintf(out + size, 1024 - size, "%s@%llu<%s:%s;", info->name,
                   (unsigned long long)info->head_tx, info->parent,
                   info->description == NULL ? "" : info->description);
    return ARM_OK;
}

static void expect_branches(struct kernel *k, const char *wanted)
{
    char out[1024] = "";

    assert_ok(
        arm__catalog_branches(arm__repository_catalog(k->repository), list_branch, out, &k->err),
        k->err);
    assert_string_equal(out, wanted);
}

static void test_ref_branches_are_listed_with_what_is_known(void **state)
{
    struct kernel *k = *state;

    expect_branches(k, "main@0<:;");
    (void)kernel_create_table(k, "main", "t");
    assert_ok(change_ref(k, BRANCH, CREATE, "b", NULL, "first"), k->err);
    expect_branches(k, "b@2<main:first;main@2<:;");
    (void)kernel_append(k, "b", "t", 1);
    assert_ok(change_ref(k, BRANCH, RENAME, "b", "feature/x", NULL), k->err);
    expect_branches(k, "feature/x@4<main:first;main@2<:;");
    assert_ok(change_ref(k, BRANCH, DESCRIBE, "feature/x", NULL, "second"), k->err);
    assert_ok(change_ref(k, BRANCH, DESCRIBE, "main", NULL, "the trunk"), k->err);
    expect_branches(k, "feature/x@4<main:second;main@2<:the trunk;");
    (void)kernel_branch(k, "leaf", "feature/x");
    assert_ok(change_ref(k, BRANCH, DROP, "feature/x", NULL, NULL), k->err);
    expect_branches(k, "leaf@4<:;main@2<:the trunk;"); /* its origin has no name any more */
    kernel_reopen(k);
    expect_branches(k, "leaf@4<:;main@2<:the trunk;");
    assert_ok(change_ref(k, BRANCH, CREATE, "feature/x", NULL, NULL), k->err); /* another one */
    expect_branches(k, "feature/x@2<main:;leaf@4<:;main@2<:the trunk;");
}

/* A session that stands on a renamed branch commits to it; on a dropped one it cannot. */
static void test_ref_renamed_and_dropped_branches_under_a_writer(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_new_change change = kernel_create_change("t");

    (void)kernel_branch(k, "b", "main");
    at = kernel_snapshot(k, "b");
    assert_ok(change_ref(k, BRANCH, RENAME, "b", "c", NULL), k->err);
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    assert_int_equal(kernel_append(k, "c", "t", 1), 2);
    at = kernel_snapshot(k, "c");
    assert_ok(change_ref(k, BRANCH, DROP, "c", NULL, NULL), k->err);
    change = kernel_create_change("u");
    assert_fails(ARM_NOT_FOUND, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_ref_every_form),
        kernel_test(test_ref_times),
        kernel_test(test_ref_of_a_table),
        kernel_test(test_ref_changes_that_are_refused),
        kernel_test(test_ref_branches_are_listed_with_what_is_known),
        kernel_test(test_ref_renamed_and_dropped_branches_under_a_writer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
