/* SPDX-License-Identifier: Apache-2.0 */
/* The mark, of logs made by hand: versions and layouts in trees, and what is not durable. Each
 * chunk's hash is its number, sixteen times over. */

#include "commit/retained.h"

#include "support/cmocka_all.h"

enum { CHUNKS = 12, BRANCH = 1, LAST = 100 };

struct log {
    struct arm_retained *retained;
    struct arm_hash chunks[CHUNKS];
    uint64_t tx;
    struct arm_error err;
};

static int setup(void **state)
{
    static struct log log;
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__RefChange ref = ARMPB__REF_CHANGE__INIT;

    log = (struct log){.tx = BRANCH};
    for (size_t i = 0; i < CHUNKS; i++) {
        memset(log.chunks[i].bytes, (int)i + 1, sizeof log.chunks[i].bytes);
    }
    ref.kind = ARMPB__REF_KIND__BRANCH;
    ref.action = ARMPB__REF_ACTION__REF_CREATE;
    ref.name = "main";
    record.ref = &ref;
    *state = &log;
    return arm__retained_new(log.chunks, CHUNKS, &log.retained, &log.err) == ARM_OK &&
                   arm__retained_add(log.retained, log.tx, &record, &log.err) == ARM_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct log *log = *state;

    arm__retained_free(log->retained);
    return 0;
}

/* An entry at position `at` that is chunk `chunk`. */
struct made {
    uint8_t position[2];
    Armpb__Entry entry;
    Armpb__Entry *list[1];
};

static Armpb__Entry **make(struct log *log, struct made *out, uint8_t at, size_t chunk)
{
    armpb__entry__init(&out->entry);
    out->position[0] = 1;
    out->position[1] = at;
    out->entry.position = (ProtobufCBinaryData){2, out->position};
    out->entry.has_chunk = true;
    out->entry.chunk = (ProtobufCBinaryData){ARM_HASH_BYTES, log->chunks[chunk].bytes};
    out->list[0] = &out->entry;
    return out->list;
}

static uint8_t the_table[ARM_TABLE_ID_BYTES] = {7};

/* Version `version` of the table, of `parent` (0: none) in `layout` (UINT64_MAX: its newest): chunk
 * `chunk` at `at`, and what was at `removed` (0: nothing) is gone. */
struct change {
    uint64_t version;
    uint64_t parent;
    uint64_t layout;
    uint8_t at;
    size_t chunk;
    uint8_t removed;
};

static void commit(struct log *log, uint64_t branch_id, const struct change *what)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__Commit commit = ARMPB__COMMIT__INIT;
    Armpb__TableChange change = ARMPB__TABLE_CHANGE__INIT;
    Armpb__TableChange *changes[] = {&change};
    uint8_t position[2] = {1, what->removed};
    ProtobufCBinaryData removed = {2, position};
    struct made made;

    change.table_id = (ProtobufCBinaryData){sizeof the_table, the_table};
    change.kind = what->parent == 0 ? ARMPB__CHANGE_KIND__CREATE : ARMPB__CHANGE_KIND__WRITE;
    change.has_version = true;
    change.version = what->version;
    change.has_parent_version = what->parent != 0;
    change.parent_version = what->parent;
    change.has_base_layout = what->layout != UINT64_MAX;
    change.base_layout = what->layout;
    change.added = make(log, &made, what->at, what->chunk);
    change.n_added = 1;
    change.removed = &removed;
    change.n_removed = what->removed != 0;
    commit.branch_id = branch_id;
    commit.changes = changes;
    commit.n_changes = 1;
    record.commit = &commit;
    assert_ok(arm__retained_add(log->retained, ++log->tx, &record, &log->err), log->err);
}

/* The rows at `at` of a version are in chunk `chunk` from here on. Returns the layout's name. */
static uint64_t compact(struct log *log, uint64_t version, uint8_t at, size_t chunk)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__Compaction compaction = ARMPB__COMPACTION__INIT;
    Armpb__CompactedGroup group = ARMPB__COMPACTED_GROUP__INIT;
    Armpb__CompactedGroup *groups[] = {&group};
    Armpb__CompactedSource source = ARMPB__COMPACTED_SOURCE__INIT;
    Armpb__CompactedSource *sources[] = {&source};
    uint8_t position[2] = {1, at};
    struct made made;

    source.position = (ProtobufCBinaryData){2, position};
    group.sources = sources;
    group.n_sources = 1;
    group.entries = make(log, &made, at, chunk); /* in the place of what it was made of */
    group.n_entries = 1;
    compaction.table_id = (ProtobufCBinaryData){sizeof the_table, the_table};
    compaction.version = version;
    compaction.groups = groups;
    compaction.n_groups = 1;
    record.compaction = &compaction;
    assert_ok(arm__retained_add(log->retained, ++log->tx, &record, &log->err), log->err);
    return log->tx;
}

static uint64_t branch_off(struct log *log, char *name, uint64_t from_tx)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__RefChange ref = ARMPB__REF_CHANGE__INIT;

    ref.kind = ARMPB__REF_KIND__BRANCH;
    ref.action = ARMPB__REF_ACTION__REF_CREATE;
    ref.name = name;
    ref.has_from_branch_id = ref.has_from_tx = true;
    ref.from_branch_id = BRANCH;
    ref.from_tx = from_tx;
    record.ref = &ref;
    assert_ok(arm__retained_add(log->retained, ++log->tx, &record, &log->err), log->err);
    return log->tx;
}

/* Its runs are chunks from `first` on. */
static void checkpoint(struct log *log, size_t first, size_t count)
{
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__Checkpoint checkpoint = ARMPB__CHECKPOINT__INIT;
    Armpb__CheckpointRun runs[CHUNKS];
    Armpb__CheckpointRun *list[CHUNKS];

    for (size_t i = 0; i < count; i++) {
        armpb__checkpoint_run__init(&runs[i]);
        runs[i].chunk = (ProtobufCBinaryData){ARM_HASH_BYTES, log->chunks[first + i].bytes};
        list[i] = &runs[i];
    }
    checkpoint.runs = list;
    checkpoint.n_runs = count;
    record.checkpoint = &checkpoint;
    assert_ok(arm__retained_add(log->retained, ++log->tx, &record, &log->err), log->err);
}

/* `wanted`: a letter for each chunk, 'r' retained, 'p' pinned, '.' not needed. */
static void assert_needs(struct log *log, uint64_t durable_tx, uint64_t horizon_tx,
                         uint64_t pinned_tx, const char *wanted)
{
    struct arm_retained_as_of as_of = {durable_tx, horizon_tx, pinned_tx};
    static const char letters[] = {'.', 'p', 'r'};
    char found[CHUNKS + 1] = "";

    assert_ok(arm__retained_mark(log->retained, &as_of, &log->err), log->err);
    for (size_t i = 0; wanted[i] != '\0'; i++) {
        found[i] = letters[arm__retained_need(log->retained, i)];
    }
    assert_string_equal(found, wanted);
}

static void test_retained_N1_of_versions_in_a_line(void **state)
{
    struct log *log = *state;

    commit(log, BRANCH, &(struct change){1, 0, UINT64_MAX, 1, 0, 0}); /* tx 2 */
    commit(log, BRANCH, &(struct change){2, 1, UINT64_MAX, 2, 1, 0});
    commit(log, BRANCH, &(struct change){3, 2, UINT64_MAX, 3, 2, 1});
    commit(log, BRANCH, &(struct change){4, 3, UINT64_MAX, 1, 3, 2}); /* the place of the first */
    commit(log, BRANCH, &(struct change){5, 4, UINT64_MAX, 4, 4, 1});
    assert_needs(log, LAST, 0, UINT64_MAX, "rrrrr");
    assert_needs(log, LAST, 3, UINT64_MAX, "rrrrr");
    assert_needs(log, LAST, 4, UINT64_MAX, ".rrrr");
    assert_needs(log, LAST, 5, UINT64_MAX, "..rrr");
    assert_needs(log, LAST, 6, UINT64_MAX, "..r.r");
    assert_needs(log, LAST, 6, 5, "..rpr"); /* N3 */
    assert_needs(log, LAST, 6, 3, "pprpr");
}

/* A version is a change of one layout of its parent: what that has, another need not have. */
static void test_retained_N1_of_layouts(void **state)
{
    struct log *log = *state;
    uint64_t layout;

    commit(log, BRANCH, &(struct change){1, 0, UINT64_MAX, 1, 0, 0});
    layout = compact(log, 1, 1, 1);
    assert_needs(log, LAST, 0, UINT64_MAX, ".r");
    commit(log, BRANCH, &(struct change){2, 1, 0, 2, 2, 0}); /* of the layout before */
    assert_needs(log, LAST, 0, UINT64_MAX, "rrr");
    assert_needs(log, LAST, log->tx, UINT64_MAX, "r.r");
    commit(log, BRANCH, &(struct change){3, 2, UINT64_MAX, 3, 3, 1});
    assert_needs(log, LAST, log->tx, UINT64_MAX, "..rr");
    assert_needs(log, LAST, log->tx, layout - 1, "pprr"); /* it had the first from the start */
}

static void test_retained_N2_of_branches(void **state)
{
    struct log *log = *state;
    uint64_t side;

    commit(log, BRANCH, &(struct change){1, 0, UINT64_MAX, 1, 0, 0});
    side = branch_off(log, (char[]){"side"}, log->tx);
    commit(log, BRANCH, &(struct change){2, 1, UINT64_MAX, 2, 1, 1}); /* on main: 1 alone */
    commit(log, side, &(struct change){3, 1, UINT64_MAX, 2, 2, 0});   /* on side: 0 and 2 */
    assert_needs(log, LAST, log->tx, UINT64_MAX, "rrr");
    commit(log, side, &(struct change){4, 3, UINT64_MAX, 3, 3, 2}); /* its own at that place */
    assert_needs(log, LAST, log->tx, UINT64_MAX, "rr.r");
    commit(log, side, &(struct change){5, 4, UINT64_MAX, 4, 4, 1});
    assert_needs(log, LAST, log->tx, UINT64_MAX, ".r.rr");
}

/* The layout that a compaction made may be lost yet, and so may the record that gives up. */
static void test_retained_N5_what_is_not_durable_takes_nothing_away(void **state)
{
    struct log *log = *state;
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__Retention retention = ARMPB__RETENTION__INIT;
    uint64_t layout;

    commit(log, BRANCH, &(struct change){1, 0, UINT64_MAX, 1, 0, 0});
    layout = compact(log, 1, 1, 1);
    assert_needs(log, layout - 1, 0, UINT64_MAX, "rr");
    assert_needs(log, layout, 0, UINT64_MAX, ".r");
    commit(log, BRANCH, &(struct change){2, 1, UINT64_MAX, 2, 2, 1});
    retention.horizon_tx = log->tx;
    record.retention = &retention;
    assert_ok(arm__retained_add(log->retained, ++log->tx, &record, &log->err), log->err);
    assert_needs(log, log->tx - 1, 0, UINT64_MAX, ".rr");
    assert_needs(log, log->tx, 0, UINT64_MAX, "..r");
}

static void test_retained_N4_of_checkpoints(void **state)
{
    struct log *log = *state;

    checkpoint(log, 0, 2); /* tx 2 */
    checkpoint(log, 1, 2);
    checkpoint(log, 3, 1);
    assert_needs(log, 1, 0, UINT64_MAX, "rrrr");
    assert_needs(log, 2, 0, UINT64_MAX, "rrrr");
    assert_needs(log, 3, 0, UINT64_MAX, ".rrr");
    assert_needs(log, 4, 0, UINT64_MAX, "...r");
    assert_needs(log, 4, 0, 3, ".ppr"); /* somebody may be looking at it */
    assert_needs(log, 4, 0, 0, "pppr");
    arm__retained_add_chunk(log->retained, &log->chunks[0]);
    assert_needs(log, 4, 0, UINT64_MAX, "r..r");
    assert_true(arm__retained_is_named(log->retained, 1));
    assert_false(arm__retained_is_named(log->retained, 5));
}

/* After a mark, what is read on makes chunks needed, and says if that is not enough. */
static void test_retained_what_comes_later(void **state)
{
    struct log *log = *state;

    commit(log, BRANCH, &(struct change){1, 0, UINT64_MAX, 1, 0, 0});
    (void)compact(log, 1, 1, 1);
    assert_needs(log, LAST, 0, UINT64_MAX, ".r");
    commit(log, BRANCH, &(struct change){2, 1, UINT64_MAX, 2, 2, 0});
    assert_false(arm__retained_is_stale(log->retained));
    assert_int_equal(arm__retained_need(log->retained, 2), ARM_NEED_RETAINED);
    commit(log, BRANCH, &(struct change){3, 1, 0, 3, 3, 0}); /* of a layout that was given up */
    assert_true(arm__retained_is_stale(log->retained));
    assert_needs(log, LAST, 0, UINT64_MAX, "rrrr");
    assert_false(arm__retained_is_stale(log->retained));
    (void)branch_off(log, (char[]){"side"}, 2);
    assert_true(arm__retained_is_stale(log->retained));
}

static void test_retained_refuses_what_does_not_follow(void **state)
{
    struct log *log = *state;
    Armpb__Record record = ARMPB__RECORD__INIT;
    Armpb__Commit commit_ = ARMPB__COMMIT__INIT;
    Armpb__Compaction compaction = ARMPB__COMPACTION__INIT;

    commit_.branch_id = 9;
    record.commit = &commit_;
    assert_fails(ARM_CORRUPT, arm__retained_add(log->retained, 2, &record, &log->err), log->err);
    record.commit = NULL;
    compaction.table_id = (ProtobufCBinaryData){sizeof the_table, the_table};
    compaction.version = 1;
    record.compaction = &compaction;
    assert_fails(ARM_CORRUPT, arm__retained_add(log->retained, 2, &record, &log->err), log->err);
}

#define retained_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        retained_test(test_retained_N1_of_versions_in_a_line),
        retained_test(test_retained_N1_of_layouts),
        retained_test(test_retained_N2_of_branches),
        retained_test(test_retained_N5_what_is_not_durable_takes_nothing_away),
        retained_test(test_retained_N4_of_checkpoints),
        retained_test(test_retained_what_comes_later),
        retained_test(test_retained_refuses_what_does_not_follow),
    };

    return cmocka_run_group_tests_name("commit/retained", tests, NULL, NULL);
}
