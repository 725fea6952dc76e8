/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_FEED_SUBSCRIPTION_H
#define ARM_FEED_SUBSCRIPTION_H

/* A subscriber: reads the changelog from where it stands, waits at its end, and, as a member of a
 * named consumer, says what is done with. What a public arm_feed is, without its root.
 *
 *   reading  pages of events, from `position` on, up to what is durable
 *   waiting  on the log's bell, for something durable behind `position`
 *
 * S1  Events come as E1 says, each once, behind where it began; where it stands says all that it
 *     knows, so that it can be begun again from any event.
 * S2  A consumer's event that was not acknowledged is given again: by arm__subscription_rewind, or
 *     to who subscribes next. One that was is never given again, to any member.
 * S3  What was acknowledged stays so when its process is killed. */

#include "base/thread.h"
#include "commit/commit.h"
#include "feed/events.h"
#include "feed/member.h"

struct arm_subscription;

/* Contracts, here and below, as of arm_feed in armillaria.h. */
arm_status arm__subscription_open(struct arm_repository *repository,
                                  const struct arm_feed_options *options, bool read_only,
                                  struct arm_subscription **out, struct arm_error *err);
void arm__subscription_close(struct arm_subscription *subscription); /* NULL is accepted */
arm_status arm__subscription_next(struct arm_subscription *subscription, uint64_t wait_us,
                                  const struct arm_event **out, struct arm_error *err);
void arm__subscription_interrupt(struct arm_subscription *subscription);
arm_status arm__subscription_ack(struct arm_subscription *subscription, uint64_t tx,
                                 struct arm_error *err);
/* The cursor that says the same, for a transaction to commit; borrows from the subscription.
 * arm__subscription_pass is to follow when it was given to one. */
arm_status arm__subscription_cursor(struct arm_subscription *subscription, uint64_t tx,
                                    struct arm_new_cursor *out, struct arm_error *err);
void arm__subscription_pass(struct arm_subscription *subscription,
                            const struct arm_new_cursor *cursor);
arm_status arm__subscription_rewind(struct arm_subscription *subscription, struct arm_error *err);

/* The thread that calls for each event (thread.c). */
arm_status arm__subscription_start(struct arm_subscription *subscription,
                                   const struct arm_feed_callbacks *callbacks,
                                   struct arm_error *err);
arm_status arm__subscription_stop(struct arm_subscription *subscription, struct arm_error *err);
/* It was started and not stopped, be it that it has ended. */
bool arm__subscription_has_thread(const struct arm_subscription *subscription);

#endif
