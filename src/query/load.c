/* SPDX-License-Identifier: Apache-2.0 */
/* Rows from any source into a table (Q3): the source is a SELECT on the session's connection, its
 * rows go to the writer, and the transaction takes what was written.
 *
 *   create   a new table of the source's columns
 *   append   the table's columns, by name: cast to its types, missing ones NULL; unknown: refused
 *   upsert   as append; rows that have the primary key of one that is there take its place
 *   replace  same names and types: the same schema; else a new one, in which a column with the
 *            same name and type keeps its id. Where there is no table: as create
 *
 * CHECK constraints are judged by the source's SELECT, each as one more column behind the rows'. */

#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "duck/row_calls.h"
#include "model/type.h"
#include "query/check.h"
#include "query/load_private.h"

void arm__name_list_release(struct arm_name_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        arm__free(names->items[i]);
    }
    arm__free(names->items);
    *names = (struct arm_name_list){.items = NULL};
}

arm_status arm__name_list_add(struct arm_name_list *names, const char *name, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__realloc(&names->items, names->count + 1, sizeof *names->items, err));
    ARM_TRY(arm__strdup(name, &names->items[names->count], err));
    names->count++;
done:
    return st;
}

arm_status arm__load_words(const struct arm_write_options *options, struct arm_load *load,
                           struct arm_version_words *out, struct arm_hash **uses,
                           struct arm_error *err)
{
    struct arm_hash *hashes = NULL;
    arm_status st = ARM_OK;

    load->chunk_rows = options->chunk_rows;
    if (!options->always && options->version == 0 && options->metadata == NULL &&
        options->use_count == 0) {
        return ARM_OK;
    }
    ARM_TRY(arm__calloc(options->use_count + 1, sizeof *hashes, &hashes, err));
    for (size_t i = 0; i < options->use_count; i++) {
        ARM_TRY(arm__hash_parse(options->uses[i], &hashes[i], err));
    }
    *out = (struct arm_version_words){.wanted_version = options->version,
                                      .metadata = options->metadata,
                                      .use_count = options->use_count,
                                      .uses = hashes};
    load->words = out;
    *uses = hashes;
    hashes = NULL;
done:
    arm__free(hashes);
    return st;
}

/* ---- The SELECT ---- */

static bool has_column(const struct arm_load *load, const char *name)
{
    for (size_t i = 0; i < load->column_count; i++) {
        if (strcasecmp(load->columns[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static arm_status check_known(const struct loading *l, struct arm_error *err)
{
    for (size_t i = 0; i < l->load->column_count; i++) {
        bool known = false;

        for (size_t k = 0; !known && k < l->view->schema->n_columns; k++) {
            known = strcasecmp(l->view->schema->columns[k]->field->name, l->load->columns[i]) == 0;
        }
        if (!known) {
            return arm__fail(err, ARM_SCHEMA,
                             "table \"%s\" has no column \"%s\": replace the table, or leave the "
                             "column out",
                             l->name, l->load->columns[i]);
        }
    }
    return ARM_OK;
}

/* What is computed from other columns cannot be loaded. */
static arm_status check_stored(const struct loading *l, struct arm_error *err)
{
    const Armpb__Schema *schema = l->view == NULL ? NULL : l->view->schema;

    for (size_t i = 0; schema != NULL && i < schema->n_generated; i++) {
        const char *name = schema->generated[i]->field->name;

        if (has_column(l->load, name)) {
            return arm__fail(err, ARM_SCHEMA,
                             "column \"%s\" of table \"%s\" is generated: leave it out", name,
                             l->name);
        }
    }
    return ARM_OK;
}

/* `CAST("a" AS INTEGER) AS "a"`, or its default, for each of the table's columns. */
static arm_status append_columns(const struct loading *l, struct arm_buf *sql,
                                 struct arm_error *err)
{
    const Armpb__Schema *schema = l->view->schema;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < schema->n_columns; i++) {
        const Armpb__Column *column = schema->columns[i];

        ARM_TRY(arm__buf_printf(sql, err, "%sCAST(", i == 0 ? "" : ", "));
        if (has_column(l->load, column->field->name)) {
            ARM_TRY(arm__sql_identifier(column->field->name, sql, err));
        } else {
            ARM_TRY(arm__buf_printf(sql, err, "(%s)",
                                    column->default_sql == NULL ? "NULL" : column->default_sql));
        }
        ARM_TRY(arm__buf_printf(sql, err, " AS "));
        ARM_TRY(arm__type_sql(column->field->type, sql, err));
        ARM_TRY(arm__buf_printf(sql, err, ") AS "));
        ARM_TRY(arm__sql_identifier(column->field->name, sql, err));
    }
done:
    return st;
}

/* Rows for the columns that the table has: cast to them, and defaults. */
static bool fits_table(const struct loading *l)
{
    return l->load->mode == ARM_WRITE_APPEND || l->load->mode == ARM_WRITE_UPSERT;
}

/* `, CAST((a > 0) AS BOOLEAN)` for each check of the table. */
static arm_status append_checks(struct loading *l, struct arm_buf *sql, struct arm_error *err)
{
    const Armpb__Schema *schema = l->view == NULL ? NULL : l->view->schema;
    arm_status st = ARM_OK;

    for (size_t i = 0; schema != NULL && schema->n_checks > 0 && i < schema->n_columns; i++) {
        if (!fits_table(l) && !has_column(l->load, schema->columns[i]->field->name)) {
            return arm__fail(err, ARM_SCHEMA,
                             "table \"%s\" has checks, which may be of column \"%s\", and that "
                             "is missing: drop the table first",
                             l->name, schema->columns[i]->field->name);
        }
    }
    for (size_t i = 0; schema != NULL && i < schema->n_checks; i++) {
        ARM_TRY(arm__buf_printf(sql, err, ", CAST((%s) AS BOOLEAN)", schema->checks[i]->sql));
        l->check_count++;
    }
done:
    return st;
}

static arm_status append_source(const struct loading *l, struct arm_buf *sql, struct arm_error *err)
{
    if (fits_table(l) && l->load->typed_source != NULL) {
        return l->load->typed_source(l->load, l->view->schema, sql, err);
    }
    return arm__buf_printf(sql, err, "%s", l->load->source);
}

static arm_status build_select(struct loading *l, struct arm_buf *sql, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(sql, err, "SELECT *"));
    ARM_TRY(check_stored(l, err));
    ARM_TRY(append_checks(l, sql, err));
    ARM_TRY(arm__buf_printf(sql, err, " FROM "));
    if (fits_table(l)) {
        ARM_TRY(check_known(l, err));
        ARM_TRY(arm__buf_printf(sql, err, "(SELECT "));
        ARM_TRY(append_columns(l, sql, err));
        ARM_TRY(arm__buf_printf(sql, err, " FROM "));
        ARM_TRY(append_source(l, sql, err));
        ARM_TRY(arm__buf_printf(sql, err, ")"));
    } else {
        ARM_TRY(append_source(l, sql, err));
    }
    ARM_TRY(arm__buf_u8(sql, 0, err));
done:
    return st;
}

/* ---- Rows ---- */

static arm_status start_writer(struct loading *l, struct arm_error *err)
{
    struct arm_writer_options options = {
        .repository = l->session->duck.repository,
        .engine = l->session->duck.engine,
        .schema = l->schema != NULL ? l->schema : l->view->schema,
        .table = l->name,
        .no_hot = l->load->chunk_rows > 0,
        .chunk_rows = l->load->chunk_rows == ARM_CHUNK_ROWS_BEST ? 0 : l->load->chunk_rows,
    };

    return arm__writer_new(&options, &l->writer, err);
}

static arm_status refuse(const struct loading *l, duckdb_data_chunk rows, idx_t row,
                         const Armpb__Check *check, struct arm_error *err)
{
    size_t columns = arm__duck_column_count(l->result) - l->check_count;
    struct arm_refused_row refused = {.table = l->name,
                                      .sql = check->sql,
                                      .rows = rows,
                                      .row = row,
                                      .number = l->rows + row + 1,
                                      .column_count = columns};
    const char **names = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(columns, sizeof *names, &names, err));
    for (size_t i = 0; i < columns; i++) {
        names[i] = arm__duck_column_name(l->result, i);
    }
    refused.names = names;
    st = arm__duck_refuse_row(&refused, err);
done:
    arm__free(names);
    return st;
}

/* Column `c` of `rows` says what check `check` makes of each. */
static arm_status judge_check(const struct loading *l, duckdb_data_chunk rows, size_t c,
                              const Armpb__Check *check, struct arm_error *err)
{
    duckdb_vector verdicts = duckdb_data_chunk_get_vector(rows, c);
    const uint64_t *validity = duckdb_vector_get_validity(verdicts);
    const bool *passes = duckdb_vector_get_data(verdicts);
    idx_t count = duckdb_data_chunk_get_size(rows);

    for (idx_t i = 0; i < count; i++) {
        bool is_known = validity == NULL || (validity[i / 64] >> i % 64 & 1) != 0;

        if (is_known && !passes[i]) {
            return refuse(l, rows, i, check, err);
        }
    }
    return ARM_OK;
}

/* Judge the columns behind the rows' own, and push those. */
static arm_status push_checked(struct loading *l, duckdb_data_chunk rows, struct arm_error *err)
{
    const Armpb__Schema *table = l->view->schema;
    size_t columns = arm__duck_column_count(l->result) - l->check_count;
    duckdb_logical_type *types = NULL;
    duckdb_data_chunk own = NULL;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < l->check_count; i++) {
        ARM_TRY(judge_check(l, rows, columns + i, table->checks[i], err));
    }
    ARM_TRY(arm__calloc(columns, sizeof *types, &types, err));
    for (size_t i = 0; i < columns; i++) {
        types[i] = arm__duck_column_type(l->result, i); /* borrowed */
    }
    own = duckdb_create_data_chunk(types, columns);
    if (own == NULL) {
        st = arm__fail(err, ARM_NO_MEMORY, "out of memory: a block of rows");
        goto done;
    }
    for (size_t i = 0; i < columns; i++) {
        duckdb_vector_reference_vector(duckdb_data_chunk_get_vector(own, i),
                                       duckdb_data_chunk_get_vector(rows, i));
    }
    duckdb_data_chunk_set_size(own, duckdb_data_chunk_get_size(rows));
    ARM_TRY(arm__writer_push(l->writer, own, err));
done:
    if (own != NULL) {
        duckdb_destroy_data_chunk(&own);
    }
    arm__free(types);
    return st;
}

static arm_status push_rows(struct loading *l, struct arm_error *err)
{
    duckdb_data_chunk chunk = NULL;
    arm_status st = ARM_OK;

    for (;;) {
        ARM_TRY(arm__duck_next(l->result, &chunk, err));
        if (chunk == NULL) {
            break;
        }
        ARM_TRY(l->check_count > 0 ? push_checked(l, chunk, err)
                                   : arm__writer_push(l->writer, chunk, err));
        l->rows += duckdb_data_chunk_get_size(chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
done:
    if (chunk != NULL) {
        duckdb_destroy_data_chunk(&chunk);
    }
    return st;
}

static arm_status apply(struct loading *l, struct arm_written *written, struct arm_error *err)
{
    uint64_t replaced;
    arm_status st = ARM_OK;

    if (l->view == NULL) {
        ARM_TRY(arm__txn_create_table(l->txn, l->schema_name, l->name, l->schema, false, err));
        ARM_TRY(arm__txn_append(l->txn, l->schema_name, l->name, written, err));
    } else if (l->load->mode == ARM_WRITE_APPEND) {
        ARM_TRY(arm__txn_append(l->txn, l->schema_name, l->name, written, err));
    } else if (l->load->mode == ARM_WRITE_UPSERT) {
        ARM_TRY(arm__txn_upsert(l->txn, l->schema_name, l->name, written, &replaced, err));
    } else {
        ARM_TRY(arm__txn_replace(l->txn, l->schema_name, l->name, l->schema, written, err));
    }
done:
    return st;
}

/* ---- The table before and after ---- */

static arm_status find_table(struct loading *l, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__table_name_parse(l->load->table, l->schema_name, l->name, err));
    ARM_TRY(arm__txn_view(l->txn, l->schema_name, l->name, &l->view, err));
    if (l->view != NULL && l->view->object != ARMPB__OBJECT_KIND__TABLE) {
        st = arm__fail(err, ARM_EXISTS, "\"%s\" is a %s, not a table", l->name,
                       arm__object_word(l->view->object));
    } else if (l->view != NULL && l->load->mode == ARM_WRITE_CREATE) {
        st = arm__fail(err, ARM_EXISTS, "table \"%s\" exists already: append to it, or replace it",
                       l->name);
    } else if (l->view == NULL && fits_table(l)) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\" to %s to: create it first",
                       l->name, l->load->mode == ARM_WRITE_APPEND ? "append" : "upsert");
    } else if (l->load->mode == ARM_WRITE_UPSERT &&
               (l->view->schema->n_keys == 0 || !l->view->schema->keys[0]->primary)) {
        st = arm__fail(err, ARM_SCHEMA,
                       "table \"%s\" has no primary key to upsert by: append, or replace it",
                       l->name);
    }
done:
    return st;
}

/* Which version the commit made, and what it stored; the present one where nothing changed. */
static arm_status find_version(struct loading *l, const struct arm_snapshot *at,
                               const struct arm_commit_result *commit, struct arm_write_result *out,
                               struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(l->session->duck.repository);
    struct arm_snapshot after = *at;
    struct arm_table_info info = {0};
    bool found = false;
    arm_status st = ARM_OK;

    after.tx = commit->tx == 0 ? at->tx : commit->tx;
    ARM_TRY(arm__catalog_table(catalog, &after, l->schema_name, l->name, &info, &found, err));
    if (found) {
        out->version = info.version.version;
        out->bytes_added = commit->tx == 0 ? 0 : info.version.bytes_added;
    }
done:
    arm__table_info_release(&info);
    return st;
}

static void release_loading(struct loading *l)
{
    arm__writer_abort(l->writer);
    arm__duck_result_free(l->result);
    arm__view_drop(l->view);
    arm__schema_free(l->schema);
}

/* From the source to the transaction's buffers. */
static arm_status load_rows(struct loading *l, struct arm_write_result *out, struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    struct arm_written written = {0};
    arm_status st = ARM_OK;

    ARM_TRY(find_table(l, err));
    ARM_TRY(build_select(l, &sql, err));
    ARM_TRY(arm__duck_execute(l->session->connection, (const char *)sql.data, &l->result, err));
    ARM_TRY(arm__load_schema(l, err));
    ARM_TRY(start_writer(l, err));
    ARM_TRY(push_rows(l, err));
    st = arm__writer_finish(l->writer, &written, err);
    l->writer = NULL;
    if (st != ARM_OK) {
        goto done;
    }
    out->rows = written.rows;
    out->chunks_added = written.chunks_new;
    out->chunks_reused = written.chunks_reused;
    ARM_TRY(apply(l, &written, err));
    if (l->load->words != NULL) {
        ARM_TRY(arm__txn_tell_version(l->txn, l->schema_name, l->name, l->load->words, err));
    }
done:
    arm__written_release(&written);
    arm__buf_release(&sql);
    return st;
}

static arm_status begin(struct loading *l, struct arm_transaction **out, struct arm_error *err)
{
    const struct arm_duck_session *duck = &l->session->duck;
    struct arm_txn_settings settings;
    arm_status st = ARM_OK;

    ARM_TRY(arm__duck_settings(l->session->connection, &settings, err));
    ARM_TRY(arm__txn_open(duck->repository, duck->engine, duck->snapshot, duck->self, out, err));
    arm__txn_configure(*out, &settings);
done:
    return st;
}

arm_status arm__session_load(struct arm_query_session *session, const struct arm_load *load,
                             struct arm_write_result *out, struct arm_error *err)
{
    struct loading l = {.session = session, .load = load};
    struct arm_commit_result commit = {0};
    struct arm_write_result result = {0};
    struct arm_transaction *own = NULL;
    struct arm_snapshot snapshot;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(session->duck.repository, true, err));
    l.txn = arm__duck_transaction(session->connection);
    if (l.txn == NULL) {
        ARM_TRY(begin(&l, &own, err));
        l.txn = own;
    }
    snapshot = *arm__txn_snapshot(l.txn);
    ARM_TRY(load_rows(&l, &result, err));
    if (own != NULL) {
        struct arm_transaction *ending = own;

        if (arm__txn_has_changes(own)) {
            ARM_TRY(arm__session_check(session, own, err));
        }
        own = NULL;
        ARM_TRY(arm__txn_commit(ending, load->message, &commit, err));
        session->duck.committed(session, &commit);
        result.tx = commit.tx;
        (void)find_version(&l, &snapshot, &commit, &result, NULL); /* it is done: not a failure */
    }
    *out = result;
done:
    release_loading(&l);
    arm__txn_rollback(own);
    return st;
}
