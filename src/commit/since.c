/* SPDX-License-Identifier: Apache-2.0 */
/* A table's versions since one that a writer saw, along parents. What each did is in the index, or,
 * for one that was materialised, in its log record. */

#include <string.h>

#include "commit/commit_private.h"

struct walk {
    struct arm_commit_plan *plan;
    const struct arm_table_id *table_id;
    arm_visit_since *visit;
    void *context;
};

/* A materialised version's change, which the index does not keep. */
static arm_status visit_from_log(const struct walk *walk, const struct arm_version_row *row,
                                 struct arm_error *err)
{
    struct arm_commit_plan *plan = walk->plan;
    Armpb__Record *record = NULL;
    const Armpb__Commit *commit;
    arm_status st = ARM_OK;

    if (arm__plan_is_pending(plan, row->tx)) {
        commit = arm__turn_commit(plan->turn, row->tx);
    } else {
        ARM_TRY(arm__catalog_record(plan->repository->catalog, row->tx, &record, NULL, err));
        commit = record->commit;
    }
    for (size_t i = 0; commit != NULL && i < commit->n_changes; i++) {
        const Armpb__TableChange *theirs = commit->changes[i];

        if (theirs->table_id.len == ARM_TABLE_ID_BYTES &&
            memcmp(theirs->table_id.data, row->table_id.bytes, ARM_TABLE_ID_BYTES) == 0) {
            ARM_TRY(walk->visit(walk->context, row, theirs, err));
        }
    }
done:
    arm__record_free(record);
    return st;
}

/* The row, and, if it is asked for, the change (NULL in the index: in the log). */
static arm_status read_version(struct arm_commit_plan *plan, const struct arm_table_id *table_id,
                               uint64_t version, struct arm_version_row *out,
                               Armpb__TableChange **out_change, struct arm_error *err)
{
    bool found = true;
    arm_status st = arm__index_version(plan->txn, table_id, version, out, out_change, &found, err);

    return st != ARM_OK || found ? st
                                 : arm__fail(err, ARM_CORRUPT, "index: version %llu is missing",
                                             (unsigned long long)version);
}

arm_status arm__version_row(struct arm_commit_plan *plan, const struct arm_table_id *table_id,
                            uint64_t version, struct arm_version_row *out, struct arm_error *err)
{
    return read_version(plan, table_id, version, out, NULL, err);
}

/* One version: its row is given. */
static arm_status visit_version(const struct walk *walk, uint64_t version, bool is_base,
                                struct arm_version_row *out, struct arm_error *err)
{
    Armpb__TableChange *theirs = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(read_version(walk->plan, walk->table_id, version, out, is_base ? NULL : &theirs, err));
    if (is_base || theirs != NULL) {
        ARM_TRY(walk->visit(walk->context, out, theirs, err));
    } else {
        ARM_TRY(visit_from_log(walk, out, err));
    }
done:
    arm__index_change_free(theirs);
    return st;
}

arm_status arm__version_visit(struct arm_commit_plan *plan, const struct arm_table_id *table_id,
                              uint64_t version, arm_visit_since *visit, void *context,
                              struct arm_error *err)
{
    struct walk walk = {plan, table_id, visit, context};
    struct arm_version_row row;

    return visit_version(&walk, version, false, &row, err);
}

/* Whether `base` is among the head's ancestors. */
static arm_status descends_from(struct arm_commit_plan *plan, const struct arm_table_row *head,
                                uint64_t base, bool *out, struct arm_error *err)
{
    uint64_t version = head->version;
    arm_status st = ARM_OK;

    while (version > base) {
        struct arm_version_row row;

        ARM_TRY(arm__version_row(plan, &head->table_id, version, &row, err));
        version = row.parent_version;
    }
    *out = version == base;
done:
    return st;
}

arm_status arm__versions_since(struct arm_commit_plan *plan, const struct arm_table_row *head,
                               uint64_t base, arm_visit_since *visit, void *context,
                               bool *out_descends, struct arm_error *err)
{
    struct walk walk = {plan, &head->table_id, visit, context};
    uint64_t version = head->version;
    struct arm_version_row row;
    arm_status st = ARM_OK;

    ARM_TRY(descends_from(plan, head, base, out_descends, err));
    if (!*out_descends) {
        return ARM_OK; /* what stands at a position there is another's */
    }
    while (version != base) {
        ARM_TRY(visit_version(&walk, version, false, &row, err));
        version = row.parent_version;
    }
    if (base != 0) {
        ARM_TRY(visit_version(&walk, base, true, &row, err));
    }
done:
    return st;
}

struct arm_state_entry arm__entry_since(const Armpb__Entry *added, uint64_t tx)
{
    struct arm_state_entry entry = {
        .rows = added->rows,
        .bytes = added->bytes,
        .schema_id = added->schema_id,
        .is_hot = !added->has_chunk,
        .explicit_row_ids = added->has_explicit_row_ids && added->explicit_row_ids,
        .tx = tx,
        .payload_offset = added->payload_offset,
    };

    if (added->has_chunk) {
        memcpy(entry.chunk.bytes, added->chunk.data, sizeof entry.chunk.bytes);
    }
    return entry;
}
