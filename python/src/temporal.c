/* SPDX-License-Identifier: Apache-2.0 */
#include "temporal.h"

#include <inttypes.h>
#include <stdio.h>

#include "values.h"

enum { DAYS_PER_MONTH = 30, NS_PER_US = 1000, DAYS_PER_ERA = 146097, DAYS_0000_TO_1970 = 719468 };

/* Rounds towards minus infinity. */
static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* ---- What Python cannot hold ---- */

struct civil {
    int64_t year;
    int month;
    int day;
};

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days. */
static struct civil civil_from_days(int64_t days)
{
    int64_t shifted = days + DAYS_0000_TO_1970;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int64_t doe = shifted - era * DAYS_PER_ERA;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);

    return (struct civil){
        .year = yoe + era * 400 + (month <= 2),
        .month = month,
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
    };
}

/* As DuckDB writes it. */
static PyObject *date_text(int64_t days)
{
    struct civil at = civil_from_days(days);
    char text[64];

    (void)snprintf(text, sizeof text, "%04" PRId64 "-%02d-%02d%s",
                   at.year > 0 ? at.year : 1 - at.year, at.month, at.day,
                   at.year > 0 ? "" : " (BC)");
    return PyUnicode_FromString(text);
}

static PyObject *timestamp_text(int64_t us)
{
    int64_t days = floor_div(us, US_PER_DAY);
    int64_t rest = us - days * US_PER_DAY;
    int64_t seconds = rest / US_PER_S;
    struct civil at = civil_from_days(days);
    char text[80];
    int used = snprintf(text, sizeof text,
                        "%04" PRId64 "-%02d-%02d %02" PRId64 ":%02" PRId64 ":%02" PRId64,
                        at.year > 0 ? at.year : 1 - at.year, at.month, at.day, seconds / 3600,
                        seconds / 60 % 60, seconds % 60);

    if (rest % US_PER_S != 0) {
        used += snprintf(text + used, sizeof text - (size_t)used, ".%06" PRId64, rest % US_PER_S);
    }
    if (at.year <= 0) {
        (void)snprintf(text + used, sizeof text - (size_t)used, " (BC)");
    }
    return PyUnicode_FromString(text);
}

/* The text instead, if the value was out of Python's range. */
static PyObject *or_text(PyObject *value, PyObject *(*text)(int64_t), int64_t of)
{
    if (value != NULL || !(PyErr_ExceptionMatches(PyExc_OverflowError) ||
                           PyErr_ExceptionMatches(PyExc_ValueError))) {
        return value;
    }
    PyErr_Clear();
    return text(of);
}

/* ---- Values ---- */

static PyObject *date_of(int64_t days)
{
    if (days == INT32_MAX || days == -INT32_MAX) { /* infinity */
        return PyObject_GetAttrString(arm_py_classes.date, days > 0 ? "max" : "min");
    }
    return or_text(PyObject_CallMethod(arm_py_classes.date, "fromordinal", "L",
                                       (long long)days + EPOCH_ORDINAL),
                   date_text, days);
}

static PyObject *timedelta_of(int64_t days, int64_t us)
{
    return PyObject_CallFunction(arm_py_classes.timedelta, "LLL", (long long)days,
                                 (long long)floor_div(us, US_PER_S),
                                 (long long)(us - floor_div(us, US_PER_S) * US_PER_S));
}

static PyObject *time_of(int64_t us)
{
    int64_t s = us / US_PER_S;

    if (us >= US_PER_DAY) { /* 24:00, which Python has not */
        return PyUnicode_FromString("24:00:00");
    }
    return PyObject_CallFunction(arm_py_classes.time, "iiii", (int)(s / 3600), (int)(s / 60 % 60),
                                 (int)(s % 60), (int)(us % US_PER_S));
}

PyObject *arm_py_time_of_text(PyObject *text)
{
    PyObject *value = PyObject_CallMethod(arm_py_classes.time, "fromisoformat", "O", text);

    if (value == NULL && PyErr_ExceptionMatches(PyExc_ValueError)) {
        PyErr_Clear();
        return Py_NewRef(text);
    }
    return value;
}

static PyObject *datetime_of(PyObject *epoch, int64_t us)
{
    PyObject *since =
        timedelta_of(floor_div(us, US_PER_DAY), us - floor_div(us, US_PER_DAY) * US_PER_DAY);
    PyObject *value = since == NULL ? NULL : PyNumber_Add(epoch, since);

    Py_XDECREF(since);
    return value;
}

static PyObject *timestamp_of(int64_t us, bool has_zone, PyObject *zone)
{
    PyObject *value;
    PyObject *moved;

    if (us == INT64_MAX || us == -INT64_MAX) {
        return PyObject_GetAttrString(arm_py_classes.datetime, us > 0 ? "max" : "min");
    }
    value = datetime_of(has_zone ? arm_py_classes.epoch_utc : arm_py_classes.epoch, us);
    if (value != NULL && has_zone && zone != NULL) {
        moved = PyObject_CallMethod(value, "astimezone", "O", zone);
        Py_DECREF(value);
        value = moved;
    }
    return or_text(value, timestamp_text, us);
}

/* A value in this unit as microseconds, cut; the infinite stays so. */
static int64_t in_us(int64_t value, enum ArrowTimeUnit unit)
{
    int64_t scaled;

    if (value == INT64_MAX || value == -INT64_MAX) {
        return value;
    }
    switch (unit) {
    case NANOARROW_TIME_UNIT_NANO:
        return floor_div(value, NS_PER_US);
    case NANOARROW_TIME_UNIT_MILLI:
        return __builtin_mul_overflow(value, 1000, &scaled) ? INT64_MAX : scaled;
    case NANOARROW_TIME_UNIT_SECOND:
        return __builtin_mul_overflow(value, US_PER_S, &scaled) ? INT64_MAX : scaled;
    default:
        return value;
    }
}

static PyObject *interval_of(const struct ArrowArrayView *view, int64_t row, enum ArrowType type)
{
    struct ArrowInterval interval;

    ArrowIntervalInit(&interval, type);
    ArrowArrayViewGetIntervalUnsafe(view, row, &interval);
    return timedelta_of((int64_t)interval.months * DAYS_PER_MONTH + interval.days,
                        floor_div(interval.ns, NS_PER_US) + (int64_t)interval.ms * 1000);
}

PyObject *arm_py_temporal(const struct ArrowSchemaView *type, PyObject *zone,
                          const struct ArrowArrayView *view, int64_t row)
{
    bool has_zone = type->timezone != NULL && *type->timezone != '\0';

    switch (type->type) {
    case NANOARROW_TYPE_DATE32:
        return date_of(ArrowArrayViewGetIntUnsafe(view, row));
    case NANOARROW_TYPE_DATE64:
        return date_of(floor_div(ArrowArrayViewGetIntUnsafe(view, row), S_PER_DAY * 1000));
    case NANOARROW_TYPE_TIME32:
    case NANOARROW_TYPE_TIME64:
        return time_of(in_us(ArrowArrayViewGetIntUnsafe(view, row), type->time_unit));
    case NANOARROW_TYPE_TIMESTAMP:
        return timestamp_of(in_us(ArrowArrayViewGetIntUnsafe(view, row), type->time_unit), has_zone,
                            zone);
    case NANOARROW_TYPE_DURATION:
        return timedelta_of(0, in_us(ArrowArrayViewGetIntUnsafe(view, row), type->time_unit));
    case NANOARROW_TYPE_INTERVAL_MONTHS:
    case NANOARROW_TYPE_INTERVAL_DAY_TIME:
    case NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO:
        return interval_of(view, row, type->type);
    default:
        return arm_py_raise_format(ARM_UNSUPPORTED, "no Python value for values of Arrow's type %s",
                                   ArrowTypeString(type->type));
    }
}
