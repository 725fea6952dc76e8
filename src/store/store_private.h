/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_STORE_STORE_PRIVATE_H
#define ARM_STORE_STORE_PRIVATE_H

/* What the files of store/ share. Lock order: a stripe or the pins' mutex, the mutex, the staging
 * lock. */

#include <sys/types.h>

#include "base/thread.h"
#include "store/chunk.h"
#include "store/lease.h"
#include "store/pin.h"

enum { ARM_STRIPES = 256 }; /* one for each first byte of a hash */

/* pin.c */
struct arm_pins {
    struct arm_mutex mutex; /* guards the list */
    struct arm_pin *oldest;
    struct arm_pin *newest;
    atomic_uint blind_count;
    _Atomic(_Atomic uint64_t *) header; /* of the lease, once there is a pin; NULL: none */
};

struct arm_store {
    const struct arm_io *io;
    char *chunks;                        /* absolute path of chunks/ */
    char *staging;                       /* absolute path of staging/ */
    struct arm_identity chunks_identity; /* what the two led to when it was opened ... */
    struct arm_identity staging_identity;
    pid_t pid; /* of the process that opened it */
    struct arm_mutex stripes[ARM_STRIPES];
    struct arm_mutex mutex; /* guards all below */
    struct arm_lease lease;
    struct arm_pins pins;          /* has a mutex of its own */
    uint64_t next_stage;           /* number in the next staged file's name */
    uint8_t durable_ab[256 / 8];   /* bit ab: chunks/ab is known to be durable */
    uint8_t durable_cd[65536 / 8]; /* bit abcd: chunks/ab/cd is known to be durable */
};

/* ARM_FORKED in a child of the process that opened the store. */
arm_status arm__store_check_process(const struct arm_store *store, struct arm_error *err);

/* ARM_REOPEN if the paths of chunks/ and staging/ lead elsewhere by now: nothing may be written
 * into another repository that was put in this one's place. */
arm_status arm__store_check_place(const struct arm_store *store, struct arm_error *err);

/* layout.c: where a chunk stands. */
enum arm_layout_depth { ARM_LAYOUT_AB = 1, ARM_LAYOUT_CD, ARM_LAYOUT_FILE };

/* chunks/ab, chunks/ab/cd or chunks/ab/cd/<hash>. Owned by the caller (arm__free). */
arm_status arm__layout_path(const struct arm_store *store, const struct arm_hash *hash,
                            enum arm_layout_depth depth, char **out, struct arm_error *err);
/* Whether `below`, a path below chunks/, is that of a chunk; `out` is set if so. */
bool arm__layout_parse(const char *below, struct arm_hash *out);
/* Make chunks/ab/cd, durable. */
arm_status arm__layout_make(struct arm_store *store, const struct arm_hash *hash,
                            struct arm_error *err);
/* Somebody removed chunks/ab/cd: look again next time. */
void arm__layout_forget(struct arm_store *store, const struct arm_hash *hash);
/* Make the names in chunks/ab/cd durable. */
arm_status arm__layout_sync(struct arm_store *store, const struct arm_hash *hash,
                            struct arm_error *err);

/* place.c: how bytes become a chunk. A file in staging/ of ours, open; {NULL, NULL} is empty. */
struct arm_staged {
    char *path; /* NULL once it was renamed */
    struct arm_file *file;
};

arm_status arm__staged_new(struct arm_store *store, struct arm_staged *out, struct arm_error *err);
void arm__staged_drop(struct arm_store *store, struct arm_staged *staged); /* empty again */

/* Lease `hash` and make the chunk durable: find it (S2), or else rename `staged` to it; if
 * `bytes` is not NULL, they are staged first, and if `staged` is NULL, ARM_NOT_FOUND. The
 * caller drops `staged` in any case. */
arm_status arm__place(struct arm_store *store, const struct arm_hash *hash,
                      const struct arm_bytes *bytes, struct arm_staged *staged, bool *out_new,
                      struct arm_error *err);

/* chunk.c: ARM_HASH_MISMATCH unless what was hashed to `found` is the chunk `hash`. */
arm_status arm__chunk_compare(const struct arm_hash *hash, const struct arm_hash *found,
                              struct arm_error *err);

/* names.c: the names in a directory, sorted. */
struct arm_names {
    char **items;
    size_t count;
    size_t capacity;
};

/* `out` is empty before. */
arm_status arm__names_collect(const struct arm_io *io, const char *path, struct arm_names *out,
                              struct arm_error *err);
void arm__names_release(struct arm_names *names);

/* sweep.c: remove this process's own staged files. Under the staging lock. */
void arm__sweep_own(struct arm_store *store);

#endif
