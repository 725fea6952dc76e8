/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions. With autocommit off a statement opens one if none is open, and Commit or Rollback
 * ends it. What SQL begins or ends itself is left to it. */

#include <stdlib.h>

#include "adbc/adbc_private.h"

void arm__adbc_forget_ended(struct arm_adbc_connection *connection)
{
    if (connection->txn != NULL && !arm_session_in_transaction(connection->session)) {
        arm_txn_rollback(connection->txn);
        connection->txn = NULL;
    }
}

AdbcStatusCode arm__adbc_begin(struct arm_adbc_connection *connection, bool always, bool *out_begun,
                               struct AdbcError *error)
{
    struct arm_error err = {0};

    arm__adbc_forget_ended(connection);
    if ((connection->autocommit && !always) || arm_session_in_transaction(connection->session)) {
        return ADBC_STATUS_OK;
    }
    free(connection->pending);
    connection->pending = NULL;
    if (arm_txn_begin(connection->session, NULL, &connection->txn, &err) != ARM_OK) {
        return arm__adbc_fail_arm(error, &err);
    }
    if (out_begun != NULL) {
        *out_begun = true;
    }
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_command(struct arm_adbc_connection *connection, const char *sql,
                                 struct AdbcError *error)
{
    struct ArrowArrayStream rows = {0};
    struct arm_error err = {0};

    if (arm_sql(connection->session, sql, NULL, &rows, NULL, &err) != ARM_OK) {
        return arm__adbc_fail_arm(error, &err);
    }
    arm__adbc_stream_release(&rows);
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_commit(struct arm_adbc_connection *connection, struct AdbcError *error)
{
    const char *message = connection->pending == NULL ? connection->message : connection->pending;
    arm_txn *txn;
    struct arm_error err = {0};

    arm__adbc_forget_ended(connection);
    txn = connection->txn;
    connection->txn = NULL;
    if (txn != NULL) {
        return arm_txn_commit(txn, message, NULL, &err) == ARM_OK ? ADBC_STATUS_OK
                                                                  : arm__adbc_fail_arm(error, &err);
    }
    return arm_session_in_transaction(connection->session)
               ? arm__adbc_command(connection, "COMMIT", error)
               : ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_rollback(struct arm_adbc_connection *connection, struct AdbcError *error)
{
    arm__adbc_forget_ended(connection);
    arm_txn_rollback(connection->txn);
    connection->txn = NULL;
    return arm_session_in_transaction(connection->session)
               ? arm__adbc_command(connection, "ROLLBACK", error)
               : ADBC_STATUS_OK;
}

/* ---- ADBC's calls ---- */

static AdbcStatusCode end(struct AdbcConnection *handle,
                          AdbcStatusCode (*how)(struct arm_adbc_connection *, struct AdbcError *),
                          struct AdbcError *error)
{
    struct arm_adbc_connection *connection = NULL;
    AdbcStatusCode st = arm__adbc_connection_enter(handle, &connection, error);

    if (st != ADBC_STATUS_OK) {
        return st;
    }
    st = connection->autocommit
             ? arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "25000",
                              "autocommit is on: each statement is committed already")
             : how(connection, error);
    arm__adbc_connection_unlock(connection);
    return st;
}

AdbcStatusCode arm__adbc_connection_commit(struct AdbcConnection *connection,
                                           struct AdbcError *error)
{
    return end(connection, arm__adbc_commit, error);
}

AdbcStatusCode arm__adbc_connection_rollback(struct AdbcConnection *connection,
                                             struct AdbcError *error)
{
    return end(connection, arm__adbc_rollback, error);
}
