/* SPDX-License-Identifier: Apache-2.0 */
/* What a failed call becomes: armillaria.errors has a class for each status. */

#include <stdarg.h>

#include <string.h>

#include "core.h"

static PyObject *classes;    /* dict: number of a status -> class */
static PyObject *base_class; /* armillaria.errors.Error */

bool arm_py_errors_init(void)
{
    PyObject *module = PyImport_ImportModule("armillaria.errors");

    if (module == NULL) {
        return false;
    }
    classes = PyObject_GetAttrString(module, "BY_STATUS");
    base_class = PyObject_GetAttrString(module, "Error");
    Py_DECREF(module);
    return classes != NULL && base_class != NULL;
}

/* Borrowed. */
static PyObject *class_of(arm_status st)
{
    PyObject *number = PyLong_FromLong(st);
    PyObject *found;

    if (number == NULL) {
        return NULL;
    }
    found = PyDict_GetItemWithError(classes, number);
    Py_DECREF(number);
    if (found == NULL && !PyErr_Occurred()) {
        found = base_class;
    }
    return found;
}

static bool set_commit_id(PyObject *exception, const struct arm_error *err)
{
    PyObject *id = PyBytes_FromStringAndSize((const char *)err->commit_id, sizeof err->commit_id);
    PyObject *text = id == NULL ? NULL : PyObject_CallMethod(id, "hex", NULL);
    bool ok = text != NULL && PyObject_SetAttrString(exception, "commit_id", text) == 0;

    Py_XDECREF(id);
    Py_XDECREF(text);
    return ok;
}

PyObject *arm_py_exception(arm_status st, const struct arm_error *err)
{
    PyObject *class = class_of(st);
    const char *text = err == NULL ? arm_status_text(st) : err->message;
    PyObject *message = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    PyObject *exception = class == NULL || message == NULL
                              ? NULL
                              : PyObject_CallFunctionObjArgs(class, message, NULL);

    Py_XDECREF(message);
    if (exception != NULL && st == ARM_COMMIT_UNKNOWN && err != NULL &&
        !set_commit_id(exception, err)) {
        Py_CLEAR(exception);
    }
    return exception;
}

PyObject *arm_py_raise(arm_status st, const struct arm_error *err)
{
    PyObject *exception;

    if (PyErr_Occurred()) { /* a callback's, which is why the call failed */
        return NULL;
    }
    exception = arm_py_exception(st, err);
    if (exception != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        Py_DECREF(exception);
    }
    return NULL;
}

PyObject *arm_py_raise_format(arm_status st, const char *format, ...)
{
    PyObject *class = class_of(st);
    va_list arguments;

    va_start(arguments, format);
    if (class != NULL) {
        (void)PyErr_FormatV(class, format, arguments);
    }
    va_end(arguments);
    return NULL;
}
