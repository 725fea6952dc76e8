/* SPDX-License-Identifier: Apache-2.0 */
/* Random transactions, two at a time, against a model in memory: each sees its snapshot and its own
 * changes and nothing else, views stay as they were taken, a commit that comes through makes
 * the head what the model says, one that conflicts or is rolled back changes nothing.
 * ARM_SEED=<seed> replays one history. */

#include "txn/txn.h"

#include <stdlib.h>

#include "txn/txn_fixture.h"

enum { TABLES = 3, IDS = 40000, STEPS = 220, HISTORIES = 3 };

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % n;
}

/* ---- The model: which ids a table holds ---- */

struct model {
    bool exists[TABLES];
    uint8_t *holds[TABLES]; /* IDS of them */
};

static void model_init(struct model *model)
{
    for (size_t t = 0; t < TABLES; t++) {
        model->exists[t] = false;
        model->holds[t] = calloc(IDS, 1);
    }
}

static void model_copy(struct model *to, const struct model *from)
{
    for (size_t t = 0; t < TABLES; t++) {
        to->exists[t] = from->exists[t];
        memcpy(to->holds[t], from->holds[t], IDS);
    }
}

static void model_free(struct model *model)
{
    for (size_t t = 0; t < TABLES; t++) {
        free(model->holds[t]);
    }
}

static const char *const names[TABLES] = {"a", "b", "c"};

static void expect_view(struct desk *desk, const struct arm_view *view, const uint8_t *holds)
{
    struct numbers numbers = view_numbers(desk, view);
    size_t wanted = 0;
    uint8_t *seen = calloc(IDS, 1);

    for (size_t id = 0; id < IDS; id++) {
        wanted += holds[id];
    }
    assert_int_equal(numbers.count, wanted);
    for (size_t i = 0; i < numbers.count; i++) {
        assert_true(holds[numbers.values[i]] && !seen[numbers.values[i]]);
        seen[numbers.values[i]] = 1;
    }
    free(seen);
    free(numbers.values);
}

static void expect_txn(struct desk *desk, struct arm_transaction *txn, const struct model *model)
{
    for (size_t t = 0; t < TABLES; t++) {
        const struct arm_view *view = txn_view(txn, names[t]);

        assert_true((view != NULL) == model->exists[t]);
        if (view != NULL) {
            expect_view(desk, view, model->holds[t]);
        }
        arm__view_drop(view);
    }
}

static void expect_head(struct desk *desk, const struct model *model)
{
    struct arm_transaction *txn = txn_begin(desk, "main");

    expect_txn(desk, txn, model);
    arm__txn_rollback(txn);
}

/* ---- Statements ---- */

/* A run of ids that the table does not hold; mostly small, now and then a chunk. */
static void insert(struct desk *desk, struct arm_transaction *txn, struct model *model, size_t t)
{
    size_t count = random_below(8) == 0 ? 10001 + random_below(3000) : 1 + random_below(30);
    size_t from = random_below(IDS - count);

    for (size_t id = from; id < from + count; id++) {
        if (model->holds[t][id]) {
            return;
        }
    }
    txn_insert(desk, txn, names[t], (int64_t)from, (int64_t)(from + count));
    memset(model->holds[t] + from, 1, count);
}

/* Ids from .. to-1 of a table die: what one DELETE statement does. */
static void delete_range(struct desk *desk, struct arm_transaction *txn, struct model *model,
                         size_t t, int64_t from, int64_t to)
{
    const struct arm_view *view = txn_view(txn, names[t]);
    roaring_bitmap_t **bits = calloc(view->entry_count + 1, sizeof *bits);
    uint64_t count = 0;
    uint64_t wanted = 0;
    struct arm_error err = {0};

    for (size_t i = 0; i < view->entry_count; i++) {
        struct rows rows = view_entry_rows(desk, view, i);
        uint32_t row = 0;

        for (size_t c = 0; c < rows.count; c++) {
            const int64_t *values =
                duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows.chunks[c], 0));

            for (idx_t v = 0; v < duckdb_data_chunk_get_size(rows.chunks[c]); v++, row++) {
                if (values[v] >= from && values[v] < to) {
                    bits[i] = bits[i] == NULL ? roaring_bitmap_create() : bits[i];
                    roaring_bitmap_add(bits[i], row);
                }
            }
        }
        rows_free_chunks(&rows);
    }
    assert_ok(arm__txn_delete(txn, view, bits, &count, &err), err);
    for (int64_t id = from; id < to; id++) {
        wanted += model->holds[t][id];
        model->holds[t][id] = 0;
    }
    assert_int_equal(count, wanted);
    for (size_t i = 0; i < view->entry_count; i++) {
        if (bits[i] != NULL) {
            roaring_bitmap_free(bits[i]);
        }
    }
    free(bits);
    arm__view_drop(view);
}

static void replace(struct desk *desk, struct arm_transaction *txn, struct model *model, size_t t)
{
    size_t count = random_below(2) == 0 ? random_below(40) : 10001 + random_below(10000);
    size_t from = random_below(3) * 1000; /* often what is there already */

    txn_replace(desk, txn, names[t], (int64_t)from, (int64_t)(from + count));
    memset(model->holds[t], 0, IDS);
    memset(model->holds[t] + from, 1, count);
}

static void statement(struct desk *desk, struct arm_transaction *txn, struct model *model)
{
    size_t t = random_below(TABLES);
    int64_t from;

    if (!model->exists[t]) {
        txn_create(desk, txn, names[t]);
        model->exists[t] = true;
        memset(model->holds[t], 0, IDS);
        return;
    }
    switch (random_below(12)) {
    case 0:
        txn_drop(txn, names[t]);
        model->exists[t] = false;
        break;
    case 1:
        replace(desk, txn, model, t);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        from = (int64_t)random_below(IDS);
        delete_range(desk, txn, model, t, from,
                     from + 1 +
                         (int64_t)random_below(random_below(4) == 0 ? (uint64_t)(IDS - from) : 20) %
                             (IDS - from));
        break;
    default:
        insert(desk, txn, model, t);
        break;
    }
}

/* ---- Histories ---- */

struct party {
    struct arm_transaction *txn;
    struct model model;          /* what it should see */
    const struct arm_view *view; /* taken some time ago ... */
    uint8_t *shown;              /* ... when it showed this */
};

static void take_view(struct party *party)
{
    size_t t = random_below(TABLES);

    arm__view_drop(party->view);
    party->view = txn_view(party->txn, names[t]);
    if (party->view != NULL) {
        memcpy(party->shown, party->model.holds[t], IDS);
    }
}

static void begin(struct desk *desk, struct party *party, const struct model *head)
{
    party->txn = txn_begin(desk, "main");
    model_copy(&party->model, head);
}

/* Commit or roll back a transaction that nothing came before. */
static void finish(struct desk *desk, struct party *party, struct model *head, uint64_t *committed)
{
    if (random_below(5) == 0) {
        arm__txn_rollback(party->txn);
    } else {
        txn_commit(desk, party->txn);
        model_copy(head, &party->model);
        ++*committed;
    }
}

static void run_history(struct desk *desk, uint64_t seed)
{
    struct model head;
    struct party parties[2];
    uint64_t committed = 0;

    random_state = seed;
    model_init(&head);
    for (size_t p = 0; p < 2; p++) {
        parties[p] = (struct party){.shown = calloc(IDS, 1)};
        model_init(&parties[p].model);
        begin(desk, &parties[p], &head);
    }
    for (size_t step = 0; step < STEPS; step++) {
        struct party *party = &parties[random_below(2)];

        if (random_below(6) > 0) {
            statement(desk, party->txn, &party->model);
            if (random_below(4) == 0) {
                expect_txn(desk, party->txn, &party->model);
                take_view(party);
            }
            continue;
        }
        uint64_t tx = kernel_snapshot(desk->kernel, "main").tx;
        bool alone = tx == arm__txn_snapshot(party->txn)->tx;

        if (!alone) { /* what two commuting transactions give is for the commit's own tests */
            arm__txn_rollback(party->txn);
        } else {
            finish(desk, party, &head, &committed);
            expect_head(desk, &head);
        }
        if (party->view != NULL) {
            expect_view(desk, party->view, party->shown); /* X2: beyond the transaction's end */
        }
        begin(desk, party, &head);
    }
    for (size_t p = 0; p < 2; p++) {
        arm__txn_rollback(parties[p].txn);
        arm__view_drop(parties[p].view);
        free(parties[p].shown);
        model_free(&parties[p].model);
    }
    print_message("seed %llu: %llu commits\n", (unsigned long long)seed,
                  (unsigned long long)committed);
    assert_true(committed > 3);
    assert_int_equal(desk_leases(desk), 0);
    kernel_reopen(desk->kernel);
    expect_head(desk, &head);
    model_free(&head);
}

static void test_txn_random_histories_match_the_model(void **state)
{
    const char *given = getenv("ARM_SEED");

    for (uint64_t seed = 1; seed <= (given != NULL ? 1 : HISTORIES); seed++) {
        struct desk *desk;
        void *setup = NULL;

        (void)desk_setup(&setup);
        desk = setup;
        run_history(desk, given != NULL ? strtoull(given, NULL, 10) : seed * 7919);
        (void)desk_teardown(&setup);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_txn_random_histories_match_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
