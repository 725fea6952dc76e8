/* SPDX-License-Identifier: Apache-2.0 */
/* One table, pass by pass: plan, write, commit, look again. Each joins what the one before left
 * small; a pass that got no further is the last. Spans are committed in batches, so that little is
 * lost when something fails, and no record lists more than a few thousand entries. */

#include "table/compact.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/compact.h"
#include "model/vector.h"
#include "table/rewrite.h"

enum {
    PASSES_MAX = 8,
    BATCH_SOURCES_MAX = 8192,
    BATCH_SPANS_MAX = 64,
    VECTOR_BYTES_MAX = 512 << 20,
};

/* A span that was written, as commit/ wants it. */
struct piece {
    struct arm_compact_group group;
    struct arm_compact_source *sources;
    struct arm_buf *dropped; /* one a source */
    struct arm_written written;
    uint64_t hot_rows;
    uint64_t dead_rows;
};

static void release_piece(struct piece *piece)
{
    for (size_t i = 0; piece->dropped != NULL && i < piece->group.source_count; i++) {
        arm__buf_release(&piece->dropped[i]);
    }
    arm__free(piece->dropped);
    arm__free(piece->sources);
    arm__written_release(&piece->written);
    *piece = (struct piece){.sources = NULL};
}

/* One table in one pass. */
struct pass {
    const struct arm_compact_job *job;
    struct arm_compact_report *report;
    struct arm_compact_limits limits;
    struct arm_snapshot at;
    const char *table;
    struct arm_table_state *state;
    struct piece *pieces; /* written, not yet committed */
    size_t piece_count;
    size_t piece_sources;
    bool got_further;
    bool was_disturbed; /* a group was given up */
    uint64_t *done;     /* of the whole job, for progress */
    uint64_t total;
};

/* ---- Describing the sources ---- */

static arm_status describe_source(const struct arm_state_entry *entry,
                                  struct arm_compact_source *out, struct arm_buf *dropped,
                                  struct arm_error *err)
{
    roaring_bitmap_t *copy = NULL;
    arm_status st = ARM_OK;

    *out = (struct arm_compact_source){.position = entry->position,
                                       .first_row_id = entry->first_row_id,
                                       .rows = entry->rows,
                                       .rows_hash = entry->rows_hash};
    *dropped = ARM_BUF_INIT(VECTOR_BYTES_MAX);
    if (entry->vector != NULL) {
        copy = roaring_bitmap_copy(entry->vector); /* encoding run-optimises it */
        if (copy == NULL) {
            return arm__fail(err, ARM_NO_MEMORY, "out of memory: a deletion vector");
        }
        ARM_TRY(arm__vector_encode(copy, dropped, err));
        out->dropped = arm__buf_bytes(dropped);
    }
done:
    arm__vector_free(copy);
    return st;
}

static arm_status describe_sources(const struct pass *pass, const struct arm_compact_span *span,
                                   struct piece *piece, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(span->count, sizeof *piece->sources, &piece->sources, err));
    ARM_TRY(arm__calloc(span->count, sizeof *piece->dropped, &piece->dropped, err));
    piece->group.sources = piece->sources;
    piece->group.source_count = span->count;
    for (size_t i = 0; i < span->count; i++) {
        const struct arm_state_entry *entry = &pass->state->entries[span->first + i];

        ARM_TRY(describe_source(entry, &piece->sources[i], &piece->dropped[i], err));
        piece->hot_rows += entry->is_hot ? entry->rows - entry->dead : 0;
        piece->dead_rows += entry->dead;
    }
    piece->group.first_row_id = pass->state->entries[span->first].first_row_id;
    piece->group.schema_id = pass->state->entries[span->first].schema_id;
done:
    return st;
}

/* Whether the live rows of the span have ids one after the other, as rows of one entry have that
 * does not bring them. */
static bool ids_follow(const struct pass *pass, const struct arm_compact_span *span)
{
    uint64_t next = pass->state->entries[span->first].first_row_id;

    for (size_t i = 0; i < span->count; i++) {
        const struct arm_state_entry *entry = &pass->state->entries[span->first + i];

        if (entry->explicit_row_ids || entry->dead > 0 || entry->first_row_id != next) {
            return false;
        }
        next += entry->rows;
    }
    return true;
}

/* ---- Places for what was written ---- */

/* The places of the sources, as far as they go; else between the first and what comes behind. */
static arm_status place(const struct pass *pass, const struct arm_compact_span *span,
                        struct piece *piece, struct arm_error *err)
{
    const struct arm_state_entry *sources = &pass->state->entries[span->first];
    struct arm_new_entry *entries = piece->written.entries;
    size_t count = piece->written.entry_count;
    struct arm_position *between = NULL;
    struct arm_position end;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < count && i < span->count; i++) {
        entries[i].position = sources[i].position;
    }
    if (count <= span->count) {
        goto done;
    }
    if (span->first + span->count < pass->state->entry_count) {
        end = sources[span->count].position;
    } else { /* before the place that the next append takes */
        ARM_TRY(arm__position_between(arm__position_bytes(&sources[span->count - 1].position),
                                      (struct arm_bytes){NULL, 0}, 1, &end, err));
    }
    ARM_TRY(arm__calloc(count - span->count, sizeof *between, &between, err));
    ARM_TRY(arm__position_between(arm__position_bytes(&sources[span->count - 1].position),
                                  arm__position_bytes(&end), count - span->count, between, err));
    for (size_t i = span->count; i < count; i++) {
        entries[i].position = between[i - span->count];
    }
done:
    arm__free(between);
    return st;
}

/* ---- Writing ---- */

static arm_status write_rows(const struct pass *pass, const struct arm_compact_span *span,
                             const Armpb__Schema *schema, struct piece *piece,
                             struct arm_error *err)
{
    struct arm_writer_options options = {
        .repository = pass->job->repository,
        .engine = pass->job->engine,
        .schema = schema,
        .table = pass->table,
        .no_hot = true,
        .chunk_factor = pass->limits.chunk_factor,
        .explicit_row_ids = !ids_follow(pass, span),
    };
    struct arm_rewrite *rewrite = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__rewrite_new(&options, &rewrite, err));
    for (size_t i = 0; i < span->count; i++) {
        ARM_TRY(arm__rewrite_entry(rewrite, &pass->state->entries[span->first + i], err));
    }
    st = arm__rewrite_finish(rewrite, &piece->written, err);
    rewrite = NULL;
    ARM_TRY(st);
    assert(piece->written.rows == span->rows);
    piece->group.entries = piece->written.entries;
    piece->group.entry_count = piece->written.entry_count;
done:
    arm__rewrite_abort(rewrite);
    return st;
}

/* Whether it is any better than what was there. */
static bool is_gain(const struct piece *piece)
{
    return piece->hot_rows > 0 || piece->dead_rows > 0 ||
           piece->group.entry_count < piece->group.source_count;
}

static arm_status write_span(struct pass *pass, const struct arm_compact_span *span,
                             struct arm_error *err)
{
    uint32_t schema_id = pass->state->entries[span->first].schema_id;
    struct piece *piece = &pass->pieces[pass->piece_count];
    const Armpb__Schema *schema = NULL;
    struct arm_error why = {.code = ARM_OK};
    arm_status st = ARM_OK;

    *piece = (struct piece){.sources = NULL};
    ARM_TRY(arm__catalog_schema(arm__repository_catalog(pass->job->repository),
                                &pass->state->table_id, schema_id, &schema, err));
    ARM_TRY(describe_sources(pass, span, piece, err));
    ARM_TRY(write_rows(pass, span, schema, piece, err));
    st = place(pass, span, piece, &why);
    if (st == ARM_FULL || (st == ARM_OK && !is_gain(piece))) { /* no room between, or no use */
        st = ARM_OK;
        release_piece(piece);
        goto done;
    }
    if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", why.message);
        goto done;
    }
    pass->piece_count++;
    pass->piece_sources += span->count;
done:
    if (st != ARM_OK) {
        release_piece(piece);
    }
    return st;
}

/* ---- Committing ---- */

static void count_piece(struct pass *pass, const struct piece *piece)
{
    struct arm_compact_report *report = pass->report;

    report->sources += piece->group.source_count;
    report->entries += piece->group.entry_count;
    report->hot_rows += piece->hot_rows;
    report->dead_rows += piece->dead_rows;
    report->rows += piece->written.rows;
    report->bytes_added += piece->written.bytes_new;
    pass->got_further = true;
}

static arm_status commit_batch(struct pass *pass, struct arm_error *err)
{
    struct arm_compact_group groups[BATCH_SPANS_MAX];
    bool kept[BATCH_SPANS_MAX];
    struct arm_compact_request request = {.snapshot = pass->at,
                                          .table_id = pass->state->table_id,
                                          .version = pass->state->version,
                                          .layout = pass->state->layout,
                                          .group_count = pass->piece_count,
                                          .groups = groups};
    uint64_t tx;
    arm_status st = ARM_OK;

    if (pass->piece_count == 0) {
        return ARM_OK;
    }
    for (size_t i = 0; i < pass->piece_count; i++) {
        groups[i] = pass->pieces[i].group;
    }
    ARM_TRY(arm__commit_compaction(pass->job->repository, &request, kept, &tx, err));
    for (size_t i = 0; i < pass->piece_count; i++) {
        if (kept[i]) {
            count_piece(pass, &pass->pieces[i]);
        } else {
            pass->was_disturbed = true;
            pass->report->given_up++;
        }
    }
done:
    for (size_t i = 0; i < pass->piece_count; i++) {
        release_piece(&pass->pieces[i]);
    }
    pass->piece_count = 0;
    pass->piece_sources = 0;
    return st;
}

static arm_status step(const struct pass *pass, uint64_t rows, struct arm_error *err)
{
    *pass->done += rows;
    if (pass->job->progress != NULL &&
        !pass->job->progress(pass->job->context, *pass->done,
                             *pass->done > pass->total ? *pass->done : pass->total)) {
        return arm__fail(err, ARM_INTERRUPTED, "the compaction was stopped; what it did stays");
    }
    return ARM_OK;
}

static arm_status run_spans(struct pass *pass, const struct arm_compact_span *spans, size_t count,
                            struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(BATCH_SPANS_MAX, sizeof *pass->pieces, &pass->pieces, err));
    for (size_t i = 0; i < count; i++) {
        if (pass->piece_count == BATCH_SPANS_MAX ||
            (pass->piece_count > 0 && pass->piece_sources + spans[i].count > BATCH_SOURCES_MAX)) {
            ARM_TRY(commit_batch(pass, err));
        }
        ARM_TRY(write_span(pass, &spans[i], err));
        ARM_TRY(step(pass, spans[i].rows, err));
    }
    ARM_TRY(commit_batch(pass, err));
done:
    for (size_t i = 0; pass->pieces != NULL && i < pass->piece_count; i++) {
        release_piece(&pass->pieces[i]);
    }
    arm__free(pass->pieces);
    pass->pieces = NULL;
    return st;
}

/* ---- A table ---- */

struct table_job {
    const struct arm_compact_job *job;
    struct arm_compact_report *report;
    char schema_name[256];
    char name[256];
    uint64_t done;
};

/* `*out_again`: there may be more to do. */
static arm_status run_pass(struct table_job *table, bool *out_gain, bool *out_again,
                           struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(table->job->repository);
    struct pass pass = {
        .job = table->job, .report = table->report, .table = table->name, .done = &table->done};
    struct arm_compact_span *spans = NULL;
    struct arm_table_info info = {.schema = NULL};
    struct arm_pin pin = {.is_held = false};
    size_t count = 0;
    bool found;
    arm_status st = ARM_OK;

    *out_again = false;
    ARM_TRY(arm__repository_pin(table->job->repository, &pin, err));
    ARM_TRY(arm__catalog_snapshot(catalog, table->job->branch, &pass.at, err));
    ARM_TRY(
        arm__catalog_table(catalog, &pass.at, table->schema_name, table->name, &info, &found, err));
    if (!found || info.row.object != ARMPB__OBJECT_KIND__TABLE) {
        goto done;
    }
    ARM_TRY(
        arm__catalog_pinned_state(catalog, &info.row.table_id, info.row.version, &pass.state, err));
    pass.limits = table->job->limits != NULL ? *table->job->limits
                                             : arm__compact_limits(pass.state->live_rows);
    ARM_TRY(arm__compact_plan(pass.state, &pass.limits, &spans, &count, err));
    for (size_t i = 0; i < count; i++) {
        pass.total += spans[i].rows;
    }
    pass.total += table->done;
    ARM_TRY(run_spans(&pass, spans, count, err));
    *out_again = pass.got_further || pass.was_disturbed;
done:
    *out_gain = *out_gain || pass.got_further;
    arm__free(spans);
    arm__table_state_drop(pass.state);
    arm__table_info_release(&info);
    arm__repository_unpin(table->job->repository, &pin);
    return st;
}

static arm_status compact_table(struct table_job *table, struct arm_error *err)
{
    bool gain = false;
    bool again = true;
    arm_status st = ARM_OK;

    for (int i = 0; again && i < PASSES_MAX; i++) {
        ARM_TRY(run_pass(table, &gain, &again, err));
    }
done:
    table->report->tables += gain;
    return st;
}

/* ---- All of it ---- */

struct table_list {
    size_t count;
    struct arm_table_row *rows;
};

static arm_status list_table(void *context, const struct arm_table_row *row, struct arm_error *err)
{
    struct table_list *list = context;
    arm_status st = ARM_OK;

    if (row->object != ARMPB__OBJECT_KIND__TABLE) {
        return ARM_OK;
    }
    ARM_TRY(arm__realloc(&list->rows, list->count + 1, sizeof *list->rows, err));
    list->rows[list->count++] = *row;
done:
    return st;
}

static arm_status list_tables(const struct arm_compact_job *job, struct table_list *out,
                              struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(job->repository);
    struct arm_table_info info = {.schema = NULL};
    struct arm_snapshot at;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_snapshot(catalog, job->branch, &at, err));
    if (job->name == NULL) {
        ARM_TRY(arm__catalog_tables(catalog, &at, list_table, out, err));
        goto done;
    }
    ARM_TRY(arm__catalog_table(catalog, &at, job->schema_name, job->name, &info, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no table \"%s\" on branch \"%s\"", job->name,
                       job->branch);
        goto done;
    }
    ARM_TRY(list_table(out, &info.row, err));
done:
    arm__table_info_release(&info);
    return st;
}

arm_status arm__compact(const struct arm_compact_job *job, struct arm_compact_report *out,
                        struct arm_error *err)
{
    struct table_list list = {.count = 0};
    struct table_job table = {.job = job, .report = out};
    arm_status st = ARM_OK;

    memset(out, 0, sizeof *out);
    ARM_TRY(arm__repository_check(job->repository, true, err));
    ARM_TRY(list_tables(job, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        memcpy(table.schema_name, list.rows[i].schema_name, sizeof table.schema_name);
        memcpy(table.name, list.rows[i].name, sizeof table.name);
        ARM_TRY(compact_table(&table, err));
    }
done:
    arm__free(list.rows);
    return st;
}
