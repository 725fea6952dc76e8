/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BENCH_CHANGES_SIDE_H
#define ARM_BENCH_CHANGES_SIDE_H

/* Somebody who makes changes known to other processes: ours, a peer, or the limit. Each function
 * runs in a process of its own, and exits loudly if something is wrong. */

#include <stdint.h>

struct side {
    const char *name;
    /* Make what is needed, before any process begins. `where` is a directory, or how to connect. */
    void (*prepare)(const char *where);
    void *(*open_writer)(const char *where);
    /* Do one change, durably; the time at which its commit began. */
    int64_t (*change)(void *writer, uint64_t number);
    void (*close_writer)(void *writer);
    void *(*open_reader)(const char *where); /* it gets what is changed from here on */
    void (*next)(void *reader);              /* block until the next change is told */
    void (*close_reader)(void *reader);
};

int64_t side_now_ns(void); /* of a clock that all processes share */

extern const struct side side_ours;
extern const struct side side_limit; /* an append that is synced, and a futex */
extern const struct side side_redis; /* Redis Streams, appendfsync always */
#ifdef ARM_BENCH_POSTGRES
extern const struct side side_postgres; /* INSERT and NOTIFY in one transaction */
#endif

#endif
