/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_TABLE_REWRITE_H
#define ARM_TABLE_REWRITE_H

/* The live rows of entries, read back and pushed into a writer, in order: what a compaction writes.
 * All entries are of one schema, so that every value is written in the type that it had. */

#include "table/writer.h"

struct arm_rewrite;

/* `options` as for arm__writer_new. Where the rows are to bring their ids (explicit_row_ids), those
 * of entries without get them from where they stand. */
arm_status arm__rewrite_new(const struct arm_writer_options *options, struct arm_rewrite **out,
                            struct arm_error *err);
/* Push the rows of `entry` but for the dead. Errors: ARM_CORRUPT, ARM_HASH_MISMATCH, ARM_NOT_FOUND:
 * they cannot be read. */
arm_status arm__rewrite_entry(struct arm_rewrite *rewrite, const struct arm_state_entry *entry,
                              struct arm_error *err);
/* Frees the rewrite, whatever happened. */
arm_status arm__rewrite_finish(struct arm_rewrite *rewrite, struct arm_written *out,
                               struct arm_error *err);
void arm__rewrite_abort(struct arm_rewrite *rewrite); /* NULL is accepted */

#endif
