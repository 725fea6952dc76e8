/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BENCH_SIDE_H
#define ARM_BENCH_SIDE_H

/* A side: one way of doing small transactions, ours or a peer's. All sides have the same tables
 * with the same rows and are asked for the same acts, each act durable when it returns.
 *
 *     events    id BIGINT PRIMARY KEY, amount DOUBLE, note VARCHAR       at first without a row
 *     big       the same                             ids 0, 2, 4 …: `rows` rows, loaded at once
 *     accounts, tellers, branches    id BIGINT PRIMARY KEY, branch BIGINT, balance BIGINT
 *     history   id BIGINT PRIMARY KEY, account, teller, branch, delta BIGINT
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/bench.h"

enum side_outcome {
    SIDE_DONE,
    SIDE_CONFLICT, /* nothing happened: to be run again */
    SIDE_FAILED,
};

enum side_act {
    ACT_INSERT,     /* one row into events */
    ACT_UPDATE,     /* the amount of one row of big, by key */
    ACT_DELETE,     /* one row of big, by key */
    ACT_LOOKUP_HOT, /* one row of events, by key */
    ACT_LOOKUP,     /* one row of big, by key */
    ACT_UPSERT,     /* UPSERT_ROWS rows of big, ids from `id` on: every other one is there */
    ACT_TRANSFER,   /* `delta` added to the balances of account, teller and branch; a history row */
};

enum {
    UPSERT_ROWS = 10000,
    BRANCHES = 10,
    TELLERS = 100,
    SIDE_WHY_BYTES = 200,
    SIDE_NOTE_BYTES = 32,
};

struct side_values {
    int64_t id;
    double amount;
    char note[SIDE_NOTE_BYTES];
    int64_t account;
    int64_t teller;
    int64_t branch;
    int64_t delta;
};

/* One writer's connection; each side has its own, and so has each thread. */
struct side_writer;

struct side {
    const char *name;
    /* Make the tables in `where` (a path, or how to connect), and open what threads share. */
    void *(*make)(const char *where, size_t rows, size_t accounts);
    /* Open what threads share, of what is made; both may give NULL. */
    void *(*share)(const char *where);
    void (*unshare)(void *shared);
    struct side_writer *(*open)(const char *where, void *shared);
    void (*close)(struct side_writer *writer);
    /* `why` is set when it failed. */
    enum side_outcome (*run)(struct side_writer *writer, enum side_act act,
                             const struct side_values *values, char why[SIDE_WHY_BYTES]);
    /* The one number that `sql` gives. */
    int64_t (*ask)(struct side_writer *writer, const char *sql);
};

extern const struct side side_rows;     /* ours, by row calls */
extern const struct side side_prepared; /* ours, by EXECUTE of what was prepared */
extern const struct side side_text;     /* ours, by SQL text */
#ifdef ARM_BENCH_SQLITE
extern const struct side side_sqlite;
#endif
#ifdef ARM_BENCH_POSTGRES
extern const struct side side_postgres;
#endif

#endif
