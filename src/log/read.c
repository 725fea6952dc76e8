/* SPDX-License-Identifier: Apache-2.0 */
/* Reading frames one after the other, across segments.
 *
 * R1  A reader needs no lock: a frame not yet whole fails its hash and reads as the tail, and
 *     the next segment counts only if its header continues the very frame read last. */

#include "log/log_private.h"

#include <string.h>

/* Most frames are smaller: one system call reads them whole. The file's size is not asked for the
 * sake of less memory than that of a few: see arm__segment_grow. */
enum { FIRST_READ_BYTES = 4096, UNASKED_BYTES = 256 << 10 };

/* The frame's bytes as far as one read takes them. */
static arm_status read_first(const struct arm_io *io, struct arm_file *file, uint64_t offset,
                             struct arm_buf *out, struct arm_error *err)
{
    size_t want = out->max < FIRST_READ_BYTES ? out->max : FIRST_READ_BYTES;
    arm_status st = ARM_OK;

    arm__buf_clear(out);
    ARM_TRY(arm__buf_reserve(out, want, err));
    ARM_TRY(io->read(io->self, file, offset, out->data, want, &out->size, err));
done:
    return st;
}

/* The rest of a frame of `size_bytes`; less at the end of the file. */
static arm_status read_rest(const struct arm_io *io, struct arm_file *file, uint64_t offset,
                            uint32_t size_bytes, struct arm_buf *out, struct arm_error *err)
{
    size_t have = out->size;
    size_t got = 0;
    uint64_t file_size = UINT64_MAX;
    arm_status st = ARM_OK;

    if (have >= size_bytes) {
        out->size = size_bytes;
        return ARM_OK;
    }
    if (size_bytes > UNASKED_BYTES) {
        ARM_TRY(io->size(io->self, file, &file_size, err));
    }
    if (file_size < offset || file_size - offset < size_bytes) {
        return ARM_OK; /* a size that cannot be true makes us allocate nothing */
    }
    ARM_TRY(arm__buf_reserve(out, size_bytes - have, err));
    ARM_TRY(
        io->read(io->self, file, offset + have, out->data + have, size_bytes - have, &got, err));
    out->size = have + got;
done:
    return st;
}

static bool is_zero(struct arm_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] != 0) {
            return false;
        }
    }
    return true;
}

static enum arm_frame_verdict place_in_chain(const struct arm_log_position *at,
                                             const struct arm_frame_header *header,
                                             struct arm_error *why)
{
    if (header->first_tx != at->next_tx) {
        (void)arm__fail(why, ARM_CORRUPT, "a frame of tx %llu stands where tx %llu belongs",
                        (unsigned long long)header->first_tx, (unsigned long long)at->next_tx);
        return ARM_FRAME_STRANGE;
    }
    if (!arm__hash_equal(&header->previous, &at->previous)) {
        (void)arm__fail(why, ARM_CORRUPT, "a frame does not continue the one before it");
        return ARM_FRAME_STRANGE;
    }
    return ARM_FRAME_GOOD;
}

arm_status arm__frame_judge(const struct arm_io *io, struct arm_file *file,
                            const struct arm_log_position *at, struct arm_buf *out,
                            struct arm_frame_found *found, struct arm_error *err)
{
    struct arm_frame_header header;
    arm_status st = ARM_OK;

    ARM_TRY(read_first(io, file, at->offset, out, err));
    if (arm__frame_decode_header(arm__buf_bytes(out), &header, &found->why) != ARM_OK) {
        size_t looked = out->size < ARM_FRAME_HEADER_BYTES ? out->size : ARM_FRAME_HEADER_BYTES;
        bool none = is_zero(arm__bytes(out->data, looked));

        found->verdict = none ? ARM_FRAME_NONE : ARM_FRAME_BAD;
        goto done;
    }
    ARM_TRY(read_rest(io, file, at->offset, header.size_bytes, out, err));
    if (arm__frame_check(arm__buf_bytes(out), &found->header, &found->hash, &found->why) !=
        ARM_OK) {
        found->verdict = ARM_FRAME_BAD;
        goto done;
    }
    found->verdict = place_in_chain(at, &found->header, &found->why);
done:
    return st;
}

void arm__position_pass(struct arm_log_position *at, const struct arm_frame_header *header,
                        const struct arm_hash *hash)
{
    at->offset += header->size_bytes;
    at->next_tx = header->first_tx + header->record_count;
    at->previous = *hash;
}

arm_status arm__fail_again(struct arm_error *err, const struct arm_error *why)
{
    return arm__fail(err, why->code, "%s", why->message);
}

arm_status arm__position_cross(struct arm_log *log, const struct arm_log_position *at,
                               struct arm_log_position *out, bool *out_found, struct arm_error *err)
{
    struct arm_segment_file *file = NULL;
    struct arm_segment_header header;
    struct arm_hash hash;
    struct arm_error why;
    arm_status st = arm__segment_files_take(&log->files, at->segment + 1, false, &file, &why);

    *out_found = false;
    if (st == ARM_OK) {
        st = arm__segment_read_header(log->io, file->file, &header, &hash, &why);
        arm__segment_files_put(&log->files, file);
    }
    if (st == ARM_NOT_FOUND || st == ARM_CORRUPT) { /* not there, or not whole yet */
        return ARM_OK;
    }
    if (st != ARM_OK) {
        return arm__fail_again(err, &why);
    }
    if (header.number == at->segment + 1 && header.first_tx == at->next_tx &&
        arm__id_equal(&header.repository, &log->repository) &&
        arm__hash_equal(&header.previous, &at->previous)) {
        *out = (struct arm_log_position){
            .segment = header.number,
            .offset = ARM_SEGMENT_HEADER_BYTES,
            .next_tx = at->next_tx,
            .previous = at->previous,
        };
        *out_found = true;
    }
    return ARM_OK;
}

/* Judge the frame at `at`. Errors: ARM_CORRUPT when its very segment is gone. */
static arm_status look(struct arm_log *log, const struct arm_log_position *at, struct arm_buf *out,
                       struct arm_frame_found *found, struct arm_error *err)
{
    struct arm_segment_file *file = NULL;
    struct arm_error why;
    arm_status st = arm__segment_files_take(&log->files, at->segment, false, &file, &why);

    if (st == ARM_NOT_FOUND) {
        return arm__fail(err, ARM_CORRUPT, "%s: segment %llu is missing", log->directory,
                         (unsigned long long)at->segment);
    }
    if (st != ARM_OK) {
        return arm__fail_again(err, &why);
    }
    st = arm__frame_judge(log->io, file->file, at, out, found, err);
    arm__segment_files_put(&log->files, file);
    return st;
}

arm_status arm__log_read(struct arm_log *log, struct arm_log_position *at, struct arm_buf *out,
                         struct arm_frame_header *out_header, bool *out_found,
                         struct arm_error *err)
{
    struct arm_log_position here = *at;
    struct arm_frame_found found;
    bool crossed = true;
    arm_status st = ARM_OK;

    ARM_TRY(look(log, &here, out, &found, err));
    while (found.verdict != ARM_FRAME_GOOD && crossed) {
        ARM_TRY(arm__position_cross(log, &here, &here, &crossed, err));
        if (crossed) {
            ARM_TRY(look(log, &here, out, &found, err));
        }
    }
    *out_found = found.verdict == ARM_FRAME_GOOD;
    if (*out_found) {
        arm__position_pass(&here, &found.header, &found.hash);
        *at = here;
        *out_header = found.header;
    } else {
        arm__buf_clear(out);
    }
done:
    return st;
}

arm_status arm__log_read_at(struct arm_log *log, uint64_t segment, uint64_t offset,
                            struct arm_buf *out, struct arm_frame_header *out_header,
                            struct arm_error *err)
{
    struct arm_log_position at = {.segment = segment, .offset = offset};
    struct arm_frame_found found;
    arm_status st = look(log, &at, out, &found, err);

    if (st != ARM_OK) {
        return st;
    }
    if (found.verdict == ARM_FRAME_NONE || found.verdict == ARM_FRAME_BAD) {
        arm__buf_clear(out);
        return arm__fail(err, ARM_CORRUPT, "%s: segment %llu, byte %llu: %s", log->directory,
                         (unsigned long long)segment, (unsigned long long)offset,
                         found.why.message);
    }
    *out_header = found.header; /* STRANGE, for `at` names no chain */
    return ARM_OK;
}
