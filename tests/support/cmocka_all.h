/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_CMOCKA_ALL_H
#define ARM_TESTS_SUPPORT_CMOCKA_ALL_H

/* cmocka.h with what it needs before it, in its order; and what most tests say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* `expr` is ARM_OK, or the test fails with the message of `err` (a struct arm_error). */
#define assert_ok(expr, err)                                                                       \
    do {                                                                                           \
        arm_status assert_ok_status = (expr);                                                      \
        if (assert_ok_status != ARM_OK) {                                                          \
            fail_msg("%s: status %d: %s", #expr, (int)assert_ok_status, (err).message);            \
        }                                                                                          \
    } while (0)

/* `expr` fails with `wanted`, and `err` says so and has a message. */
#define assert_fails(wanted, expr, err)                                                            \
    do {                                                                                           \
        assert_int_equal((expr), (wanted));                                                        \
        assert_int_equal((err).code, (wanted));                                                    \
        assert_true((err).message[0] != '\0');                                                     \
    } while (0)

#endif
