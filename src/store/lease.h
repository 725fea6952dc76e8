/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_STORE_LEASE_H
#define ARM_STORE_LEASE_H

/* The lease of a store: the file that tells other processes what this one needs, and the locks
 * by which they meet. lease.c has the layout and the protocol. Private to store/. */

#include <stdatomic.h>

#include "store/chunk.h"
#include "store/lease_table.h"

enum { ARM_LEASE_ID_HEX = 2 * ARM_ID_BYTES };

/* Guarded by the store's mutex, but for lock_file: set once, before any stripe is locked. */
struct arm_lease {
    struct arm_file *lock_file;    /* staging/lock; NULL until needed */
    struct arm_file *file;         /* staging/<id>.lease, locked; NULL until needed */
    _Atomic uint64_t *header;      /* the file's, mapped; set with it */
    char id[ARM_LEASE_ID_HEX + 1]; /* set with `file` */
    struct arm_lease_table held;
};

/* The staging lock: no other process, and no other thread of this one, takes a lease, begins
 * one or sweeps until unlock. Holds the store's mutex. */
arm_status arm__lease_lock(struct arm_store *store, struct arm_error *err);
void arm__lease_unlock(struct arm_store *store);

/* Make sure that this process has a lease file, which staged files are named after. */
arm_status arm__lease_begin(struct arm_store *store, struct arm_error *err);
/* Whoever closes the file, or leaves it to another process, lets go of its header. */
void arm__lease_unmap(struct arm_store *store);
/* Remove the lease file and the lock on it. Under the staging lock. */
void arm__lease_end(struct arm_store *store);

/* Add one to the count of `hash`. */
arm_status arm__lease_take(struct arm_store *store, const struct arm_hash *hash,
                           struct arm_error *err);
/* Whether mark_durable was called since `hash` was leased. */
bool arm__lease_is_durable(struct arm_store *store, const struct arm_hash *hash);
void arm__lease_mark_durable(struct arm_store *store, const struct arm_hash *hash);

/* Keep every other put of the same chunk out, in this process and the others, until unlock.
 * After a take. */
arm_status arm__lease_stripe_lock(struct arm_store *store, const struct arm_hash *hash,
                                  struct arm_error *err);
void arm__lease_stripe_unlock(struct arm_store *store, const struct arm_hash *hash);

/* Whether the process that owns the lease `id_hex` lives. Under the staging lock. */
arm_status arm__lease_owner_lives(struct arm_store *store, const char *id_hex, bool *out,
                                  struct arm_error *err);
/* As arm__store_leases, under the staging lock. */
typedef arm_status arm_visit_header(void *context, uint64_t header, struct arm_error *err);
/* The header of every other living process's lease file. Under the staging lock. */
arm_status arm__lease_headers(struct arm_store *store, arm_visit_header *visit, void *context,
                              struct arm_error *err);
arm_status arm__lease_each(struct arm_store *store, arm_visit_hash *visit, void *context,
                           struct arm_error *err);

#endif
