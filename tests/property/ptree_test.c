/* SPDX-License-Identifier: Apache-2.0 */
/* Random plans of edits, checked against a sorted array. ARM_SEED=<seed> replays one plan. */
#include "ptree/ptree.h"

#include <stdlib.h>
#include <string.h>

#include "ptree/ptree_fixture.h"
#include "support/cmocka_all.h"

static const struct arm_hash empty_root;

/* -- The model: a sorted array of entries ------------------------------------------------------ */

struct entry {
    uint8_t key[ARM_PTREE_KEY_BYTES_MAX];
    uint8_t value[ARM_PTREE_VALUE_BYTES_MAX];
    uint16_t key_size;
    uint16_t value_size;
    bool is_removal; /* in a batch */
};

struct model {
    struct entry *entries;
    size_t count;
    size_t capacity;
};

static struct arm_bytes key_of(const struct entry *entry)
{
    return arm__bytes(entry->key, entry->key_size);
}

static struct arm_bytes value_of(const struct entry *entry)
{
    return arm__bytes(entry->value, entry->value_size);
}

static bool bytes_equal(struct arm_bytes a, struct arm_bytes b)
{
    return arm__bytes_compare(a, b) == 0;
}

/* The first entry >= key. */
static size_t model_place(const struct model *model, struct arm_bytes key)
{
    size_t low = 0;
    size_t high = model->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (arm__bytes_compare(key_of(&model->entries[middle]), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const struct entry *model_find(const struct model *model, struct arm_bytes key)
{
    size_t place = model_place(model, key);

    return place < model->count && bytes_equal(key_of(&model->entries[place]), key)
               ? &model->entries[place]
               : NULL;
}

static void model_apply(struct model *model, const struct entry *entry)
{
    size_t place = model_place(model, key_of(entry));
    struct entry *at = &model->entries[place];
    bool found = place < model->count && bytes_equal(key_of(at), key_of(entry));

    if (entry->is_removal) {
        if (found) {
            model->count--;
            memmove(at, at + 1, (model->count - place) * sizeof *at);
        }
        return;
    }
    if (!found) {
        if (model->count == model->capacity) {
            model->capacity = model->capacity == 0 ? 64 : 2 * model->capacity;
            model->entries = realloc(model->entries, model->capacity * sizeof *at);
            assert_non_null(model->entries);
            at = &model->entries[place];
        }
        memmove(at + 1, at, (model->count - place) * sizeof *at);
        model->count++;
    }
    *at = *entry;
}

static struct model model_copy(const struct model *model)
{
    struct model copy = {test_memory((model->count + 1) * sizeof *copy.entries), model->count,
                         model->count + 1};

    if (model->count > 0) {
        memcpy(copy.entries, model->entries, model->count * sizeof *copy.entries);
    }
    return copy;
}

/* -- The plan: what keys and values look like, and what a batch does --------------------------- */

struct plan {
    struct test_nodes *nodes;
    uint64_t random;
    unsigned key_kind;
    unsigned value_kind;
    struct model model;
    struct arm_hash root;
};

static uint64_t below(struct plan *plan, uint64_t bound)
{
    return test_random(&plan->random) % bound;
}

static void random_key(struct plan *plan, struct entry *out)
{
    memset(out->key, 'p', sizeof out->key);
    switch (plan->key_kind) {
    case 0: /* numbers, as in a manifest */
        out->key_size = 9;
        arm__set_be64(out->key + 1, below(plan, 5000) * 77);
        break;
    case 1: /* few letters, any length, prefixes of each other */
        out->key_size = (uint16_t)below(plan, 9);
        for (size_t i = 0; i < out->key_size; i++) {
            out->key[i] = (uint8_t)("a\0\xFF"[below(plan, 3)]);
        }
        break;
    case 2: /* the longest, with much in common */
        out->key_size = ARM_PTREE_KEY_BYTES_MAX;
        arm__set_be64(out->key + 120, below(plan, 3000));
        break;
    default: /* any length, little in common */
        arm__set_u32(out->key, (uint32_t)below(plan, 4000) * UINT32_C(2654435761));
        out->key_size = (uint16_t)(4 + out->key[2] % 125);
        break;
    }
}

static void random_value(struct plan *plan, struct entry *out)
{
    static const uint16_t sizes[] = {120, 0, ARM_PTREE_VALUE_BYTES_MAX, 1};

    out->value_size = plan->value_kind < 4 ? sizes[plan->value_kind]
                                           : (uint16_t)below(plan, ARM_PTREE_VALUE_BYTES_MAX + 1);
    for (size_t i = 0; i < out->value_size; i++) {
        out->value[i] = (uint8_t)below(plan, 256);
    }
}

/* A batch as a model of its own, which sorts it and keeps the last edit of a key. */
static struct model random_batch(struct plan *plan)
{
    struct model batch = {0};
    uint64_t style = below(plan, 8);
    size_t count = style == 0 ? 1 + below(plan, 1500) : 1 + below(plan, 40);
    struct entry entry = {0};

    if (style == 1 && plan->model.count > 0) { /* remove a range */
        size_t from = below(plan, plan->model.count);
        size_t to = from + below(plan, plan->model.count - from) + 1;

        for (size_t i = from; i < to; i++) {
            struct entry removal = plan->model.entries[i];

            removal.is_removal = true;
            if (batch.count == batch.capacity) {
                batch.capacity = 2 * batch.capacity + 64;
                batch.entries = realloc(batch.entries, batch.capacity * sizeof *batch.entries);
                assert_non_null(batch.entries);
            }
            batch.entries[batch.count++] = removal;
        }
        return batch;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_removal = below(plan, style == 0 ? 20 : 3) == 0;

        random_key(plan, &entry);
        if (is_removal && plan->model.count > 0 && below(plan, 4) > 0) {
            entry = plan->model.entries[below(plan, plan->model.count)];
        }
        random_value(plan, &entry);
        entry.is_removal = false; /* model_apply would drop it */
        model_apply(&batch, &entry);
        batch.entries[model_place(&batch, key_of(&entry))].is_removal = is_removal;
    }
    return batch;
}

static struct arm_hash apply_range(struct plan *plan, struct arm_hash root,
                                   const struct entry *entries, size_t count)
{
    struct arm_ptree_edit *edits = test_memory((count + 1) * sizeof *edits);
    struct arm_error err = {.code = ARM_OK};
    struct arm_hash out;

    for (size_t i = 0; i < count; i++) {
        edits[i].key = key_of(&entries[i]);
        edits[i].value = entries[i].is_removal ? arm__bytes(NULL, 0) : value_of(&entries[i]);
    }
    if (arm__ptree_edit(&plan->nodes->store, &root, edits, count, &out, &err) != ARM_OK) {
        fail_msg("%s", err.message);
    }
    free(edits);
    return out;
}

/* -- The checks -------------------------------------------------------------------------------- */

static void check_iteration(struct plan *plan, const struct arm_hash *root,
                            const struct model *model, struct arm_bytes from)
{
    struct arm_ptree_iter *iter = NULL;
    struct arm_bytes key;
    struct arm_bytes value;

    assert_int_equal(arm__ptree_iter_new(&plan->nodes->store, root, from, &iter, NULL), ARM_OK);
    for (size_t i = model_place(model, from); i < model->count; i++) {
        assert_int_equal(arm__ptree_iter_next(iter, &key, &value, NULL), ARM_OK);
        assert_non_null(key.data);
        assert_non_null(value.data);
        assert_true(bytes_equal(key, key_of(&model->entries[i])));
        assert_true(bytes_equal(value, value_of(&model->entries[i])));
    }
    assert_int_equal(arm__ptree_iter_next(iter, &key, &value, NULL), ARM_OK);
    assert_null(key.data);
    arm__ptree_iter_free(iter);
}

static void check_get(struct plan *plan)
{
    struct arm_buf out = ARM_BUF_INIT(ARM_PTREE_VALUE_BYTES_MAX);
    struct entry probe = {0};
    const struct entry *expected;
    bool found = false;

    random_key(plan, &probe);
    if (plan->model.count > 0 && below(plan, 2) == 0) {
        probe = plan->model.entries[below(plan, plan->model.count)];
    }
    expected = model_find(&plan->model, key_of(&probe));
    assert_int_equal(
        arm__ptree_get(&plan->nodes->store, &plan->root, key_of(&probe), &out, &found, NULL),
        ARM_OK);
    assert_int_equal(found, expected != NULL);
    assert_true(!found || bytes_equal(arm__buf_bytes(&out), value_of(expected)));
    arm__buf_release(&out);
}

/* The differences the model expects next: two sorted arrays in step. */
struct expectation {
    const struct model *a;
    const struct model *b;
    size_t at_a;
    size_t at_b;
};

/* Step to the next difference; false at the end. A side that lacks the key gives NULL. */
static bool expect_next(struct expectation *e, const struct entry **a, const struct entry **b)
{
    while (e->at_a < e->a->count || e->at_b < e->b->count) {
        int order = e->at_a == e->a->count   ? 1
                    : e->at_b == e->b->count ? -1
                                             : arm__bytes_compare(key_of(&e->a->entries[e->at_a]),
                                                                  key_of(&e->b->entries[e->at_b]));

        *a = order <= 0 ? &e->a->entries[e->at_a++] : NULL;
        *b = order >= 0 ? &e->b->entries[e->at_b++] : NULL;
        if (order != 0 || !bytes_equal(value_of(*a), value_of(*b))) {
            return true;
        }
    }
    return false;
}

static arm_status check_difference(void *context, struct arm_bytes key, struct arm_bytes a,
                                   struct arm_bytes b, struct arm_error *err)
{
    const struct entry *in_a = NULL;
    const struct entry *in_b = NULL;

    assert_true(expect_next(context, &in_a, &in_b));
    assert_true(bytes_equal(key, key_of(in_a != NULL ? in_a : in_b)));
    assert_int_equal(a.data != NULL, in_a != NULL);
    assert_int_equal(b.data != NULL, in_b != NULL);
    assert_true(in_a == NULL || bytes_equal(a, value_of(in_a)));
    assert_true(in_b == NULL || bytes_equal(b, value_of(in_b)));
    return ARM_OK;
}

static void check_diff(struct plan *plan, const struct arm_hash *a, const struct model *model_a,
                       const struct arm_hash *b, const struct model *model_b)
{
    struct expectation e = {model_a, model_b, 0, 0};
    const struct entry *in_a = NULL;
    const struct entry *in_b = NULL;

    assert_int_equal(arm__ptree_diff(&plan->nodes->store, a, b, check_difference, &e, NULL),
                     ARM_OK);
    assert_false(expect_next(&e, &in_a, &in_b));
}

/* T1: the same content in one batch, and in batches of random size in random order. */
static void check_same_root(struct plan *plan)
{
    struct arm_hash built = apply_range(plan, empty_root, plan->model.entries, plan->model.count);
    size_t count = plan->model.count;
    size_t *starts = test_memory((count + 1) * sizeof *starts);
    size_t *sizes = test_memory((count + 1) * sizeof *sizes);
    size_t pieces = 0;

    assert_memory_equal(built.bytes, plan->root.bytes, ARM_HASH_BYTES);
    for (size_t at = 0; at < count; at += sizes[pieces++]) {
        size_t size = 1 + below(plan, below(plan, 5) == 0 ? 200 : 5);

        starts[pieces] = at;
        sizes[pieces] = size < count - at ? size : count - at;
    }
    built = empty_root;
    for (size_t i = 0; i < pieces; i++) {
        size_t other = i + below(plan, pieces - i);
        size_t start = starts[other];
        size_t size = sizes[other];

        starts[other] = starts[i];
        sizes[other] = sizes[i];
        built = apply_range(plan, built, plan->model.entries + start, size);
    }
    assert_memory_equal(built.bytes, plan->root.bytes, ARM_HASH_BYTES);
    free(sizes);
    free(starts);
}

struct new_nodes {
    struct test_nodes *nodes;
    size_t before; /* nodes in the store before the edit */
    size_t count;
};

static arm_status count_new(void *context, const struct arm_hash *hash, struct arm_bytes node,
                            bool *descend, struct arm_error *err)
{
    struct new_nodes *new_nodes = context;

    assert_true(node.size <= ARM_NODE_BYTES_MAX); /* T2 */
    new_nodes->count += test_nodes_slot(new_nodes->nodes, hash)->serial >= new_nodes->before;
    return ARM_OK;
}

/* An edit stores nothing but nodes of the new tree. */
static void check_no_orphans(struct plan *plan, size_t before)
{
    struct new_nodes new_nodes = {plan->nodes, before, 0};

    assert_int_equal(arm__ptree_walk(&plan->nodes->store, &plan->root, count_new, &new_nodes, NULL),
                     ARM_OK);
    assert_int_equal(new_nodes.count, plan->nodes->count - before);
}

/* -- Plans ------------------------------------------------------------------------------------- */

enum { PLANS = 16, BATCHES = 40, SNAPSHOTS = 8 };

struct snapshot {
    struct arm_hash root;
    struct model model;
};

static void run_batch(struct plan *plan)
{
    struct model batch = random_batch(plan);
    struct model old_model = model_copy(&plan->model);
    struct arm_hash old_root = plan->root;
    size_t before = plan->nodes->count;
    struct entry from = {0};

    plan->root = apply_range(plan, plan->root, batch.entries, batch.count);
    for (size_t i = 0; i < batch.count; i++) {
        model_apply(&plan->model, &batch.entries[i]);
    }
    check_no_orphans(plan, before);
    check_iteration(plan, &plan->root, &plan->model, arm__bytes(NULL, 0));
    random_key(plan, &from);
    check_iteration(plan, &plan->root, &plan->model, key_of(&from));
    for (int i = 0; i < 20; i++) {
        check_get(plan);
    }
    check_diff(plan, &old_root, &old_model, &plan->root, &plan->model);
    check_diff(plan, &plan->root, &plan->model, &old_root, &old_model);
    free(batch.entries);
    free(old_model.entries);
}

static void run_plan(uint64_t seed)
{
    struct plan plan = {.nodes = test_nodes_new(), .random = seed};
    struct snapshot snapshots[SNAPSHOTS];
    size_t snapshot_count = 0;

    plan.key_kind = (unsigned)below(&plan, 4);
    plan.value_kind = (unsigned)below(&plan, 5);
    for (int i = 0; i < BATCHES; i++) {
        run_batch(&plan);
        if (i % (BATCHES / SNAPSHOTS) == 0) {
            snapshots[snapshot_count++] = (struct snapshot){plan.root, model_copy(&plan.model)};
            check_same_root(&plan);
        }
    }
    for (size_t i = 0; i < snapshot_count; i++) { /* T3, and T4 over longer stretches */
        check_iteration(&plan, &snapshots[i].root, &snapshots[i].model, arm__bytes(NULL, 0));
        check_diff(&plan, &snapshots[i].root, &snapshots[i].model, &plan.root, &plan.model);
        free(snapshots[i].model.entries);
    }
    free(plan.model.entries);
    test_nodes_free(plan.nodes);
}

static void test_property_random_plans(void **state)
{
    bool replay = getenv("ARM_SEED") != NULL;

    for (uint64_t i = 0; i < (replay ? 1 : PLANS); i++) {
        run_plan(test_seed(0xA5A5 + 7919 * i));
    }
}

/* -- Keys chosen against the cut --------------------------------------------------------------- */

enum chosen { ALWAYS_CUT, NEVER_CUT };

/* The next key whose hash always, or never, ends a node on the first two, or four, levels. */
static uint64_t next_chosen_key(enum chosen chosen, uint64_t number)
{
    uint8_t key[9] = {'k'};

    for (;; number++) {
        struct arm_hash hash;
        bool fits = true;

        arm__set_be64(key + 1, number);
        hash = arm__hash(arm__bytes(key, sizeof key));
        for (size_t level = 0; level < (chosen == ALWAYS_CUT ? 2 : 4); level++) {
            uint32_t word = arm__get_u32(hash.bytes + 4 * level);

            /* Values of 512 bytes: a leaf of one is cut at 1/2, an inner node of four at 1/200. */
            fits = fits && (chosen == ALWAYS_CUT ? word < UINT32_MAX / (level == 0 ? 2 : 200)
                                                 : word > UINT32_MAX / 2);
        }
        if (fits) {
            return number;
        }
    }
}

struct shape {
    size_t nodes[4]; /* by level */
    size_t size_max;
};

static arm_status note_shape(void *context, const struct arm_hash *hash, struct arm_bytes node,
                             bool *descend, struct arm_error *err)
{
    struct shape *shape = context;

    if (node.data[1] < 4) {
        shape->nodes[node.data[1]]++;
    }
    shape->size_max = node.size > shape->size_max ? node.size : shape->size_max;
    return ARM_OK;
}

static struct shape run_chosen(enum chosen chosen, size_t count, uint16_t value_size)
{
    struct plan plan = {.nodes = test_nodes_new(), .random = 77};
    struct shape shape = {0};
    struct entry entry = {.key_size = 9, .value_size = value_size};
    uint64_t number = 0;

    entry.key[0] = 'k';
    for (size_t i = 0; i < count; i++) {
        number = next_chosen_key(chosen, number + 1);
        arm__set_be64(entry.key + 1, number);
        model_apply(&plan.model, &entry);
    }
    plan.root = apply_range(&plan, empty_root, plan.model.entries, count);
    assert_int_equal(arm__ptree_walk(&plan.nodes->store, &plan.root, note_shape, &shape, NULL),
                     ARM_OK);
    check_iteration(&plan, &plan.root, &plan.model, arm__bytes(NULL, 0));
    check_same_root(&plan);
    for (int i = 0; i < 50; i++) { /* take one away and put it back, near the front */
        struct entry removal = plan.model.entries[i];
        struct arm_hash without;
        struct arm_hash again;

        removal.is_removal = true;
        without = apply_range(&plan, plan.root, &removal, 1);
        again = apply_range(&plan, without, &plan.model.entries[i], 1);
        assert_memory_equal(again.bytes, plan.root.bytes, ARM_HASH_BYTES);
    }
    free(plan.model.entries);
    test_nodes_free(plan.nodes);
    return shape;
}

static void test_property_keys_that_all_cut(void **state)
{
    struct shape shape = run_chosen(ALWAYS_CUT, 2000, ARM_PTREE_VALUE_BYTES_MAX);

    assert_int_equal(shape.nodes[0], 2000);     /* one entry each */
    assert_int_equal(shape.nodes[1], 2000 / 4); /* the fewest children an inner node has */
    assert_true(shape.size_max <= ARM_NODE_BYTES_MAX);
}

static void test_property_keys_that_never_cut(void **state)
{
    struct shape shape = run_chosen(NEVER_CUT, 4000, 120);

    assert_int_equal(shape.nodes[0], 4000 / 11 + 1); /* as many as fit: eleven */
    assert_true(shape.nodes[1] <= 12);
    assert_true(shape.size_max <= ARM_NODE_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_property_random_plans),
        cmocka_unit_test(test_property_keys_that_all_cut),
        cmocka_unit_test(test_property_keys_that_never_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
