/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_INFER_H
#define ARM_PY_INFER_H

/* The type that all values of a column fit. */

#include "core.h"

enum kind {
    KIND_NULL,
    KIND_BOOL,
    KIND_INT,
    KIND_HUGE,
    KIND_DECIMAL,
    KIND_DOUBLE,
    KIND_STRING,
    KIND_BYTES,
    KIND_DATE,
    KIND_TIME,
    KIND_TIMESTAMP,
    KIND_TIMESTAMP_TZ,
    KIND_INTERVAL,
    KIND_UUID,
    KIND_LIST,
    KIND_STRUCT,
};

struct shape {
    enum kind kind;
    int whole;              /* of a DECIMAL: digits before the point ... */
    int scale;              /* ... and behind it */
    struct shape *children; /* of a list one, of a struct its fields */
    PyObject **names;       /* of the fields; counted */
    Py_ssize_t child_count;
    int depth; /* lists and structs around it */
};

enum { DECIMAL_DIGITS_MAX = 38, DEPTH_MAX = 64 };

/* Widen the shape to what `value` fits as well. `column`, `row`: for the error. */
bool arm_py_shape_take(struct shape *shape, PyObject *value, PyObject *column, Py_ssize_t row);
void arm_py_shape_free(struct shape *shape);

/* A value as it is looked at: numpy's scalars and arrays become Python's, what pandas has for
 * nothing None. New reference. */
PyObject *arm_py_plain(PyObject *value);

#endif
