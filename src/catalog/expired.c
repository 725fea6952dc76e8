/* SPDX-License-Identifier: Apache-2.0 */
/* What retention has given up: whether a table version can be read, and what to say if not. */

#include <stdio.h>

#include "catalog/catalog_private.h"

arm_status arm__catalog_horizon(struct arm_catalog *catalog, uint64_t *out_tx, int64_t *out_us,
                                struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(catalog->log);
    struct arm_record_row record = {.time_us = 0};
    struct arm_index_txn *txn = NULL;
    uint64_t horizon_tx = 0;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_horizon(txn, durable, &horizon_tx, NULL, err));
    if (out_us != NULL) {
        if (horizon_tx != 0) {
            ARM_TRY(arm__index_record(txn, horizon_tx, &record, &found, err));
        }
        *out_us = record.time_us;
    }
    *out_tx = horizon_tx;
done:
    arm__index_abort(txn);
    return st;
}

/* What is said of an expired version. */
struct expired {
    struct arm_table_row then; /* when it was made */
    uint64_t oldest;           /* version that its branch had of it at the horizon; 0: none */
    struct arm_record_row horizon;
};

/* The table itself, or another one of its name, which goes on with its numbers. */
static arm_status find_oldest(struct arm_index_txn *txn, uint64_t branch_id, uint64_t horizon_tx,
                              struct expired *out, struct arm_error *err)
{
    struct arm_table_row now = {.version = 0};
    uint64_t dropped_tx;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_table_by_id(txn, branch_id, horizon_tx, &out->then.table_id, &now,
                                   &dropped_tx, &found, err));
    if (!found) {
        ARM_TRY(arm__index_table(txn, branch_id, horizon_tx, out->then.schema_name, out->then.name,
                                 &now, &found, err));
    }
    out->oldest = found ? now.version : 0;
done:
    return st;
}

static arm_status look_up(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                          uint64_t version, uint64_t at_tx, struct expired *out,
                          struct arm_error *err)
{
    struct arm_record_row made = {.branch_id = 0};
    struct arm_version_row row = {.tx = 0};
    uint64_t horizon_tx;
    uint64_t dropped_tx;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_horizon(txn, at_tx, &horizon_tx, NULL, err));
    ARM_TRY(arm__index_record(txn, horizon_tx, &out->horizon, &found, err));
    ARM_TRY(arm__index_version(txn, table_id, version, &row, NULL, &found, err));
    ARM_TRY(arm__index_record(txn, row.tx, &made, &found, err));
    ARM_TRY(arm__index_table_by_id(txn, made.branch_id, row.tx, table_id, &out->then, &dropped_tx,
                                   &found, err));
    if (found) {
        ARM_TRY(find_oldest(txn, made.branch_id, horizon_tx, out, err));
    }
done:
    return st;
}

static arm_status tell(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                       uint64_t version, uint64_t at_tx, struct arm_error *err)
{
    struct expired expired = {.oldest = 0};
    char time[ARM_TIME_TEXT];
    char rest[80];
    arm_status st = ARM_OK;

    ARM_TRY(look_up(txn, table_id, version, at_tx, &expired, err));
    arm__time_format(expired.horizon.time_us, time);
    if (expired.oldest != 0) {
        (void)snprintf(rest, sizeof rest, "the oldest version that can be read is %llu",
                       (unsigned long long)expired.oldest);
    } else {
        (void)snprintf(rest, sizeof rest, "and it was dropped by then");
    }
    st = arm__fail(err, ARM_HISTORY_EXPIRED,
                   "version %llu of table \"%s\" has expired: gc gave up what was not current any "
                   "more at %s; %s",
                   (unsigned long long)version, expired.then.name, time, rest);
done:
    return st;
}

arm_status arm__expired_check(struct arm_index_txn *txn, const struct arm_table_id *table_id,
                              uint64_t version, uint64_t at_tx, struct arm_error *err)
{
    bool is_expired = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_is_expired(txn, table_id, version, at_tx, &is_expired, err));
    if (is_expired) {
        st = tell(txn, table_id, version, at_tx, err);
    }
done:
    return st;
}
