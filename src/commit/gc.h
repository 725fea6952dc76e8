/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_GC_H
#define ARM_COMMIT_GC_H

/* gc: what nothing needs that can still be read leaves the store.
 *
 * G1  The log alone decides, not the index: a chunk goes only when the log was read from its first
 *     frame to its last one, under the commit lock at the end, and the mark (retained.h) does not
 *     have it.
 * G2  No chunk goes that a living process leases. Who puts a chunk leases it until its commit is
 *     appended; so under the commit lock a chunk is named, leased, or nobody's.
 * G3  No chunk goes before its grace is over, by its file's time of modification.
 * G4  What could be read can be read afterwards, but for versions that the request gives up, or
 *     that were given up before.
 * G5  Nothing is given up but by a record of the log, durable before the first chunk goes; and no
 *     chunk that the log names goes before FORMAT says that such may be gone.
 * G6  What a living reader or transaction has pinned stays, in the layout that it has: the pins are
 *     read under the commit lock, after what they are held against is durable (store/pin.h). */

#include "commit/repository.h"

struct arm_gc_request {
    bool dry_run;
    int64_t grace_us;
    int64_t until_us;       /* give up what was not current any more then; 0: nothing more */
    arm_progress *progress; /* may be NULL */
    void *context;
};

struct arm_gc_report {
    uint64_t chunks; /* removed, or with dry_run to be removed */
    uint64_t chunk_bytes;
    uint64_t key_runs;
    uint64_t key_run_bytes;
    uint64_t young;     /* chunks that nothing needs and that stay for their age ... */
    uint64_t leased;    /* ... or since a living process leases them ... */
    uint64_t pinned;    /* ... or since its readers need them */
    int64_t horizon_us; /* 0: no history is given up */
};

/* Errors: ARM_CORRUPT, ARM_NOT_FOUND, ARM_HASH_MISMATCH (the log cannot be read whole: nothing is
 * removed), ARM_INTERRUPTED, ARM_READ_ONLY, ARM_REOPEN, ARM_IO. Takes the commit lock for short
 * times. Thread-safe. */
arm_status arm__repository_gc(struct arm_repository *repository,
                              const struct arm_gc_request *request, struct arm_gc_report *out,
                              struct arm_error *err);

#endif
