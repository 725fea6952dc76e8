/* SPDX-License-Identifier: Apache-2.0 */
/* What goes in comes out, or an error that says which. */

#include "store/chunk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/store_fixture.h"

static const char EMPTY[] = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

static void test_store_put_and_get(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 65536, 1000000};
    struct store_fixture *f = *state;
    uint8_t *data = malloc(1000000);

    assert_non_null(data);
    for (size_t i = 0; i < 1000000; i++) {
        data[i] = (uint8_t)(i * 31 + i / 1000);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct arm_buf buf = ARM_BUF_INIT(SIZE_MAX);
        struct arm_hash want = arm__hash(arm__bytes(data, sizes[i]));
        struct arm_hash hash;
        bool is_new = false;
        bool there = false;
        uint64_t size = 0;

        assert_ok(arm__store_exists(f->store, &want, &there, &f->err), f->err);
        assert_false(there);
        assert_ok(arm__store_put(f->store, arm__bytes(data, sizes[i]), &hash, &is_new, &f->err),
                  f->err);
        assert_true(is_new);
        assert_true(arm__hash_equal(&hash, &want)); /* the same bytes, the same name */
        assert_ok(arm__store_get(f->store, &hash, &buf, &f->err), f->err);
        assert_int_equal(arm__bytes_compare(arm__buf_bytes(&buf), arm__bytes(data, sizes[i])), 0);
        assert_ok(arm__store_get_verified(f->store, &hash, &buf, &f->err), f->err);
        assert_int_equal(buf.size, sizes[i]);
        assert_ok(arm__store_size(f->store, &hash, &size, &f->err), f->err);
        assert_int_equal(size, sizes[i]);
        assert_ok(arm__store_exists(f->store, &hash, &there, &f->err), f->err);
        assert_true(there);
        assert_ok(arm__store_check(f->store, &hash, &f->err), f->err);
        arm__buf_release(&buf);
    }
    free(data);
}

static void test_store_path_is_chunks_ab_cd_and_absolute(void **state)
{
    struct store_fixture *f = *state;
    struct arm_store *relative = NULL;
    struct arm_hash hash;
    char *here = get_current_dir_name();
    char *path = NULL;
    char want[2 * TEMP_PATH_BYTES];

    assert_non_null(here);
    assert_ok(arm__store_put(f->store, arm__bytes(NULL, 0), &hash, NULL, &f->err), f->err);
    assert_int_equal(chdir(f->dir.path), 0);
    assert_ok(arm__store_open(f->io, ".", &relative, &f->err), f->err);
    assert_int_equal(chdir("/"), 0); /* later changes of directory do not matter */
    assert_ok(arm__store_path(relative, &hash, &path, &f->err), f->err);
    assert_int_equal(path[0], '/');
    assert_int_equal(access(path, F_OK), 0);
    arm__free(path);
    arm__store_close(relative);
    assert_ok(arm__store_path(f->store, &hash, &path, &f->err), f->err);
    (void)snprintf(want, sizeof want, "%s/chunks/af/13/%s", f->dir.path, EMPTY);
    assert_string_equal(path, want);
    arm__free(path);
    assert_int_equal(chdir(here), 0);
    free(here);
}

static void test_store_dedup_stores_once(void **state)
{
    struct store_fixture *f = *state;
    struct arm_hash a;
    struct arm_hash b;
    bool is_new = true;

    assert_ok(arm__store_put(f->store, arm__bytes("same", 4), &a, &is_new, &f->err), f->err);
    assert_true(is_new);
    assert_ok(arm__store_put(f->store, arm__bytes("same", 4), &b, &is_new, &f->err), f->err);
    assert_false(is_new);
    assert_true(arm__hash_equal(&a, &b));
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 1);
    assert_int_equal(store_fixture_staged(f), 0);
}

static void test_store_missing_chunk_is_NOT_FOUND(void **state)
{
    struct store_fixture *f = *state;
    struct arm_buf buf = ARM_BUF_INIT(10);
    struct arm_hash hash = arm__hash(arm__bytes("never put", 9));
    char *where = NULL;
    uint64_t size = 7;

    assert_fails(ARM_NOT_FOUND, arm__store_get(f->store, &hash, &buf, &f->err), f->err);
    assert_ok(arm__store_path(f->store, &hash, &where, &f->err), f->err);
    assert_non_null(strstr(f->err.message, where));
    arm__free(where);
    assert_fails(ARM_NOT_FOUND, arm__store_get_verified(f->store, &hash, &buf, &f->err), f->err);
    assert_fails(ARM_NOT_FOUND, arm__store_check(f->store, &hash, &f->err), f->err);
    assert_fails(ARM_NOT_FOUND, arm__store_size(f->store, &hash, &size, &f->err), f->err);
    assert_fails(ARM_NOT_FOUND, arm__store_ensure(f->store, &hash, &f->err), f->err);
    assert_fails(ARM_NOT_FOUND, arm__store_delete(f->store, &hash, &f->err), f->err);
    assert_int_equal(size, 7);
    assert_int_equal(store_fixture_leases(f), 0); /* S6 */
}

static void test_store_damaged_chunk_is_HASH_MISMATCH(void **state)
{
    struct store_fixture *f = *state;
    struct arm_buf buf = ARM_BUF_INIT(100);
    struct arm_hash hash;
    char path[TEMP_PATH_BYTES];

    assert_ok(arm__store_put(f->store, arm__bytes("good", 4), &hash, NULL, &f->err), f->err);
    arm__store_lease_drop(f->store, &hash);
    temp_write_file(&f->dir, store_fixture_chunk(&hash, path), "goOd", 4);
    assert_ok(arm__buf_append(&buf, "old", 3, &f->err), f->err);
    assert_fails(ARM_HASH_MISMATCH, arm__store_get_verified(f->store, &hash, &buf, &f->err),
                 f->err);
    assert_memory_equal(buf.data, "old", 3); /* outputs untouched */
    assert_fails(ARM_HASH_MISMATCH, arm__store_check(f->store, &hash, &f->err), f->err);
    assert_fails(ARM_HASH_MISMATCH, arm__store_ensure(f->store, &hash, &f->err), f->err);
    assert_ok(arm__store_get(f->store, &hash, &buf, &f->err), f->err); /* unverified */
    assert_memory_equal(buf.data, "goOd", 4);
    arm__buf_release(&buf);
}

static void test_store_S3_put_does_not_overwrite_even_a_damaged_chunk(void **state)
{
    struct store_fixture *f = *state;
    struct arm_hash hash;
    struct arm_hash again = {{0}};
    char path[TEMP_PATH_BYTES];
    bool is_new = false;

    assert_ok(arm__store_put(f->store, arm__bytes("good", 4), &hash, NULL, &f->err), f->err);
    arm__store_lease_drop(f->store, &hash);
    temp_write_file(&f->dir, store_fixture_chunk(&hash, path), "go", 2);
    assert_fails(ARM_HASH_MISMATCH,
                 arm__store_put(f->store, arm__bytes("good", 4), &again, &is_new, &f->err), f->err);
    assert_true(arm__hash_is_zero(&again));
    assert_int_equal(store_fixture_staged(f), 0);
    assert_int_equal(store_fixture_leases(f), 0);
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 1);
}

static void test_store_errors_are_told_apart(void **state)
{
    static const struct {
        int error_number;
        arm_status code;
    } map[] = {
        {ENOSPC, ARM_FULL},      {EDQUOT, ARM_FULL}, {EACCES, ARM_PERMISSION},
        {EROFS, ARM_PERMISSION}, {EIO, ARM_IO},
    };
    struct store_fixture *f = *state;
    struct arm_hash hash;

    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        io_fault_at_verb(f->fault, "rename", 1, map[i].error_number);
        assert_fails(map[i].code,
                     arm__store_put(f->store, arm__bytes("x", 1), &hash, NULL, &f->err), f->err);
        assert_non_null(strstr(f->err.message, f->dir.path));
    }
    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
}

static void test_store_get_over_the_limit_is_refused(void **state)
{
    struct store_fixture *f = *state;
    struct arm_buf buf = ARM_BUF_INIT(3);
    struct arm_hash hash;

    assert_ok(arm__store_put(f->store, arm__bytes("four", 4), &hash, NULL, &f->err), f->err);
    assert_fails(ARM_INVALID, arm__store_get(f->store, &hash, &buf, &f->err), f->err);
    assert_fails(ARM_INVALID, arm__store_get_verified(f->store, &hash, &buf, &f->err), f->err);
    assert_int_equal(buf.size, 0);
}

static void test_store_open_needs_its_directories_and_writes_nothing(void **state)
{
    struct store_fixture *f = *state;
    struct arm_store *store = NULL;
    char path[TEMP_PATH_BYTES];

    assert_int_equal(temp_count_files(&f->dir, "."), 0); /* the fixture opened one */
    temp_path(&f->dir, "nowhere", path);
    assert_fails(ARM_NOT_FOUND, arm__store_open(f->io, path, &store, &f->err), f->err);
    temp_make_subdirectory(&f->dir, "half");
    temp_make_subdirectory(&f->dir, "half/chunks");
    temp_write_file(&f->dir, "half/staging", "", 0);
    temp_path(&f->dir, "half", path);
    assert_fails(ARM_NOT_FOUND, arm__store_open(f->io, path, &store, &f->err), f->err);
    assert_null(store);
    arm__store_close(NULL);
}

static void test_store_open_survives_allocation_failure(void **state)
{
    struct store_fixture *f = *state;
    arm_status st = ARM_NO_MEMORY;
    uint64_t n = 0;

    while (st != ARM_OK) {
        struct arm_store *store = NULL;

        arm__alloc_fail_at(++n);
        st = arm__store_open(f->io, f->dir.path, &store, &f->err);
        arm__alloc_fail_at(0);
        assert_true(st == ARM_OK || (st == ARM_NO_MEMORY && store == NULL));
        arm__store_close(store);
    }
    assert_true(n > 3);
}

static void test_store_forked_child_may_read_but_not_write(void **state)
{
    struct store_fixture *f = *state;
    struct arm_store_writer *writer = NULL;
    struct arm_hash hash;
    struct arm_hash other;
    pid_t child;
    int status = 0;

    assert_ok(arm__store_put(f->store, arm__bytes("x", 1), &hash, NULL, &f->err), f->err);
    assert_ok(arm__store_writer_new(f->store, &writer, &f->err), f->err);
    assert_ok(arm__store_writer_append(writer, "stream", 6, &f->err), f->err);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char *path = NULL;
        enum arm_deletion deletion;
        bool good = arm__store_check(f->store, &hash, NULL) == ARM_OK;

        good =
            good && arm__store_put(f->store, arm__bytes("y", 1), &other, NULL, NULL) == ARM_FORKED;
        good = good && arm__store_stage(f->store, &path, NULL) == ARM_FORKED;
        good = good && arm__store_delete(f->store, &hash, NULL) == ARM_FORKED;
        good = good && arm__store_delete_many(f->store, &hash, 1, &deletion, NULL) == ARM_FORKED;
        good = good && arm__store_sweep(f->store, NULL, NULL, NULL, NULL) == ARM_FORKED;
        good = good && arm__store_lease(f->store, &hash, NULL) == ARM_FORKED;
        good = good && arm__store_lease_clear(f->store, NULL) == ARM_FORKED;
        good = good && arm__store_writer_append(writer, "z", 1, NULL) == ARM_FORKED;
        arm__store_lease_drop(f->store, &hash);
        arm__store_writer_abort(writer);
        arm__store_close(f->store);
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* The child took nothing of ours with it. */
    assert_int_equal(store_fixture_leases(f), 1);
    assert_ok(arm__store_writer_finish(writer, &other, NULL, NULL, &f->err), f->err);
    assert_ok(arm__store_check(f->store, &other, &f->err), f->err);
}

static void test_store_reader_reads_what_was_checked(void **state)
{
    struct store_fixture *f = *state;
    struct arm_store_reader *reader = NULL;
    enum { SIZE = 700000 };
    uint8_t *data = malloc(SIZE);
    char path[TEMP_PATH_BYTES];
    struct arm_hash hash;
    uint8_t piece[100];

    for (size_t i = 0; i < SIZE; i++) {
        data[i] = (uint8_t)(i * 31 >> 3);
    }
    assert_ok(arm__store_put(f->store, arm__bytes(data, SIZE), &hash, NULL, &f->err), f->err);
    assert_ok(arm__store_reader_new(f->store, &hash, &reader, &f->err), f->err);
    assert_int_equal(arm__store_reader_size(reader), SIZE);
    assert_ok(arm__store_reader_read(reader, 600000, piece, sizeof piece, &f->err), f->err);
    assert_memory_equal(piece, data + 600000, sizeof piece);
    assert_int_equal(arm__store_reader_read(reader, SIZE - 99, piece, sizeof piece, &f->err),
                     ARM_CORRUPT);
    arm__store_reader_free(reader);
    data[SIZE - 1] ^= 1;
    temp_write_file(&f->dir, store_fixture_chunk(&hash, path), data, SIZE);
    reader = NULL;
    assert_int_equal(arm__store_reader_new(f->store, &hash, &reader, &f->err), ARM_HASH_MISMATCH);
    assert_null(reader);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_store_put_and_get),
        store_test(test_store_path_is_chunks_ab_cd_and_absolute),
        store_test(test_store_dedup_stores_once),
        store_test(test_store_missing_chunk_is_NOT_FOUND),
        store_test(test_store_damaged_chunk_is_HASH_MISMATCH),
        store_test(test_store_S3_put_does_not_overwrite_even_a_damaged_chunk),
        store_test(test_store_errors_are_told_apart),
        store_test(test_store_reader_reads_what_was_checked),
        store_test(test_store_get_over_the_limit_is_refused),
        store_test(test_store_open_needs_its_directories_and_writes_nothing),
        store_test(test_store_open_survives_allocation_failure),
        store_test(test_store_forked_child_may_read_but_not_write),
    };

    return cmocka_run_group_tests_name("store/chunk", tests, NULL, NULL);
}
