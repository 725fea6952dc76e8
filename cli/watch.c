/* SPDX-License-Identifier: Apache-2.0 */
/* Signals and the progress bar. */

#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

enum {
    TICK_MS = 100,
    PATIENCE_TICKS = 5, /* work shorter than this shows no bar */
    BAR_CELLS_MAX = 30,
    STUCK_TICKS = 10, /* a write that lasts longer will not end */
    WIDTH_MIN = 20,   /* a narrower terminal gets no bar */
};

/* `mutex` guards what is below it. */
struct cli_watch {
    pthread_t thread;
    bool has_thread;
    bool may_draw; /* stderr is a terminal, and nobody asked for quiet */
    sigset_t signals;
    int event; /* readable once a signal came */
    atomic_int caught;
    atomic_bool ending;
    atomic_bool rests;
    atomic_bool writes;
    unsigned stuck_ticks; /* the writing goes on since a signal came; the thread's */
    pthread_mutex_t mutex;
    arm_session *session;
    arm_feed *feed;
    const char *what; /* NULL: no bar wanted */
    double progress;
    unsigned ticks; /* since the bar was wanted */
    bool is_drawn;
};

static void wipe(struct cli_watch *watch)
{
    if (watch->is_drawn) {
        (void)fputs("\r\x1b[K", stderr);
        (void)fflush(stderr);
        watch->is_drawn = false;
    }
}

/* "running [#####.....]  50 %", or "running ... 3 s". A line that reaches the terminal's edge could
 * not be wiped. */
static void draw(struct cli_watch *watch, double progress)
{
    int width = (int)cli_terminal_width(stderr);
    int cells = width - 1 - (int)strlen(watch->what) - (int)strlen(" [] 100 %");
    char bar[BAR_CELLS_MAX + 1];

    if (width < WIDTH_MIN) {
        return;
    }
    cells = cells > BAR_CELLS_MAX ? BAR_CELLS_MAX : cells;
    for (int i = 0; i < cells; i++) {
        bar[i] = i < (int)(progress * cells) ? '#' : '.';
    }
    if (progress >= 0 && cells > 0) {
        (void)fprintf(stderr, "\r\x1b[K%s [%.*s] %3.0f %%", watch->what, cells, bar,
                      progress * 100);
    } else {
        (void)fprintf(stderr, "\r\x1b[K%s ... %u s", watch->what, watch->ticks * TICK_MS / 1000);
    }
    (void)fflush(stderr);
    watch->is_drawn = true;
}

static void tick(struct cli_watch *watch)
{
    bool is_stuck = atomic_load(&watch->caught) != 0 && atomic_load(&watch->writes);

    watch->stuck_ticks = is_stuck ? watch->stuck_ticks + 1 : 0;
    if (watch->stuck_ticks > STUCK_TICKS) {
        _exit(CLI_SIGNAL + atomic_load(&watch->caught));
    }
    (void)pthread_mutex_lock(&watch->mutex);
    if (watch->session != NULL && atomic_load(&watch->caught) != 0) {
        arm_session_interrupt(watch->session);
    }
    if (watch->feed != NULL && atomic_load(&watch->caught) != 0) {
        arm_feed_interrupt(watch->feed);
    }
    if (watch->what != NULL && watch->may_draw && ++watch->ticks >= PATIENCE_TICKS) {
        double progress = watch->progress;

        if (watch->session != NULL && progress < 0) {
            progress = arm_session_progress(watch->session);
        }
        draw(watch, progress > 1 ? 1 : progress);
    }
    (void)pthread_mutex_unlock(&watch->mutex);
}

static void catch_signal(struct cli_watch *watch, int signal_number)
{
    if (atomic_exchange(&watch->caught, signal_number) != 0 && !atomic_load(&watch->rests)) {
        wipe(watch);
        _exit(CLI_SIGNAL + signal_number);
    }
    (void)eventfd_write(watch->event, 1);
}

static void *watch_loop(void *context)
{
    struct cli_watch *watch = context;
    const struct timespec wait = {.tv_nsec = TICK_MS * 1000000L};

    while (!atomic_load(&watch->ending)) {
        int signal_number = sigtimedwait(&watch->signals, NULL, &wait);

        if (signal_number == SIGINT || signal_number == SIGTERM) {
            catch_signal(watch, signal_number);
        }
        tick(watch);
    }
    return NULL;
}

/* A signal that is ignored (nohup, a background job) stays so. */
static void add_signal(sigset_t *signals, int signal_number)
{
    struct sigaction action;

    if (sigaction(signal_number, NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
        (void)sigaddset(signals, signal_number);
    }
}

struct cli_watch *cli_watch_begin(const struct cli *cli)
{
    struct cli_watch *watch = cli_alloc(1, sizeof *watch);

    watch->may_draw = !cli->quiet && isatty(STDERR_FILENO) == 1;
    watch->progress = -1;
    watch->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&watch->mutex, NULL);
    (void)sigemptyset(&watch->signals);
    add_signal(&watch->signals, SIGINT);
    add_signal(&watch->signals, SIGTERM);
    (void)sigaddset(&watch->signals, SIGUSR2); /* ours: wakes the thread to end */
    (void)pthread_sigmask(SIG_BLOCK, &watch->signals, NULL);
    watch->has_thread = pthread_create(&watch->thread, NULL, watch_loop, watch) == 0;
    return watch;
}

void cli_watch_end(struct cli_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    atomic_store(&watch->ending, true);
    if (watch->has_thread) {
        (void)pthread_kill(watch->thread, SIGUSR2);
        (void)pthread_join(watch->thread, NULL);
    }
    wipe(watch);
    (void)pthread_mutex_destroy(&watch->mutex);
    (void)close(watch->event);
    free(watch);
}

void cli_watch_session(struct cli_watch *watch, arm_session *session)
{
    (void)pthread_mutex_lock(&watch->mutex);
    watch->session = session;
    if (session != NULL && watch->may_draw) {
        (void)arm_session_progress(session); /* from now on it is counted */
    }
    (void)pthread_mutex_unlock(&watch->mutex);
}

void cli_watch_feed(struct cli_watch *watch, arm_feed *feed)
{
    (void)pthread_mutex_lock(&watch->mutex);
    watch->feed = feed;
    (void)pthread_mutex_unlock(&watch->mutex);
}

void cli_watch_progress(struct cli_watch *watch, double progress)
{
    (void)pthread_mutex_lock(&watch->mutex);
    watch->progress = progress;
    (void)pthread_mutex_unlock(&watch->mutex);
}

void cli_watch_show(struct cli_watch *watch, const char *what)
{
    (void)pthread_mutex_lock(&watch->mutex);
    watch->what = what;
    watch->ticks = 0;
    (void)pthread_mutex_unlock(&watch->mutex);
}

void cli_watch_hide(struct cli_watch *watch)
{
    (void)pthread_mutex_lock(&watch->mutex);
    watch->what = NULL;
    wipe(watch);
    (void)pthread_mutex_unlock(&watch->mutex);
}

void cli_watch_writing(struct cli_watch *watch, bool is_writing)
{
    atomic_store(&watch->writes, is_writing);
}

int cli_watch_caught(const struct cli_watch *watch)
{
    return atomic_load(&watch->caught);
}

arm_status cli_watch_read(const struct cli_watch *watch, int fd, const char *name, void *data,
                          size_t size, size_t *out_size, struct arm_error *err)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = watch->event, .events = POLLIN}};
    ssize_t got = -1;

    while (got < 0) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            return cli_fail_errno(err, "wait for", name);
        }
        if (cli_watch_caught(watch) != 0) {
            return cli_fail(err, ARM_INTERRUPTED, "interrupted");
        }
        got = read(fd, data, size);
        if (got < 0 && errno != EINTR && errno != EAGAIN) {
            return cli_fail_errno(err, "read", name);
        }
    }
    *out_size = (size_t)got;
    return ARM_OK;
}

int cli_watch_forget(struct cli_watch *watch)
{
    eventfd_t count = 0;

    (void)eventfd_read(watch->event, &count);
    return atomic_exchange(&watch->caught, 0);
}

void cli_watch_rest(struct cli_watch *watch, bool rests)
{
    atomic_store(&watch->rests, rests);
}
