/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/chunk.h"
#include "support/store_fixture.h"

enum { DATA_BYTES = 400000 };

static uint8_t *make_data(void)
{
    uint8_t *data = malloc(DATA_BYTES);

    assert_non_null(data);
    for (size_t i = 0; i < DATA_BYTES; i++) {
        data[i] = (uint8_t)(i * 13 + i / 255);
    }
    return data;
}

static void test_store_writer_makes_the_same_chunk_however_it_is_cut(void **state)
{
    static const size_t steps[] = {DATA_BYTES, 1000, 65535, 65536, 65537, 131072, 7};
    struct store_fixture *f = *state;
    uint8_t *data = make_data();
    struct arm_hash want = arm__hash(arm__bytes(data, DATA_BYTES));

    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        struct arm_store_writer *writer = NULL;
        struct arm_hash hash;
        uint64_t size = 0;
        bool is_new = false;

        assert_ok(arm__store_writer_new(f->store, &writer, &f->err), f->err);
        for (size_t at = 0; at < DATA_BYTES; at += steps[s]) {
            size_t left = DATA_BYTES - at;

            assert_ok(arm__store_writer_append(writer, data + at, left < steps[s] ? left : steps[s],
                                               &f->err),
                      f->err);
        }
        assert_ok(arm__store_writer_append(writer, NULL, 0, &f->err), f->err);
        assert_ok(arm__store_writer_finish(writer, &hash, &size, &is_new, &f->err), f->err);
        assert_true(is_new);
        assert_int_equal(size, DATA_BYTES);
        assert_true(arm__hash_equal(&hash, &want));
        assert_ok(arm__store_check(f->store, &hash, &f->err), f->err);
        assert_int_equal(store_fixture_staged(f), 0);
        arm__store_lease_drop(f->store, &hash);
        assert_ok(arm__store_delete(f->store, &hash, &f->err), f->err);
    }
    free(data);
}

static void test_store_writer_without_bytes_is_the_empty_chunk(void **state)
{
    struct store_fixture *f = *state;
    struct arm_store_writer *writer = NULL;
    struct arm_hash empty = arm__hash(arm__bytes(NULL, 0));
    struct arm_hash hash;
    uint64_t size = 9;
    bool is_new = true;

    assert_ok(arm__store_put(f->store, arm__bytes(NULL, 0), &hash, NULL, &f->err), f->err);
    assert_ok(arm__store_writer_new(f->store, &writer, &f->err), f->err);
    assert_ok(arm__store_writer_finish(writer, &hash, &size, &is_new, &f->err), f->err);
    assert_true(arm__hash_equal(&hash, &empty));
    assert_false(is_new);
    assert_int_equal(size, 0);
    assert_int_equal(store_fixture_staged(f), 0);
}

static void test_store_writer_abort_leaves_nothing(void **state)
{
    struct store_fixture *f = *state;
    struct arm_store_writer *writer = NULL;

    assert_ok(arm__store_writer_new(f->store, &writer, &f->err), f->err);
    assert_ok(arm__store_writer_append(writer, "x", 1, &f->err), f->err);
    assert_int_equal(store_fixture_staged(f), 1);
    arm__store_writer_abort(writer);
    arm__store_writer_abort(NULL);
    assert_int_equal(store_fixture_staged(f), 0);
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 0);
}

static void test_store_W1_a_failed_append_cannot_be_finished(void **state)
{
    struct store_fixture *f = *state;
    uint8_t *data = make_data();
    struct arm_store_writer *writer = NULL;
    struct arm_hash hash;

    assert_ok(arm__store_writer_new(f->store, &writer, &f->err), f->err);
    io_fault_at_verb(f->fault, "write", 1, ENOSPC);
    assert_fails(ARM_FULL, arm__store_writer_append(writer, data, DATA_BYTES, &f->err), f->err);
    assert_fails(ARM_INVALID, arm__store_writer_append(writer, "x", 1, &f->err), f->err);
    assert_fails(ARM_INVALID, arm__store_writer_finish(writer, &hash, NULL, NULL, &f->err), f->err);
    assert_int_equal(store_fixture_staged(f), 0);
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 0);
    free(data);
}

static void test_store_stage_names_are_unique_and_adopted(void **state)
{
    struct store_fixture *f = *state;
    char *a = NULL;
    char *b = NULL;
    struct arm_hash hash;
    struct arm_hash want = arm__hash(arm__bytes("abc", 3));
    uint64_t size = 0;
    bool is_new = false;

    assert_ok(arm__store_stage(f->store, &a, &f->err), f->err);
    assert_ok(arm__store_stage(f->store, &b, &f->err), f->err);
    assert_string_not_equal(a, b);
    assert_int_equal(a[0], '/');
    assert_int_equal(access(a, F_OK), -1); /* a name only */
    temp_write_file(&f->dir, a + strlen(f->dir.path) + 1, "abc", 3);
    temp_write_file(&f->dir, b + strlen(f->dir.path) + 1, "abc", 3);
    assert_ok(arm__store_adopt(f->store, a, &hash, &size, &is_new, &f->err), f->err);
    assert_true(arm__hash_equal(&hash, &want));
    assert_int_equal(size, 3);
    assert_true(is_new);
    assert_ok(arm__store_adopt(f->store, b, &hash, &size, &is_new, &f->err), f->err);
    assert_true(arm__hash_equal(&hash, &want));
    assert_false(is_new);
    assert_int_equal(store_fixture_staged(f), 0);
    assert_fails(ARM_NOT_FOUND, arm__store_adopt(f->store, b, &hash, NULL, NULL, &f->err), f->err);
    arm__free(a);
    arm__free(b);
}

static void test_store_adopt_syncs_what_it_did_not_write(void **state)
{
    struct store_fixture *f = *state;
    char *path = NULL;
    struct arm_hash hash;
    int synced;

    assert_ok(arm__store_stage(f->store, &path, &f->err), f->err);
    temp_write_file(&f->dir, path + strlen(f->dir.path) + 1, "abc", 3);
    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
    assert_ok(arm__store_adopt(f->store, path, &hash, NULL, NULL, &f->err), f->err);
    synced = io_fault_find(f->fault, 0, "sync", path);
    assert_true(synced >= 0);
    assert_true(io_fault_find(f->fault, synced, "rename", path) > synced);
    arm__free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_store_writer_makes_the_same_chunk_however_it_is_cut),
        store_test(test_store_writer_without_bytes_is_the_empty_chunk),
        store_test(test_store_writer_abort_leaves_nothing),
        store_test(test_store_W1_a_failed_append_cannot_be_finished),
        store_test(test_store_stage_names_are_unique_and_adopted),
        store_test(test_store_adopt_syncs_what_it_did_not_write),
    };

    return cmocka_run_group_tests_name("store/writer", tests, NULL, NULL);
}
