/* SPDX-License-Identifier: Apache-2.0 */
/* Consumers of the changelog: how far each has come, in records of their own. A commit may say it
 * too (turn.c): then what a consumer made of its events, and that it did, is one. */

#include <string.h>

#include "commit/commit_private.h"

/* ---- Judging ---- */

bool arm__consumer_stands(const struct arm_consumer_row *row, const struct arm_consumer_row *then,
                          uint64_t shares)
{
    bool same = true;

    for (size_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        bool is_asked = (shares >> i & 1) != 0;

        same = same && (!is_asked || row->acked_tx[i] == then->acked_tx[i]);
    }
    return same;
}

arm_status arm__consumer_moved(const char *name, uint64_t tx, struct arm_error *err)
{
    return arm__fail(err, ARM_CONFLICT,
                     "consumer \"%s\" was moved by tx %llu, in another process or by hand: "
                     "begin again from where it stands",
                     name, (unsigned long long)tx);
}

arm_status arm__validate_cursor(struct arm_index_txn *txn, const struct arm_new_cursor *cursor,
                                uint64_t now, struct arm_error *err)
{
    struct arm_consumer_row row;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__index_consumer(txn, cursor->name, now, &row, &found, err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "there is no consumer \"%s\"", cursor->name);
    } else if (cursor->acked_tx > now) {
        st = arm__fail(err, ARM_INVALID, "tx %llu is not there yet: the last one is %llu",
                       (unsigned long long)cursor->acked_tx, (unsigned long long)now);
    } else if (cursor->seen != NULL && !arm__consumer_stands(&row, cursor->seen, cursor->shares)) {
        st = arm__consumer_moved(cursor->name, row.tx, err);
    }
done:
    return st;
}

void arm__cursor_describe(const struct arm_new_cursor *cursor, Armpb__ConsumerCursor *out)
{
    armpb__consumer_cursor__init(out);
    out->name = arm__commit_unconst(cursor->name);
    out->shares = cursor->shares;
    out->has_acked_tx = true;
    out->acked_tx = cursor->acked_tx;
}

/* ---- Records ---- */

/* Append it; takes the transaction, which is the commit lock. */
static arm_status append(struct arm_repository *repository, struct arm_index_txn *txn,
                         const struct arm_index_state *state, Armpb__ConsumerCursor *cursor,
                         uint64_t *out_tx, struct arm_error *err)
{
    Armpb__ConsumerChange change = ARMPB__CONSUMER_CHANGE__INIT;
    Armpb__Record record = ARMPB__RECORD__INIT;
    struct arm_append append = {.record = &record, .state = state};
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_new_id(repository, &append.commit_id, err));
    ARM_TRY(arm__repository_use_feature(repository, ARM_FEATURE_CONSUMERS, err));
    change.commit_id = (ProtobufCBinaryData){ARM_ID_BYTES, append.commit_id.bytes};
    change.time_us = arm__repository_time(repository, state);
    change.cursor = cursor;
    record.consumer = &change;
    append.txn = txn;
    txn = NULL; /* taken */
    ARM_TRY(arm__repository_append(repository, &append, out_tx, err));
done:
    arm__index_abort(txn);
    return st;
}

/* Under the commit lock: how it stands with all that is appended. */
static arm_status look(struct arm_index_txn *txn, const struct arm_index_state *state,
                       const char *name, struct arm_consumer_row *out, bool *out_found,
                       struct arm_error *err)
{
    return arm__index_consumer(txn, name, state->folded.next_tx - 1, out, out_found, err);
}

static void move_all(struct arm_consumer_row *row, uint64_t shares, uint64_t acked_tx)
{
    for (size_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        row->acked_tx[i] = (shares >> i & 1) != 0 ? acked_tx : row->acked_tx[i];
    }
}

static arm_status check_ahead(uint64_t acked_tx, const struct arm_index_state *state,
                              struct arm_error *err)
{
    uint64_t last = state->folded.next_tx - 1;

    return acked_tx <= last
               ? ARM_OK
               : arm__fail(err, ARM_INVALID, "tx %llu is not there yet: the last one is %llu",
                           (unsigned long long)acked_tx, (unsigned long long)last);
}

/* K7: until all is durable that was looked at, outside the lock. Its process may have been killed
 * before it published, or synced, and nobody else need come. */
static arm_status settle(struct arm_repository *repository, struct arm_index_txn **txn,
                         const struct arm_index_state *state, struct arm_error *err)
{
    arm__log_published(repository->log, &state->folded);
    arm__index_abort(*txn);
    *txn = NULL;
    return arm__log_wait_durable(repository->log, state->folded.next_tx - 1, err);
}

arm_status arm__consumer_make(struct arm_repository *repository, const char *name,
                              uint64_t acked_tx, struct arm_consumer_row *out,
                              struct arm_error *err)
{
    struct arm_new_cursor wanted = {.name = name, .shares = UINT64_MAX, .acked_tx = acked_tx};
    Armpb__ConsumerCursor cursor;
    struct arm_consumer_row row = {.tx = 0};
    struct arm_index_txn *txn = NULL;
    struct arm_index_txn *taken;
    struct arm_index_state state;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__ref_name_check(name, "consumer", err));
    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    ARM_TRY(look(txn, &state, name, &row, &found, err));
    if (!found) {
        ARM_TRY(check_ahead(acked_tx, &state, err));
        arm__cursor_describe(&wanted, &cursor);
        move_all(&row, UINT64_MAX, acked_tx);
        taken = txn;
        txn = NULL;
        ARM_TRY(append(repository, taken, &state, &cursor, &row.tx, err));
    } else {
        ARM_TRY(settle(repository, &txn, &state, err));
    }
    *out = row;
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__consumer_read(struct arm_repository *repository, const char *name,
                              struct arm_consumer_row *out, struct arm_error *err)
{
    struct arm_consumer_row row;
    struct arm_index_txn *txn = NULL;
    struct arm_index_state state;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    ARM_TRY(look(txn, &state, name, &row, &found, err));
    ARM_TRY(settle(repository, &txn, &state, err));
    if (found) {
        *out = row;
    } else {
        st = arm__fail(err, ARM_NOT_FOUND, "consumer \"%s\" was dropped", name);
    }
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__consumer_move(struct arm_repository *repository,
                              const struct arm_new_cursor *cursor, struct arm_consumer_row *out,
                              struct arm_error *err)
{
    Armpb__ConsumerCursor message;
    struct arm_consumer_row row = {.tx = 0};
    struct arm_index_txn *txn = NULL;
    struct arm_index_txn *taken;
    struct arm_index_state state;
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    st = arm__validate_cursor(txn, cursor, state.folded.next_tx - 1, err);
    if (st == ARM_CONFLICT) {
        (void)settle(repository, &txn, &state, NULL); /* so that who begins again sees it */
    }
    ARM_TRY(st);
    ARM_TRY(look(txn, &state, cursor->name, &row, &found, err));
    arm__cursor_describe(cursor, &message);
    move_all(&row, cursor->shares, cursor->acked_tx);
    taken = txn;
    txn = NULL;
    ARM_TRY(append(repository, taken, &state, &message, &row.tx, err));
    if (out != NULL) {
        *out = row;
    }
done:
    arm__index_abort(txn);
    return st;
}

arm_status arm__consumer_drop(struct arm_repository *repository, const char *name,
                              struct arm_error *err)
{
    struct arm_new_cursor wanted = {.name = name, .shares = UINT64_MAX};
    Armpb__ConsumerCursor cursor;
    struct arm_index_txn *txn = NULL;
    struct arm_index_txn *taken;
    struct arm_index_state state;
    uint64_t tx;
    arm_status st = ARM_OK;

    ARM_TRY(arm__repository_check(repository, true, err));
    ARM_TRY(arm__repository_begin(repository, &txn, &state, err));
    ARM_TRY(arm__validate_cursor(txn, &wanted, state.folded.next_tx - 1, err));
    arm__cursor_describe(&wanted, &cursor);
    cursor.has_acked_tx = false;
    taken = txn;
    txn = NULL;
    ARM_TRY(append(repository, taken, &state, &cursor, &tx, err));
done:
    arm__index_abort(txn);
    return st;
}
