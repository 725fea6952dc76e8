/* SPDX-License-Identifier: Apache-2.0 */
/* Running a statement. Its transaction, if autocommit is off, is begun here and ended by the
 * connection. */

#include <math.h>
#include <nanoarrow/nanoarrow.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/statement.h"

AdbcStatusCode arm__adbc_run_failed(const struct arm_adbc_run *run, const struct arm_error *err,
                                    struct AdbcError *error)
{
    bool is_late = err->code == ARM_INTERRUPTED && run->statement->timeout_s > 0 &&
                   !arm__adbc_is_cancelled(run->connection, run->statement->work, &run->token);

    return is_late ? arm__adbc_fail_timeout(error, err) : arm__adbc_fail_arm(error, err);
}

/* ---- One execution of the library ---- */

/* Whether the stream tells a count of changed rows instead of rows. */
static bool is_count(const struct ArrowSchema *schema)
{
    struct ArrowStringView value = ArrowCharView(NULL);

    return ArrowMetadataGetValue(schema->metadata, ArrowCharView("arm.count"), &value) ==
               NANOARROW_OK &&
           value.size_bytes == 1 && value.data[0] == '1';
}

/* Of a batch of one column. */
static int64_t first_integer(const struct ArrowSchema *schema, const struct ArrowArray *array)
{
    struct ArrowArrayView view;
    int64_t value = -1;

    if (ArrowArrayViewInitFromSchema(&view, schema, NULL) != NANOARROW_OK) {
        return -1;
    }
    if (ArrowArrayViewSetArray(&view, array, NULL) == NANOARROW_OK && array->length > 0) {
        value = ArrowArrayViewGetIntUnsafe(view.children[0], 0);
    }
    ArrowArrayViewReset(&view);
    return value;
}

static AdbcStatusCode read_count(struct ArrowArrayStream *rows, const struct ArrowSchema *schema,
                                 int64_t *out, struct AdbcError *error)
{
    struct ArrowArray array = {0};
    int rc = rows->get_next(rows, &array);

    if (rc != 0) {
        return arm__adbc_stream_failed(rows, rc, error);
    }
    if (array.release != NULL) {
        *out = first_integer(schema, &array);
        arm__adbc_array_release(&array);
    }
    return ADBC_STATUS_OK;
}

/* What the library gave, as ADBC has it: rows, or how many were changed and no rows. */
static AdbcStatusCode sort_out(struct ArrowArrayStream *rows, struct ArrowArrayStream *out,
                               int64_t *out_rows, struct AdbcError *error)
{
    struct ArrowSchema schema = {0};
    AdbcStatusCode st = ADBC_STATUS_OK;
    int rc = rows->get_schema(rows, &schema);

    *out_rows = -1;
    if (rc != 0) {
        st = arm__adbc_stream_failed(rows, rc, error);
        goto done;
    }
    if (schema.n_children > 0 && !is_count(&schema)) {
        *out = *rows;
        rows->release = NULL;
        goto done;
    }
    if (schema.n_children == 1) {
        ADBC_TRY(read_count(rows, &schema, out_rows, error));
    }
    st = arm__adbc_empty(out, error);
done:
    arm__adbc_schema_release(&schema);
    arm__adbc_stream_release(rows);
    return st;
}

static AdbcStatusCode run_sql(const struct arm_adbc_run *run, const char *sql,
                              struct ArrowArrayStream *parameters, struct ArrowArrayStream *out,
                              struct AdbcError *error)
{
    const struct arm_adbc_statement *statement = run->statement;
    struct arm_error err = {0};
    struct arm_sql_options options = {
        .size = sizeof options,
        .at = statement->at,
        .message = statement->message == NULL ? run->connection->message : statement->message,
        .timeout_us = (uint64_t)ceil(statement->timeout_s * 1e6),
        .parameters = parameters,
    };

    return arm_sql(run->connection->session, sql, &options, out, NULL, &err) == ARM_OK
               ? ADBC_STATUS_OK
               : arm__adbc_run_failed(run, &err, error);
}

AdbcStatusCode arm__adbc_run_once(const struct arm_adbc_run *run,
                                  struct ArrowArrayStream *parameters, struct ArrowArrayStream *out,
                                  int64_t *out_rows, struct AdbcError *error)
{
    struct ArrowArrayStream rows = {0};
    AdbcStatusCode st = run_sql(run, run->statement->sql, parameters, &rows, error);

    return st == ADBC_STATUS_OK ? sort_out(&rows, out, out_rows, error) : st;
}

/* The query between two texts, with nulls for its parameters. */
static AdbcStatusCode run_between(const struct arm_adbc_run *run, const char *before,
                                  const char *behind, struct ArrowArrayStream *out,
                                  struct AdbcError *error)
{
    const struct arm_adbc_statement *statement = run->statement;
    struct ArrowArrayStream nulls = {0};
    struct arm_adbc_words words = {0};
    char *sql = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    arm__adbc_add(&words, before);
    arm__adbc_add_bytes(&words, statement->sql, arm__adbc_sql_size(statement->sql));
    arm__adbc_add(&words, behind); /* on a line of its own: a comment may end the query */
    ADBC_TRY(arm__adbc_words_end(&words, &sql, error));
    if (statement->parameters.count > 0) {
        ADBC_TRY(arm__adbc_null_row(&statement->parameters, &nulls, error));
    }
    ADBC_TRY(run_sql(run, sql, nulls.release == NULL ? NULL : &nulls, out, error));
done:
    free(sql);
    return st;
}

/* Not every query may stand in brackets before a LIMIT; behind FROM all do, but two columns of one
 * name get two names there. */
AdbcStatusCode arm__adbc_run_for_shape(const struct arm_adbc_run *run, struct ArrowArrayStream *out,
                                       struct AdbcError *error)
{
    AdbcStatusCode st;

    if (!run->is_query) {
        return arm__adbc_fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "0A000",
                              "the columns of a statement that is no query are not known before "
                              "it is executed");
    }
    st = run_between(run, "(", "\n) LIMIT 0", out, error);
    if (st == ADBC_STATUS_INVALID_ARGUMENT) {
        st = run_between(run, "FROM (", "\n) LIMIT 0", out, error);
        if (st == ADBC_STATUS_OK && error != NULL) {
            error->release(error); /* of the first trial */
        }
    }
    return st;
}

/* ---- A run ---- */

/* A statement's message is that of the commit to come. */
static AdbcStatusCode begin(const struct arm_adbc_run *run, enum arm_adbc_sql_kind kind,
                            struct AdbcError *error)
{
    struct arm_adbc_connection *connection = run->connection;
    AdbcStatusCode st = ADBC_STATUS_OK;

    arm__adbc_forget_ended(connection);
    if (kind == ARM_ADBC_SQL_APART || kind == ARM_ADBC_SQL_NONE || run->statement->at != NULL) {
        return ADBC_STATUS_OK; /* what was is read outside of transactions */
    }
    ADBC_TRY(arm__adbc_begin(connection, false, NULL, error));
    if (run->statement->message != NULL && arm_session_in_transaction(connection->session)) {
        ADBC_TRY(arm__adbc_replace(&connection->pending, run->statement->message, error));
    }
done:
    return st;
}

static AdbcStatusCode drain(struct ArrowArrayStream *rows, struct AdbcError *error)
{
    for (;;) {
        struct ArrowArray array = {0};
        int rc = rows->get_next(rows, &array);

        if (rc != 0) {
            return arm__adbc_stream_failed(rows, rc, error);
        }
        if (array.release == NULL) {
            return ADBC_STATUS_OK;
        }
        arm__adbc_array_release(&array);
    }
}

/* Hand out what a run gave, or read it away. */
static AdbcStatusCode hand_out(const struct arm_adbc_run *run, struct ArrowArrayStream *rows,
                               struct ArrowArrayStream *out, struct AdbcError *error)
{
    const struct arm_adbc_result_options options = {
        .work = run->statement->work,
        .token = run->token,
        .has_timeout = run->statement->timeout_s > 0,
    };
    AdbcStatusCode st;

    if (out != NULL) {
        return arm__adbc_result(run->connection, rows, &options, out, error);
    }
    st = drain(rows, error);
    arm__adbc_stream_release(rows);
    return st;
}

static AdbcStatusCode run_query(const struct arm_adbc_run *run, struct ArrowArrayStream *out,
                                int64_t *out_rows, struct AdbcError *error)
{
    return run->statement->bound.release != NULL
               ? arm__adbc_run_bound(run, out, out_rows, error)
               : arm__adbc_run_once(run, NULL, out, out_rows, error);
}

static AdbcStatusCode run_any(struct arm_adbc_run *run, struct ArrowArrayStream *out,
                              int64_t *out_rows, struct AdbcError *error)
{
    const struct arm_adbc_statement *statement = run->statement;
    struct ArrowArrayStream rows = {0};
    enum arm_adbc_sql_kind kind = ARM_ADBC_SQL_OTHER;
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (statement->sql != NULL) {
        kind = arm__adbc_sql_kind(statement->sql);
        run->is_query = kind == ARM_ADBC_SQL_QUERY;
    }
    ADBC_TRY(begin(run, kind, error));
    atomic_store(&run->connection->is_reading, statement->bound.release != NULL);
    if (statement->sql != NULL) {
        ADBC_TRY(run_query(run, &rows, out_rows, error));
    } else {
        ADBC_TRY(arm__adbc_ingest(run, out_rows, error));
        ADBC_TRY(arm__adbc_empty(&rows, error));
    }
    ADBC_TRY(hand_out(run, &rows, out, error));
done:
    atomic_store(&run->connection->is_reading, false);
    return st;
}

static AdbcStatusCode enter(struct AdbcStatement *handle, struct arm_adbc_run *out,
                            struct AdbcError *error)
{
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(arm__adbc_statement_enter(handle, &out->statement, error));
    if (out->statement->sql == NULL && out->statement->ingest.table == NULL) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010",
                              "the statement has neither a query nor a table to take rows into");
    }
    ADBC_TRY(arm__adbc_connection_lock(out->statement->connection, error));
    out->connection = out->statement->connection;
    arm__adbc_begin_work(out->connection, out->statement->work, &out->token);
    arm__adbc_begin_call(out->connection, out->statement->work);
done:
    return st;
}

static void leave(const struct arm_adbc_run *run)
{
    arm__adbc_end_call(run->connection, run->statement->work);
    arm__adbc_end_work(run->connection, run->statement->work);
    arm__adbc_connection_unlock(run->connection);
}

AdbcStatusCode arm__adbc_statement_execute(struct AdbcStatement *handle,
                                           struct ArrowArrayStream *out, int64_t *rows_affected,
                                           struct AdbcError *error)
{
    struct arm_adbc_run run = {0};
    struct ArrowArrayStream result = {0};
    int64_t rows = -1;
    AdbcStatusCode st = enter(handle, &run, error);

    if (st != ADBC_STATUS_OK) {
        return st;
    }
    st = run_any(&run, out == NULL ? NULL : &result, &rows, error);
    leave(&run);
    if (st == ADBC_STATUS_OK && out != NULL) {
        *out = result;
    }
    if (st == ADBC_STATUS_OK && rows_affected != NULL) {
        *rows_affected = rows;
    }
    return st;
}

AdbcStatusCode arm__adbc_statement_schema(struct AdbcStatement *handle, struct ArrowSchema *schema,
                                          struct AdbcError *error)
{
    struct arm_adbc_run run = {0};
    struct ArrowArrayStream rows = {0};
    AdbcStatusCode st = ADBC_STATUS_OK;
    int rc;

    if (schema == NULL) {
        return arm__adbc_fail_null(error, "schema");
    }
    st = enter(handle, &run, error);
    if (st != ADBC_STATUS_OK) {
        return st;
    }
    if (run.statement->sql == NULL) {
        st = arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010", "there is no query");
        goto done;
    }
    run.is_query = arm__adbc_sql_kind(run.statement->sql) == ARM_ADBC_SQL_QUERY;
    ADBC_TRY(begin(&run, ARM_ADBC_SQL_QUERY, error));
    ADBC_TRY(arm__adbc_run_for_shape(&run, &rows, error));
    rc = rows.get_schema(&rows, schema);
    if (rc != 0) {
        st = arm__adbc_stream_failed(&rows, rc, error);
    }
done:
    arm__adbc_stream_release(&rows);
    leave(&run);
    return st;
}
