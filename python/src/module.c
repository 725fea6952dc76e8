/* SPDX-License-Identifier: Apache-2.0 */
/* The module armillaria._core. */

#include <string.h>

#include "call.h"
#include "from_python.h"
#include "stream.h"
#include "to_python.h"

PyTypeObject *arm_py_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    const char *name = strrchr(spec->name, '.') + 1;

    if (type == NULL || PyModule_AddObjectRef(module, name, type) != 0) {
        Py_XDECREF(type);
        return NULL;
    }
    return (PyTypeObject *)type; /* with the reference, for ever */
}

/* build(names, columns): a capsule with an Arrow stream of the rows. */
static PyObject *build(PyObject *module, PyObject *arguments)
{
    struct ArrowArrayStream stream;
    PyObject *names = NULL;
    PyObject *columns = NULL;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!O!:build", &PyList_Type, &names, &PyList_Type, &columns)) {
        return NULL;
    }
    return arm_py_build(names, columns, &stream) ? arm_py_capsule(&stream) : NULL;
}

static PyMethodDef functions[] = {
    {"build", build, METH_VARARGS, "build(names, columns): an Arrow stream of Python values."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "armillaria._core",
    .m_doc = "The C library, a method a call. Made for the modules beside it, not for users.",
    .m_size = -1, /* its types are found once: one interpreter a process */
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void)
{
    PyObject *module = PyModule_Create(&definition);

    if (module == NULL) {
        return NULL;
    }
    if (PyModule_AddStringConstant(module, "version", arm_version()) != 0 || !arm_py_call_init() ||
        !arm_py_errors_init() || !arm_py_values_init() || !arm_py_rows_init(module) ||
        !arm_py_session_init(module) || !arm_py_repo_init(module) || !arm_py_txn_init(module) ||
        !arm_py_feed_init(module)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
