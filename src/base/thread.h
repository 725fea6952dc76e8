/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_BASE_THREAD_H
#define ARM_BASE_THREAD_H

/* Mutexes, condition variables and threads of this process (pthread, checked), and the two
 * things shared between processes: a robust mutex and a futex, in mapped memory. */

#include <pthread.h>

#include "base/status.h"

struct arm_mutex {
    pthread_mutex_t handle;
};

struct arm_cond {
    pthread_cond_t handle;
};

void arm__mutex_init(struct arm_mutex *mutex);
void arm__mutex_release(struct arm_mutex *mutex);
void arm__mutex_lock(struct arm_mutex *mutex);
void arm__mutex_unlock(struct arm_mutex *mutex);
void arm__cond_init(struct arm_cond *cond);
void arm__cond_release(struct arm_cond *cond);
void arm__cond_wait(struct arm_cond *cond, struct arm_mutex *mutex);
void arm__cond_wake_all(struct arm_cond *cond);

/* Robust, process-shared mutex in mapped memory. Lock: `*out_owner_died` is true when its
 * owner died holding it; the lock is then held and usable. Errors: ARM_IO when the mutex is
 * beyond repair. */
void arm__robust_init(pthread_mutex_t *mutex);
arm_status arm__robust_lock(pthread_mutex_t *mutex, bool *out_owner_died, struct arm_error *err);
void arm__robust_unlock(pthread_mutex_t *mutex);

/* Wait while *word == seen, at most `wait_us` (UINT64_MAX: no limit); wakes spuriously. */
void arm__futex_wait(const uint32_t *word, uint32_t seen, uint64_t wait_us);
void arm__futex_wake_all(const uint32_t *word);

/* Something that one thread, or a signal handler, tells another; in headers that C++ reads too. */
struct arm_flag {
    uint32_t value;
};
static inline void arm__flag_set(struct arm_flag *flag)
{
    __atomic_store_n(&flag->value, 1, __ATOMIC_SEQ_CST);
}
static inline bool arm__flag_is_set(const struct arm_flag *flag)
{
    return __atomic_load_n(&flag->value, __ATOMIC_SEQ_CST) != 0;
}
/* Whether it was set; it no longer is. */
static inline bool arm__flag_take(struct arm_flag *flag)
{
    return __atomic_exchange_n(&flag->value, 0, __ATOMIC_SEQ_CST) != 0;
}

/* Microseconds of a clock that never goes back. */
uint64_t arm__monotonic_us(void);

#endif
