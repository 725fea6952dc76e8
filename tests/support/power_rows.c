/* SPDX-License-Identifier: Apache-2.0 */
#include "support/power_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/row_ids.h"
#include "txn/txn_fixture.h"

enum { COLUMNS = 2, SQL_BYTES = 2000 };

/* ---- Reading ---- */

static struct power_rows rows_new(size_t count)
{
    struct power_rows rows = {calloc(count + 1, sizeof *rows.rows), count};

    assert_non_null(rows.rows);
    return rows;
}

static struct power_rows rows_copy(const struct power_rows *from)
{
    struct power_rows rows = rows_new(from->count);

    memcpy(rows.rows, from->rows, from->count * sizeof *rows.rows);
    return rows;
}

static struct {
    struct arm_hash chunk;
    struct power_rows rows;
} chunks_read[64];
static size_t chunks_read_count;

static struct power_rows read_file(struct arm_engine *engine, const char *path,
                                   const struct arm_state_entry *entry)
{
    char sql[SQL_BYTES];
    struct rows found;
    struct power_rows rows = rows_new(entry->rows);
    size_t at = 0;

    (void)snprintf(sql, sizeof sql, "SELECT id, %s FROM read_parquet('%s')",
                   entry->explicit_row_ids ? "_row_id" : "0::BIGINT", path);
    found = rows_of(engine, sql);
    assert_int_equal(found.row_count, entry->rows);
    for (size_t c = 0; c < found.count; c++) {
        duckdb_data_chunk chunk = found.chunks[c];
        const int64_t *values = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
        const int64_t *ids = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1));

        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++) {
            rows.rows[at++] = (struct power_row){values[i], ids[i]};
        }
    }
    rows_free(&found);
    return rows;
}

static struct power_rows read_chunk(struct arm_repository *repository, struct arm_engine *engine,
                                    const struct arm_state_entry *entry)
{
    char *path = NULL;
    struct power_rows rows;
    struct arm_error err = {0};

    for (size_t i = 0; i < chunks_read_count; i++) {
        if (arm__hash_equal(&chunks_read[i].chunk, &entry->chunk)) {
            return rows_copy(&chunks_read[i].rows);
        }
    }
    assert_ok(arm__store_path(arm__repository_store(repository), &entry->chunk, &path, &err), err);
    rows = read_file(engine, path, entry);
    arm__free(path);
    if (chunks_read_count < sizeof chunks_read / sizeof *chunks_read) {
        chunks_read[chunks_read_count].chunk = entry->chunk;
        chunks_read[chunks_read_count++].rows = rows_copy(&rows);
    }
    return rows;
}

/* One column of a hot batch into `out`, which has room for its rows. */
static arm_status read_column(struct arm_hot_batch *batch, const Armpb__Field *field, int64_t *out,
                              struct arm_error *err)
{
    duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_data_chunk chunk = duckdb_create_data_chunk(&type, 1);
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, 0);
    uint32_t size = (uint32_t)duckdb_vector_size();
    arm_status st = ARM_OK;

    for (uint32_t at = 0; at < arm__hot_row_count(batch); at += size) {
        uint32_t rest = arm__hot_row_count(batch) - at;
        uint32_t count = rest < size ? rest : size;

        ARM_TRY(arm__hot_fill(batch, field, at, count, vector, err));
        memcpy(out + at, duckdb_vector_get_data(vector), count * sizeof *out);
    }
done:
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_logical_type(&type);
    return st;
}

static arm_status read_hot(const struct arm_view *view, size_t i, struct power_rows *out,
                           struct arm_error *err)
{
    const struct arm_state_entry *entry = &view->entries[i];
    int64_t *columns = calloc(COLUMNS * (entry->rows + 1), sizeof *columns);
    struct arm_buf bytes = ARM_BUF_INIT(64 << 20);
    struct arm_hot_batch *batch = NULL;
    Armpb__Field ids;
    Armpb__Type type;
    arm_status st = ARM_OK;

    assert_non_null(columns);
    ARM_TRY(arm__view_hot(view, i, &bytes, &batch, err));
    assert_int_equal(arm__hot_row_count(batch), entry->rows);
    ARM_TRY(read_column(batch, view->schema->columns[0]->field, columns, err));
    if (entry->explicit_row_ids) {
        arm__row_id_field(&ids, &type);
        ARM_TRY(read_column(batch, &ids, columns + entry->rows, err));
    }
    *out = rows_new(entry->rows);
    for (size_t row = 0; row < entry->rows; row++) {
        out->rows[row] = (struct power_row){columns[row], columns[entry->rows + row]};
    }
done:
    arm__hot_free(batch);
    arm__buf_release(&bytes);
    free(columns);
    return st;
}

arm_status power_entry_rows(struct arm_repository *repository, struct arm_engine *engine,
                            const struct arm_view *view, size_t i, struct power_rows *out,
                            struct arm_error *err)
{
    const struct arm_state_entry *entry = &view->entries[i];
    arm_status st = ARM_OK;

    if (entry->is_hot) {
        ARM_TRY(read_hot(view, i, out, err));
    } else {
        *out = read_chunk(repository, engine, entry);
    }
    for (size_t row = 0; !entry->explicit_row_ids && row < out->count; row++) {
        out->rows[row].row_id = (int64_t)(entry->first_row_id + row);
    }
done:
    return st;
}

static bool is_dead(const struct arm_state_entry *entry, size_t row)
{
    return entry->vector != NULL && roaring_bitmap_contains(entry->vector, (uint32_t)row);
}

static int compare_rows(const void *left, const void *right)
{
    const struct power_row *a = left;
    const struct power_row *b = right;

    return a->value != b->value ? (a->value > b->value) - (a->value < b->value)
                                : (a->row_id > b->row_id) - (a->row_id < b->row_id);
}

struct arm_hash power_hash_rows(struct arm_repository *repository, struct arm_engine *engine,
                                const struct arm_view *view)
{
    struct power_rows live = rows_new(view->live_rows);
    struct arm_hash hash;
    size_t count = 0;

    for (size_t i = 0; i < view->entry_count; i++) {
        struct power_rows all = {NULL, 0};
        struct arm_error err = {0};

        assert_ok(power_entry_rows(repository, engine, view, i, &all, &err), err);
        for (size_t row = 0; row < all.count; row++) {
            if (!is_dead(&view->entries[i], row)) {
                assert_true(count < live.count);
                live.rows[count++] = all.rows[row];
            }
        }
        free(all.rows);
    }
    assert_int_equal(count, live.count);
    qsort(live.rows, count, sizeof *live.rows, compare_rows);
    hash = arm__hash(arm__bytes(live.rows, count * sizeof *live.rows));
    free(live.rows);
    return hash;
}

/* ---- Updating ---- */

/* What an update writes anew: values, and the ids that they keep. */
struct anew {
    duckdb_logical_type types[COLUMNS];
    duckdb_data_chunk chunk;
    idx_t size;
    struct arm_writer *writer;
};

static arm_status push(struct anew *anew, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (anew->size > 0) {
        duckdb_data_chunk_set_size(anew->chunk, anew->size);
        ARM_TRY(arm__writer_push(anew->writer, anew->chunk, err));
        anew->size = 0;
    }
done:
    return st;
}

static arm_status add(struct anew *anew, struct power_row row, struct arm_error *err)
{
    int64_t *values = duckdb_vector_get_data(duckdb_data_chunk_get_vector(anew->chunk, 0));
    int64_t *ids = duckdb_vector_get_data(duckdb_data_chunk_get_vector(anew->chunk, 1));

    values[anew->size] = row.value + POWER_UPDATED;
    ids[anew->size++] = row.row_id;
    return anew->size == duckdb_vector_size() ? push(anew, err) : ARM_OK;
}

/* The rows of one entry that change: into `bits`, and written anew. */
static arm_status update_entry(struct anew *anew, const struct power_rows *all,
                               const struct arm_state_entry *entry, uint64_t from, uint64_t to,
                               roaring_bitmap_t *bits, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (uint64_t row = from; row < to && row < all->count; row++) {
        if (!is_dead(entry, row)) {
            roaring_bitmap_add(bits, (uint32_t)row);
            ARM_TRY(add(anew, all->rows[row], err));
        }
    }
done:
    return st;
}

arm_status power_update(struct arm_repository *repository, struct arm_engine *engine,
                        struct arm_transaction *txn, const char *table, uint64_t from, uint64_t to,
                        struct arm_error *err)
{
    struct arm_writer_options options = {
        .repository = repository, .engine = engine, .table = table, .explicit_row_ids = true};
    struct arm_written written[2] = {{.rows = 0}, {.rows = 0}};
    struct anew anew = {.size = 0};
    const struct arm_view *view = NULL;
    roaring_bitmap_t **bits = NULL;
    uint64_t count = 0;
    arm_status st = ARM_OK;

    for (int i = 0; i < COLUMNS; i++) {
        anew.types[i] = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    }
    anew.chunk = duckdb_create_data_chunk(anew.types, COLUMNS);
    ARM_TRY(arm__txn_view(txn, "main", table, &view, err));
    options.schema = view->schema;
    ARM_TRY(arm__writer_new(&options, &anew.writer, err));
    bits = calloc(view->entry_count + 1, sizeof *bits);
    assert_non_null(bits);
    for (size_t i = 0; i < view->entry_count; i++) {
        struct power_rows all = {NULL, 0};

        bits[i] = roaring_bitmap_create();
        ARM_TRY(power_entry_rows(repository, engine, view, i, &all, err));
        st = update_entry(&anew, &all, &view->entries[i], from, to, bits[i], err);
        free(all.rows);
        ARM_TRY(st);
    }
    ARM_TRY(push(&anew, err));
    st = arm__writer_finish(anew.writer, &written[0], err);
    anew.writer = NULL;
    ARM_TRY(st);
    ARM_TRY(arm__txn_update(txn, view, bits, written, NULL, &count, err));
done:
    arm__writer_abort(anew.writer);
    arm__written_release(&written[0]);
    for (size_t i = 0; bits != NULL && i < view->entry_count; i++) {
        if (bits[i] != NULL) {
            roaring_bitmap_free(bits[i]);
        }
    }
    free(bits);
    arm__view_drop(view);
    duckdb_destroy_data_chunk(&anew.chunk);
    for (int i = 0; i < COLUMNS; i++) {
        duckdb_destroy_logical_type(&anew.types[i]);
    }
    return st;
}
