/* SPDX-License-Identifier: Apache-2.0 */
/* History that gc gives up, and what refs and readers keep. */

#include "commit/gc_fixture.h"

static arm_status read_version(struct kernel *k, uint64_t version)
{
    struct arm_catalog *catalog = arm__repository_catalog(k->repository);
    struct arm_table_state *state = NULL;
    struct arm_table_info info = {.schema = NULL};
    arm_status st;

    assert_ok(arm__catalog_table_version(catalog, "main", "t", version, &info, &k->err), k->err);
    st = arm__catalog_state(catalog, &info.row.table_id, version, &state, &k->err);
    arm__table_info_release(&info);
    arm__table_state_drop(state);
    return st;
}

static int64_t time_of_version(struct kernel *k, uint64_t version)
{
    struct arm_index_txn *txn = NULL;
    struct arm_table_info info = {.schema = NULL};
    struct arm_record_row row = {.time_us = 0};
    bool found;

    assert_ok(arm__catalog_table_version(arm__repository_catalog(k->repository), "main", "t",
                                         version, &info, &k->err),
              k->err);
    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__index_record(txn, info.version.tx, &row, &found, &k->err), k->err);
    arm__index_abort(txn);
    arm__table_info_release(&info);
    return row.time_us;
}

static struct arm_gc_report give_up(struct kernel *k, int64_t until_us)
{
    struct arm_gc_request request = {.dry_run = true, .until_us = until_us};
    struct arm_gc_report report;
    struct arm_gc_report dry;

    assert_ok(arm__repository_gc(k->repository, &request, &dry, &k->err), k->err);
    request.dry_run = false;
    assert_ok(arm__repository_gc(k->repository, &request, &report, &k->err), k->err);
    assert_memory_equal(&dry, &report, sizeof dry);
    return report;
}

/* All rows of t in a chunk of their own: versions 2, 3, ... */
static struct arm_hash replace_rows(struct kernel *k, const char *branch)
{
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_new_change change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    struct arm_new_entry entry = kernel_chunk(k, 10);

    change.truncated = true;
    change.added = &entry;
    change.added_count = 1;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    return entry.chunk;
}

static void test_retention_G5_history_is_given_up(void **state)
{
    struct kernel *k = *state;
    struct arm_gc_report report;
    struct arm_hash chunks[6];

    (void)kernel_create_table(k, "main", "t");
    for (uint64_t v = 2; v < 6; v++) {
        chunks[v] = replace_rows(k, "main");
    }
    assert_int_equal(give_up(k, 1).chunks, 0); /* before there was anything */
    report =
        give_up(k, time_of_version(k, 3) + (time_of_version(k, 4) - time_of_version(k, 3)) / 2);
    assert_int_equal(report.chunks, 1);
    assert_int_equal(report.horizon_us, time_of_version(k, 3));
    for (uint64_t v = 2; v < 6; v++) { /* 3 was current at that moment */
        assert_int_equal(is_there(k, &chunks[v]), v != 2);
        assert_int_equal(read_version(k, v), v == 2 ? ARM_HISTORY_EXPIRED : ARM_OK);
    }
    assert_fails(ARM_HISTORY_EXPIRED, read_version(k, 1), k->err);
    assert_non_null(strstr(k->err.message, "the oldest version that can be read is 3"));
    assert_sound(k);
    kernel_close(k);
    remove_file(k, "index/data.mdb");
    kernel_open(k);
    assert_fails(ARM_HISTORY_EXPIRED, read_version(k, 2), k->err);
    assert_sound(k);
    remove_chunk(k, &chunks[3]); /* that is damage */
    {
        struct arm_verify_report found;
        char problem[1024] = "";

        assert_ok(arm__repository_verify(k->repository, false, kernel_print_issue, NULL, problem,
                                         &found, &k->err),
                  k->err);
        assert_int_equal(found.issues, 1);
    }
    assert_int_equal(give_up(k, INT64_MAX).chunks, 1);
    assert_sound(k); /* not any more */
}

static void test_retention_G5_refs_keep_what_they_name(void **state)
{
    struct kernel *k = *state;
    struct arm_hash chunks[7];
    struct arm_snapshot at[7];
    Armpb__RefChange change = ARMPB__REF_CHANGE__INIT;
    char name[] = "late";
    uint64_t tx;

    (void)kernel_create_table(k, "main", "t");
    for (uint64_t v = 2; v < 7; v++) {
        chunks[v] = replace_rows(k, "main");
        at[v] = kernel_snapshot(k, "main");
    }
    (void)kernel_ref(k, ARMPB__REF_KIND__TAG, ARMPB__REF_ACTION__REF_CREATE, "tagged", &at[2]);
    (void)kernel_ref(k, ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_CREATE, "side", &at[3]);
    at[1] = kernel_snapshot(k, "side");
    (void)kernel_ref(k, ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_CREATE, "deep", &at[1]);
    (void)replace_rows(k, "side"); /* 7: 3 lives on on deep alone */
    assert_int_equal(give_up(k, INT64_MAX).chunks, 2);
    for (uint64_t v = 2; v < 7; v++) {
        assert_int_equal(is_there(k, &chunks[v]), v != 4 && v != 5);
        assert_int_equal(read_version(k, v), v == 4 || v == 5 ? ARM_HISTORY_EXPIRED : ARM_OK);
    }
    change.kind = ARMPB__REF_KIND__TAG;
    change.action = ARMPB__REF_ACTION__REF_CREATE;
    change.name = name;
    change.has_from_branch_id = change.has_from_tx = true;
    change.from_branch_id = at[4].branch_id;
    change.from_tx = at[4].tx;
    assert_fails(ARM_HISTORY_EXPIRED, arm__commit_ref(k->repository, &change, &tx, &k->err),
                 k->err);
    change.kind = ARMPB__REF_KIND__BRANCH;
    assert_fails(ARM_HISTORY_EXPIRED, arm__commit_ref(k->repository, &change, &tx, &k->err),
                 k->err);
    change.from_tx = at[2].tx; /* which the tag has kept */
    assert_ok(arm__commit_ref(k->repository, &change, &tx, &k->err), k->err);
    (void)kernel_ref(k, ARMPB__REF_KIND__TAG, ARMPB__REF_ACTION__REF_DROP, "tagged", NULL);
    (void)kernel_ref(k, ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_DROP, "deep", NULL);
    assert_int_equal(give_up(k, INT64_MAX).chunks, 1);
    assert_false(is_there(k, &chunks[3]));
    assert_true(is_there(k, &chunks[2]));
    assert_sound(k);
}

/* It is in the log, never goes back, and is not said twice. */
static void test_retention_G5_the_horizon_stays(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot before;
    struct arm_snapshot after;
    struct arm_hash chunk;

    (void)kernel_create_table(k, "main", "t");
    chunk = replace_rows(k, "main");
    (void)replace_rows(k, "main");
    assert_int_equal(give_up(k, INT64_MAX).chunks, 1);
    assert_false(is_there(k, &chunk));
    before = kernel_snapshot(k, "main");
    assert_int_equal(give_up(k, INT64_MAX).chunks, 0);
    assert_int_equal(give_up(k, time_of_version(k, 2)).chunks, 0);
    after = kernel_snapshot(k, "main");
    assert_int_equal(after.tx, before.tx);
    assert_int_equal(gc(k, false, 0).horizon_us, time_of_version(k, 3));
    chunk = replace_rows(k, "main");
    (void)replace_rows(k, "main");
    assert_int_equal(gc(k, false, 0).chunks, 0); /* nothing more is given up unasked */
    assert_true(is_there(k, &chunk));
    assert_fails(ARM_HISTORY_EXPIRED, read_version(k, 2), k->err);
    assert_ok(read_version(k, 4), k->err);
}

static void test_retention_G6_what_is_pinned_stays(void **state)
{
    struct kernel *k = *state;
    struct arm_store *store = arm__repository_store(k->repository);
    struct arm_pin pin = {.is_held = false};
    struct arm_pin later = {.is_held = false};
    struct arm_gc_report report;
    struct arm_hash chunks[3];

    (void)kernel_create_table(k, "main", "t");
    chunks[0] = replace_rows(k, "main");
    chunks[1] = replace_rows(k, "main");
    assert_ok(arm__repository_pin(k->repository, &pin, &k->err), k->err);
    chunks[2] = replace_rows(k, "main");
    assert_ok(arm__repository_pin(k->repository, &later, &k->err), k->err);
    report = give_up(k, INT64_MAX);
    assert_int_equal(report.chunks, 1);
    assert_int_equal(report.pinned, 1);
    assert_false(is_there(k, &chunks[0]));
    assert_true(is_there(k, &chunks[1]));
    assert_fails(ARM_HISTORY_EXPIRED, read_version(k, 3), k->err);
    arm__pin_drop(store, &pin);
    report = gc(k, false, 0);
    assert_int_equal(report.chunks, 1);
    assert_int_equal(report.pinned, 0);
    assert_true(is_there(k, &chunks[2]));
    arm__pin_drop(store, &later);
    assert_sound(k);
}

enum { OLD = 60, LITTER = 600 };

struct late {
    struct kernel *k;
    struct arm_pin pin;
    struct arm_hash old[OLD];
    size_t left;
};

static size_t count_old(struct late *late)
{
    size_t count = 0;

    for (size_t i = 0; i < OLD; i++) {
        count += is_there(late->k, &late->old[i]);
    }
    return count;
}

/* Once something is gone, somebody comes who needs all of it. */
static bool pin_late(void *context, uint64_t done, uint64_t total)
{
    struct late *late = context;

    (void)done;
    (void)total;
    if (!late->pin.is_held && temp_count_files(&late->k->dir, "chunks") < OLD + LITTER) {
        assert_ok(
            arm__pin_take(arm__repository_store(late->k->repository), 1, &late->pin, &late->k->err),
            late->k->err);
        late->left = count_old(late);
    }
    return true;
}

static void test_retention_G6_a_late_pin_counts(void **state)
{
    struct kernel *k = *state;
    static struct late late;
    struct arm_gc_request request = {.until_us = INT64_MAX, .progress = pin_late, .context = &late};
    struct arm_gc_report report;

    late = (struct late){.k = k};
    (void)kernel_create_table(k, "main", "t");
    for (size_t i = 0; i < OLD; i++) {
        late.old[i] = replace_rows(k, "main");
    }
    (void)replace_rows(k, "main");
    for (unsigned i = 0; i < LITTER; i++) {
        litter(k, i);
    }
    assert_ok(arm__repository_gc(k->repository, &request, &report, &k->err), k->err);
    assert_true(late.pin.is_held);
    assert_true(late.left > 0);
    assert_int_equal(count_old(&late), late.left);
    assert_int_equal(temp_count_files(&k->dir, "chunks"), late.left + 1);
    assert_int_equal(report.pinned,
                     OLD); /* those that are gone were needed too, had it come in time */
    arm__pin_drop(arm__repository_store(k->repository), &late.pin);
    assert_int_equal(gc(k, false, 0).chunks, late.left);
    assert_sound(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_retention_G5_history_is_given_up),
        kernel_test(test_retention_G5_refs_keep_what_they_name),
        kernel_test(test_retention_G5_the_horizon_stays),
        kernel_test(test_retention_G6_what_is_pinned_stays),
        kernel_test(test_retention_G6_a_late_pin_counts),
    };

    return cmocka_run_group_tests_name("commit/retention", tests, NULL, NULL);
}
