/* SPDX-License-Identifier: Apache-2.0 */
/* INSERT and NOTIFY in one transaction, of whose COMMIT a listener hears. */

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>

#include "changes/side.h"
#include "support/bench.h"

static void run(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);

    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        bench_fail("PostgreSQL", PQerrorMessage(connection));
    }
    PQclear(result);
}

static void *connect_to(const char *where)
{
    PGconn *connection = PQconnectdb(where);

    if (PQstatus(connection) != CONNECTION_OK) {
        bench_fail("PostgreSQL", PQerrorMessage(connection));
    }
    return connection;
}

static void disconnect(void *connection)
{
    PQfinish(connection);
}

static void prepare(const char *where)
{
    PGconn *connection = connect_to(where);

    run(connection, "CREATE TABLE IF NOT EXISTS events(n BIGINT)");
    disconnect(connection);
}

static int64_t change(void *writer, uint64_t number)
{
    char sql[80];
    int64_t start;

    (void)snprintf(sql, sizeof sql, "INSERT INTO events VALUES (%llu)", (unsigned long long)number);
    run(writer, "BEGIN");
    run(writer, sql);
    (void)snprintf(sql, sizeof sql, "NOTIFY events, '%llu'", (unsigned long long)number);
    run(writer, sql);
    start = side_now_ns();
    run(writer, "COMMIT");
    return start;
}

static void *open_reader(const char *where)
{
    PGconn *connection = connect_to(where);

    run(connection, "LISTEN events");
    return connection;
}

static void next(void *reader)
{
    PGnotify *notify;

    while ((notify = PQnotifies(reader)) == NULL) {
        struct pollfd ready = {.fd = PQsocket(reader), .events = POLLIN};

        (void)poll(&ready, 1, -1);
        if (PQconsumeInput(reader) != 1) {
            bench_fail("PostgreSQL", PQerrorMessage(reader));
        }
    }
    PQfreemem(notify);
}

const struct side side_postgres = {.name = "PostgreSQL NOTIFY",
                                   .prepare = prepare,
                                   .open_writer = connect_to,
                                   .change = change,
                                   .close_writer = disconnect,
                                   .open_reader = open_reader,
                                   .next = next,
                                   .close_reader = disconnect};
