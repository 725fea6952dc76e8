/* SPDX-License-Identifier: Apache-2.0 */
/* Roots of fixed contents, as tests/golden/ptree_root.txt has them: one line each of a number of
 * entries and a root. If they change, the format has changed. ARM_GOLDEN_UPDATE writes the file. */
#include "ptree/ptree.h"

#include <stdio.h>
#include <stdlib.h>

#include "ptree/ptree_fixture.h"
#include "support/cmocka_all.h"

static const size_t entry_counts[] = {1, 10, 100, 1000, 10000};

enum { COUNTS = sizeof entry_counts / sizeof entry_counts[0] };

static FILE *golden_open(const char *mode)
{
    const char *source = getenv("ARM_SOURCE_DIR");
    char path[1024];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/tests/golden/ptree_root.txt",
                   source != NULL ? source : ".");
    file = fopen(path, mode);
    if (file == NULL) {
        fail_msg("cannot open %s", path);
    }
    return file;
}

static void test_golden_ptree_roots(void **state)
{
    bool update = getenv("ARM_GOLDEN_UPDATE") != NULL;
    struct test_nodes *nodes = test_nodes_new();
    FILE *file = golden_open(update ? "w" : "r");

    for (size_t i = 0; i < COUNTS; i++) {
        char hex[ARM_HASH_HEX + 1];
        char line[128];
        char golden[128] = "";
        struct arm_hash root;

        assert_int_equal(test_build(nodes, entry_counts[i], &root, NULL), ARM_OK);
        arm__hash_hex(&root, hex);
        (void)snprintf(line, sizeof line, "%zu %s\n", entry_counts[i], hex);
        if (update) {
            assert_true(fputs(line, file) >= 0);
        } else {
            assert_non_null(fgets(golden, sizeof golden, file));
            assert_string_equal(golden, line);
        }
    }
    assert_int_equal(fclose(file), 0);
    test_nodes_free(nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden_ptree_roots)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
