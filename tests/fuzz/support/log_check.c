/* SPDX-License-Identifier: Apache-2.0 */
#include "support/log_check.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fuzz.h"

const struct arm_id log_check_id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

void log_check_header(uint64_t number, uint64_t first_tx, const struct arm_hash *previous,
                      uint8_t out[ARM_SEGMENT_HEADER_BYTES], struct arm_hash *out_hash)
{
    struct arm_segment_header header = {
        .repository = log_check_id, .number = number, .first_tx = first_tx, .previous = *previous};

    arm__segment_encode(&header, out, out_hash);
}

static void segment_path(uint64_t number, char path[64])
{
    (void)snprintf(path, 64, LOG_CHECK_ROOT "/log/%016llx.seg", (unsigned long long)number);
}

void log_check_put_segment(struct memory_io *memory, uint64_t number, struct arm_bytes bytes)
{
    char path[64];

    segment_path(number, path);
    (void)memory_io_put(memory, path, bytes);
}

/* The bytes of all segments, hashed. */
static struct arm_hash all_segments(const struct memory_io *memory)
{
    struct arm_hasher hasher;

    arm__hasher_init(&hasher);
    for (size_t i = 0; i < memory->count; i++) {
        if (strstr(memory->files[i].path, ".seg") != NULL) {
            arm__hasher_update(&hasher, &memory->files[i].size, sizeof memory->files[i].size);
            if (memory->files[i].size > 0) {
                arm__hasher_update(&hasher, memory->files[i].data, memory->files[i].size);
            }
        }
    }
    return arm__hasher_finish(&hasher);
}

static bool open_log(struct memory_io *memory, bool read_only, struct arm_log **out)
{
    struct arm_log_options options = {.read_only = read_only};
    struct arm_error err;
    arm_status st;

    FUZZ_FILL(err);
    st = arm__log_open(&memory->io, LOG_CHECK_ROOT, &log_check_id, &options, out, &err);
    if (st == ARM_OK) {
        (*out)->segment_bytes_max = MEMORY_FILE_BYTES_MAX;
    }
    return fuzz_judged(st, ARM_CORRUPT, ARM_NEWER_FORMAT, &err);
}

/* False: a segment of a later format is in it. */
static bool recover(struct arm_log *log, uint64_t known_durable, struct arm_log_recovery *out)
{
    struct arm_log_position start = arm__log_start(log);
    struct arm_error err;

    FUZZ_FILL(*out);
    FUZZ_FILL(err);
    if (!fuzz_judged(arm__log_recover(log, &start, known_durable, out, &err), ARM_NEWER_FORMAT,
                     ARM_NEWER_FORMAT, &err)) {
        assert(FUZZ_UNTOUCHED(*out));
        return false;
    }
    assert(memchr(out->problem, 0, sizeof out->problem) != NULL);
    assert(out->damaged == (out->problem[0] != '\0'));
    assert(out->tail.next_tx >= start.next_tx);
    return true;
}

static bool same_position(const struct arm_log_position *a, const struct arm_log_position *b)
{
    return a->segment == b->segment && a->offset == b->offset && a->next_tx == b->next_tx &&
           arm__hash_equal(&a->previous, &b->previous);
}

/* Read all frames: they end at `tail`, after so many. */
static void read_all(struct arm_log *log, const struct log_check *check,
                     const struct arm_log_position *tail, uint64_t frame_count)
{
    struct arm_log_position at = arm__log_start(log);
    struct arm_buf frame = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    struct arm_frame_header header;
    bool found = true;

    for (uint64_t i = 0; i < frame_count; i++) {
        assert(arm__log_read(log, &at, &frame, &header, &found, NULL) == ARM_OK);
        assert(found);
        for (uint32_t n = 0; n < header.record_count && check->see != NULL; n++) {
            struct arm_record record = arm__frame_record(arm__buf_bytes(&frame), n);

            check->see(check->context, header.first_tx + n, &record);
        }
    }
    assert(same_position(&at, tail));
    arm__buf_release(&frame);
}

/* L6, in the tail's segment. */
static void check_zeros(struct memory_io *memory, const struct arm_log_position *tail)
{
    char path[64];
    const struct memory_file *file;

    segment_path(tail->segment, path);
    file = memory_io_find(memory, path);
    assert(file != NULL);
    for (size_t i = (size_t)tail->offset; i < file->size; i++) {
        assert(file->data[i] == 0);
    }
}

static arm_status append(struct arm_log *log, struct arm_log_position *tail)
{
    struct arm_record record = {arm__bytes("after", 5), arm__bytes("wards", 5)};
    struct arm_log_position at;

    return arm__log_append(log, tail, &record, 1, &at, NULL);
}

/* A log that was recovered goes on. */
static void check_goes_on(struct memory_io *memory, struct arm_log *log,
                          const struct log_check *check)
{
    struct arm_log_position tail = check->found.tail;
    struct arm_log_recovery again;

    check_zeros(memory, &tail);
    assert(arm__log_durable_to(log) == tail.next_tx - 1);
    assert(arm__log_appended_to(log) == tail.next_tx - 1);
    assert(!arm__log_poisoned(log));
    assert(recover(log, check->is_poisoned ? 0 : check->known_durable, &again));
    assert(!again.damaged);
    assert(again.cut_bytes == 0);
    assert(again.frame_count == check->found.frame_count);
    assert(same_position(&again.tail, &tail));
    read_all(log, check, &tail, check->found.frame_count);
    if (append(log, &tail) == ARM_OK) { /* a forged tx id may be the last there is */
        arm__log_published(log, &tail);
        assert(arm__log_wait_durable(log, tail.next_tx - 1, NULL) == ARM_OK);
        assert(recover(log, tail.next_tx - 1, &again));
        assert(!again.damaged);
        assert(again.frame_count == check->found.frame_count + 1);
        assert(same_position(&again.tail, &tail));
    }
}

static void check_damaged(struct arm_log *log, const struct log_check *check)
{
    struct arm_log_position tail = check->found.tail;

    assert(append(log, &tail) == ARM_CORRUPT);
    read_all(log, check, &check->found.tail, check->found.frame_count);
}

/* Recovery for reading writes nothing, and judges as the other. */
static bool look_only(struct memory_io *memory, const struct log_check *check,
                      struct arm_log_recovery *out)
{
    struct arm_hash before = all_segments(memory);
    struct arm_hash after;
    struct arm_log *log = NULL;
    bool good = open_log(memory, true, &log) && recover(log, check->known_durable, out);

    if (good) {
        read_all(log, check, &out->tail, out->frame_count);
    }
    arm__log_close(log);
    after = all_segments(memory);
    assert(arm__hash_equal(&before, &after));
    return good;
}

bool log_check_recover(struct memory_io *memory, struct log_check *check)
{
    struct arm_log_recovery seen;
    struct arm_hash before;
    struct arm_hash after;
    struct arm_log *log = NULL;

    if (!look_only(memory, check, &seen)) {
        return false;
    }
    before = all_segments(memory);
    assert(open_log(memory, false, &log));
    assert(recover(log, check->known_durable, &check->found));
    assert(check->found.damaged == seen.damaged);
    assert(check->found.frame_count == seen.frame_count);
    assert(same_position(&check->found.tail, &seen.tail));
    if (check->found.damaged) {
        after = all_segments(memory);
        assert(arm__hash_equal(&before, &after)); /* V1 */
        check_damaged(log, check);
    } else {
        assert(check->is_poisoned || check->found.tail.next_tx > check->known_durable);
        check_goes_on(memory, log, check);
    }
    arm__log_close(log);
    return true;
}
