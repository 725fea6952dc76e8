/* SPDX-License-Identifier: Apache-2.0 */
/* A statement with what is bound to it: run once for each row.
 *
 * One row streams its result. Several are one transaction, and what they give is held in memory:
 * the next one needs the connection. */

#include <nanoarrow/nanoarrow.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/statement.h"

/* ---- The rows that are bound ---- */

struct bound_rows {
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;    /* of the parameters, by the statement's names */
    struct ArrowArray batch;      /* that is read */
    struct ArrowArray following;  /* read ahead, to know whether there is more than one row */
    struct ArrowArray *slices;    /* of the batch's columns: one row of each ... */
    struct ArrowArray **children; /* ... and where they are */
    bool is_many;
};

static void bound_release(struct bound_rows *rows)
{
    arm__adbc_array_release(&rows->batch);
    arm__adbc_array_release(&rows->following);
    arm__adbc_schema_release(&rows->schema);
    arm__adbc_stream_release(&rows->stream);
    free(rows->slices);
    free((void *)rows->children);
}

static AdbcStatusCode make_slices(struct bound_rows *rows, struct AdbcError *error)
{
    size_t count = (size_t)rows->schema.n_children;

    rows->slices = calloc(count + 1, sizeof *rows->slices);
    rows->children = (struct ArrowArray **)calloc(count + 1, sizeof *rows->children);
    if (rows->slices == NULL || rows->children == NULL) {
        return arm__adbc_fail_memory(error);
    }
    for (size_t i = 0; i < count; i++) {
        rows->children[i] = &rows->slices[i];
    }
    return ADBC_STATUS_OK;
}

bool arm__adbc_is_sound(const struct ArrowArray *batch, int64_t column_count)
{
    bool is_sound = batch->length >= 0 && batch->offset >= 0 &&
                    batch->length <= INT64_MAX - batch->offset && batch->n_children == column_count;

    for (int64_t i = 0; is_sound && i < column_count; i++) {
        is_sound = batch->children[i]->length >= batch->offset + batch->length;
    }
    return is_sound;
}

/* The next batch that has a row; `out->release` NULL: there is none. */
static AdbcStatusCode read_batch(struct bound_rows *rows, struct ArrowArray *out,
                                 struct AdbcError *error)
{
    do {
        int rc;

        arm__adbc_array_release(out);
        rc = rows->stream.get_next(&rows->stream, out);
        if (rc != 0) {
            out->release = NULL;
            return arm__adbc_stream_failed(&rows->stream, rc, error);
        }
        if (out->release != NULL && !arm__adbc_is_sound(out, rows->schema.n_children)) {
            return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                                  "a batch that is bound has not the columns, or the rows, that "
                                  "it says");
        }
    } while (out->release != NULL && out->length == 0);
    return ADBC_STATUS_OK;
}

static AdbcStatusCode name_columns(const struct arm_adbc_statement *statement,
                                   struct ArrowSchema *schema, struct AdbcError *error)
{
    const struct arm_adbc_parameters *parameters = &statement->parameters;

    if (schema->format == NULL || strcmp(schema->format, "+s") != 0) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "HY024",
                              "what is bound is to be a stream of record batches");
    }
    if (statement->by_name) {
        return ADBC_STATUS_OK;
    }
    if ((size_t)schema->n_children != parameters->count) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_ARGUMENT, "07001",
                              "the statement has %zu parameters, and %lld columns are bound",
                              parameters->count, (long long)schema->n_children);
    }
    for (size_t i = 0; i < parameters->count; i++) {
        if (ArrowSchemaSetName(schema->children[i], parameters->names[i]) != NANOARROW_OK) {
            return arm__adbc_fail_memory(error);
        }
    }
    return ADBC_STATUS_OK;
}

/* Take what is bound, and its first rows. */
static AdbcStatusCode bound_open(struct arm_adbc_statement *statement, struct bound_rows *out,
                                 struct AdbcError *error)
{
    struct ArrowSchema given = {0};
    AdbcStatusCode st = ADBC_STATUS_OK;
    int rc;

    out->stream = statement->bound;
    statement->bound.release = NULL;
    rc = out->stream.get_schema(&out->stream, &given);
    if (rc != 0) {
        return arm__adbc_stream_failed(&out->stream, rc, error);
    }
    if (ArrowSchemaDeepCopy(&given, &out->schema) != NANOARROW_OK) {
        st = arm__adbc_fail_memory(error);
        goto done;
    }
    ADBC_TRY(name_columns(statement, &out->schema, error));
    ADBC_TRY(make_slices(out, error));
    ADBC_TRY(read_batch(out, &out->batch, error));
    if (out->batch.release != NULL && out->batch.length == 1) {
        ADBC_TRY(read_batch(out, &out->following, error));
    }
    out->is_many =
        out->batch.release != NULL && (out->batch.length > 1 || out->following.release != NULL);
done:
    arm__adbc_schema_release(&given);
    return st;
}

/* The batch after this one. */
static AdbcStatusCode bound_advance(struct bound_rows *rows, struct AdbcError *error)
{
    if (rows->following.release == NULL) {
        return read_batch(rows, &rows->batch, error);
    }
    arm__adbc_array_release(&rows->batch);
    ArrowArrayMove(&rows->following, &rows->batch);
    return ADBC_STATUS_OK;
}

/* ---- One of them as the library's parameters ---- */

struct one_row {
    const struct bound_rows *rows;
    const void *no_validity[1];
    int64_t row;
    bool is_given;
};

static int row_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    const struct one_row *one = self->private_data;

    return ArrowSchemaDeepCopy(&one->rows->schema, out);
}

static void release_slice(struct ArrowArray *array)
{
    array->release = NULL; /* the batch owns all of it */
}

static void slice(const struct ArrowArray *array, int64_t row, struct ArrowArray *out)
{
    *out = *array;
    out->offset += row;
    out->length = 1;
    out->null_count = array->null_count == 0 ? 0 : -1;
    out->private_data = NULL;
    out->release = release_slice;
}

/* One row of the batch: it lives only as long as the call that takes it. */
static int row_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct one_row *one = self->private_data;
    const struct ArrowArray *batch = &one->rows->batch;

    *out = (struct ArrowArray){.release = NULL};
    if (one->is_given) {
        return 0;
    }
    one->is_given = true;
    for (int64_t i = 0; i < batch->n_children; i++) { /* not every reader minds a struct's offset */
        slice(batch->children[i], batch->offset + one->row, &one->rows->slices[i]);
    }
    *out = (struct ArrowArray){.length = 1,
                               .n_buffers = 1,
                               .n_children = batch->n_children,
                               .buffers = one->no_validity,
                               .children = one->rows->children,
                               .release = release_slice};
    return 0;
}

static const char *row_error(struct ArrowArrayStream *self)
{
    (void)self;
    return NULL;
}

static void row_release(struct ArrowArrayStream *self)
{
    self->release = NULL;
}

static AdbcStatusCode run_row(const struct arm_adbc_run *run, const struct bound_rows *rows,
                              int64_t row, struct ArrowArrayStream *out, int64_t *out_rows,
                              struct AdbcError *error)
{
    struct one_row one = {.rows = rows, .row = row};
    struct ArrowArrayStream parameters = {.get_schema = row_schema,
                                          .get_next = row_next,
                                          .get_last_error = row_error,
                                          .release = row_release,
                                          .private_data = &one};
    bool has_columns = rows->schema.n_children > 0;

    return arm__adbc_run_once(run, has_columns ? &parameters : NULL, out, out_rows, error);
}

/* ---- Many results as one ---- */

struct collected {
    struct ArrowSchema schema; /* of the first; released: there was none */
    struct ArrowArray *arrays;
    size_t count;
    size_t capacity;
    int64_t changed; /* -1: nothing was counted */
};

static void collected_release(struct collected *all)
{
    for (size_t i = 0; i < all->count; i++) {
        arm__adbc_array_release(&all->arrays[i]);
    }
    free(all->arrays);
    arm__adbc_schema_release(&all->schema);
}

static bool is_same_type(const struct ArrowSchema *a, const struct ArrowSchema *b)
{
    bool is_same = strcmp(a->format, b->format) == 0 && a->n_children == b->n_children;

    for (int64_t i = 0; is_same && i < a->n_children; i++) {
        is_same = is_same_type(a->children[i], b->children[i]);
    }
    return is_same;
}

static AdbcStatusCode collect_schema(struct collected *all, struct ArrowArrayStream *rows,
                                     struct AdbcError *error)
{
    struct ArrowSchema schema = {0};
    int rc = rows->get_schema(rows, &schema);
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (rc != 0) {
        return arm__adbc_stream_failed(rows, rc, error);
    }
    if (all->schema.release == NULL) {
        all->schema = schema;
        return ADBC_STATUS_OK;
    }
    if (!is_same_type(&all->schema, &schema)) {
        st = arm__adbc_fail(error, ADBC_STATUS_INVALID_DATA, "42804",
                            "the rows that are bound give results of different types");
    }
    arm__adbc_schema_release(&schema);
    return st;
}

static bool make_room(struct collected *all)
{
    size_t capacity = all->capacity == 0 ? 16 : 2 * all->capacity;
    struct ArrowArray *arrays;

    if (all->count < all->capacity) {
        return true;
    }
    arrays = realloc(all->arrays, capacity * sizeof *arrays);
    if (arrays == NULL) {
        return false;
    }
    all->arrays = arrays;
    all->capacity = capacity;
    return true;
}

/* All rows of one result, which is released. */
static AdbcStatusCode collect(struct collected *all, struct ArrowArrayStream *rows,
                              struct AdbcError *error)
{
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(collect_schema(all, rows, error));
    for (;;) {
        struct ArrowArray array = {0};
        int rc = rows->get_next(rows, &array);

        if (rc != 0) {
            st = arm__adbc_stream_failed(rows, rc, error);
            goto done;
        }
        if (array.release == NULL) {
            break;
        }
        if (!make_room(all)) {
            arm__adbc_array_release(&array);
            st = arm__adbc_fail_memory(error);
            goto done;
        }
        all->arrays[all->count++] = array;
    }
done:
    arm__adbc_stream_release(rows);
    return st;
}

static AdbcStatusCode give_collected(struct collected *all, struct ArrowArrayStream *out,
                                     struct AdbcError *error)
{
    if (ArrowBasicArrayStreamInit(out, &all->schema, (int64_t)all->count) != NANOARROW_OK) {
        return arm__adbc_fail_memory(error);
    }
    for (size_t i = 0; i < all->count; i++) {
        ArrowBasicArrayStreamSetArray(out, (int64_t)i, &all->arrays[i]);
    }
    all->count = 0;
    return ADBC_STATUS_OK;
}

/* ---- The run ---- */

static AdbcStatusCode run_each(const struct arm_adbc_run *run, struct bound_rows *rows,
                               struct collected *all, struct AdbcError *error)
{
    AdbcStatusCode st = ADBC_STATUS_OK;

    while (rows->batch.release != NULL) {
        for (int64_t row = 0; row < rows->batch.length; row++) {
            struct ArrowArrayStream result = {0};
            int64_t changed = -1;

            if (arm__adbc_is_cancelled(run->connection, run->statement->work, &run->token)) {
                return arm__adbc_fail(error, ADBC_STATUS_CANCELLED, "57014", "cancelled");
            }
            ADBC_TRY(run_row(run, rows, row, &result, &changed, error));
            if (changed >= 0) {
                all->changed = all->changed < 0 ? changed : all->changed + changed;
            }
            ADBC_TRY(collect(all, &result, error));
        }
        ADBC_TRY(bound_advance(rows, error));
    }
done:
    return st;
}

/* All of them, or none: one transaction if there is none yet. */
static AdbcStatusCode run_many(const struct arm_adbc_run *run, struct bound_rows *rows,
                               struct collected *all, struct AdbcError *error)
{
    struct arm_adbc_connection *connection = run->connection;
    bool is_ours = false;
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(arm__adbc_begin(connection, true, &is_ours, error));
    if (is_ours) {
        ADBC_TRY(arm__adbc_replace(&connection->pending, run->statement->message, error));
    }
    ADBC_TRY(run_each(run, rows, all, error));
    if (is_ours) {
        is_ours = false;
        ADBC_TRY(arm__adbc_commit(connection, error));
    }
done:
    if (is_ours) {
        (void)arm__adbc_rollback(connection, NULL);
    }
    return st;
}

AdbcStatusCode arm__adbc_run_bound(const struct arm_adbc_run *run, struct ArrowArrayStream *out,
                                   int64_t *out_rows, struct AdbcError *error)
{
    struct bound_rows rows = {0};
    struct collected all = {.changed = -1};
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(bound_open(run->statement, &rows, error));
    if (rows.batch.release == NULL) { /* of no row comes no row */
        *out_rows = run->is_query ? -1 : 0;
        st = run->is_query ? arm__adbc_run_for_shape(run, out, error) : arm__adbc_empty(out, error);
        goto done;
    }
    if (!rows.is_many) {
        ADBC_TRY(run_row(run, &rows, 0, out, out_rows, error));
        goto done;
    }
    ADBC_TRY(run_many(run, &rows, &all, error));
    *out_rows = all.changed;
    ADBC_TRY(give_collected(&all, out, error));
done:
    collected_release(&all);
    bound_release(&rows);
    return st;
}
