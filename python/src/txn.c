/* SPDX-License-Identifier: Apache-2.0 */
/* The type Txn: a transaction of a session. */

#include "session.h"
#include "stream.h"

static PyTypeObject *txn_type;

struct txn {
    PyObject_HEAD struct session *session; /* counted */
    arm_txn *txn;                          /* inside the session's gate; NULL: it is over */
};

static PyObject *txn_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    struct arm_txn_options options = {.size = sizeof options};
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyObject *session = NULL;
    struct arm_error err;
    struct call call;
    struct txn *self;
    int isolation = 0;
    arm_status st;

    (void)keywords;
    if (!PyArg_ParseTuple(arguments, "O!i:Txn", arm_py_session_type, &session, &isolation)) {
        return NULL;
    }
    options.isolation = (arm_isolation)isolation;
    self = (struct txn *)allocate(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->session = (struct session *)Py_NewRef(session);
    if (!arm_py_session_enter(self->session, &call)) {
        Py_DECREF(self);
        return NULL;
    }
    st = arm_txn_begin(self->session->session, &options, &self->txn, &err);
    if (!arm_py_return(&call, st, &err)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

/* It is rolled back with its session, or here. */
static void txn_dealloc(struct txn *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    if (self->session != NULL && self->txn != NULL) {
        PyObject *kept_type;
        PyObject *kept_value;
        PyObject *kept_trace;
        struct call call;

        PyErr_Fetch(&kept_type, &kept_value, &kept_trace);
        if (arm_py_enter(&call, &self->session->gate, NULL, NULL)) {
            if (self->session->session != NULL) {
                arm_txn_rollback(self->txn);
            }
            (void)arm_py_leave(&call);
        }
        PyErr_Clear();
        PyErr_Restore(kept_type, kept_value, kept_trace);
    }
    Py_XDECREF((PyObject *)self->session);
    release(self);
    Py_DECREF(type);
}

/* Go in with the transaction open. */
static bool enter(struct txn *self, struct call *call)
{
    if (!arm_py_session_enter(self->session, call)) {
        return false;
    }
    if (self->txn == NULL) {
        if (arm_py_leave(call)) {
            (void)arm_py_raise_format(ARM_CLOSED, "the transaction is over");
        }
        return false;
    }
    return true;
}

static PyObject *txn_commit(struct txn *self, PyObject *arguments)
{
    const char *message = NULL;
    uint64_t tx = 0;
    struct arm_error err;
    struct call call;
    arm_txn *txn;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "|z:commit", &message) || !enter(self, &call)) {
        return NULL;
    }
    txn = self->txn;
    self->txn = NULL; /* freed, whatever happens */
    st = arm_txn_commit(txn, message, &tx, &err);
    return arm_py_return(&call, st, &err) ? PyLong_FromUnsignedLongLong(tx) : NULL;
}

static PyObject *txn_rollback(struct txn *self, PyObject *unused)
{
    struct call call;

    (void)unused;
    if (self->txn == NULL) {
        return Py_NewRef(Py_None);
    }
    if (!enter(self, &call)) {
        return NULL;
    }
    arm_txn_rollback(self->txn);
    self->txn = NULL;
    return arm_py_leave(&call) ? Py_NewRef(Py_None) : NULL;
}

/* ---- Rows by key ---- */

static PyObject *txn_get(struct txn *self, PyObject *arguments)
{
    struct ArrowArrayStream keys;
    struct ArrowArrayStream rows = {.release = NULL};
    PyObject *given = NULL;
    const char *table = NULL;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "sO:get", &table, &given) || !arm_py_stream_of(given, &keys)) {
        return NULL;
    }
    if (!enter(self, &call)) {
        arm_py_stream_end(&keys);
        return NULL;
    }
    st = arm_get(self->txn, table, &keys, &rows, &err);
    if (!arm_py_return(&call, st, &err)) {
        arm_py_stream_end(&rows);
        return NULL;
    }
    return arm_py_rows(&rows, self->session);
}

typedef arm_status change_call(arm_txn *txn, const char *table, struct ArrowArrayStream *rows,
                               uint64_t *out_rows, struct arm_error *err);

static PyObject *change(struct txn *self, PyObject *arguments, change_call *function)
{
    struct ArrowArrayStream rows;
    PyObject *given = NULL;
    const char *table = NULL;
    uint64_t count = 0;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "sO", &table, &given) || !arm_py_stream_of(given, &rows)) {
        return NULL;
    }
    if (!enter(self, &call)) {
        arm_py_stream_end(&rows);
        return NULL;
    }
    st = function(self->txn, table, &rows, &count, &err);
    return arm_py_return(&call, st, &err) ? PyLong_FromUnsignedLongLong(count) : NULL;
}

static PyObject *txn_put(struct txn *self, PyObject *arguments)
{
    return change(self, arguments, arm_put);
}

static PyObject *txn_delete(struct txn *self, PyObject *arguments)
{
    return change(self, arguments, arm_delete);
}

static PyObject *txn_is_open(struct txn *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->txn != NULL);
}

static PyMethodDef txn_methods[] = {
    {"commit", (PyCFunction)txn_commit, METH_VARARGS, "commit(message=None): its tx; 0: nothing."},
    {"rollback", (PyCFunction)txn_rollback, METH_NOARGS, "Give it up."},
    {"get", (PyCFunction)txn_get, METH_VARARGS, "get(table, keys): Rows."},
    {"put", (PyCFunction)txn_put, METH_VARARGS, "put(table, rows): how many."},
    {"delete", (PyCFunction)txn_delete, METH_VARARGS, "delete(table, keys): how many."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef txn_getters[] = {
    {"is_open", (getter)txn_is_open, NULL, "Whether it is neither committed nor given up.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot txn_slots[] = {
    {Py_tp_doc, "Txn(session, isolation): a transaction of the session."},
    {Py_tp_new, txn_new},
    {Py_tp_dealloc, txn_dealloc},
    {Py_tp_methods, txn_methods},
    {Py_tp_getset, txn_getters},
    {0, NULL},
};
static PyType_Spec txn_spec = {
    .name = "armillaria._core.Txn",
    .basicsize = sizeof(struct txn),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = txn_slots,
};

bool arm_py_txn_init(PyObject *module)
{
    txn_type = arm_py_type(module, &txn_spec);
    return txn_type != NULL;
}
