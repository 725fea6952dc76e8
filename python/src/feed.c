/* SPDX-License-Identifier: Apache-2.0 */
/* The type Feed: a subscription to the changelog. */

#include <string.h>

#include "session.h"

static PyTypeObject *feed_type;

struct feed {
    PyObject_HEAD arm_feed *feed; /* NULL: closed; changed inside the gate, by who looks */
    struct gate gate;
};

/* ---- Life ---- */

static void stop(void *object)
{
    struct feed *self = object;

    if (!arm_py_gate_look(&self->gate)) {
        return;
    }
    if (self->feed != NULL) {
        arm_feed_interrupt(self->feed);
    }
    arm_py_gate_looked(&self->gate);
}

/* A forked child has none. */
static arm_feed *take(struct feed *self)
{
    arm_feed *feed;

    if (!arm_py_gate_look(&self->gate)) {
        return NULL;
    }
    feed = self->feed;
    self->feed = NULL;
    arm_py_gate_looked(&self->gate);
    return feed;
}

static void feed_dealloc(struct feed *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    PyThreadState *thread = PyEval_SaveThread();

    arm_feed_close(take(self));
    PyEval_RestoreThread(thread);
    arm_py_gate_end(&self->gate);
    release(self);
    Py_DECREF(type);
}

PyObject *arm_py_feed_open(struct repo *repo, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"branch", "tables", "start", "since", "consumer", NULL};
    struct arm_feed_options options = {.size = sizeof options};
    allocfunc allocate = (allocfunc)PyType_GetSlot(feed_type, Py_tp_alloc);
    PyObject *tables = Py_None;
    unsigned long long since = 0;
    const char **texts;
    struct feed *self;
    struct arm_error err;
    struct call call;
    int start = 0;
    arm_status st;
    bool ok;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|zOiKz:feed", names, &options.branch,
                                     &tables, &start, &since, &options.consumer)) {
        return NULL;
    }
    options.from = (arm_feed_from)start;
    options.since = since;
    texts = arm_py_texts(tables, &options.table_count);
    options.tables = texts;
    self = PyErr_Occurred() ? NULL : (struct feed *)allocate(feed_type, 0);
    if (self == NULL) {
        PyMem_Free(texts);
        return NULL;
    }
    arm_py_gate_init(&self->gate);
    ok = arm_py_repo_enter(repo, &call);
    if (ok) {
        st = arm_feed_open(repo->repo, &options, &self->feed, &err);
        ok = arm_py_repo_return(repo, &call, st, &err);
    }
    PyMem_Free(texts);
    if (!ok) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static bool enter(struct feed *self, struct call *call)
{
    if (!arm_py_enter(call, &self->gate, stop, self)) {
        return false;
    }
    if (self->feed == NULL) {
        if (arm_py_leave(call)) {
            (void)arm_py_raise_format(ARM_CLOSED, "the subscription is closed");
        }
        return false;
    }
    return true;
}

static PyObject *feed_close(struct feed *self, PyObject *unused)
{
    struct call call;

    (void)unused;
    if (arm_py_gate_is_forked(&self->gate)) {
        return Py_NewRef(Py_None); /* it is its parent's to close */
    }
    stop(self); /* whoever waits */
    if (!arm_py_enter(&call, &self->gate, NULL, NULL)) {
        return NULL;
    }
    arm_feed_close(take(self));
    return arm_py_leave(&call) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *feed_interrupt(struct feed *self, PyObject *unused)
{
    (void)unused;
    stop(self);
    return Py_NewRef(Py_None);
}

/* ---- Events ---- */

/* 0: it was not there. */
static PyObject *version_of(uint64_t version)
{
    return version == 0 ? Py_NewRef(Py_None) : PyLong_FromUnsignedLongLong(version);
}

static PyObject *describe_change(const struct arm_change *change)
{
    PyObject *dict =
        Py_BuildValue("{s:s, s:O, s:K, s:K, s:K, s:K}", "table_name", change->table_name,
                      "is_new_table", change->is_new_table ? Py_True : Py_False, "rows_added",
                      (unsigned long long)change->rows_added, "rows_removed",
                      (unsigned long long)change->rows_removed, "bytes_added",
                      (unsigned long long)change->bytes_added, "bytes_removed",
                      (unsigned long long)change->bytes_removed);

    if (dict != NULL && (!arm_py_set(dict, "old_version", version_of(change->old_version)) ||
                         !arm_py_set(dict, "new_version", version_of(change->new_version)))) {
        Py_CLEAR(dict);
    }
    return dict;
}

static PyObject *describe_event(const struct arm_event *event)
{
    PyObject *changes = PyList_New(0);
    PyObject *dict;

    for (size_t i = 0; changes != NULL && i < event->change_count; i++) {
        PyObject *change = describe_change(&event->changes[i]);

        if (change == NULL || PyList_Append(changes, change) != 0) {
            Py_CLEAR(changes);
        }
        Py_XDECREF(change);
    }
    if (changes == NULL) {
        return NULL;
    }
    dict = Py_BuildValue("{s:K, s:L, s:s, s:s, s:s, s:N}", "tx_id", (unsigned long long)event->tx,
                         "time_us", (long long)event->time_us, "branch", event->branch, "author",
                         event->author, "message", event->message, "changes", changes);
    if (dict == NULL) {
        return NULL;
    }
    if (!arm_py_set(
            dict, "commit",
            PyBytes_FromStringAndSize((const char *)event->commit_id, sizeof event->commit_id))) {
        Py_CLEAR(dict);
    }
    return dict;
}

/* next(wait_us): a dict; None: there was none. Negative: wait for it. */
static PyObject *feed_next(struct feed *self, PyObject *arguments)
{
    const struct arm_event *event = NULL;
    PyObject *result = NULL;
    long long wait = 0;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "L:next", &wait) || !enter(self, &call)) {
        return NULL;
    }
    st = arm_feed_next(self->feed, wait < 0 ? UINT64_MAX : (uint64_t)wait, &event, &err);
    if (st == ARM_OK && event != NULL) { /* it is valid in here only */
        PyEval_RestoreThread(call.thread);
        result = describe_event(event);
        call.thread = PyEval_SaveThread();
        if (result == NULL) {
            (void)arm_py_leave(&call);
            return NULL;
        }
    }
    if (!arm_py_return(&call, st, &err)) {
        Py_XDECREF(result);
        return NULL;
    }
    return result == NULL ? Py_NewRef(Py_None) : result;
}

static PyObject *feed_ack(struct feed *self, PyObject *arguments)
{
    unsigned long long tx = 0;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "K:ack", &tx) || !enter(self, &call)) {
        return NULL;
    }
    st = arm_feed_ack(self->feed, tx, &err);
    return arm_py_return(&call, st, &err) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *feed_ack_in(struct feed *self, PyObject *arguments)
{
    struct session *session = NULL;
    unsigned long long tx = 0;
    struct arm_error err;
    struct call inner;
    struct call call;
    arm_status st;
    bool ok;

    if (!PyArg_ParseTuple(arguments, "O!K:ack_in", arm_py_session_type, &session, &tx) ||
        !arm_py_session_enter(session, &call)) {
        return NULL;
    }
    PyEval_RestoreThread(call.thread);
    ok = enter(self, &inner);
    if (ok) {
        st = arm_feed_ack_in(self->feed, session->session, tx, &err);
        ok = arm_py_return(&inner, st, &err);
    }
    call.thread = PyEval_SaveThread();
    return arm_py_leave(&call) && ok ? Py_NewRef(Py_None) : NULL;
}

static PyObject *feed_rewind(struct feed *self, PyObject *unused)
{
    struct arm_error err;
    struct call call;
    arm_status st;

    (void)unused;
    if (!enter(self, &call)) {
        return NULL;
    }
    st = arm_feed_rewind(self->feed, &err);
    return arm_py_return(&call, st, &err) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *feed_is_closed(struct feed *self, void *unused)
{
    bool is = false;

    (void)unused;
    if (arm_py_gate_look(&self->gate)) {
        is = self->feed == NULL;
        arm_py_gate_looked(&self->gate);
    }
    return PyBool_FromLong(is);
}

static PyMethodDef feed_methods[] = {
    {"next", (PyCFunction)feed_next, METH_VARARGS,
     "next(wait_us): the next event as a dict, None if none came; negative: wait for it."},
    {"ack", (PyCFunction)feed_ack, METH_VARARGS, "ack(tx): the consumer is done up to there."},
    {"ack_in", (PyCFunction)feed_ack_in, METH_VARARGS,
     "ack_in(session, tx): the same, as part of "
     "the session's transaction."},
    {"rewind", (PyCFunction)feed_rewind, METH_NOARGS, "Go back to where the consumer stands."},
    {"interrupt", (PyCFunction)feed_interrupt, METH_NOARGS, "End the waiting, from any thread."},
    {"close", (PyCFunction)feed_close, METH_NOARGS, "End it, and the waiting."},
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef feed_getters[] = {
    {"is_closed", (getter)feed_is_closed, NULL, "Whether it is closed.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot feed_slots[] = {
    {Py_tp_doc, "A subscription to the changelog."},
    {Py_tp_dealloc, feed_dealloc},
    {Py_tp_methods, feed_methods},
    {Py_tp_getset, feed_getters},
    {0, NULL},
};
static PyType_Spec feed_spec = {
    .name = "armillaria._core.Feed",
    .basicsize = sizeof(struct feed),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = feed_slots,
};

bool arm_py_feed_init(PyObject *module)
{
    feed_type = arm_py_type(module, &feed_spec);
    return feed_type != NULL;
}
