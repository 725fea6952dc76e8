/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_SESSION_H
#define ARM_PY_SESSION_H

/* The types Repo and Session, for the files that make and use their objects. */

#include "call.h"

struct repo {
    PyObject_HEAD arm_repo *repo; /* the library's handle, which threads may share */
    PyObject *path;               /* a str */
    struct gate gate;             /* never gone through; who looks may see, and change: */
    unsigned users;               /* calls being made; the last one closes what is closed */
    bool is_closed;
};

/* Enter the library with the repository, which stays open until arm_py_repo_return; false: an
 * exception is set. */
bool arm_py_repo_enter(struct repo *self, struct call *call);
/* The same as arm_py_return is to arm_py_leave. */
bool arm_py_repo_return(struct repo *self, struct call *call, arm_status st,
                        const struct arm_error *err);
/* feed.c: what Repo.feed() does. */
PyObject *arm_py_feed_open(struct repo *repo, PyObject *arguments, PyObject *keywords);

struct session {
    PyObject_HEAD arm_session *session; /* NULL: closed; changed inside the gate, by who looks */
    struct gate gate;
    PyObject *raised; /* by what makes rows that a call reads: a list (batches.h) */
};

extern PyTypeObject *arm_py_session_type;

/* An object that owns the session. */
PyObject *arm_py_session(arm_session *session);
/* Enter the library with the session, which is open then; false: an exception is set. */
bool arm_py_session_enter(struct session *self, struct call *call);
/* Rows over a stream (moved, whatever happens) that the session gave; NULL: that can be read at
 * once, without one. */
PyObject *arm_py_rows(struct ArrowArrayStream *stream, struct session *session);
/* Stops the statement that runs; for arm_py_enter. */
void arm_py_session_stop(void *self);

/* A dict {table: version}, or None: NULL, if no exception is set. The names are the dict's, and so
 * are there as long as it. To be freed by PyMem_Free. */
struct arm_table_version *arm_py_versions(PyObject *dict, size_t *out_count);
/* session_calls.c: come back from a call that gives rows, with what came, unless it failed. */
PyObject *arm_py_session_rows(struct session *self, struct call *call, arm_status st,
                              struct ArrowArrayStream *stream, const struct arm_error *err);

/* A list (or tuple) of str as C strings, which live as long as it; NULL: none, or an exception is
 * set. To be freed by PyMem_Free. */
const char **arm_py_texts(PyObject *list, size_t *out_count);

/* Set `name` in a dict to a value, which is taken (NULL: an exception is set). */
bool arm_py_set(PyObject *dict, const char *name, PyObject *value);

/* session_calls.c: the calls that give rows, and those that change branches and tags. */
extern PyMethodDef arm_py_session_calls[];
/* session_merge.c */
extern PyMethodDef arm_py_session_merges[];
/* chunks.c: of Session, and of Repo */
extern PyMethodDef arm_py_session_versions[];
extern PyMethodDef arm_py_repo_chunks[];

#endif
