/* SPDX-License-Identifier: Apache-2.0 */
/* Memory exhausted while data goes in and out. */

#include "faults/alloc_trials.h"

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

/* A keyed table of two chunks and a hot row; 3,000 rows come, every other of which is there. */
static void begin_upsert(struct scene *s)
{
    struct arm_error err = {0};

    (void)must_run(s, "CREATE OR REPLACE TABLE w (x BIGINT PRIMARY KEY, y VARCHAR UNIQUE)");
    (void)must_run(s, "INSERT INTO w SELECT range * 2, 'a' || range FROM range(11000)");
    (void)must_run(s, "INSERT INTO w VALUES (-1, 'hot')");
    assert_ok(arm_sql(s->session, "SELECT range AS x, range::VARCHAR AS y FROM range(3000)", NULL,
                      &s->stream, NULL, &err),
              err);
}

static arm_status run_upsert(struct scene *s, struct arm_error *err)
{
    static const char *const key[] = {"x"};
    const struct arm_write_options how = {
        .size = sizeof how, .mode = ARM_WRITE_UPSERT, .key = key, .key_count = 1};
    struct arm_write_result result;
    arm_status st;

    set_untouched(&result, sizeof result);
    st = arm_write(s->session, "w", &s->stream, &how, &result, err);
    if (st != ARM_OK) {
        check_untouched(&result, sizeof result);
    }
    return of_stream(st, err);
}

static void check_upsert(struct scene *s)
{
    assert_int_equal(must_run(s, "SELECT x FROM w"), 12501);
    drop_w(s);
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

/* ---- Upkeep ---- */

static void begin_compact(struct scene *s)
{
    s->commits_parts = true;
    (void)must_run(s, "CREATE OR REPLACE TABLE c AS SELECT range AS x FROM range(10)");
    (void)must_run(s, "INSERT INTO c SELECT range AS x FROM range(10)");
    (void)must_run(s, "DELETE FROM c WHERE x = 3");
}

static arm_status run_compact(struct scene *s, struct arm_error *err)
{
    struct arm_compact_result result;
    arm_status st;

    set_untouched(&result, sizeof result);
    st = arm_compact(s->session, "c", NULL, &result, err);
    if (st != ARM_OK) {
        check_untouched(&result, sizeof result);
    } else {
        assert_int_equal(result.rows, 18);
    }
    return st;
}

static void begin_gc(struct scene *s)
{
    (void)must_run(s, "CREATE OR REPLACE TABLE g AS SELECT range AS x FROM range(10)");
}

static arm_status run_gc(struct scene *s, struct arm_error *err)
{
    struct arm_gc_options how = {.size = sizeof how, .grace_s = -1};
    struct arm_gc_result result;
    arm_status st;

    set_untouched(&result, sizeof result);
    st = arm_gc(s->repo, &how, &result, err);
    if (st != ARM_OK) {
        check_untouched(&result, sizeof result);
    }
    return st;
}

static void test_alloc_upkeep(void **state)
{
    static const struct trial trials[] = {
        {"arm_compact", begin_compact, run_compact, NULL},
        {"arm_gc", begin_gc, run_gc, NULL},
    };

    RUN_TRIALS(trials, NULL);
}

static void test_alloc_data_in(void **state)
{
    static const struct trial trials[] = {
        {"arm_write", begin_write, run_write, drop_w},
        {"arm_import, csv", NULL, run_import_csv, drop_w},
        {"arm_import, parquet", NULL, run_import_parquet, drop_w},
        {"arm_write, upsert", begin_upsert, run_upsert, check_upsert},
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

/* ---- What a statement is given ---- */

/* By a session of their own, which the stream outlives. */
static arm_status rows_of(struct scene *s, const char *sql, struct ArrowArrayStream *out,
                          struct arm_error *err)
{
    arm_session *session = NULL;
    arm_status st = arm_session_open(s->repo, NULL, &session, err);

    if (st == ARM_OK) {
        st = arm_sql(session, sql, NULL, out, NULL, err);
        arm_session_close(session);
    }
    return st;
}

static void begin_given(struct scene *s)
{
    struct arm_error err = {0};

    assert_ok(rows_of(s, "SELECT 7 AS n, 'x' AS s", &s->stream, &err), err);
}

static arm_status find_rows(void *context, const char *name, struct ArrowArrayStream *out,
                            struct arm_error *err)
{
    (void)name;
    return rows_of(context, "SELECT * FROM range(3000) r(i)", out, err);
}

static arm_status run_given(struct scene *s, struct arm_error *err)
{
    const struct arm_table_version versions[] = {{"h", 1}};
    struct arm_sql_options given = {.size = sizeof given,
                                    .parameters = &s->stream,
                                    .versions = versions,
                                    .version_count = 1,
                                    .find_rows = find_rows,
                                    .find_context = s};
    struct ArrowArrayStream out;
    arm_status st;

    set_untouched(&out, sizeof out);
    st = arm_sql(s->session, "SELECT i + $n, $s FROM df WHERE i NOT IN (SELECT 1 FROM h)", &given,
                 &out, NULL, err);
    assert_null(s->stream.release); /* taken in any case */
    return of_stream(settle(st, &out), err);
}

static void test_alloc_inputs(void **state)
{
    static const struct trial trials[] = {{"arm_sql, inputs", begin_given, run_given, NULL}};

    RUN_TRIALS(trials, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_data_in),
        cmocka_unit_test(test_alloc_data_out),
        cmocka_unit_test(test_alloc_upkeep),
        cmocka_unit_test(test_alloc_inputs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
