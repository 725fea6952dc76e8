/* SPDX-License-Identifier: Apache-2.0 */
/* gc of key runs: files of index/keys/ whose chunk, or whose key, nobody has any more. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/gc_private.h"
#include "keys/key_sweep.h"

struct key_marking {
    const struct arm_gc *gc;
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

/* Of a chunk that is left. One that was not there when gc began may have come since. */
static arm_status mark_row(void *context, const struct arm_hash *chunk,
                           const struct arm_chunk_row *row, struct arm_error *err)
{
    struct key_marking *m = context;
    const struct arm_gc_item *item = arm__gc_find(m->gc, chunk);
    bool is_left = item != NULL && !item->is_gone;
    arm_status st = ARM_OK;

    (void)row;
    if (item == NULL) {
        ARM_TRY(arm__store_exists(m->gc->repository->store, chunk, &is_left, err));
    }
    if (is_left) {
        mark_chunk(m, chunk);
    }
done:
    return st;
}

static arm_status mark_key_runs(struct key_marking *m, struct arm_error *err)
{
    const struct arm_gc *gc = m->gc;
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(gc->repository->index, &txn, err));
    ARM_TRY(arm__index_schemas(txn, add_digests, m, err));
    tidy(m);
    ARM_TRY(arm__index_chunks(txn, mark_row, m, err));
    for (size_t i = 0; i < gc->count; i++) { /* those that nothing names yet too */
        if (!gc->items[i].is_gone) {
            mark_chunk(m, &gc->chunks[i]);
        }
    }
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__gc_sweep_keys(struct arm_gc *gc, struct arm_error *err)
{
    struct arm_repository *repository = gc->repository;
    struct key_marking m = {.gc = gc};
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(repository->path, "index/keys", &path, err));
    ARM_TRY(arm__key_sweep_new(repository->io, path, gc->before_us, &m.sweep, err));
    if (arm__key_sweep_count(m.sweep) > 0) {
        ARM_TRY(mark_key_runs(&m, err));
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
