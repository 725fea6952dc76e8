/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences: how many of their places are taken. A sequence is what its table id says, on whatever
 * branches it is; its rows here only ever grow. */

#include <string.h>

#include "index/index_private.h"

enum { FIRST_SCHEMA = 1 };

/* What the transaction took that made it; a sequence never gets another schema. */
static arm_status used_at_birth(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                uint64_t *out, bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_schema(table_id, FIRST_SCHEMA);
    Armpb__Schema *schema = NULL;
    struct arm_bytes bytes;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get_content(txn, ARM_DB_SCHEMA, arm__key_bytes(&key), &bytes, &found, err));
    if (found) {
        ARM_TRY(arm__schema_decode(bytes, &schema, err));
    }
    *out_found = found && schema->sequence != NULL;
    *out = *out_found ? schema->sequence->used : 0;
done:
    arm__schema_free(schema);
    return st;
}

arm_status arm__index_sequence(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                               uint64_t *out_used, bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_sequence(table_id, UINT64_MAX);
    struct arm_kv_item item;
    struct arm_reader r = {.what = "index sequence row"};
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_floor(txn, ARM_DB_SEQUENCE, arm__key_bytes(&key), ARM_TABLE_ID_BYTES, &item,
                          &found, err));
    if (!found) {
        ARM_TRY(used_at_birth(txn, table_id, out_used, out_found, err));
        goto done;
    }
    r.rest = item.value;
    ARM_TRY(arm__take_varint(&r, out_used, err));
    ARM_TRY(arm__take_end(&r, err));
    *out_found = true;
done:
    return st;
}

arm_status arm__fold_sequence(const struct arm_fold *fold, const Armpb__SequenceAdvance *advance,
                              struct arm_error *err)
{
    struct arm_buf *bytes = arm__kv_scratch(fold->txn);
    struct arm_table_id table_id;
    struct arm_key key;
    uint64_t used;
    bool found;
    arm_status st = ARM_OK;

    if (advance->table_id.len != ARM_TABLE_ID_BYTES) {
        return arm__fail(err, ARM_CORRUPT, "a sequence's id has not its size");
    }
    memcpy(table_id.bytes, advance->table_id.data, ARM_TABLE_ID_BYTES);
    ARM_TRY(arm__index_sequence(fold->txn, &table_id, &used, &found, err));
    if (!found || advance->used <= used) {
        st = arm__fail(err, ARM_CORRUPT,
                       found ? "a sequence goes back" : "a sequence advances that was never made");
        goto done;
    }
    key = arm__key_sequence(&table_id, fold->at->tx);
    ARM_TRY(arm__buf_varint(bytes, advance->used, err));
    ARM_TRY(
        arm__kv_put(fold->txn, ARM_DB_SEQUENCE, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    return st;
}
