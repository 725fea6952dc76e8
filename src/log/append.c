/* SPDX-License-Identifier: Apache-2.0 */
/* Appending frames, always under the repository's commit lock (L5).
 *
 *   intend   say in the shared page which bytes may be torn from now on (P3)
 *   grow     preallocate zeros
 *   write    the frame
 *   settle   the intent is gone
 *   hasten   the disk begins with it, while the caller commits his index
 *
 * A process that dies between the first step and the last leaves its intent: the next to
 * append has read all whole frames, so whatever is left between its tail and the intent's end
 * is torn, and it mends that first. The same mending takes back a write that failed.
 *
 * A frame that does not fit rolls the log: the old segment is synced, the new one written and
 * synced, then its directory, and only then the frame goes in. So a whole header of segment
 * n + 1 says that segment n is durable to its end. */

#include "log/log_private.h"

#include <assert.h>

/* A buffer that one huge frame left behind is given back. */
enum { FRAME_KEPT_BYTES = 1 << 20 };

static void intend(struct arm_page *page, uint64_t segment, uint64_t end)
{
    /* A roll's intent stays until the first frame stands in the new segment. */
    assert(atomic_load(&page->intent_end) == 0 ||
           atomic_load(&page->intent_segment) == segment); /* P3 */
    atomic_store(&page->intent_segment, segment);
    atomic_store(&page->intent_end, end); /* the last: it makes the intent count */
}

static void settle(struct arm_page *page)
{
    atomic_store(&page->intent_end, 0);
}

/* Zero what is torn in the tail's segment up to `end`. */
static arm_status mend_frame(struct arm_log *log, const struct arm_log_position *tail, uint64_t end,
                             struct arm_error *err)
{
    const struct arm_io *io = log->io;
    struct arm_segment_file *file = NULL;
    uint64_t size = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__segment_files_take(&log->files, tail->segment, false, &file, err));
    ARM_TRY(io->size(io->self, file->file, &size, err));
    end = end < size ? end : size;
    if (end > tail->offset) {
        ARM_TRY(arm__segment_zero(io, file->file, tail->offset, end, err));
        ARM_TRY(arm__log_sync_tail(log, tail->segment, err));
    }
done:
    arm__segment_files_put(&log->files, file);
    return st;
}

/* Empty a segment that was begun behind the tail's and holds no whole frame. */
static arm_status mend_roll(struct arm_log *log, uint64_t number, struct arm_error *err)
{
    struct arm_segment_file *file = NULL;
    struct arm_error why;
    arm_status st = arm__segment_files_take(&log->files, number, false, &file, &why);

    if (st == ARM_NOT_FOUND) {
        return ARM_OK; /* not even begun */
    }
    if (st != ARM_OK) {
        return arm__fail_again(err, &why);
    }
    file->size_bytes = 0;
    ARM_TRY(log->io->truncate(log->io->self, file->file, 0, err));
    ARM_TRY(arm__log_sync_other(log, number, err));
done:
    arm__segment_files_put(&log->files, file);
    return st;
}

/* Take back what an unfinished append left. If that cannot be, the log is poisoned: nothing
 * may be appended over it. */
static arm_status mend(struct arm_log *log, const struct arm_log_position *tail,
                       struct arm_error *err)
{
    struct arm_page *page = log->page;
    uint64_t end = atomic_load(&page->intent_end);
    uint64_t segment = atomic_load(&page->intent_segment);
    arm_status st = ARM_OK;

    if (end == 0) {
        return ARM_OK;
    }
    if (segment == tail->segment) {
        st = mend_frame(log, tail, end, err);
    } else if (segment > tail->segment) {
        st = mend_roll(log, segment, err);
    }
    if (st != ARM_OK) {
        arm__page_poison(page);
        return st;
    }
    settle(page);
    return ARM_OK;
}

/* Is `tail` possibly the tail, and may one append there? Leaves nothing torn behind it. */
static arm_status prepare(struct arm_log *log, const struct arm_log_position *tail,
                          struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__log_check_writable(log, err));
    if (tail->next_tx <= atomic_load(&log->page->appended_to) ||
        arm__page_pack(tail) < atomic_load(&log->page->written)) {
        st = arm__fail(err, ARM_INVALID, "the log goes on behind the place for tx %llu",
                       (unsigned long long)tail->next_tx);
        goto done;
    }
    ARM_TRY(mend(log, tail, err));
done:
    return st;
}

/* Make the segment after the tail's: written, synced, and found again after a crash. */
static arm_status make_next_segment(struct arm_log *log, const struct arm_log_position *tail,
                                    struct arm_error *err)
{
    const struct arm_io *io = log->io;
    struct arm_segment_file *file = NULL;
    struct arm_segment_header header = {
        .repository = log->repository,
        .number = tail->segment + 1,
        .first_tx = tail->next_tx,
        .previous = tail->previous,
    };
    arm_status st = ARM_OK;

    ARM_TRY(arm__segment_files_take(&log->files, header.number, true, &file, err));
    file->size_bytes = 0;
    ARM_TRY(arm__segment_write_new(io, file->file, &header, log->segment_bytes_max, err));
    ARM_TRY(arm__log_sync_other(log, header.number, err));
    st = io->sync_directory(io->self, log->directory, err);
    if (st != ARM_OK) {
        arm__page_poison(log->page); /* L4 */
    }
done:
    arm__segment_files_put(&log->files, file);
    return st;
}

/* Move `at` from the end of its segment to the start of a new one. */
static arm_status roll(struct arm_log *log, struct arm_log_position *at, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__log_sync_tail(log, at->segment, err));
    intend(log->page, at->segment + 1, ARM_SEGMENT_HEADER_BYTES);
    ARM_TRY(make_next_segment(log, at, err));
    at->segment++;
    at->offset = ARM_SEGMENT_HEADER_BYTES;
done:
    return st;
}

static arm_status write_frame(struct arm_log *log, const struct arm_log_position *at,
                              struct arm_error *err)
{
    const struct arm_io *io = log->io;
    struct arm_segment_file *file = NULL;
    uint64_t end = at->offset + log->frame.size;
    struct arm_log_position behind = {.segment = at->segment, .offset = end};
    arm_status st = ARM_OK;

    intend(log->page, at->segment, end);
    ARM_TRY(arm__segment_files_take(&log->files, at->segment, false, &file, err));
    ARM_TRY(arm__segment_grow(io, file->file, at->segment, end, log->segment_bytes_max,
                              &file->size_bytes, err));
    ARM_TRY(io->write(io->self, file->file, at->offset, log->frame.data, log->frame.size, err));
    arm__page_raise(&log->page->written, arm__page_pack(&behind));
    settle(log->page);
done:
    arm__segment_files_put(&log->files, file);
    return st;
}

/* Write the encoded frame at the tail or in a new segment; `*at` is where. */
static arm_status place_frame(struct arm_log *log, const struct arm_log_position *tail,
                              struct arm_log_position *at, struct arm_error *err)
{
    arm_status st = ARM_OK;

    *at = *tail;
    if (at->offset + log->frame.size > log->segment_bytes_max) {
        ARM_TRY(roll(log, at, err));
    }
    ARM_TRY(write_frame(log, at, err));
done:
    if (st != ARM_OK) {
        (void)mend(log, tail, NULL); /* or else it poisons the log */
    }
    return st;
}

/* Encode and place one frame; moves `*tail` behind it. */
static arm_status append(struct arm_log *log, struct arm_log_position *tail,
                         enum arm_frame_kind kind, const struct arm_record *records,
                         uint32_t record_count, struct arm_log_position *out_at,
                         struct arm_error *err)
{
    struct arm_frame_header header = {
        .kind = kind,
        .record_count = record_count,
        .first_tx = tail->next_tx,
        .previous = tail->previous,
    };
    struct arm_log_position at;
    struct arm_hash hash;
    arm_status st = ARM_OK;

    ARM_TRY(prepare(log, tail, err));
    header.durable_to = atomic_load(&log->page->durable_to);
    assert(header.durable_to < header.first_tx); /* P1, and prepare() */
    ARM_TRY(arm__frame_encode(&header, records, &log->frame, &hash, err));
    header.size_bytes = (uint32_t)log->frame.size;
    ARM_TRY(place_frame(log, tail, &at, err));
    *out_at = at;
    arm__position_pass(&at, &header, &hash);
    *tail = at;
done:
    arm__buf_clear(&log->frame);
    if (log->frame.capacity > FRAME_KEPT_BYTES) {
        arm__buf_release(&log->frame);
    }
    return st;
}

bool arm__log_ends_at(const struct arm_log *log, const struct arm_log_position *at)
{
    const struct arm_page *page = log->page;

    /* Who died after his frame was whole and before he said so left his intent (P3). */
    return !arm__page_is_private(log) && arm__page_state(page) == ARM_PAGE_GOOD &&
           atomic_load(&page->intent_end) == 0 && atomic_load(&page->written) == arm__page_pack(at);
}

/* Let the disk begin with the frame, unless it is busy with a sync: then the next sync is for
 * many frames, and this would only cost time under the commit lock. */
static void hasten(struct arm_log *log, const struct arm_log_position *at, uint64_t end)
{
    const struct arm_io *io = log->io;
    struct arm_segment_file *file = NULL;

    if (io->hasten == NULL || atomic_load(&log->page->syncing) != 0 ||
        arm__segment_files_take(&log->files, at->segment, false, &file, NULL) != ARM_OK) {
        return;
    }
    io->hasten(io->self, file->file, at->offset, end - at->offset);
    arm__segment_files_put(&log->files, file);
}

arm_status arm__log_append(struct arm_log *log, struct arm_log_position *tail,
                           const struct arm_record *records, uint32_t record_count,
                           struct arm_log_position *out_at, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(append(log, tail, ARM_FRAME_RECORDS, records, record_count, out_at, err));
    hasten(log, out_at, tail->offset);
done:
    return st;
}

arm_status arm__log_append_close(struct arm_log *log, struct arm_log_position *tail,
                                 struct arm_error *err)
{
    struct arm_log_position at;
    arm_status st = ARM_OK;

    ARM_TRY(append(log, tail, ARM_FRAME_CLOSE, NULL, 0, &at, err));
    arm__log_published(log, tail);
    ARM_TRY(arm__log_sync_tail(log, tail->segment, err));
done:
    return st;
}
