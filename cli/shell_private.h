/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_SHELL_PRIVATE_H
#define ARM_CLI_SHELL_PRIVATE_H

/* What the shell's loop and its dot commands share. */

#include "edit.h"
#include "run.h"

struct cli_shell {
    struct cli_run *run;
    struct cli_edit *edit;
    FILE *talk;               /* the terminal, for what is no answer; NULL: none */
    enum cli_format mode;     /* of .mode, while .output has one of its own */
    struct cli_target output; /* of .output */
    char *output_name;        /* NULL: answers go to the terminal */
    size_t rows_max;          /* of a table on the terminal; SIZE_MAX: all */
    bool has_timer;
    unsigned depth; /* of .read within .read */
    int ended_by;   /* the signal that ends the shell; 0: none */
};

enum cli_dot_result { CLI_DOT_DONE, CLI_DOT_FAILED, CLI_DOT_LEAVE };

/* Go on after a signal; CLI_DOT_LEAVE where it asks to end. */
enum cli_dot_result cli_shell_after_signal(struct cli_shell *shell);
/* Run the dot command of `line`, and tell what is wrong with it. */
enum cli_dot_result cli_dot_run(struct cli_shell *shell, const char *line);
/* End .output, so that its file is in its place, or what there is of it: the answers go to the
 * terminal from now on. */
enum cli_dot_result cli_dot_end_output(struct cli_shell *shell);

/* Statements of several lines, gathered until they end. The zeroed state is empty. */
struct cli_feed {
    struct cli_text typed;
    const char *file; /* NULL: the terminal */
    size_t line;      /* of the file, the last one fed */
    size_t first;     /* line on which what is gathered begins */
};

/* Take one line with its end, and run what is complete. */
enum cli_dot_result cli_feed_line(struct cli_shell *shell, struct cli_feed *feed, const char *line);
/* Nothing more comes: run what is left. */
enum cli_dot_result cli_feed_end(struct cli_shell *shell, struct cli_feed *feed);

#endif
