/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include "batches.h"

#include <stdlib.h>
#include <string.h>

static const char capsule_name[] = "arrow_array_stream";

void arm_py_stream_end(struct ArrowArrayStream *stream)
{
    if (stream->release != NULL) {
        stream->release(stream);
    }
}

static void free_stream(struct ArrowArrayStream *stream)
{
    arm_py_stream_end(stream);
    free(stream);
}

static void end_capsule(PyObject *capsule)
{
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, capsule_name);

    if (stream == NULL) {
        PyErr_Clear();
        return;
    }
    free_stream(stream);
}

PyObject *arm_py_capsule(struct ArrowArrayStream *stream)
{
    struct ArrowArrayStream *kept = malloc(sizeof *kept);
    PyObject *capsule;

    if (kept == NULL) {
        stream->release(stream);
        return PyErr_NoMemory();
    }
    *kept = *stream;
    stream->release = NULL;
    capsule = PyCapsule_New(kept, capsule_name, end_capsule);
    if (capsule == NULL) {
        free_stream(kept);
    }
    return capsule;
}

static bool take(PyObject *capsule, struct ArrowArrayStream *out)
{
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, capsule_name);

    if (stream == NULL) {
        return false;
    }
    if (stream->release == NULL) {
        (void)arm_py_raise_format(ARM_INVALID, "the Arrow stream was read already");
        return false;
    }
    *out = *stream;
    stream->release = NULL;
    return true;
}

bool arm_py_stream_of(PyObject *object, struct ArrowArrayStream *out)
{
    PyObject *capsule;
    bool ok;

    memset(out, 0, sizeof *out);
    if (object == Py_None) {
        return true;
    }
    capsule = PyCapsule_IsValid(object, capsule_name)
                  ? Py_NewRef(object)
                  : PyObject_CallMethod(object, "__arrow_c_stream__", NULL);
    if (capsule != NULL && !PyCapsule_IsValid(capsule, capsule_name)) {
        (void)arm_py_raise_format(ARM_INVALID, "__arrow_c_stream__ gave no Arrow stream");
        Py_CLEAR(capsule);
    }
    ok = capsule != NULL && take(capsule, out);
    Py_XDECREF(capsule);
    return ok;
}

bool arm_py_stream_within(const struct gate *gate, PyObject *raised, PyObject *object,
                          struct ArrowArrayStream *out)
{
    if (arm_py_is_batches(object) ? !arm_py_batches(object, raised, out)
                                  : !arm_py_stream_of(object, out)) {
        return false;
    }
    if (out->release != NULL && !arm_py_pull_within(gate, out)) {
        PyErr_NoMemory();
        return false;
    }
    return true;
}
