/* SPDX-License-Identifier: Apache-2.0 */
/* The type Repo: a repository that is open. */

#include <string.h>

#include "session.h"

static PyTypeObject *repo_type;

/* ---- Life ---- */

static PyObject *repo_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"path",         "create",  "read_only",       "epoch",
                            "memory_limit", "threads", "spill_directory", NULL};
    struct arm_repo_options options = {.size = sizeof options};
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    const char *path = NULL;
    int create = 0;
    int read_only = 0;
    int epoch = 0;
    unsigned long long memory_limit = 0;
    unsigned int threads = 0;
    struct arm_error err;
    struct repo *self;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "s|ppiKIz:Repo", names, &path, &create,
                                     &read_only, &epoch, &memory_limit, &threads,
                                     &options.spill_directory)) {
        return NULL;
    }
    options.create = create != 0;
    options.read_only = read_only != 0;
    options.epoch = (arm_epoch)epoch;
    options.memory_limit_bytes = memory_limit;
    options.thread_count = threads;
    self = (struct repo *)allocate(type, 0);
    if (self == NULL) {
        return NULL;
    }
    arm_py_gate_init(&self->gate);
    self->is_closed = true;
    if (!arm_py_enter(&call, NULL, NULL, NULL)) {
        Py_DECREF(self);
        return NULL;
    }
    st = arm_repo_open(path, &options, &self->repo, &err);
    self->is_closed = st != ARM_OK;
    if (!arm_py_return(&call, st, &err)) {
        Py_DECREF(self);
        return NULL;
    }
    self->path = PyUnicode_DecodeFSDefault(arm_repo_path(self->repo));
    if (self->path == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void repo_dealloc(struct repo *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    if (self->repo != NULL && !arm_py_gate_is_forked(&self->gate)) {
        PyThreadState *thread = PyEval_SaveThread();

        arm_repo_close(self->repo);
        PyEval_RestoreThread(thread);
    }
    arm_py_gate_end(&self->gate);
    Py_XDECREF(self->path);
    release(self);
    Py_DECREF(type);
}

/* The handle, if nobody uses it any more: to be closed. */
static arm_repo *take_unused(struct repo *self)
{
    arm_repo *unused = NULL;

    if (self->is_closed && self->users == 0) {
        unused = self->repo;
        self->repo = NULL;
    }
    return unused;
}

static PyObject *repo_close(struct repo *self, PyObject *ignored)
{
    PyThreadState *thread = PyEval_SaveThread();
    arm_repo *unused;

    (void)ignored;
    if (arm_py_gate_look(&self->gate)) {
        self->is_closed = true;
        unused = take_unused(self);
        arm_py_gate_looked(&self->gate);
        arm_repo_close(unused);
    }
    PyEval_RestoreThread(thread);
    return Py_NewRef(Py_None);
}

bool arm_py_repo_enter(struct repo *self, struct call *call)
{
    bool is_closed;

    if (!arm_py_gate_look(&self->gate)) {
        arm_py_raise_forked();
        return false;
    }
    is_closed = self->is_closed;
    self->users += is_closed ? 0 : 1;
    arm_py_gate_looked(&self->gate);
    if (is_closed) {
        (void)arm_py_raise_format(ARM_CLOSED, "the repository is closed");
        return false;
    }
    return arm_py_enter(call, NULL, NULL, NULL); /* which cannot fail without a gate */
}

static bool repo_leave(struct repo *self, struct call *call)
{
    arm_repo *unused;

    if (arm_py_gate_look(&self->gate)) {
        self->users--;
        unused = take_unused(self);
        arm_py_gate_looked(&self->gate);
        arm_repo_close(unused);
    }
    return arm_py_leave(call);
}

bool arm_py_repo_return(struct repo *self, struct call *call, arm_status st,
                        const struct arm_error *err)
{
    if (!repo_leave(self, call)) {
        return false;
    }
    if (st != ARM_OK) {
        (void)arm_py_raise(st, err);
        return false;
    }
    return true;
}

/* ---- Calls ---- */

/* It was closed, or is its parent's: the path is still its path. */
static PyObject *repo_path(struct repo *self, void *unused)
{
    (void)unused;
    return Py_NewRef(self->path);
}

static PyObject *repo_session(struct repo *self, PyObject *arguments)
{
    const char *branch = NULL;
    arm_session *session = NULL;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "|z:session", &branch) || !arm_py_repo_enter(self, &call)) {
        return NULL;
    }
    st = arm_session_open(self->repo, branch, &session, &err);
    if (!arm_py_repo_return(self, &call, st, &err)) {
        arm_session_close(session);
        return NULL;
    }
    return arm_py_session(session);
}

static PyObject *repo_latest_tx(struct repo *self, PyObject *unused)
{
    uint64_t tx = 0;
    struct arm_error err;
    struct call call;
    arm_status st;

    (void)unused;
    if (!arm_py_repo_enter(self, &call)) {
        return NULL;
    }
    st = arm_latest_tx(self->repo, &tx, &err);
    return arm_py_repo_return(self, &call, st, &err) ? PyLong_FromUnsignedLongLong(tx) : NULL;
}

static PyObject *repo_find_commit(struct repo *self, PyObject *arguments)
{
    const char *bytes = NULL;
    Py_ssize_t size = 0;
    uint64_t tx = 0;
    uint8_t id[16];
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "y#:find_commit", &bytes, &size)) {
        return NULL;
    }
    if (size != sizeof id) {
        return arm_py_raise_format(ARM_INVALID, "a commit id has 16 bytes, not %zd", size);
    }
    memcpy(id, bytes, sizeof id);
    if (!arm_py_repo_enter(self, &call)) {
        return NULL;
    }
    st = arm_commit_find(self->repo, id, &tx, &err);
    return arm_py_repo_return(self, &call, st, &err) ? PyLong_FromUnsignedLongLong(tx) : NULL;
}

/* ---- Trust and upkeep: long calls, which tell how far they are ---- */

struct telling {
    PyObject *progress; /* called with done and total; None: nobody */
    PyObject *issues;   /* a list that damages are appended to; NULL: none */
    bool failed;        /* an exception is kept below */
    PyObject *type;
    PyObject *value;
    PyObject *trace;
};

/* Python's exception of a callback, to be raised when the call is over. */
static void keep_exception(struct telling *telling)
{
    telling->failed = true;
    PyErr_Fetch(&telling->type, &telling->value, &telling->trace);
}

static bool tell_progress(void *context, uint64_t done, uint64_t total)
{
    struct telling *telling = context;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *result = NULL;
    bool goes_on = !telling->failed && PyErr_CheckSignals() == 0;

    if (goes_on && telling->progress != Py_None) {
        result = PyObject_CallFunction(telling->progress, "KK", (unsigned long long)done,
                                       (unsigned long long)total);
        goes_on = result != NULL;
        Py_XDECREF(result);
    }
    if (!goes_on && !telling->failed) {
        keep_exception(telling);
    }
    PyGILState_Release(gil);
    return goes_on;
}

static void tell_issue(void *context, const struct arm_damage *issue)
{
    struct telling *telling = context;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *item = Py_BuildValue("{s:s, s:s, s:s}", "kind", issue->kind, "object", issue->object,
                                   "message", issue->message);

    if (item == NULL || PyList_Append(telling->issues, item) != 0) {
        keep_exception(telling);
    }
    Py_XDECREF(item);
    PyGILState_Release(gil);
}

static bool told_well(struct telling *telling)
{
    if (telling->failed) {
        PyErr_Restore(telling->type, telling->value, telling->trace);
    }
    return !telling->failed;
}

bool arm_py_set(PyObject *dict, const char *name, PyObject *value)
{
    bool ok = value != NULL && PyDict_SetItemString(dict, name, value) == 0;

    Py_XDECREF(value);
    return ok;
}

static PyObject *repo_verify(struct repo *self, PyObject *arguments)
{
    struct telling telling = {.progress = Py_None, .issues = PyList_New(0)};
    struct arm_verify_options options = {.size = sizeof options,
                                         .on_issue = tell_issue,
                                         .on_progress = tell_progress,
                                         .context = &telling};
    struct arm_verify_result result = {0};
    PyObject *report = NULL;
    int full = 0;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (telling.issues == NULL ||
        !PyArg_ParseTuple(arguments, "|pO:verify", &full, &telling.progress) ||
        !arm_py_repo_enter(self, &call)) {
        Py_XDECREF(telling.issues);
        return NULL;
    }
    options.full = full != 0;
    st = arm_verify(self->repo, &options, &result, &err);
    if (repo_leave(self, &call) && told_well(&telling) && st != ARM_OK) {
        (void)arm_py_raise(st, &err);
    } else if (!PyErr_Occurred()) {
        report = Py_BuildValue(
            "{s:O, s:O, s:K, s:K, s:K, s:K}", "is_healthy", result.is_healthy ? Py_True : Py_False,
            "issues", telling.issues, "frames", (unsigned long long)result.frames, "records",
            (unsigned long long)result.records, "chunks", (unsigned long long)result.chunks,
            "bytes_hashed", (unsigned long long)result.bytes_hashed);
    }
    Py_DECREF(telling.issues);
    return report;
}

static PyObject *repo_recover(struct repo *self, PyObject *unused)
{
    struct arm_recover_result result = {0};
    struct arm_error err;
    struct call call;
    arm_status st;

    (void)unused;
    if (!arm_py_repo_enter(self, &call)) {
        return NULL;
    }
    st = arm_recover(self->repo, &result, &err);
    if (!arm_py_repo_return(self, &call, st, &err)) {
        return NULL;
    }
    return Py_BuildValue("{s:O, s:K, s:K, s:O}", "is_clean", result.is_clean ? Py_True : Py_False,
                         "rolled_back", (unsigned long long)result.rolled_back, "cut_bytes",
                         (unsigned long long)result.cut_bytes, "rebuilt",
                         result.rebuilt ? Py_True : Py_False);
}

static PyObject *repo_gc(struct repo *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"dry_run", "grace_s", "keep_days", "progress", NULL};
    struct telling telling = {.progress = Py_None};
    struct arm_gc_options options = {
        .size = sizeof options, .on_progress = tell_progress, .context = &telling};
    struct arm_gc_result result = {0};
    int dry_run = 0;
    long long grace = 0;
    long long keep_days = 0;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|pLLO:gc", names, &dry_run, &grace,
                                     &keep_days, &telling.progress) ||
        !arm_py_repo_enter(self, &call)) {
        return NULL;
    }
    options.dry_run = dry_run != 0;
    options.grace_s = grace;
    options.keep_days = keep_days;
    st = arm_gc(self->repo, &options, &result, &err);
    if (!repo_leave(self, &call) || !told_well(&telling)) {
        return NULL;
    }
    if (st != ARM_OK) {
        return arm_py_raise(st, &err);
    }
    return Py_BuildValue(
        "{s:O, s:K, s:K, s:K, s:K, s:K, s:K, s:K, s:L}", "dry_run",
        dry_run != 0 ? Py_True : Py_False, "chunks", (unsigned long long)result.chunks,
        "chunk_bytes", (unsigned long long)result.chunk_bytes, "key_runs",
        (unsigned long long)result.key_runs, "key_run_bytes",
        (unsigned long long)result.key_run_bytes, "young", (unsigned long long)result.young,
        "leased", (unsigned long long)result.leased, "pinned", (unsigned long long)result.pinned,
        "horizon_us", (long long)result.horizon_us);
}

/* ---- Subscriptions ---- */

static PyObject *repo_feed(struct repo *self, PyObject *arguments, PyObject *keywords)
{
    return arm_py_feed_open(self, arguments, keywords);
}

static PyMethodDef own_methods[] = {
    {"close", (PyCFunction)repo_close, METH_NOARGS, "Close it; sessions and rows stay usable."},
    {"session", (PyCFunction)repo_session, METH_VARARGS, "session(branch=None): a Session."},
    {"latest_tx", (PyCFunction)repo_latest_tx, METH_NOARGS, "The last durable tx; 0: none."},
    {"find_commit", (PyCFunction)repo_find_commit, METH_VARARGS,
     "find_commit(id): the tx of the commit with these 16 bytes; NotFound."},
    {"verify", (PyCFunction)repo_verify, METH_VARARGS,
     "verify(full=False, progress=None): a dict."},
    {"recover", (PyCFunction)repo_recover, METH_NOARGS, "What opening recovered: a dict."},
    {"gc", (PyCFunction)(void (*)(void))repo_gc, METH_VARARGS | METH_KEYWORDS,
     "gc(dry_run=False, grace_s=0, keep_days=0, progress=None): a dict."},
    {"feed", (PyCFunction)(void (*)(void))repo_feed, METH_VARARGS | METH_KEYWORDS,
     "feed(branch=None, tables=None, start='default', since=0, consumer=None): a Feed."},
};
enum { METHODS_MAX = 24 };
static PyMethodDef repo_methods[METHODS_MAX]; /* those, and chunks.c's */

static void gather_methods(void)
{
    size_t count = sizeof own_methods / sizeof *own_methods;

    memcpy(repo_methods, own_methods, sizeof own_methods);
    for (const PyMethodDef *method = arm_py_repo_chunks; method->ml_name != NULL; method++) {
        repo_methods[count++] = *method;
    }
}

static PyGetSetDef repo_getters[] = {
    {"path", (getter)repo_path, NULL, "Its absolute path.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
static PyType_Slot repo_slots[] = {
    {Py_tp_doc, "Repo(path, create=False, read_only=False, epoch=0, memory_limit=0, threads=0, "
                "spill_directory=None): a repository that is open."},
    {Py_tp_new, repo_new},
    {Py_tp_dealloc, repo_dealloc},
    {Py_tp_methods, repo_methods},
    {Py_tp_getset, repo_getters},
    {0, NULL},
};
static PyType_Spec repo_spec = {
    .name = "armillaria._core.Repo",
    .basicsize = sizeof(struct repo),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = repo_slots,
};

bool arm_py_repo_init(PyObject *module)
{
    gather_methods();
    repo_type = arm_py_type(module, &repo_spec);
    return repo_type != NULL;
}
