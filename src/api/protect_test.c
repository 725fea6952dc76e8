/* SPDX-License-Identifier: Apache-2.0 */
/* Branches that ask something of commits. */

#include <armillaria.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/branch_fixture.h"

static void protect(const struct fixture *f, bool only_merges, const char *sql)
{
    struct arm_branch_check check = {"positive", sql};
    struct arm_branch_protection protection = {.size = sizeof protection,
                                               .only_merges = only_merges,
                                               .checks = &check,
                                               .check_count = sql == NULL ? 0 : 1};
    struct arm_error err = {0};

    assert_ok(arm_branch_protect(f->session, "main", &protection, &err), err);
}

static void test_protect_takes_only_merges(void **state)
{
    struct fixture f;
    struct arm_error err = {0};

    open_fixture(&f);
    protect(&f, true, NULL);
    assert_ok(arm_branch_create(f.session, "b", NULL, NULL, &err), err);
    refuse_sql(f.session, "INSERT INTO t VALUES (2)", ARM_CONSTRAINT, "takes only merges");
    refuse_sql(f.session, "CREATE TABLE u (i INTEGER)", ARM_CONSTRAINT, "takes only merges");
    run_sql(f.session, "BEGIN");
    run_sql(f.session, "INSERT INTO t VALUES (2)");
    refuse_sql(f.session, "COMMIT", ARM_CONSTRAINT, "takes only merges");
    assert_false(arm_session_in_transaction(f.session));
    assert_string_equal(count_rows(&f, f.session), "1");
    run_sql(f.session, "CREATE TEMP TABLE mine AS SELECT * FROM t"); /* which is no commit */
    run_sql(f.session, "USE BRANCH b");
    run_sql(f.session, "INSERT INTO t VALUES (2)");
    assert_string_equal(
        ask(&f, f.session, "SELECT list(only_merges ORDER BY name) FROM arm_branches()", NULL),
        "[false, true]");
    run_sql(f.session, "ALTER BRANCH main UNPROTECT");
    run_sql(f.other, "INSERT INTO t VALUES (3)");
    close_fixture(&f);
}

/* Whatever door the rows come through. */
static void test_protect_K9_checks_are_run_before_a_commit(void **state)
{
    struct arm_write_options append = {.size = sizeof append, .mode = ARM_WRITE_APPEND};
    struct fixture f;
    struct ArrowArrayStream rows;
    struct arm_error err = {0};
    arm_txn *txn = NULL;

    open_fixture(&f);
    run_sql(f.session, "CREATE TABLE k (a INTEGER PRIMARY KEY)");
    protect(&f, false, "SELECT a FROM t WHERE a < 0 UNION ALL SELECT a FROM k WHERE a < 0");
    run_sql(f.session, "INSERT INTO t VALUES (2)");
    refuse_sql(f.session, "INSERT INTO t VALUES (-2)", ARM_CONSTRAINT,
               "check \"positive\" of branch \"main\" does not hold");
    refuse_sql(f.other, "UPDATE t SET a = -a", ARM_CONSTRAINT, "does not hold");
    run_sql(f.session, "BEGIN");
    run_sql(f.session, "INSERT INTO t VALUES (-3)");
    run_sql(f.session, "UPDATE t SET a = 3 WHERE a = -3");
    run_sql(f.session, "INSERT INTO t VALUES (-4)");
    refuse_sql(f.session, "COMMIT", ARM_CONSTRAINT, "does not hold");
    assert_false(arm_session_in_transaction(f.session));
    run_sql(f.session, "BEGIN"); /* what it becomes counts, not what it was meanwhile */
    run_sql(f.session, "INSERT INTO t VALUES (-3)");
    run_sql(f.session, "UPDATE t SET a = 3 WHERE a = -3");
    run_sql(f.session, "COMMIT");
    assert_string_equal(count_rows(&f, f.other), "3");

    assert_ok(arm_sql(f.other, "SELECT -1 AS a", NULL, &rows, NULL, &err), err);
    assert_fails(ARM_CONSTRAINT, arm_write(f.session, "t", &rows, &append, NULL, &err), err);
    assert_ok(arm_sql(f.other, "SELECT 1 AS a", NULL, &rows, NULL, &err), err);
    assert_ok(arm_write(f.session, "t", &rows, &append, NULL, &err), err);
    for (int i = -1; i <= 1; i += 2) {
        assert_ok(arm_txn_begin(f.session, NULL, &txn, &err), err);
        assert_ok(arm_sql(f.other, i < 0 ? "SELECT -1::INTEGER AS a" : "SELECT 1::INTEGER AS a",
                          NULL, &rows, NULL, &err),
                  err);
        assert_ok(arm_put(txn, "k", &rows, NULL, &err), err);
        if (i < 0) {
            assert_fails(ARM_CONSTRAINT, arm_txn_commit(txn, NULL, NULL, &err), err);
        } else {
            assert_ok(arm_txn_commit(txn, NULL, NULL, &err), err);
        }
    }
    refuse_sql(f.session, "DROP TABLE t", ARM_CONSTRAINT, "cannot be run");
    run_sql(f.session, "ALTER BRANCH main UNPROTECT");
    run_sql(f.session, "DROP TABLE t");
    close_fixture(&f);
}

/* The session's temporary tables, macros, search path and settings are not the check's. */
static void test_protect_checks_see_the_branch_alone(void **state)
{
    struct fixture f;

    open_fixture(&f);
    run_sql(f.session, "CREATE SCHEMA s");
    run_sql(f.session, "CREATE TABLE s.t (a INTEGER)");
    protect(&f, false, "SELECT a FROM t WHERE abs(a) > 9");
    run_sql(f.session, "CREATE TEMP TABLE t AS SELECT 1 AS a");
    run_sql(f.session, "CREATE TEMP MACRO abs(x) AS 0");
    refuse_sql(f.session, "INSERT INTO armillaria.main.t VALUES (10)", ARM_CONSTRAINT,
               "does not hold");
    run_sql(f.other, "USE s");
    run_sql(f.other, "INSERT INTO t VALUES (10)");
    refuse_sql(f.other, "INSERT INTO main.t VALUES (-10)", ARM_CONSTRAINT, "does not hold");
    close_fixture(&f);
}

static void test_protect_checks_that_are_none(void **state)
{
    static const struct {
        const char *sql;
        arm_status code;
    } wrong[] = {{"SELEC 1", ARM_SQL},
                 {"SELECT nosuch FROM t", ARM_SQL},
                 {"DELETE FROM t", ARM_SQL},
                 {"DELETE FROM t RETURNING a", ARM_SQL},
                 {"SELECT 1 WHERE false; DELETE FROM t", ARM_SQL},
                 {"SELECT 1 WHERE false') LIMIT 1; DELETE FROM t; SELECT ('", ARM_SQL},
                 {"SELECT a FROM t", ARM_CONSTRAINT},
                 {"SELECT it's", ARM_SQL}};
    struct arm_branch_check check = {NULL, NULL};
    struct arm_branch_protection protection = {
        .size = sizeof protection, .checks = &check, .check_count = 1};
    struct fixture f;
    struct arm_error err = {0};

    open_fixture(&f);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        arm_status st;

        check.sql = wrong[i].sql;
        st = arm_branch_protect(f.session, "main", &protection, &err);
        if (st != wrong[i].code) {
            fail_msg("%s: %d %s", wrong[i].sql, st, err.message);
        }
    }
    assert_string_equal(count_rows(&f, f.session), "1");
    run_sql(f.session, "INSERT INTO t VALUES (2)"); /* nothing is asked */
    run_sql(f.session, "ALTER BRANCH main PROTECT CHECK few (SELECT 'it''s too many' FROM t "
                       "HAVING count(*) > 3)");
    run_sql(f.session, "INSERT INTO t VALUES (3)");
    refuse_sql(f.session, "INSERT INTO t VALUES (4)", ARM_CONSTRAINT, "\"few\"");
    assert_string_equal(ask(&f, f.session,
                            "SELECT checks[1].name || ': ' || checks[1].sql FROM arm_branches()",
                            NULL),
                        "few: SELECT 'it''s too many' FROM t HAVING count(*) > 3");
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protect_takes_only_merges),
        cmocka_unit_test(test_protect_K9_checks_are_run_before_a_commit),
        cmocka_unit_test(test_protect_checks_see_the_branch_alone),
        cmocka_unit_test(test_protect_checks_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
