/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_TEMPORAL_H
#define ARM_PY_TEMPORAL_H

#include "core.h"
#include <nanoarrow/nanoarrow.h>

/* A date, time, timestamp, duration or interval as Python's; `zone` NULL: UTC. ARM_UNSUPPORTED: it
 * is of no such type. */
PyObject *arm_py_temporal(const struct ArrowSchemaView *type, PyObject *zone,
                          const struct ArrowArrayView *view, int64_t row);

#endif
