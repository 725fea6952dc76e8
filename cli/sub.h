/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_SUB_H
#define ARM_CLI_SUB_H

/* A verb whose first argument says which of several things is to be done: branch, tag. Without one
 * it is the first of them. */

#include "args.h"

struct cli_sub {
    const char *name;  /* NULL: the end of the list */
    const char *usage; /* behind "armillaria <verb> <name> " */
    size_t min;        /* arguments behind the name */
    size_t max;
    enum cli_access access;
    bool needs_branch;   /* the current branch must be there; else any will do */
    const char *options; /* of the verb's, those that it takes; NULL: none */
    arm_status (*run)(struct cli *cli, const struct cli_args *args, struct arm_error *err);
};

/* Find it, judge its arguments, open the repository, run it, tell what is wrong; the exit status.
 * `hint_of` says what to do about an error, or NULL. */
int cli_sub_run(struct cli *cli, const struct cli_args *args, const struct cli_sub *subs,
                const char *(*hint_of)(arm_status st, const struct cli_sub *sub));

#endif
