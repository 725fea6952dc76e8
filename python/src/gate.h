/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_GATE_H
#define ARM_PY_GATE_H

/* One thread at a time in an object, and no thread that would wait for itself: a call may ask Python
 * for rows, in a thread of the library's, and what makes the rows may come back with another call.
 */

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core.h"

/* Lets one thread at a time into an object; in a forked child nobody, for whoever was inside is not
 * there to come out. */
struct gate {
    pthread_mutex_t mutex;
    unsigned long owner;  /* the thread inside; 0: none */
    pthread_mutex_t peek; /* of who looks past whoever is inside, for a moment */
    pid_t pid;            /* the process it was made in */
};
void arm_py_gate_init(struct gate *gate);
void arm_py_gate_end(struct gate *gate);
/* Whether this very thread is inside, or pulls rows for a call that is (or for its result, later):
 * what a statement asks of Python may come back to it. */
bool arm_py_gate_is_own(struct gate *gate);
/* Whether this is a forked child of the gate's process. */
bool arm_py_gate_is_forked(const struct gate *gate);
/* Look past whoever is inside; with or without the GIL. False: in a forked child, where there is
 * nothing to be seen. */
bool arm_py_gate_look(struct gate *gate);
void arm_py_gate_looked(struct gate *gate);
/* Wait for whoever is inside, and go in; without the GIL. ARM_FORKED; ARM_INVALID: that is this
 * thread; ARM_INTERRUPTED: `gives_up`, asked now and then, said so. */
arm_status arm_py_gate_pass(struct gate *gate,
                            bool (*gives_up)(const struct gate *gate, void *context),
                            void *context);
/* Come out; with or without the GIL. */
void arm_py_gate_come_out(struct gate *gate);
/* The thread inside; 0: none. */
unsigned long arm_py_gate_owner(const struct gate *gate);

/* Have a stream say that whoever pulls its rows, in whichever thread, does so for a call in the
 * gate, which is only compared. The stream is changed in place, or ended: false, and no memory. */
bool arm_py_pull_within(const struct gate *gate, struct ArrowArrayStream *stream);

#endif
