/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_GC_PRIVATE_H
#define ARM_COMMIT_GC_PRIVATE_H

/* What the files of gc share. */

#include "commit/commit_private.h"
#include "commit/gc.h"
#include "commit/retained.h"

struct arm_gc_item {
    uint64_t bytes;
    bool is_needed; /* the index names it, or it is gone already: not asked about */
    bool is_young;
    bool is_gone; /* or would be */
};

struct arm_gc {
    struct arm_repository *repository;
    const struct arm_gc_request *request;
    struct arm_gc_report report;
    int64_t before_us;       /* what was written later is young */
    struct arm_hash *chunks; /* every file of chunks/, ascending */
    struct arm_gc_item *items;
    size_t count;
    size_t capacity;
    uint64_t horizon_tx; /* of this gc */
    uint64_t pinned_tx;  /* of the last mark */
    struct arm_retained *retained;
    bool is_told;               /* FORMAT has the bit: chunks may go that the log names */
    struct arm_log_position at; /* read so far */
    uint64_t total;             /* of txs and chunks, for the progress */
    uint64_t removed;
};

/* NULL: no file had that name when gc began. */
struct arm_gc_item *arm__gc_find(const struct arm_gc *gc, const struct arm_hash *chunk);

/* retention.c: give up what the request says, durably, or only work out the horizon. */
arm_status arm__gc_move_horizon(struct arm_gc *gc, struct arm_error *err);

/* gc_keys.c: the files of index/keys/ that are of no chunk which is left. */
arm_status arm__gc_sweep_keys(struct arm_gc *gc, struct arm_error *err);

#endif
