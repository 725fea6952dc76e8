/* SPDX-License-Identifier: Apache-2.0 */
/* The history checker (support/history.h) on histories made by hand: it must find what is in them,
 * and nothing in those that are right. */

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/history.h"

/* What is found, as bits. */
static unsigned found_in(const char *lines, struct history_report *report)
{
    struct history history = {.txns = NULL};
    char bad[200];
    unsigned found = 0;

    if (!history_add(&history, lines, bad)) {
        fail_msg("no line of a history: %s", bad);
    }
    history_check(&history, HISTORY_SERIALIZABLE, report);
    for (int i = 0; i < HISTORY_ANOMALIES; i++) {
        found |= report->found[i] > 0 ? 1u << i : 0;
    }
    history_free(&history);
    return found;
}

static void expect(const char *lines, unsigned wanted)
{
    struct history_report report;
    unsigned found = found_in(lines, &report);

    if (found != wanted) {
        for (int i = 0; i < HISTORY_ANOMALIES; i++) {
            if (((found ^ wanted) & (1u << i)) != 0) {
                print_message("%s: %s\n", (found & (1u << i)) != 0 ? "found" : "not found",
                              history_anomaly_name((enum history_anomaly)i));
            }
        }
        fail_msg("of\n%s\n%s", lines, report.text);
    }
}

#define ONLY(anomaly) (1u << (anomaly))

/* ---- Histories that are right ---- */

static void test_checker_passes_what_is_right(void **state)
{
    expect("", 0);
    /* One after the other, each kind of object. */
    expect("ok c1 1-2 tx1 a1:1 i1:1 w1:1\n"
           "ok c2 3-4 tx2 l1=1 s1=1 g1=1 a1:2 i1:2 w1:2\n"
           "ok c1 5-6 l1=1,2 s1=2,1 g1=2\n",
           0);
    /* At the same time: the reader may see it or not. */
    expect("ok c1 1-5 tx1 a1:1 w1:1\n"
           "ok c2 1-5 l1= g1=0\n"
           "ok c3 1-5 l1=1 g1=1\n",
           0);
    /* Its own changes; what it read before. */
    expect("ok c1 1-2 tx1 l1= a1:1 l1=1 a1:2 l1=1,2 i1:3 s1=3 w1:4 w1:5 g1=5\n"
           "ok c2 3-4 l1=1,2 l1=1,2 s1=3 s1=3 g1=5 g1=5\n",
           0);
    /* Rolled back, and seen by nobody; its own reads of its own changes. */
    expect("rollback c1 1-2 a1:1 l1=1 w1:1 g1=1\n"
           "conflict c1 1-2 a1:2 l1=2 w1:2 g1=2\n"
           "ok c2 3-4 l1= g1=0\n",
           0);
    /* Nobody knows how it ended: it did not happen; it did. */
    expect("unknown c1 1-2 a1:1\n"
           "ok c2 3-4 l1=\n"
           "begin c3 3 a2:1\n"
           "ok c2 5-6 l2=1\n",
           0);
}

/* ---- What one read gives away ---- */

static void test_checker_finds_values_that_nobody_wrote(void **state)
{
    expect("ok c1 1-2 l1=7\n", ONLY(HISTORY_NOT_WRITTEN));
    expect("ok c1 1-2 s1=7\n", ONLY(HISTORY_NOT_WRITTEN));
    expect("ok c1 1-2 g1=7\n", ONLY(HISTORY_NOT_WRITTEN));
}

static void test_checker_finds_values_twice(void **state)
{
    expect("ok c1 1-2 tx1 a1:7\nok c2 3-4 l1=7,7\n", ONLY(HISTORY_TWICE));
    expect("ok c1 1-2 tx1 i1:7\nok c2 3-4 s1=7,7\n", ONLY(HISTORY_TWICE));
    expect("ok c1 1-2 tx1 i1:7\nok c2 3-4 tx2 i1:7\n", ONLY(HISTORY_TWICE));
}

static void test_checker_finds_reads_that_contradict_the_transaction(void **state)
{
    expect("ok c1 1-2 tx1 a1:7 l1=\n", ONLY(HISTORY_INTERNAL));
    expect("ok c1 1-2 tx1 i1:7 s1=\n", ONLY(HISTORY_INTERNAL));
    expect("ok c1 1-2 tx1 w1:7 g1=0\n", ONLY(HISTORY_INTERNAL));
    expect("rollback c1 1-2 w1:7 g1=0\n", ONLY(HISTORY_INTERNAL));
    expect("ok c1 1-9 tx1 a1:7\nok c2 1-9 l1= l1=7\n", ONLY(HISTORY_INTERNAL));
    expect("ok c1 1-9 tx1 w1:7\nok c2 1-9 g1=0 g1=7\n", ONLY(HISTORY_INTERNAL));
    expect("ok c1 1-9 tx1 i1:7\nok c2 1-9 s1= s1=7\n", ONLY(HISTORY_INTERNAL));
}

static void test_checker_finds_lists_without_an_order(void **state)
{
    expect("ok c1 1-9 tx1 a1:1\nok c2 1-9 tx2 a1:2\nok c3 1-9 l1=1\nok c4 1-9 l1=2,1\n",
           ONLY(HISTORY_NO_ORDER));
}

static void test_checker_finds_G1a(void **state)
{
    expect("rollback c1 1-9 a1:1\nok c2 1-9 l1=1\n", ONLY(HISTORY_G1A));
    expect("conflict c1 1-9 i1:1\nok c2 1-9 s1=1\n", ONLY(HISTORY_G1A));
    expect("rollback c1 1-9 w1:1\nok c2 1-9 g1=1\n", ONLY(HISTORY_G1A));
    expect("rollback c1 1-9 w1:1\nrollback c2 1-9 g1=1\n", ONLY(HISTORY_G1A));
}

static void test_checker_finds_G1b(void **state)
{
    expect("ok c1 1-9 tx1 a1:1 a1:2\nok c2 1-9 l1=1\n", ONLY(HISTORY_G1B) | ONLY(HISTORY_G_SINGLE));
    expect("ok c1 1-9 tx1 i1:1 i1:2\nok c2 1-9 s1=2\n", ONLY(HISTORY_G1B) | ONLY(HISTORY_G_SINGLE));
    expect("ok c1 1-9 tx1 w1:1 w1:2\nok c2 1-9 g1=1\n", ONLY(HISTORY_G1B));
}

static void test_checker_finds_lost_updates(void **state)
{
    expect("ok c1 1-9 tx1 l1= a1:1\nok c2 1-9 tx2 l1= a1:2\nok c3 10-11 l1=1,2\n",
           ONLY(HISTORY_LOST_UPDATE) | ONLY(HISTORY_G_SINGLE));
    expect("ok c1 1-9 tx1 g1=0 w1:1\nok c2 1-9 tx2 g1=0 w1:2\n",
           ONLY(HISTORY_LOST_UPDATE) | ONLY(HISTORY_G_SINGLE));
    /* One of them is gone altogether: nobody sees it though it was acknowledged. */
    expect("ok c1 1-9 tx1 a1:1\nok c2 1-9 tx2 a1:2\nok c3 10-11 l1=2\n",
           ONLY(HISTORY_G_SINGLE_REALTIME));
}

/* ---- Cycles ---- */

static void test_checker_finds_G0(void **state)
{
    expect("ok c1 1-9 tx1 a1:1 a2:1\nok c2 1-9 tx2 a1:2 a2:2\nok c3 10-11 l1=1,2 l2=2,1\n",
           ONLY(HISTORY_G0));
}

static void test_checker_finds_G1c(void **state)
{
    expect("ok c1 1-9 tx1 a1:1 l2=2\nok c2 1-9 tx2 a2:2 l1=1\n", ONLY(HISTORY_G1C));
    expect("ok c1 1-9 tx1 w1:1 g2=2\nok c2 1-9 tx2 w2:2 g1=1\n", ONLY(HISTORY_G1C));
    expect("ok c1 1-9 tx1 i1:1 s2=2\nok c2 1-9 tx2 i2:2 s1=1\n", ONLY(HISTORY_G1C));
    /* The future. */
    expect("ok c1 1-2 l1=1\nok c2 3-4 tx1 a1:1\n", ONLY(HISTORY_G1C_REALTIME));
    /* Registers in the order of their tx ids, though the second had begun after the first. */
    expect("ok c1 1-2 tx2 w1:1\nok c2 3-4 tx1 w1:2\n", ONLY(HISTORY_G1C_REALTIME));
}

static void test_checker_finds_G_single(void **state)
{
    /* Half of a transaction. */
    expect("ok c1 1-9 tx1 a1:1 a2:1\nok c2 1-9 l1=1 l2=\n", ONLY(HISTORY_G_SINGLE));
    expect("ok c1 1-9 tx1 w1:1 w2:1\nok c2 1-9 g1=1 g2=0\n", ONLY(HISTORY_G_SINGLE));
    expect("ok c1 1-9 tx1 i1:1 i2:1\nok c2 1-9 s1=1 s2=\n", ONLY(HISTORY_G_SINGLE));
    expect("ok c1 1-9 tx1 i1:1 w2:1\nok c2 1-9 s1= g2=1\n", ONLY(HISTORY_G_SINGLE));
    /* Seen by one that was rolled back. */
    expect("ok c1 1-9 tx1 a1:1 a2:1\nrollback c2 1-9 l1=1 l2=\n", ONLY(HISTORY_G_SINGLE));
    /* Over three. */
    expect("ok c1 1-9 tx1 a1:1\nok c2 1-9 tx2 l1=1 a2:1\nok c3 1-9 l2=1 l1=\n",
           ONLY(HISTORY_G_SINGLE));
    /* What was acknowledged before it began is not seen. */
    expect("ok c1 1-2 tx1 a1:1\nok c2 3-4 l1=\n", ONLY(HISTORY_G_SINGLE_REALTIME));
    expect("ok c1 1-2 tx1 w1:1\nok c2 3-4 g1=0\n", ONLY(HISTORY_G_SINGLE_REALTIME));
    expect("ok c1 1-2 tx1 i1:1\nok c2 3-4 s1=\n", ONLY(HISTORY_G_SINGLE_REALTIME));
    /* The same, seen first by somebody else. */
    expect("ok c1 1-9 tx1 i1:1\nok c2 1-3 s1=1\nok c3 4-9 s1=\n", ONLY(HISTORY_G_SINGLE_REALTIME));
}

static void test_checker_finds_long_forks(void **state)
{
    /* Two writers, and two readers that see them in different orders: rw, wr, rw, wr. */
    expect("ok c1 1-9 tx1 a1:1\nok c2 1-9 tx2 a2:1\nok c3 1-9 l1=1 l2=\nok c4 1-9 l1= l2=1\n",
           ONLY(HISTORY_G_NONADJACENT));
    expect("ok c1 1-9 tx1 i1:1\nok c2 1-9 tx2 i2:1\nok c3 1-9 s1=1 s2=\nok c4 1-9 s1= s2=1\n",
           ONLY(HISTORY_G_NONADJACENT));
    /* rw, realtime, rw, wr. */
    expect("ok c1 1-2 tx1 a1:1\nok c4 3-9 l2=\nok c2 1-9 tx2 a2:1\nok c3 1-9 l2=1 l1=\n",
           ONLY(HISTORY_G_NONADJACENT_REALTIME));
}

static void test_checker_finds_G2(void **state)
{
    struct history_report report;

    expect("ok c1 1-9 tx1 l2= a1:1\nok c2 1-9 tx2 l1= a2:1\n", ONLY(HISTORY_G2_ITEM));
    expect("ok c1 1-9 tx1 g2=0 w1:1\nok c2 1-9 tx2 g1=0 w2:1\n", ONLY(HISTORY_G2_ITEM));
    expect("ok c1 1-9 tx1 s1= i1:1\nok c2 1-9 tx2 s1= i1:2\n", ONLY(HISTORY_G2));
    /* Fekete's: the third makes it one. */
    expect("ok c1 1-9 tx3 l2= a1:1\nok c2 1-9 tx2 a2:1\nok c3 1-9 l1= l2=1\n",
           ONLY(HISTORY_G2_ITEM));
    /* Only by real time. */
    expect("ok c1 1-9 tx3 l2= a1:1\nok c2 2-3 tx2 a2:1\nok c3 4-5 l1=\n",
           ONLY(HISTORY_G2_REALTIME));
    (void)found_in("ok c1 1-9 tx1 s1= i1:1\nok c2 1-9 tx2 s1= i1:2\n", &report);
    assert_int_equal(history_forbidden(&report, HISTORY_SNAPSHOT), 0);
    assert_int_equal(history_forbidden(&report, HISTORY_SERIALIZABLE), 1);
}

static void test_checker_tells_the_transactions(void **state)
{
    struct history_report report;

    (void)found_in("ok c1 1-9 tx5 a1:1 a2:1\nok c2 2-8 l1=1 l2=\n", &report);
    assert_non_null(strstr(report.text, "G-single: read skew: "));
    assert_non_null(strstr(report.text, "wr by list 1"));
    assert_non_null(strstr(report.text, "rw by list 2"));
    assert_non_null(strstr(report.text, "    ok c1 1-9 tx5 a1:1 a2:1\n"));
    assert_non_null(strstr(report.text, "    ok c2 2-8 l1=1 l2=\n"));
    assert_int_equal(history_forbidden(&report, HISTORY_SNAPSHOT), 1);
}

/* ---- Text ---- */

static void test_checker_reads_what_clients_leave_behind(void **state)
{
    struct history history = {.txns = NULL};
    char bad[200];

    assert_true(history_add(&history,
                            "begin c1 1 a1:1 l1\n"
                            "ok c1 1-2 tx1 a1:1 l1=1\n"
                            "begin c1 3 a1:2\n"
                            "rollback c1 3-4 a1:2\n"
                            "begin c1 5 a1:3\n"
                            "ok c1 5-6 tx2 a1", /* it died */
                            bad));
    assert_int_equal(history.txn_count, 3);
    assert_int_equal(history.txns[0].outcome, HISTORY_OK);
    assert_int_equal(history.txns[1].outcome, HISTORY_ROLLBACK);
    assert_int_equal(history.txns[2].outcome, HISTORY_UNKNOWN);
    assert_true(history.txns[2].end_ns == UINT64_MAX);
    history_free(&history);
    for (size_t i = 0; i < 8; i++) {
        static const char *const wrong[] = {"x\n",
                                            "ok\n",
                                            "ok c1\n",
                                            "ok c1 1\n",
                                            "ok c1 1-2 q1\n",
                                            "ok c1 1-2 a1\n",
                                            "ok c1 1-2 g1=\n",
                                            "rollback c1 1-2 a:1\n"};

        assert_false(history_add(&history, wrong[i], bad));
        history_free(&history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checker_passes_what_is_right),
        cmocka_unit_test(test_checker_finds_values_that_nobody_wrote),
        cmocka_unit_test(test_checker_finds_values_twice),
        cmocka_unit_test(test_checker_finds_reads_that_contradict_the_transaction),
        cmocka_unit_test(test_checker_finds_lists_without_an_order),
        cmocka_unit_test(test_checker_finds_G1a),
        cmocka_unit_test(test_checker_finds_G1b),
        cmocka_unit_test(test_checker_finds_lost_updates),
        cmocka_unit_test(test_checker_finds_G0),
        cmocka_unit_test(test_checker_finds_G1c),
        cmocka_unit_test(test_checker_finds_G_single),
        cmocka_unit_test(test_checker_finds_long_forks),
        cmocka_unit_test(test_checker_finds_G2),
        cmocka_unit_test(test_checker_tells_the_transactions),
        cmocka_unit_test(test_checker_reads_what_clients_leave_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
