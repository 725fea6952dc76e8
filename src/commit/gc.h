/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_COMMIT_GC_H
#define ARM_COMMIT_GC_H

/* gc: what no record of the log names leaves the store.
 *
 * G1  The log alone decides, not the index: a chunk goes only when the log was read from its first
 *     frame to its last one, under the commit lock at the end, and no record named it.
 * G2  No chunk goes that a living process leases. Who puts a chunk leases it until its commit is
 *     appended; so under the commit lock a chunk is named, leased, or nobody's.
 * G3  No chunk goes before its grace is over, by its file's time of modification.
 * G4  The history is whole afterwards: what any record names stays, whatever version, layout or
 *     checkpoint it is of. */

#include "commit/repository.h"

struct arm_gc_request {
    bool dry_run;
    int64_t grace_us;
    arm_progress *progress; /* may be NULL */
    void *context;
};

struct arm_gc_report {
    uint64_t chunks; /* removed, or with dry_run to be removed */
    uint64_t chunk_bytes;
    uint64_t key_runs;
    uint64_t key_run_bytes;
    uint64_t young;  /* chunks that nothing names and that stay for their age ... */
    uint64_t leased; /* ... or since a living process leases them */
};

/* Errors: ARM_CORRUPT, ARM_NOT_FOUND, ARM_HASH_MISMATCH (the log cannot be read whole: nothing is
 * removed), ARM_INTERRUPTED, ARM_READ_ONLY, ARM_REOPEN, ARM_IO. Takes the commit lock for short
 * times. Thread-safe. */
arm_status arm__repository_gc(struct arm_repository *repository,
                              const struct arm_gc_request *request, struct arm_gc_report *out,
                              struct arm_error *err);

#endif
