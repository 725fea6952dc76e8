/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that waits for a statement's time to be up, and interrupts its session then. */

#include <errno.h>
#include <time.h>

#include "base/alloc.h"
#include "query/query_private.h"

static const uint64_t US_PER_SECOND = 1000000;
static const uint64_t NS_PER_US = 1000;
static const uint64_t NS_PER_SECOND = 1000000000;

struct arm_watchdog {
    struct arm_query_session *session; /* borrowed: whoever starts it holds it until the stop */
    struct timespec deadline;          /* of the monotonic clock */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool stopped;
};

static void *watch(void *self)
{
    struct arm_watchdog *watchdog = self;
    int rc = 0;

    (void)pthread_mutex_lock(&watchdog->mutex);
    while (!watchdog->stopped && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&watchdog->cond, &watchdog->mutex, &watchdog->deadline);
    }
    if (!watchdog->stopped) {
        arm__session_interrupt(watchdog->session);
    }
    (void)pthread_mutex_unlock(&watchdog->mutex);
    return NULL;
}

static struct timespec deadline_after(uint64_t timeout_us)
{
    struct timespec at = {0};
    uint64_t nanoseconds;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    nanoseconds = (uint64_t)at.tv_nsec + timeout_us % US_PER_SECOND * NS_PER_US;
    at.tv_sec += (time_t)(timeout_us / US_PER_SECOND + nanoseconds / NS_PER_SECOND);
    at.tv_nsec = (long)(nanoseconds % NS_PER_SECOND);
    return at;
}

arm_status arm__watchdog_start(struct arm_query_session *session, uint64_t timeout_us,
                               struct arm_watchdog **out, struct arm_error *err)
{
    struct arm_watchdog *watchdog = NULL;
    pthread_condattr_t attributes;
    arm_status st = ARM_OK;
    int rc;

    ARM_TRY(arm__calloc(1, sizeof *watchdog, &watchdog, err));
    watchdog->session = session;
    watchdog->deadline = deadline_after(timeout_us);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&watchdog->cond, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&watchdog->mutex, NULL);
    rc = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    if (rc != 0) {
        (void)pthread_cond_destroy(&watchdog->cond);
        (void)pthread_mutex_destroy(&watchdog->mutex);
        st = arm__fail_errno(err, rc, "start", "a thread for the time limit");
        goto done;
    }
    *out = watchdog;
    watchdog = NULL;
done:
    arm__free(watchdog);
    return st;
}

void arm__watchdog_stop(struct arm_watchdog *watchdog)
{
    if (watchdog == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&watchdog->mutex);
    watchdog->stopped = true;
    (void)pthread_cond_signal(&watchdog->cond);
    (void)pthread_mutex_unlock(&watchdog->mutex);
    (void)pthread_join(watchdog->thread, NULL);
    (void)pthread_cond_destroy(&watchdog->cond);
    (void)pthread_mutex_destroy(&watchdog->mutex);
    arm__free(watchdog);
}
