/* SPDX-License-Identifier: Apache-2.0 */
/* Lineage and chunk lists of table states, over random changes that part and go on from one
 * another, as branches and readers of older versions make them. */

#include <string.h>

#include "catalog/state_build.h"
#include "support/cmocka_all.h"

enum { STATES = 12, STEPS = 3000, ADDED_MAX = 3, REMOVED_MAX = 2 };

static const uint8_t no_hash[ARM_HASH_BYTES] = {1};

static uint64_t random_u64(void)
{
    static uint64_t seed = 1;

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545F4914F6CDD1D);
}

/* A change, and the memory it points to. */
struct change {
    Armpb__TableChange pb;
    Armpb__Entry entries[ADDED_MAX];
    Armpb__Entry *added[ADDED_MAX];
    uint8_t positions[ADDED_MAX][3];
    ProtobufCBinaryData removed[REMOVED_MAX];
};

static bool has_position(const struct arm_table_state *state, const uint8_t position[3])
{
    for (size_t i = 0; i < state->entry_count; i++) {
        if (memcmp(state->entries[i].position.bytes, position, 3) == 0) {
            return true;
        }
    }
    return false;
}

/* At the end, or anywhere. Its row id tells it from all others. */
static void add_entry(struct change *change, const struct arm_table_state *state, bool anywhere)
{
    static uint64_t row_id;

    size_t n = change->pb.n_added;
    size_t count = state->entry_count;
    uint32_t value = (uint32_t)(random_u64() % 0xffff);
    Armpb__Entry *entry = &change->entries[n];

    if (!anywhere) {
        const uint8_t *last = count == 0 ? NULL : state->entries[count - 1].position.bytes;

        value = last == NULL ? 0 : (uint32_t)(last[0] << 16 | last[1] << 8 | last[2]) + 1;
        value += (uint32_t)n;
    }
    change->positions[n][0] = (uint8_t)(value >> 16);
    change->positions[n][1] = (uint8_t)(value >> 8);
    change->positions[n][2] = (uint8_t)value;
    if (has_position(state, change->positions[n]) ||
        (n > 0 && memcmp(change->positions[n - 1], change->positions[n], 3) >= 0)) {
        return;
    }
    armpb__entry__init(entry);
    entry->position = (ProtobufCBinaryData){3, change->positions[n]};
    entry->first_row_id = row_id++;
    entry->rows = 1;
    entry->rows_hash = (ProtobufCBinaryData){ARM_HASH_BYTES, (uint8_t *)(uintptr_t)no_hash};
    entry->has_chunk = random_u64() % 4 == 0;
    if (entry->has_chunk) {
        entry->chunk = entry->rows_hash;
    }
    change->added[n] = entry;
    change->pb.n_added++;
    change->pb.row_count++;
}

static void make_change(const struct arm_table_state *state, struct change *out)
{
    unsigned kind = (unsigned)(random_u64() % 16);

    memset(out, 0, sizeof *out);
    armpb__table_change__init(&out->pb);
    out->pb.row_count = state->live_rows;
    out->pb.added = out->added;
    out->pb.removed = out->removed;
    if (kind == 0) {
        out->pb.has_truncated = out->pb.truncated = true;
        out->pb.row_count = 0;
        return;
    }
    for (size_t i = 0; kind <= 2 && i < REMOVED_MAX && state->entry_count >= 2 * REMOVED_MAX; i++) {
        size_t at = i * (state->entry_count / REMOVED_MAX) + random_u64() % 2;
        struct arm_state_entry *gone = &state->entries[at];

        out->removed[out->pb.n_removed++] = (ProtobufCBinaryData){3, gone->position.bytes};
        out->pb.row_count--;
    }
    for (unsigned n = 1 + (unsigned)(random_u64() % ADDED_MAX); n > 0; n--) {
        add_entry(out, state, kind <= 3);
    }
}

static bool is_same(const struct arm_state_entry *a, const struct arm_state_entry *b)
{
    return a->first_row_id == b->first_row_id && a->is_hot == b->is_hot;
}

static void check_pair(const struct arm_table_state *a, const struct arm_table_state *b)
{
    size_t count = a->entry_count < b->entry_count ? a->entry_count : b->entry_count;
    bool were_same = true;

    for (size_t i = 0; i < count; i++) {
        were_same = were_same && is_same(&a->entries[i], &b->entries[i]);
        if (a->entries[i].lineage == b->entries[i].lineage) {
            assert_true(were_same);
        }
    }
}

static void check_chunks(const struct arm_table_state *state)
{
    size_t n = 0;

    for (size_t i = 0; i < state->entry_count; i++) {
        assert_int_not_equal(state->entries[i].lineage, 0);
        if (!state->entries[i].is_hot) {
            assert_true(n < state->chunk_count && state->chunks[n] == i);
            n++;
        }
    }
    assert_int_equal(n, state->chunk_count);
}

static void test_lineage_tells_of_all_before(void **unused)
{
    struct arm_counted_state empty = {.references = 1};
    struct arm_table_state *states[STATES] = {NULL};
    size_t shared = 0;

    (void)unused;
    for (size_t i = 0; i < STATES; i++) {
        assert_int_equal(arm__state_copy(&empty.state, &states[i], NULL), ARM_OK);
    }
    for (uint64_t step = 1; step <= STEPS; step++) {
        size_t from = random_u64() % STATES;
        size_t to = random_u64() % STATES;
        struct arm_table_state *made = NULL;
        struct change change;

        assert_int_equal(arm__state_copy(states[from], &made, NULL), ARM_OK);
        make_change(made, &change);
        assert_int_equal(arm__state_apply(made, &change.pb, step, NULL), ARM_OK);
        check_pair(made, states[from]);
        check_chunks(made);
        for (size_t i = 0; i < STATES; i++) {
            check_pair(made, states[i]);
            shared += i != from && made->entry_count > 0 && states[i]->entry_count > 0 &&
                      made->entries[0].lineage == states[i]->entries[0].lineage;
        }
        arm__table_state_drop(states[to]);
        states[to] = made;
    }
    assert_true(shared > STEPS); /* they did have something in common */
    for (size_t i = 0; i < STATES; i++) {
        arm__table_state_drop(states[i]);
    }
}

static void test_an_append_keeps_the_lineage(void **unused)
{
    struct arm_counted_state empty = {.references = 1};
    struct arm_table_state *state = NULL;
    struct arm_table_state *longer = NULL;
    struct change change;

    (void)unused;
    assert_int_equal(arm__state_copy(&empty.state, &state, NULL), ARM_OK);
    for (uint64_t tx = 1; tx <= 50; tx++) {
        memset(&change, 0, sizeof change);
        armpb__table_change__init(&change.pb);
        change.pb.row_count = state->live_rows;
        change.pb.added = change.added;
        add_entry(&change, state, false);
        assert_int_equal(arm__state_copy(state, &longer, NULL), ARM_OK);
        assert_int_equal(arm__state_apply(longer, &change.pb, tx, NULL), ARM_OK);
        for (size_t i = 0; i < state->entry_count; i++) {
            assert_int_equal(longer->entries[i].lineage, state->entries[i].lineage);
        }
        arm__table_state_drop(state);
        state = longer;
    }
    assert_int_equal(state->entry_count, 50);
    arm__table_state_drop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lineage_tells_of_all_before),
        cmocka_unit_test(test_an_append_keeps_the_lineage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
