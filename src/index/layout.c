/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts: the entries that a version's rows stand in since a Compaction. Each has a root of its
 * own, so that a version has no tail from there on; versions that are committed later begin theirs
 * on it. The rows of a layout are put by a tx later than the version's, and nothing that was there
 * before is changed (I2). */

#include "index/index_private.h"

enum { VERSION_KEY_BYTES = ARM_TABLE_ID_BYTES + 8 };

arm_status arm__index_layout(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                             uint64_t version, uint64_t max_tx, struct arm_layout_row *out,
                             bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_layout(table_id, version, max_tx);
    struct arm_kv_item item;
    uint64_t tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_floor(txn, ARM_DB_LAYOUT, arm__key_bytes(&key), VERSION_KEY_BYTES, &item,
                          out_found, err));
    if (*out_found) {
        ARM_TRY(arm__key_last_u64(item.key, &tx, err));
        ARM_TRY(arm__row_take_layout(item.value, tx, out, err));
    }
done:
    return st;
}

arm_status arm__index_lay(struct arm_index_txn *txn, struct arm_version_row *row, uint64_t layout,
                          struct arm_error *err)
{
    struct arm_layout_row found_row;
    bool found;
    arm_status st = ARM_OK;

    if (layout == 0) {
        return ARM_OK;
    }
    ARM_TRY(arm__index_layout(txn, &row->table_id, row->version, layout, &found_row, &found, err));
    if (layout != ARM_LAYOUT_NEWEST && (!found || found_row.tx != layout)) {
        st = arm__fail(err, ARM_CORRUPT, "index: version %llu has no layout of tx %llu",
                       (unsigned long long)row->version, (unsigned long long)layout);
        goto done;
    }
    if (found) {
        row->layout = found_row.tx;
        row->data_bytes = found_row.data_bytes;
        row->is_materialised = true;
        row->root = found_row.root;
        row->tail_count = 0;
    }
done:
    return st;
}

arm_status arm__index_lay_state(struct arm_index_txn *txn, struct arm_version_state *state,
                                uint64_t layout, struct arm_error *err)
{
    arm_status st = arm__index_lay(txn, &state->row, layout, err);

    if (st == ARM_OK && state->row.layout != 0) {
        state->root_version = state->row.version;
        state->root_layout = state->row.layout;
    }
    return st;
}
