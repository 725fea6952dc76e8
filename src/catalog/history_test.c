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

/* ---- Commits of a history that has merges in it ---- */

enum { PLAN_BRANCHES = 24, PLAN_STEPS = 160, PLAN_TXS = 2 * PLAN_STEPS };

/* Of each tx what is behind it, itself included; false for all: it is no commit. */
struct plan {
    struct kernel *k;
    bool behind[PLAN_TXS][PLAN_TXS];
    uint64_t heads[PLAN_BRANCHES]; /* 0 is main */
    size_t branch_count;
    uint64_t seed;
};

static size_t pick(struct plan *plan, size_t count)
{
    plan->seed = plan->seed * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(plan->seed >> 33) % count;
}

static const char *name_branch(size_t branch, char out[16])
{
    (void)snprintf(out, 16, branch == 0 ? "main" : "b%zu", branch);
    return out;
}

static struct arm_id id_of(struct kernel *k, uint64_t tx)
{
    struct arm_index_txn *txn = NULL;
    struct arm_record_row row = {.tx = 0};
    bool found = false;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__index_record(txn, tx, &row, &found, &k->err), k->err);
    arm__index_abort(txn);
    assert_true(found);
    return row.commit_id;
}

static void go_on(struct plan *plan, size_t branch, uint64_t tx, uint64_t merged)
{
    uint64_t parent = plan->heads[branch];

    assert_true(tx < PLAN_TXS);
    for (size_t i = 0; i < PLAN_TXS; i++) {
        plan->behind[tx][i] = i == tx || plan->behind[parent][i] || plan->behind[merged][i];
    }
    plan->heads[branch] = tx;
}

static void append_to(struct plan *plan, size_t branch)
{
    struct kernel *k = plan->k;
    char name[16];
    struct arm_snapshot at = kernel_snapshot(k, name_branch(branch, name));
    struct arm_new_change change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    struct arm_commit_result result = {.tx = 0};
    struct kernel_batch batch;

    change.added = kernel_hot(k, 1, &batch);
    change.added_count = 1;
    assert_ok(kernel_commit_one(k, &at, &change, &result, NULL), k->err);
    go_on(plan, branch, result.tx, 0);
}

/* Nothing comes of it but the second parent. What the target has already is refused. */
static void merge_into(struct plan *plan, size_t target, size_t source)
{
    struct kernel *k = plan->k;
    char name[16];
    struct arm_commit_request request = {.author = "test", .message = "merge"};
    struct arm_commit_result result = {.tx = 0};

    if (plan->behind[plan->heads[target]][plan->heads[source]]) {
        return;
    }
    request.snapshot = kernel_snapshot(k, name_branch(target, name));
    request.merged = id_of(k, plan->heads[source]);
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    go_on(plan, target, result.tx, plan->heads[source]);
}

static void branch_from(struct plan *plan, size_t from)
{
    char name[16];
    char source[16];

    if (plan->branch_count == PLAN_BRANCHES) {
        return;
    }
    (void)kernel_branch(plan->k, name_branch(plan->branch_count, name), name_branch(from, source));
    plan->heads[plan->branch_count++] = plan->heads[from];
}

struct listed {
    const bool *behind;
    uint64_t last;
    size_t count;
};

static arm_status see_ancestor(void *context, const struct arm_commit_info *info,
                               struct arm_error *err)
{
    struct listed *listed = context;

    (void)err;
    assert_true(info->row.tx < listed->last);
    assert_true(listed->behind[info->row.tx]);
    listed->last = info->row.tx;
    listed->count++;
    return ARM_OK;
}

static void expect_ancestors(struct plan *plan, size_t branch)
{
    struct kernel *k = plan->k;
    char name[16];
    struct arm_snapshot at = kernel_snapshot(k, name_branch(branch, name));
    struct listed listed = {.behind = plan->behind[plan->heads[branch]], .last = UINT64_MAX};
    size_t count = 0;

    for (size_t i = 0; i < PLAN_TXS; i++) {
        count += listed.behind[i];
    }
    assert_ok(arm__catalog_log(catalog_of(k), &at, 0, see_ancestor, &listed, &k->err), k->err);
    assert_int_equal(listed.count, count);
}

static void test_history_log_has_all_ancestors(void **state)
{
    static struct plan plan;

    plan = (struct plan){.k = *state, .branch_count = 1, .seed = 1};
    (void)kernel_create_table(plan.k, "main", "t");
    plan.behind[2][2] = true; /* tx 1 made main */
    plan.heads[0] = 2;
    for (size_t step = 0; step < PLAN_STEPS; step++) {
        size_t branch = pick(&plan, plan.branch_count);
        size_t what = pick(&plan, 8);

        if (what == 0) {
            branch_from(&plan, branch);
        } else if (what <= 4) {
            append_to(&plan, branch);
        } else {
            merge_into(&plan, branch, pick(&plan, plan.branch_count));
        }
    }
    assert_int_equal(plan.branch_count, PLAN_BRANCHES);
    for (size_t i = 0; i < plan.branch_count; i++) {
        expect_ancestors(&plan, i);
    }
}

/* A merged branch's commits stand in the log under its name of now, none when it was dropped. */
static void test_history_log_over_a_merge(void **state)
{
    struct kernel *k = *state;
    struct arm_commit_request request = {.author = "test", .message = "merge"};
    struct arm_commit_result result = {.tx = 0};

    (void)kernel_create_table(k, "main", "t"); /* tx 2 */
    (void)kernel_branch(k, "b", "main");
    (void)kernel_append(k, "b", "t", 1);    /* 4 */
    (void)kernel_append(k, "main", "t", 1); /* 5 */
    (void)kernel_append(k, "b", "t", 1);    /* 6 */
    request.snapshot = kernel_snapshot(k, "main");
    request.merged = id_of(k, 4);
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    expect_log(k, "main", 0, "7@main 5@main 4@b 2@main ");
    expect_log(k, "main", 3, "7@main 5@main 4@b ");
    expect_log(k, "b", 0, "6@b 4@b 2@main ");
    (void)kernel_ref(k, ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_DROP, "b", NULL);
    expect_log(k, "main", 0, "7@main 5@main 4@ 2@main ");
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
        kernel_test(test_history_log_has_all_ancestors),
        kernel_test(test_history_log_over_a_merge),
        kernel_test(test_history_versions_of_a_branch_and_of_all),
        kernel_test(test_history_names_of_a_table_at_its_commits),
        kernel_test(test_history_statistics_come_with_the_first_naming),
        kernel_test(test_history_C2_states_never_change),
        kernel_test(test_history_rows_before_a_truncation_are_gone),
        kernel_test(test_history_C2_states_are_made_anew_when_they_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
