/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery, by the first opener: where does the log end, and may one go on from there?
 *
 *   scan   follow the chain from a position known good
 *   judge  what stands behind it: damage, or an unacknowledged tail (judge.c)
 *   cut    zero the tail, empty a segment begun behind it, sync what is kept
 *   page   made anew: appended = durable = tail
 *
 * V1  Nothing is written before the judgement, and nothing at all if it is damage or the log
 *     is read-only (the page apart, which is a hint and then says so).
 * V2  After a failed sync the kernel may show bytes that the disk never got, and never write
 *     them. The page remembers, in the same boot, a sync that failed (poisoned: what is not
 *     known durable is cut) and one of which nobody knows whether it did (unsure: a process
 *     was killed in it, or an earlier recovery failed; what is not known durable is kept, for
 *     it may be durable and acknowledged after all). Either way all bytes behind what is known
 *     durable are written again, seemingly the same or not, so that a sync means them.
 * V3  Cutting goes from the end to the front, and each step is synced before the next: a crash
 *     in between leaves an unacknowledged tail again, never a hole.
 * V4  The page of this boot says what was acknowledged before all processes died: a log that has
 *     lost it is damaged, whatever became of the index. */

#include "log/log_private.h"

#include <string.h>

#include "base/alloc.h"

enum { WINDOW_BYTES = 65536 };

/* `*out_end`: behind the last byte of the file from `offset` on that is not zero; `offset` if
 * all are. */
static arm_status find_end(const struct arm_io *io, struct arm_file *file, uint64_t offset,
                           uint64_t *out_end, struct arm_error *err)
{
    uint8_t *window = NULL;
    size_t got = WINDOW_BYTES;
    arm_status st = ARM_OK;

    *out_end = offset;
    ARM_TRY(arm__calloc(1, WINDOW_BYTES, &window, err));
    while (got == WINDOW_BYTES) {
        size_t last;

        ARM_TRY(io->read(io->self, file, offset, window, WINDOW_BYTES, &got, err));
        for (last = got; last > 0 && window[last - 1] == 0; last--) {
        }
        if (last > 0) {
            *out_end = offset + last;
        }
        offset += got;
    }
done:
    arm__free(window);
    return st;
}

/* What recovery works on. */
struct recovery {
    struct arm_log *log;
    struct arm_page_memory memory;
    struct arm_segment_list segments;
    struct arm_log_scan scan;
    struct arm_log_reach reach; /* what is kept */
    bool poisoned;              /* V2 */
    uint64_t cut_bytes;
};

/* What a sync said before means nothing (V2). */
static bool distrusts(const struct recovery *r)
{
    return r->poisoned || r->memory.unsure;
}

/* Empty an open segment. An empty one may be so in the kernel's view alone, so it gets a size
 * to lose. */
static arm_status empty_segment(struct recovery *r, struct arm_file *file, struct arm_error *err)
{
    const struct arm_io *io = r->log->io;
    uint64_t size = 0;
    arm_status st = ARM_OK;

    ARM_TRY(io->size(io->self, file, &size, err));
    if (size > 0 || distrusts(r)) {
        ARM_TRY(arm__segment_zero(io, file, 0, ARM_SEGMENT_HEADER_BYTES, err));
        ARM_TRY(io->truncate(io->self, file, 0, err));
        ARM_TRY(io->sync(io->self, file, err));
    }
done:
    return st;
}

/* Empty segment `number`, if it is there. */
static arm_status cut_segment(struct recovery *r, uint64_t number, bool *out_there,
                              struct arm_error *err)
{
    struct arm_segment_file *file = NULL;
    struct arm_error why;
    uint64_t end = 0;
    arm_status st = arm__segment_files_take(&r->log->files, number, false, &file, &why);

    *out_there = st == ARM_OK;
    if (st != ARM_OK) {
        return st == ARM_NOT_FOUND ? ARM_OK : arm__fail_again(err, &why);
    }
    ARM_TRY(find_end(r->log->io, file->file, ARM_SEGMENT_HEADER_BYTES, &end, err));
    r->cut_bytes += end - ARM_SEGMENT_HEADER_BYTES;
    if (!r->log->read_only) {
        ARM_TRY(empty_segment(r, file->file, err));
    }
done:
    arm__segment_files_put(&r->log->files, file);
    return st;
}

/* Empty what stands behind the tail's segment. */
static arm_status cut_segments(struct recovery *r, struct arm_error *err)
{
    const struct arm_segment_list *segments = &r->segments;
    uint64_t tail = r->reach.tail.segment;
    bool there = true;
    arm_status st = ARM_OK;

    for (size_t i = segments->count; i > 0 && segments->items[i - 1].number > tail; i--) { /* V3 */
        ARM_TRY(cut_segment(r, segments->items[i - 1].number, &there, err));
    }
    for (uint64_t number = tail + 1; there; number++) { /* the list knows no empty ones */
        ARM_TRY(cut_segment(r, number, &there, err));
    }
done:
    return st;
}

/* Write the bytes [from, to) once more as they are (V2). */
static arm_status rewrite(const struct arm_io *io, struct arm_file *file, uint64_t from,
                          uint64_t to, struct arm_error *err)
{
    uint8_t *window = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, WINDOW_BYTES, &window, err));
    while (from < to) {
        size_t piece = to - from < WINDOW_BYTES ? (size_t)(to - from) : WINDOW_BYTES;

        ARM_TRY(arm__io_read_exact(io, file, from, window, piece, err));
        ARM_TRY(io->write(io->self, file, from, window, piece, err));
        from += piece;
    }
done:
    arm__free(window);
    return st;
}

/* Make the tail's segment what it is to be: what is kept, then zeros (L6). Segments before it
 * were synced when rolled. */
static arm_status settle_tail(struct recovery *r, struct arm_file *file, uint64_t torn_end,
                              struct arm_error *err)
{
    const struct arm_io *io = r->log->io;
    const struct arm_log_position *tail = &r->reach.tail;
    const struct arm_log_position *durable = &r->scan.durable.tail;
    uint64_t size = 0;
    arm_status st = ARM_OK;

    ARM_TRY(io->size(io->self, file, &size, err));
    if (r->memory.unsure) {
        ARM_TRY(
            rewrite(io, file,
                    durable->segment == tail->segment ? durable->offset : ARM_SEGMENT_HEADER_BYTES,
                    tail->offset, err));
    }
    ARM_TRY(arm__segment_zero(io, file, tail->offset, distrusts(r) ? size : torn_end, err));
    ARM_TRY(io->sync(io->self, file, err));
done:
    return st;
}

/* The tail's segment is synced in any case: what is kept may never have been. */
static arm_status cut_tail(struct recovery *r, struct arm_error *err)
{
    const struct arm_log_position *tail = &r->reach.tail;
    struct arm_segment_file *file = NULL;
    uint64_t end = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__segment_files_take(&r->log->files, tail->segment, false, &file, err));
    ARM_TRY(find_end(r->log->io, file->file, tail->offset, &end, err));
    r->cut_bytes += end - tail->offset;
    if (!r->log->read_only) {
        ARM_TRY(settle_tail(r, file->file, end, err));
    }
done:
    arm__segment_files_put(&r->log->files, file);
    return st;
}

static arm_status cut(struct recovery *r, struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(cut_segments(r, err));
    ARM_TRY(cut_tail(r, err));
done:
    return st;
}

/* The page while the cut is under way: if that fails, or we die, the next recovery is warned
 * (V2). What an earlier page called durable still is; without one, all that was read came from
 * the disk. */
static struct arm_page_start unfinished(const struct recovery *r)
{
    struct arm_page_start start = {
        .tail = r->reach.tail,
        .durable_to = r->reach.tail.next_tx - 1,
        .state = r->poisoned ? ARM_PAGE_POISONED : ARM_PAGE_UNKNOWN,
        .unsure = true,
        .vouched = r->memory.vouched,
    };

    if (r->memory.there && r->memory.durable_to < start.durable_to) {
        start.durable_to = r->memory.durable_to;
    }
    return start;
}

static void fill(struct arm_log_recovery *out, const struct recovery *r,
                 const struct arm_buf *problem)
{
    size_t size = problem->size < sizeof out->problem ? problem->size : sizeof out->problem - 1;

    *out = (struct arm_log_recovery){
        .tail = r->reach.tail,
        .frame_count = r->reach.frame_count,
        .cut_bytes = r->cut_bytes,
        .damaged = problem->size > 0,
        .clean_close = r->reach.clean_close,
    };
    if (size > 0) {
        memcpy(out->problem, problem->data, size);
    }
}

/* Scan and judge. Afterwards `problem` is empty or says what is damaged. */
static arm_status examine(struct recovery *r, const struct arm_log_position *from,
                          uint64_t known_durable, struct arm_buf *problem, struct arm_error *err)
{
    uint64_t durable_to = r->memory.durable_to;
    arm_status st = ARM_OK;

    ARM_TRY(arm__segment_list_read(r->log->io, r->log->directory, &r->segments, err));
    ARM_TRY(arm__log_scan(r->log, from, durable_to, &r->scan, err));
    r->reach = r->scan.whole;
    /* Frames or an index that know more than the page: it is an old one, come back by a
     * restored copy or a new mount. */
    if (r->memory.state == ARM_PAGE_POISONED && durable_to >= r->scan.durable_seen &&
        durable_to >= known_durable && durable_to + 1 >= from->next_tx) {
        r->poisoned = true; /* V2 */
        r->reach = r->scan.durable;
        known_durable = durable_to;
    }
    known_durable = known_durable > r->memory.vouched ? known_durable : r->memory.vouched; /* V4 */
    ARM_TRY(arm__log_judge(r->log, &r->segments, &r->scan, known_durable, problem, err));
done:
    return st;
}

arm_status arm__log_recover(struct arm_log *log, const struct arm_log_position *from,
                            uint64_t known_durable, struct arm_log_recovery *out,
                            struct arm_error *err)
{
    struct recovery r = {.log = log, .memory = arm__page_remember(log)};
    struct arm_buf problem = ARM_BUF_INIT(4096);
    struct arm_page_start start = {.state = ARM_PAGE_GOOD};
    arm_status st = ARM_OK;

    log->page = log->own; /* until the page is made: a failed recovery lets nothing be appended */
    ARM_TRY(examine(&r, from, known_durable, &problem, err));
    if (problem.size > 0) {
        start.state = ARM_PAGE_DAMAGED; /* V1 */
        start.vouched = r.memory.vouched;
    } else {
        start = unfinished(&r);
        ARM_TRY(arm__page_prepare(log, &start, err));
        ARM_TRY(cut(&r, err));
        start.state = ARM_PAGE_GOOD;
        start.vouched = 0;
    }
    start.tail = r.reach.tail;
    start.durable_to = r.reach.tail.next_tx - 1;
    start.unsure = false;
    ARM_TRY(arm__page_make(log, &start, err));
    fill(out, &r, &problem);
done:
    arm__buf_release(&problem);
    arm__segment_list_release(&r.segments);
    return st;
}
