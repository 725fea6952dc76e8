/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_HISTORY_PRIVATE_H
#define ARM_TESTS_SUPPORT_HISTORY_PRIVATE_H

/* What the parts of the history checker share:
 *
 *     history_writes.c   who wrote which value
 *     history_reads.c    what each transaction saw of others; what one read alone gives away
 *     history_edges.c    the order of versions, and who depends on whom
 *     history_cycles.c   cycles, and what they are called
 *     history_check.c    all of it, and the report */

#include "support/history.h"

/* Room for one more in `array`. */
void *history_grow(void *array, size_t count, size_t *capacity, size_t size);
void history_require(bool good, const char *what);

/* Objects of all kinds in one numbering. */
static inline uint64_t history_object(enum history_kind kind, uint32_t object)
{
    return (uint64_t)object * HISTORY_KINDS + kind;
}
static inline enum history_kind history_object_kind(uint64_t object)
{
    return (enum history_kind)(object % HISTORY_KINDS);
}

struct history_write {
    uint64_t object;
    int64_t value;
    size_t txn;
    bool is_last; /* of this transaction in this object */
};

/* What a transaction saw of an object before it changed it: for lists and sets less its own. */
struct history_seen {
    uint64_t object;
    size_t txn;
    const int64_t *values; /* a register's one; 0: never written. Sets: rising */
    size_t count;
    size_t read; /* number of the operation, from 0, in its transaction */
};

struct history_edge_row {
    uint32_t from;
    uint32_t to;
    enum history_edge kind;
    uint64_t object; /* that gave it */
};

struct history_checker {
    const struct history *history;
    enum history_level level;
    struct history_report *report;
    struct history_write *writes; /* by object, then value */
    size_t write_count;
    size_t write_capacity;
    bool *is_committed; /* each transaction: it was acknowledged, or somebody saw its writes */
    struct history_seen *seen; /* by object */
    size_t seen_count;
    size_t seen_capacity;
    int64_t **sorted; /* copies that `seen` refers to */
    size_t sorted_count;
    size_t sorted_capacity;
    struct history_edge_row *edges;
    size_t edge_count;
    size_t edge_capacity;
    size_t node_count; /* transactions, then moments (REALTIME) */
};

/* A finding; `txns` are told with it. */
void history_found(struct history_checker *c, enum history_anomaly anomaly, const char *what,
                   const size_t *txns, size_t txn_count);

void history_find_writes(struct history_checker *c);
/* NULL: nobody wrote it. */
const struct history_write *history_writer(const struct history_checker *c, uint64_t object,
                                           int64_t value);
/* The writes of an object: `*count` from the one returned on. */
const struct history_write *history_writes_of(const struct history_checker *c, uint64_t object,
                                              size_t *count);

void history_find_seen(struct history_checker *c);
void history_judge_seen(struct history_checker *c);

void history_add_edge(struct history_checker *c, size_t from, size_t to, enum history_edge kind,
                      uint64_t object);
void history_find_edges(struct history_checker *c);
void history_find_realtime(struct history_checker *c);

void history_find_cycles(struct history_checker *c);

#endif
