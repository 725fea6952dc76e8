/* SPDX-License-Identifier: Apache-2.0 */
/* What a branch asks of commits (K9). */

#include <string.h>

#include "commit/commit_private.h"
#include "support/kernel_fixture.h"

/* Ask that of the branch; `check_count` 0 and not `only_merges`: nothing. The tx. */
static uint64_t protect(struct kernel *k, const char *branch, bool only_merges, size_t check_count)
{
    static char query[] = "SELECT 1 WHERE false";
    Armpb__RefChange change = ARMPB__REF_CHANGE__INIT;
    Armpb__Protection protection = ARMPB__PROTECTION__INIT;
    Armpb__Check check = ARMPB__CHECK__INIT;
    Armpb__Check *checks[1] = {&check};
    uint64_t tx = 0;

    check.sql = query;
    protection.has_only_merges = only_merges;
    protection.only_merges = only_merges;
    protection.n_checks = check_count;
    protection.checks = checks;
    change.kind = ARMPB__REF_KIND__BRANCH;
    change.action = ARMPB__REF_ACTION__REF_PROTECT;
    change.name = (char *)(uintptr_t)branch;
    change.protection = only_merges || check_count > 0 ? &protection : NULL;
    assert_ok(arm__commit_ref(k->repository, &change, &tx, &k->err), k->err);
    return tx;
}

/* The last commit of a branch. */
static struct arm_id head_id(struct kernel *k, const char *branch)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_record_row row = {.tx = 0};
    struct arm_index_txn *txn = NULL;
    uint64_t tx = 0;
    bool found = false;

    assert_ok(arm__index_read(k->repository->index, &txn, &k->err), k->err);
    assert_ok(arm__index_head(txn, at.branch_id, at.tx, &tx, &k->err), k->err);
    assert_ok(arm__index_record(txn, tx, &row, &found, &k->err), k->err);
    arm__index_abort(txn);
    assert_true(found);
    return row.commit_id;
}

/* A row more in t, as seen at `at`. */
static arm_status append(struct kernel *k, const struct arm_snapshot *at, bool is_merge,
                         uint64_t checked_tx)
{
    struct arm_new_change change = kernel_change(k, at, "t", ARMPB__CHANGE_KIND__WRITE);
    struct arm_commit_request request = {.snapshot = *at,
                                         .author = "test",
                                         .message = "m",
                                         .change_count = 1,
                                         .changes = &change,

                                         .checked_tx = checked_tx};
    struct arm_commit_result result;
    struct kernel_batch batch;

    if (is_merge) {
        request.merged = head_id(k, "other");
    }
    change.added = kernel_hot(k, 1, &batch);
    change.added_count = 1;
    return arm__commit(k->repository, &request, &result, NULL, &k->err);
}

static void test_protect_K9_only_merges(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot main_at;
    struct arm_snapshot other_at;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_branch(k, "other", "main");
    (void)protect(k, "main", true, 0);
    main_at = kernel_snapshot(k, "main");
    other_at = kernel_snapshot(k, "other");
    assert_fails(ARM_CONSTRAINT, append(k, &main_at, false, 0), k->err);
    assert_non_null(strstr(k->err.message, "branch \"main\" takes only merges"));
    assert_ok(append(k, &other_at, false, 0), k->err); /* another branch asks nothing */
    assert_ok(append(k, &main_at, true, 0), k->err);
    kernel_reopen(k);
    main_at = kernel_snapshot(k, "main");
    assert_fails(ARM_CONSTRAINT, append(k, &main_at, false, 0), k->err);
    (void)protect(k, "main", false, 0);
    assert_ok(append(k, &main_at, false, 0), k->err);
}

static void test_protect_K9_checks_hold_for_the_head_that_they_saw(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot old_at;
    struct arm_snapshot at;
    uint64_t checks;
    uint64_t others;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_branch(k, "other", "main");
    old_at = kernel_snapshot(k, "main");
    checks = protect(k, "main", false, 1);
    at = kernel_snapshot(k, "main");
    assert_fails(ARM_CONSTRAINT, append(k, &at, false, 0), k->err);
    assert_non_null(strstr(k->err.message, "this way of writing does not run"));
    assert_fails(ARM_CONFLICT, append(k, &old_at, false, 0), k->err); /* it could not know */
    assert_ok(append(k, &old_at, false, checks), k->err); /* asked since: what it saw is the head */
    assert_fails(ARM_CONFLICT, append(k, &at, false, checks), k->err); /* the head is another now */
    at = kernel_snapshot(k, "main");
    others = protect(k, "main", false, 1);
    assert_fails(ARM_CONFLICT, append(k, &at, false, checks), k->err); /* others are asked now */
    assert_ok(append(k, &at, false, others), k->err);
    at = kernel_snapshot(k, "other");
    assert_ok(append(k, &at, false, 0), k->err);
}

/* It belongs to the branch: a rename takes it along, a description leaves it, a drop ends it, and
 * none starts with it. */
static void test_protect_is_the_branchs(void **state)
{
    struct kernel *k = *state;
    Armpb__RefChange rename = ARMPB__REF_CHANGE__INIT;
    struct arm_snapshot at;
    uint64_t tx;

    (void)kernel_create_table(k, "main", "t");
    (void)kernel_branch(k, "a", "main");
    (void)protect(k, "a", true, 0);
    (void)kernel_branch(k, "b", "a");
    at = kernel_snapshot(k, "b");
    assert_ok(append(k, &at, false, 0), k->err);
    rename.kind = ARMPB__REF_KIND__BRANCH;
    rename.action = ARMPB__REF_ACTION__REF_RENAME;
    rename.name = (char *)(uintptr_t)"a";
    rename.new_name = (char *)(uintptr_t)"c";
    assert_ok(arm__commit_ref(k->repository, &rename, &tx, &k->err), k->err);
    (void)kernel_ref(k, ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_DESCRIBE, "c", NULL);
    at = kernel_snapshot(k, "c");
    assert_fails(ARM_CONSTRAINT, append(k, &at, false, 0), k->err);
    (void)kernel_ref(k, ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_DROP, "c", NULL);
    (void)kernel_branch(k, "c", "main");
    at = kernel_snapshot(k, "c");
    assert_ok(append(k, &at, false, 0), k->err);
}

/* FORMAT says so before the log does, and not sooner. */
static void test_protect_R1_sets_its_feature(void **state)
{
    struct kernel *k = *state;
    bool has = true;

    (void)kernel_branch(k, "b", "main");
    assert_ok(arm__repository_has_feature(k->repository, ARM_FEATURE_PROTECTION, &has, &k->err),
              k->err);
    assert_false(has);
    (void)protect(k, "b", true, 0);
    kernel_reopen(k);
    assert_ok(arm__repository_has_feature(k->repository, ARM_FEATURE_PROTECTION, &has, &k->err),
              k->err);
    assert_true(has);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_protect_K9_only_merges),
        kernel_test(test_protect_K9_checks_hold_for_the_head_that_they_saw),
        kernel_test(test_protect_is_the_branchs),
        kernel_test(test_protect_R1_sets_its_feature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
