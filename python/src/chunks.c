/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks as a program's own, and versions that say what they are made of: calls of Repo and of
 * Session, each one call of the library. */

#include <string.h>

#include "session.h"
#include "stream.h"

/* ---- Of a repository ---- */

static PyObject *chunk_put(struct repo *self, PyObject *arguments)
{
    char hash[ARM_CHUNK_HASH_SIZE] = "";
    Py_buffer data;
    struct arm_error err;
    struct call call;
    arm_status st;
    bool ok;

    if (!PyArg_ParseTuple(arguments, "y*:chunk_put", &data)) {
        return NULL;
    }
    if (!arm_py_repo_enter(self, &call)) {
        PyBuffer_Release(&data);
        return NULL;
    }
    st = arm_chunk_put(self->repo, data.buf, (size_t)data.len, hash, &err);
    ok = arm_py_repo_return(self, &call, st, &err);
    PyBuffer_Release(&data);
    return ok ? PyUnicode_FromString(hash) : NULL;
}

/* How large it is; -1: an exception is set. */
static Py_ssize_t size_of(struct repo *self, const char *hash)
{
    uint64_t size = 0;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!arm_py_repo_enter(self, &call)) {
        return -1;
    }
    st = arm_chunk_size(self->repo, hash, &size, &err);
    if (!arm_py_repo_return(self, &call, st, &err)) {
        return -1;
    }
    if (size > PY_SSIZE_T_MAX) {
        (void)PyErr_NoMemory();
        return -1;
    }
    return (Py_ssize_t)size;
}

static PyObject *chunk_get(struct repo *self, PyObject *arguments)
{
    const char *hash = NULL;
    PyObject *bytes;
    Py_ssize_t capacity;
    size_t size = 0;
    struct arm_error err;
    struct call call;
    int verify = 0;
    arm_status st;
    char *room;

    if (!PyArg_ParseTuple(arguments, "s|p:chunk_get", &hash, &verify)) {
        return NULL;
    }
    capacity = size_of(self, hash);
    bytes = capacity < 0 ? NULL : PyBytes_FromStringAndSize(NULL, capacity);
    if (bytes == NULL) {
        return NULL;
    }
    room = PyBytes_AsString(bytes); /* ours alone until it is returned */
    if (!arm_py_repo_enter(self, &call)) {
        Py_DECREF(bytes);
        return NULL;
    }
    st = arm_chunk_get(self->repo, hash, verify != 0, room, (size_t)capacity, &size, &err);
    if (!arm_py_repo_return(self, &call, st, &err)) {
        Py_DECREF(bytes);
        return NULL;
    }
    if ((Py_ssize_t)size < capacity) { /* somebody cuts files */
        PyObject *whole = PyBytes_FromStringAndSize(room, (Py_ssize_t)size);

        Py_DECREF(bytes);
        bytes = whole;
    }
    return bytes;
}

static PyObject *chunk_exists(struct repo *self, PyObject *arguments)
{
    const char *hash = NULL;
    bool exists = false;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "s:chunk_exists", &hash) || !arm_py_repo_enter(self, &call)) {
        return NULL;
    }
    st = arm_chunk_exists(self->repo, hash, &exists, &err);
    return arm_py_repo_return(self, &call, st, &err) ? PyBool_FromLong(exists) : NULL;
}

static PyObject *chunk_size(struct repo *self, PyObject *arguments)
{
    const char *hash = NULL;
    Py_ssize_t size;

    if (!PyArg_ParseTuple(arguments, "s:chunk_size", &hash)) {
        return NULL;
    }
    size = size_of(self, hash);
    return size < 0 ? NULL : PyLong_FromSsize_t(size);
}

static PyObject *chunk_delete(struct repo *self, PyObject *arguments)
{
    const char *hash = NULL;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "s:chunk_delete", &hash) || !arm_py_repo_enter(self, &call)) {
        return NULL;
    }
    st = arm_chunk_delete(self->repo, hash, &err);
    if (!arm_py_repo_return(self, &call, st, &err)) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *chunks(struct repo *self, PyObject *unused)
{
    struct ArrowArrayStream stream = {.release = NULL};
    struct arm_error err;
    struct call call;
    arm_status st;

    (void)unused;
    if (!arm_py_repo_enter(self, &call)) {
        return NULL;
    }
    st = arm_chunks(self->repo, &stream, &err);
    if (!arm_py_repo_return(self, &call, st, &err)) {
        arm_py_stream_end(&stream);
        return NULL;
    }
    return arm_py_rows(&stream, NULL);
}

PyMethodDef arm_py_repo_chunks[] = {
    {"chunk_put", (PyCFunction)chunk_put, METH_VARARGS, "chunk_put(bytes): its hash."},
    {"chunk_get", (PyCFunction)chunk_get, METH_VARARGS, "chunk_get(hash, verify=False): bytes."},
    {"chunk_exists", (PyCFunction)chunk_exists, METH_VARARGS, "chunk_exists(hash): a bool."},
    {"chunk_size", (PyCFunction)chunk_size, METH_VARARGS, "chunk_size(hash): how many bytes."},
    {"chunk_delete", (PyCFunction)chunk_delete, METH_VARARGS, "chunk_delete(hash)."},
    {"chunks", (PyCFunction)chunks, METH_NOARGS, "Rows: hash, bytes, is_loose."},
    {NULL, NULL, 0, NULL},
};

/* ---- Of a session ---- */

/* What is written: rows of Python's, or files. */
struct writing {
    const char *table;
    PyObject *rows;
    PyObject *paths;
    PyObject *uses;
    PyObject *key;
    struct ArrowArrayStream stream;
    const char **files;
    size_t file_count;
    const char **hashes;
    const char **columns;
    struct arm_write_options options;
};

static void end_writing(struct writing *w)
{
    arm_py_stream_end(&w->stream);
    PyMem_Free(w->files);
    PyMem_Free(w->hashes);
    PyMem_Free(w->columns);
}

static bool take_arguments(PyObject *arguments, PyObject *keywords, struct writing *w)
{
    static char *names[] = {"table", "rows",       "paths",   "mode", "version", "metadata",
                            "uses",  "chunk_rows", "message", "key",  NULL};
    unsigned long long version = 0;
    unsigned int chunk_rows = 0;
    int mode = ARM_WRITE_REPLACE;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "s|OOiKzOIzO:write_version", names,
                                     &w->table, &w->rows, &w->paths, &mode, &version,
                                     &w->options.metadata, &w->uses, &chunk_rows,
                                     &w->options.message, &w->key)) {
        return false;
    }
    w->options.mode = (arm_write_mode)mode;
    w->options.version = version;
    w->options.chunk_rows = chunk_rows;
    w->options.always = true;
    w->hashes = arm_py_texts(w->uses, &w->options.use_count);
    w->options.uses = w->hashes;
    if (!PyErr_Occurred()) {
        w->files = arm_py_texts(w->paths, &w->file_count);
    }
    if (!PyErr_Occurred()) {
        w->columns = arm_py_texts(w->key, &w->options.key_count);
        w->options.key = w->columns;
    }
    return !PyErr_Occurred() && arm_py_stream_of(w->rows, &w->stream);
}

static PyObject *call_write_version(struct session *self, PyObject *arguments, PyObject *keywords)
{
    struct writing w = {.rows = Py_None,
                        .paths = Py_None,
                        .uses = Py_None,
                        .key = Py_None,
                        .stream = {.release = NULL},
                        .options = {.size = sizeof w.options}};
    struct arm_write_result result = {0};
    struct arm_error err;
    struct call call;
    arm_status st;
    bool ok;

    if (!take_arguments(arguments, keywords, &w) || !arm_py_session_enter(self, &call)) {
        end_writing(&w);
        return NULL;
    }
    if (w.file_count > 0) {
        w.options.format = "parquet";
        st = arm_import(self->session, w.table, w.files, w.file_count, &w.options, &result, &err);
    } else {
        st = arm_write(self->session, w.table, &w.stream, &w.options, &result, &err);
    }
    ok = arm_py_return(&call, st, &err);
    end_writing(&w);
    return ok ? Py_BuildValue("{s:K, s:K, s:K}", "tx", (unsigned long long)result.tx, "version",
                              (unsigned long long)result.version, "rows",
                              (unsigned long long)result.rows)
              : NULL;
}

static PyObject *call_version_show(struct session *self, PyObject *arguments)
{
    struct ArrowArrayStream stream = {.release = NULL};
    const char *table = NULL;
    unsigned long long version = 0;
    struct arm_error err;
    struct call call;
    arm_status st;

    if (!PyArg_ParseTuple(arguments, "sK:version_show", &table, &version) ||
        !arm_py_session_enter(self, &call)) {
        return NULL;
    }
    st = arm_version_show(self->session, table, version, &stream, &err);
    return arm_py_session_rows(self, &call, st, &stream, &err);
}

static PyObject *call_move(struct session *self, PyObject *arguments)
{
    struct arm_move_options options = {.size = sizeof options};
    struct arm_table_version *versions;
    unsigned long long unchanged_since = 0;
    PyObject *dict = NULL;
    size_t count = 0;
    uint64_t tx = 0;
    struct arm_error err;
    struct call call;
    arm_status st;
    bool ok;

    if (!PyArg_ParseTuple(arguments, "O|zKz:move", &dict, &options.into, &unchanged_since,
                          &options.message)) {
        return NULL;
    }
    options.unchanged_since = unchanged_since;
    versions = arm_py_versions(dict, &count);
    if (versions == NULL) {
        return NULL;
    }
    if (!arm_py_session_enter(self, &call)) {
        PyMem_Free(versions);
        return NULL;
    }
    st = arm_move(self->session, versions, count, &options, &tx, &err);
    ok = arm_py_return(&call, st, &err);
    PyMem_Free(versions);
    return ok ? PyLong_FromUnsignedLongLong(tx) : NULL;
}

PyMethodDef arm_py_session_versions[] = {
    {"write_version", (PyCFunction)(void (*)(void))call_write_version, METH_VARARGS | METH_KEYWORDS,
     "write_version(table, rows=None, paths=None, mode=2, version=0, metadata=None, uses=None, "
     "chunk_rows=0, message=None, key=None): a version, even if nothing changes; a dict."},
    {"version_show", (PyCFunction)call_version_show, METH_VARARGS,
     "version_show(table, version): a row."},
    {"move", (PyCFunction)call_move, METH_VARARGS,
     "move(versions, into=None, unchanged_since=0, message=None): the tx."},
    {NULL, NULL, 0, NULL},
};
