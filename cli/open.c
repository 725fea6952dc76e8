/* SPDX-License-Identifier: Apache-2.0 */
/* Which repository, which branch: -C and --branch, the environment, what lies upward, HEAD. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* A repository has FORMAT and log/ (INTERFACES, layout). */
static bool looks_like_repository(const char *directory)
{
    char *format = cli_format("%s/FORMAT", directory);
    char *log = cli_format("%s/log", directory);
    bool looks = access(format, F_OK) == 0 && access(log, F_OK) == 0;

    free(format);
    free(log);
    return looks;
}

/* The nearest repository at `directory` (absolute) or above it; cuts the text as it climbs. */
static bool climb(char *directory)
{
    while (!looks_like_repository(directory[0] == '\0' ? "/" : directory)) {
        char *slash = strrchr(directory, '/');

        if (slash == NULL) {
            return false;
        }
        *slash = '\0';
    }
    return true;
}

arm_status cli_find_repository(const struct cli *cli, char **out, struct arm_error *err)
{
    const char *told = cli->directory != NULL ? cli->directory : environment("ARMILLARIA_REPO");
    char *here = NULL;
    char *found = NULL;

    if (told != NULL) {
        *out = cli_strdup(told);
        return ARM_OK;
    }
    here = getcwd(NULL, 0);
    if (here == NULL) {
        return cli_fail_errno(err, "find", "the working directory");
    }
    found = cli_strdup(here);
    if (!climb(found)) {
        (void)cli_fail(err, ARM_NOT_REPOSITORY, "no repository in %s or above it", here);
        free(here);
        free(found);
        return ARM_NOT_REPOSITORY;
    }
    free(here);
    *out = found[0] == '\0' ? cli_strdup("/") : cli_strdup(found);
    free(found);
    return ARM_OK;
}

arm_status cli_read_head(const char *directory, char **out, struct arm_error *err)
{
    char *path = cli_format("%s/HEAD", directory);
    FILE *file = fopen(path, "re");
    char line[512] = "main";
    arm_status st = ARM_OK;

    if (file == NULL && errno != ENOENT) {
        st = cli_fail_errno(err, "read", path);
    } else if (file != NULL && fgets(line, sizeof line, file) == NULL) {
        st = ferror(file) ? cli_fail_errno(err, "read", path) : ARM_OK;
        (void)snprintf(line, sizeof line, "main");
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (st == ARM_OK) {
        *out = cli_strdup(line);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    free(path);
    return st;
}

arm_status cli_write_head(const char *directory, const char *branch, struct arm_error *err)
{
    char *path = cli_format("%s/HEAD", directory);
    char *fresh = cli_format("%s/HEAD.new", directory);
    FILE *file = fopen(fresh, "we");
    arm_status st = ARM_OK;
    bool written = false;

    if (file == NULL) {
        st = cli_fail_errno(err, "write", fresh);
    } else {
        written = fprintf(file, "%s\n", branch) > 0;
        written = fclose(file) == 0 && written;
        if (!written || rename(fresh, path) != 0) {
            st = cli_fail_errno(err, "write", path);
        }
    }
    free(fresh);
    free(path);
    return st;
}

static arm_status open_at(struct cli *cli, const char *directory, enum cli_access access,
                          struct arm_error *err)
{
    struct arm_repo_options options = {.size = sizeof options};
    struct arm_error first;
    arm_status st = arm_repo_open(directory, &options, &cli->repo, &first);

    if (access == CLI_READ && (st == ARM_PERMISSION || st == ARM_READ_ONLY || st == ARM_CORRUPT)) {
        options.read_only = true;
        if (arm_repo_open(directory, &options, &cli->repo, err) == ARM_OK) {
            cli_warn(cli, "%s: reading only", first.message);
            cli->is_damaged = st == ARM_CORRUPT;
            return ARM_OK;
        }
    }
    if (st != ARM_OK) {
        *err = first;
    }
    return st;
}

arm_status cli_open_repo(struct cli *cli, enum cli_access access, struct arm_error *err)
{
    char *directory = NULL;
    arm_status st = ARM_OK;

    CLI_TRY(cli_find_repository(cli, &directory, err));
    CLI_TRY(open_at(cli, directory, access, err));
done:
    free(directory);
    return st;
}

/* "there is no branch "x"" says nothing of who named it. */
static void tell_where_from(const struct cli *cli, bool is_told, struct arm_error *err)
{
    struct arm_error inner = *err;
    const char *by = cli->branch != NULL ? "--branch" : "ARMILLARIA_BRANCH";

    (void)snprintf(err->message, sizeof err->message,
                   "%.800s, which %s names: main is always there", inner.message,
                   is_told ? by : "the repository's file HEAD");
}

static const char *told_branch(const struct cli *cli)
{
    return cli->branch != NULL ? cli->branch : environment("ARMILLARIA_BRANCH");
}

/* HEAD stands on a branch, not on its name: it follows where another program renamed that. */
static arm_status follow_head(struct cli *cli, const char *head, struct arm_error *err)
{
    char now[256];
    arm_status st = ARM_OK;

    if (arm_branch_renamed(cli->repo, head, now, NULL) != ARM_OK) {
        tell_where_from(cli, false, err);
        return ARM_NOT_FOUND;
    }
    CLI_TRY(arm_session_open(cli->repo, now, &cli->session, err));
    (void)cli_write_head(arm_repo_path(cli->repo), now, NULL); /* else the next one finds it */
done:
    return st;
}

arm_status cli_open(struct cli *cli, enum cli_access access, struct arm_error *err)
{
    const char *told = told_branch(cli);
    char *head = NULL;
    arm_status st = ARM_OK;

    CLI_TRY(cli_open_repo(cli, access, err));
    if (told == NULL) {
        CLI_TRY(cli_read_head(arm_repo_path(cli->repo), &head, err));
    }
    st = arm_session_open(cli->repo, told == NULL ? head : told, &cli->session, err);
    if (st == ARM_NOT_FOUND && told != NULL) {
        tell_where_from(cli, true, err);
    } else if (st == ARM_NOT_FOUND) {
        st = follow_head(cli, head, err);
    }
done:
    free(head);
    return st;
}

arm_status cli_open_anywhere(struct cli *cli, enum cli_access access, struct arm_error *err)
{
    arm_status st = ARM_OK;

    CLI_TRY(cli_open_repo(cli, access, err));
    CLI_TRY(arm_session_open(cli->repo, "main", &cli->session, err));
done:
    return st;
}

arm_status cli_current_branch(const struct cli *cli, char **out, struct arm_error *err)
{
    const char *told = told_branch(cli);
    char now[256];
    arm_status st = ARM_OK;

    if (told != NULL) {
        *out = cli_strdup(told);
        return ARM_OK;
    }
    CLI_TRY(cli_read_head(arm_repo_path(cli->repo), out, err));
    if (arm_branch_renamed(cli->repo, *out, now, NULL) == ARM_OK) {
        free(*out);
        *out = cli_strdup(now);
    }
done:
    return st;
}

void cli_close(struct cli *cli)
{
    if (cli->session != NULL) {
        cli->last_tx = arm_session_last_tx(cli->session);
        cli->has_changed = cli->has_changed || cli->last_tx != 0;
    }
    arm_session_close(cli->session);
    arm_repo_close(cli->repo);
    cli->session = NULL;
    cli->repo = NULL;
}
