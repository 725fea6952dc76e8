/* SPDX-License-Identifier: Apache-2.0 */
#include "values.h"

#include "to_python.h"

struct value_classes arm_py_classes;

static bool find(const char *module_name, const char *name, PyObject **out)
{
    PyObject *module = PyImport_ImportModule(module_name);

    if (module == NULL) {
        return false;
    }
    *out = PyObject_GetAttrString(module, name);
    Py_DECREF(module);
    return *out != NULL;
}

bool arm_py_values_init(void)
{
    struct value_classes *c = &arm_py_classes;
    PyObject *zone = NULL;

    if (!find("datetime", "date", &c->date) || !find("datetime", "time", &c->time) ||
        !find("datetime", "datetime", &c->datetime) ||
        !find("datetime", "timedelta", &c->timedelta) || !find("datetime", "timezone", &zone) ||
        !find("zoneinfo", "ZoneInfo", &c->zone_info) || !find("decimal", "Decimal", &c->decimal) ||
        !find("uuid", "UUID", &c->uuid) || !find("armillaria._times", "plain", &c->plain_times) ||
        !find("armillaria._times", "refuse_cut", &c->refuse_cut)) {
        Py_XDECREF(zone);
        return false;
    }
    c->utc = PyObject_GetAttrString(zone, "utc");
    Py_DECREF(zone);
    c->epoch = PyObject_CallFunction(c->datetime, "iii", 1970, 1, 1);
    c->epoch_utc = c->utc == NULL ? NULL
                                  : PyObject_CallFunction(c->datetime, "iiiiiiiO", 1970, 1, 1, 0, 0,
                                                          0, 0, c->utc);
    return c->epoch != NULL && c->epoch_utc != NULL;
}
