/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_KEYS_KEY_SWEEP_H
#define ARM_KEYS_KEY_SWEEP_H

/* Which files of index/keys/ nobody will ask for again. First what is there is listed, then each
 * run that may be of use is marked, then what was not marked is removed: a run that is kept in
 * between is not listed. Taking one too many costs time, never an answer (Y1). */

#include "keys/key_store.h"

struct arm_key_sweep;

/* List the files of `directory` that were written at `before_us` or earlier; none if it is not
 * there. `io` and `directory` are borrowed. */
arm_status arm__key_sweep_new(const struct arm_io *io, const char *directory, int64_t before_us,
                              struct arm_key_sweep **out, struct arm_error *err);
void arm__key_sweep_free(struct arm_key_sweep *sweep); /* NULL is accepted */
/* How many are listed: 0 spares the marking. */
size_t arm__key_sweep_count(const struct arm_key_sweep *sweep);
void arm__key_sweep_mark(struct arm_key_sweep *sweep, const struct arm_hash *chunk,
                         const struct arm_hash *digest);
/* Remove what is not marked; `dry`: count it only. */
arm_status arm__key_sweep_finish(struct arm_key_sweep *sweep, bool dry, uint64_t *out_count,
                                 uint64_t *out_bytes, struct arm_error *err);

#endif
