/* SPDX-License-Identifier: Apache-2.0 */
/* The pushing side of a writer: rows are checked, hashed, copied into the current run, and the run
 * is cut where the cutter says. Whole runs go to the workers; rows that never fill one become
 * a hot batch when the writer finishes. */

#include "table/writer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "table/hot.h"
#include "table/rows_hash.h"
#include "table/types.h"
#include "table/writer_private.h"

enum { PUSH_ROWS = 2048 }; /* are copied before the cutter is asked again */

struct arm_writer {
    struct arm_chunk_plan plan;
    char *table;
    bool no_hot;
    uint32_t chunk_rows; /* 0: cut by content */
    bool checked;        /* the first chunk's types fit */
    bool flushed;        /* a run was given to the workers: no hot batch */
    uint64_t rows;       /* pushed */
    struct arm_run run;  /* the rows since the last cut ... */
    uint64_t *hashes;    /* ... their hashes ... */
    uint32_t *sizes;     /* ... and sizes */
    uint32_t row_capacity;
    uint32_t fed; /* of them the cutter has seen */
    struct arm_cutter cutter;
    struct arm_workers workers;
};

arm_status arm__writer_new(const struct arm_writer_options *options, struct arm_writer **out,
                           struct arm_error *err)
{
    struct arm_writer *writer = NULL;
    arm_status st = ARM_OK;

    assert(options->schema->n_columns > 0);
    ARM_TRY(arm__calloc(1, sizeof *writer, &writer, err));
    arm__workers_init(&writer->workers, &writer->plan);
    arm__cutter_init(&writer->cutter, options->chunk_factor == 0 ? 1 : options->chunk_factor);
    writer->chunk_rows = options->chunk_rows;
    ARM_TRY(arm__chunk_plan_init(&writer->plan, options, err));
    ARM_TRY(arm__strdup(options->table, &writer->table, err));
    writer->no_hot = options->no_hot;
    arm__run_init(&writer->run, writer->plan.schema, writer->plan.types);
    *out = writer;
    writer = NULL;
done:
    arm__writer_abort(writer);
    return st;
}

void arm__writer_abort(struct arm_writer *writer)
{
    if (writer != NULL) {
        arm__workers_release(&writer->workers);
        arm__run_release(&writer->run);
        arm__chunk_plan_release(&writer->plan);
        arm__free(writer->hashes);
        arm__free(writer->sizes);
        arm__free(writer->table);
        arm__free(writer);
    }
}

/* ---- Checks ---- */

/* Values of the two types lie alike: a vector of one can be read as the other. */
static bool lie_alike(const Armpb__Type *a, const Armpb__Type *b)
{
    if (a->kind != b->kind || a->n_fields != b->n_fields || a->n_labels != b->n_labels ||
        a->array_size != b->array_size || a->width != b->width || a->scale != b->scale) {
        return false;
    }
    for (size_t i = 0; i < a->n_fields; i++) {
        if (!lie_alike(a->fields[i]->type, b->fields[i]->type)) {
            return false;
        }
    }
    return true;
}

static arm_status check_types(const struct arm_writer *writer, duckdb_data_chunk chunk,
                              struct arm_error *err)
{
    const Armpb__Schema *schema = writer->plan.schema;

    if (duckdb_data_chunk_get_column_count(chunk) != schema->n_columns) {
        return arm__fail(err, ARM_SCHEMA, "table %s has %zu columns, these rows have %llu",
                         writer->table, schema->n_columns,
                         (unsigned long long)duckdb_data_chunk_get_column_count(chunk));
    }
    for (size_t c = 0; !writer->checked && c < schema->n_columns; c++) {
        const Armpb__Field *field = schema->columns[c]->field;
        duckdb_logical_type theirs =
            duckdb_vector_get_column_type(duckdb_data_chunk_get_vector(chunk, c));
        Armpb__Type *type = NULL;
        arm_status st = arm__type_from_duckdb(theirs, &type, err);
        bool alike = st == ARM_OK && lie_alike(type, field->type);

        duckdb_destroy_logical_type(&theirs);
        if (st != ARM_OK) {
            return st;
        }
        armpb__type__free_unpacked(type, NULL);
        if (!alike) {
            return arm__fail(err, ARM_SCHEMA, "column %s of table %s has another type", field->name,
                             writer->table);
        }
    }
    return ARM_OK;
}

static arm_status check_not_null(const struct arm_writer *writer, duckdb_data_chunk chunk,
                                 struct arm_error *err)
{
    const Armpb__Schema *schema = writer->plan.schema;
    idx_t count = duckdb_data_chunk_get_size(chunk);

    for (size_t c = 0; c < schema->n_columns; c++) {
        const uint64_t *validity =
            schema->columns[c]->not_null
                ? duckdb_vector_get_validity(duckdb_data_chunk_get_vector(chunk, c))
                : NULL;

        for (idx_t i = 0; validity != NULL && i < count; i++) {
            if ((validity[i / 64] >> i % 64 & 1) == 0) {
                return arm__fail(err, ARM_CONSTRAINT,
                                 "NOT NULL constraint failed: %s.%s is NULL in row %llu",
                                 writer->table, schema->columns[c]->field->name,
                                 (unsigned long long)writer->rows + i + 1);
            }
        }
    }
    return ARM_OK;
}

/* ---- Cutting ---- */

static arm_status reserve_rows(struct arm_writer *writer, uint32_t rows, struct arm_error *err)
{
    uint32_t capacity = writer->row_capacity == 0 ? PUSH_ROWS : writer->row_capacity;
    arm_status st = ARM_OK;

    if (rows <= writer->row_capacity) {
        return ARM_OK;
    }
    while (capacity < rows) {
        capacity *= 2;
    }
    ARM_TRY(arm__realloc(&writer->hashes, capacity, sizeof *writer->hashes, err));
    ARM_TRY(arm__realloc(&writer->sizes, capacity, sizeof *writer->sizes, err));
    writer->row_capacity = capacity;
done:
    return st;
}

static arm_status give_run(struct arm_writer *writer, struct arm_run *run, struct arm_error *err)
{
    arm_status st = arm__chunk_plan_sql(&writer->plan, err);

    if (st != ARM_OK) {
        arm__run_release(run);
        return st;
    }
    writer->flushed = true;
    return arm__workers_give(&writer->workers, run, err);
}

/* The first `cut` rows go to the workers; the others become the current run, not yet fed. */
static arm_status cut_run(struct arm_writer *writer, uint32_t cut, struct arm_error *err)
{
    struct arm_run whole = writer->run;
    uint32_t rest = whole.rows - cut;
    arm_status st;

    arm__run_init(&writer->run, whole.schema, whole.types);
    st = arm__run_split(&whole, cut, &writer->run, err);
    if (st != ARM_OK) {
        arm__run_release(&whole);
        return st;
    }
    memmove(writer->hashes, writer->hashes + cut, rest * sizeof *writer->hashes);
    memmove(writer->sizes, writer->sizes + cut, rest * sizeof *writer->sizes);
    writer->fed = 0;
    return give_run(writer, &whole, err);
}

/* Cut where the caller wants it. */
static arm_status cut_evenly(struct arm_writer *writer, struct arm_error *err)
{
    arm_status st = ARM_OK;

    while (st == ARM_OK && writer->run.rows >= writer->chunk_rows) {
        st = cut_run(writer, writer->chunk_rows, err);
    }
    return st;
}

/* Show the cutter what it has not seen, and cut where it says. */
static arm_status feed(struct arm_writer *writer, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (writer->chunk_rows > 0) {
        return cut_evenly(writer, err);
    }
    while (st == ARM_OK && writer->fed < writer->run.rows) {
        uint32_t cut = 0;
        uint32_t used = 0;

        arm__cutter_feed(&writer->cutter, writer->hashes + writer->fed, writer->sizes + writer->fed,
                         writer->run.rows - writer->fed, &cut, &used);
        writer->fed += used;
        if (cut > 0) {
            st = cut_run(writer, cut, err);
        }
    }
    return st;
}

/* Hashes and sizes of the chunk's rows, in the places behind those of the run. They are made
 * for the whole chunk, whatever its size, and taken over step by step. */
static arm_status push_rows(struct arm_writer *writer, duckdb_data_chunk chunk, uint32_t count,
                            struct arm_error *err)
{
    uint64_t *hashes = NULL;
    uint32_t *sizes = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(count, sizeof *hashes, &hashes, err));
    ARM_TRY(arm__calloc(count, sizeof *sizes, &sizes, err));
    ARM_TRY(arm__row_hashes(writer->plan.schema, chunk, hashes, err));
    ARM_TRY(arm__row_sizes(writer->plan.schema, chunk, sizes, err));
    for (uint32_t at = 0; at < count;) {
        uint32_t step = count - at < PUSH_ROWS ? count - at : PUSH_ROWS;
        uint32_t rows = writer->run.rows;

        ARM_TRY(reserve_rows(writer, rows + step, err));
        memcpy(writer->hashes + rows, hashes + at, step * sizeof *hashes);
        memcpy(writer->sizes + rows, sizes + at, step * sizeof *sizes);
        ARM_TRY(arm__run_append(&writer->run, chunk, at, step, err));
        ARM_TRY(feed(writer, err));
        at += step;
    }
done:
    arm__free(sizes);
    arm__free(hashes);
    return st;
}

arm_status arm__writer_push(struct arm_writer *writer, duckdb_data_chunk chunk,
                            struct arm_error *err)
{
    idx_t count = duckdb_data_chunk_get_size(chunk);
    arm_status st = ARM_OK;

    ARM_TRY(check_types(writer, chunk, err));
    writer->checked = true;
    ARM_TRY(check_not_null(writer, chunk, err));
    if (count >= UINT32_MAX / 2) {
        return arm__fail(err, ARM_INVALID, "%llu rows in one batch", (unsigned long long)count);
    }
    ARM_TRY(arm__keepable_check(writer->plan.schema, chunk, err));
    ARM_TRY(push_rows(writer, chunk, (uint32_t)count, err));
    writer->rows += count;
done:
    return st;
}

/* ---- The end ---- */

/* The rows left as a hot batch; `*out_made` false: they are too many or too large. */
static arm_status make_hot(struct arm_writer *writer, struct arm_new_entry *entry, bool *out_made,
                           struct arm_error *err)
{
    const struct arm_run *run = &writer->run;
    struct arm_buf bytes = ARM_BUF_INIT(ARM_HOT_BYTES_MAX);
    struct arm_error why = {.code = ARM_OK};
    arm_status st = ARM_OK;

    *out_made = false;
    if (writer->no_hot || run->rows > ARM_HOT_ROWS_MAX) {
        return ARM_OK;
    }
    st = arm__hot_encode(run->schema, run->blocks, run->block_count, &bytes, &why);
    if (st == ARM_INVALID) {
        st = ARM_OK; /* over the limit of the buffer */
        goto done;
    }
    if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", why.message);
        goto done;
    }
    ARM_TRY(arm__rows_hash(run->schema, run->blocks, run->block_count, &entry->rows_hash, err));
    entry->rows = run->rows;
    entry->bytes = bytes.size;
    entry->is_new = true;
    entry->is_hot = true;
    entry->explicit_row_ids = writer->plan.explicit_row_ids;
    entry->hot = arm__buf_bytes(&bytes); /* the heap's, freed by arm__new_entry_release */
    bytes = ARM_BUF_INIT(0);
    ARM_TRY(arm__entry_keys(&writer->plan, run, entry, err));
    *out_made = true;
done:
    arm__buf_release(&bytes);
    return st;
}

static int compare_chunks(const void *a, const void *b)
{
    const struct arm_new_entry *x = *(struct arm_new_entry *const *)a;
    const struct arm_new_entry *y = *(struct arm_new_entry *const *)b;
    int order = memcmp(x->chunk.bytes, y->chunk.bytes, sizeof x->chunk.bytes);

    return order != 0 ? order : (x > y) - (x < y); /* of one array */
}

/* The same chunk twice in one writer, by two threads at once: statistics belong to the first
 * entry that names it, and so does its newness. */
static arm_status settle_twins(struct arm_new_entry *entries, size_t count, struct arm_error *err)
{
    struct arm_new_entry **sorted = NULL;
    arm_status st = arm__calloc(count, sizeof(struct arm_new_entry *), &sorted, err);

    if (st != ARM_OK) {
        return st;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &entries[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_chunks);
    for (size_t i = 1, first = 0; i < count; i++) {
        struct arm_new_entry *a = sorted[first];
        struct arm_new_entry *b = sorted[i];

        if (!arm__hash_equal(&a->chunk, &b->chunk)) {
            first = i;
            continue;
        }
        a->is_new = a->is_new || b->is_new;
        b->is_new = false;
        if (a->statistics_count == 0) {
            a->statistics = b->statistics;
            a->statistics_count = b->statistics_count;
        } else {
            arm__statistics_free(b->statistics, b->statistics_count);
        }
        b->statistics = NULL;
        b->statistics_count = 0;
    }
    arm__free(sorted);
    return ARM_OK;
}

static void sum_up(struct arm_written *written)
{
    for (size_t i = 0; i < written->entry_count; i++) {
        const struct arm_new_entry *entry = &written->entries[i];

        if (!entry->is_hot) {
            written->chunks_new += entry->is_new;
            written->chunks_reused += !entry->is_new;
        }
        written->bytes_new += entry->is_new ? entry->bytes : 0;
    }
}

static arm_status finish_chunks(struct arm_writer *writer, struct arm_written *out,
                                struct arm_error *err)
{
    struct arm_workers *workers = &writer->workers;
    arm_status st = ARM_OK;

    if (writer->run.rows > 0) {
        ARM_TRY(give_run(writer, &writer->run, err));
    }
    ARM_TRY(arm__workers_finish(workers, err));
    ARM_TRY(settle_twins(workers->entries, workers->entry_count, err));
    out->entries = workers->entries;
    out->entry_count = workers->entry_count;
    workers->entries = NULL;
    workers->entry_count = 0;
done:
    return st;
}

arm_status arm__writer_finish(struct arm_writer *writer, struct arm_written *out,
                              struct arm_error *err)
{
    struct arm_written written = {
        .rows = writer->rows,
        .repository = writer->plan.repository,
        .engine = writer->plan.engine,
    };
    struct arm_new_entry hot = {.rows = 0};
    bool is_hot = false;
    arm_status st = ARM_OK;

    if (!writer->flushed && writer->run.rows > 0) {
        ARM_TRY(make_hot(writer, &hot, &is_hot, err));
    }
    if (is_hot) {
        ARM_TRY(arm__calloc(1, sizeof *written.entries, &written.entries, err));
        written.entries[written.entry_count++] = hot;
        hot = (struct arm_new_entry){.rows = 0};
    } else {
        ARM_TRY(finish_chunks(writer, &written, err));
    }
    sum_up(&written);
    *out = written;
done:
    arm__new_entry_release(writer->plan.repository, &hot);
    arm__writer_abort(writer);
    return st;
}

void arm__written_release(struct arm_written *written)
{
    for (size_t i = 0; i < written->entry_count; i++) {
        arm__new_entry_release(written->repository, &written->entries[i]);
    }
    arm__free(written->entries);
    *written = (struct arm_written){.rows = 0};
}
