/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_TEMPORAL_H
#define ARM_PY_TEMPORAL_H

#include "core.h"
#include <nanoarrow/nanoarrow.h>

/* A date, time, timestamp, duration or interval as Python's; `zone` NULL: UTC. ARM_UNSUPPORTED: it
 * is of no such type. */
PyObject *arm_py_temporal(const struct ArrowSchemaView *type, PyObject *zone,
                          const struct ArrowArrayView *view, int64_t row);

/* A TIMETZ, which is told as text: a time with its offset; the text itself where Python has no such
 * (24:00). */
PyObject *arm_py_time_of_text(PyObject *text);

#endif
