/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text, and the calendar. Days are counted from 0000-03-01 in eras of 400 years, so
 * that the leap day is the last of its year (Howard Hinnant's days_from_civil). */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "model/model_private.h"
#include "model/name.h"

enum {
    DAYS_PER_ERA = 146097,
    YEARS_PER_ERA = 400,
    DAYS_TO_1970 = 719468, /* from 0000-03-01 */
    MICRO_DIGITS = 6,
};

#define SECONDS_PER_DAY INT64_C(86400)
#define US_PER_SECOND INT64_C(1000000)

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

unsigned arm__days_in_month(int64_t year, unsigned month)
{
    static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && leap ? 29u : DAYS[month - 1];
}

int64_t arm__days_of_date(const struct arm_date *date)
{
    int64_t year = date->year - (date->month <= 2 ? 1 : 0);
    int64_t era = floor_div(year, YEARS_PER_ERA);
    int64_t year_of_era = year - era * YEARS_PER_ERA;
    int64_t month_from_march = (date->month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date->day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

struct arm_date arm__date_of_days(int64_t days)
{
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    unsigned month =
        (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);

    return (struct arm_date){
        .year = era * YEARS_PER_ERA + year_of_era + (month <= 2 ? 1 : 0),
        .month = month,
        .day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
    };
}

bool arm__digits(const char **at, unsigned least, unsigned most, uint64_t *out)
{
    uint64_t value = 0;
    unsigned count = 0;

    while (count < most && **at >= '0' && **at <= '9') {
        value = value * 10 + (uint64_t)(**at - '0');
        (*at)++;
        count++;
    }
    *out = value;
    return count >= least && !(**at >= '0' && **at <= '9');
}

bool arm__fraction(const char **at, unsigned unit_digits, uint64_t *out)
{
    enum { FRACTION_DIGITS_MAX = 9 };
    const char *first = *at;
    uint64_t value = 0;

    if (!arm__digits(at, 1, FRACTION_DIGITS_MAX, &value)) {
        return false;
    }
    for (unsigned have = (unsigned)(*at - first); have != unit_digits;) {
        value = have < unit_digits ? value * 10 : value / 10;
        have = have < unit_digits ? have + 1 : have - 1;
    }
    *out = value;
    return true;
}

static bool take(const char **at, char c)
{
    if (**at != c) {
        return false;
    }
    (*at)++;
    return true;
}

/* "YYYY-MM-DD" */
static bool parse_date(const char **at, int64_t *out_days)
{
    uint64_t year;
    uint64_t month;
    uint64_t day;
    struct arm_date date;

    if (!arm__digits(at, 4, 4, &year) || !take(at, '-') || !arm__digits(at, 2, 2, &month) ||
        !take(at, '-') || !arm__digits(at, 2, 2, &day) || month < 1 || month > 12 || day < 1) {
        return false;
    }
    date = (struct arm_date){(int64_t)year, (unsigned)month, (unsigned)day};
    *out_days = arm__days_of_date(&date);
    return day <= arm__days_in_month(date.year, date.month);
}

/* "HH:MM[:SS[.f]]"; a leap second counts as the first of the next minute. */
static bool parse_clock(const char **at, int64_t *out_us)
{
    uint64_t hour;
    uint64_t minute;
    uint64_t second = 0;
    uint64_t us = 0;

    if (!arm__digits(at, 2, 2, &hour) || !take(at, ':') || !arm__digits(at, 2, 2, &minute)) {
        return false;
    }
    if (take(at, ':') && (!arm__digits(at, 2, 2, &second) ||
                          (take(at, '.') && !arm__fraction(at, MICRO_DIGITS, &us)))) {
        return false;
    }
    *out_us = (int64_t)(((hour * 60 + minute) * 60 + second) * 1000000 + us);
    return hour <= 23 && minute <= 59 && second <= 60;
}

/* "Z", "+HH[:MM]", "-HH[:MM]", or nothing, which is UTC. */
static bool parse_zone(const char **at, int64_t *out_us)
{
    bool west = **at == '-';
    uint64_t hours;
    uint64_t minutes = 0;

    *out_us = 0;
    if (**at == '\0' || take(at, 'Z') || take(at, 'z')) {
        return true;
    }
    if ((!take(at, '+') && !take(at, '-')) || !arm__digits(at, 2, 2, &hours) ||
        (take(at, ':') && !arm__digits(at, 2, 2, &minutes))) {
        return false;
    }
    *out_us = (int64_t)(hours * 60 + minutes) * 60 * US_PER_SECOND * (west ? -1 : 1);
    return hours <= 23 && minutes <= 59;
}

arm_status arm__time_parse(const char *text, int64_t *out_us, struct arm_error *err)
{
    const char *at = text;
    int64_t days = 0;
    int64_t clock_us = 0;
    int64_t zone_us = 0;
    bool good = parse_date(&at, &days);

    if (good && *at != '\0') {
        good = (take(&at, 'T') || take(&at, 't') || take(&at, ' ')) &&
               parse_clock(&at, &clock_us) && parse_zone(&at, &zone_us) && *at == '\0';
    }
    if (!good) {
        return arm__fail(err, ARM_INVALID,
                         "not a time: '%s' (2026-11-22T21:30:00Z, 2026-11-22 21:30:00.5+01:00, "
                         "2026-11-22; without a zone, UTC)",
                         arm__shown(text));
    }
    *out_us = days * SECONDS_PER_DAY * US_PER_SECOND + clock_us - zone_us;
    return ARM_OK;
}

void arm__time_format(int64_t time_us, char out[ARM_TIME_TEXT])
{
    int64_t seconds = floor_div(time_us, US_PER_SECOND);
    int64_t us = time_us % US_PER_SECOND + (time_us % US_PER_SECOND < 0 ? US_PER_SECOND : 0);
    int64_t days = floor_div(seconds, SECONDS_PER_DAY);
    int second = (int)(seconds - days * SECONDS_PER_DAY);
    struct arm_date date = arm__date_of_days(days);
    char text[128]; /* as much as the compiler can think of */
    int size =
        snprintf(text, sizeof text, "%04lld-%02u-%02uT%02d:%02d:%02d.%06dZ", (long long)date.year,
                 date.month, date.day, second / 3600, second / 60 % 60, second % 60, (int)us);

    assert(size > 0 && size < ARM_TIME_TEXT);
    memcpy(out, text, (size_t)size + 1);
}
