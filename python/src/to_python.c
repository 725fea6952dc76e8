/* SPDX-License-Identifier: Apache-2.0 */
#include "to_python.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "temporal.h"
#include "values.h"
#include <nanoarrow/nanoarrow.h>

/* What a column's type does not say by itself: what the field is marked with. */
enum mark {
    MARK_NONE,
    MARK_HUGEINT,
    MARK_UHUGEINT,
    MARK_BIGNUM,
    MARK_UUID,
    MARK_BIT,
    MARK_TIMETZ,
};

/* One node of the schema's tree. */
struct column {
    struct ArrowSchemaView type;
    enum mark mark;
    PyObject *name; /* of a field of a struct, or a union's member */
    PyObject *zone; /* of a TIMESTAMP WITH TIME ZONE; NULL: UTC */
    struct column *children;
    int64_t child_count;
    struct column *dictionary;
};

struct row_reader {
    struct column root;
    struct ArrowArrayView view;
};

/* ---- The tree ---- */

static void free_column(struct column *column)
{
    for (int64_t i = 0; i < column->child_count; i++) {
        free_column(&column->children[i]);
    }
    PyMem_Free(column->children);
    if (column->dictionary != NULL) {
        free_column(column->dictionary);
        PyMem_Free(column->dictionary);
    }
    Py_XDECREF(column->name);
    Py_XDECREF(column->zone);
}

static enum mark mark_of(const struct ArrowSchema *schema)
{
    static const struct {
        const char *name;
        enum mark mark;
    } marks[] = {{"HUGEINT", MARK_HUGEINT}, {"UHUGEINT", MARK_UHUGEINT}, {"BIGNUM", MARK_BIGNUM},
                 {"TIMETZ", MARK_TIMETZ},   {"UUID", MARK_UUID},         {"BIT", MARK_BIT}};
    struct ArrowStringView value = {NULL, 0};

    (void)ArrowMetadataGetValue(schema->metadata, ArrowCharView("arm.type"), &value);
    for (size_t i = 0; value.data != NULL && i < sizeof marks / sizeof *marks; i++) {
        if (strlen(marks[i].name) == (size_t)value.size_bytes &&
            memcmp(marks[i].name, value.data, (size_t)value.size_bytes) == 0) {
            return marks[i].mark;
        }
    }
    return MARK_NONE;
}

static bool find_zone(struct column *column)
{
    const char *name = column->type.timezone;

    if (column->type.type != NANOARROW_TYPE_TIMESTAMP || name == NULL || *name == '\0' ||
        strcmp(name, "UTC") == 0) {
        return true;
    }
    column->zone = PyObject_CallFunction(arm_py_classes.zone_info, "s", name);
    if (column->zone == NULL && PyErr_ExceptionMatches(PyExc_Exception)) {
        PyErr_Clear(); /* DuckDB knows more zones than Python: the instant is right in UTC, too */
    }
    return !PyErr_Occurred();
}

static bool make_column(struct column *column, const struct ArrowSchema *schema);

static bool make_children(struct column *column, const struct ArrowSchema *schema)
{
    if (schema->n_children > 0) {
        column->children = PyMem_Calloc((size_t)schema->n_children, sizeof *column->children);
        if (column->children == NULL) {
            PyErr_NoMemory();
            return false;
        }
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        column->child_count++;
        if (!make_column(&column->children[i], schema->children[i])) {
            return false;
        }
    }
    return true;
}

/* What is made of it is to be freed also if it fails. */
static bool make_column(struct column *column, const struct ArrowSchema *schema)
{
    const char *name = schema->name == NULL ? "" : schema->name;
    struct ArrowError error = {.message = ""};

    if (ArrowSchemaViewInit(&column->type, schema, &error) != NANOARROW_OK) {
        (void)arm_py_raise_format(ARM_UNSUPPORTED, "column %s: %s", name, error.message);
        return false;
    }
    column->mark = mark_of(schema);
    column->name = PyUnicode_DecodeUTF8(name, (Py_ssize_t)strlen(name), "replace");
    if (column->name == NULL || !find_zone(column) || !make_children(column, schema)) {
        return false;
    }
    if (schema->dictionary != NULL) {
        column->dictionary = PyMem_Calloc(1, sizeof *column->dictionary);
        if (column->dictionary == NULL) {
            PyErr_NoMemory();
            return false;
        }
        return make_column(column->dictionary, schema->dictionary);
    }
    return true;
}

struct row_reader *arm_py_reader_new(const struct ArrowSchema *schema)
{
    struct row_reader *reader = PyMem_Calloc(1, sizeof *reader);
    struct ArrowError error = {.message = ""};

    if (reader == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (!make_column(&reader->root, schema)) {
        arm_py_reader_free(reader);
        return NULL;
    }
    if (ArrowArrayViewInitFromSchema(&reader->view, schema, &error) != NANOARROW_OK) {
        (void)arm_py_raise_format(ARM_UNSUPPORTED, "%s", error.message);
        arm_py_reader_free(reader);
        return NULL;
    }
    return reader;
}

void arm_py_reader_free(struct row_reader *reader)
{
    if (reader != NULL) {
        ArrowArrayViewReset(&reader->view);
        free_column(&reader->root);
        PyMem_Free(reader);
    }
}

bool arm_py_reader_set(struct row_reader *reader, const struct ArrowArray *batch)
{
    struct ArrowError error = {.message = ""};

    if (ArrowArrayViewSetArray(&reader->view, batch, &error) != NANOARROW_OK) {
        (void)arm_py_raise_format(ARM_CORRUPT, "a batch of rows is ill-formed: %s", error.message);
        return false;
    }
    return true;
}

/* ---- Values ---- */

static PyObject *value_of(const struct column *column, const struct ArrowArrayView *view,
                          int64_t row);

/* A decimal's digits and its scale, as text that decimal.Decimal or int read. */
static PyObject *text_of_decimal(const struct column *column, const struct ArrowArrayView *view,
                                 int64_t row, bool is_unsigned)
{
    struct ArrowDecimal decimal;
    struct ArrowBuffer digits;
    PyObject *text = NULL;

    ArrowDecimalInit(&decimal, column->type.decimal_bitwidth, column->type.decimal_precision,
                     column->type.decimal_scale);
    ArrowArrayViewGetDecimalUnsafe(view, row, &decimal);
    ArrowBufferInit(&digits);
    if (is_unsigned && ArrowDecimalSign(&decimal) < 0) { /* the upper half of UHUGEINT */
        PyObject *low = PyLong_FromUnsignedLongLong(decimal.words[decimal.low_word_index]);
        PyObject *high = PyLong_FromUnsignedLongLong(decimal.words[decimal.high_word_index]);
        PyObject *bits = PyLong_FromLong(64);
        PyObject *shifted = high == NULL || bits == NULL ? NULL : PyNumber_Lshift(high, bits);
        PyObject *sum = shifted == NULL || low == NULL ? NULL : PyNumber_Or(shifted, low);

        text = sum == NULL ? NULL : PyObject_Str(sum);
        Py_XDECREF(low);
        Py_XDECREF(high);
        Py_XDECREF(bits);
        Py_XDECREF(shifted);
        Py_XDECREF(sum);
    } else if (ArrowDecimalAppendStringToBuffer(&decimal, &digits) == NANOARROW_OK) {
        text = PyUnicode_DecodeUTF8((const char *)digits.data, digits.size_bytes, "strict");
    } else {
        PyErr_NoMemory();
    }
    ArrowBufferReset(&digits);
    return text;
}

static PyObject *decimal_of(const struct column *column, const struct ArrowArrayView *view,
                            int64_t row)
{
    bool is_int = column->mark == MARK_HUGEINT || column->mark == MARK_UHUGEINT;
    PyObject *text = text_of_decimal(column, view, row, column->mark == MARK_UHUGEINT);
    PyObject *value = NULL;

    if (text != NULL) {
        value = is_int ? PyNumber_Long(text)
                       : PyObject_CallFunctionObjArgs(arm_py_classes.decimal, text, NULL);
        Py_DECREF(text);
    }
    return value;
}

/* Of any number of digits: Python refuses to read more than 4,300 decimal ones at once. */
static PyObject *int_of_text(PyObject *text)
{
    PyObject *number = PyObject_CallFunctionObjArgs(arm_py_classes.decimal, text, NULL);
    PyObject *value = number == NULL ? NULL : PyNumber_Long(number);

    Py_XDECREF(number);
    return value;
}

static PyObject *string_of(const struct column *column, const struct ArrowArrayView *view,
                           int64_t row)
{
    struct ArrowStringView text = ArrowArrayViewGetStringUnsafe(view, row);
    PyObject *value = PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.size_bytes, "replace");
    PyObject *marked;

    if (value == NULL) {
        return NULL;
    }
    switch (column->mark) {
    case MARK_UUID:
        marked = PyObject_CallFunctionObjArgs(arm_py_classes.uuid, value, NULL);
        break;
    case MARK_UHUGEINT:
    case MARK_BIGNUM:
        marked = int_of_text(value);
        break;
    case MARK_TIMETZ:
        marked = arm_py_time_of_text(value);
        break;
    default:
        return value;
    }
    Py_DECREF(value);
    return marked;
}

/* DuckDB's BIT: how many bits of the first byte to pass over, then the bits. */
static PyObject *bits_of(struct ArrowBufferView bytes)
{
    int64_t padding = bytes.size_bytes > 0 ? bytes.data.as_uint8[0] : 0;
    int64_t count = bytes.size_bytes > 0 ? (bytes.size_bytes - 1) * 8 - padding : 0;
    char *text = PyMem_Malloc((size_t)(count > 0 ? count : 1));
    PyObject *value;

    if (text == NULL) {
        return PyErr_NoMemory();
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t bit = i + padding;

        text[i] = (bytes.data.as_uint8[1 + bit / 8] >> (7 - bit % 8)) & 1 ? '1' : '0';
    }
    value = PyUnicode_DecodeUTF8(text, (Py_ssize_t)(count > 0 ? count : 0), "strict");
    PyMem_Free(text);
    return value;
}

static PyObject *bytes_of(const struct column *column, const struct ArrowArrayView *view,
                          int64_t row)
{
    struct ArrowBufferView bytes = ArrowArrayViewGetBytesUnsafe(view, row);

    if (column->mark == MARK_BIT) {
        return bits_of(bytes);
    }
    return PyBytes_FromStringAndSize(bytes.data.as_char, (Py_ssize_t)bytes.size_bytes);
}

static PyObject *list_of(const struct column *column, const struct ArrowArrayView *view,
                         int64_t row)
{
    int64_t begin;
    int64_t end;
    PyObject *list;

    if (column->type.type == NANOARROW_TYPE_FIXED_SIZE_LIST) {
        begin = (view->offset + row) * column->type.fixed_size;
        end = begin + column->type.fixed_size;
    } else {
        begin = ArrowArrayViewListChildOffset(view, view->offset + row);
        end = ArrowArrayViewListChildOffset(view, view->offset + row + 1);
    }
    list = PyList_New((Py_ssize_t)(end - begin));
    for (int64_t i = begin; list != NULL && i < end; i++) {
        PyObject *item = value_of(&column->children[0], view->children[0], i);

        if (item == NULL || PyList_SetItem(list, (Py_ssize_t)(i - begin), item) != 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *dict_of_struct(const struct column *column, const struct ArrowArrayView *view,
                                int64_t row)
{
    PyObject *dict = PyDict_New();

    for (int64_t i = 0; dict != NULL && i < column->child_count; i++) {
        const struct column *child = &column->children[i];
        PyObject *item = value_of(child, view->children[i], view->offset + row);

        if (item == NULL || PyDict_SetItem(dict, child->name, item) != 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(item);
    }
    return dict;
}

/* A dict; one whose keys cannot be a dict's is lists of keys and values, as with DuckDB. */
static PyObject *dict_of_map(const struct column *column, const struct ArrowArrayView *view,
                             int64_t row)
{
    int64_t begin = ArrowArrayViewListChildOffset(view, view->offset + row);
    int64_t end = ArrowArrayViewListChildOffset(view, view->offset + row + 1);
    const struct column *entry = &column->children[0];
    const struct ArrowArrayView *entries = view->children[0];
    PyObject *keys = PyList_New(0);
    PyObject *values = PyList_New(0);
    PyObject *dict = PyDict_New();
    bool ok = keys != NULL && values != NULL && dict != NULL;
    bool is_dict = true;

    for (int64_t i = begin; ok && i < end; i++) {
        int64_t at = entries->offset + i;
        PyObject *key = value_of(&entry->children[0], entries->children[0], at);
        PyObject *value =
            key == NULL ? NULL : value_of(&entry->children[1], entries->children[1], at);

        ok = value != NULL && PyList_Append(keys, key) == 0 && PyList_Append(values, value) == 0;
        if (ok && is_dict && PyDict_SetItem(dict, key, value) != 0) {
            is_dict = false;
            ok = PyErr_ExceptionMatches(PyExc_TypeError) != 0;
            PyErr_Clear();
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    if (ok && !is_dict) {
        PyDict_Clear(dict);
        ok = PyDict_SetItemString(dict, "key", keys) == 0 &&
             PyDict_SetItemString(dict, "value", values) == 0;
    }
    Py_XDECREF(keys);
    Py_XDECREF(values);
    if (!ok) {
        Py_CLEAR(dict);
    }
    return dict;
}

static PyObject *member_of_union(const struct column *column, const struct ArrowArrayView *view,
                                 int64_t row)
{
    int64_t child = (uint8_t)ArrowArrayViewUnionChildIndex(view, row); /* never negative */
    int64_t at = ArrowArrayViewUnionChildOffset(view, row);

    return value_of(&column->children[child], view->children[child], at);
}

static PyObject *none(void)
{
    return Py_NewRef(Py_None);
}

static PyObject *value_of(const struct column *column, const struct ArrowArrayView *view,
                          int64_t row)
{
    enum ArrowType type = column->type.type;

    if (ArrowArrayViewIsNull(view, row)) {
        return none();
    }
    if (column->dictionary != NULL) {
        return value_of(column->dictionary, view->dictionary,
                        ArrowArrayViewGetIntUnsafe(view, row));
    }
    switch (type) {
    case NANOARROW_TYPE_NA:
        return none();
    case NANOARROW_TYPE_BOOL:
        return PyBool_FromLong(ArrowArrayViewGetIntUnsafe(view, row) != 0);
    case NANOARROW_TYPE_INT8:
    case NANOARROW_TYPE_INT16:
    case NANOARROW_TYPE_INT32:
    case NANOARROW_TYPE_INT64:
        return PyLong_FromLongLong(ArrowArrayViewGetIntUnsafe(view, row));
    case NANOARROW_TYPE_UINT8:
    case NANOARROW_TYPE_UINT16:
    case NANOARROW_TYPE_UINT32:
    case NANOARROW_TYPE_UINT64:
        return PyLong_FromUnsignedLongLong(ArrowArrayViewGetUIntUnsafe(view, row));
    case NANOARROW_TYPE_HALF_FLOAT:
    case NANOARROW_TYPE_FLOAT:
    case NANOARROW_TYPE_DOUBLE:
        return PyFloat_FromDouble(ArrowArrayViewGetDoubleUnsafe(view, row));
    case NANOARROW_TYPE_DECIMAL32:
    case NANOARROW_TYPE_DECIMAL64:
    case NANOARROW_TYPE_DECIMAL128:
    case NANOARROW_TYPE_DECIMAL256:
        return decimal_of(column, view, row);
    case NANOARROW_TYPE_STRING:
    case NANOARROW_TYPE_LARGE_STRING:
    case NANOARROW_TYPE_STRING_VIEW:
        return string_of(column, view, row);
    case NANOARROW_TYPE_BINARY:
    case NANOARROW_TYPE_LARGE_BINARY:
    case NANOARROW_TYPE_BINARY_VIEW:
    case NANOARROW_TYPE_FIXED_SIZE_BINARY:
        return bytes_of(column, view, row);
    case NANOARROW_TYPE_LIST:
    case NANOARROW_TYPE_LARGE_LIST:
    case NANOARROW_TYPE_FIXED_SIZE_LIST:
        return list_of(column, view, row);
    case NANOARROW_TYPE_STRUCT:
        return dict_of_struct(column, view, row);
    case NANOARROW_TYPE_MAP:
        return dict_of_map(column, view, row);
    case NANOARROW_TYPE_SPARSE_UNION:
    case NANOARROW_TYPE_DENSE_UNION:
        return member_of_union(column, view, row);
    default:
        return arm_py_temporal(&column->type, column->zone, view, row);
    }
}

PyObject *arm_py_reader_value(struct row_reader *reader, int64_t column, int64_t row)
{
    return value_of(&reader->root.children[column], reader->view.children[column],
                    reader->view.offset + row);
}

PyObject *arm_py_reader_row(struct row_reader *reader, int64_t row)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)reader->root.child_count);

    for (int64_t i = 0; tuple != NULL && i < reader->root.child_count; i++) {
        PyObject *item = arm_py_reader_value(reader, i, row);

        if (item == NULL || PyTuple_SetItem(tuple, (Py_ssize_t)i, item) != 0) {
            Py_CLEAR(tuple);
        }
    }
    return tuple;
}
