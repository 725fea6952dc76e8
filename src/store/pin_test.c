/* SPDX-License-Identifier: Apache-2.0 */
/* Pins: what each process needs, as others see it. */

#include "store/pin.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/store_fixture.h"

static uint64_t oldest(struct store_fixture *f)
{
    uint64_t tx = 0;

    assert_ok(arm__pins_oldest(f->store, &tx, &f->err), f->err);
    return tx;
}

static void test_pin_the_oldest_counts(void **state)
{
    struct store_fixture *f = *state;
    static const uint64_t txs[] = {7, 3, 9, 3, 0, 12};
    struct arm_pin pins[6] = {{.is_held = false}};

    assert_true(oldest(f) == UINT64_MAX);
    for (size_t i = 0; i < 6; i++) {
        assert_ok(arm__pin_take(f->store, txs[i], &pins[i], &f->err), f->err);
    }
    assert_int_equal(oldest(f), 0);
    arm__pin_drop(f->store, &pins[4]);
    assert_int_equal(oldest(f), 3);
    arm__pin_drop(f->store, &pins[1]);
    assert_int_equal(oldest(f), 3);
    arm__pin_drop(f->store, &pins[3]);
    arm__pin_drop(f->store, &pins[3]); /* once is enough */
    assert_int_equal(oldest(f), 7);
    assert_ok(arm__pin_take(f->store, 20, &pins[0], &f->err), f->err); /* holds 7 already */
    assert_int_equal(oldest(f), 7);
    assert_ok(arm__pin_take(f->store, 5, &pins[5], &f->err), f->err); /* goes back from 12 */
    assert_int_equal(oldest(f), 5);
    arm__pin_drop(f->store, &pins[5]);
    arm__pin_drop(f->store, &pins[0]);
    assert_int_equal(oldest(f), 9);
    arm__pin_drop(f->store, &pins[2]);
    assert_true(oldest(f) == UINT64_MAX);
}

/* A lease beside it is no pin, and a pin no lease. */
static void test_pin_stands_beside_leases(void **state)
{
    struct store_fixture *f = *state;
    struct arm_pin pin = {.is_held = false};
    struct arm_hash hash;

    assert_ok(arm__store_put(f->store, arm__bytes("a", 1), &hash, NULL, &f->err), f->err);
    assert_true(oldest(f) == UINT64_MAX);
    assert_ok(arm__pin_take(f->store, 4, &pin, &f->err), f->err);
    assert_int_equal(store_fixture_leases(f), 1);
    assert_ok(arm__store_lease_clear(f->store, &f->err), f->err);
    assert_int_equal(oldest(f), 4);
    assert_int_equal(store_fixture_leases(f), 0);
    arm__pin_drop(f->store, &pin);
}

/* P1: of another process, until it drops it or is killed. */
static void test_pin_of_another_process(void **state)
{
    struct store_fixture *f = *state;

    for (int killed = 0; killed < 2; killed++) {
        int to[2];
        int from[2];
        int status;
        char byte;
        pid_t pid;

        assert_int_equal(pipe(to), 0);
        assert_int_equal(pipe(from), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct arm_pin pin = {.is_held = false};
            struct arm_store *store = NULL;

            close(to[1]); /* so that it ends with us */
            close(from[0]);
            if (arm__store_open(arm__io_system(), f->dir.path, &store, NULL) != ARM_OK ||
                arm__pin_take(store, 41, &pin, NULL) != ARM_OK || write(from[1], "x", 1) != 1 ||
                read(to[0], &byte, 1) != 1) {
                _exit(1);
            }
            arm__pin_drop(store, &pin);
            _exit(write(from[1], "x", 1) == 1 && read(to[0], &byte, 1) == 1 ? 0 : 1);
        }
        assert_int_equal(read(from[0], &byte, 1), 1);
        assert_int_equal(oldest(f), 41);
        if (killed == 1) {
            assert_int_equal(kill(pid, SIGKILL), 0);
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_true(oldest(f) == UINT64_MAX);
        } else {
            assert_int_equal(write(to[1], "x", 1), 1);
            assert_int_equal(read(from[0], &byte, 1), 1);
            assert_true(oldest(f) == UINT64_MAX); /* it lives, and needs nothing */
            assert_int_equal(write(to[1], "x", 1), 1);
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_int_equal(status, 0);
        }
        for (int i = 0; i < 2; i++) {
            close(to[i]);
            close(from[i]);
        }
    }
}

/* Who can write nothing, since the disk is full, keeps everything while it reads. */
static void test_pin_of_the_blind_keeps_everything(void **state)
{
    struct store_fixture *f = *state;
    struct arm_store *other = NULL;
    struct arm_pin pins[2] = {{.is_held = false}};
    uint64_t tx = 1;

    assert_ok(arm__store_open(arm__io_system(), f->dir.path, &other, &f->err), f->err);
    assert_ok(arm__pins_oldest(other, &tx, &f->err), f->err);
    assert_true(tx == UINT64_MAX);
    for (int i = 0; i < 2; i++) {
        io_fault_at_verb(f->fault, "write", 1, ENOSPC);
        assert_ok(arm__pin_take(f->store, 50 + (uint64_t)i, &pins[i], &f->err), f->err);
    }
    io_fault_at(f->fault, 0, 0, IO_FAULT_ONCE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(oldest(f), 0);
        assert_ok(arm__pins_oldest(other, &tx, &f->err), f->err);
        assert_int_equal(tx, 0);
        arm__pin_drop(f->store, &pins[i]);
    }
    assert_ok(arm__pins_oldest(other, &tx, &f->err), f->err);
    assert_true(tx == UINT64_MAX);
    assert_ok(arm__pin_take(f->store, 50, &pins[0], &f->err), f->err); /* there is room again */
    assert_ok(arm__pins_oldest(other, &tx, &f->err), f->err);
    assert_int_equal(tx, 50);
    arm__pin_drop(f->store, &pins[0]);
    arm__store_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(test_pin_the_oldest_counts),
        store_test(test_pin_stands_beside_leases),
        store_test(test_pin_of_another_process),
        store_test(test_pin_of_the_blind_keeps_everything),
    };

    return cmocka_run_group_tests_name("store/pin", tests, NULL, NULL);
}
