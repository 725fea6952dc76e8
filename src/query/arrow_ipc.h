/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_ARROW_IPC_H
#define ARM_QUERY_ARROW_IPC_H

/* Arrow IPC, by nanoarrow: streams in files. These are the user's files, not a repository's: they
 * do not pass base's file door, and are not synced. */

#include "base/status.h"

/* Whether the file begins as an Arrow IPC file or stream does. False if it cannot be read. */
bool arm__arrow_ipc_detect(const char *path);

/* Open an IPC file or stream for reading. Errors: ARM_NOT_FOUND, ARM_PERMISSION, ARM_SCHEMA (not
 * Arrow IPC, truncated, or a feature we do not read: the message says so and names the file). */
arm_status arm__arrow_ipc_open(const char *path, struct ArrowArrayStream *out,
                               struct arm_error *err);

#endif
