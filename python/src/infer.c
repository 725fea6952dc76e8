/* SPDX-License-Identifier: Apache-2.0 */
#include "infer.h"

#include <string.h>

#include "values.h"

/* ---- One value ---- */

static bool is_a(PyObject *value, PyObject *class)
{
    return PyObject_IsInstance(value, class) == 1;
}

static bool is_nothing(PyObject *value)
{
    PyObject *name;
    bool is = false;

    if (value == Py_None) {
        return true;
    }
    name = PyType_GetName(Py_TYPE(value));
    if (name != NULL) {
        is = PyUnicode_CompareWithASCIIString(name, "NAType") == 0 ||
             PyUnicode_CompareWithASCIIString(name, "NaTType") == 0;
        Py_DECREF(name);
    }
    return is;
}

/* Of the types that most values have: no need to look further. */
static bool is_common(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    return value == Py_None || type == &PyLong_Type || type == &PyFloat_Type ||
           type == &PyUnicode_Type || type == &PyBool_Type || type == &PyBytes_Type ||
           type == &PyList_Type || type == &PyDict_Type || type == &PyTuple_Type;
}

PyObject *arm_py_plain(PyObject *value)
{
    if (is_common(value)) {
        return Py_NewRef(value);
    }
    if (is_nothing(value)) {
        return Py_NewRef(Py_None);
    }
    if (PyObject_HasAttrString(value, "dtype") && PyObject_HasAttrString(value, "tolist")) {
        return PyObject_CallFunctionObjArgs(arm_py_classes.plain_times, value, NULL);
    }
    return Py_NewRef(value);
}

static bool take_int(struct shape *out, PyObject *value)
{
    int overflow = 0;
    PyObject *bits;
    long count;

    (void)PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0) {
        out->kind = KIND_INT;
        return true;
    }
    bits = PyObject_CallMethod(value, "bit_length", NULL);
    count = bits == NULL ? -1 : PyLong_AsLong(bits);
    Py_XDECREF(bits);
    out->kind = KIND_HUGE;
    return count >= 0 && count < 128;
}

/* Digits before and behind the point; false: it has no such, or too many. */
static bool take_decimal(struct shape *out, PyObject *value)
{
    PyObject *parts = PyObject_CallMethod(value, "as_tuple", NULL);
    PyObject *digits = parts == NULL ? NULL : PyObject_GetAttrString(parts, "digits");
    PyObject *exponent = parts == NULL ? NULL : PyObject_GetAttrString(parts, "exponent");
    bool ok = digits != NULL && exponent != NULL && PyLong_Check(exponent);
    long at = ok ? PyLong_AsLong(exponent) : 0;
    long count = ok ? (long)PyTuple_Size(digits) : 0;

    ok = ok && at >= -DECIMAL_DIGITS_MAX && at <= DECIMAL_DIGITS_MAX;
    if (ok) {
        out->kind = KIND_DECIMAL;
        out->scale = at < 0 ? (int)-at : 0;
        out->whole = count + at > 0 ? (int)(count + at) : 0;
        ok = out->scale + out->whole <= DECIMAL_DIGITS_MAX;
    }
    Py_XDECREF(parts);
    Py_XDECREF(digits);
    Py_XDECREF(exponent);
    PyErr_Clear();
    return ok;
}

static bool has_zone(PyObject *value)
{
    PyObject *offset = PyObject_CallMethod(value, "utcoffset", NULL); /* a zone may have none */
    bool has = offset != NULL && offset != Py_None;

    Py_XDECREF(offset);
    PyErr_Clear();
    return has;
}

/* Whether it is one of pandas' with nanoseconds: an exception is set then. */
static bool is_cut(PyObject *value)
{
    PyObject *type = (PyObject *)Py_TYPE(value);
    PyObject *ok;

    if (type == arm_py_classes.datetime || type == arm_py_classes.timedelta) {
        return false;
    }
    ok = PyObject_CallFunctionObjArgs(arm_py_classes.refuse_cut, value, NULL);

    Py_XDECREF(ok);
    return ok == NULL;
}

/* What a value that is neither a list nor a dict is; false: nothing that there is a type for. */
static bool take_scalar(struct shape *out, PyObject *value)
{
    const struct value_classes *c = &arm_py_classes;

    if (PyBool_Check(value)) {
        out->kind = KIND_BOOL;
    } else if (PyLong_Check(value)) {
        return take_int(out, value);
    } else if (PyFloat_Check(value)) {
        out->kind = KIND_DOUBLE;
    } else if (PyUnicode_Check(value)) {
        out->kind = KIND_STRING;
    } else if (PyBytes_Check(value) || PyByteArray_Check(value) || PyMemoryView_Check(value)) {
        out->kind = KIND_BYTES;
    } else if (is_a(value, c->datetime)) {
        if (is_cut(value)) {
            return false;
        }
        out->kind = has_zone(value) ? KIND_TIMESTAMP_TZ : KIND_TIMESTAMP;
    } else if (is_a(value, c->date)) {
        out->kind = KIND_DATE;
    } else if (is_a(value, c->time)) {
        out->kind = KIND_TIME;
        return !has_zone(value);
    } else if (is_a(value, c->timedelta)) {
        if (is_cut(value)) {
            return false;
        }
        out->kind = KIND_INTERVAL;
    } else if (is_a(value, c->decimal)) {
        return take_decimal(out, value);
    } else if (is_a(value, c->uuid)) {
        out->kind = KIND_UUID;
    } else {
        return false;
    }
    return true;
}

/* ---- What two shapes have in common ---- */

static bool is_number(enum kind kind)
{
    return kind >= KIND_INT && kind <= KIND_DOUBLE;
}

/* Digits that a whole number has at most. */
static int whole_digits(const struct shape *shape)
{
    enum { INT_DIGITS = 19 };

    switch (shape->kind) {
    case KIND_INT:
        return INT_DIGITS;
    case KIND_HUGE:
        return DECIMAL_DIGITS_MAX;
    default:
        return shape->whole;
    }
}

static bool join_scalar(struct shape *shape, const struct shape *other)
{
    enum kind a = shape->kind;
    enum kind b = other->kind;

    if (a == KIND_NULL) {
        shape->kind = b;
        shape->whole = other->whole;
        shape->scale = other->scale;
    } else if (a == KIND_DECIMAL || b == KIND_DECIMAL) {
        int whole = whole_digits(shape);
        int scale = shape->scale > other->scale ? shape->scale : other->scale;

        if (!is_number(a) || !is_number(b)) {
            return false;
        }
        whole = whole_digits(other) > whole ? whole_digits(other) : whole;
        shape->kind = a == KIND_DOUBLE || b == KIND_DOUBLE || whole + scale > DECIMAL_DIGITS_MAX
                          ? KIND_DOUBLE
                          : KIND_DECIMAL;
        shape->whole = whole;
        shape->scale = scale;
    } else if (is_number(a) && is_number(b)) {
        shape->kind = a > b ? a : b;
    } else if ((a == KIND_DATE && b == KIND_TIMESTAMP) || (a == KIND_TIMESTAMP && b == KIND_DATE)) {
        shape->kind = KIND_TIMESTAMP;
    } else {
        return a == b;
    }
    return true;
}

/* ---- Lists and dicts ---- */

static bool refuse(PyObject *value, PyObject *column, Py_ssize_t row, bool is_mixed)
{
    PyObject *type = PyErr_Occurred() ? NULL : PyType_GetName(Py_TYPE(value));

    if (type != NULL && !PyErr_Occurred()) {
        (void)arm_py_raise_format(ARM_SCHEMA,
                                  is_mixed ? "column %S: row %zd is of type %S, rows before it are "
                                             "not: %R"
                                           : "column %S: row %zd is of type %S, which no column "
                                             "can hold: %R",
                                  column, row, type, value);
    }
    Py_XDECREF(type);
    return false;
}

static bool add_child(struct shape *shape, PyObject *name)
{
    size_t count = (size_t)shape->child_count + 1;
    struct shape *children = PyMem_Realloc(shape->children, count * sizeof *children);
    PyObject **names;

    if (children == NULL) {
        PyErr_NoMemory();
        return false;
    }
    shape->children = children;
    names = PyMem_Realloc(shape->names, count * sizeof(PyObject *));
    if (names == NULL) {
        PyErr_NoMemory();
        return false;
    }
    shape->names = names;
    children[count - 1] = (struct shape){.depth = shape->depth + 1};
    names[count - 1] = Py_XNewRef(name);
    shape->child_count++;
    return true;
}

static bool take_list(struct shape *shape, PyObject *value, PyObject *column, Py_ssize_t row)
{
    Py_ssize_t count = PySequence_Size(value);

    if (shape->child_count == 0 && !add_child(shape, NULL)) {
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(value, i);
        bool ok = item != NULL && arm_py_shape_take(&shape->children[0], item, column, row);

        Py_XDECREF(item);
        if (!ok) {
            return false;
        }
    }
    return count >= 0;
}

/* The field of this name, added if it is not there; -1: an exception is set. */
static Py_ssize_t field_of(struct shape *shape, PyObject *name)
{
    for (Py_ssize_t i = 0; i < shape->child_count; i++) {
        if (PyUnicode_Compare(shape->names[i], name) == 0) {
            return i;
        }
    }
    return add_child(shape, name) ? shape->child_count - 1 : -1;
}

static bool take_dict(struct shape *shape, PyObject *value, PyObject *column, Py_ssize_t row)
{
    PyObject *name;
    PyObject *item;
    Py_ssize_t at = 0;

    while (PyDict_Next(value, &at, &name, &item)) {
        Py_ssize_t field = PyUnicode_Check(name) ? field_of(shape, name) : -1;
        PyObject *held = Py_NewRef(item); /* looking at it may run code that changes the dict */
        bool ok = field < 0 ? refuse(value, column, row, false)
                            : arm_py_shape_take(&shape->children[field], held, column, row);

        Py_DECREF(held);
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool arm_py_shape_take(struct shape *shape, PyObject *value, PyObject *column, Py_ssize_t row)
{
    PyObject *plain = arm_py_plain(value);
    struct shape found = {.kind = KIND_NULL};
    enum kind nested;
    bool ok = false;

    if (plain == NULL) {
        return false;
    }
    if (plain == Py_None) {
        ok = true;
    } else if (PyList_Check(plain) || PyTuple_Check(plain) || PyDict_Check(plain)) {
        nested = PyDict_Check(plain) ? KIND_STRUCT : KIND_LIST;
        if (shape->depth >= DEPTH_MAX) {
            (void)arm_py_raise_format(ARM_SCHEMA, "column %S: row %zd is nested deeper than %d",
                                      column, row, (int)DEPTH_MAX);
        } else if (shape->kind != KIND_NULL && shape->kind != nested) {
            (void)refuse(value, column, row, true);
        } else {
            shape->kind = nested;
            ok = nested == KIND_LIST ? take_list(shape, plain, column, row)
                                     : take_dict(shape, plain, column, row);
        }
    } else if (!take_scalar(&found, plain)) {
        (void)refuse(value, column, row, false);
    } else if (!join_scalar(shape, &found)) {
        (void)refuse(value, column, row, true);
    } else {
        ok = true;
    }
    Py_DECREF(plain);
    return ok;
}

void arm_py_shape_free(struct shape *shape)
{
    for (Py_ssize_t i = 0; i < shape->child_count; i++) {
        arm_py_shape_free(&shape->children[i]);
        Py_XDECREF(shape->names[i]);
    }
    PyMem_Free(shape->children);
    PyMem_Free(shape->names);
    *shape = (struct shape){.kind = KIND_NULL};
}
