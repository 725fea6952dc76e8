/* SPDX-License-Identifier: Apache-2.0 */
/* Session's merges, and what is like them. Each gives a dict and the Rows of its report; a conflict
 * is raised as MergeConflict, whose `report` they are then. */

#include "session.h"

struct merging {
    struct arm_merge_options options;
    struct arm_merge_result result;
    struct ArrowArrayStream report;
    struct arm_error err;
};

static PyObject *report_of(struct session *self, struct merging *m)
{
    return m->report.release == NULL ? Py_NewRef(Py_None) : arm_py_rows(&m->report, self);
}

static PyObject *raise_conflict(struct session *self, struct merging *m)
{
    PyObject *exception = arm_py_exception(ARM_MERGE_CONFLICT, &m->err);
    PyObject *report = report_of(self, m);

    if (exception != NULL && report != NULL &&
        PyObject_SetAttrString(exception, "report", report) == 0) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    }
    Py_XDECREF(exception);
    Py_XDECREF(report);
    return NULL;
}

/* After the call: what it gave. */
static PyObject *end(struct session *self, struct call *call, arm_status st, struct merging *m)
{
    PyObject *report;
    PyObject *result;

    if (!arm_py_leave(call)) {
        if (m->report.release != NULL) {
            m->report.release(&m->report);
        }
        return NULL;
    }
    if (st == ARM_MERGE_CONFLICT) {
        return raise_conflict(self, m);
    }
    if (st != ARM_OK) {
        return arm_py_raise(st, &m->err);
    }
    report = report_of(self, m);
    if (report == NULL) {
        return NULL;
    }
    result = Py_BuildValue("{s:K, s:O, s:O, s:K, s:K}", "tx", (unsigned long long)m->result.tx,
                           "fast_forward", m->result.fast_forward ? Py_True : Py_False,
                           "up_to_date", m->result.up_to_date ? Py_True : Py_False, "tables",
                           (unsigned long long)m->result.tables, "conflicts",
                           (unsigned long long)m->result.conflicts);
    if (result == NULL) {
        Py_DECREF(report);
        return NULL;
    }
    return Py_BuildValue("(NN)", result, report);
}

/* "what, into, strategy, dry_run, message" and, before them, the table of a restoration. */
static bool parse(PyObject *arguments, struct merging *m, const char **out_table,
                  const char **out_what)
{
    int strategy = 0;
    int dry_run = 0;
    bool ok;

    m->options.size = sizeof m->options;
    ok = out_table == NULL
             ? PyArg_ParseTuple(arguments, "s|zipz", out_what, &m->options.into, &strategy,
                                &dry_run, &m->options.message)
             : PyArg_ParseTuple(arguments, "ss|zipz", out_table, out_what, &m->options.into,
                                &strategy, &dry_run, &m->options.message);
    m->options.strategy = (arm_merge_strategy)strategy;
    m->options.dry_run = dry_run != 0;
    return ok;
}

typedef arm_status merging_call(arm_session *session, const char *what,
                                const struct arm_merge_options *options,
                                struct arm_merge_result *out, struct ArrowArrayStream *out_report,
                                struct arm_error *err);

static PyObject *make(struct session *self, PyObject *arguments, merging_call *function)
{
    struct merging m = {.report = {.release = NULL}};
    const char *what = NULL;
    struct call call;
    arm_status st;

    if (!parse(arguments, &m, NULL, &what) || !arm_py_session_enter(self, &call)) {
        return NULL;
    }
    st = function(self->session, what, &m.options, &m.result, &m.report, &m.err);
    return end(self, &call, st, &m);
}

static PyObject *call_merge(struct session *self, PyObject *arguments)
{
    return make(self, arguments, arm_merge);
}

static PyObject *call_cherry_pick(struct session *self, PyObject *arguments)
{
    return make(self, arguments, arm_cherry_pick);
}

static PyObject *call_revert(struct session *self, PyObject *arguments)
{
    return make(self, arguments, arm_revert);
}

static PyObject *call_restore(struct session *self, PyObject *arguments)
{
    struct merging m = {.report = {.release = NULL}};
    const char *table = NULL;
    const char *ref = NULL;
    struct call call;
    arm_status st;

    if (!parse(arguments, &m, &table, &ref) || !arm_py_session_enter(self, &call)) {
        return NULL;
    }
    st = arm_restore(self->session, table, ref, &m.options, &m.result, &m.report, &m.err);
    return end(self, &call, st, &m);
}

PyMethodDef arm_py_session_merges[] = {
    {"merge", (PyCFunction)call_merge, METH_VARARGS,
     "merge(source, into=None, strategy=0, dry_run=False, message=None): a dict, and Rows."},
    {"cherry_pick", (PyCFunction)call_cherry_pick, METH_VARARGS, "As merge, of one commit."},
    {"revert", (PyCFunction)call_revert, METH_VARARGS, "As merge, of one commit undone."},
    {"restore", (PyCFunction)call_restore, METH_VARARGS, "restore(table, ref, ...), as merge."},
    {NULL, NULL, 0, NULL},
};
