/* SPDX-License-Identifier: Apache-2.0 */
/* Damage, or a tail that nobody was promised?
 *
 * The chain has been followed to where it ends. Something behind that is damage iff a tx that
 * was durable is missing: one that the index or the page knows of, or one at or below the
 * durable_to that a later valid frame carries, wherever it stands. Every frame says what was
 * durable when it was appended, so an intact frame behind a missing one of the same crash
 * (two unsynced epochs) proves nothing, and one of a later epoch does.
 *
 * Whole segment headers prove more, for a segment is begun only when all before it is synced,
 * and holds frames only when its own header is. */

#include <string.h>

#include "base/alloc.h"
#include "log/log_private.h"

enum { WINDOW_BYTES = 65536, MAGIC_BYTES = 4 };

/* What the search for proof looks at and finds. */
struct search {
    const struct arm_io *io;
    uint64_t missing_tx; /* the first that the chain lacks */
    uint8_t *window;
    struct arm_buf frame;
    bool found;
    uint64_t offset;
    uint64_t durable_to;
};

/* If a valid frame stands at `offset` and knows the missing tx durable, note it. */
static arm_status try_frame(struct search *search, struct arm_file *file, uint64_t offset,
                            struct arm_error *err)
{
    uint8_t bytes[ARM_FRAME_HEADER_BYTES];
    struct arm_log_position at = {.offset = offset};
    struct arm_frame_header header;
    struct arm_frame_found found;
    size_t got = 0;
    arm_status st = ARM_OK;

    ARM_TRY(search->io->read(search->io->self, file, offset, bytes, sizeof bytes, &got, err));
    if (arm__frame_decode_header(arm__bytes(bytes, got), &header, NULL) != ARM_OK ||
        header.durable_to < search->missing_tx) {
        goto done; /* whole or not, it proves nothing */
    }
    ARM_TRY(arm__frame_judge(search->io, file, &at, &search->frame, &found, err));
    if (found.verdict == ARM_FRAME_STRANGE || found.verdict == ARM_FRAME_GOOD) {
        search->found = true;
        search->offset = offset;
        search->durable_to = header.durable_to;
    }
done:
    return st;
}

/* Search a file from `offset` to its end, at every byte: after damage nothing says where the
 * next frame starts. */
static arm_status search_file(struct search *search, struct arm_file *file, uint64_t offset,
                              struct arm_error *err)
{
    size_t got = WINDOW_BYTES;
    arm_status st = ARM_OK;

    while (got == WINDOW_BYTES && !search->found) {
        const uint8_t *at = search->window;
        const uint8_t *end;

        ARM_TRY(search->io->read(search->io->self, file, offset, search->window, WINDOW_BYTES, &got,
                                 err));
        end = search->window + got;
        while (!search->found && (at = memmem(at, (size_t)(end - at), "ARMF", MAGIC_BYTES))) {
            ARM_TRY(try_frame(search, file, offset + (uint64_t)(at - search->window), err));
            at++;
        }
        offset += WINDOW_BYTES - (MAGIC_BYTES - 1);
    }
done:
    return st;
}

static arm_status say_frame(const struct arm_log_scan *scan, struct arm_buf *problem,
                            struct arm_error *err)
{
    const struct arm_frame_found *found = &scan->found;

    return arm__buf_printf(
        problem, err, "log segment %llu, byte %llu: %s", (unsigned long long)scan->stopped.segment,
        (unsigned long long)scan->stopped.offset,
        found->verdict == ARM_FRAME_NONE ? "a frame is missing" : found->why.message);
}

/* Look behind the chain for a frame that knows more. */
static arm_status judge_frames(struct arm_log *log, const struct arm_segment_list *segments,
                               const struct arm_log_scan *scan, struct arm_buf *problem,
                               struct arm_error *err)
{
    const struct arm_log_position *tail = &scan->whole.tail;
    struct search search = {
        .io = log->io, .missing_tx = tail->next_tx, .frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX)};
    struct arm_segment_file *file = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, WINDOW_BYTES, &search.window, err));
    for (size_t i = 0; i < segments->count && !search.found; i++) {
        uint64_t number = segments->items[i].number;

        if (number < tail->segment) {
            continue;
        }
        ARM_TRY(arm__segment_files_take(&log->files, number, false, &file, err));
        ARM_TRY(search_file(&search, file->file, number == tail->segment ? tail->offset : 0, err));
        arm__segment_files_put(&log->files, file);
        file = NULL;
        if (search.found) {
            ARM_TRY(say_frame(scan, problem, err));
            ARM_TRY(arm__buf_printf(problem, err,
                                    ", though the frame at byte %llu of segment %llu knows tx "
                                    "%llu durable",
                                    (unsigned long long)search.offset, (unsigned long long)number,
                                    (unsigned long long)search.durable_to));
        }
    }
done:
    arm__segment_files_put(&log->files, file);
    arm__buf_release(&search.frame);
    arm__free(search.window);
    return st;
}

/* Every number up to the last, and the one the chain ends in. */
static arm_status judge_numbers(const struct arm_segment_list *segments,
                                const struct arm_log_position *tail, struct arm_buf *problem,
                                struct arm_error *err)
{
    uint64_t missing = 0;

    while (missing < segments->count && segments->items[missing].number == missing) {
        missing++;
    }
    if (missing == segments->count && missing > tail->segment) {
        if (segments->items[tail->segment].size_bytes >= tail->offset) {
            return ARM_OK;
        }
        return arm__buf_printf(problem, err, "log segment %llu ends before byte %llu",
                               (unsigned long long)tail->segment, (unsigned long long)tail->offset);
    }
    return arm__buf_printf(problem, err, "log segment %llu is missing",
                           (unsigned long long)missing);
}

/* A segment whose header is bad was never finished, unless a frame stands in it. */
static arm_status judge_headless(struct arm_log *log, struct arm_file *file, uint64_t number,
                                 const char *why, struct arm_buf *problem, struct arm_error *err)
{
    struct arm_log_position at = {.segment = number, .offset = ARM_SEGMENT_HEADER_BYTES};
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_frame_found found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__frame_judge(log->io, file, &at, &frame, &found, err));
    if (found.verdict == ARM_FRAME_GOOD || found.verdict == ARM_FRAME_STRANGE) {
        ARM_TRY(arm__buf_printf(problem, err, "log segment %llu: %s, though frames follow",
                                (unsigned long long)number, why));
    }
done:
    arm__buf_release(&frame);
    return st;
}

/* A whole header must be the one that belongs here. */
static arm_status judge_header(struct arm_log *log, const struct arm_segment_header *header,
                               uint64_t number, const struct arm_log_position *tail,
                               struct arm_buf *problem, struct arm_error *err)
{
    if (!arm__id_equal(&header->repository, &log->repository)) {
        return arm__buf_printf(problem, err, "log segment %llu belongs to another repository",
                               (unsigned long long)number);
    }
    if (header->number != number) {
        return arm__buf_printf(problem, err, "log segment %llu is really segment %llu",
                               (unsigned long long)number, (unsigned long long)header->number);
    }
    if (header->first_tx != tail->next_tx || !arm__hash_equal(&header->previous, &tail->previous)) {
        return arm__buf_printf(problem, err,
                               "log segment %llu starts at tx %llu, but the log before it breaks "
                               "off at byte %llu of segment %llu, before tx %llu",
                               (unsigned long long)number, (unsigned long long)header->first_tx,
                               (unsigned long long)tail->offset, (unsigned long long)tail->segment,
                               (unsigned long long)tail->next_tx);
    }
    return ARM_OK;
}

/* The segment after the one the chain ends in, and that there is no other. */
static arm_status judge_next(struct arm_log *log, const struct arm_segment_list *segments,
                             const struct arm_log_position *tail, struct arm_buf *problem,
                             struct arm_error *err)
{
    uint64_t number = tail->segment + 1;
    struct arm_segment_file *file = NULL;
    struct arm_segment_header header;
    struct arm_hash hash;
    struct arm_error why;
    arm_status st = ARM_OK;

    if (segments->count <= number) {
        return ARM_OK;
    }
    ARM_TRY(arm__segment_files_take(&log->files, number, false, &file, err));
    st = arm__segment_read_header(log->io, file->file, &header, &hash, &why);
    if (st == ARM_CORRUPT) {
        ARM_TRY(judge_headless(log, file->file, number, why.message, problem, err));
    } else if (st == ARM_OK) {
        ARM_TRY(judge_header(log, &header, number, tail, problem, err));
    } else {
        st = arm__fail_again(err, &why);
        goto done;
    }
    if (problem->size == 0 && segments->count > number + 1) {
        ARM_TRY(arm__buf_printf(problem, err,
                                "the log breaks off at byte %llu of segment %llu, though segment "
                                "%llu was begun",
                                (unsigned long long)tail->offset, (unsigned long long)tail->segment,
                                (unsigned long long)number + 1));
    }
done:
    arm__segment_files_put(&log->files, file);
    return st;
}

arm_status arm__log_judge(struct arm_log *log, const struct arm_segment_list *segments,
                          const struct arm_log_scan *scan, uint64_t known_durable,
                          struct arm_buf *problem, struct arm_error *err)
{
    const struct arm_log_position *tail = &scan->whole.tail;
    arm_status st = ARM_OK;

    ARM_TRY(judge_numbers(segments, tail, problem, err));
    if (problem->size == 0 && scan->found.verdict == ARM_FRAME_STRANGE) {
        ARM_TRY(say_frame(scan, problem, err));
    }
    if (problem->size == 0) {
        ARM_TRY(judge_next(log, segments, tail, problem, err));
    }
    if (problem->size == 0 && known_durable >= tail->next_tx) {
        ARM_TRY(say_frame(scan, problem, err));
        ARM_TRY(arm__buf_printf(problem, err, ", though tx %llu was durable",
                                (unsigned long long)known_durable));
        if (scan->found.verdict == ARM_FRAME_NONE && segments->count == tail->segment + 1) {
            ARM_TRY(arm__buf_printf(problem, err, ", nor is there a segment %llu",
                                    (unsigned long long)segments->count));
        }
    }
    if (problem->size == 0) {
        ARM_TRY(judge_frames(log, segments, scan, problem, err));
    }
done:
    return st;
}
