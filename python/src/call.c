/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* ---- SIGINT ---- */

enum { STOP_AGAIN_NS = 20000000 };

/* Signals belong to the process, and so does all of this; only the main thread watches. */
static struct {
    pthread_mutex_t mutex; /* guards the two below */
    struct stopper target; /* the main thread's call; stop NULL: none */
    unsigned long main;    /* that thread */
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

/* In a child who held the mutex is not there, nor is the helper, nor maybe who called. */
static void forget_parent(void)
{
    (void)pthread_mutex_init(&watch.mutex, NULL);
    watch.target = (struct stopper){NULL, NULL};
}

bool arm_py_call_init(void)
{
    return pthread_atfork(NULL, NULL, forget_parent) == 0;
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
    watch.pending = 0;
    if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_signal) {
        return true; /* since a call in which this process was forked */
    }
    watch.python = now;
    ours.sa_sigaction = on_signal;
    (void)sigemptyset(&ours.sa_mask);
    return sigaction(SIGINT, &ours, NULL) == 0;
}

static void begin_watch(struct call *call, struct stopper stopper)
{
    bool is_inner;

    watch.main = PyThread_get_thread_ident();
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
    bool came = watch.pending != 0;

    set_target(call->outer, NULL);
    if (call->outer.stop == NULL) {
        (void)sigaction(SIGINT, &watch.python, NULL);
        watch.pending = 0;
    }
    return came;
}

/* ---- Calls ---- */

/* Whether waiting for the gate is to end: a signal came for the main thread, which waits itself, or
 * is inside, maybe for what this thread is to bring. */
static bool is_given_up(const struct gate *gate, void *context)
{
    const struct call *call = context;

    return watch.pending && (call->is_watched || arm_py_gate_owner(gate) == watch.main);
}

/* The same of a thread that is in no call: a signal's handler raised. */
static bool has_raised(const struct gate *gate, void *context)
{
    PyThreadState **thread = context;
    bool raised;

    (void)gate;
    PyEval_RestoreThread(*thread);
    raised = PyErr_CheckSignals() != 0;
    *thread = PyEval_SaveThread();
    return raised;
}

void arm_py_raise_forked(void)
{
    (void)arm_py_raise_format(
        ARM_FORKED, "it was made before this process was forked: open the repository anew");
}

static void raise_outside(arm_status st)
{
    if (st == ARM_FORKED) {
        arm_py_raise_forked();
    } else if (st == ARM_INVALID) {
        (void)arm_py_raise_format(st, "in use by a call that waits for this very one: "
                                      "use another cursor");
    } else {
        (void)arm_py_raise_format(st, "interrupted");
    }
}

bool arm_py_hold(struct gate *gate)
{
    PyThreadState *thread = PyEval_SaveThread();
    arm_status st = arm_py_gate_pass(gate, has_raised, &thread);

    PyEval_RestoreThread(thread);
    if (st != ARM_OK && !PyErr_Occurred()) {
        raise_outside(st);
    }
    return st == ARM_OK;
}

bool arm_py_enter(struct call *call, struct gate *gate, void (*stop)(void *), void *object)
{
    arm_status st;

    *call = (struct call){.gate = gate};
    call->thread = PyEval_SaveThread();
    if (stop != NULL && gettid() == getpid()) {
        begin_watch(call, (struct stopper){stop, object});
    }
    st = gate == NULL ? ARM_OK : arm_py_gate_pass(gate, is_given_up, call);
    if (st == ARM_OK) {
        return true;
    }
    call->gate = NULL;
    if (arm_py_leave(call)) {
        raise_outside(st);
    }
    return false;
}

bool arm_py_leave(struct call *call)
{
    bool came = call->is_watched && end_watch(call);

    if (call->gate != NULL) {
        arm_py_gate_come_out(call->gate);
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
