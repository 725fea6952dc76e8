/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "model/model_private.h"
#include "model/name.h"
#include "support/cmocka_all.h"

static int64_t parsed(const char *text)
{
    int64_t us = 0;
    struct arm_error err = {0};

    assert_ok(arm__time_parse(text, &us, &err), err);
    return us;
}

static void test_time_forms(void **state)
{
    const int64_t second = 1000000;

    assert_int_equal(parsed("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(parsed("1970-01-02"), 86400 * second);
    assert_int_equal(parsed("1970-01-01 00:01"), 60 * second);
    assert_int_equal(parsed("1970-01-01 00:00:01.5"), 3 * second / 2);
    assert_int_equal(parsed("1970-01-01t00:00:00.0000019z"), 1);
    assert_int_equal(parsed("1970-01-01T01:00:00+01:00"), 0);
    assert_int_equal(parsed("1969-12-31T23:30:00-00:30"), 0);
    assert_int_equal(parsed("1970-01-01 02:00+02"), 0);
    assert_int_equal(parsed("1969-12-31 23:59:59.999999"), -1);
    assert_int_equal(parsed("2026-11-22T21:30:00.123456Z"), 1795383000123456);
    assert_int_equal(parsed("2000-02-29"), 951782400 * second);
    assert_int_equal(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01"));
}

static void test_time_refuses_what_is_none(void **state)
{
    static const char *const BAD[] = {"",
                                      "2026",
                                      "2026-1-1",
                                      "2026-13-01",
                                      "2026-02-30",
                                      "1900-02-29",
                                      "2026-00-01",
                                      "2026-01-00",
                                      "2026-01-01T",
                                      "2026-01-01T24:00",
                                      "2026-01-01T00:60",
                                      "2026-01-01T00:00:61",
                                      "2026-01-01T00:00:00.",
                                      "2026-01-01 00:00 Z",
                                      "2026-01-01Z",
                                      "2026-01-01T0:00",
                                      "2026-01-01T00:00+1",
                                      "2026-01-01T00:00+24",
                                      "02026-01-01",
                                      "2026-01-01T00:00ZZ",
                                      "2026-01-01T00:00.5",
                                      "2026-01-01T00:00:00.1234567890",
                                      "\xFF"};
    int64_t us = 5;
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        if (arm__time_parse(BAD[i], &us, &err) != ARM_INVALID) {
            fail_msg("'%s' was taken", BAD[i]);
        }
    }
    assert_int_equal(us, 5);
}

static void test_time_format_is_parsed_back(void **state)
{
    char text[ARM_TIME_TEXT];

    arm__time_format(1795383000123456, text);
    assert_string_equal(text, "2026-11-22T21:30:00.123456Z");
    arm__time_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
    for (int64_t us = 0; us < INT64_C(250000000000000000); us += INT64_C(98765432123457)) {
        arm__time_format(us, text);
        assert_int_equal(parsed(text), us);
    }
    arm__time_format(INT64_MIN, text);
    assert_string_equal(text, "-290308-12-21T19:59:05.224192Z");
    arm__time_format(INT64_MAX, text);
    assert_string_equal(text, "294247-01-10T04:00:54.775807Z");
}

/* Against the C library's calendar. */
static void test_calendar_agrees_with_gmtime(void **state)
{
    for (int64_t days = -800000; days < 3000000; days += 37) {
        time_t seconds = (time_t)(days * 86400);
        struct tm tm;
        struct arm_date date = arm__date_of_days(days);

        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal(date.year, tm.tm_year + 1900);
        assert_int_equal(date.month, tm.tm_mon + 1);
        assert_int_equal(date.day, tm.tm_mday);
        assert_int_equal(arm__days_of_date(&date), days);
        assert_true(date.day <= arm__days_in_month(date.year, date.month));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_forms),
        cmocka_unit_test(test_time_refuses_what_is_none),
        cmocka_unit_test(test_time_format_is_parsed_back),
        cmocka_unit_test(test_calendar_agrees_with_gmtime),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
