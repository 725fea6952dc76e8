/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_UPKEEP_H
#define ARM_QUERY_UPKEEP_H

/* Upkeep that runs by itself: while a process goes on committing, a thread of its host puts the
 * hot rows of its tables into chunks.
 *
 * U1  No commit fails for it, nor waits for more than another commit: what it does is a
 *     compaction (table/compact.h), which gives up what others change.
 * U2  It begins with the ARM_UPKEEP_COMMITS-th commit, and looks again after as many: a process
 *     that commits less has no such thread.
 * U3  Its errors are nobody's: it lets more and more commits pass before it tries again.
 * U4  It ends before the host does, in the middle of a compaction if need be.
 *
 * What it looks at are the records since it last looked, of all processes: so it knows which tables
 * grew without counting anything while somebody commits. */

#include "query/session.h"

enum { ARM_UPKEEP_COMMITS = 1000 };

struct arm_upkeep;
arm_status arm__upkeep_new(struct arm_host *host, struct arm_upkeep **out, struct arm_error *err);
/* Ends the thread; NULL is accepted. */
void arm__upkeep_free(struct arm_upkeep *upkeep);
/* This process committed `tx`. Any thread. */
void arm__upkeep_note(struct arm_upkeep *upkeep, uint64_t tx);

#endif
