/* SPDX-License-Identifier: Apache-2.0 */
#include "api/change_rows.h"

enum {
    CHANGE_TABLE,
    CHANGE_OLD_VERSION,
    CHANGE_NEW_VERSION,
    CHANGE_IS_NEW,
    CHANGE_ROWS_ADDED,
    CHANGE_ROWS_REMOVED,
    CHANGE_BYTES_ADDED,
    CHANGE_BYTES_REMOVED,
    CHANGE_FIELDS
};

static const struct arm_rows_field change_fields[CHANGE_FIELDS] = {
    [CHANGE_TABLE] = {.name = "table_name", .format = "u"},
    [CHANGE_OLD_VERSION] = {.name = "old_version", .format = "L", .nullable = true},
    [CHANGE_NEW_VERSION] = {.name = "new_version", .format = "L", .nullable = true},
    [CHANGE_IS_NEW] = {.name = "is_new_table", .format = "b"},
    [CHANGE_ROWS_ADDED] = {.name = "rows_added", .format = "L"},
    [CHANGE_ROWS_REMOVED] = {.name = "rows_removed", .format = "L"},
    [CHANGE_BYTES_ADDED] = {.name = "bytes_added", .format = "L"},
    [CHANGE_BYTES_REMOVED] = {.name = "bytes_removed", .format = "L"},
};

const struct arm_rows_field arm__change_field = {
    .name = "item", .format = "+s", .child_count = CHANGE_FIELDS, .children = change_fields};

static arm_status push_version(struct arm_rows_column *column, uint64_t version,
                               struct arm_error *err)
{
    return version != 0 ? arm__rows_u64(column, version, err) : arm__rows_null(column, err);
}

static arm_status push_change(struct arm_rows_column *item, const struct arm_change *change,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__rows_text(arm__rows_child(item, CHANGE_TABLE), change->table_name, err));
    ARM_TRY(push_version(arm__rows_child(item, CHANGE_OLD_VERSION), change->old_version, err));
    ARM_TRY(push_version(arm__rows_child(item, CHANGE_NEW_VERSION), change->new_version, err));
    ARM_TRY(arm__rows_bool(arm__rows_child(item, CHANGE_IS_NEW), change->is_new_table, err));
    ARM_TRY(arm__rows_u64(arm__rows_child(item, CHANGE_ROWS_ADDED), change->rows_added, err));
    ARM_TRY(arm__rows_u64(arm__rows_child(item, CHANGE_ROWS_REMOVED), change->rows_removed, err));
    ARM_TRY(arm__rows_u64(arm__rows_child(item, CHANGE_BYTES_ADDED), change->bytes_added, err));
    ARM_TRY(arm__rows_u64(arm__rows_child(item, CHANGE_BYTES_REMOVED), change->bytes_removed, err));
    ARM_TRY(arm__rows_end(item, err));
done:
    return st;
}

arm_status arm__rows_changes(struct arm_rows_column *list, const struct arm_event *event,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (size_t i = 0; i < event->change_count; i++) {
        ARM_TRY(push_change(arm__rows_child(list, 0), &event->changes[i], err));
    }
    ARM_TRY(arm__rows_end(list, err));
done:
    return st;
}
