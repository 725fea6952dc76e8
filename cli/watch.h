/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_WATCH_H
#define ARM_CLI_WATCH_H

/* Beside long work: a thread that waits for SIGINT and SIGTERM, interrupts the statement, and
 * draws a progress bar on stderr when that is a terminal and the work takes a while.
 *
 * The first signal asks the work to stop, again and again until it does; a second one ends the
 * process at once, which the repository survives as any kill. */

#include "cli.h"

struct cli_watch;

/* Begin before anything starts threads of its own: they inherit the signals blocked. */
struct cli_watch *cli_watch_begin(const struct cli *cli);
/* Stop watching, put the bar away; NULL is accepted. Signals stay blocked. */
void cli_watch_end(struct cli_watch *watch);

/* The session whose statement is interrupted and measured; NULL: none. */
void cli_watch_session(struct cli_watch *watch, arm_session *session);
/* The subscription whose waiting is interrupted; NULL: none. */
void cli_watch_feed(struct cli_watch *watch, arm_feed *feed);
/* Progress told by the work itself, 0 to 1; -1: none. */
void cli_watch_progress(struct cli_watch *watch, double progress);
/* Show a bar from now on (`what` before it), or put it away for this piece of work. */
void cli_watch_show(struct cli_watch *watch, const char *what);
void cli_watch_hide(struct cli_watch *watch);

/* Output is being written, or is no longer. A signal does not wait for who does not read it: it
 * ends the process, after a while. */
void cli_watch_writing(struct cli_watch *watch, bool is_writing);

/* The signal that came; 0: none. */
int cli_watch_caught(const struct cli_watch *watch);
/* Read what there is, as read(2) does, or wait for it until a signal comes: `*out_size` 0 at the
 * end. `name` is for messages. Errors: ARM_INTERRUPTED, those of reading. */
arm_status cli_watch_read(const struct cli_watch *watch, int fd, const char *name, void *data,
                          size_t size, size_t *out_size, struct arm_error *err);
/* The shell goes on after a signal: the one that came, which is forgotten; 0: none. */
int cli_watch_forget(struct cli_watch *watch);
/* While nothing runs, no signal ends the process: there is nothing that it could be stuck in. */
void cli_watch_rest(struct cli_watch *watch, bool rests);

#endif
