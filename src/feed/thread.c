/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that calls for each event, and acknowledges what the callback is done with. */

#include <string.h>

#include "feed/feed_private.h"

static arm_status run(struct arm_subscription *s, struct arm_error *err)
{
    const struct arm_feed_callbacks *callbacks = &s->callbacks;
    const struct arm_event *event = NULL;
    arm_status st = ARM_OK;

    for (;;) {
        uint64_t tx;

        ARM_TRY(arm__subscription_next(s, UINT64_MAX, &event, err));
        if (event == NULL) {
            continue;
        }
        tx = event->tx;
        if (!callbacks->on_event(callbacks->context, event)) {
            arm__subscription_take_back(s);
            break;
        }
        if (s->consuming != NULL) {
            ARM_TRY(arm__subscription_ack(s, tx, err));
        }
    }
done:
    return st;
}

static void *thread_main(void *context)
{
    struct arm_subscription *s = context;

    s->ended = run(s, &s->why);
    if (s->ended == ARM_INTERRUPTED) { /* it was asked to */
        s->ended = ARM_OK;
    }
    if (s->callbacks.on_end != NULL) {
        s->callbacks.on_end(s->callbacks.context, s->ended, s->ended == ARM_OK ? NULL : &s->why);
    }
    return NULL;
}

arm_status arm__subscription_start(struct arm_subscription *s,
                                   const struct arm_feed_callbacks *callbacks,
                                   struct arm_error *err)
{
    arm_status st = ARM_OK;

    if (s->has_thread) {
        return arm__fail(err, ARM_INVALID, "the subscription has a thread already: stop it first");
    }
    if (s->consuming != NULL && s->given_tx != 0) { /* nobody has said that these are done with */
        ARM_TRY(arm__subscription_rewind(s, err));
    }
    s->callbacks = *callbacks;
    s->ended = ARM_OK;
    memset(&s->why, 0, sizeof s->why);
    if (pthread_create(&s->thread, NULL, thread_main, s) != 0) {
        return arm__fail(err, ARM_NO_MEMORY, "there is no thread to be had");
    }
    s->has_thread = true;
done:
    return st;
}

bool arm__subscription_has_thread(const struct arm_subscription *s)
{
    return s->has_thread;
}

arm_status arm__subscription_stop(struct arm_subscription *s, struct arm_error *err)
{
    if (!s->has_thread) {
        return ARM_OK;
    }
    arm__subscription_interrupt(s);
    (void)pthread_join(s->thread, NULL);
    s->has_thread = false;
    (void)arm__flag_take(&s->stopped);
    if (s->ended != ARM_OK && err != NULL) {
        *err = s->why;
    }
    return s->ended;
}
