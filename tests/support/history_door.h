/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_HISTORY_DOOR_H
#define ARM_TESTS_SUPPORT_HISTORY_DOOR_H

/* The three kinds of objects of a history as tables, and a client's way to them.
 *
 * Objects come in rounds of so many of each kind; each round has tables of its own, so that they
 * stay small however long the history gets. */

#include <armillaria.h>

#include "support/history.h"

enum { HISTORY_ROUND_OBJECTS = 6 }; /* of each kind */

static inline unsigned history_round_of(uint32_t object)
{
    return object / HISTORY_ROUND_OBJECTS;
}

/* Values read, reused from read to read. */
struct history_values {
    int64_t *values;
    size_t count;
    size_t capacity;
};

void history_values_add(struct history_values *values, int64_t value);

/* Each call gives the status of the product; after one that is not ARM_OK the transaction is rolled
 * back by the caller. */
struct history_door {
    void *self;
    struct arm_error *err;                          /* of the last call that failed */
    arm_status (*make)(void *self, unsigned round); /* the tables of a round */
    /* `alone`: it is to be one operation, which SQL can do without BEGIN and COMMIT. */
    arm_status (*begin)(void *self, bool alone);
    arm_status (*read)(void *self, enum history_kind kind, uint32_t object,
                       struct history_values *out);
    arm_status (*write)(void *self, enum history_kind kind, uint32_t object, int64_t value);
    arm_status (*commit)(void *self, uint64_t *out_tx); /* 0: there was nothing to commit */
    void (*rollback)(void *self);
    arm_status (*compact)(void *self);
    void (*close)(void *self);
};

/* SQL through the public interface, by a session of its own. */
arm_status history_door_sql(const char *path, enum history_level level, struct history_door *out,
                            struct arm_error *err);

/* The kernel's transactions, without SQL: ten times as quick. One repository a process, doors onto
 * it for its threads. */
struct history_kernel;
arm_status history_kernel_open(const char *path, struct history_kernel **out,
                               struct arm_error *err);
void history_kernel_close(struct history_kernel *kernel); /* after its doors */
void history_door_kernel(struct history_kernel *kernel, struct history_door *out);

#endif
