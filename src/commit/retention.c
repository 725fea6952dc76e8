/* SPDX-License-Identifier: Apache-2.0 */
/* Moving the horizon: a Retention record says up to where history is given up, durably, before the
 * first chunk goes that is needed by nothing else. It never comes back. */

#include "commit/gc_private.h"

/* The last record that gc may look back to and at which something changed: what came between by gc
 * itself gives nothing up. */
static arm_status find_horizon(struct arm_index_txn *txn, int64_t until_us, uint64_t max_tx,
                               uint64_t *out, struct arm_error *err)
{
    uint64_t retention_tx;
    uint64_t ignored;
    uint64_t tx = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_find_time(txn, until_us, max_tx, &tx, &found, err));
    tx = found ? tx : 0;
    for (;;) {
        ARM_TRY(arm__index_horizon(txn, tx, &ignored, &retention_tx, err));
        if (tx == 0 || retention_tx != tx) {
            break;
        }
        tx--;
    }
    *out = tx;
done:
    return st;
}

/* Under the commit lock, which `txn` is; taken. */
static arm_status append(struct arm_gc *gc, struct arm_index_txn *txn,
                         struct arm_index_state *state, struct arm_error *err)
{
    struct arm_repository *repository = gc->repository;
    Armpb__Retention retention = ARMPB__RETENTION__INIT;
    Armpb__Record record = ARMPB__RECORD__INIT;
    struct arm_append append = {.record = &record, .state = state};
    uint64_t tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_new_id(repository, &append.commit_id, err));
    ARM_TRY(arm__repository_use_feature(repository, ARM_FEATURE_RETENTION, err));
    gc->is_told = true;
    retention.commit_id = (ProtobufCBinaryData){ARM_ID_BYTES, append.commit_id.bytes};
    retention.time_us = arm__repository_time(repository, state);
    retention.horizon_tx = gc->horizon_tx;
    record.retention = &retention;
    append.txn = txn;
    txn = NULL; /* taken */
    ARM_TRY(arm__repository_append(repository, &append, &tx, err));
done:
    arm__index_abort(txn);
    return st;
}

/* The horizon by what is durable, `*out_moves` if that is beyond the one as of `known_tx`. */
static arm_status work_out(struct arm_gc *gc, struct arm_index_txn *txn, uint64_t known_tx,
                           bool *out_moves, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(gc->repository->log);
    struct arm_record_row record = {.time_us = 0};
    uint64_t horizon_tx = 0;
    uint64_t before;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_horizon(txn, known_tx, &before, NULL, err));
    if (gc->request->until_us != 0) {
        ARM_TRY(find_horizon(txn, gc->request->until_us, durable, &horizon_tx, err));
    }
    gc->horizon_tx = horizon_tx > before ? horizon_tx : before;
    if (gc->horizon_tx != 0) {
        ARM_TRY(arm__index_record(txn, gc->horizon_tx, &record, &found, err));
    }
    gc->report.horizon_us = record.time_us;
    *out_moves = horizon_tx > before;
done:
    return st;
}

arm_status arm__gc_move_horizon(struct arm_gc *gc, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    bool moves = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(gc->repository->index, &txn, err));
    ARM_TRY(work_out(gc, txn, arm__log_durable_to(gc->repository->log), &moves, err));
    arm__index_abort(txn);
    txn = NULL;
    if (!moves || gc->request->dry_run) {
        goto done;
    }
    ARM_TRY(arm__repository_begin(gc->repository, &txn, &state, err));
    ARM_TRY(work_out(gc, txn, UINT64_MAX, &moves, err));
    if (moves) {
        struct arm_index_txn *taken = txn;

        txn = NULL;
        ARM_TRY(append(gc, taken, &state, err));
    } else { /* another gc was faster: by what it gave up we go once it is durable */
        arm__index_abort(txn);
        txn = NULL;
        ARM_TRY(arm__log_wait_durable(gc->repository->log, state.folded.next_tx - 1, err));
    }
done:
    arm__index_abort(txn);
    return st;
}
