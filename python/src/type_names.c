/* SPDX-License-Identifier: Apache-2.0 */
/* What SQL calls an Arrow type. */

#include <stdio.h>
#include <string.h>

#include "to_python.h"
#include <nanoarrow/nanoarrow.h>

static const char *simple_name(enum ArrowType type)
{
    switch (type) {
    case NANOARROW_TYPE_NA:
        return "NULL";
    case NANOARROW_TYPE_BOOL:
        return "BOOLEAN";
    case NANOARROW_TYPE_INT8:
        return "TINYINT";
    case NANOARROW_TYPE_INT16:
        return "SMALLINT";
    case NANOARROW_TYPE_INT32:
        return "INTEGER";
    case NANOARROW_TYPE_INT64:
        return "BIGINT";
    case NANOARROW_TYPE_UINT8:
        return "UTINYINT";
    case NANOARROW_TYPE_UINT16:
        return "USMALLINT";
    case NANOARROW_TYPE_UINT32:
        return "UINTEGER";
    case NANOARROW_TYPE_UINT64:
        return "UBIGINT";
    case NANOARROW_TYPE_FLOAT:
        return "FLOAT";
    case NANOARROW_TYPE_DOUBLE:
        return "DOUBLE";
    case NANOARROW_TYPE_STRING:
    case NANOARROW_TYPE_LARGE_STRING:
    case NANOARROW_TYPE_STRING_VIEW:
        return "VARCHAR";
    case NANOARROW_TYPE_BINARY:
    case NANOARROW_TYPE_LARGE_BINARY:
    case NANOARROW_TYPE_BINARY_VIEW:
    case NANOARROW_TYPE_FIXED_SIZE_BINARY:
        return "BLOB";
    case NANOARROW_TYPE_DATE32:
    case NANOARROW_TYPE_DATE64:
        return "DATE";
    case NANOARROW_TYPE_TIME32:
    case NANOARROW_TYPE_TIME64:
        return "TIME";
    case NANOARROW_TYPE_DURATION:
    case NANOARROW_TYPE_INTERVAL_MONTHS:
    case NANOARROW_TYPE_INTERVAL_DAY_TIME:
    case NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO:
        return "INTERVAL";
    case NANOARROW_TYPE_SPARSE_UNION:
    case NANOARROW_TYPE_DENSE_UNION:
        return "UNION";
    default:
        return NULL;
    }
}

static const char *timestamp_name(const struct ArrowSchemaView *type)
{
    if (type->timezone != NULL && *type->timezone != '\0') {
        return "TIMESTAMP WITH TIME ZONE";
    }
    switch (type->time_unit) {
    case NANOARROW_TIME_UNIT_SECOND:
        return "TIMESTAMP_S";
    case NANOARROW_TIME_UNIT_MILLI:
        return "TIMESTAMP_MS";
    case NANOARROW_TIME_UNIT_NANO:
        return "TIMESTAMP_NS";
    default:
        return "TIMESTAMP";
    }
}

static PyObject *joined(const char *before, PyObject *parts, const char *after)
{
    PyObject *comma = PyUnicode_FromString(", ");
    PyObject *list = comma == NULL || parts == NULL ? NULL : PyUnicode_Join(comma, parts);
    PyObject *name = list == NULL ? NULL : PyUnicode_FromFormat("%s%U%s", before, list, after);

    Py_XDECREF(comma);
    Py_XDECREF(list);
    Py_XDECREF(parts);
    return name;
}

static PyObject *struct_name(const struct ArrowSchema *schema)
{
    PyObject *parts = PyList_New(0);

    for (int64_t i = 0; parts != NULL && i < schema->n_children; i++) {
        PyObject *type = arm_py_type_name(schema->children[i]);
        PyObject *part = type == NULL
                             ? NULL
                             : PyUnicode_FromFormat("\"%s\" %U", schema->children[i]->name, type);

        Py_XDECREF(type);
        if (part == NULL || PyList_Append(parts, part) != 0) {
            Py_CLEAR(parts);
        }
        Py_XDECREF(part);
    }
    return parts == NULL ? NULL : joined("STRUCT(", parts, ")");
}

static PyObject *map_name(const struct ArrowSchema *schema)
{
    PyObject *parts = PyList_New(0);
    const struct ArrowSchema *entry = schema->children[0];

    for (int64_t i = 0; parts != NULL && i < entry->n_children; i++) {
        PyObject *type = arm_py_type_name(entry->children[i]);

        if (type == NULL || PyList_Append(parts, type) != 0) {
            Py_CLEAR(parts);
        }
        Py_XDECREF(type);
    }
    return parts == NULL ? NULL : joined("MAP(", parts, ")");
}

static PyObject *list_name(const struct ArrowSchema *schema, int fixed_size)
{
    PyObject *child = arm_py_type_name(schema->children[0]);
    PyObject *name = NULL;

    if (child != NULL) {
        name = fixed_size > 0 ? PyUnicode_FromFormat("%U[%d]", child, fixed_size)
                              : PyUnicode_FromFormat("%U[]", child);
        Py_DECREF(child);
    }
    return name;
}

PyObject *arm_py_type_name(const struct ArrowSchema *schema)
{
    struct ArrowSchemaView type;
    struct ArrowStringView marked = {NULL, 0};
    struct ArrowError error;

    if (schema->dictionary != NULL) {
        return PyUnicode_FromString("ENUM");
    }
    (void)ArrowMetadataGetValue(schema->metadata, ArrowCharView("arm.type"), &marked);
    if (marked.data != NULL) {
        return PyUnicode_DecodeUTF8(marked.data, (Py_ssize_t)marked.size_bytes, "replace");
    }
    if (ArrowSchemaViewInit(&type, schema, &error) != NANOARROW_OK) {
        return PyUnicode_FromString(schema->format);
    }
    switch (type.type) {
    case NANOARROW_TYPE_DECIMAL32:
    case NANOARROW_TYPE_DECIMAL64:
    case NANOARROW_TYPE_DECIMAL128:
    case NANOARROW_TYPE_DECIMAL256:
        return PyUnicode_FromFormat("DECIMAL(%d,%d)", type.decimal_precision, type.decimal_scale);
    case NANOARROW_TYPE_TIMESTAMP:
        return PyUnicode_FromString(timestamp_name(&type));
    case NANOARROW_TYPE_LIST:
    case NANOARROW_TYPE_LARGE_LIST:
        return list_name(schema, 0);
    case NANOARROW_TYPE_FIXED_SIZE_LIST:
        return list_name(schema, type.fixed_size);
    case NANOARROW_TYPE_STRUCT:
        return struct_name(schema);
    case NANOARROW_TYPE_MAP:
        return map_name(schema);
    default:
        return PyUnicode_FromString(simple_name(type.type) == NULL ? schema->format
                                                                   : simple_name(type.type));
    }
}
