/* SPDX-License-Identifier: Apache-2.0 */
/* Keys sort as they should, and rows are read back or refused (I6). */
#include <stdlib.h>
#include <string.h>

#include "index/index_private.h"
#include "support/cmocka_all.h"

static struct arm_error err;

/* ---- Keys ---- */

static bool before(struct arm_key a, struct arm_key b)
{
    return arm__bytes_compare(arm__key_bytes(&a), arm__key_bytes(&b)) < 0;
}

static void test_keys_sort_by_name_then_number(void **state)
{
    struct arm_table_id id = {{1}};

    assert_true(before(arm__key_tx(255), arm__key_tx(256)));
    assert_true(before(arm__key_pair(1, 500), arm__key_pair(2, 3)));
    assert_true(before(arm__key_table(1, "a", "t", 9), arm__key_table(1, "a", "t", 10)));
    assert_true(before(arm__key_table(1, "a", "t", UINT64_MAX), arm__key_table(1, "a", "t1", 0)));
    assert_true(before(arm__key_table(1, "a", "z", 5), arm__key_table(1, "a b", "a", 1)));
    assert_true(before(arm__key_table(1, "z", "z", 5), arm__key_table(2, "a", "a", 1)));
    assert_true(before(arm__key_version(&id, 9), arm__key_version(&id, 10)));
    assert_true(before(arm__key_ref(1, "b", UINT64_MAX), arm__key_ref(1, "b/c", 0)));
    assert_true(before(arm__key_ref(1, "z", 1), arm__key_ref(2, "a", 1)));
}

static void test_keys_fold_case_and_cut_long_names(void **state)
{
    struct arm_key a = arm__key_number("Main", "ABCDEFGHIJKLMNOPQRSTUVWXYZ@[", 3);
    struct arm_key b = arm__key_number("main", "abcdefghijklmnopqrstuvwxyz@[", 3);
    char names[3][256];

    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
    for (size_t i = 0; i < 3; i++) {
        memset(names[i], 'n', 255);
        names[i][255] = '\0';
    }
    names[1][0] = 'N';
    names[2][254] = 'x';
    a = arm__key_table(1, names[0], names[0], 1);
    b = arm__key_table(1, names[1], names[1], 1);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
    b = arm__key_table(1, names[0], names[2], 1);
    assert_true(before(a, b) || before(b, a));
}

/* ---- Rows ---- */

typedef arm_status take_row(struct arm_bytes row);

static arm_status take_state(struct arm_bytes row)
{
    struct arm_index_state out;

    return arm__row_take_state(row, &out, &err);
}
static arm_status take_record(struct arm_bytes row)
{
    struct arm_record_row out;

    return arm__row_take_record(row, 1, &out, &err);
}
static arm_status take_ref(struct arm_bytes row)
{
    struct arm_ref_row out;
    bool dropped;

    return arm__row_take_ref(row, 1, &out, &dropped, &err);
}
static arm_status take_branch(struct arm_bytes row)
{
    struct arm_branch_state out;

    return arm__row_take_branch(row, &out, &err);
}
static arm_status take_table(struct arm_bytes row)
{
    struct arm_table_row out;
    bool dropped;

    return arm__row_take_table(row, 1, &out, &dropped, &err);
}
static arm_status take_name(struct arm_bytes row)
{
    struct arm_table_name out;

    return arm__row_take_name(row, &out, &err);
}
static arm_status take_version(struct arm_bytes row)
{
    static const struct arm_table_id id;
    struct arm_version_state out;

    return arm__row_take_version(row, &id, 1, &out, &err);
}

static arm_status take_layout(struct arm_bytes row)
{
    struct arm_layout_row layout;

    return arm__row_take_layout(row, 9, &layout, &err);
}

/* Cut, lengthened, or of random bytes, a row is refused or read, and nothing outside it is
 * touched (ASan judges). */
static void batter(take_row *take, const struct arm_buf *row, bool has_open_end)
{
    for (size_t size = 0; size < row->size; size++) {
        uint8_t *copy = malloc(size + 1);

        memcpy(copy, row->data, size);
        if (!has_open_end) {
            assert_int_equal(take(arm__bytes(copy, size)), ARM_CORRUPT);
        }
        (void)take(arm__bytes(copy, size));
        free(copy);
    }
    for (size_t i = 0; i < row->size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            row->data[i] ^= (uint8_t)(1 << bit);
            (void)take(arm__buf_bytes(row));
            row->data[i] ^= (uint8_t)(1 << bit);
        }
    }
    assert_int_equal(take(arm__buf_bytes(row)), ARM_OK);
}

static void test_rows_are_read_back(void **state)
{
    struct arm_buf row = ARM_BUF_INIT(4096);
    struct arm_index_state at = {.folded = {3, 4, 5, {{6}}}, .last_time_us = -7};
    struct arm_index_state read_at;
    struct arm_record_row record = {9, 1, 1u << 30, 2, true, {{8}}, 5, 77, 1795384200000000};
    struct arm_record_row read_record;
    struct arm_table_row table = {
        .table_id = {{5}}, .version = 300, .object = ARMPB__OBJECT_KIND__VIEW};
    struct arm_table_row read_table;
    bool dropped;

    assert_ok(arm__row_put_state(&at, &row, &err), err);
    assert_ok(arm__row_take_state(arm__buf_bytes(&row), &read_at, &err), err);
    assert_memory_equal(&read_at.folded, &at.folded, sizeof at.folded);
    assert_int_equal(read_at.last_time_us, -7);
    batter(take_state, &row, false);
    arm__buf_clear(&row);
    assert_ok(arm__row_put_record(&record, &row, &err), err);
    assert_ok(arm__row_take_record(arm__buf_bytes(&row), 9, &read_record, &err), err);
    assert_int_equal(read_record.offset, record.offset);
    assert_int_equal(read_record.time_us, record.time_us);
    assert_int_equal(read_record.generation, 77);
    batter(take_record, &row, false);
    arm__buf_clear(&row);
    strcpy(table.schema_name, "Main");
    strcpy(table.name, "t");
    assert_ok(arm__row_put_table(&table, &row, &err), err);
    assert_ok(arm__row_take_table(arm__buf_bytes(&row), 4, &read_table, &dropped, &err), err);
    assert_false(dropped);
    assert_string_equal(read_table.schema_name, "Main");
    assert_int_equal(read_table.version, 300);
    batter(take_table, &row, false);
    arm__buf_release(&row);
}

/* Only the row of a protected branch tells of it: any other is as it was before there were such. */
static void check_protected_ref(struct arm_ref_row *ref, struct arm_buf *row)
{
    struct arm_ref_row read = {.tx = 0};
    bool is_dropped;
    size_t size;

    ref->only_merges = true;
    assert_ok(arm__row_put_ref(ref, false, row, &err), err);
    size = row->size;
    assert_ok(arm__row_take_ref(arm__buf_bytes(row), 1, &read, &is_dropped, &err), err);
    assert_true(!read.only_merges && read.protected_tx == 0);
    arm__buf_clear(row);
    ref->protected_tx = 300;
    ref->has_checks = true;
    assert_ok(arm__row_put_ref(ref, true, row, &err), err);
    assert_int_equal(row->size, size + 2);
    assert_ok(arm__row_take_ref(arm__buf_bytes(row), 1, &read, &is_dropped, &err), err);
    assert_true(read.only_merges && read.has_checks && is_dropped);
    assert_int_equal(read.protected_tx, 300);
    batter(take_ref, row, false);
}

static void test_rows_of_refs_and_versions_are_read_back(void **state)
{
    static const struct arm_table_id id = {{4}};
    struct arm_buf row = ARM_BUF_INIT(4096);
    struct arm_ref_row ref = {.branch_id = 300, .target_tx = 5, .described_tx = 1};
    struct arm_branch_state branch = {.parent_branch_id = 1, .parent_tx = 500, .name = "feature/x"};
    struct arm_table_name name = {"main", "t"};
    struct arm_version_state version = {.row = {.parent_version = 5,
                                                .row_count = 1u << 20,
                                                .is_materialised = true,
                                                .root = {{9}},
                                                .last_position = arm__position_first()},
                                        .root_version = 6};
    struct arm_version_state read_version;
    struct arm_layout_row layout = {.tx = 9, .base = 300, .data_bytes = 1u << 20, .root = {{7}}};
    struct arm_layout_row read_layout;

    memset(&read_layout, 0, sizeof read_layout);
    assert_ok(arm__row_put_ref(&ref, false, &row, &err), err);
    batter(take_ref, &row, false);
    arm__buf_clear(&row);
    check_protected_ref(&ref, &row);
    arm__buf_clear(&row);
    assert_ok(arm__row_put_branch(&branch, &row, &err), err);
    batter(take_branch, &row, false);
    arm__buf_clear(&row);
    assert_ok(arm__row_put_name(&name, &row, &err), err);
    batter(take_name, &row, false);
    arm__buf_clear(&row);
    assert_ok(arm__row_put_version(&version, &row, &err), err);
    assert_ok(arm__row_take_version(arm__buf_bytes(&row), &id, 6, &read_version, &err), err);
    assert_memory_equal(&read_version.row.root, &version.row.root, ARM_HASH_BYTES);
    assert_int_equal(read_version.row.row_count, 1u << 20);
    assert_int_equal(read_version.root_version, 6);
    batter(take_version, &row, false);
    version.row.is_materialised = false;
    version.change = arm__bytes("change", 6);
    arm__buf_clear(&row);
    assert_ok(arm__row_put_version(&version, &row, &err), err);
    assert_ok(arm__row_take_version(arm__buf_bytes(&row), &id, 6, &read_version, &err), err);
    assert_int_equal(read_version.change.size, 6);
    batter(take_version, &row, true);
    arm__buf_clear(&row);
    assert_ok(arm__row_put_layout(&layout, &row, &err), err);
    assert_ok(arm__row_take_layout(arm__buf_bytes(&row), 9, &read_layout, &err), err);
    assert_memory_equal(&read_layout, &layout, sizeof layout);
    batter(take_layout, &row, false);
    arm__buf_release(&row);
}

static void test_rows_of_another_index_format_are_refused(void **state)
{
    struct arm_buf row = ARM_BUF_INIT(4096);
    struct arm_index_state at = {.last_time_us = 1};
    struct arm_index_state out;

    assert_ok(arm__row_put_state(&at, &row, &err), err);
    row.data[0]++;
    assert_fails(ARM_CORRUPT, arm__row_take_state(arm__buf_bytes(&row), &out, &err), err);
    arm__buf_release(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_sort_by_name_then_number),
        cmocka_unit_test(test_keys_fold_case_and_cut_long_names),
        cmocka_unit_test(test_rows_are_read_back),
        cmocka_unit_test(test_rows_of_refs_and_versions_are_read_back),
        cmocka_unit_test(test_rows_of_another_index_format_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
