/* SPDX-License-Identifier: Apache-2.0 */
/* Footers that DuckDB 1.5.5 and pyarrow 26 wrote (tests/golden), and damaged ones. */
#include <stdio.h>
#include <stdlib.h>

#include "commit/commit_private.h"
#include "support/cmocka_all.h"

static size_t read_golden(const char *name, uint8_t out[4096])
{
    const char *source = getenv("ARM_SOURCE_DIR");
    char path[512];
    FILE *file;
    size_t size;

    (void)snprintf(path, sizeof path, "%s/tests/golden/%s", source != NULL ? source : ".", name);
    file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("cannot open %s: set ARM_SOURCE_DIR", path);
    }
    size = fread(out, 1, 4096, file);
    (void)fclose(file);
    return size;
}

static void expect_rows(const char *name, uint64_t wanted)
{
    struct arm_error err = {0};
    uint8_t bytes[4096];
    size_t size = read_golden(name, bytes);
    uint64_t rows = 0;

    assert_ok(arm__parquet_rows(arm__bytes(bytes, size), &rows, &err), err);
    assert_int_equal(rows, wanted);
}

static void test_parquet_rows_of_real_footers(void **state)
{
    expect_rows("parquet_footer_duck.bin", 12345);
    expect_rows("parquet_footer_arrow.bin", 4321);
}

/* No byte of a footer may make the reader look outside it, or run on (ASan judges). */
static void test_parquet_rows_of_damaged_footers(void **state)
{
    uint8_t bytes[4096];
    size_t size = read_golden("parquet_footer_duck.bin", bytes);
    uint64_t rows;

    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *copy = malloc(size - cut + 1); /* exactly as long as it says */

        memcpy(copy, bytes + cut, size - cut);
        (void)arm__parquet_rows(arm__bytes(copy, size - cut), &rows, NULL);
        free(copy);
    }
    for (size_t i = 0; i < size; i++) {
        for (int value = 0; value < 256; value += 5) {
            uint8_t old = bytes[i];

            bytes[i] = (uint8_t)value;
            (void)arm__parquet_rows(arm__bytes(bytes, size), &rows, NULL);
            bytes[i] = old;
        }
    }
}

/* A footer made by hand: `body` and its trailer. */
static arm_status rows_of(const uint8_t *body, size_t size, uint64_t *out, struct arm_error *err)
{
    uint8_t bytes[300];

    memcpy(bytes, body, size);
    arm__set_u32(bytes + size, (uint32_t)size);
    memcpy(bytes + size + 4, "PAR1", 4);
    return arm__parquet_rows(arm__bytes(bytes, size + 8), out, err);
}

static void test_parquet_rows_judges_what_it_reads(void **state)
{
    static const uint8_t good[] = {0x15, 0x02, 0x26, 0x14, 0x00};
    static const uint8_t boolean[] = {0x11, 0x12, 0x16, 0x14, 0x00};
    static const uint8_t negative[] = {0x36, 0x13, 0x00};
    static const uint8_t absent[] = {0x15, 0x02, 0x00};
    static const uint8_t endless[] = {0x36, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct arm_error err = {0};
    uint8_t nested[200];
    uint64_t rows = 0;

    assert_ok(rows_of(good, sizeof good, &rows, &err), err);
    assert_int_equal(rows, 10);
    assert_ok(rows_of(boolean, sizeof boolean, &rows, &err), err);
    assert_int_equal(rows, 10);
    assert_fails(ARM_CORRUPT, rows_of(negative, sizeof negative, &rows, &err), err);
    assert_fails(ARM_CORRUPT, rows_of(absent, sizeof absent, &rows, &err), err);
    assert_fails(ARM_CORRUPT, rows_of(endless, sizeof endless, &rows, &err), err);
    memset(nested, 0x1c, sizeof nested); /* a struct in a struct in a … */
    assert_fails(ARM_CORRUPT, rows_of(nested, sizeof nested, &rows, &err), err);
    memset(nested, 0x19, sizeof nested); /* lists of lists */
    assert_fails(ARM_CORRUPT, rows_of(nested, sizeof nested, &rows, &err), err);
    assert_fails(ARM_CORRUPT, arm__parquet_rows(arm__bytes("PAR1", 4), &rows, &err), err);
    assert_fails(ARM_CORRUPT, arm__parquet_rows(arm__bytes("\xff\xff\xff\xffPAR1", 8), &rows, &err),
                 err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_rows_of_real_footers),
        cmocka_unit_test(test_parquet_rows_of_damaged_footers),
        cmocka_unit_test(test_parquet_rows_judges_what_it_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
