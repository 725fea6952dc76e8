/* SPDX-License-Identifier: Apache-2.0 */
/* K3: who conflicts with whom. */
#include "commit/commit.h"

#include <stdlib.h>

#include "model/vector.h"
#include "support/kernel_fixture.h"

/* What one side does to table "t", which begins with one chunk of 10 rows and one of 20. */
enum act {
    APPEND,
    DELETE_1,  /* row 1 of the first entry */
    DELETE_2,  /* row 2 of it */
    DELETE_12, /* rows 1 and 2 */
    TRUNCATE,
    REMOVE, /* the first entry, and one in its place */
    ALTER,
    RENAME,
    DROP,
    ACT_COUNT
};

static const char *const act_names[ACT_COUNT] = {
    "append", "delete 1", "delete 2", "delete 1, 2", "truncate",
    "remove", "alter",    "rename",   "drop",
};

/* expected[theirs][ours]: x conflict. */
static const char *const expected[ACT_COUNT] = {
    /*               a d1 d2 d12 t r al re dr */
    /* append   */ "----xxxxx",
    /* delete 1 */ "-x-xxxxxx",
    /* delete 2 */ "--xxxxxxx",
    /* del 1,2  */ "-xxxxxxxx",
    /* truncate */ "xxxxxxxxx",
    /* remove   */ "xxxxxxxxx",
    /* alter    */ "xxxxxxxxx",
    /* rename   */ "xxxxxxxxx",
    /* drop     */ "xxxxxxxxx",
};

/* One side's change, and the memory it borrows. */
struct side {
    struct arm_new_change change;
    struct arm_new_deletion deletion;
    struct arm_new_entry *entries;
    struct arm_position removed;
    struct kernel_batch batch;
    struct arm_buf bits;
};

static void side_release(struct side *side)
{
    free(side->entries);
    arm__buf_release(&side->bits);
}

static void plan_deletion(struct kernel *k, struct side *side, const struct arm_state_entry *entry,
                          uint32_t first, uint32_t last)
{
    roaring_bitmap_t *rows = roaring_bitmap_create();

    for (uint32_t row = first; row <= last; row++) {
        roaring_bitmap_add(rows, row);
    }
    assert_ok(arm__vector_encode(rows, &side->bits, &k->err), k->err);
    roaring_bitmap_free(rows);
    side->deletion = (struct arm_new_deletion){entry->position, entry->first_row_id, entry->rows,
                                               arm__buf_bytes(&side->bits)};
    side->change.deleted = &side->deletion;
    side->change.deleted_count = 1;
}

/* `padding` more entries make the change so large that its version is materialised. */
static void plan_entries(struct kernel *k, struct side *side, size_t padding)
{
    side->entries = calloc(1 + padding, sizeof *side->entries);
    side->entries[0] = *kernel_hot(k, 1, &side->batch);
    for (size_t i = 0; i < padding; i++) {
        side->entries[1 + i] = kernel_chunk(k, 1);
    }
    side->change.added = side->entries;
    side->change.added_count = 1 + padding;
}

static void plan(struct kernel *k, const struct arm_snapshot *at, enum act act, const char *name,
                 size_t padding, struct side *side)
{
    struct arm_table_state *rows = kernel_state(k, "main", "t");
    const struct arm_state_entry *first = &rows->entries[0];
    Armpb__ChangeKind kind = act == ALTER    ? ARMPB__CHANGE_KIND__ALTER
                             : act == RENAME ? ARMPB__CHANGE_KIND__RENAME
                             : act == DROP   ? ARMPB__CHANGE_KIND__DROP
                                             : ARMPB__CHANGE_KIND__WRITE;

    *side = (struct side){.bits = ARM_BUF_INIT(10000)};
    side->change = kernel_change(k, at, "t", kind);
    switch (act) {
    case DELETE_1:
        plan_deletion(k, side, first, 1, 1);
        break;
    case DELETE_2:
        plan_deletion(k, side, first, 2, 2);
        break;
    case DELETE_12:
        plan_deletion(k, side, first, 1, 2);
        break;
    case TRUNCATE:
        side->change.truncated = true;
        break;
    case REMOVE:
        side->removed = first->position;
        side->change.removed = &side->removed;
        side->change.removed_count = 1;
        break;
    case ALTER:
        side->change.schema = kernel_schema(2);
        break;
    default:
        break;
    }
    if (act == RENAME) {
        side->change.name = name;
    }
    if (act != DROP && act != RENAME) {
        plan_entries(k, side, padding);
    }
    if (act == DELETE_1 || act == DELETE_2 || act == DELETE_12) {
        side->change.added_count = padding == 0 ? 0 : side->change.added_count;
    }
    arm__table_state_drop(rows);
}

static void make_table(struct kernel *k)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_create_change("t");
    struct arm_table_info old = {.schema = NULL};
    struct arm_new_entry entries[2];

    if (kernel_find(k, &at, "t", &old)) {
        change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__DROP);
        assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
        at = kernel_snapshot(k, "main");
        change = kernel_create_change("t");
    }
    entries[0] = kernel_chunk(k, 10);
    entries[1] = kernel_chunk(k, 20);
    change.added = entries;
    change.added_count = 2;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
}

static void meet(struct kernel *k, enum act theirs, enum act ours, size_t padding)
{
    struct arm_commit_result other;
    struct arm_commit_result mine = {.tx = 0};
    struct arm_snapshot at;
    struct side a;
    struct side b;
    char name[32];
    arm_status st;

    make_table(k);
    at = kernel_snapshot(k, "main");
    (void)snprintf(name, sizeof name, "other %llu", (unsigned long long)at.tx);
    plan(k, &at, theirs, name, padding, &a);
    plan(k, &at, ours, "mine", 0, &b);
    assert_ok(kernel_commit_one(k, &at, &a.change, &other, NULL), k->err);
    st = kernel_commit_one(k, &at, &b.change, &mine, NULL);
    if ((st == ARM_CONFLICT) != (expected[theirs][ours] == 'x')) {
        fail_msg("theirs %s, ours %s: status %d: %s", act_names[theirs], act_names[ours], (int)st,
                 k->err.message);
    }
    if (st == ARM_CONFLICT) {
        assert_memory_equal(k->err.commit_id, other.commit_id.bytes, ARM_ID_BYTES);
        assert_non_null(strstr(k->err.message, "\"t\""));
        assert_int_equal(kernel_snapshot(k, "main").tx, other.tx);
    } else {
        assert_int_equal(st, ARM_OK);
        assert_int_equal(mine.tx, other.tx + 1);
    }
    side_release(&a);
    side_release(&b);
}

static void test_commit_K3_conflicts_are_those_of_the_matrix(void **state)
{
    for (int theirs = 0; theirs < ACT_COUNT; theirs++) {
        for (int ours = 0; ours < ACT_COUNT; ours++) {
            meet(*state, (enum act)theirs, (enum act)ours, 0);
        }
    }
}

/* Their change is too large for the index: it is found in the log. */
static void test_commit_K3_holds_for_materialised_versions(void **state)
{
    for (int theirs = 0; theirs < RENAME; theirs++) {
        for (int ours = 0; ours < ACT_COUNT; ours++) {
            meet(*state, (enum act)theirs, (enum act)ours, 30);
        }
    }
}

/* Deletions that commute are both there afterwards. */
static void test_commit_K3_disjoint_deletions_are_joined(void **state)
{
    struct kernel *k = *state;
    struct arm_table_state *rows;

    meet(k, DELETE_1, DELETE_2, 0);
    rows = kernel_state(k, "main", "t");
    assert_int_equal(rows->entries[0].dead, 2);
    assert_true(roaring_bitmap_contains(rows->entries[0].vector, 1));
    assert_true(roaring_bitmap_contains(rows->entries[0].vector, 2));
    assert_int_equal(rows->live_rows, 28);
    arm__table_state_drop(rows);
}

static void test_commit_K3_two_creations_of_one_name_conflict(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_create_change("u");

    kernel_create_table(k, "main", "U");
    assert_fails(ARM_CONFLICT, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    at = kernel_snapshot(k, "main");
    assert_fails(ARM_EXISTS, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
}

/* Entries put between others collide only with entries put at the same place. */
static void test_commit_K3_insertions_at_one_place_conflict(void **state)
{
    struct kernel *k = *state;
    struct arm_table_state *rows;
    struct arm_position between[2];
    struct arm_snapshot at;
    struct arm_new_change change;
    struct kernel_batch batch;
    struct arm_new_entry entry = *kernel_hot(k, 1, &batch);

    make_table(k);
    rows = kernel_state(k, "main", "t");
    assert_ok(arm__position_between(arm__position_bytes(&rows->entries[0].position),
                                    arm__position_bytes(&rows->entries[1].position), 2, between,
                                    &k->err),
              k->err);
    arm__table_state_drop(rows);
    at = kernel_snapshot(k, "main");
    change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    change.added = &entry;
    change.added_count = 1;
    entry.position = between[0];
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    assert_fails(ARM_CONFLICT, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    entry.position = between[1];
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    rows = kernel_state(k, "main", "t");
    assert_int_equal(rows->entry_count, 4);
    assert_int_equal(rows->entries[1].first_row_id, 30);
    assert_int_equal(rows->entries[2].first_row_id, 31);
    arm__table_state_drop(rows);
}

/* Old snapshots: everything since is looked at, however much it is. */
static void test_commit_K3_looks_past_many_versions(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct side append;
    struct side delete;
    struct side late;

    make_table(k);
    at = kernel_snapshot(k, "main");
    plan(k, &at, APPEND, "", 0, &append);
    plan(k, &at, DELETE_1, "", 0, &delete);
    plan(k, &at, DELETE_12, "", 0, &late);
    assert_ok(kernel_commit_one(k, &at, &delete.change, NULL, NULL), k->err);
    for (int i = 0; i < 300; i++) {
        (void)kernel_append(k, "main", "t", 1);
    }
    assert_ok(kernel_commit_one(k, &at, &append.change, NULL, NULL), k->err);
    assert_fails(ARM_CONFLICT, kernel_commit_one(k, &at, &late.change, NULL, NULL), k->err);
    side_release(&append);
    side_release(&delete);
    side_release(&late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_commit_K3_conflicts_are_those_of_the_matrix),
        kernel_test(test_commit_K3_holds_for_materialised_versions),
        kernel_test(test_commit_K3_disjoint_deletions_are_joined),
        kernel_test(test_commit_K3_two_creations_of_one_name_conflict),
        kernel_test(test_commit_K3_insertions_at_one_place_conflict),
        kernel_test(test_commit_K3_looks_past_many_versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
