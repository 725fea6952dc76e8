/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_FROM_PYTHON_H
#define ARM_PY_FROM_PYTHON_H

/* Python's values as Arrow's: for parameters, and for tables made of lists and dicts. A column has
 * the narrowest of BOOLEAN, BIGINT, HUGEINT, DECIMAL, DOUBLE, VARCHAR, BLOB, DATE, TIME, TIMESTAMP,
 * TIMESTAMP WITH TIME ZONE, INTERVAL, UUID, a list or a struct of them that all its values fit; one
 * of None alone is NULL. What is neither is refused, by column and row. */

#include "core.h"

/* `names`: a list of str, `columns`: a list of as many lists of one length. A stream of their rows,
 * owned by the caller; false: an exception is set. */
bool arm_py_build(PyObject *names, PyObject *columns, struct ArrowArrayStream *out);

#endif
