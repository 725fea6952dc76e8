/* SPDX-License-Identifier: Apache-2.0 */
/* Ref changes: branches and tags made, renamed, described, protected, dropped. One small record
 * each, whatever the branch holds. */

#include <string.h>

#include "commit/commit_private.h"

static const char *kind_of(const Armpb__RefChange *change)
{
    return change->kind == ARMPB__REF_KIND__TAG ? "tag" : "branch";
}

static arm_status check_new_name(struct arm_index_txn *txn, const Armpb__RefChange *change,
                                 const char *name, uint64_t now, struct arm_error *err)
{
    struct arm_ref_row row;
    bool found;
    arm_status st = ARM_OK;

    if (name == NULL) {
        return arm__fail(err, ARM_INVALID, "a %s is to be made without a name", kind_of(change));
    }
    ARM_TRY(arm__ref_name_check(name, kind_of(change), err));
    ARM_TRY(arm__index_ref(txn, change->kind, name, now, &row, &found, err));
    if (found) {
        st = arm__fail(err, ARM_EXISTS, "there is a %s \"%s\" already", kind_of(change), name);
    }
done:
    return st;
}

struct history_check {
    struct arm_index_txn *txn;
    uint64_t now;
};

static arm_status check_table(void *context, const struct arm_table_row *row, struct arm_error *err)
{
    const struct history_check *check = context;

    return row->object == ARMPB__OBJECT_KIND__TABLE
               ? arm__expired_check(check->txn, &row->table_id, row->version, check->now, err)
               : ARM_OK;
}

/* A ref begins where everything can still be read (index/retention.c relies on it). */
static arm_status check_history(struct arm_index_txn *txn, uint64_t branch_id, uint64_t tx,
                                uint64_t now, struct arm_error *err)
{
    struct history_check check = {txn, now};
    uint64_t horizon_tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_horizon(txn, now, &horizon_tx, NULL, err));
    if (tx < horizon_tx) {
        ARM_TRY(arm__index_tables(txn, branch_id, tx, check_table, &check, err));
    }
done:
    return st;
}

/* Where a branch starts: what it was asked for, or its origin as it is now. */
static arm_status settle_branch(struct arm_index_txn *txn, Armpb__RefChange *change, uint64_t now,
                                struct arm_error *err)
{
    char name[256];
    arm_status st = ARM_OK;

    change->has_branch_id = false;
    if (!change->has_from_branch_id) { /* main of a new repository, or one from nothing */
        change->has_from_tx = false;
        goto done;
    }
    if (!change->has_from_tx || change->from_tx == 0) {
        change->has_from_tx = true;
        change->from_tx = now;
    }
    ARM_TRY(arm__index_branch_name(txn, change->from_branch_id, change->from_branch_id, name, err));
    if (name[0] == '\0' || change->from_tx > now) {
        st = arm__fail(err, ARM_NOT_FOUND, "what branch \"%s\" is to start from is not there",
                       change->name);
        goto done;
    }
    ARM_TRY(check_history(txn, change->from_branch_id, change->from_tx, now, err));
done:
    return st;
}

/* A tag names a commit: that of the tx, or the last one of the branch at that tx. */
static arm_status settle_tag(struct arm_index_txn *txn, Armpb__RefChange *change, uint64_t now,
                             struct arm_error *err)
{
    uint64_t tx = change->has_from_tx && change->from_tx != 0 ? change->from_tx : now;
    struct arm_record_row row;
    bool found = false;
    arm_status st = ARM_OK;

    if (change->has_from_branch_id) {
        ARM_TRY(arm__index_head(txn, change->from_branch_id, tx, &tx, err));
    }
    if (tx != 0 && tx <= now) {
        ARM_TRY(arm__index_record(txn, tx, &row, &found, err));
    }
    if (!found || !row.is_commit) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no commit for tag \"%s\" to name",
                       change->name);
        goto done;
    }
    ARM_TRY(check_history(txn, row.branch_id, tx, now, err));
    change->has_from_tx = true;
    change->from_tx = tx;
    change->has_from_branch_id = false;
done:
    return st;
}

static arm_status check_main(const Armpb__RefChange *change, struct arm_error *err)
{
    bool is_drop = change->action == ARMPB__REF_ACTION__REF_DROP;

    if (strcmp(change->name, "main") == 0 &&
        (is_drop || change->action == ARMPB__REF_ACTION__REF_RENAME)) {
        return arm__fail(err, ARM_INVALID, "branch \"main\" always exists: it cannot be %s",
                         is_drop ? "dropped" : "renamed");
    }
    return ARM_OK;
}

static arm_status settle_existing(struct arm_index_txn *txn, Armpb__RefChange *change, uint64_t now,
                                  struct arm_error *err)
{
    struct arm_ref_row row;
    bool found = false;
    arm_status st = ARM_OK;

    if (change->name != NULL) {
        ARM_TRY(arm__index_ref(txn, change->kind, change->name, now, &row, &found, err));
    }
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no %s \"%s\"", kind_of(change),
                       change->name != NULL ? change->name : "");
        goto done;
    }
    if (change->kind == ARMPB__REF_KIND__BRANCH) {
        change->has_branch_id = true;
        change->branch_id = row.branch_id;
        ARM_TRY(check_main(change, err));
    }
    if (change->action == ARMPB__REF_ACTION__REF_RENAME) {
        ARM_TRY(check_new_name(txn, change, change->new_name, now, err));
    }
done:
    return st;
}

static arm_status settle(struct arm_index_txn *txn, Armpb__RefChange *change, uint64_t now,
                         struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (change->action != ARMPB__REF_ACTION__REF_CREATE) {
        return settle_existing(txn, change, now, err);
    }
    ARM_TRY(check_new_name(txn, change, change->name, now, err));
    ARM_TRY(change->kind == ARMPB__REF_KIND__TAG ? settle_tag(txn, change, now, err)
                                                 : settle_branch(txn, change, now, err));
done:
    return st;
}

arm_status arm__commit_ref(struct arm_repository *repository, Armpb__RefChange *change,
                           uint64_t *out_tx, struct arm_error *err)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__RefChange copy = *change; /* the caller's stays as it is */
    struct arm_append append = {.record = &record};
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__repository_new_id(repository, &append.commit_id, err));
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    ARM_TRY(settle(txn, &copy, state.folded.next_tx - 1, err));
    if (copy.action == ARMPB__REF_ACTION__REF_PROTECT) {
        ARM_TRY(arm__repository_use_feature(repository, ARM_FEATURE_PROTECTION, err));
    }
    copy.commit_id = (ProtobufCBinaryData){ARM_ID_BYTES, append.commit_id.bytes};
    copy.time_us = arm__repository_time(repository, &state);
    copy.author = arm__commit_unconst(arm__commit_author(change->author));
    record.ref = &copy;
    append.txn = txn;
    append.state = &state;
    txn = NULL; /* taken */
    ARM_TRY(arm__repository_append(repository, &append, out_tx, err));
done:
    arm__index_abort(txn);
    return st;
}
