/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_BATCHES_H
#define ARM_PY_BATCHES_H

/* A pyarrow.RecordBatchReader as an Arrow stream that does not lose what its batches' maker raises:
 * pyarrow's own stream would make it a text.
 *
 * What was raised is kept in a list, with whoever made the call, until the call has failed. */

#include "core.h"

/* Whether an object is read by its batches. */
bool arm_py_is_batches(PyObject *object);
/* A stream of its batches, owned by the caller, for any thread. What is raised is appended to
 * `raised`, a list. False: an exception is set. */
bool arm_py_batches(PyObject *object, PyObject *raised, struct ArrowArrayStream *out);

/* Append the exception that is set to a list, and clear it. */
void arm_py_keep_raised(PyObject *raised);
/* Set the first one of the list, which is emptied; false: there is none. */
bool arm_py_raise_kept(PyObject *raised);
/* Empty the list: what is in it made no call fail. */
void arm_py_forget_raised(PyObject *raised);

#endif
