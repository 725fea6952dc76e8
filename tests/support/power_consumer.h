/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_CONSUMER_H
#define ARM_TESTS_SUPPORT_POWER_CONSUMER_H

/* Steps of a play that are about consumers of the changelog. */

#include "support/power_play.h"

/* PLAY_CONSUMER */
arm_status power_consumer(struct play *play, const struct play_step *step, struct arm_error *err);
/* What PLAY_CONSUMED says besides its rows. */
arm_status power_consumed(struct play *play, struct arm_transaction *txn,
                          const struct play_step *step, struct arm_error *err);

#endif
