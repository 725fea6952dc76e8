/* SPDX-License-Identifier: Apache-2.0 */
/* What a version row keeps of the change that made it: the entries and bits, without schema and
 * statistics (which have sub-databases of their own), and with every field that the row repeats
 * emptied, since a row is written per commit and every byte of it counts (I3). */

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "index/index_private.h"
#include "model/message.h"

arm_status arm__slim_init(const Armpb__TableChange *change, struct arm_slim_change *out,
                          struct arm_error *err)
{
    struct arm_slim_change slim = {.change = *change};
    Armpb__TableChange *copy = &slim.change;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(change->n_added, sizeof *slim.entries, &slim.entries, err));
    ARM_TRY(arm__calloc(change->n_added, sizeof *slim.pointers, &slim.pointers, err));
    for (size_t i = 0; i < change->n_added; i++) {
        slim.entries[i] = *change->added[i];
        slim.entries[i].n_statistics = 0;
        slim.entries[i].statistics = NULL;
        slim.pointers[i] = &slim.entries[i];
    }
    copy->added = slim.pointers;
    copy->table_id = (ProtobufCBinaryData){0, NULL};
    copy->has_version = false;
    copy->has_parent_version = false;
    copy->schema = NULL;
    copy->schema_id = 0;
    copy->row_count = 0;
    copy->data_bytes = 0;
    copy->next_row_id = 0;
    copy->rows_added = 0;
    copy->rows_removed = 0;
    copy->bytes_added = 0;
    copy->has_root = false;
    copy->metadata = NULL; /* it stands in the log alone */
    copy->n_uses = 0;
    copy->uses = NULL;
    *out = slim;
    slim.entries = NULL;
    slim.pointers = NULL;
done:
    arm__slim_release(&slim);
    return st;
}

void arm__slim_release(struct arm_slim_change *slim)
{
    arm__free(slim->pointers);
    arm__free(slim->entries);
    slim->pointers = NULL;
    slim->entries = NULL;
}

size_t arm__slim_size(const struct arm_slim_change *slim)
{
    return armpb__table_change__get_packed_size(&slim->change);
}

void arm__tail_extend(const Armpb__TableChange *change, const struct arm_version_state *parent,
                      struct arm_version_state *out)
{
    bool is_truncated = change->has_truncated && change->truncated;

    out->root_layout = 0;
    if (change->has_root) {
        out->root_version = change->version;
        out->row.tail_count = 0;
    } else if (is_truncated || parent->row.version == 0) {
        out->root_version = 0; /* nothing before it counts */
        out->row.tail_count = 1;
    } else {
        out->root_version = parent->root_version;
        out->root_layout = parent->root_layout;
        out->row.tail_count = parent->row.tail_count + 1;
    }
}

arm_status arm__index_root_needed(const Armpb__TableChange *change,
                                  const struct arm_version_row *parent, bool *out,
                                  struct arm_error *err)
{
    struct arm_version_state before = {.root_version = 0};
    struct arm_version_state after = {.root_version = 0};
    struct arm_slim_change slim = {.entries = NULL};
    arm_status st = ARM_OK;

    assert(!change->has_root);
    if (parent != NULL) {
        before.row = *parent;
    }
    arm__tail_extend(change, &before, &after);
    ARM_TRY(arm__slim_init(change, &slim, err));
    *out = arm__slim_size(&slim) > ARM_CHANGE_INLINE_MAX || after.row.tail_count > ARM_TAIL_MAX;
done:
    arm__slim_release(&slim);
    return st;
}

arm_status arm__slim_restore(const struct arm_version_state *version, Armpb__TableChange **out,
                             struct arm_error *err)
{
    const struct arm_version_row *row = &version->row;
    ProtobufCMessage *message = NULL;
    Armpb__TableChange *change = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__message_unpack(&armpb__table_change__descriptor, version->change, &message, err));
    change = (Armpb__TableChange *)(void *)message;
    if (change->table_id.len != 0) {
        st = arm__fail(err, ARM_CORRUPT, "index: the change of a version names its table");
        goto done;
    }
    arm__free(change->table_id.data);
    change->table_id.data = NULL;
    ARM_TRY(arm__calloc(1, ARM_TABLE_ID_BYTES, &change->table_id.data, err));
    memcpy(change->table_id.data, row->table_id.bytes, ARM_TABLE_ID_BYTES);
    change->table_id.len = ARM_TABLE_ID_BYTES;
    change->has_version = true;
    change->version = row->version;
    change->has_parent_version = row->parent_version != 0;
    change->parent_version = row->parent_version;
    change->schema_id = row->schema_id;
    change->row_count = row->row_count;
    change->data_bytes = row->data_bytes;
    change->next_row_id = row->next_row_id;
    change->rows_added = row->rows_added;
    change->rows_removed = row->rows_removed;
    change->bytes_added = row->bytes_added;
    *out = change;
    change = NULL;
done:
    arm__index_change_free(change);
    return st;
}

void arm__index_change_free(Armpb__TableChange *change)
{
    arm__message_free(change == NULL ? NULL : &change->base);
}
