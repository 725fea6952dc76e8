/* SPDX-License-Identifier: Apache-2.0 */
/* Compactions beside transactions: what they promise (commit/compact.h, U1-U3). */

#include <unistd.h>

#include "txn/compact_fixture.h"

static void insert_one(struct desk *desk, int64_t from, int64_t to)
{
    struct arm_transaction *txn = txn_begin(desk, "main");

    txn_insert(desk, txn, "t", from, to);
    txn_commit(desk, txn);
}

static void delete_one(struct desk *desk, int64_t value)
{
    struct arm_transaction *txn = txn_begin(desk, "main");

    assert_int_equal(txn_delete(desk, txn, "t", value), 1);
    txn_commit(desk, txn);
}

static size_t head_entries(struct desk *desk, size_t *out_hot)
{
    struct arm_table_state *state = kernel_state(desk->kernel, "main", "t");
    size_t count = state->entry_count;

    *out_hot = 0;
    for (size_t i = 0; i < count; i++) {
        *out_hot += state->entries[i].is_hot;
    }
    arm__table_state_drop(state);
    return count;
}

/* U1: every version has the rows, the ids and the order that it had. */
static void assert_unchanged(struct desk *desk, struct id_rows *before, uint64_t count)
{
    for (uint64_t version = 1; version <= count; version++) {
        struct id_rows after = version_rows(desk, version);

        assert_same_id_rows(&before[version - 1], &after, version);
        free(after.rows);
    }
}

static struct id_rows *all_versions(struct desk *desk, uint64_t *out_count)
{
    struct id_rows *all;

    *out_count = head_version(desk);
    all = calloc(*out_count, sizeof *all);
    for (uint64_t version = 1; version <= *out_count; version++) {
        all[version - 1] = version_rows(desk, version);
    }
    return all;
}

static void free_versions(struct id_rows *all, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        free(all[i].rows);
    }
    free(all);
}

static void test_compact_U1_flushes_joins_and_drops_without_a_trace(void **state)
{
    struct desk *desk = *state;
    struct arm_compact_report report;
    struct id_rows *before;
    uint64_t versions;
    uint64_t tx;
    size_t hot;

    make_table(desk, "t", 0, 3);
    for (int64_t i = 1; i <= 20; i++) {
        insert_one(desk, 10 * i, 10 * i + 3);
    }
    insert_one(desk, 1000, 31000); /* a chunk, small, but too large beside the others */
    delete_one(desk, 11);
    delete_one(desk, 1500); /* and one dead row of 30,000 is not worth it */
    before = all_versions(desk, &versions);
    tx = kernel_snapshot(desk->kernel, "main").tx;
    report = desk_compact(desk, NULL);
    assert_int_equal(report.tables, 1);
    assert_int_equal(report.sources, 21);
    assert_int_equal(report.entries, 1);
    assert_int_equal(report.hot_rows, 62);
    assert_int_equal(report.dead_rows, 1);
    assert_int_equal(report.rows, 62);
    assert_int_equal(report.given_up, 0);
    assert_int_equal(head_entries(desk, &hot), 2);
    assert_int_equal(hot, 0);
    assert_int_equal(head_version(desk), versions);
    assert_int_equal(kernel_snapshot(desk->kernel, "main").tx, tx + 1);
    assert_unchanged(desk, before, versions);
    report = desk_compact(desk, NULL); /* there is nothing to do any more: no record */
    assert_int_equal(report.tables, 0);
    assert_int_equal(kernel_snapshot(desk->kernel, "main").tx, tx + 1);
    insert_one(desk, 5, 6); /* and life goes on */
    delete_one(desk, 12);
    (void)desk_compact(desk, NULL);
    delete_one(desk, 5);
    assert_unchanged(desk, before, versions);
    assert_healthy(desk);
    kernel_reopen(desk->kernel);
    assert_unchanged(desk, before, versions);
    free_versions(before, versions);
}

static void test_compact_keeps_ids_implicit_where_they_follow(void **state)
{
    struct desk *desk = *state;
    struct arm_table_state *rows;

    make_table(desk, "t", 0, 3);
    insert_one(desk, 3, 5);
    (void)desk_compact(desk, NULL);
    rows = kernel_state(desk->kernel, "main", "t");
    assert_int_equal(rows->entry_count, 1);
    assert_false(rows->entries[0].explicit_row_ids);
    arm__table_state_drop(rows);
    delete_one(desk, 1);
    delete_one(desk, 2);
    (void)desk_compact(desk, NULL);
    rows = kernel_state(desk->kernel, "main", "t");
    assert_true(rows->entries[0].explicit_row_ids);
    assert_int_equal(rows->entries[0].rows, 3);
    arm__table_state_drop(rows);
    assert_head_rows(desk, "t", "0 3 4");
}

/* Appended piece by piece and joined, rows stand in the chunks that a load of them makes. */
static void test_compact_of_appends_gives_the_chunks_of_a_load(void **state)
{
    struct desk *desk = *state;
    struct rows rows = number_rows(desk, 0, 300000);
    struct arm_written load;
    struct arm_table_state *now;

    make_table(desk, "t", 0, 30000);
    for (int64_t i = 1; i < 10; i++) {
        insert_one(desk, 30000 * i, 30000 * (i + 1));
    }
    (void)desk_compact(desk, NULL);
    now = kernel_state(desk->kernel, "main", "t");
    load = desk_write(desk, rows.schema, &rows, true);
    assert_int_equal(now->entry_count, load.entry_count);
    for (size_t i = 0; i < load.entry_count; i++) {
        assert_true(arm__hash_equal(&now->entries[i].chunk, &load.entries[i].chunk));
    }
    assert_int_equal(load.chunks_new, 0);
    arm__written_release(&load);
    arm__table_state_drop(now);
    rows_free(&rows);
}

/* A chunk whose rows are all dead goes, and nothing comes in its place. */
static void test_compact_of_dead_rows_leaves_an_empty_table(void **state)
{
    struct desk *desk = *state;
    struct arm_compact_report report;
    size_t hot;

    make_table(desk, "t", 0, 2);
    delete_one(desk, 0);
    delete_one(desk, 1);
    report = desk_compact(desk, NULL);
    assert_int_equal(report.sources, 1);
    assert_int_equal(report.entries, 0);
    assert_int_equal(head_entries(desk, &hot), 0);
    assert_head_rows(desk, "t", "");
    insert_one(desk, 7, 9);
    assert_head_rows(desk, "t", "7 8");
    assert_healthy(desk);
}

/* Everything is small: all of it is written anew, into chunks of four times the usual rows. */
static const struct arm_compact_limits all_limits = {.chunk_factor = 4,
                                                     .sources_max = 10,
                                                     .chunk_rows = UINT32_MAX,
                                                     .chunk_bytes = UINT64_MAX,
                                                     .span_rows_max = 10000000};

/* More entries come out than went in: they stand between, and appends come behind them. */
static void test_compact_places_more_entries_than_there_were(void **state)
{
    struct arm_compact_limits usual = all_limits;
    struct desk *desk = *state;
    struct arm_compact_report report;
    struct id_rows *before;
    uint64_t versions;
    size_t hot;

    usual.chunk_factor = 1;
    make_table(desk, "t", 0, 330000);
    report = desk_compact(desk, &all_limits); /* larger chunks */
    assert_int_equal(report.entries, 1);
    insert_one(desk, 400000, 500000);
    insert_one(desk, 600000, 600001);
    before = all_versions(desk, &versions);
    report = desk_compact(desk, &usual); /* and usual ones again */
    assert_true(report.entries > report.sources);
    assert_int_equal(head_entries(desk, &hot), report.entries);
    insert_one(desk, 500000, 500001);
    assert_unchanged(desk, before, versions);
    delete_one(desk, 329999);
    assert_healthy(desk);
    free_versions(before, versions);
}

/* ---- U3: no commit fails because of one ---- */

static void test_compact_U3_deletions_follow_the_rows(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *slow;
    struct arm_transaction *none;

    make_table(desk, "t", 0, 4);
    insert_one(desk, 4, 8);
    insert_one(desk, 8, 12);
    slow = txn_begin(desk, "main");
    none = txn_begin(desk, "main");
    txn_delete(desk, slow, "t", 1);
    txn_delete(desk, slow, "t", 9);
    txn_delete(desk, slow, "t", 11);
    txn_insert(desk, slow, "t", 100, 101);
    (void)desk_compact(desk, NULL);
    delete_one(desk, 0); /* dead in the new chunk ... */
    delete_one(desk, 8);
    delete_one(desk, 10);
    insert_one(desk, 50, 52);
    (void)desk_compact(desk, NULL); /* ... and dropped from the next */
    delete_one(desk, 2);
    assert_rows(desk, slow, "t", "0 2 3 4 5 6 7 8 10 100"); /* X1 */
    txn_commit(desk, slow);
    assert_head_rows(desk, "t", "3 4 5 6 7 50 51 100");
    assert_rows(desk, none, "t", "0 1 2 3 4 5 6 7 8 9 10 11");
    arm__txn_rollback(none);
    assert_healthy(desk);
}

/* Two writers of one row conflict, on whichever side of the compaction the other was. */
static void test_compact_U3_real_conflicts_stay(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *slow[4];
    struct arm_commit_result other;
    struct arm_error err = {0};
    struct arm_transaction *txn;

    make_table(desk, "t", 0, 6);
    for (int i = 0; i < 4; i++) {
        slow[i] = txn_begin(desk, "main");
        txn_delete(desk, slow[i], "t", i);
    }
    delete_one(desk, 0);
    txn = txn_begin(desk, "main");
    txn_delete(desk, txn, "t", 1);
    txn_delete(desk, txn, "t", 5);
    other = txn_commit(desk, txn);
    (void)desk_compact(desk, NULL); /* rows 0, 1 and 5 are dropped */
    delete_one(desk, 2);            /* dead in the new chunk */
    assert_fails(ARM_CONFLICT, arm__txn_commit(slow[0], "x", &(struct arm_commit_result){0}, &err),
                 err);
    assert_fails(ARM_CONFLICT, arm__txn_commit(slow[1], "x", &(struct arm_commit_result){0}, &err),
                 err);
    assert_memory_equal(err.commit_id, other.commit_id.bytes, sizeof err.commit_id);
    assert_fails(ARM_CONFLICT, arm__txn_commit(slow[2], "x", &(struct arm_commit_result){0}, &err),
                 err);
    txn_commit(desk, slow[3]);
    assert_head_rows(desk, "t", "4");
}

/* A replacement goes on from the layout that it was planned on, in its order. */
static void test_compact_U3_replacements_keep_their_order(void **state)
{
    struct desk *desk = *state;
    struct arm_transaction *slow;
    struct arm_transaction *txn;

    make_table(desk, "t", 0, 300000);
    insert_one(desk, 300000, 300010);
    slow = txn_begin(desk, "main");
    txn_replace_sql(desk, slow, "t",
                    "SELECT i AS id FROM range(200000) t(i) UNION ALL "
                    "SELECT -1 - i FROM range(5) t(i) UNION ALL "
                    "SELECT i FROM range(200000, 300010) t(i)");
    assert_int_equal(desk_compact(desk, &all_limits).entries, 1); /* in one, all of it */
    txn_commit(desk, slow);
    txn = txn_begin(desk, "main");
    assert_order(desk, txn, "t", 200000, 5);
    arm__txn_rollback(txn);
    (void)desk_compact(desk, &small_limits);
    txn = txn_begin(desk, "main");
    assert_order(desk, txn, "t", 200000, 5);
    arm__txn_rollback(txn);
    assert_healthy(desk);
}

/* ---- U2: it gives way ---- */

/* What a compaction meets between planning and committing. */
struct intruder {
    struct desk *desk;
    void (*act)(struct desk *desk);
    bool is_done;
};

static bool intrude(void *context, uint64_t done, uint64_t total)
{
    struct intruder *intruder = context;

    assert_true(done <= total);
    if (!intruder->is_done) {
        intruder->is_done = true;
        intruder->act(intruder->desk);
    }
    return true;
}

static struct arm_compact_report compact_beside(struct desk *desk, void (*act)(struct desk *desk))
{
    struct intruder intruder = {desk, act, false};
    struct arm_compact_job job = {.repository = desk->kernel->repository,
                                  .engine = desk->engine,
                                  .branch = "main",
                                  .schema_name = "main",
                                  .name = "t",
                                  .progress = intrude,
                                  .context = &intruder};
    struct arm_compact_report report;
    struct arm_error err = {0};

    assert_ok(arm__compact(&job, &report, &err), err);
    assert_true(intruder.is_done);
    return report;
}

static void act_write(struct desk *desk)
{
    delete_one(desk, 1);
    delete_one(desk, 5);
    insert_one(desk, 70, 71);
}

static void act_replace(struct desk *desk)
{
    struct arm_transaction *txn = txn_begin(desk, "main");

    txn_replace(desk, txn, "t", 20, 22);
    txn_commit(desk, txn);
}

static void act_drop(struct desk *desk)
{
    struct arm_transaction *txn = txn_begin(desk, "main");

    txn_drop(txn, "t");
    txn_commit(desk, txn);
}

static void act_compact(struct desk *desk)
{
    assert_int_equal(desk_compact(desk, NULL).given_up, 0);
}

static void test_compact_U2_takes_rows_along_that_die_meanwhile(void **state)
{
    struct desk *desk = *state;
    struct arm_compact_report report;
    size_t hot;

    make_table(desk, "t", 0, 4);
    insert_one(desk, 4, 8);
    report = compact_beside(desk, act_write);
    assert_int_equal(report.given_up, 0);
    assert_head_rows(desk, "t", "0 2 3 4 6 7 70");
    assert_int_equal(head_entries(desk, &hot), 1); /* the second pass took the rest */
    assert_healthy(desk);
}

static void test_compact_U2_gives_up_what_was_replaced(void **state)
{
    struct desk *desk = *state;
    struct arm_compact_report report;

    make_table(desk, "t", 0, 4);
    insert_one(desk, 4, 8);
    report = compact_beside(desk, act_replace);
    assert_int_equal(report.given_up, 1);
    assert_int_equal(report.tables, 1); /* the next pass compacts what is there */
    assert_head_rows(desk, "t", "20 21");
    assert_healthy(desk);
}

static void test_compact_U2_of_a_table_that_is_dropped(void **state)
{
    struct desk *desk = *state;
    struct arm_compact_report report;

    make_table(desk, "t", 0, 4);
    report = compact_beside(desk, act_drop);
    assert_int_equal(report.tables, 0);
    assert_int_equal(report.given_up, 1);
    assert_healthy(desk);
}

static void test_compact_U2_two_of_them_at_once(void **state)
{
    struct desk *desk = *state;
    struct arm_compact_report report;

    make_table(desk, "t", 0, 4);
    insert_one(desk, 4, 8);
    report = compact_beside(desk, act_compact);
    assert_int_equal(report.given_up, 1);
    assert_int_equal(report.tables, 0);
    assert_head_rows(desk, "t", "0 1 2 3 4 5 6 7");
    assert_healthy(desk);
}

/* ---- Branches, rebuilding ---- */

static void test_compact_on_one_branch_serves_those_that_share_the_version(void **state)
{
    struct desk *desk = *state;
    struct arm_table_state *rows;
    struct arm_transaction *txn;

    make_table(desk, "t", 0, 4);
    insert_one(desk, 4, 8);
    kernel_branch(desk->kernel, "b", "main");
    (void)desk_compact(desk, NULL);
    rows = kernel_state(desk->kernel, "b", "t");
    assert_int_equal(rows->entry_count, 1);
    arm__table_state_drop(rows);
    delete_one(desk, 3);
    txn = txn_begin(desk, "b");
    txn_delete(desk, txn, "t", 3); /* another branch: no conflict */
    txn_insert(desk, txn, "t", 9, 10);
    txn_commit(desk, txn);
    txn = txn_begin(desk, "b");
    assert_rows(desk, txn, "t", "0 1 2 4 5 6 7 9");
    arm__txn_rollback(txn);
    assert_head_rows(desk, "t", "0 1 2 4 5 6 7");
    assert_healthy(desk);
}

static void test_compact_survives_a_lost_index(void **state)
{
    struct desk *desk = *state;
    char path[TEMP_PATH_BYTES];
    struct id_rows *before;
    struct arm_error err = {0};
    uint64_t versions;

    make_table(desk, "t", 0, 4);
    for (int64_t i = 1; i < 6; i++) {
        insert_one(desk, 10 * i, 10 * i + 2);
        delete_one(desk, 10 * i);
        (void)desk_compact(desk, i % 2 == 0 ? &small_limits : NULL);
    }
    before = all_versions(desk, &versions);
    for (int round = 0; round < 2; round++) {
        kernel_close(desk->kernel);
        (void)unlink(temp_path(&desk->kernel->dir, "index/data.mdb", path));
        kernel_open(desk->kernel);
        assert_unchanged(desk, before, versions);
        assert_healthy(desk);
        if (round == 0) { /* and once from a checkpoint */
            assert_ok(arm__repository_checkpoint(desk->kernel->repository, &err), err);
        }
    }
    free_versions(before, versions);
}

static void test_compact_is_announced_in_FORMAT(void **state)
{
    struct desk *desk = *state;
    struct arm_buf text = ARM_BUF_INIT(4096);
    char path[TEMP_PATH_BYTES];
    struct arm_error err = {0};

    make_table(desk, "t", 0, 4);
    for (int round = 0; round < 2; round++) {
        arm__buf_clear(&text);
        assert_ok(arm__io_read_file(arm__io_system(), temp_path(&desk->kernel->dir, "FORMAT", path),
                                    &text, &err),
                  err);
        assert_ok(arm__buf_u8(&text, 0, &err), err);
        assert_int_equal(
            strstr((const char *)text.data, "\nincompatible 0000000000000001\n") != NULL, round);
        (void)desk_compact(desk, NULL);
    }
    arm__buf_release(&text);
    kernel_reopen(desk->kernel);
    assert_head_rows(desk, "t", "0 1 2 3");
}

static void test_compact_of_what_is_not_there(void **state)
{
    struct desk *desk = *state;
    struct arm_compact_job job = {.repository = desk->kernel->repository,
                                  .engine = desk->engine,
                                  .branch = "main",
                                  .schema_name = "main",
                                  .name = "nothing"};
    struct arm_compact_report report;
    struct arm_error err = {0};

    assert_fails(ARM_NOT_FOUND, arm__compact(&job, &report, &err), err);
    job.branch = "nowhere";
    assert_fails(ARM_NOT_FOUND, arm__compact(&job, &report, &err), err);
    assert_int_equal(desk_compact(desk, NULL).tables, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        desk_test(test_compact_U1_flushes_joins_and_drops_without_a_trace),
        desk_test(test_compact_keeps_ids_implicit_where_they_follow),
        desk_test(test_compact_of_appends_gives_the_chunks_of_a_load),
        desk_test(test_compact_of_dead_rows_leaves_an_empty_table),
        desk_test(test_compact_places_more_entries_than_there_were),
        desk_test(test_compact_U3_deletions_follow_the_rows),
        desk_test(test_compact_U3_real_conflicts_stay),
        desk_test(test_compact_U3_replacements_keep_their_order),
        desk_test(test_compact_U2_takes_rows_along_that_die_meanwhile),
        desk_test(test_compact_U2_gives_up_what_was_replaced),
        desk_test(test_compact_U2_of_a_table_that_is_dropped),
        desk_test(test_compact_U2_two_of_them_at_once),
        desk_test(test_compact_on_one_branch_serves_those_that_share_the_version),
        desk_test(test_compact_survives_a_lost_index),
        desk_test(test_compact_is_announced_in_FORMAT),
        desk_test(test_compact_of_what_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
