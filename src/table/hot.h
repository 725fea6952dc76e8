/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_HOT_H
#define ARM_TABLE_HOT_H

/* Hot rows: a batch of rows as bytes in a log record. Columnar, by field id; the layout is
 * described at the top of hot.c. Any DuckDB type we keep, nested ones too. */

#include <duckdb.h>

#include "model/record.h"

#define ARM_HOT_ROWS_MAX 10000u
#define ARM_HOT_BYTES_MAX (1u << 20)

/* Append the batch of all rows of `count` chunks (columns are the schema's). */
arm_status arm__hot_encode(const Armpb__Schema *schema, const duckdb_data_chunk *chunks,
                           size_t count, struct arm_buf *out, struct arm_error *err);

/* A decoder over untrusted bytes (borrowed until it is freed): judges the whole batch at once,
 * so that filling vectors cannot fail on damage. */
struct arm_hot_batch;
arm_status arm__hot_open(struct arm_bytes bytes, struct arm_hot_batch **out, struct arm_error *err);
void arm__hot_free(struct arm_hot_batch *batch); /* NULL is accepted */
uint32_t arm__hot_row_count(const struct arm_hot_batch *batch);
/* Whether the batch has the column of this field id with exactly this type. */
bool arm__hot_has(const struct arm_hot_batch *batch, const Armpb__Field *field);
/* Fill `vector` (flat, of the field's type, capacity >= count) with rows first .. first+count-1
 * of the field. Errors: ARM_SCHEMA if the batch does not have it, or has another type (`*` the
 * caller casts: see arm__hot_type). */
arm_status arm__hot_fill(const struct arm_hot_batch *batch, const Armpb__Field *field,
                         uint32_t first, uint32_t count, duckdb_vector vector,
                         struct arm_error *err);
/* The type the batch holds a field id in; borrowed; NULL: it has no such column. */
const Armpb__Type *arm__hot_type(const struct arm_hot_batch *batch, uint32_t field_id);

#endif
