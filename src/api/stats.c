/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes: what the versions of a table would take one by one, and what they take. */

#include <stdlib.h>
#include <string.h>

#include "api/api_private.h"
#include "api/rows.h"
#include "base/alloc.h"
#include "model/table_name.h"

enum {
    STATS_TABLE,
    STATS_VERSIONS,
    STATS_ROWS,
    STATS_LOGICAL_BYTES,
    STATS_STORED_BYTES,
    STATS_DEDUP_RATIO,
    STATS_FIELDS
};

static const struct arm_rows_field stats_fields[STATS_FIELDS] = {
    [STATS_TABLE] = {.name = "table", .format = "u", .nullable = true},
    [STATS_VERSIONS] = {.name = "versions", .format = "L"},
    [STATS_ROWS] = {.name = "rows", .format = "L"},
    [STATS_LOGICAL_BYTES] = {.name = "logical_bytes", .format = "L"},
    [STATS_STORED_BYTES] = {.name = "stored_bytes", .format = "L"},
    [STATS_DEDUP_RATIO] = {.name = "dedup_ratio", .format = "g"},
};

/* A chunk that some version of the table added. */
struct chunk_size {
    struct arm_hash hash;
    uint64_t bytes;
};

struct sizes {
    uint64_t versions;
    uint64_t rows;
    uint64_t logical_bytes;
    uint64_t stored_bytes;
};

struct stats_walk {
    struct arm_repository *repository;
    struct arm_catalog *catalog;
    struct arm_snapshot at;
    struct arm_rows *rows;
    struct sizes total;
    /* of the table being added up */
    struct sizes table;
    uint64_t hot_bytes;
    struct chunk_size *chunks;
    size_t chunk_count;
    size_t chunk_capacity;
};

static arm_status note_chunk(struct stats_walk *walk, const Armpb__Entry *entry,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (walk->chunk_count == walk->chunk_capacity) {
        size_t capacity = walk->chunk_capacity == 0 ? 64 : 2 * walk->chunk_capacity;

        ARM_TRY(arm__realloc(&walk->chunks, capacity, sizeof *walk->chunks, err));
        walk->chunk_capacity = capacity;
    }
    memcpy(walk->chunks[walk->chunk_count].hash.bytes, entry->chunk.data, ARM_HASH_BYTES);
    walk->chunks[walk->chunk_count].bytes = entry->bytes;
    walk->chunk_count++;
done:
    return st;
}

static arm_status note_change(struct stats_walk *walk, const Armpb__TableChange *change,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < change->n_added; i++) {
        if (change->added[i]->has_chunk) {
            ARM_TRY(note_chunk(walk, change->added[i], err));
        } else {
            walk->hot_bytes += change->added[i]->bytes;
        }
    }
done:
    return st;
}

/* The newest layout of a version whose tx is at most `max_tx`; 0: there is none. */
static arm_status find_layout(struct stats_walk *walk, const struct arm_version_row *version,
                              uint64_t max_tx, uint64_t *out_tx, struct arm_error *err)
{
    struct arm_layout_row layout = {.tx = 0};
    struct arm_index_txn *txn = NULL;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(arm__repository_index(walk->repository), &txn, err));
    ARM_TRY(
        arm__index_layout(txn, &version->table_id, version->version, max_tx, &layout, &found, err));
    *out_tx = found ? layout.tx : 0;
done:
    arm__index_abort(txn);
    return st;
}

/* Chunks that compactions gave the version. */
static arm_status note_layouts(struct stats_walk *walk, const struct arm_version_row *version,
                               struct arm_error *err)
{
    uint64_t tx = arm__log_durable_to(arm__repository_log(walk->repository));
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    for (;;) {
        ARM_TRY(find_layout(walk, version, tx, &tx, err));
        if (tx == 0) {
            break;
        }
        ARM_TRY(arm__catalog_record(walk->catalog, tx, &record, NULL, err));
        for (size_t i = 0; record->compaction != NULL && i < record->compaction->n_groups; i++) {
            const Armpb__CompactedGroup *group = record->compaction->groups[i];

            for (size_t k = 0; k < group->n_entries; k++) {
                ARM_TRY(note_chunk(walk, group->entries[k], err));
            }
        }
        arm__record_free(record);
        record = NULL;
        tx--;
    }
done:
    arm__record_free(record);
    return st;
}

static arm_status note_version(void *context, const struct arm_version_info *info,
                               struct arm_error *err)
{
    struct stats_walk *walk = context;
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    walk->table.versions++;
    walk->table.logical_bytes += info->version.data_bytes;
    ARM_TRY(arm__catalog_record(walk->catalog, info->version.tx, &record, NULL, err));
    for (size_t i = 0; record->commit != NULL && i < record->commit->n_changes; i++) {
        const Armpb__TableChange *change = record->commit->changes[i];

        if (memcmp(change->table_id.data, info->version.table_id.bytes, ARM_TABLE_ID_BYTES) == 0) {
            ARM_TRY(note_change(walk, change, err));
        }
    }
    ARM_TRY(note_layouts(walk, &info->version, err));
done:
    arm__record_free(record);
    return st;
}

static int compare_chunks(const void *a, const void *b)
{
    return memcmp(((const struct chunk_size *)a)->hash.bytes,
                  ((const struct chunk_size *)b)->hash.bytes, ARM_HASH_BYTES);
}

/* Bytes of the chunks noted, each counted once. */
static uint64_t distinct_bytes(struct stats_walk *walk)
{
    uint64_t bytes = 0;

    if (walk->chunk_count > 0) {
        qsort(walk->chunks, walk->chunk_count, sizeof *walk->chunks, compare_chunks);
    }
    for (size_t i = 0; i < walk->chunk_count; i++) {
        if (i == 0 || compare_chunks(&walk->chunks[i - 1], &walk->chunks[i]) != 0) {
            bytes += walk->chunks[i].bytes;
        }
    }
    return bytes;
}

static arm_status push_sizes(struct arm_rows *rows, const char *name, const struct sizes *sizes,
                             struct arm_error *err)
{
    double stored = sizes->stored_bytes == 0 ? 1 : (double)sizes->stored_bytes;
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_text(arm__rows_column(rows, STATS_TABLE), name, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, STATS_VERSIONS), sizes->versions, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, STATS_ROWS), sizes->rows, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, STATS_LOGICAL_BYTES), sizes->logical_bytes, err));
    ARM_TRY(arm__rows_u64(arm__rows_column(rows, STATS_STORED_BYTES), sizes->stored_bytes, err));
    ARM_TRY(arm__rows_double(arm__rows_column(rows, STATS_DEDUP_RATIO),
                             sizes->logical_bytes == 0 ? 1 : (double)sizes->logical_bytes / stored,
                             err));
    arm__rows_end_row(rows);
done:
    return st;
}

static arm_status push_table(void *context, const struct arm_table_row *row, struct arm_error *err)
{
    struct stats_walk *walk = context;
    char shown[ARM_SHOWN_NAME_BYTES];
    struct arm_table_info info = {0};
    bool found = false;
    arm_status st = ARM_OK;

    if (row->object != ARMPB__OBJECT_KIND__TABLE) {
        return ARM_OK;
    }
    walk->table = (struct sizes){0};
    walk->hot_bytes = 0;
    walk->chunk_count = 0;
    ARM_TRY(arm__catalog_table(walk->catalog, &walk->at, row->schema_name, row->name, &info, &found,
                               err));
    if (!found) {
        goto done;
    }
    ARM_TRY(arm__catalog_versions(walk->catalog, &walk->at, row->schema_name, row->name, true,
                                  note_version, walk, err));
    walk->table.rows = info.version.row_count;
    walk->table.stored_bytes = walk->hot_bytes + distinct_bytes(walk);
    arm__shown_name(row->schema_name, row->name, shown);
    ARM_TRY(push_sizes(walk->rows, shown, &walk->table, err));
    walk->total.versions += walk->table.versions;
    walk->total.rows += walk->table.rows;
    walk->total.logical_bytes += walk->table.logical_bytes;
done:
    arm__table_info_release(&info);
    return st;
}

arm_status arm_stats(arm_session *session, struct ArrowArrayStream *out, struct arm_error *err)
{
    struct stats_walk walk = {0};
    struct arm_size_report report = {0};
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__session_snapshot(session, NULL, &walk.at, err));
    walk.repository = arm__root_repository(session->root);
    walk.catalog = arm__session_catalog(session);
    ARM_TRY(arm__rows_new(stats_fields, STATS_FIELDS, &walk.rows, err));
    ARM_TRY(arm__catalog_tables(walk.catalog, &walk.at, push_table, &walk, err));
    ARM_TRY(arm__repository_sizes(walk.repository, &report, err));
    walk.total.stored_bytes = report.chunk_bytes + report.log_bytes + report.index_bytes;
    ARM_TRY(push_sizes(walk.rows, NULL, &walk.total, err));
    st = arm__rows_stream(walk.rows, out, err);
    walk.rows = NULL;
done:
    arm__free(walk.chunks);
    arm__rows_free(walk.rows);
    return st;
}
