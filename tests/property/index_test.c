/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests with large deletion vectors: random deletions over large chunks, with versions that
 * are materialised and versions that are not, read back whole and entry by entry, and refolded.
 * ARM_SEED=<seed> replays one plan. */
#include <stdlib.h>
#include <unistd.h>

#include "index/index_private.h"
#include "model/vector.h"
#include "property/model_random.h"
#include "support/kernel_fixture.h"

enum { ENTRIES_MAX = 12, ROWS_MAX = 60000, STEPS = 300 };

static struct random source;

/* The table: entries in order, and what is dead in each. */
static struct {
    size_t count;
    struct arm_new_entry entries[ENTRIES_MAX];
    roaring_bitmap_t *dead[ENTRIES_MAX];
} model;

/* ---- What the index says ---- */

struct check {
    struct arm_index_txn *txn;
    size_t next;
};

static arm_status check_entry(void *context, const struct arm_entry *entry, struct arm_error *err)
{
    struct check *check = context;
    size_t i = check->next++;
    roaring_bitmap_t *dead = NULL;

    assert_true(i < model.count);
    assert_memory_equal(&entry->rows_hash, &model.entries[i].rows_hash, ARM_HASH_BYTES);
    assert_int_equal(entry->dead, roaring_bitmap_get_cardinality(model.dead[i]));
    assert_int_equal(entry->vector.data != NULL, entry->dead > 0); /* never by hash */
    if (entry->dead > 0) {
        assert_ok(arm__vector_decode(entry->vector, entry->rows, &dead, err), *err);
        assert_true(roaring_bitmap_equals(dead, model.dead[i]));
        arm__vector_free(dead);
    }
    return ARM_OK;
}

/* All entries, then each by its position. */
static void check_table(struct kernel *k)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_table_state *rows = kernel_state(k, "main", "t");
    struct arm_table_info info = {.schema = NULL};
    struct check check = {.next = 0};

    assert_true(kernel_find(k, &at, "t", &info));
    assert_ok(arm__index_read(arm__repository_index(k->repository), &check.txn, &k->err), k->err);
    assert_ok(arm__index_entries(check.txn, &info.row.table_id, info.row.version, ARM_LAYOUT_NEWEST,
                                 check_entry, &check, &k->err),
              k->err);
    assert_int_equal(check.next, model.count);
    for (size_t i = 0; i < model.count; i++) {
        check.next = i;
        assert_ok(arm__index_entries_at(check.txn, &info.row.table_id, info.row.version,
                                        ARM_LAYOUT_NEWEST, &rows->entries[i].position, 1,
                                        check_entry, &check, &k->err),
                  k->err);
        assert_true(model.entries[i].rows == rows->entries[i].rows);
        assert_int_equal(rows->entries[i].dead, roaring_bitmap_get_cardinality(model.dead[i]));
    }
    arm__index_abort(check.txn);
    arm__table_state_drop(rows);
}

/* ---- Steps ---- */

static void step_append(struct kernel *k)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    struct arm_new_entry *entry = &model.entries[model.count];

    *entry = kernel_chunk(k, (uint32_t)random_below(&source, ROWS_MAX) + 1);
    change.added = entry;
    change.added_count = 1;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    model.dead[model.count++] = roaring_bitmap_create();
}

/* Few rows or many, scattered or in a run, of one entry or several. */
static void step_delete(struct kernel *k)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    struct arm_table_state *rows = kernel_state(k, "main", "t");
    struct arm_new_deletion deletions[ENTRIES_MAX];
    struct arm_buf bits[ENTRIES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < model.count; i++) {
        roaring_bitmap_t *dead = roaring_bitmap_create();
        uint64_t wanted =
            random_below(&source, 3) == 0 ? random_below(&source, 1200) : random_below(&source, 4);
        uint64_t first = random_below(&source, model.entries[i].rows);
        bool is_run = random_below(&source, 2) == 0;

        for (uint64_t n = 0; n < wanted; n++) {
            uint64_t row = is_run ? first + n : random_below(&source, model.entries[i].rows);

            if (row < model.entries[i].rows) {
                roaring_bitmap_add(dead, (uint32_t)row);
            }
        }
        roaring_bitmap_andnot_inplace(dead, model.dead[i]);
        bits[count] = ARM_BUF_INIT(1 << 20);
        assert_ok(arm__vector_encode(dead, &bits[count], &k->err), k->err);
        deletions[count] =
            (struct arm_new_deletion){rows->entries[i].position, rows->entries[i].first_row_id,
                                      rows->entries[i].rows, arm__buf_bytes(&bits[count])};
        count++;
        roaring_bitmap_or_inplace(model.dead[i], dead);
        roaring_bitmap_free(dead);
    }
    change.deleted = deletions;
    change.deleted_count = count;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    for (size_t i = 0; i < count; i++) {
        arm__buf_release(&bits[i]);
    }
    arm__table_state_drop(rows);
}

static size_t count_keys(struct kernel *k, enum arm_db db)
{
    struct arm_index_txn *txn;
    struct arm_kv_cursor *cursor;
    struct arm_kv_item item;
    size_t count = 0;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__kv_cursor_open(txn, db, &cursor, &k->err), k->err);
    for (;;) {
        assert_ok(arm__kv_cursor_next(cursor, &item, &k->err), k->err);
        if (item.key.data == NULL) {
            break;
        }
        count++;
    }
    arm__kv_cursor_close(cursor);
    arm__index_abort(txn);
    return count;
}

static void test_index_large_deletion_vectors(void **state)
{
    struct kernel *k = *state;
    struct arm_verify_report report;
    char issue[1024] = "";

    source = random_seeded((uint64_t)getpid() * 2654435761u + 1);
    memset(&model, 0, sizeof model);
    (void)kernel_create_table(k, "main", "t");
    for (int i = 0; i < STEPS; i++) {
        if (model.count == 0 || (model.count < ENTRIES_MAX && random_below(&source, 10) == 0)) {
            step_append(k);
        } else {
            step_delete(k);
        }
        if (i % 20 == 19) {
            check_table(k);
        }
    }
    assert_true(count_keys(k, ARM_DB_NODE) > 0); /* or this test tests nothing */
    assert_true(count_keys(k, ARM_DB_VECTOR) > 0);
    assert_ok(arm__repository_verify(k->repository, true, kernel_print_issue, NULL, issue, &report,
                                     &k->err),
              k->err);
    assert_string_equal(issue, "");
    kernel_reopen(k);
    check_table(k);
    for (size_t i = 0; i < model.count; i++) {
        roaring_bitmap_free(model.dead[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_index_large_deletion_vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
