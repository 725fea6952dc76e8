/* SPDX-License-Identifier: Apache-2.0 */
/* The 22 queries of TPC-H at scale 0.01 on versioned tables, against the same queries on the
 * Parquet files the tables were loaded from; then again after deletions that lineitem's copy
 * shares. Needs tpchgen-cli (ARM_DEPS/venv); skipped without. */

#include <stdlib.h>

#include "duck/duck_fixture.h"

enum { QUERIES = 22, SQL_BYTES_MAX = 1 << 14, SKIPPED = 77 };

static const char *const tables[] = {"customer", "lineitem", "nation", "orders",
                                     "part",     "partsupp", "region", "supplier"};

static char data_directory[TEMP_PATH_BYTES];

static const char *env_or(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value != NULL ? value : otherwise;
}

static bool generate(void)
{
    char command[1024];

    (void)snprintf(command, sizeof command,
                   "'%s/venv/bin/tpchgen-cli' parquet --scale-factor 0.01 --output-dir "
                   "'%s' >/dev/null 2>&1",
                   env_or("ARM_DEPS", "../../../.deps"), data_directory);
    return system(command) == 0; /* NOLINT(cert-env33-c): our own tool */
}

static void read_query(int number, char *out)
{
    char path[1024];
    FILE *file;
    size_t size;

    (void)snprintf(path, sizeof path, "%s/tests/slt/tpch/q%02d.sql",
                   env_or("ARM_SOURCE_DIR", "../../.."), number);
    file = fopen(path, "re");
    assert_non_null(file);
    size = fread(out, 1, SQL_BYTES_MAX - 1, file);
    out[size] = '\0';
    (void)fclose(file);
}

/* Session a has the tables; b has views of the files in DuckDB's own database. */
static void load(struct fixture *f)
{
    char sql[1024];

    assert_sql(&f->b, "ATTACH IF NOT EXISTS ':memory:' AS native");
    assert_sql(&f->b, "USE native");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        (void)snprintf(sql, sizeof sql, "CREATE TABLE %s AS SELECT * FROM '%s/%s.parquet'",
                       tables[i], data_directory, tables[i]);
        assert_sql(&f->a, sql);
        (void)snprintf(sql, sizeof sql, "CREATE VIEW %s AS SELECT * FROM '%s/%s.parquet'",
                       tables[i], data_directory, tables[i]);
        assert_sql(&f->b, sql);
    }
}

static void compare_all(struct fixture *f)
{
    static char sql[SQL_BYTES_MAX];

    for (int number = 1; number <= QUERIES; number++) {
        read_query(number, sql);
        assert_sql(&f->b, sql);
        char *expected = strdup(f->text);

        assert_non_null(expected);
        assert_sql(&f->a, sql);
        if (strcmp(f->text, expected) != 0) {
            fail_msg("query %d gave %.1000s\n not %.1000s", number, f->text, expected);
        }
        free(expected);
    }
}

static void test_tpch_answers_as_parquet_does(void **state)
{
    struct fixture *f = *state;

    load(f);
    compare_all(f);
}

static void test_tpch_with_deleted_and_hot_rows(void **state)
{
    struct fixture *f = *state;
    char sql[1024];

    load(f);
    (void)snprintf(sql, sizeof sql,
                   "CREATE OR REPLACE VIEW lineitem AS SELECT * FROM '%s/lineitem.parquet' WHERE "
                   "(l_orderkey + l_linenumber) %% 100 <> 3",
                   data_directory);
    assert_sql(&f->b, sql);
    assert_sql(&f->a, "DELETE FROM lineitem WHERE (l_orderkey + l_linenumber) % 100 = 3");
    /* a hundredth of the orders goes and comes back as hot rows */
    assert_sql(&f->a, "CREATE TEMP TABLE back AS SELECT * FROM orders WHERE o_orderkey % 100 = 5");
    assert_sql(&f->a, "DELETE FROM orders WHERE o_orderkey % 100 = 5");
    assert_sql(&f->a, "INSERT INTO orders SELECT * FROM back");
    compare_all(f);
}

int main(void)
{
    struct temp_dir dir = temp_dir_make();
    int failed = SKIPPED;

    (void)temp_path(&dir, "tpch", data_directory);
    if (generate()) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_tpch_answers_as_parquet_does, fixture_setup,
                                            fixture_teardown),
            cmocka_unit_test_setup_teardown(test_tpch_with_deleted_and_hot_rows, fixture_setup,
                                            fixture_teardown),
        };

        failed = cmocka_run_group_tests(tests, NULL, NULL);
    } else {
        (void)fprintf(stderr, "skipped: no tpchgen-cli\n");
    }
    temp_dir_remove(&dir);
    return failed;
}
