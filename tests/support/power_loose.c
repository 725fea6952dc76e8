/* SPDX-License-Identifier: Apache-2.0 */
#include "support/power_loose.h"

#include <string.h>

#include "txn/txn.h"

static struct arm_bytes bytes_of(const char *text)
{
    return arm__bytes(text, strlen(text));
}

static arm_status move(struct play *play, const struct play_step *step, struct arm_error *err)
{
    struct arm_moved_table table = {
        .schema_name = "main", .name = step->name, .version = (uint64_t)step->from};
    struct arm_move job = {.message = "move", .count = 1, .tables = &table};
    struct arm_commit_result result;
    arm_status st = arm__catalog_snapshot(arm__repository_catalog(play->repository), play->branch,
                                          &job.snapshot, err);

    return st == ARM_OK ? arm__commit_move(play->repository, &job, &result, err) : st;
}

arm_status power_loose(struct play *play, const struct play_step *step, struct arm_error *err)
{
    struct arm_hash chunk = arm__hash(bytes_of(step->name));
    arm_status st = arm__repository_check(play->repository, true, err);

    if (st != ARM_OK) {
        return st;
    }
    switch (step->op) {
    case PLAY_KEEP:
        st = arm__loose_put(play->repository, bytes_of(step->name), &chunk, err);
        break;
    case PLAY_LET_GO:
        st = arm__loose_drop(play->repository, &chunk, err);
        break;
    default:
        st = move(play, step, err);
        break;
    }
    if (st == ARM_COMMIT_UNKNOWN) {
        memcpy(play->commit_id.bytes, err->commit_id, sizeof play->commit_id.bytes);
    }
    return st;
}

arm_status power_using(struct arm_transaction *txn, const struct play_step *step,
                       struct arm_error *err)
{
    struct arm_hash chunk = arm__hash(bytes_of(step->other));
    struct arm_version_words words = {.metadata = "{\"m\": 1}", .use_count = 1, .uses = &chunk};

    return arm__txn_tell_version(txn, "main", step->name, &words, err);
}
