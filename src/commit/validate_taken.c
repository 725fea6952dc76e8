/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that two took from the same other branch (K10): their ids were given before, and without a
 * primary key nothing else tells that they are the same. */

#include "commit/commit_private.h"
#include "model/record.h"

/* Whether rows came that have ids from before: an update's, or another branch's. New ids are given
 * one after the other, up to next_row_id. */
static bool brings_ids(const Armpb__TableChange *change)
{
    uint64_t end = change->next_row_id;

    for (size_t i = change->n_added; i > 0; i--) {
        const Armpb__Entry *entry = change->added[i - 1];

        if (entry->explicit_row_ids || entry->first_row_id + entry->rows != end) {
            return true;
        }
        end = entry->first_row_id;
    }
    return false;
}

static bool request_brings_ids(const struct arm_new_change *request)
{
    bool brings = false;

    for (size_t i = 0; i < request->added_count && !brings; i++) {
        brings = request->added[i].explicit_row_ids || request->added[i].keeps_row_ids;
    }
    return brings;
}

arm_status arm__validate_taken_rows(struct arm_commit_plan *plan,
                                    const struct arm_change_plan *change,
                                    const Armpb__TableChange *theirs, uint64_t tx,
                                    struct arm_error *err)
{
    const struct arm_new_change *request = change->request;
    Armpb__Schema *schema = NULL;
    arm_status st = ARM_OK;

    if (request->merged_schema_id == 0 || !request_brings_ids(request) || !brings_ids(theirs)) {
        return ARM_OK;
    }
    ARM_TRY(
        arm__index_schema(plan->txn, &change->table_id, change->parent.schema_id, &schema, err));
    if (schema->n_keys == 0 || !schema->keys[0]->primary) {
        st = arm__validate_conflict(plan, change, "rows of other branches may have come twice", tx,
                                    err);
    }
done:
    arm__schema_free(schema);
    return st;
}
