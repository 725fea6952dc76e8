/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: how a process that deletes chunks learns what the others still need.
 *
 * staging/lock           empty, never removed. Lock bytes (each its own range, never two that
 *                        touch, which the kernel would join):
 *                          0             the staging lock
 *                          2 * (1 + b)   the stripe of the chunks whose first byte is b
 * staging/<id>.lease     a header of 64 bytes: u64 1 + the oldest tx that its owner has pinned
 *                        (pin.h), 0 without a pin, in the machine's order, and zeros; then
 *                        32-byte slots, each a leased hash or zeros. id is 128 random bits in
 *                        hexadecimal. Its owner holds an exclusive lock on byte 0 from before
 *                        anyone may look (LE1) until it closes the store or dies. Never
 *                        synced: after a crash of the machine its owner is dead anyway.
 * staging/<id>-<n>       staged files of that owner
 *
 * LE1  A lease file is made, and locked, under the staging lock: whoever holds that lock and
 *      finds a lease file unlocked, or none for a staged file, knows that its owner is gone.
 * LE2  A lease is written under the staging lock, before its owner looks whether the chunk is
 *      there; delete rereads the leases and removes the file under the same lock. So either
 *      delete sees the lease, or the owner sees that the chunk is gone, and writes it.
 * LE3  Dropping needs no lock: who misses it keeps a chunk too long.
 * LE4  A stripe is held from before a put looks for its chunk until it is durable, or gone
 *      again. So no process finds, and names in a commit, a chunk whose maker may yet fail.
 *
 * All locks belong to open files (O3), and go with their process. */

#include "store/lease.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "store/store_private.h"

enum { LEASE_FILE_BYTES_MAX = 1 << 30, HEADER_BYTES = 64 };

static const struct arm_range STAGING_LOCK = {0, 1};
static const struct arm_range OWNER_LOCK = {0, 1};
static const char LEASE_SUFFIX[] = ".lease";

static struct arm_range stripe_range(const struct arm_hash *hash)
{
    return (struct arm_range){2 * (1 + (uint64_t)hash->bytes[0]), 1};
}

static arm_status lease_path(const struct arm_store *store, const char *id_hex, char **out,
                             struct arm_error *err)
{
    char name[ARM_LEASE_ID_HEX + sizeof LEASE_SUFFIX];

    assert(strlen(id_hex) == ARM_LEASE_ID_HEX);
    memcpy(name, id_hex, ARM_LEASE_ID_HEX);
    memcpy(name + ARM_LEASE_ID_HEX, LEASE_SUFFIX, sizeof LEASE_SUFFIX);
    return arm__path_join(store->staging, name, out, err);
}

/* Let go of a range that was locked as one: the kernel has nothing to split or to allocate, so
 * this does not fail. */
static void unlock_range(struct arm_store *store, struct arm_range range)
{
    (void)store->io->lock(store->io->self, store->lease.lock_file, range, ARM_LOCK_NONE, false,
                          NULL);
}

/* The staging lock, the mutex being held. */
static arm_status lock_staging(struct arm_store *store, struct arm_error *err)
{
    const struct arm_io *io = store->io;
    char *path = NULL;
    arm_status st = arm__store_check_process(store, err);

    if (st == ARM_OK && store->lease.lock_file == NULL) {
        ARM_TRY(arm__path_join(store->staging, "lock", &path, err));
        ARM_TRY(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &store->lease.lock_file,
                         err));
    }
    if (st == ARM_OK) {
        st =
            io->lock(io->self, store->lease.lock_file, STAGING_LOCK, ARM_LOCK_EXCLUSIVE, true, err);
    }
done:
    arm__free(path);
    return st;
}

arm_status arm__lease_lock(struct arm_store *store, struct arm_error *err)
{
    arm_status st;

    arm__mutex_lock(&store->mutex);
    st = lock_staging(store, err);
    if (st != ARM_OK) {
        arm__mutex_unlock(&store->mutex);
    }
    return st;
}

void arm__lease_unlock(struct arm_store *store)
{
    unlock_range(store, STAGING_LOCK);
    arm__mutex_unlock(&store->mutex);
}

/* LE1: the lease file, under the staging lock. */
static arm_status begin_locked(struct arm_store *store, struct arm_error *err)
{
    const struct arm_io *io = store->io;
    struct arm_file *file = NULL;
    static const uint8_t zeros[HEADER_BYTES];
    struct arm_id id;
    void *header = NULL;
    char hex[ARM_LEASE_ID_HEX + 1];
    char *path = NULL;
    arm_status st = ARM_OK;

    assert(store->lease.file == NULL);
    ARM_TRY(arm__id_random(&id, err));
    arm__id_hex(&id, hex);
    ARM_TRY(lease_path(store, hex, &path, err));
    ARM_TRY(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE | ARM_OPEN_EXCLUSIVE, &file,
                     err));
    ARM_TRY(io->lock(io->self, file, OWNER_LOCK, ARM_LOCK_EXCLUSIVE, false, err));
    ARM_TRY(io->write(io->self, file, 0, zeros, sizeof zeros, err));
    ARM_TRY(io->map(io->self, file, HEADER_BYTES, &header, err));
    memcpy(store->lease.id, hex, sizeof hex);
    store->lease.header = header;
    store->lease.file = file;
    file = NULL;
done:
    if (file != NULL) {
        io->close(io->self, file);
        (void)io->remove(io->self, path, NULL);
    }
    arm__free(path);
    return st;
}

arm_status arm__lease_begin(struct arm_store *store, struct arm_error *err)
{
    arm_status st = arm__store_check_process(store, err);

    if (st != ARM_OK) {
        return st;
    }
    arm__mutex_lock(&store->mutex);
    if (store->lease.file == NULL) {
        st = lock_staging(store, err);
        if (st == ARM_OK) {
            st = begin_locked(store, err);
            unlock_range(store, STAGING_LOCK);
        }
    }
    arm__mutex_unlock(&store->mutex);
    return st;
}

void arm__lease_unmap(struct arm_store *store)
{
    union {
        _Atomic uint64_t *atomic;
        void *memory;
    } header = {store->lease.header};

    if (store->lease.header != NULL) {
        store->io->unmap(store->io->self, header.memory, HEADER_BYTES);
        store->lease.header = NULL;
    }
}

void arm__lease_end(struct arm_store *store)
{
    char *path = NULL;

    assert(store->lease.file != NULL);
    if (lease_path(store, store->lease.id, &path, NULL) == ARM_OK) {
        (void)store->io->remove(store->io->self, path, NULL); /* else the next sweep does it */
    }
    arm__lease_unmap(store);
    store->io->close(store->io->self, store->lease.file);
    store->lease.file = NULL;
    arm__lease_table_release(&store->lease.held);
    arm__free(path);
}

/* Write a new lease, the mutex being held. */
static arm_status take_new(struct arm_store *store, const struct arm_hash *hash,
                           struct arm_error *err)
{
    struct arm_lease *lease = &store->lease;
    uint64_t offset;
    arm_status st = lock_staging(store, err); /* LE2 */

    if (st != ARM_OK) {
        return st;
    }
    if (lease->file == NULL) {
        ARM_TRY(begin_locked(store, err));
    }
    ARM_TRY(arm__lease_table_reserve(&lease->held, err));
    offset = HEADER_BYTES + arm__lease_table_next_slot(&lease->held) * ARM_HASH_BYTES;
    ARM_TRY(
        store->io->write(store->io->self, lease->file, offset, hash->bytes, ARM_HASH_BYTES, err));
    arm__lease_table_add(&lease->held, hash);
done:
    unlock_range(store, STAGING_LOCK);
    return st;
}

arm_status arm__lease_take(struct arm_store *store, const struct arm_hash *hash,
                           struct arm_error *err)
{
    struct arm_lease_entry *entry;
    arm_status st = arm__store_check_process(store, err);

    if (st != ARM_OK) {
        return st;
    }
    arm__mutex_lock(&store->mutex);
    entry = arm__lease_table_find(&store->lease.held, hash);
    if (entry == NULL) {
        st = take_new(store, hash, err);
    } else if (entry->count == UINT32_MAX) {
        st = arm__fail(err, ARM_INVALID, "a chunk is leased too often");
    } else {
        entry->count++;
    }
    arm__mutex_unlock(&store->mutex);
    return st;
}

bool arm__lease_is_durable(struct arm_store *store, const struct arm_hash *hash)
{
    struct arm_lease_entry *entry;
    bool durable;

    arm__mutex_lock(&store->mutex);
    entry = arm__lease_table_find(&store->lease.held, hash);
    durable = entry != NULL && entry->durable;
    arm__mutex_unlock(&store->mutex);
    return durable;
}

void arm__lease_mark_durable(struct arm_store *store, const struct arm_hash *hash)
{
    struct arm_lease_entry *entry;

    arm__mutex_lock(&store->mutex);
    entry = arm__lease_table_find(&store->lease.held, hash);
    if (entry != NULL) { /* a clear may have come between */
        entry->durable = true;
    }
    arm__mutex_unlock(&store->mutex);
}

arm_status arm__lease_stripe_lock(struct arm_store *store, const struct arm_hash *hash,
                                  struct arm_error *err)
{
    struct arm_mutex *stripe = &store->stripes[hash->bytes[0]];
    arm_status st;

    /* The file lock keeps out processes, the mutex our threads, who share the open file. */
    arm__mutex_lock(stripe);
    st = store->io->lock(store->io->self, store->lease.lock_file, stripe_range(hash),
                         ARM_LOCK_EXCLUSIVE, true, err);
    if (st != ARM_OK) {
        arm__mutex_unlock(stripe);
    }
    return st;
}

void arm__lease_stripe_unlock(struct arm_store *store, const struct arm_hash *hash)
{
    unlock_range(store, stripe_range(hash));
    arm__mutex_unlock(&store->stripes[hash->bytes[0]]);
}

arm_status arm__lease_owner_lives(struct arm_store *store, const char *id_hex, bool *out,
                                  struct arm_error *err)
{
    const struct arm_io *io = store->io;
    struct arm_error local;
    struct arm_file *file = NULL;
    char *path = NULL;
    bool lives = false;
    arm_status st = ARM_OK;

    if (store->lease.file != NULL && strcmp(id_hex, store->lease.id) == 0) {
        *out = true;
        return ARM_OK;
    }
    ARM_TRY(lease_path(store, id_hex, &path, err));
    st = io->open(io->self, path, ARM_OPEN_READ, &file, &local);
    if (st == ARM_OK) {
        st = io->lock(io->self, file, OWNER_LOCK, ARM_LOCK_SHARED, false, &local);
        lives = st == ARM_BUSY;
    }
    if (st == ARM_BUSY || st == ARM_NOT_FOUND) {
        st = ARM_OK;
    } else if (st != ARM_OK && err != NULL) {
        *err = local;
    }
    if (st == ARM_OK) {
        *out = lives;
    }
done:
    io->close(io->self, file);
    arm__free(path);
    return st;
}

/* Hand on the hashes in the lease file of another living process. */
static arm_status each_of_file(struct arm_store *store, const char *id_hex, arm_visit_hash *visit,
                               void *context, struct arm_error *err)
{
    struct arm_buf slots = ARM_BUF_INIT(LEASE_FILE_BYTES_MAX);
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(lease_path(store, id_hex, &path, err));
    ARM_TRY(arm__io_read_file(store->io, path, &slots, err));
    for (size_t at = HEADER_BYTES; at + ARM_HASH_BYTES <= slots.size; at += ARM_HASH_BYTES) {
        struct arm_hash hash;

        memcpy(hash.bytes, slots.data + at, ARM_HASH_BYTES);
        if (!arm__hash_is_zero(&hash)) {
            ARM_TRY(visit(context, &hash, err));
        }
    }
done:
    arm__buf_release(&slots);
    arm__free(path);
    return st;
}

/* Whether `name` is "<id>.lease"; the id is copied to `id_hex`. */
static bool parse_lease_name(const char *name, char id_hex[ARM_LEASE_ID_HEX + 1])
{
    struct arm_id id;

    if (strlen(name) != ARM_LEASE_ID_HEX + sizeof LEASE_SUFFIX - 1 ||
        strcmp(name + ARM_LEASE_ID_HEX, LEASE_SUFFIX) != 0) {
        return false;
    }
    memcpy(id_hex, name, ARM_LEASE_ID_HEX);
    id_hex[ARM_LEASE_ID_HEX] = '\0';
    return arm__id_parse(id_hex, &id, NULL) == ARM_OK;
}

static arm_status read_header(struct arm_store *store, const char *id_hex, uint64_t *out,
                              struct arm_error *err)
{
    const struct arm_io *io = store->io;
    struct arm_file *file = NULL;
    struct arm_error why;
    char *path = NULL;
    size_t size = 0;
    arm_status st = ARM_OK;

    *out = 0;
    ARM_TRY(lease_path(store, id_hex, &path, err));
    st = io->open(io->self, path, ARM_OPEN_READ, &file, &why);
    if (st == ARM_NOT_FOUND) { /* its owner ended */
        st = ARM_OK;
        goto done;
    }
    ARM_TRY(st == ARM_OK ? ARM_OK : arm__fail(err, st, "%s", why.message));
    ARM_TRY(io->read(io->self, file, 0, out, sizeof *out, &size, err));
    if (size < sizeof *out) { /* it is being made */
        *out = 0;
    }
done:
    io->close(io->self, file);
    arm__free(path);
    return st;
}

arm_status arm__lease_headers(struct arm_store *store, arm_visit_header *visit, void *context,
                              struct arm_error *err)
{
    struct arm_names names = {0};
    arm_status st = ARM_OK;

    ARM_TRY(arm__names_collect(store->io, store->staging, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        char id_hex[ARM_LEASE_ID_HEX + 1];
        bool lives = false;
        uint64_t header;

        if (!parse_lease_name(names.items[i], id_hex) ||
            (store->lease.file != NULL && strcmp(id_hex, store->lease.id) == 0)) {
            continue;
        }
        ARM_TRY(arm__lease_owner_lives(store, id_hex, &lives, err));
        if (lives) {
            ARM_TRY(read_header(store, id_hex, &header, err));
            ARM_TRY(visit(context, header, err));
        }
    }
done:
    arm__names_release(&names);
    return st;
}

arm_status arm__lease_each(struct arm_store *store, arm_visit_hash *visit, void *context,
                           struct arm_error *err)
{
    const struct arm_lease_table *held = &store->lease.held;
    struct arm_names names = {0};
    arm_status st = ARM_OK;

    for (size_t i = 0; i < held->capacity; i++) {
        if (held->entries[i].count > 0) {
            ARM_TRY(visit(context, &held->entries[i].hash, err));
        }
    }
    ARM_TRY(arm__names_collect(store->io, store->staging, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        char id_hex[ARM_LEASE_ID_HEX + 1];
        bool lives = false;

        if (!parse_lease_name(names.items[i], id_hex) ||
            (store->lease.file != NULL && strcmp(id_hex, store->lease.id) == 0)) {
            continue;
        }
        ARM_TRY(arm__lease_owner_lives(store, id_hex, &lives, err));
        if (lives) {
            ARM_TRY(each_of_file(store, id_hex, visit, context, err));
        }
    }
done:
    arm__names_release(&names);
    return st;
}

arm_status arm__store_lease(struct arm_store *store, const struct arm_hash *hash,
                            struct arm_error *err)
{
    return arm__lease_take(store, hash, err);
}

void arm__store_lease_drop(struct arm_store *store, const struct arm_hash *hash)
{
    static const uint8_t zeros[ARM_HASH_BYTES];
    struct arm_lease_entry *entry;

    if (arm__store_check_process(store, NULL) != ARM_OK) {
        return;
    }
    arm__mutex_lock(&store->mutex);
    entry = arm__lease_table_find(&store->lease.held, hash);
    if (entry != NULL && entry->count > 1) {
        entry->count--;
    } else if (entry != NULL) {
        (void)store->io->write(store->io->self, store->lease.file,
                               HEADER_BYTES + entry->slot * ARM_HASH_BYTES, zeros, sizeof zeros,
                               NULL); /* LE3 */
        arm__lease_table_remove(&store->lease.held, entry);
    }
    arm__mutex_unlock(&store->mutex);
}

arm_status arm__store_lease_clear(struct arm_store *store, struct arm_error *err)
{
    arm_status st = arm__store_check_process(store, err);

    if (st != ARM_OK) {
        return st;
    }
    arm__mutex_lock(&store->mutex);
    if (store->lease.file != NULL) {
        st = store->io->truncate(store->io->self, store->lease.file, HEADER_BYTES, err); /* LE3 */
    }
    if (st == ARM_OK) {
        arm__lease_table_release(&store->lease.held);
    }
    arm__mutex_unlock(&store->mutex);
    return st;
}

arm_status arm__store_leases(struct arm_store *store, arm_visit_hash *visit, void *context,
                             struct arm_error *err)
{
    arm_status st = arm__lease_lock(store, err);

    if (st == ARM_OK) {
        st = arm__lease_each(store, visit, context, err);
        arm__lease_unlock(store);
    }
    return st;
}
