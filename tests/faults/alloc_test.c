/* SPDX-License-Identifier: Apache-2.0 */
/* Memory exhausted at the n-th allocation, for every n, of every public call: it answers
 * ARM_NO_MEMORY (or does without), leaves its outputs and the repository as they were, leaks
 * nothing (the sanitizer's build sees to that), and the same handle goes on.
 *
 * What fails are the allocations of our C code (base/alloc.h). SQL runs on one thread, so that
 * those under it are counted too. DuckDB's own and the other libraries' are not failed here.
 *
 * The suite tries every n of short calls and a sample of long ones; ARM_FAULTS_ALL=1 all. */

#include <armillaria.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/cmocka_all.h"
#include "support/temp.h"

enum { FIRST_ALL = 50, SAMPLES = 60, UNTOUCHED = 0xAB };

struct scene {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    char csv[TEMP_PATH_BYTES];
    char parquet[TEMP_PATH_BYTES];
    char out[TEMP_PATH_BYTES];
    arm_repo *repo;
    arm_session *session;
    struct ArrowArrayStream stream; /* what a trial takes */
    const char *sql;
    const char *undo;
    uint8_t commit_id[16];
    uint64_t failures;
};

/* One call. `before` gets ready, `run` calls, `after` undoes what a success did. */
struct trial {
    const char *name;
    void (*before)(struct scene *s);
    arm_status (*run)(struct scene *s, struct arm_error *err);
    void (*after)(struct scene *s);
};

static const struct arm_repo_options options = {.size = sizeof options,
                                                .create = true,
                                                .thread_count = 1,
                                                .memory_limit_bytes = (uint64_t)512 << 20};

/* ---- Short ways ---- */

static int64_t drain(struct ArrowArrayStream *stream)
{
    struct ArrowArray batch;
    int64_t rows = 0;

    while (stream->get_next(stream, &batch) == 0 && batch.release != NULL) {
        rows += batch.length;
        batch.release(&batch);
    }
    stream->release(stream);
    return rows;
}

static int64_t must_run(struct scene *s, const char *sql)
{
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    assert_ok(arm_sql(s->session, sql, NULL, &stream, NULL, &err), err);
    return drain(&stream);
}

static void open_scene(struct scene *s)
{
    struct arm_error err = {0};

    assert_ok(arm_repo_open(s->path, &options, &s->repo, &err), err);
    assert_ok(arm_session_open(s->repo, NULL, &s->session, &err), err);
}

static void close_scene(struct scene *s)
{
    arm_session_close(s->session);
    arm_repo_close(s->repo);
    s->session = NULL;
    s->repo = NULL;
}

static uint64_t latest(struct scene *s)
{
    struct arm_error err = {0};
    uint64_t tx = 0;

    if (s->repo != NULL) {
        assert_ok(arm_latest_tx(s->repo, &tx, &err), err);
    }
    return tx;
}

static void set_untouched(void *out, size_t size)
{
    memset(out, UNTOUCHED, size);
}

static void check_untouched(const void *out, size_t size)
{
    const uint8_t *bytes = out;

    for (size_t i = 0; i < size; i++) {
        assert_int_equal(bytes[i], UNTOUCHED);
    }
}

/* Take what a call gave, or see that it gave nothing. */
static arm_status settle(arm_status st, struct ArrowArrayStream *stream)
{
    if (st == ARM_OK) {
        (void)drain(stream);
    } else {
        check_untouched(stream, sizeof *stream);
    }
    return st;
}

/* ---- The loop ---- */

/* How far to go from the n-th: every one at first, then so that SAMPLES are tried. */
static uint64_t step(uint64_t n, uint64_t total)
{
    if (getenv("ARM_FAULTS_ALL") != NULL || n < FIRST_ALL || total < FIRST_ALL + SAMPLES) {
        return 1;
    }
    return 1 + (total - FIRST_ALL) / SAMPLES;
}

static uint64_t counted; /* allocations of the last attempt */
static bool has_ended;

/* Right behind the call: what `run` does with its outputs is not counted, nor made to fail. */
static void end_fault(void)
{
    if (!has_ended) {
        counted = arm__alloc_fail_at(0);
        has_ended = true;
    }
}

static arm_status attempt(struct scene *s, const struct trial *trial, uint64_t n,
                          struct arm_error *err)
{
    arm_status st;

    if (trial->before != NULL) {
        trial->before(s);
    }
    has_ended = false;
    (void)arm__alloc_fail_at(n);
    st = trial->run(s, err);
    end_fault();
    if (st == ARM_OK && trial->after != NULL) {
        trial->after(s);
    }
    return st;
}

static void try_all(struct scene *s, const struct trial *trial)
{
    struct arm_error err = {0};
    uint64_t failures = 0;
    uint64_t total;
    uint64_t n = 1;

    assert_ok(attempt(s, trial, 0, &err), err);
    total = counted;
    for (;;) {
        uint64_t before = latest(s);
        arm_status st = attempt(s, trial, n, &err);

        if (st != ARM_OK) {
            if (st != ARM_NO_MEMORY) {
                fail_msg("%s, allocation %llu: %s: %s", trial->name, (unsigned long long)n,
                         arm_status_name(st), err.message);
            }
            if (latest(s) != before) {
                fail_msg("%s, allocation %llu failed, but it is committed: %s", trial->name,
                         (unsigned long long)n, err.message);
            }
            failures++;
        }
        if (counted < n) {
            assert_int_equal(st, ARM_OK);
            break;
        }
        n += step(n, total);
    }
    print_message("  %-28s %6llu allocations, %4llu failures\n", trial->name,
                  (unsigned long long)total, (unsigned long long)failures);
    s->failures += failures;
}

/* After all of it the same handle works, and the repository is whole. */
static void check_scene(struct scene *s)
{
    struct arm_verify_options full = {.size = sizeof full, .full = true};
    struct arm_verify_result verified = {.is_healthy = false};
    struct arm_error err = {0};

    assert_int_equal(must_run(s, "SELECT i FROM t"), 12000);
    assert_int_equal(must_run(s, "SELECT a FROM h"), 3);
    assert_ok(arm_verify(s->repo, &full, &verified, &err), err);
    assert_true(verified.is_healthy);
    assert_int_equal(verified.issues, 0);
}

static void run_trials(const struct trial *trials, size_t count, void (*arrange)(struct scene *s))
{
    struct scene s = {.repo = NULL};

    s.dir = temp_dir_make();
    (void)temp_path(&s.dir, "repo", s.path);
    (void)temp_path(&s.dir, "in.csv", s.csv);
    (void)temp_path(&s.dir, "in.parquet", s.parquet);
    (void)temp_path(&s.dir, "out", s.out);
    temp_write_file(&s.dir, "in.csv", "a,b\n1,x\n2,y\n", 12);
    open_scene(&s);
    (void)must_run(&s, "CREATE TABLE t AS SELECT range AS i FROM range(12000)");
    (void)must_run(&s, "CREATE TABLE h AS SELECT range AS a FROM range(2)");
    (void)must_run(&s, "INSERT INTO h VALUES (7)");
    if (arrange != NULL) {
        arrange(&s);
    }
    for (size_t i = 0; i < count; i++) {
        try_all(&s, &trials[i]);
    }
    if (s.repo == NULL) {
        open_scene(&s);
    }
    check_scene(&s);
    close_scene(&s);
    open_scene(&s);
    check_scene(&s);
    close_scene(&s);
    assert_true(s.failures > count);
    temp_dir_remove(&s.dir);
}

#define RUN_TRIALS(trials, arrange) run_trials(trials, sizeof(trials) / sizeof *(trials), arrange)

/* ---- Repositories and sessions ---- */

static void remove_out(struct scene *s)
{
    char command[TEMP_PATH_BYTES + 16];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", s->out);
    assert_int_equal(system(command), 0);
}

static arm_status run_create(struct scene *s, struct arm_error *err)
{
    return arm_repo_create(s->out, err);
}

static arm_status open_and_close(const char *path, struct arm_error *err)
{
    arm_repo *repo;
    arm_status st;

    set_untouched(&repo, sizeof repo);
    st = arm_repo_open(path, &options, &repo, err);
    if (st == ARM_OK) {
        arm_repo_close(repo); /* its clean close may go without memory: the next one opens slower */
    } else {
        check_untouched(&repo, sizeof repo);
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

    set_untouched(&session, sizeof session);
    st = arm_session_open(s->repo, "main", &session, err);
    if (st == ARM_OK) {
        arm_session_close(session);
    } else {
        check_untouched(&session, sizeof session);
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

#define CATALOG_TRIAL(name, call)                                                                  \
    static arm_status run_##name(struct scene *s, struct arm_error *err)                           \
    {                                                                                              \
        struct ArrowArrayStream stream;                                                            \
        arm_status st;                                                                             \
                                                                                                   \
        set_untouched(&stream, sizeof stream);                                                     \
        st = call;                                                                                 \
        end_fault();                                                                               \
        return settle(st, &stream);                                                                \
    }

CATALOG_TRIAL(tables, arm_tables(s->session, NULL, &stream, err))
CATALOG_TRIAL(tables_at, arm_tables(s->session, "main~1", &stream, err))
CATALOG_TRIAL(versions, arm_versions(s->session, "h", true, &stream, err))
CATALOG_TRIAL(schema, arm_schema(s->session, "h", "version:1", &stream, err))
CATALOG_TRIAL(log, arm_log(s->session, NULL, &stream, err))
CATALOG_TRIAL(show, arm_show(s->session, "main", &stream, err))
CATALOG_TRIAL(stats, arm_stats(s->session, &stream, err))

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

static arm_status run_sql(struct scene *s, struct arm_error *err)
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
        struct trial trial = {statements[i].sql, NULL, run_sql, undo_sql};

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

/* ---- Data in and out ---- */

static void begin_write(struct scene *s)
{
    struct arm_error err = {0};

    assert_ok(arm_sql(s->session, "SELECT range AS x, range::VARCHAR AS y FROM range(3000)", NULL,
                      &s->stream, NULL, &err),
              err);
}

static void drop_w(struct scene *s)
{
    (void)must_run(s, "DROP TABLE w");
}

/* The stream that is taken is one of ours, and fails for want of memory as well: that arrives as
 * the failure of a stream. */
static arm_status of_stream(arm_status st, const struct arm_error *err)
{
    return st == ARM_SQL && strstr(err->message, "out of memory") != NULL ? ARM_NO_MEMORY : st;
}

static arm_status run_write(struct scene *s, struct arm_error *err)
{
    struct arm_write_result result;
    arm_status st;

    set_untouched(&result, sizeof result);
    st = arm_write(s->session, "w", &s->stream, NULL, &result, err);
    assert_null(s->stream.release); /* taken in any case */
    if (st != ARM_OK) {
        check_untouched(&result, sizeof result);
    }
    return of_stream(st, err);
}

static arm_status import_from(struct scene *s, const char *path, struct arm_error *err)
{
    struct arm_write_result result;
    arm_status st;

    set_untouched(&result, sizeof result);
    st = arm_import(s->session, "w", &path, 1, NULL, &result, err);
    if (st != ARM_OK) {
        check_untouched(&result, sizeof result);
    }
    return st;
}

static arm_status run_import_csv(struct scene *s, struct arm_error *err)
{
    return import_from(s, s->csv, err);
}

static arm_status run_import_parquet(struct scene *s, struct arm_error *err)
{
    return import_from(s, s->parquet, err);
}

static arm_status export_as(struct scene *s, const char *format, struct arm_error *err)
{
    struct arm_export_options how = {.size = sizeof how, .format = format};
    uint64_t rows;
    arm_status st;

    set_untouched(&rows, sizeof rows);
    st = arm_export(s->session, "t", s->out, &how, &rows, err);
    if (st == ARM_OK) {
        assert_int_equal(rows, 12000);
    } else {
        FILE *file = fopen(s->out, "r");

        assert_null(file); /* whole or not at all */
        check_untouched(&rows, sizeof rows);
    }
    return st;
}

static arm_status run_export_csv(struct scene *s, struct arm_error *err)
{
    return export_as(s, "csv", err);
}

static arm_status run_export_parquet(struct scene *s, struct arm_error *err)
{
    return export_as(s, "parquet", err);
}

static arm_status run_export_json(struct scene *s, struct arm_error *err)
{
    return export_as(s, "json", err);
}

static arm_status run_export_arrow(struct scene *s, struct arm_error *err)
{
    return export_as(s, "arrow", err);
}

static arm_status run_arrow_file(struct scene *s, struct arm_error *err)
{
    uint64_t rows;
    arm_status st;

    set_untouched(&rows, sizeof rows);
    st = arm_arrow_write_file(&s->stream, s->out, &rows, err);
    assert_null(s->stream.release);
    if (st != ARM_OK) {
        check_untouched(&rows, sizeof rows);
    }
    return of_stream(st, err);
}

static void make_parquet(struct scene *s)
{
    char sql[2 * TEMP_PATH_BYTES];

    (void)snprintf(sql, sizeof sql, "COPY (SELECT 1 AS a, 'x' AS b) TO '%s' (FORMAT parquet)",
                   s->parquet);
    (void)must_run(s, sql);
}

static void begin_arrow(struct scene *s)
{
    remove_out(s);
    begin_write(s);
}

static void test_alloc_data_in(void **state)
{
    static const struct trial trials[] = {
        {"arm_write", begin_write, run_write, drop_w},
        {"arm_import, csv", NULL, run_import_csv, drop_w},
        {"arm_import, parquet", NULL, run_import_parquet, drop_w},
    };

    RUN_TRIALS(trials, make_parquet);
}

static void test_alloc_data_out(void **state)
{
    static const struct trial trials[] = {
        {"arm_export, csv", remove_out, run_export_csv, NULL},
        {"arm_export, parquet", remove_out, run_export_parquet, NULL},
        {"arm_export, json", remove_out, run_export_json, NULL},
        {"arm_export, arrow", remove_out, run_export_arrow, NULL},
        {"arm_arrow_write_file", begin_arrow, run_arrow_file, NULL},
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
        cmocka_unit_test(test_alloc_data_in),
        cmocka_unit_test(test_alloc_data_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
