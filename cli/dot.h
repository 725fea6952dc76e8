/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_DOT_H
#define ARM_CLI_DOT_H

/* The dot commands of the shell. One table says how each is called, what it takes, and what it
 * does: for running, for .help and for completion. */

#include "shell_private.h"

enum cli_dot_takes {
    CLI_DOT_NOTHING,
    CLI_DOT_TABLE,
    CLI_DOT_FILE,
    CLI_DOT_MODE,
    CLI_DOT_SWITCH, /* on, off */
    CLI_DOT_COMMAND,
    CLI_DOT_NUMBER,
};

struct cli_dot_command {
    const char *name;  /* with its dot; NULL ends the table */
    const char *usage; /* behind the name; "": it takes nothing */
    const char *help;  /* one line */
    enum cli_dot_takes takes;
    bool is_needed; /* the argument */
    enum cli_dot_result (*run)(struct cli_shell *shell, const char *argument);
};

extern const struct cli_dot_command cli_dot_commands[];
extern const char *const cli_dot_modes[]; /* ended by NULL */

#endif
