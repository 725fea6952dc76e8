/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_JSON_SQL_H
#define ARM_QUERY_JSON_SQL_H

/* JSON of rows, made by SQL. DuckDB's own writer gives NaN and the infinities bare, which no reader
 * of JSON takes, and numbers of more digits than a double holds are cut. Here NaN and infinities
 * are text, and every number has its own digits; what JSON has no type for is the text that SQL
 * prints. Pure. */

#include <stdbool.h>

#include "model/record.h"

/* Append `, '"name"', ':', <json>`, what concat() joins to an object's member, after a comma of
 * JSON unless it is the first: the JSON text of `expression`, a value of the type; null where it is
 * NULL. `depth`: how many lambdas it stands in. (Of a chain of `||` DuckDB takes 1,000.) */
arm_status arm__json_member_sql(const char *name, const Armpb__Type *type, const char *expression,
                                unsigned depth, bool is_first, struct arm_buf *out,
                                struct arm_error *err);

#endif
