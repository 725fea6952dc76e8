/* SPDX-License-Identifier: Apache-2.0 */
/* A merge on a power disk: a commit with two parents, which adopts a table. */

#include "support/power_merge.h"

#include <string.h>

#include "catalog/catalog_private.h"
#include "commit/commit.h"

/* The last commit of a branch, and the table as it is there. */
static arm_status find_on(struct play *play, const char *branch, const char *name,
                          struct arm_snapshot *out_at, struct arm_table_info *out,
                          struct arm_record_row *out_head, struct arm_error *err)
{
    struct arm_catalog *catalog = arm__repository_catalog(play->repository);
    uint64_t tx = 0;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_snapshot(catalog, branch, out_at, err));
    ARM_TRY(arm__catalog_table(catalog, out_at, "main", name, out, &found, err));
    ARM_TRY(arm__catalog_head(catalog, out_at, &tx, err));
    ARM_TRY(arm__catalog_find_record(catalog, tx, out_head, err));
done:
    return st;
}

arm_status power_merge(struct play *play, const struct play_step *step, struct arm_error *err)
{
    struct arm_table_info ours = {.schema = NULL};
    struct arm_table_info theirs = {.schema = NULL};
    struct arm_new_change change = {
        .kind = ARMPB__CHANGE_KIND__ADOPT, .schema_name = "main", .name = step->name};
    struct arm_commit_request request = {
        .author = "play", .message = "merge", .change_count = 1, .changes = &change};
    struct arm_commit_result result;
    struct arm_record_row head;
    struct arm_snapshot at;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(play->repository, true, err));
    ARM_TRY(find_on(play, step->other, step->name, &at, &theirs, &head, err));
    request.merged = head.commit_id;
    ARM_TRY(find_on(play, play->branch, step->name, &request.snapshot, &ours, &head, err));
    change.table_id = theirs.row.table_id;
    change.base_version = theirs.row.version;
    change.had_version = ours.row.version;
    change.rows_added = theirs.version.row_count;
    change.rows_removed = ours.version.row_count;
    st = arm__commit(play->repository, &request, &result, NULL, err);
    if (st == ARM_COMMIT_UNKNOWN) {
        memcpy(play->commit_id.bytes, err->commit_id, sizeof play->commit_id.bytes);
    }
done:
    arm__table_info_release(&ours);
    arm__table_info_release(&theirs);
    return st;
}
