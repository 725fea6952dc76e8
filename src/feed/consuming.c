/* SPDX-License-Identifier: Apache-2.0 */
/* A member of a named consumer: what it has of the work, and what it says is done. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "feed/feed_private.h"

enum {
    LOOK_US = 100000, /* between two looks at who is there */
    IDLE_US = 1000000 /* between two times that it is said that there was nothing to do */
};

static bool owns(const struct arm_consuming *c, uint32_t share)
{
    return arm__share_is_in(c->member.owned, share);
}

/* ---- Where it stands ---- */

static arm_status read_row(struct arm_subscription *s, struct arm_consumer_row *out,
                           struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    bool found = false;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_begin_read(s->catalog, &txn, err));
    ARM_TRY(arm__index_consumer(txn, s->consuming->name, arm__log_durable_to(s->log), out, &found,
                                err));
    if (!found) {
        st = arm__fail(err, ARM_NOT_FOUND, "consumer \"%s\" was dropped", s->consuming->name);
    }
done:
    arm__index_abort(txn);
    return st;
}

static void drop_page(struct arm_subscription *s)
{
    arm__event_page_release(&s->page);
    s->next = 0;
}

/* Begin again in these shares, owned ones, from where `seen` says they stand. */
static void begin_from(struct arm_subscription *s, uint64_t shares)
{
    struct arm_consuming *c = s->consuming;

    for (uint32_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        if (!arm__share_is_in(shares, i)) {
            continue;
        }
        c->given[i] = c->seen.acked_tx[i];
        s->position = c->given[i] < s->position ? c->given[i] : s->position;
    }
}

static void forget_others(struct arm_consuming *c)
{
    for (uint32_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        c->given[i] = owns(c, i) ? c->given[i] : ARM_SHARE_NONE;
    }
}

void arm__consuming_note(struct arm_subscription *s, uint64_t tx)
{
    struct arm_consuming *c = s->consuming;

    for (uint32_t i = 0; c != NULL && i < ARM_CONSUMER_SHARES; i++) {
        c->given[i] = owns(c, i) && c->given[i] < tx ? tx : c->given[i];
    }
}

/* ---- What a transaction was given ---- */

/* Up to `tx` it is acknowledged. */
static void settle_given(struct arm_subscription *s, uint64_t tx)
{
    s->consuming->done_tx = tx > s->consuming->done_tx ? tx : s->consuming->done_tx;
    s->given_tx = tx >= s->given_tx ? 0 : s->given_tx;
}

/* `row` with the cursor. */
static struct arm_consumer_row moved(const struct arm_consumer_row *row,
                                     const struct arm_new_cursor *cursor)
{
    struct arm_consumer_row result = *row;

    for (uint32_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        result.acked_tx[i] =
            arm__share_is_in(cursor->shares, i) ? cursor->acked_tx : result.acked_tx[i];
    }
    return result;
}

/* What was given to a transaction: whether that has committed. If it has not, it may still. */
static arm_status learn_outcome(struct arm_subscription *s, struct arm_error *err)
{
    struct arm_consuming *c = s->consuming;
    struct arm_consumer_row wanted = moved(&c->seen, &c->passed);
    struct arm_consumer_row row;
    arm_status st = ARM_OK;

    if (c->passed.shares == 0) {
        return ARM_OK;
    }
    ARM_TRY(read_row(s, &row, err));
    if (arm__consumer_stands(&row, &wanted, c->passed.shares)) {
        c->seen = wanted;
        settle_given(s, c->passed.acked_tx);
        c->passed.shares = 0;
    }
done:
    return st;
}

/* ---- Whose the work is ---- */

static arm_status note_table(void *context, const struct arm_table_row *row, struct arm_error *err)
{
    struct arm_subscription *s = context;
    const struct arm_event_filter *filter = &s->filter;
    bool matches = filter->table_count == 0;

    (void)err;
    for (size_t i = 0; !matches && i < filter->table_count; i++) {
        matches = arm__pattern_matches(&filter->tables[i], row->schema_name, row->name);
    }
    if (matches) {
        s->consuming->active |= UINT64_C(1) << arm__share_of(row->schema_name, row->name);
    }
    return ARM_OK;
}

/* Shares in which there are tables: those of main stand for all branches'. */
static arm_status list_active(struct arm_subscription *s, struct arm_error *err)
{
    struct arm_consuming *c = s->consuming;
    struct arm_snapshot at = {.tx = arm__log_durable_to(s->log), .branch_id = s->filter.branch_id};
    struct arm_index_txn *txn = NULL;
    struct arm_ref_row main_ref;
    bool found = true;
    arm_status st = ARM_OK;

    if (c->listed_tx == at.tx) {
        return ARM_OK;
    }
    c->active = 0;
    ARM_TRY(arm__catalog_begin_read(s->catalog, &txn, err));
    if (at.branch_id == 0) {
        ARM_TRY(
            arm__index_ref(txn, ARMPB__REF_KIND__BRANCH, "main", at.tx, &main_ref, &found, err));
        at.branch_id = found ? main_ref.branch_id : 0;
    }
    ARM_TRY(arm__index_tables(txn, at.branch_id, at.tx, note_table, s, err));
    c->listed_tx = at.tx;
done:
    arm__index_abort(txn);
    return st;
}

/* M1: what was gained begins where the consumer stands by now. Who had it may have been killed as
 * he acknowledged (K7). */
static arm_status take_over(struct arm_subscription *s, uint64_t gained, struct arm_error *err)
{
    struct arm_consuming *c = s->consuming;
    struct arm_consumer_row row;
    arm_status st = ARM_OK;

    ARM_TRY(arm__consumer_read(s->repository, c->name, &row, err));
    for (uint32_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        if (arm__share_is_in(gained, i)) {
            c->seen.acked_tx[i] = row.acked_tx[i];
        }
    }
    begin_from(s, gained);
done:
    return st;
}

/* Up to where all is done with that this member has. */
static uint64_t done_to(const struct arm_consuming *c)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        least = owns(c, i) && c->seen.acked_tx[i] < least ? c->seen.acked_tx[i] : least;
    }
    return least == UINT64_MAX ? 0 : least;
}

/* Whether there are commits that none of this member's shares is behind any more. */
static arm_status has_passed(const struct arm_subscription *s, bool *out, struct arm_error *err)
{
    struct arm_index_txn *txn = NULL;
    uint64_t next = 0;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_begin_read(s->catalog, &txn, err));
    ARM_TRY(arm__index_next_commit(txn, 0, done_to(s->consuming), &next, err));
    *out = next != 0 && next <= s->position;
done:
    arm__index_abort(txn);
    return st;
}

/* All that came is acknowledged, and there was nothing for this member in the rest: so that nobody
 * looks at it again, and nobody thinks that it waits. What fails is as if it had not been tried. */
static void say_idle(struct arm_subscription *s)
{
    struct arm_consuming *c = s->consuming;
    struct arm_new_cursor cursor = {.name = c->name, .acked_tx = s->position, .seen = &c->seen};
    bool passed = false;

    if (s->given_tx != 0 || s->next < s->page.count || s->position == UINT64_MAX ||
        c->passed.shares != 0 || has_passed(s, &passed, NULL) != ARM_OK || !passed) {
        return;
    }
    for (uint32_t i = 0; i < ARM_CONSUMER_SHARES; i++) {
        if (owns(c, i) && c->seen.acked_tx[i] < s->position) {
            cursor.shares |= UINT64_C(1) << i;
        }
    }
    if (cursor.shares != 0 && arm__consumer_move(s->repository, &cursor, NULL, NULL) == ARM_OK) {
        c->seen = moved(&c->seen, &cursor);
    }
}

/* What is owned and all done with may have been moved by hand meanwhile, or dropped. */
static arm_status follow_moves(struct arm_subscription *s, struct arm_error *err)
{
    struct arm_consuming *c = s->consuming;
    struct arm_consumer_row row;
    arm_status st = ARM_OK;

    ARM_TRY(read_row(s, &row, err));
    if (!arm__consumer_stands(&row, &c->seen, c->member.owned)) {
        c->seen = row;
        c->done_tx = done_to(c);
        begin_from(s, c->member.owned);
    }
done:
    return st;
}

arm_status arm__consuming_look(struct arm_subscription *s, struct arm_error *err)
{
    struct arm_consuming *c = s->consuming;
    uint64_t now = arm__monotonic_us();
    uint64_t gained = 0;
    uint64_t wanted;
    arm_status st = ARM_OK;

    if (c->looked_us != 0 && now - c->looked_us < LOOK_US) {
        return ARM_OK;
    }
    ARM_TRY(learn_outcome(s, err));
    if (s->given_tx != 0) { /* M3: and what is gained would be mixed with what is not done */
        goto done;
    }
    ARM_TRY(follow_moves(s, err));
    if (now - c->idle_us >= IDLE_US) {
        say_idle(s);
        c->idle_us = now;
    }
    ARM_TRY(arm__member_look(&c->member, err));
    if ((c->member.fellows & (c->member.fellows - 1)) != 0) { /* else all of it is this one's */
        ARM_TRY(list_active(s, err));
    }
    wanted = arm__member_wants(&c->member, c->active);
    st = arm__member_settle(&c->member, wanted, &gained, err);
    if (gained != 0) {
        arm_status taken = take_over(s, gained, st == ARM_OK ? err : NULL);

        if (taken != ARM_OK) { /* nothing is known of where they stand: at the next look */
            arm__member_give_up(&c->member, gained);
        }
        st = st == ARM_OK ? taken : st;
    }
    forget_others(c);
    c->looked_us = now;
done:
    return st;
}

uint64_t arm__consuming_wait_us(const struct arm_subscription *s)
{
    return s->consuming == NULL ? UINT64_MAX : LOOK_US;
}

/* ---- Beginning and end ---- */

arm_status arm__consuming_begin(struct arm_subscription *s, const char *name, uint64_t start,
                                struct arm_error *err)
{
    struct arm_consuming *c = NULL;
    struct arm_id id;
    arm_status st = ARM_OK;

    ARM_TRY(arm__calloc(1, sizeof *c, &c, err));
    ARM_TRY(arm__id_random(&id, err));
    memcpy(&c->id, id.bytes, sizeof c->id);
    ARM_TRY(arm__consumer_make(s->repository, name, start, &c->seen, err));
    (void)snprintf(c->name, sizeof c->name, "%s", name);
    ARM_TRY(arm__member_join(arm__repository_io(s->repository), arm__repository_path(s->repository),
                             name, &c->member, err));
    s->consuming = c;
    s->filter.acked_tx = c->given;
    c = NULL;
    s->position = UINT64_MAX; /* no share: nothing is to be read */
    forget_others(s->consuming);
    ARM_TRY(arm__consuming_look(s, err));
done:
    arm__free(c);
    return st;
}

void arm__consuming_end(struct arm_subscription *s)
{
    if (s->consuming != NULL) {
        say_idle(s);
        arm__member_leave(&s->consuming->member);
        arm__free(s->consuming);
        s->consuming = NULL;
    }
}

/* ---- Acknowledging ---- */

static arm_status require_consumer(const struct arm_subscription *s, struct arm_error *err)
{
    return s->consuming != NULL
               ? ARM_OK
               : arm__fail(err, ARM_INVALID,
                           "the subscription has no consumer: name one when it is opened");
}

/* What was acknowledged before still is. */
static arm_status check_done(struct arm_subscription *s, struct arm_error *err)
{
    struct arm_consuming *c = s->consuming;
    struct arm_consumer_row row;
    arm_status st = ARM_OK;

    ARM_TRY(read_row(s, &row, err));
    if (!arm__consumer_stands(&row, &c->seen, c->member.owned)) {
        st = arm__consumer_moved(c->name, row.tx, err);
    }
done:
    return st;
}

arm_status arm__subscription_cursor(struct arm_subscription *s, uint64_t tx,
                                    struct arm_new_cursor *out, struct arm_error *err)
{
    struct arm_consuming *c = s->consuming;
    bool is_all;
    arm_status st = ARM_OK;

    ARM_TRY(require_consumer(s, err));
    ARM_TRY(learn_outcome(s, err));
    is_all = tx == s->given_tx && s->next >= s->page.count;
    if (tx > s->given_tx && tx > c->done_tx) {
        st = arm__fail(err, ARM_INVALID, "tx %llu was not given yet: the last event was %llu",
                       (unsigned long long)tx, (unsigned long long)s->given_tx);
        goto done;
    }
    if (tx > s->given_tx) {
        ARM_TRY(check_done(s, err));
    }
    /* What came behind the last event and is none of this consumer's is done with as well. */
    *out = (struct arm_new_cursor){
        .name = c->name, .acked_tx = is_all ? s->position : tx, .seen = &c->seen, .member = c->id};
    for (uint32_t i = 0; tx <= s->given_tx && i < ARM_CONSUMER_SHARES; i++) {
        if (owns(c, i) && c->seen.acked_tx[i] < out->acked_tx) {
            out->shares |= UINT64_C(1) << i;
        }
    }
done:
    return st;
}

void arm__subscription_pass(struct arm_subscription *s, const struct arm_new_cursor *cursor)
{
    s->consuming->passed = *cursor;
}

arm_status arm__subscription_ack(struct arm_subscription *s, uint64_t tx, struct arm_error *err)
{
    struct arm_new_cursor cursor = {.shares = 0};
    arm_status st = ARM_OK;

    ARM_TRY(arm__subscription_cursor(s, tx, &cursor, err));
    if (cursor.shares != 0) {
        struct arm_consuming *c = s->consuming;

        ARM_TRY(arm__consumer_move(s->repository, &cursor, NULL, err));
        c->seen = moved(&c->seen, &cursor);
        c->passed.shares = 0;
        settle_given(s, tx);
    }
done:
    return st;
}

arm_status arm__subscription_rewind(struct arm_subscription *s, struct arm_error *err)
{
    struct arm_consuming *c = s->consuming;
    struct arm_consumer_row row;
    arm_status st = ARM_OK;

    ARM_TRY(require_consumer(s, err));
    ARM_TRY(arm__consumer_read(s->repository, c->name, &row, err));
    c->seen = row;
    c->passed.shares = 0;
    c->done_tx = done_to(c);
    s->given_tx = 0;
    drop_page(s);
    begin_from(s, c->member.owned);
    c->looked_us = 0; /* nothing is given: shares may pass on now */
done:
    return st;
}
