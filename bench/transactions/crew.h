/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BENCH_CREW_H
#define ARM_BENCH_CREW_H

/* Writers that begin together: threads of this process that share its handle, or processes of their
 * own. Each does the same number of acts on rows of its own, and notes how long each took. An act
 * that meets a conflict is tried again until it is done, and its time is that of all tries. */

#include "transactions/side.h"

enum { CREW_WRITERS_MAX = 8 };

struct crew_plan {
    enum side_act act;
    bool by_processes;
    unsigned writers;
    size_t count;    /* acts of each */
    uint64_t first;  /* number of the first act: no two acts of a kind have the same */
    size_t events;   /* rows of events: ids from 0 on */
    size_t rows;     /* of big */
    size_t accounts; /* of accounts */
};

struct crew_result {
    double per_second;
    uint64_t conflicts;
    uint64_t failed;
    char why[SIDE_WHY_BYTES]; /* of the last failure */
};

/* `times`: writers * count of them, in ms. `shared` is for threads. */
struct crew_result crew_run(const struct side *side, const char *where, void *shared,
                            const struct crew_plan *plan, double *times);

/* What a process of a crew is started with; false if it was not. Its sides are `sides`. */
bool crew_is_writer(int argc, char **argv, const struct side *const *sides, size_t side_count);

#endif
