/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_HISTORY_H
#define ARM_TESTS_SUPPORT_HISTORY_H

/* Histories of transactions, and what of them an isolation level forbids.
 *
 * After Elle (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental
 * Observations", VLDB 2020): clients write values that are unique in their object, so that who
 * reads one tells whose transaction it depends on; from what all clients saw follow the
 * dependencies, and from cycles of these the anomalies (Adya). Three kinds of objects:
 *
 *     list      appended to by changing its one row; who reads it sees the order of its versions
 *     set       a row for each value, appended without meeting others; read by a predicate
 *     register  overwritten; the order of its versions is that of the tx ids (DESIGN section 2)
 *
 * A history is text, a line for each transaction:
 *
 *     ok c1 5-9 tx3 a1:7 l1=7,8 w2:9 g2=0    client, begin and end in ns, tx id, operations
 *     conflict c2 6-8 i3:4 s3=4,5            refused
 *     rollback c2 6-8 i3:4 s3=4,5            given up
 *     unknown c2 6-8 i3:4                    nobody told the client how it ended
 *     begin c3 7 a1:9 l1                     what it is about to do; no more is heard if it dies
 *
 *     operation   a append to list   i insert into set   w write register   ":" and the value
 *                 l read list        s read set          g get register     "=" and what was read
 *
 * before ":" and "=" the object's number, of its kind. A client's `begin` is taken back by the line
 * that tells its end. A register holds 0 at first, lists and sets nothing.
 *
 * The reads of transactions that came to nothing count as well: they too saw a snapshot. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum history_kind { HISTORY_LIST, HISTORY_SET, HISTORY_REGISTER, HISTORY_KINDS };
enum history_outcome {
    HISTORY_OK,
    HISTORY_CONFLICT,
    HISTORY_ROLLBACK,
    HISTORY_UNKNOWN,
    HISTORY_OUTCOMES
};

struct history_op {
    enum history_kind kind;
    bool is_read;
    uint32_t object; /* of its kind */
    int64_t value;   /* written */
    size_t first;    /* read: values from here on, */
    size_t count;    /* so many; a register's is one */
};

struct history_txn {
    uint32_t client;
    enum history_outcome outcome;
    bool is_pending; /* begun; the end is not told yet */
    uint64_t begin_ns;
    uint64_t end_ns; /* UINT64_MAX: unknown */
    uint64_t tx;     /* 0: unknown, or nothing was committed */
    size_t first_op;
    size_t op_count;
};

struct history {
    struct history_txn *txns;
    size_t txn_count;
    size_t txn_capacity;
    struct history_op *ops;
    size_t op_count;
    size_t op_capacity;
    int64_t *values;
    size_t value_count;
    size_t value_capacity;
};

/* Add the lines of `text`; a last one without its newline is of a client that died, and is left
 * out. False: a line is none, and stands in `bad`. */
bool history_add(struct history *history, const char *text, char bad[200]);
/* The same from a file. */
bool history_add_file(struct history *history, const char *path, char bad[200]);
void history_free(struct history *history);
/* The transaction as a line without a newline, cut where it is too long. */
void history_tell(const struct history *history, size_t txn, char *out, size_t size);

/* X(code, name, whether snapshot isolation forbids it). Serializable forbids all. "realtime": the
 * cycle holds only because one transaction began when another had been answered. */
#define HISTORY_ANOMALY_MAP(X)                                                                     \
    X(HISTORY_NOT_WRITTEN, "a value that nobody wrote", true)                                      \
    X(HISTORY_TWICE, "a value twice", true)                                                        \
    X(HISTORY_INTERNAL, "not what the transaction itself wrote or read before", true)              \
    X(HISTORY_NO_ORDER, "versions of a list that do not follow one another", true)                 \
    X(HISTORY_G1A, "G1a: aborted read", true)                                                      \
    X(HISTORY_G1B, "G1b: intermediate read", true)                                                 \
    X(HISTORY_LOST_UPDATE, "lost update", true)                                                    \
    X(HISTORY_G0, "G0: write cycle", true)                                                         \
    X(HISTORY_G1C, "G1c: circular information flow", true)                                         \
    X(HISTORY_G1C_REALTIME, "G1c-realtime", true)                                                  \
    X(HISTORY_G_SINGLE, "G-single: read skew", true)                                               \
    X(HISTORY_G_SINGLE_REALTIME, "G-single-realtime: stale read", true)                            \
    X(HISTORY_G_NONADJACENT, "G-nonadjacent", true)                                                \
    X(HISTORY_G_NONADJACENT_REALTIME, "G-nonadjacent-realtime", true)                              \
    X(HISTORY_G2_ITEM, "G2-item: write skew", false)                                               \
    X(HISTORY_G2, "G2: anti-dependency cycle over a predicate", false)                             \
    X(HISTORY_G2_REALTIME, "G2-realtime", false)

enum history_anomaly {
#define HISTORY_ANOMALY_CODE(code, name, forbidden) code,
    HISTORY_ANOMALY_MAP(HISTORY_ANOMALY_CODE)
#undef HISTORY_ANOMALY_CODE
        HISTORY_ANOMALIES
};

enum history_edge {
    HISTORY_WW,           /* wrote the version before */
    HISTORY_WR,           /* wrote what the other read */
    HISTORY_RW,           /* read a version that the other replaced */
    HISTORY_RW_PREDICATE, /* read a set without what the other put in */
    HISTORY_REALTIME,     /* was answered before the other began */
    HISTORY_EDGES
};

struct history_report {
    uint64_t found[HISTORY_ANOMALIES];
    uint64_t txns[HISTORY_OUTCOMES];
    uint64_t ops;
    uint64_t edges[HISTORY_EDGES];
    uint64_t components; /* of transactions that depend on one another in a ring, of all searches */
    char text[20000];    /* the first findings that the level forbids, with the transactions */
    size_t text_size;
};

enum history_level { HISTORY_SNAPSHOT, HISTORY_SERIALIZABLE };

/* Look for everything; what `level` forbids is told in the text. */
void history_check(const struct history *history, enum history_level level,
                   struct history_report *out);
/* How many of the findings the level forbids. */
uint64_t history_forbidden(const struct history_report *report, enum history_level level);
const char *history_anomaly_name(enum history_anomaly anomaly);

#endif
