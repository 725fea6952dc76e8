/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/cmocka_all.h"
#include "support/io_fault.h"
#include "support/temp.h"

static const struct arm_io *io;
static struct io_fault *fault;
static struct temp_dir dir;
static char path[TEMP_PATH_BYTES];

static int setup(void **state)
{
    fault = io_fault_new(arm__io_system());
    io = io_fault_io(fault);
    dir = temp_dir_make();
    temp_path(&dir, "file", path);
    return 0;
}

static int teardown(void **state)
{
    io_fault_free(fault);
    temp_dir_remove(&dir);
    return 0;
}

static void test_io_read_file_whole_or_refused(void **state)
{
    struct arm_buf buf = ARM_BUF_INIT(10);
    struct arm_error err = {0};

    temp_write_file(&dir, "file", "", 0);
    assert_ok(arm__io_read_file(io, path, &buf, &err), err);
    assert_int_equal(buf.size, 0);
    temp_write_file(&dir, "file", "0123456789", 10);
    assert_ok(arm__io_read_file(io, path, &buf, &err), err);
    assert_int_equal(buf.size, 10);
    assert_memory_equal(buf.data, "0123456789", 10);

    temp_write_file(&dir, "file", "abcdefghijk", 11);
    assert_fails(ARM_INVALID, arm__io_read_file(io, path, &buf, &err), err);
    assert_memory_equal(buf.data, "0123456789", 10); /* untouched */
    assert_fails(ARM_NOT_FOUND, arm__io_read_file(io, "/nowhere/at/all", &buf, &err), err);
    assert_int_equal(buf.size, 10);
    assert_int_equal(buf.max, 10);
    arm__buf_release(&buf);
}

static void expect_content(const char *text)
{
    struct arm_buf buf = ARM_BUF_INIT(1000);
    struct arm_error err = {0};

    assert_ok(arm__io_read_file(arm__io_system(), path, &buf, &err), err);
    assert_int_equal(buf.size, strlen(text));
    assert_memory_equal(buf.data, text, buf.size);
    arm__buf_release(&buf);
}

static void test_io_O4_replace_syncs_before_and_after_the_rename(void **state)
{
    struct arm_error err = {0};
    int written;
    int synced;
    int renamed;
    int directory;

    assert_ok(arm__io_replace_file(io, path, arm__bytes("new", 3), &err), err);
    expect_content("new");
    written = io_fault_find(fault, 0, "write", "file.new");
    synced = io_fault_find(fault, written, "sync", "file.new");
    renamed = io_fault_find(fault, synced, "rename", path);
    directory = io_fault_find(fault, renamed, "sync_directory", dir.path);
    assert_true(0 <= written && written < synced && synced < renamed && renamed < directory);
}

static void test_io_O4_replace_fails_whole(void **state)
{
    struct arm_error err = {0};

    for (uint64_t n = 1;; n++) {
        arm_status st;

        temp_write_file(&dir, "file", "old", 3);
        io_fault_at(fault, n, ENOSPC, IO_FAULT_ONCE);
        st = arm__io_replace_file(io, path, arm__bytes("newer", 5), &err);
        if (!io_fault_happened(fault)) {
            assert_int_equal(st, ARM_OK);
            assert_true(n > 5);
            break;
        }
        assert_int_equal(st, ARM_FULL);
        /* Only once renamed is the new one there. */
        expect_content(io_fault_find(fault, 0, "sync_directory", "") >= 0 ? "newer" : "old");
        assert_int_equal(temp_count_files(&dir, "."), 1);
        io_fault_at(fault, 0, 0, IO_FAULT_ONCE);
        assert_ok(arm__io_replace_file(io, path, arm__bytes("newer", 5), &err), err);
        expect_content("newer");
    }
}

static void test_io_O4_replace_starts_a_leftover_anew(void **state)
{
    struct arm_error err = {0};

    temp_write_file(&dir, "file.new", "much longer than what comes", 27);
    assert_ok(arm__io_replace_file(io, path, arm__bytes("new", 3), &err), err);
    expect_content("new");
    assert_false(temp_exists(&dir, "file.new"));
}

static void test_io_shorthands_survive_allocation_failure(void **state)
{
    struct arm_error err = {0};
    arm_status st = ARM_NO_MEMORY;

    for (uint64_t n = 1; st != ARM_OK; n++) {
        struct arm_buf buf = ARM_BUF_INIT(100);
        struct arm_hash hash;

        temp_write_file(&dir, "file", "old", 3);
        arm__alloc_fail_at(n);
        st = arm__io_replace_file(io, path, arm__bytes("new", 3), &err);
        st = st == ARM_OK ? arm__io_read_file(io, path, &buf, &err) : st;
        st = st == ARM_OK ? arm__io_hash_file(io, path, &hash, NULL, &err) : st;
        arm__alloc_fail_at(0);
        assert_true(st == ARM_OK || st == ARM_NO_MEMORY);
        assert_int_equal(temp_count_files(&dir, "."), 1);
        arm__buf_release(&buf);
    }
}

static void test_io_hash_file_is_the_hash_of_its_bytes(void **state)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 1048575, 1048576, 1048577, 3000000};
    uint8_t *data = malloc(3000000);
    struct arm_error err = {0};

    assert_non_null(data);
    for (size_t i = 0; i < 3000000; i++) {
        data[i] = (uint8_t)(i * 7 + i / 255);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct arm_hash want = arm__hash(arm__bytes(data, sizes[i]));
        struct arm_hash hash;
        uint64_t size = 77;

        temp_write_file(&dir, "file", data, sizes[i]);
        assert_ok(arm__io_hash_file(io, path, &hash, &size, &err), err);
        assert_true(arm__hash_equal(&hash, &want));
        assert_int_equal(size, sizes[i]);
    }
    free(data);
}

static void test_io_hash_file_fails_clean(void **state)
{
    struct arm_error err = {0};
    struct arm_hash hash;
    uint64_t size = 77;

    temp_write_file(&dir, "file", "abc", 3);
    for (uint64_t n = 1;; n++) {
        arm_status st;

        io_fault_at(fault, n, EIO, IO_FAULT_ONCE);
        st = arm__io_hash_file(io, path, &hash, &size, &err);
        if (!io_fault_happened(fault)) {
            assert_int_equal(st, ARM_OK);
            break;
        }
        assert_int_equal(st, ARM_IO);
        assert_int_equal(size, 77);
    }
}

static void test_io_paths(void **state)
{
    static const char *const joins[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"},    {"a//", "b/c", "a/b/c"},
        {"/", "b", "/b"},  {"/a/b", "", "/a/b/"}, {"", "b", "b"},
    };
    static const char *const parents[][2] = {
        {"a/b", "a"},
        {"/a/b/c", "/a/b"},
        {"/a", "/"},
        {"a", "."},
    };
    struct arm_error err = {0};
    char *out = NULL;

    for (size_t i = 0; i < sizeof joins / sizeof joins[0]; i++) {
        assert_ok(arm__path_join(joins[i][0], joins[i][1], &out, &err), err);
        assert_string_equal(out, joins[i][2]);
        arm__free(out);
    }
    for (size_t i = 0; i < sizeof parents / sizeof parents[0]; i++) {
        assert_ok(arm__path_parent(parents[i][0], &out, &err), err);
        assert_string_equal(out, parents[i][1]);
        arm__free(out);
    }
    assert_true(arm__io_exists(io, dir.path));
    assert_false(arm__io_exists(io, path));
}

#define each(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        each(test_io_read_file_whole_or_refused),
        each(test_io_O4_replace_syncs_before_and_after_the_rename),
        each(test_io_O4_replace_fails_whole),
        each(test_io_O4_replace_starts_a_leftover_anew),
        each(test_io_shorthands_survive_allocation_failure),
        each(test_io_hash_file_is_the_hash_of_its_bytes),
        each(test_io_hash_file_fails_clean),
        each(test_io_paths),
    };

    return cmocka_run_group_tests_name("base/io", tests, NULL, NULL);
}
