/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_LOOSE_H
#define ARM_TESTS_SUPPORT_POWER_LOOSE_H

/* Steps of a play that are about loose chunks, versions that use some, and tables that are moved to
 * a version: what a first interface does that keeps its data in chunks of its own. */

#include "support/power_play.h"

/* PLAY_KEEP, PLAY_LET_GO, PLAY_MOVE */
arm_status power_loose(struct play *play, const struct play_step *step, struct arm_error *err);
/* What PLAY_USING says besides its rows. */
arm_status power_using(struct arm_transaction *txn, const struct play_step *step,
                       struct arm_error *err);

#endif
