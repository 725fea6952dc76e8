/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_CHANGES_H
#define ARM_CLI_CHANGES_H

/* What the files of the verb `changes` share. */

#include "run.h"

/* One run of the verb. */
struct cli_following {
    struct cli *cli;
    struct cli_watch *watch;
    struct cli_sink sink;
    arm_feed *feed;
    bool with_rows;
    bool follows;
    bool has_consumer;
    bool every;           /* branch's */
    uint64_t until;       /* a tx; UINT64_MAX: no end */
    uint64_t limit;       /* events; 0: all */
    uint64_t count;       /* events that were written */
    uint64_t seen_tx;     /* nothing up to here need come again, if there is no consumer */
    uint64_t written_tx;  /* and flushed, not yet acknowledged; 0: none */
    uint64_t acked_us;    /* when something was */
    uint64_t reopened_us; /* when the repository was opened anew */
};

/* Write an event, with its rows if they are asked for; flushed where somebody waits for it, or it
 * will be acknowledged. */
arm_status cli_write_event(const struct cli_following *f, const struct arm_event *event,
                           struct arm_error *err);

#endif
