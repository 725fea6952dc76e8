/* SPDX-License-Identifier: Apache-2.0 */
#include "adbc/statement.h"

#include <nanoarrow/nanoarrow.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/connection.h"

/* ---- Life ---- */

AdbcStatusCode arm__adbc_statement_enter(struct AdbcStatement *handle,
                                         struct arm_adbc_statement **out, struct AdbcError *error)
{
    if (handle == NULL || handle->private_data == NULL) {
        return arm__adbc_fail_handle(error, "statement");
    }
    *out = handle->private_data;
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_statement_new(struct AdbcConnection *handle,
                                       struct AdbcStatement *statement, struct AdbcError *error)
{
    struct arm_adbc_connection *connection = NULL;
    struct arm_adbc_statement *made = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (statement == NULL) {
        return arm__adbc_fail_null(error, "statement");
    }
    ADBC_TRY(arm__adbc_connection_enter(handle, &connection, error));
    made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->work = arm__adbc_work_new();
    }
    if (made == NULL || made->work == NULL) {
        free(made);
        st = arm__adbc_fail_memory(error);
    } else {
        (void)pthread_mutex_init(&made->options, NULL);
        (void)atomic_fetch_add(&connection->owners, 1);
        made->connection = connection;
        statement->private_data = made;
    }
    arm__adbc_connection_unlock(connection);
done:
    return st;
}

AdbcStatusCode arm__adbc_statement_release(struct AdbcStatement *handle, struct AdbcError *error)
{
    struct arm_adbc_statement *statement = NULL;
    AdbcStatusCode st = arm__adbc_statement_enter(handle, &statement, error);

    if (st != ADBC_STATUS_OK) {
        return st;
    }
    handle->private_data = NULL;
    arm__adbc_stream_release(&statement->bound);
    arm__adbc_parameters_release(&statement->parameters);
    arm__adbc_ingest_release(&statement->ingest);
    free(statement->sql);
    free(statement->at);
    free(statement->message);
    arm__adbc_work_drop(statement->work);
    arm__adbc_connection_drop(statement->connection);
    (void)pthread_mutex_destroy(&statement->options);
    free(statement);
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_statement_cancel(struct AdbcStatement *handle, struct AdbcError *error)
{
    struct arm_adbc_statement *statement = NULL;
    AdbcStatusCode st = arm__adbc_statement_enter(handle, &statement, error);

    return st == ADBC_STATUS_OK ? arm__adbc_cancel(statement->connection, statement->work, error)
                                : st;
}

/* ---- What it is ---- */

AdbcStatusCode arm__adbc_statement_set_sql(struct AdbcStatement *handle, const char *sql,
                                           struct AdbcError *error)
{
    struct arm_adbc_statement *statement = NULL;
    struct arm_adbc_parameters parameters = {0};
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(arm__adbc_statement_enter(handle, &statement, error));
    if (sql == NULL) {
        return arm__adbc_fail_null(error, "query");
    }
    ADBC_TRY(arm__adbc_parameters(sql, &parameters, error));
    (void)pthread_mutex_lock(&statement->options);
    st = arm__adbc_replace(&statement->sql, sql, error);
    if (st == ADBC_STATUS_OK) {
        arm__adbc_parameters_release(&statement->parameters);
        statement->parameters = parameters;
        parameters = (struct arm_adbc_parameters){0};
        arm__adbc_ingest_release(&statement->ingest);
    }
    (void)pthread_mutex_unlock(&statement->options);
done:
    arm__adbc_parameters_release(&parameters);
    return st;
}

static AdbcStatusCode require_sql(const struct arm_adbc_statement *statement,
                                  struct AdbcError *error)
{
    return statement->sql != NULL ? ADBC_STATUS_OK
                                  : arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010",
                                                   "the statement has no query: set one first");
}

AdbcStatusCode arm__adbc_statement_prepare(struct AdbcStatement *handle, struct AdbcError *error)
{
    struct arm_adbc_statement *statement = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(arm__adbc_statement_enter(handle, &statement, error));
    ADBC_TRY(require_sql(statement, error));
    ADBC_TRY(arm__adbc_connection_lock(statement->connection, error));
    arm__adbc_connection_unlock(statement->connection);
done:
    return st;
}

static int null_fields(const struct arm_adbc_parameters *parameters, bool with_numbers,
                       struct ArrowSchema *schema)
{
    ArrowSchemaInit(schema);
    NANOARROW_RETURN_NOT_OK(ArrowSchemaSetTypeStruct(schema, (int64_t)parameters->count));
    for (size_t i = 0; i < parameters->count; i++) {
        const char *name = parameters->names[i];
        bool is_number = name[0] >= '0' && name[0] <= '9';

        NANOARROW_RETURN_NOT_OK(ArrowSchemaSetType(schema->children[i], NANOARROW_TYPE_NA));
        NANOARROW_RETURN_NOT_OK(
            ArrowSchemaSetName(schema->children[i], is_number && !with_numbers ? "" : name));
    }
    return NANOARROW_OK;
}

AdbcStatusCode arm__adbc_statement_parameter_schema(struct AdbcStatement *handle,
                                                    struct ArrowSchema *schema,
                                                    struct AdbcError *error)
{
    struct arm_adbc_statement *statement = NULL;
    struct ArrowSchema made = {0};
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(arm__adbc_statement_enter(handle, &statement, error));
    if (schema == NULL) {
        return arm__adbc_fail_null(error, "schema");
    }
    ADBC_TRY(require_sql(statement, error));
    if (null_fields(&statement->parameters, false, &made) != NANOARROW_OK) {
        arm__adbc_schema_release(&made);
        return arm__adbc_fail_memory(error);
    }
    *schema = made;
done:
    return st;
}

AdbcStatusCode arm__adbc_null_row(const struct arm_adbc_parameters *parameters,
                                  struct ArrowArrayStream *out, struct AdbcError *error)
{
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    int rc = null_fields(parameters, true, &schema);

    if (rc == NANOARROW_OK) {
        rc = ArrowArrayInitFromSchema(&array, &schema, NULL);
    }
    for (size_t i = 0; rc == NANOARROW_OK && i < parameters->count; i++) {
        array.children[i]->length = 1;
        array.children[i]->null_count = 1;
    }
    if (rc == NANOARROW_OK) {
        array.length = 1;
    }
    return arm__adbc_one_batch(rc, &schema, &array, out, error);
}

/* ---- What is bound ---- */

AdbcStatusCode arm__adbc_statement_bind_stream(struct AdbcStatement *handle,
                                               struct ArrowArrayStream *stream,
                                               struct AdbcError *error)
{
    struct arm_adbc_statement *statement = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (stream == NULL) {
        return arm__adbc_fail_null(error, "stream");
    }
    if (stream->release == NULL) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                              "the stream was released already");
    }
    ADBC_TRY(arm__adbc_statement_enter(handle, &statement, error));
    arm__adbc_stream_release(&statement->bound);
    statement->bound = *stream;
    stream->release = NULL;
done:
    if (stream->release != NULL) { /* it is taken in any case */
        arm__adbc_stream_release(stream);
    }
    return st;
}

AdbcStatusCode arm__adbc_statement_bind(struct AdbcStatement *handle, struct ArrowArray *values,
                                        struct ArrowSchema *schema, struct AdbcError *error)
{
    struct ArrowArrayStream stream = {0};
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (values == NULL || schema == NULL) {
        return arm__adbc_fail_null(error, values == NULL ? "values" : "schema");
    }
    if (values->release == NULL || schema->release == NULL) {
        st = arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                            "the values, or their schema, were released already");
    } else if (schema->format == NULL || strcmp(schema->format, "+s") != 0 ||
               schema->n_children != values->n_children) {
        st = arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                            "the values are to be a struct of the columns of their schema");
    } else if (ArrowBasicArrayStreamInit(&stream, schema, 1) != NANOARROW_OK) {
        st = arm__adbc_fail_memory(error);
    } else {
        ArrowBasicArrayStreamSetArray(&stream, 0, values);
        return arm__adbc_statement_bind_stream(handle, &stream, error);
    }
    arm__adbc_array_release(values);
    arm__adbc_schema_release(schema);
    return st;
}
