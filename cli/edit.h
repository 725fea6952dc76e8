/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_EDIT_H
#define ARM_CLI_EDIT_H

/* Lines typed on a terminal, edited by libedit, with history and completion. A terminal that
 * cannot move its cursor (TERM=dumb), or that is no UTF-8 one, gives lines as they come.
 *
 *     pending   what was typed before and waits for its end: a statement's first lines
 *     line      what is typed now, behind the prompt
 *
 * E1  Up, on a line with something pending, takes all of it back into the line, to be edited as
 *     one text of several lines; Alt-Enter puts a new line into it.
 * E2  While a line is read, a signal ends the reading and nothing else. */

#include <stdio.h>

#include "complete.h"
#include "watch.h"

enum cli_got {
    CLI_GOT_LINE,   /* with its '\n'; behind what is pending */
    CLI_GOT_WHOLE,  /* as before, but in place of what is pending (E1) */
    CLI_GOT_SIGNAL, /* drop everything */
    CLI_GOT_END,    /* of the input */
};

struct cli_edit_options {
    const struct cli *cli;
    struct cli_watch *watch;
    FILE *talk; /* where prompts go: the terminal; NULL: nowhere */
    /* What could stand at the cursor, between `before` (with what is pending) and `after`. */
    void (*complete)(void *context, const char *before, const char *after,
                     struct cli_candidates *out);
    void *context;
};

struct cli_edit;
struct cli_edit *cli_edit_open(const struct cli_edit_options *options);
/* Puts the terminal back as it was; NULL is accepted. */
void cli_edit_close(struct cli_edit *edit);

/* Whether lines are edited, and not only read. */
bool cli_edit_can_edit(const struct cli_edit *edit);
/* One line. The prompts, one of a statement's first line and one of the others, are in shown form,
 * equally wide, and end with a blank. */
struct cli_prompts {
    const char *first;
    const char *more;
};
enum cli_got cli_edit_read(struct cli_edit *edit, const struct cli_prompts *prompts,
                           const char *pending, struct cli_text *line);
/* Keep what was typed, of one or more lines, in the history. */
void cli_edit_remember(struct cli_edit *edit, const char *entry);
/* Something was printed since the first of the pending lines. */
void cli_edit_disturb(struct cli_edit *edit);

#endif
