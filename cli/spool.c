/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of pipes. */

#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static arm_status make_spool(const char *directory, int *out, struct arm_error *err)
{
    char *path = cli_format("%s/staging/pipe-XXXXXX", directory);
    int fd = mkostemp(path, O_CLOEXEC);
    arm_status st = ARM_OK;

    if (fd < 0) {
        st = cli_fail_errno(err, "make", path);
    } else {
        (void)unlink(path);
        *out = fd;
    }
    free(path);
    return st;
}

static arm_status write_all(int fd, const char *name, const char *data, size_t size,
                            struct arm_error *err)
{
    while (size > 0) {
        ssize_t put = write(fd, data, size);

        if (put < 0 && errno != EINTR) {
            return cli_fail_errno(err, "copy", name);
        }
        data += put < 0 ? 0 : put;
        size -= put < 0 ? 0 : (size_t)put;
    }
    return ARM_OK;
}

static arm_status copy_all(const struct cli_watch *watch, int from, const struct cli_spool *spool,
                           struct arm_error *err)
{
    char bytes[1 << 16];
    size_t size = 0;
    arm_status st = ARM_OK;

    do {
        CLI_TRY(cli_watch_read(watch, from, spool->name, bytes, sizeof bytes, &size, err));
        CLI_TRY(write_all(spool->fd, spool->name, bytes, size, err));
    } while (size > 0);
done:
    return st;
}

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* What can be read only once. What is not there is told by the import. */
static bool is_pipe(const char *path)
{
    struct stat found;

    return is_stdin(path) ||
           (stat(path, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode));
}

/* A FIFO without a writer is waited for by cli_watch_read, where a signal ends the wait. */
static arm_status spool_pipe(const struct cli *cli, const struct cli_watch *watch, const char *path,
                             struct cli_spool *spool, struct arm_error *err)
{
    int from = is_stdin(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    arm_status st = ARM_OK;

    *spool = (struct cli_spool){.name = is_stdin(path) ? "standard input" : path, .fd = -1};
    if (from < 0) {
        return cli_fail_errno(err, "read", path);
    }
    CLI_TRY(make_spool(arm_repo_path(cli->repo), &spool->fd, err));
    CLI_TRY(copy_all(watch, from, spool, err));
    spool->path = cli_format("/proc/self/fd/%d", spool->fd);
done:
    if (from != STDIN_FILENO) {
        (void)close(from);
    }
    return st;
}

arm_status cli_inputs_open(const struct cli *cli, const struct cli_watch *watch,
                           const char *const *told, size_t count, struct cli_inputs *out,
                           struct arm_error *err)
{
    arm_status st = ARM_OK;

    *out = (struct cli_inputs){.paths = cli_alloc(count, sizeof *out->paths),
                               .spools = cli_alloc(count, sizeof *out->spools)};
    for (size_t i = 0; i < count; i++) {
        out->paths[i] = told[i];
        if (is_pipe(told[i])) {
            struct cli_spool *spool = &out->spools[out->spool_count++];

            CLI_TRY(spool_pipe(cli, watch, told[i], spool, err));
            out->paths[i] = spool->path;
        }
    }
done:
    return st;
}

static void replace(struct arm_error *err, const char *from, const char *to)
{
    struct cli_text text = {0};
    const char *rest = err->message;
    const char *found = NULL;

    while ((found = strstr(rest, from)) != NULL) {
        cli_text_append(&text, rest, (size_t)(found - rest));
        cli_text_add(&text, to);
        rest = found + strlen(from);
    }
    cli_text_add(&text, rest);
    (void)snprintf(err->message, sizeof err->message, "%s", text.data);
    cli_text_release(&text);
}

/* Last to first, so that 1 is not taken for the start of 12. */
void cli_inputs_name(const struct cli_inputs *inputs, struct arm_error *err)
{
    for (size_t i = inputs->spool_count; i > 0; i--) {
        const struct cli_spool *spool = &inputs->spools[i - 1];

        if (spool->path != NULL) {
            replace(err, spool->path, spool->name);
        }
    }
}

void cli_inputs_close(struct cli_inputs *inputs)
{
    for (size_t i = 0; i < inputs->spool_count; i++) {
        if (inputs->spools[i].fd >= 0) {
            (void)close(inputs->spools[i].fd);
        }
        free(inputs->spools[i].path);
    }
    free(inputs->spools);
    free(inputs->paths);
    *inputs = (struct cli_inputs){0};
}
