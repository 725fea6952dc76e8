/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: their life, and what the adapter asks of them. */

#include "query/session.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "duck/split.h"
#include "query/branch.h"
#include "query/check.h"
#include "query/merge.h"
#include "query/query_private.h"
#include "query/upkeep.h"

/* ---- What the adapter asks (duck.h) ---- */

static arm_status give_snapshot(void *self, struct arm_snapshot *out, bool *out_read_only,
                                struct arm_error *err)
{
    struct arm_query_session *session = self;
    struct arm_catalog *catalog = arm__repository_catalog(session->duck.repository);
    struct arm_snapshot now;
    arm_status st = ARM_OK;

    if (session->scratch != NULL) {
        *out = *session->scratch;
        *out_read_only = false;
        return ARM_OK;
    }
    st = arm__session_now(session, &now, err);
    if (st == ARM_NOT_FOUND && session->is_about_branches) { /* so that USE BRANCH can leave it */
        st = arm__catalog_snapshot(catalog, "main", &now, err);
    }
    ARM_TRY(st);
    if (session->at != NULL) {
        ARM_TRY(arm__catalog_resolve(catalog, &now, session->at, &now, err));
    }
    *out = now;
    *out_read_only =
        session->at != NULL || session->read_only || arm__host_read_only(session->host);
done:
    return st;
}

static const char *give_message(void *self)
{
    const struct arm_query_session *session = self;

    return session->message != NULL ? session->message : session->statement;
}

static void take_result(void *self, const struct arm_commit_result *result)
{
    struct arm_query_session *session = self;

    if (result->tx != 0) {
        atomic_store(&session->last_tx, result->tx);
        arm__upkeep_note(arm__host_upkeep(session->host), result->tx);
    }
}

static arm_status check_commit(void *self, struct arm_transaction *txn, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__merge_ready(self, txn, err));
    ARM_TRY(arm__session_check(self, txn, err));
done:
    return st;
}

static arm_status run_branch_statement(void *self, const struct arm_branch_statement *statement,
                                       struct arm_error *err)
{
    return arm__session_branch_statement(self, statement, err);
}

/* ---- Life ---- */

arm_status arm__session_open(struct arm_host *host, const char *branch, bool read_only,
                             struct arm_query_session **out, struct arm_error *err)
{
    struct arm_repository *repository = arm__host_repository(host);
    struct arm_query_session *session = NULL;
    struct arm_snapshot found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_snapshot(arm__repository_catalog(repository), branch, &found, err));
    ARM_TRY(arm__calloc(1, sizeof *session, &session, err));
    atomic_init(&session->references, 1);
    atomic_init(&session->last_tx, 0);
    session->branch_id = found.branch_id;
    memcpy(session->branch, found.branch, sizeof session->branch);
    session->read_only = read_only;
    session->host = arm__host_retain(host);
    session->duck = (struct arm_duck_session){.self = session,
                                              .repository = repository,
                                              .snapshot = give_snapshot,
                                              .message = give_message,
                                              .committed = take_result,
                                              .branch_statement = run_branch_statement,
                                              .ready = check_commit,
                                              .ended = arm__merge_ended,
                                              .conflicts = arm__merge_conflicts};
    arm__mutex_init(&session->run);
    arm__mutex_init(&session->peek);
    *out = session;
done:
    return st;
}

struct arm_query_session *arm__session_retain(struct arm_query_session *session)
{
    atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
    return session;
}

void arm__session_drop(struct arm_query_session *session)
{
    if (atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    arm__duck_disconnect(session->connection);
    arm__mutex_release(&session->run);
    arm__mutex_release(&session->peek);
    arm__host_drop(session->host);
    arm__free(session);
}

void arm__session_close(struct arm_query_session *session)
{
    if (session == NULL) {
        return;
    }
    arm__mutex_lock(&session->run);
    if (session->connection != NULL && arm__duck_transaction(session->connection) != NULL) {
        if (session->open != NULL) {
            arm__stream_detach(session->open);
        }
        (void)arm__session_run(session, "ROLLBACK", NULL, NULL); /* there is nothing else to do */
    }
    arm__mutex_unlock(&session->run);
    arm__session_drop(session);
}

const char *arm__session_branch(const struct arm_query_session *session)
{
    return session->branch;
}

uint64_t arm__session_last_tx(const struct arm_query_session *session)
{
    return atomic_load(&session->last_tx);
}

bool arm__session_in_transaction(struct arm_query_session *session)
{
    bool is_open = false;

    arm__mutex_lock(&session->run);
    is_open = session->connection != NULL && arm__duck_transaction(session->connection) != NULL;
    arm__mutex_unlock(&session->run);
    return is_open;
}

void arm__session_interrupt(struct arm_query_session *session)
{
    arm__mutex_lock(&session->peek);
    if (session->connection != NULL) {
        arm__duck_interrupt(session->connection);
    }
    if (session->checker != NULL) {
        arm__duck_interrupt(session->checker);
    }
    arm__mutex_unlock(&session->peek);
}

double arm__session_progress(struct arm_query_session *session)
{
    double progress = -1;

    arm__mutex_lock(&session->peek);
    session->counts_progress = true;
    if (session->connection != NULL) {
        arm__duck_count_progress(session->connection);
        progress = arm__duck_progress(session->connection);
    }
    arm__mutex_unlock(&session->peek);
    return progress;
}

/* ---- Using the connection ---- */

static arm_status connect(struct arm_query_session *session, struct arm_error *err)
{
    struct arm_duck_connection *connection = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__host_engine(session->host, &session->duck.engine, err));
    ARM_TRY(arm__duck_connect(&session->duck, &connection, err));
    arm__mutex_lock(&session->peek);
    session->connection = connection;
    if (session->counts_progress) {
        arm__duck_count_progress(connection);
    }
    arm__mutex_unlock(&session->peek);
done:
    return st;
}

arm_status arm__session_enter_run(struct arm_query_session *session, struct arm_error *err)
{
    arm_status st = ARM_OK;

    arm__mutex_lock(&session->run);
    ARM_TRY(arm__repository_check(session->duck.repository, false, err));
    if (session->connection == NULL) {
        ARM_TRY(connect(session, err));
    }
    if (session->open != NULL) {
        arm__stream_detach(session->open);
    }
done:
    return st;
}

void arm__session_enter_open(struct arm_query_session *session)
{
    arm__mutex_lock(&session->run);
    if (session->open != NULL) {
        arm__stream_detach(session->open);
    }
}

void arm__session_leave_run(struct arm_query_session *session)
{
    session->at = NULL;
    session->message = NULL;
    session->is_about_branches = false;
    arm__mutex_unlock(&session->run);
}

/* The number in a row of one BIGINT, as Count is. */
static uint64_t count_in(duckdb_data_chunk chunk)
{
    const int64_t *value = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));

    return *value < 0 ? 0 : (uint64_t)*value;
}

arm_status arm__session_run(struct arm_query_session *session, const char *sql, uint64_t *out_rows,
                            struct arm_error *err)
{
    struct arm_duck_result *result = NULL;
    duckdb_data_chunk chunk = NULL;
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__duck_execute(session->connection, sql, &result, err));
    for (;;) {
        ARM_TRY(arm__duck_next(result, &chunk, err));
        if (chunk == NULL) {
            break;
        }
        rows += arm__duck_has_rows(result) ? duckdb_data_chunk_get_size(chunk) : count_in(chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
    if (out_rows != NULL) {
        *out_rows = rows;
    }
done:
    arm__duck_result_free(result);
    return st;
}

/* ---- SQL ---- */

/* Remember the statement's text for the commit's message: on one line, cut between characters.
 * A COMMIT keeps the text of what it commits. */
static void keep_text(struct arm_query_session *session, const char *sql)
{
    size_t size = 0;
    bool blank = true; /* leading blanks go, others become one */

    if (arm__sql_begins(sql, "commit", "") || arm__sql_begins(sql, "end", "")) {
        return;
    }
    for (; *sql != '\0' && size < sizeof session->statement - 5; sql++) {
        bool is_blank = *sql == ' ' || *sql == '\n' || *sql == '\t' || *sql == '\r';

        if (!(is_blank && blank)) {
            session->statement[size++] = is_blank ? ' ' : *sql;
        }
        blank = is_blank;
    }
    while (size > 0 && *sql != '\0' && (*sql & 0xc0) == 0x80) { /* back to a character's start */
        size--;
        sql--;
    }
    while (size > 0 &&
           (session->statement[size - 1] == ' ' || session->statement[size - 1] == ';')) {
        size--;
    }
    (void)snprintf(session->statement + size, sizeof session->statement - size, "%s",
                   *sql == '\0' ? "" : " ...");
}

/* A version of a table that the statement does not name would be passed over: a mistyped name with
 * it. */
static arm_status check_versions(const struct arm_query_session *session,
                                 const struct arm_sql_options *options, struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(session->duck.repository);
    char schema_name[256];
    char name[256];
    arm_status st = ARM_OK;

    for (size_t i = 0; i < options->version_count; i++) {
        const struct arm_table_version *version = &options->versions[i];
        struct arm_table_info info = {0};

        if (version->table == NULL || version->version == 0) {
            return arm__fail(err, ARM_INVALID,
                             "versions: each names a table, and a version from 1 on");
        }
        st = arm__table_name_parse(version->table, schema_name, name, err);
        if (st == ARM_OK) {
            st = arm__catalog_table_version(catalog, schema_name, name, version->version, &info,
                                            err);
        }
        arm__table_info_release(&info);
        if (st != ARM_OK) {
            return st;
        }
    }
    return ARM_OK;
}

/* Run one statement, its text NUL-terminated. */
static arm_status run_statement(struct arm_query_session *session, const char *sql,
                                const struct arm_sql_options *options, struct ArrowArrayStream *out,
                                struct arm_error *err)
{
    const struct arm_duck_inputs inputs = {.parameters = options->parameters,
                                           .versions = options->versions,
                                           .version_count = options->version_count,
                                           .find_rows = options->find_rows,
                                           .find_context = options->find_context};
    struct result_stream *stream = NULL;
    struct arm_duck_result *result = NULL;
    struct arm_watchdog *watchdog = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(check_versions(session, options, err));
    ARM_TRY(arm__stream_new(&stream, err)); /* now: once it is committed, nothing may fail */
    if (options->timeout_us > 0) {
        ARM_TRY(arm__watchdog_start(session, options->timeout_us, &watchdog, err));
    }
    ARM_TRY(arm__duck_execute_with(session->connection, sql, &inputs, &result, err));
    ARM_TRY(arm__duck_render(result, options->render, err));
    if (!arm__duck_has_rows(result)) {
        ARM_TRY(arm__duck_buffer(result, err)); /* done, and committed, before we return */
    }
    arm__stream_start(stream, session, result, watchdog, out);
    stream = NULL;
    result = NULL;
    watchdog = NULL;
done:
    arm__free(stream);
    arm__watchdog_stop(watchdog);
    arm__duck_result_free(result);
    return st;
}

/* The first statement in `text`, and what is behind it. */
static arm_status split(struct arm_query_session *session, const char *sql, struct arm_buf *text,
                        const char **out_tail, struct arm_error *err)
{
    const char *tail = NULL;
    size_t length = 0;
    size_t rest = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__duck_split(session->connection, sql, &length, err));
    if (length > 0) {
        ARM_TRY(arm__buf_append(text, sql, length, err));
        ARM_TRY(arm__buf_u8(text, 0, err));
        /* what is wrong with a later statement is told when it is its turn */
        if (arm__duck_split(session->connection, sql + length, &rest, NULL) != ARM_OK || rest > 0) {
            tail = sql + length;
        }
    }
    if (out_tail != NULL) {
        *out_tail = tail;
    } else if (tail != NULL) {
        st = arm__fail(err, ARM_SQL, "more than one statement where one was wanted: \"%.60s\"",
                       tail);
    }
done:
    return st;
}

/* A merge is many statements: it is made here, and then a SELECT tells of it. A COMMIT that the
 * merge is not ready for is refused before it ends the transaction. */
static arm_status run_text(struct arm_query_session *session, const char *sql,
                           const struct arm_sql_options *options, struct ArrowArrayStream *out,
                           struct arm_error *err)
{
    struct arm_buf answer = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    bool is_merge = arm__sql_begins(sql, "merge", "branch");
    arm_status st = ARM_OK;

    if (is_merge && (options->parameters != NULL || options->version_count > 0)) {
        st = arm__fail(err, ARM_INVALID, "MERGE BRANCH takes neither parameters nor versions");
        goto done;
    }
    if (is_merge) {
        ARM_TRY(arm__merge_statement(session, sql, &answer, err));
    } else if (arm__sql_begins(sql, "commit", "") || arm__sql_begins(sql, "end", "")) {
        ARM_TRY(arm__merge_ready(session, arm__duck_transaction(session->connection), err));
    }
    ARM_TRY(run_statement(session, is_merge ? (const char *)answer.data : sql, options, out, err));
done:
    arm__buf_release(&answer);
    return st;
}

arm_status arm__session_sql(struct arm_query_session *session, const char *sql,
                            const struct arm_sql_options *options, struct ArrowArrayStream *out,
                            const char **out_tail, struct arm_error *err)
{
    static const struct arm_sql_options defaults = {.size = sizeof defaults};
    struct arm_buf text = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    const char *tail = NULL;
    arm_status st = ARM_OK;

    options = options == NULL ? &defaults : options;
    ARM_TRY(arm__session_enter_run(session, err));
    ARM_TRY(split(session, sql, &text, out_tail == NULL ? NULL : &tail, err));
    if (text.size == 0) {
        ARM_TRY(arm__stream_empty(out, err));
    } else {
        if (options->at != NULL && arm__duck_transaction(session->connection) != NULL) {
            st = arm__fail(err, ARM_INVALID,
                           "\"at\" cannot be used inside a transaction, whose snapshot is fixed: "
                           "name the version with AT in the statement");
            goto done;
        }
        session->at = options->at;
        session->message = options->message;
        session->is_about_branches = arm__branch_begins((const char *)text.data) &&
                                     !arm__sql_begins((const char *)text.data, "merge", "branch");
        keep_text(session, (const char *)text.data);
        ARM_TRY(run_text(session, (const char *)text.data, options, out, err));
    }
    if (out_tail != NULL) {
        *out_tail = tail;
    }
done:
    arm__session_leave_run(session);
    arm__buf_release(&text);
    return st;
}
