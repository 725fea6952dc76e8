/* SPDX-License-Identifier: Apache-2.0 */
#include "query/acknowledge.h"

#include "duck/row_calls.h"
#include "query/query_private.h"

arm_status arm__session_acknowledge(struct arm_query_session *session,
                                    struct arm_new_cursor *cursor, struct arm_error *err)
{
    struct arm_transaction *txn = NULL;
    arm_status st = ARM_OK;

    if (!arm__session_in_transaction(session)) {
        return arm__fail(err, ARM_INVALID,
                         "the session has no transaction open: BEGIN one, or acknowledge by "
                         "arm_feed_ack");
    }
    arm__session_enter_open(session);
    ARM_TRY(arm__duck_usable(session->connection, &txn, err));
    ARM_TRY(arm__txn_acknowledge(txn, cursor, err));
done:
    arm__session_leave_run(session);
    return st;
}
