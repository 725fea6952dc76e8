/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing a store, and the ways out of it: reading, checking, asking. Reading
 * takes no lock and no lease; what must not be deleted meanwhile, the caller leases. */

#include "store/chunk.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/store_private.h"

arm_status arm__store_check_process(const struct arm_store *store, struct arm_error *err)
{
    if (getpid() != store->pid) {
        return arm__fail(err, ARM_FORKED, "the store was opened by the parent of this process");
    }
    return ARM_OK;
}

/* `path` as seen from the root, so that a later chdir changes nothing. */
static arm_status make_absolute(const char *path, char **out, struct arm_error *err)
{
    char *here = NULL;
    arm_status st = ARM_OK;

    if (path[0] == '/') {
        return arm__strdup(path, out, err);
    }
    here = get_current_dir_name();
    if (here == NULL) {
        return arm__fail_errno(err, errno, "find", "the working directory");
    }
    st = arm__path_join(here, path, out, err);
    free(here); /* libc's, not ours */
    return st;
}

arm_status arm__store_check_place(const struct arm_store *store, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__io_check_identity(store->io, store->chunks, &store->chunks_identity, err));
    ARM_TRY(arm__io_check_identity(store->io, store->staging, &store->staging_identity, err));
done:
    return st;
}

static arm_status find_directory(const struct arm_io *io, const char *path,
                                 struct arm_identity *out, struct arm_error *err)
{
    struct arm_stat found = {0};
    arm_status st = io->stat(io->self, path, &found, err);

    if (st == ARM_OK && !found.is_directory) {
        return arm__fail(err, ARM_NOT_FOUND, "%s is not a directory", path);
    }
    *out = (struct arm_identity){found.device, found.inode};
    return st;
}

arm_status arm__store_open(const struct arm_io *io, const char *root, struct arm_store **out,
                           struct arm_error *err)
{
    struct arm_store *store = NULL;
    char *absolute = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(make_absolute(root, &absolute, err));
    ARM_TRY(arm__calloc(1, sizeof *store, &store, err));
    store->io = io;
    store->pid = getpid();
    arm__mutex_init(&store->mutex);
    arm__mutex_init(&store->pins.mutex);
    for (size_t i = 0; i < ARM_STRIPES; i++) {
        arm__mutex_init(&store->stripes[i]);
    }
    ARM_TRY(arm__path_join(absolute, "chunks", &store->chunks, err));
    ARM_TRY(arm__path_join(absolute, "staging", &store->staging, err));
    ARM_TRY(find_directory(io, store->chunks, &store->chunks_identity, err));
    ARM_TRY(find_directory(io, store->staging, &store->staging_identity, err));
    *out = store;
    store = NULL;
done:
    arm__store_close(store);
    arm__free(absolute);
    return st;
}

void arm__store_close(struct arm_store *store)
{
    if (store == NULL) {
        return;
    }
    if (getpid() == store->pid) {
        if (store->lease.file != NULL && arm__lease_lock(store, NULL) == ARM_OK) {
            arm__sweep_own(store);
            arm__lease_end(store);
            arm__lease_unlock(store);
        }
        for (size_t i = 0; i < ARM_STRIPES; i++) {
            arm__mutex_release(&store->stripes[i]);
        }
        arm__mutex_release(&store->mutex);
        arm__mutex_release(&store->pins.mutex);
    } /* else a thread of the parent may have held any of them: let them be */
    arm__lease_unmap(store);
    store->io->close(store->io->self, store->lease.file);
    store->io->close(store->io->self, store->lease.lock_file);
    arm__lease_table_release(&store->lease.held);
    arm__free(store->staging);
    arm__free(store->chunks);
    arm__free(store);
}

arm_status arm__store_ensure(struct arm_store *store, const struct arm_hash *hash,
                             struct arm_error *err)
{
    return arm__place(store, hash, NULL, NULL, NULL, err);
}

arm_status arm__store_path(struct arm_store *store, const struct arm_hash *hash, char **out,
                           struct arm_error *err)
{
    return arm__layout_path(store, hash, ARM_LAYOUT_FILE, out, err);
}

arm_status arm__store_get(struct arm_store *store, const struct arm_hash *hash, struct arm_buf *out,
                          struct arm_error *err)
{
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_path(store, hash, &path, err));
    ARM_TRY(arm__io_read_file(store->io, path, out, err));
done:
    arm__free(path);
    return st;
}

arm_status arm__chunk_compare(const struct arm_hash *hash, const struct arm_hash *found,
                              struct arm_error *err)
{
    char want[ARM_HASH_HEX + 1];
    char got[ARM_HASH_HEX + 1];

    if (arm__hash_equal(hash, found)) {
        return ARM_OK;
    }
    arm__hash_hex(hash, want);
    arm__hash_hex(found, got);
    return arm__fail(err, ARM_HASH_MISMATCH, "chunk %s is damaged: its bytes hash to %s", want,
                     got);
}

arm_status arm__store_get_verified(struct arm_store *store, const struct arm_hash *hash,
                                   struct arm_buf *out, struct arm_error *err)
{
    struct arm_buf fresh = ARM_BUF_INIT(out->max);
    struct arm_hash found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_get(store, hash, &fresh, err));
    found = arm__hash(arm__buf_bytes(&fresh));
    ARM_TRY(arm__chunk_compare(hash, &found, err));
    arm__buf_release(out);
    *out = fresh;
    fresh = ARM_BUF_INIT(0);
done:
    arm__buf_release(&fresh);
    return st;
}

arm_status arm__store_read(struct arm_store *store, const struct arm_hash *hash, bool verify,
                           void *data, size_t capacity, size_t *out_size, struct arm_error *err)
{
    const struct arm_io *io = store->io;
    struct arm_file *file = NULL;
    char *path = NULL;
    struct arm_hash found;
    uint64_t size = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_path(store, hash, &path, err));
    ARM_TRY(arm__store_size(store, hash, &size, err));
    if (size > capacity) {
        st = arm__fail(err, ARM_INVALID, "the chunk has %llu bytes, and there is room for %zu",
                       (unsigned long long)size, capacity);
        goto done;
    }
    ARM_TRY(io->open(io->self, path, ARM_OPEN_READ, &file, err));
    ARM_TRY(arm__io_read_exact(io, file, 0, data, (size_t)size, err));
    if (verify) {
        found = arm__hash(arm__bytes(data, (size_t)size));
        ARM_TRY(arm__chunk_compare(hash, &found, err));
    }
    *out_size = (size_t)size;
done:
    io->close(io->self, file);
    arm__free(path);
    return st;
}

arm_status arm__store_check(struct arm_store *store, const struct arm_hash *hash,
                            struct arm_error *err)
{
    struct arm_hash found;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_path(store, hash, &path, err));
    ARM_TRY(arm__io_hash_file(store->io, path, &found, NULL, err));
    ARM_TRY(arm__chunk_compare(hash, &found, err));
done:
    arm__free(path);
    return st;
}

arm_status arm__store_size(struct arm_store *store, const struct arm_hash *hash, uint64_t *out,
                           struct arm_error *err)
{
    struct arm_stat found;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_path(store, hash, &path, err));
    ARM_TRY(store->io->stat(store->io->self, path, &found, err));
    *out = found.size_bytes;
done:
    arm__free(path);
    return st;
}

arm_status arm__store_exists(struct arm_store *store, const struct arm_hash *hash, bool *out,
                             struct arm_error *err)
{
    struct arm_error local;
    uint64_t size_bytes;
    arm_status st = arm__store_size(store, hash, &size_bytes, &local);

    if (st == ARM_OK || st == ARM_NOT_FOUND) {
        *out = st == ARM_OK;
        return ARM_OK;
    }
    if (err != NULL) {
        *err = local;
    }
    return st;
}
