/* SPDX-License-Identifier: Apache-2.0 */
#include "table/cut.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

enum { ROWS = 4000000, CUTS_MAX = 1000 };

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint64_t *random_hashes(uint64_t seed, size_t count)
{
    uint64_t *hashes = malloc(count * sizeof *hashes);

    assert_non_null(hashes);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = next_random(&seed);
    }
    return hashes;
}

/* The cuts of a stream fed in batches of at most `batch`, as a caller would: rows behind a cut are
 * fed again. Returns how many. */
static size_t cut_all(const uint64_t *hashes, const uint32_t *sizes, size_t count, uint32_t batch,
                      size_t *cuts)
{
    struct arm_cutter cutter;
    size_t begin = 0;
    size_t at = 0;
    size_t cut_count = 0;

    arm__cutter_init(&cutter, 1);
    while (at < count) {
        uint32_t size = count - at < batch ? (uint32_t)(count - at) : batch;
        uint32_t cut = 0;
        uint32_t used = 0;

        arm__cutter_feed(&cutter, hashes + at, sizes == NULL ? NULL : sizes + at, size, &cut,
                         &used);
        assert_true(used > 0 && used <= size);
        at += used;
        if (cut > 0) {
            assert_true(begin + cut <= at);
            begin += cut;
            at = begin;
            assert_true(cut_count < CUTS_MAX);
            cuts[cut_count++] = begin;
        } else {
            assert_int_equal(used, size);
        }
    }
    return cut_count;
}

static void test_cut_sizes_are_within_bounds_and_mean_near_target(void **state)
{
    uint64_t *hashes = random_hashes(1, ROWS);
    size_t cuts[CUTS_MAX];
    size_t count = cut_all(hashes, NULL, ROWS, 2048, cuts);
    double mean = (double)cuts[count - 1] / (double)count;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t size = cuts[i] - (i == 0 ? 0 : cuts[i - 1]);

        assert_in_range(size, ARM_CUT_MIN, ARM_CUT_MAX);
    }
    assert_true(mean > 0.9 * ARM_CUT_TARGET && mean < 1.1 * ARM_CUT_TARGET);
    free(hashes);
}

static void test_cut_does_not_depend_on_batches(void **state)
{
    uint64_t *hashes = random_hashes(2, ROWS / 4);
    size_t cuts[CUTS_MAX];
    size_t others[CUTS_MAX];
    size_t count = cut_all(hashes, NULL, ROWS / 4, 2048, cuts);

    (void)state;
    for (uint32_t batch = 1; batch < 300000; batch = batch * 7 + 3) {
        assert_int_equal(cut_all(hashes, NULL, ROWS / 4, batch, others), count);
        assert_memory_equal(cuts, others, count * sizeof *cuts);
    }
    free(hashes);
}

/* A stream that begins at a cut of another has all its later cuts. */
static void test_cut_looks_at_nothing_before_the_last_cut(void **state)
{
    enum { SOME = 2000000 };
    uint64_t *hashes = random_hashes(4, SOME);
    size_t cuts[CUTS_MAX];
    size_t later[CUTS_MAX];
    size_t count;

    (void)state;
    for (size_t i = 0; i < SOME; i++) {
        hashes[i] |= UINT64_C(1) << 63; /* none is below the threshold: the smallest decides */
    }
    count = cut_all(hashes, NULL, SOME, 2048, cuts);
    assert_true(count > 10);
    for (size_t i = 0; i < count; i++) {
        size_t begin = cuts[i];

        assert_int_equal(cut_all(hashes + begin, NULL, SOME - begin, 2048, later), count - i - 1);
        for (size_t k = 0; k < count - i - 1; k++) {
            assert_int_equal(begin + later[k], cuts[i + 1 + k]);
        }
    }
    free(hashes);
}

/* Rows that are all alike are cut too, at the first place of the window. */
static void test_cut_copes_with_equal_rows(void **state)
{
    uint64_t *hashes = malloc(ROWS * sizeof *hashes);
    size_t cuts[CUTS_MAX];
    size_t count;

    (void)state;
    memset(hashes, 0xFF, ROWS * sizeof *hashes);
    count = cut_all(hashes, NULL, ROWS, 2048, cuts);
    assert_in_range(count, ROWS / ARM_CUT_MIN - 1, ROWS / ARM_CUT_MIN);
    assert_int_equal(cuts[0], ARM_CUT_MIN);
    memset(hashes, 0, ROWS * sizeof *hashes);
    count = cut_all(hashes, NULL, ROWS, 2048, cuts);
    assert_int_equal(cuts[0], ARM_CUT_MIN);
    free(hashes);
}

static size_t chunks_that_differ(const size_t *a, size_t a_count, const size_t *b, size_t b_count,
                                 size_t at, size_t inserted)
{
    size_t same = 0;

    for (size_t i = 0; i < b_count; i++) {
        size_t begin = i == 0 ? 0 : b[i - 1];
        size_t shift = begin >= at + inserted ? inserted : 0;

        for (size_t j = 0; j < a_count; j++) {
            size_t old_begin = j == 0 ? 0 : a[j - 1];

            if (old_begin == begin - shift && a[j] == b[i] - shift &&
                (b[i] <= at || begin >= at + inserted)) {
                same++;
            }
        }
    }
    return b_count - same;
}

static void test_cut_insertion_moves_few_cuts(void **state)
{
    enum { INSERTED = 1000, TRIALS = 60, COUNT = 3000000 };
    size_t worst = 0;
    size_t total = 0;
    size_t over = 0;

    (void)state;
    for (uint64_t trial = 0; trial < TRIALS; trial++) {
        uint64_t *old = random_hashes(trial, COUNT);
        uint64_t *new = malloc((COUNT + INSERTED) * sizeof *new);
        uint64_t *added = random_hashes(trial + 1000, INSERTED);
        uint64_t seed = trial + 2000;
        size_t at = next_random(&seed) % COUNT;
        size_t a[CUTS_MAX];
        size_t b[CUTS_MAX];
        size_t a_count;
        size_t b_count;
        size_t changed;

        memcpy(new, old, at * sizeof *new);
        memcpy(new + at, added, INSERTED * sizeof *new);
        memcpy(new + at + INSERTED, old + at, (COUNT - at) * sizeof *new);
        a_count = cut_all(old, NULL, COUNT, 2048, a);
        b_count = cut_all(new, NULL, COUNT + INSERTED, 2048, b);
        changed = chunks_that_differ(a, a_count, b, b_count, at, INSERTED);
        worst = changed > worst ? changed : worst;
        total += changed;
        over += changed > 3;
        free(added);
        free(new);
        free(old);
    }
    print_message("insertion: %zu chunks changed in %d trials, %zu at worst\n", total, TRIALS,
                  worst);
    assert_true(total < 2 * TRIALS);
    assert_true(over <= TRIALS / 20);
}

static void test_cut_bounds_bytes(void **state)
{
    enum { COUNT = 200000 };
    uint64_t *hashes = random_hashes(3, COUNT);
    uint32_t *sizes = malloc(COUNT * sizeof *sizes);
    size_t cuts[CUTS_MAX];
    size_t others[CUTS_MAX];
    size_t count;
    size_t begin = 0;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = 10000 + (uint32_t)(hashes[i] % 5000);
    }
    count = cut_all(hashes, sizes, COUNT, 2048, cuts);
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = 0;

        for (size_t row = begin; row < cuts[i]; row++) {
            bytes += sizes[row];
        }
        assert_in_range(bytes, ARM_CUT_BYTES_MIN, ARM_CUT_BYTES_MAX + 15000);
        begin = cuts[i];
    }
    assert_int_equal(cut_all(hashes, sizes, COUNT, 77, others), count);
    assert_memory_equal(cuts, others, count * sizeof *cuts);
    sizes[100] = UINT32_MAX; /* one row of 4 GiB is a cut of its own making */
    (void)cut_all(hashes, sizes, COUNT, 2048, cuts);
    assert_int_equal(cuts[0], 101);
    free(sizes);
    free(hashes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_sizes_are_within_bounds_and_mean_near_target),
        cmocka_unit_test(test_cut_does_not_depend_on_batches),
        cmocka_unit_test(test_cut_looks_at_nothing_before_the_last_cut),
        cmocka_unit_test(test_cut_copes_with_equal_rows),
        cmocka_unit_test(test_cut_insertion_moves_few_cuts),
        cmocka_unit_test(test_cut_bounds_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
