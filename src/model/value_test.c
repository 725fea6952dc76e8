/* SPDX-License-Identifier: Apache-2.0 */
#include "model/value.h"

#include <locale.h>
#include <string.h>

#include "support/cmocka_all.h"

static Armpb__Type type_of(Armpb__TypeKind kind)
{
    Armpb__Type type = ARMPB__TYPE__INIT;

    type.kind = kind;
    return type;
}

static Armpb__Type decimal(uint32_t width, uint32_t scale)
{
    Armpb__Type type = type_of(ARMPB__TYPE_KIND__DECIMAL);

    type.width = width;
    type.scale = scale;
    return type;
}

/* `text` has the encoding `bytes`, and that prints as `back`. */
static void assert_value(const Armpb__Type *type, const char *text, const char *bytes, size_t size,
                         const char *back)
{
    struct arm_buf out = ARM_BUF_INIT(1000);
    struct arm_buf printed = ARM_BUF_INIT(1000);
    bool known = false;
    struct arm_error err = {0};

    assert_ok(arm__value_from_text(type, arm__bytes(text, strlen(text)), false, &out, &known, &err),
              err);
    if (!known) {
        fail_msg("'%s' was not understood", text);
    }
    assert_int_equal(out.size, size);
    assert_memory_equal(out.data, bytes, size);
    assert_ok(arm__value_to_text(type, arm__buf_bytes(&out), &printed, &err), err);
    assert_ok(arm__buf_u8(&printed, 0, &err), err);
    assert_string_equal((const char *)printed.data, back);
    arm__buf_release(&out);
    arm__buf_release(&printed);
}
#define VALUE(type, text, bytes, back) assert_value(&(type), text, bytes, sizeof(bytes) - 1, back)

static void assert_unknown(const Armpb__Type *type, const char *text)
{
    struct arm_buf out = ARM_BUF_INIT(1000);
    bool known = true;
    struct arm_error err = {0};

    assert_ok(arm__value_from_text(type, arm__bytes(text, strlen(text)), true, &out, &known, &err),
              err);
    if (known) {
        fail_msg("'%s' was understood", text);
    }
    assert_int_equal(out.size, 0);
    arm__buf_release(&out);
}

static void test_value_numbers(void **state)
{
    Armpb__Type boolean = type_of(ARMPB__TYPE_KIND__BOOLEAN);
    Armpb__Type tiny = type_of(ARMPB__TYPE_KIND__TINYINT);
    Armpb__Type big = type_of(ARMPB__TYPE_KIND__BIGINT);
    Armpb__Type ubig = type_of(ARMPB__TYPE_KIND__UBIGINT);
    Armpb__Type small = decimal(4, 1);
    Armpb__Type fraction = decimal(9, 9);
    Armpb__Type wide = decimal(38, 0);

    VALUE(boolean, "1", "\x01", "true");
    VALUE(boolean, "false", "\x00", "false");
    VALUE(tiny, "-128", "\x00", "-128");
    VALUE(tiny, "127", "\xFF", "127");
    VALUE(big, "-9223372036854775808", "\0\0\0\0\0\0\0\0", "-9223372036854775808");
    VALUE(big, "42", "\x80\0\0\0\0\0\0\x2A", "42");
    VALUE(ubig, "18446744073709551615", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "18446744073709551615");
    VALUE(small, "-0.1", "\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
          "-0.1");
    VALUE(small, "999.9", "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x27\x0F", "999.9");
    VALUE(fraction, ".000000256", "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0", "0.000000256");
    VALUE(wide, "-99999999999999999999999999999999999999",
          "\x34\xC4\xB3\x57\xA5\x79\x3B\x85\xF6\x75\xDD\xC0\x00\x00\x00\x01",
          "-99999999999999999999999999999999999999");
    assert_unknown(&tiny, "128");
    assert_unknown(&tiny, "-129");
    assert_unknown(&tiny, "");
    assert_unknown(&tiny, "1 ");
    assert_unknown(&tiny, "+1");
    assert_unknown(&ubig, "-1");
    assert_unknown(&ubig, "18446744073709551616");
    assert_unknown(&small, "1000.0");
    assert_unknown(&small, "1.23");
    assert_unknown(&small, ".");
    assert_unknown(&wide, "100000000000000000000000000000000000000");
    assert_unknown(&boolean, "2");
}

static void test_value_reals_in_any_locale(void **state)
{
    Armpb__Type single = type_of(ARMPB__TYPE_KIND__FLOAT);
    Armpb__Type real = type_of(ARMPB__TYPE_KIND__DOUBLE);

    (void)setlocale(LC_ALL, "de_DE.UTF-8"); /* where there is one */
    VALUE(single, "0.0", "\x80\0\0\0", "0");
    VALUE(single, "-0.0", "\x80\0\0\0", "0");
    VALUE(single, "1.5", "\xBF\xC0\0\0", "1.5");
    VALUE(single, "-1.5", "\x40\x3F\xFF\xFF", "-1.5");
    VALUE(single, "3.4028235e+38", "\xFF\x7F\xFF\xFF", "3.4028235e+38");
    VALUE(single, "inf", "\xFF\x80\0\0", "inf");
    VALUE(real, "-inf", "\0\x0F\xFF\xFF\xFF\xFF\xFF\xFF", "-inf");
    VALUE(real, "5e-324", "\x80\0\0\0\0\0\0\1", "5e-324");
    VALUE(real, "0.1", "\xBF\xB9\x99\x99\x99\x99\x99\x9A", "0.1");
    (void)setlocale(LC_ALL, "C");
    assert_unknown(&real, "nan");
    assert_unknown(&real, "0x10");
    assert_unknown(&real, "infinity");
    assert_unknown(&real, "1,5");
    assert_unknown(&real, "");
}

static void test_value_times(void **state)
{
    Armpb__Type date = type_of(ARMPB__TYPE_KIND__DATE);
    Armpb__Type clock = type_of(ARMPB__TYPE_KIND__TIME);
    Armpb__Type us = type_of(ARMPB__TYPE_KIND__TIMESTAMP);
    Armpb__Type s = type_of(ARMPB__TYPE_KIND__TIMESTAMP_S);
    Armpb__Type ms = type_of(ARMPB__TYPE_KIND__TIMESTAMP_MS);
    Armpb__Type ns = type_of(ARMPB__TYPE_KIND__TIMESTAMP_NS);
    Armpb__Type tz = type_of(ARMPB__TYPE_KIND__TIMESTAMP_TZ);

    VALUE(date, "1970-01-02", "\x80\0\0\1", "1970-01-02");
    VALUE(date, "5877642-06-25 (BC)", "\0\0\0\2", "5877642-06-25 (BC)");
    VALUE(date, "5881580-07-10", "\xFF\xFF\xFF\xFE", "5881580-07-10");
    VALUE(date, "infinity", "\xFF\xFF\xFF\xFF", "infinity");
    VALUE(date, "-infinity", "\0\0\0\1", "-infinity");
    VALUE(clock, "24:00:00", "\x80\0\0\x14\x1D\xD7\x60\0", "24:00:00");
    VALUE(clock, "00:00:00.000256", "\x80\0\0\0\0\0\1\0", "00:00:00.000256");
    VALUE(us, "1969-12-31 23:59:59.9", "\x7F\xFF\xFF\xFF\xFF\xFE\x79\x60", "1969-12-31 23:59:59.9");
    VALUE(us, "290309-12-22 (BC) 00:00:00", "\0\0\0\x03\x5D\x92\x60\0",
          "290309-12-22 (BC) 00:00:00");
    VALUE(us, "294247-01-10 04:00:54.775806", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE",
          "294247-01-10 04:00:54.775806");
    /* in the unit of the file, which one of TIMESTAMP may share */
    VALUE(s, "1970-01-01 00:01:00", "\x80\0\0\0\x03\x93\x87\0", "1970-01-01 00:01:00");
    VALUE(s, "infinity", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "infinity");
    VALUE(ms, "1970-01-01 00:00:00.01", "\x80\0\0\0\0\0\x27\x10", "1970-01-01 00:00:00.01");
    VALUE(ns, "2262-04-11 23:47:16.854775806", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE",
          "2262-04-11 23:47:16.854775806");
    VALUE(ns, "-infinity", "\0\0\0\0\0\0\0\1", "-infinity");
    VALUE(tz, "1970-01-01 00:00:00.000001+00", "\x80\0\0\0\0\0\0\1",
          "1970-01-01 00:00:00.000001+00");
    VALUE(tz, "1969-12-31 19:03:58-04:56:02", "\x80\0\0\0\0\0\0\0", "1970-01-01 00:00:00+00");
    assert_unknown(&us, "1970-01-01 00:00:00.0000001");
    assert_unknown(&us, "1970-01-01 00:00:00+00");
    assert_unknown(&us, "1970-01-01");
    assert_unknown(&us, "1970-01-01 24:00:01");
    assert_unknown(&us, "400000-01-01 00:00:00");
    assert_unknown(&date, "0000-01-01");
    assert_unknown(&date, "2026-02-29");
    assert_unknown(&date, "Infinity");
    assert_unknown(&clock, "-01:00:00");
    assert_unknown(&clock, "24:00:00.000001");
}

static void assert_bound(const Armpb__Type *type, struct arm_bytes text, bool is_max,
                         const char *wanted, size_t size)
{
    struct arm_buf out = ARM_BUF_INIT(1000);
    bool known = false;
    struct arm_error err = {0};

    assert_ok(arm__value_from_text(type, text, is_max, &out, &known, &err), err);
    assert_int_equal(known, wanted != NULL);
    if (wanted != NULL) {
        assert_int_equal(out.size, size);
        assert_memory_equal(out.data, wanted, size);
    }
    arm__buf_release(&out);
}
#define BOUND(type, text, is_max, wanted)                                                          \
    assert_bound(&(type), arm__bytes(text, sizeof(text) - 1), is_max, wanted, sizeof(wanted) - 1)
#define NO_BOUND(type, text)                                                                       \
    assert_bound(&(type), arm__bytes(text, sizeof(text) - 1), true, NULL, 0)

#define X31 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define E15                                                                                        \
    "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"                             \
    "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
#define LAST8                                                                                      \
    "\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF"                             \
    "\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF"

static void test_value_M6_strings_are_cut_between_characters_and_raised(void **state)
{
    Armpb__Type text = type_of(ARMPB__TYPE_KIND__VARCHAR);

    BOUND(text, "", false, "");
    BOUND(text, "b\0c", true, "b\0c"); /* a NUL is a character like any other */
    BOUND(text, X31 "y", true, X31 "y");
    BOUND(text, X31 "yz", false, X31 "y");
    BOUND(text, X31 "yz", true, X31 "z");
    BOUND(text, X31 "\x7Fz", true, X31 "\xC2\x80");
    BOUND(text, "x" E15 "\xC3\xA9z", false, "x" E15);
    BOUND(text, "x" E15 "\xC3\xA9z", true,
          "x\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
          "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xAA");
    BOUND(text, "x" LAST8 "z", true, "y");
    BOUND(text, "12345678901234567890123456789\xED\x9F\xBFz", true,
          "12345678901234567890123456789\xEE\x80\x80"); /* over the surrogates */
    NO_BOUND(text, LAST8 "z");
    NO_BOUND(text, "\xFF");
}

#define FF31 "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"

static void test_value_M6_blobs_are_cut_and_raised(void **state)
{
    Armpb__Type blob = type_of(ARMPB__TYPE_KIND__BLOB);

    BOUND(blob, "", false, "");
    BOUND(blob, "00fF", true, "\x00\xFF");
    BOUND(blob, "7F" FF31 "00", true, "\x80");
    BOUND(blob, FF31 "0102", true,
          "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
          "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02");
    NO_BOUND(blob, FF31 "FFFF");
    NO_BOUND(blob, "0");
    NO_BOUND(blob, "0g");
}

static void test_value_uuid(void **state)
{
    Armpb__Type uuid = type_of(ARMPB__TYPE_KIND__UUID);

    VALUE(uuid, "12345678-9abc-def0-1234-56789ABCDEF0",
          "\x12\x34\x56\x78\x9A\xBC\xDE\xF0\x12\x34\x56\x78\x9A\xBC\xDE\xF0",
          "12345678-9abc-def0-1234-56789abcdef0");
    assert_unknown(&uuid, "12345678-9abc-def0-1234-56789abcdef");
    assert_unknown(&uuid, "123456789abcdef0123456789abcdef0");
    assert_unknown(&uuid, "12345678-9abc-def0-1234-56789abcdef00");
}

static void assert_initial(Armpb__TypeKind kind, const char *text, const char *back)
{
    Armpb__Type type = type_of(kind);
    struct arm_buf out = ARM_BUF_INIT(1000);
    struct arm_buf printed = ARM_BUF_INIT(1000);
    struct arm_error err = {0};

    assert_ok(arm__value_initial(&type, arm__bytes(text, strlen(text)), &out, &err), err);
    assert_ok(arm__value_to_text(&type, arm__buf_bytes(&out), &printed, &err), err);
    assert_ok(arm__buf_u8(&printed, 0, &err), err);
    assert_string_equal((const char *)printed.data, back);
    arm__buf_release(&out);
    arm__buf_release(&printed);
}

static void test_value_initial_values_are_whole_and_of_any_type(void **state)
{
    Armpb__Type type = type_of(ARMPB__TYPE_KIND__INTEGER);
    struct arm_buf out = ARM_BUF_INIT(1000);
    struct arm_error err = {0};

    assert_initial(ARMPB__TYPE_KIND__VARCHAR, X31 X31 X31, X31 X31 X31);
    assert_initial(ARMPB__TYPE_KIND__BLOB, "a\\x00\\xFF", "\\x61\\x00\\xFF");
    assert_initial(ARMPB__TYPE_KIND__DOUBLE, "nan", "nan");
    assert_initial(ARMPB__TYPE_KIND__DOUBLE, "-0.0", "-0");
    assert_initial(ARMPB__TYPE_KIND__INTEGER, "-5", "-5");
    assert_initial(ARMPB__TYPE_KIND__HUGEINT, "-170141183460469231731687303715884105728",
                   "-170141183460469231731687303715884105728");
    assert_initial(ARMPB__TYPE_KIND__INTERVAL, "1 month -1 day", "1 month -1 day");
    assert_initial(ARMPB__TYPE_KIND__STRUCT, "{'a': 1}", "{'a': 1}");
    assert_fails(ARM_INVALID, arm__value_initial(&type, arm__bytes("x", 1), &out, &err), err);
    type.kind = ARMPB__TYPE_KIND__BLOB;
    assert_fails(ARM_INVALID, arm__value_initial(&type, arm__bytes("a\\x0", 4), &out, &err), err);
    assert_int_equal(out.size, 0);
    arm__buf_release(&out);
}

static void test_value_M3_bytes_of_another_shape_are_corrupt(void **state)
{
    static const struct {
        Armpb__TypeKind kind;
        const char *bytes;
        size_t size;
    } BAD[] = {
        {ARMPB__TYPE_KIND__BOOLEAN, "\x02", 1},
        {ARMPB__TYPE_KIND__INTEGER, "\x80\0\0", 3},
        {ARMPB__TYPE_KIND__INTEGER, "", 0},
        {ARMPB__TYPE_KIND__DATE, "\0\0\0\0", 4},
        {ARMPB__TYPE_KIND__TIMESTAMP, "\0\0\0\0\0\0\0\0", 8},
        {ARMPB__TYPE_KIND__TIMESTAMP_S, "\x80\0\0\0\0\0\0", 7},
        {ARMPB__TYPE_KIND__TIME, "\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8},
        {ARMPB__TYPE_KIND__TIME, "\x80\0\0\x14\x1D\xD7\x60\1", 8},
        {ARMPB__TYPE_KIND__UUID, "x", 1},
        {ARMPB__TYPE_KIND__VARCHAR, "\xC3", 1},
        {ARMPB__TYPE_KIND__HUGEINT, "\xC3", 1},
        {ARMPB__TYPE_KIND__DECIMAL, "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x27\x10", 16}, /* 1000.0 */
        {ARMPB__TYPE_KIND__DECIMAL, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16},
    };
    struct arm_buf out = ARM_BUF_INIT(1000);
    struct arm_error err = {0};

    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        Armpb__Type type = decimal(4, 1);

        type.kind = BAD[i].kind;
        assert_fails(ARM_CORRUPT,
                     arm__value_to_text(&type, arm__bytes(BAD[i].bytes, BAD[i].size), &out, &err),
                     err);
        assert_int_equal(out.size, 0);
    }
    arm__buf_release(&out);
}

static void test_value_types_whose_text_has_another_order_have_no_bounds(void **state)
{
    static const Armpb__TypeKind NONE[] = {
        ARMPB__TYPE_KIND__HUGEINT,  ARMPB__TYPE_KIND__UHUGEINT, ARMPB__TYPE_KIND__BIGNUM,
        ARMPB__TYPE_KIND__BIT,      ARMPB__TYPE_KIND__TIME_NS,  ARMPB__TYPE_KIND__TIME_TZ,
        ARMPB__TYPE_KIND__INTERVAL, ARMPB__TYPE_KIND__ENUM,     ARMPB__TYPE_KIND__LIST,
        ARMPB__TYPE_KIND__VARIANT,  ARMPB__TYPE_KIND__GEOMETRY, ARMPB__TYPE_KIND__UNION};

    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        Armpb__Type type = type_of(NONE[i]);

        assert_false(arm__value_has_bounds(&type));
        assert_unknown(&type, "1");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_numbers),
        cmocka_unit_test(test_value_reals_in_any_locale),
        cmocka_unit_test(test_value_times),
        cmocka_unit_test(test_value_M6_strings_are_cut_between_characters_and_raised),
        cmocka_unit_test(test_value_M6_blobs_are_cut_and_raised),
        cmocka_unit_test(test_value_uuid),
        cmocka_unit_test(test_value_initial_values_are_whole_and_of_any_type),
        cmocka_unit_test(test_value_M3_bytes_of_another_shape_are_corrupt),
        cmocka_unit_test(test_value_types_whose_text_has_another_order_have_no_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
