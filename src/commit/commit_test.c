/* SPDX-License-Identifier: Apache-2.0 */
#include "commit/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/kernel_fixture.h"

/* The first thread through the whole kernel: what is committed is there after reopening. */
static void test_commit_is_read_back_after_reopening(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_create_change("orders");
    struct arm_buf bytes = ARM_BUF_INIT(1000);
    struct arm_new_entry entries[2];
    struct kernel_batch batch;
    uint64_t version;

    entries[0] = kernel_chunk(k, 1000);
    entries[1] = *kernel_hot(k, 3, &batch);
    change.added = entries;
    change.added_count = 2;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, &version), k->err);
    assert_int_equal(version, 1);
    for (int round = 0; round < 2; round++) {
        struct arm_table_info info = {.schema = NULL};
        struct arm_table_state *rows;

        at = kernel_snapshot(k, "main");
        assert_true(kernel_find(k, &at, "ORDERS", &info));
        assert_int_equal(info.row.version, 1);
        assert_string_equal(info.row.name, "orders");
        assert_int_equal(info.version.row_count, 1003);
        assert_int_equal(info.version.next_row_id, 1003);
        rows = kernel_state(k, "main", "orders");
        assert_int_equal(rows->live_rows, 1003);
        assert_int_equal(rows->entry_count, 2);
        assert_false(rows->entries[0].is_hot);
        assert_memory_equal(&rows->entries[0].chunk, &entries[0].chunk, sizeof entries[0].chunk);
        assert_true(rows->entries[1].is_hot);
        assert_int_equal(rows->entries[1].first_row_id, 1000);
        assert_ok(arm__catalog_hot_rows(arm__repository_catalog(k->repository), &rows->entries[1],
                                        &bytes, &k->err),
                  k->err);
        assert_int_equal(bytes.size, 3);
        assert_memory_equal(bytes.data, batch.bytes, 3);
        arm__table_state_drop(rows);
        kernel_reopen(k);
    }
    arm__buf_release(&bytes);
}

/* ---- K1 ---- */

/* A door whose sync first looks whether readers see what is not yet durable. */
static struct {
    struct arm_io io;
    struct kernel *k;
    uint64_t looked;
    uint64_t seen_early;
} watch;

static arm_status watching_sync(void *self, struct arm_file *file, struct arm_error *err)
{
    struct arm_repository *repository = watch.k != NULL ? watch.k->repository : NULL;

    if (repository != NULL) {
        uint64_t appended = arm__log_appended_to(arm__repository_log(repository));
        struct arm_snapshot at;

        /* No assertion here: it would leave the log's locks held. */
        watch.looked++;
        if (arm__catalog_snapshot(arm__repository_catalog(repository), "main", &at, err) !=
                ARM_OK ||
            at.tx >= appended) {
            watch.seen_early++;
        }
    }
    return arm__io_system()->sync(self, file, err);
}

static void test_commit_K1_is_not_seen_before_it_is_durable(void **state)
{
    struct kernel *k = *state;
    struct arm_repository_options options = {.io = &watch.io};

    kernel_close(k);
    watch.io = *arm__io_system();
    watch.io.sync = watching_sync;
    watch.k = NULL;
    assert_ok(arm__repository_open(k->dir.path, &options, &k->repository, &k->err), k->err);
    kernel_create_table(k, "main", "t"); /* the clean mark goes with this one */
    watch.k = k;
    watch.looked = 0;
    assert_int_equal(kernel_append(k, "main", "t", 1), 2);
    watch.k = NULL;
    assert_int_equal(watch.looked, 1);
    assert_int_equal(watch.seen_early, 0);
    assert_int_equal(kernel_snapshot(k, "main").tx,
                     arm__log_appended_to(arm__repository_log(k->repository)));
}

static void test_commit_K1_failed_sync_is_unknown_and_unseen(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_new_change change;
    struct arm_new_change again;
    struct kernel_batch batch;
    struct arm_id id;
    uint64_t tx = 99;

    kernel_create_table(k, "main", "t");
    at = kernel_snapshot(k, "main");
    change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    change.added = kernel_hot(k, 1, &batch);
    change.added_count = 1;
    again = change;
    io_fault_at_verb(k->fault, "sync", 1, EIO);
    assert_fails(ARM_COMMIT_UNKNOWN, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    memcpy(id.bytes, k->err.commit_id, sizeof id.bytes);
    assert_int_equal(kernel_snapshot(k, "main").tx, at.tx);
    assert_fails(ARM_REOPEN, kernel_commit_one(k, &at, &again, NULL, NULL), k->err);
    assert_fails(ARM_COMMIT_UNKNOWN, arm__commit_find(k->repository, &id, &tx, &k->err), k->err);
    assert_int_equal(tx, 99);
    io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
    kernel_reopen(k);
    assert_ok(arm__commit_find(k->repository, &id, &tx, &k->err), k->err);
    assert_int_equal(tx, 0); /* recovery cut it: it may never have reached the disk */
    assert_int_equal(kernel_append(k, "main", "t", 1), 2);
}

/* ---- K4 ---- */

static void test_commit_K4_nothing_changed_makes_no_commit(void **state)
{
    struct kernel *k = *state;
    struct arm_commit_result result = {.tx = 99};
    struct arm_snapshot at;
    struct arm_new_change change;
    struct arm_new_change empty;
    uint64_t version = 99;

    kernel_create_table(k, "main", "t");
    at = kernel_snapshot(k, "main");
    change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    empty = change;
    assert_ok(kernel_commit_one(k, &at, &empty, &result, &version), k->err);
    assert_int_equal(result.tx, 0);
    assert_int_equal(version, 0);
    empty.truncated = true; /* of a table without rows */
    assert_ok(kernel_commit_one(k, &at, &empty, &result, &version), k->err);
    assert_int_equal(result.tx, 0);
    empty = change;
    empty.kind = ARMPB__CHANGE_KIND__RENAME;
    empty.name = "t";
    assert_ok(kernel_commit_one(k, &at, &empty, &result, &version), k->err);
    assert_int_equal(result.tx, 0);
    assert_int_equal(kernel_snapshot(k, "main").tx, at.tx);
    empty = change;
    empty.force_version = true;
    assert_ok(kernel_commit_one(k, &at, &empty, &result, &version), k->err);
    assert_int_equal(version, 2);
    assert_int_not_equal(result.tx, 0);
}

static void test_commit_K4_identical_replace_makes_no_version(void **state)
{
    struct kernel *k = *state;
    struct arm_commit_result result = {.tx = 99};
    struct arm_snapshot at;
    struct arm_new_change change;
    struct arm_new_entry entries[2];
    uint64_t version;

    kernel_create_table(k, "main", "t");
    entries[0] = kernel_chunk(k, 10);
    entries[1] = kernel_chunk(k, 20);
    for (int round = 0; round < 3; round++) {
        at = kernel_snapshot(k, "main");
        change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
        change.truncated = true;
        change.added = entries;
        change.added_count = 2;
        change.force_version = round == 2;
        assert_ok(kernel_commit_one(k, &at, &change, &result, &version), k->err);
        assert_int_equal(version, round == 0 ? 2 : round == 1 ? 0 : 3);
    }
    at = kernel_snapshot(k, "main");
    change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    change.truncated = true;
    change.added = entries;
    change.added_count = 1;
    assert_ok(kernel_commit_one(k, &at, &change, &result, &version), k->err);
    assert_int_equal(version, 4);
}

/* ---- Retries ---- */

static void test_commit_retried_by_id_is_applied_once(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_create_change("t");
    struct arm_commit_request request = {
        .snapshot = at, .change_count = 1, .changes = &change, .author = "x"};
    struct arm_commit_result first;
    struct arm_commit_result second;
    uint64_t version = 0;
    uint64_t tx;

    request.commit_id.bytes[3] = 7;
    assert_ok(arm__commit(k->repository, &request, &first, NULL, &k->err), k->err);
    assert_ok(arm__commit(k->repository, &request, &second, &version, &k->err), k->err);
    assert_int_equal(first.tx, second.tx);
    assert_int_equal(first.time_us, second.time_us);
    assert_int_equal(version, 1);
    assert_int_equal(kernel_snapshot(k, "main").tx, first.tx);
    assert_ok(arm__commit_find(k->repository, &request.commit_id, &tx, &k->err), k->err);
    assert_int_equal(tx, first.tx);
    request.commit_id.bytes[3] = 8;
    assert_ok(arm__commit_find(k->repository, &request.commit_id, &tx, &k->err), k->err);
    assert_int_equal(tx, 0);
}

/* A door whose clock is set by hand. */
static struct {
    struct arm_io io;
    int64_t now_us;
} clocked;

static int64_t clocked_now_us(void *self)
{
    (void)self;
    return clocked.now_us;
}

static void test_commit_times_rise_though_the_clock_is_set_back(void **state)
{
    static const int64_t clock_us[] = {INT64_C(4000000000000000), INT64_C(4000000000000000), 1000};
    static const char *const names[] = {"a", "b", "c"};
    struct arm_repository_options options = {.io = &clocked.io};
    struct kernel *k = *state;
    int64_t last_us = 0;

    kernel_close(k);
    clocked.io = *arm__io_system();
    clocked.io.now_us = clocked_now_us;
    assert_ok(arm__repository_open(k->dir.path, &options, &k->repository, &k->err), k->err);
    for (int i = 0; i < 3; i++) {
        struct arm_snapshot at = kernel_snapshot(k, "main");
        struct arm_new_change change = kernel_create_change(names[i]);
        struct arm_commit_result result;

        clocked.now_us = clock_us[i];
        assert_ok(kernel_commit_one(k, &at, &change, &result, NULL), k->err);
        assert_true(result.time_us > last_us);
        last_us = result.time_us;
    }
    assert_int_equal(last_us, clock_us[0] + 2);
}

/* ---- Large records ---- */

/* Copies the path of a file that only a large record can be: `context` has TEMP_PATH_BYTES. */
static arm_status find_large(void *context, const struct arm_hash *hash, const char *path,
                             uint64_t size_bytes, struct arm_error *err)
{
    (void)hash;
    (void)err;
    if (size_bytes > ARM_RECORD_BYTES_MAX) {
        (void)snprintf(context, TEMP_PATH_BYTES, "%s", path);
    }
    return ARM_OK;
}

static void commit_many(struct kernel *k, size_t count, struct arm_bytes hot)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    struct arm_new_entry *entries = calloc(count, sizeof *entries);
    struct arm_new_entry chunk = kernel_chunk(k, 5);
    uint64_t version;

    for (size_t i = 0; i < count; i++) {
        entries[i] = chunk;
        entries[i].rows_hash = arm__hash(arm__bytes(&i, sizeof i));
    }
    entries[0].is_hot = true;
    entries[0].hot = hot;
    change.added = entries;
    change.added_count = count;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, &version), k->err);
    assert_int_equal(version, 2);
    free(entries);
}

static void test_commit_record_over_1_mib_goes_into_a_chunk(void **state)
{
    enum { ENTRIES = 14000, HOT_BYTES = 50000 };
    struct kernel *k = *state;
    struct arm_buf bytes = ARM_BUF_INIT(100000);
    uint8_t *hot = calloc(1, HOT_BYTES);
    struct arm_verify_report report;
    char large[TEMP_PATH_BYTES] = "";
    char issue[1024] = "";

    memset(hot, 0xab, HOT_BYTES);
    kernel_create_table(k, "main", "t");
    commit_many(k, ENTRIES, arm__bytes(hot, HOT_BYTES));
    assert_ok(arm__store_list(arm__repository_store(k->repository), find_large, large, &k->err),
              k->err);
    assert_string_not_equal(large, "");
    for (int round = 0; round < 3; round++) {
        struct arm_table_state *rows = kernel_state(k, "main", "t");
        char path[TEMP_PATH_BYTES];

        assert_int_equal(rows->entry_count, ENTRIES);
        assert_ok(arm__catalog_hot_rows(arm__repository_catalog(k->repository), &rows->entries[0],
                                        &bytes, &k->err),
                  k->err);
        assert_int_equal(bytes.size, HOT_BYTES);
        assert_memory_equal(bytes.data, hot, HOT_BYTES);
        arm__table_state_drop(rows);
        kernel_close(k);
        assert_int_equal(round == 0 ? 0 : remove(temp_path(&k->dir, "index/data.mdb", path)), 0);
        kernel_open(k);
    }
    assert_ok(arm__repository_verify(k->repository, false, kernel_print_issue, NULL, issue, &report,
                                     &k->err),
              k->err);
    assert_string_equal(issue, "");
    assert_int_equal(kernel_append(k, "main", "t", 1), 3);
    arm__buf_release(&bytes);
    free(hot);
}

/* A record in a chunk is no less checked than one in a frame: a flipped bit is no other record. */
static void test_commit_damaged_record_in_a_chunk_is_told(void **state)
{
    struct kernel *k = *state;
    char path[TEMP_PATH_BYTES] = "";
    Armpb__Record *record = NULL;
    uint8_t byte = 0;
    int file;

    kernel_create_table(k, "main", "t");
    commit_many(k, 14000, arm__bytes("hot", 3));
    assert_ok(arm__store_list(arm__repository_store(k->repository), find_large, path, &k->err),
              k->err);
    file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, ARM_RECORD_BYTES_MAX / 2), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, ARM_RECORD_BYTES_MAX / 2), 1);
    assert_int_equal(close(file), 0);
    assert_fails(ARM_HASH_MISMATCH,
                 arm__catalog_record(arm__repository_catalog(k->repository),
                                     kernel_snapshot(k, "main").tx, &record, NULL, &k->err),
                 k->err);
}

/* ---- Failures ---- */

/* One commit that both creates, appends and removes, so that every part of the path allocates. */
static arm_status rich_commit(struct kernel *k, uint64_t *out_tx)
{
    struct arm_catalog *catalog = arm__repository_catalog(k->repository);
    struct arm_snapshot at;
    struct arm_table_info info = {.schema = NULL};
    struct arm_new_change changes[3];
    struct arm_commit_request request = {.change_count = 2, .changes = changes};
    struct arm_commit_result result = {.tx = 0};
    struct arm_table_info old = {.schema = NULL};
    static struct kernel_batch batch;
    static struct arm_new_entry entries[40];
    bool found;
    arm_status st = ARM_OK;

    ARM_TRY(arm__catalog_snapshot(catalog, "main", &at, &k->err));
    ARM_TRY(arm__catalog_table(catalog, &at, "main", "t", &info, &found, &k->err));
    assert_true(found);
    for (size_t i = 0; i < 40; i++) {
        entries[i] = *kernel_hot(k, 3, &batch);
    }
    changes[0] = (struct arm_new_change){.kind = ARMPB__CHANGE_KIND__WRITE,
                                         .table_id = info.row.table_id,
                                         .base_version = info.row.version,
                                         .truncated = true,
                                         .added = entries,
                                         .added_count = 40};
    changes[1] = kernel_create_change("u");
    ARM_TRY(arm__catalog_table(catalog, &at, "main", "u", &old, &found, &k->err));
    if (found) {
        changes[request.change_count++] = (struct arm_new_change){.kind = ARMPB__CHANGE_KIND__DROP,
                                                                  .table_id = old.row.table_id,
                                                                  .base_version = old.row.version};
    }
    request.snapshot = at;
    ARM_TRY(arm__commit(k->repository, &request, &result, NULL, &k->err));
    *out_tx = result.tx;
done:
    arm__table_info_release(&old);
    arm__table_info_release(&info);
    return st;
}

static void test_commit_out_of_memory_changes_nothing(void **state)
{
    struct kernel *k = *state;
    uint64_t failures = 0;
    uint64_t tx = 0;

    kernel_create_table(k, "main", "t");
    for (uint64_t n = 1; tx == 0; n++) {
        uint64_t before = kernel_snapshot(k, "main").tx;
        arm_status st;

        (void)arm__alloc_fail_at(n);
        st = rich_commit(k, &tx);
        (void)arm__alloc_fail_at(0);
        if (st == ARM_OK) {
            break;
        }
        assert_int_equal(st, ARM_NO_MEMORY);
        assert_int_equal(kernel_snapshot(k, "main").tx, before);
        failures++;
    }
    assert_true(failures > 20);
    assert_int_equal(kernel_append(k, "main", "t", 1), 3);
}

/* Every operation of the file door fails once: either nothing is changed and the next commit
 * works, or the handle says that it must be reopened; never is something acknowledged lost. */
static void test_commit_survives_every_io_failure(void **state)
{
    struct kernel *k = *state;
    uint64_t acknowledged = kernel_create_table(k, "main", "t");
    bool happened = true;

    for (uint64_t n = 1; happened; n++) {
        struct arm_table_info info = {.schema = NULL};
        struct arm_snapshot at;
        arm_status st;
        uint64_t tx = 0;

        io_fault_at(k->fault, n, n % 2 == 0 ? EIO : ENOSPC, IO_FAULT_ONCE);
        st = rich_commit(k, &tx);
        happened = io_fault_happened(k->fault);
        io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
        if (st != ARM_OK) {
            assert_true(st == ARM_IO || st == ARM_FULL || st == ARM_COMMIT_UNKNOWN ||
                        st == ARM_REOPEN);
            kernel_reopen(k);
            (void)rich_commit(k, &tx);
        }
        assert_int_not_equal(tx, 0);
        acknowledged++;
        at = kernel_snapshot(k, "main");
        assert_true(kernel_find(k, &at, "t", &info));
        assert_true(info.row.version >= acknowledged);
        acknowledged = info.row.version;
    }
    kernel_reopen(k);
    assert_int_equal(kernel_append(k, "main", "t", 1), acknowledged + 1);
}

static void test_commit_wrong_requests_are_refused(void **state)
{
    struct kernel *k = *state;
    struct arm_snapshot at;
    struct arm_new_change change;
    struct arm_new_entry entry = {.rows = 1, .bytes = 1};

    kernel_create_table(k, "main", "t");
    at = kernel_snapshot(k, "main");
    change = kernel_create_change("t");
    assert_fails(ARM_EXISTS, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    change = kernel_create_change("bad\nname");
    assert_fails(ARM_INVALID_NAME, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    change = kernel_create_change("v");
    change.schema = NULL;
    assert_fails(ARM_INVALID, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    change.table_id.bytes[0] ^= 1;
    assert_fails(ARM_NOT_FOUND, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    change.table_id.bytes[0] ^= 1;
    change.added = &entry; /* a chunk that nobody stored */
    change.added_count = 1;
    assert_fails(ARM_NOT_FOUND, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    at.branch_id = 77;
    change.added_count = 0;
    assert_fails(ARM_NOT_FOUND, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    kernel_close(k);
    kernel_open_as(k, true);
    at = kernel_snapshot(k, "main");
    assert_fails(ARM_READ_ONLY, kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_commit_is_read_back_after_reopening),
        kernel_test(test_commit_K1_is_not_seen_before_it_is_durable),
        kernel_fault_test(test_commit_K1_failed_sync_is_unknown_and_unseen),
        kernel_test(test_commit_K4_nothing_changed_makes_no_commit),
        kernel_test(test_commit_K4_identical_replace_makes_no_version),
        kernel_test(test_commit_retried_by_id_is_applied_once),
        kernel_test(test_commit_times_rise_though_the_clock_is_set_back),
        kernel_test(test_commit_record_over_1_mib_goes_into_a_chunk),
        kernel_test(test_commit_damaged_record_in_a_chunk_is_told),
        kernel_test(test_commit_out_of_memory_changes_nothing),
        kernel_fault_test(test_commit_survives_every_io_failure),
        kernel_test(test_commit_wrong_requests_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
