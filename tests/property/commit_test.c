/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of tables and branches, checked against a model in memory: what is committed
 * is what is read, now, at earlier txs, after reopening, and after the index was deleted and made
 * anew, from checkpoints or from the log alone; and the index that grew commit by commit, or came
 * out of checkpoints, is the one that a fold from nothing gives (I1, by verify).
 * ARM_SEED=<seed> replays one history. */
#include <stdlib.h>
#include <unistd.h>

#include "model/vector.h"
#include "support/kernel_fixture.h"

enum {
    NAME_COUNT = 6,
    BRANCH_MAX = 10,
    ID_MAX = 4096,
    PAST_COUNT = 6,
    STEP_COUNT = 1400,
    ROWS_MAX = 20,
};

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % n;
}

/* ---- The model ---- */

struct m_entry {
    struct arm_hash rows_hash;
    uint64_t first_row_id;
    uint32_t rows;
    uint32_t dead; /* a bit a row */
};

struct m_table {
    bool is_live;
    struct arm_table_id id;
    uint64_t version;
    size_t columns;
    size_t count;
    struct m_entry *entries;
};

struct m_branch {
    bool is_live;
    uint64_t id;
    struct m_table tables[NAME_COUNT]; /* by name */
};

struct m_id {
    struct arm_table_id id;
    uint64_t next_row_id;
    uint64_t last; /* version, under whatever name */
};

/* A branch as it was. */
struct m_past {
    uint64_t tx;
    struct m_branch branch;
};

static struct {
    struct m_branch branches[BRANCH_MAX]; /* 0 is main */
    uint64_t last[NAME_COUNT];
    struct m_id ids[ID_MAX];
    size_t id_count;
    struct m_past past[PAST_COUNT];
} model;

static const char *table_name(size_t i)
{
    static const char *const names[NAME_COUNT] = {"t0", "T1", "t 2", "t.3", "été", "t5"};

    return names[i];
}

static void branch_name(size_t i, char out[16])
{
    (void)snprintf(out, 16, i == 0 ? "main" : "b/%zu", i);
}

static void free_branch(struct m_branch *branch)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        free(branch->tables[i].entries);
    }
    memset(branch, 0, sizeof *branch);
}

static void copy_branch(struct m_branch *out, const struct m_branch *from)
{
    free_branch(out);
    *out = *from;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        size_t size = from->tables[i].count * sizeof(struct m_entry);

        out->tables[i].entries = size == 0 ? NULL : malloc(size);
        if (size > 0) {
            memcpy(out->tables[i].entries, from->tables[i].entries, size);
        }
    }
}

static struct m_id *id_of(const struct arm_table_id *id)
{
    for (size_t i = 0; i < model.id_count; i++) {
        if (arm__table_id_equal(&model.ids[i].id, id)) {
            return &model.ids[i];
        }
    }
    assert_true(model.id_count < ID_MAX);
    model.ids[model.id_count] = (struct m_id){*id, 0, 0};
    return &model.ids[model.id_count++];
}

static void insert_entry(struct m_table *table, size_t at, const struct arm_new_entry *entry,
                         uint32_t dead)
{
    struct m_id *id = id_of(&table->id);

    table->entries = realloc(table->entries, (table->count + 1) * sizeof *table->entries);
    memmove(&table->entries[at + 1], &table->entries[at],
            (table->count - at) * sizeof *table->entries);
    table->entries[at] = (struct m_entry){entry->rows_hash, id->next_row_id, entry->rows, dead};
    table->count++;
    id->next_row_id += entry->rows;
}

/* ---- What the repository says ---- */

static void check_table(struct kernel *k, const struct arm_table_row *row,
                        const struct m_table *table)
{
    struct arm_table_state *rows = NULL;
    uint64_t live = 0;

    assert_true(table->is_live);
    assert_true(arm__table_id_equal(&row->table_id, &table->id));
    assert_int_equal(row->version, table->version);
    assert_ok(arm__catalog_state(arm__repository_catalog(k->repository), &row->table_id,
                                 row->version, &rows, &k->err),
              k->err);
    assert_int_equal(rows->entry_count, table->count);
    for (size_t i = 0; i < table->count; i++) {
        const struct arm_state_entry *entry = &rows->entries[i];
        const struct m_entry *wanted = &table->entries[i];

        assert_memory_equal(&entry->rows_hash, &wanted->rows_hash, ARM_HASH_BYTES);
        assert_int_equal(entry->first_row_id, wanted->first_row_id);
        assert_int_equal(entry->rows, wanted->rows);
        assert_int_equal(entry->dead, __builtin_popcount(wanted->dead));
        for (uint32_t n = 0; n < wanted->rows && entry->vector != NULL; n++) {
            assert_int_equal(roaring_bitmap_contains(entry->vector, n), wanted->dead >> n & 1);
        }
        live += entry->rows - entry->dead;
    }
    assert_int_equal(rows->live_rows, live);
    arm__table_state_drop(rows);
}

struct table_check {
    struct kernel *k;
    const struct m_branch *branch;
    size_t seen;
};

static arm_status check_one(void *context, const struct arm_table_row *row, struct arm_error *err)
{
    struct table_check *check = context;

    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (strcmp(row->name, table_name(i)) == 0) {
            check_table(check->k, row, &check->branch->tables[i]);
            check->seen++;
        }
    }
    return ARM_OK;
}

static void check_branch_at(struct kernel *k, const struct m_branch *branch, uint64_t tx)
{
    struct arm_snapshot at = {.branch_id = branch->id, .tx = tx};
    struct table_check check = {k, branch, 0};
    size_t live = 0;

    assert_ok(arm__catalog_tables(arm__repository_catalog(k->repository), &at, check_one, &check,
                                  &k->err),
              k->err);
    for (size_t i = 0; i < NAME_COUNT; i++) {
        live += branch->tables[i].is_live;
    }
    assert_int_equal(check.seen, live);
}

static void check_all(struct kernel *k)
{
    uint64_t now = kernel_snapshot(k, "main").tx;

    for (size_t i = 0; i < BRANCH_MAX; i++) {
        if (model.branches[i].is_live) {
            check_branch_at(k, &model.branches[i], now);
        }
    }
    for (size_t i = 0; i < PAST_COUNT; i++) {
        if (model.past[i].tx != 0) {
            check_branch_at(k, &model.past[i].branch, model.past[i].tx);
        }
    }
}

/* ---- Steps ---- */

/* One step's commit on one branch. */
struct step {
    struct kernel *k;
    struct m_branch *branch;
    struct arm_snapshot at;
    size_t name; /* of the table concerned */
    struct m_table *table;
    struct arm_new_change change;
    struct arm_new_entry entries[3];
    struct kernel_batch batches[3];
    uint32_t dead; /* of the first new entry */
    struct arm_buf dead_bits;
    struct arm_table_state *rows;
};

static void encode_rows(struct kernel *k, uint32_t wanted, struct arm_buf *out)
{
    roaring_bitmap_t *rows = roaring_bitmap_create();

    for (uint32_t n = 0; n < 32; n++) {
        if ((wanted >> n & 1) != 0) {
            roaring_bitmap_add(rows, n);
        }
    }
    assert_ok(arm__vector_encode(rows, out, &k->err), k->err);
    roaring_bitmap_free(rows);
}

static void make_entries(struct step *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t rows = (uint32_t)random_below(ROWS_MAX) + 1;

        s->entries[i] = random_below(4) == 0 ? kernel_chunk(s->k, rows)
                                             : *kernel_hot(s->k, rows, &s->batches[i]);
    }
    s->change.added = s->entries;
    s->change.added_count = count;
    if (count > 0 && random_below(3) == 0) { /* rows that die in the same transaction */
        s->dead = (uint32_t)random_below((1ull << s->entries[0].rows) - 1);
        encode_rows(s->k, s->dead, &s->dead_bits);
        s->entries[0].dead = arm__buf_bytes(&s->dead_bits);
    }
}

static uint64_t do_commit(struct step *s)
{
    struct arm_commit_result result = {.tx = 0};
    uint64_t version = 0;

    assert_ok(kernel_commit_one(s->k, &s->at, &s->change, &result, &version), s->k->err);
    assert_int_not_equal(result.tx, 0);
    return version;
}

static void change_existing(struct step *s, Armpb__ChangeKind kind)
{
    s->change.kind = kind;
    s->change.table_id = s->table->id;
    s->change.base_version = s->table->version;
    assert_ok(arm__catalog_state(arm__repository_catalog(s->k->repository), &s->table->id,
                                 s->table->version, &s->rows, &s->k->err),
              s->k->err);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The version after both the name's and the table's own last. */
static void expect_next(struct step *s, uint64_t version)
{
    struct m_id *id = id_of(&s->table->id);

    assert_int_equal(version, larger(model.last[s->name], id->last) + 1);
    model.last[s->name] = version;
    id->last = version;
    s->table->version = version;
}

static void step_create(struct step *s)
{
    struct arm_table_info info = {.schema = NULL};
    uint64_t version;

    s->change = kernel_create_change(table_name(s->name));
    make_entries(s, (size_t)random_below(3));
    free(s->table->entries);
    *s->table = (struct m_table){.is_live = true, .columns = 1};
    version = do_commit(s);
    s->at.tx = kernel_snapshot(s->k, "main").tx;
    assert_true(kernel_find(s->k, &s->at, table_name(s->name), &info));
    s->table->id = info.row.table_id;
    expect_next(s, version);
    for (size_t i = 0; i < s->change.added_count; i++) {
        insert_entry(s->table, i, &s->entries[i], i == 0 ? s->dead : 0);
    }
}

static void step_append(struct step *s)
{
    change_existing(s, ARMPB__CHANGE_KIND__WRITE);
    make_entries(s, (size_t)random_below(3) + 1);
    expect_next(s, do_commit(s));
    for (size_t i = 0; i < s->change.added_count; i++) {
        insert_entry(s->table, s->table->count, &s->entries[i], i == 0 ? s->dead : 0);
    }
}

static void step_delete(struct step *s)
{
    size_t at = (size_t)random_below(s->table->count);
    struct m_entry *entry = &s->table->entries[at];
    uint32_t wanted = (uint32_t)random_below(1u << entry->rows) & ~entry->dead;
    struct arm_buf bits = ARM_BUF_INIT(1000);
    struct arm_new_deletion deletion;

    if (wanted == 0) {
        return;
    }
    change_existing(s, ARMPB__CHANGE_KIND__WRITE);
    encode_rows(s->k, wanted, &bits);
    deletion = (struct arm_new_deletion){s->rows->entries[at].position, entry->first_row_id,
                                         entry->rows, arm__buf_bytes(&bits)};
    s->change.deleted = &deletion;
    s->change.deleted_count = 1;
    expect_next(s, do_commit(s));
    entry->dead |= wanted;
    arm__buf_release(&bits);
}

/* One entry goes, and another takes its place or one beside it. */
static void step_replace_entry(struct step *s)
{
    size_t at = (size_t)random_below(s->table->count);
    struct arm_bytes high = {NULL, 0};

    change_existing(s, ARMPB__CHANGE_KIND__WRITE);
    if (at + 1 < s->table->count) {
        high = arm__position_bytes(&s->rows->entries[at + 1].position);
    }
    make_entries(s, 1);
    if (random_below(2) == 0 ||
        arm__position_between(arm__position_bytes(&s->rows->entries[at].position), high, 1,
                              &s->entries[0].position, &s->k->err) != ARM_OK) {
        s->entries[0].position = s->rows->entries[at].position;
    }
    s->change.removed = &s->rows->entries[at].position;
    s->change.removed_count = 1;
    expect_next(s, do_commit(s));
    memmove(&s->table->entries[at], &s->table->entries[at + 1],
            (s->table->count - at - 1) * sizeof *s->table->entries);
    s->table->count--;
    insert_entry(s->table, at, &s->entries[0], s->dead);
}

static void step_truncate(struct step *s)
{
    change_existing(s, ARMPB__CHANGE_KIND__WRITE);
    make_entries(s, (size_t)random_below(2) + 1);
    s->change.truncated = true;
    expect_next(s, do_commit(s));
    s->table->count = 0;
    for (size_t i = 0; i < s->change.added_count; i++) {
        insert_entry(s->table, i, &s->entries[i], i == 0 ? s->dead : 0);
    }
}

static void step_alter(struct step *s)
{
    change_existing(s, ARMPB__CHANGE_KIND__ALTER);
    s->table->columns = 3 - s->table->columns;
    s->change.schema = kernel_schema(s->table->columns);
    expect_next(s, do_commit(s));
}

static void step_rename(struct step *s)
{
    size_t new_name = (size_t)random_below(NAME_COUNT);
    struct m_table *target = &s->branch->tables[new_name];
    uint64_t version;

    if (target->is_live) {
        return;
    }
    change_existing(s, ARMPB__CHANGE_KIND__RENAME);
    s->change.name = table_name(new_name);
    version = do_commit(s);
    model.last[new_name] =
        larger(larger(model.last[new_name], model.last[s->name]), id_of(&s->table->id)->last);
    assert_int_equal(version, ++model.last[new_name]);
    id_of(&s->table->id)->last = version;
    free(target->entries);
    *target = *s->table;
    target->version = version;
    *s->table = (struct m_table){.is_live = false};
}

static void step_drop(struct step *s)
{
    change_existing(s, ARMPB__CHANGE_KIND__DROP);
    assert_int_equal(do_commit(s), 0);
    free(s->table->entries);
    *s->table = (struct m_table){.is_live = false};
}

static void step_nothing(struct step *s)
{
    struct arm_commit_result result = {.tx = 99};

    change_existing(s, ARMPB__CHANGE_KIND__WRITE);
    assert_ok(kernel_commit_one(s->k, &s->at, &s->change, &result, NULL), s->k->err);
    assert_int_equal(result.tx, 0);
}

static void step_table(struct step *s)
{
    uint64_t dice = random_below(100);

    if (!s->table->is_live) {
        step_create(s);
    } else if (dice < 55 || s->table->count == 0) {
        step_append(s);
    } else if (dice < 75) {
        step_delete(s);
    } else if (dice < 85) {
        step_replace_entry(s);
    } else if (dice < 87) {
        step_nothing(s);
    } else if (dice < 90) {
        step_alter(s);
    } else if (dice < 92) {
        step_rename(s);
    } else if (s->name == 0) {
        step_append(s); /* one table with a long tail */
    } else if (dice < 95) {
        step_truncate(s);
    } else {
        step_drop(s);
    }
    arm__table_state_drop(s->rows);
    arm__buf_release(&s->dead_bits);
}

static void step_branch(struct kernel *k)
{
    size_t from = (size_t)random_below(BRANCH_MAX);
    size_t to = (size_t)random_below(BRANCH_MAX - 1) + 1;
    char from_name[16];
    char to_name[16];

    branch_name(from, from_name);
    branch_name(to, to_name);
    if (model.branches[to].is_live) {
        (void)kernel_ref(k, ARMPB__REF_KIND__BRANCH, ARMPB__REF_ACTION__REF_DROP, to_name, NULL);
        free_branch(&model.branches[to]);
    } else if (model.branches[from].is_live) {
        uint64_t id = kernel_branch(k, to_name, from_name);

        copy_branch(&model.branches[to], &model.branches[from]);
        model.branches[to].id = id;
    }
}

static void remember(struct kernel *k, const struct m_branch *branch)
{
    struct m_past *past = &model.past[random_below(PAST_COUNT)];

    copy_branch(&past->branch, branch);
    past->tx = kernel_snapshot(k, "main").tx;
}

static void step(struct kernel *k)
{
    struct step s = {.k = k,
                     .branch = &model.branches[random_below(BRANCH_MAX)],
                     .dead_bits = ARM_BUF_INIT(1000)};
    char name[16];

    if (random_below(20) == 0) {
        step_branch(k);
        return;
    }
    if (!s.branch->is_live || random_below(2) == 0) {
        s.branch = &model.branches[0];
    }
    branch_name((size_t)(s.branch - model.branches), name);
    s.at = kernel_snapshot(k, name);
    s.name = random_below(2) == 0 ? 0 : (size_t)random_below(NAME_COUNT);
    s.table = &s.branch->tables[s.name];
    step_table(&s);
    if (random_below(40) == 0) {
        remember(k, s.branch);
    }
}

/* ---- The test ---- */

static void verify_is_healthy(struct kernel *k)
{
    struct arm_verify_report report;
    char issue[1024] = "";

    assert_ok(arm__repository_verify(k->repository, false, kernel_print_issue, NULL, issue, &report,
                                     &k->err),
              k->err);
    if (report.issues != 0) {
        fail_msg("%s", issue);
    }
}

static void delete_index(struct kernel *k, bool with_checkpoint)
{
    struct arm_recovery_report report;
    char path[TEMP_PATH_BYTES];

    kernel_close(k);
    assert_int_equal(unlink(temp_path(&k->dir, "index/data.mdb", path)), 0);
    if (!with_checkpoint) {
        assert_int_equal(unlink(temp_path(&k->dir, "log/checkpoint", path)), 0);
    }
    kernel_open(k);
    arm__repository_recovery(k->repository, &report);
    assert_true(report.rebuilt);
    assert_true((report.restored_tx > 0) == with_checkpoint);
}

static void test_commit_histories_are_read_back(void **state)
{
    struct kernel *k = *state;
    const char *seed = getenv("ARM_SEED");

    random_state = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)getpid() * 2654435761u + 1;
    printf("ARM_SEED=%llu\n", (unsigned long long)random_state);
    memset(&model, 0, sizeof model);
    model.branches[0] = (struct m_branch){.is_live = true, .id = 1};
    for (int i = 0; i < STEP_COUNT; i++) {
        step(k);
        if (i % 50 == 0) {
            check_all(k);
        }
        if (i % 150 == 149) {
            assert_ok(arm__repository_checkpoint(k->repository, &k->err), k->err);
        }
        if (i % 400 == 399) {
            kernel_reopen(k);
        }
        if (i % 500 == 499) {
            delete_index(k, true);
        }
    }
    check_all(k);
    verify_is_healthy(k);
    delete_index(k, true);
    check_all(k);
    verify_is_healthy(k);
    delete_index(k, false);
    check_all(k);
    verify_is_healthy(k);
    for (size_t i = 0; i < BRANCH_MAX; i++) {
        free_branch(&model.branches[i]);
    }
    for (size_t i = 0; i < PAST_COUNT; i++) {
        free_branch(&model.past[i].branch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_commit_histories_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
