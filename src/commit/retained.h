/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_RETAINED_H
#define ARM_COMMIT_RETAINED_H

/* The mark: of some chunks, which does anything need that can still be read? By the log alone,
 * which is given record by record, from the first on.
 *
 * N1  A chunk is needed if an entry that names it is in a layout of a table version which is
 *     retained: the version's newest durable layout.
 * N2  A version is retained if, later than the horizon, it was current on a branch, or a tag named
 *     a commit at which it was (index/retention.c says the same of the index).
 * N3  What the oldest pin needs is as if the horizon lay there, and as if nothing had been
 *     compacted since (store/pin.h).
 * N4  Chunks that hold a record are needed, and those of the last durable checkpoint and of later
 *     ones.
 * N5  What is not durable takes nothing away: it may be lost.
 * N6  A chunk that a retained version uses besides its entries is needed.
 * N7  A loose chunk is needed until it is let go, whatever versions there are.
 *
 * How: each layout of each version is a node, and says which positions it removed from its parent's
 * and which entries it put there. An entry is in the layouts below the one that put it, but for
 * those below the ones that removed it. So it is in as many retained ones as there are below the
 * one, less those below the others: one walk over the nodes counts them, whatever the branches. */

#include "commit/repository.h"

struct arm_retained;

/* `chunks` ascend, and are borrowed until the end. */
arm_status arm__retained_new(const struct arm_hash *chunks, size_t count, struct arm_retained **out,
                             struct arm_error *err);
void arm__retained_free(struct arm_retained *retained); /* NULL is accepted */

/* The next record, resolved if it stands in a chunk. Errors: ARM_CORRUPT (it does not follow),
 * ARM_NO_MEMORY. */
arm_status arm__retained_add(struct arm_retained *retained, uint64_t tx,
                             const Armpb__Record *record, struct arm_error *err);
/* A record stands in that chunk. */
void arm__retained_add_chunk(struct arm_retained *retained, const struct arm_hash *chunk);

/* The next frame of a repository's log; `frame` is scratch. `*out_found` false: it ends there. */
arm_status arm__retained_read(struct arm_retained *retained, struct arm_repository *repository,
                              struct arm_log_position *inout_at, struct arm_buf *frame,
                              bool *out_found, struct arm_error *err);

struct arm_retained_as_of {
    uint64_t durable_tx;
    uint64_t horizon_tx; /* at least; that of the log's last durable Retention may be later */
    uint64_t pinned_tx;  /* UINT64_MAX: nothing is */
};
/* Mark by all that was added. What is added later makes chunks needed, never the contrary. */
arm_status arm__retained_mark(struct arm_retained *retained, const struct arm_retained_as_of *as_of,
                              struct arm_error *err);
/* Whether something was added since that a new mark would treat otherwise. */
bool arm__retained_is_stale(const struct arm_retained *retained);

enum arm_need {
    ARM_NEED_NONE,
    ARM_NEED_PINNED, /* by nothing else */
    ARM_NEED_RETAINED,
};
/* Of the chunk of that index. */
enum arm_need arm__retained_need(const struct arm_retained *retained, size_t chunk);
/* The same, were it not loose. */
enum arm_need arm__retained_need_of_log(const struct arm_retained *retained, size_t chunk);
/* Whether the log names it. */
bool arm__retained_is_named(const struct arm_retained *retained, size_t chunk);

#endif
