/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria tag. */

#include "list.h"
#include "sub.h"
#include "verbs.h"

static const struct cli_list_column tag_columns[] = {
    {"name", CLI_LIST_PLAIN},        {"tx", CLI_LIST_PLAIN},         {"commit", CLI_LIST_PLAIN},
    {"branch", CLI_LIST_PLAIN},      {"created_at", CLI_LIST_PLAIN}, {"author", CLI_LIST_PLAIN},
    {"description", CLI_LIST_PLAIN},
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static arm_status do_list(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    struct ArrowArrayStream stream = {0};
    arm_status st = ARM_OK;

    (void)args;
    CLI_TRY(arm_tags(cli->session, &stream, err));
    CLI_TRY(cli_list(cli, &stream, tag_columns, COUNT_OF(tag_columns), err));
done:
    return st;
}

static arm_status do_create(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    const char *name = args->positional[1];
    const char *ref = args->positional_count > 2 ? args->positional[2] : NULL;
    arm_status st = ARM_OK;

    CLI_TRY(arm_tag_create(cli->session, name, ref, cli_args_value(args, "description"), err));
    cli_tell_name(cli, "made tag", name);
done:
    return st;
}

static arm_status do_delete(struct cli *cli, const struct cli_args *args, struct arm_error *err)
{
    const char *name = args->positional[1];
    arm_status st = ARM_OK;

    CLI_TRY(arm_tag_drop(cli->session, name, err));
    cli_tell_name(cli, "deleted tag", name);
done:
    return st;
}

static const char *hint_of(arm_status st, const struct cli_sub *sub)
{
    if (st == ARM_EXISTS) {
        return "a tag does not move: delete it first, or take another name";
    }
    if (st == ARM_NOT_FOUND) {
        return sub->run == do_delete ? "`armillaria tag list` lists the tags"
                                     : "`armillaria log` lists the commits";
    }
    return NULL;
}

static const struct cli_sub subs[] = {
    {"list", "", 0, 0, CLI_READ, false, NULL, do_list},
    {"create", "NAME [REF] [--description D]", 1, 2, CLI_WRITE, true, "description", do_create},
    {"delete", "NAME", 1, 1, CLI_WRITE, false, NULL, do_delete},
    {NULL, NULL, 0, 0, CLI_READ, false, NULL, NULL},
};

static int run_tag(struct cli *cli, const struct cli_args *args)
{
    return cli_sub_run(cli, args, subs, hint_of);
}

const struct cli_verb cli_verb_tag = {
    .name = "tag",
    .usage = "[list | create NAME [REF] | delete NAME]",
    .summary = "list, create and delete tags",
    .help = "A tag is a name for a commit that never moves.\n"
            "\n"
            "    list                 the tags, and the commits they name. The default\n"
            "    create NAME [REF]    a tag of the last commit of the current branch, or of REF\n"
            "    delete NAME          the commit stays",
    .examples = "armillaria tag create v1\n"
                "armillaria tag create before-import main~1\n"
                "armillaria sql --at v1 -c 'SELECT count(*) FROM flights'",
    .exits = "",
    .positional_max = SIZE_MAX,
    .run = run_tag,
    .options = {{"description", 0, "D", "create: what it is for"}},
};
