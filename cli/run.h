/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_RUN_H
#define ARM_CLI_RUN_H

/* Running SQL text, statement by statement, and writing what comes back. */

#include "output.h"
#include "target.h"

struct cli_run {
    struct cli *cli;
    struct cli_watch *watch;
    enum cli_format format;
    const char *at;      /* --at; NULL: now */
    const char *message; /* -m, of the commits; NULL: the statement's text */
    struct cli_sink sink;
    uint64_t results; /* with rows that were written, since the last cli_run_finish */
    uint64_t rows;    /* of theirs */
    char *count;      /* of the last statement that only changed rows; NULL: none */
    bool has_run;     /* any statement at all */
};

/* Run all statements of `sql`; stops at the first error, which says which statement, and on
 * which line it begins, if there are several. Formats of text only. */
arm_status cli_run_text(struct cli_run *run, const char *sql, struct arm_error *err);
/* After the last statement: the count of changed rows, if no statement gave rows; the end of
 * JSON's array. */
arm_status cli_run_finish(struct cli_run *run, struct arm_error *err);
/* Nothing more will run: roll back a transaction that was left open, with a warning. */
void cli_run_end_transaction(struct cli_run *run);
void cli_run_release(struct cli_run *run);

/* Run the one statement of `sql` and write its rows to `path` as Parquet or Arrow. */
arm_status cli_run_file(struct cli_run *run, const char *sql, const char *path,
                        struct arm_error *err);

/* What to do where running SQL failed so; NULL: what the code says. */
const char *cli_run_hint(const struct cli_run *run, arm_status status);
/* Tell how it failed; the exit status. */
int cli_run_report(const struct cli *cli, const struct cli_watch *watch,
                   const struct arm_error *err, const char *hint);

#endif
