/* SPDX-License-Identifier: Apache-2.0 */
/* U2, U3 under threads: writers insert rows and delete rows of their own, each in transactions of
 * several statements, while another thread compacts without a pause. No commit may fail: nobody
 * else touches a writer's rows. In the end the table has what the writers know it must have, and a
 * reader that began before all of it still reads what it saw.
 *
 * ARM_COMPACT_ROUNDS=n transactions a writer instead of the usual. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "txn/compact_fixture.h"

enum { WRITERS = 3, ROUNDS = 150, ROWS_EACH = 1000000 };

struct writer {
    pthread_t thread;
    struct desk *desk;
    int64_t first; /* its rows are first .. next-1, of which those not `dead` must be there */
    int64_t next;
    bool dead[20000];
    unsigned seed;
    unsigned rounds;
};

static atomic_bool stop;
static uint64_t compactions;
static uint64_t given_up;

/* One row of its own that lives; -1: none. */
static int64_t choose(struct writer *w)
{
    int64_t count = w->next - w->first;

    for (int i = 0; count > 0 && i < 20; i++) {
        int64_t at = rand_r(&w->seed) % count;

        if (!w->dead[at]) {
            return w->first + at;
        }
    }
    return -1;
}

static void *run_writer(void *argument)
{
    struct writer *w = argument;

    for (unsigned i = 0; i < w->rounds; i++) {
        int64_t count = rand_r(&w->seed) % 10 == 0 ? 200 : 1 + rand_r(&w->seed) % 3;
        struct arm_transaction *txn = txn_begin(w->desk, "main");
        int64_t victim = choose(w);

        if (victim >= 0 && rand_r(&w->seed) % 4 > 0) {
            assert_int_equal(txn_delete(w->desk, txn, "t", victim), 1);
            w->dead[victim - w->first] = true;
        }
        txn_insert(w->desk, txn, "t", w->next, w->next + count);
        w->next += count;
        txn_commit(w->desk, txn);
    }
    return NULL;
}

static void *run_compactor(void *argument)
{
    struct desk *desk = argument;

    while (!atomic_load(&stop)) {
        struct arm_compact_report report =
            desk_compact(desk, compactions % 2 == 0 ? NULL : &small_limits);

        compactions++;
        given_up += report.given_up;
    }
    return NULL;
}

static int compare_values(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;

    return (*x > *y) - (*x < *y);
}

static void check_rows(struct desk *desk, const struct writer *writers)
{
    struct arm_transaction *txn = txn_begin(desk, "main");
    const struct arm_view *view = txn_view(txn, "t");
    struct numbers numbers = view_numbers(desk, view);
    size_t at = 0;

    qsort(numbers.values, numbers.count, sizeof *numbers.values, compare_values);
    for (int i = 0; i < WRITERS; i++) {
        for (int64_t value = writers[i].first; value < writers[i].next; value++) {
            if (!writers[i].dead[value - writers[i].first]) {
                assert_true(at < numbers.count);
                assert_int_equal(numbers.values[at++], value);
            }
        }
    }
    assert_int_equal(at, numbers.count);
    free(numbers.values);
    arm__view_drop(view);
    arm__txn_rollback(txn);
}

static void test_compact_U3_writers_never_notice(void **state)
{
    static struct writer writers[WRITERS];
    struct desk *desk = *state;
    const char *rounds = getenv("ARM_COMPACT_ROUNDS");
    struct arm_transaction *reader;
    pthread_t compactor;

    make_table(desk, "t", 0, 3);
    writers[0].next = 3;
    reader = txn_begin(desk, "main");
    for (int i = 0; i < WRITERS; i++) {
        struct writer *w = &writers[i];

        w->desk = desk;
        w->first = (int64_t)i * ROWS_EACH;
        w->next = i == 0 ? 3 : w->first;
        w->seed = (unsigned)i + 1;
        w->rounds = rounds != NULL ? (unsigned)strtoul(rounds, NULL, 10) : ROUNDS;
        assert_true(w->rounds <= 700); /* of at most 200 rows, some of few */
        assert_int_equal(pthread_create(&w->thread, NULL, run_writer, w), 0);
    }
    assert_int_equal(pthread_create(&compactor, NULL, run_compactor, desk), 0);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
    }
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(compactor, NULL), 0);
    print_message("%llu compactions, %llu spans given up\n", (unsigned long long)compactions,
                  (unsigned long long)given_up);
    assert_true(compactions > 1);
    assert_rows(desk, reader, "t", "0 1 2");
    arm__txn_rollback(reader);
    check_rows(desk, writers);
    kernel_reopen(desk->kernel);
    check_rows(desk, writers);
    assert_healthy(desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        desk_test(test_compact_U3_writers_never_notice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
