/* SPDX-License-Identifier: Apache-2.0 */
/* G1-G6 at random: histories of inserts, deletes, replacements, truncations, drops, rollbacks,
 * compactions, checkpoints, branches, tags, wide records, lost indexes and chunks that nobody
 * names, with gc now and then, which gives up more or less of the past. What gc leaves is held
 * against a mark by brute force, which knows nothing of lifetimes (gc_mark.h). At the end what can
 * be read reads as it did when it was made, and the repository is sound.
 *
 * ARM_PROPERTY_SEED=n runs one seed, ARM_GC_SEEDS=n so many. */

#include <stdlib.h>
#include <unistd.h>

#include "property/gc_mark.h"

enum { SEEDS = 8, STEPS = 110, WIDE_BYTES = 1100000 };

/* ---- gc, held against it ---- */

static struct arm_gc_report gc(bool dry_run, int64_t grace_us, int64_t until_us)
{
    struct arm_gc_request request = {
        .dry_run = dry_run, .grace_us = grace_us, .until_us = until_us};
    struct kernel *k = &world.kernel;
    struct arm_gc_report report;

    assert_ok(arm__repository_gc(k->repository, &request, &report, &k->err), k->err);
    return report;
}

static int64_t time_of(uint64_t tx)
{
    struct kernel *k = &world.kernel;
    struct arm_index_txn *txn = NULL;
    struct arm_record_row row;
    bool found;

    assert_ok(arm__index_read(arm__repository_index(k->repository), &txn, &k->err), k->err);
    assert_ok(arm__index_record(txn, tx, &row, &found, &k->err), k->err);
    assert_true(found);
    arm__index_abort(txn);
    return row.time_us;
}

static uint64_t horizon(void)
{
    uint64_t tx;

    assert_ok(arm__catalog_horizon(arm__repository_catalog(world.kernel.repository), &tx, NULL,
                                   &world.kernel.err),
              world.kernel.err);
    return tx;
}

/* Up to when history is given up: mostly nothing, else up to some record, or all. */
static int64_t choose_until(void)
{
    uint64_t last = arm__log_durable_to(arm__repository_log(world.kernel.repository));

    switch (rand() % 5) {
    case 0:
        return INT64_MAX;
    case 1:
        return time_of(1 + (uint64_t)rand() % last);
    default:
        return 0;
    }
}

static bool any_open(void)
{
    bool open = false;

    for (size_t i = 0; i < SLOTS; i++) {
        open = open || world.slots[i].txn != NULL;
    }
    return open;
}

static void need_views(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        const struct arm_view *view = world.slots[i].view;

        for (size_t k = 0; view != NULL && k < view->entry_count; k++) {
            if (!view->entries[k].is_hot) {
                world.pinned += need(view->entries[k].chunk.bytes);
            }
        }
    }
}

/* With nobody reading, gc takes all that the mark has not; else it may keep more. */
static void compare(const struct arm_gc_report *report)
{
    struct arm_store *store = arm__repository_store(world.kernel.repository);
    bool is_exact = !any_open();
    uint64_t bytes = 0;
    size_t gone = 0;

    for (size_t i = 0; i < files.count; i++) {
        bool there;

        assert_ok(arm__store_exists(store, &files.items[i].chunk, &there, &world.kernel.err),
                  world.kernel.err);
        assert_true(there || !files.items[i].is_needed);
        assert_true(!is_exact || there == files.items[i].is_needed);
        gone += !there;
        bytes += there ? 0 : files.items[i].bytes;
    }
    assert_int_equal(report->chunks, gone);
    assert_int_equal(report->chunk_bytes, bytes);
    assert_true(!is_exact || report->pinned == 0);
    world.exact += is_exact;
    world.kept += files.count - gone;
    world.removed += gone;
    world.gcs++;
}

static void gc_until(int64_t until_us)
{
    struct kernel *k = &world.kernel;
    struct arm_store *store = arm__repository_store(k->repository);
    struct arm_gc_report report;
    struct arm_gc_report dry;
    size_t leased = 0;

    report = gc(rand() % 2 == 0, INT64_C(3600000000), 0); /* all is young */
    assert_int_equal(report.chunks, 0);
    dry = gc(true, 0, until_us);
    assert_int_equal(horizon(), world.horizon_tx);
    report = gc(true, 0, 0);
    assert_true(report.chunks <= dry.chunks);
    files.count = 0;
    assert_ok(arm__store_list(store, add_file, NULL, &k->err), k->err);
    report = gc(false, 0, until_us);
    assert_memory_equal(&dry, &report, sizeof dry);
    assert_true(horizon() >= world.horizon_tx);
    world.horizon_tx = horizon();
    {
        struct files before = files;

        mark(); /* of what is left: nothing is missing */
        need_views();
        assert_ok(arm__store_leases(store, keep_leased, &leased, &k->err), k->err);
        assert_true(leased >= world.leased_count);
        for (size_t i = 0; i < before.count; i++) {
            for (size_t n = 0; n < files.count; n++) {
                before.items[i].is_needed =
                    before.items[i].is_needed ||
                    (files.items[n].is_needed &&
                     arm__hash_equal(&before.items[i].chunk, &files.items[n].chunk));
            }
        }
        files = before;
    }
    compare(&report);
}

static void step_gc(void)
{
    gc_until(choose_until());
}

/* ---- Other steps ---- */

static void see_versions(void)
{
    while (world.seen < head_version(&world.desk)) {
        assert_true(++world.seen < VERSIONS_MAX);
        world.versions[world.seen] = version_rows(&world.desk, world.seen);
    }
}

static void end_slot(struct slot *slot, bool commit)
{
    struct arm_commit_result result;
    arm_status st = ARM_OK;

    arm__view_drop(slot->view);
    if (commit) {
        st = arm__txn_commit(slot->txn, "test", &result, &world.kernel.err);
    } else {
        arm__txn_rollback(slot->txn);
    }
    assert_true(st == ARM_OK || st == ARM_CONFLICT);
    *slot = (struct slot){.txn = NULL};
    see_versions();
}

static void end_slots(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (world.slots[i].txn != NULL) {
            end_slot(&world.slots[i], false);
        }
    }
}

/* A chunk, or hot rows. */
static int64_t choose_rows(void)
{
    return rand() % 3 == 0 ? 10500 : 1 + rand() % 9;
}

static void step_txn(void)
{
    struct slot *slot = &world.slots[rand() % SLOTS];
    int64_t count = choose_rows();

    if (slot->txn == NULL) {
        slot->txn = txn_begin(&world.desk, "main");
        slot->view = rand() % 2 == 0 ? txn_view(slot->txn, "t") : NULL;
    }
    txn_insert(&world.desk, slot->txn, "t", world.next_value, world.next_value + count);
    world.next_value += count;
    if (rand() % 3 != 0) { /* else it stays open */
        end_slot(slot, rand() % 3 != 0);
    }
}

/* A reader that stays. */
static void step_read(void)
{
    struct slot *slot = &world.slots[rand() % SLOTS];

    if (slot->txn == NULL) {
        slot->txn = txn_begin(&world.desk, "main");
    }
    if (slot->view == NULL) {
        slot->view = txn_view(slot->txn, "t");
    }
}

static void step_change(void)
{
    struct arm_transaction *txn = txn_begin(&world.desk, "main");
    int64_t first = world.next_value - 1 - rand() % 20000;

    if (rand() % 2 == 0) {
        (void)txn_delete(&world.desk, txn, "t", first);
    } else {
        txn_replace(&world.desk, txn, "t", first, first + choose_rows()); /* some of it again */
    }
    txn_commit(&world.desk, txn);
    see_versions();
}

/* What it has is given up, or compacted, and taken if nobody had it. */
static void step_beside_reader(void)
{
    step_read();
    if (rand() % 2 == 0) {
        step_change();
    }
    (void)desk_compact(&world.desk, &small_limits);
    gc_until(rand() % 2 == 0 ? INT64_MAX : choose_until());
}

/* A table that comes and goes. */
static void step_drop(void)
{
    struct arm_snapshot at = kernel_snapshot(&world.kernel, "main");
    struct arm_transaction *txn = txn_begin(&world.desk, "main");
    struct arm_table_info info = {.schema = NULL};

    if (kernel_find(&world.kernel, &at, "u", &info)) {
        txn_drop(txn, "u");
    } else {
        txn_create(&world.desk, txn, "u");
        txn_insert(&world.desk, txn, "u", world.next_value, world.next_value + choose_rows());
        world.next_value += 10500;
    }
    txn_commit(&world.desk, txn);
}

/* On a branch that nobody reads or compacts: its chunks are no Parquet. */
static void write_odd(const char *branch, const char *message)
{
    struct kernel *k = &world.kernel;
    struct arm_snapshot at = kernel_snapshot(k, branch);
    struct arm_commit_request request = {
        .snapshot = at, .author = "test", .message = message, .change_count = 1};
    struct arm_new_entry entry = kernel_chunk(k, 10);
    struct arm_table_info info = {.schema = NULL};
    struct arm_commit_result result;
    struct arm_new_change change;

    if (!kernel_find(k, &at, "odd", &info)) {
        return;
    }
    change = kernel_change(k, &at, "odd", ARMPB__CHANGE_KIND__WRITE);
    change.truncated = rand() % 3 == 0 && info.version.row_count > 0;
    request.changes = &change;
    change.added = &entry;
    change.added_count = 1;
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
}

static void step_wide(void)
{
    char *wide = malloc(WIDE_BYTES);

    memset(wide, 'a' + rand() % 26, WIDE_BYTES - 1);
    wide[WIDE_BYTES - 1] = '\0';
    write_odd("side", wide);
    free(wide);
}

static void name_ref(unsigned ref, char out[32])
{
    (void)snprintf(out, 32, "r%u", ref);
}

static arm_status change_ref(unsigned ref, Armpb__RefAction action, const struct arm_snapshot *from)
{
    Armpb__RefChange change = ARMPB__REF_CHANGE__INIT;
    char name[32];
    uint64_t tx;

    name_ref(ref, name);
    change.kind = world.is_tag[ref] ? ARMPB__REF_KIND__TAG : ARMPB__REF_KIND__BRANCH;
    change.action = action;
    change.name = name;
    change.has_from_branch_id = change.has_from_tx = from != NULL;
    if (from != NULL) {
        change.from_branch_id = from->branch_id;
        change.from_tx = from->tx;
    }
    return arm__commit_ref(world.kernel.repository, &change, &tx, &world.kernel.err);
}

/* Make one, of now or of the past, unless that has expired. */
static void make_ref(void)
{
    struct arm_snapshot at = kernel_snapshot(&world.kernel, rand() % 2 == 0 ? "main" : "side");
    unsigned ref = world.refs;
    arm_status st;

    if (rand() % 2 == 0) {
        at.tx = 4 + (uint64_t)rand() % (at.tx - 3); /* main, t, side, odd */
    }
    world.is_tag[ref] = rand() % 2 == 0;
    st = change_ref(ref, ARMPB__REF_ACTION__REF_CREATE, &at);
    if (st == ARM_HISTORY_EXPIRED) {
        assert_true(at.tx < world.horizon_tx);
        world.refused++;
    } else {
        assert_ok(st, world.kernel.err);
        world.refs++;
    }
}

/* Or write on it, or drop it. */
static void step_ref(void)
{
    unsigned ref = world.refs == 0 ? 0 : (unsigned)rand() % world.refs;
    char name[32];

    if (world.refs == 0 || world.is_dropped[ref] || (rand() % 3 == 0 && world.refs < REFS_MAX)) {
        if (world.refs < REFS_MAX) {
            make_ref();
        }
    } else if (!world.is_tag[ref] && rand() % 2 == 0) {
        name_ref(ref, name);
        write_odd(name, "m");
    } else {
        assert_ok(change_ref(ref, ARMPB__REF_ACTION__REF_DROP, NULL), world.kernel.err);
        world.is_dropped[ref] = true;
    }
}

static void step_loose(void)
{
    struct arm_new_entry entry = kernel_chunk(&world.kernel, 7);

    if (world.leased_count < 8 && rand() % 3 == 0) {
        assert_ok(arm__store_lease(arm__repository_store(world.kernel.repository), &entry.chunk,
                                   &world.kernel.err),
                  world.kernel.err);
        world.leased[world.leased_count++] = entry.chunk;
    }
}

static void step_reopen(void)
{
    struct kernel *k = &world.kernel;
    static const char *const names[] = {"index/data.mdb", "index/trust", "log/checkpoint"};
    char path[TEMP_PATH_BYTES];

    end_slots();
    kernel_close(k);
    world.leased_count = 0;
    for (size_t i = 0; i < 3 && rand() % 2 == 0; i++) {
        (void)unlink(temp_path(&k->dir, names[i], path));
    }
    kernel_open(k);
}

static void step(void)
{
    switch (rand() % 24) {
    case 0:
        step_wide();
        break;
    case 1:
        assert_ok(arm__repository_checkpoint(world.kernel.repository, &world.kernel.err),
                  world.kernel.err);
        break;
    case 2:
    case 3:
        (void)desk_compact(&world.desk, &small_limits);
        break;
    case 4:
        step_loose();
        break;
    case 5:
        step_reopen();
        break;
    case 6:
    case 7:
        end_slots();
        step_gc();
        break;
    case 8:
    case 16:
        step_gc();
        break;
    case 17:
        step_read();
        break;
    case 18:
    case 19:
        step_beside_reader();
        break;
    case 9:
    case 10:
    case 11:
        step_ref();
        break;
    case 12:
    case 13:
        step_change();
        break;
    case 14:
        step_drop();
        break;
    case 15:
        write_odd("side", "m");
        break;
    default:
        step_txn();
    }
}

/* What can be read is what it was. */
static void check_versions(void)
{
    struct arm_catalog *catalog = arm__repository_catalog(world.kernel.repository);
    struct arm_table_info info = {.schema = NULL};

    for (uint64_t v = 1; v <= world.seen; v++) {
        assert_ok(arm__catalog_table_version(catalog, "main", "t", v, &info, &world.kernel.err),
                  world.kernel.err);
        if (has(&retained, &info.row.table_id, v)) {
            struct id_rows now = version_rows(&world.desk, v);

            assert_same_id_rows(&world.versions[v], &now, v);
            free(now.rows);
        }
        free(world.versions[v].rows);
        arm__table_info_release(&info);
    }
}

static void run(unsigned seed, struct arm_engine *engine)
{
    memset(&world, 0, offsetof(struct world, gcs));
    srand(seed);
    world.kernel.dir = temp_dir_make();
    assert_ok(arm__repository_create(NULL, world.kernel.dir.path, &world.kernel.err),
              world.kernel.err);
    kernel_open(&world.kernel);
    world.desk = (struct desk){&world.kernel, engine};
    make_table(&world.desk, "t", 0, 10);
    (void)kernel_branch(&world.kernel, "side", "main");
    (void)kernel_create_table(&world.kernel, "side", "odd");
    world.next_value = 10;
    see_versions();
    for (int i = 0; i < STEPS; i++) {
        step();
    }
    step_reopen();
    step_gc();
    check_versions();
    assert_healthy(&world.desk);
    kernel_close(&world.kernel);
    temp_dir_remove(&world.kernel.dir);
}

static unsigned number_from(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

static void test_gc_leaves_what_brute_force_marks(void **state)
{
    struct arm_engine *engine = fixture_engine();
    unsigned first = number_from("ARM_PROPERTY_SEED", 1);
    unsigned count = getenv("ARM_PROPERTY_SEED") != NULL ? 1 : number_from("ARM_GC_SEEDS", SEEDS);

    (void)state;
    for (unsigned seed = first; seed < first + count; seed++) {
        print_message("seed %u\n", seed);
        run(seed, engine);
    }
    arm__engine_close(engine);
    print_message("%llu gcs (%llu with nobody reading), %llu chunks removed, %llu kept, %llu "
                  "expired versions refused, %llu refs to them, %llu chunks that a reader had\n",
                  (unsigned long long)world.gcs, (unsigned long long)world.exact,
                  (unsigned long long)world.removed, (unsigned long long)world.kept,
                  (unsigned long long)world.expired, (unsigned long long)world.refused,
                  (unsigned long long)world.pinned);
    if (count >= SEEDS) { /* the plans are not empty ones */
        assert_true(world.exact > 6 * count);
        assert_true(world.gcs > world.exact);
        assert_true(world.removed > 4 * count);
        assert_true(world.kept > 20 * count);
        assert_true(world.expired > 4 * count);
        assert_true(world.pinned > count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gc_leaves_what_brute_force_marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
