/* SPDX-License-Identifier: Apache-2.0 */
/* Row calls: few rows by primary key, in the session's transaction, without SQL. Hot rows are read
 * and written where they are, and rows of chunks that are kept decoded are read there; for a row of
 * another chunk, or of columns as they were once, one SELECT is made. What SQL alone can do to a
 * row (defaults, CHECK) makes a put an upsert by SQL. */

#include "query/row_calls.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "duck/row_calls.h"
#include "model/type.h"
#include "query/query_private.h"
#include "query/row_stream.h"
#include "query/slices.h"
#include "table/types.h"
#include "txn/row_read.h"

enum { TABLE_BYTES_MAX = 2048 };

/* ---- The transaction ---- */

arm_status arm__session_begin(struct arm_query_session *session, const bool *serializable,
                              uint64_t *out_number, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter_run(session, err));
    ARM_TRY(arm__duck_begin(session->connection, serializable, err));
    *out_number = arm__duck_transaction_number(session->connection);
done:
    arm__session_leave_run(session);
    return st;
}

static arm_status check_number(struct arm_query_session *session, uint64_t number,
                               struct arm_error *err)
{
    return arm__duck_transaction_number(session->connection) == number
               ? ARM_OK
               : arm__fail(err, ARM_INVALID, "the transaction has ended");
}

arm_status arm__session_commit(struct arm_query_session *session, uint64_t number,
                               const char *message, uint64_t *out_tx, struct arm_error *err)
{
    uint64_t before = arm__session_last_tx(session);
    arm_status st = ARM_OK;

    arm__session_enter_open(session);
    ARM_TRY(check_number(session, number, err));
    session->message = message == NULL ? "" : message;
    ARM_TRY(arm__duck_commit(session->connection, err));
    if (out_tx != NULL) {
        uint64_t after = arm__session_last_tx(session);

        *out_tx = after == before ? 0 : after;
    }
done:
    arm__session_leave_run(session);
    return st;
}

void arm__session_roll_back(struct arm_query_session *session, uint64_t number)
{
    arm__session_enter_open(session);
    if (check_number(session, number, NULL) == ARM_OK) {
        (void)arm__duck_rollback(session->connection, NULL); /* it is gone in any case */
    }
    arm__session_leave_run(session);
}

/* ---- One call ---- */

struct call {
    struct arm_query_session *session;
    struct arm_transaction *txn;
    const struct arm_view *view;
    struct ArrowArrayStream *stream; /* the caller's */
    struct arm_slices rows;          /* of it */
    /* The columns that are wanted of them: all of the table's, or the key's. */
    size_t column_count;
    const Armpb__Column **columns;
    size_t *children;
    duckdb_logical_type *types;
    const char **names;
};

static void end_call(struct call *call)
{
    for (size_t i = 0; call->types != NULL && i < call->column_count; i++) {
        duckdb_destroy_logical_type(&call->types[i]);
    }
    arm__slices_release(&call->rows);
    arm__free(call->types);
    arm__free(call->children);
    arm__free(call->columns);
    arm__free(call->names);
    arm__view_drop(call->view);
}

/* Inside: the table as the transaction sees it. */
static arm_status begin_call(struct call *call, uint64_t number, const char *table,
                             struct arm_error *err)
{
    char schema_name[256];
    char name[256];
    arm_status st = ARM_OK;

    ARM_TRY(arm__table_name_parse(table, schema_name, name, err));
    ARM_TRY(check_number(call->session, number, err));
    ARM_TRY(arm__duck_usable(call->session->connection, &call->txn, err));
    ARM_TRY(arm__txn_view(call->txn, schema_name, name, &call->view, err));
    if (call->view == NULL || call->view->object != ARMPB__OBJECT_KIND__TABLE) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\"", table);
        goto done;
    }
    if (call->view->schema->n_keys == 0 || !call->view->schema->keys[0]->primary) {
        st = arm__fail(err, ARM_SCHEMA, "table \"%s\" has no primary key: row calls need one",
                       table);
        goto done;
    }
    ARM_TRY(arm__slices_open(call->stream, &call->rows, err));
done:
    return st;
}

static const char *child_name(const struct ArrowSchema *schema, int64_t i)
{
    return schema->children[i]->name == NULL ? "" : schema->children[i]->name;
}

/* Names are compared without regard to ASCII case, as SQL does. */
static size_t find_child(const struct ArrowSchema *schema, const char *name)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (strcasecmp(child_name(schema, i), name) == 0) {
            return (size_t)i;
        }
    }
    return SIZE_MAX;
}

static arm_status want_column(struct call *call, const Armpb__Column *column, struct arm_error *err)
{
    size_t i = call->column_count;

    call->columns[i] = column;
    call->names[i] = column->field->name;
    call->children[i] = find_child(&call->rows.schema, column->field->name);
    call->column_count++;
    return arm__type_to_duckdb(column->field->type, &call->types[i], err);
}

/* The columns of the table, or of its key, found among those of the rows by their names. */
static arm_status want_columns(struct call *call, bool of_key, struct arm_error *err)
{
    const Armpb__Schema *schema = call->view->schema;
    const Armpb__Key *key = schema->keys[0];
    size_t count = of_key ? key->n_field_ids : schema->n_columns;
    size_t found = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(count, sizeof *call->columns, &call->columns, err));
    ARM_TRY(arm__calloc(count, sizeof *call->children, &call->children, err));
    ARM_TRY(arm__calloc(count, sizeof *call->types, &call->types, err));
    ARM_TRY(arm__calloc(count, sizeof *call->names, &call->names, err));
    for (size_t i = 0; i < count; i++) {
        const Armpb__Column *column =
            of_key ? arm__schema_column(schema, key->field_ids[i]) : schema->columns[i];

        ARM_TRY(want_column(call, column, err));
        found += call->children[i] != SIZE_MAX;
        if (of_key && call->children[i] == SIZE_MAX) {
            st = arm__fail(err, ARM_SCHEMA, "the keys lack column %s", column->field->name);
            goto done;
        }
    }
    for (int64_t i = 0;
         found < (size_t)call->rows.schema.n_children && i < call->rows.schema.n_children; i++) {
        bool wanted = false;

        for (size_t k = 0; k < count; k++) {
            wanted = wanted || call->children[k] == (size_t)i;
        }
        if (!wanted) {
            st = arm__fail(err, ARM_SCHEMA, "table %s has no %scolumn %s", call->view->name,
                           of_key ? "key " : "", child_name(&call->rows.schema, i));
            goto done;
        }
    }
done:
    return st;
}

/* The next rows of the stream; `*out` NULL: its end. */
static arm_status next_rows(struct call *call, duckdb_data_chunk *out, struct arm_error *err)
{
    struct ArrowArray array = {.release = NULL};
    struct arm_arrow_rows rows = {.schema = &call->rows.schema,
                                  .array = &array,
                                  .column_count = call->column_count,
                                  .children = call->children,
                                  .types = call->types,
                                  .names = call->names};
    arm_status st = ARM_OK;

    *out = NULL;
    ARM_TRY(arm__slices_next(&call->rows, (int64_t)duckdb_vector_size(), &array, err));
    if (array.release != NULL) {
        st = arm__duck_rows(call->session->connection, &rows, out, err);
    }
done:
    return st;
}

/* An error aborts the transaction, as one of SQL does; one about the call itself does not. */
static arm_status spoil(struct call *call, arm_status st, struct arm_error *err)
{
    if (st != ARM_OK && call->txn != NULL && st != ARM_INVALID && st != ARM_NOT_FOUND) {
        arm__duck_spoil(call->session->connection, err);
    }
    return st;
}

/* ---- arm_put ---- */

/* Only SQL fills a default in, and only it judges a CHECK. */
static bool needs_sql(const struct call *call)
{
    const Armpb__Schema *schema = call->view->schema;
    bool result = schema->n_checks > 0;

    for (size_t i = 0; i < call->column_count; i++) {
        result = result || (call->children[i] == SIZE_MAX && call->columns[i]->default_sql != NULL);
    }
    return result;
}

static arm_status push_all(struct call *call, struct arm_writer *writer, struct arm_error *err)
{
    duckdb_data_chunk chunk = NULL;
    arm_status st = ARM_OK;

    for (;;) {
        ARM_TRY(next_rows(call, &chunk, err));
        if (chunk == NULL) {
            break;
        }
        ARM_TRY(arm__writer_push(writer, chunk, err));
        duckdb_destroy_data_chunk(&chunk);
    }
done:
    if (chunk != NULL) {
        duckdb_destroy_data_chunk(&chunk);
    }
    return st;
}

static arm_status put(struct call *call, uint64_t *out_rows, struct arm_error *err)
{
    const struct arm_view *view = call->view;
    struct arm_writer_options options = {.repository = call->session->duck.repository,
                                         .engine = call->session->duck.engine,
                                         .schema = view->schema,
                                         .table = view->name};
    struct arm_written written = {.rows = 0};
    struct arm_writer *writer = NULL;
    uint64_t replaced;
    arm_status st = ARM_OK;

    ARM_TRY(arm__writer_new(&options, &writer, err));
    ARM_TRY(push_all(call, writer, err));
    st = arm__writer_finish(writer, &written, err);
    writer = NULL;
    if (st != ARM_OK) {
        goto done;
    }
    *out_rows = written.rows;
    ARM_TRY(arm__txn_upsert(call->txn, view->schema_name, view->name, &written, &replaced, err));
done:
    arm__writer_abort(writer);
    arm__written_release(&written);
    return st;
}

/* Outside: nobody else uses the session meanwhile. */
static arm_status put_by_sql(struct call *call, uint64_t number, const char *table,
                             struct arm_write_result *out, struct arm_error *err)
{
    static const struct arm_write_options upsert = {.size = sizeof upsert,
                                                    .mode = ARM_WRITE_UPSERT};
    struct arm_query_session *session = call->session;
    arm_status st = arm__session_write(session, table, call->stream, &upsert, out, err);

    if (st != ARM_OK) {
        if (arm__session_enter_run(session, NULL) == ARM_OK &&
            check_number(session, number, NULL) == ARM_OK) {
            arm__duck_spoil(session->connection, err);
        }
        arm__session_leave_run(session);
    }
    return st;
}

arm_status arm__session_put(struct arm_query_session *session, uint64_t number, const char *table,
                            struct ArrowArrayStream *rows, uint64_t *out_rows,
                            struct arm_error *err)
{
    struct call call = {.session = session, .stream = rows};
    struct arm_write_result result = {.rows = 0};
    struct arm_error local;
    bool by_sql = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter_run(session, &local));
    ARM_TRY(begin_call(&call, number, table, &local));
    ARM_TRY(want_columns(&call, false, &local));
    by_sql = needs_sql(&call);
    if (!by_sql) {
        ARM_TRY(put(&call, &result.rows, &local));
    }
done:
    st = spoil(&call, st, &local);
    end_call(&call);
    arm__session_leave_run(session);
    if (st == ARM_OK && by_sql) {
        st = put_by_sql(&call, number, table, &result, &local);
    }
    if (st != ARM_OK && err != NULL) {
        *err = local;
    }
    if (st == ARM_OK && out_rows != NULL) {
        *out_rows = result.rows;
    }
    return st;
}

/* ---- arm_delete ---- */

static arm_status delete_all(struct call *call, uint64_t *out_rows, struct arm_error *err)
{
    duckdb_data_chunk keys = NULL;
    arm_status st = ARM_OK;

    for (;;) {
        const struct arm_view *now = NULL;
        uint64_t count = 0;

        ARM_TRY(next_rows(call, &keys, err));
        if (keys == NULL) {
            break;
        }
        /* each batch is a statement, by a view of its own (X6) */
        ARM_TRY(arm__txn_view(call->txn, call->view->schema_name, call->view->name, &now, err));
        st = arm__txn_delete_keys(call->txn, now, keys, &count, err);
        arm__view_drop(now);
        if (st != ARM_OK) {
            goto done;
        }
        *out_rows += count;
        duckdb_destroy_data_chunk(&keys);
    }
done:
    if (keys != NULL) {
        duckdb_destroy_data_chunk(&keys);
    }
    return st;
}

arm_status arm__session_delete(struct arm_query_session *session, uint64_t number,
                               const char *table, struct ArrowArrayStream *keys, uint64_t *out_rows,
                               struct arm_error *err)
{
    struct call call = {.session = session, .stream = keys};
    struct arm_error local;
    uint64_t rows = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter_run(session, &local));
    ARM_TRY(begin_call(&call, number, table, &local));
    ARM_TRY(want_columns(&call, true, &local));
    ARM_TRY(delete_all(&call, &rows, &local));
    if (out_rows != NULL) {
        *out_rows = rows;
    }
done:
    st = spoil(&call, st, &local);
    end_call(&call);
    arm__session_leave_run(session);
    if (st != ARM_OK && err != NULL) {
        *err = local;
    }
    return st;
}

/* ---- arm_get ---- */

static arm_status read_by_sql(const struct call *call, duckdb_data_chunk keys, size_t row,
                              struct arm_row_stream *out, struct arm_error *err)
{
    struct arm_buf table = ARM_BUF_INIT(TABLE_BYTES_MAX);
    struct arm_duck_result *result = NULL;
    duckdb_data_chunk chunk = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__sql_identifier(call->view->schema_name, &table, err));
    ARM_TRY(arm__buf_u8(&table, '.', err));
    ARM_TRY(arm__sql_identifier(call->view->name, &table, err));
    ARM_TRY(arm__buf_u8(&table, 0, err));
    ARM_TRY(arm__duck_select_key(call->session->connection, (const char *)table.data, keys, row,
                                 call->names, &result, err));
    for (;;) {
        ARM_TRY(arm__duck_next(result, &chunk, err));
        if (chunk == NULL) {
            break;
        }
        ARM_TRY(arm__row_stream_add(out, &chunk, err));
    }
done:
    arm__duck_result_free(result);
    arm__buf_release(&table);
    return st;
}

static arm_status get_batch(const struct call *call, duckdb_data_chunk keys,
                            struct arm_row_stream *out, struct arm_error *err)
{
    struct arm_key_match *matches = NULL;
    duckdb_data_chunk chunk = NULL;
    size_t count = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__txn_find_keys(call->txn, call->view, keys, &matches, &count, err));
    for (size_t i = 0; i < count; i++) {
        ARM_TRY(arm__txn_read_row(call->txn, call->view, &matches[i], arm__row_stream_types(out),
                                  &chunk, NULL, err));
        if (chunk != NULL) {
            ARM_TRY(arm__row_stream_add(out, &chunk, err));
        } else {
            ARM_TRY(read_by_sql(call, keys, matches[i].written_row, out, err));
        }
    }
done:
    if (chunk != NULL) {
        duckdb_destroy_data_chunk(&chunk);
    }
    arm__free(matches);
    return st;
}

static arm_status get_all(struct call *call, struct arm_row_stream *out, struct arm_error *err)
{
    duckdb_data_chunk keys = NULL;
    arm_status st = ARM_OK;

    do {
        ARM_TRY(next_rows(call, &keys, err));
        if (keys != NULL) {
            st = get_batch(call, keys, out, err);
            duckdb_destroy_data_chunk(&keys);
            ARM_TRY(st);
        } else {
            break;
        }
    } while (true);
done:
    return st;
}

arm_status arm__session_get(struct arm_query_session *session, uint64_t number, const char *table,
                            struct ArrowArrayStream *keys, struct ArrowArrayStream *out,
                            struct arm_error *err)
{
    struct call call = {.session = session, .stream = keys};
    struct arm_row_stream *rows = NULL;
    struct arm_error local;
    arm_status st = ARM_OK;

    arm__session_enter_open(session);
    ARM_TRY(begin_call(&call, number, table, &local));
    ARM_TRY(want_columns(&call, true, &local));
    ARM_TRY(arm__row_stream_new(session->connection, call.view->schema, &rows, &local));
    ARM_TRY(get_all(&call, rows, &local));
    arm__row_stream_start(rows, out);
    rows = NULL;
done:
    arm__row_stream_free(rows);
    st = spoil(&call, st, &local);
    end_call(&call);
    arm__session_leave_run(session);
    if (st != ARM_OK && err != NULL) {
        *err = local;
    }
    return st;
}
