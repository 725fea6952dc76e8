/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit: one sync for the frames of many threads and processes (L2, L3, L4).
 *
 * Whoever waits and finds the sync mutex free is the leader. It reads how far the log is
 * appended, syncs the tail's segment, publishes that reading as durable, frees the mutex and
 * rings the bell; whoever finds the mutex taken sleeps on the bell.
 *
 *   L2  appended_to is read before the sync begins, and published only if it succeeds.
 *   W1  Who frees the sync mutex rings the bell afterwards: nobody sleeps on after the leader
 *       he lost to is done.
 *   W2  The bell is read before the condition it stands for is looked at, and slept on with
 *       the value read: a ring between the two is not missed.
 *   W3  Nobody sleeps longer than SLEEP_US at a time: a leader that dies rings no bell, and
 *       its mutex then goes to the next who tries.
 *   W4  Who waits for the tail alone looks up every SLOW_POLL_US, and syncs what nobody has synced
 *       for ORPHAN_US: a bell that was not rung, or a leader that died, keeps no event back for
 *       long, in however short pieces one waits. */

#include "log/log_private.h"

#include <assert.h>
#include <errno.h>

enum { SLEEP_US = 10000, POLL_US = 5000, SLOW_POLL_US = 100000, ORPHAN_US = 200000 };

struct arm_epoch_config arm__epoch_single_node(void)
{
    return (struct arm_epoch_config){.wait_us = 0, .commit_count = 0};
}

struct arm_epoch_config arm__epoch_low_latency(void)
{
    return (struct arm_epoch_config){.wait_us = 200, .commit_count = 16};
}

struct arm_epoch_config arm__epoch_high_throughput(void)
{
    return (struct arm_epoch_config){.wait_us = 5000, .commit_count = 1024};
}

static void unlock_and_ring(struct arm_page *page)
{
    arm__robust_unlock(&page->sync_mutex);
    arm__page_ring(page); /* W1 */
}

static arm_status check_state(const struct arm_page *page, struct arm_error *err)
{
    switch (arm__page_state(page)) {
    case ARM_PAGE_GOOD:
        return ARM_OK;
    case ARM_PAGE_POISONED:
        return arm__fail(err, ARM_REOPEN, "an earlier write of the log to disk failed");
    case ARM_PAGE_DAMAGED:
        return arm__fail(err, ARM_CORRUPT, "the log is damaged: nothing can be appended");
    case ARM_PAGE_UNKNOWN:
        break;
    }
    return arm__fail(err, ARM_REOPEN, "the log has no shared page: it was not recovered");
}

arm_status arm__log_check_writable(const struct arm_log *log, struct arm_error *err)
{
    if (log->read_only) {
        return arm__fail(err, ARM_READ_ONLY, "the log is open for reading only");
    }
    return check_state(log->page, err);
}

/* Sync the file of a segment; the sync mutex is held, so that poison comes before anyone
 * else's sync. */
static arm_status sync_file(struct arm_log *log, uint64_t number, struct arm_error *err)
{
    struct arm_segment_file *file = NULL;
    arm_status st = ARM_OK;

    ARM_TRY(check_state(log->page, err)); /* L4: never once more */
    ARM_TRY(arm__segment_files_take(&log->files, number, false, &file, err));
    atomic_store(&log->page->syncing, 1); /* P5 */
    st = log->io->sync(log->io->self, file->file, err);
    if (st != ARM_OK) {
        arm__page_poison(log->page);
        goto done;
    }
    atomic_store(&log->page->syncing, 0);
done:
    arm__segment_files_put(&log->files, file);
    return st;
}

/* The tail's segment: the page says which, or the appender, who may be ahead of it. */
static arm_status sync_tail_locked(struct arm_log *log, const uint64_t *number,
                                   struct arm_error *err)
{
    struct arm_page *page = log->page;
    uint64_t appended_to = atomic_load(&page->appended_to); /* before segment: P2 */
    uint64_t segment = number != NULL ? *number : atomic_load(&page->tail) >> 32;
    arm_status st = sync_file(log, segment, err);

    if (st == ARM_OK && appended_to > atomic_load(&page->durable_to)) {
        atomic_store(&page->durable_to, appended_to); /* L2; alone to store: P4 */
    }
    return st;
}

arm_status arm__log_sync_tail(struct arm_log *log, uint64_t number, struct arm_error *err)
{
    bool owner_died = false; /* then nothing is half done: the page is published by one store */
    arm_status st = arm__robust_lock(&log->page->sync_mutex, &owner_died, err);

    if (st == ARM_OK) {
        st = sync_tail_locked(log, &number, err);
        unlock_and_ring(log->page);
    }
    return st;
}

arm_status arm__log_sync_other(struct arm_log *log, uint64_t number, struct arm_error *err)
{
    bool owner_died = false;
    arm_status st = arm__robust_lock(&log->page->sync_mutex, &owner_died, err);

    if (st == ARM_OK) {
        st = sync_file(log, number, err);
        unlock_and_ring(log->page);
    }
    return st;
}

/* Enough commits wait, or something failed. */
static bool gathered(const struct arm_page *page, uint32_t commit_count)
{
    uint64_t waiting = atomic_load(&page->appended_to) - atomic_load(&page->durable_to);

    return arm__page_state(page) != ARM_PAGE_GOOD || (commit_count != 0 && waiting >= commit_count);
}

/* As leader, wait for the company that the epoch's configuration asks for. */
static void gather(struct arm_page *page, const struct arm_epoch_config *epoch)
{
    uint64_t start;

    if (epoch->wait_us == 0) {
        return;
    }
    start = arm__monotonic_us();
    atomic_store(&page->gathering, 1);
    for (;;) {
        uint32_t arrivals = atomic_load(&page->arrivals); /* before the condition, as in W2 */
        uint64_t passed = arm__monotonic_us() - start;

        if (gathered(page, epoch->commit_count) || passed >= epoch->wait_us) {
            break;
        }
        arm__futex_wait(arm__futex_word(&page->arrivals), arrivals, epoch->wait_us - passed);
    }
    atomic_store(&page->gathering, 0);
}

/* Take the sync mutex if it is free, from a dead owner too. */
static bool try_lock(struct arm_page *page)
{
    int error_number = pthread_mutex_trylock(&page->sync_mutex);

    if (error_number == EOWNERDEAD) {
        error_number = pthread_mutex_consistent(&page->sync_mutex);
        assert(error_number == 0);
        atomic_store(&page->gathering, 0); /* he gathers no more */
    }
    return error_number == 0;
}

/* Sync as leader, unless a leader before did it for us; the mutex is held. */
static arm_status lead(struct arm_log *log, uint64_t tx, struct arm_error *err)
{
    if (atomic_load(&log->page->durable_to) >= tx) {
        return ARM_OK;
    }
    gather(log->page, &log->epoch);
    return sync_tail_locked(log, NULL, err);
}

static arm_status unknown(uint64_t tx, const char *why, struct arm_error *err)
{
    return arm__fail(err, ARM_COMMIT_UNKNOWN, "tx %llu may be durable or not: %s",
                     (unsigned long long)tx, why);
}

/* Whether there is any sense in waiting for `tx`. */
static arm_status check_wait(const struct arm_log *log, uint64_t tx, struct arm_error *err)
{
    struct arm_error why;
    arm_status st = arm__log_check_writable(log, &why);
    bool appended = atomic_load(&log->page->appended_to) >= tx;

    if (st == ARM_REOPEN && appended) {
        return unknown(tx, why.message, err);
    }
    if (st != ARM_OK) {
        return arm__fail(err, st, "%s", why.message);
    }
    if (!appended) {
        return arm__fail(err, ARM_INVALID, "tx %llu was never appended", (unsigned long long)tx);
    }
    return ARM_OK;
}

arm_status arm__log_wait_durable(struct arm_log *log, uint64_t tx, struct arm_error *err)
{
    struct arm_page *page = log->page;

    for (;;) {
        uint32_t bell = atomic_load(&page->bell); /* W2 */
        struct arm_error why;
        arm_status st;

        if (arm__log_durable_to(log) >= tx) {
            return ARM_OK;
        }
        st = check_wait(log, tx, err);
        if (st != ARM_OK) {
            return st;
        }
        if (try_lock(page)) {
            st = lead(log, tx, &why);
            unlock_and_ring(page);
            if (st != ARM_OK) {
                return unknown(tx, why.message, err);
            }
        } else {
            arm__futex_wait(arm__futex_word(&page->bell), bell, SLEEP_US); /* W3 */
        }
    }
}

void arm__log_published(struct arm_log *log, const struct arm_log_position *tail)
{
    struct arm_page *page = log->page;

    if (log->read_only) {
        return;
    }
    arm__page_raise(&page->tail, arm__page_pack(tail)); /* P2: before appended_to */
    arm__page_raise(&page->appended_to, tail->next_tx - 1);
    (void)atomic_fetch_add(&page->arrivals, 1);
    if (atomic_load(&page->gathering) != 0) {
        arm__futex_wake_all(arm__futex_word(&page->arrivals));
    }
}

uint64_t arm__log_durable_to(const struct arm_log *log)
{
    arm__page_refresh(log);
    return atomic_load(&log->page->durable_to);
}

uint64_t arm__log_appended_to(const struct arm_log *log)
{
    arm__page_refresh(log);
    return atomic_load(&log->page->appended_to);
}

bool arm__log_is_joined(const struct arm_log *log)
{
    return !arm__page_is_private(log) && arm__page_state(log->page) != ARM_PAGE_UNKNOWN;
}

bool arm__log_poisoned(const struct arm_log *log)
{
    arm__page_refresh(log);
    return arm__page_state(log->page) == ARM_PAGE_POISONED;
}

/* Lead the sync that is due, unless somebody does: who is alive needs no help, however slow he is.
 */
static void sync_orphans(struct arm_log *log, uint64_t appended)
{
    if (try_lock(log->page)) {
        (void)lead(log, appended, NULL); /* a failure poisons: it is seen there */
        unlock_and_ring(log->page);
    }
}

void arm__log_mind_orphans(struct arm_log *log)
{
    uint64_t appended = arm__log_appended_to(log);
    uint64_t now = arm__monotonic_us();

    if (log->read_only || appended <= arm__log_durable_to(log)) {
        return;
    }
    if (atomic_exchange(&log->orphan_tx, appended) != appended) {
        atomic_store(&log->orphan_since_us, now);
    } else if (now - atomic_load(&log->orphan_since_us) >= ORPHAN_US) {
        sync_orphans(log, appended);
    }
}

void arm__log_tail_wait(struct arm_log *log, uint64_t tx, uint64_t wait_us,
                        const struct arm_flag *stopped)
{
    uint64_t most = arm__page_is_private(log) ? POLL_US : SLOW_POLL_US; /* no bell rings there */
    uint64_t start = arm__monotonic_us();

    for (;;) {
        uint32_t bell = atomic_load(&log->page->bell); /* W2 */
        uint64_t now = arm__monotonic_us();
        uint64_t left = wait_us == UINT64_MAX ? UINT64_MAX : wait_us - (now - start);

        if (arm__log_durable_to(log) > tx || arm__log_poisoned(log) ||
            (stopped != NULL && arm__flag_is_set(stopped)) ||
            (wait_us != UINT64_MAX && now - start >= wait_us)) {
            return;
        }
        arm__log_mind_orphans(log);
        arm__futex_wait(arm__futex_word(&log->page->bell), bell, left < most ? left : most);
    }
}

void arm__log_ring(struct arm_log *log)
{
    arm__page_ring(log->page);
}
