/* SPDX-License-Identifier: Apache-2.0 */
#include "commit/missing.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "commit/commit_private.h"
#include "commit/retained.h"

arm_status arm__missing_add(struct arm_missing *missing, const struct arm_hash *chunk,
                            struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (missing->count == missing->capacity) {
        size_t capacity = missing->capacity == 0 ? 64 : 2 * missing->capacity;

        ARM_TRY(arm__realloc(&missing->chunks, capacity, sizeof *missing->chunks, err));
        missing->capacity = capacity;
    }
    missing->chunks[missing->count++] = *chunk;
done:
    return st;
}

void arm__missing_release(struct arm_missing *missing)
{
    arm__free(missing->chunks);
    *missing = (struct arm_missing){.chunks = NULL};
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct arm_hash));
}

static void keep_needed(struct arm_missing *missing, const struct arm_retained *retained)
{
    size_t kept = 0;

    for (size_t i = 0; i < missing->count; i++) {
        if (arm__retained_need(retained, i) != ARM_NEED_NONE) {
            missing->chunks[kept++] = missing->chunks[i];
        }
    }
    missing->count = kept;
}

arm_status arm__missing_judge(struct arm_missing *missing, struct arm_repository *repository,
                              struct arm_error *err)
{
    struct arm_retained_as_of as_of = {.durable_tx = arm__log_durable_to(repository->log),
                                       .pinned_tx = UINT64_MAX};
    struct arm_log_position at = arm__log_start(repository->log);
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_retained *retained = NULL;
    bool may_miss;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_has_feature(repository, ARM_FEATURE_RETENTION, &may_miss, err));
    if (missing->count == 0 || !may_miss) {
        goto done;
    }
    qsort(missing->chunks, missing->count, sizeof *missing->chunks, compare_hashes);
    ARM_TRY(arm__retained_new(missing->chunks, missing->count, &retained, err));
    do {
        ARM_TRY(arm__retained_read(retained, repository, &at, &frame, &found, err));
    } while (found && at.next_tx <= as_of.durable_tx);
    ARM_TRY(arm__retained_mark(retained, &as_of, err));
    keep_needed(missing, retained);
done:
    arm__retained_free(retained);
    arm__buf_release(&frame);
    return st;
}
