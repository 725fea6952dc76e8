/* SPDX-License-Identifier: Apache-2.0 */
/* pthread, checked: within one process a lock that fails is our own mistake, so it stops the
 * program (T1). Between processes it is not: the owner of a robust mutex may have died (T2). */

#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { US_PER_SECOND = 1000000, NS_PER_US = 1000 };

/* T1. */
static void check(int error_number)
{
    assert(error_number == 0);
    (void)error_number;
}

void arm__mutex_init(struct arm_mutex *mutex)
{
    check(pthread_mutex_init(&mutex->handle, NULL));
}

void arm__mutex_release(struct arm_mutex *mutex)
{
    check(pthread_mutex_destroy(&mutex->handle));
}

void arm__mutex_lock(struct arm_mutex *mutex)
{
    check(pthread_mutex_lock(&mutex->handle));
}

void arm__mutex_unlock(struct arm_mutex *mutex)
{
    check(pthread_mutex_unlock(&mutex->handle));
}

void arm__cond_init(struct arm_cond *cond)
{
    check(pthread_cond_init(&cond->handle, NULL));
}

void arm__cond_release(struct arm_cond *cond)
{
    check(pthread_cond_destroy(&cond->handle));
}

void arm__cond_wait(struct arm_cond *cond, struct arm_mutex *mutex)
{
    check(pthread_cond_wait(&cond->handle, &mutex->handle));
}

void arm__cond_wake_all(struct arm_cond *cond)
{
    check(pthread_cond_broadcast(&cond->handle));
}

void arm__robust_init(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;

    check(pthread_mutexattr_init(&attributes));
    check(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    check(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    check(pthread_mutex_init(mutex, &attributes));
    check(pthread_mutexattr_destroy(&attributes));
}

arm_status arm__robust_lock(pthread_mutex_t *mutex, bool *out_owner_died, struct arm_error *err)
{
    int error_number = pthread_mutex_lock(mutex);

    if (error_number == EOWNERDEAD) {
        error_number = pthread_mutex_consistent(mutex); /* T2 */
        if (error_number == 0) {
            *out_owner_died = true;
            return ARM_OK;
        }
    }
    if (error_number != 0) {
        char room[128];

        return arm__fail(err, ARM_IO, "cannot take a lock shared between processes: %s",
                         strerror_r(error_number, room, sizeof room));
    }
    *out_owner_died = false;
    return ARM_OK;
}

void arm__robust_unlock(pthread_mutex_t *mutex)
{
    check(pthread_mutex_unlock(mutex));
}

void arm__futex_wait(const uint32_t *word, uint32_t seen, uint64_t wait_us)
{
    struct timespec limit = {
        .tv_sec = (time_t)(wait_us / US_PER_SECOND),
        .tv_nsec = (long)(wait_us % US_PER_SECOND) * NS_PER_US,
    };

    /* Every outcome (woken, changed, interrupted, late) means the same: look again. */
    (void)syscall(SYS_futex, word, FUTEX_WAIT, seen, wait_us == UINT64_MAX ? NULL : &limit, NULL,
                  0);
}

void arm__futex_wake_all(const uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

uint64_t arm__monotonic_us(void)
{
    struct timespec now;

    check(clock_gettime(CLOCK_MONOTONIC, &now));
    return (uint64_t)now.tv_sec * US_PER_SECOND + (uint64_t)now.tv_nsec / NS_PER_US;
}
