/* SPDX-License-Identifier: Apache-2.0 */
/* Leases between processes, and what they keep from being deleted. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/chunk.h"
#include "support/store_fixture.h"

static struct arm_hash put(struct store_fixture *f, const char *text)
{
    struct arm_hash hash;

    assert_ok(arm__store_put(f->store, arm__bytes(text, strlen(text)), &hash, NULL, &f->err),
              f->err);
    return hash;
}

static void test_store_S5_leases_are_counted(void **state)
{
    struct store_fixture *f = *state;
    struct arm_hash hash = put(f, "a");

    hash = put(f, "a");
    assert_ok(arm__store_ensure(f->store, &hash, &f->err), f->err);
    assert_ok(arm__store_lease(f->store, &hash, &f->err), f->err);
    assert_int_equal(store_fixture_leases(f), 1);
    for (int left = 4; left > 0; left--) {
        assert_fails(ARM_BUSY, arm__store_delete(f->store, &hash, &f->err), f->err);
        arm__store_lease_drop(f->store, &hash);
    }
    assert_int_equal(store_fixture_leases(f), 0);
    arm__store_lease_drop(f->store, &hash); /* one too many is none */
    assert_ok(arm__store_delete(f->store, &hash, &f->err), f->err);
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 0);
}

static void test_store_lease_clear_forgets_all(void **state)
{
    struct store_fixture *f = *state;
    struct arm_hash a = put(f, "a");
    struct arm_hash b = put(f, "b");

    assert_int_equal(store_fixture_leases(f), 2);
    assert_ok(arm__store_lease_clear(f->store, &f->err), f->err);
    assert_int_equal(store_fixture_leases(f), 0);
    arm__store_lease_drop(f->store, &a);
    assert_ok(arm__store_lease(f->store, &b, &f->err), f->err);
    assert_int_equal(store_fixture_leases(f), 1);
    assert_ok(arm__store_delete(f->store, &a, &f->err), f->err);
    assert_fails(ARM_BUSY, arm__store_delete(f->store, &b, &f->err), f->err);
}

/* Another process that has put `text`, and waits. */
struct other {
    pid_t pid;
    int to;
    int from;
};

static struct other other_puts(struct store_fixture *f, const char *text)
{
    struct other other;
    int to[2];
    int from[2];
    char byte;

    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    other = (struct other){fork(), to[1], from[0]};
    assert_true(other.pid >= 0);
    if (other.pid == 0) {
        struct arm_store *store = NULL;
        struct arm_hash hash;

        close(to[1]);
        if (arm__store_open(arm__io_system(), f->dir.path, &store, NULL) != ARM_OK ||
            arm__store_put(store, arm__bytes(text, strlen(text)), &hash, NULL, NULL) != ARM_OK ||
            write(from[1], "x", 1) != 1 || read(to[0], &byte, 1) != 1) {
            _exit(1);
        }
        arm__store_close(store);
        _exit(0);
    }
    close(to[0]);
    close(from[1]);
    assert_int_equal(read(other.from, &byte, 1), 1);
    return other;
}

static void end_other(struct other *other, bool kill_it)
{
    int status = 0;

    if (kill_it) {
        assert_int_equal(kill(other->pid, SIGKILL), 0);
    } else {
        assert_int_equal(write(other->to, "x", 1), 1);
    }
    assert_int_equal(waitpid(other->pid, &status, 0), other->pid);
    assert_true(kill_it || status == 0);
    close(other->to);
    close(other->from);
}

static void test_store_S5_another_process_keeps_what_it_leases(void **state)
{
    struct store_fixture *f = *state;

    for (int killed = 0; killed < 2; killed++) {
        struct other other = other_puts(f, "theirs");
        struct arm_hash hash = arm__hash(arm__bytes("theirs", 6));

        assert_int_equal(store_fixture_leases(f), 1);
        assert_fails(ARM_BUSY, arm__store_delete(f->store, &hash, &f->err), f->err);
        assert_ok(arm__store_check(f->store, &hash, &f->err), f->err);
        end_other(&other, killed);
        assert_int_equal(store_fixture_leases(f), 0); /* also when its file is still there */
        assert_ok(arm__store_delete(f->store, &hash, &f->err), f->err);
    }
}

static void test_store_S5_two_stores_of_one_process_keep_out_each_other(void **state)
{
    struct store_fixture *f = *state;
    struct arm_store *second = NULL;
    struct arm_hash hash = put(f, "a");

    assert_ok(arm__store_open(f->io, f->dir.path, &second, &f->err), f->err);
    assert_fails(ARM_BUSY, arm__store_delete(second, &hash, &f->err), f->err);
    assert_ok(arm__store_sweep(second, NULL, NULL, NULL, &f->err), f->err);
    assert_int_equal(store_fixture_leases(f), 1);
    arm__store_lease_drop(f->store, &hash);
    assert_ok(arm__store_delete(second, &hash, &f->err), f->err);
    arm__store_close(second);
}

static void test_store_S5_a_lease_that_cannot_be_read_keeps_the_chunk(void **state)
{
    struct store_fixture *f = *state;
    struct other other = other_puts(f, "theirs");
    struct arm_hash hash = arm__hash(arm__bytes("theirs", 6));

    for (uint64_t n = 1;; n++) {
        arm_status st;

        io_fault_at(f->fault, n, EIO, IO_FAULT_ONCE);
        st = arm__store_delete(f->store, &hash, &f->err);
        if (!io_fault_happened(f->fault)) {
            assert_int_equal(st, ARM_BUSY);
            assert_true(n > 4);
            break;
        }
        assert_int_equal(st, ARM_IO);
    }
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 1);
    end_other(&other, false);
}

static void test_store_delete_survives_allocation_failure(void **state)
{
    struct store_fixture *f = *state;
    struct other other = other_puts(f, "theirs");
    struct arm_hash hash = arm__hash(arm__bytes("mine", 4));
    arm_status st = ARM_NO_MEMORY;
    uint64_t n = 0;

    put(f, "mine");
    arm__store_lease_drop(f->store, &hash);
    while (st != ARM_OK) {
        arm__alloc_fail_at(++n);
        st = arm__store_delete(f->store, &hash, &f->err);
        arm__alloc_fail_at(0);
        assert_true(st == ARM_OK || st == ARM_NO_MEMORY);
        assert_int_equal(temp_count_files(&f->dir, "chunks"), st == ARM_OK ? 1 : 2);
    }
    assert_true(n > 4);
    end_other(&other, false);
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct arm_hash));
}

/* Ours and theirs leased, one gone, one nobody's. */
static void test_store_S5_many_are_deleted_but_the_leased(void **state)
{
    struct store_fixture *f = *state;
    struct other other = other_puts(f, "theirs");
    struct arm_hash chunks[4] = {put(f, "mine"), arm__hash(arm__bytes("theirs", 6)),
                                 put(f, "nobody's"), arm__hash(arm__bytes("gone", 4))};
    struct arm_hash nobodys = chunks[2];
    struct arm_hash gone = chunks[3];
    enum arm_deletion answers[4];

    arm__store_lease_drop(f->store, &nobodys);
    qsort(chunks, 4, sizeof *chunks, compare_hashes);
    assert_ok(arm__store_delete_many(f->store, chunks, 4, answers, &f->err), f->err);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(answers[i], arm__hash_equal(&chunks[i], &nobodys) ? ARM_DELETION_DONE
                                     : arm__hash_equal(&chunks[i], &gone)  ? ARM_DELETION_GONE
                                                                           : ARM_DELETION_LEASED);
    }
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 2);
    end_other(&other, false);
    assert_ok(arm__store_delete_many(f->store, chunks, 4, answers, &f->err), f->err);
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 1);
    assert_ok(arm__store_delete_many(f->store, NULL, 0, NULL, &f->err), f->err);
}

/* A lease that cannot be read keeps all of them. */
static void test_store_S5_many_survive_failures(void **state)
{
    struct store_fixture *f = *state;
    struct other other = other_puts(f, "theirs");
    struct arm_hash chunk = arm__hash(arm__bytes("theirs", 6));
    enum arm_deletion answer;

    for (uint64_t n = 1;; n++) {
        arm_status st;

        io_fault_at(f->fault, n, EIO, IO_FAULT_ONCE);
        st = arm__store_delete_many(f->store, &chunk, 1, &answer, &f->err);
        if (!io_fault_happened(f->fault)) {
            assert_ok(st, f->err);
            assert_int_equal(answer, ARM_DELETION_LEASED);
            assert_true(n > 4);
            break;
        }
        assert_int_equal(st, ARM_IO);
    }
    assert_int_equal(temp_count_files(&f->dir, "chunks"), 1);
    end_other(&other, false);
}

static void test_store_close_takes_its_lease_file_along(void **state)
{
    struct store_fixture *f = *state;

    put(f, "a");
    assert_int_equal(temp_count_files(&f->dir, "staging"), 2); /* the lock and the lease */
    arm__store_close(f->store);
    f->store = NULL;
    assert_int_equal(temp_count_files(&f->dir, "staging"), 1);
    assert_true(temp_exists(&f->dir, "staging/lock"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_store_S5_leases_are_counted),
        store_test(test_store_lease_clear_forgets_all),
        store_test(test_store_S5_another_process_keeps_what_it_leases),
        store_test(test_store_S5_two_stores_of_one_process_keep_out_each_other),
        store_test(test_store_S5_a_lease_that_cannot_be_read_keeps_the_chunk),
        store_test(test_store_delete_survives_allocation_failure),
        store_test(test_store_S5_many_are_deleted_but_the_leased),
        store_test(test_store_S5_many_survive_failures),
        store_test(test_store_close_takes_its_lease_file_along),
    };

    return cmocka_run_group_tests_name("store/lease", tests, NULL, NULL);
}
