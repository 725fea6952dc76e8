/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_CATALOG_PRIVATE_H
#define ARM_CATALOG_PRIVATE_H

/* What the files of catalog/ share: the handle and its caches. */

#include "base/thread.h"
#include "catalog/cache.h"
#include "catalog/catalog.h"

enum { ARM_STATE_CACHE_SIZE = 64 };

/* A cached table state and when it was last asked for. */
struct arm_state_slot {
    struct arm_table_state *state;
    uint64_t last_used;
};

struct arm_catalog {
    struct arm_index *index;
    struct arm_log *log;
    struct arm_store *store;
    struct arm_mutex mutex; /* guards everything below; a leaf: nothing else is locked under it */
    struct arm_state_slot states[ARM_STATE_CACHE_SIZE];
    uint64_t state_clock;
    size_t cached_entries;  /* of all states */
    struct arm_cache hot;   /* tx, payload offset -> struct hot_item * (hot.c) */
    size_t hot_bytes;       /* of all of them */
    struct arm_cache sound; /* chunk hash -> a mark (sound.c) */
    size_t sound_count;
    struct arm_cache statistics; /* chunk hash -> struct arm_statistics_item * */
    struct arm_cache schemas;    /* table id, schema id -> Armpb__Schema * */
};

/* Name now of a branch, or "" if it was dropped. */
arm_status arm__catalog_branch_name(struct arm_catalog *catalog, uint64_t branch_id, char out[256],
                                    struct arm_error *err);

/* ARM_NOT_FOUND: there is no branch, or tag, of that name (`kind` 0: neither); and what it is
 * called now, if it was renamed. */
arm_status arm__ref_missing(struct arm_index_txn *txn, Armpb__RefKind kind, const char *name,
                            uint64_t at_tx, struct arm_error *err);

/* The row of a tx. Errors: ARM_NOT_FOUND. */
arm_status arm__catalog_find_record(struct arm_catalog *catalog, uint64_t tx,
                                    struct arm_record_row *out, struct arm_error *err);
/* The frame of a row, in `frame`; `*out` points into it. */
arm_status arm__catalog_read_frame(struct arm_catalog *catalog, const struct arm_record_row *row,
                                   struct arm_buf *frame, struct arm_record *out,
                                   struct arm_error *err);

/* Empty the caches (see state.c, hot.c, sound.c, statistics.c). */
void arm__catalog_states_release(struct arm_catalog *catalog);
void arm__catalog_hot_release(struct arm_catalog *catalog);
void arm__catalog_sound_release(struct arm_catalog *catalog);
void arm__catalog_statistics_release(struct arm_catalog *catalog);

#endif
