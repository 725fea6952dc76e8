/* SPDX-License-Identifier: Apache-2.0 */
/* The fold: one record of the log becomes a few keys.
 *
 * Everything a record claims about what came before it is checked against what is there (ids,
 * parents, times, versions, totals, roots), so that a log that was put together wrongly is found
 * out here and not by a reader. The fold takes nothing from outside: no clock, no random number,
 * no order but the log's (I1). */

#include <assert.h>
#include <string.h>

#include "index/index_private.h"

enum { PARENTS_MAX = 2 };

static arm_status wrong(const struct arm_fold_at *at, const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "tx %llu (segment %llu, offset %llu): %s",
                     (unsigned long long)at->tx, (unsigned long long)at->segment,
                     (unsigned long long)at->offset, what);
}

static arm_status take_id(const struct arm_fold_at *at, ProtobufCBinaryData bytes,
                          struct arm_id *out, struct arm_error *err)
{
    if (bytes.len != ARM_ID_BYTES) {
        return wrong(at, "a commit id has not its size", err);
    }
    memcpy(out->bytes, bytes.data, ARM_ID_BYTES);
    return ARM_OK;
}

/* Tx ids are dense, times grow, ids are new. */
static arm_status check_order(struct arm_index_txn *txn, const struct arm_fold_at *at,
                              const struct arm_id *commit_id, int64_t time_us,
                              struct arm_error *err)
{
    struct arm_record_row row;
    bool found;
    uint64_t tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_record(txn, at->tx, &row, &found, err));
    if (found) {
        st = wrong(at, "it was folded before", err);
        goto done;
    }
    if (at->tx > 1) {
        ARM_TRY(arm__index_record(txn, at->tx - 1, &row, &found, err));
        if (!found) {
            st = wrong(at, "the one before is missing", err);
            goto done;
        }
        if (row.time_us >= time_us) {
            st = wrong(at, "its time is not after that of the one before", err);
            goto done;
        }
    }
    ARM_TRY(arm__index_find_id(txn, commit_id, &tx, &found, err));
    if (found) {
        st = wrong(at, "its commit id is taken", err);
    }
done:
    return st;
}

/* The first parent is the branch's head, if it has one, and another is what it merged; all are
 * known; the generation follows. `*out_merged` is the tx of the other, 0: there is none. */
static arm_status check_parents(struct arm_index_txn *txn, const struct arm_fold_at *at,
                                const Armpb__Commit *commit, uint64_t *out_merged,
                                struct arm_error *err)
{
    uint64_t generation = 0;
    uint64_t head;
    arm_status st = ARM_OK;

    *out_merged = 0;

    ARM_TRY(arm__index_head(txn, commit->branch_id, at->tx, &head, err));
    if (commit->n_parents > PARENTS_MAX - (head == 0) || (head != 0 && commit->n_parents == 0)) {
        st = wrong(at, "it has not the parents that its branch gives", err);
        goto done;
    }
    for (size_t i = 0; i < commit->n_parents; i++) {
        struct arm_record_row row;
        struct arm_id parent;
        uint64_t tx = 0;
        bool found;

        ARM_TRY(take_id(at, commit->parents[i], &parent, err));
        ARM_TRY(arm__index_find_id(txn, &parent, &tx, &found, err));
        if (found) {
            ARM_TRY(arm__index_record(txn, tx, &row, &found, err));
        }
        if (!found || !row.is_commit) {
            st = wrong(at, "a parent is not a commit", err);
            goto done;
        }
        if ((tx == head) != (i == 0 && head != 0)) {
            st = wrong(at, "its first parent alone should be the branch's head", err);
            goto done;
        }
        *out_merged = tx == head ? 0 : tx;
        generation = row.generation > generation ? row.generation : generation;
    }
    if (commit->generation != generation + 1) {
        st = wrong(at, "its generation does not follow its parents'", err);
    }
done:
    return st;
}

static arm_status put_record(struct arm_index_txn *txn, const struct arm_fold_at *at,
                             struct arm_record_row *row, struct arm_error *err)
{
    struct arm_key tx_key = arm__key_tx(at->tx);
    struct arm_key id_key = arm__key_id(&row->commit_id);
    struct arm_buf *bytes = arm__kv_scratch(txn);
    arm_status st = ARM_OK;

    row->tx = at->tx;
    row->segment = at->segment;
    row->offset = at->offset;
    row->record = at->record;
    ARM_TRY(arm__row_put_record(row, bytes, err));
    ARM_TRY(arm__kv_put(txn, ARM_DB_TX, arm__key_bytes(&tx_key), arm__buf_bytes(bytes), err));
    ARM_TRY(arm__kv_put(txn, ARM_DB_ID, arm__key_bytes(&id_key), arm__key_bytes(&tx_key), err));
done:
    return st;
}

static arm_status put_merge(struct arm_index_txn *txn, const struct arm_fold_at *at,
                            uint64_t branch_id, uint64_t source_tx, struct arm_error *err)
{
    struct arm_key key = arm__key_pair(branch_id, at->tx);
    struct arm_buf *bytes = arm__kv_scratch(txn);
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_varint(bytes, source_tx, err));
    ARM_TRY(arm__kv_put(txn, ARM_DB_MERGE, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    return st;
}

static arm_status fold_commit(struct arm_index_txn *txn, const struct arm_fold_at *at,
                              const Armpb__Commit *commit, struct arm_error *err)
{
    struct arm_fold fold = {txn, at, commit->branch_id};
    struct arm_record_row row = {.is_commit = true,
                                 .branch_id = commit->branch_id,
                                 .generation = commit->generation,
                                 .time_us = commit->time_us};
    struct arm_key head = arm__key_pair(commit->branch_id, at->tx);
    struct arm_branch_row branch;
    uint64_t merged;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(take_id(at, commit->commit_id, &row.commit_id, err));
    ARM_TRY(check_order(txn, at, &row.commit_id, commit->time_us, err));
    ARM_TRY(arm__index_branch(txn, commit->branch_id, &branch, &found, err));
    if (!found) {
        st = wrong(at, "its branch was never made", err);
        goto done;
    }
    ARM_TRY(check_parents(txn, at, commit, &merged, err));
    ARM_TRY(put_record(txn, at, &row, err));
    ARM_TRY(arm__kv_put(txn, ARM_DB_HEAD, arm__key_bytes(&head), (struct arm_bytes){NULL, 0}, err));
    if (merged != 0) {
        ARM_TRY(put_merge(txn, at, commit->branch_id, merged, err));
    }
    if (commit->cursor != NULL) {
        ARM_TRY(arm__fold_consumer(&fold, commit->cursor, false, err));
    }
    ARM_TRY(arm__fold_names(&fold, commit, err));
    for (size_t i = 0; i < commit->n_changes; i++) {
        ARM_TRY(arm__fold_table(&fold, commit->changes[i], err));
    }
done:
    return st;
}

static arm_status fold_ref(struct arm_index_txn *txn, const struct arm_fold_at *at,
                           const Armpb__RefChange *change, struct arm_error *err)
{
    struct arm_fold fold = {txn, at, 0};
    struct arm_record_row row = {.is_commit = false, .time_us = change->time_us};
    arm_status st = ARM_OK;

    ARM_TRY(take_id(at, change->commit_id, &row.commit_id, err));
    ARM_TRY(check_order(txn, at, &row.commit_id, change->time_us, err));
    ARM_TRY(put_record(txn, at, &row, err));
    ARM_TRY(arm__fold_ref(&fold, change, err));
done:
    return st;
}

static arm_status fold_checkpoint(struct arm_index_txn *txn, const struct arm_fold_at *at,
                                  const Armpb__Checkpoint *checkpoint, struct arm_error *err)
{
    struct arm_fold fold = {txn, at, 0};
    struct arm_record_row row = {.is_commit = false, .time_us = checkpoint->time_us};
    arm_status st = ARM_OK;

    ARM_TRY(take_id(at, checkpoint->commit_id, &row.commit_id, err));
    ARM_TRY(check_order(txn, at, &row.commit_id, checkpoint->time_us, err));
    ARM_TRY(put_record(txn, at, &row, err));
    ARM_TRY(arm__fold_checkpoint(&fold, checkpoint, err));
done:
    return st;
}

static arm_status fold_compaction(struct arm_index_txn *txn, const struct arm_fold_at *at,
                                  const Armpb__Compaction *compaction, struct arm_error *err)
{
    struct arm_fold fold = {txn, at, 0};
    struct arm_record_row row = {.is_commit = false, .time_us = compaction->time_us};
    arm_status st = ARM_OK;

    ARM_TRY(take_id(at, compaction->commit_id, &row.commit_id, err));
    ARM_TRY(check_order(txn, at, &row.commit_id, compaction->time_us, err));
    ARM_TRY(put_record(txn, at, &row, err));
    ARM_TRY(arm__fold_compaction(&fold, compaction, err));
done:
    return st;
}

static arm_status fold_sequence(struct arm_index_txn *txn, const struct arm_fold_at *at,
                                const Armpb__SequenceAdvance *advance, struct arm_error *err)
{
    struct arm_fold fold = {txn, at, 0};
    struct arm_record_row row = {.is_commit = false, .time_us = advance->time_us};
    arm_status st = ARM_OK;

    ARM_TRY(take_id(at, advance->commit_id, &row.commit_id, err));
    ARM_TRY(check_order(txn, at, &row.commit_id, advance->time_us, err));
    ARM_TRY(put_record(txn, at, &row, err));
    ARM_TRY(arm__fold_sequence(&fold, advance, err));
done:
    return st;
}

static arm_status fold_retention(struct arm_index_txn *txn, const struct arm_fold_at *at,
                                 const Armpb__Retention *retention, struct arm_error *err)
{
    struct arm_fold fold = {txn, at, 0};
    struct arm_record_row row = {.is_commit = false, .time_us = retention->time_us};
    arm_status st = ARM_OK;

    ARM_TRY(take_id(at, retention->commit_id, &row.commit_id, err));
    ARM_TRY(check_order(txn, at, &row.commit_id, retention->time_us, err));
    ARM_TRY(put_record(txn, at, &row, err));
    ARM_TRY(arm__fold_retention(&fold, retention, err));
done:
    return st;
}

static arm_status fold_consumer(struct arm_index_txn *txn, const struct arm_fold_at *at,
                                const Armpb__ConsumerChange *change, struct arm_error *err)
{
    struct arm_fold fold = {txn, at, 0};
    struct arm_record_row row = {.is_commit = false, .time_us = change->time_us};
    arm_status st = ARM_OK;

    ARM_TRY(take_id(at, change->commit_id, &row.commit_id, err));
    ARM_TRY(check_order(txn, at, &row.commit_id, change->time_us, err));
    ARM_TRY(put_record(txn, at, &row, err));
    ARM_TRY(arm__fold_consumer(&fold, change->cursor, true, err));
done:
    return st;
}

static arm_status fold_loose(struct arm_index_txn *txn, const struct arm_fold_at *at,
                             const Armpb__LooseChunk *loose, struct arm_error *err)
{
    struct arm_fold fold = {txn, at, 0};
    struct arm_record_row row = {.is_commit = false, .time_us = loose->time_us};
    arm_status st = ARM_OK;

    ARM_TRY(take_id(at, loose->commit_id, &row.commit_id, err));
    ARM_TRY(check_order(txn, at, &row.commit_id, loose->time_us, err));
    ARM_TRY(put_record(txn, at, &row, err));
    ARM_TRY(arm__fold_loose(&fold, loose, err));
done:
    return st;
}

arm_status arm__index_fold(struct arm_index_txn *txn, const struct arm_fold_at *at,
                           const Armpb__Record *record, struct arm_error *err)
{
    arm_status st;

    if (record->commit != NULL) {
        st = fold_commit(txn, at, record->commit, err);
    } else if (record->ref != NULL) {
        st = fold_ref(txn, at, record->ref, err);
    } else if (record->checkpoint != NULL) {
        st = fold_checkpoint(txn, at, record->checkpoint, err);
    } else if (record->compaction != NULL) {
        st = fold_compaction(txn, at, record->compaction, err);
    } else if (record->sequence != NULL) {
        st = fold_sequence(txn, at, record->sequence, err);
    } else if (record->retention != NULL) {
        st = fold_retention(txn, at, record->retention, err);
    } else if (record->consumer != NULL) {
        st = fold_consumer(txn, at, record->consumer, err);
    } else if (record->loose != NULL) {
        st = fold_loose(txn, at, record->loose, err);
    } else {
        return wrong(at, "it is none of the records that can be folded", err);
    }
    if (st == ARM_CORRUPT) {
        return arm__fail_within(err, st, "folding tx %llu", (unsigned long long)at->tx);
    }
    return st;
}
