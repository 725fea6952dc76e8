/* SPDX-License-Identifier: Apache-2.0 */
/* Commits with two parents: what they adopt, write and keep (K8). */

#include "catalog/lineage.h"
#include "commit/gc_fixture.h"

static struct arm_id head_id(struct kernel *k, const char *branch, uint64_t *out_tx)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_index_txn *txn = NULL;
    struct arm_record_row row = {.tx = 0};
    uint64_t tx = 0;
    bool found;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__index_head(txn, at.branch_id, at.tx, &tx, &k->err), k->err);
    assert_ok(arm__index_record(txn, tx, &row, &found, &k->err), k->err);
    arm__index_abort(txn);
    if (out_tx != NULL) {
        *out_tx = tx;
    }
    return row.commit_id;
}

static arm_status merge_on(struct kernel *k, const struct arm_snapshot *target, const char *source,
                           struct arm_new_change *changes, size_t count, uint64_t *out_tx)
{
    struct arm_commit_request request = {.snapshot = *target,
                                         .author = "test",
                                         .message = "merge",
                                         .merged = head_id(k, source, NULL),
                                         .change_count = count,
                                         .changes = changes};
    struct arm_commit_result result = {.tx = 0};
    arm_status st = arm__commit(k->repository, &request, &result, NULL, &k->err);

    if (out_tx != NULL) {
        *out_tx = result.tx;
    }
    return st;
}

static arm_status merge(struct kernel *k, const char *target, const char *source,
                        struct arm_new_change *changes, size_t count, uint64_t *out_tx)
{
    struct arm_snapshot at = kernel_snapshot(k, target);

    return merge_on(k, &at, source, changes, count, out_tx);
}

/* What `source` has of a table, for `target`. */
static struct arm_new_change adopt(struct kernel *k, const char *target, const char *source,
                                   const char *name)
{
    struct arm_snapshot to = kernel_snapshot(k, target);
    struct arm_snapshot from = kernel_snapshot(k, source);
    struct arm_table_info ours = {.schema = NULL};
    struct arm_table_info theirs = {.schema = NULL};
    bool had = kernel_find(k, &to, name, &ours);

    assert_true(kernel_find(k, &from, name, &theirs));
    return (struct arm_new_change){.kind = ARMPB__CHANGE_KIND__ADOPT,
                                   .table_id = theirs.row.table_id,
                                   .schema_name = "main",
                                   .name = name,
                                   .base_version = theirs.row.version,
                                   .had_version = had ? ours.row.version : 0,
                                   .rows_added = theirs.version.row_count -
                                                 (had ? ours.version.row_count : 0)};
}

static uint64_t version_on(struct kernel *k, const char *branch, const char *name)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_table_info info = {.schema = NULL};

    return kernel_find(k, &at, name, &info) ? info.row.version : 0;
}

static uint64_t rows_on(struct kernel *k, const char *branch, const char *name)
{
    struct arm_table_state *state = kernel_state(k, branch, name);
    uint64_t rows = state->live_rows;

    arm__table_state_drop(state);
    return rows;
}

/* t: version 1 made on main, 2 with a row; branch b; 3 on b. */
static void make_branch(struct kernel *k)
{
    (void)kernel_create_table(k, "main", "t");
    (void)kernel_append(k, "main", "t", 1);
    (void)kernel_branch(k, "b", "main");
    assert_int_equal(kernel_append(k, "b", "t", 2), 3);
}

static arm_status see_parents(void *context, const struct arm_commit_info *info,
                              struct arm_error *err)
{
    uint64_t *count = context;

    (void)err;
    *count = info->commit->n_parents;
    return ARM_OK;
}

static void test_merge_K8_a_version_is_adopted(void **state)
{
    struct kernel *k = *state;
    struct arm_new_change change;
    uint64_t parents = 0;
    uint64_t tx;

    make_branch(k);
    change = adopt(k, "main", "b", "t");
    assert_ok(merge(k, "main", "b", &change, 1, &tx), k->err);
    assert_int_equal(version_on(k, "main", "t"), 3);
    assert_int_equal(rows_on(k, "main", "t"), 3);
    assert_ok(arm__catalog_commit(arm__repository_catalog(k->repository), tx, see_parents, &parents,
                                  &k->err),
              k->err);
    assert_int_equal(parents, 2);
    assert_sound(k);
    assert_int_equal(kernel_append(k, "main", "t", 1), 4); /* and goes on from there */
    assert_int_equal(rows_on(k, "b", "t"), 3);
    kernel_reopen(k);
    assert_int_equal(rows_on(k, "main", "t"), 4);
    assert_sound(k);
}

static void test_merge_K8_a_new_table_is_adopted(void **state)
{
    struct kernel *k = *state;
    struct arm_new_change change;

    make_branch(k);
    (void)kernel_create_table(k, "b", "u");
    (void)kernel_append(k, "b", "u", 5);
    change = adopt(k, "main", "b", "u");
    assert_ok(merge(k, "main", "b", &change, 1, NULL), k->err);
    assert_int_equal(rows_on(k, "main", "u"), 5);
    (void)kernel_create_table(k, "main", "v"); /* its name is taken by another of b's */
    (void)kernel_create_table(k, "b", "v");
    change = adopt(k, "main", "b", "v");
    change.had_version = 0;
    assert_fails(ARM_EXISTS, merge(k, "main", "b", &change, 1, NULL), k->err);
    assert_sound(k);
}

static void test_merge_K8_what_was_adopted_may_be_changed_further(void **state)
{
    struct kernel *k = *state;
    struct arm_new_change change;
    struct kernel_batch batch;

    make_branch(k);
    change = adopt(k, "main", "b", "t");
    change.added = kernel_hot(k, 4, &batch);
    change.added_count = 1;
    assert_ok(merge(k, "main", "b", &change, 1, NULL), k->err);
    assert_int_equal(version_on(k, "main", "t"), 4);
    assert_int_equal(rows_on(k, "main", "t"), 7);
    change = adopt(k, "b", "main", "t"); /* back, under another name: a version of its own */
    change.name = "renamed";
    assert_ok(merge(k, "b", "main", &change, 1, NULL), k->err);
    assert_int_equal(version_on(k, "b", "renamed"), 5);
    assert_int_equal(version_on(k, "b", "t"), 0);
    assert_sound(k);
}

static void test_merge_K8_others_came_first(void **state)
{
    struct kernel *k = *state;
    struct arm_new_change change;
    struct arm_snapshot before;

    make_branch(k);
    before = kernel_snapshot(k, "main");
    change = adopt(k, "main", "b", "t");
    (void)kernel_append(k, "main", "t", 1);
    assert_fails(ARM_CONFLICT, merge_on(k, &before, "b", &change, 1, NULL), k->err);
    assert_non_null(strstr(k->err.message, "it was changed"));
    assert_int_equal(rows_on(k, "main", "t"), 2);
    before = kernel_snapshot(k, "main");
    (void)kernel_create_table(k, "b", "u");
    change = adopt(k, "main", "b", "u");
    (void)kernel_create_table(k, "main", "u");
    assert_fails(ARM_CONFLICT, merge_on(k, &before, "b", &change, 1, NULL), k->err);
    assert_sound(k);
}

/* A writer whose base was before the merge is held against what the source did. */
static void test_merge_K3_a_writer_meets_what_was_merged(void **state)
{
    struct kernel *k = *state;
    struct arm_new_change change;
    struct arm_new_change append;
    struct arm_new_change drop;
    struct arm_snapshot before;
    struct kernel_batch batch;

    make_branch(k);
    before = kernel_snapshot(k, "main");
    append = kernel_change(k, &before, "t", ARMPB__CHANGE_KIND__WRITE);
    append.added = kernel_hot(k, 1, &batch);
    append.added_count = 1;
    drop = kernel_change(k, &before, "t", ARMPB__CHANGE_KIND__DROP);
    change = adopt(k, "main", "b", "t");
    assert_ok(merge(k, "main", "b", &change, 1, NULL), k->err);
    assert_fails(ARM_CONFLICT, kernel_commit_one(k, &before, &drop, NULL, NULL), k->err);
    assert_ok(kernel_commit_one(k, &before, &append, NULL, NULL), k->err);
    assert_int_equal(rows_on(k, "main", "t"), 4);
    assert_sound(k);
}

/* Both changed it: entries of theirs come into ours, with their row ids. */
static void test_merge_entries_keep_their_row_ids(void **state)
{
    struct kernel *k = *state;
    struct arm_table_state *theirs;
    struct arm_table_state *ours;
    struct arm_new_change change;
    struct arm_new_entry entry;
    struct arm_snapshot at;
    struct arm_buf hot = ARM_BUF_INIT(1 << 20);
    uint64_t first;

    make_branch(k);
    (void)kernel_append(k, "main", "t", 3);
    theirs = kernel_state(k, "b", "t");
    first = theirs->entries[1].first_row_id;
    assert_ok(arm__catalog_hot_rows(arm__repository_catalog(k->repository), &theirs->entries[1],
                                    &hot, &k->err),
              k->err);
    entry = (struct arm_new_entry){.rows = theirs->entries[1].rows,
                                   .is_hot = true,
                                   .hot = arm__buf_bytes(&hot),
                                   .rows_hash = theirs->entries[1].rows_hash,
                                   .keeps_row_ids = true,
                                   .first_row_id = first,
                                   .schema_id = theirs->entries[1].schema_id};
    at = kernel_snapshot(k, "main");
    change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    change.added = &entry;
    change.added_count = 1;
    assert_ok(merge(k, "main", "b", &change, 1, NULL), k->err);
    ours = kernel_state(k, "main", "t");
    assert_int_equal(ours->live_rows, 6);
    assert_int_equal(ours->entries[2].first_row_id, first);
    assert_int_not_equal(ours->entries[1].first_row_id, first);
    assert_sound(k);
    arm__buf_release(&hot);
    arm__table_state_drop(ours);
    arm__table_state_drop(theirs);
}

static void test_merge_K8_a_merge_of_nothing_is_a_commit(void **state)
{
    struct kernel *k = *state;
    uint64_t tx = 0;

    make_branch(k);
    assert_ok(merge(k, "main", "b", NULL, 0, &tx), k->err);
    assert_int_not_equal(tx, 0);
    assert_int_equal(version_on(k, "main", "t"), 2);
    assert_fails(ARM_INVALID, merge(k, "main", "main", NULL, 0, NULL), k->err);
    assert_sound(k);
}

static void test_merge_into_a_branch_without_a_commit(void **state)
{
    struct kernel *k = *state;
    struct arm_new_change change;
    uint64_t parents = 0;
    uint64_t tx;

    (void)kernel_branch(k, "b", "main");
    (void)kernel_create_table(k, "b", "t");
    (void)kernel_append(k, "b", "t", 2);
    change = adopt(k, "main", "b", "t");
    assert_ok(merge(k, "main", "b", &change, 1, &tx), k->err);
    assert_int_equal(rows_on(k, "main", "t"), 2);
    assert_ok(arm__catalog_commit(arm__repository_catalog(k->repository), tx, see_parents, &parents,
                                  &k->err),
              k->err);
    assert_int_equal(parents, 1);
    kernel_reopen(k);
    assert_sound(k);
}

/* N2: the version is main's as well, and outlives the branch that made it. */
static void test_merge_N2_what_was_adopted_is_retained(void **state)
{
    struct kernel *k = *state;
    struct arm_gc_request request = {.until_us = INT64_MAX};
    struct arm_new_change change;
    struct arm_new_entry entry;
    struct arm_gc_report report;
    struct arm_snapshot at;

    make_branch(k);
    at = kernel_snapshot(k, "b");
    entry = kernel_chunk(k, 10);
    change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    change.truncated = true;
    change.added = &entry;
    change.added_count = 1;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    change = adopt(k, "main", "b", "t");
    assert_ok(merge(k, "main", "b", &change, 1, NULL), k->err);
    (void)kernel_ref(k, ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_DROP, "b", NULL);
    assert_ok(arm__repository_gc(k->repository, &request, &report, &k->err), k->err);
    assert_true(is_there(k, &entry.chunk));
    assert_int_equal(rows_on(k, "main", "t"), 10);
    (void)kernel_append(k, "main", "t", 1);
    at = kernel_snapshot(k, "main");
    change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    change.truncated = true;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    assert_ok(arm__repository_gc(k->repository, &request, &report, &k->err), k->err);
    assert_false(is_there(k, &entry.chunk)); /* nobody's any more */
    assert_sound(k);
}

/* ---- Histories ---- */

static struct arm_lineage lineage_of(struct kernel *k, struct arm_index_txn *txn,
                                     const char *branch)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_lineage lineage = {0};

    assert_ok(arm__lineage_of(txn, at.branch_id, at.tx, &lineage, &k->err), k->err);
    return lineage;
}

/* The merge bases of two branches: their txs, latest first; how many. */
static size_t bases(struct kernel *k, const char *one, const char *other, uint64_t out[4])
{
    struct arm_lineage_point *points = NULL;
    struct arm_index_txn *txn = NULL;
    struct arm_lineage a;
    struct arm_lineage b;
    size_t count = 0;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    a = lineage_of(k, txn, one);
    b = lineage_of(k, txn, other);
    assert_ok(arm__lineage_bases(txn, &a, &b, &points, &count, &k->err), k->err);
    for (size_t i = 0; i < count && i < 4; i++) {
        out[i] = points[i].tx;
    }
    arm__free(points);
    arm__lineage_release(&a);
    arm__lineage_release(&b);
    arm__index_abort(txn);
    return count;
}

static void test_lineage_bases_of_branches(void **state)
{
    struct kernel *k = *state;
    uint64_t fork;
    uint64_t on_b;
    uint64_t merged;
    uint64_t base[4];

    (void)kernel_create_table(k, "main", "t");
    (void)head_id(k, "main", &fork);
    (void)kernel_branch(k, "b", "main");
    assert_int_equal(bases(k, "main", "b", base), 1);
    assert_int_equal(base[0], fork);
    (void)kernel_append(k, "b", "t", 1);
    (void)head_id(k, "b", &on_b);
    (void)kernel_append(k, "main", "t", 1);
    assert_int_equal(bases(k, "main", "b", base), 1);
    assert_int_equal(base[0], fork);
    assert_ok(merge(k, "main", "b", NULL, 0, &merged), k->err);
    assert_int_equal(bases(k, "main", "b", base), 1);
    assert_int_equal(base[0], on_b);
    (void)kernel_branch(k, "c", "b"); /* a branch of a branch */
    (void)kernel_append(k, "c", "t", 1);
    assert_int_equal(bases(k, "main", "c", base), 1);
    assert_int_equal(base[0], on_b);
    assert_ok(merge(k, "b", "main", NULL, 0, NULL), k->err);
    assert_int_equal(bases(k, "main", "b", base), 1);
    assert_int_equal(base[0], merged);
}

/* main and b merge each other's head of before: two bases, of which neither has the other. */
static void test_lineage_bases_of_a_criss_cross(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot old_b;
    struct arm_commit_request request;
    struct arm_commit_result result;
    uint64_t on_main;
    uint64_t on_b;
    uint64_t base[4];

    make_branch(k);
    (void)kernel_append(k, "main", "t", 1);
    (void)head_id(k, "b", &on_b);
    old_b = kernel_snapshot(k, "b");
    request =
        (struct arm_commit_request){.snapshot = old_b, .merged = head_id(k, "main", &on_main)};
    assert_ok(merge(k, "main", "b", NULL, 0, NULL), k->err);
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    assert_int_equal(bases(k, "main", "b", base), 2);
    assert_int_equal(base[0], on_main > on_b ? on_main : on_b);
    assert_int_equal(base[1], on_main > on_b ? on_b : on_main);
}

static void test_lineage_gives_all_commits_latest_first(void **state)
{
    struct kernel *k = *state;
    struct arm_index_txn *txn = NULL;
    struct arm_lineage lineage;
    uint64_t last = UINT64_MAX;
    uint64_t tx = 0;
    size_t count = 0;

    make_branch(k);
    (void)kernel_append(k, "main", "t", 1);
    assert_ok(merge(k, "main", "b", NULL, 0, NULL), k->err);
    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    lineage = lineage_of(k, txn, "main");
    for (;;) {
        assert_ok(arm__lineage_next(txn, &lineage, &tx, &k->err), k->err);
        if (tx == 0) {
            break;
        }
        assert_true(tx < last);
        last = tx;
        count++;
    }
    assert_int_equal(count, 5); /* three of main, one of b, the merge */
    arm__lineage_release(&lineage);
    arm__index_abort(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_merge_K8_a_version_is_adopted),
        kernel_test(test_merge_K8_a_new_table_is_adopted),
        kernel_test(test_merge_K8_what_was_adopted_may_be_changed_further),
        kernel_test(test_merge_K8_others_came_first),
        kernel_test(test_merge_K3_a_writer_meets_what_was_merged),
        kernel_test(test_merge_entries_keep_their_row_ids),
        kernel_test(test_merge_K8_a_merge_of_nothing_is_a_commit),
        kernel_test(test_merge_into_a_branch_without_a_commit),
        kernel_test(test_merge_N2_what_was_adopted_is_retained),
        kernel_test(test_lineage_bases_of_branches),
        kernel_test(test_lineage_bases_of_a_criss_cross),
        kernel_test(test_lineage_gives_all_commits_latest_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
