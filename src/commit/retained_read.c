/* SPDX-License-Identifier: Apache-2.0 */
/* The mark, fed from a repository's log. */

#include <string.h>

#include "commit/commit_private.h"
#include "commit/retained.h"

static arm_status read_record(struct arm_retained *retained, struct arm_store *store, uint64_t tx,
                              const struct arm_record *bytes, struct arm_error *err)
{
    Armpb__Record *record = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__record_decode(bytes->spine, bytes->payload.size, &record, err));
    if (record->in_chunk != NULL) {
        struct arm_hash chunk;

        memcpy(chunk.bytes, record->in_chunk->hash.data, sizeof chunk.bytes);
        arm__retained_add_chunk(retained, &chunk);
        arm__record_free(record);
        record = NULL;
        ARM_TRY(arm__record_resolve(store, bytes, &record, err));
    }
    ARM_TRY(arm__retained_add(retained, tx, record, err));
done:
    arm__record_free(record);
    return st;
}

arm_status arm__retained_read(struct arm_retained *retained, struct arm_repository *repository,
                              struct arm_log_position *inout_at, struct arm_buf *frame,
                              bool *out_found, struct arm_error *err)
{
    uint64_t tx = inout_at->next_tx;
    struct arm_frame_header header;
    arm_status st = ARM_OK;

    ARM_TRY(arm__log_read(repository->log, inout_at, frame, &header, out_found, err));
    for (uint32_t i = 0; *out_found && i < header.record_count; i++) {
        struct arm_record bytes = arm__frame_record(arm__buf_bytes(frame), i);

        ARM_TRY(read_record(retained, repository->store, tx++, &bytes, err));
    }
done:
    return st;
}
