/* SPDX-License-Identifier: Apache-2.0 */
/* Results as ADBC wants them: a stream that can be cancelled, that keeps what it needs, and whose
 * error can be asked for whole. It takes no lock of the connection's, so that it may be read by
 * another thread, and written back by its own connection. */

#include <errno.h>
#include <nanoarrow/nanoarrow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/adbc_private.h"

struct result {
    struct ArrowArrayStream inner;
    struct ArrowSchema schema; /* told in place of the inner one's; released: none */
    struct arm_adbc_connection *connection;
    struct arm_adbc_work *work;
    struct arm_adbc_token token;
    bool has_timeout;
    bool has_ended; /* it is no work any more */
    AdbcStatusCode status;
    struct AdbcError error;
};

void arm__adbc_stream_release(struct ArrowArrayStream *stream)
{
    if (stream->release != NULL) {
        stream->release(stream);
        stream->release = NULL;
    }
}

void arm__adbc_array_release(struct ArrowArray *array)
{
    if (array->release != NULL) {
        array->release(array);
        array->release = NULL;
    }
}

AdbcStatusCode arm__adbc_one_batch(int rc, struct ArrowSchema *schema, struct ArrowArray *array,
                                   struct ArrowArrayStream *out, struct AdbcError *error)
{
    if (rc == NANOARROW_OK) {
        rc = ArrowBasicArrayStreamInit(out, schema, 1);
    }
    if (rc != NANOARROW_OK) {
        arm__adbc_array_release(array);
        arm__adbc_schema_release(schema);
        return arm__adbc_fail_memory(error);
    }
    ArrowBasicArrayStreamSetArray(out, 0, array);
    return ADBC_STATUS_OK;
}

void arm__adbc_schema_release(struct ArrowSchema *schema)
{
    if (schema->release != NULL) {
        schema->release(schema);
        schema->release = NULL;
    }
}

/* What the library means by an errno and a text. */
static void read_failure(struct ArrowArrayStream *stream, int errno_code, struct arm_error *out)
{
    const char *why = stream->get_last_error(stream);

    memset(out, 0, sizeof *out);
    switch (errno_code) {
    case EINTR:
    case ECANCELED:
        out->code = ARM_INTERRUPTED;
        break;
    case ENOMEM:
        out->code = ARM_NO_MEMORY;
        break;
    case ENOSPC:
        out->code = ARM_FULL;
        break;
    case EPERM:
        out->code = ARM_FORKED;
        break;
    default:
        out->code = ARM_SQL;
        break;
    }
    (void)snprintf(out->message, sizeof out->message, "%s",
                   why == NULL ? "the rows could not be read" : why);
}

AdbcStatusCode arm__adbc_stream_failed(struct ArrowArrayStream *stream, int errno_code,
                                       struct AdbcError *error)
{
    struct arm_error err;

    read_failure(stream, errno_code, &err);
    return arm__adbc_fail_arm(error, &err);
}

static void end(struct result *result)
{
    if (!result->has_ended) {
        result->has_ended = true;
        arm__adbc_end_work(result->connection, result->work);
    }
}

static bool is_cancelled(const struct result *result)
{
    return arm__adbc_is_cancelled(result->connection, result->work, &result->token);
}

/* Keep what went wrong; the errno that tells it. */
static int fail(struct result *result, int errno_code)
{
    struct arm_error err;

    end(result);
    read_failure(&result->inner, errno_code, &err);
    if (err.code != ARM_INTERRUPTED) {
        result->status = arm__adbc_fail_arm(&result->error, &err);
        return errno_code;
    }
    if (result->has_timeout && !is_cancelled(result)) {
        result->status = arm__adbc_fail_timeout(&result->error, &err);
        return ETIMEDOUT;
    }
    result->status = arm__adbc_fail_arm(&result->error, &err);
    return ECANCELED;
}

static int result_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct result *result = self->private_data;
    int rc;

    if (result->schema.release != NULL) {
        return ArrowSchemaDeepCopy(&result->schema, out);
    }
    rc = result->inner.get_schema(&result->inner, out);
    return rc == 0 ? 0 : fail(result, rc);
}

static int fail_cancelled(struct result *result)
{
    end(result);
    result->status =
        arm__adbc_fail(&result->error, ADBC_STATUS_CANCELLED, "57014", "the result was cancelled");
    return ECANCELED;
}

static int result_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct result *result = self->private_data;
    int rc = 0;

    if (result->status != ADBC_STATUS_OK) {
        return result->status == ADBC_STATUS_CANCELLED ? ECANCELED : EIO;
    }
    arm__adbc_begin_call(result->connection, result->work);
    if (!result->has_ended && is_cancelled(result)) {
        rc = fail_cancelled(result);
    } else {
        rc = result->inner.get_next(&result->inner, out);
        rc = rc == 0 ? 0 : fail(result, rc);
    }
    arm__adbc_end_call(result->connection, result->work);
    if (rc == 0 && out->release == NULL) {
        end(result);
    }
    return rc;
}

static const char *result_error(struct ArrowArrayStream *self)
{
    const struct result *result = self->private_data;

    return result->error.message;
}

static void result_release(struct ArrowArrayStream *self)
{
    struct result *result = self->private_data;

    end(result);
    arm__adbc_stream_release(&result->inner);
    arm__adbc_schema_release(&result->schema);
    if (result->error.release != NULL) {
        result->error.release(&result->error);
    }
    arm__adbc_work_drop(result->work);
    arm__adbc_connection_drop(result->connection);
    free(result);
    self->release = NULL;
    self->private_data = NULL;
}

AdbcStatusCode arm__adbc_result(struct arm_adbc_connection *connection,
                                struct ArrowArrayStream *stream,
                                const struct arm_adbc_result_options *options,
                                struct ArrowArrayStream *out, struct AdbcError *error)
{
    struct result *result = calloc(1, sizeof *result);
    struct arm_adbc_token now;

    if (result == NULL) {
        arm__adbc_stream_release(stream);
        return arm__adbc_fail_memory(error);
    }
    result->inner = *stream;
    *stream = (struct ArrowArrayStream){0};
    if (options->schema != NULL) {
        result->schema = *options->schema;
        options->schema->release = NULL;
    }
    (void)atomic_fetch_add(&connection->owners, 1);
    result->connection = connection;
    result->work = arm__adbc_work_retain(options->work);
    arm__adbc_begin_work(connection, options->work, &now);
    result->token = options->token; /* what was cancelled while it was made counts */
    result->has_timeout = options->has_timeout;
    result->error.vendor_code = ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA;
    *out = (struct ArrowArrayStream){
        .get_schema = result_schema,
        .get_next = result_next,
        .get_last_error = result_error,
        .release = result_release,
        .private_data = result,
    };
    return ADBC_STATUS_OK;
}

const struct AdbcError *arm__adbc_error_from_stream(struct ArrowArrayStream *stream,
                                                    AdbcStatusCode *status)
{
    const struct result *result;

    if (stream == NULL || stream->release != result_release) {
        return NULL;
    }
    result = stream->private_data;
    if (status != NULL) {
        *status = result->status;
    }
    return &result->error;
}

AdbcStatusCode arm__adbc_empty(struct ArrowArrayStream *out, struct AdbcError *error)
{
    struct ArrowSchema schema = {0};
    int rc;

    ArrowSchemaInit(&schema);
    rc = ArrowSchemaSetTypeStruct(&schema, 0);
    if (rc == NANOARROW_OK) {
        rc = ArrowBasicArrayStreamInit(out, &schema, 0);
    }
    if (rc != NANOARROW_OK) {
        arm__adbc_schema_release(&schema);
        return arm__adbc_fail_memory(error);
    }
    return ADBC_STATUS_OK;
}
