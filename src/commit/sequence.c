/* SPDX-License-Identifier: Apache-2.0 */
/* Places of sequences, given away in blocks: a record says how far they are taken, and is durable
 * before the first of them is handed out. So no value comes twice, whoever rolls back or is killed,
 * and whatever branch it is taken on; what is left of a block when a process ends is a gap.
 *
 * A process begins with the places it is asked for and takes twice as many each time: one that
 * wants one value leaves no gap, one that wants many syncs seldom. */

#include "commit/commit_private.h"

#include <string.h>

#include "base/alloc.h"

enum { AHEAD_MAX = 1024 };

struct arm_sequence_block {
    struct arm_table_id id;
    uint64_t next;
    uint64_t end;
    uint64_t size; /* of the last block */
};

void arm__sequences_init(struct arm_sequences *sequences)
{
    arm__mutex_init(&sequences->mutex);
}

void arm__sequences_release(struct arm_sequences *sequences)
{
    arm__free(sequences->blocks);
    arm__mutex_release(&sequences->mutex);
}

static arm_status find_block(struct arm_sequences *sequences, const struct arm_table_id *id,
                             struct arm_sequence_block **out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < sequences->count; i++) {
        if (arm__table_id_equal(&sequences->blocks[i].id, id)) {
            *out = &sequences->blocks[i];
            return ARM_OK;
        }
    }
    ARM_TRY(arm__realloc(&sequences->blocks, sequences->count + 1, sizeof *sequences->blocks, err));
    *out = &sequences->blocks[sequences->count++];
    **out = (struct arm_sequence_block){.id = *id};
done:
    return st;
}

/* Append the record that takes `count` more places, the first of which is `*out_first`. */
static arm_status advance(struct arm_repository *repository, const struct arm_table_id *id,
                          uint64_t count, uint64_t *out_first, struct arm_error *err)
{
    Armpb__SequenceAdvance advance = ARMPB__SEQUENCE_ADVANCE__INIT;
    Armpb__Record record = ARMPB__RECORD__INIT;
    struct arm_append append = {.record = &record};
    struct arm_table_id copy = *id;
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    uint64_t used = 0;
    uint64_t tx;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_new_id(repository, &append.commit_id, err));
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    ARM_TRY(arm__index_sequence(txn, id, &used, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no such sequence");
        goto done;
    }
    if (__builtin_add_overflow(used, count, &advance.used)) {
        st = arm__fail(err, ARM_FULL, "the sequence has no place left");
        goto done;
    }
    advance.commit_id = (ProtobufCBinaryData){ARM_ID_BYTES, append.commit_id.bytes};
    advance.table_id = (ProtobufCBinaryData){ARM_TABLE_ID_BYTES, copy.bytes};
    advance.time_us = arm__repository_time(repository, &state);
    record.sequence = &advance;
    append.txn = txn;
    append.state = &state;
    txn = NULL; /* taken */
    ARM_TRY(arm__repository_append(repository, &append, &tx, err));
    *out_first = used;
done:
    arm__index_abort(txn);
    return st;
}

/* The block is used up: another, of `wanted` places at least. */
static arm_status refill(struct arm_repository *repository, struct arm_sequence_block *block,
                         uint64_t wanted, struct arm_error *err)
{
    uint64_t size = 2 * block->size < AHEAD_MAX ? 2 * block->size : AHEAD_MAX;
    uint64_t first;
    arm_status st = ARM_OK;

    size = size < wanted ? wanted : size;
    ARM_TRY(advance(repository, &block->id, size, &first, err));
    block->next = first;
    block->end = first + size;
    block->size = size;
done:
    return st;
}

arm_status arm__sequence_take(struct arm_repository *repository, const struct arm_table_id *id,
                              uint64_t wanted, struct arm_places *out, struct arm_error *err)
{
    struct arm_sequences *sequences = &repository->sequences;
    struct arm_sequence_block *block = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    arm__mutex_lock(&sequences->mutex);
    st = find_block(sequences, id, &block, err);
    if (st == ARM_OK && block->next == block->end) {
        st = refill(repository, block, wanted, err);
    }
    if (st == ARM_OK) {
        uint64_t left = block->end - block->next;

        out->first = block->next;
        out->count = wanted < left ? wanted : left;
        block->next += out->count;
    }
    arm__mutex_unlock(&sequences->mutex);
done:
    return st;
}
