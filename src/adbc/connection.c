/* SPDX-License-Identifier: Apache-2.0 */
/* A connection: a session, and the transaction that autocommit off has open in it. */

#include "adbc/connection.h"

#include <stdlib.h>

static struct arm_adbc_connection *connection_of(struct AdbcConnection *handle)
{
    return handle == NULL ? NULL : handle->private_data;
}

/* ---- Life ---- */

AdbcStatusCode arm__adbc_connection_new(struct AdbcConnection *connection, struct AdbcError *error)
{
    struct arm_adbc_connection *made;

    if (connection == NULL) {
        return arm__adbc_fail_null(error, "connection");
    }
    made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->work = arm__adbc_work_new();
    }
    if (made == NULL || made->work == NULL) {
        free(made);
        return arm__adbc_fail_memory(error);
    }
    atomic_init(&made->owners, 1);
    (void)pthread_mutex_init(&made->use, NULL);
    (void)pthread_mutex_init(&made->handle, NULL);
    made->autocommit = true;
    connection->private_data = made;
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_connection_take(struct arm_adbc_connection *connection,
                                         struct AdbcError *error)
{
    bool is_taken = pthread_mutex_trylock(&connection->use) == 0;

    if (!is_taken && !atomic_load(&connection->is_reading)) {
        is_taken = pthread_mutex_lock(&connection->use) == 0;
    }
    return is_taken ? ADBC_STATUS_OK
                    : arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010",
                                     "the connection is at work with what is bound to a "
                                     "statement, which must not use it");
}

/* Cancel sees the session, or none. */
void arm__adbc_connection_put(struct arm_adbc_connection *connection, arm_session *session)
{
    arm_session *old;

    (void)pthread_mutex_lock(&connection->handle);
    old = connection->session;
    connection->session = session;
    (void)pthread_mutex_unlock(&connection->handle);
    arm_txn_rollback(connection->txn);
    connection->txn = NULL;
    arm_session_close(old);
}

void arm__adbc_connection_drop(struct arm_adbc_connection *connection)
{
    if (connection == NULL || atomic_fetch_sub(&connection->owners, 1) > 1) {
        return;
    }
    arm__adbc_connection_put(connection, NULL);
    arm__adbc_database_drop(connection->database);
    free(connection->branch);
    free(connection->schema);
    free(connection->isolation);
    free(connection->message);
    free(connection->pending);
    arm__adbc_work_drop(connection->work);
    (void)pthread_mutex_destroy(&connection->use);
    (void)pthread_mutex_destroy(&connection->handle);
    free(connection);
}

AdbcStatusCode arm__adbc_connection_init(struct AdbcConnection *handle,
                                         struct AdbcDatabase *database, struct AdbcError *error)
{
    struct arm_adbc_connection *connection = connection_of(handle);
    struct arm_adbc_database *owner = NULL;
    arm_session *session = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (connection == NULL) {
        return arm__adbc_fail_handle(error, "connection");
    }
    st = arm__adbc_connection_take(connection, error);
    if (st != ADBC_STATUS_OK) {
        return st;
    }
    if (connection->database != NULL) {
        st = arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010",
                            "the connection is initialised already");
        goto done;
    }
    ADBC_TRY(arm__adbc_database_retain(database, &owner, error));
    ADBC_TRY(arm__adbc_database_session(owner, connection->branch, connection->read_only, &session,
                                        error));
    connection->database = owner;
    arm__adbc_connection_put(connection, session);
    st = arm__adbc_connection_apply(connection, error);
    if (st != ADBC_STATUS_OK) { /* as if it had not been tried */
        arm__adbc_connection_put(connection, NULL);
        connection->database = NULL;
        goto done;
    }
    owner = NULL;
done:
    (void)pthread_mutex_unlock(&connection->use);
    arm__adbc_database_drop(owner);
    return st;
}

AdbcStatusCode arm__adbc_connection_release(struct AdbcConnection *handle, struct AdbcError *error)
{
    struct arm_adbc_connection *connection = connection_of(handle);
    AdbcStatusCode st;

    if (connection == NULL) {
        return arm__adbc_fail_handle(error, "connection");
    }
    st = arm__adbc_connection_take(connection, error);
    if (st != ADBC_STATUS_OK) {
        return st;
    }
    handle->private_data = NULL;
    arm__adbc_connection_put(connection, NULL); /* statements may go on holding the rest */
    (void)pthread_mutex_unlock(&connection->use);
    arm__adbc_connection_drop(connection);
    return ADBC_STATUS_OK;
}

/* ---- Use ---- */

AdbcStatusCode arm__adbc_connection_lock(struct arm_adbc_connection *connection,
                                         struct AdbcError *error)
{
    AdbcStatusCode st = arm__adbc_connection_take(connection, error);

    if (st != ADBC_STATUS_OK) {
        return st;
    }
    if (connection->session == NULL) {
        (void)pthread_mutex_unlock(&connection->use);
        return arm__adbc_fail_handle(error, "connection");
    }
    return ADBC_STATUS_OK;
}

void arm__adbc_connection_unlock(struct arm_adbc_connection *connection)
{
    (void)pthread_mutex_unlock(&connection->use);
}

AdbcStatusCode arm__adbc_connection_enter(struct AdbcConnection *handle,
                                          struct arm_adbc_connection **out, struct AdbcError *error)
{
    struct arm_adbc_connection *connection = connection_of(handle);
    AdbcStatusCode st = connection == NULL ? arm__adbc_fail_handle(error, "connection")
                                           : arm__adbc_connection_lock(connection, error);

    if (st == ADBC_STATUS_OK) {
        *out = connection;
    }
    return st;
}

AdbcStatusCode arm__adbc_cancel(struct arm_adbc_connection *connection, struct arm_adbc_work *work,
                                struct AdbcError *error)
{
    if (atomic_load(&work->running) == 0) {
        return arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "HY010",
                              "there is nothing to cancel");
    }
    (void)atomic_fetch_add(&work->cancels, 1);
    if (atomic_load(&work->calling) > 0) { /* else a result sees it at its next row: others go on */
        (void)pthread_mutex_lock(&connection->handle);
        arm_session_interrupt(connection->session);
        (void)pthread_mutex_unlock(&connection->handle);
    }
    return ADBC_STATUS_OK;
}

AdbcStatusCode arm__adbc_connection_cancel(struct AdbcConnection *handle, struct AdbcError *error)
{
    struct arm_adbc_connection *connection = connection_of(handle);

    return connection == NULL ? arm__adbc_fail_handle(error, "connection")
                              : arm__adbc_cancel(connection, connection->work, error);
}
