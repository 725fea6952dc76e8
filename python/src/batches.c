/* SPDX-License-Identifier: Apache-2.0 */
#include "batches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <nanoarrow/nanoarrow.h>

struct batches {
    PyObject *iterator;
    PyObject *raised; /* a list */
    struct ArrowSchema schema;
    char message[256];
};

/* ---- What is raised ---- */

void arm_py_keep_raised(PyObject *raised)
{
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;

    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (value != NULL && trace != NULL) {
        (void)PyException_SetTraceback(value, trace);
    }
    if (value == NULL || PyList_Append(raised, value) != 0) {
        PyErr_Clear(); /* the call fails nevertheless, with a text */
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

void arm_py_forget_raised(PyObject *raised)
{
    (void)PyList_SetSlice(raised, 0, PyList_Size(raised), NULL);
}

bool arm_py_raise_kept(PyObject *raised)
{
    PyObject *first = PyList_Size(raised) > 0 ? Py_NewRef(PyList_GetItem(raised, 0)) : NULL;

    if (first == NULL) {
        return false;
    }
    arm_py_forget_raised(raised);
    PyErr_SetObject((PyObject *)Py_TYPE(first), first);
    Py_DECREF(first);
    return true;
}

/* ---- The stream ---- */

static int batches_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    struct batches *batches = self->private_data;

    return ArrowSchemaDeepCopy(&batches->schema, out);
}

/* The array of a batch, moved out of its capsule. */
static bool take_array(PyObject *batch, struct ArrowArray *out)
{
    PyObject *pair = PyObject_CallMethod(batch, "__arrow_c_array__", NULL);
    PyObject *capsule = pair == NULL ? NULL : PySequence_GetItem(pair, 1);
    struct ArrowArray *array =
        capsule == NULL ? NULL : PyCapsule_GetPointer(capsule, "arrow_array");

    if (array != NULL) {
        *out = *array;
        array->release = NULL;
    }
    Py_XDECREF(capsule);
    Py_XDECREF(pair);
    return array != NULL;
}

static int batches_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    struct batches *batches = self->private_data;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *batch = PyIter_Next(batches->iterator);
    int rc = 0;

    out->release = NULL;
    if (PyErr_Occurred() || (batch != NULL && !take_array(batch, out))) {
        arm_py_keep_raised(batches->raised);
        (void)snprintf(batches->message, sizeof batches->message,
                       "what makes its batches raised an exception");
        rc = EIO;
    }
    Py_XDECREF(batch);
    PyGILState_Release(gil);
    return rc;
}

static const char *batches_error(struct ArrowArrayStream *self)
{
    struct batches *batches = self->private_data;

    return batches->message;
}

static void batches_release(struct ArrowArrayStream *self)
{
    struct batches *batches = self->private_data;

    if (Py_IsInitialized()) {
        PyGILState_STATE gil = PyGILState_Ensure();

        Py_XDECREF(batches->iterator);
        Py_XDECREF(batches->raised);
        PyGILState_Release(gil);
    }
    if (batches->schema.release != NULL) {
        batches->schema.release(&batches->schema);
    }
    free(batches);
    self->release = NULL;
}

bool arm_py_is_batches(PyObject *object)
{
    return PyObject_HasAttrString(object, "read_next_batch") == 1;
}

static bool take_schema(PyObject *object, struct ArrowSchema *out)
{
    PyObject *schema = PyObject_GetAttrString(object, "schema");
    PyObject *capsule =
        schema == NULL ? NULL : PyObject_CallMethod(schema, "__arrow_c_schema__", NULL);
    struct ArrowSchema *given =
        capsule == NULL ? NULL : PyCapsule_GetPointer(capsule, "arrow_schema");

    if (given != NULL) {
        *out = *given;
        given->release = NULL;
    }
    Py_XDECREF(capsule);
    Py_XDECREF(schema);
    return given != NULL;
}

bool arm_py_batches(PyObject *object, PyObject *raised, struct ArrowArrayStream *out)
{
    struct batches *batches = calloc(1, sizeof *batches);
    struct ArrowArrayStream stream = {.get_schema = batches_schema,
                                      .get_next = batches_next,
                                      .get_last_error = batches_error,
                                      .release = batches_release,
                                      .private_data = batches};

    if (batches == NULL) {
        PyErr_NoMemory();
        return false;
    }
    batches->raised = Py_NewRef(raised);
    batches->iterator = PyObject_GetIter(object);
    if (batches->iterator == NULL || !take_schema(object, &batches->schema)) {
        batches_release(&stream);
        return false;
    }
    *out = stream;
    return true;
}
