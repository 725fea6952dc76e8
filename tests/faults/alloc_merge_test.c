/* SPDX-License-Identifier: Apache-2.0 */
/* Memory exhausted in histories that have merges in them, in differences, and in merges. */

#include "faults/alloc_trials.h"

/* ---- What there is to compare: main, and a branch that changed and added rows ---- */

static void run_on(struct scene *s, const char *branch, const char *sql)
{
    struct arm_error err = {0};

    assert_ok(arm_session_use(s->session, branch, &err), err);
    (void)must_run(s, sql);
    assert_ok(arm_session_use(s->session, "main", &err), err);
}

static void make_branches(struct scene *s)
{
    struct arm_error err = {0};

    (void)must_run(s, "CREATE TABLE m (k INTEGER PRIMARY KEY, v VARCHAR)");
    (void)must_run(s, "INSERT INTO m SELECT range, 'v' FROM range(20)");
    assert_ok(arm_branch_create(s->session, "done", NULL, NULL, &err), err);
    run_on(s, "done", "UPDATE m SET v = 'd' WHERE k < 5");
    (void)must_run(s, "DELETE FROM m WHERE k = 7");
    assert_ok(arm_merge(s->session, "done", NULL, NULL, NULL, &err), err);
    assert_ok(arm_branch_create(s->session, "torn", NULL, NULL, &err), err);
    run_on(s, "torn", "UPDATE m SET v = 'theirs' WHERE k = 8");
    (void)must_run(s, "UPDATE m SET v = 'ours' WHERE k = 8");
    assert_ok(arm_branch_create(s->session, "altered", NULL, NULL, &err), err);
    run_on(s, "altered", "ALTER TABLE m ADD COLUMN w INTEGER DEFAULT 1");
    run_on(s, "altered", "ALTER TABLE m RENAME v TO u");
}

/* ---- Reading ---- */

STREAM_TRIAL(log, arm_log(s->session, NULL, &stream, err))
STREAM_TRIAL(diff, arm_diff(s->session, "main", "torn", &stream, err))
STREAM_TRIAL(rows, arm_diff_rows(s->session, "m", "main~2", "done", &stream, err))
STREAM_TRIAL(schemas, arm_diff_schemas(s->session, NULL, "main", "altered", &stream, err))

static void test_alloc_history_and_differences(void **state)
{
    static const struct trial trials[] = {
        {"arm_log, over a merge", NULL, run_log, NULL},
        {"arm_diff", NULL, run_diff, NULL},
        {"arm_diff_rows", NULL, run_rows, NULL},
        {"arm_diff_schemas", NULL, run_schemas, NULL},
    };

    (void)state;
    RUN_TRIALS(trials, make_branches);
}

/* ---- Merging ---- */

/* A branch of its own for each attempt, of which nothing is merged yet. */
static void make_source(struct scene *s)
{
    static char name[32];
    static unsigned made;
    struct arm_error err = {0};
    char sql[128];

    (void)snprintf(name, sizeof name, "source%u", ++made);
    s->sql = name;
    assert_ok(arm_compact(s->session, "m", NULL, NULL, &err), err); /* it does not grow */
    assert_ok(arm_branch_create(s->session, name, NULL, NULL, &err), err);
    (void)snprintf(sql, sizeof sql, "INSERT INTO m VALUES (%u, 'theirs')", 1000 + 2 * made);
    run_on(s, name, sql);
    (void)snprintf(sql, sizeof sql, "INSERT INTO m VALUES (%u, 'ours')", 1001 + 2 * made);
    (void)must_run(s, sql);
}

/* The same of a load, whose chunk comes as it stands, to a table of its own. */
static void make_load(struct scene *s)
{
    static char name[32];
    static unsigned made;
    struct arm_error err = {0};

    (void)snprintf(name, sizeof name, "load%u", ++made);
    s->sql = name;
    (void)must_run(s, "CREATE OR REPLACE TABLE l (k INTEGER PRIMARY KEY)");
    assert_ok(arm_branch_create(s->session, name, NULL, NULL, &err), err);
    run_on(s, name, "INSERT INTO l SELECT range FROM range(10001)");
    (void)must_run(s, "INSERT INTO l VALUES (-1)");
}

/* A merge that was made, or met conflicts, sets its outputs; any other leaves them. */
static arm_status merge(struct scene *s, const char *source,
                        const struct arm_merge_options *merge_options, struct arm_error *err)
{
    struct arm_merge_result result;
    struct ArrowArrayStream report;
    arm_status st;

    set_untouched(&result, sizeof result);
    set_untouched(&report, sizeof report);
    st = arm_merge(s->session, source, merge_options, &result, &report, err);
    end_fault();
    if (st != ARM_OK && st != ARM_MERGE_CONFLICT) {
        check_untouched(&result, sizeof result);
        check_untouched(&report, sizeof report);
    } else if (report.release != NULL) { /* else there was no memory for it */
        assert_int_equal(drain(&report), 1);
    }
    assert_false(arm_session_in_transaction(s->session));
    return st;
}

static arm_status run_merge(struct scene *s, struct arm_error *err)
{
    return merge(s, s->sql, NULL, err);
}

static arm_status run_dry(struct scene *s, struct arm_error *err)
{
    struct arm_merge_options dry = {.size = sizeof dry, .dry_run = true};

    return merge(s, "done", &dry, err);
}

static arm_status run_conflict(struct scene *s, struct arm_error *err)
{
    arm_status st = merge(s, "torn", NULL, err);

    assert_int_not_equal(st, ARM_OK);
    return st == ARM_MERGE_CONFLICT ? ARM_OK : st;
}

static void test_alloc_merges(void **state)
{
    static const struct trial trials[] = {
        {"arm_merge", make_source, run_merge, NULL},
        {"arm_merge, of chunks", make_load, run_merge, NULL},
        {"arm_merge, dry", NULL, run_dry, NULL},
        {"arm_merge, conflicts", NULL, run_conflict, NULL},
    };

    (void)state;
    RUN_TRIALS(trials, make_branches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_history_and_differences),
        cmocka_unit_test(test_alloc_merges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
