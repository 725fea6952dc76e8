/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_ADBC_ADBC_PRIVATE_H
#define ARM_ADBC_ADBC_PRIVATE_H

/* What the files of adbc/ share: errors, options, the objects behind ADBC's handles, and the
 * work that may be cancelled. Only armillaria.h is called down to.
 *
 * A database, a connection and a statement each count their owners: the handle, what was made
 * from it, and open result streams. So a host may release them in any order (D1). */

#include <armillaria.h>
#include <arrow-adbc/adbc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

/* The only macro that jumps: to `done:` with `st` set, when `expr` fails. */
#define ADBC_TRY(expr)                                                                             \
    do {                                                                                           \
        st = (expr);                                                                               \
        if (st != ADBC_STATUS_OK) {                                                                \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)

/* ---- Errors: error.c ---- */

/* Fill `error` (may be NULL; what it holds is released) and return `code`. `sqlstate` has five
 * characters; NULL: none. */
AdbcStatusCode arm__adbc_fail(struct AdbcError *error, AdbcStatusCode code, const char *sqlstate,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same for what the library said; ADBC_STATUS_OK if `err->code` is ARM_OK. */
AdbcStatusCode arm__adbc_fail_arm(struct AdbcError *error, const struct arm_error *err);
/* ARM_INTERRUPTED because its time was over. */
AdbcStatusCode arm__adbc_fail_timeout(struct AdbcError *error, const struct arm_error *err);
AdbcStatusCode arm__adbc_fail_memory(struct AdbcError *error);
/* A handle that was never made, or is released. */
AdbcStatusCode arm__adbc_fail_handle(struct AdbcError *error, const char *what);
AdbcStatusCode arm__adbc_fail_null(struct AdbcError *error, const char *argument);

int arm__adbc_error_detail_count(const struct AdbcError *error);
struct AdbcErrorDetail arm__adbc_error_detail(const struct AdbcError *error, int index);

/* ---- Options: option.c ---- */

enum arm_adbc_kind { ARM_ADBC_TEXT, ARM_ADBC_BYTES, ARM_ADBC_INT, ARM_ADBC_REAL };

/* A value that an option is set to; borrowed. */
struct arm_adbc_value {
    enum arm_adbc_kind kind;
    const char *text; /* NULL: unset it */
    int64_t integer;
    double real;
};

/* Read a value as an option wants it; else ADBC_STATUS_INVALID_ARGUMENT naming `key`. Numbers and
 * flags are taken as text, too. */
AdbcStatusCode arm__adbc_value_text(const char *key, const struct arm_adbc_value *value,
                                    const char **out, struct AdbcError *error);
AdbcStatusCode arm__adbc_value_flag(const char *key, const struct arm_adbc_value *value, bool *out,
                                    struct AdbcError *error);
AdbcStatusCode arm__adbc_value_int(const char *key, const struct arm_adbc_value *value,
                                   int64_t least, int64_t most, int64_t *out,
                                   struct AdbcError *error);
AdbcStatusCode arm__adbc_value_real(const char *key, const struct arm_adbc_value *value,
                                    double *out, struct AdbcError *error);
/* Replace the heap text `*slot` by a copy of `text` (NULL: by NULL). */
AdbcStatusCode arm__adbc_replace(char **slot, const char *text, struct AdbcError *error);
/* The same of a text option. */
AdbcStatusCode arm__adbc_value_keep(const char *key, const struct arm_adbc_value *value,
                                    char **slot, struct AdbcError *error);

/* What an option is. `text` is on the heap. */
struct arm_adbc_answer {
    enum arm_adbc_kind kind;
    char *text;
    int64_t integer;
    double real;
};

AdbcStatusCode arm__adbc_answer_text(struct arm_adbc_answer *answer, const char *text,
                                     struct AdbcError *error);
AdbcStatusCode arm__adbc_answer_flag(struct arm_adbc_answer *answer, bool value,
                                     struct AdbcError *error);
void arm__adbc_answer_int(struct arm_adbc_answer *answer, int64_t value);

/* Refuse an option that nobody knows: NOT_IMPLEMENTED when set, NOT_FOUND when asked for. */
AdbcStatusCode arm__adbc_unknown_set(const char *what, const char *key, struct AdbcError *error);
AdbcStatusCode arm__adbc_unknown_get(const char *what, const char *key, struct AdbcError *error);

/* ---- Databases: database.c ---- */

struct arm_adbc_database;

AdbcStatusCode arm__adbc_database_new(struct AdbcDatabase *database, struct AdbcError *error);
AdbcStatusCode arm__adbc_database_init(struct AdbcDatabase *database, struct AdbcError *error);
AdbcStatusCode arm__adbc_database_release(struct AdbcDatabase *database, struct AdbcError *error);
AdbcStatusCode arm__adbc_database_set(struct AdbcDatabase *database, const char *key,
                                      const struct arm_adbc_value *value, struct AdbcError *error);
AdbcStatusCode arm__adbc_database_get(struct AdbcDatabase *database, const char *key,
                                      struct arm_adbc_answer *answer, struct AdbcError *error);

/* INVALID_STATE unless it is open; else counted. */
AdbcStatusCode arm__adbc_database_retain(struct AdbcDatabase *database,
                                         struct arm_adbc_database **out, struct AdbcError *error);
void arm__adbc_database_drop(struct arm_adbc_database *database); /* NULL is accepted */
/* A session on `branch` (NULL: the database's). */
AdbcStatusCode arm__adbc_database_session(struct arm_adbc_database *database, const char *branch,
                                          bool read_only, arm_session **out,
                                          struct AdbcError *error);
bool arm__adbc_database_is_read_only(const struct arm_adbc_database *database);

/* ---- Work that may be cancelled: work.c ----
 *
 * What a statement does, or a connection when it is asked for metadata: calls that run, and
 * streams that are not read to their end. */

struct arm_adbc_work {
    atomic_int owners;
    atomic_int running; /* calls, and streams that are not read to their end */
    atomic_int calling; /* calls into the library at this moment: there is something to interrupt */
    atomic_uint cancels;
};

struct arm_adbc_work *arm__adbc_work_new(void); /* NULL: no memory */
struct arm_adbc_work *arm__adbc_work_retain(struct arm_adbc_work *work);
void arm__adbc_work_drop(struct arm_adbc_work *work); /* NULL is accepted */

/* ---- Connections: connection.c ---- */

struct arm_adbc_connection {
    atomic_int owners;
    /* Held while the session is used, so that an option may be asked for from another thread. */
    pthread_mutex_t use;
    /* While foreign code is read from under `use`: who is called by it must not wait for that. */
    atomic_bool is_reading;
    /* Guards `session` against Cancel, which does not wait for `use`; innermost. */
    pthread_mutex_t handle;
    struct arm_adbc_database *database; /* NULL: not yet initialised */
    arm_session *session;               /* NULL: not yet initialised, or released */
    arm_txn *txn;                       /* that autocommit off has begun; may have ended by SQL */
    bool autocommit;
    bool read_only;
    char *branch;    /* to begin with; NULL: the database's */
    char *schema;    /* to begin with; NULL: main */
    char *isolation; /* to begin with, ADBC's word; NULL: default */
    char *message;   /* of commits; NULL: the statement's text */
    char *pending;   /* message of the open transaction's commit, if a statement has given one */
    struct arm_adbc_work *work;
};

AdbcStatusCode arm__adbc_connection_new(struct AdbcConnection *connection, struct AdbcError *error);
AdbcStatusCode arm__adbc_connection_init(struct AdbcConnection *connection,
                                         struct AdbcDatabase *database, struct AdbcError *error);
AdbcStatusCode arm__adbc_connection_release(struct AdbcConnection *connection,
                                            struct AdbcError *error);
AdbcStatusCode arm__adbc_connection_cancel(struct AdbcConnection *connection,
                                           struct AdbcError *error);
AdbcStatusCode arm__adbc_connection_commit(struct AdbcConnection *connection,
                                           struct AdbcError *error);
AdbcStatusCode arm__adbc_connection_rollback(struct AdbcConnection *connection,
                                             struct AdbcError *error);
void arm__adbc_connection_drop(struct arm_adbc_connection *connection); /* NULL is accepted */

/* Take `use`; INVALID_STATE, and it is not taken, unless there is a session. */
AdbcStatusCode arm__adbc_connection_lock(struct arm_adbc_connection *connection,
                                         struct AdbcError *error);
void arm__adbc_connection_unlock(struct arm_adbc_connection *connection);
/* The same from ADBC's handle; `*out` is borrowed. */
AdbcStatusCode arm__adbc_connection_enter(struct AdbcConnection *handle,
                                          struct arm_adbc_connection **out,
                                          struct AdbcError *error);

/* ---- Their options: connection_options.c ---- */

AdbcStatusCode arm__adbc_connection_set(struct AdbcConnection *connection, const char *key,
                                        const struct arm_adbc_value *value,
                                        struct AdbcError *error);
AdbcStatusCode arm__adbc_connection_get(struct AdbcConnection *connection, const char *key,
                                        struct arm_adbc_answer *answer, struct AdbcError *error);
/* Apply to a new session what was set before. Locked. */
AdbcStatusCode arm__adbc_connection_apply(struct arm_adbc_connection *connection,
                                          struct AdbcError *error);

/* ---- Transactions: transaction.c; all locked ---- */

/* Let go of a handle whose transaction SQL has ended, before SQL begins another one. */
void arm__adbc_forget_ended(struct arm_adbc_connection *connection);
/* Open a transaction if none is open and autocommit is off, or `always`. `*out_begun` (may be
 * NULL): whether it did. */
AdbcStatusCode arm__adbc_begin(struct arm_adbc_connection *connection, bool always, bool *out_begun,
                               struct AdbcError *error);
/* End it, if there is one. */
AdbcStatusCode arm__adbc_commit(struct arm_adbc_connection *connection, struct AdbcError *error);
AdbcStatusCode arm__adbc_rollback(struct arm_adbc_connection *connection, struct AdbcError *error);
/* Run a statement of ours, without rows. */
AdbcStatusCode arm__adbc_command(struct arm_adbc_connection *connection, const char *sql,
                                 struct AdbcError *error);

/* ---- Results: result.c ---- */

/* Where work stood when it began: what was cancelled since. */
struct arm_adbc_token {
    unsigned work;
    unsigned connection;
};

void arm__adbc_begin_work(struct arm_adbc_connection *connection, struct arm_adbc_work *work,
                          struct arm_adbc_token *out);
void arm__adbc_end_work(struct arm_adbc_connection *connection, struct arm_adbc_work *work);
/* Around a call into the library that may take long. What is cancelled after begin_call is
 * interrupted; what was before it is seen by is_cancelled behind it. */
void arm__adbc_begin_call(struct arm_adbc_connection *connection, struct arm_adbc_work *work);
void arm__adbc_end_call(struct arm_adbc_connection *connection, struct arm_adbc_work *work);
bool arm__adbc_is_cancelled(const struct arm_adbc_connection *connection,
                            const struct arm_adbc_work *work, const struct arm_adbc_token *token);

struct arm_adbc_result_options {
    struct arm_adbc_work *work;
    struct arm_adbc_token token;
    bool has_timeout;
    struct ArrowSchema *schema; /* NULL: the stream's own; moved */
};
/* Wrap `stream` (taken, whatever happens) so that it can be cancelled, keeps the connection, and
 * tells ADBC's errors. */
AdbcStatusCode arm__adbc_result(struct arm_adbc_connection *connection,
                                struct ArrowArrayStream *stream,
                                const struct arm_adbc_result_options *options,
                                struct ArrowArrayStream *out, struct AdbcError *error);
const struct AdbcError *arm__adbc_error_from_stream(struct ArrowArrayStream *stream,
                                                    AdbcStatusCode *status);
/* A stream without a column and without a row. */
AdbcStatusCode arm__adbc_empty(struct ArrowArrayStream *out, struct AdbcError *error);

/* Releasing what may be released already. */
void arm__adbc_stream_release(struct ArrowArrayStream *stream);
void arm__adbc_array_release(struct ArrowArray *array);
/* A stream of one batch; takes both, whatever happens. `rc` is how their making went. */
AdbcStatusCode arm__adbc_one_batch(int rc, struct ArrowSchema *schema, struct ArrowArray *array,
                                   struct ArrowArrayStream *out, struct AdbcError *error);
void arm__adbc_schema_release(struct ArrowSchema *schema);
/* What a stream says after a call of it failed with `errno_code`. */
AdbcStatusCode arm__adbc_stream_failed(struct ArrowArrayStream *stream, int errno_code,
                                       struct AdbcError *error);

/* ---- Metadata: info.c, objects.c, table_schema.c ---- */

AdbcStatusCode arm__adbc_get_info(struct AdbcConnection *connection, const uint32_t *codes,
                                  size_t count, struct ArrowArrayStream *out,
                                  struct AdbcError *error);
AdbcStatusCode arm__adbc_get_table_types(struct AdbcConnection *connection,
                                         struct ArrowArrayStream *out, struct AdbcError *error);
AdbcStatusCode arm__adbc_get_objects(struct AdbcConnection *connection, int depth,
                                     const char *catalog, const char *db_schema,
                                     const char *table_name, const char **table_type,
                                     const char *column_name, struct ArrowArrayStream *out,
                                     struct AdbcError *error);
AdbcStatusCode arm__adbc_get_table_schema(struct AdbcConnection *connection, const char *catalog,
                                          const char *db_schema, const char *table_name,
                                          struct ArrowSchema *schema, struct AdbcError *error);

/* A table, by its three names; `catalog` and `schema` NULL or "": the current ones. */
struct arm_adbc_table {
    const char *catalog;
    const char *schema;
    const char *name;
};
/* Its whole name, quoted (on the heap), and whether there is one; locked. */
AdbcStatusCode arm__adbc_find_table(struct arm_adbc_connection *connection,
                                    const struct arm_adbc_table *table, bool with_catalog,
                                    char **out_name, bool *out_exists, struct AdbcError *error);

/* ---- Texts as parameters of our own queries: texts.c ---- */

struct arm_adbc_text {
    const char *name;
    const char *text; /* NULL: a null */
};
/* A stream of one row with these columns. */
AdbcStatusCode arm__adbc_texts(const struct arm_adbc_text *texts, size_t count,
                               struct ArrowArrayStream *out, struct AdbcError *error);
/* The one text that a query of ours answers, on the heap (NULL: null); locked. */
AdbcStatusCode arm__adbc_ask(struct arm_adbc_connection *connection, const char *sql,
                             const struct arm_adbc_text *texts, size_t count, char **out,
                             struct AdbcError *error);

#endif
