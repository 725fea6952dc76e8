/* SPDX-License-Identifier: Apache-2.0 */
/* Files that appear whole. */

#include "target.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const stdout_name = "standard output";

/* A new file of our own that nobody else uses, in $TMPDIR. */
static arm_status make_scratch(char **out, struct arm_error *err)
{
    const char *directory = getenv("TMPDIR");
    char *path = cli_format("%s/armillaria-XXXXXX", directory == NULL ? "/tmp" : directory);
    int fd = mkstemp(path);

    if (fd < 0) {
        arm_status st = cli_fail_errno(err, "make", path);

        free(path);
        return st;
    }
    (void)close(fd);
    *out = path;
    return ARM_OK;
}

static bool is_special(const char *path)
{
    struct stat stat_of;

    return stat(path, &stat_of) == 0 && !S_ISREG(stat_of.st_mode);
}

static arm_status open_stream(struct cli_target *target, struct arm_error *err)
{
    target->out = fopen(target->path, "we");
    return target->out == NULL ? cli_fail_errno(err, "write", target->name) : ARM_OK;
}

arm_status cli_target_open(const char *file, bool by_path, struct cli_target *out,
                           struct arm_error *err)
{
    struct cli_target target = {.name = file == NULL ? stdout_name : file};
    arm_status st = ARM_OK;

    if (file == NULL && !by_path) {
        target.out = stdout;
    } else if (by_path && (file == NULL || is_special(file))) {
        target.is_scratch = true;
        target.copy_to = file;
        CLI_TRY(make_scratch(&target.path, err));
    } else if (is_special(file)) {
        target.path = cli_strdup(file);
    } else {
        target.path = cli_format("%s.part-%ld", file, (long)getpid());
        target.final = file;
    }
    if (target.path != NULL && !by_path) {
        CLI_TRY(open_stream(&target, err));
    }
    *out = target;
    target.path = NULL;
done:
    free(target.path);
    return st;
}

/* Copy the scratch file to where it was meant for. */
static arm_status copy_out(const struct cli_target *target, struct arm_error *err)
{
    FILE *from = fopen(target->path, "re");
    FILE *to = target->copy_to == NULL ? stdout : fopen(target->copy_to, "we");
    char bytes[1 << 16];
    size_t size = 0;
    arm_status st = ARM_OK;

    if (from == NULL || to == NULL) {
        st = cli_fail_errno(err, from == NULL ? "read" : "write",
                            from == NULL ? target->path : target->name);
    }
    while (st == ARM_OK && (size = fread(bytes, 1, sizeof bytes, from)) > 0) {
        if (fwrite(bytes, 1, size, to) != size) {
            st = cli_fail_output(err, target->name);
        }
    }
    if (from != NULL) {
        (void)fclose(from);
    }
    if (to != NULL && to != stdout && fclose(to) != 0 && st == ARM_OK) {
        st = cli_fail_output(err, target->name);
    }
    return st;
}

arm_status cli_target_commit(struct cli_target *target, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (target->out != NULL && target->out != stdout) {
        bool failed = fclose(target->out) != 0;

        target->out = NULL;
        if (failed) {
            st = cli_fail_output(err, target->name);
            goto done;
        }
    }
    if (target->is_scratch) {
        CLI_TRY(copy_out(target, err));
    } else if (target->final != NULL && rename(target->path, target->final) != 0) {
        st = cli_fail_output(err, target->final);
    } else if (target->final != NULL) {
        free(target->path);
        *target = (struct cli_target){0};
    }
done:
    cli_target_abort(target);
    return st;
}

void cli_target_abort(struct cli_target *target)
{
    if (target->out != NULL && target->out != stdout) {
        (void)fclose(target->out);
    }
    if (target->path != NULL && (target->final != NULL || target->is_scratch)) {
        (void)unlink(target->path);
    }
    free(target->path);
    *target = (struct cli_target){0};
}
