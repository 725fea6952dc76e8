/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_FEED_MEMBER_H
#define ARM_FEED_MEMBER_H

/* Members of one consumer, in whatever processes, and which shares of its work each has.
 *
 * A file below index/consumers/ carries nothing but locks, which belong to the open file and go
 * with its process: byte i is share i, byte 64 + i the member in place i, both exclusive. (A child
 * that was forked holds them too. If the member's process is killed they stay until its child has
 * ended, or has run another program.)
 *
 * M1  A share has one owner: who holds its lock. He reads the consumer's cursor after he has got
 *     it, and what the owner before acknowledged was durable before he let go.
 * M2  Whose a share is to be follows from who is there: shares of tables in turn, in order, and the
 *     rest. Members that do not know of each other yet may disagree: then one waits for the lock.
 * M3  A share is given up only when all that was given of it is acknowledged. */

#include "catalog/catalog.h"
#include "feed/share.h"

#define ARM_MEMBERS_MAX 64

struct arm_member {
    const struct arm_io *io;
    struct arm_file *file; /* NULL: it is none */
    uint32_t place;
    uint64_t owned;   /* shares */
    uint64_t fellows; /* places taken, this one among them, as of the last look */
};

/* Take a place among the members of `consumer`. Errors: ARM_FULL: all are taken. */
arm_status arm__member_join(const struct arm_io *io, const char *root, const char *consumer,
                            struct arm_member *out, struct arm_error *err);
void arm__member_leave(struct arm_member *member); /* accepts the zeroed state */

/* Look who is there. */
arm_status arm__member_look(struct arm_member *member, struct arm_error *err);
/* The shares that are to be this member's: all, if it is alone; of `active` (those in which there
 * are tables) each n-th, where there are n members, and so of the others. */
uint64_t arm__member_wants(const struct arm_member *member, uint64_t active);
/* Give up what is not in `wanted` (M3 is the caller's), take what is and is free. `*out_gained`:
 * shares that were taken. */
arm_status arm__member_settle(struct arm_member *member, uint64_t wanted, uint64_t *out_gained,
                              struct arm_error *err);

/* Give up shares that are owned. */
void arm__member_give_up(struct arm_member *member, uint64_t shares);

/* How many members a consumer has now. */
arm_status arm__member_count(const struct arm_io *io, const char *root, const char *consumer,
                             uint32_t *out, struct arm_error *err);

#endif
