/* SPDX-License-Identifier: Apache-2.0 */
#include "support/power_consumer.h"

#include <string.h>

#include "txn/txn.h"

static arm_status look(struct play *play, const char *name, struct arm_consumer_row *out,
                       bool *out_found, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = arm__index_read(arm__repository_index(play->repository), &txn, err);

    if (st == ARM_OK) {
        st = arm__index_consumer(txn, name, UINT64_MAX, out, out_found, err);
    }
    arm__index_abort(txn);
    return st;
}

arm_status power_consumer(struct play *play, const struct play_step *step, struct arm_error *err)
{
    struct arm_new_cursor cursor = {
        .name = step->name, .shares = (uint64_t)step->from, .acked_tx = (uint64_t)step->to};
    struct arm_consumer_row row;
    bool found = false;
    arm_status st = look(play, step->name, &row, &found, err);

    if (st == ARM_OK && found) {
        cursor.seen = &row;
        st = arm__consumer_move(play->repository, &cursor, NULL, err);
    } else if (st == ARM_OK) {
        st = arm__consumer_make(play->repository, step->name, (uint64_t)step->to, &row, err);
    }
    if (st == ARM_COMMIT_UNKNOWN) {
        memcpy(play->commit_id.bytes, err->commit_id, sizeof play->commit_id.bytes);
    }
    return st;
}

arm_status power_consumed(struct play *play, struct arm_transaction *txn,
                          const struct play_step *step, struct arm_error *err)
{
    struct arm_consumer_row row;
    struct arm_new_cursor cursor = {
        .name = step->other, .shares = UINT64_MAX, .acked_tx = (uint64_t)step->to, .seen = &row};
    bool found = false;
    arm_status st = look(play, step->other, &row, &found, err);

    return st == ARM_OK ? arm__txn_acknowledge(txn, &cursor, err) : st;
}
