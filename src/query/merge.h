/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_MERGE_H
#define ARM_QUERY_MERGE_H

/* A merge: the session's transaction becomes what the two sides have together, table by table, and
 * is committed as one commit with two parents.
 *
 * Q8  Nothing is merged by halves: it commits whole, or leaves everything as it was.
 * Q9  Others may commit to the target meanwhile: what cannot go with that is merged again.
 * Q10 Inside a transaction the merge stays open: its conflicts are rows of the tables, and one is
 *     resolved when its row was updated, deleted or inserted again. It is not committed before. */

#include "duck/duck.h"
#include "merge/three_way.h"
#include "query/session.h"

/* What comes to the target, of `source`: all that it has; what one commit did; the contrary of
 * that; one table as it was there. Only the first has two parents. A commit's own first parent is
 * what it is held against. */
enum arm_merge_verb { ARM_MERGE_ALL, ARM_MERGE_PICK, ARM_MERGE_REVERT, ARM_MERGE_RESTORE };

struct arm_merge_order {
    enum arm_merge_verb verb;
    const char *source; /* any ref */
    const char *table;  /* RESTORE: which */
    const char *target; /* a branch; NULL: the session's */
    enum arm_merge_side strategy;
    bool is_dry_run;
    const char *message; /* NULL: "Merge …"; PICK: that of the commit */
};

/* One conflict; texts owned, NULL: none. */
struct arm_merge_conflict {
    char *table; /* as users name it */
    char *kind;
    char *columns;
    char *key;
    char *base;
    char *ours;
    char *theirs;
    bool is_of_row; /* else of the table as a whole */
    /* Where the row stood when it was told of; in an open merge, when that was made. */
    bool stays;
    uint64_t entry;
    uint64_t row;
    const struct arm_view *view; /* of an open merge: that this is of; counted */
};

struct arm_merge_report {
    uint64_t tx; /* of the commit; where nothing was to be done, of the target's last; 0: none */
    bool is_fast_forward;
    bool is_up_to_date;
    size_t table_count; /* that the merge changed */
    char **tables;
    size_t conflict_count;
    struct arm_merge_conflict *conflicts;
};
void arm__merge_report_release(struct arm_merge_report *report); /* accepts the zeroed state */

/* Merge outside of a transaction. Errors: ARM_MERGE_CONFLICT, `out` set nevertheless. */
arm_status arm__session_merge(struct arm_query_session *session,
                              const struct arm_merge_order *order, struct arm_merge_report *out,
                              struct arm_error *err);

/* ---- What the files of the merge share ---- */

/* What is merged: three points of history, in a transaction of the target. */
struct arm_merging {
    struct arm_query_session *session;
    struct arm_transaction *txn;
    enum arm_merge_verb verb;
    enum arm_merge_side strategy;
    bool stays_open;   /* its conflicts are to be resolved in the transaction */
    size_t base_count; /* 0: the two have nothing in common; 2: they have merged each other */
    struct arm_snapshot bases[2];
    struct arm_snapshot fork; /* base_count 2: the bases' own base */
    bool has_fork;
    struct arm_snapshot ours;
    struct arm_snapshot theirs;
    struct arm_merge_report *report;
    char schema_name[256]; /* RESTORE: the one table */
    char name[256];
};
/* A table on the three sides; version 0: it is not there. */
struct arm_merging_table {
    const struct arm_table_row *base; /* NULL: not there */
    const struct arm_table_row *ours;
    const struct arm_table_row *theirs;
    /* Where two bases both changed it, `base` being the one: the other, and what it was before. */
    const struct arm_table_row *other;
    const struct arm_table_row *fork;
};

/* All tables (merge_tables.c). */
arm_status arm__merge_tables(struct arm_merging *merging, struct arm_error *err);
/* One that both changed (merge_rows.c). */
arm_status arm__merge_table(struct arm_merging *merging, const struct arm_merging_table *table,
                            struct arm_error *err);
/* What the two bases of a table have together, where they contradict each other what was before:
 * a view and its schema, both the caller's. `*out_view` NULL: they cannot be joined. */
arm_status arm__merge_bases(struct arm_merging *merging, const struct arm_merging_table *table,
                            const struct arm_view **out_view, Armpb__Schema **out_schema,
                            struct arm_error *err);
/* A table's version, whatever branch has it. */
arm_status arm__merge_info(struct arm_merging *merging, const struct arm_table_row *row,
                           struct arm_table_info *out, struct arm_error *err);
arm_status arm__merge_tell(struct arm_merging *merging, const char *schema_name, const char *name,
                           const char *kind, const char *what, struct arm_error *err);
arm_status arm__merge_changed(struct arm_merging *merging, const char *schema_name,
                              const char *name, struct arm_error *err);
/* A row's conflict, as arm__duck_apply tells of it; `self` is the arm_merging. */
arm_status arm__merge_take_conflict(void *self, const struct arm_duck_conflict *conflict,
                                    struct arm_error *err);

/* Where the rows of the table's conflicts from `first` on stand now that it is merged. */
arm_status arm__merge_locate(struct arm_merging *merging, size_t first,
                             const struct arm_view *before, const Armpb__Schema *wanted,
                             enum arm_row_match match, struct arm_error *err);

/* Inside a session's run (merge_open.c): MERGE BRANCH; `out_sql` gives its answer. */
arm_status arm__merge_statement(struct arm_query_session *session, const char *sql,
                                struct arm_buf *out_sql, struct arm_error *err);
/* What the adapter asks of the merge that is open (duck.h), and its end. */
arm_status arm__merge_ready(void *session, struct arm_transaction *txn, struct arm_error *err);
arm_status arm__merge_conflicts(void *session, arm_duck_visit_conflict *visit, void *context,
                                struct arm_error *err);
void arm__merge_ended(void *session);

#endif
