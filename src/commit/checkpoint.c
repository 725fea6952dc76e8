/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: the index in chunks, so that losing it costs the folding of what came after the
 * last checkpoint, not of the whole log.
 *
 *   run       the rows that are new since the last one, into a chunk (index/run.h), durable
 *   record    under the commit lock: which runs make up the index as of which position
 *   hint      log/checkpoint: where that record's frame is, written when it is durable
 *
 * A crash in between leaves a chunk that no record names, or a record without a hint, which is
 * a checkpoint that nobody uses; the next one is made after the same growth.
 *
 * One is due when the log has grown by an eighth since the last one, and by growth_bytes at least:
 * so the work of reading the index for it is shared by the commits that came meanwhile, whatever
 * the size of the history, and the runs are few. It is made by a thread of the process whose
 * commit found it due, which closing waits for: a process that makes one commit and ends makes
 * its checkpoint as well. Only one process at a time makes one (byte 3 of index/lock). What fails
 * about it fails no commit: it is tried again after more growth. Opening, closing and ref changes
 * make none. */

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"
#include "model/message.h"

enum { GROWTH_DIVISOR = 8 };
static const uint64_t growth_bytes_default = UINT64_C(32) << 20;
static const struct arm_range checkpoint_byte = {3, 1};

/* One in the making. */
struct making {
    struct arm_repository *repository;
    Armpb__Checkpoint *last; /* NULL: none */
    uint64_t last_tx;
    struct arm_log_position at; /* what it will hold ends here */
    struct arm_hash chunk;
    uint64_t chunk_bytes;
    bool has_chunk; /* leased */
    bool is_anew;   /* the runs before it are of no use */
};

/* ---- When ---- */

static uint64_t growth_of(const struct arm_repository *repository, uint64_t last_bytes)
{
    uint64_t growth = repository->checkpointer.growth_bytes;

    return last_bytes / GROWTH_DIVISOR > growth ? last_bytes / GROWTH_DIVISOR : growth;
}

/* From how many bytes of log on the next one is due, by what the index says. */
static arm_status find_due(struct arm_repository *repository, struct arm_index_txn *txn,
                           uint64_t *out_due, struct arm_error *err)
{
    struct arm_log_position last;
    uint64_t last_bytes;
    uint64_t due;
    uint64_t tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_checkpoint_position(txn, &tx, &last, err));
    last_bytes = tx == 0 ? 0 : arm__log_position_bytes(repository->log, &last);
    if (__builtin_add_overflow(last_bytes, growth_of(repository, last_bytes), &due)) {
        due = UINT64_MAX; /* never */
    }
    *out_due = due;
done:
    return st;
}

/* ---- Making one ---- */

static bool runs_are_there(const struct making *m, struct arm_error *err)
{
    for (size_t i = 0; i < m->last->n_runs; i++) {
        const Armpb__CheckpointRun *run = m->last->runs[i];
        struct arm_hash chunk;
        uint64_t size;

        memcpy(chunk.bytes, run->chunk.data, sizeof chunk.bytes);
        if (arm__store_size(m->repository->store, &chunk, &size, err) != ARM_OK ||
            size != run->bytes) {
            return false;
        }
    }
    return true;
}

/* Look what is folded, and which runs can be gone on from: those of the last checkpoint, unless
 * it is of another format, or damaged, or a restore found it so and removed the hint. */
static arm_status look(struct making *m, struct arm_index_txn *txn, struct arm_error *err)
{
    struct arm_checkpoint_hint hint;
    struct arm_log_position last;
    struct arm_index_state state;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_state(txn, &state, err));
    m->at = state.folded;
    ARM_TRY(arm__index_checkpoint_position(txn, &m->last_tx, &last, err));
    ARM_TRY(arm__index_checkpoint(txn, &m->last, err));
    ARM_TRY(arm__checkpoint_hint_read(m->repository, &hint, &found, err));
    m->is_anew = m->last == NULL || !found || hint.tx != m->last_tx ||
                 m->last->index_format != ARM_INDEX_FORMAT || !runs_are_there(m, NULL);
done:
    return st;
}

static arm_status write_run(struct making *m, struct arm_error *err)
{
    struct arm_store_writer *writer = NULL;
    uint64_t first_tx = m->is_anew ? 1 : m->last->next_tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_writer_new(m->repository->store, &writer, err));
    ARM_TRY(arm__index_write_run(m->repository->index, first_tx, m->at.next_tx, writer, err));
    st = arm__store_writer_finish(writer, &m->chunk, &m->chunk_bytes, NULL, err);
    writer = NULL;
    m->has_chunk = st == ARM_OK;
done:
    arm__store_writer_abort(writer);
    return st;
}

/* The runs before it, borrowed, and the new one. */
static arm_status list_runs(struct making *m, Armpb__Checkpoint *checkpoint,
                            Armpb__CheckpointRun *run, struct arm_error *err)
{
    size_t before = m->is_anew ? 0 : m->last->n_runs;
    arm_status st = ARM_OK;

    *run = (Armpb__CheckpointRun)ARMPB__CHECKPOINT_RUN__INIT;
    run->first_tx = m->is_anew ? 1 : m->last->next_tx;
    run->next_tx = m->at.next_tx;
    run->chunk = (ProtobufCBinaryData){sizeof m->chunk.bytes, m->chunk.bytes};
    run->bytes = m->chunk_bytes;
    ARM_TRY(arm__calloc(before + 1, sizeof(Armpb__CheckpointRun *), &checkpoint->runs, err));
    for (size_t i = 0; i < before; i++) {
        checkpoint->runs[i] = m->last->runs[i];
    }
    checkpoint->runs[before] = run;
    checkpoint->n_runs = before + 1;
done:
    return st;
}

/* Append the record, unless another checkpoint came first, and wait until it is durable.
 * `*out_tx` 0: it was not appended. */
static arm_status append_record(struct making *m, Armpb__Checkpoint *checkpoint, uint64_t *out_tx,
                                struct arm_error *err)
{
    struct arm_repository *repository = m->repository;
    Armpb__Record record = ARMPB__RECORD__INIT;
    struct arm_append append = {.record = &record};
    struct arm_index_txn *txn = NULL;
    struct arm_log_position last;
    struct arm_index_state state;
    uint64_t last_tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__repository_new_id(repository, &append.commit_id, err));
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    ARM_TRY(arm__index_checkpoint_position(txn, &last_tx, &last, err));
    if (last_tx != m->last_tx) {
        goto done;
    }
    checkpoint->commit_id = (ProtobufCBinaryData){ARM_ID_BYTES, append.commit_id.bytes};
    checkpoint->time_us = arm__repository_time(repository, &state);
    record.checkpoint = checkpoint;
    append.txn = txn;
    append.state = &state;
    txn = NULL; /* taken */
    ARM_TRY(arm__repository_append(repository, &append, out_tx, err));
done:
    arm__index_abort(txn);
    return st;
}

static arm_status write_hint(struct making *m, uint64_t tx, struct arm_error *err)
{
    struct arm_checkpoint_hint hint = {.tx = tx};
    struct arm_index_txn *txn = NULL;
    struct arm_record_row row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(m->repository->index, &txn, err));
    ARM_TRY(arm__index_record(txn, tx, &row, &found, err));
    assert(found); /* we have just folded it */
    hint.segment = row.segment;
    hint.offset = row.offset;
    ARM_TRY(arm__checkpoint_hint_write(m->repository, &hint, err));
done:
    arm__index_abort(txn);
    return st;
}

static arm_status publish(struct making *m, struct arm_error *err)
{
    Armpb__Checkpoint checkpoint = ARMPB__CHECKPOINT__INIT;
    Armpb__CheckpointRun run;
    uint64_t tx = 0;
    arm_status st = ARM_OK;

    checkpoint.index_format = ARM_INDEX_FORMAT;
    checkpoint.next_tx = m->at.next_tx;
    checkpoint.segment = m->at.segment;
    checkpoint.offset = m->at.offset;
    checkpoint.previous = (ProtobufCBinaryData){sizeof m->at.previous.bytes, m->at.previous.bytes};
    ARM_TRY(list_runs(m, &checkpoint, &run, err));
    ARM_TRY(append_record(m, &checkpoint, &tx, err));
    if (tx != 0) {
        ARM_TRY(write_hint(m, tx, err));
    }
done:
    arm__free(checkpoint.runs);
    return st;
}

/* `if_due`: do nothing when another process was faster. */
static arm_status make(struct arm_repository *repository, bool if_due, struct arm_error *err)
{
    struct making m = {.repository = repository};
    struct arm_index_txn *txn = NULL;
    uint64_t due = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(repository->index, &txn, err));
    ARM_TRY(look(&m, txn, err));
    if (if_due) {
        ARM_TRY(find_due(repository, txn, &due, err));
    }
    if (arm__log_position_bytes(repository->log, &m.at) < due ||
        (!m.is_anew && m.at.next_tx == m.last->next_tx)) {
        goto done;
    }
    arm__index_abort(txn); /* not held open while the run is written */
    txn = NULL;
    ARM_TRY(write_run(&m, err));
    ARM_TRY(publish(&m, err));
done:
    arm__index_abort(txn);
    if (m.has_chunk) {
        arm__store_lease_drop(repository->store, &m.chunk);
    }
    arm__message_free(m.last == NULL ? NULL : &m.last->base);
    return st;
}

static arm_status make_alone(struct arm_repository *repository, bool if_due, struct arm_error *err)
{
    const struct arm_io *io = repository->io;
    struct arm_file *file = repository->locks.file;
    arm_status st = ARM_OK;

    ARM_TRY(io->lock(io->self, file, checkpoint_byte, ARM_LOCK_EXCLUSIVE, false, err));
    st = make(repository, if_due, err);
    (void)io->lock(io->self, file, checkpoint_byte, ARM_LOCK_NONE, false, NULL);
done:
    return st;
}

arm_status arm__repository_checkpoint(struct arm_repository *repository, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(make_alone(repository, false, err));
done:
    return st;
}

/* ---- By itself ---- */

static uint64_t look_up_due(struct arm_repository *repository)
{
    struct arm_index_txn *txn = NULL;
    uint64_t due = 0;

    if (arm__index_read(repository->index, &txn, NULL) == ARM_OK) {
        (void)find_due(repository, txn, &due, NULL);
        arm__index_abort(txn);
    }
    return due;
}

static void *run_thread(void *argument)
{
    struct arm_repository *repository = argument;
    struct arm_checkpointer *c = &repository->checkpointer;
    uint64_t due;

    (void)make_alone(repository, true, NULL);
    due = look_up_due(repository);
    if (due <= c->found_bytes) { /* it failed, or somebody else is at it: not at once again */
        due = c->found_bytes + growth_of(repository, 0);
    }
    atomic_store(&c->due_bytes, due);
    atomic_store(&c->is_busy, false);
    return NULL;
}

void arm__checkpoint_init(struct arm_repository *repository, uint64_t growth_bytes)
{
    struct arm_checkpointer *c = &repository->checkpointer;

    arm__mutex_init(&c->mutex);
    c->growth_bytes = growth_bytes != 0 ? growth_bytes : growth_bytes_default;
    atomic_init(&c->due_bytes, 0);
    atomic_init(&c->is_busy, false);
}

/* Under the mutex: start the thread, after the last one's end. */
static void start(struct arm_repository *repository, uint64_t now_bytes)
{
    struct arm_checkpointer *c = &repository->checkpointer;

    if (c->has_thread) {
        (void)pthread_join(c->thread, NULL);
    }
    c->found_bytes = now_bytes;
    atomic_store(&c->is_busy, true);
    c->has_thread = pthread_create(&c->thread, NULL, run_thread, repository) == 0;
    if (!c->has_thread) {
        atomic_store(&c->due_bytes, now_bytes + growth_of(repository, 0));
        atomic_store(&c->is_busy, false);
    }
}

void arm__checkpoint_consider(struct arm_repository *repository, const struct arm_log_position *at)
{
    struct arm_checkpointer *c = &repository->checkpointer;
    uint64_t now_bytes = arm__log_position_bytes(repository->log, at);

    if (now_bytes < c->growth_bytes || now_bytes < atomic_load(&c->due_bytes) ||
        atomic_load(&c->is_busy)) {
        return;
    }
    arm__mutex_lock(&c->mutex);
    if (!atomic_load(&c->is_busy)) {
        if (atomic_load(&c->due_bytes) == 0) { /* nobody looked yet */
            atomic_store(&c->due_bytes, look_up_due(repository));
        }
        if (now_bytes >= atomic_load(&c->due_bytes)) {
            start(repository, now_bytes);
        }
    }
    arm__mutex_unlock(&c->mutex);
}

void arm__checkpoint_end(struct arm_repository *repository)
{
    struct arm_checkpointer *c = &repository->checkpointer;

    if (c->has_thread) {
        (void)pthread_join(c->thread, NULL);
        c->has_thread = false;
    }
}
