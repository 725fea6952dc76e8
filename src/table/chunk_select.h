/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_CHUNK_SELECT_H
#define ARM_TABLE_CHUNK_SELECT_H

/* The rows of one chunk, all of them, in order, in the types of the schema that they were written
 * with (or of some of its columns). */

#include <duckdb.h>

#include "commit/repository.h"

/* `with_row_ids`: the ids that the rows bring are one more column. `*out` is destroyed by the
 * caller, on success only. Errors: ARM_NOT_FOUND, ARM_HASH_MISMATCH (the file is damaged),
 * ARM_CORRUPT (it has not the columns), those of the engine. */
arm_status arm__chunk_select(struct arm_repository *repository, duckdb_connection connection,
                             const Armpb__Schema *schema, const struct arm_hash *chunk,
                             bool with_row_ids, duckdb_result *out, struct arm_error *err);

#endif
