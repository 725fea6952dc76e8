/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_KEY_HASH_H
#define ARM_TABLE_KEY_HASH_H

/* Key hashes: equal keys have equal hashes, whatever rows hold them. Keys are equal as SQL has it:
 * 0.0 is -0.0, a NaN is a NaN. A key with a NULL in it is none: it equals no other. */

#include <duckdb.h>

#include "keys/key_store.h"

/* Whether columns of the type can be in a key. */
bool arm__key_takes(const Armpb__Type *type);
/* All keys of a schema. Errors: ARM_SCHEMA naming the column that cannot be in one. */
arm_status arm__keys_check(const Armpb__Schema *schema, struct arm_error *err);

/* `out` gets the hash of each row of `chunk`, whose columns are the schema's (more may follow),
 * or ARM_KEY_NONE. */
arm_status arm__key_hashes(const Armpb__Schema *schema, const Armpb__Key *key,
                           duckdb_data_chunk chunk, uint64_t *out, struct arm_error *err);

/* Two keys of one hash, from 2 on, are the same: the hash is the value, spread. */
bool arm__key_is_exact(const Armpb__Schema *schema, const Armpb__Key *key);

/* What tells keys apart whose hashes do not: half a BLAKE3 of the values. Rows without a key have
 * zeros. */
#define ARM_KEY_PRINT_BYTES 16
arm_status arm__key_prints(const Armpb__Schema *schema, const Armpb__Key *key,
                           duckdb_data_chunk chunk, uint8_t (*out)[ARM_KEY_PRINT_BYTES],
                           struct arm_error *err);

/* The run of all rows of some chunks. */
arm_status arm__key_run_of_chunks(const Armpb__Schema *schema, const Armpb__Key *key,
                                  const duckdb_data_chunk *chunks, size_t count,
                                  struct arm_key_run **out, struct arm_error *err);

#endif
