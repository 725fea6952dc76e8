/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_STREAM_H
#define ARM_PY_STREAM_H

/* Arrow streams in PyCapsules, as the Arrow PyCapsule interface has them. */

#include "gate.h"

/* A capsule that owns the stream (moved, whatever happens). */
PyObject *arm_py_capsule(struct ArrowArrayStream *stream);
/* Take the stream out of anything that has __arrow_c_stream__, or is such a capsule: the caller owns
 * it then. Of None: `*out` is released. False: an exception is set. */
bool arm_py_stream_of(PyObject *object, struct ArrowArrayStream *out);
/* The same, to be read by a call in the gate (gate.h); what its rows' maker raises is appended to
 * `raised` (batches.h). */
bool arm_py_stream_within(const struct gate *gate, PyObject *raised, PyObject *object,
                          struct ArrowArrayStream *out);
/* Release it, if it is there. */
void arm_py_stream_end(struct ArrowArrayStream *stream);

#endif
