/* SPDX-License-Identifier: Apache-2.0 */
/* Typed reads of records, refs and branches.
 *
 * A row that is versioned by tx is found as the last one at or before the reader's tx (I2). What
 * a branch does not know itself it has from its parent, as of the tx where it left it. */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "index/index_private.h"

static const char state_key[] = "state";

static struct arm_bytes state_key_bytes(void)
{
    return arm__bytes(state_key, sizeof state_key - 1);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- State ---- */

arm_status arm__index_state(struct arm_index_txn *txn, struct arm_index_state *out,
                            struct arm_error *err)
{
    struct arm_bytes row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get(txn, ARM_DB_META, state_key_bytes(), &row, &found, err));
    if (found) {
        ARM_TRY(arm__row_take_state(row, out, err));
    } else {
        *out = (struct arm_index_state){.is_empty = true};
    }
done:
    return st;
}

arm_status arm__index_folded(struct arm_index_txn *txn, const struct arm_log_position *next,
                             struct arm_error *err)
{
    struct arm_index_state state = {.folded = *next};
    struct arm_buf *row = arm__kv_scratch(txn);
    struct arm_record_row last;
    bool found = false;
    arm_status st = ARM_OK;

    if (next->next_tx > 1) {
        ARM_TRY(arm__index_record(txn, next->next_tx - 1, &last, &found, err));
        if (!found) {
            st = arm__fail(err, ARM_CORRUPT, "index: tx %llu was not folded",
                           (unsigned long long)(next->next_tx - 1));
            goto done;
        }
        state.last_time_us = last.time_us;
    }
    ARM_TRY(arm__row_put_state(&state, row, err));
    ARM_TRY(arm__kv_put(txn, ARM_DB_META, state_key_bytes(), arm__buf_bytes(row), err));
done:
    return st;
}

/* ---- Records ---- */

arm_status arm__index_record(struct arm_index_txn *txn, uint64_t tx, struct arm_record_row *out,
                             bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_tx(tx);
    struct arm_bytes row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get(txn, ARM_DB_TX, arm__key_bytes(&key), &row, &found, err));
    if (found) {
        ARM_TRY(arm__row_take_record(row, tx, out, err));
    }
    *out_found = found;
done:
    return st;
}

arm_status arm__index_place(struct arm_index_txn *txn, const struct arm_fold_at *at,
                            struct arm_error *err)
{
    struct arm_key key = arm__key_tx(at->tx);
    struct arm_buf *row = arm__kv_scratch(txn);
    struct arm_record_row record;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_record(txn, at->tx, &record, &found, err));
    assert(found); /* folded in this transaction */
    record.segment = at->segment;
    record.offset = at->offset;
    record.record = at->record;
    ARM_TRY(arm__row_put_record(&record, row, err));
    ARM_TRY(arm__kv_put(txn, ARM_DB_TX, arm__key_bytes(&key), arm__buf_bytes(row), err));
done:
    return st;
}

arm_status arm__index_find_id(struct arm_index_txn *txn, const struct arm_id *commit_id,
                              uint64_t *out_tx, bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_id(commit_id);
    struct arm_bytes row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get(txn, ARM_DB_ID, arm__key_bytes(&key), &row, &found, err));
    if (found) {
        ARM_TRY(arm__key_last_u64(row, out_tx, err));
    }
    *out_found = found;
done:
    return st;
}

/* Times grow with tx, and txs are dense: halve. */
arm_status arm__index_find_time(struct arm_index_txn *txn, int64_t time_us, uint64_t max_tx,
                                uint64_t *out_tx, bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_tx(max_tx);
    struct arm_kv_item item;
    uint64_t low = 0; /* 0, or a tx whose time is <= time_us */
    uint64_t high;    /* a tx past which none is */
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_floor(txn, ARM_DB_TX, arm__key_bytes(&key), 0, &item, &found, err));
    if (!found) {
        *out_found = false;
        goto done;
    }
    ARM_TRY(arm__key_last_u64(item.key, &high, err));
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        struct arm_record_row row;

        ARM_TRY(arm__index_record(txn, middle, &row, &found, err));
        if (!found) {
            st = arm__fail(err, ARM_CORRUPT, "index: tx %llu is missing",
                           (unsigned long long)middle);
            goto done;
        }
        if (row.time_us <= time_us) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    if (low != 0) {
        *out_tx = low;
    }
    *out_found = low != 0;
done:
    return st;
}

/* ---- Refs ---- */

arm_status arm__index_ref(struct arm_index_txn *txn, Armpb__RefKind kind, const char *name,
                          uint64_t at_tx, struct arm_ref_row *out, bool *out_found,
                          struct arm_error *err)
{
    struct arm_key key = arm__key_ref(kind, name, at_tx);
    struct arm_kv_item item;
    struct arm_ref_row ref;
    bool is_dropped = true;
    bool found;
    uint64_t tx;
    arm_status st = ARM_OK;

    if (strlen(name) > ARM_NAME_BYTES_MAX) { /* no name, and its key would be cut */
        *out_found = false;
        return ARM_OK;
    }
    ARM_TRY(arm__kv_floor(txn, ARM_DB_REF, arm__key_bytes(&key), key.size - 8, &item, &found, err));
    if (found) {
        ARM_TRY(arm__key_last_u64(item.key, &tx, err));
        ARM_TRY(arm__row_take_ref(item.value, tx, &ref, &is_dropped, err));
    }
    if (!is_dropped) {
        *out = ref;
    }
    *out_found = !is_dropped;
done:
    return st;
}

/* kind, name, 0, tx. */
static arm_status ref_name_of(struct arm_bytes key, char out[ARM_NAME_BYTES], struct arm_error *err)
{
    const size_t around = 1 + 1 + 8;

    if (key.size < around || key.size - around > ARM_NAME_BYTES_MAX) {
        return arm__fail(err, ARM_CORRUPT, "index: a ref key of %zu bytes", key.size);
    }
    memcpy(out, key.data + 1, key.size - around);
    out[key.size - around] = '\0';
    return ARM_OK;
}

/* The first row of a ref of that kind from `key` on, and the ref's name. */
static arm_status next_ref(struct arm_index_txn *txn, Armpb__RefKind kind,
                           const struct arm_key *key, struct arm_kv_item *out,
                           char name[ARM_NAME_BYTES], bool *out_found, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_ceiling(txn, ARM_DB_REF, arm__key_bytes(key), out, out_found, err));
    *out_found = *out_found && out->key.data[0] == (uint8_t)kind;
    if (*out_found) {
        ARM_TRY(ref_name_of(out->key, name, err));
    }
done:
    return st;
}

arm_status arm__index_refs(struct arm_index_txn *txn, Armpb__RefKind kind, uint64_t at_tx,
                           arm_visit_ref *visit, void *context, struct arm_error *err)
{
    struct arm_key key = arm__key_ref(kind, "", 0);
    arm_status st = ARM_OK;

    for (;;) {
        char name[ARM_NAME_BYTES];
        struct arm_kv_item item;
        struct arm_ref_row row;
        bool found;

        ARM_TRY(next_ref(txn, kind, &key, &item, name, &found, err));
        if (!found) {
            break;
        }
        ARM_TRY(arm__index_ref(txn, kind, name, at_tx, &row, &found, err));
        if (found) {
            ARM_TRY(visit(context, name, &row, err));
        }
        key = arm__key_ref(kind, name, UINT64_MAX); /* past every row of this name */
    }
done:
    return st;
}

/* What a ref's row says, and where the next of the same name, or another's, begins. */
static arm_status ref_lasted(struct arm_index_txn *txn, const struct arm_kv_item *item,
                             uint64_t *out_tx, uint64_t *out_end, struct arm_error *err)
{
    struct arm_key key = {.size = item->key.size};
    size_t prefix = item->key.size - 8;
    struct arm_kv_item next;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__key_last_u64(item->key, out_tx, err));
    *out_end = UINT64_MAX;
    memcpy(key.bytes, item->key.data, prefix);
    arm__set_be64(key.bytes + prefix, *out_tx + 1);
    ARM_TRY(arm__kv_ceiling(txn, ARM_DB_REF, arm__key_bytes(&key), &next, &found, err));
    if (found && next.key.size == key.size && memcmp(next.key.data, key.bytes, prefix) == 0) {
        ARM_TRY(arm__key_last_u64(next.key, out_end, err));
    }
done:
    return st;
}

arm_status arm__index_refs_since(struct arm_index_txn *txn, Armpb__RefKind kind, uint64_t since_tx,
                                 arm_visit_ref *visit, void *context, struct arm_error *err)
{
    struct arm_key key = arm__key_ref(kind, "", 0);
    arm_status st = ARM_OK;

    for (;;) {
        char name[ARM_NAME_BYTES];
        struct arm_kv_item item;
        struct arm_ref_row row;
        bool is_dropped;
        bool found;
        uint64_t end;
        uint64_t tx;

        ARM_TRY(next_ref(txn, kind, &key, &item, name, &found, err));
        if (!found) {
            break;
        }
        ARM_TRY(ref_lasted(txn, &item, &tx, &end, err));
        ARM_TRY(arm__row_take_ref(item.value, tx, &row, &is_dropped, err));
        if (!is_dropped && end > since_tx) {
            ARM_TRY(visit(context, name, &row, err));
        }
        key = arm__key_ref(kind, name, tx + 1);
    }
done:
    return st;
}

/* ---- Branches ---- */

arm_status arm__index_branch(struct arm_index_txn *txn, uint64_t branch_id,
                             struct arm_branch_row *out, bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_pair(branch_id, branch_id);
    struct arm_branch_state state;
    struct arm_bytes row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_get(txn, ARM_DB_BRANCH, arm__key_bytes(&key), &row, &found, err));
    if (found) {
        ARM_TRY(arm__row_take_branch(row, &state, err));
        *out = (struct arm_branch_row){branch_id, state.parent_branch_id, state.parent_tx};
    }
    *out_found = found;
done:
    return st;
}

arm_status arm__index_branch_name(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                                  char out[256], struct arm_error *err)
{
    struct arm_key key = arm__key_pair(branch_id, at_tx);
    struct arm_branch_state state;
    struct arm_kv_item item;
    bool found;
    arm_status st = ARM_OK;

    _Static_assert(sizeof state.name == 256, "names fit");
    ARM_TRY(arm__kv_floor(txn, ARM_DB_BRANCH, arm__key_bytes(&key), 8, &item, &found, err));
    if (found) {
        ARM_TRY(arm__row_take_branch(item.value, &state, err));
        memcpy(out, state.name, sizeof state.name);
    } else {
        out[0] = '\0';
    }
done:
    return st;
}

arm_status arm__index_step_up(struct arm_index_txn *txn, uint64_t *inout_branch_id,
                              uint64_t *inout_at_tx, bool *out_more, struct arm_error *err)
{
    struct arm_branch_row row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_branch(txn, *inout_branch_id, &row, &found, err));
    if (!found || row.parent_branch_id >= row.branch_id) { /* so that every walk ends */
        st = arm__fail(err, ARM_CORRUPT, "index: branch %llu %s",
                       (unsigned long long)*inout_branch_id,
                       found ? "is older than its parent" : "is missing");
        goto done;
    }
    *out_more = row.parent_branch_id != 0;
    *inout_branch_id = row.parent_branch_id;
    *inout_at_tx = min_u64(*inout_at_tx, row.parent_tx);
done:
    return st;
}

arm_status arm__index_own_head(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                               uint64_t *out_tx, struct arm_error *err)
{
    struct arm_key key = arm__key_pair(branch_id, at_tx);
    struct arm_kv_item item;
    uint64_t tx = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_floor(txn, ARM_DB_HEAD, arm__key_bytes(&key), 8, &item, &found, err));
    if (found) {
        ARM_TRY(arm__key_last_u64(item.key, &tx, err));
    }
    *out_tx = tx;
done:
    return st;
}

arm_status arm__index_head(struct arm_index_txn *txn, uint64_t branch_id, uint64_t at_tx,
                           uint64_t *out_tx, struct arm_error *err)
{
    uint64_t tx = 0;
    bool more = true;
    arm_status st = ARM_OK;

    while (more && tx == 0) {
        ARM_TRY(arm__index_own_head(txn, branch_id, at_tx, &tx, err));
        if (tx == 0) {
            ARM_TRY(arm__index_step_up(txn, &branch_id, &at_tx, &more, err));
        }
    }
    *out_tx = tx;
done:
    return st;
}

arm_status arm__index_merges(struct arm_index_txn *txn, uint64_t branch_id, uint64_t after_tx,
                             uint64_t to_tx, arm_visit_merge *visit, void *context,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    for (;;) {
        struct arm_reader r = {.what = "index merge row"};
        struct arm_kv_item item;
        struct arm_key key;
        uint64_t source;
        uint64_t tx;
        bool found;

        if (after_tx >= to_tx) {
            break;
        }
        key = arm__key_pair(branch_id, after_tx + 1);
        ARM_TRY(arm__kv_ceiling(txn, ARM_DB_MERGE, arm__key_bytes(&key), &item, &found, err));
        if (!found || item.key.size != key.size || memcmp(item.key.data, key.bytes, 8) != 0) {
            break;
        }
        ARM_TRY(arm__key_last_u64(item.key, &tx, err));
        if (tx > to_tx) {
            break;
        }
        r.rest = item.value;
        ARM_TRY(arm__take_varint(&r, &source, err));
        ARM_TRY(arm__take_end(&r, err));
        if (source >= tx) { /* so that every walk ends */
            st = arm__fail(err, ARM_CORRUPT, "index: tx %llu merged what came later",
                           (unsigned long long)tx);
            goto done;
        }
        ARM_TRY(visit(context, tx, source, err));
        after_tx = tx;
    }
done:
    return st;
}
