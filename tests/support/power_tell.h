/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TESTS_SUPPORT_POWER_TELL_H
#define ARM_TESTS_SUPPORT_POWER_TELL_H

/* What the repository of a power play holds, by the kernel: every branch and tag, every table of
 * each, its version, and its rows whatever their order. Stops the test if something cannot be
 * read. */

#include "commit/repository.h"
#include "table/engine.h"

void power_tell(struct arm_repository *repository, struct arm_engine *engine, struct arm_buf *out);

#endif
