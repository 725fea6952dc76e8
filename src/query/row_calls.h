/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_ROW_CALLS_H
#define ARM_QUERY_ROW_CALLS_H

/* A session's transaction without SQL, and rows by primary key in it. Contracts as in armillaria.h;
 * `number` is what arm__session_begin gave: another transaction of the session is not touched. */

#include "query/session.h"

arm_status arm__session_begin(struct arm_query_session *session, const bool *serializable,
                              uint64_t *out_number, struct arm_error *err);
arm_status arm__session_commit(struct arm_query_session *session, uint64_t number,
                               const char *message, uint64_t *out_tx, struct arm_error *err);
void arm__session_roll_back(struct arm_query_session *session, uint64_t number);
/* Streams are borrowed: the caller releases them. */
arm_status arm__session_get(struct arm_query_session *session, uint64_t number, const char *table,
                            struct ArrowArrayStream *keys, struct ArrowArrayStream *out,
                            struct arm_error *err);
arm_status arm__session_put(struct arm_query_session *session, uint64_t number, const char *table,
                            struct ArrowArrayStream *rows, uint64_t *out_rows,
                            struct arm_error *err);
arm_status arm__session_delete(struct arm_query_session *session, uint64_t number,
                               const char *table, struct ArrowArrayStream *keys, uint64_t *out_rows,
                               struct arm_error *err);

#endif
