/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a history by the kernel's transactions. Tables have one column of numbers, each an
 * object and a value:
 *
 *     set        a row for each value
 *     register   its one row is deleted, and another comes at the end
 *     list       the same with a row that marks its end, value 0; before it comes the new value, so
 *                that the rows stand in the order of the appends
 *
 * Tables without a key: what two writers of a row meet by is the deletion. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/history_door.h"
#include "support/history_private.h"
#include "table/compact.h"
#include "table/types.h"
#include "txn/txn.h"

#define VALUE_BITS 40
#define VALUE_MASK ((INT64_C(1) << VALUE_BITS) - 1)

enum { VECTOR_ROWS = 2048, KEPT_CHUNKS = 64 };

struct history_kernel {
    struct arm_repository *repository;
    struct arm_engine *engine;
    Armpb__Schema *schema; /* id BIGINT */
    duckdb_logical_type type;
};

/* Rows of a chunk, which never change. */
struct kept_chunk {
    struct arm_hash hash;
    int64_t *values;
    size_t count;
};

struct door {
    struct history_kernel *kernel;
    struct arm_transaction *txn;
    duckdb_data_chunk vector; /* to read and to write a few rows */
    struct kept_chunk kept[KEPT_CHUNKS];
    size_t next_kept;
    struct history_values rows; /* of one entry */
    struct arm_error err;
};

/* ---- A process's repository ---- */

arm_status history_kernel_open(const char *path, struct history_kernel **out, struct arm_error *err)
{
    struct arm_repository_options options = {0};
    struct arm_engine_options engine = {.thread_count = 1};
    struct history_kernel *kernel = calloc(1, sizeof *kernel);
    const char *name = "id";
    arm_status st = ARM_OK;

    history_require(kernel != NULL, "memory");
    kernel->type = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    ARM_TRY(arm__repository_open(path, &options, &kernel->repository, err));
    ARM_TRY(arm__engine_open(&engine, &kernel->engine, err));
    ARM_TRY(arm__schema_from_columns(1, &name, &kernel->type, &kernel->schema, err));
    kernel->schema->columns[0]->field->id = 1;
    kernel->schema->last_field_id = 1;
    kernel->schema->schema_id = 1;
    *out = kernel;
    kernel = NULL;
done:
    history_kernel_close(kernel);
    return st;
}

void history_kernel_close(struct history_kernel *kernel)
{
    if (kernel != NULL) {
        arm__schema_free(kernel->schema);
        arm__engine_close(kernel->engine);
        arm__repository_close(kernel->repository);
        duckdb_destroy_logical_type(&kernel->type);
        free(kernel);
    }
}

/* ---- Reading entries ---- */

static arm_status read_hot(struct door *door, const struct arm_view *view, size_t entry)
{
    struct arm_buf bytes = ARM_BUF_INIT(64 << 20);
    struct arm_hot_batch *batch = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__view_hot(view, entry, &bytes, &batch, &door->err));
    for (uint32_t at = 0; at < arm__hot_row_count(batch); at += VECTOR_ROWS) {
        uint32_t rest = arm__hot_row_count(batch) - at;
        uint32_t count = rest < VECTOR_ROWS ? rest : VECTOR_ROWS;
        duckdb_vector vector;

        duckdb_data_chunk_reset(door->vector);
        vector = duckdb_data_chunk_get_vector(door->vector, 0);
        ARM_TRY(
            arm__hot_fill(batch, view->schema->columns[0]->field, at, count, vector, &door->err));
        for (uint32_t i = 0; i < count; i++) {
            history_values_add(&door->rows, ((const int64_t *)duckdb_vector_get_data(vector))[i]);
        }
    }
done:
    arm__hot_free(batch);
    arm__buf_release(&bytes);
    return st;
}

static arm_status read_file(struct door *door, const char *path)
{
    duckdb_connection connection;
    duckdb_data_chunk chunk;
    duckdb_result result;
    char sql[2000];
    arm_status st = ARM_OK;

    ARM_TRY(arm__engine_connect(door->kernel->engine, &connection, &door->err));
    (void)snprintf(sql, sizeof sql, "SELECT id FROM read_parquet('%s')", path);
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess) {
        st = arm__fail(&door->err, ARM_IO, "%s", duckdb_result_error(&result));
    }
    while (st == ARM_OK && (chunk = duckdb_fetch_chunk(result)) != NULL) {
        const int64_t *values = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));

        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++) {
            history_values_add(&door->rows, values[i]);
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    arm__engine_disconnect(door->kernel->engine, connection);
done:
    return st;
}

static arm_status read_chunk(struct door *door, const struct arm_view *view, size_t entry)
{
    const struct arm_hash *hash = &view->entries[entry].chunk;
    struct kept_chunk *kept = &door->kept[door->next_kept];
    char *path = NULL;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < KEPT_CHUNKS; i++) {
        if (door->kept[i].values != NULL && arm__hash_equal(&door->kept[i].hash, hash)) {
            for (size_t k = 0; k < door->kept[i].count; k++) {
                history_values_add(&door->rows, door->kept[i].values[k]);
            }
            goto done;
        }
    }
    ARM_TRY(arm__view_path(view, entry, &path, &door->err));
    ARM_TRY(read_file(door, path));
    free(kept->values);
    kept->hash = *hash;
    kept->count = door->rows.count;
    kept->values = malloc((kept->count + 1) * sizeof *kept->values);
    history_require(kept->values != NULL, "memory");
    memcpy(kept->values, door->rows.values, kept->count * sizeof *kept->values);
    door->next_kept = (door->next_kept + 1) % KEPT_CHUNKS;
done:
    arm__free(path);
    return st;
}

/* All rows of an entry, dead ones too, into door->rows. */
static arm_status read_entry(struct door *door, const struct arm_view *view, size_t entry)
{
    arm_status st;

    door->rows.count = 0;
    st = view->entries[entry].is_hot ? read_hot(door, view, entry) : read_chunk(door, view, entry);
    if (st == ARM_OK && door->rows.count != view->entries[entry].rows) {
        st = arm__fail(&door->err, ARM_CORRUPT, "an entry of %u rows has %zu",
                       view->entries[entry].rows, door->rows.count);
    }
    return st;
}

static bool is_live(const struct arm_state_entry *entry, size_t row)
{
    return entry->vector == NULL || !roaring_bitmap_contains(entry->vector, (uint32_t)row);
}

static bool is_of(int64_t row, uint32_t object)
{
    return row >> VALUE_BITS == (int64_t)object;
}

static arm_status view_of(struct door *door, enum history_kind kind, uint32_t object,
                          const struct arm_view **out)
{
    static const char letters[HISTORY_KINDS] = {'l', 's', 'g'};
    char name[32];

    (void)snprintf(name, sizeof name, "%c%u", letters[kind], history_round_of(object));
    return arm__txn_view(door->txn, "main", name, out, &door->err);
}

static arm_status read_object(void *self, enum history_kind kind, uint32_t object,
                              struct history_values *out)
{
    struct door *door = self;
    const struct arm_view *view = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(view_of(door, kind, object, &view));
    out->count = 0;
    for (size_t i = 0; i < view->entry_count; i++) {
        ARM_TRY(read_entry(door, view, i));
        for (size_t row = 0; row < door->rows.count; row++) {
            int64_t value = door->rows.values[row] & VALUE_MASK;

            if (is_of(door->rows.values[row], object) && is_live(&view->entries[i], row) &&
                (value != 0 || kind == HISTORY_REGISTER)) {
                history_values_add(out, value);
            }
        }
    }
done:
    arm__view_drop(view);
    return st;
}

/* ---- Writing ---- */

static arm_status append(struct door *door, const char *name, const int64_t *rows, size_t count)
{
    struct arm_writer_options options = {.repository = door->kernel->repository,
                                         .engine = door->kernel->engine,
                                         .schema = door->kernel->schema,
                                         .table = name};
    struct arm_writer *writer = NULL;
    struct arm_written written = {.rows = 0};
    arm_status st = ARM_OK;

    duckdb_data_chunk_reset(door->vector);
    memcpy(duckdb_vector_get_data(duckdb_data_chunk_get_vector(door->vector, 0)), rows,
           count * sizeof *rows);
    duckdb_data_chunk_set_size(door->vector, count);
    ARM_TRY(arm__writer_new(&options, &writer, &door->err));
    st = arm__writer_push(writer, door->vector, &door->err);
    if (st != ARM_OK) {
        arm__writer_abort(writer);
        goto done;
    }
    ARM_TRY(arm__writer_finish(writer, &written, &door->err));
    st = arm__txn_append(door->txn, "main", name, &written, &door->err);
    arm__written_release(&written);
done:
    return st;
}

/* The object's row that has no later: a register's only one, a list's mark. */
static arm_status delete_last(struct door *door, const struct arm_view *view,
                              enum history_kind kind, uint32_t object)
{
    roaring_bitmap_t **bits = calloc(view->entry_count + 1, sizeof *bits);
    uint64_t count = 0;
    arm_status st = ARM_OK;

    history_require(bits != NULL, "memory");
    for (size_t i = 0; i < view->entry_count; i++) {
        ARM_TRY(read_entry(door, view, i));
        for (size_t row = 0; row < door->rows.count; row++) {
            int64_t value = door->rows.values[row];

            if (is_of(value, object) && is_live(&view->entries[i], row) &&
                (kind == HISTORY_REGISTER || (value & VALUE_MASK) == 0)) {
                bits[i] = bits[i] == NULL ? roaring_bitmap_create() : bits[i];
                roaring_bitmap_add(bits[i], (uint32_t)row);
            }
        }
    }
    ARM_TRY(arm__txn_delete(door->txn, view, bits, &count, &door->err));
    if (count != 1) {
        st = arm__fail(&door->err, ARM_CORRUPT, "object %u has %llu rows in place of one", object,
                       (unsigned long long)count);
    }
done:
    for (size_t i = 0; i < view->entry_count; i++) {
        if (bits[i] != NULL) {
            roaring_bitmap_free(bits[i]);
        }
    }
    free(bits);
    return st;
}

static arm_status write_object(void *self, enum history_kind kind, uint32_t object, int64_t value)
{
    struct door *door = self;
    int64_t high = (int64_t)object << VALUE_BITS;
    int64_t rows[] = {high | value, high};
    const struct arm_view *view = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(view_of(door, kind, object, &view));
    if (kind != HISTORY_SET) {
        ARM_TRY(delete_last(door, view, kind, object));
    }
    ARM_TRY(append(door, view->name, rows, kind == HISTORY_LIST ? 2 : 1));
done:
    arm__view_drop(view);
    return st;
}

/* ---- Transactions ---- */

static arm_status begin(void *self, bool alone)
{
    struct door *door = self;
    struct arm_repository *repository = door->kernel->repository;
    struct arm_snapshot at;
    arm_status st = ARM_OK;

    (void)alone;
    ARM_TRY(arm__catalog_snapshot(arm__repository_catalog(repository), "main", &at, &door->err));
    ARM_TRY(arm__txn_begin(repository, door->kernel->engine, &at, false, &door->txn, &door->err));
done:
    return st;
}

static arm_status commit(void *self, uint64_t *out_tx)
{
    struct door *door = self;
    struct arm_transaction *txn = door->txn;
    struct arm_commit_result result = {.tx = 0};
    arm_status st;

    door->txn = NULL;
    st = arm__txn_commit(txn, "history", &result, &door->err);
    *out_tx = result.tx;
    return st;
}

static void rollback(void *self)
{
    struct door *door = self;

    arm__txn_rollback(door->txn);
    door->txn = NULL;
}

/* A table of a round; lists and registers with the row that each object has from the first. */
static arm_status make_table(struct door *door, enum history_kind kind, unsigned round)
{
    static const char letters[HISTORY_KINDS] = {'l', 's', 'g'};
    int64_t rows[HISTORY_ROUND_OBJECTS];
    char name[32];
    arm_status st = ARM_OK;

    (void)snprintf(name, sizeof name, "%c%u", letters[kind], round);
    for (unsigned i = 0; i < HISTORY_ROUND_OBJECTS; i++) {
        rows[i] = (int64_t)(round * HISTORY_ROUND_OBJECTS + i) << VALUE_BITS;
    }
    ARM_TRY(
        arm__txn_create_table(door->txn, "main", name, door->kernel->schema, false, &door->err));
    if (kind != HISTORY_SET) {
        ARM_TRY(append(door, name, rows, HISTORY_ROUND_OBJECTS));
    }
done:
    return st;
}

static arm_status make(void *self, unsigned round)
{
    struct door *door = self;
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(begin(self, false));
    for (int kind = 0; kind < HISTORY_KINDS; kind++) {
        ARM_TRY(make_table(door, (enum history_kind)kind, round));
    }
    ARM_TRY(commit(self, &tx));
done:
    rollback(self);
    return st;
}

static arm_status compact(void *self)
{
    struct door *door = self;
    struct arm_compact_job job = {
        .repository = door->kernel->repository, .engine = door->kernel->engine, .branch = "main"};
    struct arm_compact_report report;

    return arm__compact(&job, &report, &door->err);
}

static void close_door(void *self)
{
    struct door *door = self;

    rollback(self);
    for (size_t i = 0; i < KEPT_CHUNKS; i++) {
        free(door->kept[i].values);
    }
    free(door->rows.values);
    duckdb_destroy_data_chunk(&door->vector);
    free(door);
}

void history_door_kernel(struct history_kernel *kernel, struct history_door *out)
{
    struct door *door = calloc(1, sizeof *door);

    history_require(door != NULL, "memory");
    door->kernel = kernel;
    door->vector = duckdb_create_data_chunk(&kernel->type, 1);
    *out = (struct history_door){.self = door,
                                 .err = &door->err,
                                 .make = make,
                                 .begin = begin,
                                 .read = read_object,
                                 .write = write_object,
                                 .commit = commit,
                                 .rollback = rollback,
                                 .compact = compact,
                                 .close = close_door};
}
