/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_DUCK_SPLIT_H
#define ARM_DUCK_SPLIT_H

/* Where a statement ends, by the lexical rules of DuckDB's (PostgreSQL's) SQL alone: quotes,
 * dollar quotes and nested comments hide a semicolon. Pure; the text is UTF-8. */

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The first statement of `sql`, with the blanks, comments and empty statements before it, and
 * its semicolon: its length in bytes; 0: there is none. Errors: ARM_SQL with line and column of a
 * quote or comment that is not closed. */
arm_status arm__sql_split(const char *sql, size_t *out_length, struct arm_error *err);

/* Behind the piece of SQL that stands at `at`, which is not the end: a word, a quoted text, a
 * comment, or one byte. NULL: it is not closed. */
const char *arm__sql_skip(const char *at);

/* Whether a statement begins with these two words, in any case. */
bool arm__sql_begins(const char *sql, const char *first, const char *second);

#ifdef __cplusplus
}
#endif

#endif
