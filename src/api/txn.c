/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions as handles, and row calls in them. */

#include "api/api_private.h"
#include "base/alloc.h"
#include "query/row_calls.h"

/* The session is the caller's, and outlives the handle by contract; its parts are counted. */
struct arm_txn {
    struct arm_root *root;
    struct arm_query_session *query;
    uint64_t number;
};

arm_status arm_txn_begin(arm_session *session, const struct arm_txn_options *options, arm_txn **out,
                         struct arm_error *err)
{
    struct arm_txn_options known;
    struct arm_txn *txn = NULL;
    bool serializable;
    arm_status st = ARM_OK;

    ARM_TRY(arm__session_enter(session, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__options_copy(options, sizeof known, &known, err));
    if (known.isolation > ARM_ISOLATION_SERIALIZABLE) {
        st = arm__fail(err, ARM_INVALID, "options.isolation is %d, not one of arm_isolation",
                       (int)known.isolation);
        goto done;
    }
    serializable = known.isolation == ARM_ISOLATION_SERIALIZABLE;
    ARM_TRY(arm__calloc(1, sizeof *txn, &txn, err));
    ARM_TRY(arm__session_begin(session->query,
                               known.isolation == ARM_ISOLATION_DEFAULT ? NULL : &serializable,
                               &txn->number, err));
    txn->root = arm__root_retain(session->root);
    txn->query = arm__session_retain(session->query);
    *out = txn;
    txn = NULL;
done:
    arm__free(txn);
    return st;
}

static arm_status enter(const struct arm_txn *txn, struct arm_error *err)
{
    return txn == NULL ? arm__require(NULL, "txn", err) : arm__root_check(txn->root, err);
}

static void free_txn(struct arm_txn *txn)
{
    if (!arm__root_is_forked(txn->root)) {
        arm__session_drop(txn->query);
        arm__root_drop(txn->root);
    }
    arm__free(txn);
}

arm_status arm_txn_commit(arm_txn *txn, const char *message, uint64_t *out_tx,
                          struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter(txn, err));
    ARM_TRY(arm__session_commit(txn->query, txn->number, message, out_tx, err));
done:
    if (txn != NULL) {
        free_txn(txn);
    }
    return st;
}

void arm_txn_rollback(arm_txn *txn)
{
    if (txn != NULL) {
        if (!arm__root_is_forked(txn->root)) {
            arm__session_roll_back(txn->query, txn->number);
        }
        free_txn(txn);
    }
}

/* ---- Row calls ---- */

static arm_status enter_row_call(const struct arm_txn *txn, const char *table,
                                 const struct ArrowArrayStream *stream, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter(txn, err));
    ARM_TRY(arm__require(table, "table", err));
    ARM_TRY(arm__require(stream, "stream", err));
    if (stream->release == NULL) {
        st = arm__fail(err, ARM_INVALID, "stream was released already");
    }
done:
    return st;
}

arm_status arm_get(arm_txn *txn, const char *table, struct ArrowArrayStream *keys,
                   struct ArrowArrayStream *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter_row_call(txn, table, keys, err));
    ARM_TRY(arm__require(out, "out", err));
    ARM_TRY(arm__session_get(txn->query, txn->number, table, keys, out, err));
done:
    arm__stream_release(keys);
    return st;
}

arm_status arm_put(arm_txn *txn, const char *table, struct ArrowArrayStream *rows,
                   uint64_t *out_rows, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter_row_call(txn, table, rows, err));
    ARM_TRY(arm__session_put(txn->query, txn->number, table, rows, out_rows, err));
done:
    arm__stream_release(rows);
    return st;
}

arm_status arm_delete(arm_txn *txn, const char *table, struct ArrowArrayStream *keys,
                      uint64_t *out_rows, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(enter_row_call(txn, table, keys, err));
    ARM_TRY(arm__session_delete(txn->query, txn->number, table, keys, out_rows, err));
done:
    arm__stream_release(keys);
    return st;
}
