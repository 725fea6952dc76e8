/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_GRAPH_H
#define ARM_CLI_GRAPH_H

/* A history drawn beside its commits, newest first, as git does:
 *
 *     * tx 6       a merge: what it merged is to the right
 *     |\
 *     * | tx 5
 *     | * tx 4
 *     |/           both come from one commit
 *     * tx 2
 *
 * G1  Every commit stands on the line that comes from each commit whose parent it is.
 * G2  No two lines wait for the same commit once a commit's row is drawn: they were joined.
 * G3  A row is never wider than GRAPH_COLUMNS_MAX lines: those to the right are left out, with an
 *     ellipsis. */

#include "cli.h"

enum { GRAPH_COLUMNS_MAX = 24 };

struct cli_graph_commit {
    const char *id;
    const char *const *parents; /* the one on its branch first */
    size_t parent_count;
};

struct cli_graph;
struct cli_graph *cli_graph_new(bool color);
void cli_graph_free(struct cli_graph *graph); /* NULL is accepted */

/* Append the rows down to the next commit, and its own with `text` (one line, fit to be shown). */
void cli_graph_commit(struct cli_graph *graph, const struct cli_graph_commit *commit,
                      const char *text, struct cli_text *out);
/* A commit that is not shown: its line goes on to its first parent. */
void cli_graph_skip(struct cli_graph *graph, const struct cli_graph_commit *commit);
/* Columns that the row of such a commit takes before its text. */
size_t cli_graph_width(const struct cli_graph *graph, const struct cli_graph_commit *commit);

#endif
