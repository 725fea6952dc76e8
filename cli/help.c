/* SPDX-License-Identifier: Apache-2.0 */
/* Help, from the definitions the parser works by. */

#include <stdio.h>
#include <string.h>

#include "args.h"

static void print_options(const struct cli_option *options)
{
    for (; options->name != NULL || options->letter != 0; options++) {
        char spelling[64] = "";
        int size = 0;

        if (options->letter != 0) {
            size = snprintf(spelling, sizeof spelling, "-%c%s", options->letter,
                            options->name == NULL ? "" : ", ");
        }
        if (options->name != NULL) {
            size +=
                snprintf(spelling + size, sizeof spelling - (size_t)size, "--%s", options->name);
        }
        (void)snprintf(spelling + size, sizeof spelling - (size_t)size, " %s",
                       options->value == NULL ? "" : options->value);
        (void)printf("  %-20s %s\n", spelling, options->help);
    }
}

void cli_help_program(void)
{
    (void)fputs(
        "armillaria: a versioned database in a directory\n\n"
        "usage: armillaria [-C DIR] [--branch NAME] [--json] [-q] [--no-color] VERB ...\n\n",
        stdout);
    for (size_t i = 0; cli_verbs[i] != NULL; i++) {
        (void)printf("  %-11s %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
    }
    (void)fputs("\nOptions, before or behind the verb:\n", stdout);
    print_options(cli_global_options);
    (void)fputs(
        "\nThe repository is -C DIR, else ARMILLARIA_REPO, else the nearest one upward from the\n"
        "working directory; the branch --branch, else ARMILLARIA_BRANCH, else the current one.\n"
        "A REF is a branch, a tag, tx:N, version:N (of one table) or a time, each with an\n"
        "optional ~n: n commits back.\n\n"
        "With --json an answer is JSON, and so is an error: one object on stderr, with level, "
        "code,\n"
        "status, message and, where there is one, hint.\n\n"
        "Exit status: 0 done, 1 error, 2 wrong use, 3 conflict, 4 damage found, 128 + n ended by\n"
        "signal n.\n\n"
        "`armillaria VERB --help` or `armillaria help VERB` tells more of a verb.\n",
        stdout);
}

void cli_help_verb(const struct cli_verb *verb)
{
    (void)printf("usage: armillaria %s%s%s\n\n%s\n", verb->name, verb->usage[0] == '\0' ? "" : " ",
                 verb->usage, verb->help);
    if (verb->options[0].name != NULL || verb->options[0].letter != 0) {
        (void)fputs("\nOptions:\n", stdout);
        print_options(verb->options);
    }
    (void)fputs("\nOptions of every verb:\n", stdout);
    print_options(cli_global_options);
    (void)fputs("\nExamples:\n", stdout);
    for (const char *line = verb->examples; *line != '\0';) {
        int size = (int)strcspn(line, "\n");

        (void)printf("  %.*s\n", size, line);
        line += size + (line[size] == '\n' ? 1 : 0);
    }
    (void)printf("\nExit status: 0 done, 1 error, 2 wrong use%s.\n",
                 verb->exits == NULL ? ", 4 damage found" : verb->exits);
}
