/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_COMPLETE_H
#define ARM_CLI_COMPLETE_H

/* What could stand at the cursor of the shell: keywords, tables, columns of the tables that the
 * statement names, functions, files, dot commands and their arguments. */

#include "cli.h"

struct cli_candidate {
    char *text;  /* as it is to be typed: quoted where it must be */
    char suffix; /* behind it, if it is the only one; 0: nothing */
};

struct cli_candidates {
    struct cli_candidate *items;
    size_t count;
    size_t replace; /* bytes before the cursor that they stand for */
};

void cli_candidates_release(struct cli_candidates *candidates);

/* What it needs to know of the shell. */
struct cli_completer {
    const struct cli *cli;
    const char *at;  /* --at; NULL: now */
    bool has_engine; /* it may run SQL: the engine has been started anyway */
};

/* `before` is what was typed up to the cursor, earlier lines of the statement included, `after`
 * what stands behind it. Gives them sorted, each once. */
void cli_complete(const struct cli_completer *completer, const char *before, const char *after,
                  struct cli_candidates *out);

#endif
