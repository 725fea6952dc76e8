/* SPDX-License-Identifier: Apache-2.0 */
#include "from_python.h"

#include <string.h>

#include "infer.h"
#include "values.h"
#include <nanoarrow/nanoarrow.h>

enum { BATCH_ROWS = 65536, HUGE_BYTES = 16, MONTHS_NONE = 0 };

/* ---- Types ---- */

static ArrowErrorCode extension(struct ArrowSchema *schema, const char *name, const char *metadata)
{
    struct ArrowBuffer pairs;
    ArrowErrorCode rc = ArrowMetadataBuilderInit(&pairs, NULL);

    if (rc == NANOARROW_OK) {
        rc = ArrowMetadataBuilderAppend(&pairs, ArrowCharView("ARROW:extension:name"),
                                        ArrowCharView(name));
    }
    if (rc == NANOARROW_OK) {
        rc = ArrowMetadataBuilderAppend(&pairs, ArrowCharView("ARROW:extension:metadata"),
                                        ArrowCharView(metadata));
    }
    if (rc == NANOARROW_OK) {
        rc = ArrowSchemaSetMetadata(schema, (const char *)pairs.data);
    }
    ArrowBufferReset(&pairs);
    return rc;
}

static ArrowErrorCode set_type(struct ArrowSchema *schema, const struct shape *shape);

static ArrowErrorCode set_bytes_type(struct ArrowSchema *schema, const char *name,
                                     const char *metadata)
{
    ArrowErrorCode rc =
        ArrowSchemaSetTypeFixedSize(schema, NANOARROW_TYPE_FIXED_SIZE_BINARY, HUGE_BYTES);

    return rc == NANOARROW_OK ? extension(schema, name, metadata) : rc;
}

static ArrowErrorCode set_name(struct ArrowSchema *schema, PyObject *name)
{
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);

    return text == NULL ? EINVAL : ArrowSchemaSetName(schema, text);
}

static ArrowErrorCode set_struct_type(struct ArrowSchema *schema, const struct shape *shape)
{
    ArrowErrorCode rc = ArrowSchemaSetTypeStruct(schema, shape->child_count);

    for (Py_ssize_t i = 0; rc == NANOARROW_OK && i < shape->child_count; i++) {
        rc = set_type(schema->children[i], &shape->children[i]);
        if (rc == NANOARROW_OK) {
            rc = set_name(schema->children[i], shape->names[i]);
        }
    }
    return rc;
}

static ArrowErrorCode set_list_type(struct ArrowSchema *schema, const struct shape *shape)
{
    ArrowErrorCode rc = ArrowSchemaSetType(schema, NANOARROW_TYPE_LIST);

    return rc == NANOARROW_OK ? set_type(schema->children[0], &shape->children[0]) : rc;
}

static ArrowErrorCode set_type(struct ArrowSchema *schema, const struct shape *shape)
{
    switch (shape->kind) {
    case KIND_NULL:
        return ArrowSchemaSetType(schema, NANOARROW_TYPE_NA);
    case KIND_BOOL:
        return ArrowSchemaSetType(schema, NANOARROW_TYPE_BOOL);
    case KIND_INT:
        return ArrowSchemaSetType(schema, NANOARROW_TYPE_INT64);
    case KIND_HUGE:
        return set_bytes_type(schema, "arrow.opaque",
                              "{\"type_name\":\"hugeint\",\"vendor_name\":\"DuckDB\"}");
    case KIND_DECIMAL:
        return ArrowSchemaSetTypeDecimal(
            schema, NANOARROW_TYPE_DECIMAL128,
            shape->whole + shape->scale > 0 ? shape->whole + shape->scale : 1, shape->scale);
    case KIND_DOUBLE:
        return ArrowSchemaSetType(schema, NANOARROW_TYPE_DOUBLE);
    case KIND_STRING:
        return ArrowSchemaSetType(schema, NANOARROW_TYPE_LARGE_STRING);
    case KIND_BYTES:
        return ArrowSchemaSetType(schema, NANOARROW_TYPE_LARGE_BINARY);
    case KIND_DATE:
        return ArrowSchemaSetType(schema, NANOARROW_TYPE_DATE32);
    case KIND_TIME:
        return ArrowSchemaSetTypeDateTime(schema, NANOARROW_TYPE_TIME64, NANOARROW_TIME_UNIT_MICRO,
                                          NULL);
    case KIND_TIMESTAMP:
        return ArrowSchemaSetTypeDateTime(schema, NANOARROW_TYPE_TIMESTAMP,
                                          NANOARROW_TIME_UNIT_MICRO, NULL);
    case KIND_TIMESTAMP_TZ:
        return ArrowSchemaSetTypeDateTime(schema, NANOARROW_TYPE_TIMESTAMP,
                                          NANOARROW_TIME_UNIT_MICRO, "UTC");
    case KIND_INTERVAL:
        return ArrowSchemaSetType(schema, NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO);
    case KIND_UUID:
        return set_bytes_type(schema, "arrow.uuid", "");
    case KIND_LIST:
        return set_list_type(schema, shape);
    case KIND_STRUCT:
        return set_struct_type(schema, shape);
    }
    return EINVAL;
}

/* ---- Values ---- */

static ArrowErrorCode append(struct ArrowArray *array, const struct shape *shape, PyObject *given);

static bool get_long(PyObject *object, const char *name, int64_t *out)
{
    PyObject *value = PyObject_GetAttrString(object, name);

    *out = value == NULL ? -1 : PyLong_AsLongLong(value);
    Py_XDECREF(value);
    return !PyErr_Occurred();
}

/* Microseconds of a timedelta, which is taken (NULL: an exception is set). */
static bool take_timedelta(PyObject *delta, int64_t *out_days, int64_t *out_us)
{
    int64_t seconds = 0;
    int64_t us = 0;
    bool ok = delta != NULL && get_long(delta, "days", out_days) &&
              get_long(delta, "seconds", &seconds) && get_long(delta, "microseconds", &us);

    Py_XDECREF(delta);
    *out_us = seconds * US_PER_S + us;
    return ok;
}

/* A datetime without its zone, which has no offset; new reference. */
static PyObject *without_zone(PyObject *at)
{
    PyObject *zone = PyObject_GetAttrString(at, "tzinfo");
    PyObject *method = NULL;
    PyObject *arguments = NULL;
    PyObject *names = NULL;
    PyObject *plain = NULL;

    if (zone == Py_None) {
        plain = Py_NewRef(at);
    } else if (zone != NULL) {
        method = PyObject_GetAttrString(at, "replace");
        arguments = PyTuple_New(0);
        names = Py_BuildValue("{s:O}", "tzinfo", Py_None);
        plain = method == NULL || arguments == NULL || names == NULL
                    ? NULL
                    : PyObject_Call(method, arguments, names);
    }
    Py_XDECREF(zone);
    Py_XDECREF(method);
    Py_XDECREF(arguments);
    Py_XDECREF(names);
    return plain;
}

static ArrowErrorCode append_datetime(struct ArrowArray *array, PyObject *value, bool has_zone)
{
    const struct value_classes *c = &arm_py_classes;
    PyObject *at;
    int64_t days = 0;
    int64_t us = 0;

    if (PyObject_IsInstance(value, c->datetime) == 1) {
        at = Py_NewRef(value);
    } else { /* a date among timestamps */
        PyObject *ordinal = PyObject_CallMethod(value, "toordinal", NULL);

        at = ordinal == NULL ? NULL : PyObject_CallMethod(c->datetime, "fromordinal", "O", ordinal);
        Py_XDECREF(ordinal);
    }
    if (at != NULL && !has_zone) {
        PyObject *plain = without_zone(at);

        Py_DECREF(at);
        at = plain;
    }
    if (at == NULL ||
        !take_timedelta(PyNumber_Subtract(at, has_zone ? c->epoch_utc : c->epoch), &days, &us)) {
        Py_XDECREF(at);
        return EINVAL;
    }
    Py_DECREF(at);
    return ArrowArrayAppendInt(array, days * US_PER_DAY + us);
}

static ArrowErrorCode append_date(struct ArrowArray *array, PyObject *value)
{
    PyObject *ordinal = PyObject_CallMethod(value, "toordinal", NULL);
    int64_t day = ordinal == NULL ? 0 : PyLong_AsLongLong(ordinal);

    Py_XDECREF(ordinal);
    return PyErr_Occurred() ? EINVAL : ArrowArrayAppendInt(array, day - EPOCH_ORDINAL);
}

static ArrowErrorCode append_time(struct ArrowArray *array, PyObject *value)
{
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t us;

    if (!get_long(value, "hour", &hour) || !get_long(value, "minute", &minute) ||
        !get_long(value, "second", &second) || !get_long(value, "microsecond", &us)) {
        return EINVAL;
    }
    return ArrowArrayAppendInt(array, ((hour * 60 + minute) * 60 + second) * US_PER_S + us);
}

static ArrowErrorCode append_interval(struct ArrowArray *array, PyObject *value)
{
    struct ArrowInterval interval;
    int64_t days = 0;
    int64_t us = 0;

    if (!take_timedelta(Py_NewRef(value), &days, &us)) {
        return EINVAL;
    }
    ArrowIntervalInit(&interval, NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO);
    interval.months = MONTHS_NONE;
    interval.days = (int32_t)days;
    interval.ns = us * 1000;
    return ArrowArrayAppendInterval(array, &interval);
}

/* The digits of a decimal or an int, without a point, at the column's scale. */
static ArrowErrorCode append_decimal(struct ArrowArray *array, const struct shape *shape,
                                     PyObject *value)
{
    struct ArrowDecimal decimal;
    PyObject *number = PyObject_CallFunctionObjArgs(arm_py_classes.decimal, value, NULL);
    PyObject *text = number == NULL ? NULL : PyObject_CallMethod(number, "__format__", "s", "f");
    const char *digits = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, NULL);
    const char *point = digits == NULL ? NULL : strchr(digits, '.');
    int behind = point == NULL ? 0 : (int)strlen(point + 1);
    char plain[128];
    size_t used = 0;
    ArrowErrorCode rc = EINVAL;

    for (const char *c = digits; c != NULL && *c != '\0' && used < sizeof plain - 1; c++) {
        if (*c != '.') {
            plain[used++] = *c;
        }
    }
    for (; digits != NULL && behind < shape->scale && used < sizeof plain - 1; behind++) {
        plain[used++] = '0';
    }
    plain[used] = '\0';
    if (digits != NULL) {
        ArrowDecimalInit(&decimal, 128, DECIMAL_DIGITS_MAX, shape->scale);
        rc = ArrowDecimalSetDigits(&decimal, ArrowCharView(plain));
    }
    if (rc == NANOARROW_OK) {
        rc = ArrowArrayAppendDecimal(array, &decimal);
    }
    Py_XDECREF(number);
    Py_XDECREF(text);
    return rc;
}

/* 16 bytes of an int, or those of a UUID. */
static ArrowErrorCode append_bytes_of(struct ArrowArray *array, PyObject *bytes)
{
    struct ArrowBufferView view = {{NULL}, HUGE_BYTES};
    ArrowErrorCode rc = EINVAL;

    if (bytes != NULL && PyBytes_Size(bytes) == HUGE_BYTES) {
        view.data.as_char = PyBytes_AsString(bytes);
        rc = ArrowArrayAppendBytes(array, view);
    }
    Py_XDECREF(bytes);
    return rc;
}

static ArrowErrorCode append_huge(struct ArrowArray *array, PyObject *value)
{
    PyObject *to_bytes = PyObject_GetAttrString(value, "to_bytes");
    PyObject *arguments = Py_BuildValue("(is)", HUGE_BYTES, "little");
    PyObject *names = Py_BuildValue("{s:O}", "signed", Py_True);
    PyObject *bytes = to_bytes == NULL || arguments == NULL || names == NULL
                          ? NULL
                          : PyObject_Call(to_bytes, arguments, names);

    Py_XDECREF(to_bytes);
    Py_XDECREF(arguments);
    Py_XDECREF(names);
    return append_bytes_of(array, bytes);
}

static ArrowErrorCode append_bytes(struct ArrowArray *array, PyObject *value)
{
    PyObject *bytes = PyBytes_FromObject(value);
    struct ArrowBufferView view = {{NULL}, 0};
    ArrowErrorCode rc = EINVAL;

    if (bytes != NULL) {
        view.data.as_char = PyBytes_AsString(bytes);
        view.size_bytes = PyBytes_Size(bytes);
        rc = ArrowArrayAppendBytes(array, view);
        Py_DECREF(bytes);
    }
    return rc;
}

static ArrowErrorCode append_string(struct ArrowArray *array, PyObject *value)
{
    Py_ssize_t size = 0;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size); /* lone surrogates are refused */
    struct ArrowStringView view = {text, size};

    return text == NULL ? EINVAL : ArrowArrayAppendString(array, view);
}

static ArrowErrorCode append_double(struct ArrowArray *array, PyObject *value)
{
    PyObject *number = PyNumber_Float(value);
    double given = number == NULL ? 0 : PyFloat_AsDouble(number);

    Py_XDECREF(number);
    return PyErr_Occurred() ? EINVAL : ArrowArrayAppendDouble(array, given);
}

static ArrowErrorCode append_list(struct ArrowArray *array, const struct shape *shape,
                                  PyObject *value)
{
    Py_ssize_t count = PySequence_Size(value);
    ArrowErrorCode rc = count < 0 ? EINVAL : NANOARROW_OK;

    for (Py_ssize_t i = 0; rc == NANOARROW_OK && i < count; i++) {
        PyObject *item = PySequence_GetItem(value, i);

        rc = item == NULL ? EINVAL : append(array->children[0], &shape->children[0], item);
        Py_XDECREF(item);
    }
    return rc == NANOARROW_OK ? ArrowArrayFinishElement(array) : rc;
}

static ArrowErrorCode append_struct(struct ArrowArray *array, const struct shape *shape,
                                    PyObject *value)
{
    ArrowErrorCode rc = NANOARROW_OK;

    for (Py_ssize_t i = 0; rc == NANOARROW_OK && i < shape->child_count; i++) {
        PyObject *item = PyDict_GetItemWithError(value, shape->names[i]); /* borrowed */

        rc = append(array->children[i], &shape->children[i], item == NULL ? Py_None : item);
    }
    return rc == NANOARROW_OK ? ArrowArrayFinishElement(array) : rc;
}

static ArrowErrorCode append_plain(struct ArrowArray *array, const struct shape *shape,
                                   PyObject *value)
{
    switch (shape->kind) {
    case KIND_NULL:
        return EINVAL;
    case KIND_BOOL:
        return ArrowArrayAppendInt(array, value == Py_True);
    case KIND_INT:
        return ArrowArrayAppendInt(array, PyLong_AsLongLong(value));
    case KIND_HUGE:
        return append_huge(array, value);
    case KIND_DECIMAL:
        return append_decimal(array, shape, value);
    case KIND_DOUBLE:
        return append_double(array, value);
    case KIND_STRING:
        return append_string(array, value);
    case KIND_BYTES:
        return append_bytes(array, value);
    case KIND_DATE:
        return append_date(array, value);
    case KIND_TIME:
        return append_time(array, value);
    case KIND_TIMESTAMP:
    case KIND_TIMESTAMP_TZ:
        return append_datetime(array, value, shape->kind == KIND_TIMESTAMP_TZ);
    case KIND_INTERVAL:
        return append_interval(array, value);
    case KIND_UUID:
        return append_bytes_of(array, PyObject_GetAttrString(value, "bytes"));
    case KIND_LIST:
        return append_list(array, shape, value);
    case KIND_STRUCT:
        return append_struct(array, shape, value);
    }
    return EINVAL;
}

static ArrowErrorCode append(struct ArrowArray *array, const struct shape *shape, PyObject *given)
{
    PyObject *value = arm_py_plain(given);
    ArrowErrorCode rc = EINVAL;

    if (value != NULL) {
        rc = value == Py_None ? ArrowArrayAppendNull(array, 1) : append_plain(array, shape, value);
        Py_DECREF(value);
    }
    return rc;
}

/* ---- Tables ---- */

/* The whole table's shape: a struct of its columns. */
static bool infer(PyObject *names, PyObject *columns, struct shape *table)
{
    table->kind = KIND_STRUCT;
    table->child_count = 0;
    table->children = PyMem_Calloc((size_t)PyList_Size(names) + 1, sizeof *table->children);
    table->names = PyMem_Calloc((size_t)PyList_Size(names) + 1, sizeof *table->names);
    if (table->children == NULL || table->names == NULL) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < PyList_Size(names); i++) {
        PyObject *name = PyList_GetItem(names, i);
        PyObject *column = PyList_GetItem(columns, i);

        table->names[i] = Py_NewRef(name);
        table->child_count++;
        for (Py_ssize_t row = 0; row < PyList_Size(column); row++) {
            if (!arm_py_shape_take(&table->children[i], PyList_GetItem(column, row), name, row)) {
                return false;
            }
        }
    }
    return true;
}

static bool fail(ArrowErrorCode rc, PyObject *name, Py_ssize_t row)
{
    if (!PyErr_Occurred()) {
        if (rc == ENOMEM) {
            PyErr_NoMemory();
        } else {
            (void)arm_py_raise_format(
                ARM_SCHEMA, "column %S: row %zd has a value that does not fit", name, row);
        }
    }
    return false;
}

static bool build_batch(const struct shape *table, PyObject *columns, Py_ssize_t begin,
                        Py_ssize_t end, struct ArrowArray *array)
{
    for (Py_ssize_t i = 0; i < table->child_count; i++) {
        PyObject *column = PyList_GetItem(columns, i);

        for (Py_ssize_t row = begin; row < end; row++) {
            ArrowErrorCode rc =
                append(array->children[i], &table->children[i], PyList_GetItem(column, row));

            if (rc != NANOARROW_OK || PyErr_Occurred()) {
                return fail(rc, table->names[i], row);
            }
        }
    }
    array->length = end - begin;
    return ArrowArrayFinishBuildingDefault(array, NULL) == NANOARROW_OK || fail(ENOMEM, NULL, 0);
}

static bool build_batches(const struct shape *table, PyObject *columns, Py_ssize_t rows,
                          const struct ArrowSchema *schema, struct ArrowArrayStream *stream)
{
    int64_t batch = 0;

    for (Py_ssize_t begin = 0; begin < rows; begin += BATCH_ROWS, batch++) {
        Py_ssize_t end = rows - begin > BATCH_ROWS ? begin + BATCH_ROWS : rows;
        struct ArrowArray array;
        bool ok;

        if (PyErr_CheckSignals() != 0) {
            return false;
        }
        if (ArrowArrayInitFromSchema(&array, schema, NULL) != NANOARROW_OK) {
            return fail(ENOMEM, NULL, 0);
        }
        ok = ArrowArrayStartAppending(&array) == NANOARROW_OK
                 ? build_batch(table, columns, begin, end, &array)
                 : fail(ENOMEM, NULL, 0);
        if (!ok) {
            ArrowArrayRelease(&array);
            return false;
        }
        ArrowBasicArrayStreamSetArray(stream, batch, &array);
    }
    return true;
}

static bool build(const struct shape *table, PyObject *columns, struct ArrowArrayStream *out)
{
    Py_ssize_t rows = PyList_Size(columns) == 0 ? 0 : PyList_Size(PyList_GetItem(columns, 0));
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowSchema kept;
    ArrowErrorCode rc;

    ArrowSchemaInit(&schema);
    rc = set_type(&schema, table);
    if (rc == NANOARROW_OK) {
        rc = ArrowSchemaDeepCopy(&schema, &kept);
    }
    if (rc != NANOARROW_OK) {
        ArrowSchemaRelease(&schema);
        return fail(rc == EINVAL ? ENOMEM : rc, NULL, 0);
    }
    if (ArrowBasicArrayStreamInit(&stream, &kept, (rows + BATCH_ROWS - 1) / BATCH_ROWS) !=
        NANOARROW_OK) {
        ArrowSchemaRelease(&kept);
        ArrowSchemaRelease(&schema);
        return fail(ENOMEM, NULL, 0);
    }
    if (!build_batches(table, columns, rows, &schema, &stream)) {
        ArrowArrayStreamRelease(&stream);
        ArrowSchemaRelease(&schema);
        return false;
    }
    ArrowSchemaRelease(&schema);
    *out = stream;
    return true;
}

bool arm_py_build(PyObject *names, PyObject *columns, struct ArrowArrayStream *out)
{
    struct shape table = {.kind = KIND_STRUCT};
    bool ok = infer(names, columns, &table) && build(&table, columns, out);

    arm_py_shape_free(&table);
    return ok;
}
