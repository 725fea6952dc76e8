/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_CHECK_H
#define ARM_QUERY_CHECK_H

/* The checks of a branch: queries that must give no row on what the branch becomes. They are run on
 * a connection of their own, which sees what the transaction sees and has none of its session's
 * temporary tables, settings and search path; the commit then sees to it that nobody changed the
 * branch meanwhile (commit.h, K9). */

#include "query/session.h"

/* Those of the branch that `txn` is of, which is about to commit; no other thread uses it. Errors:
 * ARM_CONSTRAINT naming the check. */
arm_status arm__session_check(struct arm_query_session *session, struct arm_transaction *txn,
                              struct arm_error *err);
/* Those that are to be asked of a branch, on it as it is. Errors: ARM_CONSTRAINT, ARM_SQL. */
arm_status arm__session_try_checks(struct arm_query_session *session, const char *branch,
                                   const struct arm_branch_protection *protection,
                                   struct arm_error *err);

#endif
