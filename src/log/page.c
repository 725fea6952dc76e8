/* SPDX-License-Identifier: Apache-2.0 */
/* The shared page: log/shared, where the processes that have a log open tell each other how
 * far it is appended and durable. Its fields and invariants stand in log_private.h.
 *
 * The page is a hint that lives no longer than the machine runs: a page of another boot is
 * as good as none, and the first opener makes it anew after recovery. It is synced then, so
 * that no older one (poisoned, perhaps) comes back if the file system is mounted anew in the
 * same boot; it is never synced otherwise.
 *
 * A handle that cannot use the file, or may not write, uses a private page: all zero until
 * recovery, brought up to date from the file when it is looked at. */

#include "log/log_private.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

#define PAGE_MAGIC 0x31454741504D5241u /* "ARMPAGE1" */
/* The size tells a page of a host with another mutex. */
#define PAGE_VERSION ((uint64_t)sizeof(struct arm_page) << 32 | 2u)

uint64_t arm__page_pack(const struct arm_log_position *at)
{
    assert(at->segment <= UINT32_MAX);
    assert(at->offset <= UINT32_MAX);
    return at->segment << 32 | at->offset;
}

void arm__page_raise(_Atomic uint64_t *field, uint64_t value)
{
    uint64_t seen = atomic_load(field);

    while (seen < value && !atomic_compare_exchange_weak(field, &seen, value)) {
    }
}

/* Of this boot, and of the very file: a copy says nothing. */
static bool usable(const struct arm_page *page, const uint8_t boot_id[ARM_ID_BYTES],
                   const struct arm_identity *file)
{
    return page != NULL && atomic_load(&page->magic) == PAGE_MAGIC &&
           page->version == PAGE_VERSION && memcmp(page->boot_id, boot_id, ARM_ID_BYTES) == 0 &&
           page->device == file->device && page->inode == file->inode;
}

static arm_status write_zeros(const struct arm_io *io, struct arm_file *file, struct arm_error *err)
{
    static const uint8_t zeros[ARM_PAGE_BYTES];

    return io->write(io->self, file, 0, zeros, sizeof zeros, err);
}

arm_status arm__page_create(const struct arm_io *io, const char *path, struct arm_error *err)
{
    struct arm_file *file = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(io->open(io->self, path, ARM_OPEN_WRITE | ARM_OPEN_CREATE, &file, err));
    ARM_TRY(write_zeros(io, file, err));
    ARM_TRY(io->sync(io->self, file, err));
done:
    if (file != NULL) {
        io->close(io->self, file);
    }
    return st;
}

/* Open the file, to write if possible; a read-only log contents itself with less. */
static arm_status open_file(const struct arm_log *log, struct arm_file **out, bool *out_writable,
                            struct arm_error *err)
{
    const struct arm_io *io = log->io;
    struct arm_error why;
    arm_status st = io->open(io->self, log->page_path, ARM_OPEN_WRITE, out, &why);

    *out_writable = st == ARM_OK;
    if (st != ARM_OK && st != ARM_NOT_FOUND && log->read_only) {
        st = io->open(io->self, log->page_path, ARM_OPEN_READ, out, &why);
    }
    return st == ARM_OK || st == ARM_NOT_FOUND ? ARM_OK : arm__fail_again(err, &why);
}

static arm_status map_file(struct arm_log *log, struct arm_error *err)
{
    const struct arm_io *io = log->io;
    void *memory = NULL;
    uint64_t size = 0;
    arm_status st = ARM_OK;

    ARM_TRY(io->size(io->self, log->page_file, &size, err));
    if (size >= ARM_PAGE_BYTES) { /* a shorter one would fault when touched */
        ARM_TRY(io->map(io->self, log->page_file, ARM_PAGE_BYTES, &memory, err));
        log->mapped = memory;
    }
done:
    return st;
}

arm_status arm__page_open(struct arm_log *log, struct arm_error *err)
{
    bool writable = false;
    struct arm_id boot;
    arm_status st = ARM_OK;

    if (log->io->boot_id(log->io->self, &boot)) {
        memcpy(log->boot_id, boot.bytes, ARM_ID_BYTES);
    }
    ARM_TRY(arm__calloc(1, sizeof *log->own, &log->own, err));
    log->page = log->own;
    ARM_TRY(open_file(log, &log->page_file, &writable, err));
    if (writable) {
        ARM_TRY(map_file(log, err));
    }
    if (log->page_file != NULL) {
        ARM_TRY(arm__io_identify(log->io, log->page_path, &log->page_identity, err));
    }
    if (usable(log->mapped, log->boot_id, &log->page_identity)) {
        log->page = log->mapped;
    }
done:
    return st;
}

void arm__page_close(struct arm_log *log)
{
    const struct arm_io *io = log->io;

    if (log->mapped != NULL) {
        io->unmap(io->self, log->mapped, ARM_PAGE_BYTES);
    }
    if (log->page_file != NULL) {
        io->close(io->self, log->page_file);
    }
    arm__free(log->own);
    log->mapped = NULL;
    log->page_file = NULL;
    log->own = NULL;
    log->page = NULL;
}

/* A copy of the page as it stands in the file; false if it is not one of this boot. */
static bool read_page(const struct arm_log *log, struct arm_page *out)
{
    const struct arm_io *io = log->io;
    struct arm_file *file = log->page_file;
    struct arm_identity identity = log->page_identity;
    bool writable = false;
    size_t got = 0;
    arm_status st = ARM_OK;

    memset(out, 0, sizeof *out);
    if (file == NULL) { /* it may have been made since */
        ARM_TRY(open_file(log, &file, &writable, NULL));
        ARM_TRY(arm__io_identify(io, log->page_path, &identity, NULL));
    }
    if (file != NULL) {
        ARM_TRY(io->read(io->self, file, 0, out, sizeof *out, &got, NULL));
    }
done:
    if (file != NULL && log->page_file == NULL) {
        io->close(io->self, file);
    }
    return st == ARM_OK && got == sizeof *out && usable(out, log->boot_id, &identity);
}

struct arm_page_memory arm__page_remember(const struct arm_log *log)
{
    static const uint8_t no_boot_id[ARM_ID_BYTES];
    struct arm_page_memory memory = {.state = ARM_PAGE_UNKNOWN};
    struct arm_page page;

    /* Without a boot id one cannot say that nothing was lost since. */
    if (memcmp(log->boot_id, no_boot_id, ARM_ID_BYTES) != 0 && read_page(log, &page)) {
        memory.there = true;
        memory.unsure = atomic_load(&page.syncing) != 0;
        memory.state = arm__page_state(&page);
        memory.durable_to = atomic_load(&page.durable_to);
        memory.vouched = memory.state == ARM_PAGE_GOOD && memory.durable_to > page.vouched
                             ? memory.durable_to
                             : page.vouched;
    }
    return memory;
}

/* Take the room for the page's bytes as they are: the file may have a hole there (a copy made
 * sparse), and touching it through the map on a full disk would end the process by a signal. */
static arm_status hold_room(struct arm_log *log, struct arm_error *err)
{
    const struct arm_io *io = log->io;
    uint8_t bytes[ARM_PAGE_BYTES];
    arm_status st = ARM_OK;

    ARM_TRY(arm__io_read_exact(io, log->page_file, 0, bytes, sizeof bytes, err));
    ARM_TRY(io->write(io->self, log->page_file, 0, bytes, sizeof bytes, err));
done:
    return st;
}

/* The file is there, whole and mapped. */
static arm_status ensure_mapped(struct arm_log *log, struct arm_error *err)
{
    const struct arm_io *io = log->io;
    arm_status st = ARM_OK;

    if (log->page_file == NULL) {
        ARM_TRY(io->open(io->self, log->page_path, ARM_OPEN_WRITE | ARM_OPEN_CREATE,
                         &log->page_file, err));
        ARM_TRY(arm__io_identify(io, log->page_path, &log->page_identity, err));
    }
    if (log->mapped == NULL) {
        ARM_TRY(write_zeros(io, log->page_file, err));
        ARM_TRY(map_file(log, err));
    } else {
        ARM_TRY(hold_room(log, err));
    }
done:
    return st;
}

static void fill(struct arm_page *page, const struct arm_log *log,
                 const struct arm_page_start *start)
{
    assert(start->durable_to < start->tail.next_tx); /* P1 */
    atomic_store(&page->magic, 0);
    page->version = PAGE_VERSION;
    memcpy(page->boot_id, log->boot_id, ARM_ID_BYTES);
    page->device = log->page_identity.device;
    page->inode = log->page_identity.inode;
    atomic_store(&page->state, (uint32_t)start->state);
    atomic_store(&page->gathering, 0);
    atomic_store(&page->syncing, start->unsure ? 1U : 0U);
    atomic_store(&page->intent_end, 0);
    atomic_store(&page->intent_segment, 0);
    atomic_store(&page->tail, arm__page_pack(&start->tail));
    atomic_store(&page->written, arm__page_pack(&start->tail));
    atomic_store(&page->appended_to, start->tail.next_tx - 1);
    atomic_store(&page->durable_to, start->durable_to);
    page->vouched = start->vouched;
    arm__robust_init(&page->sync_mutex);
    atomic_store(&page->magic, PAGE_MAGIC);
    arm__page_ring(page);
}

arm_status arm__page_prepare(struct arm_log *log, const struct arm_page_start *start,
                             struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (!log->read_only) {
        ARM_TRY(ensure_mapped(log, err));
        fill(log->mapped, log, start);
    }
done:
    return st;
}

arm_status arm__page_make(struct arm_log *log, const struct arm_page_start *start,
                          struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (log->read_only) {
        fill(log->own, log, start);
        log->page = log->own;
        return ARM_OK;
    }
    ARM_TRY(ensure_mapped(log, err));
    fill(log->mapped, log, start);
    ARM_TRY(log->io->sync(log->io->self, log->page_file, err));
    log->page = log->mapped;
done:
    return st;
}

void arm__page_refresh(const struct arm_log *log)
{
    struct arm_page page;
    uint64_t durable_to;

    if (!arm__page_is_private(log) || !read_page(log, &page)) {
        return;
    }
    durable_to = atomic_load(&page.durable_to);
    arm__page_raise(&log->own->appended_to, atomic_load(&page.appended_to));
    arm__page_raise(&log->own->appended_to,
                    durable_to); /* P1: the copy was not made at one moment */
    arm__page_raise(&log->own->durable_to, durable_to);
    if (arm__page_state(&page) == ARM_PAGE_POISONED) {
        atomic_store(&log->own->state, (uint32_t)ARM_PAGE_POISONED);
    }
}

bool arm__page_is_private(const struct arm_log *log)
{
    return log->page == log->own;
}

enum arm_page_state arm__page_state(const struct arm_page *page)
{
    return (enum arm_page_state)atomic_load(&page->state);
}

void arm__page_poison(struct arm_page *page)
{
    uint32_t good = ARM_PAGE_GOOD;

    if (atomic_compare_exchange_strong(&page->state, &good, ARM_PAGE_POISONED)) {
        arm__page_ring(page);
    }
}

void arm__page_ring(struct arm_page *page)
{
    (void)atomic_fetch_add(&page->bell, 1);
    arm__futex_wake_all(arm__futex_word(&page->bell));
}
