/* SPDX-License-Identifier: Apache-2.0 */
/* What a statement is given beside its text: parameters, versions, rows by name. */

#include "api/branch_fixture.h"

static struct ArrowArrayStream rows_of(struct fixture *f, const char *sql)
{
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    assert_ok(arm_sql(f->other, sql, NULL, &stream, NULL, &err), err);
    return stream;
}

/* ---- Parameters ---- */

static const char *with_parameters(struct fixture *f, const char *sql, const char *parameters)
{
    struct ArrowArrayStream given = rows_of(f, parameters);
    struct arm_sql_options options = {.parameters = &given};
    const char *answer = ask_with(f, f->session, sql, &options);

    assert_null(given.release);
    return answer;
}

static void refuse_parameters(struct fixture *f, const char *sql, const char *parameters,
                              arm_status code, const char *says)
{
    struct ArrowArrayStream given = rows_of(f, parameters);
    struct arm_sql_options options = {.parameters = &given};

    refuse_with(f->session, sql, &options, code, says);
    assert_null(given.release); /* taken, whatever happens */
}

static void test_inputs_parameters(void **state)
{
    struct fixture f;

    (void)state;
    open_fixture(&f);
    assert_string_equal(with_parameters(&f, "SELECT ? + ?", "SELECT 40 AS \"1\", 2 AS \"2\""),
                        "42");
    assert_string_equal(with_parameters(&f, "SELECT $2 || $1", "SELECT 'a' AS \"1\", 'b' \"2\""),
                        "ba");
    assert_string_equal(with_parameters(&f, "SELECT len($s) + $n", "SELECT 40 n, [1, 2] s"), "42");
    assert_string_equal(with_parameters(&f, "SELECT ? IS NULL", "SELECT NULL AS \"1\""), "true");
    assert_string_equal(with_parameters(&f, "SELECT $s", "SELECT {a: 1, b: 'x; -- '} s"),
                        "{'a': 1, 'b': 'x; -- '}");
    assert_string_equal(with_parameters(&f, "INSERT INTO t VALUES ($1)", "SELECT 7 \"1\""), "1");
    assert_string_equal(with_parameters(&f, "SELECT count(*) FROM t WHERE a = ?", "SELECT 7 \"1\""),
                        "1");
    assert_string_equal(ask(&f, f.session, "SELECT sum(a) FROM t", NULL), "8");
    close_fixture(&f);
}

static int (*whole_next)(struct ArrowArrayStream *self, struct ArrowArray *out);

static int ninth_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    int rc = whole_next(self, out);

    if (rc == 0 && out->release != NULL) {
        out->offset = 8;
        out->length = 1;
    }
    return rc;
}

/* A struct may begin in the middle of its columns. */
static void test_inputs_parameters_of_a_slice(void **state)
{
    static const char given_rows[] = "SELECT nullif(range, 8) AS \"1\", range || 'x' AS \"2\", "
                                     "[range] AS \"3\" FROM range(10) ORDER BY range";
    struct fixture f;
    struct ArrowArrayStream given;
    struct arm_sql_options options = {.parameters = &given};

    (void)state;
    open_fixture(&f);
    given = rows_of(&f, given_rows);
    whole_next = given.get_next;
    given.get_next = ninth_next;
    assert_string_equal(ask_with(&f, f.session, "SELECT {a: $1 IS NULL, b: $2, c: $3}", &options),
                        "{'a': true, 'b': 8x, 'c': [8]}");
    close_fixture(&f);
}

static void test_inputs_wrong_parameters(void **state)
{
    struct fixture f;

    (void)state;
    open_fixture(&f);
    refuse_parameters(&f, "SELECT ? + ?", "SELECT 40 AS \"1\"", ARM_SQL, "2");
    refuse_parameters(&f, "SELECT ?", "SELECT 40 AS \"1\", 2 AS \"2\"", ARM_SQL, "2");
    refuse_parameters(&f, "SELECT 1", "SELECT 40 AS a", ARM_SQL, "a");
    refuse_parameters(&f, "SELECT ?", "SELECT i AS \"1\" FROM range(2) r(i)", ARM_INVALID,
                      "more than one row");
    refuse_parameters(&f, "SELECT ?", "SELECT 1 AS \"1\" LIMIT 0", ARM_INVALID, "no row");
    refuse_parameters(&f, "SELECT $a", "SELECT 1 AS a, 2 AS A", ARM_INVALID, "twice");
    refuse_parameters(&f, "SELEC ?", "SELECT 1 AS \"1\"", ARM_SQL, "syntax");
    refuse_parameters(&f, "MERGE BRANCH main", "SELECT 1 AS \"1\"", ARM_INVALID, "MERGE BRANCH");
    refuse_sql(f.session, "SELECT ?", ARM_SQL, "1");
    close_fixture(&f);
}

/* ---- Versions ---- */

static const char *at_version(struct fixture *f, const char *sql, const char *table,
                              uint64_t version)
{
    const struct arm_table_version versions[] = {{table, version}};
    struct arm_sql_options options = {.versions = versions, .version_count = 1};

    return ask_with(f, f->session, sql, &options);
}

static void refuse_version(struct fixture *f, const char *sql, const char *table, uint64_t version,
                           arm_status code, const char *says)
{
    const struct arm_table_version versions[] = {{table, version}};
    struct arm_sql_options options = {.versions = versions, .version_count = 1};

    refuse_with(f->session, sql, &options, code, says);
}

static void test_inputs_versions(void **state)
{
    struct fixture f;

    (void)state;
    open_fixture(&f);
    run_sql(f.session, "INSERT INTO t VALUES (2); INSERT INTO t VALUES (3);"
                       "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 100 AS a;"
                       "INSERT INTO s.t VALUES (200); CREATE VIEW v AS SELECT sum(a) AS n FROM t");
    assert_string_equal(at_version(&f, "SELECT sum(a) FROM t", "t", 1), "1");
    assert_string_equal(at_version(&f, "SELECT sum(a) FROM t", "main.T", 2), "3");
    assert_string_equal(at_version(&f, "SELECT sum(a) FROM t AT (VERSION => 2)", "t", 1), "3");
    assert_string_equal(
        at_version(&f, "SELECT (SELECT sum(a) FROM t) + (SELECT sum(a) FROM s.t)", "s.t", 1),
        "106");
    assert_string_equal(at_version(&f, "SELECT n FROM v", "t", 2), "3");
    assert_string_equal(at_version(&f, "SELECT 1", "t", 1), "1");
    assert_string_equal(ask(&f, f.session, "SELECT sum(a) FROM t", NULL), "6");
    run_sql(f.session, "BEGIN; DELETE FROM t");
    assert_string_equal(at_version(&f, "SELECT sum(a) FROM t", "t", 1), "1");
    run_sql(f.session, "ROLLBACK");
    close_fixture(&f);
}

static void test_inputs_wrong_versions(void **state)
{
    struct fixture f;
    struct arm_sql_options options = {.version_count = 1};

    (void)state;
    open_fixture(&f);
    refuse_version(&f, "SELECT * FROM t", "t", 9, ARM_NOT_FOUND, "9");
    refuse_version(&f, "SELECT * FROM t", "tt", 1, ARM_NOT_FOUND, "tt");
    refuse_version(&f, "SELECT * FROM t", "t", 0, ARM_INVALID, "from 1 on");
    refuse_version(&f, "SELECT * FROM t", "\"t", 1, ARM_INVALID_NAME, "quote");
    refuse_version(&f, "SELECT * FROM t", NULL, 1, ARM_INVALID, "table");
    refuse_version(&f, "INSERT INTO t VALUES (1)", "t", 1, ARM_INVALID, "AT (VERSION");
    refuse_version(&f, "DROP TABLE t", "t", 1, ARM_INVALID, "AT (VERSION");
    refuse_version(&f, "EXPLAIN ANALYZE INSERT INTO t VALUES (1)", "t", 1, ARM_INVALID,
                   "AT (VERSION");
    assert_int_equal(strlen(at_version(&f, "EXPLAIN SELECT * FROM t", "t", 1)) > 0, 1);
    refuse_with(f.session, "SELECT 1", &options, ARM_INVALID, "versions is NULL");
    assert_string_equal(count_rows(&f, f.session), "1");
    close_fixture(&f);
}

/* ---- Rows by name ---- */

struct source {
    struct fixture *f;
    const char *name;
    const char *sql;
    unsigned asked;
};

static arm_status find(void *context, const char *name, struct ArrowArrayStream *out,
                       struct arm_error *err)
{
    struct source *source = context;

    if (strcmp(name, "broken") == 0) {
        (void)snprintf(err->message, sizeof err->message, "the source is broken");
        return err->code = ARM_BUSY;
    }
    source->asked++;
    if (strcmp(name, source->name) == 0) {
        *out = rows_of(source->f, source->sql);
    }
    return ARM_OK;
}

static void test_inputs_rows_by_name(void **state)
{
    struct fixture f;
    struct source source = {&f, "df", "SELECT i FROM range(100000) r(i)", 0};
    struct arm_sql_options options = {.find_rows = find, .find_context = &source};

    (void)state;
    open_fixture(&f);
    assert_string_equal(ask_with(&f, f.session, "SELECT sum(i) FROM df", &options), "4999950000");
    assert_string_equal(ask_with(&f, f.session,
                                 "SELECT count(*) FROM df a JOIN df b USING (i) JOIN t ON t.a = i",
                                 &options),
                        "1");
    assert_int_equal(source.asked, 3);
    assert_string_equal(ask_with(&f, f.session, "SELECT max(a) FROM t", &options),
                        "1"); /* tables come first */
    assert_int_equal(source.asked, 3);
    assert_string_equal(ask_with(&f, f.session, "INSERT INTO t SELECT i FROM df", &options),
                        "100000");
    assert_string_equal(count_rows(&f, f.session), "100001");
    assert_string_equal(
        ask_with(&f, f.session, "SELECT count(*) FROM df WHERE i < 10 LIMIT 1", &options), "10");
    refuse_with(f.session, "SELECT * FROM dg", &options, ARM_SQL, "dg");
    refuse_with(f.session, "SELECT * FROM broken", &options, ARM_BUSY, "the source is broken");
    refuse_with(f.session, "CREATE VIEW v AS SELECT * FROM df", &options, ARM_SQL, "df");
    refuse_with(f.session,
                "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r JOIN df ON i = n "
                "WHERE n < 9) SELECT count(*) FROM r",
                &options, ARM_SQL, "temporary table");
    refuse_sql(f.session, "SELECT * FROM df", ARM_SQL, "df");
    close_fixture(&f);
}

/* A result that is still open reads what was found. */
static void test_inputs_rows_by_name_stream(void **state)
{
    struct fixture f;
    struct source source = {&f, "df", "SELECT i FROM range(1000000) r(i)", 0};
    struct arm_sql_options options = {
        .size = sizeof options, .find_rows = find, .find_context = &source};
    struct ArrowArrayStream first;
    struct ArrowArrayStream second;
    struct arm_error err = {0};

    (void)state;
    open_fixture(&f);
    assert_ok(arm_sql(f.session, "SELECT i FROM df", &options, &first, NULL, &err), err);
    arm_session_close(f.session);
    assert_ok(arm_session_open(f.repo, NULL, &f.session, &err), err);
    assert_int_equal(drain(&first), 1000000);
    assert_ok(arm_sql(f.session, "SELECT i FROM df", &options, &second, NULL, &err), err);
    second.release(&second); /* at once */
    close_fixture(&f);
}

static arm_status give(void *context, const char *name, struct ArrowArrayStream *out,
                       struct arm_error *err)
{
    struct ArrowArrayStream *kept = context;

    (void)name;
    (void)err;
    *out = *kept;
    kept->release = NULL;
    return ARM_OK;
}

/* What a session gave can be read by its next statement, which ends it as well. */
static void test_inputs_rows_of_the_session_itself(void **state)
{
    struct fixture f;
    struct ArrowArrayStream kept;
    struct arm_sql_options options = {.find_rows = give, .find_context = &kept};
    struct arm_error err = {0};

    (void)state;
    open_fixture(&f);
    assert_ok(arm_sql(f.session, "SELECT i FROM range(300000) r(i)", NULL, &kept, NULL, &err), err);
    assert_string_equal(ask_with(&f, f.session, "SELECT max(i) FROM df", &options), "299999");
    assert_null(kept.release);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs_parameters),
        cmocka_unit_test(test_inputs_parameters_of_a_slice),
        cmocka_unit_test(test_inputs_wrong_parameters),
        cmocka_unit_test(test_inputs_versions),
        cmocka_unit_test(test_inputs_wrong_versions),
        cmocka_unit_test(test_inputs_rows_by_name),
        cmocka_unit_test(test_inputs_rows_by_name_stream),
        cmocka_unit_test(test_inputs_rows_of_the_session_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
