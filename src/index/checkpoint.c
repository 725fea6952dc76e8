/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: what the index keeps of them, and the writing of what is new since the last one.
 *
 * Nothing in the index is changed or removed once it is there (I2), so that it is the union of
 * what each tx put. A checkpoint adds one run, of the txs since the one before; with the runs
 * before it that is the whole index as of a tx. The new rows are found by reading all: a
 * sequential read of a mapped file, cheap beside the folding that it saves, as long as runs grow
 * with what was there before (commit/checkpoint.c). */

#include <string.h>

#include "index/run.h"
#include "model/message.h"

/* ---- The last one ---- */

static arm_status last_item(struct arm_index_txn *txn, struct arm_kv_item *out, bool *out_found,
                            struct arm_error *err)
{
    struct arm_key key = arm__key_tx(UINT64_MAX);

    return arm__kv_floor(txn, ARM_DB_CHECKPOINT, arm__key_bytes(&key), 0, out, out_found, err);
}

arm_status arm__index_checkpoint(struct arm_index_txn *txn, Armpb__Checkpoint **out,
                                 struct arm_error *err)
{
    ProtobufCMessage *message = NULL;
    struct arm_kv_item item;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(last_item(txn, &item, &found, err));
    if (found) {
        ARM_TRY(arm__message_unpack(&armpb__checkpoint__descriptor, item.value, &message, err));
    }
    *out = (Armpb__Checkpoint *)(void *)message;
done:
    return st;
}

arm_status arm__index_checkpoint_position(struct arm_index_txn *txn, uint64_t *out_tx,
                                          struct arm_log_position *out, struct arm_error *err)
{
    struct arm_log_position at = {.next_tx = 0};
    Armpb__Checkpoint *checkpoint = NULL;
    struct arm_kv_item item;
    uint64_t tx = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(last_item(txn, &item, &found, err));
    if (found) {
        ARM_TRY(arm__key_last_u64(item.key, &tx, err));
        ARM_TRY(arm__index_checkpoint(txn, &checkpoint, err));
        ARM_TRY(arm__checkpoint_position(checkpoint, &at, err));
    }
    *out_tx = tx;
    *out = at;
done:
    arm__message_free(checkpoint == NULL ? NULL : &checkpoint->base);
    return st;
}

arm_status arm__checkpoint_position(const Armpb__Checkpoint *checkpoint,
                                    struct arm_log_position *out, struct arm_error *err)
{
    if (checkpoint->previous.len != ARM_HASH_BYTES) {
        return arm__fail(err, ARM_CORRUPT, "a checkpoint's hash has not its size");
    }
    *out = (struct arm_log_position){.segment = checkpoint->segment,
                                     .offset = checkpoint->offset,
                                     .next_tx = checkpoint->next_tx};
    memcpy(out->previous.bytes, checkpoint->previous.data, ARM_HASH_BYTES);
    return ARM_OK;
}

/* ---- Folding ---- */

/* It is of what came before it, and of no less than the last one. */
static arm_status check_place(const struct arm_fold *fold, const Armpb__Checkpoint *checkpoint,
                              const Armpb__Checkpoint *last, struct arm_error *err)
{
    if (checkpoint->next_tx > fold->at->tx) {
        return arm__fail(err, ARM_CORRUPT, "a checkpoint of what comes after it");
    }
    if (last != NULL && checkpoint->next_tx < last->next_tx) {
        return arm__fail(err, ARM_CORRUPT, "a checkpoint of less than the one before it");
    }
    return ARM_OK;
}

arm_status arm__fold_checkpoint(const struct arm_fold *fold, const Armpb__Checkpoint *checkpoint,
                                struct arm_error *err)
{
    struct arm_key key = arm__key_tx(fold->at->tx);
    struct arm_buf *bytes = arm__kv_scratch(fold->txn);
    Armpb__Checkpoint *last = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_checkpoint(fold->txn, &last, err));
    ARM_TRY(check_place(fold, checkpoint, last, err));
    ARM_TRY(arm__message_pack(&checkpoint->base, bytes, err));
    ARM_TRY(arm__kv_put(fold->txn, ARM_DB_CHECKPOINT, arm__key_bytes(&key), arm__buf_bytes(bytes),
                        err));
done:
    arm__message_free(last == NULL ? NULL : &last->base);
    return st;
}

/* ---- Writing a run ----
 *
 * While a read transaction is open, LMDB gives no page again to writers that a commit since has
 * freed, and the file grows by all that they touch. So the index is read in many short ones. They
 * need not be of one moment: rows do not change, and those that come meanwhile are of later txs. */

enum { ITEMS_PER_TRANSACTION = 4096 };

struct scan {
    struct arm_index *index;
    struct arm_run_writer *writer;
    uint64_t first_tx;
    uint64_t next_tx;
    struct arm_key last; /* key that was read; size 0: none */
};

/* Some items behind the last one; `*out_more`: there may be others. */
static arm_status scan_some(struct scan *scan, enum arm_db db, bool *out_more,
                            struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    struct arm_kv_cursor *cursor = NULL;
    struct arm_kv_item item = {.key = {NULL, 0}};
    arm_status st = ARM_OK;

    *out_more = true;
    ARM_TRY(arm__index_read(scan->index, &txn, err));
    ARM_TRY(arm__kv_cursor_open(txn, db, &cursor, err));
    if (scan->last.size > 0) {
        ARM_TRY(arm__kv_cursor_after(cursor, arm__key_bytes(&scan->last), err));
    }
    for (int i = 0; i < ITEMS_PER_TRANSACTION && *out_more; i++) {
        uint64_t tx;

        ARM_TRY(arm__kv_cursor_next(cursor, &item, err));
        *out_more = item.key.data != NULL;
        if (*out_more) {
            ARM_TRY(arm__row_tx(db, item.key, item.value, &tx, err));
            if (tx >= scan->first_tx && tx < scan->next_tx) {
                ARM_TRY(arm__run_write(scan->writer, db, &item, err));
            }
            scan->last.size = item.key.size; /* LMDB's keys fit */
            memcpy(scan->last.bytes, item.key.data, item.key.size);
        }
    }
done:
    arm__kv_cursor_close(cursor);
    arm__index_abort(txn);
    return st;
}

static arm_status scan_database(struct scan *scan, enum arm_db db, struct arm_error *err)
{
    bool more = true;
    arm_status st = ARM_OK;

    scan->last.size = 0;
    while (more) {
        ARM_TRY(scan_some(scan, db, &more, err));
    }
done:
    return st;
}

arm_status arm__index_write_run(struct arm_index *index, uint64_t first_tx, uint64_t next_tx,
                                struct arm_store_writer *writer, struct arm_error *err)
{
    struct scan scan = {.index = index, .first_tx = first_tx, .next_tx = next_tx};
    arm_status st = ARM_OK;

    ARM_TRY(arm__run_writer_new(writer, &scan.writer, err));
    for (int db = ARM_RUN_DB_FIRST; db < ARM_DB_COUNT; db++) {
        ARM_TRY(scan_database(&scan, (enum arm_db)db, err));
    }
    ARM_TRY(arm__run_finish(scan.writer, err));
done:
    arm__run_writer_free(scan.writer);
    return st;
}
