/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_VALUE_H
#define ARM_MODEL_VALUE_H

/* Single values as bytes, for statistics and initial values: order-preserving within a type,
 * so that memcmp compares them.
 *
 *   BOOLEAN, integers   big-endian, width of the type, sign bit flipped if signed
 *   DATE, TIME, TIMESTAMP*  as the integer a file holds (i32 days, i64 microseconds, of
 *                       TIMESTAMP_NS nanoseconds); the infinities as DuckDB has them, the largest
 *                       integer and its negative
 *   DECIMAL             as its integer of 16 bytes (i128), sign flipped
 *   FLOAT, DOUBLE       IEEE bits big-endian, sign flipped or all bits flipped (negative); as a
 *                       bound -0.0 is stored as 0.0, and NaN is none (has_nan instead)
 *   VARCHAR             the bytes; as a bound at most ARM_VALUE_CUT of them, cut between two
 *                       characters, and the last one of a cut max raised to the next character
 *   BLOB                the same, byte by byte
 *   UUID                16 bytes as they print
 *   others              no bounds are kept: HUGEINT, UHUGEINT, BIGNUM, BIT, TIME_NS, TIME_TZ,
 *                       INTERVAL and ENUM, since Parquet holds text whose order is not theirs, and
 *                       nested types (their fields have statistics of their own). An initial
 *                       value of theirs is its text.
 */

#include "model/type.h"

#define ARM_VALUE_CUT 32
/* A raised character may be longer than it was. */
#define ARM_VALUE_BOUND_BYTES_MAX (ARM_VALUE_CUT + 3)

/* Whether bounds are kept for columns of this type. */
bool arm__value_has_bounds(const Armpb__Type *type);

/* Append a bound from text as DuckDB's RETURN_STATS prints a value of this type's physical type
 * (it may hold a NUL; a BLOB is bare hexadecimal digits). `is_max` says how to cut. `*out_known`
 * false: no bound can be given (unparsable, or a max that cannot be raised); `out` is then as it
 * was. */
arm_status arm__value_from_text(const Armpb__Type *type, struct arm_bytes text, bool is_max,
                                struct arm_buf *out, bool *out_known, struct arm_error *err);

/* Append an initial value, whole, from its text as DuckDB casts it to VARCHAR (in UTC; a BLOB has
 * \xHH escapes). Errors: ARM_INVALID if it is no value of the type. */
arm_status arm__value_initial(const Armpb__Type *type, struct arm_bytes text, struct arm_buf *out,
                              struct arm_error *err);

/* Append the text that DuckDB casts back to the type. Errors: ARM_CORRUPT unless the bytes have
 * the type's shape. */
arm_status arm__value_to_text(const Armpb__Type *type, struct arm_bytes value, struct arm_buf *out,
                              struct arm_error *err);

#endif
