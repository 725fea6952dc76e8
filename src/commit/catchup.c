/* SPDX-License-Identifier: Apache-2.0 */
/* Catching up: the index is folded from where it is to the end of the log. Done under the
 * commit lock before every commit, since a process may have been killed between its append and
 * its fold; and over the whole log when the index is made anew. */

#include "commit/commit_private.h"

enum { RECORDS_PER_TRANSACTION = 2048 };

static arm_status fold_record(const struct arm_catch_up *source, struct arm_index_txn *txn,
                              const struct arm_fold_at *at, const struct arm_record *bytes,
                              struct arm_error *err)
{
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__record_resolve(source->store, bytes, &record, err));
    ARM_TRY(arm__index_fold(txn, at, record, err));
done:
    arm__record_free(record);
    if (st == ARM_CORRUPT || st == ARM_NOT_FOUND || st == ARM_HASH_MISMATCH) {
        return arm__fail_within(err, st, "log segment %llu, byte %llu",
                                (unsigned long long)at->segment, (unsigned long long)at->offset);
    }
    return st;
}

static arm_status fold_frame(const struct arm_catch_up *source, struct arm_index_txn *txn,
                             struct arm_fold_at at, struct arm_bytes frame,
                             const struct arm_frame_header *header, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (uint32_t i = 0; i < header->record_count; i++) {
        struct arm_record bytes = arm__frame_record(frame, i);

        at.tx = header->first_tx + i;
        at.record = i;
        ARM_TRY(fold_record(source, txn, &at, &bytes, err));
    }
done:
    return st;
}

static bool is_at(const struct arm_log_position *a, const struct arm_log_position *b)
{
    return b != NULL && a->segment == b->segment && a->offset == b->offset;
}

arm_status arm__catch_up(const struct arm_catch_up *source, struct arm_index_txn *txn,
                         struct arm_index_state *state, uint64_t *out_folded, bool *out_more,
                         struct arm_error *err)
{
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_log_position next = state->is_empty ? arm__log_start(source->log) : state->folded;
    uint64_t folded = 0;
    bool moved = state->is_empty;
    bool found = true;
    arm_status st = ARM_OK;

    *out_more = false;
    while (!*out_more && !is_at(&next, source->until)) {
        struct arm_frame_header header;
        struct arm_fold_at at;

        ARM_TRY(arm__log_read(source->log, &next, &frame, &header, &found, err));
        if (!found) {
            break;
        }
        at = (struct arm_fold_at){.segment = next.segment,
                                  .offset = next.offset - header.size_bytes};
        ARM_TRY(fold_frame(source, txn, at, arm__buf_bytes(&frame), &header, err));
        folded += header.record_count;
        if (source->frame_count != NULL) {
            (*source->frame_count)++;
        }
        moved = true;
        *out_more = source->record_limit != 0 && folded >= source->record_limit;
    }
    if (moved) {
        ARM_TRY(arm__index_folded(txn, &next, err));
        ARM_TRY(arm__index_state(txn, state, err));
    }
    if (out_folded != NULL) {
        *out_folded += folded;
    }
done:
    arm__buf_release(&frame);
    return st;
}

arm_status arm__catch_up_all(const struct arm_catch_up *source, struct arm_index *index,
                             uint64_t *out_folded, struct arm_error *err)
{
    struct arm_catch_up part = *source;
    struct arm_index_txn *txn = NULL;
    bool more = true;
    arm_status st = ARM_OK;

    part.record_limit = RECORDS_PER_TRANSACTION;
    while (more) {
        struct arm_index_state state;

        ARM_TRY(arm__index_write(index, &txn, err));
        ARM_TRY(arm__index_state(txn, &state, err));
        ARM_TRY(arm__catch_up(&part, txn, &state, out_folded, &more, err));
        st = arm__index_commit(txn, err);
        txn = NULL;
        ARM_TRY(st);
    }
done:
    arm__index_abort(txn);
    return st;
}
