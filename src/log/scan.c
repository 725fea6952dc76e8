/* SPDX-License-Identifier: Apache-2.0 */
/* Following the chain of frames from a position known good to where it ends. */

#include "log/log_private.h"

/* Judge what stands at `at`; a segment that is not there holds nothing. */
static arm_status look(struct arm_log *log, const struct arm_log_position *at,
                       struct arm_buf *frame, struct arm_frame_found *found, struct arm_error *err)
{
    struct arm_segment_file *file = NULL;
    arm_status st = arm__segment_files_take(&log->files, at->segment, false, &file, &found->why);

    if (st == ARM_NOT_FOUND) {
        found->verdict = ARM_FRAME_NONE;
        return ARM_OK;
    }
    if (st != ARM_OK) {
        return arm__fail_again(err, &found->why);
    }
    st = arm__frame_judge(log->io, file->file, at, frame, found, err);
    arm__segment_files_put(&log->files, file);
    return st;
}

/* A close frame holds no tx; it is durable at the latest when the next tx is. */
static uint64_t last_tx_of(const struct arm_frame_header *header)
{
    return header->record_count == 0 ? header->first_tx
                                     : header->first_tx + header->record_count - 1;
}

/* Count the good frame that `here` has just passed. */
static void reach_it(struct arm_log_scan *scan, const struct arm_log_position *here)
{
    const struct arm_frame_header *header = &scan->found.header;

    scan->whole.tail = *here;
    scan->whole.frame_count++;
    scan->whole.clean_close = header->kind == ARM_FRAME_CLOSE;
    if (header->durable_to > scan->durable_seen) {
        scan->durable_seen = header->durable_to;
    }
    if (last_tx_of(header) <= scan->durable_to) {
        scan->durable = scan->whole;
    }
}

arm_status arm__log_scan(struct arm_log *log, const struct arm_log_position *from,
                         uint64_t durable_to, struct arm_log_scan *out, struct arm_error *err)
{
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_log_position here = *from;
    bool goes_on = true;
    arm_status st = ARM_OK;

    *out = (struct arm_log_scan){.durable_to = durable_to};
    out->whole.tail = *from;
    out->durable.tail = *from;
    while (goes_on) {
        ARM_TRY(look(log, &here, &frame, &out->found, err));
        if (out->found.verdict == ARM_FRAME_GOOD) {
            arm__position_pass(&here, &out->found.header, &out->found.hash);
            reach_it(out, &here);
        } else {
            out->stopped = here;
            ARM_TRY(arm__position_cross(log, &here, &here, &goes_on, err));
        }
    }
done:
    arm__buf_release(&frame);
    return st;
}
