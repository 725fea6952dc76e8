/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_SPOOL_H
#define ARM_CLI_SPOOL_H

/* The files of an import. Standard input and other pipes are copied first, into nameless files in
 * staging/ of the repository: Parquet is read from its end, and types are inferred by looking
 * twice. Whatever ends the process, the copies are gone. */

#include "watch.h"

struct cli_spool {
    const char *name; /* for messages; borrowed */
    int fd;
    char *path; /* of the copy, in /proc */
};

struct cli_inputs {
    const char **paths; /* as many as were told */
    struct cli_spool *spools;
    size_t spool_count;
};

/* `told` ("-": standard input) is borrowed until the inputs are closed; so they must be even after
 * an error. Errors: ARM_INTERRUPTED, those of reading and writing. */
arm_status cli_inputs_open(const struct cli *cli, const struct cli_watch *watch,
                           const char *const *told, size_t count, struct cli_inputs *out,
                           struct arm_error *err);
/* Let the message speak of what was told, not of the copies. */
void cli_inputs_name(const struct cli_inputs *inputs, struct arm_error *err);
/* The zeroed state is accepted. */
void cli_inputs_close(struct cli_inputs *inputs);

#endif
