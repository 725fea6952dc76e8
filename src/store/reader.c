/* SPDX-License-Identifier: Apache-2.0 */
/* A chunk read piece by piece: hashed first, through the descriptor that is then read from, so
 * that what is read is what was checked, whatever happens to the name meanwhile. */

#include "base/alloc.h"
#include "store/store_private.h"

enum { PIECE_BYTES = 1 << 18 };

struct arm_store_reader {
    const struct arm_io *io;
    struct arm_file *file;
    uint64_t size_bytes;
};

static arm_status check(struct arm_store_reader *reader, const struct arm_hash *hash,
                        struct arm_error *err)
{
    struct arm_hasher hasher;
    struct arm_hash found;
    uint8_t *piece = NULL;
    size_t size = PIECE_BYTES;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, PIECE_BYTES, &piece, err));
    arm__hasher_init(&hasher);
    while (size == PIECE_BYTES) {
        ARM_TRY(reader->io->read(reader->io->self, reader->file, reader->size_bytes, piece,
                                 PIECE_BYTES, &size, err));
        arm__hasher_update(&hasher, piece, size);
        reader->size_bytes += size;
    }
    found = arm__hasher_finish(&hasher);
    ARM_TRY(arm__chunk_compare(hash, &found, err));
done:
    arm__free(piece);
    return st;
}

arm_status arm__store_reader_new(struct arm_store *store, const struct arm_hash *hash,
                                 struct arm_store_reader **out, struct arm_error *err)
{
    struct arm_store_reader *reader = NULL;
    char *path = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *reader, &reader, err));
    reader->io = store->io;
    ARM_TRY(arm__store_path(store, hash, &path, err));
    ARM_TRY(store->io->open(store->io->self, path, ARM_OPEN_READ, &reader->file, err));
    ARM_TRY(check(reader, hash, err));
    *out = reader;
    reader = NULL;
done:
    arm__store_reader_free(reader);
    arm__free(path);
    return st;
}

uint64_t arm__store_reader_size(const struct arm_store_reader *reader)
{
    return reader->size_bytes;
}

arm_status arm__store_reader_read(struct arm_store_reader *reader, uint64_t offset, void *data,
                                  size_t size_bytes, struct arm_error *err)
{
    return arm__io_read_exact(reader->io, reader->file, offset, data, size_bytes, err);
}

void arm__store_reader_free(struct arm_store_reader *reader)
{
    if (reader != NULL) {
        reader->io->close(reader->io->self, reader->file);
        arm__free(reader);
    }
}
