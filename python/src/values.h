/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_PY_VALUES_H
#define ARM_PY_VALUES_H

/* Python's classes for what C has no word for, found once. Borrowed for ever. */

#include "core.h"

struct value_classes {
    PyObject *date;
    PyObject *time;
    PyObject *datetime;
    PyObject *timedelta;
    PyObject *zone_info;
    PyObject *utc;       /* datetime.timezone.utc */
    PyObject *epoch;     /* datetime(1970, 1, 1) */
    PyObject *epoch_utc; /* the same in UTC */
    PyObject *decimal;
    PyObject *uuid;
    PyObject *plain_times; /* armillaria._times.plain */
    PyObject *refuse_cut;  /* armillaria._times.refuse_cut */
};
extern struct value_classes arm_py_classes;

/* Days from 1970-01-01 to date.fromordinal's. */
enum { EPOCH_ORDINAL = 719163 };

#define US_PER_S INT64_C(1000000)
#define S_PER_DAY INT64_C(86400)
#define US_PER_DAY (US_PER_S * S_PER_DAY)

#endif
