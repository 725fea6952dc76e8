/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_FEED_PRIVATE_H
#define ARM_FEED_PRIVATE_H

/* What the files of feed/ share. */

#include "feed/subscription.h"

/* A member of a named consumer (consuming.c). */
struct arm_consuming {
    char name[256];
    uint64_t id; /* of the member, random */
    struct arm_member member;
    struct arm_consumer_row seen; /* how the consumer stands, as far as this member knows */
    struct arm_new_cursor passed; /* given to a transaction; its outcome is not known; no shares:
                                     * nothing is */
    uint64_t given[ARM_CONSUMER_SHARES]; /* by share: what need not be read any more, or
                                          * ARM_SHARE_NONE: another has it */
    uint64_t done_tx;                    /* the largest tx that was acknowledged */
    uint64_t looked_us;                  /* when its fellows were looked for */
    uint64_t idle_us;                    /* when it was said that there was nothing to do */
    uint64_t listed_tx;                  /* as of when `active` was listed; 0: never */
    uint64_t active;                     /* shares in which there are tables */
};

struct arm_subscription {
    struct arm_repository *repository;
    struct arm_catalog *catalog;
    struct arm_log *log;
    struct arm_event_filter filter;
    struct arm_table_pattern *tables; /* the filter's; owned */
    char branch[256];                 /* as it was called at first; for messages */
    uint64_t position;                /* nothing up to here is to be read any more */
    struct arm_event_page page;
    size_t next;       /* of the page's events */
    uint64_t given_tx; /* of the last event that was given, and is not acknowledged; 0: none */
    struct arm_flag stopped;
    struct arm_consuming *consuming; /* NULL: no consumer's */
    /* thread.c */
    bool has_thread;
    pthread_t thread;
    struct arm_feed_callbacks callbacks;
    arm_status ended; /* why the thread did, once it is joined */
    struct arm_error why;
};

/* The event that was given last is not done with: it is the next one again. */
void arm__subscription_take_back(struct arm_subscription *s);

/* ---- consuming.c ---- */

/* Join, and make the consumer where there is none, at `start`. Shares come with the first look. */
arm_status arm__consuming_begin(struct arm_subscription *s, const char *name, uint64_t start,
                                struct arm_error *err);
void arm__consuming_end(struct arm_subscription *s); /* without a consumer too */
/* Between two pages: who is there, and whose the shares are; moves the position back to where the
 * gained ones stand. Cheap unless it is time to look. */
arm_status arm__consuming_look(struct arm_subscription *s, struct arm_error *err);
/* All up to `tx` was given, or is not wanted. */
void arm__consuming_note(struct arm_subscription *s, uint64_t tx);
/* How long to sleep at most before the next look. */
uint64_t arm__consuming_wait_us(const struct arm_subscription *s);

#endif
