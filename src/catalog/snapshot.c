/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: a branch at a tx, from a name or from any ref a user types. */

#include <stdio.h>
#include <string.h>

#include "catalog/catalog_private.h"

static void set_branch(struct arm_snapshot *snapshot, const char *name)
{
    (void)snprintf(snapshot->branch, sizeof snapshot->branch, "%s", name);
}

arm_status arm__catalog_snapshot(struct arm_catalog *catalog, const char *branch,
                                 struct arm_snapshot *out, struct arm_error *err)
{
    uint64_t tx = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    struct arm_ref_row row;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_ref(txn, ARMPB__REF_KIND__BRANCH, branch, tx, &row, &found, err));
    if (!found) {
        st = arm__ref_missing(txn, ARMPB__REF_KIND__BRANCH, branch, tx, err);
        goto done;
    }
    *out = (struct arm_snapshot){.branch_id = row.branch_id, .tx = tx};
    set_branch(out, branch);
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_branch(struct arm_catalog *catalog, uint64_t branch_id,
                               struct arm_snapshot *out, bool *out_found, struct arm_error *err)
{
    struct arm_snapshot found = {.branch_id = branch_id};
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    found.tx = arm__log_durable_to(catalog->log);
    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_branch_name(txn, branch_id, found.tx, found.branch, err));
    *out_found = found.branch[0] != '\0';
    if (*out_found) {
        *out = found;
    }
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_head(struct arm_catalog *catalog, const struct arm_snapshot *at,
                             uint64_t *out_tx, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_head(txn, at->branch_id, at->tx, out_tx, err));
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__catalog_branch_name(struct arm_catalog *catalog, uint64_t branch_id, char out[256],
                                    struct arm_error *err)
{
    uint64_t tx = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    ARM_TRY(arm__index_branch_name(txn, branch_id, tx, out, err));
done:
    arm__index_abort(txn);
    return st;
}

/* ---- Refs ---- */

/* The point that a record marks: its own branch's if it is a commit, else `on`'s. */
static arm_status at_record(struct arm_index_txn *txn, const struct arm_snapshot *on, uint64_t tx,
                            uint64_t durable, struct arm_snapshot *out, struct arm_error *err)
{
    struct arm_record_row row;
    bool found = false;
    arm_status st = ARM_OK;

    if (tx <= durable) {
        ARM_TRY(arm__index_record(txn, tx, &row, &found, err));
    }
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no tx %llu; the last one is %llu",
                       (unsigned long long)tx, (unsigned long long)durable);
        goto done;
    }
    *out = *on;
    out->tx = tx;
    if (row.is_commit && row.branch_id != on->branch_id) {
        out->branch_id = row.branch_id;
        ARM_TRY(arm__index_branch_name(txn, row.branch_id, durable, out->branch, err));
    }
done:
    return st;
}

static arm_status resolve_name(struct arm_index_txn *txn, const struct arm_snapshot *on,
                               const struct arm_ref *ref, uint64_t durable,
                               struct arm_snapshot *out, struct arm_error *err)
{
    struct arm_ref_row row;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_ref(txn, ARMPB__REF_KIND__BRANCH, ref->name, durable, &row, &found, err));
    if (found) {
        *out = (struct arm_snapshot){.branch_id = row.branch_id, .tx = durable};
        set_branch(out, ref->name);
        goto done;
    }
    ARM_TRY(arm__index_ref(txn, ARMPB__REF_KIND__TAG, ref->name, durable, &row, &found, err));
    if (!found) {
        st = arm__ref_missing(txn, 0, ref->name, durable, err);
        goto done;
    }
    ARM_TRY(at_record(txn, on, row.target_tx, durable, out, err));
done:
    return st;
}

static arm_status resolve_time(struct arm_index_txn *txn, const struct arm_snapshot *on,
                               const struct arm_ref *ref, uint64_t durable,
                               struct arm_snapshot *out, struct arm_error *err)
{
    char text[ARM_TIME_TEXT];
    uint64_t tx = 0;
    uint64_t head = 0;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_find_time(txn, ref->time_us, durable, &tx, &found, err));
    if (found) {
        ARM_TRY(arm__index_head(txn, on->branch_id, tx, &head, err));
    }
    if (head == 0) {
        arm__time_format(ref->time_us, text);
        st = arm__fail(err, ARM_NOT_FOUND, "branch \"%s\" has no commit at or before %s",
                       on->branch, text);
        goto done;
    }
    *out = *on;
    out->tx = head;
done:
    return st;
}

/* `back` commits towards the root, along first parents: the branch's own history. */
static arm_status walk_back(struct arm_index_txn *txn, const char *ref, uint64_t back,
                            struct arm_snapshot *at, struct arm_error *err)
{
    uint64_t tx = at->tx;
    arm_status st = ARM_OK;

    for (uint64_t step = 0; step <= back; step++) {
        ARM_TRY(arm__index_head(txn, at->branch_id, step == 0 ? tx : tx - 1, &tx, err));
        if (tx == 0) {
            st = arm__fail(err, ARM_NOT_FOUND, "\"%s\": there are only %llu commits before it", ref,
                           (unsigned long long)(step == 0 ? 0 : step - 1));
            goto done;
        }
    }
    at->tx = tx;
done:
    return st;
}

arm_status arm__catalog_resolve(struct arm_catalog *catalog, const struct arm_snapshot *on,
                                const char *text, struct arm_snapshot *out, struct arm_error *err)
{
    uint64_t durable = arm__log_durable_to(catalog->log);
    struct arm_index_txn *txn = NULL;
    struct arm_snapshot found = {0};
    struct arm_ref ref;
    arm_status st = ARM_OK;

    ARM_TRY(arm__ref_parse(text, &ref, err));
    ARM_TRY(arm__index_read(catalog->index, &txn, err));
    switch (ref.kind) {
    case ARM_REF_NAME:
        ARM_TRY(resolve_name(txn, on, &ref, durable, &found, err));
        break;
    case ARM_REF_TX:
        ARM_TRY(at_record(txn, on, ref.number, durable, &found, err));
        break;
    case ARM_REF_TIME:
        ARM_TRY(resolve_time(txn, on, &ref, durable, &found, err));
        break;
    case ARM_REF_VERSION:
        st = arm__fail(
            err, ARM_INVALID,
            "\"%s\" is a version of one table: it can be used where one is named; for all "
            "tables, name a branch, a tag, tx:N or a time",
            text);
        goto done;
    }
    if (ref.back > 0) {
        ARM_TRY(walk_back(txn, text, ref.back, &found, err));
    }
    *out = found;
done:
    arm__index_abort(txn);
    return st;
}
