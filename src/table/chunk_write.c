/* SPDX-License-Identifier: Apache-2.0 */
/* One run of rows to one chunk: found by its rows hash, or written by DuckDB's COPY as a Parquet
 * file of one row group and taken into the store.
 *
 * The file's bytes depend on rows, schema and the options below alone (W3): one thread reads the
 * run in order. PARQUET_VERSION v2 is quicker to write and to read than v1, and smaller; what of it
 * DuckDB or others get wrong is left out where the rows would meet it (survey.c). */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "model/type.h"
#include "table/engine_private.h"
#include "table/types.h"
#include "table/writer_private.h"

enum {
    SQL_BYTES_MAX = 64 << 20,
    /* Values in a column's dictionary, at most: longer ones cost more to build than they save. It
     * must be said, since DuckDB's own limit is a fifth of the row group's, which is never reached
     * here. Against it, lineitem is 1 % smaller, and written with a fifth less processor time. */
    DICTIONARY_MAX = 4096,
};

/* ---- The plan ---- */

static arm_status make_types(const Armpb__Schema *schema, duckdb_logical_type **out,
                             struct arm_error *err)
{
    arm_status st = arm__calloc(schema->n_columns, sizeof **out, out, err);

    for (size_t c = 0; st == ARM_OK && c < schema->n_columns; c++) {
        st = arm__type_to_duckdb(schema->columns[c]->field->type, &(*out)[c], err);
    }
    return st;
}

static arm_status append_column(const Armpb__Field *field, struct arm_buf *out,
                                struct arm_error *err)
{
    struct arm_buf name = ARM_BUF_INIT(SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(arm__sql_identifier(field->name, &name, err));
    ARM_TRY(arm__buf_u8(&name, 0, err));
    ARM_TRY(arm__type_store_sql(field->type, (const char *)name.data, out, err));
    ARM_TRY(arm__buf_printf(out, err, " AS %s", (const char *)name.data));
done:
    arm__buf_release(&name);
    return st;
}

/* Ends `buf` with a NUL and hands its memory over. */
static arm_status take_text(struct arm_buf *buf, char **out, struct arm_error *err)
{
    arm_status st = arm__buf_u8(buf, 0, err);

    if (st == ARM_OK) {
        *out = (char *)buf->data;
        *buf = ARM_BUF_INIT(buf->max);
    }
    return st;
}

static arm_status make_select(const Armpb__Schema *schema, char **out, struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(&text, err, "SELECT "));
    for (size_t c = 0; c < schema->n_columns; c++) {
        if (c > 0) {
            ARM_TRY(arm__buf_printf(&text, err, ", "));
        }
        st = append_column(schema->columns[c]->field, &text, err);
        if (st != ARM_OK) {
            st = arm__fail_within(err, st, "column %s", schema->columns[c]->field->name);
            goto done;
        }
    }
    ARM_TRY(arm__buf_printf(&text, err, " FROM arm_run("));
    ARM_TRY(take_text(&text, out, err));
done:
    arm__buf_release(&text);
    return st;
}

static arm_status make_options(const Armpb__Schema *schema, char **out, struct arm_error *err)
{
    struct arm_buf text = ARM_BUF_INIT(SQL_BYTES_MAX);
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(&text, err,
                            " (FORMAT parquet, COMPRESSION zstd, "
                            "ROW_GROUP_SIZE %u, USE_TMP_FILE false, RETURN_STATS, FIELD_IDS ",
                            8 * ARM_CUT_MAX));
    ARM_TRY(arm__schema_field_ids_sql(schema, &text, err));
    ARM_TRY(take_text(&text, out, err));
done:
    arm__buf_release(&text);
    return st;
}

arm_status arm__chunk_plan_init(struct arm_chunk_plan *plan,
                                const struct arm_writer_options *options, struct arm_error *err)
{
    arm_status st = ARM_OK;

    *plan = (struct arm_chunk_plan){
        .repository = options->repository,
        .engine = options->engine,
        .schema = options->schema,
        .explicit_row_ids = options->explicit_row_ids,
    };
    if (plan->explicit_row_ids) {
        ARM_TRY(arm__row_id_schema_init(&plan->with_ids, options->schema, err));
        plan->schema = &plan->with_ids.schema;
    }
    ARM_TRY(make_types(plan->schema, &plan->types, err));
done:
    if (st != ARM_OK) {
        arm__chunk_plan_release(plan);
    }
    return st;
}

arm_status arm__chunk_plan_sql(struct arm_chunk_plan *plan, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (plan->select == NULL) {
        ARM_TRY(make_select(plan->schema, &plan->select, err));
    }
    if (plan->options == NULL) {
        ARM_TRY(make_options(plan->schema, &plan->options, err));
    }
done:
    return st;
}

void arm__chunk_plan_release(struct arm_chunk_plan *plan)
{
    for (size_t c = 0; plan->types != NULL && c < plan->schema->n_columns; c++) {
        duckdb_destroy_logical_type(&plan->types[c]);
    }
    arm__free(plan->types);
    arm__free(plan->select);
    arm__free(plan->options);
    arm__row_id_schema_release(&plan->with_ids);
    memset(plan, 0, sizeof *plan);
}

/* ---- Writing ---- */

static arm_status make_sql(const struct arm_chunk_plan *plan, uint64_t run_id, const char *path,
                           const struct arm_survey *survey, struct arm_buf *out,
                           struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(out, err, "COPY (%s%llu::UBIGINT)) TO ", plan->select,
                            (unsigned long long)run_id));
    ARM_TRY(arm__sql_string(path, out, err));
    ARM_TRY(arm__buf_printf(out, err, "%s, PARQUET_VERSION %s, DICTIONARY_SIZE_LIMIT %d)",
                            plan->options, survey->wide_deltas ? "v1" : "v2",
                            survey->confused_floats ? 0 : DICTIONARY_MAX));
    ARM_TRY(arm__buf_u8(out, 0, err));
done:
    return st;
}

/* COPY the run to `path`, and read what DuckDB says of it. */
static arm_status copy_run(const struct arm_chunk_plan *plan, duckdb_connection connection,
                           const struct arm_run *run, const char *path,
                           Armpb__ColumnStatistics ***out_statistics, struct arm_error *err)
{
    struct arm_runs *runs = arm__engine_runs(plan->engine);
    struct arm_buf sql = ARM_BUF_INIT(SQL_BYTES_MAX);
    duckdb_result result;
    uint64_t id = 0;
    struct arm_survey survey;
    bool added = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__survey(run, &survey, err));
    ARM_TRY(arm__runs_add(runs, run, &id, err));
    added = true;
    ARM_TRY(make_sql(plan, id, path, &survey, &sql, err));
    ARM_TRY(arm__engine_query(connection, (const char *)sql.data, ARM_IO, &result, err));
    st = arm__statistics_make(run, &result, out_statistics, err);
    duckdb_destroy_result(&result);
done:
    if (added) {
        arm__runs_remove(runs, id); /* U2: the statement that bound it is over */
    }
    arm__buf_release(&sql);
    return st;
}

arm_status arm__chunk_write(const struct arm_chunk_plan *plan, duckdb_connection connection,
                            const struct arm_run *run, struct arm_new_entry *entry,
                            struct arm_error *err)
{
    struct arm_store *store = arm__repository_store(plan->repository);
    const struct arm_io *io = arm__repository_io(plan->repository);
    Armpb__ColumnStatistics **statistics = NULL;
    struct arm_hash chunk;
    char *path = NULL;
    uint64_t bytes = 0;
    bool is_new = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_stage(store, &path, err));
    st = copy_run(plan, connection, run, path, &statistics, err);
    if (st != ARM_OK) {
        (void)io->remove(io->self, path, NULL);
        goto done;
    }
    ARM_TRY(arm__store_adopt(store, path, &chunk, &bytes, &is_new, err)); /* leases it too */
    entry->rows = run->rows;
    entry->bytes = bytes;
    entry->is_new = is_new;
    entry->is_hot = false;
    entry->chunk = chunk;
    entry->statistics_count = run->schema->n_columns;
    entry->statistics = statistics;
    statistics = NULL;
done:
    arm__statistics_free(statistics, run->schema->n_columns);
    arm__free(path);
    return st;
}

arm_status arm__chunk_find(const struct arm_chunk_plan *plan, struct arm_new_entry *entry,
                           bool *out_found, struct arm_error *err)
{
    struct arm_store *store = arm__repository_store(plan->repository);
    struct arm_index_txn *txn = NULL;
    struct arm_chunk_row row;
    struct arm_hash chunk;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(arm__repository_index(plan->repository), &txn, err));
    ARM_TRY(arm__index_chunk_by_rows(txn, &entry->rows_hash, &chunk, &found, err));
    if (found) {
        ARM_TRY(arm__index_chunk(txn, &chunk, &row, NULL, &found, err));
    }
    arm__index_abort(txn);
    txn = NULL;
    if (found) {
        /* Leased first: what is there then stays. */
        ARM_TRY(arm__store_lease(store, &chunk, err));
        st = arm__store_exists(store, &chunk, &found, err);
        if (st != ARM_OK || !found) {
            arm__store_lease_drop(store, &chunk);
        }
        ARM_TRY(st);
    }
    if (found) {
        entry->rows = row.rows;
        entry->bytes = row.bytes;
        entry->is_new = false;
        entry->is_hot = false;
        entry->chunk = chunk;
    }
    *out_found = found;
done:
    arm__index_abort(txn);
    return st;
}
