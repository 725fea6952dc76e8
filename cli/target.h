/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_TARGET_H
#define ARM_CLI_TARGET_H

/* Where a result goes: standard output, or a file that is there whole or not at all (written
 * beside its place, then renamed). A device or a pipe is written as it is. */

#include <stdio.h>

#include "cli.h"

struct cli_target {
    FILE *out;           /* NULL: written by path */
    const char *name;    /* for messages; borrowed */
    char *path;          /* what is written to; NULL: standard output as a stream */
    const char *final;   /* `path` is renamed to this in the end; NULL: it is not */
    bool is_scratch;     /* `path` is copied in the end, to ... */
    const char *copy_to; /* ... this; NULL: standard output */
};

/* `file` NULL: standard output. `by_path`: the writer wants a path, not a stream. */
arm_status cli_target_open(const char *file, bool by_path, struct cli_target *out,
                           struct arm_error *err);
/* All is written: put it in its place. Releases the target in any case. */
arm_status cli_target_commit(struct cli_target *target, struct arm_error *err);
/* Leave nothing behind. The zeroed state is accepted. */
void cli_target_abort(struct cli_target *target);

#endif
