/* SPDX-License-Identifier: Apache-2.0 */
/* Memory exhausted in transactions as handles, in row calls, and while a serializable commit looks
 * whether what it read is still so. A row call that fails aborts its transaction: what comes after
 * it is not committed without it. */

#include "faults/alloc_trials.h"

static arm_txn *txn; /* of the trial under way */

/* A stream's rows are taken by the call, and those of ours fail for want of memory as well. */
static arm_status of_stream(arm_status st, const struct arm_error *err)
{
    return st == ARM_IO && strstr(err->message, "out of memory") != NULL ? ARM_NO_MEMORY : st;
}

/* By a session of its own. */
static void elsewhere(struct scene *s, const char *sql, struct ArrowArrayStream *out)
{
    arm_session *session = NULL;
    struct arm_error err = {0};

    assert_ok(arm_session_open(s->repo, NULL, &session, &err), err);
    assert_ok(arm_sql(session, sql, NULL, out, NULL, &err), err);
    arm_session_close(session);
}

static void change_elsewhere(struct scene *s, const char *sql)
{
    struct ArrowArrayStream stream;

    elsewhere(s, sql, &stream);
    (void)drain(&stream);
}

/* Rows in the log and in a chunk; CHECK makes a put one by SQL. */
static void make_keyed(struct scene *s)
{
    (void)must_run(s, "CREATE TABLE k (id BIGINT PRIMARY KEY, v VARCHAR UNIQUE)");
    (void)must_run(s, "INSERT INTO k SELECT range, 'v' || range FROM range(100, 10200)");
    (void)must_run(s, "INSERT INTO k VALUES (1, 'a'), (2, 'b')");
    (void)must_run(s, "CREATE TABLE c (id BIGINT PRIMARY KEY, n INTEGER CHECK (n > 0))");
}

static void begin(struct scene *s, arm_isolation isolation)
{
    struct arm_txn_options how = {.size = sizeof how, .isolation = isolation};
    struct arm_error err = {0};

    assert_ok(arm_txn_begin(s->session, &how, &txn, &err), err);
}

/* After a row call that failed nothing of the transaction is committed, nor does it go on; else it
 * is committed, so that all of it is seen to be there. */
static void end_txn(struct scene *s, arm_status st)
{
    struct ArrowArrayStream rest;
    struct arm_error err = {0};
    uint64_t tx = 99;

    if (st == ARM_OK) {
        assert_ok(arm_txn_commit(txn, "m", &tx, &err), err);
    } else {
        assert_int_equal(arm_sql(s->session, "SELECT 1", NULL, &rest, NULL, &err), ARM_SQL);
        assert_int_equal(arm_txn_commit(txn, "m", &tx, &err), ARM_SQL);
        assert_int_equal(tx, 99);
    }
    txn = NULL;
}

/* ---- Row calls ---- */

static arm_status run_begin(struct scene *s, struct arm_error *err)
{
    struct arm_txn_options how = {.size = sizeof how, .isolation = ARM_ISOLATION_SERIALIZABLE};
    arm_txn *begun;
    arm_status st;

    set_untouched(&begun, sizeof(arm_txn *));
    st = arm_txn_begin(s->session, &how, &begun, err);
    end_fault();
    if (st == ARM_OK) {
        arm_txn_rollback(begun);
    } else {
        check_untouched(&begun, sizeof(arm_txn *));
        (void)must_run(s, "SELECT 1"); /* none is left open, nor aborted */
    }
    return st;
}

static void before_get(struct scene *s)
{
    begin(s, ARM_ISOLATION_SERIALIZABLE);
    elsewhere(s, "SELECT unnest([1, 2, 3, 150, 20000]) AS id", &s->stream);
}

static arm_status run_get(struct scene *s, struct arm_error *err)
{
    struct ArrowArrayStream out;
    arm_status st;

    set_untouched(&out, sizeof out);
    st = of_stream(arm_get(txn, "k", &s->stream, &out, err), err);
    end_fault();
    assert_null(s->stream.release);
    if (st == ARM_OK) {
        assert_int_equal(drain(&out), 3);
    } else {
        check_untouched(&out, sizeof out);
    }
    end_txn(s, st);
    return st;
}

static void before_put(struct scene *s)
{
    begin(s, ARM_ISOLATION_SERIALIZABLE);
    elsewhere(s, "SELECT unnest([1, 150, 20000, 20001]) AS id, 'put' || id AS v", &s->stream);
}

static arm_status put(struct scene *s, const char *table, struct arm_error *err)
{
    uint64_t rows = 77;
    arm_status st = of_stream(arm_put(txn, table, &s->stream, &rows, err), err);

    end_fault();
    assert_null(s->stream.release);
    assert_int_equal(rows, st == ARM_OK ? 4 : 77);
    end_txn(s, st);
    return st;
}

static arm_status run_put(struct scene *s, struct arm_error *err)
{
    return put(s, "k", err);
}

static void undo_put(struct scene *s)
{
    assert_int_equal(must_run(s, "SELECT id FROM k WHERE v LIKE 'put%'"), 4);
    (void)must_run(s, "DELETE FROM k WHERE id >= 20000");
    (void)must_run(s, "UPDATE k SET v = 'v' || id WHERE v LIKE 'put%'");
}

static void before_put_by_sql(struct scene *s)
{
    begin(s, ARM_ISOLATION_SNAPSHOT);
    elsewhere(s, "SELECT range AS id, 5 AS n FROM range(4)", &s->stream);
}

static arm_status run_put_by_sql(struct scene *s, struct arm_error *err)
{
    return put(s, "c", err) == ARM_OK ? ARM_OK : of_stream(err->code, err);
}

static void undo_put_by_sql(struct scene *s)
{
    assert_int_equal(must_run(s, "SELECT id FROM c"), 4);
    (void)must_run(s, "TRUNCATE c");
}

static void before_delete(struct scene *s)
{
    begin(s, ARM_ISOLATION_SERIALIZABLE);
    elsewhere(s, "SELECT unnest([2, 3, 151]) AS id", &s->stream);
}

static arm_status run_delete(struct scene *s, struct arm_error *err)
{
    uint64_t rows = 77;
    arm_status st = of_stream(arm_delete(txn, "k", &s->stream, &rows, err), err);

    end_fault();
    assert_null(s->stream.release);
    assert_int_equal(rows, st == ARM_OK ? 2 : 77);
    end_txn(s, st);
    return st;
}

static void undo_delete(struct scene *s)
{
    assert_int_equal(must_run(s, "SELECT id FROM k WHERE id IN (2, 151)"), 0);
    (void)must_run(s, "INSERT INTO k VALUES (2, 'b'), (151, 'v151')");
}

static void test_alloc_row_calls(void **state)
{
    static const struct trial trials[] = {
        {"arm_txn_begin", NULL, run_begin, NULL},
        {"arm_get", before_get, run_get, NULL},
        {"arm_put", before_put, run_put, undo_put},
        {"arm_put, by SQL", before_put_by_sql, run_put_by_sql, undo_put_by_sql},
        {"arm_delete", before_delete, run_delete, undo_delete},
    };

    RUN_TRIALS(trials, make_keyed);
}

/* ---- Commits ---- */

/* What the transaction has read and changed, and others' changes since: of `k` a row in the log, a
 * chunk, deletions of both; they meet nothing that it read, so that each must be looked at. */
static void before_commit(struct scene *s)
{
    struct ArrowArrayStream out;
    struct arm_error err = {0};
    uint64_t rows = 0;

    before_get(s);
    assert_ok(arm_get(txn, "k", &s->stream, &out, &err), err);
    (void)drain(&out);
    (void)must_run(s, "SELECT count(*) FROM k WHERE id BETWEEN 30000 AND 30010");
    elsewhere(s, "SELECT unnest([1, 150, 20000, 20001]) AS id, 'put' || id AS v", &s->stream);
    assert_ok(arm_put(txn, "k", &s->stream, &rows, &err), err);
    change_elsewhere(s, "INSERT INTO k SELECT range, 'o' || range FROM range(40000, 50100)");
    change_elsewhere(s, "INSERT INTO k VALUES (-1, 'x'), (-2, 'y')");
    change_elsewhere(s, "DELETE FROM k WHERE id < 0 OR id >= 40000");
}

static arm_status commit(arm_status expected, struct arm_error *err)
{
    uint64_t tx = 99;
    arm_status st = arm_txn_commit(txn, "m", &tx, err);

    end_fault();
    txn = NULL;
    assert_int_equal(st == ARM_OK, tx != 99);
    assert_true(st == expected || st == ARM_NO_MEMORY);
    return st == expected ? ARM_OK : st;
}

static arm_status run_commit(struct scene *s, struct arm_error *err)
{
    (void)s;
    return commit(ARM_OK, err);
}

/* Another has changed what was looked for and not found. */
static void before_conflict(struct scene *s)
{
    assert_int_equal(must_run(s, "SELECT id FROM k WHERE v LIKE 'put%'"), 0);
    (void)must_run(s, "DELETE FROM k WHERE id = 30005");
    before_commit(s);
    change_elsewhere(s, "INSERT INTO k VALUES (30005, 'z')");
}

static arm_status run_conflict(struct scene *s, struct arm_error *err)
{
    (void)s;
    return commit(ARM_CONFLICT, err);
}

static void before_commit_by_sql(struct scene *s)
{
    (void)must_run(s, "SET arm_isolation = 'serializable'");
    (void)must_run(s, "BEGIN");
    (void)must_run(s, "SELECT count(*) FROM k WHERE id BETWEEN 30000 AND 30010");
    (void)must_run(s, "UPDATE k SET v = 'put' || id WHERE id IN (1, 150)");
    (void)must_run(s, "INSERT INTO k VALUES (20000, 'put'), (20001, 'put2')");
    change_elsewhere(s, "INSERT INTO k VALUES (-1, 'x'), (-2, 'y')");
    change_elsewhere(s, "DELETE FROM k WHERE id < 0");
}

static arm_status run_commit_by_sql(struct scene *s, struct arm_error *err)
{
    struct ArrowArrayStream out;
    arm_status st;

    set_untouched(&out, sizeof out);
    st = settle(arm_sql(s->session, "COMMIT", NULL, &out, NULL, err), &out);
    end_fault();
    if (st != ARM_OK && arm_sql(s->session, "ROLLBACK", NULL, &out, NULL, NULL) == ARM_OK) {
        out.release(&out); /* it had not come so far */
    }
    return st;
}

static void undo_commit_by_sql(struct scene *s)
{
    undo_put(s);
}

static void test_alloc_commits(void **state)
{
    static const struct trial trials[] = {
        {"arm_txn_commit", before_commit, run_commit, undo_put},
        {"arm_txn_commit, a conflict", before_conflict, run_conflict, NULL},
        {"COMMIT, serializable", before_commit_by_sql, run_commit_by_sql, undo_commit_by_sql},
    };

    RUN_TRIALS(trials, make_keyed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_row_calls),
        cmocka_unit_test(test_alloc_commits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
