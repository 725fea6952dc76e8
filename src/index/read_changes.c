/* SPDX-License-Identifier: Apache-2.0 */
/* What came next, for the changelog: each question is one look, so that what is asked for is found
 * in a time that does not grow with what is not. */

#include <string.h>

#include "index/index_private.h"

/* The tx of the first row at or behind `key` that shares its first `prefix_size` bytes; 0: none. */
static arm_status next_tx(struct arm_index_txn *txn, enum arm_db db, const struct arm_key *key,
                          size_t prefix_size, struct arm_kv_item *out, uint64_t *out_tx,
                          struct arm_error *err)
{
    bool found;
    arm_status st = ARM_OK;

    *out_tx = 0;
    ARM_TRY(arm__kv_ceiling(txn, db, arm__key_bytes(key), out, &found, err));
    if (found && out->key.size == key->size &&
        memcmp(out->key.data, key->bytes, prefix_size) == 0) {
        ARM_TRY(arm__key_last_u64(out->key, out_tx, err));
    }
done:
    return st;
}

/* Of any branch: what is no commit is passed over. */
static arm_status next_of_any(struct arm_index_txn *txn, uint64_t after_tx, uint64_t *out_tx,
                              struct arm_error *err)
{
    struct arm_record_row row = {.is_commit = false};
    uint64_t tx = after_tx;
    arm_status st = ARM_OK;

    do {
        struct arm_key key = arm__key_tx(tx + 1);
        struct arm_kv_item item;

        ARM_TRY(next_tx(txn, ARM_DB_TX, &key, 0, &item, &tx, err));
        if (tx != 0) {
            ARM_TRY(arm__row_take_record(item.value, tx, &row, err));
        }
    } while (tx != 0 && !row.is_commit);
    *out_tx = tx;
done:
    return st;
}

arm_status arm__index_next_commit(struct arm_index_txn *txn, uint64_t branch_id, uint64_t after_tx,
                                  uint64_t *out_tx, struct arm_error *err)
{
    struct arm_key key;
    struct arm_kv_item item;

    if (after_tx == UINT64_MAX) {
        *out_tx = 0;
        return ARM_OK;
    }
    if (branch_id == 0) {
        return next_of_any(txn, after_tx, out_tx, err);
    }
    key = arm__key_pair(branch_id, after_tx + 1);
    return next_tx(txn, ARM_DB_HEAD, &key, 8, &item, out_tx, err);
}

arm_status arm__index_next_change(struct arm_index_txn *txn, uint64_t branch_id,
                                  const char *schema_name, const char *name, uint64_t after_tx,
                                  uint64_t *out_tx, struct arm_error *err)
{
    struct arm_key key = arm__key_table(branch_id, schema_name, name, after_tx + 1);
    struct arm_kv_item item;

    if (after_tx == UINT64_MAX) {
        *out_tx = 0;
        return ARM_OK;
    }
    return next_tx(txn, ARM_DB_TABLE, &key, key.size - 8, &item, out_tx, err);
}

/* A name as the first row that has one writes it. One that the branch did nothing with but to drop
 * it is nowhere written: its key has it, folded, unless it is a long one. */
static arm_status name_in_rows(struct arm_index_txn *txn, const struct arm_key *first,
                               struct arm_table_row *out, bool *out_found, struct arm_error *err)
{
    struct arm_key key = *first;
    arm_status st = ARM_OK;

    *out_found = false;
    while (!*out_found) {
        struct arm_kv_item item;
        bool is_dropped;
        uint64_t tx;

        ARM_TRY(next_tx(txn, ARM_DB_TABLE, &key, key.size - 8, &item, &tx, err));
        if (tx == 0) {
            break;
        }
        ARM_TRY(arm__row_take_table(item.value, tx, out, &is_dropped, err));
        *out_found = !is_dropped;
        arm__set_be64(key.bytes + key.size - 8, tx + 1);
    }
done:
    return st;
}

/* branch, schema, 0, name, 0, tx: the two names, folded. False: they are too long for their key. */
static bool name_in_key(const struct arm_key *key, char schema_name[256], char name[256])
{
    const uint8_t *at = key->bytes + 8;
    const uint8_t *end = key->bytes + key->size - 8;
    char *const out[2] = {schema_name, name};

    for (size_t i = 0; i < 2; i++) {
        const uint8_t *stop = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;

        if (stop == NULL || stop - at > ARM_NAME_BYTES_MAX ||
            memchr(at, 1, (size_t)(stop - at)) != NULL) {
            return false;
        }
        memcpy(out[i], at, (size_t)(stop - at));
        out[i][stop - at] = '\0';
        at = stop + 1;
    }
    return true;
}

arm_status arm__index_own_names(struct arm_index_txn *txn, uint64_t branch_id,
                                arm_visit_table_name *visit, void *context, struct arm_error *err)
{
    struct arm_key key = arm__key_pair(branch_id, 0);
    arm_status st = ARM_OK;

    key.size = 8;
    for (;;) {
        struct arm_table_row row;
        struct arm_kv_item item;
        bool found;

        ARM_TRY(arm__kv_ceiling(txn, ARM_DB_TABLE, arm__key_bytes(&key), &item, &found, err));
        if (!found || item.key.size < 8 || arm__get_be64(item.key.data) != branch_id) {
            break;
        }
        if (item.key.size < 18 || item.key.size > ARM_KEY_BYTES_MAX) {
            st = arm__fail(err, ARM_CORRUPT, "index: a table key of %zu bytes", item.key.size);
            goto done;
        }
        memcpy(key.bytes, item.key.data, item.key.size);
        key.size = item.key.size;
        ARM_TRY(name_in_rows(txn, &key, &row, &found, err));
        if (found || name_in_key(&key, row.schema_name, row.name)) {
            ARM_TRY(visit(context, row.schema_name, row.name, err));
        }
        arm__set_be64(key.bytes + key.size - 8, UINT64_MAX);
    }
done:
    return st;
}

arm_status arm__index_branch_ids(struct arm_index_txn *txn, arm_visit_branch_id *visit,
                                 void *context, struct arm_error *err)
{
    struct arm_key key = arm__key_pair(0, 0);
    arm_status st = ARM_OK;

    for (;;) {
        struct arm_kv_item item;
        uint64_t branch_id;
        bool found;

        ARM_TRY(arm__kv_ceiling(txn, ARM_DB_BRANCH, arm__key_bytes(&key), &item, &found, err));
        if (!found) {
            break;
        }
        if (item.key.size != 16) {
            st = arm__fail(err, ARM_CORRUPT, "index: a branch key of %zu bytes", item.key.size);
            goto done;
        }
        branch_id = arm__get_be64(item.key.data);
        ARM_TRY(visit(context, branch_id, err));
        key = arm__key_pair(branch_id, UINT64_MAX);
    }
done:
    return st;
}
