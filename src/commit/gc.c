/* SPDX-License-Identifier: Apache-2.0 */
/* One gc:
 *
 *   list     every chunk file; those that the index names, or that are of the last checkpoint, are
 *            needed. This only keeps the rest short: it decides about nothing
 *   read     the log from its first frame: what a record names is needed (G1). A record that stands
 *            in a chunk of its own is named by its frame alone. Outside the lock
 *   remove   in batches, each under the commit lock: the log is read on to its end, the leases are
 *            read, and what is then neither named nor leased goes (G2)
 *   sweep    the files of index/keys/ that are of no chunk which is left
 *
 * A crash anywhere leaves less than there was of what nobody needs. */

#include "commit/gc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"
#include "keys/key_sweep.h"
#include "model/message.h"

enum {
    LOOKUPS_PER_TRANSACTION = 4096,
    DELETIONS_PER_LOCK = 256, /* an unlink each: commits wait no longer than for another commit */
};

struct candidate {
    struct arm_hash chunk;
    uint64_t bytes;
    bool is_needed;
    bool is_young;
    bool is_gone;
};

struct gc {
    struct arm_repository *repository;
    const struct arm_gc_request *request;
    struct arm_gc_report report;
    int64_t before_us;       /* what was written later is young */
    struct candidate *items; /* by chunk */
    size_t count;
    size_t capacity;
    struct arm_log_position at; /* read so far */
    uint64_t total;             /* of txs and chunks, for the progress */
    uint64_t removed;
};

static arm_status tell_progress(const struct gc *gc, struct arm_error *err)
{
    uint64_t done = gc->at.next_tx + gc->removed;
    uint64_t total = done > gc->total ? done : gc->total;

    if (gc->request->progress != NULL &&
        !gc->request->progress(gc->request->context, done, total)) {
        return arm__fail(err, ARM_INTERRUPTED, "gc was interrupted");
    }
    return ARM_OK;
}

/* ---- Listing ---- */

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;

    return memcmp(x->chunk.bytes, y->chunk.bytes, sizeof x->chunk.bytes);
}

static struct candidate *find(const struct gc *gc, const struct arm_hash *chunk)
{
    struct candidate wanted = {.chunk = *chunk};

    return gc->count == 0
               ? NULL
               : bsearch(&wanted, gc->items, gc->count, sizeof wanted, compare_candidates);
}

static arm_status add_candidate(void *context, const struct arm_hash *hash, const char *path,
                                uint64_t size_bytes, struct arm_error *err)
{
    struct gc *gc = context;
    arm_status st = ARM_OK;

    (void)path;
    if (hash == NULL) { /* a stranger: verify tells of it */
        return ARM_OK;
    }
    if (gc->count == gc->capacity) {
        size_t capacity = gc->capacity == 0 ? 256 : 2 * gc->capacity;

        ARM_TRY(arm__realloc(&gc->items, capacity, sizeof *gc->items, err));
        gc->capacity = capacity;
    }
    gc->items[gc->count++] = (struct candidate){.chunk = *hash, .bytes = size_bytes};
done:
    return st;
}

static void forget_needed(struct gc *gc)
{
    size_t kept = 0;

    for (size_t i = 0; i < gc->count; i++) {
        if (!gc->items[i].is_needed) {
            gc->items[kept++] = gc->items[i];
        }
    }
    gc->count = kept;
}

static void mark_runs(struct gc *gc, const Armpb__Checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->n_runs; i++) {
        struct candidate *found;
        struct arm_hash chunk;

        memcpy(chunk.bytes, checkpoint->runs[i]->chunk.data, sizeof chunk.bytes);
        found = find(gc, &chunk);
        if (found != NULL) {
            found->is_needed = true;
        }
    }
}

/* Some of what the index names, in a short transaction. */
static arm_status look_up(struct gc *gc, size_t from, struct arm_error *err)
{
    size_t end =
        gc->count - from > LOOKUPS_PER_TRANSACTION ? from + LOOKUPS_PER_TRANSACTION : gc->count;
    struct arm_index_txn *txn = NULL;
    struct arm_chunk_row row;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(gc->repository->index, &txn, err));
    for (size_t i = from; i < end; i++) {
        ARM_TRY(
            arm__index_chunk(txn, &gc->items[i].chunk, &row, NULL, &gc->items[i].is_needed, err));
    }
done:
    arm__index_abort(txn);
    return st;
}

static arm_status look_up_checkpoint(struct gc *gc, struct arm_error *err)
{
    Armpb__Checkpoint *last = NULL;
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(gc->repository->index, &txn, err));
    ARM_TRY(arm__index_checkpoint(txn, &last, err));
    if (last != NULL) {
        mark_runs(gc, last);
    }
done:
    arm__index_abort(txn);
    arm__message_free(last == NULL ? NULL : &last->base);
    return st;
}

/* G3 */
static arm_status judge_age(struct gc *gc, struct candidate *item, struct arm_error *err)
{
    const struct arm_io *io = gc->repository->io;
    struct arm_error local;
    struct arm_stat found;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_path(gc->repository->store, &item->chunk, &path, err));
    st = io->stat(io->self, path, &found, &local);
    if (st == ARM_NOT_FOUND) { /* another gc was faster */
        item->is_needed = true;
        st = ARM_OK;
    } else if (st == ARM_OK) {
        item->is_young = found.modified_us > gc->before_us;
    } else if (err != NULL) {
        *err = local;
    }
done:
    arm__free(path);
    return st;
}

static arm_status list(struct gc *gc, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_list(gc->repository->store, add_candidate, gc, err));
    if (gc->count > 0) {
        qsort(gc->items, gc->count, sizeof *gc->items, compare_candidates);
    }
    for (size_t i = 0; i < gc->count; i += LOOKUPS_PER_TRANSACTION) {
        ARM_TRY(look_up(gc, i, err));
    }
    ARM_TRY(look_up_checkpoint(gc, err));
    forget_needed(gc);
    for (size_t i = 0; i < gc->count; i++) {
        ARM_TRY(judge_age(gc, &gc->items[i], err));
    }
    forget_needed(gc);
done:
    return st;
}

/* ---- Reading the log (G1) ---- */

static void need(struct gc *gc, const ProtobufCBinaryData *name)
{
    struct candidate *found;
    struct arm_hash chunk;

    memcpy(chunk.bytes, name->data, sizeof chunk.bytes);
    found = find(gc, &chunk);
    if (found != NULL) {
        found->is_needed = true;
    }
}

static void need_entries(struct gc *gc, Armpb__Entry *const *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i]->has_chunk) {
            need(gc, &entries[i]->chunk);
        }
    }
}

static arm_status read_record(struct gc *gc, const struct arm_record *bytes, struct arm_error *err)
{
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__record_decode(bytes->spine, bytes->payload.size, &record, err));
    if (record->in_chunk != NULL) {
        need(gc, &record->in_chunk->hash);
        arm__record_free(record);
        record = NULL;
        ARM_TRY(arm__record_resolve(gc->repository->store, bytes, &record, err));
    }
    for (size_t i = 0; record->commit != NULL && i < record->commit->n_changes; i++) {
        const Armpb__TableChange *change = record->commit->changes[i];

        need_entries(gc, change->added, change->n_added);
    }
    for (size_t i = 0; record->compaction != NULL && i < record->compaction->n_groups; i++) {
        const Armpb__CompactedGroup *group = record->compaction->groups[i];

        need_entries(gc, group->entries, group->n_entries);
    }
    for (size_t i = 0; record->checkpoint != NULL && i < record->checkpoint->n_runs; i++) {
        need(gc, &record->checkpoint->runs[i]->chunk);
    }
done:
    arm__record_free(record);
    return st;
}

/* Read on to where the index says that the log ends. */
static arm_status read_log(struct gc *gc, const struct arm_log_position *end, struct arm_error *err)
{
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_frame_header header;
    bool found;
    arm_status st = ARM_OK;

    while (gc->at.next_tx < end->next_tx) {
        ARM_TRY(arm__log_read(gc->repository->log, &gc->at, &frame, &header, &found, err));
        if (!found) {
            st = arm__fail(err, ARM_CORRUPT,
                           "the log cannot be read past segment %" PRIu64 ", byte %" PRIu64
                           ": nothing may be removed, verify tells more",
                           gc->at.segment, gc->at.offset);
            goto done;
        }
        for (uint32_t i = 0; i < header.record_count; i++) {
            struct arm_record bytes = arm__frame_record(arm__buf_bytes(&frame), i);

            ARM_TRY(read_record(gc, &bytes, err));
        }
        ARM_TRY(tell_progress(gc, err));
    }
done:
    arm__buf_release(&frame);
    return st;
}

static arm_status find_end(struct gc *gc, struct arm_log_position *out, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(gc->repository->index, &txn, err));
    ARM_TRY(arm__index_state(txn, &state, err));
    *out = state.folded;
    gc->total = state.folded.next_tx + gc->count;
done:
    arm__index_abort(txn);
    return st;
}

/* ---- Removing ---- */

struct batch {
    size_t count;
    size_t places[DELETIONS_PER_LOCK]; /* in gc->items */
    struct arm_hash chunks[DELETIONS_PER_LOCK];
    enum arm_deletion answers[DELETIONS_PER_LOCK];
};

static bool may_go(const struct candidate *item)
{
    return !item->is_needed && !item->is_young;
}

static void fill_batch(const struct gc *gc, size_t *next, struct batch *out)
{
    for (out->count = 0; *next < gc->count && out->count < DELETIONS_PER_LOCK; (*next)++) {
        const struct candidate *item = &gc->items[*next];

        if (may_go(item)) {
            out->places[out->count] = *next;
            out->chunks[out->count++] = item->chunk;
        }
    }
}

static void count_batch(struct gc *gc, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct candidate *item = &gc->items[batch->places[i]];

        item->is_gone = batch->answers[i] != ARM_DELETION_LEASED;
        if (batch->answers[i] == ARM_DELETION_DONE) {
            gc->report.chunks++;
            gc->report.chunk_bytes += item->bytes;
        } else if (batch->answers[i] == ARM_DELETION_LEASED) {
            gc->report.leased++;
        }
    }
    gc->removed += batch->count;
}

/* Nobody can name a chunk while we have the commit lock; what was named before is read. */
static arm_status remove_batch(struct gc *gc, struct batch *batch, size_t *next,
                               struct arm_error *err)
{
    struct arm_repository *repository = gc->repository;
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    ARM_TRY(read_log(gc, &state.folded, err));
    ARM_TRY(arm__anchor_check(&repository->anchor, err)); /* R5 */
    fill_batch(gc, next, batch);
    if (batch->count > 0) {
        ARM_TRY(arm__store_delete_many(repository->store, batch->chunks, batch->count,
                                       batch->answers, err));
        count_batch(gc, batch);
    }
done:
    arm__index_abort(txn);
    return st;
}

static arm_status remove_chunks(struct gc *gc, struct arm_error *err)
{
    struct batch *batch = NULL;
    size_t next = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *batch, &batch, err));
    for (;;) {
        while (next < gc->count && !may_go(&gc->items[next])) { /* no lock is taken for nothing */
            next++;
        }
        if (next == gc->count) {
            break;
        }
        ARM_TRY(remove_batch(gc, batch, &next, err));
        ARM_TRY(tell_progress(gc, err));
    }
done:
    arm__free(batch);
    return st;
}

static arm_status note_leased(void *context, const struct arm_hash *hash, struct arm_error *err)
{
    struct gc *gc = context;
    struct candidate *found = find(gc, hash);

    (void)err;
    if (found != NULL && may_go(found)) {
        found->is_needed = true; /* may come twice */
        gc->report.leased++;
    }
    return ARM_OK;
}

static arm_status count_chunks(struct gc *gc, struct arm_error *err)
{
    arm_status st = arm__store_leases(gc->repository->store, note_leased, gc, err);

    for (size_t i = 0; st == ARM_OK && i < gc->count; i++) {
        struct candidate *item = &gc->items[i];

        if (may_go(item)) {
            item->is_gone = true;
            gc->report.chunks++;
            gc->report.chunk_bytes += item->bytes;
        }
    }
    return st;
}

static void count_young(struct gc *gc)
{
    for (size_t i = 0; i < gc->count; i++) {
        gc->report.young += !gc->items[i].is_needed && gc->items[i].is_young;
    }
}

/* ---- Key runs ---- */

struct key_marking {
    struct arm_key_sweep *sweep;
    struct arm_hash *digests; /* of every key of every schema */
    size_t count;
    size_t capacity;
};

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct arm_hash));
}

/* Sort, and keep one of each. */
static void tidy(struct key_marking *m)
{
    size_t kept = 0;

    if (m->count == 0) {
        return;
    }
    qsort(m->digests, m->count, sizeof *m->digests, compare_hashes);
    for (size_t i = 0; i < m->count; i++) {
        if (kept == 0 || compare_hashes(&m->digests[kept - 1], &m->digests[i]) != 0) {
            m->digests[kept++] = m->digests[i];
        }
    }
    m->count = kept;
}

static arm_status add_digests(void *context, const Armpb__Schema *schema, struct arm_error *err)
{
    struct key_marking *m = context;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < schema->n_keys; i++) {
        if (m->count == m->capacity) {
            tidy(m); /* tables have much the same keys */
        }
        if (m->count == m->capacity) {
            size_t capacity = m->capacity == 0 ? 64 : 2 * m->capacity;

            ARM_TRY(arm__realloc(&m->digests, capacity, sizeof *m->digests, err));
            m->capacity = capacity;
        }
        m->digests[m->count++] = arm__key_digest(schema, schema->keys[i]);
    }
done:
    return st;
}

static void mark_chunk(struct key_marking *m, const struct arm_hash *chunk)
{
    for (size_t i = 0; i < m->count; i++) {
        arm__key_sweep_mark(m->sweep, chunk, &m->digests[i]);
    }
}

static arm_status mark_row(void *context, const struct arm_hash *chunk,
                           const struct arm_chunk_row *row, struct arm_error *err)
{
    (void)row;
    (void)err;
    mark_chunk(context, chunk);
    return ARM_OK;
}

static arm_status mark_key_runs(struct gc *gc, struct key_marking *m, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(gc->repository->index, &txn, err));
    ARM_TRY(arm__index_schemas(txn, add_digests, m, err));
    tidy(m);
    ARM_TRY(arm__index_chunks(txn, mark_row, m, err));
    for (size_t i = 0; i < gc->count; i++) {
        if (!gc->items[i].is_gone) {
            mark_chunk(m, &gc->items[i].chunk);
        }
    }
done:
    arm__index_abort(txn);
    return st;
}

static arm_status sweep_keys(struct gc *gc, struct arm_error *err)
{
    struct arm_repository *repository = gc->repository;
    struct key_marking m = {.sweep = NULL};
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(repository->path, "index/keys", &path, err));
    ARM_TRY(arm__key_sweep_new(repository->io, path, gc->before_us, &m.sweep, err));
    if (arm__key_sweep_count(m.sweep) > 0) {
        ARM_TRY(mark_key_runs(gc, &m, err));
        ARM_TRY(arm__anchor_check(&repository->anchor, err)); /* R5 */
        ARM_TRY(arm__key_sweep_finish(m.sweep, gc->request->dry_run, &gc->report.key_runs,
                                      &gc->report.key_run_bytes, err));
    }
done:
    arm__free(m.digests);
    arm__key_sweep_free(m.sweep);
    arm__free(path);
    return st;
}

/* ---- All of it ---- */

arm_status arm__repository_gc(struct arm_repository *repository,
                              const struct arm_gc_request *request, struct arm_gc_report *out,
                              struct arm_error *err)
{
    struct gc gc = {.repository = repository, .request = request};
    struct arm_log_position end;
    int64_t now_us;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    now_us = repository->io->now_us(repository->io->self);
    gc.before_us = request->grace_us < now_us ? now_us - request->grace_us : 0;
    gc.at = arm__log_start(repository->log);
    ARM_TRY(list(&gc, err));
    if (gc.count > 0) {
        ARM_TRY(find_end(&gc, &end, err));
        ARM_TRY(read_log(&gc, &end, err));
        forget_needed(&gc);
        ARM_TRY(request->dry_run ? count_chunks(&gc, err) : remove_chunks(&gc, err));
        count_young(&gc);
    }
    ARM_TRY(sweep_keys(&gc, err));
    *out = gc.report;
done:
    arm__free(gc.items);
    return st;
}
