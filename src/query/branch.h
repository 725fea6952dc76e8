/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_BRANCH_H
#define ARM_QUERY_BRANCH_H

/* Branches and tags as a session changes them.
 *
 * Q6  A session stands on a branch by its id: it follows a rename, by whomever, and says so when
 *     the branch was dropped.
 * Q7  No change of a branch or tag is part of a transaction: each is durable when it returns, and
 *     refused while the session has a transaction open. */

#include "duck/branch_parse.h"
#include "query/session.h"

/* The session's branch as it is now. Errors: ARM_NOT_FOUND if it was dropped, saying what to do. */
arm_status arm__session_now(struct arm_query_session *session, struct arm_snapshot *out,
                            struct arm_error *err);
/* What is to be done to a branch or a tag: borrowed, for the call. */
struct arm_branch_order {
    enum arm_branch_verb verb;
    const char *name;
    const char *other;       /* RENAME: the new name; CREATE: the ref it starts from, or NULL */
    const char *description; /* CREATE, DESCRIBE; NULL: none */
    const struct arm_branch_protection *protection; /* PROTECT; NULL: none */
};
/* Contracts as in armillaria.h. Refused in a transaction (Q7). */
arm_status arm__session_branch_order(struct arm_query_session *session,
                                     const struct arm_branch_order *order, struct arm_error *err);
/* The same for a statement, within its run, where whether a transaction is open has been asked. */
arm_status arm__session_branch_statement(struct arm_query_session *session,
                                         const struct arm_branch_statement *statement,
                                         struct arm_error *err);

#endif
