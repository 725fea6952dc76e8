/* SPDX-License-Identifier: Apache-2.0 */
/* Folding a ref change: a branch or tag made, renamed, dropped, described or
 * protected. */

#include <stdio.h>
#include <string.h>

#include "index/index_private.h"

static arm_status wrong(const char *what, const char *name, struct arm_error *err)
{
    return arm__fail(err, ARM_CORRUPT, "ref \"%s\": %s", name, what);
}

static arm_status put_ref(const struct arm_fold *fold, Armpb__RefKind kind, const char *name,
                          const struct arm_ref_row *row, bool is_dropped, struct arm_error *err)
{
    struct arm_key key = arm__key_ref(kind, name, fold->at->tx);
    struct arm_buf *bytes = arm__kv_scratch(fold->txn);
    arm_status st = ARM_OK;

    ARM_TRY(arm__row_put_ref(row, is_dropped, bytes, err));
    ARM_TRY(arm__kv_put(fold->txn, ARM_DB_REF, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    return st;
}

/* What a branch is called from here on (`name` empty: it is dropped). */
static arm_status put_branch(const struct arm_fold *fold, const struct arm_branch_row *branch,
                             const char *name, struct arm_error *err)
{
    struct arm_key key = arm__key_pair(branch->branch_id, fold->at->tx);
    struct arm_buf *bytes = arm__kv_scratch(fold->txn);
    struct arm_branch_state state = {.parent_branch_id = branch->parent_branch_id,
                                     .parent_tx = branch->parent_tx};
    arm_status st = ARM_OK;

    (void)snprintf(state.name, sizeof state.name, "%s", name);
    ARM_TRY(arm__row_put_branch(&state, bytes, err));
    ARM_TRY(
        arm__kv_put(fold->txn, ARM_DB_BRANCH, arm__key_bytes(&key), arm__buf_bytes(bytes), err));
done:
    return st;
}

static arm_status check_free(const struct arm_fold *fold, Armpb__RefKind kind, const char *name,
                             struct arm_error *err)
{
    struct arm_ref_row row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__ref_name_check(name, "ref", err));
    ARM_TRY(arm__index_ref(fold->txn, kind, name, fold->at->tx, &row, &found, err));
    if (found) {
        st = wrong("it is there already", name, err);
    }
done:
    return st == ARM_INVALID_NAME ? wrong("not a valid name", name, err) : st;
}

static arm_status create_branch(const struct arm_fold *fold, const Armpb__RefChange *change,
                                struct arm_error *err)
{
    struct arm_branch_row branch = {.branch_id = fold->at->tx};
    struct arm_ref_row ref = {.branch_id = fold->at->tx};
    struct arm_branch_row parent;
    bool found;
    arm_status st = ARM_OK;

    if (change->has_from_tx && change->from_tx != 0) {
        ARM_TRY(arm__index_branch(fold->txn, change->from_branch_id, &parent, &found, err));
        if (!found || change->from_tx >= fold->at->tx) {
            st = wrong("what it starts from is not there", change->name, err);
            goto done;
        }
        branch.parent_branch_id = change->from_branch_id;
        branch.parent_tx = change->from_tx;
    }
    ref.described_tx = change->description != NULL ? fold->at->tx : 0;
    ARM_TRY(put_ref(fold, change->kind, change->name, &ref, false, err));
    ARM_TRY(put_branch(fold, &branch, change->name, err));
done:
    return st;
}

static arm_status create_tag(const struct arm_fold *fold, const Armpb__RefChange *change,
                             struct arm_error *err)
{
    struct arm_ref_row ref = {.target_tx = change->from_tx};
    struct arm_record_row row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_record(fold->txn, change->from_tx, &row, &found, err));
    if (!found || !row.is_commit) {
        st = wrong("it names no commit", change->name, err);
        goto done;
    }
    ref.described_tx = change->description != NULL ? fold->at->tx : 0;
    ARM_TRY(put_ref(fold, change->kind, change->name, &ref, false, err));
done:
    return st;
}

/* Drop, rename, describe or protect what is there as of the tx before. */
static arm_status change_ref(const struct arm_fold *fold, const Armpb__RefChange *change,
                             struct arm_error *err)
{
    bool is_branch = change->kind == ARMPB__REF_KIND__BRANCH;
    const char *new_name = change->name;
    struct arm_branch_row branch;
    struct arm_ref_row ref;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_ref(fold->txn, change->kind, change->name, fold->at->tx, &ref, &found, err));
    if (!found || (is_branch && ref.branch_id != change->branch_id)) {
        st = wrong("it is not there", change->name, err);
        goto done;
    }
    switch (change->action) {
    case ARMPB__REF_ACTION__REF_DROP:
        new_name = "";
        ARM_TRY(put_ref(fold, change->kind, change->name, &ref, true, err));
        break;
    case ARMPB__REF_ACTION__REF_RENAME:
        new_name = change->new_name != NULL ? change->new_name : "";
        ARM_TRY(check_free(fold, change->kind, new_name, err));
        ARM_TRY(put_ref(fold, change->kind, change->name, &ref, true, err));
        ARM_TRY(put_ref(fold, change->kind, new_name, &ref, false, err));
        break;
    case ARMPB__REF_ACTION__REF_PROTECT:
        ref.protected_tx = change->protection != NULL ? fold->at->tx : 0;
        ref.only_merges = change->protection != NULL && change->protection->only_merges;
        ref.has_checks = change->protection != NULL && change->protection->n_checks > 0;
        ARM_TRY(put_ref(fold, change->kind, change->name, &ref, false, err));
        break;
    default:
        ref.described_tx = change->description != NULL ? fold->at->tx : 0;
        ARM_TRY(put_ref(fold, change->kind, change->name, &ref, false, err));
        break;
    }
    if (is_branch) {
        ARM_TRY(arm__index_branch(fold->txn, ref.branch_id, &branch, &found, err));
        ARM_TRY(found ? put_branch(fold, &branch, new_name, err)
                      : wrong("its branch is missing", change->name, err));
    }
done:
    return st;
}

arm_status arm__fold_ref(const struct arm_fold *fold, const Armpb__RefChange *change,
                         struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (change->action != ARMPB__REF_ACTION__REF_CREATE) {
        return change_ref(fold, change, err);
    }
    ARM_TRY(check_free(fold, change->kind, change->name, err));
    ARM_TRY(change->kind == ARMPB__REF_KIND__BRANCH ? create_branch(fold, change, err)
                                                    : create_tag(fold, change, err));
done:
    return st;
}
