/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_MERGE_PRIVATE_H
#define ARM_QUERY_MERGE_PRIVATE_H

/* Merges inside a session's run. */

#include "query/merge.h"

/* In the transaction that is open, where it may stay open. Conflicts are in the report, and no
 * failure. */
arm_status arm__merge_run(struct arm_query_session *session, const struct arm_merge_order *order,
                          bool stays_open, struct arm_merge_report *report, struct arm_error *err);
/* In one of its own, until nobody comes between (Q9); on the session's branch, or the order's.
 * Errors: ARM_MERGE_CONFLICT. */
arm_status arm__merge_here(struct arm_query_session *session, const struct arm_merge_order *order,
                           struct arm_merge_report *report, struct arm_error *err);
arm_status arm__merge_into(struct arm_query_session *session, const struct arm_merge_order *order,
                           struct arm_merge_report *report, struct arm_error *err);

#endif
