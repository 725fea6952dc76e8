/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CLI_DIFF_H
#define ARM_CLI_DIFF_H

/* What `armillaria diff` knows of two refs: the tables that differ (diff_tables.c), what of their
 * columns does (diff_schemas.c), and the rows of one, drawn as they are read (diff_rows.c). */

#include "output.h"

struct cli_difference {
    char *shown;  /* the table as users see it: "name", or "schema.name" outside of main */
    char *schema; /* and as it is called, at b; at a if b has it not */
    char *name;
    char *status;
    uint64_t old_version; /* 0: it is not there */
    uint64_t new_version;
    uint64_t added;
    uint64_t removed;
    uint64_t changed;
    uint64_t bytes_added; /* stored, that only b has ... */
    uint64_t bytes_removed;
    bool knows_bytes;
    bool conflict;
    bool knows_conflict;
};

struct cli_diff {
    struct cli *cli;
    struct cli_watch *watch;
    const char *a;
    const char *b;
    const char *table; /* --table; NULL: all */
    size_t count;
    struct cli_difference *differences; /* owned */
};
void cli_diff_release(struct cli_diff *diff);

/* Fill in the differences: of all tables, or of the one that is asked for. */
arm_status cli_diff_find(struct cli_diff *diff, struct arm_error *err);

/* What differs of the columns of one, a line each, added to `out`; of all, below the name of each
 * that has any; and of all as an array of objects. */
arm_status cli_diff_schema(const struct cli_diff *diff, const struct cli_difference *difference,
                           const struct cli_sink *sink, struct cli_text *out,
                           struct arm_error *err);
arm_status cli_diff_schemas(const struct cli_diff *diff, const struct cli_sink *sink,
                            struct cli_text *out, struct arm_error *err);
arm_status cli_diff_schemas_json(const struct cli_diff *diff, const struct cli_sink *sink,
                                 struct arm_error *err);

/* The rows of one, for people: `+` and `-`, and `~` with what became of its changed cells. */
arm_status cli_diff_rows(const struct cli_diff *diff, const struct cli_difference *difference,
                         const struct cli_sink *sink, struct arm_error *err);
/* As objects of one array, of which `*io_rows` are written. */
arm_status cli_diff_json(const struct cli_diff *diff, const struct cli_difference *difference,
                         const struct cli_sink *sink, uint64_t *io_rows, struct arm_error *err);

#endif
