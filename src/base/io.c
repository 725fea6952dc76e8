/* SPDX-License-Identifier: Apache-2.0 */
/* Shorthands over any file door: what more than one module does with whole files.
 *
 * O4  replace_file: after a crash at any moment `path` holds the old bytes or the new ones,
 *     whole. "<path>.new" may be left; the next replace starts it anew. */

#include "base/io.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

enum { PIECE_BYTES_MIN = 1 << 16, PIECE_BYTES_MAX = 1 << 20 };

arm_status arm__io_read_file(const struct arm_io *io, const char *path, struct arm_buf *out,
                             struct arm_error *err)
{
    struct arm_buf fresh = ARM_BUF_INIT(out->max);
    struct arm_file *file = NULL;
    uint64_t size = 0;
    arm_status st = ARM_OK;

    ARM_TRY(io->open(io->self, path, ARM_OPEN_READ, &file, err));
    ARM_TRY(io->size(io->self, file, &size, err));
    if (size > out->max) {
        st = arm__fail(err, ARM_INVALID, "%s is too large: %llu bytes, limit %zu", path,
                       (unsigned long long)size, out->max);
        goto done;
    }
    ARM_TRY(arm__buf_reserve(&fresh, (size_t)size, err));
    ARM_TRY(io->read(io->self, file, 0, fresh.data, (size_t)size, &fresh.size, err));
    arm__buf_release(out);
    *out = fresh;
    fresh = ARM_BUF_INIT(0);
done:
    io->close(io->self, file);
    arm__buf_release(&fresh);
    return st;
}

arm_status arm__io_read_exact(const struct arm_io *io, struct arm_file *file, uint64_t offset,
                              void *data, size_t size, struct arm_error *err)
{
    size_t got = 0;
    arm_status st = io->read(io->self, file, offset, data, size, &got, err);

    if (st == ARM_OK && got < size) {
        return arm__fail(err, ARM_CORRUPT, "a file ends early: %zu bytes wanted at %llu, %zu there",
                         size, (unsigned long long)offset, got);
    }
    return st;
}

/* The bytes durable under `path`, a name nobody reads yet. */
static arm_status write_synced(const struct arm_io *io, const char *path, struct arm_bytes bytes,
                               struct arm_error *err)
{
    struct arm_file *file = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &file, err));
    ARM_TRY(io->truncate(io->self, file, 0, err));
    ARM_TRY(io->write(io->self, file, 0, bytes.data, bytes.size, err));
    ARM_TRY(io->sync(io->self, file, err));
done:
    io->close(io->self, file);
    return st;
}

arm_status arm__io_replace_file(const struct arm_io *io, const char *path, struct arm_bytes bytes,
                                struct arm_error *err)
{
    struct arm_buf fresh = ARM_BUF_INIT(SIZE_MAX);
    char *parent = NULL;
    bool left = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__path_parent(path, &parent, err));
    ARM_TRY(arm__buf_printf(&fresh, err, "%s.new", path));
    ARM_TRY(arm__buf_u8(&fresh, 0, err));
    left = true;
    ARM_TRY(write_synced(io, (const char *)fresh.data, bytes, err));
    ARM_TRY(io->rename(io->self, (const char *)fresh.data, path, err));
    left = false;
    ARM_TRY(io->sync_directory(io->self, parent, err));
done:
    if (left) {
        (void)io->remove(io->self, (const char *)fresh.data, NULL);
    }
    arm__buf_release(&fresh);
    arm__free(parent);
    return st;
}

arm_status arm__io_hash_file(const struct arm_io *io, const char *path, struct arm_hash *out,
                             uint64_t *out_size, struct arm_error *err)
{
    struct arm_file *file = NULL;
    uint8_t *piece = NULL;
    size_t piece_bytes = PIECE_BYTES_MAX;
    uint64_t size = 0;
    struct arm_hasher hasher;
    uint64_t offset = 0;
    size_t got = 0;
    arm_status st = ARM_OK;

    ARM_TRY(io->open(io->self, path, ARM_OPEN_READ, &file, err));
    ARM_TRY(io->size(io->self, file, &size, err));
    if (size < PIECE_BYTES_MIN) {
        piece_bytes = PIECE_BYTES_MIN; /* a small file should not pay for fresh pages */
    }
    ARM_TRY(arm__realloc(&piece, piece_bytes, 1, err));
    arm__hasher_init(&hasher);
    do {
        ARM_TRY(io->read(io->self, file, offset, piece, piece_bytes, &got, err));
        arm__hasher_update(&hasher, piece, got);
        offset += got;
    } while (got == piece_bytes);
    *out = arm__hasher_finish(&hasher);
    if (out_size != NULL) {
        *out_size = offset;
    }
done:
    arm__free(piece);
    io->close(io->self, file);
    return st;
}

bool arm__io_exists(const struct arm_io *io, const char *path)
{
    struct arm_stat found;

    return io->stat(io->self, path, &found, NULL) == ARM_OK;
}

arm_status arm__io_identify(const struct arm_io *io, const char *path, struct arm_identity *out,
                            struct arm_error *err)
{
    struct arm_stat found;
    arm_status st = io->stat(io->self, path, &found, err);

    if (st == ARM_OK) {
        *out = (struct arm_identity){found.device, found.inode};
    }
    return st;
}

arm_status arm__io_check_identity(const struct arm_io *io, const char *path,
                                  const struct arm_identity *was, struct arm_error *err)
{
    struct arm_identity now = {0, 0};
    struct arm_error why;
    arm_status st = arm__io_identify(io, path, &now, &why);

    if (st != ARM_OK && st != ARM_NOT_FOUND) {
        return arm__fail(err, st, "%s", why.message);
    }
    if (st == ARM_OK && now.device == was->device && now.inode == was->inode) {
        return ARM_OK;
    }
    return arm__fail(err, ARM_REOPEN,
                     "%s is %s: it was moved, removed or replaced while it was open; nothing is "
                     "written there; close the repository and open it where it is now",
                     path, st == ARM_OK ? "another one now" : "no longer there");
}

arm_status arm__path_join(const char *directory, const char *name, char **out,
                          struct arm_error *err)
{
    size_t directory_size = strlen(directory);
    size_t name_size = strlen(name);
    char *path = NULL;
    arm_status st;

    while (directory_size > 0 && directory[directory_size - 1] == '/') {
        directory_size--;
    }
    st = arm__calloc(directory_size + 1 + name_size + 1, 1, &path, err);
    if (st == ARM_OK) {
        memcpy(path, directory, directory_size);
        /* An empty directory is the working directory; only "/" is the root. */
        if (directory[0] != '\0') {
            path[directory_size++] = '/';
        }
        memcpy(path + directory_size, name, name_size + 1);
        *out = path;
    }
    return st;
}

arm_status arm__path_parent(const char *path, char **out, struct arm_error *err)
{
    const char *slash = strrchr(path, '/');
    char *parent = NULL;
    arm_status st = arm__strdup(slash == NULL ? "." : path, &parent, err);

    if (st == ARM_OK) {
        if (slash != NULL) {
            parent[slash == path ? 1 : slash - path] = '\0';
        }
        *out = parent;
    }
    return st;
}
