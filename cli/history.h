/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_HISTORY_H
#define ARM_CLI_HISTORY_H

/* What was typed into earlier shells, in a file of one entry a line (a new line within an entry
 * is "\n", a backslash "\\"):
 *
 *     $ARMILLARIA_HISTORY, where "off" means no file at all,
 *     else $XDG_STATE_HOME/armillaria/history,
 *     else ~/.local/state/armillaria/history
 *
 * Each entry is appended as it is typed, under a lock, so that shells running beside one another
 * lose none. The file is readable by its owner alone and keeps to a size. An entry that begins
 * with a blank is not written. That the file cannot be read or written is never an error. */

#include "text.h"

struct cli_history {
    char *path; /* NULL: nothing is kept */
};

/* Find the file, and give every entry in it to `add`, oldest first. */
void cli_history_open(struct cli_history *history, void (*add)(void *context, const char *entry),
                      void *context);
/* Append one; `entry` may have several lines. */
void cli_history_add(const struct cli_history *history, const char *entry);
void cli_history_release(struct cli_history *history);

#endif
