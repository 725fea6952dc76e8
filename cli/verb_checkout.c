/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria checkout. */

#include <stdlib.h>
#include <string.h>

#include "list.h"
#include "verbs.h"

static void tell(const struct cli *cli, const char *name)
{
    const char *over = getenv("ARMILLARIA_BRANCH");

    cli_tell_name(cli, "on branch", name);
    if (over != NULL && over[0] != '\0' && strcmp(over, name) != 0) {
        cli_warn(cli, "ARMILLARIA_BRANCH is %s, which goes before what was checked out", over);
    }
}

/* What was named is perhaps a commit, as git would check it out. */
static const char *hint_of(const struct cli *cli, arm_status st, const char *name)
{
    struct ArrowArrayStream stream = {0};

    if (st != ARM_NOT_FOUND || cli->session == NULL) {
        return NULL;
    }
    if (arm_show(cli->session, name, &stream, NULL) != ARM_OK) {
        return "`armillaria branch list` lists the branches, `armillaria checkout -b NAME` makes "
               "one";
    }
    stream.release(&stream);
    return "it names a commit: --at reads it, `armillaria checkout -b NAME REF` makes a branch of "
           "it";
}

static int run_checkout(struct cli *cli, const struct cli_args *args)
{
    const char *name = args->positional[0];
    const char *ref = args->positional_count > 1 ? args->positional[1] : NULL;
    bool makes = cli_args_value(args, "b") != NULL;
    struct arm_error err = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    if (ref != NULL && !makes) {
        return cli_usage_error(cli, args->verb, "'%s': only a new branch (-b) starts from a ref",
                               ref);
    }
    if (makes) {
        CLI_TRY(cli_open(cli, CLI_WRITE, &err));
        CLI_TRY(arm_branch_create(cli->session, name, ref, NULL, &err));
    } else {
        CLI_TRY(cli_open_anywhere(cli, CLI_READ, &err));
    }
    CLI_TRY(arm_session_use(cli->session, name, &err));
    CLI_TRY(cli_write_head(arm_repo_path(cli->repo), name, &err));
    tell(cli, name);
done:
    status = st == ARM_OK
                 ? CLI_DONE
                 : cli_report(cli, &err, makes ? cli_ref_hint(cli, st) : hint_of(cli, st, name));
    cli_close(cli);
    return status;
}

const struct cli_verb cli_verb_checkout = {
    .name = "checkout",
    .usage = "NAME",
    .summary = "change the current branch",
    .help = "Makes a branch the current one: that which commands work on that are told no other.\n"
            "It is kept in the repository's file HEAD; --branch and ARMILLARIA_BRANCH go before\n"
            "it. With -b the branch is made first, of the current one, or of a REF behind NAME.",
    .examples = "armillaria checkout feature/x\n"
                "armillaria checkout -b fix v1",
    .exits = "",
    .positional_min = 1,
    .positional_max = 2,
    .run = run_checkout,
    .options = {{NULL, 'b', NULL, "make the branch; a REF behind NAME is where it starts"}},
};
