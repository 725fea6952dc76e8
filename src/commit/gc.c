/* SPDX-License-Identifier: Apache-2.0 */
/* One gc:
 *
 *   give up  a Retention record, if the request asks for it (G5)
 *   list     every chunk file. Those that the index names are needed, in a repository without
 *            compactions and retention; others are asked about
 *   read     the log from its first frame, into the mark (G1). A record that stands in a chunk of
 *            its own is named by its frame alone. Outside the lock
 *   mark     by what is durable, the horizon, and the oldest pin
 *   remove   in batches, each under the commit lock: the log is read on to its end, pins and leases
 *            are read, the mark is made anew if need be, and what is then neither needed nor leased
 *            goes (G2, G6)
 *   sweep    the files of index/keys/ that are of no chunk which is left
 *
 * A crash anywhere leaves less than there was of what nobody needs. */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/gc_private.h"
#include "model/message.h"

enum {
    LOOKUPS_PER_TRANSACTION = 4096,
    DELETIONS_PER_LOCK = 256, /* an unlink each: commits wait no longer than for another commit */
};

static arm_status tell_progress(const struct arm_gc *gc, struct arm_error *err)
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

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct arm_hash));
}

struct arm_gc_item *arm__gc_find(const struct arm_gc *gc, const struct arm_hash *chunk)
{
    const struct arm_hash *found =
        gc->count == 0 ? NULL
                       : bsearch(chunk, gc->chunks, gc->count, sizeof *chunk, compare_hashes);

    return found == NULL ? NULL : &gc->items[found - gc->chunks];
}

/* They come in order of name, which is that of their hashes. */
static arm_status add_file(void *context, const struct arm_hash *hash, const char *path,
                           uint64_t size_bytes, struct arm_error *err)
{
    struct arm_gc *gc = context;
    arm_status st = ARM_OK;

    (void)path;
    if (hash == NULL) { /* a stranger: verify tells of it */
        return ARM_OK;
    }
    if (gc->count == gc->capacity) {
        size_t capacity = gc->capacity == 0 ? 256 : 2 * gc->capacity;

        ARM_TRY(arm__realloc(&gc->chunks, capacity, sizeof *gc->chunks, err));
        ARM_TRY(arm__realloc(&gc->items, capacity, sizeof *gc->items, err));
        gc->capacity = capacity;
    }
    assert(gc->count == 0 || compare_hashes(&gc->chunks[gc->count - 1], hash) < 0);
    gc->chunks[gc->count] = *hash;
    gc->items[gc->count++] = (struct arm_gc_item){.bytes = size_bytes};
done:
    return st;
}

/* Some of what the index names, in a short transaction. */
static arm_status look_up(struct arm_gc *gc, size_t from, struct arm_error *err)
{
    size_t end =
        gc->count - from > LOOKUPS_PER_TRANSACTION ? from + LOOKUPS_PER_TRANSACTION : gc->count;
    struct arm_index_txn *txn = NULL;
    struct arm_chunk_row row;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(gc->repository->index, &txn, err));
    for (size_t i = from; i < end; i++) {
        ARM_TRY(arm__index_chunk(txn, &gc->chunks[i], &row, NULL, &gc->items[i].is_needed, err));
    }
done:
    arm__index_abort(txn);
    return st;
}

static arm_status look_up_checkpoint(struct arm_gc *gc, struct arm_error *err)
{
    Armpb__Checkpoint *last = NULL;
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(gc->repository->index, &txn, err));
    ARM_TRY(arm__index_checkpoint(txn, &last, err));
    for (size_t i = 0; last != NULL && i < last->n_runs; i++) {
        struct arm_gc_item *item;
        struct arm_hash chunk;

        memcpy(chunk.bytes, last->runs[i]->chunk.data, sizeof chunk.bytes);
        item = arm__gc_find(gc, &chunk);
        if (item != NULL) {
            item->is_needed = true;
        }
    }
done:
    arm__index_abort(txn);
    arm__message_free(last == NULL ? NULL : &last->base);
    return st;
}

/* Whether there is anything to ask the log about. */
static arm_status list(struct arm_gc *gc, bool *out_any, struct arm_error *err)
{
    bool has_layouts = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_has_feature(gc->repository, ARM_FEATURE_RETENTION, &gc->is_told, err));
    ARM_TRY(arm__repository_has_feature(gc->repository, ARM_FEATURE_COMPACTION, &has_layouts, err));
    ARM_TRY(arm__store_list(gc->repository->store, add_file, gc, err));
    if (!has_layouts && !gc->is_told && gc->horizon_tx == 0) {
        /* Then some version needs whatever was named. */
        for (size_t i = 0; i < gc->count; i += LOOKUPS_PER_TRANSACTION) {
            ARM_TRY(look_up(gc, i, err));
        }
        ARM_TRY(look_up_checkpoint(gc, err));
    }
    *out_any = false;
    for (size_t i = 0; i < gc->count; i++) {
        *out_any = *out_any || !gc->items[i].is_needed;
    }
done:
    return st;
}

/* G3 */
static arm_status judge_age(struct arm_gc *gc, size_t at, struct arm_error *err)
{
    const struct arm_io *io = gc->repository->io;
    struct arm_error local;
    struct arm_stat found;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_path(gc->repository->store, &gc->chunks[at], &path, err));
    st = io->stat(io->self, path, &found, &local);
    if (st == ARM_NOT_FOUND) { /* another gc was faster */
        gc->items[at].is_needed = true;
        st = ARM_OK;
    } else if (st == ARM_OK) {
        gc->items[at].is_young = found.modified_us > gc->before_us;
    } else if (err != NULL) {
        *err = local;
    }
done:
    arm__free(path);
    return st;
}

/* ---- Reading the log (G1) ---- */

/* Read on to where the index says that the log ends. */
static arm_status read_log(struct arm_gc *gc, const struct arm_log_position *end,
                           struct arm_error *err)
{
    struct arm_repository *repository = gc->repository;
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    bool found;
    arm_status st = ARM_OK;

    while (gc->at.next_tx < end->next_tx) {
        ARM_TRY(arm__retained_read(gc->retained, repository, &gc->at, &frame, &found, err));
        if (!found) {
            st = arm__fail(err, ARM_CORRUPT,
                           "the log cannot be read past segment %" PRIu64 ", byte %" PRIu64
                           ": nothing may be removed, verify tells more",
                           gc->at.segment, gc->at.offset);
            goto done;
        }
        ARM_TRY(tell_progress(gc, err));
    }
done:
    arm__buf_release(&frame);
    return st;
}

static arm_status find_end(struct arm_gc *gc, struct arm_log_position *out, struct arm_error *err)
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

/* ---- Marking ---- */

/* What is durable is known before the pins are read (G6). */
static arm_status mark(struct arm_gc *gc, struct arm_error *err)
{
    struct arm_retained_as_of as_of = {.durable_tx = arm__log_durable_to(gc->repository->log),
                                       .horizon_tx = gc->horizon_tx};
    arm_status st = ARM_OK;

    ARM_TRY(arm__pins_oldest(gc->repository->store, &as_of.pinned_tx, err));
    ARM_TRY(arm__retained_mark(gc->retained, &as_of, err));
    gc->pinned_tx = as_of.pinned_tx;
done:
    return st;
}

static bool is_free(const struct arm_gc *gc, size_t at)
{
    return !gc->items[at].is_needed && arm__retained_need(gc->retained, at) == ARM_NEED_NONE;
}

static bool may_go(const struct arm_gc *gc, size_t at)
{
    return is_free(gc, at) && !gc->items[at].is_young;
}

static arm_status mark_all(struct arm_gc *gc, struct arm_error *err)
{
    struct arm_log_position end;
    arm_status st = ARM_OK;

    ARM_TRY(arm__retained_new(gc->chunks, gc->count, &gc->retained, err));
    ARM_TRY(find_end(gc, &end, err));
    ARM_TRY(read_log(gc, &end, err));
    ARM_TRY(mark(gc, err));
    for (size_t i = 0; i < gc->count; i++) {
        if (is_free(gc, i)) {
            ARM_TRY(judge_age(gc, i, err));
        }
    }
done:
    return st;
}

/* What came since the last mark, under the commit lock: what was read on, and pins. */
static arm_status mark_again(struct arm_gc *gc, struct arm_error *err)
{
    uint64_t pinned_tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__pins_oldest(gc->repository->store, &pinned_tx, err));
    if (pinned_tx < gc->pinned_tx || arm__retained_is_stale(gc->retained)) {
        ARM_TRY(mark(gc, err));
    }
done:
    return st;
}

/* ---- Removing ---- */

struct batch {
    size_t count;
    bool names_any;                    /* chunks that the log names */
    size_t places[DELETIONS_PER_LOCK]; /* in gc->items */
    struct arm_hash chunks[DELETIONS_PER_LOCK];
    enum arm_deletion answers[DELETIONS_PER_LOCK];
};

static void fill_batch(const struct arm_gc *gc, size_t *next, struct batch *out)
{
    out->names_any = false;
    for (out->count = 0; *next < gc->count && out->count < DELETIONS_PER_LOCK; (*next)++) {
        if (may_go(gc, *next)) {
            out->places[out->count] = *next;
            out->chunks[out->count++] = gc->chunks[*next];
            out->names_any = out->names_any || arm__retained_is_named(gc->retained, *next);
        }
    }
}

static void count_batch(struct arm_gc *gc, const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct arm_gc_item *item = &gc->items[batch->places[i]];

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

/* G5 */
static arm_status tell_format(struct arm_gc *gc, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (!gc->is_told) {
        ARM_TRY(arm__repository_use_feature(gc->repository, ARM_FEATURE_RETENTION, err));
        gc->is_told = true;
    }
done:
    return st;
}

/* Nobody can name a chunk while we have the commit lock; what was named before is read. */
static arm_status remove_batch(struct arm_gc *gc, struct batch *batch, size_t *next,
                               struct arm_error *err)
{
    struct arm_repository *repository = gc->repository;
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    ARM_TRY(read_log(gc, &state.folded, err));
    ARM_TRY(mark_again(gc, err));
    ARM_TRY(arm__anchor_check(&repository->anchor, err)); /* R5 */
    fill_batch(gc, next, batch);
    if (batch->names_any) {
        ARM_TRY(tell_format(gc, err));
    }
    if (batch->count > 0) {
        ARM_TRY(arm__store_delete_many(repository->store, batch->chunks, batch->count,
                                       batch->answers, err));
        count_batch(gc, batch);
    }
done:
    arm__index_abort(txn);
    return st;
}

static arm_status remove_chunks(struct arm_gc *gc, struct arm_error *err)
{
    struct batch *batch = NULL;
    size_t next = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *batch, &batch, err));
    for (;;) {
        while (next < gc->count && !may_go(gc, next)) { /* no lock is taken for nothing */
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
    struct arm_gc *gc = context;
    struct arm_gc_item *item = arm__gc_find(gc, hash);

    (void)err;
    if (item != NULL && may_go(gc, (size_t)(item - gc->items))) {
        item->is_needed = true; /* may come twice */
        gc->report.leased++;
    }
    return ARM_OK;
}

static arm_status count_chunks(struct arm_gc *gc, struct arm_error *err)
{
    arm_status st = arm__store_leases(gc->repository->store, note_leased, gc, err);

    for (size_t i = 0; st == ARM_OK && i < gc->count; i++) {
        if (may_go(gc, i)) {
            gc->items[i].is_gone = true;
            gc->report.chunks++;
            gc->report.chunk_bytes += gc->items[i].bytes;
        }
    }
    return st;
}

static void count_kept(struct arm_gc *gc)
{
    for (size_t i = 0; i < gc->count; i++) {
        gc->report.young += is_free(gc, i) && gc->items[i].is_young;
        gc->report.pinned +=
            !gc->items[i].is_needed && arm__retained_need(gc->retained, i) == ARM_NEED_PINNED;
    }
}

/* ---- All of it ---- */

arm_status arm__repository_gc(struct arm_repository *repository,
                              const struct arm_gc_request *request, struct arm_gc_report *out,
                              struct arm_error *err)
{
    struct arm_gc gc = {.repository = repository, .request = request};
    bool any = false;
    int64_t now_us;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    now_us = repository->io->now_us(repository->io->self);
    gc.before_us = request->grace_us < now_us ? now_us - request->grace_us : 0;
    gc.at = arm__log_start(repository->log);
    ARM_TRY(arm__gc_move_horizon(&gc, err));
    ARM_TRY(list(&gc, &any, err));
    if (any) {
        ARM_TRY(mark_all(&gc, err));
        ARM_TRY(request->dry_run ? count_chunks(&gc, err) : remove_chunks(&gc, err));
        count_kept(&gc);
    }
    ARM_TRY(arm__gc_sweep_keys(&gc, err));
    *out = gc.report;
done:
    arm__retained_free(gc.retained);
    arm__free(gc.items);
    arm__free(gc.chunks);
    return st;
}
