/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: what is written is read, and bytes that are no run are told so. */
#include <stdlib.h>

#include "index/run.h"
#include "support/store_fixture.h"

enum { ITEM_COUNT = 3000, VALUE_BYTES_MAX = 400 };

/* Item i of a sub-database: keys rise, share beginnings. */
static struct arm_kv_item make_item(int i, struct arm_key *key, uint8_t *value)
{
    size_t size = (size_t)(i * 7919) % VALUE_BYTES_MAX;

    *key = arm__key_pair((uint64_t)i / 10, (uint64_t)i);
    memset(value, i & 0xff, size);
    return (struct arm_kv_item){arm__key_bytes(key), arm__bytes(value, size)};
}

static struct arm_hash write_run(struct store_fixture *f, int count)
{
    struct arm_store_writer *target = NULL;
    struct arm_run_writer *writer = NULL;
    uint8_t value[VALUE_BYTES_MAX];
    struct arm_hash chunk;
    struct arm_key key;

    assert_ok(arm__store_writer_new(f->store, &target, &f->err), f->err);
    assert_ok(arm__run_writer_new(target, &writer, &f->err), f->err);
    for (int db = ARM_DB_HEAD; db < ARM_DB_COUNT; db += 3) { /* some are left out */
        for (int i = 0; i < count; i++) {
            struct arm_kv_item item = make_item(i, &key, value);

            assert_ok(arm__run_write(writer, (enum arm_db)db, &item, &f->err), f->err);
        }
    }
    assert_ok(arm__run_finish(writer, &f->err), f->err);
    arm__run_writer_free(writer);
    assert_ok(arm__store_writer_finish(target, &chunk, NULL, NULL, &f->err), f->err);
    return chunk;
}

static void expect_items(struct store_fixture *f, const struct arm_run *run, enum arm_db db,
                         int count)
{
    struct arm_run_cursor cursor;
    uint8_t value[VALUE_BYTES_MAX];
    struct arm_key key;

    arm__run_cursor_init(run, db, &cursor);
    for (int i = 0; i < count; i++) {
        struct arm_kv_item item = make_item(i, &key, value);

        assert_ok(arm__run_cursor_next(&cursor, &f->err), f->err);
        assert_non_null(cursor.item.key.data);
        assert_int_equal(arm__bytes_compare(cursor.item.key, item.key), 0);
        assert_int_equal(arm__bytes_compare(cursor.item.value, item.value), 0);
    }
    assert_ok(arm__run_cursor_next(&cursor, &f->err), f->err);
    assert_null(cursor.item.key.data);
    arm__run_cursor_release(&cursor);
}

static void test_run_gives_back_what_was_written(void **state)
{
    static const int counts[] = {0, 1, ITEM_COUNT};
    struct store_fixture *f = *state;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct arm_hash chunk = write_run(f, counts[i]);
        struct arm_run run;

        assert_ok(arm__run_open(f->store, &chunk, &run, &f->err), f->err);
        for (int db = ARM_RUN_DB_FIRST; db < ARM_DB_COUNT; db++) {
            bool is_written = db >= ARM_DB_HEAD && (db - ARM_DB_HEAD) % 3 == 0;

            expect_items(f, &run, (enum arm_db)db, is_written ? counts[i] : 0);
        }
        arm__run_close(&run);
    }
}

/* A value larger than a block, as a deletion vector may be. */
static void test_run_holds_large_values(void **state)
{
    enum { LARGE = 3 << 20 };
    struct store_fixture *f = *state;
    struct arm_store_writer *target = NULL;
    struct arm_run_writer *writer = NULL;
    struct arm_run_cursor cursor;
    struct arm_hash chunk;
    struct arm_run run;
    uint8_t *value = malloc(LARGE);
    struct arm_key key = arm__key_tx(1);
    struct arm_kv_item item = {arm__key_bytes(&key), arm__bytes(value, LARGE)};

    for (size_t i = 0; i < LARGE; i++) {
        value[i] = (uint8_t)(i * i >> 7);
    }
    assert_ok(arm__store_writer_new(f->store, &target, &f->err), f->err);
    assert_ok(arm__run_writer_new(target, &writer, &f->err), f->err);
    assert_ok(arm__run_write(writer, ARM_DB_VECTOR, &item, &f->err), f->err);
    assert_ok(arm__run_finish(writer, &f->err), f->err);
    arm__run_writer_free(writer);
    assert_ok(arm__store_writer_finish(target, &chunk, NULL, NULL, &f->err), f->err);
    assert_ok(arm__run_open(f->store, &chunk, &run, &f->err), f->err);
    arm__run_cursor_init(&run, ARM_DB_VECTOR, &cursor);
    assert_ok(arm__run_cursor_next(&cursor, &f->err), f->err);
    assert_int_equal(arm__bytes_compare(cursor.item.value, item.value), 0);
    arm__run_cursor_release(&cursor);
    arm__run_close(&run);
    free(value);
}

/* ---- Bytes that are no run ---- */

/* Read all there is: fine, or ARM_CORRUPT, and keys that rise. */
static arm_status read_all(struct store_fixture *f, struct arm_bytes bytes)
{
    struct arm_run run = {.bytes = NULL};
    struct arm_hash chunk;
    arm_status st;

    assert_ok(arm__store_put(f->store, bytes, &chunk, NULL, &f->err), f->err);
    st = arm__run_open(f->store, &chunk, &run, &f->err);
    for (int db = ARM_RUN_DB_FIRST; st == ARM_OK && db < ARM_DB_COUNT; db++) {
        struct arm_run_cursor cursor;

        arm__run_cursor_init(&run, (enum arm_db)db, &cursor);
        do {
            st = arm__run_cursor_next(&cursor, &f->err);
        } while (st == ARM_OK && cursor.item.key.data != NULL);
        arm__run_cursor_release(&cursor);
    }
    arm__run_close(&run);
    assert_true(st == ARM_OK || st == ARM_CORRUPT);
    return st;
}

static void test_run_refuses_other_bytes(void **state)
{
    struct store_fixture *f = *state;
    struct arm_buf bytes = ARM_BUF_INIT(1 << 20);
    struct arm_hash chunk = write_run(f, 4); /* each of its bytes is tried */
    size_t told = 0;

    assert_ok(arm__store_get(f->store, &chunk, &bytes, &f->err), f->err);
    for (size_t i = 0; i < bytes.size; i++) {
        bytes.data[i] ^= 0x41;
        told += read_all(f, arm__buf_bytes(&bytes)) != ARM_OK;
        bytes.data[i] ^= 0x41;
    }
    assert_true(told >
                bytes.size / 2); /* values have no check of their own: the chunk's hash is it */
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(read_all(f, arm__bytes(bytes.data, size)), ARM_CORRUPT);
    }
    arm__buf_release(&bytes);
}

/* What a merge of runs leans on; the writer puts what it is given. */
static void test_run_whose_keys_do_not_rise_is_refused(void **state)
{
    struct store_fixture *f = *state;

    for (uint64_t second = 1; second <= 2; second++) {
        struct arm_store_writer *target = NULL;
        struct arm_run_writer *writer = NULL;
        struct arm_key keys[2] = {arm__key_tx(2), arm__key_tx(second)};
        struct arm_run_cursor cursor;
        struct arm_hash chunk;
        struct arm_run run;

        assert_ok(arm__store_writer_new(f->store, &target, &f->err), f->err);
        assert_ok(arm__run_writer_new(target, &writer, &f->err), f->err);
        for (int i = 0; i < 2; i++) {
            struct arm_kv_item item = {arm__key_bytes(&keys[i]), arm__bytes("v", 1)};

            assert_ok(arm__run_write(writer, ARM_DB_NODE, &item, &f->err), f->err);
        }
        assert_ok(arm__run_finish(writer, &f->err), f->err);
        arm__run_writer_free(writer);
        assert_ok(arm__store_writer_finish(target, &chunk, NULL, NULL, &f->err), f->err);
        assert_ok(arm__run_open(f->store, &chunk, &run, &f->err), f->err);
        arm__run_cursor_init(&run, ARM_DB_NODE, &cursor);
        assert_ok(arm__run_cursor_next(&cursor, &f->err), f->err);
        assert_fails(ARM_CORRUPT, arm__run_cursor_next(&cursor, &f->err), f->err);
        arm__run_cursor_release(&cursor);
        arm__run_close(&run);
    }
}

#define with_store(f)                                                                              \
    cmocka_unit_test_setup_teardown(f, store_fixture_setup, store_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_store(test_run_gives_back_what_was_written),
        with_store(test_run_holds_large_values),
        with_store(test_run_refuses_other_bytes),
        with_store(test_run_whose_keys_do_not_rise_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
