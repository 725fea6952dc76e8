/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BASE_STATUS_H
#define ARM_BASE_STATUS_H

/* Status codes and the one shape of error handling: a fallible function returns arm_status
 * and fills a caller-owned arm_error (NULL allowed). */

#include <armillaria.h>

/* The only macro that jumps: to `done:` with `st` set, when `expr` fails. */
#define ARM_TRY(expr)                                                                              \
    do {                                                                                           \
        st = (expr);                                                                               \
        if (st != ARM_OK) {                                                                        \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)

/* Fill `err` (may be NULL) and return `code`, so that a failing line reads
 * `return arm__fail(err, ARM_CORRUPT, "frame %u: …", n)`. */
arm_status arm__fail(struct arm_error *err, arm_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As arm__fail, for a failed system call: maps `error_number` (ENOSPC, EDQUOT -> ARM_FULL,
 * EACCES, EPERM, EROFS -> ARM_PERMISSION, ENOENT -> ARM_NOT_FOUND, ENOMEM -> ARM_NO_MEMORY,
 * EEXIST -> ARM_EXISTS, else ARM_IO) and says "cannot <verb> <path>: <strerror>". */
arm_status arm__fail_errno(struct arm_error *err, int error_number, const char *verb,
                           const char *path);

/* Put "<context>: " before the message of `err`; returns err->code or `code` if err is NULL. */
arm_status arm__fail_within(struct arm_error *err, arm_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
