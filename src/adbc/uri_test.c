/* SPDX-License-Identifier: Apache-2.0 */
#include "adbc/uri.h"

#include <stdlib.h>

#include "support/cmocka_all.h"

static void test_uri_a_uri_is_a_path(void **state)
{
    static const struct {
        const char *uri;
        const char *path; /* NULL: refused */
    } cases[] = {
        {"repo", "repo"},
        {"/a/b c", "/a/b c"},
        {"/a%20b", "/a%20b"},
        {"file:///a%20b", "/a b"},
        {"FILE:/a", "/a"},
        {"file:a", "a"},
        {"file://localhost/a", "/a"},
        {"file://host/a", NULL},
        {"file:////a", NULL},
        {"file:///a?b=c", NULL},
        {"file:///a#b", NULL},
        {"file:///%", NULL},
        {"file:///%2", NULL},
        {"file:///%00", NULL},
        {"sqlite:///a", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = NULL;
        AdbcStatusCode st = arm__adbc_uri_path(cases[i].uri, &path, NULL);

        assert_int_equal(st, cases[i].path == NULL ? ADBC_STATUS_INVALID_ARGUMENT : ADBC_STATUS_OK);
        if (cases[i].path != NULL) {
            assert_string_equal(path, cases[i].path);
        }
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uri_a_uri_is_a_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
