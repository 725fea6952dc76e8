/* SPDX-License-Identifier: Apache-2.0 */
/* A merge on a power disk. */
#ifndef ARM_SUPPORT_POWER_MERGE_H
#define ARM_SUPPORT_POWER_MERGE_H

#include "support/power_play.h"

/* Merge branch step->other into the play's branch: table step->name becomes the other's, by
 * reference. Hands on the status of the disk; of ARM_COMMIT_UNKNOWN the play keeps the id. */
arm_status power_merge(struct play *play, const struct play_step *step, struct arm_error *err);

#endif
