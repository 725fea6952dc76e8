/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_MODEL_TYPE_H
#define ARM_MODEL_TYPE_H

/* Logical types: the catalog's. Each has one SQL spelling and one stated physical type: a value
 * cast to it, written as Parquet, read, and cast back is the same value, at the type's extremes
 * too; or the type is refused by name. README.md has the table. Pure. */

#include "model/record.h"

/* The SQL spelling, as DuckDB reads it: "DECIMAL(18,3)", "STRUCT(\"a b\" INTEGER, c DATE[])".
 * An alias is spelled only where DuckDB knows it without being told (JSON). */
arm_status arm__type_sql(const Armpb__Type *type, struct arm_buf *out, struct arm_error *err);

/* The SQL spelling of the physical type: what DuckDB reads back from a column written as it.
 * Most are their own; HUGEINT, UHUGEINT, BIGNUM, BIT, TIME_NS, TIME_TZ, INTERVAL and ENUM are
 * VARCHAR, TIMESTAMP_S and TIMESTAMP_MS are TIMESTAMP, ARRAY is LIST, nested types likewise
 * inside. Errors: ARM_UNSUPPORTED naming the type (UNION, GEOMETRY, VARIANT). */
arm_status arm__type_physical_sql(const Armpb__Type *type, struct arm_buf *out,
                                  struct arm_error *err);
/* Physical and logical type are the same, all the way down. */
bool arm__type_is_physical(const Armpb__Type *type);
/* The SQL of the physical value of `expression`. CAST(... AS the logical type) is its inverse. A
 * plain cast to the physical type would refuse TIMESTAMP_S's infinity. Not for an INTERVAL of
 * 10^9 hours or more, nor a TIME_TZ whose offset has seconds but no minutes: DuckDB's text of them
 * cannot be read, or is another; `table` refuses them before. Errors: as arm__type_physical_sql. */
arm_status arm__type_store_sql(const Armpb__Type *type, const char *expression, struct arm_buf *out,
                               struct arm_error *err);

/* Kind, parameters, labels, alias and members are the same; members' names count (those of the
 * values in lists and maps do not), ids do not. */
bool arm__type_equal(const Armpb__Type *a, const Armpb__Type *b);

/* A table may have these columns: names good and distinct, types well-formed and kept. Ids are
 * not looked at. Errors: ARM_SCHEMA, ARM_INVALID_NAME, ARM_UNSUPPORTED, naming the column. */
arm_status arm__schema_check(const Armpb__Schema *schema, struct arm_error *err);

/* DuckDB's FIELD_IDS value for these columns: "{\"a\": 1, \"s\": {__duckdb_field_id: 2, …}}".
 * Every field has an id. */
arm_status arm__schema_field_ids_sql(const Armpb__Schema *schema, struct arm_buf *out,
                                     struct arm_error *err);

/* Append `name` as a quoted SQL identifier, or `text` as a quoted SQL string. */
arm_status arm__sql_identifier(const char *name, struct arm_buf *out, struct arm_error *err);
arm_status arm__sql_string(const char *text, struct arm_buf *out, struct arm_error *err);

#endif
