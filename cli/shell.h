/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_SHELL_H
#define ARM_CLI_SHELL_H

/* SQL typed on a terminal: statements of several lines up to ';', and dot commands. */

#include "run.h"

/* Until .quit or the end of input; the exit status. */
int cli_shell(struct cli_run *run);

#endif
