/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_CORE_H
#define ARM_PY_CORE_H

/* The extension module armillaria._core: the public C header as Python objects, a method a call.
 *
 * P1  It decides nothing: what is comfortable is done in Python, above it.
 * P2  The GIL is released in every call that reads or writes the repository (call.h).
 * P3  Every failure is an exception of armillaria.errors, or one of Python's own; none of its
 *     objects crashes when it is closed, used by two threads, or half-made.
 * P4  An Arrow stream that leaves keeps alive what it reads, without Python (shared_rows.h).
 *
 * It is built for the limited API of CPython 3.11: one binary serves all later ones. */

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>

#include "armillaria.h"

/* ---- errors.c ---- */

/* Find the classes of armillaria.errors; false: an exception is set. */
bool arm_py_errors_init(void);
/* Set the exception of a failed call; returns NULL, for `return arm_py_raise(...)`. `err` NULL: the
 * status says it all. */
PyObject *arm_py_raise(arm_status st, const struct arm_error *err);
/* The same with a text of our own, as for PyErr_Format. */
PyObject *arm_py_raise_format(arm_status st, const char *format, ...);
/* An instance of the exception, not set, to be completed; NULL: another exception is set. */
PyObject *arm_py_exception(arm_status st, const struct arm_error *err);

/* ---- Types, each added to the module by its file ---- */

extern PyTypeObject *arm_py_rows_type;
bool arm_py_rows_init(PyObject *module);
bool arm_py_repo_init(PyObject *module);
bool arm_py_session_init(PyObject *module);
bool arm_py_txn_init(PyObject *module);
bool arm_py_feed_init(PyObject *module);

/* Make a heap type of the module and add it; NULL: an exception is set. Borrowed for ever. */
PyTypeObject *arm_py_type(PyObject *module, PyType_Spec *spec);

#endif
