/* SPDX-License-Identifier: Apache-2.0 */
/* Records on their way to the disk, in one turn of the commit lock:
 *
 *   add       each: encoded (over 1 MiB it goes into a chunk, and the frame names that), and folded
 *             into the open index transaction, which nobody sees
 *   append    all of them to the log, in one frame; from here on they may become durable
 *   commit    the index: from here on other writers see them
 *   publish   in the log's shared page: whoever syncs next covers them
 *
 * and outside the lock: wait until they are durable; then readers see them (K1).
 *
 * The folds come before the append, so that everything that can go wrong with them (memory, a full
 * disk, a bug of ours) leaves the log as it was. A failure after the append is told as
 * ARM_COMMIT_UNKNOWN: the frame stands in the log, and whoever takes the lock next folds it. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "commit/commit_private.h"

enum { SPINE_BYTES_MAX = 1 << 30 };

int64_t arm__repository_time(struct arm_repository *repository, const struct arm_index_state *state)
{
    int64_t now = repository->io->now_us(repository->io->self);

    return now > state->last_time_us ? now : state->last_time_us + 1;
}

arm_status arm__repository_new_id(const struct arm_repository *repository, struct arm_id *out,
                                  struct arm_error *err)
{
    return arm__id_timed(repository->io->now_us(repository->io->self), out, err);
}

const char *arm__commit_author(const char *given)
{
    static const char *const names[] = {"ARMILLARIA_AUTHOR", "USER"};

    if (given != NULL) {
        return given;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && value[0] != '\0') {
            return value;
        }
    }
    return "unknown";
}

char *arm__commit_unconst(const char *text)
{
    union {
        const char *in;
        char *out;
    } pointer = {text};

    return pointer.out;
}

/* Put a large record into a chunk, durable before the log names it, and encode its name. The
 * chunk is leased: `*out_chunk`. */
static arm_status put_in_chunk(struct arm_repository *repository, struct arm_buf *spine,
                               struct arm_hash *out_chunk, struct arm_error *err)
{
    Armpb__RecordChunk in_chunk = ARMPB__RECORD_CHUNK__INIT;
    Armpb__Record record = ARMPB__RECORD__INIT;
    arm_status st = ARM_OK;

    ARM_TRY(arm__anchor_check(&repository->anchor, err)); /* R5 */
    ARM_TRY(arm__store_put(repository->store, arm__buf_bytes(spine), out_chunk, NULL, err));
    in_chunk.hash = (ProtobufCBinaryData){ARM_HASH_BYTES, out_chunk->bytes};
    in_chunk.bytes = spine->size;
    record.in_chunk = &in_chunk;
    arm__buf_clear(spine);
    ARM_TRY(arm__record_encode(&record, spine, err));
done:
    return st;
}

static void release_record(struct arm_repository *repository, struct arm_turn_record *record)
{
    if (!arm__hash_is_zero(&record->chunk)) {
        arm__store_lease_drop(repository->store, &record->chunk);
    }
    arm__buf_release(&record->spine);
}

/* ---- A turn ---- */

arm_status arm__turn_begin(struct arm_repository *repository, struct arm_turn *turn,
                           struct arm_error *err)
{
    arm_status st = ARM_OK;

    turn->txn = NULL;
    turn->count = 0;
    turn->spine_bytes = 0;
    ARM_TRY(arm__repository_begin(repository, &turn->txn, &turn->state, err));
    turn->start = turn->state.folded;
done:
    return st;
}

static arm_status fold(const struct arm_turn *turn, const Armpb__Record *record,
                       struct arm_error *err)
{
    struct arm_fold_at at = {.tx = turn->state.folded.next_tx,
                             .segment = turn->start.segment,
                             .offset = turn->start.offset,
                             .record = turn->count};
    arm_status st = arm__index_fold(turn->txn, &at, record, err);

    /* What validation let pass must fold: else the log would be given what cannot be read. */
    assert(st != ARM_CORRUPT);
    return st == ARM_CORRUPT ? arm__fail(err, ARM_REOPEN, "the index does not follow") : st;
}

arm_status arm__turn_add(struct arm_repository *repository, struct arm_turn *turn,
                         const Armpb__Record *record, struct arm_bytes payload,
                         const struct arm_commit_plan *plan, struct arm_error *err)
{
    struct arm_turn_record *added = &turn->records[turn->count];
    arm_status st = ARM_OK;

    assert(turn->count < ARM_TURN_RECORDS_MAX);
    *added = (struct arm_turn_record){
        .spine = ARM_BUF_INIT(SPINE_BYTES_MAX), .payload = payload, .plan = plan};
    ARM_TRY(arm__record_encode(record, &added->spine, err));
    turn->spine_bytes += added->spine.size;
    if (added->spine.size > ARM_RECORD_BYTES_MAX) {
        ARM_TRY(put_in_chunk(repository, &added->spine, &added->chunk, err));
    }
    ARM_TRY(arm__index_make_room(turn->txn, turn->count + 1, turn->spine_bytes, err));
    ARM_TRY(fold(turn, record, err));
    turn->count++;
    turn->state.folded.next_tx++;
    return ARM_OK;
done:
    release_record(repository, added);
    return st;
}

/* Correct the place if the log rolled over, and move the index past the frame. */
static arm_status settle(const struct arm_turn *turn, const struct arm_log_position *at,
                         const struct arm_log_position *tail, struct arm_error *err)
{
    bool moved = at->segment != turn->start.segment || at->offset != turn->start.offset;
    arm_status st = ARM_OK;

    for (uint32_t i = 0; moved && i < turn->count; i++) {
        struct arm_fold_at place = {.tx = turn->start.next_tx + i,
                                    .segment = at->segment,
                                    .offset = at->offset,
                                    .record = i};

        ARM_TRY(arm__index_place(turn->txn, &place, err));
    }
    ARM_TRY(arm__index_folded(turn->txn, tail, err));
done:
    return st;
}

arm_status arm__turn_append(struct arm_repository *repository, struct arm_turn *turn,
                            bool *out_appended, struct arm_error *err)
{
    struct arm_record records[ARM_TURN_RECORDS_MAX];
    struct arm_log_position tail = turn->start;
    struct arm_log_position at;
    arm_status st = ARM_OK;

    *out_appended = false;
    for (uint32_t i = 0; i < turn->count; i++) {
        const struct arm_turn_record *added = &turn->records[i];

        records[i] = (struct arm_record){arm__buf_bytes(&added->spine), added->payload};
    }
    ARM_TRY(arm__anchor_check(&repository->anchor, err)); /* R5 */
    ARM_TRY(arm__log_append(repository->log, &tail, records, turn->count, &at, err));
    *out_appended = true;
    ARM_TRY(settle(turn, &at, &tail, err));
    st = arm__index_commit(turn->txn, err);
    turn->txn = NULL;
    ARM_TRY(st);
    turn->state.folded = tail;
    arm__log_published(repository->log, &tail);
done:
    arm__index_abort(turn->txn);
    turn->txn = NULL;
    return st;
}

void arm__turn_release(struct arm_repository *repository, struct arm_turn *turn)
{
    arm__index_abort(turn->txn);
    turn->txn = NULL;
    for (uint32_t i = 0; i < turn->count; i++) {
        release_record(repository, &turn->records[i]);
    }
    turn->count = 0;
}

static const struct arm_commit_plan *plan_of(const struct arm_turn *turn, uint64_t tx)
{
    assert(tx >= turn->start.next_tx && tx - turn->start.next_tx < turn->count);
    return turn->records[tx - turn->start.next_tx].plan;
}

const Armpb__Commit *arm__turn_commit(const struct arm_turn *turn, uint64_t tx)
{
    const struct arm_commit_plan *plan = plan_of(turn, tx);

    return plan == NULL ? NULL : &plan->commit;
}

struct arm_key_run *const *arm__turn_keys(const struct arm_turn *turn, uint64_t tx,
                                          uint64_t payload_offset)
{
    const struct arm_commit_plan *plan = plan_of(turn, tx);

    for (size_t i = 0; plan != NULL && i < plan->placed_count; i++) {
        if (plan->placed[i].payload_offset == payload_offset && plan->placed[i].key_count > 0) {
            return plan->placed[i].keys;
        }
    }
    return NULL;
}

/* ---- One record ---- */

arm_status arm__commit_unknown(const struct arm_id *commit_id, struct arm_error *err)
{
    char hex[2 * ARM_ID_BYTES + 1];

    arm__id_hex(commit_id, hex);
    if (err != NULL) {
        (void)arm__fail_within(err, err->code, "commit %s is written but its outcome is unknown",
                               hex);
        err->code = ARM_COMMIT_UNKNOWN;
        arm__error_set_commit(err, commit_id);
    }
    return ARM_COMMIT_UNKNOWN;
}

static arm_status append(struct arm_repository *repository, const struct arm_append *append,
                         struct arm_error *err)
{
    struct arm_turn turn = {.txn = append->txn, .state = *append->state};
    bool appended = false;
    arm_status st = ARM_OK;

    turn.start = turn.state.folded;
    ARM_TRY(
        arm__turn_add(repository, &turn, append->record, (struct arm_bytes){NULL, 0}, NULL, err));
    ARM_TRY(arm__turn_append(repository, &turn, &appended, err));
done:
    arm__turn_release(repository, &turn);
    return st != ARM_OK && appended ? arm__commit_unknown(&append->commit_id, err) : st;
}

arm_status arm__repository_wait(struct arm_repository *repository, uint64_t tx,
                                const struct arm_id *commit_id, struct arm_error *err)
{
    arm_status st = arm__log_wait_durable(repository->log, tx, err);

    return st == ARM_OK ? ARM_OK : arm__commit_unknown(commit_id, err);
}

arm_status arm__repository_append(struct arm_repository *repository, const struct arm_append *how,
                                  uint64_t *out_tx, struct arm_error *err)
{
    uint64_t tx = how->state->folded.next_tx;
    arm_status st = ARM_OK;

    ARM_TRY(append(repository, how, err));
    ARM_TRY(arm__repository_wait(repository, tx, &how->commit_id, err));
    *out_tx = tx;
done:
    return st;
}
