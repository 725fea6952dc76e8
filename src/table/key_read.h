/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_KEY_READ_H
#define ARM_TABLE_KEY_READ_H

/* Keys of rows that lie in an entry already: their hashes, where no run is known, and their values
 * in words, to tell two keys of one hash apart and to name one in an error. */

#include "commit/repository.h"
#include "table/engine.h"
#include "table/key_hash.h"

/* Which entry: of hot rows (`hot.size` > 0) or of a chunk. */
struct arm_key_source {
    struct arm_bytes hot;
    struct arm_hash chunk;
};

/* The run of a chunk of so many rows: as known, or read from it and kept. The caller drops it.
 * Errors: ARM_CORRUPT, if it has more or fewer. */
arm_status arm__key_run_of_chunk(struct arm_repository *repository, struct arm_engine *engine,
                                 const Armpb__Schema *schema, const Armpb__Key *key,
                                 const struct arm_hash *chunk, uint32_t rows,
                                 struct arm_key_run **out, struct arm_error *err);
/* The run of a hot batch. */
arm_status arm__key_run_of_hot(const Armpb__Schema *schema, const Armpb__Key *key,
                               struct arm_bytes hot, struct arm_key_run **out,
                               struct arm_error *err);

/* The prints of all of its rows; arm__free. */
arm_status arm__key_prints_of(struct arm_repository *repository, struct arm_engine *engine,
                              const Armpb__Schema *schema, const Armpb__Key *key,
                              const struct arm_key_source *source,
                              uint8_t (**out)[ARM_KEY_PRINT_BYTES], size_t *out_rows,
                              struct arm_error *err);

/* Append "id: 7, name: x" of row `row`; keys are equal where these texts are. */
arm_status arm__key_text(struct arm_repository *repository, struct arm_engine *engine,
                         const Armpb__Schema *schema, const Armpb__Key *key,
                         const struct arm_key_source *source, uint32_t row, struct arm_buf *out,
                         struct arm_error *err);

#endif
