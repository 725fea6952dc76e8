/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_KEYS_KEY_STORE_H
#define ARM_KEYS_KEY_STORE_H

/* What a process knows of the keys of a repository's rows: runs of chunks, in memory and as files
 * in index/keys/, and the keys of hot rows. All of it is derived: a file that is missing,
 * damaged or cannot be written costs time, never an answer.
 *
 * Thread-safe. */

#include "keys/hot_keys.h"
#include "model/record.h"

struct arm_key_store;
/* `directory` is made when the first run is kept. */
arm_status arm__key_store_new(const struct arm_io *io, const char *directory,
                              struct arm_key_store **out, struct arm_error *err);
void arm__key_store_free(struct arm_key_store *store); /* NULL is accepted */

/* Which key: its columns and their types, in order. */
struct arm_hash arm__key_digest(const Armpb__Schema *schema, const Armpb__Key *key);

/* The name of a chunk's run for a key: of its file in index/keys/, in hexadecimal. */
struct arm_hash arm__key_run_name(const struct arm_hash *chunk, const struct arm_hash *digest);

/* The run of a chunk of so many rows; `*out` NULL: not known. The caller drops it. */
arm_status arm__key_store_find(struct arm_key_store *store, const struct arm_hash *chunk,
                               uint32_t rows, const struct arm_hash *digest,
                               struct arm_key_run **out, struct arm_error *err);
/* Keep it, in memory and as a file. */
arm_status arm__key_store_keep(struct arm_key_store *store, const struct arm_hash *chunk,
                               const struct arm_hash *digest, struct arm_key_run *run,
                               struct arm_error *err);

/* The hot keys of a table, locked until they are given back. */
arm_status arm__key_store_lock_hot(struct arm_key_store *store, const struct arm_table_id *table_id,
                                   const struct arm_hash *digest, struct arm_hot_keys **out,
                                   struct arm_error *err);
void arm__key_store_unlock_hot(struct arm_key_store *store);

#endif
