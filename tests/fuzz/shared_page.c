/* SPDX-License-Identifier: Apache-2.0 */
/* The shared page (log/page.c) that lies there when the first one opens the log: a hint,
 * whatever it says. Recovery judges the log as without it, but that a page of this boot which
 * tells of a failed sync may let it keep less; and never less than what is known durable. The
 * input is what is known to be durable, flags (1: the page is of this boot and version), and the
 * page's fields. */

#include <stdio.h>
#include <stdlib.h>

#include "support/fuzz.h"
#include "support/log_check.h"

enum { FRAMES = 4 };

/* A log of some frames, each of which knows the one before it durable. */
static void put_log(struct memory_io *memory)
{
    static const struct arm_hash none = {{0}};
    struct arm_record record = {arm__bytes("spine", 5), arm__bytes("payload", 7)};
    struct arm_buf segment = ARM_BUF_INIT(1 << 20);
    uint8_t bytes[ARM_SEGMENT_HEADER_BYTES];
    struct arm_hash hash;

    log_check_header(0, 1, &none, bytes, &hash);
    assert(arm__buf_append(&segment, bytes, sizeof bytes, NULL) == ARM_OK);
    for (uint64_t tx = 1; tx <= FRAMES; tx++) {
        struct arm_frame_header header = {.kind = ARM_FRAME_RECORDS,
                                          .record_count = 1,
                                          .first_tx = tx,
                                          .durable_to = tx < 2 ? 0 : tx - 2,
                                          .previous = hash};

        assert(arm__frame_encode(&header, &record, &segment, &hash, NULL) == ARM_OK);
    }
    log_check_put_segment(memory, 0, arm__buf_bytes(&segment));
    arm__buf_release(&segment);
}

/* What a process of this boot would have written over the first fields. */
static void make_believable(struct memory_io *memory, struct arm_page *page)
{
    struct arm_log_options options = {.read_only = false};
    struct arm_log_recovery found;
    struct arm_log_position start;
    struct arm_log *log = NULL;

    assert(arm__log_open(&memory->io, LOG_CHECK_ROOT, &log_check_id, &options, &log, NULL) ==
           ARM_OK);
    start = arm__log_start(log);
    assert(arm__log_recover(log, &start, 0, &found, NULL) == ARM_OK);
    page->version = log->page->version;
    page->device = log->page->device;
    page->inode = log->page->inode;
    memcpy(page->boot_id, log->page->boot_id, sizeof page->boot_id);
    atomic_store(&page->magic, atomic_load(&log->page->magic));
    arm__log_close(log);
}

/* Who only looks: numbers, whatever they are. */
static void look(struct memory_io *memory)
{
    struct arm_log_options options = {.read_only = true};
    struct arm_log *log = NULL;

    assert(arm__log_open(&memory->io, LOG_CHECK_ROOT, &log_check_id, &options, &log, NULL) ==
           ARM_OK);
    (void)arm__log_durable_to(log);
    (void)arm__log_appended_to(log);
    (void)arm__log_poisoned(log);
    arm__log_tail_wait(log, 0, 0, NULL);
    arm__log_close(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory_io memory;
    struct fuzz_input in = {data, size};
    struct log_check check = {.known_durable = fuzz_take_u8(&in) % (FRAMES + 1)};
    bool believable = fuzz_take_u8(&in) % 2 == 1;
    size_t page_size = believable ? ARM_PAGE_BYTES : in.size % (2 * ARM_PAGE_BYTES);
    uint8_t *bytes = calloc(1, sizeof(struct arm_page) + (size_t)(2 * ARM_PAGE_BYTES));
    struct arm_page *page = (struct arm_page *)(void *)bytes;

    assert(bytes != NULL);
    memcpy(bytes, in.data, in.size < page_size ? in.size : page_size);
    memory_io_init(&memory);
    put_log(&memory);
    if (believable) {
        make_believable(&memory, page);
        check.is_poisoned = arm__page_state(page) == ARM_PAGE_POISONED;
    }
    (void)memory_io_put(&memory, LOG_CHECK_ROOT "/log/shared", arm__bytes(bytes, page_size));
    look(&memory);
    assert(log_check_recover(&memory, &check));
    assert(check.found.frame_count == FRAMES || check.is_poisoned);
    assert(check.found.frame_count <= FRAMES);
    assert(check.found.frame_count >= check.known_durable || check.found.damaged);
    memory_io_release(&memory);
    free(bytes);
    return 0;
}
