/* SPDX-License-Identifier: Apache-2.0 */
/* Memory exhausted in repositories, sessions, the catalog and SQL. */

#include "faults/alloc_trials.h"

/* ---- Repositories and sessions ---- */

static arm_status run_create(struct scene *s, struct arm_error *err)
{
    return arm_repo_create(s->out, err);
}

static arm_status open_and_close(const char *path, struct arm_error *err)
{
    arm_repo *repo;
    arm_status st;

    set_untouched(&repo, sizeof(arm_repo *));
    st = arm_repo_open(path, &options, &repo, err);
    if (st == ARM_OK) {
        arm_repo_close(repo); /* its clean close may go without memory: the next one opens slower */
    } else {
        check_untouched(&repo, sizeof(arm_repo *));
    }
    return st;
}

static arm_status run_open(struct scene *s, struct arm_error *err)
{
    return open_and_close(s->path, err);
}

static arm_status run_open_new(struct scene *s, struct arm_error *err)
{
    return open_and_close(s->out, err);
}

static arm_status run_session(struct scene *s, struct arm_error *err)
{
    arm_session *session;
    arm_status st;

    set_untouched(&session, sizeof(arm_session *));
    st = arm_session_open(s->repo, "main", &session, err);
    if (st == ARM_OK) {
        arm_session_close(session);
    } else {
        check_untouched(&session, sizeof(arm_session *));
    }
    return st;
}

static arm_status run_first_statement(struct scene *s, struct arm_error *err)
{
    struct ArrowArrayStream stream;
    arm_status st;

    set_untouched(&stream, sizeof stream);
    st = arm_sql(s->session, "SELECT count(*) FROM h", NULL, &stream, NULL, err);
    end_fault();
    return settle(st, &stream);
}

static void reopen(struct scene *s)
{
    close_scene(s);
    open_scene(s);
}

static arm_status run_latest(struct scene *s, struct arm_error *err)
{
    uint64_t tx;
    arm_status st;

    set_untouched(&tx, sizeof tx);
    st = arm_latest_tx(s->repo, &tx, err);
    if (st != ARM_OK) {
        check_untouched(&tx, sizeof tx);
    }
    return st;
}

static arm_status run_find(struct scene *s, struct arm_error *err)
{
    uint64_t tx = 77;
    arm_status st = arm_commit_find(s->repo, s->commit_id, &tx, err);

    assert_true(tx == 77);
    return st == ARM_NOT_FOUND ? ARM_OK : st; /* no commit has this id */
}

static arm_status run_verify(struct scene *s, struct arm_error *err)
{
    struct arm_verify_options full = {.size = sizeof full, .full = true};
    struct arm_verify_result result;
    arm_status st;

    set_untouched(&result, sizeof result);
    st = arm_verify(s->repo, &full, &result, err);
    if (st == ARM_OK) {
        assert_true(result.is_healthy);
    } else {
        check_untouched(&result, sizeof result);
    }
    return st;
}

static arm_status run_recover(struct scene *s, struct arm_error *err)
{
    struct arm_recover_result result;
    arm_status st;

    set_untouched(&result, sizeof result);
    st = arm_recover(s->repo, &result, err);
    if (st != ARM_OK) {
        check_untouched(&result, sizeof result);
    }
    return st;
}

static void test_alloc_creating(void **state)
{
    static const struct trial trials[] = {
        {"arm_repo_create", remove_out, run_create, NULL},
        {"arm_repo_open, create", remove_out, run_open_new, NULL},
    };

    RUN_TRIALS(trials, NULL);
}

static void test_alloc_opening(void **state)
{
    static const struct trial trials[] = {
        {"arm_repo_open", NULL, run_open, NULL},
    };

    RUN_TRIALS(trials, close_scene); /* nobody else has it open */
}

static void test_alloc_handles(void **state)
{
    static const struct trial trials[] = {
        {"arm_repo_open, again", NULL, run_open, NULL},
        {"arm_session_open", NULL, run_session, NULL},
        {"arm_sql, the first", reopen, run_first_statement, NULL},
        {"arm_latest_tx", NULL, run_latest, NULL},
        {"arm_commit_find", NULL, run_find, NULL},
        {"arm_verify", NULL, run_verify, NULL},
        {"arm_recover", NULL, run_recover, NULL},
        {"arm_session_open", NULL, run_session, NULL},
    };

    RUN_TRIALS(trials, NULL);
}

/* ---- The catalog ---- */

STREAM_TRIAL(tables, arm_tables(s->session, NULL, &stream, err))
STREAM_TRIAL(tables_at, arm_tables(s->session, "main~1", &stream, err))
STREAM_TRIAL(versions, arm_versions(s->session, "h", true, &stream, err))
STREAM_TRIAL(schema, arm_schema(s->session, "h", "version:1", &stream, err))
STREAM_TRIAL(log, arm_log(s->session, NULL, &stream, err))
STREAM_TRIAL(show, arm_show(s->session, "main", &stream, err))
STREAM_TRIAL(stats, arm_stats(s->session, &stream, err))

static void test_alloc_catalog(void **state)
{
    static const struct trial trials[] = {
        {"arm_tables", NULL, run_tables, NULL},     {"arm_tables, at", NULL, run_tables_at, NULL},
        {"arm_versions", NULL, run_versions, NULL}, {"arm_schema", NULL, run_schema, NULL},
        {"arm_log", NULL, run_log, NULL},           {"arm_show", NULL, run_show, NULL},
        {"arm_stats", NULL, run_stats, NULL},
    };

    RUN_TRIALS(trials, NULL);
}

/* ---- SQL ---- */

static arm_status run_statement(struct scene *s, struct arm_error *err)
{
    struct ArrowArrayStream stream;
    arm_status st;

    set_untouched(&stream, sizeof stream);
    st = arm_sql(s->session, s->sql, NULL, &stream, NULL, err);
    end_fault();
    return settle(st, &stream);
}

static void undo_sql(struct scene *s)
{
    if (s->undo != NULL) {
        (void)must_run(s, s->undo);
    }
}

static void test_alloc_statements(void **state)
{
    static const struct {
        const char *sql;
        const char *undo;
    } statements[] = {
        {"SELECT 1", NULL},
        {"SELECT sum(i) FROM t WHERE i > 100", NULL},
        {"SELECT * FROM h ORDER BY a", NULL},
        {"SELECT a FROM h AT (VERSION => 1)", NULL},
        {"SELECT * FROM arm_tables()", NULL},
        {"SELECT * FROM arm_versions('h')", NULL},
        {"SELECT * FROM arm_log()", NULL},
        {"EXPLAIN SELECT * FROM t, h", NULL},
        {"CREATE TABLE u (a INTEGER NOT NULL, s STRUCT(x INTEGER, y VARCHAR[]))", "DROP TABLE u"},
        {"CREATE TABLE u AS SELECT range AS i FROM range(100)", "DROP TABLE u"},
        {"CREATE TABLE u AS SELECT range AS i FROM range(15000)", "DROP TABLE u"},
        {"INSERT INTO h VALUES (50)", "DELETE FROM h WHERE a = 50"},
        {"INSERT INTO t SELECT -1 FROM range(11000)", "DELETE FROM t WHERE i < 0"},
        {"DELETE FROM t WHERE i = 5", "INSERT INTO t VALUES (5)"},
        {"DELETE FROM h WHERE a = 7", "INSERT INTO h VALUES (7)"},
        {"DROP TABLE h", "CREATE TABLE h AS SELECT range AS a FROM range(3)"},
        {"BEGIN", "ROLLBACK"},
    };
    struct scene s = {.repo = NULL};
    struct arm_error err = {0};

    s.dir = temp_dir_make();
    (void)temp_path(&s.dir, "repo", s.path);
    open_scene(&s);
    (void)must_run(&s, "CREATE TABLE t AS SELECT range AS i FROM range(12000)");
    (void)must_run(&s, "CREATE TABLE h AS SELECT range AS a FROM range(2)");
    (void)must_run(&s, "INSERT INTO h VALUES (7)");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct trial trial = {statements[i].sql, NULL, run_statement, undo_sql};

        s.sql = statements[i].sql;
        s.undo = statements[i].undo;
        try_all(&s, &trial);
    }
    check_scene(&s);
    reopen(&s);
    check_scene(&s);
    assert_ok(arm_latest_tx(s.repo, &s.failures, &err), err);
    close_scene(&s);
    temp_dir_remove(&s.dir);
}

/* A transaction as one call: whatever fails of it, all of it is rolled back. */
static arm_status run_transaction(struct scene *s, struct arm_error *err)
{
    static const char *const statements[] = {"BEGIN", "INSERT INTO h VALUES (50), (51)",
                                             "DELETE FROM h WHERE a = 50",
                                             "CREATE TABLE u AS SELECT 1 AS a", "COMMIT"};
    struct ArrowArrayStream stream;
    arm_status st = ARM_OK;

    for (size_t i = 0; st == ARM_OK && i < sizeof statements / sizeof *statements; i++) {
        st = arm_sql(s->session, statements[i], NULL, &stream, NULL, err);
        if (st == ARM_OK) {
            stream.release(&stream);
        }
    }
    end_fault();
    if (st != ARM_OK && arm_sql(s->session, "ROLLBACK", NULL, &stream, NULL, NULL) == ARM_OK) {
        stream.release(&stream);
    }
    return st;
}

static void undo_transaction(struct scene *s)
{
    (void)must_run(s, "DELETE FROM h WHERE a > 40");
    (void)must_run(s, "DROP TABLE u");
}

/* The stream itself: its schema and every batch. */
static void begin_stream(struct scene *s)
{
    struct arm_error err = {0};
    struct arm_sql_options as_text = {.size = sizeof as_text, .render = ARM_RENDER_JSON};

    assert_ok(arm_sql(s->session, "SELECT i, [i] AS l, i::VARCHAR AS v FROM t", &as_text,
                      &s->stream, NULL, &err),
              err);
}

static arm_status run_stream(struct scene *s, struct arm_error *err)
{
    struct ArrowSchema schema = {.release = NULL};
    struct ArrowArray batch = {.release = NULL};
    int rc = s->stream.get_schema(&s->stream, &schema);

    if (rc == 0) {
        do {
            if (batch.release != NULL) {
                batch.release(&batch);
            }
            rc = s->stream.get_next(&s->stream, &batch);
        } while (rc == 0 && batch.release != NULL);
    }
    end_fault();
    if (rc != 0) {
        assert_non_null(s->stream.get_last_error(&s->stream));
        assert_null(batch.release);
    }
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    s->stream.release(&s->stream);
    return rc == 0 ? ARM_OK : ARM_NO_MEMORY;
}

static void test_alloc_transaction_and_stream(void **state)
{
    static const struct trial trials[] = {
        {"BEGIN … COMMIT", NULL, run_transaction, undo_transaction},
        {"get_schema, get_next", begin_stream, run_stream, NULL},
    };

    RUN_TRIALS(trials, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_creating),
        cmocka_unit_test(test_alloc_opening),
        cmocka_unit_test(test_alloc_handles),
        cmocka_unit_test(test_alloc_catalog),
        cmocka_unit_test(test_alloc_statements),
        cmocka_unit_test(test_alloc_transaction_and_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
