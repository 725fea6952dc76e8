/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves the store: chunks that gc deletes, and what the dead left in staging/.
 *
 * SW1  Only what an owner that is gone named after itself is removed: "<id>-…", also behind the
 *      "tmp_" that DuckDB's COPY puts before a name until it is done, and "<id>.lease". Staged
 *      files go before the lease, so that a sweep cut short is continued by the next.
 * SW2  Names that are none of these are left alone. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/store_private.h"

static const char COPY_PREFIX[] = "tmp_";

enum staging_kind { STAGING_OTHER, STAGING_FILE, STAGING_LEASE };

/* What `name` in staging/ is, and whose. */
static enum staging_kind classify(const char *name, char id_hex[ARM_LEASE_ID_HEX + 1])
{
    bool copy = strncmp(name, COPY_PREFIX, sizeof COPY_PREFIX - 1) == 0;
    const char *begin = copy ? name + sizeof COPY_PREFIX - 1 : name;
    struct arm_id id;

    if (strlen(begin) <= ARM_LEASE_ID_HEX) {
        return STAGING_OTHER;
    }
    memcpy(id_hex, begin, ARM_LEASE_ID_HEX);
    id_hex[ARM_LEASE_ID_HEX] = '\0';
    if (arm__id_parse(id_hex, &id, NULL) != ARM_OK) {
        return STAGING_OTHER;
    }
    if (begin[ARM_LEASE_ID_HEX] == '-') {
        return STAGING_FILE;
    }
    return !copy && strcmp(begin + ARM_LEASE_ID_HEX, ".lease") == 0 ? STAGING_LEASE : STAGING_OTHER;
}

/* Remove a file of staging/; `*out_removed` is false if it was gone already. */
static arm_status remove_staged(struct arm_store *store, const char *name, bool *out_removed,
                                struct arm_error *err)
{
    struct arm_error local;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_join(store->staging, name, &path, err));
    st = store->io->remove(store->io->self, path, &local);
    if (st == ARM_OK || st == ARM_NOT_FOUND) {
        *out_removed = st == ARM_OK;
        st = ARM_OK;
    } else if (err != NULL) {
        *err = local;
    }
done:
    arm__free(path);
    return st;
}

/* Remove what is of `kind` and has a dead owner; its name is cleared unless it was a staged file
 * and this removed it. Under the staging lock. */
static arm_status remove_dead(struct arm_store *store, enum staging_kind kind,
                              struct arm_names *names, uint64_t *removed, struct arm_error *err)
{
    char known_id[ARM_LEASE_ID_HEX + 1] = "";
    bool lives = false;
    arm_status st = ARM_OK;

    for (size_t i = 0; i < names->count; i++) {
        char id_hex[ARM_LEASE_ID_HEX + 1];
        bool gone = false;

        if (classify(names->items[i], id_hex) != kind) {
            continue;
        }
        if (strcmp(id_hex, known_id) != 0) { /* sorted: files of one owner stand together */
            ARM_TRY(arm__lease_owner_lives(store, id_hex, &lives, err));
            memcpy(known_id, id_hex, sizeof known_id);
        }
        if (!lives) {
            ARM_TRY(remove_staged(store, names->items[i], &gone, err));
        }
        if (gone && kind == STAGING_FILE) {
            (*removed)++;
        } else {
            names->items[i][0] = '\0';
        }
    }
done:
    return st;
}

arm_status arm__store_sweep(struct arm_store *store, arm_visit_name *visit, void *context,
                            uint64_t *out_removed, struct arm_error *err)
{
    struct arm_names names = {0};
    uint64_t removed = 0;
    arm_status st = arm__lease_lock(store, err);

    if (st != ARM_OK) {
        return st;
    }
    st = arm__names_collect(store->io, store->staging, &names, err);
    if (st == ARM_OK) {
        st = remove_dead(store, STAGING_FILE, &names, &removed, err); /* SW1 */
    }
    if (st == ARM_OK) {
        st = remove_dead(store, STAGING_LEASE, &names, &removed, err);
    }
    arm__lease_unlock(store);
    for (size_t i = 0; st == ARM_OK && visit != NULL && i < names.count; i++) {
        char id_hex[ARM_LEASE_ID_HEX + 1];

        if (classify(names.items[i], id_hex) == STAGING_FILE) { /* those left were removed */
            st = visit(context, names.items[i], err);
        }
    }
    if (st == ARM_OK && out_removed != NULL) {
        *out_removed = removed;
    }
    arm__names_release(&names);
    return st;
}

void arm__sweep_own(struct arm_store *store)
{
    struct arm_names names = {0};
    bool gone;

    if (arm__names_collect(store->io, store->staging, &names, NULL) == ARM_OK) {
        for (size_t i = 0; i < names.count; i++) {
            char id_hex[ARM_LEASE_ID_HEX + 1];

            if (classify(names.items[i], id_hex) == STAGING_FILE &&
                strcmp(id_hex, store->lease.id) == 0) {
                (void)remove_staged(store, names.items[i], &gone, NULL); /* else a later sweep */
            }
        }
    }
    arm__names_release(&names);
}

/* Fails with ARM_BUSY at the hash in `context`. */
static arm_status refuse_leased(void *context, const struct arm_hash *hash, struct arm_error *err)
{
    if (arm__hash_equal(hash, context)) {
        return arm__fail(err, ARM_BUSY, "a running process still needs the chunk");
    }
    return ARM_OK;
}

arm_status arm__store_delete(struct arm_store *store, const struct arm_hash *hash,
                             struct arm_error *err)
{
    struct arm_hash wanted = *hash;
    char *path = NULL;
    bool locked = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_path(store, hash, &path, err));
    ARM_TRY(arm__lease_lock(store, err)); /* LE2 */
    locked = true;
    ARM_TRY(arm__lease_each(store, refuse_leased, &wanted, err));
    /* Not synced: a chunk that comes back after a crash is one more that nobody names. */
    ARM_TRY(store->io->remove(store->io->self, path, err));
done:
    if (locked) {
        arm__lease_unlock(store);
    }
    arm__free(path);
    return st;
}

struct many {
    const struct arm_hash *chunks;
    size_t count;
    enum arm_deletion *answers;
};

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct arm_hash));
}

static arm_status mark_leased(void *context, const struct arm_hash *hash, struct arm_error *err)
{
    const struct many *many = context;
    const struct arm_hash *found =
        bsearch(hash, many->chunks, many->count, sizeof *hash, compare_hashes);

    (void)err;
    if (found != NULL) {
        many->answers[found - many->chunks] = ARM_DELETION_LEASED;
    }
    return ARM_OK;
}

/* Not synced, as in arm__store_delete. */
static arm_status delete_one(struct arm_store *store, const struct arm_hash *chunk,
                             enum arm_deletion *out, struct arm_error *err)
{
    struct arm_error local;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_path(store, chunk, &path, err));
    st = store->io->remove(store->io->self, path, &local);
    if (st == ARM_NOT_FOUND) {
        *out = ARM_DELETION_GONE;
        st = ARM_OK;
    } else if (st != ARM_OK && err != NULL) {
        *err = local;
    }
done:
    arm__free(path);
    return st;
}

arm_status arm__store_delete_many(struct arm_store *store, const struct arm_hash *chunks,
                                  size_t count, enum arm_deletion *out, struct arm_error *err)
{
    struct many many = {chunks, count, out};
    bool locked = false;
    arm_status st = ARM_OK;

    if (count == 0) {
        return ARM_OK;
    }
    for (size_t i = 0; i < count; i++) {
        assert(i == 0 || compare_hashes(&chunks[i - 1], &chunks[i]) < 0);
        out[i] = ARM_DELETION_DONE;
    }
    ARM_TRY(arm__lease_lock(store, err)); /* LE2 */
    locked = true;
    ARM_TRY(arm__store_check_place(store, err)); /* S7 */
    ARM_TRY(arm__lease_each(store, mark_leased, &many, err));
    for (size_t i = 0; i < count; i++) {
        if (out[i] == ARM_DELETION_DONE) {
            ARM_TRY(delete_one(store, &chunks[i], &out[i], err));
        }
    }
done:
    if (locked) {
        arm__lease_unlock(store);
    }
    return st;
}
