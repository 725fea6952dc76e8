/* SPDX-License-Identifier: Apache-2.0 */
#include "model/utf8.h"

#include <string.h>

#include "support/cmocka_all.h"

/* However much may be shown, it is as much as fits of whole characters. */
static void test_utf8_is_cut_between_characters(void **state)
{
    static const char text[] =
        "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8D\x84z"; /* 1, 2, 3, 4 and 1 bytes */
    static const size_t shown[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11, 11};

    (void)state;
    for (size_t max = 0; max < sizeof shown / sizeof *shown; max++) {
        size_t size = arm__utf8_cut(text, strlen(text), max);

        assert_int_equal(size, shown[max]);
        assert_true(arm__utf8_valid(arm__bytes(text, size)));
    }
    assert_int_equal(arm__utf8_cut("", 0, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_is_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
