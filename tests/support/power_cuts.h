/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_CUTS_H
#define ARM_TESTS_SUPPORT_POWER_CUTS_H

/* The power is cut at every operation of every script, in several ways, and again at operations of
 * the recovery that follows. Promised after each cut: the repository opens, undamaged; it holds
 * what was acknowledged and at most the commit in flight besides, whole; verify finds nothing; it
 * takes a new commit, and does not lose that.
 *
 * A cut does not end the script: before each operation the state that a cut there would leave is
 * made in another directory (support/power_disk.h), recovered, looked at, and thrown away.
 *
 *   ARM_POWER_CAMPAIGN=n  every kind of cut at every operation, n times where chance rules, and
 *                         second cuts at every operation of every recovery; by SQL at one of each
 *   ARM_POWER_SCRIPT=name only this script
 *   ARM_POWER_AT=k        cut at this operation only
 *   ARM_POWER_SEED=s      other chances */

#include "support/power_play.h"

/* `by_sql`: its steps are of SQL, and so is what is told; then keys too are looked at
 * (play_check_sql). */
void power_cut_scripts(const struct power_script *scripts, size_t count, bool by_sql);

#endif
