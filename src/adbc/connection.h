/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_ADBC_CONNECTION_H
#define ARM_ADBC_CONNECTION_H

/* What connection.c does to a connection. */

#include "adbc/adbc_private.h"

/* Take `use`, whether there is a session or not. INVALID_STATE: its owner reads what is bound. */
AdbcStatusCode arm__adbc_connection_take(struct arm_adbc_connection *connection,
                                         struct AdbcError *error);
/* Put `session` (taken; NULL: none) in the place of the one that is there, whose transaction is
 * rolled back. Locked. */
void arm__adbc_connection_put(struct arm_adbc_connection *connection, arm_session *session);
/* Interrupt the session if `work` is at work; else INVALID_STATE. From any thread. */
AdbcStatusCode arm__adbc_cancel(struct arm_adbc_connection *connection, struct arm_adbc_work *work,
                                struct AdbcError *error);

#endif
