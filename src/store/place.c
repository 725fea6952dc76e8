/* SPDX-License-Identifier: Apache-2.0 */
/* How bytes become a chunk, step by step (S1, S2), and what a crash after each step leaves:
 *
 *   1 lease the hash (LE2)              a lease without owner: swept
 *   2 lock its stripe (LE4)             the lock goes with the process
 *   3 look: it is there?                 yes: check its hash, sync it, go to 6
 *     no: staged file written, synced    a staged file without owner: swept
 *   4 directories made and synced        empty directories
 *   5 renamed                            a whole chunk nobody names, or, if the name was not
 *                                        yet durable, nothing
 *   6 chunks/ab/cd synced                a whole, durable chunk nobody names: gc
 *
 * What fails in 5 or 6 is undone before the stripe is let go: the file is removed under its
 * final name, which nobody else can have found (LE4). */

#include <assert.h>

#include "base/alloc.h"
#include "store/store_private.h"

arm_status arm__staged_new(struct arm_store *store, struct arm_staged *out, struct arm_error *err)
{
    struct arm_staged staged = {NULL, NULL};
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_stage(store, &staged.path, err));
    ARM_TRY(store->io->open(store->io->self, staged.path,
                            ARM_OPEN_WRITE | ARM_OPEN_CREATE | ARM_OPEN_EXCLUSIVE, &staged.file,
                            err));
    *out = staged;
    staged = (struct arm_staged){NULL, NULL};
done:
    arm__free(staged.path);
    return st;
}

void arm__staged_drop(struct arm_store *store, struct arm_staged *staged)
{
    store->io->close(store->io->self, staged->file);
    if (staged->path != NULL && arm__store_check_process(store, NULL) == ARM_OK) {
        (void)store->io->remove(store->io->self, staged->path, NULL); /* else the sweep does it */
    } /* in a forked child it is still the parent's */
    arm__free(staged->path);
    *staged = (struct arm_staged){NULL, NULL};
}

/* Steps 4 and 5. */
static arm_status rename_staged(struct arm_store *store, const struct arm_hash *hash,
                                struct arm_staged *staged, const char *path, struct arm_error *err)
{
    const struct arm_io *io = store->io;
    struct arm_error local;
    arm_status st = ARM_OK;

    ARM_TRY(arm__layout_make(store, hash, err));
    st = io->rename(io->self, staged->path, path, &local);
    if (st == ARM_NOT_FOUND) { /* someone tidied empty directories away */
        arm__layout_forget(store, hash);
        ARM_TRY(arm__layout_make(store, hash, err));
        st = io->rename(io->self, staged->path, path, &local);
    }
    if (st != ARM_OK) {
        if (err != NULL) {
            *err = local;
        }
        goto done;
    }
    arm__free(staged->path);
    staged->path = NULL;
done:
    return st;
}

/* Steps 3 to 6 for a chunk that is not there. */
static arm_status publish(struct arm_store *store, const struct arm_hash *hash,
                          struct arm_staged *staged, struct arm_error *err)
{
    const struct arm_io *io = store->io;
    char *path = NULL;
    bool renamed = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__layout_path(store, hash, ARM_LAYOUT_FILE, &path, err));
    ARM_TRY(io->sync(io->self, staged->file, err));
    ARM_TRY(arm__store_check_place(store, err)); /* the last look before the name is given */
    ARM_TRY(rename_staged(store, hash, staged, path, err));
    renamed = true;
    ARM_TRY(arm__layout_sync(store, hash, err));
    assert(staged->path == NULL); /* S1: under its final name, and no other */
    renamed = false;
done:
    if (renamed) {
        (void)io->remove(io->self, path, NULL); /* S6; else it is a whole chunk nobody names */
    }
    arm__free(path);
    return st;
}

/* S2 for a chunk that is there. */
static arm_status confirm(struct arm_store *store, const struct arm_hash *hash,
                          struct arm_error *err)
{
    const struct arm_io *io = store->io;
    struct arm_file *file = NULL;
    char *path = NULL;
    arm_status st = ARM_OK;

    if (arm__lease_is_durable(store, hash)) { /* leased since, so nobody deleted it (S5) */
        return ARM_OK;
    }
    ARM_TRY(arm__store_check(store, hash, err));
    ARM_TRY(arm__layout_path(store, hash, ARM_LAYOUT_FILE, &path, err));
    ARM_TRY(io->open(io->self, path, ARM_OPEN_READ, &file, err));
    ARM_TRY(io->sync(io->self, file, err));
    ARM_TRY(arm__layout_make(store, hash, err));
    ARM_TRY(arm__layout_sync(store, hash, err));
done:
    io->close(io->self, file);
    arm__free(path);
    return st;
}

arm_status arm__place(struct arm_store *store, const struct arm_hash *hash,
                      const struct arm_bytes *bytes, struct arm_staged *staged, bool *out_new,
                      struct arm_error *err)
{
    const struct arm_io *io = store->io;
    bool leased = false;
    bool locked = false;
    bool there = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_check_place(store, err));
    ARM_TRY(arm__lease_take(store, hash, err));
    leased = true;
    ARM_TRY(arm__lease_stripe_lock(store, hash, err));
    locked = true;
    ARM_TRY(arm__store_exists(store, hash, &there, err));
    if (there || staged == NULL) {
        ARM_TRY(confirm(store, hash, err));
    } else {
        if (bytes != NULL) {
            ARM_TRY(arm__staged_new(store, staged, err));
            ARM_TRY(io->write(io->self, staged->file, 0, bytes->data, bytes->size, err));
        }
        ARM_TRY(publish(store, hash, staged, err));
    }
    arm__lease_mark_durable(store, hash);
    if (out_new != NULL) {
        *out_new = !there;
    }
done:
    if (locked) {
        arm__lease_stripe_unlock(store, hash);
    }
    if (leased && st != ARM_OK) {
        arm__store_lease_drop(store, hash); /* S6 */
    }
    return st;
}
