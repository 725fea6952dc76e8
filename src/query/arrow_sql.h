/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_QUERY_ARROW_SQL_H
#define ARM_QUERY_ARROW_SQL_H

/* What a column is in an Arrow file: itself, but text where Arrow has no type for it (HUGEINT,
 * UHUGEINT, BIGNUM, BIT, and TIMETZ, whose offset would be lost), holds less of it (INTERVAL's
 * nanoseconds end at 292 years), or our writer cannot write it (ENUM's dictionary). The text is
 * what SQL reads back. Pure. */

#include "model/record.h"

/* Append `CAST(<expression> AS <type>)`; whole or not at all. */
arm_status arm__arrow_column_sql(const Armpb__Type *type, const char *expression,
                                 struct arm_buf *out, struct arm_error *err);

#endif
