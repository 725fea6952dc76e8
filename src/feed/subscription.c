/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/subscription.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "feed/feed_private.h"

enum { PAGE_EVENTS = 128, CHECK_US = 1000000 };

static const char *const every_branch = "*";

/* ---- Beginning and end ---- */

static arm_status take_tables(struct arm_subscription *s, const struct arm_feed_options *options,
                              struct arm_error *err)
{
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(options->table_count, sizeof *s->tables, &s->tables, err));
    for (size_t i = 0; i < options->table_count; i++) {
        ARM_TRY(arm__pattern_parse(options->tables[i], &s->tables[i], err));
    }
    s->filter.table_count = options->table_count;
    s->filter.tables = s->tables;
done:
    return st;
}

static arm_status take_branch(struct arm_subscription *s, const char *branch, struct arm_error *err)
{
    struct arm_snapshot at;
    arm_status st = ARM_OK;

    branch = branch == NULL ? "main" : branch;
    (void)snprintf(s->branch, sizeof s->branch, "%s", branch);
    if (strcmp(branch, every_branch) != 0) {
        ARM_TRY(arm__catalog_snapshot(s->catalog, branch, &at, err));
        s->filter.branch_id = at.branch_id;
    }
done:
    return st;
}

static arm_status find_start(const struct arm_subscription *s,
                             const struct arm_feed_options *options, uint64_t *out,
                             struct arm_error *err)
{
    uint64_t now = arm__log_durable_to(s->log);

    *out = now;
    if (options->from == ARM_FROM_TX) {
        *out = options->since;
    } else if (options->from == ARM_FROM_DEFAULT && options->consumer != NULL) {
        *out = 0;
    }
    return *out <= now
               ? ARM_OK
               : arm__fail(err, ARM_INVALID, "tx %llu is not there yet: the last one is %llu",
                           (unsigned long long)*out, (unsigned long long)now);
}

arm_status arm__subscription_open(struct arm_repository *repository,
                                  const struct arm_feed_options *options, bool read_only,
                                  struct arm_subscription **out, struct arm_error *err)
{
    struct arm_subscription *s = NULL;
    arm_status st = ARM_OK;

    if (options->consumer != NULL && read_only) {
        return arm__fail(err, ARM_READ_ONLY,
                         "a consumer keeps its cursor in the repository, which was opened for "
                         "reading only");
    }
    ARM_TRY(arm__repository_check(repository, false, err));
    ARM_TRY(arm__calloc(1, sizeof *s, &s, err));
    s->repository = repository;
    s->catalog = arm__repository_catalog(repository);
    s->log = arm__repository_log(repository);
    ARM_TRY(take_tables(s, options, err));
    ARM_TRY(take_branch(s, options->branch, err));
    ARM_TRY(find_start(s, options, &s->position, err));
    if (options->consumer != NULL) {
        ARM_TRY(arm__consuming_begin(s, options->consumer, s->position, err));
    }
    *out = s;
    s = NULL;
done:
    arm__subscription_close(s);
    return st;
}

void arm__subscription_close(struct arm_subscription *s)
{
    if (s == NULL) {
        return;
    }
    (void)arm__subscription_stop(s, NULL);
    arm__consuming_end(s);
    arm__event_page_release(&s->page);
    arm__free(s->tables);
    arm__free(s);
}

/* ---- The next event ---- */

/* The page is used up: whose the work is may change, and all of it is behind us. */
static arm_status turn_page(struct arm_subscription *s, uint64_t durable, struct arm_error *err)
{
    struct arm_event_page page = {.count = 0};
    arm_status st = ARM_OK;

    if (s->consuming != NULL) {
        ARM_TRY(arm__consuming_look(s, err));
    }
    if (s->position >= durable) {
        goto done;
    }
    ARM_TRY(
        arm__events_read(s->catalog, &s->filter, s->position, durable, PAGE_EVENTS, &page, err));
    arm__event_page_release(&s->page);
    s->page = page;
    s->next = 0;
    s->position = page.scanned_to;
    arm__consuming_note(s, page.scanned_to);
done:
    return st;
}

/* All up to `durable` was given: is there anything to wait for? What has become durable since is
 * looked at before that is said. */
static arm_status check_source(struct arm_subscription *s, uint64_t durable, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    char name[256];
    arm_status st = ARM_OK;

    if (arm__log_poisoned(s->log) && arm__log_durable_to(s->log) == durable) {
        st = arm__fail(err, ARM_REOPEN,
                       "a write of the log to disk failed: nothing more will come "
                       "before the repository is opened anew");
        goto done;
    }
    if (s->filter.branch_id != 0) {
        ARM_TRY(arm__catalog_begin_read(s->catalog, &txn, err));
        ARM_TRY(arm__index_branch_name(txn, s->filter.branch_id, durable, name, err));
        if (name[0] == '\0') {
            st = arm__fail(err, ARM_NOT_FOUND, "branch \"%s\" was dropped: it has no more changes",
                           s->branch);
        }
    }
done:
    arm__index_abort(txn);
    return st;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What is left of the time, no longer than until something is to be looked after. */
static uint64_t sleep_us(const struct arm_subscription *s, uint64_t start, uint64_t wait_us)
{
    uint64_t passed = arm__monotonic_us() - start;
    uint64_t left = wait_us == UINT64_MAX ? UINT64_MAX : wait_us - min_u64(wait_us, passed);

    return min_u64(left, min_u64(arm__consuming_wait_us(s), CHECK_US));
}

/* Read on, or wait for more, until there is an event, or the time is over. */
static arm_status read_or_wait(struct arm_subscription *s, uint64_t wait_us, struct arm_error *err)
{
    uint64_t start = arm__monotonic_us();
    bool is_over = wait_us == 0;
    arm_status st = ARM_OK;

    for (;;) {
        uint64_t durable = arm__log_durable_to(s->log);
        uint64_t left;

        ARM_TRY(turn_page(s, durable, err));
        if (s->next < s->page.count) {
            break;
        }
        if (arm__flag_take(&s->stopped)) {
            st = arm__fail(err, ARM_INTERRUPTED, "the subscription was interrupted");
            break;
        }
        left = sleep_us(s, start, wait_us);
        if (s->position < durable && (is_over || left != 0)) {
            continue; /* a part was looked at, or shares that were gained begin further back */
        }
        ARM_TRY(check_source(s, durable, err));
        if (is_over || left == 0) {
            arm__log_mind_orphans(s->log);
            break;
        }
        arm__log_tail_wait(s->log, durable, left, &s->stopped);
        if (arm__log_durable_to(s->log) <= durable) {
            ARM_TRY(arm__repository_check(s->repository, false, err)); /* is it still there? */
        }
    }
done:
    return st;
}

arm_status arm__subscription_next(struct arm_subscription *s, uint64_t wait_us,
                                  const struct arm_event **out, struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (arm__flag_take(&s->stopped)) {
        return arm__fail(err, ARM_INTERRUPTED, "the subscription was interrupted");
    }
    if (s->next >= s->page.count) {
        ARM_TRY(read_or_wait(s, wait_us, err));
    }
    *out = NULL;
    if (s->next < s->page.count) {
        *out = &s->page.events[s->next++];
        s->given_tx = (*out)->tx;
    }
done:
    return st;
}

void arm__subscription_take_back(struct arm_subscription *s)
{
    assert(s->next > 0);
    s->next--;
    s->given_tx = 0; /* all before it is acknowledged */
}

void arm__subscription_interrupt(struct arm_subscription *s)
{
    arm__flag_set(&s->stopped);
    arm__log_ring(s->log);
}
