/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: how far history was given up, and what that means for a table version.
 *
 * A version is current on a branch from the commit that made it (or from the branch's creation, if
 * it came along) until the next one of its table there, or the end of table or branch. It has
 * expired once that was over at the horizon, on every branch, and no tag that lasted longer names a
 * commit at which it was current. So what was readable at the horizon, by any name, stays so, and
 * whatever was current later. That no ref is made later of what has expired is for commit/ to
 * see to. commit/retained.h says the same of the log, for tables: what has no rows does not expire,
 * and nobody asks. */

#include "index/index_private.h"

static arm_status wrong(const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "retention: %s", what);
}

arm_status arm__index_horizon(struct arm_index_txn *txn, uint64_t at_tx, uint64_t *out_horizon_tx,
                              uint64_t *out_tx, struct arm_error *err)
{
    struct arm_key key = arm__key_tx(at_tx);
    struct arm_reader r = {.what = "index retention row"};
    struct arm_kv_item item;
    uint64_t horizon = 0;
    uint64_t tx = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__kv_floor(txn, ARM_DB_RETENTION, arm__key_bytes(&key), 0, &item, &found, err));
    if (found) {
        ARM_TRY(arm__key_last_u64(item.key, &tx, err));
        r.rest = item.value;
        ARM_TRY(arm__take_varint(&r, &horizon, err));
        ARM_TRY(arm__take_end(&r, err));
    }
    *out_horizon_tx = horizon;
    if (out_tx != NULL) {
        *out_tx = tx;
    }
done:
    return st;
}

/* ---- Is it expired? ---- */

struct search {
    struct arm_index_txn *txn;
    const struct arm_table_id *table_id;
    uint64_t version;
    uint64_t horizon_tx;
    bool is_current; /* somewhere: it is retained */
};

static arm_status look_at(struct search *search, uint64_t branch_id, uint64_t at_tx,
                          struct arm_error *err)
{
    struct arm_table_row row;
    uint64_t dropped_tx;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_table_by_id(search->txn, branch_id, at_tx, search->table_id, &row,
                                   &dropped_tx, &found, err));
    search->is_current = search->is_current || (found && row.version == search->version);
done:
    return st;
}

/* At the horizon, or when the branch began, if that was later. */
static arm_status look_at_branch(void *context, const char *name, const struct arm_ref_row *row,
                                 struct arm_error *err)
{
    struct search *search = context;
    uint64_t at_tx = row->branch_id > search->horizon_tx ? row->branch_id : search->horizon_tx;

    (void)name;
    return search->is_current ? ARM_OK : look_at(search, row->branch_id, at_tx, err);
}

static arm_status look_at_tag(void *context, const char *name, const struct arm_ref_row *row,
                              struct arm_error *err)
{
    struct search *search = context;
    struct arm_record_row record;
    bool found;
    arm_status st = ARM_OK;

    (void)name;
    if (search->is_current) {
        return ARM_OK;
    }
    ARM_TRY(arm__index_record(search->txn, row->target_tx, &record, &found, err));
    if (found) {
        ARM_TRY(look_at(search, record.branch_id, row->target_tx, err));
    }
done:
    return st;
}

/* The branch that it was made on is the likeliest to have it still. */
static arm_status look_at_maker(struct search *search, uint64_t tx, struct arm_error *err)
{
    char name[ARM_NAME_BYTES];
    struct arm_record_row record;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_record(search->txn, tx, &record, &found, err));
    if (!found) {
        return wrong("a version's commit is missing", err);
    }
    ARM_TRY(arm__index_branch_name(search->txn, record.branch_id, search->horizon_tx, name, err));
    if (name[0] != '\0') {
        ARM_TRY(look_at(search, record.branch_id, search->horizon_tx, err));
    }
done:
    return st;
}

arm_status arm__index_is_expired(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                                 uint64_t version, uint64_t at_tx, bool *out, struct arm_error *err)
{
    struct search search = {.txn = txn, .table_id = table_id, .version = version};
    struct arm_version_row row;
    bool found;
    arm_status st = ARM_OK;

    *out = false;
    ARM_TRY(arm__index_horizon(txn, at_tx, &search.horizon_tx, NULL, err));
    if (search.horizon_tx == 0) {
        goto done;
    }
    ARM_TRY(arm__index_version(txn, table_id, version, &row, NULL, &found, err));
    if (!found || row.tx > search.horizon_tx) {
        goto done;
    }
    ARM_TRY(look_at_maker(&search, row.tx, err));
    if (!search.is_current) {
        ARM_TRY(arm__index_refs_since(txn, ARMPB__REF_KIND__BRANCH, search.horizon_tx,
                                      look_at_branch, &search, err));
    }
    if (!search.is_current) {
        ARM_TRY(arm__index_refs_since(txn, ARMPB__REF_KIND__TAG, search.horizon_tx, look_at_tag,
                                      &search, err));
    }
    *out = !search.is_current;
done:
    return st;
}

/* ---- Folding ---- */

arm_status arm__fold_retention(const struct arm_fold *fold, const Armpb__Retention *retention,
                               struct arm_error *err)
{
    struct arm_buf *bytes = arm__kv_scratch(fold->txn);
    struct arm_key key = arm__key_tx(fold->at->tx);
    uint64_t before;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_horizon(fold->txn, fold->at->tx, &before, NULL, err));
    if (retention->horizon_tx <= before || retention->horizon_tx >= fold->at->tx) {
        return wrong("the horizon goes back, or is not there yet", err);
    }
    ARM_TRY(arm__buf_varint(bytes, retention->horizon_tx, err));
    ARM_TRY(
        arm__kv_put(fold->txn, ARM_DB_RETENTION, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    return st;
}
