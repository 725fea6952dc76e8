/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* ---- Gates ---- */

enum { LOOK_NS = 50000000, STOP_AGAIN_NS = 20000000, NS_PER_S = 1000000000 };

void arm_py_gate_init(struct gate *gate)
{
    (void)pthread_mutex_init(&gate->mutex, NULL);
    gate->owner = 0;
}

void arm_py_gate_end(struct gate *gate)
{
    (void)pthread_mutex_destroy(&gate->mutex);
}

static struct timespec in_ns(long ns)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += ns;
    if (at.tv_nsec >= NS_PER_S) {
        at.tv_sec++;
        at.tv_nsec -= NS_PER_S;
    }
    return at;
}

/* ---- SIGINT ---- */

/* Signals belong to the process, and so does all of this; only the main thread watches. */
static struct {
    pthread_mutex_t mutex; /* guards the two below */
    struct stopper target; /* the main thread's call; stop NULL: none */
    pid_t pid;             /* whose helper thread runs; 0: none does */
    sem_t came;
    struct sigaction python; /* the handler that ours stands before */
    volatile sig_atomic_t pending;
} watch = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void on_signal(int signo, siginfo_t *info, void *context)
{
    int saved = errno;

    watch.pending = 1;
    (void)sem_post(&watch.came);
    if ((watch.python.sa_flags & SA_SIGINFO) != 0) {
        watch.python.sa_sigaction(signo, info, context);
    } else {
        watch.python.sa_handler(signo);
    }
    errno = saved;
}

/* Stops the call, again and again: it may not have begun yet. */
static void stop_target(void)
{
    bool is_there = true;

    while (is_there) {
        struct timespec wait = {0, STOP_AGAIN_NS};

        (void)pthread_mutex_lock(&watch.mutex);
        is_there = watch.target.stop != NULL && watch.pending;
        if (is_there) {
            watch.target.stop(watch.target.object);
        }
        (void)pthread_mutex_unlock(&watch.mutex);
        if (is_there) {
            (void)nanosleep(&wait, NULL);
        }
    }
}

static void *help(void *unused)
{
    (void)unused;
    for (;;) {
        if (sem_wait(&watch.came) == 0) {
            stop_target();
        }
    }
    return NULL;
}

/* The helper thread of this process, which takes no signals itself. */
static bool start_helper(void)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    int rc;

    if (watch.pid == getpid()) {
        return true;
    }
    if (sem_init(&watch.came, 0, 0) != 0) {
        return false;
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    rc = pthread_create(&thread, NULL, help, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        return false;
    }
    (void)pthread_detach(thread);
    watch.pid = getpid();
    return true;
}

static void set_target(struct stopper target, struct stopper *out_before)
{
    (void)pthread_mutex_lock(&watch.mutex);
    if (out_before != NULL) {
        *out_before = watch.target;
    }
    watch.target = target;
    (void)pthread_mutex_unlock(&watch.mutex);
}

/* False: nobody wants to know of SIGINT, or nobody can be told. */
static bool stand_before_python(void)
{
    struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction now;

    if (sigaction(SIGINT, NULL, &now) != 0) {
        return false;
    }
    if ((now.sa_flags & SA_SIGINFO) == 0 &&
        (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN)) {
        return false;
    }
    if (!start_helper()) {
        return false;
    }
    watch.python = now;
    watch.pending = 0;
    ours.sa_sigaction = on_signal;
    (void)sigemptyset(&ours.sa_mask);
    return sigaction(SIGINT, &ours, NULL) == 0;
}

static void begin_watch(struct call *call, struct stopper stopper)
{
    bool is_inner;

    set_target(stopper, &call->outer);
    is_inner = call->outer.stop != NULL;
    call->is_watched = is_inner || stand_before_python();
    if (!call->is_watched) {
        set_target(call->outer, NULL);
    }
}

/* True: a signal came. */
static bool end_watch(struct call *call)
{
    set_target(call->outer, NULL);
    if (call->outer.stop == NULL) {
        (void)sigaction(SIGINT, &watch.python, NULL);
    }
    return watch.pending != 0;
}

/* ---- Calls ---- */

bool arm_py_gate_is_own(struct gate *gate)
{
    return __atomic_load_n(&gate->owner, __ATOMIC_RELAXED) == PyThread_get_thread_ident();
}

/* Waits for whoever is inside. False: a signal came, or it is this thread. */
static bool pass(struct gate *gate, const struct call *call, bool *out_is_own)
{
    unsigned long own = PyThread_get_thread_ident();

    *out_is_own = arm_py_gate_is_own(gate);
    if (*out_is_own) {
        return false;
    }
    for (;;) {
        struct timespec until = in_ns(LOOK_NS);

        if (pthread_mutex_timedlock(&gate->mutex, &until) == 0) {
            __atomic_store_n(&gate->owner, own, __ATOMIC_RELAXED);
            return true;
        }
        if (call->is_watched && watch.pending) {
            return false;
        }
    }
}

bool arm_py_enter(struct call *call, struct gate *gate, void (*stop)(void *), void *object)
{
    bool is_own = false;

    *call = (struct call){.gate = gate};
    call->thread = PyEval_SaveThread();
    if (stop != NULL && gettid() == getpid()) {
        begin_watch(call, (struct stopper){stop, object});
    }
    if (gate == NULL || pass(gate, call, &is_own)) {
        return true;
    }
    call->gate = NULL;
    if (arm_py_leave(call)) {
        (void)arm_py_raise_format(is_own ? ARM_INVALID : ARM_INTERRUPTED,
                                  is_own ? "in use by a call of this very thread: "
                                           "use another cursor"
                                         : "interrupted");
    }
    return false;
}

bool arm_py_leave(struct call *call)
{
    bool came = call->is_watched && end_watch(call);

    if (call->gate != NULL) {
        __atomic_store_n(&call->gate->owner, 0, __ATOMIC_RELAXED);
        (void)pthread_mutex_unlock(&call->gate->mutex);
    }
    PyEval_RestoreThread(call->thread);
    return !came || PyErr_CheckSignals() == 0;
}

bool arm_py_return(struct call *call, arm_status st, const struct arm_error *err)
{
    if (!arm_py_leave(call)) {
        return false;
    }
    if (st != ARM_OK) {
        (void)arm_py_raise(st, err);
        return false;
    }
    return true;
}
