/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_COMPACT_H
#define ARM_COMMIT_COMPACT_H

/* The commit of a compaction: a table version's rows in other entries, without a new version.
 *
 * U1  It changes nothing that anybody reads, and makes no version. Row ids stay.
 * U2  It is optimistic: what it says was prepared outside the lock, and is held against the
 *     branch's head as it is now. A group whose sources are not there any more, or not one behind
 *     the other, is given up; rows that died meanwhile are dead in the new entries too.
 * U3  No commit fails because of it (translate.c). */

#include "commit/commit.h"

/* An entry as it was when it was read. */
struct arm_compact_source {
    struct arm_position position;
    uint64_t first_row_id;
    uint32_t rows;
    struct arm_hash rows_hash;
    struct arm_bytes dropped; /* roaring: its rows that are left out, dead by then; borrowed */
};

/* Neighbouring entries, and the chunks that have their rows but for the dropped, in order. */
struct arm_compact_group {
    size_t source_count;
    const struct arm_compact_source *sources;
    size_t entry_count;
    const struct arm_new_entry *entries; /* leased; each with its position: the first source's, and
                                          * others before the entry behind the last */
    uint64_t first_row_id;               /* of the first entry; those of the others follow */
    uint32_t schema_id;                  /* of all sources */
};

struct arm_compact_request {
    struct arm_snapshot snapshot; /* its branch is compacted, as it is now */
    struct arm_table_id table_id;
    uint64_t version; /* what was read, and in which layout */
    uint64_t layout;
    size_t group_count;
    const struct arm_compact_group *groups; /* in order of position, apart from each other */
};

/* `*out_tx` 0: nothing of it was done. `out_kept`: group_count answers, false for what was given
 * up. A table or branch that is not there any more is all given up. Errors: those of a commit but
 * ARM_CONFLICT. Blocks on the commit lock and on a sync. Thread-safe. */
arm_status arm__commit_compaction(struct arm_repository *repository,
                                  const struct arm_compact_request *request, bool *out_kept,
                                  uint64_t *out_tx, struct arm_error *err);

#endif
