/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_HISTORY_CLIENT_H
#define ARM_TESTS_SUPPORT_HISTORY_CLIENT_H

/* A client that makes history: transactions of one to five random operations on objects that others
 * work on as well, each told to a file before and after. */

#include "support/history_door.h"

struct history_client {
    unsigned number;         /* from 1; no two of a history have the same */
    unsigned txns;           /* of the whole history */
    unsigned rounds;         /* of the whole history, which its clients pass through together */
    _Atomic unsigned *begun; /* of these transactions, by all clients: in memory they share */
    uint64_t seed;
    const char *file; /* of its lines, made anew */
};

/* 0, or an exit status with a message on stderr. */
int history_client_run(const struct history_client *client, struct history_door *door);
/* Read every object there is, a transaction for each round: what the others' writes came to. */
int history_client_read_all(const struct history_client *client, struct history_door *door);

#endif
