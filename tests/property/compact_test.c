/* SPDX-License-Identifier: Apache-2.0 */
/* U1, U3 at random: one plan of transactions, several of them open at once, runs in two
 * repositories, one of which is compacted now and then. A commit succeeds in both or conflicts in
 * both, and every version has the same rows, with the same ids, in the same order. At the end the
 * compacted one is opened anew without its index, and is sound.
 *
 * ARM_PROPERTY_SEED=n runs one seed, ARM_COMPACT_SEEDS=n so many. */

#include <stdlib.h>
#include <unistd.h>

#include "txn/compact_fixture.h"

enum { SLOTS = 3, STEPS = 120, SEEDS = 12 };

struct pair {
    struct kernel kernels[2];
    struct desk desks[2];
    struct arm_transaction *txns[2][SLOTS];
    int64_t next_value;
    uint64_t commits;
    uint64_t conflicts;
    uint64_t compactions;
};

static struct pair pair;

static void open_pair(struct arm_engine *engine)
{
    memset(&pair, 0, sizeof pair);
    for (int i = 0; i < 2; i++) {
        struct kernel *k = &pair.kernels[i];

        k->dir = temp_dir_make();
        assert_ok(arm__repository_create(NULL, k->dir.path, &k->err), k->err);
        kernel_open(k);
        pair.desks[i] = (struct desk){k, engine};
        make_table(&pair.desks[i], "t", 0, 10);
    }
    pair.next_value = 10;
}

static void close_pair(void)
{
    for (int i = 0; i < 2; i++) {
        kernel_close(&pair.kernels[i]);
        temp_dir_remove(&pair.kernels[i].dir);
    }
}

/* ---- One step, in both ---- */

static void step_insert(int slot)
{
    int64_t count = rand() % 8 == 0 ? 300 + rand() % 400 : 1 + rand() % 5;

    for (int i = 0; i < 2; i++) {
        txn_insert(&pair.desks[i], pair.txns[i][slot], "t", pair.next_value,
                   pair.next_value + count);
    }
    pair.next_value += count;
}

/* A row that the transaction sees, so that it is one of many or of those just written. */
static void step_delete(int slot)
{
    const struct arm_view *view = txn_view(pair.txns[0][slot], "t");
    struct numbers numbers = view_numbers(&pair.desks[0], view);

    if (numbers.count > 0) {
        size_t at = rand() % 2 == 0 ? (size_t)rand() % numbers.count
                                    : (size_t)rand() % (numbers.count < 12 ? numbers.count : 12);

        for (int i = 0; i < 2; i++) {
            assert_int_equal(
                txn_delete(&pair.desks[i], pair.txns[i][slot], "t", numbers.values[at]), 1);
        }
    }
    free(numbers.values);
    arm__view_drop(view);
}

static void step_replace(int slot)
{
    int64_t count = 1 + rand() % 20;

    for (int i = 0; i < 2; i++) {
        txn_replace(&pair.desks[i], pair.txns[i][slot], "t", pair.next_value,
                    pair.next_value + count);
    }
    pair.next_value += count;
}

static void step_commit(int slot)
{
    arm_status st[2];

    for (int i = 0; i < 2; i++) {
        struct arm_commit_result result = {.tx = 0};
        struct arm_error err = {0};

        st[i] = arm__txn_commit(pair.txns[i][slot], "step", &result, &err);
        pair.txns[i][slot] = NULL;
        assert_true(st[i] == ARM_OK || st[i] == ARM_CONFLICT);
    }
    if (st[0] != st[1]) {
        fail_msg("%s without compaction, %s with it", arm_status_name(st[0]),
                 arm_status_name(st[1]));
    }
    pair.commits += st[0] == ARM_OK;
    pair.conflicts += st[0] == ARM_CONFLICT;
}

static void step_compact(void)
{
    struct arm_compact_limits limits = small_limits;

    limits.sources_max = 1 + (uint32_t)rand() % 10;
    limits.chunk_rows = rand() % 2 == 0 ? 1000 : 50;
    pair.compactions += desk_compact(&pair.desks[1], rand() % 3 == 0 ? NULL : &limits).tables;
}

static void step(void)
{
    int slot = rand() % SLOTS;
    int what = rand() % 20;

    if (what < 4) {
        step_compact();
    } else if (pair.txns[0][slot] == NULL) {
        for (int i = 0; i < 2; i++) {
            pair.txns[i][slot] = txn_begin(&pair.desks[i], "main");
        }
    } else if (what < 9) {
        step_insert(slot);
    } else if (what < 15) {
        step_delete(slot);
    } else if (what == 15 && rand() % 3 == 0) {
        step_replace(slot);
    } else if (what > 15) {
        step_commit(slot);
    }
}

/* ---- What must be the same ---- */

static void compare_versions(uint64_t first)
{
    uint64_t last = head_version(&pair.desks[0]);

    assert_int_equal(head_version(&pair.desks[1]), last);
    for (uint64_t version = first; version <= last; version++) {
        struct id_rows a = version_rows(&pair.desks[0], version);
        struct id_rows b = version_rows(&pair.desks[1], version);

        assert_same_id_rows(&a, &b, version);
        free(a.rows);
        free(b.rows);
    }
}

static void run(unsigned seed)
{
    char path[TEMP_PATH_BYTES];
    uint64_t seen;

    srand(seed);
    for (int i = 0; i < STEPS; i++) {
        step();
    }
    for (int slot = 0; slot < SLOTS; slot++) {
        if (pair.txns[0][slot] != NULL) {
            step_commit(slot);
        }
    }
    seen = head_version(&pair.desks[0]);
    compare_versions(1);
    kernel_close(&pair.kernels[1]);
    (void)unlink(temp_path(&pair.kernels[1].dir, "index/data.mdb", path));
    kernel_open(&pair.kernels[1]);
    compare_versions(seen > 4 ? seen - 4 : 1);
    assert_healthy(&pair.desks[1]);
}

static unsigned number_from(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

static void test_compact_leaves_no_trace_in_any_history(void **state)
{
    struct arm_engine *engine = fixture_engine();
    unsigned first = number_from("ARM_PROPERTY_SEED", 1);
    unsigned count =
        getenv("ARM_PROPERTY_SEED") != NULL ? 1 : number_from("ARM_COMPACT_SEEDS", SEEDS);
    uint64_t commits = 0;
    uint64_t conflicts = 0;
    uint64_t compactions = 0;

    (void)state;
    for (unsigned seed = first; seed < first + count; seed++) {
        print_message("seed %u\n", seed);
        open_pair(engine);
        run(seed);
        close_pair();
        commits += pair.commits;
        conflicts += pair.conflicts;
        compactions += pair.compactions;
    }
    arm__engine_close(engine);
    print_message("%llu commits, %llu conflicts, %llu compactions\n", (unsigned long long)commits,
                  (unsigned long long)conflicts, (unsigned long long)compactions);
    if (count >= SEEDS) { /* the plans are not empty ones */
        assert_true(commits > 10 * count);
        assert_true(conflicts > 0);
        assert_true(compactions > 5 * count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compact_leaves_no_trace_in_any_history),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
