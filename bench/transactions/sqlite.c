/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite: write-ahead log, synchronous=FULL, prepared statements. Its INTEGER PRIMARY KEY is the
 * row's place, which is the quickest it has. A writer waits for another as the library does it
 * (sqlite3_busy_timeout). */

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "transactions/peer_sql.h"
#include "transactions/side.h"

enum { WAIT_MS = 60000 };

struct side_writer {
    sqlite3 *db;
    sqlite3_stmt *statements[PEER_STATEMENTS];
};

static const char *const texts[PEER_STATEMENTS] = {
    PEER_SQL("?"),
    [PEER_BEGIN] = "BEGIN IMMEDIATE",
    [PEER_UPSERT] = "WITH RECURSIVE r(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM r WHERE i < ?1 "
                    "+ 9999) INSERT INTO big SELECT i, ?2, ?3 FROM r WHERE true ON CONFLICT (id) "
                    "DO UPDATE SET amount = excluded.amount, note = excluded.note",
};

static void execute(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        bench_fail(sql, sqlite3_errmsg(db));
    }
}

static sqlite3 *open_database(const char *where)
{
    sqlite3 *db = NULL;

    if (sqlite3_open(where, &db) != SQLITE_OK) {
        bench_fail(where, "SQLite cannot open it");
    }
    (void)sqlite3_busy_timeout(db, WAIT_MS);
    execute(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    return db;
}

static void fill(sqlite3 *db, const char *table, size_t count, const char *columns)
{
    char sql[400];

    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE r(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < %zu) "
                   "INSERT INTO %s SELECT %s FROM r",
                   count - 1, table, columns);
    execute(db, sql);
}

static void *make(const char *where, size_t rows, size_t accounts)
{
    sqlite3 *db = open_database(where);
    /* BIGINT PRIMARY KEY would be a second tree beside the rows. */
    static const char alias[] =
        "CREATE TABLE events (id INTEGER PRIMARY KEY, amount DOUBLE, note TEXT);"
        "CREATE TABLE big (id INTEGER PRIMARY KEY, amount DOUBLE, note TEXT);"
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, branch BIGINT, balance BIGINT);"
        "CREATE TABLE tellers (id INTEGER PRIMARY KEY, branch BIGINT, balance BIGINT);"
        "CREATE TABLE branches (id INTEGER PRIMARY KEY, branch BIGINT, balance BIGINT);"
        "CREATE TABLE history (id INTEGER PRIMARY KEY, account BIGINT, teller BIGINT, branch "
        "BIGINT, delta BIGINT)";

    execute(db, alias);
    fill(db, "big", rows, "2 * i, i / 2.0, 'note ' || i");
    fill(db, "accounts", accounts, "i, i % 10, 0");
    fill(db, "tellers", TELLERS, "i, i % 10, 0");
    fill(db, "branches", BRANCHES, "i, i, 0");
    execute(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    (void)sqlite3_close(db);
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

static struct side_writer *open_writer(const char *where, void *shared)
{
    struct side_writer *w = calloc(1, sizeof *w);

    (void)shared;
    if (w == NULL) {
        bench_fail("writer", "out of memory");
    }
    w->db = open_database(where);
    for (size_t i = 0; i < PEER_STATEMENTS; i++) {
        if (sqlite3_prepare_v2(w->db, texts[i], -1, &w->statements[i], NULL) != SQLITE_OK) {
            bench_fail(texts[i], sqlite3_errmsg(w->db));
        }
    }
    return w;
}

static void close_writer(struct side_writer *w)
{
    for (size_t i = 0; i < PEER_STATEMENTS; i++) {
        (void)sqlite3_finalize(w->statements[i]);
    }
    (void)sqlite3_close(w->db);
    free(w);
}

static int64_t ask(struct side_writer *w, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number;

    if (sqlite3_prepare_v2(w->db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        bench_fail(sql, sqlite3_errmsg(w->db));
    }
    number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return number;
}

/* ---- Acts ---- */

/* Run one to its end, whatever rows it gives: SQLITE_DONE when all is well. */
static int step(sqlite3_stmt *statement)
{
    int code;

    do {
        code = sqlite3_step(statement);
    } while (code == SQLITE_ROW);
    (void)sqlite3_reset(statement);
    return code;
}

static int run_row(struct side_writer *w, enum peer_statement which, const struct side_values *v)
{
    sqlite3_stmt *statement = w->statements[which];
    int parameters = sqlite3_bind_parameter_count(statement);

    (void)sqlite3_bind_int64(statement, 1, v->id);
    if (parameters > 1) {
        (void)sqlite3_bind_double(statement, 2, v->amount);
    }
    if (parameters > 2) {
        (void)sqlite3_bind_text(statement, 3, v->note, -1, SQLITE_STATIC);
    }
    return step(statement);
}

static int run_integers(struct side_writer *w, enum peer_statement which, const int64_t *values,
                        int count)
{
    for (int i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(w->statements[which], i + 1, values[i]);
    }
    return step(w->statements[which]);
}

static int transfer(struct side_writer *w, const struct side_values *v)
{
    const int64_t account[] = {v->account, v->delta};
    const int64_t teller[] = {v->teller, v->delta};
    const int64_t branch[] = {v->branch, v->delta};
    const int64_t history[] = {v->id, v->account, v->teller, v->branch, v->delta};
    int code = step(w->statements[PEER_BEGIN]);

    if (code != SQLITE_DONE) {
        return code;
    }
    if ((code = run_integers(w, PEER_ACCOUNT, account, 2)) == SQLITE_DONE &&
        (code = run_integers(w, PEER_TELLER, teller, 2)) == SQLITE_DONE &&
        (code = run_integers(w, PEER_BRANCH, branch, 2)) == SQLITE_DONE &&
        (code = run_integers(w, PEER_HISTORY, history, 5)) == SQLITE_DONE) {
        code = step(w->statements[PEER_COMMIT]);
    }
    if (code != SQLITE_DONE) {
        (void)step(w->statements[PEER_ROLLBACK]);
    }
    return code;
}

static enum side_outcome run(struct side_writer *w, enum side_act act, const struct side_values *v,
                             char why[SIDE_WHY_BYTES])
{
    static const enum peer_statement statements[] = {
        [ACT_INSERT] = PEER_INSERT,       [ACT_UPDATE] = PEER_UPDATE, [ACT_DELETE] = PEER_DELETE,
        [ACT_LOOKUP_HOT] = PEER_LOOK_HOT, [ACT_LOOKUP] = PEER_LOOK,   [ACT_UPSERT] = PEER_UPSERT};
    int code = act == ACT_TRANSFER ? transfer(w, v) : run_row(w, statements[act], v);

    if (code == SQLITE_DONE) {
        return SIDE_DONE;
    }
    (void)snprintf(why, SIDE_WHY_BYTES, "%.150s", sqlite3_errstr(code));
    return (code & 0xff) == SQLITE_BUSY ? SIDE_CONFLICT : SIDE_FAILED;
}

const struct side side_sqlite = {
    .name = "SQLite, WAL, FULL",
    .make = make,
    .share = share,
    .unshare = unshare,
    .open = open_writer,
    .close = close_writer,
    .run = run,
    .ask = ask,
};
