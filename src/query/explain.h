/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_EXPLAIN_H
#define ARM_QUERY_EXPLAIN_H

/* DuckDB's errors about statements that we made and the user never saw. Pure. */

#include "base/status.h"

/* Leave out the statement's text, and DuckDB's advice on options that we do not have; of text,
 * say `path`, line and what is wrong with it on one line. Only `err->message` changes; `err` may
 * be NULL. */
void arm__explain(const char *path, struct arm_error *err);

#endif
