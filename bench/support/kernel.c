/* SPDX-License-Identifier: Apache-2.0 */
#include "support/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/hot.h"
#include "table/rows_hash.h"
#include "table/writer.h"

enum { COLUMNS = 3, CHUNK_ROWS = 1000, CHUNK_BYTES = 10000, BATCH_BYTES_MAX = 1 << 16 };

/* ---- Syncs that can be left out ---- */

static arm_status maybe_sync(void *self, struct arm_file *file, struct arm_error *err)
{
    const struct bench_kernel *k = self;

    return k->is_syncing ? arm__io_system()->sync(NULL, file, err) : ARM_OK;
}

static void maybe_hasten(void *self, struct arm_file *file, uint64_t offset, uint64_t size)
{
    const struct bench_kernel *k = self;

    if (k->is_syncing) {
        arm__io_system()->hasten(NULL, file, offset, size);
    }
}

static arm_status maybe_sync_directory(void *self, const char *path, struct arm_error *err)
{
    const struct bench_kernel *k = self;

    return k->is_syncing ? arm__io_system()->sync_directory(NULL, path, err) : ARM_OK;
}

/* ---- Rows ---- */

static Armpb__Schema *make_schema(void)
{
    static char names[COLUMNS][8] = {"id", "amount", "note"};
    static const Armpb__TypeKind kinds[COLUMNS] = {
        ARMPB__TYPE_KIND__BIGINT, ARMPB__TYPE_KIND__DOUBLE, ARMPB__TYPE_KIND__VARCHAR};
    Armpb__Type types[COLUMNS];
    Armpb__Field fields[COLUMNS];
    Armpb__Column columns[COLUMNS];
    Armpb__Column *list[COLUMNS];
    Armpb__Schema schema = ARMPB__SCHEMA__INIT;
    Armpb__Schema *copy = NULL;
    struct arm_error err;

    for (uint32_t i = 0; i < COLUMNS; i++) {
        types[i] = (Armpb__Type)ARMPB__TYPE__INIT;
        types[i].kind = kinds[i];
        fields[i] = (Armpb__Field)ARMPB__FIELD__INIT;
        fields[i].id = i + 1;
        fields[i].name = names[i];
        fields[i].type = &types[i];
        columns[i] = (Armpb__Column)ARMPB__COLUMN__INIT;
        columns[i].field = &fields[i];
        list[i] = &columns[i];
    }
    schema.schema_id = 1;
    schema.n_columns = COLUMNS;
    schema.columns = list;
    schema.last_field_id = COLUMNS;
    bench_check(arm__schema_clone(&schema, &copy, &err), &err, "schema");
    return copy;
}

static duckdb_data_chunk make_rows(void)
{
    static const duckdb_type kinds[COLUMNS] = {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_DOUBLE,
                                               DUCKDB_TYPE_VARCHAR};
    duckdb_logical_type types[COLUMNS];
    duckdb_data_chunk chunk;

    for (size_t i = 0; i < COLUMNS; i++) {
        types[i] = duckdb_create_logical_type(kinds[i]);
    }
    chunk = duckdb_create_data_chunk(types, COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++) {
        duckdb_destroy_logical_type(&types[i]);
    }
    return chunk;
}

static void set_row(duckdb_data_chunk rows, size_t at, int64_t id)
{
    int64_t *ids = duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows, 0));
    double *amounts = duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows, 1));
    char note[32];

    ids[at] = id;
    amounts[at] = (double)id / 100;
    (void)snprintf(note, sizeof note, "note %lld", (long long)id);
    duckdb_vector_assign_string_element(duckdb_data_chunk_get_vector(rows, 2), at, note);
}

/* ---- Opening ---- */

void bench_kernel_open(struct bench_kernel *k, const char *path, bool is_syncing)
{
    struct arm_repository_options options = {.io = &k->io};
    struct arm_error err;

    k->io = *arm__io_system();
    k->io.self = k;
    k->io.sync = maybe_sync;
    k->io.sync_directory = maybe_sync_directory;
    k->io.hasten = maybe_hasten;
    k->is_syncing = is_syncing;
    if (k->schema == NULL) {
        k->schema = make_schema();
    }
    k->row = make_rows();
    bench_check(arm__repository_open(path, &options, &k->repository, &err), &err, path);
}

void bench_kernel_make(struct bench_kernel *k, const char *path)
{
    struct arm_error err;

    bench_remove_tree(path);
    bench_check(arm__repository_create(NULL, path, &err), &err, path);
    bench_kernel_open(k, path, false);
}

void bench_kernel_close(struct bench_kernel *k)
{
    arm__repository_close(k->repository);
    duckdb_destroy_data_chunk(&k->row);
    arm__schema_free(k->schema);
    k->schema = NULL;
    k->repository = NULL;
}

/* ---- Commits ---- */

static void commit(struct bench_kernel *k, const struct arm_snapshot *at,
                   struct arm_new_change *change)
{
    struct arm_commit_request request = {
        .snapshot = *at, .author = "bench", .message = "", .change_count = 1, .changes = change};
    struct arm_commit_result result;
    struct arm_error err;

    bench_check(arm__commit(k->repository, &request, &result, NULL, &err), &err, "commit");
}

static struct arm_snapshot snapshot(struct bench_kernel *k)
{
    struct arm_snapshot at;
    struct arm_error err;

    bench_check(arm__catalog_snapshot(arm__repository_catalog(k->repository), "main", &at, &err),
                &err, "snapshot");
    return at;
}

static struct arm_new_change change_of(struct bench_kernel *k, const struct arm_snapshot *at,
                                       const char *name)
{
    struct arm_new_change change = {.kind = ARMPB__CHANGE_KIND__WRITE};
    struct arm_table_info info = {.schema = NULL};
    struct arm_error err;
    bool found = false;

    bench_check(arm__catalog_table(arm__repository_catalog(k->repository), at, "main", name, &info,
                                   &found, &err),
                &err, name);
    if (!found) {
        bench_fail(name, "no such table");
    }
    change.table_id = info.row.table_id;
    change.base_version = info.row.version;
    arm__table_info_release(&info);
    return change;
}

void bench_kernel_table(struct bench_kernel *k, const char *name)
{
    struct arm_snapshot at = snapshot(k);
    struct arm_new_change change = {.kind = ARMPB__CHANGE_KIND__CREATE,
                                    .schema_name = "main",
                                    .name = name,
                                    .schema = k->schema};

    commit(k, &at, &change);
}

static void append(struct bench_kernel *k, const char *name, bool is_replacing)
{
    struct arm_buf bytes = ARM_BUF_INIT(BATCH_BYTES_MAX);
    struct arm_snapshot at = snapshot(k);
    struct arm_new_change change = change_of(k, &at, name);
    struct arm_new_entry entry = {.rows = 1, .is_hot = true};
    struct arm_error err;

    duckdb_data_chunk_set_size(k->row, 1);
    set_row(k->row, 0, (int64_t)k->row_count++);
    bench_check(arm__hot_encode(k->schema, &k->row, 1, &bytes, &err), &err, "hot row");
    bench_check(arm__rows_hash(k->schema, &k->row, 1, &entry.rows_hash, &err), &err, "rows hash");
    entry.hot = arm__buf_bytes(&bytes);
    change.truncated = is_replacing;
    change.added = &entry;
    change.added_count = 1;
    commit(k, &at, &change);
    arm__buf_release(&bytes);
}

void bench_kernel_append(struct bench_kernel *k, const char *name)
{
    append(k, name, false);
}

void bench_kernel_replace(struct bench_kernel *k, const char *name)
{
    append(k, name, true);
}

void bench_kernel_append_names(struct bench_kernel *k, const char *name, size_t count)
{
    struct arm_snapshot at = snapshot(k);
    struct arm_new_change change = change_of(k, &at, name);
    struct arm_new_entry *entries = calloc(count, sizeof *entries);

    if (entries == NULL) {
        bench_fail(name, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t number[2] = {k->row_count++, 1};

        entries[i] = (struct arm_new_entry){.rows = CHUNK_ROWS,
                                            .bytes = CHUNK_BYTES,
                                            .is_new = true,
                                            .chunk = arm__hash(arm__bytes(number, sizeof number)),
                                            .rows_hash = arm__hash(arm__bytes(number, 8))};
    }
    change.added = entries;
    change.added_count = count;
    commit(k, &at, &change);
    free(entries);
}

/* ---- Real chunks ---- */

static struct arm_written write_chunk(struct bench_kernel *k, struct arm_engine *engine,
                                      duckdb_data_chunk rows)
{
    struct arm_writer_options options = {.repository = k->repository,
                                         .engine = engine,
                                         .schema = k->schema,
                                         .table = "t",
                                         .no_hot = true};
    struct arm_written written;
    struct arm_writer *writer = NULL;
    struct arm_error err;

    bench_check(arm__writer_new(&options, &writer, &err), &err, "writer");
    bench_check(arm__writer_push(writer, rows, &err), &err, "push");
    bench_check(arm__writer_finish(writer, &written, &err), &err, "finish");
    if (written.entry_count != 1) {
        bench_fail("writer", "more than one chunk");
    }
    return written;
}

void bench_kernel_append_chunks(struct bench_kernel *k, struct arm_engine *engine, const char *name,
                                size_t chunk_count, uint32_t rows)
{
    struct arm_written *written = calloc(chunk_count, sizeof *written);
    struct arm_new_entry *entries = calloc(chunk_count, sizeof *entries);
    struct arm_snapshot at = snapshot(k);
    struct arm_new_change change = change_of(k, &at, name);
    duckdb_data_chunk chunk = make_rows();

    if (written == NULL || entries == NULL || rows > duckdb_vector_size()) {
        bench_fail(name, "chunks cannot be made");
    }
    duckdb_data_chunk_set_size(chunk, rows);
    for (size_t c = 0; c < chunk_count; c++) {
        for (uint32_t r = 0; r < rows; r++) {
            set_row(chunk, r, 2 * (int64_t)k->row_count++);
        }
        written[c] = write_chunk(k, engine, chunk);
        entries[c] = written[c].entries[0];
    }
    change.added = entries;
    change.added_count = chunk_count;
    commit(k, &at, &change);
    for (size_t c = 0; c < chunk_count; c++) {
        arm__written_release(&written[c]);
    }
    duckdb_destroy_data_chunk(&chunk);
    free(entries);
    free(written);
}
