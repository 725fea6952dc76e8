/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_TYPE_MARKS_H
#define ARM_QUERY_TYPE_MARKS_H

/* SQL types that Arrow has no type of its own for, told by field metadata (arm_sql). */

#include "duck/duck.h"

/* Mark `schema`, a column's, and what is in it. A mark that is there stays. */
void arm__mark_type(duckdb_logical_type type, struct ArrowSchema *schema);

#endif
