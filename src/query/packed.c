/* SPDX-License-Identifier: Apache-2.0 */
#include "query/packed.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"

enum { PIECE_BYTES = 1 << 18, GZIP_WINDOW = 15 + 16 };

/* The file, and a piece of it with what is unpacked from it, which nobody looks at. */
struct packed {
    const char *path;
    FILE *file;
    size_t size; /* of `in` */
    uint8_t in[PIECE_BYTES];
    uint8_t out[PIECE_BYTES];
};

static arm_status read_piece(struct packed *packed, struct arm_error *err)
{
    packed->size = fread(packed->in, 1, sizeof packed->in, packed->file);
    return ferror(packed->file) != 0 ? arm__fail_errno(err, errno, "read", packed->path) : ARM_OK;
}

static arm_status damaged(const struct packed *packed, const char *what, struct arm_error *err)
{
    return arm__fail(err, ARM_SCHEMA, "%s: %s: it was cut or damaged on its way; nothing was taken",
                     packed->path, what);
}

/* Members follow one another, as `cat a.gz b.gz` makes them. */
static arm_status check_gzip(struct packed *packed, struct arm_error *err)
{
    z_stream z = {.next_in = NULL};
    int rc = inflateInit2(&z, GZIP_WINDOW);
    arm_status st = ARM_OK;

    if (rc != Z_OK) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: unpacking %s", packed->path);
    }
    while (packed->size > 0) {
        z.next_in = packed->in;
        z.avail_in = (uInt)packed->size;
        while (z.avail_in > 0) {
            z.next_out = packed->out;
            z.avail_out = sizeof packed->out;
            if (rc == Z_STREAM_END) { /* another member begins */
                (void)inflateReset(&z);
            }
            rc = inflate(&z, Z_NO_FLUSH);
            if (rc != Z_OK && rc != Z_STREAM_END) {
                st = damaged(packed, "the gzip data has an error", err);
                goto done;
            }
        }
        ARM_TRY(read_piece(packed, err));
    }
    if (rc != Z_STREAM_END) {
        st = damaged(packed, "the gzip data has no end", err);
    }
done:
    (void)inflateEnd(&z);
    return st;
}

static arm_status check_zstd(struct packed *packed, struct arm_error *err)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    size_t left = 0; /* 0: a frame is whole */
    arm_status st = ARM_OK;

    if (context == NULL) {
        return arm__fail(err, ARM_NO_MEMORY, "out of memory: unpacking %s", packed->path);
    }
    while (packed->size > 0) {
        ZSTD_inBuffer in = {packed->in, packed->size, 0};

        while (in.pos < in.size) { /* the last byte is not taken before all of its output is */
            ZSTD_outBuffer out = {packed->out, sizeof packed->out, 0};

            left = ZSTD_decompressStream(context, &out, &in);
            if (ZSTD_isError(left)) {
                st = damaged(packed, "the zstd data has an error", err);
                goto done;
            }
        }
        ARM_TRY(read_piece(packed, err));
    }
    if (left != 0) {
        st = damaged(packed, "the zstd data has no end", err);
    }
done:
    (void)ZSTD_freeDCtx(context);
    return st;
}

static bool begins(const struct packed *packed, const char *magic, size_t size)
{
    return packed->size >= size && memcmp(packed->in, magic, size) == 0;
}

arm_status arm__packed_check(const char *path, struct arm_error *err)
{
    struct packed *packed = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *packed, &packed, err));
    packed->path = path;
    packed->file = fopen(path, "rbe");
    if (packed->file == NULL) {
        st = arm__fail_errno(err, errno, "open", path);
        goto done;
    }
    ARM_TRY(read_piece(packed, err));
    if (begins(packed, "\x1f\x8b", 2)) {
        ARM_TRY(check_gzip(packed, err));
    } else if (begins(packed, "\x28\xb5\x2f\xfd", 4)) {
        ARM_TRY(check_zstd(packed, err));
    }
done:
    if (packed != NULL && packed->file != NULL) {
        (void)fclose(packed->file);
    }
    arm__free(packed);
    return st;
}
