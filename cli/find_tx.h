/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_FIND_TX_H
#define ARM_CLI_FIND_TX_H

#include "cli.h"

/* The tx that somebody means: a number, with or without "tx:"; `now`, the last one; a time, that of
 * the last commit by then, 0 if there was none; any other ref, that of its commit. Errors:
 * ARM_NOT_FOUND, ARM_INVALID. */
arm_status cli_find_tx(const struct cli *cli, const char *text, uint64_t *out,
                       struct arm_error *err);

#endif
