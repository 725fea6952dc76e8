/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_ARGS_H
#define ARM_CLI_ARGS_H

/* The command line, taken apart as git would: global options anywhere, a verb, the verb's own
 * options and arguments in any order; "--" ends the options; "--name value" or "--name=value",
 * "-n 5" or "-n5". */

#include "cli.h"

enum { CLI_OPTIONS_MAX = 10 };

struct cli_option {
    const char *name;  /* without dashes; NULL: it has only a letter */
    char letter;       /* 0: it has only a name */
    const char *value; /* what it takes, as help says it; NULL: nothing */
    const char *help;
};

struct cli_args;

struct cli_verb {
    const char *name;
    const char *usage;    /* behind "armillaria <name> " */
    const char *summary;  /* one line, for the list of verbs */
    const char *help;     /* paragraphs, for `armillaria <name> --help` */
    const char *examples; /* lines, each a command */
    const char *exits;    /* what a status means beside 0, 1 and 2; NULL: the usual */
    size_t positional_min;
    size_t positional_max; /* SIZE_MAX: any number */
    int (*run)(struct cli *cli, const struct cli_args *args);
    struct cli_option options[CLI_OPTIONS_MAX]; /* ends with an empty one */
};

struct cli_args {
    const struct cli_verb *verb; /* NULL: none was named */
    const char
        *values[CLI_OPTIONS_MAX]; /* parallel to verb->options; NULL: not given; a flag: "" */
    const char **positional;
    size_t positional_count;
    bool help;
    bool version;
};

extern const struct cli_option cli_global_options[];

/* Take `argv` apart into `cli` (the global options) and `out`. Returns CLI_DONE, or the exit
 * status after telling on stderr what is wrong. `out->positional` is owned by the caller. */
int cli_args_parse(struct cli *cli, int argc, char **argv, struct cli_args *out);

/* The value of a verb's option by its name or letter ("mode", "m"); NULL: not given. */
const char *cli_args_value(const struct cli_args *args, const char *name);

/* Tell a wrong use of a verb on stderr; returns CLI_USAGE. */
int cli_usage_error(const struct cli *cli, const struct cli_verb *verb, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The name among `count` that is nearest to a mistyped one; NULL: none is near. */
const char *cli_nearest(const char *typed, const char *const *names, size_t count);

/* A decimal number; false: it is none. */
bool cli_parse_count(const char *text, uint64_t *out);

/* The verbs, in the order of help; ended by one without a name (verbs.c). */
extern const struct cli_verb *const cli_verbs[];
const struct cli_verb *cli_find_verb(const char *name); /* NULL: no such verb */

/* Print the program's help, or a verb's. */
void cli_help_program(void);
void cli_help_verb(const struct cli_verb *verb);

#endif
