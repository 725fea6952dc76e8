/* SPDX-License-Identifier: Apache-2.0 */
/* Segment files: their header, their names, how they come to be and grow.
 *
 *   offset size field                      (all integers little-endian)
 *        0    8 magic "ARMLOG\0\1"
 *        8    4 format version: 1
 *       12    4 reserved, 0
 *       16   16 repository id
 *       32    8 segment number
 *       40    8 first tx: of the first frame that will stand here
 *       48   32 hash of the last frame before this segment; zeros in segment 0
 *       80 3984 reserved, 0
 *     4064   32 BLAKE3 of the 4,064 bytes before
 *     4096      frames, then zeros
 *
 * A header is valid iff magic and hash are right, the version is ours and every reserved byte
 * is 0. Magic, version and hash keep their places in every later version, so that a newer
 * header is told from a damaged one.
 *
 * G1  Preallocated bytes are zeros that were written, not holes: a later sync of a frame
 *     changes no metadata and cannot run out of space. */

#include "log/log_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum {
    AT_MAGIC = 0,
    AT_VERSION = 8,
    AT_REPOSITORY = 16,
    AT_NUMBER = 32,
    AT_FIRST_TX = 40,
    AT_PREVIOUS = 48,
    FIELDS_END = 80,
    AT_HASH = ARM_SEGMENT_HEADER_BYTES - ARM_HASH_BYTES,
    NAME_DIGITS = 16,
    ZEROS_BYTES = 65536,
    STEP_BYTES_MIN = 65536,
    STEP_BYTES_MAX = 4 << 20,
    STEP_SHARE = 8 /* a step is this part of what is there */
};

static const uint8_t MAGIC[8] = {'A', 'R', 'M', 'L', 'O', 'G', 0, 1};
static const char SUFFIX[] = ".seg";
static const uint8_t ZEROS[ZEROS_BYTES];

_Static_assert(AT_PREVIOUS + ARM_HASH_BYTES == FIELDS_END, "header layout");
_Static_assert(ARM_SEGMENT_HEADER_BYTES + ARM_FRAME_BYTES_MAX <= ARM_SEGMENT_BYTES_MAX,
               "every frame fits a fresh segment");

void arm__segment_encode(const struct arm_segment_header *header,
                         uint8_t out[ARM_SEGMENT_HEADER_BYTES], struct arm_hash *out_hash)
{
    memset(out, 0, ARM_SEGMENT_HEADER_BYTES);
    memcpy(out + AT_MAGIC, MAGIC, sizeof MAGIC);
    arm__set_u32(out + AT_VERSION, ARM_SEGMENT_VERSION);
    memcpy(out + AT_REPOSITORY, header->repository.bytes, ARM_ID_BYTES);
    arm__set_u64(out + AT_NUMBER, header->number);
    arm__set_u64(out + AT_FIRST_TX, header->first_tx);
    memcpy(out + AT_PREVIOUS, header->previous.bytes, ARM_HASH_BYTES);
    *out_hash = arm__hash(arm__bytes(out, AT_HASH));
    memcpy(out + AT_HASH, out_hash->bytes, ARM_HASH_BYTES);
}

static bool reserved_are_zero(const uint8_t *at)
{
    return arm__get_u32(at + AT_VERSION + 4) == 0 &&
           memcmp(at + FIELDS_END, ZEROS, AT_HASH - FIELDS_END) == 0;
}

arm_status arm__segment_decode(struct arm_bytes bytes, struct arm_segment_header *out,
                               struct arm_hash *out_hash, struct arm_error *err)
{
    const uint8_t *at = bytes.data;
    struct arm_hash hash;
    uint32_t version;

    if (bytes.size < ARM_SEGMENT_HEADER_BYTES) {
        return arm__fail(err, ARM_CORRUPT, "the segment ends in its header");
    }
    if (memcmp(at + AT_MAGIC, MAGIC, sizeof MAGIC) != 0) {
        return arm__fail(err, ARM_CORRUPT, "not a log segment");
    }
    hash = arm__hash(arm__bytes(at, AT_HASH));
    if (memcmp(hash.bytes, at + AT_HASH, ARM_HASH_BYTES) != 0) {
        return arm__fail(err, ARM_CORRUPT, "the segment's header does not have its hash");
    }
    version = arm__get_u32(at + AT_VERSION);
    if (version > ARM_SEGMENT_VERSION) {
        return arm__fail(err, ARM_NEWER_FORMAT, "a log segment of format %u; this reads %d",
                         version, ARM_SEGMENT_VERSION);
    }
    if (version != ARM_SEGMENT_VERSION || !reserved_are_zero(at)) {
        return arm__fail(err, ARM_CORRUPT, "the segment's header has impossible fields");
    }
    out->number = arm__get_u64(at + AT_NUMBER);
    out->first_tx = arm__get_u64(at + AT_FIRST_TX);
    memcpy(out->repository.bytes, at + AT_REPOSITORY, ARM_ID_BYTES);
    memcpy(out->previous.bytes, at + AT_PREVIOUS, ARM_HASH_BYTES);
    *out_hash = hash;
    return ARM_OK;
}

arm_status arm__segment_read_header(const struct arm_io *io, struct arm_file *file,
                                    struct arm_segment_header *out, struct arm_hash *out_hash,
                                    struct arm_error *err)
{
    uint8_t bytes[ARM_SEGMENT_HEADER_BYTES];
    size_t got = 0;
    arm_status st = ARM_OK;

    ARM_TRY(io->read(io->self, file, 0, bytes, sizeof bytes, &got, err));
    ARM_TRY(arm__segment_decode(arm__bytes(bytes, got), out, out_hash, err));
done:
    return st;
}

arm_status arm__segment_path(const char *directory, uint64_t number, struct arm_buf *out,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(
        arm__buf_printf(out, err, "%s/%016llx%s", directory, (unsigned long long)number, SUFFIX));
    ARM_TRY(arm__buf_u8(out, 0, err));
done:
    return st;
}

bool arm__segment_number(const char *name, uint64_t *out)
{
    uint64_t number = 0;

    if (strlen(name) != NAME_DIGITS + sizeof SUFFIX - 1 ||
        strcmp(name + NAME_DIGITS, SUFFIX) != 0) {
        return false;
    }
    for (size_t i = 0; i < NAME_DIGITS; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = strchr(digits, name[i]);

        if (digit == NULL) {
            return false;
        }
        number = number << 4 | (uint64_t)(digit - digits);
    }
    *out = number;
    return true;
}

arm_status arm__segment_zero(const struct arm_io *io, struct arm_file *file, uint64_t from,
                             uint64_t to, struct arm_error *err)
{
    arm_status st = ARM_OK;

    while (st == ARM_OK && from < to) {
        size_t piece = to - from < ZEROS_BYTES ? (size_t)(to - from) : ZEROS_BYTES;

        st = io->write(io->self, file, from, ZEROS, piece, err);
        from += piece;
    }
    return st;
}

/* How much to preallocate: in proportion to the whole log, so that a small one stays small
 * and a large one seldom pays for a sync that changes metadata. */
static uint64_t step_of(uint64_t number, uint64_t size, uint64_t bytes_max)
{
    uint64_t step = (number > 0 ? bytes_max : size) / STEP_SHARE;

    step = step < STEP_BYTES_MIN ? STEP_BYTES_MIN : step;
    return step > STEP_BYTES_MAX ? STEP_BYTES_MAX : step;
}

arm_status arm__segment_grow(const struct arm_io *io, struct arm_file *file, uint64_t number,
                             uint64_t end, uint64_t bytes_max, uint64_t *inout_size,
                             struct arm_error *err)
{
    struct arm_error why;
    uint64_t size = 0;
    uint64_t target;
    arm_status st = ARM_OK;

    assert(end <= bytes_max);
    if (end <= *inout_size) {
        return ARM_OK;
    }
    ARM_TRY(io->size(io->self, file, &size, err));
    *inout_size = size;
    if (end <= size) {
        return ARM_OK;
    }
    target = size + step_of(number, size, bytes_max);
    target = target < end ? end : target;
    target = (target + ARM_SEGMENT_HEADER_BYTES - 1) & ~(uint64_t)(ARM_SEGMENT_HEADER_BYTES - 1);
    target = target > bytes_max ? bytes_max : target;
    st = arm__segment_zero(io, file, size, target, &why); /* G1 */
    if (st == ARM_FULL) {                                 /* as much as there is may do */
        ARM_TRY(io->size(io->self, file, &size, err));
        st = end <= size ? ARM_OK : ARM_FULL;
    }
    if (st != ARM_OK) {
        st = arm__fail_again(err, &why);
    }
done:
    return st;
}

arm_status arm__segment_write_new(const struct arm_io *io, struct arm_file *file,
                                  const struct arm_segment_header *header, uint64_t bytes_max,
                                  struct arm_error *err)
{
    uint8_t bytes[ARM_SEGMENT_HEADER_BYTES];
    struct arm_hash hash;
    uint64_t size = 0;
    arm_status st = ARM_OK;

    arm__segment_encode(header, bytes, &hash);
    ARM_TRY(io->truncate(io->self, file, 0, err));
    ARM_TRY(arm__segment_grow(io, file, header->number, sizeof bytes, bytes_max, &size, err));
    ARM_TRY(io->write(io->self, file, 0, bytes, sizeof bytes, err));
done:
    return st;
}

struct listing {
    const struct arm_io *io;
    const char *directory;
    struct arm_segment_list *list;
};

static arm_status list_add(struct arm_segment_list *list, struct arm_segment_size item,
                           struct arm_error *err)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        arm_status st = arm__realloc(&list->items, capacity, sizeof *list->items, err);

        if (st != ARM_OK) {
            return st;
        }
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return ARM_OK;
}

static arm_status visit_segment(void *context, const char *name, struct arm_error *err)
{
    const struct listing *listing = context;
    struct arm_segment_size item = {0, 0};
    struct arm_stat stat;
    char *path = NULL;
    arm_status st = ARM_OK;

    if (!arm__segment_number(name, &item.number)) {
        return ARM_OK;
    }
    ARM_TRY(arm__path_join(listing->directory, name, &path, err));
    ARM_TRY(listing->io->stat(listing->io->self, path, &stat, err));
    item.size_bytes = stat.size_bytes;
    if (item.size_bytes > 0) {
        ARM_TRY(list_add(listing->list, item, err));
    }
done:
    arm__free(path);
    return st;
}

static int compare_numbers(const void *left, const void *right)
{
    uint64_t a = ((const struct arm_segment_size *)left)->number;
    uint64_t b = ((const struct arm_segment_size *)right)->number;

    return (a > b) - (a < b);
}

arm_status arm__segment_list_read(const struct arm_io *io, const char *directory,
                                  struct arm_segment_list *out, struct arm_error *err)
{
    struct arm_segment_list list = {NULL, 0, 0};
    struct listing listing = {io, directory, &list};
    arm_status st = ARM_OK;

    ARM_TRY(io->list(io->self, directory, visit_segment, &listing, err));
    if (list.count > 0) {
        qsort(list.items, list.count, sizeof *list.items, compare_numbers);
    }
    *out = list;
    list = (struct arm_segment_list){NULL, 0, 0};
done:
    arm__segment_list_release(&list);
    return st;
}

void arm__segment_list_release(struct arm_segment_list *list)
{
    arm__free(list->items);
    *list = (struct arm_segment_list){NULL, 0, 0};
}
