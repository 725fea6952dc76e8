/* SPDX-License-Identifier: Apache-2.0 */
/* G1-G4 at random: histories of commits, rollbacks, compactions, checkpoints, branches, tags, wide
 * records, lost indexes and chunks that nobody names, with gc now and then. What gc leaves is held
 * against a mark by brute force that knows no format: a chunk is needed if its 32 bytes stand
 * anywhere in the log's files, or in a chunk that is needed. At the end every version reads as it
 * did when it was made, and the repository is sound.
 *
 * ARM_PROPERTY_SEED=n runs one seed, ARM_GC_SEEDS=n so many. */

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "commit/gc.h"
#include "txn/compact_fixture.h"

enum { SEEDS = 8, STEPS = 70, SLOTS = 2, VERSIONS_MAX = 400, WIDE_BYTES = 1100000 };

struct world {
    struct kernel kernel;
    struct desk desk;
    struct arm_transaction *txns[SLOTS];
    int64_t next_value;
    unsigned refs;
    struct arm_hash leased[8]; /* put by hand, lease kept */
    size_t leased_count;
    struct id_rows versions[VERSIONS_MAX]; /* as they were first read */
    uint64_t seen;
    uint64_t gcs;
    uint64_t removed;
    uint64_t kept;
};

static struct world world;

/* ---- The mark by brute force ---- */

struct file {
    struct arm_hash chunk;
    struct arm_buf bytes;
    bool is_needed;
    bool is_searched;
};

struct files {
    struct file items[4096];
    size_t count;
};

static struct files files;

static arm_status add_file(void *context, const struct arm_hash *hash, const char *path,
                           uint64_t size_bytes, struct arm_error *err)
{
    struct file *file = &files.items[files.count++];

    (void)context;
    (void)size_bytes;
    assert_non_null(hash);
    assert_true(files.count < sizeof files.items / sizeof *files.items);
    *file = (struct file){.chunk = *hash, .bytes = ARM_BUF_INIT(SIZE_MAX)};
    return arm__io_read_file(arm__io_system(), path, &file->bytes, err);
}

static void search(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < files.count; i++) {
        struct file *file = &files.items[i];

        file->is_needed = file->is_needed ||
                          memmem(bytes, size, file->chunk.bytes, sizeof file->chunk.bytes) != NULL;
    }
}

static arm_status search_segment(void *context, const char *name, struct arm_error *err)
{
    struct arm_buf bytes = ARM_BUF_INIT(SIZE_MAX);
    char path[2 * TEMP_PATH_BYTES];
    size_t size;

    if (strstr(name, ".seg") != NULL) {
        (void)snprintf(path, sizeof path, "%s/%s", (const char *)context, name);
        assert_ok(arm__io_read_file(arm__io_system(), path, &bytes, err), world.kernel.err);
        size = bytes.size;
        while (size > 0 && bytes.data[size - 1] == 0) {
            size--;
        }
        search(bytes.data, size + 32 < bytes.size ? size + 32 : bytes.size); /* zeros of a hash */
        arm__buf_release(&bytes);
    }
    return ARM_OK;
}

static void mark(void)
{
    struct kernel *k = &world.kernel;
    char path[TEMP_PATH_BYTES];
    bool more = true;

    files.count = 0;
    assert_ok(arm__store_list(arm__repository_store(k->repository), add_file, NULL, &k->err),
              k->err);
    (void)temp_path(&k->dir, "log", path);
    assert_ok(arm__io_system()->list(NULL, path, search_segment, path, &k->err), k->err);
    while (more) {
        more = false;
        for (size_t i = 0; i < files.count; i++) {
            struct file *file = &files.items[i];

            if (file->is_needed && !file->is_searched) {
                file->is_searched = true;
                search(file->bytes.data, file->bytes.size);
                more = true;
            }
        }
    }
}

static void unmark(void)
{
    for (size_t i = 0; i < files.count; i++) {
        arm__buf_release(&files.items[i].bytes);
    }
}

static arm_status keep_leased(void *context, const struct arm_hash *hash, struct arm_error *err)
{
    size_t *count = context;

    (void)err;
    for (size_t i = 0; i < files.count; i++) {
        if (arm__hash_equal(&files.items[i].chunk, hash) && !files.items[i].is_needed) {
            files.items[i].is_needed = true;
            ++*count;
        }
    }
    return ARM_OK;
}

/* ---- gc, held against it ---- */

static struct arm_gc_report gc(bool dry_run, int64_t grace_us)
{
    struct arm_gc_request request = {.dry_run = dry_run, .grace_us = grace_us};
    struct kernel *k = &world.kernel;
    struct arm_gc_report report;

    assert_ok(arm__repository_gc(k->repository, &request, &report, &k->err), k->err);
    return report;
}

static void step_gc(void)
{
    struct kernel *k = &world.kernel;
    struct arm_store *store = arm__repository_store(k->repository);
    struct arm_gc_report dry;
    struct arm_gc_report report;
    uint64_t bytes = 0;
    size_t loose = 0;
    size_t leased = 0;

    mark();
    assert_ok(arm__store_leases(store, keep_leased, &leased, &k->err), k->err);
    assert_true(leased >= world.leased_count);
    for (size_t i = 0; i < files.count; i++) {
        if (!files.items[i].is_needed) {
            loose++;
            bytes += files.items[i].bytes.size;
        }
    }
    report = gc(rand() % 2 == 0, INT64_C(3600000000)); /* all is young */
    assert_int_equal(report.chunks, 0);
    assert_int_equal(report.young, loose + leased);
    dry = gc(true, 0);
    report = gc(false, 0);
    assert_memory_equal(&dry, &report, sizeof dry);
    assert_int_equal(report.chunks, loose);
    assert_int_equal(report.chunk_bytes, bytes);
    assert_int_equal(report.leased, leased);
    for (size_t i = 0; i < files.count; i++) {
        bool there;

        assert_ok(arm__store_exists(store, &files.items[i].chunk, &there, &k->err), k->err);
        assert_int_equal(there, files.items[i].is_needed);
    }
    world.kept += files.count - loose;
    world.removed += loose;
    world.gcs++;
    unmark();
}

/* ---- Other steps ---- */

static void see_versions(void)
{
    while (world.seen < head_version(&world.desk)) {
        assert_true(++world.seen < VERSIONS_MAX);
        world.versions[world.seen] = version_rows(&world.desk, world.seen);
    }
}

static void step_txn(void)
{
    struct arm_transaction **slot = &world.txns[rand() % SLOTS];
    int64_t count = rand() % 3 == 0 ? 10500 : 1 + rand() % 9; /* a chunk, or hot rows */

    if (*slot == NULL) {
        *slot = txn_begin(&world.desk, "main");
    }
    txn_insert(&world.desk, *slot, "t", world.next_value, world.next_value + count);
    world.next_value += count;
    if (rand() % 3 == 0) {
        return; /* it stays open */
    }
    if (rand() % 3 == 0) {
        arm__txn_rollback(*slot);
    } else {
        txn_commit(&world.desk, *slot);
    }
    *slot = NULL;
    see_versions();
}

/* On a branch that nobody reads or compacts: its chunks are no Parquet. */
static void step_wide(void)
{
    struct kernel *k = &world.kernel;
    struct arm_snapshot at = kernel_snapshot(k, "side");
    struct arm_new_change change = kernel_change(k, &at, "odd", ARMPB__CHANGE_KIND__WRITE);
    struct arm_commit_request request = {.snapshot = at, .author = "test", .change_count = 1};
    struct arm_new_entry entry = kernel_chunk(k, 10);
    struct arm_commit_result result;
    char *wide = malloc(WIDE_BYTES);

    memset(wide, 'a' + rand() % 26, WIDE_BYTES - 1);
    wide[WIDE_BYTES - 1] = '\0';
    request.message = wide;
    request.changes = &change;
    change.added = &entry;
    change.added_count = 1;
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    free(wide);
}

static void step_ref(void)
{
    struct kernel *k = &world.kernel;
    struct arm_snapshot at = kernel_snapshot(k, "main");
    char name[32];

    (void)snprintf(name, sizeof name, "r%u", world.refs++);
    (void)kernel_ref(k, rand() % 2 == 0 ? ARMPB__REF_KIND__BRANCH : ARMPB__REF_KIND__TAG,
                     ARMPB__REF_ACTION__REF_CREATE, name, &at);
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

    for (size_t i = 0; i < SLOTS; i++) {
        arm__txn_rollback(world.txns[i]);
        world.txns[i] = NULL;
    }
    kernel_close(k);
    world.leased_count = 0;
    for (size_t i = 0; i < 3 && rand() % 2 == 0; i++) {
        (void)unlink(temp_path(&k->dir, names[i], path));
    }
    kernel_open(k);
}

static void step(void)
{
    switch (rand() % 14) {
    case 0:
        step_wide();
        break;
    case 1:
        step_ref();
        break;
    case 2:
        assert_ok(arm__repository_checkpoint(world.kernel.repository, &world.kernel.err),
                  world.kernel.err);
        break;
    case 3:
    case 4:
        (void)desk_compact(&world.desk, &small_limits);
        break;
    case 5:
        step_loose();
        break;
    case 6:
        step_reopen();
        break;
    case 7:
    case 8:
        step_gc();
        break;
    default:
        step_txn();
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
    step_gc();
    step_reopen();
    step_gc();
    for (uint64_t v = 1; v <= world.seen; v++) {
        struct id_rows now = version_rows(&world.desk, v);

        assert_same_id_rows(&world.versions[v], &now, v);
        free(now.rows);
        free(world.versions[v].rows);
    }
    assert_healthy(&world.desk);
    kernel_close(&world.kernel);
    temp_dir_remove(&world.kernel.dir);
}

static unsigned number_from(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text == NULL ? otherwise : (unsigned)strtoul(text, NULL, 10);
}

static void test_gc_G4_leaves_what_brute_force_marks(void **state)
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
    print_message("%llu gcs, %llu chunks removed, %llu kept\n", (unsigned long long)world.gcs,
                  (unsigned long long)world.removed, (unsigned long long)world.kept);
    if (count >= SEEDS) { /* the plans are not empty ones */
        assert_true(world.gcs > 6 * count);
        assert_true(world.removed > 4 * count);
        assert_true(world.kept > 20 * count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gc_G4_leaves_what_brute_force_marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
