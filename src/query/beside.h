/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_BESIDE_H
#define ARM_QUERY_BESIDE_H

/* A file that is written beside its place, under a name nobody else has, and renamed when it is
 * whole: a file that was there stays until then. What is no regular file (a device, a pipe) is
 * written to itself; of a symbolic link, the file it names. */

#include <stdbool.h>

#include "base/status.h"

struct arm_beside {
    char *path;  /* to write to */
    char *place; /* where it goes; NULL: it is there */
};

/* Makes the file, empty. Errors: ARM_PERMISSION, ARM_NOT_FOUND (no such directory), ARM_FULL,
 * ARM_IO, ARM_INVALID (a directory), naming `path`. */
arm_status arm__beside_open(const char *path, struct arm_beside *out, struct arm_error *err);
/* Put it in its place. */
arm_status arm__beside_commit(struct arm_beside *beside, struct arm_error *err);
/* Remove what is not in its place; accepts the zeroed state. */
void arm__beside_release(struct arm_beside *beside);

#endif
