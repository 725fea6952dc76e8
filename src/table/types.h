/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_TYPES_H
#define ARM_TABLE_TYPES_H

/* DuckDB's logical types and ours. */

#include <duckdb.h>

#include "model/type.h"

/* A Type tree (freed with armpb__type__free_unpacked); field ids are 0. Errors:
 * ARM_UNSUPPORTED naming a type that we do not keep. */
arm_status arm__type_from_duckdb(duckdb_logical_type type, Armpb__Type **out,
                                 struct arm_error *err);
/* Destroyed by the caller (duckdb_destroy_logical_type). */
arm_status arm__type_to_duckdb(const Armpb__Type *type, duckdb_logical_type *out,
                               struct arm_error *err);

/* A schema of these columns: no ids, all nullable, no defaults (freed by arm__schema_free).
 * Errors: ARM_SCHEMA on a duplicate or invalid column name, or no column at all. */
arm_status arm__schema_from_columns(size_t count, const char *const *names,
                                    const duckdb_logical_type *types, Armpb__Schema **out,
                                    struct arm_error *err);

#endif
