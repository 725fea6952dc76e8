/* SPDX-License-Identifier: Apache-2.0 */
/* Memory exhausted while columns and tables of two branches come together, and while that is
 * undone. alloc_merge_test.c has the other calls about branches. */

#include "faults/alloc_trials.h"

/* Table b on main and on branch side, whose rows, columns and cells differ on both; all anew for
 * each trial. */
static void before_merge(struct scene *s)
{
    static const char *const statements[] = {
        "DROP BRANCH IF EXISTS side",
        "CREATE OR REPLACE TABLE b (x BIGINT PRIMARY KEY, y VARCHAR, z BIGINT)",
        "INSERT INTO b SELECT range, 'y' || range, range FROM range(20)",
        "CREATE BRANCH side",
        "USE BRANCH side",
        "UPDATE b SET y = 'side' WHERE x < 3",
        "ALTER TABLE b ADD COLUMN w INTEGER DEFAULT 5",
        "CREATE OR REPLACE TABLE alone AS SELECT 1 AS a",
        "USE BRANCH main",
        "DROP TABLE IF EXISTS alone",
        "UPDATE b SET z = -1 WHERE x < 5",
    };

    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        (void)must_run(s, statements[i]);
    }
}

static arm_status run_merge(struct scene *s, struct arm_error *err)
{
    struct ArrowArrayStream report;
    struct arm_merge_result result;
    arm_status st;

    set_untouched(&result, sizeof result);
    set_untouched(&report, sizeof report);
    st = arm_merge(s->session, "side", NULL, &result, &report, err);
    end_fault();
    if (st != ARM_OK) {
        check_untouched(&result, sizeof result);
        check_untouched(&report, sizeof report);
        return st;
    }
    assert_int_equal(result.conflicts, 0);
    if (report.release != NULL) {
        (void)drain(&report);
    }
    assert_int_equal(must_run(s, "FROM b WHERE y = 'side' AND z = -1 AND w = 5"), 3);
    assert_int_equal(must_run(s, "FROM alone"), 1);
    return st;
}

static arm_status run_revert(struct scene *s, struct arm_error *err)
{
    struct arm_merge_result result;
    arm_status st;

    set_untouched(&result, sizeof result);
    st = arm_revert(s->session, "main~1", NULL, &result, NULL, err);
    end_fault();
    if (st != ARM_OK) {
        check_untouched(&result, sizeof result);
    } else {
        assert_int_equal(must_run(s, "FROM b WHERE z = -1"), 0);
    }
    return st;
}

/* The commit before the last is the UPDATE of main. */
static void before_revert(struct scene *s)
{
    before_merge(s);
    (void)must_run(s, "CREATE OR REPLACE TABLE later AS SELECT 1 AS a");
}

static void test_alloc_merged_tables(void **state)
{
    static const struct trial trials[] = {
        {"arm_merge", before_merge, run_merge, NULL},
        {"arm_revert", before_revert, run_revert, NULL},
    };

    RUN_TRIALS(trials, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_merged_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
