/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_TRIALS_H
#define ARM_TESTS_SUPPORT_POWER_TRIALS_H

/* A disk that fails at every operation of every script: EIO or no room, once or from then on.
 * Promised: the step that meets it fails with a status and a message, or did not need the
 * operation; a sync of the log that fails poisons, and what it was to make durable is told as
 * unknown; a commit that failed otherwise did not happen. After the disk is mended, the process
 * gone or the power too, what was acknowledged is there and nothing else, the step can be done, and
 * what comes after it.
 *
 *   ARM_POWER_CAMPAIGN=1  every combination; else each operation with some of them in turn
 *   ARM_POWER_SCRIPT=name, ARM_POWER_AT=n  only these */

#include "support/power_play.h"

void power_fail_scripts(const struct power_script *scripts, size_t count, bool by_sql);

#endif
