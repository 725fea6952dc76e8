/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL as it comes: a local socket, prepared statements, READ COMMITTED, fsync on. `where`
 * is how to connect. */

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transactions/peer_sql.h"
#include "transactions/side.h"

enum { PARAMETERS_MAX = 5, VALUE_BYTES = 40, NAME_BYTES = 24 };

struct side_writer {
    PGconn *connection;
};

static const char *const texts[PEER_STATEMENTS] = {
    PEER_SQL("$"),
    [PEER_BEGIN] = "BEGIN",
    [PEER_UPSERT] = "INSERT INTO big SELECT i, $2, $3 FROM generate_series($1::bigint, $1::bigint "
                    "+ 9999) i ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, note = "
                    "excluded.note",
};

static PGconn *connect_to(const char *where)
{
    PGconn *connection = PQconnectdb(where);

    if (PQstatus(connection) != CONNECTION_OK) {
        bench_fail(where, PQerrorMessage(connection));
    }
    return connection;
}

static void execute(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);

    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        bench_fail(sql, PQerrorMessage(connection));
    }
    PQclear(result);
}

static void fill(PGconn *connection, const char *table, size_t count, const char *columns)
{
    char sql[400];

    (void)snprintf(sql, sizeof sql, "INSERT INTO %s SELECT %s FROM generate_series(0, %zu) i",
                   table, columns, count - 1);
    execute(connection, sql);
}

static void *make(const char *where, size_t rows, size_t accounts)
{
    PGconn *connection = connect_to(where);

    execute(connection, "SET client_min_messages = warning; DROP TABLE IF EXISTS events, big, "
                        "accounts, tellers, branches, history");
    execute(connection,
            "CREATE TABLE events (id BIGINT PRIMARY KEY, amount DOUBLE PRECISION, note TEXT);"
            "CREATE TABLE big (id BIGINT PRIMARY KEY, amount DOUBLE PRECISION, note TEXT);"
            "CREATE TABLE accounts (id BIGINT PRIMARY KEY, branch BIGINT, balance BIGINT);"
            "CREATE TABLE tellers (id BIGINT PRIMARY KEY, branch BIGINT, balance BIGINT);"
            "CREATE TABLE branches (id BIGINT PRIMARY KEY, branch BIGINT, balance BIGINT);"
            "CREATE TABLE history (id BIGINT PRIMARY KEY, account BIGINT, teller BIGINT, branch "
            "BIGINT, delta BIGINT)");
    fill(connection, "big", rows, "2 * i, i / 2.0, 'note ' || i");
    fill(connection, "accounts", accounts, "i, i % 10, 0");
    fill(connection, "tellers", TELLERS, "i, i % 10, 0");
    fill(connection, "branches", BRANCHES, "i, i, 0");
    execute(connection, "VACUUM ANALYZE");
    execute(connection, "CHECKPOINT");
    PQfinish(connection);
    return NULL;
}

static void *share(const char *where)
{
    (void)where;
    return NULL;
}

static void unshare(void *shared)
{
    (void)shared;
}

static char *statement_name(size_t which, char out[NAME_BYTES])
{
    (void)snprintf(out, NAME_BYTES, "s%zu", which);
    return out;
}

static struct side_writer *open_writer(const char *where, void *shared)
{
    struct side_writer *w = calloc(1, sizeof *w);
    char name[NAME_BYTES];

    (void)shared;
    if (w == NULL) {
        bench_fail("writer", "out of memory");
    }
    w->connection = connect_to(where);
    for (size_t i = 0; i < PEER_STATEMENTS; i++) {
        PGresult *result = PQprepare(w->connection, statement_name(i, name), texts[i], 0, NULL);

        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            bench_fail(texts[i], PQerrorMessage(w->connection));
        }
        PQclear(result);
    }
    return w;
}

static void close_writer(struct side_writer *w)
{
    PQfinish(w->connection);
    free(w);
}

static int64_t ask(struct side_writer *w, const char *sql)
{
    PGresult *result = PQexec(w->connection, sql);
    int64_t number;

    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        bench_fail(sql, PQerrorMessage(w->connection));
    }
    number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return number;
}

/* ---- Acts ---- */

static enum side_outcome execute_prepared(struct side_writer *w, enum peer_statement which,
                                          const char *const *values, int count,
                                          char why[SIDE_WHY_BYTES])
{
    char name[NAME_BYTES];
    PGresult *result =
        PQexecPrepared(w->connection, statement_name(which, name), count, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    enum side_outcome outcome = SIDE_DONE;

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

        outcome = state != NULL && strncmp(state, "40", 2) == 0 ? SIDE_CONFLICT : SIDE_FAILED;
        (void)snprintf(why, SIDE_WHY_BYTES, "%.150s", PQerrorMessage(w->connection));
    }
    PQclear(result);
    return outcome;
}

static enum side_outcome run_row(struct side_writer *w, enum peer_statement which,
                                 const struct side_values *v, char why[SIDE_WHY_BYTES])
{
    static const int counts[PEER_STATEMENTS] = {
        [PEER_INSERT] = 3, [PEER_UPDATE] = 2,   [PEER_DELETE] = 1,
        [PEER_LOOK] = 1,   [PEER_LOOK_HOT] = 1, [PEER_UPSERT] = 3};
    char id[VALUE_BYTES];
    char amount[VALUE_BYTES];
    const char *const values[] = {id, amount, v->note};

    (void)snprintf(id, sizeof id, "%" PRId64, v->id);
    (void)snprintf(amount, sizeof amount, "%g", v->amount);
    return execute_prepared(w, which, values, counts[which], why);
}

static enum side_outcome run_integers(struct side_writer *w, enum peer_statement which,
                                      const int64_t *values, int count, char why[SIDE_WHY_BYTES])
{
    char numbers[PARAMETERS_MAX][VALUE_BYTES];
    const char *list[PARAMETERS_MAX];

    for (int i = 0; i < count; i++) {
        (void)snprintf(numbers[i], VALUE_BYTES, "%" PRId64, values[i]);
        list[i] = numbers[i];
    }
    return execute_prepared(w, which, list, count, why);
}

static enum side_outcome transfer(struct side_writer *w, const struct side_values *v,
                                  char why[SIDE_WHY_BYTES])
{
    const struct {
        enum peer_statement which;
        int count;
        int64_t values[PARAMETERS_MAX];
    } steps[] = {
        {PEER_BEGIN, 0, {0}},
        {PEER_ACCOUNT, 2, {v->account, v->delta}},
        {PEER_TELLER, 2, {v->teller, v->delta}},
        {PEER_BRANCH, 2, {v->branch, v->delta}},
        {PEER_HISTORY, 5, {v->id, v->account, v->teller, v->branch, v->delta}},
        {PEER_COMMIT, 0, {0}},
    };
    enum side_outcome outcome = SIDE_DONE;

    for (size_t i = 0; outcome == SIDE_DONE && i < sizeof steps / sizeof *steps; i++) {
        outcome = run_integers(w, steps[i].which, steps[i].values, steps[i].count, why);
    }
    if (outcome != SIDE_DONE) {
        char ignored[SIDE_WHY_BYTES];

        (void)execute_prepared(w, PEER_ROLLBACK, NULL, 0, ignored);
    }
    return outcome;
}

static enum side_outcome run(struct side_writer *w, enum side_act act, const struct side_values *v,
                             char why[SIDE_WHY_BYTES])
{
    static const enum peer_statement statements[] = {
        [ACT_INSERT] = PEER_INSERT,       [ACT_UPDATE] = PEER_UPDATE, [ACT_DELETE] = PEER_DELETE,
        [ACT_LOOKUP_HOT] = PEER_LOOK_HOT, [ACT_LOOKUP] = PEER_LOOK,   [ACT_UPSERT] = PEER_UPSERT};

    return act == ACT_TRANSFER ? transfer(w, v, why) : run_row(w, statements[act], v, why);
}

const struct side side_postgres = {
    .name = "PostgreSQL",
    .make = make,
    .share = share,
    .unshare = unshare,
    .open = open_writer,
    .close = close_writer,
    .run = run,
    .ask = ask,
};
