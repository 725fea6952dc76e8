/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions as handles, and row calls in them. Rows and keys are what a session of its own
 * gives for a SELECT, and what comes out is read by SQL again. */

#include <armillaria.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/temp.h"

struct fixture {
    struct temp_dir dir;
    arm_repo *repo;
    arm_session *session;
    arm_session *other;
    arm_session *maker; /* of rows and keys */
    struct arm_error err;
    char text[4096];
};

static int setup(void **state)
{
    static struct fixture f;
    struct arm_repo_options options = {.size = sizeof options, .create = true};
    char path[TEMP_PATH_BYTES];

    memset(&f, 0, sizeof f);
    f.dir = temp_dir_make();
    (void)temp_path(&f.dir, "repo", path);
    assert_ok(arm_repo_open(path, &options, &f.repo, &f.err), f.err);
    assert_ok(arm_session_open(f.repo, NULL, &f.session, &f.err), f.err);
    assert_ok(arm_session_open(f.repo, NULL, &f.other, &f.err), f.err);
    assert_ok(arm_session_open(f.repo, NULL, &f.maker, &f.err), f.err);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arm_session_close(f->session);
    arm_session_close(f->other);
    arm_session_close(f->maker);
    arm_repo_close(f->repo);
    temp_dir_remove(&f->dir);
    return 0;
}

/* "a,b|c,d|" of a stream of utf8 columns, which is released. */
static void print_stream(struct fixture *f, struct ArrowArrayStream *stream)
{
    struct ArrowArray batch;
    size_t used = 0;

    f->text[0] = '\0';
    while (stream->get_next(stream, &batch) == 0 && batch.release != NULL) {
        for (int64_t row = 0; row < batch.length; row++) {
            for (int64_t c = 0; c < batch.n_children; c++) {
                const struct ArrowArray *column = batch.children[c];
                const uint8_t *validity = column->buffers[0];
                const int32_t *offsets = column->buffers[1];
                const char *bytes = column->buffers[2];
                bool is_null = validity != NULL && (validity[row / 8] >> row % 8 & 1) == 0;

                used += (size_t)snprintf(f->text + used, sizeof f->text - used, "%s%.*s",
                                         c == 0 ? "" : ",",
                                         is_null ? 4 : (int)(offsets[row + 1] - offsets[row]),
                                         is_null ? "NULL" : bytes + offsets[row]);
            }
            used += (size_t)snprintf(f->text + used, sizeof f->text - used, "|");
        }
        batch.release(&batch);
    }
    stream->release(stream);
}

static arm_status run(struct fixture *f, arm_session *session, const char *sql)
{
    struct arm_sql_options options = {.size = sizeof options, .render = ARM_RENDER_TEXT};
    struct ArrowArrayStream stream;
    arm_status st = arm_sql(session, sql, &options, &stream, NULL, &f->err);

    if (st == ARM_OK) {
        print_stream(f, &stream);
    }
    return st;
}

static void must(struct fixture *f, arm_session *session, const char *sql)
{
    assert_ok(run(f, session, sql), f->err);
}

static struct ArrowArrayStream made(struct fixture *f, const char *sql)
{
    struct ArrowArrayStream stream;

    assert_ok(arm_sql(f->maker, sql, NULL, &stream, NULL, &f->err), f->err);
    return stream;
}

static void begin(struct fixture *f, arm_session *session, arm_isolation isolation, arm_txn **out)
{
    struct arm_txn_options options = {.size = sizeof options, .isolation = isolation};

    assert_ok(arm_txn_begin(session, &options, out, &f->err), f->err);
}

static arm_status put(struct fixture *f, arm_txn *txn, const char *rows, uint64_t *out_rows)
{
    struct ArrowArrayStream stream = made(f, rows);
    arm_status st = arm_put(txn, "t", &stream, out_rows, &f->err);

    assert_null(stream.release); /* taken */
    return st;
}

static uint64_t delete_keys(struct fixture *f, arm_txn *txn, const char *keys)
{
    struct ArrowArrayStream stream = made(f, keys);
    uint64_t rows = 99;

    assert_ok(arm_delete(txn, "t", &stream, &rows, &f->err), f->err);
    assert_null(stream.release);
    return rows;
}

/* The rows that were got are written to a table by another session, and read by SQL. */
static const char *got(struct fixture *f, arm_txn *txn, const char *keys)
{
    struct arm_write_options options = {.size = sizeof options, .mode = ARM_WRITE_REPLACE};
    struct ArrowArrayStream stream = made(f, keys);
    struct ArrowArrayStream rows;

    assert_ok(arm_get(txn, "t", &stream, &rows, &f->err), f->err);
    assert_null(stream.release);
    assert_ok(arm_write(f->maker, "got", &rows, &options, NULL, &f->err), f->err);
    must(f, f->maker, "SELECT * FROM got ORDER BY ALL");
    return f->text;
}

static void test_txn_puts_gets_and_deletes(void **state)
{
    struct fixture *f = *state;
    uint64_t rows = 0;
    uint64_t tx = 0;
    arm_txn *txn = NULL;

    must(f, f->session,
         "CREATE TABLE t (id BIGINT PRIMARY KEY, s VARCHAR, n DECIMAL(9, 2), l INT[])");
    begin(f, f->session, ARM_ISOLATION_DEFAULT, &txn);
    assert_ok(put(f, txn,
                  "SELECT 1::BIGINT AS id, 'one' AS s, 1.5::DECIMAL(9, 2) AS n, [1, 2] AS l",
                  &rows),
              f->err);
    assert_int_equal(rows, 1);
    /* other types, another order, columns left out */
    assert_ok(put(f, txn, "SELECT 'two' AS S, range::TINYINT AS ID FROM range(2, 4)", &rows),
              f->err);
    assert_int_equal(rows, 2);
    assert_string_equal(got(f, txn, "SELECT range AS id FROM range(5)"),
                        "1,one,1.50,[1, 2]|2,two,NULL,NULL|3,two,NULL,NULL|");
    assert_ok(put(f, txn, "SELECT 2 AS id, 'again' AS s", NULL), f->err);
    assert_int_equal(delete_keys(f, txn, "SELECT unnest([3, 7, 3]) AS id"), 1);
    assert_string_equal(got(f, txn, "SELECT range AS id FROM range(1, 4)"),
                        "1,one,1.50,[1, 2]|2,again,NULL,NULL|");
    must(f, f->session, "SELECT count(*) FROM t"); /* SQL is in it as well */
    assert_string_equal(f->text, "2|");
    must(f, f->other, "SELECT count(*) FROM t");
    assert_string_equal(f->text, "0|");
    assert_ok(arm_txn_commit(txn, "by hand", &tx, &f->err), f->err);
    assert_true(tx > 0 && tx == arm_session_last_tx(f->session));
    must(f, f->other, "SELECT id, s FROM t ORDER BY id");
    assert_string_equal(f->text, "1,one|2,again|");
    must(f, f->other, "SELECT message, changes[1].rows_added FROM arm_log() LIMIT 1");
    assert_non_null(strstr(f->text, "by hand"));
    begin(f, f->session, ARM_ISOLATION_DEFAULT, &txn);
    assert_string_equal(got(f, txn, "SELECT 9 AS id"), "");
    assert_ok(arm_txn_commit(txn, NULL, &tx, &f->err), f->err);
    assert_int_equal(tx, 0); /* nothing was changed */
}

/* Rows in chunks, of columns that came later, and keys that are told apart by their values. */
static void test_txn_finds_rows_wherever_they_are(void **state)
{
    struct fixture *f = *state;
    arm_txn *txn = NULL;

    must(f, f->session, "CREATE TABLE t (a VARCHAR, b DATE, v INTEGER, PRIMARY KEY (b, a))");
    must(f, f->session,
         "INSERT INTO t SELECT 'k' || range, DATE '2020-01-01' + (range % 7)::INT, range FROM "
         "range(30000)");
    must(f, f->session, "INSERT INTO t VALUES ('hot', '2020-01-01', -1)");
    must(f, f->session, "ALTER TABLE t ADD COLUMN w VARCHAR DEFAULT 'new'");
    must(f, f->session, "DELETE FROM t WHERE a = 'k8'");
    begin(f, f->session, ARM_ISOLATION_DEFAULT, &txn);
    assert_string_equal(got(f, txn,
                            "SELECT DATE '2020-01-01' + (i % 7)::INT AS b, 'k' || i AS a FROM "
                            "unnest([7, 8, 29999]) "
                            "u(i)"),
                        "k29999,2020-01-05,29999,new|k7,2020-01-01,7,new|");
    assert_string_equal(got(f, txn, "SELECT 'hot' AS a, '2020-01-01' AS b"),
                        "hot,2020-01-01,-1,new|");
    assert_string_equal(got(f, txn, "SELECT 'k7' AS a, '2020-01-02' AS b"), "");
    assert_ok(put(f, txn, "SELECT 'k7' AS a, '2020-01-01' AS b, 70 AS v", NULL),
              f->err); /* default */
    assert_ok(put(f, txn, "SELECT 'hot' AS a, '2020-01-01' AS b, 71 AS v, 'w' AS w", NULL), f->err);
    assert_int_equal(delete_keys(f, txn, "SELECT 'k14' AS a, '2020-01-01' AS b"), 1);
    assert_string_equal(got(f, txn, "SELECT unnest(['k7', 'k14', 'hot']) AS a, '2020-01-01' AS b"),
                        "hot,2020-01-01,71,w|k7,2020-01-01,70,new|");
    assert_ok(arm_txn_commit(txn, NULL, NULL, &f->err), f->err);
    must(f, f->other, "SELECT count(*), sum(v) FILTER (v < 100) FROM t WHERE b = '2020-01-01'");
    assert_string_equal(f->text, "4286,855|");
}

/* Asked for often enough, the chunks are kept decoded: what is got stays what SQL says, whatever
 * happens to the table. */
static void expect_often(struct fixture *f, const char *keys, const char *rows)
{
    char sql[300];
    arm_txn *txn = NULL;

    for (unsigned i = 0; i < 10; i++) {
        begin(f, i % 2 == 0 ? f->session : f->other, ARM_ISOLATION_DEFAULT, &txn);
        assert_string_equal(got(f, txn, keys), rows);
        arm_txn_rollback(txn);
    }
    (void)snprintf(sql, sizeof sql, "SELECT t.* FROM t JOIN (%s) USING (a) ORDER BY ALL", keys);
    must(f, f->session, sql);
    assert_string_equal(f->text, rows);
}

static void test_txn_gets_rows_of_chunks_often(void **state)
{
    static const char keys[] = "SELECT 'k' || unnest([7, 8, 2047, 2048, 29999]) AS a";
    struct fixture *f = *state;
    arm_txn *txn = NULL;

    must(f, f->session, "CREATE TABLE t (a VARCHAR PRIMARY KEY, n BIGINT, v DECIMAL(9, 2))");
    must(f, f->session,
         "INSERT INTO t SELECT 'k' || range, CASE WHEN range % 7 > 0 THEN range END,"
         " range / 4 FROM range(30000)");
    expect_often(f, keys,
                 "k2047,2047,511.75|k2048,2048,512.00|k29999,29999,7499.75|"
                 "k7,NULL,1.75|k8,8,2.00|");
    must(f, f->session, "DELETE FROM t WHERE a = 'k8'");
    must(f, f->session, "UPDATE t SET n = -1 WHERE a = 'k2047'");
    must(f, f->session, "ALTER TABLE t RENAME COLUMN v TO amount");
    expect_often(f, keys, "k2047,-1,511.75|k2048,2048,512.00|k29999,29999,7499.75|k7,NULL,1.75|");
    must(f, f->session, "ALTER TABLE t ADD COLUMN w VARCHAR DEFAULT 'new'");
    must(f, f->session, "ALTER TABLE t ALTER COLUMN amount TYPE DECIMAL(12, 4)");
    expect_often(f, keys,
                 "k2047,-1,511.7500,new|k2048,2048,512.0000,new|k29999,29999,7499.7500,new|"
                 "k7,NULL,1.7500,new|");
    must(f, f->session, "ALTER TABLE t DROP COLUMN w");
    must(f, f->session, "ALTER TABLE t DROP COLUMN amount");
    expect_often(f, keys, "k2047,-1|k2048,2048|k29999,29999|k7,NULL|");
    begin(f, f->session, ARM_ISOLATION_DEFAULT, &txn); /* rows of its own, in chunks too */
    must(f, f->session, "INSERT INTO t SELECT 'o' || range, range FROM range(20000)");
    for (unsigned i = 0; i < 10; i++) {
        assert_string_equal(got(f, txn, "SELECT unnest(['o19999', 'k7']) AS a"),
                            "k7,NULL|o19999,19999|");
    }
    arm_txn_rollback(txn);
    must(f, f->session, "DROP TABLE t");
    must(f, f->session, "CREATE TABLE t (a VARCHAR PRIMARY KEY, n BIGINT, v DECIMAL(9, 2))");
    must(f, f->session, "INSERT INTO t SELECT 'k' || range, -range, 0 FROM range(30000)");
    expect_often(f, keys,
                 "k2047,-2047,0.00|k2048,-2048,0.00|k29999,-29999,0.00|k7,-7,0.00|"
                 "k8,-8,0.00|");
}

static void refuse(struct fixture *f, arm_status st, arm_status code, const char *part)
{
    if (st != code || strstr(f->err.message, part) == NULL) {
        fail_msg("%s: %s", arm_status_name(st), f->err.message);
    }
}

static void test_txn_refuses(void **state)
{
    struct fixture *f = *state;
    struct arm_txn_options wrong = {.size = sizeof wrong, .isolation = 7};
    struct ArrowArrayStream keys;
    struct ArrowArrayStream out;
    arm_txn *second = NULL;
    arm_txn *txn = NULL;

    must(f, f->session,
         "CREATE TABLE t (id INTEGER PRIMARY KEY, s VARCHAR NOT NULL, "
         "u INTEGER UNIQUE CHECK (u > 0))");
    must(f, f->session, "CREATE TABLE keyless (id INTEGER)");
    must(f, f->session, "CREATE TABLE plain (id INTEGER PRIMARY KEY)");
    refuse(f, arm_txn_begin(f->session, &wrong, &txn, &f->err), ARM_INVALID, "isolation is 7");
    begin(f, f->session, ARM_ISOLATION_DEFAULT, &txn);
    refuse(f, arm_txn_begin(f->session, NULL, &second, &f->err), ARM_INVALID, "is open");
    keys = made(f, "SELECT 1 AS id");
    refuse(f, arm_get(txn, "no such", &keys, &out, &f->err), ARM_NOT_FOUND, "no such");
    keys = made(f, "SELECT 1 AS id");
    refuse(f, arm_get(NULL, "t", &keys, &out, &f->err), ARM_INVALID, "txn is NULL");
    assert_null(keys.release);
    keys = made(f, "SELECT range AS id FROM range(5000)");
    assert_ok(arm_get(txn, "t", &keys, &out, &f->err), f->err); /* in batches of 2,048 */
    out.release(&out);
    arm_txn_rollback(txn);

    static const struct {
        const char *table;
        const char *rows;
        arm_status code;
        const char *part;
    } puts[] = {
        {"keyless", "SELECT 1 AS id", ARM_SCHEMA, "no primary key"},
        {"t", "SELECT 1 AS id, 's' AS s, 2 AS x", ARM_SCHEMA, "column x"},
        {"plain", "SELECT 's' AS id", ARM_SCHEMA, "column id"},
        {"t", "SELECT 1 AS id", ARM_CONSTRAINT, "NOT NULL"},
        {"t", "SELECT 1 AS id, 's' AS s, 0 AS u", ARM_CONSTRAINT, "CHECK"},
        {"t", "SELECT 1 AS id, 's' AS s, 5 AS u UNION ALL SELECT 2, 's', 5", ARM_CONSTRAINT,
         "unique"},
        {"t", "SELECT 1 AS id, 's' AS s FROM range(2)", ARM_CONSTRAINT, "primary key"},
    };
    for (size_t i = 0; i < sizeof puts / sizeof *puts; i++) {
        struct ArrowArrayStream rows = made(f, puts[i].rows);

        begin(f, f->session, ARM_ISOLATION_DEFAULT, &txn);
        refuse(f, arm_put(txn, puts[i].table, &rows, NULL, &f->err), puts[i].code, puts[i].part);
        assert_null(rows.release);
        keys = made(f, "SELECT 1 AS id"); /* an error aborts it */
        refuse(f, arm_get(txn, "t", &keys, &out, &f->err), ARM_SQL, "roll it back");
        refuse(f, arm_txn_commit(txn, NULL, NULL, &f->err), ARM_SQL, "nothing was committed");
    }
    must(f, f->session, "SELECT count(*) FROM t");
    assert_string_equal(f->text, "0|");
}

/* A handle is of one transaction: SQL that ends it ends the handle, another is not its. */
static void test_txn_ends_once(void **state)
{
    struct fixture *f = *state;
    struct ArrowArrayStream keys;
    struct ArrowArrayStream out;
    arm_txn *txn = NULL;

    must(f, f->session, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
    begin(f, f->session, ARM_ISOLATION_DEFAULT, &txn);
    assert_ok(put(f, txn, "SELECT 1 AS id", NULL), f->err);
    must(f, f->session, "COMMIT");
    must(f, f->session, "BEGIN");
    keys = made(f, "SELECT 1 AS id");
    refuse(f, arm_get(txn, "t", &keys, &out, &f->err), ARM_INVALID, "has ended");
    arm_txn_rollback(txn);
    assert_true(arm_session_in_transaction(f->session)); /* SQL's own goes on */
    must(f, f->session, "ROLLBACK");
    begin(f, f->session, ARM_ISOLATION_DEFAULT, &txn);
    assert_ok(put(f, txn, "SELECT 2 AS id", NULL), f->err);
    arm_txn_rollback(txn);
    must(f, f->session, "SELECT id FROM t");
    assert_string_equal(f->text, "1|");
    arm_txn_rollback(NULL);
}

/* Two of one snapshot: `mine` by row calls, `theirs` by SQL, which commits first. */
static arm_status meet(struct fixture *f, arm_isolation isolation, const char *gets,
                       const char *puts, const char *deletes, const char *theirs)
{
    struct ArrowArrayStream keys;
    struct ArrowArrayStream out;
    arm_txn *txn = NULL;

    begin(f, f->session, isolation, &txn);
    if (gets != NULL) {
        keys = made(f, gets);
        assert_ok(arm_get(txn, "t", &keys, &out, &f->err), f->err);
        out.release(&out);
    }
    if (puts != NULL) {
        assert_ok(put(f, txn, puts, NULL), f->err);
    }
    if (deletes != NULL) {
        (void)delete_keys(f, txn, deletes);
    }
    must(f, f->other, theirs);
    return arm_txn_commit(txn, NULL, NULL, &f->err);
}

static void test_txn_conflicts_by_row_and_key(void **state)
{
    static const char *const elsewhere = "SELECT 1000000 AS id, 0 AS n";
    const arm_isolation snapshot = ARM_ISOLATION_SNAPSHOT;
    const arm_isolation serializable = ARM_ISOLATION_SERIALIZABLE;
    struct fixture *f = *state;

    must(f, f->session, "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)");
    must(f, f->session, "INSERT INTO t SELECT range, 0 FROM range(20000)");
    must(f, f->session, "INSERT INTO t VALUES (20000, 0), (20001, 0)");
    static const struct {
        const char *gets, *puts, *deletes, *theirs;
        bool meets_snapshot, meets_serializable;
    } cases[] = {
        {NULL, "SELECT 5 AS id, 1 AS n", NULL, "UPDATE t SET n = 2 WHERE id = 5", true, true},
        {NULL, "SELECT 6 AS id, 1 AS n", NULL, "UPDATE t SET n = 2 WHERE id = 7", false, false},
        {NULL, "SELECT 30000 AS id, 1 AS n", NULL, "INSERT INTO t VALUES (30000, 2)", true, true},
        {NULL, NULL, "SELECT 20000 AS id", "DELETE FROM t WHERE id = 20000", true, true},
        {"SELECT 8 AS id", elsewhere, NULL, "UPDATE t SET n = 3 WHERE id = 8", false, true},
        {"SELECT 9 AS id", elsewhere, NULL, "UPDATE t SET n = 3 WHERE id = 10", false, false},
        {"SELECT 20001 AS id", elsewhere, NULL, "DELETE FROM t WHERE id = 20001", false, true},
        {"SELECT 40000 AS id", elsewhere, NULL, "INSERT INTO t VALUES (40000, 4)", false, true},
        {"SELECT 40001 AS id", elsewhere, NULL, "INSERT INTO t VALUES (40002, 4)", false, false},
        {NULL, elsewhere, "SELECT 50000 AS id", "INSERT INTO t VALUES (50000, 4)", false, true},
    };
    for (int level = 0; level < 2; level++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            bool meets = level == 0 ? cases[i].meets_snapshot : cases[i].meets_serializable;
            arm_status st = meet(f, level == 0 ? snapshot : serializable, cases[i].gets,
                                 cases[i].puts, cases[i].deletes, cases[i].theirs);

            if (st != (meets ? ARM_CONFLICT : ARM_OK)) {
                fail_msg("level %d, case %zu: %s %s", level, i, arm_status_name(st),
                         st == ARM_OK ? "" : f->err.message);
            }
        }
        must(f, f->session, "DELETE FROM t WHERE id >= 20000"); /* and from the start */
        must(f, f->session, "INSERT INTO t VALUES (20000, 0), (20001, 0)");
    }
}

/* ---- A load of its own transaction ---- */

/* Rows during whose loading another session does something. */
struct disturbed {
    struct ArrowArrayStream rows;
    struct fixture *f;
    const char *sql;
};

static int disturbed_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct disturbed *self = stream->private_data;

    return self->rows.get_schema(&self->rows, out);
}

static int disturbed_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct disturbed *self = stream->private_data;

    if (self->sql != NULL) {
        must(self->f, self->f->other, self->sql);
        self->sql = NULL;
    }
    return self->rows.get_next(&self->rows, out);
}

static const char *disturbed_error(struct ArrowArrayStream *stream)
{
    struct disturbed *self = stream->private_data;

    return self->rows.get_last_error(&self->rows);
}

static void disturbed_release(struct ArrowArrayStream *stream)
{
    struct disturbed *self = stream->private_data;

    self->rows.release(&self->rows);
    stream->release = NULL;
}

static arm_status load(struct fixture *f, const char *rows, const char *meanwhile)
{
    struct disturbed self = {.rows = made(f, rows), .f = f, .sql = meanwhile};
    struct ArrowArrayStream stream = {.get_schema = disturbed_schema,
                                      .get_next = disturbed_next,
                                      .get_last_error = disturbed_error,
                                      .release = disturbed_release,
                                      .private_data = &self};
    struct arm_write_options options = {.size = sizeof options, .mode = ARM_WRITE_APPEND};
    arm_status st = arm_write(f->session, "t", &stream, &options, NULL, &f->err);

    if (self.sql != NULL) {
        fail_msg("the rows were not asked for: %s", f->err.message);
    }
    return st;
}

/* arm_write alone is a transaction as the session is set. */
static void test_txn_of_a_load_takes_the_grain(void **state)
{
    struct fixture *f = *state;

    must(f, f->session, "CREATE TABLE t (a INTEGER PRIMARY KEY)");
    must(f, f->session, "INSERT INTO t FROM range(10)");
    assert_ok(load(f, "SELECT 20 AS a", "DELETE FROM t WHERE a = 1"), f->err);
    must(f, f->session, "SET arm_conflict_grain = 'table'");
    assert_fails(ARM_CONFLICT, load(f, "SELECT 21 AS a", "DELETE FROM t WHERE a = 2"), f->err);
    must(f, f->session, "SET arm_conflict_grain = 'row'");
    assert_ok(load(f, "SELECT 22 AS a", "DELETE FROM t WHERE a = 3"), f->err);
    must(f, f->session, "SELECT count(*)::VARCHAR, sum(a)::VARCHAR FROM t");
    assert_string_equal(f->text, "9,81|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_txn_puts_gets_and_deletes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_txn_finds_rows_wherever_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(test_txn_gets_rows_of_chunks_often, setup, teardown),
        cmocka_unit_test_setup_teardown(test_txn_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_txn_ends_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_txn_conflicts_by_row_and_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_txn_of_a_load_takes_the_grain, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
