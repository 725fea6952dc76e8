/* SPDX-License-Identifier: Apache-2.0 */
/* What a serializable transaction read, kept for the commit (K6). What it looked for is kept, as
 * filters and as hashes of keys, not the rows that were found: so a row that comes into a range is
 * noticed as well as one that leaves it. Filters are judged by statistics in chunks, row by row in
 * batches of the log: a chunk's rows are not read under the commit lock, and a conflict too many is
 * safe. */

#include "base/alloc.h"
#include "txn/txn_private.h"

#include <stdio.h>
#include <strings.h>

enum {
    NOTES_MAX = 1024, /* filters, and sets of keys, of one table; with more every row matters */
};

void arm__txn_reads_release(struct arm_txn_reads *reads)
{
    for (size_t i = 0; i < reads->count; i++) {
        reads->filters[i].free(reads->filters[i].self);
    }
    for (size_t i = 0; i < reads->key_count; i++) {
        arm__key_run_drop(reads->keys[i]);
    }
    arm__free(reads->filters);
    arm__free(reads->keys);
    *reads = (struct arm_txn_reads){.any = reads->any, .whole = reads->whole};
}

/* ---- Noting ---- */

arm_status arm__txn_note_absent(struct arm_transaction *txn, const char *schema_name,
                                const char *name, struct arm_error *err)
{
    struct arm_txn_absent *absent;
    arm_status st = ARM_OK;

    if (!txn->settings.serializable) {
        return ARM_OK;
    }
    for (size_t i = 0; i < txn->absent_count; i++) {
        if (strcasecmp(txn->absent[i].schema_name, schema_name) == 0 &&
            strcasecmp(txn->absent[i].name, name) == 0) {
            return ARM_OK;
        }
    }
    ARM_TRY(arm__realloc(&txn->absent, txn->absent_count + 1, sizeof *txn->absent, err));
    absent = &txn->absent[txn->absent_count];
    if (snprintf(absent->schema_name, sizeof absent->schema_name, "%s", schema_name) <
            (int)sizeof absent->schema_name &&
        snprintf(absent->name, sizeof absent->name, "%s", name) < (int)sizeof absent->name) {
        txn->absent_count++; /* else nothing can ever have it */
    }
done:
    return st;
}

/* The table whose base version the view shows; NULL: it shows another, which never changes. */
static arm_status find_base(struct arm_transaction *txn, const struct arm_view *view,
                            struct arm_txn_table **out, struct arm_error *err)
{
    struct arm_txn_table *found = NULL;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < txn->table_count && found == NULL; i++) {
        if (txn->tables[i]->exists_in_base &&
            arm__table_id_equal(&txn->tables[i]->table_id, &view->table_id)) {
            found = txn->tables[i];
        }
    }
    if (found == NULL && view->version != 0) { /* AT may name what is also the present */
        ARM_TRY(arm__txn_find(txn, view->schema_name, view->name, &found, err));
    }
    if (found != NULL && (!found->exists_in_base || found->base.row.version != view->version ||
                          !arm__table_id_equal(&found->table_id, &view->table_id))) {
        found = NULL;
    }
    *out = found;
done:
    return st;
}

static void note_whole(struct arm_txn_reads *reads)
{
    reads->whole = true;
    arm__txn_reads_release(reads);
}

/* `*filter` is emptied if it is kept. */
static arm_status add_filter(struct arm_txn_reads *reads, struct arm_read_filter *filter,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    reads->any = true;
    if (reads->whole) {
        return ARM_OK;
    }
    if (filter->free == NULL || reads->count == NOTES_MAX) {
        note_whole(reads);
        return ARM_OK;
    }
    ARM_TRY(arm__realloc(&reads->filters, reads->count + 1, sizeof *reads->filters, err));
    reads->filters[reads->count++] = *filter;
    *filter = (struct arm_read_filter){.free = NULL};
done:
    return st;
}

arm_status arm__txn_note_read(struct arm_transaction *txn, const struct arm_view *view,
                              const struct arm_read_filter *filter, struct arm_error *err)
{
    struct arm_read_filter taken = {.free = NULL};
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    if (filter != NULL) {
        taken = *filter;
    }
    if (!txn->settings.serializable) {
        goto release;
    }
    arm__mutex_lock(&txn->mutex);
    ARM_TRY(find_base(txn, view, &table, err));
    if (table != NULL) {
        ARM_TRY(arm__txn_load_state(txn, table, err)); /* whose positions deletions name */
        ARM_TRY(add_filter(&table->reads, &taken, err));
    }
done:
    arm__mutex_unlock(&txn->mutex);
release:
    if (taken.free != NULL) {
        taken.free(taken.self);
    }
    return st;
}

static arm_status add_keys(struct arm_txn_reads *reads, struct arm_key_run *keys,
                           struct arm_error *err)
{
    arm_status st = ARM_OK;

    reads->any = true;
    if (reads->key_count == NOTES_MAX) {
        note_whole(reads);
    }
    if (reads->whole) {
        return ARM_OK;
    }
    ARM_TRY(arm__realloc(&reads->keys, reads->key_count + 1, sizeof(struct arm_key_run *), err));
    reads->keys[reads->key_count++] = arm__key_run_retain(keys);
done:
    return st;
}

arm_status arm__txn_note_keys(struct arm_transaction *txn, const struct arm_view *view,
                              struct arm_key_run *keys, struct arm_error *err)
{
    struct arm_txn_table *table = NULL;
    arm_status st = ARM_OK;

    if (!txn->settings.serializable) {
        return ARM_OK;
    }
    arm__mutex_lock(&txn->mutex);
    ARM_TRY(find_base(txn, view, &table, err));
    if (table != NULL) {
        ARM_TRY(arm__txn_load_state(txn, table, err));
        ARM_TRY(add_keys(&table->reads, keys, err));
    }
done:
    arm__mutex_unlock(&txn->mutex);
    return st;
}

void arm__txn_note_all(struct arm_transaction *txn)
{
    arm__mutex_lock(&txn->mutex);
    txn->reads_all = true;
    arm__mutex_unlock(&txn->mutex);
}

/* ---- Judging ---- */

/* The statistics of the columns that a filter judges by; NULL where they say nothing. */
static arm_status gather(const struct arm_txn_read_judge *self, const struct arm_state_entry *entry,
                         const struct arm_read_filter *filter, const Armpb__ColumnStatistics ***out,
                         struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(self->txn->repository);
    const struct arm_table_info *base = &self->table->base;
    const struct arm_chunk_statistics *known = NULL;
    const Armpb__ColumnStatistics **statistics = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(filter->column_count, sizeof *statistics, &statistics, err));
    ARM_TRY(arm__catalog_statistics(catalog, &entry->chunk, &known, err));
    for (size_t c = 0; known != NULL && c < filter->column_count; c++) {
        uint32_t id = filter->column_ids[c];

        for (size_t i = 0; i < known->count; i++) {
            if (known->columns[i]->column_id == id &&
                arm__txn_keeps_type(catalog, &self->table->table_id, base->schema, entry->schema_id,
                                    id)) {
                statistics[c] = known->columns[i];
            }
        }
    }
    *out = statistics;
    statistics = NULL;
done:
    arm__free(statistics);
    return st;
}

static arm_status chunk_matters(const struct arm_txn_read_judge *self,
                                const struct arm_state_entry *entry, bool *out,
                                struct arm_error *err)
{
    const Armpb__ColumnStatistics **statistics = NULL;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < self->table->reads.count && !*out; i++) {
        const struct arm_read_filter *filter = &self->table->reads.filters[i];

        ARM_TRY(gather(self, entry, filter, &statistics, err));
        *out = filter->keeps(filter->self, statistics, entry->rows);
        arm__free(statistics);
        statistics = NULL;
    }
done:
    arm__free(statistics);
    return st;
}

static arm_status hot_matters(const struct arm_txn_read_judge *self,
                              const struct arm_state_entry *entry, const roaring_bitmap_t *rows,
                              bool *out, struct arm_error *err)
{
    struct arm_buf bytes = ARM_BUF_INIT(ARM_HOT_BYTES_MAX);
    struct arm_hot_batch *batch = NULL;
    arm_status st = ARM_OK;

    if (self->table->reads.count > 0) {
        ARM_TRY(arm__catalog_hot_rows(arm__repository_catalog(self->txn->repository), entry, &bytes,
                                      err));
        ARM_TRY(arm__hot_open(arm__buf_bytes(&bytes), &batch, err));
    }
    for (size_t i = 0; batch != NULL && i < self->table->reads.count && !*out; i++) {
        const struct arm_read_filter *filter = &self->table->reads.filters[i];

        ARM_TRY(filter->meets(filter->self, batch, rows, out, err));
    }
done:
    arm__hot_free(batch);
    arm__buf_release(&bytes);
    return st;
}

/* Whether one of `rows` (NULL: all) of the run has a hash that was looked up. */
static bool has_key(const struct arm_key_run *run, const roaring_bitmap_t *rows,
                    const struct arm_key_run *wanted)
{
    const uint64_t *hashes = arm__key_run_hashes(run);
    size_t count = arm__key_run_count(run);

    for (size_t i = 0; i < arm__key_run_count(wanted); i++) {
        uint64_t hash = arm__key_run_hashes(wanted)[i];

        for (size_t k = arm__key_run_seek(run, hash); k < count && hashes[k] == hash; k++) {
            if (rows == NULL || roaring_bitmap_contains(rows, arm__key_run_numbers(run)[k])) {
                return true;
            }
        }
    }
    return false;
}

/* The key is the one that the transaction knew: others' columns are a conflict before this. */
static arm_status keys_matter(const struct arm_txn_read_judge *self,
                              const struct arm_state_entry *entry, const roaring_bitmap_t *rows,
                              bool *out, struct arm_error *err)
{
    const Armpb__Schema *schema = self->table->base.schema;
    const struct arm_txn_reads *reads = &self->table->reads;
    struct arm_key_run *run = NULL;
    arm_status st = ARM_OK;

    if (*out || reads->key_count == 0) {
        return ARM_OK;
    }
    if (schema->n_keys == 0) { /* it got one here */
        *out = true;
        return ARM_OK;
    }
    ARM_TRY(arm__txn_entry_keys(self->txn, schema, schema->keys[0], entry, &run, err));
    for (size_t i = 0; i < reads->key_count && !*out; i++) {
        *out = has_key(run, rows, reads->keys[i]);
    }
done:
    arm__key_run_drop(run);
    return st;
}

static arm_status judge_added(void *context, const struct arm_state_entry *entry, bool *out_matters,
                              struct arm_error *err)
{
    const struct arm_txn_read_judge *self = context;
    bool matters = self->table->reads.whole;
    arm_status st = ARM_OK;

    if (!matters) {
        ARM_TRY(entry->is_hot ? hot_matters(self, entry, NULL, &matters, err)
                              : chunk_matters(self, entry, &matters, err));
        ARM_TRY(keys_matter(self, entry, NULL, &matters, err));
    }
    *out_matters = matters;
done:
    return st;
}

static const struct arm_state_entry *find_entry(const struct arm_table_state *state,
                                                struct arm_bytes position)
{
    size_t low = 0;
    size_t high = state->entry_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order =
            arm__bytes_compare(arm__position_bytes(&state->entries[middle].position), position);

        if (order == 0) {
            return &state->entries[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* Rows of an entry that came after the snapshot were judged when they came. */
static arm_status judge_deleted(void *context, const Armpb__DeletionEdit *edit, bool *out_matters,
                                struct arm_error *err)
{
    const struct arm_txn_read_judge *self = context;
    const struct arm_state_entry *entry =
        find_entry(self->table->state, arm__bytes(edit->position.data, edit->position.len));
    bool matters = self->table->reads.whole;
    roaring_bitmap_t *rows = NULL;
    arm_status st = ARM_OK;

    if (!matters && entry != NULL) {
        ARM_TRY(arm__vector_decode(arm__bytes(edit->bits.data, edit->bits.len), entry->rows, &rows,
                                   err));
        ARM_TRY(entry->is_hot ? hot_matters(self, entry, rows, &matters, err)
                              : chunk_matters(self, entry, &matters, err));
        ARM_TRY(keys_matter(self, entry, rows, &matters, err));
    }
    *out_matters = matters;
done:
    arm__vector_free(rows);
    return st;
}

/* ---- For the commit ---- */

size_t arm__txn_describe_reads(struct arm_transaction *txn, struct arm_new_read *out,
                               struct arm_txn_read_judge *judges)
{
    size_t count = 0;

    for (size_t i = 0; i < txn->table_count; i++) {
        struct arm_txn_table *table = txn->tables[i];
        const struct arm_table_info *base = &table->base;

        if (!table->exists_in_base) {
            continue;
        }
        judges[i] = (struct arm_txn_read_judge){
            .judge = {.self = &judges[i], .added = judge_added, .deleted = judge_deleted},
            .txn = txn,
            .table = table};
        out[count++] =
            (struct arm_new_read){.schema_name = base->row.schema_name,
                                  .name = base->row.name,
                                  .was_there = true,
                                  .table_id = table->table_id,
                                  .base_version = base->row.version,
                                  .base_layout = table->state == NULL ? 0 : table->state->layout,
                                  .schema_id = base->version.schema_id,
                                  .judge = table->reads.any ? &judges[i].judge : NULL};
    }
    for (size_t i = 0; i < txn->absent_count; i++) {
        out[count++] = (struct arm_new_read){.schema_name = txn->absent[i].schema_name,
                                             .name = txn->absent[i].name};
    }
    return count;
}
