/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_ACKNOWLEDGE_H
#define ARM_QUERY_ACKNOWLEDGE_H

#include "query/session.h"

/* Have the session's open transaction say what a consumer of the changelog has done with. Errors:
 * ARM_INVALID: there is none; those of arm__txn_acknowledge, and of an aborted one. */
arm_status arm__session_acknowledge(struct arm_query_session *session,
                                    struct arm_new_cursor *cursor, struct arm_error *err);

#endif
