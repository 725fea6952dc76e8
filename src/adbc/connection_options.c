/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's options. What is set before it is initialised is kept, and applied then. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adbc/connection.h"
#include "adbc/sql_text.h"

#define BRANCH "adbc.armillaria.branch"
#define MESSAGE "adbc.armillaria.message"
#define LAST_TX "adbc.armillaria.last_tx"

static bool is_in_transaction(struct arm_adbc_connection *connection)
{
    return connection->session != NULL && arm_session_in_transaction(connection->session);
}

static AdbcStatusCode refuse_in_transaction(struct arm_adbc_connection *connection, const char *key,
                                            struct AdbcError *error)
{
    return is_in_transaction(connection)
               ? arm__adbc_fail(error, ADBC_STATUS_INVALID_STATE, "25001",
                                "option %s is not set while a transaction is open", key)
               : ADBC_STATUS_OK;
}

/* ---- Applying to a session ---- */

static AdbcStatusCode apply_schema(struct arm_adbc_connection *connection, struct AdbcError *error)
{
    struct arm_adbc_words words = {0};
    char *sql = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    arm__adbc_add(&words, "USE ");
    arm__adbc_add_name(&words, ARM_ADBC_CATALOG);
    arm__adbc_add(&words, ".");
    arm__adbc_add_name(&words, connection->schema == NULL ? "main" : connection->schema);
    ADBC_TRY(arm__adbc_words_end(&words, &sql, error));
    ADBC_TRY(arm__adbc_command(connection, sql, error));
done:
    free(sql);
    return st;
}

static AdbcStatusCode apply_isolation(struct arm_adbc_connection *connection,
                                      struct AdbcError *error)
{
    const char *sql = "RESET arm_isolation";

    if (connection->isolation != NULL) {
        sql = strcmp(connection->isolation, ADBC_OPTION_ISOLATION_LEVEL_SERIALIZABLE) == 0
                  ? "SET arm_isolation = 'serializable'"
                  : "SET arm_isolation = 'snapshot'";
    }
    return arm__adbc_command(connection, sql, error);
}

AdbcStatusCode arm__adbc_connection_apply(struct arm_adbc_connection *connection,
                                          struct AdbcError *error)
{
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (connection->isolation != NULL) {
        ADBC_TRY(apply_isolation(connection, error));
    }
    if (connection->schema != NULL) {
        ADBC_TRY(apply_schema(connection, error));
    }
done:
    return st;
}

/* ---- Set ---- */

static AdbcStatusCode set_autocommit(struct arm_adbc_connection *connection, const char *key,
                                     const struct arm_adbc_value *value, struct AdbcError *error)
{
    bool wanted = false;
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(arm__adbc_value_flag(key, value, &wanted, error));
    if (wanted && !connection->autocommit && connection->session != NULL) {
        ADBC_TRY(arm__adbc_commit(connection, error));
    }
    connection->autocommit = wanted;
done:
    return st;
}

/* Another session, of the repository's handle for reading only, or of the one for both. */
static AdbcStatusCode set_read_only(struct arm_adbc_connection *connection, const char *key,
                                    const struct arm_adbc_value *value, struct AdbcError *error)
{
    bool wanted = false;
    arm_session *session = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(arm__adbc_value_flag(key, value, &wanted, error));
    if (connection->session == NULL || wanted == connection->read_only) {
        connection->read_only = wanted;
        goto done;
    }
    ADBC_TRY(refuse_in_transaction(connection, key, error));
    ADBC_TRY(arm__adbc_database_session(
        connection->database, arm_session_branch(connection->session), wanted, &session, error));
    connection->read_only = wanted;
    arm__adbc_connection_put(connection, session);
    ADBC_TRY(arm__adbc_connection_apply(connection, error));
done:
    return st;
}

static AdbcStatusCode set_isolation(struct arm_adbc_connection *connection, const char *key,
                                    const struct arm_adbc_value *value, struct AdbcError *error)
{
    const char *text = NULL;
    AdbcStatusCode st = ADBC_STATUS_OK;

    ADBC_TRY(arm__adbc_value_text(key, value, &text, error));
    if (text == NULL || (strcmp(text, ADBC_OPTION_ISOLATION_LEVEL_DEFAULT) != 0 &&
                         strcmp(text, ADBC_OPTION_ISOLATION_LEVEL_SNAPSHOT) != 0 &&
                         strcmp(text, ADBC_OPTION_ISOLATION_LEVEL_SERIALIZABLE) != 0)) {
        return arm__adbc_fail(error, ADBC_STATUS_NOT_IMPLEMENTED, "0A000",
                              "isolation %s: there are default, snapshot and serializable",
                              text == NULL ? "NULL" : text);
    }
    ADBC_TRY(refuse_in_transaction(connection, key, error));
    if (strcmp(text, ADBC_OPTION_ISOLATION_LEVEL_DEFAULT) == 0) {
        text = NULL;
    }
    ADBC_TRY(arm__adbc_replace(&connection->isolation, text, error));
    if (connection->session != NULL) {
        ADBC_TRY(apply_isolation(connection, error));
    }
done:
    return st;
}

static AdbcStatusCode set_schema(struct arm_adbc_connection *connection, const char *key,
                                 const struct arm_adbc_value *value, struct AdbcError *error)
{
    char *old = connection->schema;
    AdbcStatusCode st = ADBC_STATUS_OK;

    connection->schema = NULL;
    st = arm__adbc_value_keep(key, value, &connection->schema, error);
    if (st == ADBC_STATUS_OK && connection->session != NULL) {
        st = apply_schema(connection, error);
    }
    if (st != ADBC_STATUS_OK) {
        free(connection->schema);
        connection->schema = old;
    } else {
        free(old);
    }
    return st;
}

static AdbcStatusCode set_catalog(const char *key, const struct arm_adbc_value *value,
                                  struct AdbcError *error)
{
    const char *text = NULL;
    AdbcStatusCode st = arm__adbc_value_text(key, value, &text, error);

    if (st == ADBC_STATUS_OK && (text == NULL || strcmp(text, ARM_ADBC_CATALOG) != 0)) {
        st = arm__adbc_fail(error, ADBC_STATUS_NOT_FOUND, "3D000",
                            "there is no catalog %s: a repository is one, " ARM_ADBC_CATALOG,
                            text == NULL ? "NULL" : text);
    }
    return st;
}

static AdbcStatusCode set_branch(struct arm_adbc_connection *connection, const char *key,
                                 const struct arm_adbc_value *value, struct AdbcError *error)
{
    const char *text = NULL;
    struct arm_error err = {0};
    AdbcStatusCode st = ADBC_STATUS_OK;

    if (connection->session == NULL) {
        return arm__adbc_value_keep(key, value, &connection->branch, error);
    }
    ADBC_TRY(arm__adbc_value_text(key, value, &text, error));
    if (text == NULL) {
        return arm__adbc_fail_null(error, key);
    }
    ADBC_TRY(refuse_in_transaction(connection, key, error));
    if (arm_session_use(connection->session, text, &err) != ARM_OK) {
        st = arm__adbc_fail_arm(error, &err);
    }
done:
    return st;
}

static AdbcStatusCode set(struct arm_adbc_connection *connection, const char *key,
                          const struct arm_adbc_value *value, struct AdbcError *error)
{
    if (strcmp(key, ADBC_CONNECTION_OPTION_AUTOCOMMIT) == 0) {
        return set_autocommit(connection, key, value, error);
    }
    if (strcmp(key, ADBC_CONNECTION_OPTION_READ_ONLY) == 0) {
        return set_read_only(connection, key, value, error);
    }
    if (strcmp(key, ADBC_CONNECTION_OPTION_ISOLATION_LEVEL) == 0) {
        return set_isolation(connection, key, value, error);
    }
    if (strcmp(key, ADBC_CONNECTION_OPTION_CURRENT_DB_SCHEMA) == 0) {
        return set_schema(connection, key, value, error);
    }
    if (strcmp(key, ADBC_CONNECTION_OPTION_CURRENT_CATALOG) == 0) {
        return set_catalog(key, value, error);
    }
    if (strcmp(key, BRANCH) == 0) {
        return set_branch(connection, key, value, error);
    }
    if (strcmp(key, MESSAGE) == 0) {
        return arm__adbc_value_keep(key, value, &connection->message, error);
    }
    return arm__adbc_unknown_set("connection", key, error);
}

AdbcStatusCode arm__adbc_connection_set(struct AdbcConnection *handle, const char *key,
                                        const struct arm_adbc_value *value, struct AdbcError *error)
{
    struct arm_adbc_connection *connection = handle == NULL ? NULL : handle->private_data;
    AdbcStatusCode st;

    if (connection == NULL) {
        return arm__adbc_fail_handle(error, "connection");
    }
    st = arm__adbc_connection_take(connection, error); /* a session need not be there yet */
    if (st == ADBC_STATUS_OK) {
        st = set(connection, key, value, error);
        arm__adbc_connection_unlock(connection);
    }
    return st;
}

/* ---- Get ---- */

static AdbcStatusCode get_schema(struct arm_adbc_connection *connection,
                                 struct arm_adbc_answer *answer, struct AdbcError *error)
{
    if (connection->session == NULL) {
        return arm__adbc_answer_text(
            answer, connection->schema == NULL ? "main" : connection->schema, error);
    }
    return arm__adbc_ask(connection, "SELECT current_schema()", NULL, 0, &answer->text, error);
}

static AdbcStatusCode get_branch(struct arm_adbc_connection *connection,
                                 struct arm_adbc_answer *answer, struct AdbcError *error)
{
    const char *name = connection->branch;

    if (connection->session != NULL) {
        name = arm_session_branch(connection->session);
    }
    return name == NULL ? arm__adbc_unknown_get("connection", BRANCH, error)
                        : arm__adbc_answer_text(answer, name, error);
}

static AdbcStatusCode get(struct arm_adbc_connection *connection, const char *key,
                          struct arm_adbc_answer *answer, struct AdbcError *error)
{
    if (strcmp(key, ADBC_CONNECTION_OPTION_AUTOCOMMIT) == 0) {
        return arm__adbc_answer_flag(answer, connection->autocommit, error);
    }
    if (strcmp(key, ADBC_CONNECTION_OPTION_READ_ONLY) == 0) {
        bool is_so =
            connection->read_only ||
            (connection->database != NULL && arm__adbc_database_is_read_only(connection->database));

        return arm__adbc_answer_flag(answer, is_so, error);
    }
    if (strcmp(key, ADBC_CONNECTION_OPTION_ISOLATION_LEVEL) == 0) {
        return arm__adbc_answer_text(answer,
                                     connection->isolation == NULL
                                         ? ADBC_OPTION_ISOLATION_LEVEL_DEFAULT
                                         : connection->isolation,
                                     error);
    }
    if (strcmp(key, ADBC_CONNECTION_OPTION_CURRENT_DB_SCHEMA) == 0) {
        return get_schema(connection, answer, error);
    }
    if (strcmp(key, ADBC_CONNECTION_OPTION_CURRENT_CATALOG) == 0) {
        return arm__adbc_answer_text(answer, ARM_ADBC_CATALOG, error);
    }
    if (strcmp(key, BRANCH) == 0) {
        return get_branch(connection, answer, error);
    }
    if (strcmp(key, MESSAGE) == 0 && connection->message != NULL) {
        return arm__adbc_answer_text(answer, connection->message, error);
    }
    if (strcmp(key, LAST_TX) == 0 && connection->session != NULL) {
        arm__adbc_answer_int(answer, (int64_t)arm_session_last_tx(connection->session));
        return ADBC_STATUS_OK;
    }
    return arm__adbc_unknown_get("connection", key, error);
}

AdbcStatusCode arm__adbc_connection_get(struct AdbcConnection *handle, const char *key,
                                        struct arm_adbc_answer *answer, struct AdbcError *error)
{
    struct arm_adbc_connection *connection = handle == NULL ? NULL : handle->private_data;
    AdbcStatusCode st;

    if (connection == NULL) {
        return arm__adbc_fail_handle(error, "connection");
    }
    st = arm__adbc_connection_take(connection, error); /* a session need not be there yet */
    if (st == ADBC_STATUS_OK) {
        st = get(connection, key, answer, error);
        arm__adbc_connection_unlock(connection);
    }
    return st;
}
