/* SPDX-License-Identifier: Apache-2.0 */
/* Loose chunks: bytes that a user puts into the store by himself. The log says which there are, so
 * that gc, which believes it alone, leaves them.
 *
 * Put, and what a crash leaves after each step:
 *
 *   1 the chunk is there, durable, leased     a chunk that nobody names: gc
 *   2 the record that it is kept              a loose chunk, of which its user was not told
 *
 * Let go:
 *
 *   1 nothing else needs it, nobody leases it: the record that it is let go, durable
 *                                             a chunk that nobody names: gc
 *   2 still so, under the lock once more: the file is removed
 *
 * Between the two another may put the same bytes: then it is kept anew, and stays. */

#include <string.h>

#include "commit/commit_private.h"
#include "commit/retained.h"

/* ---- Records ---- */

/* Append one; takes the transaction, which is the commit lock. */
static arm_status append(struct arm_repository *repository, struct arm_index_txn *txn,
                         const struct arm_index_state *state, Armpb__LooseChunk *loose,
                         struct arm_error *err)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    struct arm_append append = {.record = &record, .state = state};
    uint64_t tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_new_id(repository, &append.commit_id, err));
    ARM_TRY(arm__repository_use_feature(repository, ARM_FEATURE_LOOSE, err));
    loose->commit_id = (ProtobufCBinaryData){ARM_ID_BYTES, append.commit_id.bytes};
    loose->time_us = arm__repository_time(repository, state);
    record.loose = loose;
    append.txn = txn;
    txn = NULL; /* taken */
    ARM_TRY(arm__repository_append(repository, &append, &tx, err));
done:
    arm__index_abort(txn);
    return st;
}

static uint64_t last_tx(const struct arm_index_state *state)
{
    return state->folded.next_tx - 1;
}

/* ---- Put ---- */

/* Whether a durable record says that it is kept; nothing can take that away while it is leased. */
static arm_status is_kept(struct arm_repository *repository, const struct arm_hash *chunk,
                          bool *out, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(repository->log);
    struct arm_loose_row row = {.tx = 0};
    struct arm_index_txn *txn = NULL;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(repository->index, &txn, err));
    ARM_TRY(arm__index_loose(txn, chunk, UINT64_MAX, &row, &found, err));
    *out = row.is_kept && row.tx <= durable;
done:
    arm__index_abort(txn);
    return st;
}

static arm_status keep(struct arm_repository *repository, const struct arm_hash *chunk,
                       uint64_t bytes, bool is_new, struct arm_error *err)
{
    Armpb__LooseChunk loose = ARMPB__LOOSE_CHUNK__INIT;
    struct arm_hash copy = *chunk;
    struct arm_loose_row row = {.tx = 0};
    struct arm_index_txn *txn = NULL;
    struct arm_index_txn *taken;
    struct arm_index_state state;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    ARM_TRY(arm__index_loose(txn, chunk, last_tx(&state), &row, &found, err));
    if (row.is_kept) { /* by another, who may have died before he could sync */
        arm__log_published(repository->log, &state.folded);
        arm__index_abort(txn);
        txn = NULL;
        ARM_TRY(arm__log_wait_durable(repository->log, last_tx(&state), err));
        goto done;
    }
    loose.chunk = (ProtobufCBinaryData){ARM_HASH_BYTES, copy.bytes};
    loose.bytes = bytes;
    loose.is_kept = true;
    loose.has_was_there = !is_new;
    loose.was_there = !is_new;
    taken = txn;
    txn = NULL;
    ARM_TRY(append(repository, taken, &state, &loose, err));
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__loose_put(struct arm_repository *repository, struct arm_bytes bytes,
                          struct arm_hash *out, struct arm_error *err)
{
    struct arm_hash chunk;
    bool leased = false;
    bool is_new = false;
    bool kept = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__store_put(repository->store, bytes, &chunk, &is_new, err));
    leased = true;
    ARM_TRY(is_kept(repository, &chunk, &kept, err));
    if (!kept) {
        ARM_TRY(keep(repository, &chunk, bytes.size, is_new, err));
    }
    *out = chunk;
done:
    if (leased) {
        arm__store_lease_drop(repository->store, &chunk);
    }
    return st;
}

/* ---- Let go ---- */

/* Who needs the chunk. The log is read where the index cannot tell. */
struct dropping {
    struct arm_repository *repository;
    struct arm_hash chunk;
    struct arm_loose_row row;
    bool was_let_go;               /* by step 1: it is done, then */
    struct arm_retained *retained; /* NULL: the log is not asked */
    struct arm_log_position at;    /* read so far */
};

/* Put by its user where nothing was, used by no version, in no table: what the log may need of it
 * besides would be a record that somebody foresaw. */
static arm_status is_own(const struct dropping *d, struct arm_index_txn *txn, bool *out,
                         struct arm_error *err)
{
    struct arm_chunk_row row;
    bool is_named = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_chunk(txn, &d->chunk, &row, NULL, &is_named, err));
    *out = d->row.is_kept && !d->row.was_there && !d->row.is_used && !is_named;
done:
    return st;
}

static arm_status read_log(struct dropping *d, uint64_t next_tx, struct arm_error *err)
{
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    bool found = true;
    arm_status st = ARM_OK;

    while (d->at.next_tx < next_tx) {
        ARM_TRY(arm__retained_read(d->retained, d->repository, &d->at, &frame, &found, err));
        if (!found) {
            st =
                arm__fail(err, ARM_CORRUPT, "the log cannot be read to its end: verify tells more");
            goto done;
        }
    }
done:
    arm__buf_release(&frame);
    return st;
}

/* Before the lock: most of the log. */
static arm_status prepare(struct dropping *d, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    bool found;
    bool own = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(d->repository->index, &txn, err));
    ARM_TRY(arm__index_state(txn, &state, err));
    ARM_TRY(arm__index_loose(txn, &d->chunk, UINT64_MAX, &d->row, &found, err));
    ARM_TRY(is_own(d, txn, &own, err));
    arm__index_abort(txn);
    txn = NULL;
    if (!own) {
        d->at = arm__log_start(d->repository->log);
        ARM_TRY(arm__retained_new(&d->chunk, 1, &d->retained, err));
        ARM_TRY(read_log(d, state.folded.next_tx, err));
    }
done:
    arm__index_abort(txn);
    return st;
}

static arm_status refuse_leased(void *context, const struct arm_hash *hash, struct arm_error *err)
{
    if (arm__hash_equal(hash, context)) {
        return arm__fail(err, ARM_BUSY, "a running process still needs the chunk");
    }
    return ARM_OK;
}

/* Under the lock: by the log as it is now. */
static arm_status ask_log(struct dropping *d, const struct arm_index_state *state,
                          struct arm_error *err)
{
    struct arm_retained_as_of as_of = {.durable_tx = arm__log_durable_to(d->repository->log)};
    char hex[ARM_HASH_HEX + 1];
    enum arm_need need;
    arm_status st = ARM_OK;

    ARM_TRY(read_log(d, state->folded.next_tx, err));
    ARM_TRY(arm__pins_oldest(d->repository->store, &as_of.pinned_tx, err));
    ARM_TRY(arm__retained_mark(d->retained, &as_of, err));
    need = arm__retained_need_of_log(d->retained, 0);
    arm__hash_hex(&d->chunk, hex);
    if (need == ARM_NEED_RETAINED) {
        st = arm__fail(err, ARM_INVALID,
                       "chunk %s is used, by a table version that can be read or by the log itself",
                       hex);
    } else if (need == ARM_NEED_PINNED) {
        st = arm__fail(err, ARM_BUSY, "chunk %s is read by a running transaction", hex);
    }
done:
    return st;
}

/* Whether it may go now; d->row is as of the lock. `*out_again`: the log is to be read first. */
static arm_status judge(struct dropping *d, struct arm_index_txn *txn,
                        const struct arm_index_state *state, bool *out_again, struct arm_error *err)
{
    bool found;
    bool own = true;
    arm_status st = ARM_OK;

    *out_again = false;
    d->row = (struct arm_loose_row){.tx = 0};
    ARM_TRY(arm__index_loose(txn, &d->chunk, last_tx(state), &d->row, &found, err));
    if (d->retained == NULL) {
        ARM_TRY(is_own(d, txn, &own, err));
        *out_again = !own;
    } else {
        ARM_TRY(ask_log(d, state, err));
    }
    if (!*out_again) {
        ARM_TRY(arm__store_leases(d->repository->store, refuse_leased, &d->chunk, err));
    }
done:
    return st;
}

/* Step 1. */
static arm_status let_go(struct dropping *d, bool *out_again, struct arm_error *err)
{
    Armpb__LooseChunk loose = ARMPB__LOOSE_CHUNK__INIT;
    struct arm_index_txn *txn = NULL;
    struct arm_index_txn *taken;
    struct arm_index_state state;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_begin(d->repository, &txn, &state, err));
    ARM_TRY(judge(d, txn, &state, out_again, err));
    if (*out_again || !d->row.is_kept) {
        goto done;
    }
    loose.chunk = (ProtobufCBinaryData){ARM_HASH_BYTES, d->chunk.bytes};
    loose.bytes = d->row.bytes;
    taken = txn;
    txn = NULL;
    ARM_TRY(append(d->repository, taken, &state, &loose, err));
    d->was_let_go = true;
done:
    arm__index_abort(txn);
    return st;
}

/* Step 2. A chunk that became somebody's meanwhile stays; whoever lets it go is told of the first
 * step's success. */
static arm_status remove_file(struct dropping *d, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    struct arm_chunk_row named;
    struct arm_loose_row row = {.tx = 0};
    struct arm_error local;
    bool is_named;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_begin(d->repository, &txn, &state, err));
    ARM_TRY(arm__index_loose(txn, &d->chunk, last_tx(&state), &row, &found, err));
    ARM_TRY(arm__index_chunk(txn, &d->chunk, &named, NULL, &is_named, err));
    if (row.is_kept || (d->retained == NULL && (row.is_used || is_named))) {
        goto done;
    }
    if (d->retained != NULL) {
        st = ask_log(d, &state, &local);
    }
    ARM_TRY(arm__anchor_check(&d->repository->anchor, err));                             /* R5 */
    if (st == ARM_OK && d->retained != NULL && arm__retained_is_named(d->retained, 0)) { /* G5 */
        st = arm__repository_use_feature(d->repository, ARM_FEATURE_RETENTION, &local);
    }
    if (st == ARM_OK) {
        st = arm__store_delete(d->repository->store, &d->chunk, &local);
    }
    if (st == ARM_INVALID || st == ARM_BUSY || st == ARM_NOT_FOUND) {
        st = ARM_OK;
    } else if (st != ARM_OK) {
        st = arm__fail(err, st, "%s", local.message);
    }
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__loose_drop(struct arm_repository *repository, const struct arm_hash *chunk,
                           struct arm_error *err)
{
    struct dropping d = {.repository = repository, .chunk = *chunk};
    uint64_t bytes;
    bool again = true;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__store_size(repository->store, chunk, &bytes, err));
    while (again) { /* at most twice: then the log is read */
        d.row = (struct arm_loose_row){.tx = 0};
        ARM_TRY(prepare(&d, err));
        ARM_TRY(let_go(&d, &again, err));
    }
    st = remove_file(&d, err);
    if (d.was_let_go) {
        st = ARM_OK; /* a file that is left is gc's */
    }
done:
    arm__retained_free(d.retained);
    return st;
}
