/* SPDX-License-Identifier: Apache-2.0 */
/* Floating-point numbers as text, whatever the host's locale says about decimal points. */

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model_private.h"

enum { FLOAT_DIGITS = 9, DOUBLE_DIGITS = 17 };

static double parse(const char *text, bool is_double, char **end, locale_t c)
{
    return is_double ? strtod_l(text, end, c) : (double)strtof_l(text, end, c);
}

/* What DuckDB prints: digits, a point, an exponent, or a word; not strtod's hexadecimal forms. */
static bool is_plain(const char *text)
{
    return strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0 || strcmp(text, "nan") == 0 ||
           strcmp(text, "-nan") == 0 || text[strspn(text, "0123456789+-.eE")] == '\0';
}

bool arm__real_parse(const char *text, bool is_double, double *out, bool *out_good)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *end = NULL;

    if (c == (locale_t)0) {
        return false;
    }
    *out = parse(text, is_double, &end, c);
    *out_good = is_plain(text) && end != text && *end == '\0';
    freelocale(c);
    return true;
}

bool arm__real_print(double value, bool is_double, char out[ARM_REAL_TEXT])
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before;
    int digits = 1;

    if (c == (locale_t)0) {
        return false;
    }
    before = uselocale(c);
    do { /* the fewest digits that give the number back */
        (void)snprintf(out, ARM_REAL_TEXT, "%.*g", digits, value);
        digits++;
    } while (digits <= (is_double ? DOUBLE_DIGITS : FLOAT_DIGITS) &&
             parse(out, is_double, NULL, c) != value);
    (void)uselocale(before);
    freelocale(c);
    return true;
}
