/* SPDX-License-Identifier: Apache-2.0 */
/* Consumers of the changelog: how far each has come. A row says it of all shares, those that have
 * come equally far together: what belongs to one tx is found with one look. */

#include <string.h>

#include "index/index_private.h"

static arm_status wrong(const char *name, const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "consumer \"%s\": %s", name, what);
}

/* ---- The row ---- */

/* The least of those that are more than `than`; false: there is none. */
static bool next_acked(const struct arm_consumer_row *row, uint64_t than, bool is_first,
                       uint64_t *out)
{
    bool found = false;

    for (size_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        uint64_t acked = row->acked_tx[i];

        if ((is_first || acked > than) && (!found || acked < *out)) {
            *out = acked;
            found = true;
        }
    }
    return found;
}

static uint64_t shares_at(const struct arm_consumer_row *row, uint64_t acked)
{
    uint64_t shares = 0;

    for (size_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        shares |= row->acked_tx[i] == acked ? UINT64_C(1) << i : 0;
    }
    return shares;
}

arm_status arm__row_put_consumer(const struct arm_consumer_row *row, struct arm_buf *out,
                                 struct arm_error *err)
{
    uint64_t acked = 0;
    uint64_t groups = 0;
    arm_status st = ARM_OK;

    while (row != NULL && next_acked(row, acked, groups == 0, &acked)) {
        groups++;
    }
    ARM_TRY(arm__buf_varint(out, groups, err));
    for (uint64_t i = 0; i < groups; i++) {
        (void)next_acked(row, acked, i == 0, &acked);
        ARM_TRY(arm__buf_u64(out, shares_at(row, acked), err));
        ARM_TRY(arm__buf_varint(out, acked, err));
    }
done:
    return st;
}

/* Each share stands in one group, and the groups in order. */
arm_status arm__row_take_consumer(struct arm_bytes bytes, uint64_t tx, struct arm_consumer_row *out,
                                  bool *out_dropped, struct arm_error *err)
{
    struct arm_reader r = arm__reader(bytes, "index consumer row");
    struct arm_consumer_row row = {.tx = tx};
    uint64_t seen = 0;
    uint64_t before = 0;
    uint64_t groups;
    arm_status st = ARM_OK;

    ARM_TRY(arm__take_varint(&r, &groups, err));
    for (uint64_t i = 0; i < groups; i++) {
        uint64_t shares;
        uint64_t acked;

        ARM_TRY(arm__take_u64(&r, &shares, err));
        ARM_TRY(arm__take_varint(&r, &acked, err));
        if (shares == 0 || (shares & seen) != 0 || (i > 0 && acked <= before) || acked >= tx) {
            return arm__fail(err, ARM_CORRUPT, "%s: its groups are wrong", r.what);
        }
        for (size_t k = 0; k < ARM_CONSUMER_SHARES; k++) {
            row.acked_tx[k] = (shares >> k & 1) != 0 ? acked : row.acked_tx[k];
        }
        seen |= shares;
        before = acked;
    }
    ARM_TRY(arm__take_end(&r, err));
    if (groups != 0 && seen != UINT64_MAX) {
        return arm__fail(err, ARM_CORRUPT, "%s: a share is missing", r.what);
    }
    *out_dropped = groups == 0;
    *out = row;
done:
    return st;
}

/* ---- Reading ---- */

arm_status arm__index_consumer(struct arm_index_txn *txn, const char *name, uint64_t at_tx,
                               struct arm_consumer_row *out, bool *out_found, struct arm_error *err)
{
    struct arm_key key = arm__key_consumer(name, at_tx);
    struct arm_consumer_row row;
    struct arm_kv_item item;
    bool is_dropped = true;
    uint64_t tx;
    bool found;
    arm_status st = ARM_OK;

    if (strlen(name) > ARM_NAME_BYTES_MAX) { /* no name, and its key would be cut */
        *out_found = false;
        return ARM_OK;
    }
    ARM_TRY(arm__kv_floor(txn, ARM_DB_CONSUMER, arm__key_bytes(&key), key.size - 8, &item, &found,
                          err));
    if (found) {
        ARM_TRY(arm__key_last_u64(item.key, &tx, err));
        ARM_TRY(arm__row_take_consumer(item.value, tx, &row, &is_dropped, err));
    }
    if (!is_dropped) {
        *out = row;
    }
    *out_found = !is_dropped;
done:
    return st;
}

/* name, 0, tx. */
static arm_status name_of(struct arm_bytes key, char out[ARM_NAME_BYTES], struct arm_error *err)
{
    const size_t behind = 1 + 8;

    if (key.size <= behind || key.size - behind > ARM_NAME_BYTES_MAX) {
        return arm__fail(err, ARM_CORRUPT, "index: a consumer key of %zu bytes", key.size);
    }
    memcpy(out, key.data, key.size - behind);
    out[key.size - behind] = '\0';
    return ARM_OK;
}

arm_status arm__index_consumers(struct arm_index_txn *txn, uint64_t at_tx,
                                arm_visit_consumer *visit, void *context, struct arm_error *err)
{
    struct arm_key key = {.size = 1, .bytes = {0}}; /* before every name */
    arm_status st = ARM_OK;

    for (;;) {
        char name[ARM_NAME_BYTES];
        struct arm_consumer_row row;
        struct arm_kv_item item;
        bool found;

        ARM_TRY(arm__kv_ceiling(txn, ARM_DB_CONSUMER, arm__key_bytes(&key), &item, &found, err));
        if (!found) {
            break;
        }
        ARM_TRY(name_of(item.key, name, err));
        ARM_TRY(arm__index_consumer(txn, name, at_tx, &row, &found, err));
        if (found) {
            ARM_TRY(visit(context, name, &row, err));
        }
        key = arm__key_consumer(name, UINT64_MAX); /* past every row of this name */
    }
done:
    return st;
}

/* ---- Folding ---- */

/* Why a cursor cannot be said of the consumer as it is; NULL: it can. A cursor may go back: who
 * moves it wants to see events again. */
static const char *misfit(const struct arm_fold *fold, const Armpb__ConsumerCursor *cursor,
                          bool is_there, bool own)
{
    if (!is_there && !(own && cursor->shares == UINT64_MAX && cursor->has_acked_tx)) {
        return "it was never made";
    }
    if (cursor->has_acked_tx && cursor->acked_tx >= fold->at->tx) {
        return "it is ahead of the log";
    }
    return cursor->has_acked_tx || own ? NULL : "it is dropped by a commit";
}

arm_status arm__fold_consumer(const struct arm_fold *fold, const Armpb__ConsumerCursor *cursor,
                              bool own, struct arm_error *err)
{
    struct arm_key key = arm__key_consumer(cursor->name, fold->at->tx);
    struct arm_consumer_row row = {.tx = 0};
    struct arm_buf *bytes;
    const char *why;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_consumer(fold->txn, cursor->name, fold->at->tx, &row, &found, err));
    why = misfit(fold, cursor, found, own);
    if (why != NULL) {
        return wrong(cursor->name, why, err);
    }
    for (size_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        if ((cursor->shares >> i & 1) != 0) {
            row.acked_tx[i] = cursor->acked_tx;
        }
    }
    bytes = arm__kv_scratch(fold->txn);
    ARM_TRY(arm__row_put_consumer(cursor->has_acked_tx ? &row : NULL, bytes, err));
    ARM_TRY(
        arm__kv_put(fold->txn, ARM_DB_CONSUMER, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    return st;
}
