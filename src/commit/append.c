/* SPDX-License-Identifier: Apache-2.0 */
/* A record on its way to the disk, under the commit lock:
 *
 *   encode    over 1 MiB, the record goes into a chunk and the frame names that
 *   fold      into the open index transaction, which nobody sees
 *   append    to the log; from here on the record may become durable
 *   commit    the index: from here on other writers see it
 *   publish   in the log's shared page: whoever syncs next covers it
 *
 * and outside the lock: wait until it is durable; then readers see it (K1).
 *
 * The fold comes before the append, so that everything that can go wrong with it (memory, a full
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

static arm_status fold(const struct arm_append *append, const struct arm_log_position *tail,
                       struct arm_error *err)
{
    struct arm_fold_at at = {
        .tx = tail->next_tx, .segment = tail->segment, .offset = tail->offset, .record = 0};
    arm_status st = arm__index_fold(append->txn, &at, append->record, err);

    /* What validation let pass must fold: else the log would be given what cannot be read. */
    assert(st != ARM_CORRUPT);
    return st == ARM_CORRUPT ? arm__fail(err, ARM_REOPEN, "the index does not follow") : st;
}

/* Correct the place if the log rolled over, and move the index past the frame. */
static arm_status settle(const struct arm_append *append, const struct arm_log_position *before,
                         const struct arm_log_position *at, const struct arm_log_position *tail,
                         struct arm_error *err)
{
    struct arm_fold_at place = {
        .tx = before->next_tx, .segment = at->segment, .offset = at->offset, .record = 0};
    arm_status st = ARM_OK;

    if (at->segment != before->segment || at->offset != before->offset) {
        ARM_TRY(arm__index_place(append->txn, &place, err));
    }
    ARM_TRY(arm__index_folded(append->txn, tail, err));
done:
    return st;
}

/* The record stands in the log, but this process could not finish. */
static arm_status unknown(const struct arm_id *commit_id, struct arm_error *err)
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

arm_status arm__repository_append(struct arm_repository *repository,
                                  const struct arm_append *append, struct arm_error *err)
{
    struct arm_buf spine = ARM_BUF_INIT(SPINE_BYTES_MAX);
    struct arm_log_position before = append->state->folded;
    struct arm_log_position tail = before;
    struct arm_index_txn *txn = append->txn;
    struct arm_hash chunk = {{0}};
    struct arm_log_position at;
    struct arm_record bytes;
    uint64_t spine_bytes;
    arm_status st = ARM_OK;

    ARM_TRY(arm__record_encode(append->record, &spine, err));
    spine_bytes = spine.size;
    if (spine.size > ARM_RECORD_BYTES_MAX) {
        ARM_TRY(put_in_chunk(repository, &spine, &chunk, err));
    }
    ARM_TRY(arm__index_make_room(txn, spine_bytes, err));
    ARM_TRY(fold(append, &before, err));
    bytes = (struct arm_record){arm__buf_bytes(&spine), append->payload};
    ARM_TRY(arm__anchor_check(&repository->anchor, err)); /* R5 */
    ARM_TRY(arm__log_append(repository->log, &tail, &bytes, 1, &at, err));
    st = settle(append, &before, &at, &tail, err);
    if (st == ARM_OK) {
        st = arm__index_commit(txn, err);
        txn = NULL;
    }
    if (st != ARM_OK) {
        st = unknown(&append->commit_id, err);
        goto done;
    }
    arm__log_published(repository->log, &tail);
done:
    arm__index_abort(txn);
    if (!arm__hash_is_zero(&chunk)) {
        arm__store_lease_drop(repository->store, &chunk);
    }
    arm__buf_release(&spine);
    return st;
}

arm_status arm__repository_wait(struct arm_repository *repository, uint64_t tx,
                                const struct arm_id *commit_id, struct arm_error *err)
{
    arm_status st = arm__log_wait_durable(repository->log, tx, err);

    return st == ARM_OK ? ARM_OK : unknown(commit_id, err);
}

arm_status arm__repository_append_durable(struct arm_repository *repository,
                                          const struct arm_append *append, uint64_t *out_tx,
                                          struct arm_error *err)
{
    uint64_t tx = append->state->folded.next_tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_append(repository, append, err));
    ARM_TRY(arm__repository_wait(repository, tx, &append->commit_id, err));
    *out_tx = tx;
done:
    return st;
}
