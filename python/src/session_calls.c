/* SPDX-License-Identifier: Apache-2.0 */
/* Session's calls that give rows: the catalog, history, differences, the changelog; and those that
 * change branches, tags and consumers. Each is one call of the library. */

#include <string.h>

#include "session.h"
#include "stream.h"

/* ---- Rows ---- */

PyObject *arm_py_session_rows(struct session *self, struct call *call, arm_status st,
                              struct ArrowArrayStream *stream, const struct arm_error *err)
{
    if (!arm_py_return(call, st, err)) {
        arm_py_stream_end(stream);
        return NULL;
    }
    return arm_py_rows(stream, self);
}

/* The body of such a call, once its arguments are there. */
#define GIVE_ROWS(self, expression)                                                                \
    struct ArrowArrayStream stream = {.release = NULL};                                            \
    struct arm_error err;                                                                          \
    struct call call;                                                                              \
    arm_status st;                                                                                 \
    if (!arm_py_session_enter(self, &call)) {                                                      \
        return NULL;                                                                               \
    }                                                                                              \
    st = (expression);                                                                             \
    return arm_py_session_rows(self, &call, st, &stream, &err)

static PyObject *call_tables(struct session *self, PyObject *arguments)
{
    const char *at = NULL;

    if (!PyArg_ParseTuple(arguments, "|z:tables", &at)) {
        return NULL;
    }
    GIVE_ROWS(self, arm_tables(self->session, at, &stream, &err));
}

static PyObject *call_versions(struct session *self, PyObject *arguments)
{
    const char *table = NULL;
    int all = 0;

    if (!PyArg_ParseTuple(arguments, "s|p:versions", &table, &all)) {
        return NULL;
    }
    GIVE_ROWS(self, arm_versions(self->session, table, all != 0, &stream, &err));
}

static PyObject *call_schema(struct session *self, PyObject *arguments)
{
    const char *table = NULL;
    const char *at = NULL;

    if (!PyArg_ParseTuple(arguments, "s|z:schema", &table, &at)) {
        return NULL;
    }
    GIVE_ROWS(self, arm_schema(self->session, table, at, &stream, &err));
}

static PyObject *call_log(struct session *self, PyObject *arguments)
{
    struct arm_history_options options = {.size = sizeof options};
    unsigned long long limit = 0;

    if (!PyArg_ParseTuple(arguments, "|zzK:log", &options.at, &options.table, &limit)) {
        return NULL;
    }
    options.limit = limit;
    GIVE_ROWS(self, arm_log(self->session, &options, &stream, &err));
}

static PyObject *call_show(struct session *self, PyObject *arguments)
{
    const char *ref = NULL;

    if (!PyArg_ParseTuple(arguments, "s:show", &ref)) {
        return NULL;
    }
    GIVE_ROWS(self, arm_show(self->session, ref, &stream, &err));
}

static PyObject *call_stats(struct session *self, PyObject *unused)
{
    (void)unused;
    GIVE_ROWS(self, arm_stats(self->session, &stream, &err));
}

static PyObject *call_branches(struct session *self, PyObject *arguments)
{
    const char *name = NULL;

    if (!PyArg_ParseTuple(arguments, "|z:branches", &name)) {
        return NULL;
    }
    GIVE_ROWS(self, arm_branches(self->session, name, &stream, &err));
}

static PyObject *call_tags(struct session *self, PyObject *unused)
{
    (void)unused;
    GIVE_ROWS(self, arm_tags(self->session, &stream, &err));
}

static PyObject *call_consumers(struct session *self, PyObject *unused)
{
    (void)unused;
    GIVE_ROWS(self, arm_consumers(self->session, &stream, &err));
}

static PyObject *call_diff(struct session *self, PyObject *arguments)
{
    const char *a = NULL;
    const char *b = NULL;

    if (!PyArg_ParseTuple(arguments, "ss:diff", &a, &b)) {
        return NULL;
    }
    GIVE_ROWS(self, arm_diff(self->session, a, b, &stream, &err));
}

static PyObject *call_diff_rows(struct session *self, PyObject *arguments)
{
    const char *table = NULL;
    const char *a = NULL;
    const char *b = NULL;

    if (!PyArg_ParseTuple(arguments, "sss:diff_rows", &table, &a, &b)) {
        return NULL;
    }
    GIVE_ROWS(self, arm_diff_rows(self->session, table, a, b, &stream, &err));
}

static PyObject *call_diff_schemas(struct session *self, PyObject *arguments)
{
    const char *table = NULL;
    const char *a = NULL;
    const char *b = NULL;

    if (!PyArg_ParseTuple(arguments, "zss:diff_schemas", &table, &a, &b)) {
        return NULL;
    }
    GIVE_ROWS(self, arm_diff_schemas(self->session, table, a, b, &stream, &err));
}

static PyObject *give_changes(struct session *self, const struct arm_changes_options *options)
{
    GIVE_ROWS(self, arm_changes(self->session, options, &stream, &err));
}

static PyObject *call_changes(struct session *self, PyObject *arguments)
{
    struct arm_changes_options options = {.size = sizeof options};
    PyObject *tables = Py_None;
    unsigned long long since = 0;
    unsigned long long until = 0;
    unsigned long long limit = 0;
    long long since_us = 0;
    long long until_us = 0;
    const char **names;
    PyObject *rows = NULL;

    if (!PyArg_ParseTuple(arguments, "|KKOzKLL:changes", &since, &until, &tables, &options.branch,
                          &limit, &since_us, &until_us)) {
        return NULL;
    }
    names = arm_py_texts(tables, &options.table_count);
    options.tables = names;
    options.since = since;
    options.until = until;
    options.since_us = since_us;
    options.until_us = until_us;
    options.limit = limit;
    if (!PyErr_Occurred()) {
        rows = give_changes(self, &options);
    }
    PyMem_Free(names);
    return rows;
}

static PyObject *call_row_changes(struct session *self, PyObject *arguments)
{
    struct arm_row_changes_options options = {.size = sizeof options};
    const char *table = NULL;
    unsigned long long since = 0;
    unsigned long long until = 0;

    if (!PyArg_ParseTuple(arguments, "s|KKz:row_changes", &table, &since, &until,
                          &options.branch)) {
        return NULL;
    }
    options.since = since;
    options.until = until;
    GIVE_ROWS(self, arm_row_changes(self->session, table, &options, &stream, &err));
}

/* ---- What gives nothing ---- */

#define DO(self, expression)                                                                       \
    struct arm_error err;                                                                          \
    struct call call;                                                                              \
    arm_status st;                                                                                 \
    if (!arm_py_session_enter(self, &call)) {                                                      \
        return NULL;                                                                               \
    }                                                                                              \
    st = (expression);                                                                             \
    return arm_py_return(&call, st, &err) ? Py_NewRef(Py_None) : NULL

typedef arm_status named_call(arm_session *session, const char *name, struct arm_error *err);

static PyObject *do_named(struct session *self, PyObject *arguments, const char *format,
                          named_call *function)
{
    const char *name = NULL;

    if (!PyArg_ParseTuple(arguments, format, &name)) {
        return NULL;
    }
    DO(self, function(self->session, name, &err));
}

typedef arm_status create_call(arm_session *session, const char *name, const char *at,
                               const char *description, struct arm_error *err);

static PyObject *do_create(struct session *self, PyObject *arguments, const char *format,
                           create_call *function)
{
    const char *name = NULL;
    const char *at = NULL;
    const char *description = NULL;

    if (!PyArg_ParseTuple(arguments, format, &name, &at, &description)) {
        return NULL;
    }
    DO(self, function(self->session, name, at, description, &err));
}

static PyObject *call_use(struct session *self, PyObject *arguments)
{
    return do_named(self, arguments, "s:use", arm_session_use);
}

static PyObject *call_branch_create(struct session *self, PyObject *arguments)
{
    return do_create(self, arguments, "s|zz:branch_create", arm_branch_create);
}

static PyObject *call_branch_drop(struct session *self, PyObject *arguments)
{
    return do_named(self, arguments, "s:branch_drop", arm_branch_drop);
}

static PyObject *call_branch_rename(struct session *self, PyObject *arguments)
{
    const char *name = NULL;
    const char *new_name = NULL;

    if (!PyArg_ParseTuple(arguments, "ss:branch_rename", &name, &new_name)) {
        return NULL;
    }
    DO(self, arm_branch_rename(self->session, name, new_name, &err));
}

static PyObject *call_branch_describe(struct session *self, PyObject *arguments)
{
    const char *name = NULL;
    const char *description = NULL;

    if (!PyArg_ParseTuple(arguments, "sz:branch_describe", &name, &description)) {
        return NULL;
    }
    DO(self, arm_branch_describe(self->session, name, description, &err));
}

static PyObject *do_protect(struct session *self, const char *name,
                            const struct arm_branch_protection *protection)
{
    DO(self, arm_branch_protect(self->session, name, protection, &err));
}

/* branch_protect(name, only_merges, checks): checks None: no protection any more. */
static PyObject *call_branch_protect(struct session *self, PyObject *arguments)
{
    struct arm_branch_protection protection = {.size = sizeof protection};
    struct arm_branch_check *checks = NULL;
    PyObject *queries = Py_None;
    const char *name = NULL;
    const char **texts;
    PyObject *result = NULL;
    int only_merges = 0;

    if (!PyArg_ParseTuple(arguments, "spO:branch_protect", &name, &only_merges, &queries)) {
        return NULL;
    }
    if (queries == Py_None && only_merges == 0) {
        return do_protect(self, name, NULL);
    }
    texts = arm_py_texts(queries, &protection.check_count);
    if (protection.check_count > 0) {
        checks = PyMem_Calloc(protection.check_count, sizeof *checks);
        if (checks == NULL) {
            PyErr_NoMemory();
        }
    }
    for (size_t i = 0; checks != NULL && i < protection.check_count; i++) {
        checks[i].sql = texts[i];
    }
    protection.only_merges = only_merges != 0;
    protection.checks = checks;
    if (!PyErr_Occurred()) {
        result = do_protect(self, name, &protection);
    }
    PyMem_Free(checks);
    PyMem_Free(texts);
    return result;
}

static PyObject *call_tag_create(struct session *self, PyObject *arguments)
{
    return do_create(self, arguments, "s|zz:tag_create", arm_tag_create);
}

static PyObject *call_tag_drop(struct session *self, PyObject *arguments)
{
    return do_named(self, arguments, "s:tag_drop", arm_tag_drop);
}

static PyObject *call_consumer_move(struct session *self, PyObject *arguments)
{
    const char *name = NULL;
    unsigned long long tx = 0;

    if (!PyArg_ParseTuple(arguments, "sK:consumer_move", &name, &tx)) {
        return NULL;
    }
    DO(self, arm_consumer_move(self->session, name, tx, &err));
}

static PyObject *call_consumer_drop(struct session *self, PyObject *arguments)
{
    return do_named(self, arguments, "s:consumer_drop", arm_consumer_drop);
}

static PyObject *call_compact(struct session *self, PyObject *arguments)
{
    struct arm_compact_result result = {0};
    const char *table = NULL;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "|z:compact", &table) || !arm_py_session_enter(self, &call)) {
        return NULL;
    }
    st = arm_compact(self->session, table, NULL, &result, &err);
    if (!arm_py_return(&call, st, &err)) {
        return NULL;
    }
    return Py_BuildValue(
        "{s:K, s:K, s:K, s:K, s:K, s:K, s:K, s:K}", "tables", (unsigned long long)result.tables,
        "entries_removed", (unsigned long long)result.entries_removed, "entries_added",
        (unsigned long long)result.entries_added, "hot_rows_flushed",
        (unsigned long long)result.hot_rows_flushed, "dead_rows",
        (unsigned long long)result.dead_rows, "rows", (unsigned long long)result.rows,
        "bytes_added", (unsigned long long)result.bytes_added, "given_up",
        (unsigned long long)result.given_up);
}

#define CALL(name, text) {#name, (PyCFunction)call_##name, METH_VARARGS, text}

PyMethodDef arm_py_session_calls[] = {
    CALL(tables, "tables(at=None): Rows."),
    CALL(versions, "versions(table, all=False): Rows."),
    CALL(schema, "schema(table, at=None): Rows."),
    CALL(log, "log(at=None, table=None, limit=0): Rows."),
    CALL(show, "show(ref): Rows."),
    {"stats", (PyCFunction)call_stats, METH_NOARGS, "Rows: sizes."},
    CALL(branches, "branches(name=None): Rows."),
    {"tags", (PyCFunction)call_tags, METH_NOARGS, "Rows: the tags."},
    {"consumers", (PyCFunction)call_consumers, METH_NOARGS, "Rows: consumers of the changelog."},
    CALL(diff, "diff(a, b): Rows."),
    CALL(diff_rows, "diff_rows(table, a, b): Rows."),
    CALL(diff_schemas, "diff_schemas(table, a, b): Rows."),
    CALL(changes, "changes(since=0, until=0, tables=None, branch=None, limit=0, since_us=0, "
                  "until_us=0): Rows."),
    CALL(row_changes, "row_changes(table, since=0, until=0, branch=None): Rows."),
    CALL(use, "use(branch): go to another branch."),
    CALL(branch_create, "branch_create(name, from=None, description=None)."),
    CALL(branch_drop, "branch_drop(name)."),
    CALL(branch_rename, "branch_rename(name, new_name)."),
    CALL(branch_describe, "branch_describe(name, description)."),
    CALL(branch_protect, "branch_protect(name, only_merges, checks)."),
    CALL(tag_create, "tag_create(name, ref=None, description=None)."),
    CALL(tag_drop, "tag_drop(name)."),
    CALL(consumer_move, "consumer_move(name, tx)."),
    CALL(consumer_drop, "consumer_drop(name)."),
    CALL(compact, "compact(table=None): a dict."),
    {NULL, NULL, 0, NULL},
};
