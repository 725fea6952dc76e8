/* SPDX-License-Identifier: Apache-2.0 */
/* Branches and tags by the public calls, and by SQL where a session's own state is concerned. */

#include <armillaria.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/branch_fixture.h"

static void test_branch_made_used_and_dropped(void **state)
{
    struct fixture f;
    struct arm_error err = {0};

    open_fixture(&f);
    assert_ok(arm_branch_create(f.session, "feature/x", NULL, "new prices", &err), err);
    assert_string_equal(arm_session_branch(f.session), "main");
    assert_ok(arm_session_use(f.session, "feature/x", &err), err);
    assert_string_equal(arm_session_branch(f.session), "feature/x");
    run_sql(f.session, "INSERT INTO t VALUES (2)");
    assert_string_equal(count_rows(&f, f.session), "2");
    assert_string_equal(count_rows(&f, f.other), "1");
    run_sql(f.other, "INSERT INTO t VALUES (3), (4)");
    assert_string_equal(count_rows(&f, f.session), "2");
    assert_string_equal(count_rows(&f, f.other), "3");
    assert_string_equal(
        ask(&f, f.other, "SELECT count(*) FROM t AT (VERSION => 'feature/x')", NULL), "2");
    assert_fails(ARM_INVALID, arm_branch_drop(f.session, "feature/x", &err), err);
    assert_fails(ARM_INVALID, arm_branch_drop(f.session, "main", &err), err);
    assert_fails(ARM_INVALID, arm_branch_rename(f.session, "main", "trunk", &err), err);
    assert_fails(ARM_NOT_FOUND, arm_session_use(f.session, "nosuch", &err), err);
    assert_string_equal(arm_session_branch(f.session), "feature/x");
    assert_ok(arm_session_use(f.session, "main", &err), err);
    assert_ok(arm_branch_drop(f.session, "feature/x", &err), err);
    assert_fails(ARM_NOT_FOUND, arm_branch_drop(f.session, "feature/x", &err), err);
    assert_fails(ARM_NOT_FOUND, arm_session_use(f.session, "feature/x", &err), err);
    close_fixture(&f);
}

/* Of one that is made again under a dropped one's name, nothing is left. */
static void test_branch_name_taken_again(void **state)
{
    struct fixture f;
    struct arm_error err = {0};

    open_fixture(&f);
    assert_ok(arm_branch_create(f.session, "b", NULL, "first", &err), err);
    assert_fails(ARM_EXISTS, arm_branch_create(f.session, "b", NULL, NULL, &err), err);
    assert_ok(arm_session_use(f.other, "b", &err), err);
    run_sql(f.other, "INSERT INTO t VALUES (2)");
    assert_ok(arm_branch_drop(f.session, "b", &err), err);
    assert_ok(arm_branch_create(f.session, "b", NULL, NULL, &err), err);
    assert_string_equal(ask(&f, f.session, "SELECT count(*) FROM t", "b"), "1");
    assert_string_equal(
        ask(&f, f.session, "SELECT description IS NULL FROM arm_branches() WHERE name = 'b'", NULL),
        "true");
    refuse_sql(f.other, "SELECT 1", ARM_NOT_FOUND, "was dropped"); /* it is not that branch */
    close_fixture(&f);
}

static void test_branch_Q6_a_session_follows_a_rename(void **state)
{
    struct fixture f;
    struct arm_error err = {0};
    char now[256];

    open_fixture(&f);
    assert_ok(arm_branch_create(f.session, "a", NULL, NULL, &err), err);
    assert_ok(arm_session_use(f.session, "a", &err), err);
    assert_ok(arm_session_use(f.other, "a", &err), err);
    assert_ok(arm_branch_rename(f.session, "a", "b", &err), err);
    assert_string_equal(arm_session_branch(f.session), "b");
    run_sql(f.other, "INSERT INTO t VALUES (2)");
    assert_string_equal(arm_session_branch(f.other), "b");
    assert_string_equal(count_rows(&f, f.session), "2");
    run_sql(f.other, "ALTER BRANCH b RENAME TO c");
    assert_string_equal(arm_session_branch(f.other), "c");
    run_sql(f.session, "INSERT INTO t VALUES (3)");
    assert_string_equal(arm_session_branch(f.session), "c");

    assert_ok(arm_branch_renamed(f.repo, "a", now, &err), err);
    assert_string_equal(now, "c");
    assert_fails(ARM_NOT_FOUND, arm_branch_renamed(f.repo, "main", now, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_branch_renamed(f.repo, "nosuch", now, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_session_use(f.session, "a", &err), err);
    assert_non_null(strstr(err.message, "it was renamed \"c\""));
    assert_ok(arm_branch_create(f.session, "a", NULL, NULL, &err), err); /* it is another's now */
    assert_fails(ARM_NOT_FOUND, arm_branch_renamed(f.repo, "a", now, &err), err);
    close_fixture(&f);
}

static void test_branch_old_names_lead_to_who_had_them_last(void **state)
{
    struct fixture f;
    struct arm_error err = {0};
    char now[256];

    open_fixture(&f);
    run_sql(f.session, "CREATE BRANCH a");
    run_sql(f.session, "ALTER BRANCH a RENAME TO first");
    run_sql(f.session, "CREATE BRANCH a");
    run_sql(f.session, "ALTER BRANCH a RENAME TO second");
    assert_ok(arm_branch_renamed(f.repo, "a", now, &err), err);
    assert_string_equal(now, "second");
    run_sql(f.session, "DROP BRANCH second");
    assert_fails(ARM_NOT_FOUND, arm_branch_renamed(f.repo, "a", now, &err), err);
    close_fixture(&f);
}

/* A transaction that was open when its branch was renamed commits to it; when it was dropped, it
 * does not. */
static void test_branch_Q6_transactions_that_are_open(void **state)
{
    struct fixture f;
    struct arm_error err = {0};

    open_fixture(&f);
    assert_ok(arm_branch_create(f.session, "a", NULL, NULL, &err), err);
    assert_ok(arm_session_use(f.other, "a", &err), err);
    run_sql(f.other, "BEGIN");
    run_sql(f.other, "INSERT INTO t VALUES (2)");
    assert_ok(arm_branch_rename(f.session, "a", "b", &err), err);
    run_sql(f.other, "COMMIT");
    assert_string_equal(ask(&f, f.session, "SELECT count(*) FROM t", "b"), "2");
    run_sql(f.other, "BEGIN");
    run_sql(f.other, "INSERT INTO t VALUES (3)");
    assert_ok(arm_branch_drop(f.session, "b", &err), err);
    refuse_sql(f.other, "COMMIT", ARM_NOT_FOUND, "branch \"b\" is not there any more");
    close_fixture(&f);
}

static void test_branch_Q6_a_dropped_branch_is_told_and_left(void **state)
{
    struct fixture f;
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    open_fixture(&f);
    assert_ok(arm_branch_create(f.session, "b", NULL, NULL, &err), err);
    assert_ok(arm_session_use(f.other, "b", &err), err);
    run_sql(f.other, "SELECT 1");
    assert_ok(arm_branch_drop(f.session, "b", &err), err);
    refuse_sql(f.other, "SELECT 1", ARM_NOT_FOUND, "go to another with USE BRANCH");
    refuse_sql(f.other, "BEGIN", ARM_NOT_FOUND, "was dropped");
    refuse_sql(f.other, "INSERT INTO t VALUES (9)", ARM_NOT_FOUND, "was dropped");
    refuse_sql(f.other, "CREATE BRANCH c", ARM_NOT_FOUND, "was dropped");
    assert_fails(ARM_NOT_FOUND, arm_tables(f.other, NULL, &stream, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_log(f.other, NULL, &stream, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_compact(f.other, NULL, NULL, NULL, &err), err);
    assert_ok(arm_sql(f.session, "SELECT 1 AS a", NULL, &stream, NULL, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_write(f.other, "u", &stream, NULL, NULL, &err), err);
    assert_ok(arm_branches(f.other, NULL, &stream, &err), err); /* of all of them one may ask */
    assert_int_equal(drain(&stream), 1);
    run_sql(f.other, "USE BRANCH main");
    assert_string_equal(count_rows(&f, f.other), "1");
    assert_string_equal(arm_session_branch(f.other), "main");
    close_fixture(&f);
}

static void test_branch_Q7_no_part_of_a_transaction(void **state)
{
    static const char *const statements[] = {
        "CREATE BRANCH c",
        "DROP BRANCH b",
        "USE BRANCH b",
        "ALTER BRANCH b RENAME TO c",
        "COMMENT ON BRANCH b IS 'x'",
        "CREATE TAG v",
        "DROP TAG v",
        "ALTER BRANCH b UNPROTECT",
    };
    struct fixture f;
    struct arm_error err = {0};
    arm_txn *txn = NULL;

    open_fixture(&f);
    assert_ok(arm_branch_create(f.session, "b", NULL, NULL, &err), err);
    run_sql(f.session, "BEGIN");
    run_sql(f.session, "INSERT INTO t VALUES (2)");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        refuse_sql(f.session, statements[i], ARM_INVALID, "is not part of a transaction");
    }
    assert_fails(ARM_INVALID, arm_branch_create(f.session, "c", NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_branch_drop(f.session, "b", &err), err);
    assert_fails(ARM_INVALID, arm_branch_rename(f.session, "b", "c", &err), err);
    assert_fails(ARM_INVALID, arm_branch_describe(f.session, "b", "x", &err), err);
    assert_fails(ARM_INVALID, arm_branch_protect(f.session, "b", NULL, &err), err);
    assert_fails(ARM_INVALID, arm_tag_create(f.session, "v", NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_tag_drop(f.session, "v", &err), err);
    assert_fails(ARM_INVALID, arm_session_use(f.session, "b", &err), err);
    assert_true(arm_session_in_transaction(f.session));
    run_sql(f.session, "COMMIT"); /* nothing of it spoilt the transaction */
    assert_string_equal(count_rows(&f, f.session), "2");
    assert_ok(arm_txn_begin(f.session, NULL, &txn, &err), err);
    assert_fails(ARM_INVALID, arm_session_use(f.session, "b", &err), err);
    arm_txn_rollback(txn);
    assert_ok(arm_session_use(f.session, "b", &err), err);
    assert_string_equal(count_rows(&f, f.session), "1");
    close_fixture(&f);
}

/* A result that is still being read stays what it was. */
static void test_branch_open_results(void **state)
{
    struct fixture f;
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    open_fixture(&f);
    run_sql(f.session, "INSERT INTO t SELECT * FROM range(200000)");
    assert_ok(arm_branch_create(f.session, "b", "main~1", NULL, &err), err);
    assert_ok(arm_sql(f.session, "SELECT a FROM t", NULL, &stream, NULL, &err), err);
    assert_ok(arm_session_use(f.session, "b", &err), err);
    assert_string_equal(count_rows(&f, f.session), "1");
    assert_int_equal(drain(&stream), 200001);
    assert_ok(
        arm_sql(f.session, "SELECT a FROM t AT (VERSION => 'main')", NULL, &stream, NULL, &err),
        err);
    run_sql(f.session, "CREATE BRANCH c");
    assert_int_equal(drain(&stream), 200001);
    close_fixture(&f);
}

static void test_branch_names(void **state)
{
    static const char *const bad[] = {
        "",   " ",    "a b",  "-a",   "a..b", "a@{b", "@",          "HEAD", "a.lock", "/a",
        "a/", "a//b", "a.",   ".a",   "a/.b", "a~1",  "a^",         "a:b",  "tx:1",   "a?",
        "a*", "a[b",  "a\\b", "a\tb", "a\nb", "\x7f", "2026-01-01", "\xff", "a\xc3",  "version:1",
    };
    static const char *const good[] = {"feature/x", "Größe",  "a'b",         "a\"b", "a;b",
                                       "a(b)",      "$a",     "release-1.0", "a@b",  "a{b",
                                       "FROM",      "select", "日本"};
    struct fixture f;
    struct ArrowArrayStream stream;
    struct arm_error err = {0};
    char name[258];

    open_fixture(&f);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        arm_status st = arm_branch_create(f.session, bad[i], NULL, NULL, &err);

        if (st != ARM_INVALID_NAME) {
            fail_msg("\"%s\": %d %s", bad[i], st, err.message);
        }
        assert_fails(ARM_INVALID_NAME, arm_tag_create(f.session, bad[i], NULL, NULL, &err), err);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(arm_branch_create(f.session, good[i], NULL, NULL, &err), err);
        assert_ok(arm_tag_create(f.session, good[i], NULL, NULL, &err), err);
        assert_ok(arm_session_use(f.session, good[i], &err), err);
        assert_ok(arm_tables(f.session, good[i], &stream, &err), err);
        assert_int_equal(drain(&stream), 1);
    }
    memset(name, 'n', sizeof name);
    name[256] = '\0';
    assert_fails(ARM_INVALID_NAME, arm_branch_create(f.session, name, NULL, NULL, &err), err);
    name[255] = '\0';
    assert_ok(arm_branch_create(f.session, name, NULL, NULL, &err), err);
    assert_ok(arm_session_use(f.session, name, &err), err);
    assert_string_equal(arm_session_branch(f.session), name);
    assert_ok(arm_branch_create(f.session, "N", NULL, NULL, &err), err); /* case tells apart */
    assert_ok(arm_branch_create(f.session, "n", NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_branch_describe(f.session, "n", "\xff", &err), err);
    assert_fails(ARM_INVALID_NAME, arm_branch_rename(f.session, "n", "a b", &err), err);
    assert_fails(ARM_EXISTS, arm_branch_rename(f.session, "n", "N", &err), err);
    assert_fails(ARM_EXISTS, arm_branch_rename(f.session, "n", "n", &err), err);
    close_fixture(&f);
}

static void test_branch_refs_that_it_starts_from(void **state)
{
    static const struct {
        const char *from;
        const char *rows;
    } refs[] = {{"main", "3"}, {"main~1", "2"}, {"main~2", "1"}, {"v2", "2"},        {"v2~1", "1"},
                {"v2~", "1"},  {"tx:2", "1"},   {NULL, "3"},     {"2100-01-01", "3"}};
    struct fixture f;
    struct arm_error err = {0};

    open_fixture(&f);
    run_sql(f.session, "INSERT INTO t VALUES (2)");
    assert_ok(arm_tag_create(f.session, "v2", NULL, NULL, &err), err);
    run_sql(f.session, "INSERT INTO t VALUES (3)");
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
        assert_ok(arm_branch_create(f.session, "b", refs[i].from, NULL, &err), err);
        assert_string_equal(ask(&f, f.session, "SELECT count(*) FROM t", "b"), refs[i].rows);
        assert_ok(arm_branch_drop(f.session, "b", &err), err);
    }
    assert_fails(ARM_NOT_FOUND, arm_branch_create(f.session, "b", "main~9", NULL, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_branch_create(f.session, "b", "tx:999", NULL, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_branch_create(f.session, "b", "1999-01-01", NULL, &err), err);
    assert_fails(ARM_INVALID, arm_branch_create(f.session, "b", "version:1", NULL, &err), err);
    assert_fails(ARM_INVALID, arm_branch_create(f.session, "b", "a b", NULL, &err), err);

    /* A branch goes before a tag of its name. */
    assert_ok(arm_branch_create(f.session, "v2", "main", NULL, &err), err);
    assert_string_equal(ask(&f, f.session, "SELECT count(*) FROM t", "v2"), "3");
    assert_ok(arm_branch_drop(f.session, "v2", &err), err);
    assert_string_equal(ask(&f, f.session, "SELECT count(*) FROM t", "v2"), "2");

    /* What was dropped can be named still. */
    assert_ok(arm_branch_create(f.session, "gone", NULL, NULL, &err), err);
    assert_ok(arm_session_use(f.other, "gone", &err), err);
    run_sql(f.other, "INSERT INTO t VALUES (4), (5)");
    (void)snprintf(f.text, sizeof f.text, "tx:%llu",
                   (unsigned long long)arm_session_last_tx(f.other));
    assert_ok(arm_branch_drop(f.session, "gone", &err), err);
    assert_ok(arm_branch_create(f.session, "again", f.text, NULL, &err), err);
    assert_string_equal(ask(&f, f.session, "SELECT count(*) FROM t", "again"), "5");
    close_fixture(&f);
}

static void test_branch_tags(void **state)
{
    struct fixture f;
    struct ArrowArrayStream stream;
    struct arm_error err = {0};

    open_fixture(&f);
    assert_ok(arm_tag_create(f.session, "v1", NULL, "first", &err), err);
    assert_fails(ARM_EXISTS, arm_tag_create(f.session, "v1", NULL, NULL, &err), err);
    run_sql(f.session, "INSERT INTO t VALUES (2)");
    assert_string_equal(ask(&f, f.session, "SELECT count(*) FROM t", "v1"), "1");
    assert_fails(ARM_NOT_FOUND, arm_session_use(f.session, "v1", &err), err); /* it is no branch */
    assert_fails(ARM_NOT_FOUND, arm_tag_create(f.session, "v3", "nosuch", NULL, &err), err);
    refuse_sql(f.session, "CREATE TAG \"v 2\" AT v1", ARM_INVALID_NAME, "has a space");
    run_sql(f.session, "CREATE TAG 'v2' AT main~1");
    assert_ok(arm_tags(f.session, &stream, &err), err);
    assert_int_equal(drain(&stream), 2);
    assert_string_equal(ask(&f, f.session,
                            "SELECT string_agg(name || tx || branch || coalesce(description, '-'), "
                            "' ' ORDER BY name) FROM arm_tags()",
                            NULL),
                        "v12mainfirst v22main-");
    assert_ok(arm_tag_drop(f.session, "v1", &err), err);
    assert_fails(ARM_NOT_FOUND, arm_tables(f.session, "v1", &stream, &err), err);
    run_sql(f.session, "DROP TAG IF EXISTS v1");
    run_sql(f.session, "CREATE TAG IF NOT EXISTS v2 AT main");
    assert_string_equal(ask(&f, f.session, "SELECT count(*) FROM t", "v2"), "1");
    run_sql(f.session, "DROP TAG v2");
    close_fixture(&f);
}

static void test_branch_arguments(void **state)
{
    struct arm_branch_protection unnamed = {.size = sizeof unnamed, .check_count = 1};
    struct arm_branch_check no_query = {"n", NULL};
    struct fixture f;
    struct ArrowArrayStream stream;
    struct arm_error err = {0};
    char now[256];

    open_fixture(&f);
    assert_fails(ARM_INVALID, arm_branch_create(NULL, "b", NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_branch_create(f.session, NULL, NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_branch_drop(f.session, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_branch_rename(f.session, "b", NULL, &err), err);
    assert_fails(ARM_INVALID, arm_branch_rename(f.session, NULL, "b", &err), err);
    assert_fails(ARM_INVALID, arm_branch_describe(f.session, NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_branches(f.session, NULL, NULL, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_branches(f.session, "nosuch", &stream, &err), err);
    assert_fails(ARM_INVALID, arm_branch_renamed(f.repo, NULL, now, &err), err);
    assert_fails(ARM_INVALID, arm_branch_renamed(f.repo, "b", NULL, &err), err);
    assert_fails(ARM_INVALID, arm_tag_create(f.session, NULL, NULL, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_tag_drop(f.session, NULL, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_tag_drop(f.session, "nosuch", &err), err);
    assert_fails(ARM_INVALID, arm_tags(f.session, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_session_use(f.session, NULL, &err), err);
    assert_fails(ARM_INVALID, arm_branch_protect(f.session, "main", &unnamed, &err), err);
    unnamed.checks = &no_query;
    assert_fails(ARM_INVALID, arm_branch_protect(f.session, "main", &unnamed, &err), err);
    no_query.sql = "";
    assert_fails(ARM_INVALID, arm_branch_protect(f.session, "main", &unnamed, &err), err);
    assert_fails(ARM_NOT_FOUND, arm_branch_protect(f.session, "nosuch", NULL, &err), err);
    close_fixture(&f);
}

/* What arm_branches says, as Arrow has it. */
static void test_branch_list(void **state)
{
    static const char *const formats[] = {"u", "+m", "tsu:UTC", "u", "u", "L", "b", "+l"};
    struct fixture f;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    const struct ArrowArray *head;
    struct arm_error err = {0};

    open_fixture(&f);
    run_sql(f.session, "CREATE SCHEMA s");
    run_sql(f.session, "CREATE TABLE s.u (i INTEGER)");
    run_sql(f.session, "CREATE VIEW v AS SELECT 1 AS one");
    run_sql(f.session, "CREATE BRANCH b COMMENT 'why'");
    run_sql(f.session, "INSERT INTO t VALUES (2)");
    assert_ok(arm_branches(f.session, NULL, &stream, &err), err);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(schema.n_children, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(schema.children[i]->format, formats[i]);
    }
    assert_string_equal(schema.children[1]->children[0]->children[0]->name, "key");
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(batch.length, 2);
    head = batch.children[1];
    assert_memory_equal(head->buffers[1], ((int32_t[]){0, 2, 4}), 3 * sizeof(int32_t));
    head = head->children[0];
    assert_memory_equal(head->children[0]->buffers[2], "ts.uts.u", 8);
    assert_memory_equal(head->children[1]->buffers[1], ((uint64_t[]){1, 1, 2, 1}), 32);
    assert_memory_equal(batch.children[3]->buffers[2], "main", 4);
    assert_memory_equal(batch.children[4]->buffers[2], "why", 3);
    assert_int_equal(batch.children[3]->null_count, 1);
    assert_int_equal(batch.children[4]->null_count, 1);
    batch.release(&batch);
    schema.release(&schema);
    stream.release(&stream);
    assert_ok(arm_branches(f.session, "b", &stream, &err), err);
    assert_int_equal(drain(&stream), 1);
    run_sql(f.session, "COMMENT ON BRANCH b IS NULL");
    assert_string_equal(
        ask(&f, f.session, "SELECT count(*) FROM arm_branches() WHERE description IS NULL", NULL),
        "2");
    close_fixture(&f);
}

static void test_branch_reading_handles(void **state)
{
    struct arm_repo_options reading = {.size = sizeof reading, .read_only = true};
    struct fixture f;
    struct arm_error err = {0};
    arm_repo *repo = NULL;
    arm_session *session = NULL;

    open_fixture(&f);
    assert_ok(arm_branch_create(f.session, "b", NULL, NULL, &err), err);
    assert_ok(arm_repo_open(f.path, &reading, &repo, &err), err);
    assert_ok(arm_session_open(repo, NULL, &session, &err), err);
    assert_fails(ARM_READ_ONLY, arm_branch_create(session, "c", NULL, NULL, &err), err);
    assert_fails(ARM_READ_ONLY, arm_branch_drop(session, "b", &err), err);
    assert_fails(ARM_READ_ONLY, arm_branch_rename(session, "b", "c", &err), err);
    assert_fails(ARM_READ_ONLY, arm_tag_create(session, "v", NULL, NULL, &err), err);
    refuse_sql(session, "CREATE BRANCH c", ARM_READ_ONLY, "opened for reading only");
    run_sql(session, "USE BRANCH b");
    assert_ok(arm_branch_rename(f.session, "b", "c", &err), err);
    assert_string_equal(count_rows(&f, session), "1"); /* a reader follows, too */
    assert_string_equal(arm_session_branch(session), "c");
    refuse_sql(session, "INSERT INTO t VALUES (2)", ARM_READ_ONLY, "only reads");
    arm_session_close(session);
    arm_repo_close(repo);
    close_fixture(&f);
}

/* By the row calls as well, which do not pass through SQL. */
static void test_branch_A7_a_reading_handle_puts_no_row(void **state)
{
    struct arm_repo_options reading = {.size = sizeof reading, .read_only = true};
    struct fixture f;
    struct ArrowArrayStream rows;
    struct arm_error err = {0};
    arm_repo *repo = NULL;
    arm_session *session = NULL;
    arm_txn *txn = NULL;

    open_fixture(&f);
    run_sql(f.session, "CREATE TABLE k (i INTEGER PRIMARY KEY)");
    assert_ok(arm_repo_open(f.path, &reading, &repo, &err), err);
    assert_ok(arm_session_open(repo, NULL, &session, &err), err);
    assert_ok(arm_txn_begin(session, NULL, &txn, &err), err);
    assert_ok(arm_sql(f.session, "SELECT 1::INTEGER AS i", NULL, &rows, NULL, &err), err);
    assert_fails(ARM_READ_ONLY, arm_put(txn, "k", &rows, NULL, &err), err);
    arm_txn_rollback(txn);
    arm_session_close(session);
    arm_repo_close(repo);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_branch_made_used_and_dropped),
        cmocka_unit_test(test_branch_name_taken_again),
        cmocka_unit_test(test_branch_Q6_a_session_follows_a_rename),
        cmocka_unit_test(test_branch_old_names_lead_to_who_had_them_last),
        cmocka_unit_test(test_branch_Q6_transactions_that_are_open),
        cmocka_unit_test(test_branch_Q6_a_dropped_branch_is_told_and_left),
        cmocka_unit_test(test_branch_Q7_no_part_of_a_transaction),
        cmocka_unit_test(test_branch_open_results),
        cmocka_unit_test(test_branch_names),
        cmocka_unit_test(test_branch_refs_that_it_starts_from),
        cmocka_unit_test(test_branch_tags),
        cmocka_unit_test(test_branch_arguments),
        cmocka_unit_test(test_branch_list),
        cmocka_unit_test(test_branch_reading_handles),
        cmocka_unit_test(test_branch_A7_a_reading_handle_puts_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
