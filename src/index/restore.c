/* SPDX-License-Identifier: Apache-2.0 */
/* An index from runs: for each sub-database their items merged in order of key and appended,
 * which is several times faster than folding the records that put them. A key is of one run only.
 *
 * Transactions are of a bearable size; the state is put with the last, so that what a killed
 * process leaves says of itself that it is empty, and is made anew. */

#include <string.h>

#include "base/alloc.h"
#include "index/run.h"

enum { TRANSACTION_BYTES = 32 << 20 };

struct restore {
    struct arm_index *index;
    struct arm_index_txn *txn;
    size_t pending_bytes; /* put in `txn` */
    struct arm_run *runs;
    struct arm_run_cursor *cursors; /* one a run */
    size_t *heap;                   /* of those with an item, the least key first */
    size_t heap_count;
    size_t run_count;
};

/* ---- Merging ---- */

static bool is_less(const struct restore *r, size_t a, size_t b)
{
    return arm__bytes_compare(r->cursors[a].item.key, r->cursors[b].item.key) < 0;
}

static void sink(struct restore *r, size_t at)
{
    for (;;) {
        size_t least = at;
        size_t moved = r->heap[at];

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < r->heap_count; child++) {
            if (is_less(r, r->heap[child], r->heap[least])) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        r->heap[at] = r->heap[least];
        r->heap[least] = moved;
        at = least;
    }
}

static arm_status begin_database(struct restore *r, enum arm_db db, struct arm_error *err)
{
    arm_status st = ARM_OK;

    r->heap_count = 0;
    for (size_t i = 0; i < r->run_count; i++) {
        arm__run_cursor_release(&r->cursors[i]);
        arm__run_cursor_init(&r->runs[i], db, &r->cursors[i]);
        ARM_TRY(arm__run_cursor_next(&r->cursors[i], err));
        if (r->cursors[i].item.key.data != NULL) {
            r->heap[r->heap_count++] = i;
        }
    }
    for (size_t i = r->heap_count; i > 0; i--) {
        sink(r, i - 1);
    }
done:
    return st;
}

/* The run whose item was taken goes on, or leaves. */
static arm_status step(struct restore *r, struct arm_error *err)
{
    struct arm_run_cursor *cursor = &r->cursors[r->heap[0]];
    arm_status st = ARM_OK;

    ARM_TRY(arm__run_cursor_next(cursor, err));
    if (cursor->item.key.data == NULL) {
        r->heap[0] = r->heap[--r->heap_count];
    }
    sink(r, 0);
done:
    return st;
}

static arm_status begin_again(struct restore *r, struct arm_error *err)
{
    struct arm_index_txn *txn = r->txn;
    arm_status st = ARM_OK;

    r->txn = NULL;
    r->pending_bytes = 0;
    ARM_TRY(arm__index_commit(txn, err));
    ARM_TRY(arm__index_write(r->index, &r->txn, err));
done:
    return st;
}

static arm_status restore_database(struct restore *r, enum arm_db db, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(begin_database(r, db, err));
    while (r->heap_count > 0) {
        const struct arm_kv_item *item = &r->cursors[r->heap[0]].item;

        ARM_TRY(arm__kv_append(r->txn, db, item->key, item->value, err));
        r->pending_bytes += item->key.size + item->value.size;
        if (r->pending_bytes > TRANSACTION_BYTES) {
            ARM_TRY(begin_again(r, err));
        }
        ARM_TRY(step(r, err));
    }
done:
    return st;
}

/* ---- All of it ---- */

static arm_status open_runs(struct restore *r, struct arm_store *store,
                            const Armpb__Checkpoint *checkpoint, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(checkpoint->n_runs, sizeof *r->runs, &r->runs, err));
    ARM_TRY(arm__calloc(checkpoint->n_runs, sizeof *r->cursors, &r->cursors, err));
    ARM_TRY(arm__calloc(checkpoint->n_runs, sizeof *r->heap, &r->heap, err));
    for (size_t i = 0; i < checkpoint->n_runs; i++) {
        const Armpb__CheckpointRun *run = checkpoint->runs[i];
        struct arm_hash chunk;

        if (run->chunk.len != sizeof chunk.bytes) {
            st = arm__fail(err, ARM_CORRUPT, "a run's hash has not its size");
            goto done;
        }
        memcpy(chunk.bytes, run->chunk.data, sizeof chunk.bytes);
        ARM_TRY(arm__run_open(store, &chunk, &r->runs[i], err));
        r->run_count++;
    }
done:
    return st;
}

static void release(struct restore *r)
{
    arm__index_abort(r->txn);
    for (size_t i = 0; i < r->run_count; i++) {
        arm__run_cursor_release(&r->cursors[i]);
        arm__run_close(&r->runs[i]);
    }
    arm__free(r->heap);
    arm__free(r->cursors);
    arm__free(r->runs);
}

arm_status arm__index_restore(struct arm_index *index, struct arm_store *store,
                              const Armpb__Checkpoint *checkpoint, struct arm_error *err)
{
    struct restore r = {.index = index};
    struct arm_log_position at;
    arm_status st = ARM_OK;

    if (checkpoint->index_format != ARM_INDEX_FORMAT) {
        return arm__fail(err, ARM_CORRUPT, "the checkpoint is of index format %u, not %u",
                         checkpoint->index_format, ARM_INDEX_FORMAT);
    }
    ARM_TRY(arm__checkpoint_position(checkpoint, &at, err));
    ARM_TRY(open_runs(&r, store, checkpoint, err));
    ARM_TRY(arm__index_write(index, &r.txn, err));
    for (int db = ARM_RUN_DB_FIRST; db < ARM_DB_COUNT; db++) {
        ARM_TRY(restore_database(&r, (enum arm_db)db, err));
    }
    ARM_TRY(arm__index_folded(r.txn, &at, err));
    st = arm__index_commit(r.txn, err);
    r.txn = NULL;
done:
    release(&r);
    return st;
}
