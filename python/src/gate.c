/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_NS = 50000000, NS_PER_S = 1000000000 };

/* ---- Life ---- */

void arm_py_gate_init(struct gate *gate)
{
    (void)pthread_mutex_init(&gate->mutex, NULL);
    (void)pthread_mutex_init(&gate->peek, NULL);
    gate->owner = 0;
    gate->pid = getpid();
}

void arm_py_gate_end(struct gate *gate)
{
    (void)pthread_mutex_destroy(&gate->mutex);
    (void)pthread_mutex_destroy(&gate->peek);
}

bool arm_py_gate_is_forked(const struct gate *gate)
{
    return gate->pid != getpid();
}

bool arm_py_gate_look(struct gate *gate)
{
    return !arm_py_gate_is_forked(gate) && pthread_mutex_lock(&gate->peek) == 0;
}

void arm_py_gate_looked(struct gate *gate)
{
    (void)pthread_mutex_unlock(&gate->peek);
}

/* ---- Rows that a call asks for ---- */

/* For which gates this thread pulls rows: a list on its stack. */
struct pull {
    const struct gate *gate;
    const struct pull *outer;
};
static _Thread_local const struct pull *pulling;

struct pulled {
    const struct gate *gate;
    struct ArrowArrayStream stream;
};

static int pulled_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct pulled *pulled = self->private_data;
    struct pull pull = {pulled->gate, pulling};
    int rc;

    pulling = &pull;
    rc = pulled->stream.get_schema(&pulled->stream, out);
    pulling = pull.outer;
    return rc;
}

static int pulled_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct pulled *pulled = self->private_data;
    struct pull pull = {pulled->gate, pulling};
    int rc;

    pulling = &pull;
    rc = pulled->stream.get_next(&pulled->stream, out);
    pulling = pull.outer;
    return rc;
}

static const char *pulled_error(struct ArrowArrayStream *self)
{
    struct pulled *pulled = self->private_data;

    return pulled->stream.get_last_error(&pulled->stream);
}

static void pulled_release(struct ArrowArrayStream *self)
{
    struct pulled *pulled = self->private_data;

    pulled->stream.release(&pulled->stream);
    free(pulled);
    self->release = NULL;
}

bool arm_py_pull_within(const struct gate *gate, struct ArrowArrayStream *stream)
{
    struct pulled *pulled = malloc(sizeof *pulled);

    if (pulled == NULL) {
        stream->release(stream);
        return false;
    }
    *pulled = (struct pulled){gate, *stream};
    *stream = (struct ArrowArrayStream){.get_schema = pulled_schema,
                                        .get_next = pulled_next,
                                        .get_last_error = pulled_error,
                                        .release = pulled_release,
                                        .private_data = pulled};
    return true;
}

/* ---- Going in ---- */

unsigned long arm_py_gate_owner(const struct gate *gate)
{
    return __atomic_load_n(&gate->owner, __ATOMIC_RELAXED);
}

bool arm_py_gate_is_own(struct gate *gate)
{
    for (const struct pull *pull = pulling; pull != NULL; pull = pull->outer) {
        if (pull->gate == gate) {
            return true;
        }
    }
    return arm_py_gate_owner(gate) == PyThread_get_thread_ident();
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

arm_status arm_py_gate_pass(struct gate *gate,
                            bool (*gives_up)(const struct gate *gate, void *context), void *context)
{
    if (arm_py_gate_is_forked(gate)) {
        return ARM_FORKED;
    }
    if (arm_py_gate_is_own(gate)) {
        return ARM_INVALID;
    }
    for (;;) {
        struct timespec until = in_ns(LOOK_NS);

        if (pthread_mutex_timedlock(&gate->mutex, &until) == 0) {
            __atomic_store_n(&gate->owner, PyThread_get_thread_ident(), __ATOMIC_RELAXED);
            return ARM_OK;
        }
        if (gives_up(gate, context)) {
            return ARM_INTERRUPTED;
        }
    }
}

void arm_py_gate_come_out(struct gate *gate)
{
    __atomic_store_n(&gate->owner, 0, __ATOMIC_RELAXED);
    (void)pthread_mutex_unlock(&gate->mutex);
}
