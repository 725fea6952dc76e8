/* SPDX-License-Identifier: Apache-2.0 */
/* The armillaria command. It uses the library by its public header alone. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"

static bool wants_color(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(fd) == 1 && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static int dispatch(struct cli *cli, const struct cli_args *args)
{
    if (args->version) {
        (void)printf(cli->json ? "{\"version\":\"%s\"}\n" : "armillaria %s\n", arm_version());
        return CLI_DONE;
    }
    if (args->verb == NULL && args->help) {
        cli_help_program();
        return CLI_DONE;
    }
    if (args->verb == NULL) {
        return cli_usage_error(cli, NULL, "no verb: what shall be done?");
    }
    if (args->help) {
        cli_help_verb(args->verb);
        return CLI_DONE;
    }
    return args->verb->run(cli, args);
}

/* What was printed must have arrived. */
static int finish_output(struct cli *cli, int status)
{
    struct arm_error err = {0};

    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    errno = errno == 0 ? EIO : errno; /* an earlier write failed, its reason is gone */
    (void)cli_fail_output(&err, "standard output");
    cli->output_failed = true;
    return status == CLI_DONE || err.code == ARM_CLOSED ? cli_report(cli, &err, NULL) : status;
}

/* C8: a file opened while one of the three is closed would take its number, and what is printed
 * would be written into it. */
static bool hold_standard_fds(void)
{
    int fd = 0;

    while (fd >= 0 && fd <= STDERR_FILENO) {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    }
    return fd >= 0 && close(fd) == 0;
}

int main(int argc, char **argv)
{
    struct cli cli = {0};
    struct cli_args args = {0};
    int status = CLI_DONE;

    if (!hold_standard_fds()) {
        return CLI_ERROR;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of the write, told by its status */
    cli.color_out = wants_color(STDOUT_FILENO);
    cli.color_err = wants_color(STDERR_FILENO);
    status = cli_args_parse(&cli, argc, argv, &args);
    if (status == CLI_DONE) {
        status = dispatch(&cli, &args);
    }
    free(args.positional);
    return finish_output(&cli, status);
}
