/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions on threads of their own: writers that insert and delete pairs of rows, readers that
 * must never see half of one (D2), nor a version go back. Sums tell. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/thread.h"
#include "duck/duck_fixture.h"

enum { WRITERS = 3, READERS = 2, RUN_US = 3000000 };

struct worker {
    pthread_t thread;
    struct fixture_session session;
    struct fixture fixture; /* its own text and error; engine and repository are shared */
    atomic_bool *stop;
    int number;
    unsigned commits;
    unsigned conflicts;
    unsigned reads;
    char failure[2048];
};

static void open_worker(struct worker *worker, const struct fixture *f, atomic_bool *stop, int i)
{
    worker->fixture.repository = f->repository;
    worker->fixture.engine = f->engine;
    worker->stop = stop;
    worker->number = i;
    fixture_connect(&worker->fixture, &worker->session);
}

static bool ran(struct worker *worker, const char *sql)
{
    arm_status st = fixture_run(&worker->session, sql);

    if (st == ARM_CONFLICT) {
        worker->conflicts++;
        return false;
    }
    if (st != ARM_OK) {
        (void)snprintf(worker->failure, sizeof worker->failure, "%s: %s", sql,
                       worker->fixture.err.message);
    }
    return st == ARM_OK;
}

/* Every statement leaves the sum of `amount` at zero and the rows even. */
static void *write_pairs(void *context)
{
    struct worker *worker = context;
    unsigned seed = (unsigned)worker->number;
    char sql[256];

    while (!atomic_load(worker->stop) && worker->failure[0] == '\0') {
        int key = rand_r(&seed) % 50;

        if (rand_r(&seed) % 3 != 0) {
            (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%d, %d), (%d, %d)", key, key + 1,
                           key, -key - 1);
        } else {
            (void)snprintf(sql, sizeof sql, "DELETE FROM t WHERE k = %d", key);
        }
        worker->commits += ran(worker, sql) ? 1 : 0;
        if (rand_r(&seed) % 20 == 0) {
            bool ok = ran(worker, "BEGIN") && ran(worker, "DELETE FROM t WHERE k < 5") &&
                      ran(worker, "INSERT INTO t SELECT i, i FROM range(5) r(i)") &&
                      ran(worker, "INSERT INTO t SELECT i, -i FROM range(5) r(i)");

            worker->commits += ok && ran(worker, "COMMIT") ? 1 : 0;
        }
    }
    return NULL;
}

static void *read_sums(void *context)
{
    struct worker *worker = context;

    while (!atomic_load(worker->stop) && worker->failure[0] == '\0') {
        if (!ran(worker, "SELECT sum(amount) = 0 AND count(*) % 2 = 0 AND count(*) = count(k) "
                         "FROM t")) {
            break;
        }
        if (strcmp(worker->fixture.text, "true|") != 0) {
            (void)snprintf(worker->failure, sizeof worker->failure, "half a commit was seen: %.99s",
                           worker->fixture.text);
        }
        if (!ran(worker, "SELECT count(*) = count(amount) FROM t WHERE k BETWEEN 10 AND 20")) {
            break;
        }
        worker->reads++;
    }
    return NULL;
}

static void test_threads_see_whole_commits(void **state)
{
    static struct worker workers[WRITERS + READERS];
    struct fixture *f = *state;
    atomic_bool stop = false;
    unsigned commits = 0;
    unsigned reads = 0;

    assert_sql(&f->a, "CREATE TABLE t AS SELECT i % 50 AS k, (CASE WHEN i < 10000 THEN 1 ELSE -1 "
                      "END)::INTEGER AS amount FROM range(20000) r(i)");
    for (int i = 0; i < WRITERS + READERS; i++) {
        open_worker(&workers[i], f, &stop, i);
    }
    for (int i = 0; i < WRITERS + READERS; i++) {
        assert_int_equal(pthread_create(&workers[i].thread, NULL,
                                        i < WRITERS ? write_pairs : read_sums, &workers[i]),
                         0);
    }
    for (uint64_t start = arm__monotonic_us(); arm__monotonic_us() - start < RUN_US;) {
        struct timespec pause = {.tv_nsec = 10000000};

        (void)nanosleep(&pause, NULL);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < WRITERS + READERS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        arm__duck_disconnect(workers[i].session.connection);
        if (workers[i].failure[0] != '\0') {
            fail_msg("%s", workers[i].failure);
        }
        commits += workers[i].commits;
        reads += workers[i].reads;
    }
    print_message("%u commits, %u reads\n", commits, reads);
    assert_true(commits > 0 && reads > 0);
    assert_rows(&f->a, "SELECT sum(amount), count(*) % 2 FROM t", "0,0|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_threads_see_whole_commits, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
