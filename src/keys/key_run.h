/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_KEYS_KEY_RUN_H
#define ARM_KEYS_KEY_RUN_H

/* A key run: which keys some immutable rows have, as hashes in order, each with its row's number.
 * It is derived from the rows, so that it is made anew wherever it is missing or damaged. Two keys
 * with one hash may be the same: whoever must know reads the rows. Rows with a NULL in the key have
 * none, and do not stand in the run.
 *
 * Immutable, counted, safe on any thread. */

#include "base/hash.h"
#include "base/io.h"

#define ARM_KEY_NONE UINT64_C(0) /* the hash of a row without a key */

struct arm_key_run;

/* `hashes[i]` is row i's; borrowed. */
arm_status arm__key_run_new(const uint64_t *hashes, uint32_t rows, struct arm_key_run **out,
                            struct arm_error *err);
struct arm_key_run *arm__key_run_retain(struct arm_key_run *run);
void arm__key_run_drop(struct arm_key_run *run); /* NULL is accepted */

size_t arm__key_run_count(const struct arm_key_run *run); /* rows that have a key */
uint32_t arm__key_run_rows(const struct arm_key_run *run);
/* Ascending; equal ones in order of their rows. */
const uint64_t *arm__key_run_hashes(const struct arm_key_run *run);
const uint32_t *arm__key_run_numbers(const struct arm_key_run *run);
/* The first place whose hash is not less than `hash`; the count if there is none. */
size_t arm__key_run_seek(const struct arm_key_run *run, uint64_t hash);

/* As a file, whose bytes carry their own hash; not synced. `id` says whose rows and which key. Not
 * believed for its hash alone: what it says is in order and of rows that there are. */
arm_status arm__key_run_write(const struct arm_key_run *run, const struct arm_io *io,
                              const char *path, const struct arm_hash *id, struct arm_error *err);
/* `*out` NULL: there is none, or it is not `id`'s or not of so many rows, or damaged. */
arm_status arm__key_run_read(const struct arm_io *io, const char *path, const struct arm_hash *id,
                             uint32_t rows, struct arm_key_run **out, struct arm_error *err);

#endif
