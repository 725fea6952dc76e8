/* SPDX-License-Identifier: Apache-2.0 */
/* Differences and merges by the public calls. */

#include <armillaria.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/streams.h"
#include "support/temp.h"

/* A repository with a table t of key and value on main, its branch b, and a session on each. */
struct fixture {
    struct temp_dir dir;
    char path[TEMP_PATH_BYTES];
    arm_repo *repo;
    arm_session *main;
    arm_session *b;
    char text[1024]; /* of text_at */
};

static void open_fixture(struct fixture *f)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    struct arm_error err = {0};

    f->dir = temp_dir_make();
    (void)temp_path(&f->dir, "repo", f->path);
    assert_ok(arm_repo_open(f->path, &options, &f->repo, &err), err);
    assert_ok(arm_session_open(f->repo, NULL, &f->main, &err), err);
    run_sql(f->main, "CREATE TABLE t (k INTEGER PRIMARY KEY, v VARCHAR)");
    run_sql(f->main, "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
    assert_ok(arm_branch_create(f->main, "b", NULL, NULL, &err), err);
    assert_ok(arm_session_open(f->repo, "b", &f->b, &err), err);
}

static void close_fixture(struct fixture *f)
{
    arm_session_close(f->b);
    arm_session_close(f->main);
    arm_repo_close(f->repo);
    temp_dir_remove(&f->dir);
}

/* ---- Reading what a stream gives ---- */

static struct ArrowArray next_batch(struct ArrowArrayStream *stream)
{
    struct ArrowArray batch = {0};

    assert_int_equal(stream->get_next(stream, &batch), 0);
    assert_non_null(batch.release);
    return batch;
}

static bool is_null(const struct ArrowArray *column, int64_t row)
{
    const uint8_t *validity = column->buffers[0];
    int64_t at = column->offset + row;

    return column->null_count != 0 && validity != NULL && (validity[at / 8] >> (at % 8) & 1) == 0;
}

static const char *text_at(struct fixture *f, const struct ArrowArray *column, int64_t row)
{
    const int32_t *offsets = column->buffers[1];
    int64_t at = column->offset + row;

    if (is_null(column, row)) {
        return "null";
    }
    (void)snprintf(f->text, sizeof f->text, "%.*s", (int)(offsets[at + 1] - offsets[at]),
                   (const char *)column->buffers[2] + offsets[at]);
    return f->text;
}

static uint64_t number_at(const struct ArrowArray *column, int64_t row)
{
    return ((const uint64_t *)column->buffers[1])[column->offset + row];
}

static int32_t items_of(const struct ArrowArray *list)
{
    const int32_t *offsets = list->buffers[1];

    return offsets[1] - offsets[0];
}

static void expect_answer(struct fixture *f, arm_session *session, const char *sql,
                          const char *wanted)
{
    struct arm_sql_options options = {.size = sizeof options, .render = ARM_RENDER_TEXT};
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    struct arm_error err = {0};

    assert_ok(arm_sql(session, sql, &options, &stream, NULL, &err), err);
    batch = next_batch(&stream);
    assert_string_equal(text_at(f, batch.children[0], 0), wanted);
    batch.release(&batch);
    stream.release(&stream);
}

static uint64_t commits_of(arm_session *session)
{
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    assert_ok(arm_log(session, NULL, &stream, &err), err);
    return (uint64_t)drain(&stream);
}

/* ---- Differences ---- */

static void test_diff_of_tables(void **state)
{
    struct fixture f;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    struct arm_error err = {0};

    (void)state;
    open_fixture(&f);
    run_sql(f.b, "INSERT INTO t VALUES (4, 'd'); UPDATE t SET v = 'B' WHERE k = 2");
    run_sql(f.b, "CREATE TABLE u AS SELECT 1 AS a");
    assert_ok(arm_diff(f.main, "main", "b", &stream, &err), err);
    batch = next_batch(&stream);
    assert_int_equal(batch.length, 2);
    assert_string_equal(text_at(&f, batch.children[0], 0), "t");
    assert_string_equal(text_at(&f, batch.children[1], 0), "modified");
    assert_int_equal(number_at(batch.children[2], 0), 2);
    assert_int_equal(number_at(batch.children[3], 0), 4);
    assert_int_equal(number_at(batch.children[4], 0), 1);
    assert_int_equal(number_at(batch.children[5], 0), 0);
    assert_int_equal(number_at(batch.children[6], 0), 1);
    assert_string_equal(text_at(&f, batch.children[0], 1), "u");
    assert_string_equal(text_at(&f, batch.children[1], 1), "added");
    assert_true(is_null(batch.children[2], 1));
    batch.release(&batch);
    stream.release(&stream);
    assert_ok(arm_diff(f.main, "b", "b", &stream, &err), err);
    assert_int_equal(drain(&stream), 0);
    close_fixture(&f);
}

static void test_diff_of_rows(void **state)
{
    static const char *const wanted[][2] = {
        {"b", "update_before"}, {"it's", "update_after"}, {"c", "delete"}, {"d", "insert"}};
    struct fixture f;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    struct arm_error err = {0};

    (void)state;
    open_fixture(&f);
    run_sql(f.b, "INSERT INTO t VALUES (4, 'd'); DELETE FROM t WHERE k = 3");
    run_sql(f.b, "UPDATE t SET v = 'it''s' WHERE k = 2");
    assert_ok(arm_diff_rows(f.main, "t", "main", "b", &stream, &err), err);
    batch = next_batch(&stream);
    assert_int_equal(batch.length, 4);
    assert_int_equal(batch.n_children, 5); /* k, v, _change, _tx, _version */
    for (int64_t i = 0; i < 4; i++) {
        assert_string_equal(text_at(&f, batch.children[1], i), wanted[i][0]);
        assert_string_equal(text_at(&f, batch.children[2], i), wanted[i][1]);
    }
    batch.release(&batch);
    stream.release(&stream);
    assert_ok(arm_diff_rows(f.main, "main.\"t\"", "version:1", "version:2", &stream, &err), err);
    assert_int_equal(drain(&stream), 3);
    close_fixture(&f);
}

static void test_diff_schemas(void **state)
{
    struct fixture f;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    struct arm_error err = {0};

    (void)state;
    open_fixture(&f);
    run_sql(f.b, "ALTER TABLE t ADD COLUMN w INTEGER DEFAULT 7");
    assert_ok(arm_diff_schemas(f.main, NULL, "main", "b", &stream, &err), err);
    batch = next_batch(&stream);
    assert_int_equal(batch.length, 1);
    assert_int_equal(batch.n_children, 6); /* table, change, column, property, old, new */
    assert_string_equal(text_at(&f, batch.children[0], 0), "t");
    assert_string_equal(text_at(&f, batch.children[1], 0), "added");
    assert_string_equal(text_at(&f, batch.children[2], 0), "w");
    assert_string_equal(text_at(&f, batch.children[3], 0), "column");
    assert_string_equal(text_at(&f, batch.children[5], 0), "INTEGER DEFAULT 7");
    batch.release(&batch);
    stream.release(&stream);
    assert_ok(arm_diff_schemas(f.main, "t", "b", "main", &stream, &err), err);
    assert_int_equal(drain(&stream), 1);
    assert_ok(arm_diff_schemas(f.main, "t", "version:1", "main", &stream, &err), err);
    assert_int_equal(drain(&stream), 0);
    close_fixture(&f);
}

static void test_diff_refused(void **state)
{
    struct fixture f;
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    (void)state;
    open_fixture(&f);
    assert_fails(ARM_NOT_FOUND, arm_diff(f.main, "main", "nosuch", &stream, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_diff(f.main, "ma'in", "b", &stream, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_diff_rows(f.main, "nosuch", "main", "b", &stream, &err), err);
    assert_fails(ARM_INVALID, arm_diff(f.main, NULL, "b", &stream, &err), err);
    assert_fails(ARM_INVALID, arm_diff(f.main, "main", NULL, &stream, &err), err);
    assert_fails(ARM_INVALID, arm_diff(f.main, "main", "b", NULL, &err), err);
    assert_fails(ARM_INVALID, arm_diff(NULL, "main", "b", &stream, &err), err);
    assert_fails(ARM_INVALID, arm_diff_rows(f.main, NULL, "main", "b", &stream, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_diff_schemas(f.main, "nosuch", "main", "b", &stream, &err),
                 err);
    assert_fails(ARM_NOT_FOUND, arm_diff_schemas(f.main, NULL, "nosuch", "b", &stream, &err), err);
    assert_fails(ARM_INVALID, arm_diff_schemas(f.main, NULL, NULL, "b", &stream, &err), err);
    assert_fails(ARM_INVALID, arm_diff_schemas(f.main, NULL, "main", NULL, &stream, &err), err);
    close_fixture(&f);
}

/* ---- Merges ---- */

static void test_merge_of_two_sides(void **state)
{
    struct fixture f;
    struct arm_merge_options options = {.size = sizeof options, .message = "both"};
    struct arm_merge_result result;
    struct ArrowArrayStream report;
    struct ArrowArray batch;
    struct arm_error err = {0};

    (void)state;
    open_fixture(&f);
    run_sql(f.b, "UPDATE t SET v = 'B' WHERE k = 2");
    run_sql(f.b, "CREATE TABLE u AS SELECT 1 AS a");
    run_sql(f.main, "UPDATE t SET v = 'A' WHERE k = 1");
    assert_ok(arm_merge(f.main, "b", &options, &result, &report, &err), err);
    assert_int_equal(result.tx, arm_session_last_tx(f.main));
    assert_false(result.fast_forward);
    assert_false(result.up_to_date);
    assert_int_equal(result.tables, 2);
    assert_int_equal(result.conflicts, 0);
    batch = next_batch(&report);
    assert_int_equal(batch.length, 1);
    assert_int_equal(number_at(batch.children[0], 0), result.tx);
    assert_int_equal(items_of(batch.children[2]), 2);
    assert_int_equal(items_of(batch.children[3]), 0);
    batch.release(&batch);
    report.release(&report);
    expect_answer(&f, f.main, "SELECT string_agg(v, '' ORDER BY k) FROM t", "ABc");
    expect_answer(&f, f.main, "SELECT a FROM u", "1");
    expect_answer(&f, f.main, "SELECT message FROM arm_log() LIMIT 1", "both");
    expect_answer(&f, f.main, "SELECT len(parents) FROM arm_log() LIMIT 1", "2");
    assert_int_equal(commits_of(f.main), 6); /* b's two are among them */

    assert_ok(arm_merge(f.main, "b", NULL, &result, NULL, &err), err);
    assert_true(result.up_to_date);
    assert_int_equal(result.tx, arm_session_last_tx(f.main));
    assert_int_equal(commits_of(f.main), 6);

    options = (struct arm_merge_options){.size = sizeof options, .into = "b"};
    assert_ok(arm_merge(f.main, "main", &options, &result, NULL, &err), err);
    assert_true(result.fast_forward);
    assert_string_equal(arm_session_branch(f.main), "main");
    expect_answer(&f, f.b, "SELECT string_agg(v, '' ORDER BY k) FROM t", "ABc");
    close_fixture(&f);
}

static void test_merge_conflict_is_reported(void **state)
{
    static const char *const wanted[] = {"t",
                                         "update/update",
                                         "[\"v\"]",
                                         "{\"k\":2}",
                                         "{\"k\":2,\"v\":\"b\"}",
                                         "{\"k\":2,\"v\":\"ours\"}",
                                         "{\"k\":2,\"v\":\"theirs\"}"};
    struct fixture f;
    struct arm_merge_options options = {.size = sizeof options};
    struct arm_merge_result result;
    struct ArrowArrayStream report;
    struct ArrowArray batch;
    struct arm_error err = {0};
    uint64_t before;

    (void)state;
    open_fixture(&f);
    run_sql(f.b, "UPDATE t SET v = 'theirs' WHERE k = 2");
    run_sql(f.main, "UPDATE t SET v = 'ours' WHERE k = 2");
    before = commits_of(f.main);
    assert_fails(ARM_MERGE_CONFLICT, arm_merge(f.main, "b", NULL, &result, &report, &err), err);
    assert_int_equal(result.conflicts, 1);
    assert_int_equal(result.tx, 0);
    batch = next_batch(&report);
    assert_true(is_null(batch.children[0], 0));
    assert_int_equal(items_of(batch.children[3]), 1);
    for (int64_t i = 0; i < 7; i++) {
        const struct ArrowArray *conflict = batch.children[3]->children[0];

        assert_string_equal(text_at(&f, conflict->children[i], 0), wanted[i]);
    }
    batch.release(&batch);
    report.release(&report);
    assert_int_equal(commits_of(f.main), before);
    assert_false(arm_session_in_transaction(f.main));
    expect_answer(&f, f.main, "SELECT v FROM t WHERE k = 2", "ours");

    options.strategy = ARM_STRATEGY_THEIRS;
    options.dry_run = true;
    assert_ok(arm_merge(f.main, "b", &options, &result, NULL, &err), err);
    assert_int_equal(result.tx, 0);
    assert_int_equal(result.tables, 1);
    assert_int_equal(commits_of(f.main), before);
    options.dry_run = false;
    assert_ok(arm_merge(f.main, "b", &options, &result, NULL, &err), err);
    expect_answer(&f, f.main, "SELECT v FROM t WHERE k = 2", "theirs");
    close_fixture(&f);
}

static void test_merge_refused(void **state)
{
    struct fixture f;
    struct arm_merge_options options = {.size = sizeof options};
    struct arm_repo_options read_only = {.size = sizeof read_only, .read_only = true};
    arm_repo *reading = NULL;
    arm_session *reader = NULL;
    struct arm_merge_result result;
    struct arm_error err = {0};

    (void)state;
    open_fixture(&f);
    run_sql(f.b, "INSERT INTO t VALUES (9, 'i')");
    assert_fails(ARM_NOT_FOUND, arm_merge(f.main, "nosuch", NULL, &result, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_merge(f.main, NULL, NULL, &result, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_merge(NULL, "b", NULL, &result, NULL, &err), err);
    options.into = "nosuch";
    assert_fails(ARM_NOT_FOUND, arm_merge(f.main, "b", &options, NULL, NULL, &err), err);
    options.into = NULL;
    options.strategy = (arm_merge_strategy)7;
    assert_fails(ARM_INVALID, arm_merge(f.main, "b", &options, NULL, NULL, &err), err);
    options.strategy = ARM_STRATEGY_FAIL;
    options.size = 0;
    assert_fails(ARM_INVALID, arm_merge(f.main, "b", &options, NULL, NULL, &err), err);
    run_sql(f.main, "BEGIN");
    assert_fails(ARM_INVALID, arm_merge(f.main, "b", NULL, NULL, NULL, &err), err);
    assert_true(arm_session_in_transaction(f.main));
    run_sql(f.main, "ROLLBACK");
    assert_ok(arm_repo_open(f.path, &read_only, &reading, &err), err);
    assert_ok(arm_session_open(reading, NULL, &reader, &err), err);
    assert_fails(ARM_READ_ONLY, arm_merge(reader, "b", NULL, NULL, NULL, &err), err);
    arm_session_close(reader);
    arm_repo_close(reading);
    expect_answer(&f, f.main, "SELECT count(*) FROM t", "3");
    close_fixture(&f);
}

/* A session whose branch another one renames meanwhile merges into that branch. */
static void test_merge_with_the_least_that_can_be_asked(void **state)
{
    struct fixture f;
    struct arm_error err = {0};

    (void)state;
    open_fixture(&f);
    run_sql(f.b, "INSERT INTO t VALUES (9, 'i')");
    assert_ok(arm_branch_rename(f.main, "b", "c", &err), err);
    assert_ok(arm_merge(f.main, "c", NULL, NULL, NULL, NULL), err);
    expect_answer(&f, f.main, "SELECT count(*) FROM t", "4");
    run_sql(f.main, "INSERT INTO t VALUES (10, 'j')");
    assert_ok(arm_merge(f.b, "main", NULL, NULL, NULL, NULL), err);
    expect_answer(&f, f.b, "SELECT count(*) FROM t", "5");
    assert_string_equal(arm_session_branch(f.b), "c");
    close_fixture(&f);
}

/* ---- History ---- */

static void test_show_of_commits_of_other_branches(void **state)
{
    struct fixture f;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    struct arm_error err = {0};
    char ref[32];

    (void)state;
    open_fixture(&f);
    run_sql(f.b, "INSERT INTO t VALUES (9, 'i')");
    (void)snprintf(ref, sizeof ref, "tx:%llu", (unsigned long long)arm_session_last_tx(f.b));
    assert_ok(arm_show(f.main, ref, &stream, &err), err);
    batch = next_batch(&stream);
    assert_int_equal(number_at(batch.children[0], 0), arm_session_last_tx(f.b));
    assert_string_equal(text_at(&f, batch.children[3], 0), "b");
    batch.release(&batch);
    stream.release(&stream);
    assert_ok(arm_merge(f.main, "b", NULL, NULL, NULL, &err), err);
    assert_ok(arm_branch_drop(f.main, "b", &err), err);
    assert_ok(arm_show(f.main, ref, &stream, &err), err);
    batch = next_batch(&stream);
    assert_string_equal(text_at(&f, batch.children[3], 0), "");
    batch.release(&batch);
    stream.release(&stream);
    assert_fails(ARM_NOT_FOUND, arm_show(f.main, "tx:1", &stream, &err), err);
    assert_non_null(strstr(err.message, "not a commit"));
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diff_of_tables),
        cmocka_unit_test(test_diff_of_rows),
        cmocka_unit_test(test_diff_schemas),
        cmocka_unit_test(test_diff_refused),
        cmocka_unit_test(test_merge_of_two_sides),
        cmocka_unit_test(test_merge_conflict_is_reported),
        cmocka_unit_test(test_merge_refused),
        cmocka_unit_test(test_merge_with_the_least_that_can_be_asked),
        cmocka_unit_test(test_show_of_commits_of_other_branches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
