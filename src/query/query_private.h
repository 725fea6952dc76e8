/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_PRIVATE_H
#define ARM_QUERY_PRIVATE_H

/* What the files of query/ share: the session behind the handle, and how rows are loaded. */

#include <stdatomic.h>

#include "base/thread.h"
#include "query/session.h"

enum { ARM_MESSAGE_BYTES = 256, ARM_SQL_BYTES_MAX = 64 << 20 };

struct result_stream;
struct arm_merge_report; /* merge.h */

/* A session, counted: its owner and its streams each hold one, so that a stream may outlive it.
 *
 * Locks: `run` is held while a statement or a stream uses the connection; `peek` guards only
 * what interrupt and progress need, and is a leaf. */
struct arm_query_session {
    atomic_uint references;
    struct arm_host *host;
    struct arm_mutex run;
    struct arm_mutex peek;
    uint64_t branch_id; /* where it stands */
    char branch[256];   /* what that was called last */
    bool read_only;
    struct arm_duck_session duck;
    struct arm_duck_connection *connection; /* made with the first statement */
    bool counts_progress;                   /* somebody asked for it; under `peek` */
    struct arm_duck_connection *checker;    /* runs the branch's checks; NULL: they do not run */
    struct result_stream *open;             /* the stream that still reads the connection */
    struct arm_merge_report *merge;         /* that is open in the transaction; NULL: none */
    const struct arm_snapshot *scratch;     /* transactions begin there, and are never committed */
    const char *at;                         /* of the running statement; NULL: now */
    bool is_about_branches;                 /* the running statement is */
    const char *message;                    /* of the running statement; NULL: `statement` */
    char statement[ARM_MESSAGE_BYTES];      /* its text, cut */
    atomic_uint_least64_t last_tx;
};

/* The engine, opened by the first that asks. */
arm_status arm__host_engine(struct arm_host *host, struct arm_engine **out, struct arm_error *err);
bool arm__host_read_only(const struct arm_host *host);
struct arm_upkeep *arm__host_upkeep(const struct arm_host *host); /* NULL: none */

/* Take `run`, make the connection if there is none, and free it of an open stream (Q2). To be
 * ended by arm__session_leave, also after a failure. */
arm_status arm__session_enter_run(struct arm_query_session *session, struct arm_error *err);
/* The same inside a transaction, for what only reads or ends it: whether the repository is still
 * where it was is not asked, since its beginning did, and what appends does. */
void arm__session_enter_open(struct arm_query_session *session);
void arm__session_leave_run(struct arm_query_session *session);

/* Inside: run one statement of our own; its rows are dropped, their number (or the Count of a
 * statement without rows) given in `*out_rows` (may be NULL). */
arm_status arm__session_run(struct arm_query_session *session, const char *sql, uint64_t *out_rows,
                            struct arm_error *err);

struct arm_watchdog;

/* A stream to be: room for it is had before the statement runs, for nothing may fail once that has
 * committed. arm__free ends it. */
arm_status arm__stream_new(struct result_stream **out, struct arm_error *err);
/* The stream over `result`, which `watchdog` (NULL: none) limits; all three are taken. Holds the
 * session. Inside. */
void arm__stream_start(struct result_stream *stream, struct arm_query_session *session,
                       struct arm_duck_result *result, struct arm_watchdog *watchdog,
                       struct ArrowArrayStream *out);
/* A stream of no column and no row. */
arm_status arm__stream_empty(struct ArrowArrayStream *out, struct arm_error *err);
/* The stream's rows into memory: the connection is wanted for something else. Inside. */
void arm__stream_detach(struct result_stream *stream);

/* Interrupts the session after a time, unless stopped before. */
arm_status arm__watchdog_start(struct arm_query_session *session, uint64_t timeout_us,
                               struct arm_watchdog **out, struct arm_error *err);
void arm__watchdog_stop(struct arm_watchdog *watchdog); /* NULL is accepted */

/* Rows to load: a FROM clause's worth of SQL, and the names of its columns. */
struct arm_load {
    const char *table; /* as users name it */
    const char *source;
    /* Append to the source's SQL in which the columns it has are read in the types of `schema`,
     * not in guessed ones; NULL: the source knows its types. For append. */
    arm_status (*typed_source)(const struct arm_load *load, const Armpb__Schema *schema,
                               struct arm_buf *sql, struct arm_error *err);
    const void *context;
    size_t column_count;
    char *const *columns;
    arm_write_mode mode;
    const char *message;
    size_t key_count; /* of the primary key; 0: none is named */
    const char *const *key;
    uint32_t chunk_rows;                   /* chunks of so many rows, and none hot; 0: as usual */
    const struct arm_version_words *words; /* a version even if nothing changes; NULL: not so */
};
/* What the options say of the version: `out` is set to what `load` then points to, and `uses` (to
 * be freed with arm__free) to what that points to. Errors: ARM_INVALID_HASH, ARM_INVALID. */
arm_status arm__load_words(const struct arm_write_options *options, struct arm_load *load,
                           struct arm_version_words *out, struct arm_hash **uses,
                           struct arm_error *err);
/* Inside. Rows of `source` into the table, in the open transaction or one of their own. */
arm_status arm__session_load(struct arm_query_session *session, const struct arm_load *load,
                             struct arm_write_result *out, struct arm_error *err);

/* Names of columns, owned; released from the zeroed state too. */
struct arm_name_list {
    char **items;
    size_t count;
};
arm_status arm__name_list_add(struct arm_name_list *names, const char *name, struct arm_error *err);
void arm__name_list_release(struct arm_name_list *names);

#endif
