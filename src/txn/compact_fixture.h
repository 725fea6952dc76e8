/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TXN_COMPACT_FIXTURE_H
#define ARM_TXN_COMPACT_FIXTURE_H

/* For tests of compaction: the rows of any version with their row ids, and small limits. */

#include "table/compact.h"
#include "table/row_ids.h"
#include "txn/txn_fixture.h"

/* Chunks of a thousand rows are whole, so that small tables have many spans. */
static const struct arm_compact_limits small_limits = {.chunk_factor = 1,
                                                       .sources_max = 5,
                                                       .chunk_rows = 1000,
                                                       .chunk_bytes = UINT64_MAX,
                                                       .span_rows_max = 5000};

static inline struct arm_compact_report desk_compact(struct desk *desk,
                                                     const struct arm_compact_limits *limits)
{
    struct arm_compact_job job = {.repository = desk->kernel->repository,
                                  .engine = desk->engine,
                                  .branch = "main",
                                  .limits = limits};
    struct arm_compact_report report;
    struct arm_error err = {0};

    assert_ok(arm__compact(&job, &report, &err), err);
    return report;
}

struct id_row {
    int64_t id;
    int64_t value;
};
struct id_rows {
    struct id_row *rows;
    size_t count;
};

/* All rows of a chunk, dead ones too: value and, if the entry brings them, id. */
static inline struct rows chunk_columns(struct desk *desk, const struct arm_state_entry *entry)
{
    struct rows like = number_rows(desk, 0, 0);
    struct arm_row_id_schema ids;
    struct arm_error err = {0};
    struct rows rows;

    assert_ok(arm__row_id_schema_init(&ids, like.schema, &err), err);
    rows =
        desk_read_chunk(desk, entry->explicit_row_ids ? &ids.schema : like.schema, &entry->chunk);
    arm__row_id_schema_release(&ids);
    rows_free(&like);
    return rows;
}

static inline void take_rows(const struct arm_state_entry *entry, duckdb_data_chunk chunk,
                             uint32_t first, struct id_rows *out)
{
    const int64_t *values = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    const int64_t *ids = entry->explicit_row_ids
                             ? duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1))
                             : NULL;

    for (uint32_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++) {
        if (entry->vector == NULL || !roaring_bitmap_contains(entry->vector, first + i)) {
            out->rows[out->count++] = (struct id_row){
                ids != NULL ? ids[i] : (int64_t)(entry->first_row_id + first + i), values[i]};
        }
    }
}

static inline void take_hot(struct desk *desk, const struct arm_state_entry *entry,
                            struct id_rows *out)
{
    struct rows like = number_rows(desk, 0, 0);
    duckdb_logical_type types[2] = {like.types[0], like.types[0]};
    struct arm_buf bytes = ARM_BUF_INIT(64 << 20);
    struct arm_hot_batch *batch = NULL;
    struct arm_error err = {0};
    Armpb__Field field;
    Armpb__Type type;

    arm__row_id_field(&field, &type);
    assert_ok(arm__catalog_hot_rows(arm__repository_catalog(desk->kernel->repository), entry,
                                    &bytes, &err),
              err);
    assert_ok(arm__hot_open(arm__buf_bytes(&bytes), &batch, &err), err);
    for (uint32_t at = 0; at < entry->rows; at += 2048) {
        uint32_t count = entry->rows - at < 2048 ? entry->rows - at : 2048;
        duckdb_data_chunk chunk = duckdb_create_data_chunk(types, 2);

        assert_ok(arm__hot_fill(batch, like.schema->columns[0]->field, at, count,
                                duckdb_data_chunk_get_vector(chunk, 0), &err),
                  err);
        if (entry->explicit_row_ids) {
            assert_ok(arm__hot_fill(batch, &field, at, count,
                                    duckdb_data_chunk_get_vector(chunk, 1), &err),
                      err);
        }
        duckdb_data_chunk_set_size(chunk, count);
        take_rows(entry, chunk, at, out);
        duckdb_destroy_data_chunk(&chunk);
    }
    arm__hot_free(batch);
    arm__buf_release(&bytes);
    rows_free(&like);
}

/* The live rows of a state, in order; freed by the caller. */
static inline struct id_rows state_rows(struct desk *desk, const struct arm_table_state *state)
{
    struct id_rows out = {calloc(state->live_rows + 1, sizeof(struct id_row)), 0};

    for (size_t i = 0; i < state->entry_count; i++) {
        const struct arm_state_entry *entry = &state->entries[i];

        if (entry->is_hot) {
            take_hot(desk, entry, &out);
        } else {
            struct rows rows = chunk_columns(desk, entry);
            uint32_t first = 0;

            assert_int_equal(rows.row_count, entry->rows);
            for (size_t c = 0; c < rows.count; c++) {
                take_rows(entry, rows.chunks[c], first, &out);
                first += (uint32_t)duckdb_data_chunk_get_size(rows.chunks[c]);
            }
            rows_free(&rows);
        }
    }
    assert_int_equal(out.count, state->live_rows);
    return out;
}

/* Those of a version of table t. */
static inline struct id_rows version_rows(struct desk *desk, uint64_t version)
{
    struct arm_catalog *catalog = arm__repository_catalog(desk->kernel->repository);
    struct arm_table_info info = {.schema = NULL};
    struct arm_table_state *state = NULL;
    struct arm_error err = {0};
    struct id_rows rows;

    assert_ok(arm__catalog_table_version(catalog, "main", "t", version, &info, &err), err);
    assert_ok(arm__catalog_state(catalog, &info.row.table_id, version, &state, &err), err);
    rows = state_rows(desk, state);
    arm__table_state_drop(state);
    arm__table_info_release(&info);
    return rows;
}

static inline uint64_t head_version(struct desk *desk)
{
    struct arm_snapshot at = kernel_snapshot(desk->kernel, "main");
    struct arm_table_info info = {.schema = NULL};

    assert_true(kernel_find(desk->kernel, &at, "t", &info));
    return info.row.version;
}

static inline void assert_same_id_rows(const struct id_rows *a, const struct id_rows *b,
                                       uint64_t version)
{
    if (a->count != b->count) {
        fail_msg("version %llu has %zu rows, not %zu", (unsigned long long)version, b->count,
                 a->count);
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->rows[i].id != b->rows[i].id || a->rows[i].value != b->rows[i].value) {
            fail_msg("version %llu, row %zu: %lld of id %lld, not %lld of id %lld",
                     (unsigned long long)version, i, (long long)b->rows[i].value,
                     (long long)b->rows[i].id, (long long)a->rows[i].value,
                     (long long)a->rows[i].id);
        }
    }
}

/* The same repository is sound: every byte, and the index as a fold anew. */
static inline void assert_healthy(struct desk *desk)
{
    struct arm_verify_report report;
    struct arm_error err = {0};
    char problem[1024] = "";

    assert_ok(arm__repository_verify(desk->kernel->repository, true, kernel_print_issue, NULL,
                                     problem, &report, &err),
              err);
    if (report.issues > 0) {
        fail_msg("%s", problem);
    }
}

#endif
