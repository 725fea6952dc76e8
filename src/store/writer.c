/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in: bytes at once, a stream, a file that someone else wrote into staging/.
 *
 * W1  A writer that failed once stays failed: bytes after a gap must not become a chunk. */

#include <string.h>

#include "base/alloc.h"
#include "store/store_private.h"

enum { PIECE_BYTES = 1 << 16 };

struct arm_store_writer {
    struct arm_store *store;
    struct arm_staged staged;
    struct arm_hasher hasher;
    struct arm_buf piece; /* not yet written; at most PIECE_BYTES */
    uint64_t written_bytes;
    bool failed;
};

arm_status arm__store_put(struct arm_store *store, struct arm_bytes bytes, struct arm_hash *out,
                          bool *out_new, struct arm_error *err)
{
    struct arm_staged staged = {NULL, NULL};
    struct arm_hash hash = arm__hash(bytes);
    arm_status st = arm__place(store, &hash, &bytes, &staged, out_new, err);

    if (st == ARM_OK) {
        *out = hash;
    }
    arm__staged_drop(store, &staged);
    return st;
}

arm_status arm__store_stage(struct arm_store *store, char **out_path, struct arm_error *err)
{
    struct arm_buf name = ARM_BUF_INIT(256);
    uint64_t number;
    arm_status st = ARM_OK;

    ARM_TRY(arm__store_check_place(store, err));
    ARM_TRY(arm__lease_begin(store, err));
    arm__mutex_lock(&store->mutex);
    number = store->next_stage++;
    arm__mutex_unlock(&store->mutex);
    ARM_TRY(arm__buf_printf(&name, err, "%s-%llu", store->lease.id, (unsigned long long)number));
    ARM_TRY(arm__buf_u8(&name, 0, err));
    ARM_TRY(arm__path_join(store->staging, (const char *)name.data, out_path, err));
done:
    arm__buf_release(&name);
    return st;
}

arm_status arm__store_adopt(struct arm_store *store, const char *path, struct arm_hash *out,
                            uint64_t *out_size, bool *out_new, struct arm_error *err)
{
    const struct arm_io *io = store->io;
    struct arm_staged staged = {NULL, NULL};
    struct arm_hash hash;
    uint64_t size_bytes = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__strdup(path, &staged.path, err));
    ARM_TRY(io->open(io->self, path, ARM_OPEN_READ, &staged.file, err));
    ARM_TRY(arm__io_hash_file(io, path, &hash, &size_bytes, err));
    ARM_TRY(arm__place(store, &hash, NULL, &staged, out_new, err));
    *out = hash;
    if (out_size != NULL) {
        *out_size = size_bytes;
    }
done:
    if (staged.path == NULL && staged.file == NULL && st != ARM_OK) {
        (void)io->remove(io->self, path, NULL); /* no memory for a copy of its name */
    }
    arm__staged_drop(store, &staged);
    return st;
}

arm_status arm__store_writer_new(struct arm_store *store, struct arm_store_writer **out,
                                 struct arm_error *err)
{
    struct arm_store_writer *writer = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *writer, &writer, err));
    writer->store = store;
    writer->piece = ARM_BUF_INIT(PIECE_BYTES);
    arm__hasher_init(&writer->hasher);
    ARM_TRY(arm__buf_reserve(&writer->piece, PIECE_BYTES, err));
    ARM_TRY(arm__staged_new(store, &writer->staged, err));
    *out = writer;
    writer = NULL;
done:
    arm__store_writer_abort(writer);
    return st;
}

static arm_status write_out(struct arm_store_writer *writer, const void *data, size_t size_bytes,
                            struct arm_error *err)
{
    const struct arm_io *io = writer->store->io;
    arm_status st =
        io->write(io->self, writer->staged.file, writer->written_bytes, data, size_bytes, err);

    if (st == ARM_OK) {
        writer->written_bytes += size_bytes;
    }
    return st;
}

static arm_status flush(struct arm_store_writer *writer, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (writer->piece.size > 0) {
        st = write_out(writer, writer->piece.data, writer->piece.size, err);
        arm__buf_clear(&writer->piece);
    }
    return st;
}

static arm_status check_whole(const struct arm_store_writer *writer, struct arm_error *err)
{
    if (writer->failed) { /* W1 */
        return arm__fail(err, ARM_INVALID, "an append to this writer failed: abort it");
    }
    return arm__store_check_process(writer->store, err);
}

arm_status arm__store_writer_append(struct arm_store_writer *writer, const void *data,
                                    size_t size_bytes, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(check_whole(writer, err));
    writer->failed = true; /* W1: until it is done */
    if (size_bytes > PIECE_BYTES - writer->piece.size) {
        ARM_TRY(flush(writer, err));
    }
    if (size_bytes > PIECE_BYTES) {
        ARM_TRY(write_out(writer, data, size_bytes, err));
    } else {
        ARM_TRY(arm__buf_append(&writer->piece, data, size_bytes, err));
    }
    arm__hasher_update(&writer->hasher, data, size_bytes);
    writer->failed = false;
done:
    return st;
}

arm_status arm__store_writer_finish(struct arm_store_writer *writer, struct arm_hash *out,
                                    uint64_t *out_size, bool *out_new, struct arm_error *err)
{
    struct arm_hash hash;
    arm_status st = ARM_OK;

    ARM_TRY(check_whole(writer, err));
    ARM_TRY(flush(writer, err));
    hash = arm__hasher_finish(&writer->hasher);
    ARM_TRY(arm__place(writer->store, &hash, NULL, &writer->staged, out_new, err));
    *out = hash;
    if (out_size != NULL) {
        *out_size = writer->written_bytes;
    }
done:
    arm__store_writer_abort(writer); /* what is left of it */
    return st;
}

void arm__store_writer_abort(struct arm_store_writer *writer)
{
    if (writer != NULL) {
        arm__staged_drop(writer->store, &writer->staged);
        arm__buf_release(&writer->piece);
        arm__free(writer);
    }
}
