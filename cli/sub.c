/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of several kinds. */

#include "sub.h"

#include <string.h>

enum { SUBS_MAX = 16 };

static const struct cli_sub *find(const struct cli_sub *subs, const char *name)
{
    for (; subs->name != NULL; subs++) {
        if (strcmp(subs->name, name) == 0) {
            return subs;
        }
    }
    return NULL;
}

static int unknown(const struct cli *cli, const struct cli_args *args, const struct cli_sub *subs)
{
    const char *typed = args->positional[0];
    const char *verb = args->verb->name;
    const char *names[SUBS_MAX];
    const char *nearest = NULL;
    bool has_create = find(subs, "create") != NULL;
    size_t count = 0;

    for (; subs[count].name != NULL && count < SUBS_MAX; count++) {
        names[count] = subs[count].name;
    }
    nearest = cli_nearest(typed, names, count);
    if (nearest == NULL && !has_create) {
        return cli_usage_error(cli, args->verb, "'%s' is nothing that %s does", typed, verb);
    }
    return nearest == NULL
               ? cli_usage_error(
                     cli, args->verb,
                     "'%s' is nothing that %s does; `armillaria %s create %s` makes one", typed,
                     verb, verb, typed)
               : cli_usage_error(cli, args->verb,
                                 "'%s' is nothing that %s does; did you mean '%s'?", typed, verb,
                                 nearest);
}

static bool takes(const struct cli_sub *sub, const char *option)
{
    const char *found = sub->options == NULL ? NULL : strstr(sub->options, option);

    return found != NULL && (found == sub->options || found[-1] == ' ') &&
           strchr(" ", found[strlen(option)]) != NULL;
}

/* How many arguments it has, and whether the options are its own. */
static int judge(const struct cli *cli, const struct cli_args *args, const struct cli_sub *sub)
{
    size_t count = args->positional_count == 0 ? 0 : args->positional_count - 1;
    const char *verb = args->verb->name;

    if (count < sub->min) {
        return cli_usage_error(cli, args->verb, "%s %s needs %s: armillaria %s %s %s", verb,
                               sub->name, sub->min - count == 1 ? "one more argument" : "arguments",
                               verb, sub->name, sub->usage);
    }
    if (count > sub->max) {
        return cli_usage_error(cli, args->verb, "'%s' is one argument too many for %s %s",
                               args->positional[sub->max + 1], verb, sub->name);
    }
    for (size_t i = 0; args->verb->options[i].name != NULL; i++) {
        if (args->values[i] != NULL && !takes(sub, args->verb->options[i].name)) {
            return cli_usage_error(cli, args->verb, "%s %s takes no --%s", verb, sub->name,
                                   args->verb->options[i].name);
        }
    }
    return CLI_DONE;
}

int cli_sub_run(struct cli *cli, const struct cli_args *args, const struct cli_sub *subs,
                const char *(*hint_of)(arm_status st, const struct cli_sub *sub))
{
    const struct cli_sub *sub =
        args->positional_count == 0 ? &subs[0] : find(subs, args->positional[0]);
    struct arm_error err = {0};
    int status = CLI_DONE;
    arm_status st = ARM_OK;

    if (sub == NULL) {
        return unknown(cli, args, subs);
    }
    status = judge(cli, args, sub);
    if (status != CLI_DONE) {
        return status;
    }
    CLI_TRY(sub->needs_branch ? cli_open(cli, sub->access, &err)
                              : cli_open_anywhere(cli, sub->access, &err));
    CLI_TRY(sub->run(cli, args, &err));
done:
    status = st == ARM_OK ? CLI_DONE
                          : cli_report(cli, &err, cli->session == NULL ? NULL : hint_of(st, sub));
    cli_close(cli);
    return status;
}
