/* SPDX-License-Identifier: Apache-2.0 */
/* Running checks. */

#include "query/check.h"

#include <stdio.h>

#include "query/query_private.h"

/* One check, and whose it is, for messages. */
struct check {
    const char *name; /* NULL: none */
    const char *sql;
    const char *branch;
    bool is_new; /* it is to be asked from now on */
};

/* DuckDB's function query() takes a single SELECT and nothing else. */
static arm_status write_query(const char *sql, struct arm_buf *out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__buf_printf(out, err, "SELECT 1 FROM query('"));
    for (; *sql != '\0'; sql++) {
        ARM_TRY(arm__buf_u8(out, (uint8_t)*sql, err));
        if (*sql == '\'') {
            ARM_TRY(arm__buf_u8(out, '\'', err));
        }
    }
    ARM_TRY(arm__buf_printf(out, err, "') LIMIT 1"));
    ARM_TRY(arm__buf_u8(out, 0, err));
done:
    return st;
}

/* `check "positive" of branch "main"`, and what of it. */
static arm_status tell(const struct check *check, arm_status code, const char *what,
                       struct arm_error *err)
{
    return check->name == NULL ? arm__fail(err, code, "a check of branch \"%s\" %s: %.400s",
                                           check->branch, what, check->sql)
                               : arm__fail(err, code, "check \"%s\" of branch \"%s\" %s: %.400s",
                                           check->name, check->branch, what, check->sql);
}

static arm_status ask(struct arm_duck_connection *connection, const struct check *check,
                      bool *out_holds, struct arm_error *err)
{
    struct arm_buf sql = ARM_BUF_INIT(ARM_SQL_BYTES_MAX);
    struct arm_duck_result *result = NULL;
    duckdb_data_chunk chunk = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(write_query(check->sql, &sql, err));
    ARM_TRY(arm__duck_execute(connection, (const char *)sql.data, &result, err));
    ARM_TRY(arm__duck_next(result, &chunk, err));
    *out_holds = chunk == NULL;
    duckdb_destroy_data_chunk(&chunk);
done:
    arm__duck_result_free(result);
    arm__buf_release(&sql);
    return st;
}

/* A query that is wrong is not taken; one that has become so (its table was dropped) does not hold.
 * What has nothing to do with it (memory, an interrupt) is told as it is. */
static arm_status explain(const struct check *check, const struct arm_error *why,
                          struct arm_error *err)
{
    char what[600];

    switch (why->code) {
    case ARM_SQL:
    case ARM_NOT_FOUND:
    case ARM_INVALID:
    case ARM_UNSUPPORTED:
        (void)snprintf(what, sizeof what, "cannot be run (%.500s)", why->message);
        return tell(check, check->is_new ? ARM_SQL : ARM_CONSTRAINT, what, err);
    default:
        if (err != NULL) {
            *err = *why;
        }
        return why->code;
    }
}

static arm_status run_check(struct arm_duck_connection *connection, const struct check *check,
                            struct arm_error *err)
{
    struct arm_error why = {0};
    bool holds = false;

    if (ask(connection, check, &holds, &why) != ARM_OK) {
        return explain(check, &why, err);
    }
    return holds ? ARM_OK
                 : tell(check, ARM_CONSTRAINT, "does not hold: its query gives a row", err);
}

/* A connection that reads in `txn`. An interrupt of the session reaches it. */
static arm_status connect(struct arm_query_session *session, struct arm_transaction *txn,
                          struct arm_duck_session *out_door, struct arm_duck_connection **out,
                          struct arm_error *err)
{
    struct arm_duck_connection *connection = NULL;
    arm_status st = ARM_OK;

    *out_door = session->duck;
    out_door->ready = NULL;
    out_door->ended = NULL;
    out_door->conflicts = NULL;
    out_door->borrowed = txn;
    ARM_TRY(arm__host_engine(session->host, &out_door->engine, err));
    ARM_TRY(arm__duck_connect(out_door, &connection, err));
    arm__mutex_lock(&session->peek);
    session->checker = connection;
    arm__mutex_unlock(&session->peek);
    *out = connection;
done:
    return st;
}

static void disconnect(struct arm_query_session *session, struct arm_duck_connection *connection)
{
    arm__mutex_lock(&session->peek);
    session->checker = NULL;
    arm__mutex_unlock(&session->peek);
    arm__duck_disconnect(connection);
}

arm_status arm__session_check(struct arm_query_session *session, struct arm_transaction *txn,
                              struct arm_error *err)
{
    const struct arm_snapshot *snapshot = arm__txn_snapshot(txn);
    struct arm_catalog *catalog = arm__repository_catalog(session->duck.repository);
    struct arm_duck_connection *connection = NULL;
    struct arm_duck_session door;
    Armpb__Record *record = NULL;
    uint64_t protected_tx = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_checks(catalog, snapshot->branch_id, &protected_tx, &record, err));
    if (record == NULL) {
        goto done;
    }
    ARM_TRY(connect(session, txn, &door, &connection, err));
    for (size_t i = 0; i < record->ref->protection->n_checks; i++) {
        const Armpb__Check *asked = record->ref->protection->checks[i];
        struct check check = {asked->name, asked->sql, snapshot->branch, false};

        ARM_TRY(run_check(connection, &check, err));
    }
    arm__txn_set_checked(txn, protected_tx);
done:
    disconnect(session, connection);
    arm__record_free(record);
    return st;
}

/* Where a trial of checks looks. */
struct trial {
    struct arm_catalog *catalog;
    const char *branch;
};

static arm_status choose(void *self, struct arm_snapshot *out, bool *out_read_only,
                         struct arm_error *err)
{
    const struct trial *trial = self;

    *out_read_only = true;
    return arm__catalog_snapshot(trial->catalog, trial->branch, out, err);
}

arm_status arm__session_try_checks(struct arm_query_session *session, const char *branch,
                                   const struct arm_branch_protection *protection,
                                   struct arm_error *err)
{
    struct arm_repository *repository = session->duck.repository;
    struct trial trial = {arm__repository_catalog(repository), branch};
    struct arm_duck_connection *connection = NULL;
    struct arm_transaction *txn = NULL;
    struct arm_duck_session door;
    struct arm_engine *engine = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__host_engine(session->host, &engine, err));
    ARM_TRY(arm__txn_open(repository, engine, choose, &trial, &txn, err));
    ARM_TRY(connect(session, txn, &door, &connection, err));
    for (size_t i = 0; i < protection->check_count; i++) {
        struct check check = {protection->checks[i].name, protection->checks[i].sql, branch, true};

        ARM_TRY(run_check(connection, &check, err));
    }
done:
    disconnect(session, connection);
    arm__txn_rollback(txn);
    return st;
}
