/* SPDX-License-Identifier: Apache-2.0 */
/* Kills: two writers and a reader on one repository, each killed with SIGKILL at a random moment,
 * again and again. A writer tells the parent, through a pipe, of each commit that was acknowledged;
 * after the kills a fresh process opens the repository and holds it to that journal: everything
 * acknowledged is there; of what was not, at most the one statement in flight, whole; nothing
 * else. Every tenth round hashes every byte.
 *
 * ARM_KILLS says how many (a multiple of three); the seed is printed. The parent never opens
 * anything itself: it forks. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <armillaria.h>

#include "support/children.h"
#include "support/cmocka_all.h"
#include "support/journal.h"
#include "support/temp.h"

enum {
    KILLS_DEFAULT = 201,
    KILLS_A_ROUND = 3,
    WRITERS = 2,
    CHUNK_ROWS = 12000, /* more than hot rows may be */
    UPDATE_ADDS = 1000,
    VERIFY_EVERY = 10,
    SQL_BYTES = 256,
    STATEMENTS_MAX = 100000,
    DELAY_US_MAX = 150000,
};

/* ---- What a writer does: its statements follow from its number ---- */

enum kind { ONE_ROW, CHUNK, DELETE_EARLIER, UPDATE_EARLIER };

static enum kind kind_of(unsigned writer, unsigned n)
{
    unsigned mixed = (writer * 2654435761U) ^ (n * 40503U + 12345U);

    mixed ^= mixed >> 15;
    switch (mixed % 10) {
    case 0:
        return CHUNK;
    case 1:
        return n >= 3 ? DELETE_EARLIER : ONE_ROW;
    case 2:
        return n >= 2 ? UPDATE_EARLIER : ONE_ROW;
    default:
        return ONE_ROW;
    }
}

static void statement_of(unsigned writer, unsigned n, char sql[SQL_BYTES])
{
    switch (kind_of(writer, n)) {
    case CHUNK:
        (void)snprintf(sql, SQL_BYTES, "INSERT INTO t SELECT %u, %u, %u FROM range(%d)", writer, n,
                       n, CHUNK_ROWS);
        break;
    case DELETE_EARLIER:
        (void)snprintf(sql, SQL_BYTES, "DELETE FROM t WHERE w = %u AND n = %u", writer, n - 3);
        break;
    case UPDATE_EARLIER:
        (void)snprintf(sql, SQL_BYTES, "UPDATE t SET v = v + %d WHERE w = %u AND n = %u",
                       UPDATE_ADDS, writer, n - 2);
        break;
    default:
        (void)snprintf(sql, SQL_BYTES, "INSERT INTO t VALUES (%u, %u, %u)", writer, n, n);
        break;
    }
}

/* Rows of a writer after its first `count` statements: how many, and the sum of their v. */
struct rows {
    uint64_t count;
    uint64_t sum;
};

static struct rows rows_after(unsigned writer, unsigned count)
{
    struct rows rows = {0, 0};

    for (unsigned n = 0; n < count; n++) {
        uint64_t size = kind_of(writer, n) == CHUNK     ? CHUNK_ROWS
                        : kind_of(writer, n) == ONE_ROW ? 1
                                                        : 0;
        /* By later statements: */
        bool is_updated = n + 2 < count && kind_of(writer, n + 2) == UPDATE_EARLIER;
        bool is_deleted = n + 3 < count && kind_of(writer, n + 3) == DELETE_EARLIER;

        if (!is_deleted) {
            rows.count += size;
            rows.sum += size * (n + (is_updated ? UPDATE_ADDS : 0));
        }
    }
    return rows;
}

/* ---- Processes ---- */

static arm_session *open_session(const char *path, arm_repo **out_repo)
{
    struct arm_repo_options options = {.size = sizeof options, .create = true, .thread_count = 2};
    arm_session *session = NULL;
    struct arm_error err;

    if (arm_repo_open(path, &options, out_repo, &err) != ARM_OK ||
        arm_session_open(*out_repo, NULL, &session, &err) != ARM_OK) {
        (void)fprintf(stderr, "kill test: %s\n", err.message);
        _exit(2);
    }
    return session;
}

static void must_run(arm_session *session, const char *sql, uint64_t out[2])
{
    struct ArrowArrayStream stream;
    struct ArrowArray array = {.release = NULL};
    struct arm_error err;

    if (arm_sql(session, sql, NULL, &stream, NULL, &err) != ARM_OK) {
        (void)fprintf(stderr, "kill test: %s: %s\n", sql, err.message);
        _exit(2);
    }
    if (stream.get_next(&stream, &array) == 0 && array.release != NULL) {
        for (int64_t i = 0; out != NULL && i < array.n_children && i < 2; i++) {
            out[i] = ((const uint64_t *)array.children[i]->buffers[1])[0];
        }
        array.release(&array);
    }
    stream.release(&stream);
}

static void be_writer(const char *path, unsigned writer, int journal)
{
    arm_repo *repo = NULL;
    arm_session *session = open_session(path, &repo);

    for (unsigned n = 0; n < STATEMENTS_MAX; n++) {
        char sql[SQL_BYTES];

        statement_of(writer, n, sql);
        must_run(session, sql, NULL);
        if (write(journal, "", 1) != 1) { /* acknowledged, and told outside this process */
            _exit(2);
        }
    }
}

static void be_reader(const char *path)
{
    arm_repo *repo = NULL;
    arm_session *session = open_session(path, &repo);

    for (;;) {
        must_run(session, "SELECT count(*), sum(v) FROM t", NULL);
    }
}

/* ---- The judge ---- */

struct shared {
    uint64_t rows_known; /* of all writers judged so far */
};

static bool same(struct rows a, struct rows b)
{
    return a.count == b.count && a.sum == b.sum;
}

/* Exit status 0: the repository is what the journal says it may be. */
static void be_judge(const char *path, unsigned first_writer, const unsigned acknowledged[WRITERS],
                     bool full, struct shared *shared)
{
    struct arm_verify_options options = {.size = sizeof options, .full = full};
    struct arm_verify_result verified;
    struct arm_error err;
    arm_repo *repo = NULL;
    arm_session *session = open_session(path, &repo);
    uint64_t figures[2];
    char sql[SQL_BYTES];

    for (unsigned i = 0; i < WRITERS; i++) {
        unsigned writer = first_writer + i;
        struct rows found;

        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*)::UBIGINT, coalesce(sum(v), 0)::UBIGINT FROM t WHERE w = %u",
                       writer);
        must_run(session, sql, figures);
        found = (struct rows){figures[0], figures[1]};
        if (!same(found, rows_after(writer, acknowledged[i])) &&
            !same(found, rows_after(writer, acknowledged[i] + 1))) {
            (void)fprintf(stderr,
                          "writer %u: %u statements acknowledged, %llu rows found, %llu expected\n",
                          writer, acknowledged[i], (unsigned long long)found.count,
                          (unsigned long long)rows_after(writer, acknowledged[i]).count);
            _exit(3);
        }
        shared->rows_known += found.count;
    }
    must_run(session, "SELECT count(*)::UBIGINT FROM t", figures);
    if (figures[0] != shared->rows_known) {
        (void)fprintf(stderr, "%llu rows in all, %llu of known writers\n",
                      (unsigned long long)figures[0], (unsigned long long)shared->rows_known);
        _exit(4);
    }
    if (arm_verify(repo, &options, &verified, &err) != ARM_OK || !verified.is_healthy) {
        (void)fprintf(stderr, "verify: %llu issues\n", (unsigned long long)verified.issues);
        _exit(5);
    }
    arm_session_close(session);
    arm_repo_close(repo);
    _exit(0);
}

/* ---- A round ---- */

static unsigned run_round(const char *path, unsigned round, struct shared *shared)
{
    unsigned first_writer = round * WRITERS;
    unsigned acknowledged[WRITERS];
    int journals[WRITERS];
    pid_t children[WRITERS + 1];
    unsigned total = 0;
    int status = 0;
    pid_t judge;

    for (unsigned i = 0; i < WRITERS; i++) {
        children[i] = journal_start(be_writer, path, first_writer + i, &journals[i]);
    }
    children[WRITERS] = fork();
    if (children[WRITERS] == 0) {
        be_reader(path);
    }
    for (unsigned i = 0; i <= WRITERS; i++) { /* in another order each time */
        unsigned victim = (i + round) % (WRITERS + 1);

        nap_us(rand() % DELAY_US_MAX);
        child_kill(children[victim]);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        acknowledged[i] = journal_count(journals[i]);
        total += acknowledged[i];
    }
    judge = fork();
    if (judge == 0) {
        be_judge(path, first_writer, acknowledged, round % VERIFY_EVERY == 0, shared);
    }
    assert_int_equal(waitpid(judge, &status, 0), judge);
    assert_int_equal(status, 0);
    return total;
}

static void make_repository(const char *path)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        arm_repo *repo = NULL;
        arm_session *session = open_session(path, &repo);

        must_run(session, "CREATE TABLE t (w UINTEGER, n UINTEGER, v UINTEGER)", NULL);
        arm_session_close(session);
        arm_repo_close(repo);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_kill_what_was_acknowledged_is_there_and_nothing_else(void **state)
{
    unsigned kills = children_kills(KILLS_DEFAULT);
    unsigned rounds = (kills + KILLS_A_ROUND - 1) / KILLS_A_ROUND;
    unsigned seed = (unsigned)time(NULL);
    struct temp_dir dir = temp_dir_make();
    char path[TEMP_PATH_BYTES];
    uint64_t acknowledged = 0;
    struct shared *shared = children_share(sizeof *shared);

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    (void)temp_path(&dir, "repo", path);
    make_repository(path);
    for (unsigned round = 0; round < rounds; round++) {
        acknowledged += run_round(path, round, shared);
    }
    print_message("%u kills, %llu statements acknowledged, %llu rows\n", rounds * KILLS_A_ROUND,
                  (unsigned long long)acknowledged, (unsigned long long)shared->rows_known);
    assert_true(acknowledged > rounds / 2); /* the writers did come to write */
    children_unshare(shared, sizeof *shared);
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill_what_was_acknowledged_is_there_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
