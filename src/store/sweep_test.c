/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/chunk.h"
#include "support/store_fixture.h"

/* Leave in `name` what a process left that staged a file and a COPY of DuckDB, and died. */
static void leave_dead(struct store_fixture *f)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct arm_store *store = NULL;
        struct arm_store_writer *writer = NULL;
        char copy[2 * TEMP_PATH_BYTES];
        char *path = NULL;

        if (arm__store_open(arm__io_system(), f->dir.path, &store, NULL) != ARM_OK ||
            arm__store_writer_new(store, &writer, NULL) != ARM_OK ||
            arm__store_stage(store, &path, NULL) != ARM_OK) {
            _exit(1);
        }
        (void)snprintf(copy, sizeof copy, "staging/tmp_%s", strrchr(path, '/') + 1);
        temp_write_file(&f->dir, copy, "half a Parquet file", 19);
        (void)raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static arm_status count_name(void *count, const char *name, struct arm_error *err)
{
    assert_true(strlen(name) > 32);
    (*(size_t *)count)++;
    return ARM_OK;
}

static void test_store_SW1_sweep_removes_what_the_dead_left(void **state)
{
    struct store_fixture *f = *state;
    struct arm_store_writer *mine = NULL;
    struct arm_hash hash;
    uint64_t removed = 99;
    size_t seen = 0;

    assert_ok(arm__store_sweep(f->store, count_name, &seen, &removed, &f->err), f->err);
    assert_int_equal(removed, 0);
    leave_dead(f);
    leave_dead(f);
    assert_ok(arm__store_writer_new(f->store, &mine, &f->err), f->err);
    assert_ok(arm__store_writer_append(mine, "abc", 3, &f->err), f->err);
    assert_int_equal(store_fixture_staged(f), 5);
    assert_ok(arm__store_sweep(f->store, count_name, &seen, &removed, &f->err), f->err);
    assert_int_equal(removed, 4);
    assert_int_equal(seen, 4);
    assert_int_equal(temp_count_files(&f->dir, "staging"), 3); /* lock, our lease, our file */
    assert_ok(arm__store_writer_finish(mine, &hash, NULL, NULL, &f->err), f->err);
    assert_ok(arm__store_check(f->store, &hash, &f->err), f->err);
}

/* A living process of which we know nothing but its lock. */
static void test_store_SW1_sweep_leaves_what_the_living_stage(void **state)
{
    struct store_fixture *f = *state;
    uint64_t removed = 99;
    int ready[2];
    char byte = 0;
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct arm_store *store = NULL;
        struct arm_store_writer *writer = NULL;

        if (arm__store_open(arm__io_system(), f->dir.path, &store, NULL) == ARM_OK &&
            arm__store_writer_new(store, &writer, NULL) == ARM_OK) {
            (void)!write(ready[1], &byte, 1);
        }
        for (;;) {
            (void)pause();
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_ok(arm__store_sweep(f->store, NULL, NULL, &removed, &f->err), f->err);
    assert_int_equal(removed, 0);
    assert_int_equal(store_fixture_staged(f), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_ok(arm__store_sweep(f->store, NULL, NULL, &removed, &f->err), f->err);
    assert_int_equal(removed, 1);
    assert_int_equal(store_fixture_staged(f), 0);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static void test_store_SW1_a_staged_file_without_a_lease_has_no_owner(void **state)
{
    struct store_fixture *f = *state;
    uint64_t removed = 0;

    /* As after a crash of the machine that lost the lease's name. */
    temp_write_file(&f->dir, "staging/00112233445566778899aabbccddeeff-7", "x", 1);
    assert_ok(arm__store_sweep(f->store, NULL, NULL, &removed, &f->err), f->err);
    assert_int_equal(removed, 1);
    assert_int_equal(store_fixture_staged(f), 0);
}

static void test_store_SW2_sweep_leaves_other_names_alone(void **state)
{
    static const char *const names[] = {
        "staging/readme",
        "staging/00112233445566778899aabbccddeeff",
        "staging/00112233445566778899AABBCCDDEEFF-1",
        "staging/0011223344556677-1",
        "staging/00112233445566778899aabbccddeeff.leases",
        "staging/tmp_00112233445566778899aabbccddeeff.lease",
        "staging/tmp_",
    };
    struct store_fixture *f = *state;
    uint64_t removed = 99;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        temp_write_file(&f->dir, names[i], "x", 1);
    }
    assert_ok(arm__store_sweep(f->store, NULL, NULL, &removed, &f->err), f->err);
    assert_int_equal(removed, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(temp_exists(&f->dir, names[i]));
    }
}

static void test_store_sweep_cut_short_is_continued(void **state)
{
    struct store_fixture *f = *state;

    for (uint64_t n = 1;; n++) {
        arm_status st;
        uint64_t removed = 0;

        leave_dead(f);
        io_fault_at(f->fault, n, EIO, IO_FAULT_ONCE);
        st = arm__store_sweep(f->store, NULL, NULL, &removed, &f->err);
        if (!io_fault_happened(f->fault)) {
            assert_int_equal(st, ARM_OK);
            assert_int_equal(removed, 2);
            assert_true(n > 8);
            return;
        }
        assert_int_equal(st, ARM_IO);
        io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
        assert_ok(arm__store_sweep(f->store, NULL, NULL, NULL, &f->err), f->err);
        assert_int_equal(temp_count_files(&f->dir, "staging"), 1); /* the lock */
    }
}

static void test_store_sweep_survives_allocation_failure(void **state)
{
    struct store_fixture *f = *state;
    arm_status st = ARM_NO_MEMORY;
    uint64_t n = 0;

    leave_dead(f);
    while (st != ARM_OK) {
        arm__alloc_fail_at(++n);
        st = arm__store_sweep(f->store, NULL, NULL, NULL, &f->err);
        arm__alloc_fail_at(0);
        assert_true(st == ARM_OK || st == ARM_NO_MEMORY);
    }
    assert_int_equal(temp_count_files(&f->dir, "staging"), 1);
}

static void test_store_close_removes_its_own_staged_files(void **state)
{
    struct store_fixture *f = *state;
    char *path = NULL;

    assert_ok(arm__store_stage(f->store, &path, &f->err), f->err);
    temp_write_file(&f->dir, path + strlen(f->dir.path) + 1, "never adopted", 13);
    arm__store_close(f->store);
    f->store = NULL;
    assert_int_equal(temp_count_files(&f->dir, "staging"), 1);
    arm__free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_store_SW1_sweep_removes_what_the_dead_left),
        store_test(test_store_SW1_sweep_leaves_what_the_living_stage),
        store_test(test_store_SW1_a_staged_file_without_a_lease_has_no_owner),
        store_test(test_store_SW2_sweep_leaves_other_names_alone),
        store_test(test_store_sweep_cut_short_is_continued),
        store_test(test_store_sweep_survives_allocation_failure),
        store_test(test_store_close_removes_its_own_staged_files),
    };

    return cmocka_run_group_tests_name("store/sweep", tests, NULL, NULL);
}
