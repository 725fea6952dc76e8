/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_FEED_EVENTS_H
#define ARM_FEED_EVENTS_H

/* The changelog, read: the log's commits as events, in order of tx.
 *
 * E1  Every durable commit that the filter lets through comes once, in order, and nothing comes
 *     that is not durable.
 * E2  What a read costs follows what it finds, not the history before it: the index is asked for
 *     the next one, by branch and by table. Tables that are asked for by pattern, or on all
 *     branches, are looked for in the commits where few came since, else by each name in turn.
 * E3  What upkeep does to rows is no event. */

#include "base/arena.h"
#include "catalog/catalog.h"
#include "feed/pattern.h"
#include "feed/share.h"

struct arm_event_filter {
    uint64_t branch_id; /* 0: every branch's */
    size_t table_count; /* 0: every table, and what concerns none */
    const struct arm_table_pattern *tables;
    /* Of a consumer's member: in share i only what came after acked_tx[i], ARM_SHARE_NONE: nothing.
     * NULL: no consumer's. */
    const uint64_t *acked_tx;
};
#define ARM_SHARE_NONE UINT64_MAX

/* Some events, and how far was looked for them. */
struct arm_event_page {
    struct arm_arena arena; /* what the events consist of */
    size_t count;
    struct arm_event *events;
    uint64_t scanned_to; /* no event up to here is missing */
};
/* The first `limit` events behind `since`, up to `until` at most (both txs); fewer, or none, where
 * many commits were looked at for them: then `scanned_to` is less than `until`. */
arm_status arm__events_read(struct arm_catalog *catalog, const struct arm_event_filter *filter,
                            uint64_t since, uint64_t until, size_t limit,
                            struct arm_event_page *out, struct arm_error *err);
/* The last tx, up to `max_tx`, at or before a time (microseconds since 1970, UTC); 0: there is
 * none. */
arm_status arm__events_at_time(struct arm_catalog *catalog, int64_t time_us, uint64_t max_tx,
                               uint64_t *out_tx, struct arm_error *err);
void arm__event_page_release(struct arm_event_page *page); /* accepts the zeroed state */

/* A commit as an event, with all of its changes; `out` lives as long as the arena. */
arm_status arm__event_of(struct arm_catalog *catalog, const struct arm_commit_info *info,
                         struct arm_arena *arena, struct arm_event *out, struct arm_error *err);

#endif
