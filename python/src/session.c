/* SPDX-License-Identifier: Apache-2.0 */
/* The type Session: its life, statements, and data in and out. */

#include "session.h"

#include <stdio.h>
#include <string.h>

#include "batches.h"
#include "stream.h"

PyTypeObject *arm_py_session_type;

/* ---- Life ---- */

PyObject *arm_py_session(arm_session *session)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(arm_py_session_type, Py_tp_alloc);
    struct session *self = (struct session *)allocate(arm_py_session_type, 0);

    if (self == NULL) {
        arm_session_close(session);
        return NULL;
    }
    arm_py_gate_init(&self->gate);
    self->session = session;
    self->raised = PyList_New(0);
    if (self->raised == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

/* Take it from those who interrupt; a forked child has none. */
static arm_session *take(struct session *self)
{
    arm_session *session;

    if (!arm_py_gate_look(&self->gate)) {
        return NULL;
    }
    session = self->session;
    self->session = NULL;
    arm_py_gate_looked(&self->gate);
    return session;
}

static void session_dealloc(struct session *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    PyThreadState *thread = PyEval_SaveThread();

    arm_session_close(take(self));
    PyEval_RestoreThread(thread);
    arm_py_gate_end(&self->gate);
    Py_XDECREF(self->raised);
    release(self);
    Py_DECREF(type);
}

void arm_py_session_stop(void *object)
{
    struct session *self = object;

    if (arm_py_gate_look(&self->gate)) {
        arm_session_interrupt(self->session); /* which may be NULL */
        arm_py_gate_looked(&self->gate);
    }
}

bool arm_py_session_enter(struct session *self, struct call *call)
{
    if (!arm_py_enter(call, &self->gate, arm_py_session_stop, self)) {
        return false;
    }
    if (self->session == NULL) {
        if (arm_py_leave(call)) {
            (void)arm_py_raise_format(ARM_CLOSED, "the session is closed");
        }
        return false;
    }
    return true;
}

static PyObject *session_close(struct session *self, PyObject *unused)
{
    struct call call;

    (void)unused;
    if (arm_py_gate_is_forked(&self->gate)) {
        return Py_NewRef(Py_None); /* it is its parent's to close */
    }
    if (!arm_py_enter(&call, &self->gate, NULL, NULL)) {
        return NULL;
    }
    arm_session_close(take(self));
    return arm_py_leave(&call) ? Py_NewRef(Py_None) : NULL;
}

/* ---- What it says of itself ---- */

static PyObject *session_branch(struct session *self, void *unused)
{
    char branch[512] = "";
    struct call call;

    (void)unused;
    if (arm_py_gate_is_own(&self->gate)) { /* nobody else can change it now */
        const char *name = arm_session_branch(self->session);

        return PyUnicode_DecodeUTF8(name, (Py_ssize_t)strlen(name), "replace");
    }
    if (!arm_py_session_enter(self, &call)) {
        return NULL;
    }
    (void)strncpy(branch, arm_session_branch(self->session), sizeof branch - 1);
    return arm_py_leave(&call) ? PyUnicode_DecodeUTF8(branch, (Py_ssize_t)strlen(branch), "replace")
                               : NULL;
}

static PyObject *session_last_tx(struct session *self, void *unused)
{
    uint64_t tx = 0;

    (void)unused;
    if (arm_py_gate_look(&self->gate)) {
        tx = self->session == NULL ? 0 : arm_session_last_tx(self->session);
        arm_py_gate_looked(&self->gate);
    }
    return PyLong_FromUnsignedLongLong(tx);
}

static PyObject *session_in_transaction(struct session *self, void *unused)
{
    struct call call;
    bool is;

    (void)unused;
    if (!arm_py_session_enter(self, &call)) {
        return NULL;
    }
    is = arm_session_in_transaction(self->session);
    return arm_py_leave(&call) ? PyBool_FromLong(is) : NULL;
}

static PyObject *session_in_call(struct session *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(arm_py_gate_is_own(&self->gate));
}

static PyObject *session_is_closed(struct session *self, void *unused)
{
    bool is = false;

    (void)unused;
    if (arm_py_gate_look(&self->gate)) {
        is = self->session == NULL;
        arm_py_gate_looked(&self->gate);
    }
    return PyBool_FromLong(is);
}

static PyObject *session_progress(struct session *self, PyObject *unused)
{
    double progress = -1;

    (void)unused;
    if (arm_py_gate_look(&self->gate)) {
        progress = self->session == NULL ? -1 : arm_session_progress(self->session);
        arm_py_gate_looked(&self->gate);
    }
    return PyFloat_FromDouble(progress);
}

static PyObject *session_interrupt(struct session *self, PyObject *unused)
{
    (void)unused;
    arm_py_session_stop(self);
    return Py_NewRef(Py_None);
}

/* ---- Statements ---- */

/* Who is asked for rows by name. */
struct finder {
    const struct session *session;
    PyObject *find; /* called with a name: an object that has __arrow_c_stream__, or None */
};

static arm_status find_rows(void *context, const char *name, struct ArrowArrayStream *out,
                            struct arm_error *err)
{
    struct finder *finder = context;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *found = PyObject_CallFunction(finder->find, "s", name);
    bool ok = found != NULL &&
              arm_py_stream_within(&finder->session->gate, finder->session->raised, found, out);

    Py_XDECREF(found);
    if (!ok) {
        arm_py_keep_raised(finder->session->raised);
        if (err != NULL) {
            err->code = ARM_INVALID;
            (void)snprintf(err->message, sizeof err->message, "%s: cannot be read as a table",
                           name);
        }
    }
    PyGILState_Release(gil);
    return ok ? ARM_OK : ARM_INVALID;
}

struct arm_table_version *arm_py_versions(PyObject *dict, size_t *out_count)
{
    struct arm_table_version *versions;
    PyObject *name;
    PyObject *version;
    Py_ssize_t at = 0;
    size_t count = 0;

    *out_count = 0;
    if (dict == Py_None || PyDict_Size(dict) < 0) {
        return NULL;
    }
    versions = PyMem_Calloc((size_t)PyDict_Size(dict) + 1, sizeof *versions);
    if (versions == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    while (PyDict_Next(dict, &at, &name, &version)) {
        versions[count].table = PyUnicode_AsUTF8AndSize(name, NULL);
        versions[count++].version = PyLong_AsUnsignedLongLong(version);
        if (PyErr_Occurred()) {
            PyMem_Free(versions);
            return NULL;
        }
    }
    *out_count = count;
    return versions;
}

/* A text of statements, of which one is run. */
struct text {
    const char *sql;
    Py_ssize_t begin; /* bytes before it */
    bool is_alone;    /* there is to be no other behind it */
};

/* The exception of a call: what the maker of rows raised is why it failed. */
static PyObject *raise(struct session *self, arm_status st, const struct arm_error *err)
{
    return arm_py_raise_kept(self->raised) ? NULL : arm_py_raise(st, err);
}

/* The rows of one statement, and where the next one begins (a number of bytes; None: that was all).
 */
static PyObject *run(struct session *self, const struct text *text, struct arm_sql_options *options)
{
    struct ArrowArrayStream stream = {.release = NULL};
    const char *tail = NULL;
    struct arm_error err;
    PyObject *rows;
    PyObject *pair;
    struct call call;
    arm_status st;
    bool ok;

    if (!arm_py_session_enter(self, &call)) {
        if (options->parameters != NULL) {
            arm_py_stream_end(options->parameters);
        }
        return NULL;
    }
    st = arm_sql(self->session, text->sql + text->begin, options, &stream,
                 text->is_alone ? NULL : &tail, &err);
    ok = arm_py_leave(&call);
    if (!ok || st != ARM_OK) {
        arm_py_stream_end(&stream);
        return ok ? raise(self, st, &err) : NULL;
    }
    rows = arm_py_rows(&stream, self);
    if (rows == NULL) {
        return NULL;
    }
    pair = tail == NULL ? Py_BuildValue("(NO)", rows, Py_None)
                        : Py_BuildValue("(Nn)", rows, (Py_ssize_t)(tail - text->sql));
    return pair;
}

static PyObject *session_sql(struct session *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"sql",      "at",   "timeout_us", "message", "parameters",
                            "versions", "find", "begin",      "alone",   NULL};
    struct arm_sql_options options = {.size = sizeof options};
    struct ArrowArrayStream parameters = {.release = NULL};
    struct finder finder = {.session = self, .find = Py_None};
    PyObject *given = Py_None;
    PyObject *versions = Py_None;
    struct text text = {.sql = NULL};
    unsigned long long timeout = 0;
    int alone = 0;
    struct arm_table_version *pinned;
    PyObject *result = NULL;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "s|zKzOOOnp:sql", names, &text.sql,
                                     &options.at, &timeout, &options.message, &given, &versions,
                                     &finder.find, &text.begin, &alone)) {
        return NULL;
    }
    if (text.begin < 0 || (size_t)text.begin > strlen(text.sql)) {
        return arm_py_raise_format(ARM_INVALID, "the text does not go to byte %zd", text.begin);
    }
    arm_py_forget_raised(self->raised);
    options.timeout_us = timeout;
    pinned = arm_py_versions(versions, &options.version_count);
    options.versions = pinned;
    if (finder.find != Py_None) {
        options.find_rows = find_rows;
        options.find_context = &finder;
    }
    if (!PyErr_Occurred() && arm_py_stream_of(given, &parameters)) {
        options.parameters = parameters.release == NULL ? NULL : &parameters;
        text.is_alone = alone != 0 || options.parameters != NULL; /* whose would they be? */
        result = run(self, &text, &options);
    }
    PyMem_Free(pinned);
    return result;
}

/* ---- Data in and out ---- */

const char **arm_py_texts(PyObject *list, size_t *out_count)
{
    Py_ssize_t count = list == Py_None ? 0 : PySequence_Size(list);
    const char **texts;

    *out_count = 0;
    if (count <= 0) {
        return NULL;
    }
    texts = PyMem_Calloc((size_t)count, sizeof *texts);
    if (texts == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(list, i);

        texts[i] = item == NULL ? NULL : PyUnicode_AsUTF8AndSize(item, NULL);
        Py_XDECREF(item); /* the list has it */
        if (texts[i] == NULL) {
            PyMem_Free(texts);
            return NULL;
        }
    }
    *out_count = (size_t)count;
    return texts;
}

static PyObject *describe_write(const struct arm_write_result *result)
{
    return Py_BuildValue("{s:K, s:K, s:K, s:K, s:K, s:K}", "tx", (unsigned long long)result->tx,
                         "version", (unsigned long long)result->version, "rows",
                         (unsigned long long)result->rows, "bytes_added",
                         (unsigned long long)result->bytes_added, "chunks_added",
                         (unsigned long long)result->chunks_added, "chunks_reused",
                         (unsigned long long)result->chunks_reused);
}

static PyObject *session_write(struct session *self, PyObject *arguments)
{
    struct arm_write_options options = {.size = sizeof options};
    struct arm_write_result result = {0};
    struct ArrowArrayStream stream = {.release = NULL};
    const char *table = NULL;
    PyObject *rows = NULL;
    PyObject *key = Py_None;
    const char **columns;
    struct arm_error err;
    struct call call;
    int mode = 0;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "sOi|Oz:write", &table, &rows, &mode, &key,
                          &options.message)) {
        return NULL;
    }
    arm_py_forget_raised(self->raised);
    columns = arm_py_texts(key, &options.key_count);
    options.key = columns;
    options.mode = (arm_write_mode)mode;
    if (PyErr_Occurred() || !arm_py_stream_within(&self->gate, self->raised, rows, &stream)) {
        PyMem_Free(columns);
        return NULL;
    }
    if (!arm_py_session_enter(self, &call)) {
        arm_py_stream_end(&stream);
        PyMem_Free(columns);
        return NULL;
    }
    st = arm_write(self->session, table, &stream, &options, &result, &err);
    PyMem_Free(columns);
    if (!arm_py_leave(&call)) {
        return NULL;
    }
    return st == ARM_OK ? describe_write(&result) : raise(self, st, &err);
}

static PyObject *session_import(struct session *self, PyObject *arguments)
{
    struct arm_write_options options = {.size = sizeof options};
    struct arm_write_result result = {0};
    const char *table = NULL;
    PyObject *paths = NULL;
    PyObject *key = Py_None;
    const char **columns;
    const char **files;
    size_t count = 0;
    struct arm_error err;
    struct call call;
    int mode = 0;
    arm_status st = ARM_OK;
    bool ok;

    if (!PyArg_ParseTuple(arguments, "sOi|Ozzz:import_files", &table, &paths, &mode, &key,
                          &options.message, &options.format, &options.null_text)) {
        return NULL;
    }
    columns = arm_py_texts(key, &options.key_count);
    files = PyErr_Occurred() ? NULL : arm_py_texts(paths, &count);
    options.key = columns;
    options.mode = (arm_write_mode)mode;
    ok = !PyErr_Occurred() && arm_py_session_enter(self, &call);
    if (ok) {
        st = arm_import(self->session, table, files, count, &options, &result, &err);
        ok = arm_py_return(&call, st, &err);
    }
    PyMem_Free(columns);
    PyMem_Free(files);
    return ok ? describe_write(&result) : NULL;
}

static PyObject *session_export(struct session *self, PyObject *arguments)
{
    struct arm_export_options options = {.size = sizeof options};
    const char *table = NULL;
    const char *path = NULL;
    uint64_t rows = 0;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "ss|zz:export", &table, &path, &options.at, &options.format) ||
        !arm_py_session_enter(self, &call)) {
        return NULL;
    }
    st = arm_export(self->session, table, path, &options, &rows, &err);
    return arm_py_return(&call, st, &err) ? PyLong_FromUnsignedLongLong(rows) : NULL;
}

/* ---- The type ---- */

static PyMethodDef own_methods[] = {
    {"close", (PyCFunction)session_close, METH_NOARGS, "Roll back what is open, and close it."},
    {"interrupt", (PyCFunction)session_interrupt, METH_NOARGS,
     "Stop the statement that runs, from any thread."},
    {"progress", (PyCFunction)session_progress, METH_NOARGS,
     "How far the statement is that runs, 0 to 1; -1: that cannot be told."},
    {"sql", (PyCFunction)(void (*)(void))session_sql, METH_VARARGS | METH_KEYWORDS,
     "sql(sql, at=None, timeout_us=0, message=None, parameters=None, versions=None, find=None, "
     "begin=0, alone=False): run the statement at that byte; its Rows, and where the next one "
     "begins."},
    {"write", (PyCFunction)session_write, METH_VARARGS,
     "write(table, rows, mode, key=None, message=None): a dict."},
    {"import_files", (PyCFunction)session_import, METH_VARARGS,
     "import_files(table, paths, mode, key=None, message=None, format=None, null=None): a dict."},
    {"export", (PyCFunction)session_export, METH_VARARGS,
     "export(table, path, at=None, format=None): how many rows."},
};
static PyGetSetDef session_getters[] = {
    {"branch", (getter)session_branch, NULL, "Name of the branch that it stands on.", NULL},
    {"last_tx", (getter)session_last_tx, NULL, "Tx of its last commit; 0: none.", NULL},
    {"in_transaction", (getter)session_in_transaction, NULL, "Whether BEGIN opened one.", NULL},
    {"in_call", (getter)session_in_call, NULL,
     "Whether this thread is in one of its calls, which asked for rows by name.", NULL},
    {"is_closed", (getter)session_is_closed, NULL, "Whether it is closed.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

enum { METHODS_MAX = 64 };
static PyMethodDef session_methods[METHODS_MAX]; /* all of them, gathered from the files */

static void gather(const PyMethodDef *methods, size_t count, size_t *used)
{
    for (size_t i = 0; (count == 0 || i < count) && methods[i].ml_name != NULL; i++) {
        session_methods[(*used)++] = methods[i];
    }
}

static PyType_Slot session_slots[] = {
    {Py_tp_doc, "One thread of work on a repository: a branch, at most one transaction."},
    {Py_tp_dealloc, session_dealloc},
    {Py_tp_methods, session_methods},
    {Py_tp_getset, session_getters},
    {0, NULL},
};
static PyType_Spec session_spec = {
    .name = "armillaria._core.Session",
    .basicsize = sizeof(struct session),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = session_slots,
};

bool arm_py_session_init(PyObject *module)
{
    size_t used = 0;

    gather(own_methods, sizeof own_methods / sizeof *own_methods, &used);
    gather(arm_py_session_calls, 0, &used);
    gather(arm_py_session_merges, 0, &used);
    gather(arm_py_session_versions, 0, &used);
    arm_py_session_type = arm_py_type(module, &session_spec);
    return arm_py_session_type != NULL;
}
