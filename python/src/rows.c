/* SPDX-License-Identifier: Apache-2.0 */
/* The type Rows: what a statement gave, for as many readers as like. */

#include <errno.h>
#include <string.h>

#include "batches.h"
#include "session.h"
#include "shared_rows.h"
#include "stream.h"
#include "to_python.h"
#include <nanoarrow/nanoarrow.h>

PyTypeObject *arm_py_rows_type;

/* Where somebody reads: a batch and a row of it. */
struct place {
    size_t batch;
    int64_t row;
};

/* Who reads values of a batch. */
struct reading {
    struct row_reader *reader;
    size_t at; /* it stands at batch `at` - 1; 0: at none */
};

struct rows {
    PyObject_HEAD struct shared_rows *shared;
    struct reading spare; /* a reader that nobody uses now; NULL: none */
    struct place cursor;  /* of fetch(), one of which is made at a time: */
    struct gate fetching;
    struct session *session; /* which gave them; counted; NULL: they need none */
    struct gate gate;
};

static PyObject *raise_read(int code, const char *message)
{
    arm_status st = code == EINTR    ? ARM_INTERRUPTED
                    : code == ENOMEM ? ARM_NO_MEMORY
                    : code == ENOSPC ? ARM_FULL
                                     : ARM_SQL;

    return PyErr_Occurred() ? NULL : arm_py_raise_format(st, "%s", message);
}

/* Whether what makes rows that the session reads raised: its exception is set. */
static bool was_raised(const struct session *session)
{
    return session != NULL && arm_py_raise_kept(session->raised);
}

/* ---- Life ---- */

PyObject *arm_py_rows(struct ArrowArrayStream *stream, struct session *session)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(arm_py_rows_type, Py_tp_alloc);
    struct rows *self = (struct rows *)allocate(arm_py_rows_type, 0);
    char message[SHARED_MESSAGE_BYTES];
    int rc;

    if (self == NULL) {
        stream->release(stream);
        return NULL;
    }
    arm_py_gate_init(&self->gate);
    arm_py_gate_init(&self->fetching);
    rc = shared_rows_new(stream, &self->shared, message);
    if (rc != 0) {
        Py_DECREF(self);
        return was_raised(session) ? NULL : raise_read(rc, message);
    }
    self->session = (struct session *)Py_XNewRef((PyObject *)session);
    return (PyObject *)self;
}

static void rows_dealloc(struct rows *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    arm_py_reader_free(self->spare.reader);
    if (self->shared != NULL) {
        PyThreadState *thread = PyEval_SaveThread(); /* the last one may end a running statement */

        shared_rows_drop(self->shared);
        PyEval_RestoreThread(thread);
    }
    Py_XDECREF((PyObject *)self->session);
    arm_py_gate_end(&self->gate);
    arm_py_gate_end(&self->fetching);
    release(self);
    Py_DECREF(type);
}

/* ---- Reading ---- */

/* Batch `i`, NULL behind the last; false: an exception is set. */
static bool find_batch(struct rows *self, size_t i, const struct ArrowArray **out)
{
    char message[SHARED_MESSAGE_BYTES];
    struct call call;
    int rc;

    if (PyErr_CheckSignals() != 0 || /* one that came between two batches */
        !arm_py_enter(&call, &self->gate, self->session == NULL ? NULL : arm_py_session_stop,
                      self->session)) {
        return false;
    }
    rc = shared_rows_batch(self->shared, i, out, message);
    if (!arm_py_leave(&call)) {
        return false;
    }
    if (rc != 0 && !was_raised(self->session)) {
        (void)raise_read(rc, message);
    }
    return rc == 0;
}

/* Making values may run Python code, and so another thread, which may read these rows as well: each
 * has a reader of its own meanwhile. */
static bool take_reader(struct rows *self, struct reading *out)
{
    *out = self->spare;
    self->spare.reader = NULL;
    if (out->reader == NULL) {
        out->reader = arm_py_reader_new(shared_rows_schema(self->shared));
        out->at = 0;
    }
    return out->reader != NULL;
}

static void give_back(struct rows *self, const struct reading *reading)
{
    if (self->spare.reader == NULL) {
        self->spare = *reading;
    } else {
        arm_py_reader_free(reading->reader);
    }
}

/* Have the reader stand at the batch of a place, which moves over empty ones and those that it is
 * through with. `*out_rows` 0: there is no more. */
static bool stand_at(struct rows *self, struct reading *reading, struct place *place,
                     int64_t *out_rows)
{
    const struct ArrowArray *batch;

    for (;;) {
        if (!find_batch(self, place->batch, &batch)) {
            return false;
        }
        if (batch == NULL) {
            *out_rows = 0;
            return true;
        }
        if (place->row < batch->length) {
            break;
        }
        place->batch++;
        place->row = 0;
    }
    if (reading->at != place->batch + 1) {
        reading->at = 0;
        if (!arm_py_reader_set(reading->reader, batch)) {
            return false;
        }
        reading->at = place->batch + 1;
    }
    *out_rows = batch->length;
    return true;
}

static PyObject *row_as_dict(struct row_reader *reader, PyObject *names, int64_t row)
{
    PyObject *dict = PyDict_New();
    Py_ssize_t count = PyList_Size(names);

    for (Py_ssize_t i = 0; dict != NULL && i < count; i++) {
        PyObject *value = arm_py_reader_value(reader, i, row);

        if (value == NULL || PyDict_SetItem(dict, PyList_GetItem(names, i), value) != 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(value);
    }
    return dict;
}

/* Add up to `*count` rows of the batch (negative: all of them) to a list. */
static bool add_rows(struct row_reader *reader, struct place *place, int64_t length,
                     Py_ssize_t *count, PyObject *names, PyObject *list)
{
    for (; place->row < length && *count != 0; place->row++) {
        PyObject *row = names == NULL ? arm_py_reader_row(reader, place->row)
                                      : row_as_dict(reader, names, place->row);
        bool ok = row != NULL && PyList_Append(list, row) == 0;

        Py_XDECREF(row);
        if (!ok) {
            return false;
        }
        *count -= *count > 0;
    }
    return true;
}

/* Up to `count` rows from a place on (negative: all), as tuples, or dicts if there are names. */
static PyObject *read_rows(struct rows *self, struct place *place, Py_ssize_t count,
                           PyObject *names)
{
    PyObject *list = PyList_New(0);
    struct reading reading = {NULL, 0};
    int64_t length = 0;
    bool ok = list != NULL && take_reader(self, &reading);

    while (ok && count != 0) {
        ok = stand_at(self, &reading, place, &length);
        if (!ok || length == 0) {
            break;
        }
        ok = add_rows(reading.reader, place, length, &count, names, list);
    }
    if (reading.reader != NULL) {
        give_back(self, &reading);
    }
    if (!ok) {
        Py_CLEAR(list);
    }
    return list;
}

static PyObject *rows_fetch(struct rows *self, PyObject *arguments)
{
    struct place place;
    Py_ssize_t count = -1;
    PyObject *list;

    if (!PyArg_ParseTuple(arguments, "|n:fetch", &count) || !arm_py_hold(&self->fetching)) {
        return NULL;
    }
    place = self->cursor;
    list = read_rows(self, &place, count, NULL);
    if (list != NULL) {
        self->cursor = place;
    }
    arm_py_gate_come_out(&self->fetching);
    return list;
}

static PyObject *rows_head(struct rows *self, PyObject *arguments)
{
    struct place place = {0, 0};
    Py_ssize_t count = -1;

    if (!PyArg_ParseTuple(arguments, "|n:head", &count)) {
        return NULL;
    }
    return read_rows(self, &place, count, NULL);
}

static PyObject *column_names(struct rows *self, void *unused)
{
    const struct ArrowSchema *schema = shared_rows_schema(self->shared);
    PyObject *list = PyList_New(0);

    (void)unused;
    for (int64_t i = 0; list != NULL && i < schema->n_children; i++) {
        const char *text = schema->children[i]->name == NULL ? "" : schema->children[i]->name;
        PyObject *name = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");

        if (name == NULL || PyList_Append(list, name) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *column_types(struct rows *self, void *unused)
{
    const struct ArrowSchema *schema = shared_rows_schema(self->shared);
    PyObject *list = PyList_New(0);

    (void)unused;
    for (int64_t i = 0; list != NULL && i < schema->n_children; i++) {
        PyObject *name = arm_py_type_name(schema->children[i]);

        if (name == NULL || PyList_Append(list, name) != 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *rows_dicts(struct rows *self, PyObject *unused)
{
    struct place place = {0, 0};
    PyObject *names = column_names(self, NULL);
    PyObject *list = names == NULL ? NULL : read_rows(self, &place, -1, names);

    (void)unused;
    Py_XDECREF(names);
    return list;
}

/* How many rows there are: reads them all. */
static PyObject *rows_count(struct rows *self, PyObject *unused)
{
    const struct ArrowArray *batch = NULL;
    long long count = 0;

    (void)unused;
    for (size_t i = 0;; i++) {
        if (!find_batch(self, i, &batch)) {
            return NULL;
        }
        if (batch == NULL) {
            return PyLong_FromLongLong(count);
        }
        count += batch->length;
    }
}

/* Whether there is a batch `i`: reads so far. */
static PyObject *rows_has_batch(struct rows *self, PyObject *arguments)
{
    const struct ArrowArray *batch = NULL;
    Py_ssize_t i = 0;

    if (!PyArg_ParseTuple(arguments, "n:has_batch", &i) || !find_batch(self, (size_t)i, &batch)) {
        return NULL;
    }
    return PyBool_FromLong(batch != NULL);
}

static PyObject *is_count(struct rows *self, void *unused)
{
    struct ArrowStringView value = {NULL, 0};

    (void)unused;
    (void)ArrowMetadataGetValue(shared_rows_schema(self->shared)->metadata,
                                ArrowCharView("arm.count"), &value);
    return PyBool_FromLong(value.data != NULL);
}

/* ---- Arrow ---- */

static PyObject *rows_stream(struct rows *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"requested_schema", NULL};
    struct ArrowArrayStream stream;
    PyObject *requested = NULL; /* a wish, which may be passed over */

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O:__arrow_c_stream__", names,
                                     &requested)) {
        return NULL;
    }
    if (shared_rows_replay(self->shared, &stream) != 0) {
        return PyErr_NoMemory();
    }
    return arm_py_capsule(&stream);
}

static PyMethodDef rows_methods[] = {
    {"fetch", (PyCFunction)rows_fetch, METH_VARARGS,
     "fetch(count=-1): the next rows, as tuples; -1: all that are left."},
    {"head", (PyCFunction)rows_head, METH_VARARGS,
     "head(count=-1): the first rows, as tuples; fetch() stays where it is."},
    {"dicts", (PyCFunction)rows_dicts, METH_NOARGS, "All rows, as dicts."},
    {"count", (PyCFunction)rows_count, METH_NOARGS, "How many rows there are: reads them all."},
    {"has_batch", (PyCFunction)rows_has_batch, METH_VARARGS,
     "has_batch(i): whether the stream has a batch i; reads so far."},
    {"__arrow_c_stream__", (PyCFunction)(void (*)(void))rows_stream, METH_VARARGS | METH_KEYWORDS,
     "All rows as an Arrow stream, without a copy (Arrow PyCapsule interface)."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef rows_getters[] = {
    {"columns", (getter)column_names, NULL, "Names of the columns.", NULL},
    {"types", (getter)column_types, NULL, "What SQL calls their types.", NULL},
    {"is_count", (getter)is_count, NULL, "Whether the one row counts changed rows.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot rows_slots[] = {
    {Py_tp_doc, "Rows of a statement, kept as they are read."},
    {Py_tp_dealloc, rows_dealloc},
    {Py_tp_methods, rows_methods},
    {Py_tp_getset, rows_getters},
    {0, NULL},
};
static PyType_Spec rows_spec = {
    .name = "armillaria._core.Rows",
    .basicsize = sizeof(struct rows),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = rows_slots,
};

bool arm_py_rows_init(PyObject *module)
{
    arm_py_rows_type = arm_py_type(module, &rows_spec);
    return arm_py_rows_type != NULL;
}
