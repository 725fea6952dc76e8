/* SPDX-License-Identifier: Apache-2.0 */
/* A put is whole or not at all: whatever operation or allocation of it fails, and wherever its
 * process is killed. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/chunk.h"
#include "support/store_fixture.h"

static const char DATA[] = "the bytes of a chunk";

static struct arm_bytes data(void)
{
    return arm__bytes(DATA, sizeof DATA - 1);
}

static void test_store_S1_syncs_file_then_renames_then_syncs_directories(void **state)
{
    struct store_fixture *f = *state;
    struct arm_hash hash;
    char path[TEMP_PATH_BYTES];
    int ab;
    int cd;
    int written;
    int synced;
    int renamed;
    int named;

    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
    assert_ok(arm__store_put(f->store, data(), &hash, NULL, &f->err), f->err);
    store_fixture_chunk(&hash, path);
    written = io_fault_find(f->fault, 0, "write", "staging/");
    written = io_fault_find(f->fault, written + 1, "write", "-0"); /* the first is the lease */
    synced = io_fault_find(f->fault, written, "sync", "staging/");
    renamed = io_fault_find(f->fault, synced, "rename", path);
    path[strlen("chunks/ab/cd")] = '\0';
    named = io_fault_find(f->fault, renamed, "sync_directory", path);
    cd = io_fault_find(f->fault, 0, "make_directory", path);
    path[strlen("chunks/ab")] = '\0';
    ab = io_fault_find(f->fault, 0, "make_directory", path);
    assert_true(0 <= written && written < synced && synced < renamed && renamed < named);
    assert_true(0 <= ab && ab < cd && cd < renamed);
    /* Each made directory's name is synced in the one above. */
    assert_true(io_fault_find(f->fault, ab, "sync_directory", "chunks\n") > ab);
    assert_true(io_fault_find(f->fault, cd, "sync_directory", path) > cd);
}

static void test_store_S1_directories_are_made_and_synced_once(void **state)
{
    struct store_fixture *f = *state;
    struct arm_hash first;
    struct arm_hash other;
    uint32_t n = 0;

    assert_ok(arm__store_put(f->store, data(), &first, NULL, &f->err), f->err);
    assert_ok(arm__store_delete(f->store, &first, NULL) == ARM_BUSY ? ARM_OK : ARM_IO, f->err);
    arm__store_lease_drop(f->store, &first);
    assert_ok(arm__store_delete(f->store, &first, &f->err), f->err);
    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
    assert_ok(arm__store_put(f->store, data(), &first, NULL, &f->err), f->err);
    assert_int_equal(io_fault_find(f->fault, 0, "make_directory", ""), -1);
    assert_int_equal(io_fault_find(f->fault, 0, "sync_directory", "chunks\n"), -1);

    do { /* another cd below the same ab */
        n++;
        other = arm__hash(arm__bytes(&n, sizeof n));
    } while (other.bytes[0] != first.bytes[0] || other.bytes[1] == first.bytes[1]);
    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
    assert_ok(arm__store_put(f->store, arm__bytes(&n, sizeof n), &other, NULL, &f->err), f->err);
    assert_true(io_fault_find(f->fault, 0, "make_directory", "") >= 0);
    assert_int_equal(io_fault_find(f->fault, 0, "sync_directory", "chunks\n"), -1);
}

static void test_store_S2_a_found_chunk_is_checked_and_synced(void **state)
{
    struct store_fixture *f = *state;
    struct arm_hash hash;
    char path[TEMP_PATH_BYTES];
    int read;
    int synced;
    bool is_new = true;

    assert_ok(arm__store_put(f->store, data(), &hash, NULL, &f->err), f->err);
    arm__store_close(f->store); /* another process finds it */
    f->store = NULL;
    assert_ok(arm__store_open(f->io, f->dir.path, &f->store, &f->err), f->err);
    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
    assert_ok(arm__store_put(f->store, data(), &hash, &is_new, &f->err), f->err);
    assert_false(is_new);
    store_fixture_chunk(&hash, path);
    read = io_fault_find(f->fault, 0, "read", path);
    synced = io_fault_find(f->fault, read, "sync", path);
    assert_true(0 <= read && read < synced);
    path[strlen("chunks/ab/cd")] = '\0';
    assert_true(io_fault_find(f->fault, synced, "sync_directory", path) > synced);
    assert_true(io_fault_find(f->fault, synced, "sync_directory", "chunks\n") > synced);
    assert_int_equal(io_fault_find(f->fault, 0, "rename", ""), -1);

    /* Leased and checked: not again. */
    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
    assert_ok(arm__store_put(f->store, data(), &hash, &is_new, &f->err), f->err);
    assert_ok(arm__store_ensure(f->store, &hash, &f->err), f->err);
    assert_int_equal(io_fault_find(f->fault, 0, "read", ""), -1);
    assert_int_equal(io_fault_find(f->fault, 0, "sync", ""), -1);
}

static void test_store_S2_a_failed_sync_of_a_found_chunk_is_no_success(void **state)
{
    struct store_fixture *f = *state;
    struct arm_hash hash;

    assert_ok(arm__store_put(f->store, data(), &hash, NULL, &f->err), f->err);
    arm__store_lease_drop(f->store, &hash);
    for (int i = 0; i < 2; i++) { /* nor a reason to think it checked the second time */
        io_fault_at_verb(f->fault, "sync", 1, EIO);
        assert_fails(ARM_IO, arm__store_put(f->store, data(), &hash, NULL, &f->err), f->err);
    }
    io_fault_at_verb(f->fault, "sync_directory", 1, EIO);
    assert_fails(ARM_IO, arm__store_ensure(f->store, &hash, &f->err), f->err);
    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
    assert_int_equal(store_fixture_leases(f), 0);
    assert_ok(arm__store_ensure(f->store, &hash, &f->err), f->err);
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 1); /* it was not ours to remove */
}

/* One way in; the fixture's store is open, and the chunk not there. */
typedef arm_status way_in(struct store_fixture *f, struct arm_hash *out);

static arm_status by_put(struct store_fixture *f, struct arm_hash *out)
{
    return arm__store_put(f->store, data(), out, NULL, &f->err);
}

static arm_status by_adopt(struct store_fixture *f, struct arm_hash *out)
{
    char *path = NULL;
    arm_status st = arm__store_stage(f->store, &path, &f->err);

    if (st == ARM_OK) {
        temp_write_file(&f->dir, path + strlen(f->dir.path) + 1, DATA, sizeof DATA - 1);
        st = arm__store_adopt(f->store, path, out, NULL, NULL, &f->err);
        assert_int_equal(access(path, F_OK), -1); /* whatever happened */
    }
    arm__free(path);
    return st;
}

static arm_status by_writer(struct store_fixture *f, struct arm_hash *out)
{
    struct arm_store_writer *writer = NULL;
    arm_status st = arm__store_writer_new(f->store, &writer, &f->err);

    for (size_t i = 0; st == ARM_OK && i < sizeof DATA - 1; i++) {
        st = arm__store_writer_append(writer, DATA + i, 1, &f->err);
        if (st != ARM_OK) {
            arm__store_writer_abort(writer);
        }
    }
    return st == ARM_OK ? arm__store_writer_finish(writer, out, NULL, NULL, &f->err) : st;
}

static way_in *const ways_in[] = {by_put, by_adopt, by_writer};
enum { WAYS_IN = sizeof ways_in / sizeof ways_in[0] };

static void reopen(struct store_fixture *f)
{
    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
    arm__store_close(f->store);
    f->store = NULL;
    assert_ok(arm__store_open(f->io, f->dir.path, &f->store, &f->err), f->err);
}

/* Nothing is left of a failed way in (S1, S6), and it works when tried again. */
static void expect_nothing_and_retry(struct store_fixture *f, way_in *way)
{
    struct arm_hash hash = {{0}};

    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 0);
    assert_int_equal(store_fixture_staged(f), 0);
    assert_int_equal(store_fixture_leases(f), 0);
    assert_ok(way(f, &hash), f->err);
    assert_ok(arm__store_check(f->store, &hash, &f->err), f->err);
    assert_int_equal(store_fixture_staged(f), 0);
    assert_int_equal(store_fixture_leases(f), 1);
    arm__store_lease_drop(f->store, &hash);
    assert_ok(arm__store_delete(f->store, &hash, &f->err), f->err);
}

static void test_store_S1_failed_write_leaves_nothing(void **state)
{
    static const int errors[] = {EIO, ENOSPC};
    struct store_fixture *f = *state;

    for (size_t way = 0; way < WAYS_IN; way++) {
        for (uint64_t n = 1;; n++) {
            for (size_t e = 0; e < 2; e++) {
                struct arm_hash hash;
                arm_status st;

                reopen(f); /* so that the lease file and the directories are begun anew */
                io_fault_at(f->fault, n, errors[e], IO_FAULT_ONCE);
                st = ways_in[way](f, &hash);
                if (!io_fault_happened(f->fault)) {
                    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
                    assert_int_equal(st, ARM_OK);
                    arm__store_lease_drop(f->store, &hash);
                    assert_ok(arm__store_delete(f->store, &hash, &f->err), f->err);
                    assert_true(n > 10);
                    goto next_way;
                }
                if (st == ARM_OK) { /* only what cleans up may fail unnoticed */
                    fail_msg("way %zu, operation %d was lost:\n%s", way, (int)n,
                             io_fault_log(f->fault));
                }
                assert_int_equal(st, errors[e] == EIO ? ARM_IO : ARM_FULL);
                expect_nothing_and_retry(f, ways_in[way]);
            }
        }
    next_way:;
    }
}

static void test_store_S6_allocation_failure_leaves_nothing(void **state)
{
    struct store_fixture *f = *state;

    for (size_t way = 0; way < WAYS_IN; way++) {
        for (uint64_t n = 1;; n++) {
            struct arm_hash hash;
            arm_status st;

            reopen(f);
            arm__alloc_fail_at(n);
            st = ways_in[way](f, &hash);
            arm__alloc_fail_at(0);
            if (st == ARM_OK) {
                arm__store_lease_drop(f->store, &hash);
                assert_ok(arm__store_delete(f->store, &hash, &f->err), f->err);
                assert_true(n > 5);
                break;
            }
            assert_int_equal(st, ARM_NO_MEMORY);
            expect_nothing_and_retry(f, ways_in[way]);
        }
    }
}

static void test_store_S1_a_disk_that_is_gone_leaves_only_whole_chunks(void **state)
{
    struct store_fixture *f = *state;

    for (size_t way = 0; way < WAYS_IN; way++) {
        if (ways_in[way] == by_adopt) { /* it expects its file to go, and here nothing can */
            continue;
        }
        for (uint64_t n = 1;; n++) {
            struct arm_hash want = arm__hash(data());
            struct arm_hash hash;
            arm_status st;
            bool there = false;

            reopen(f);
            io_fault_at(f->fault, n, EIO, IO_FAULT_AFTER);
            st = ways_in[way](f, &hash);
            if (!io_fault_happened(f->fault)) {
                io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
                assert_int_equal(st, ARM_OK);
                arm__store_lease_drop(f->store, &hash);
                assert_ok(arm__store_delete(f->store, &hash, &f->err), f->err);
                break;
            }
            assert_int_equal(st, ARM_IO);
            reopen(f);
            assert_ok(arm__store_exists(f->store, &want, &there, &f->err), f->err);
            if (there) {
                assert_ok(arm__store_check(f->store, &want, &f->err), f->err);
                assert_ok(arm__store_delete(f->store, &want, &f->err), f->err);
            }
            assert_ok(arm__store_sweep(f->store, NULL, NULL, NULL, &f->err), f->err);
            expect_nothing_and_retry(f, ways_in[way]);
        }
    }
}

static void test_store_S1_killed_anywhere_leaves_nothing_after_a_sweep(void **state)
{
    struct store_fixture *f = *state;

    for (size_t way = 0; way < WAYS_IN; way++) {
        for (uint64_t n = 1;; n++) {
            struct arm_hash want = arm__hash(data());
            bool there = false;
            int status = 0;
            pid_t child = fork();

            assert_true(child >= 0);
            if (child == 0) {
                struct arm_hash hash;

                if (arm__store_open(f->io, f->dir.path, &f->store, NULL) != ARM_OK) {
                    _exit(2);
                }
                io_fault_at(f->fault, n, 0, IO_FAULT_KILL);
                _exit(ways_in[way](f, &hash) == ARM_OK ? 0 : 1);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
            assert_ok(arm__store_exists(f->store, &want, &there, &f->err), f->err);
            if (there) { /* S1 */
                assert_ok(arm__store_ensure(f->store, &want, &f->err), f->err);
                arm__store_lease_drop(f->store, &want);
                assert_ok(arm__store_delete(f->store, &want, &f->err), f->err);
            }
            assert_ok(arm__store_sweep(f->store, NULL, NULL, NULL, &f->err), f->err);
            expect_nothing_and_retry(f, ways_in[way]);
            if (!WIFSIGNALED(status)) {
                assert_true(there && n > 10);
                break;
            }
        }
    }
    /* The lock and our own lease; no lease of the dead. */
    assert_int_equal(temp_count_files(&f->dir, "staging"), 2);
}

static void test_store_makes_removed_directories_again(void **state)
{
    struct store_fixture *f = *state;
    struct arm_hash hash;
    char name[TEMP_PATH_BYTES];
    char path[TEMP_PATH_BYTES];

    assert_ok(by_put(f, &hash), f->err);
    arm__store_lease_drop(f->store, &hash);
    assert_ok(arm__store_delete(f->store, &hash, &f->err), f->err);
    store_fixture_chunk(&hash, name);
    name[strlen("chunks/ab/cd")] = '\0';
    assert_int_equal(rmdir(temp_path(&f->dir, name, path)), 0);
    name[strlen("chunks/ab")] = '\0';
    assert_int_equal(rmdir(temp_path(&f->dir, name, path)), 0);
    assert_ok(by_put(f, &hash), f->err);
    assert_ok(arm__store_check(f->store, &hash, &f->err), f->err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_store_S1_syncs_file_then_renames_then_syncs_directories),
        store_test(test_store_S1_directories_are_made_and_synced_once),
        store_test(test_store_S2_a_found_chunk_is_checked_and_synced),
        store_test(test_store_S2_a_failed_sync_of_a_found_chunk_is_no_success),
        store_test(test_store_S1_failed_write_leaves_nothing),
        store_test(test_store_S6_allocation_failure_leaves_nothing),
        store_test(test_store_S1_a_disk_that_is_gone_leaves_only_whole_chunks),
        store_test(test_store_S1_killed_anywhere_leaves_nothing_after_a_sweep),
        store_test(test_store_makes_removed_directories_again),
    };

    return cmocka_run_group_tests_name("store/place", tests, NULL, NULL);
}
