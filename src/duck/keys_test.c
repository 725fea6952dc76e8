/* SPDX-License-Identifier: Apache-2.0 */
/* Keys against others: two sessions that write one key, in every way there is; and keys whose runs
 * are lost, of chunks and hot rows that others wrote. */

#include <dirent.h>
#include <unistd.h>

#include "duck/duck_fixture.h"

/* Both from one snapshot; the one that commits first wins. */
static void assert_loses(struct fixture *f, const char *first, const char *second)
{
    assert_sql(&f->a, "BEGIN");
    assert_sql(&f->b, "BEGIN");
    assert_sql(&f->a, first);
    assert_sql(&f->b, second);
    assert_sql(&f->a, "COMMIT");
    assert_refused(&f->b, "COMMIT", ARM_CONFLICT, "\"t\"");
    assert_memory_equal(f->err.commit_id, f->a.last.commit_id.bytes, 16);
}

static void assert_both(struct fixture *f, const char *first, const char *second)
{
    assert_sql(&f->a, "BEGIN");
    assert_sql(&f->b, "BEGIN");
    assert_sql(&f->a, first);
    assert_sql(&f->b, second);
    assert_sql(&f->a, "COMMIT");
    assert_sql(&f->b, "COMMIT");
}

static const char many[] = "INSERT INTO t SELECT 1000000 + range, NULL FROM range(20000)";
static const char many_again[] = "INSERT INTO t SELECT 1019999 + range, NULL FROM range(20000)";

static void test_keys_of_two_writers(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t (i INTEGER PRIMARY KEY, u VARCHAR UNIQUE)");
    assert_loses(f, "INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (1, 'b')");
    assert_loses(f, "INSERT INTO t VALUES (2, 'x')", "INSERT INTO t VALUES (3, 'x')");
    assert_both(f, "INSERT INTO t VALUES (4, 'd')", "INSERT INTO t VALUES (5, 'e')");
    assert_both(f, "INSERT INTO t VALUES (6, NULL)", "INSERT INTO t VALUES (7, NULL)");
    assert_loses(f, many, "INSERT INTO t VALUES (1012345, NULL)");
    assert_sql(&f->a, "DELETE FROM t WHERE i >= 1000000");
    assert_loses(f, many, many_again);
    assert_both(f, "DELETE FROM t WHERE i = 1", "INSERT INTO t VALUES (8, 'h')");
    assert_loses(f, "UPDATE t SET i = 9 WHERE i = 4", "INSERT INTO t VALUES (9, 'i')");
    assert_loses(f, "INSERT INTO t VALUES (10, 'j')",
                 "INSERT INTO t VALUES (10, 'k') ON CONFLICT (i) DO UPDATE SET u = excluded.u");
    assert_loses(f, "UPDATE t SET u = 'up' WHERE i = 5", "UPDATE t SET u = 'down' WHERE i = 5");
    assert_both(f, "UPDATE t SET u = 'six' WHERE i = 6", "UPDATE t SET u = 'seven' WHERE i = 7");
    assert_rows(&f->a, "SELECT i, u FROM t WHERE i < 1000000 ORDER BY i",
                "2,x|5,up|6,six|7,seven|8,h|9,d|10,j|");
}

/* What came and went again since is no key of anybody's; telling it from one that stayed is not
 * worth a look under the lock: the loser runs again. */
static void test_keys_of_a_row_that_is_gone(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t (i INTEGER PRIMARY KEY)");
    assert_sql(&f->b, "BEGIN");
    assert_sql(&f->b, "INSERT INTO t VALUES (1)");
    assert_sql(&f->b, "DELETE FROM t WHERE i = 1");
    assert_sql(&f->b, "INSERT INTO t VALUES (2)");
    assert_sql(&f->a, "INSERT INTO t VALUES (1)");
    assert_sql(&f->b, "COMMIT"); /* its own 1 was gone before it counted */
    assert_sql(&f->b, "BEGIN");
    assert_sql(&f->b, "INSERT INTO t VALUES (3)");
    assert_sql(&f->a, "INSERT INTO t VALUES (3)");
    assert_sql(&f->a, "DELETE FROM t WHERE i = 3");
    assert_refused(&f->b, "COMMIT", ARM_CONFLICT, "same key");
    assert_sql(&f->b, "INSERT INTO t VALUES (3)");
    assert_rows(&f->a, "SELECT i FROM t ORDER BY i", "1|2|3|");
}

/* A name in the view of a transaction is an error of the statement, not a conflict. */
static void test_keys_of_the_own_view(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t (i INTEGER PRIMARY KEY, s VARCHAR)");
    assert_sql(&f->a, "INSERT INTO t SELECT range, 's' FROM range(30000)");
    assert_refused(
        &f->a, "INSERT INTO t VALUES (17, 'x')", ARM_CONSTRAINT,
        "duplicate key \"i: 17\" violates primary key constraint \"PRIMARY_t_i\" of table "
        "\"t\"");
    assert_sql(&f->b, "BEGIN");
    assert_sql(&f->a, "INSERT INTO t VALUES (-1, 'x')");
    assert_sql(&f->b, "INSERT INTO t VALUES (-1, 'x')");
    assert_refused(&f->b, "COMMIT", ARM_CONFLICT, "same key");
    assert_refused(&f->b, "INSERT INTO t VALUES (-1, 'x')", ARM_CONSTRAINT, "i: -1");
}

static size_t remove_runs(const struct fixture *f)
{
    char path[512];
    struct dirent *item;
    size_t count = 0;
    DIR *directory;

    (void)snprintf(path, sizeof path, "%s/index/keys", f->dir.path);
    directory = opendir(path);
    assert_non_null(directory);
    while ((item = readdir(directory)) != NULL) {
        (void)snprintf(path, sizeof path, "%s/index/keys/%.200s", f->dir.path, item->d_name);
        count += unlink(path) == 0;
    }
    assert_int_equal(closedir(directory), 0);
    return count;
}

/* Y1 of keys: what is lost is read from the chunks again, in every type. */
static void test_keys_runs_are_made_anew(void **state)
{
    struct fixture *f = *state;

    assert_sql(&f->a, "CREATE TABLE t (a VARCHAR, b DECIMAL(30, 4), c HUGEINT, d ENUM('x', 'y'),"
                      " PRIMARY KEY (a, b, c, d), UNIQUE (c))");
    assert_sql(&f->a, "INSERT INTO t SELECT 'k' || range, range / 8, range::HUGEINT << 70,"
                      " CASE range % 2 WHEN 0 THEN 'x' ELSE 'y' END FROM range(40000)");
    fixture_close(f);
    assert_true(remove_runs(f) >= 2);
    fixture_open(f);
    assert_refused(&f->a, "INSERT INTO t SELECT * FROM t WHERE a = 'k777'", ARM_CONSTRAINT,
                   "a: k777, b: 97.1250, c: ");
    assert_refused(&f->a, "INSERT INTO t VALUES ('q', 0, 5::HUGEINT << 70, 'x')", ARM_CONSTRAINT,
                   "unique");
    assert_sql(&f->a, "INSERT INTO t VALUES ('q', 0, 5, 'x')");
    assert_true(remove_runs(f) >= 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys_of_two_writers),
        TEST(test_keys_of_a_row_that_is_gone),
        TEST(test_keys_of_the_own_view),
        TEST(test_keys_runs_are_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
