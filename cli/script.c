/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text from a file. */

#include "script.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "width.h"

arm_status cli_script_check(const char *name, const char *text, size_t size, struct arm_error *err)
{
    size_t line = 1;
    size_t step = 0;

    for (size_t at = 0; at < size; at += step) {
        uint32_t code_point = cli_utf8_next(text + at, size - at, &step);

        if (code_point == 0 || code_point == UINT32_MAX) {
            return cli_fail(err, ARM_SQL, "%s is not SQL text: line %zu %s", name, line,
                            code_point == 0 ? "has a NUL byte in it" : "is not UTF-8");
        }
        line += code_point == '\n' ? 1 : 0;
    }
    return ARM_OK;
}

arm_status cli_script_read(const struct cli_watch *watch, const char *path, char **out,
                           struct arm_error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    /* A FIFO without a writer is waited for below, where a signal ends the wait. */
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct cli_text text = {0};
    char bytes[1 << 14];
    size_t size = 0;
    arm_status st = ARM_OK;

    if (fd < 0) {
        return cli_fail_errno(err, "read", path);
    }
    do {
        CLI_TRY(cli_watch_read(watch, fd, name, bytes, sizeof bytes, &size, err));
        cli_text_append(&text, bytes, size);
    } while (size > 0);
    CLI_TRY(cli_script_check(name, text.data, text.size, err));
    *out = text.data;
    text.data = NULL;
done:
    cli_text_release(&text);
    if (!is_stdin) {
        (void)close(fd);
    }
    return st;
}
