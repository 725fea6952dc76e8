/* SPDX-License-Identifier: Apache-2.0 */
/* armillaria init. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arrow.h"
#include "verbs.h"
#include "width.h"

/* The directories above `path`, as `mkdir -p` makes them. */
static arm_status make_parents(const char *path, struct arm_error *err)
{
    char *prefix = cli_strdup(path);
    arm_status st = ARM_OK;

    for (char *slash = strchr(prefix + 1, '/'); st == ARM_OK && slash != NULL && slash[1] != '\0';
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(prefix, 0777) != 0 && errno != EEXIST) {
            st = cli_fail_errno(err, "make", prefix);
        }
        *slash = '/';
    }
    free(prefix);
    return st;
}

static const char *init_hint(arm_status status, const char *directory)
{
    char *format = cli_format("%s/FORMAT", directory);
    bool is_repository = access(format, F_OK) == 0;

    free(format);
    if (status != ARM_EXISTS) {
        return NULL;
    }
    return is_repository ? "it was not touched; -C DIR works on it"
                         : "`armillaria init DIR` makes one in a directory of its own";
}

static int run_init(struct cli *cli, const struct cli_args *args)
{
    const char *told = args->positional_count > 0 ? args->positional[0] : cli->directory;
    struct arm_error err = {0};
    struct cli_text text = {0};
    arm_status st = ARM_OK;

    if (args->positional_count > 0 && cli->directory != NULL) {
        return cli_usage_error(cli, args->verb, "-C and DIR both name a directory");
    }
    told = told == NULL ? getenv("ARMILLARIA_REPO") : told;
    told = told == NULL || told[0] == '\0' ? "." : told;
    cli->directory = told;
    CLI_TRY(make_parents(told, &err));
    CLI_TRY(arm_repo_create(told, &err));
    cli->has_changed = true;
    CLI_TRY(cli_write_head(told, "main", &err));
    CLI_TRY(cli_open_repo(cli, CLI_WRITE, &err));
    if (cli->json) {
        cli_text_add(&text, "[{\"path\":");
        cli_json_string(arm_repo_path(cli->repo), strlen(arm_repo_path(cli->repo)), &text);
        (void)printf("%s}]\n", cli_text_string(&text));
    } else if (!cli->quiet) {
        (void)cli_text_show(&text, arm_repo_path(cli->repo), strlen(arm_repo_path(cli->repo)));
        (void)printf("made a repository in %s\n", cli_text_string(&text));
    }
done:
    cli_text_release(&text);
    cli_close(cli);
    return st == ARM_OK ? CLI_DONE : cli_report(cli, &err, init_hint(st, told));
}

const struct cli_verb cli_verb_init = {
    .name = "init",
    .usage = "[DIR]",
    .summary = "make a repository",
    .help = "Makes a repository in DIR (or -C DIR, ARMILLARIA_REPO, the working directory), which\n"
            "is not there yet, or is empty. What exists is not touched.",
    .examples = "armillaria init flights\n"
                "armillaria -C flights tables",
    .exits = "",
    .positional_max = 1,
    .run = run_init,
    .options = {{NULL, 0, NULL, NULL}},
};
