/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_CALL_H
#define ARM_PY_CALL_H

/* A call into the library: without the GIL, one thread at a time in an object, and ended by Ctrl-C.
 *
 * Python's handler of SIGINT only notes the signal, for the main thread to look at when it runs
 * Python again. So while the main thread is in the library a handler of ours goes before Python's
 * and has a helper thread stop the call, which then fails with ARM_INTERRUPTED; what Python's
 * handler wants is asked for when the call is over. */

#include "core.h"
#include "gate.h"

/* Once, when the module is made; false: there is no memory. */
bool arm_py_call_init(void);

/* The exception of what was made before a fork. */
void arm_py_raise_forked(void);

/* Keep other threads out of an object while Python goes on, until arm_py_gate_come_out; false: an
 * exception is set. */
bool arm_py_hold(struct gate *gate);

/* How a call is stopped: from another thread, while the call runs. */
struct stopper {
    void (*stop)(void *object);
    void *object;
};

struct call {
    PyThreadState *thread;
    struct gate *gate;
    struct stopper outer; /* of a call around this one */
    bool is_watched;
};

/* Leave Python, and go through `gate` (NULL: none). False: an exception is set, and the call is not
 * to be made. `stop` NULL: it cannot be stopped. */
bool arm_py_enter(struct call *call, struct gate *gate, void (*stop)(void *), void *object);
/* Come back to Python. False: an exception is set, by a signal that came meanwhile. */
bool arm_py_leave(struct call *call);
/* Come back after a call that gave `st`: false, with an exception set, unless that was ARM_OK. */
bool arm_py_return(struct call *call, arm_status st, const struct arm_error *err);

#endif
