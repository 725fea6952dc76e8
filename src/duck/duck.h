/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_DUCK_DUCK_H
#define ARM_DUCK_DUCK_H

/* The door to DuckDB's catalog, the only C++ of the project behind a C header: a repository is
 * an attached catalog of type "armillaria". It translates and decides nothing.
 *
 * D1  No C++ exception crosses this header; no C status is lost on the way into DuckDB: the
 *     code, message and commit id of a failed C call come out as they went in.
 * D2  A session's transaction is its DuckDB transaction: pinned at BEGIN (or at the start of
 *     an autocommit statement).
 * D3  A scan sees one arm_view; a chunk that statistics exclude is never opened. */

#include "table/engine.h"
#include "txn/txn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Make the engine know repositories: one catalog, attached as database "armillaria", which shows
 * to each connection its session's repository. Once. */
arm_status arm__duck_register(struct arm_engine *engine, struct arm_error *err);

struct arm_branch_statement; /* branch_parse.h */

/* A row of arm_conflicts(). Texts are borrowed; NULL: SQL's NULL. */
struct arm_duck_conflict {
    const char *schema_name;
    const char *name;
    const char *kind;    /* what cannot be decided */
    const char *columns; /* in which the two differ: names as a JSON list */
    const char *key;     /* JSON: the row's key, or its id */
    const char *base;    /* JSON: the row at the merge base ... */
    const char *ours;    /* ... on the target ... */
    const char *theirs;  /* ... on the source */
    bool stays;          /* told by arm__duck_apply: the row stays where it was: ... */
    uint64_t entry;      /* ... of the view, or the first of the run that the row counts from */
    uint64_t row;
};
typedef arm_status arm_duck_visit_conflict(void *context, const struct arm_duck_conflict *conflict,
                                           struct arm_error *err);

/* What the adapter asks of a session: borrowed as long as its connection lives. */
struct arm_duck_session {
    void *self;
    struct arm_repository *repository;
    struct arm_engine *engine;
    /* The branch and point a new transaction starts from. */
    arm_status (*snapshot)(void *self, struct arm_snapshot *out, bool *out_read_only,
                           struct arm_error *err);
    /* The message of the commit being made; may give NULL. Told the outcome. */
    const char *(*message)(void *self);
    void (*committed)(void *self, const struct arm_commit_result *result);
    /* Whatever the connection does is to be read in this transaction, which another is about to
     * commit; NULL: in transactions of its own, which `snapshot` begins. */
    struct arm_transaction *borrowed;
    /* Run CREATE BRANCH or its like, outside of a transaction. */
    arm_status (*branch_statement)(void *self, const struct arm_branch_statement *statement,
                                   struct arm_error *err);
    /* Whether the transaction, which changed something, may be committed as it is: a merge whose
     * conflicts are not resolved may not. NULL: it may. */
    arm_status (*ready)(void *self, struct arm_transaction *txn, struct arm_error *err);
    /* The transaction is over, whatever became of it. NULL: nobody wants to know. */
    void (*ended)(void *self);
    /* The conflicts of the merge that is open, but for those that are resolved. NULL: none. */
    arm_status (*conflicts)(void *self, arm_duck_visit_conflict *visit, void *context,
                            struct arm_error *err);
};

/* Open a connection of the engine whose default database is the session's catalog. */
struct arm_duck_connection;
arm_status arm__duck_connect(const struct arm_duck_session *session,
                             struct arm_duck_connection **out, struct arm_error *err);
void arm__duck_disconnect(struct arm_duck_connection *connection); /* NULL is accepted */
duckdb_connection arm__duck_handle(struct arm_duck_connection *connection);

/* The transaction that BEGIN opened, for writes that do not pass through SQL; borrowed until it
 * ends. NULL: there is none. */
struct arm_transaction *arm__duck_transaction(struct arm_duck_connection *connection);

/* Let statements read `stream` (borrowed, not released) as the table `name`, once; NULL: no
 * more. */
arm_status arm__duck_offer(struct arm_duck_connection *connection, const char *name,
                           struct ArrowArrayStream *stream, struct arm_error *err);

struct arm_duck_result;

/* Let statements of the transaction read a view (taken, whatever happens) as any table of the
 * catalog AT (VERSION => `out_at`), until it ends. */
arm_status arm__duck_show(struct arm_duck_connection *connection, const struct arm_view *view,
                          char out_at[32], struct arm_error *err);

/* Change a table by what a query gives, in one statement. Each of its rows has
 *
 *   entry UBIGINT, row BIGINT   a row of `view`, the table's; NULL: none
 *   goes BOOLEAN                whether that row dies
 *   comes BOOLEAN, id BIGINT    whether a row comes, and the id that it brings; NULL: a new one
 *   kind, columns, key, base, ours, theirs VARCHAR
 *                               of a conflict, for `visit`; kind NULL: it is none
 *   the table's columns
 *
 * and the result is read to its end. `visit` NULL: if there is a conflict, nothing is done, and
 * `*out_conflicts` is 1. Errors: ARM_CONSTRAINT, and those of `visit`. */
struct arm_duck_application {
    const struct arm_view *view; /* borrowed */
    struct arm_duck_result *rows;
    arm_duck_visit_conflict *visit;
    void *context;
};
arm_status arm__duck_apply(struct arm_duck_connection *connection,
                           const struct arm_duck_application *application, uint64_t *out_conflicts,
                           struct arm_error *err);

/* Merge what theirs did to a table, where the rows to be looked at are few: read and decided
 * without a statement (merge/few.h). `*out_done` false: two sides contradict each other in a row,
 * and nothing was done. Errors: ARM_CONSTRAINT. */
struct arm_duck_few {
    const struct arm_view *view;     /* the table's; borrowed, as all here */
    const struct arm_view *sides[4]; /* by enum arm_few_side: their rows, in the same columns */
    const size_t *key;               /* the columns that rows are matched by; none: by id */
    size_t key_count;
};
arm_status arm__duck_merge_few(struct arm_duck_connection *connection,
                               const struct arm_duck_few *few, bool *out_done,
                               struct arm_error *err);
/* How few rows that may be: arm_merge_few_rows of the session. */
uint64_t arm__duck_few_rows(struct arm_duck_connection *connection);

/* The first statement of `sql`: its length in bytes. `*out_length` 0: only blanks and
 * comments. Errors: ARM_SQL with the position. */
arm_status arm__duck_split(struct arm_duck_connection *connection, const char *sql,
                           size_t *out_length, struct arm_error *err);

/* What a statement is given beside its text (struct arm_sql_options); borrowed while it is being
 * executed. */
struct arm_duck_inputs {
    struct ArrowArrayStream *parameters; /* NULL: none */
    const struct arm_table_version *versions;
    size_t version_count;
    arm_find_rows *find_rows;
    void *find_context;
};
/* The same as arm__duck_execute. Errors: ARM_INVALID too. */
arm_status arm__duck_execute_with(struct arm_duck_connection *connection, const char *sql,
                                  const struct arm_duck_inputs *inputs,
                                  struct arm_duck_result **out, struct arm_error *err);
/* Prepare and start one statement (the text of one, as split). The result streams. DuckDB's
 * errors become ARM_SQL, ARM_CONSTRAINT, ARM_CONFLICT, ARM_INTERRUPTED, ARM_NO_MEMORY, ARM_FULL,
 * ARM_IO ... or the code of the C call below that failed (D1). */
arm_status arm__duck_execute(struct arm_duck_connection *connection, const char *sql,
                             struct arm_duck_result **out, struct arm_error *err);
void arm__duck_result_free(struct arm_duck_result *result); /* NULL is accepted */
size_t arm__duck_column_count(const struct arm_duck_result *result);
const char *arm__duck_column_name(const struct arm_duck_result *result, size_t column);
/* Borrowed logical type of a column. */
duckdb_logical_type arm__duck_column_type(const struct arm_duck_result *result, size_t column);
/* The same, but what is given as text for Arrow (TIMETZ, BIT, UHUGEINT, BIGNUM) is itself. */
duckdb_logical_type arm__duck_column_sql_type(const struct arm_duck_result *result, size_t column);
/* Rows may come (SELECT, RETURNING, …); false: only a count of changed rows. */
bool arm__duck_has_rows(const struct arm_duck_result *result);
/* The next chunk, owned by the caller (duckdb_destroy_data_chunk); NULL at the end. Under
 * render text or json its columns are cast as arm_render says. */
arm_status arm__duck_next(struct arm_duck_result *result, duckdb_data_chunk *out,
                          struct arm_error *err);
/* The same as Arrow: what a batch looks like, and the next one, owned by the caller; release NULL
 * at the end. Batches grow as they go on. */
arm_status arm__duck_arrow_schema(struct arm_duck_result *result, struct ArrowSchema *out,
                                  struct arm_error *err);
arm_status arm__duck_arrow_next(struct arm_duck_result *result, struct ArrowArray *out,
                                struct arm_error *err);
/* Take what is left into memory (within DuckDB's limit, spilled beyond), so that the connection
 * is free for another statement. */
arm_status arm__duck_buffer(struct arm_duck_result *result, struct arm_error *err);
/* Before the first arm__duck_next: cast columns for reading by people. Column types change. */
arm_status arm__duck_render(struct arm_duck_result *result, arm_render render,
                            struct arm_error *err);
/* Whether a column was turned into JSON text by ARM_RENDER_JSON. */
bool arm__duck_column_is_json(const struct arm_duck_result *result, size_t column);

/* Whether the next statements go through the optimizer, which over a few rows takes longer than it
 * saves; returns whether they did. Not while one is being executed. */
bool arm__duck_optimize(struct arm_duck_connection *connection, bool optimizes);
/* From any thread. */
void arm__duck_interrupt(struct arm_duck_connection *connection);
double arm__duck_progress(struct arm_duck_connection *connection); /* 0..1; -1: unknown */
/* From any thread: statements that begin after it tell their progress. */
void arm__duck_count_progress(struct arm_duck_connection *connection);
/* How many chunk files its scans have opened (D3). */
uint64_t arm__duck_opened(struct arm_duck_connection *connection);

#ifdef __cplusplus
}
#endif

#endif
