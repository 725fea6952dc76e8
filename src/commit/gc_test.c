/* SPDX-License-Identifier: Apache-2.0 */
#include "commit/gc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "commit/gc_fixture.h"

enum { WIDE_BYTES = 1100000 };

/* Append a chunk to `name`. */
static struct arm_new_entry commit_chunk(struct kernel *k, const char *name, const char *message)
{
    struct arm_snapshot at = kernel_snapshot(k, "main");
    struct arm_new_change change = kernel_change(k, &at, name, ARMPB__CHANGE_KIND__WRITE);
    struct arm_new_entry entry = kernel_chunk(k, 10);
    struct arm_commit_request request = {
        .snapshot = at, .author = "test", .message = message, .change_count = 1};
    struct arm_commit_result result;

    change.added = &entry;
    change.added_count = 1;
    request.changes = &change;
    assert_ok(arm__commit(k->repository, &request, &result, NULL, &k->err), k->err);
    return entry;
}

static void test_gc_takes_what_no_record_names(void **state)
{
    struct kernel *k = *state;
    struct arm_new_entry loose[3];
    struct arm_new_entry named;
    struct arm_gc_report report;

    (void)kernel_create_table(k, "main", "t");
    named = commit_chunk(k, "t", "m");
    for (size_t i = 0; i < 3; i++) {
        loose[i] = kernel_chunk(k, 5);
    }
    report = gc(k, true, 0);
    assert_int_equal(report.chunks, 3);
    assert_int_equal(report.chunk_bytes, 3 * KERNEL_CHUNK_BYTES);
    assert_true(is_there(k, &loose[0].chunk));
    report = gc(k, false, 0);
    assert_int_equal(report.chunks, 3);
    assert_int_equal(report.chunk_bytes, 3 * KERNEL_CHUNK_BYTES);
    for (size_t i = 0; i < 3; i++) {
        assert_false(is_there(k, &loose[i].chunk));
    }
    assert_true(is_there(k, &named.chunk));
    report = gc(k, false, 0);
    assert_int_equal(report.chunks, 0);
    assert_sound(k);
}

/* More than go under one taking of the lock. */
static void test_gc_takes_many(void **state)
{
    enum { MANY = 700 };
    struct kernel *k = *state;
    struct arm_new_entry named;

    (void)kernel_create_table(k, "main", "t");
    for (unsigned i = 0; i < MANY; i++) {
        litter(k, i);
    }
    named = commit_chunk(k, "t", "m");
    assert_int_equal(gc(k, false, 0).chunks, MANY);
    assert_int_equal(temp_count_files(&k->dir, "chunks"), 1);
    assert_true(is_there(k, &named.chunk));
}

static void test_gc_G2_what_is_leased_stays(void **state)
{
    struct kernel *k = *state;
    struct arm_store *store = arm__repository_store(k->repository);
    struct arm_new_entry mine = kernel_chunk(k, 5);
    struct arm_new_entry loose = kernel_chunk(k, 5);
    struct arm_gc_report report;

    assert_ok(arm__store_lease(store, &mine.chunk, &k->err), k->err);
    for (int dry_run = 1; dry_run >= 0; dry_run--) {
        report = gc(k, dry_run == 1, 0);
        assert_int_equal(report.chunks, 1);
        assert_int_equal(report.leased, 1);
    }
    assert_true(is_there(k, &mine.chunk));
    assert_false(is_there(k, &loose.chunk));
    arm__store_lease_drop(store, &mine.chunk);
    assert_int_equal(gc(k, false, 0).chunks, 1);
}

static void set_age(struct kernel *k, const struct arm_hash *chunk, int64_t age_s)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - age_s}};
    char *path = NULL;

    assert_ok(arm__store_path(arm__repository_store(k->repository), chunk, &path, &k->err), k->err);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    arm__free(path);
}

static void test_gc_G3_what_is_young_stays(void **state)
{
    struct kernel *k = *state;
    struct arm_new_entry old = kernel_chunk(k, 5);
    struct arm_new_entry young = kernel_chunk(k, 5);
    struct arm_new_entry future = kernel_chunk(k, 5);
    struct arm_gc_report report;

    set_age(k, &old.chunk, 7200);
    set_age(k, &future.chunk, -7200); /* a clock that was set back */
    report = gc(k, true, INT64_C(3600000000));
    assert_int_equal(report.chunks, 1);
    assert_int_equal(report.young, 2);
    report = gc(k, false, INT64_C(3600000000));
    assert_int_equal(report.chunks, 1);
    assert_int_equal(report.young, 2);
    assert_false(is_there(k, &old.chunk));
    assert_int_equal(gc(k, false, INT64_MAX).chunks, 0);
    assert_int_equal(gc(k, false, 0).chunks, 1);
    assert_false(is_there(k, &young.chunk));
    assert_true(is_there(k, &future.chunk));
}

/* A record in a chunk of its own, the last checkpoint's runs, and what only an old version has: the
 * index names the first nowhere. Runs of a checkpoint before go. */
static void test_gc_G4_what_can_be_read_stays(void **state)
{
    struct kernel *k = *state;
    char *wide = calloc(WIDE_BYTES, 1);
    struct arm_snapshot at;
    struct arm_new_change change;
    size_t files;

    assert_non_null(wide);
    memset(wide, 'w', WIDE_BYTES - 1);
    (void)kernel_create_table(k, "main", "t");
    (void)commit_chunk(k, "t", "m");
    assert_ok(arm__repository_checkpoint(k->repository, &k->err), k->err);
    (void)commit_chunk(k, "t", wide);
    remove_file(k, "log/checkpoint"); /* the next one begins anew */
    assert_ok(arm__repository_checkpoint(k->repository, &k->err), k->err);
    (void)kernel_branch(k, "b", "main");
    at = kernel_snapshot(k, "main");
    change = kernel_change(k, &at, "t", ARMPB__CHANGE_KIND__WRITE);
    change.truncated = true;
    assert_ok(kernel_commit_one(k, &at, &change, NULL, NULL), k->err);
    files = temp_count_files(&k->dir, "chunks");
    assert_int_equal(files, 5); /* two of the table, the record, two runs */
    for (int i = 0; i < 2; i++) {
        struct arm_new_entry loose = kernel_chunk(k, 5);
        uint64_t wanted = i == 0 ? 2 : 1; /* the run is taken with the first */

        assert_int_equal(gc(k, true, 0).chunks, wanted);
        assert_int_equal(gc(k, false, 0).chunks, wanted);
        assert_false(is_there(k, &loose.chunk));
        assert_int_equal(temp_count_files(&k->dir, "chunks"), files - 1);
        assert_sound(k);
        kernel_close(k);
        remove_file(k, "index/data.mdb");
        remove_file(k, "index/trust");
        kernel_open(k);
    }
    free(wide);
}

/* A log that cannot be read whole tells of nothing that it is not needed. */
static void test_gc_G1_damage_keeps_everything(void **state)
{
    struct kernel *k = *state;
    struct arm_gc_request request = {.grace_us = 0};
    struct arm_gc_report report;
    struct arm_new_entry loose;
    char path[TEMP_PATH_BYTES];
    uint8_t byte;
    int fd;

    (void)kernel_create_table(k, "main", "t");
    (void)commit_chunk(k, "t", "m");
    loose = kernel_chunk(k, 5);
    fd = open(temp_path(&k->dir, "log/0000000000000000.seg", path), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, 4096 + 100), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 4096 + 100), 1);
    assert_fails(ARM_CORRUPT, arm__repository_gc(k->repository, &request, &report, &k->err),
                 k->err);
    assert_true(is_there(k, &loose.chunk));
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 4096 + 100), 1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(gc(k, false, 0).chunks, 1);
}

static void test_gc_needs_a_repository_open_for_writing(void **state)
{
    struct kernel *k = *state;
    struct arm_gc_request request = {.dry_run = true};
    struct arm_gc_report report;

    kernel_close(k);
    kernel_open_as(k, true);
    assert_fails(ARM_READ_ONLY, arm__repository_gc(k->repository, &request, &report, &k->err),
                 k->err);
}

static bool stop(void *context, uint64_t done, uint64_t total)
{
    uint64_t *calls = context;

    assert_true(done <= total);
    return --*calls > 0;
}

static void test_gc_stops_when_told(void **state)
{
    struct kernel *k = *state;
    uint64_t calls = 2;
    struct arm_gc_request request = {.progress = stop, .context = &calls};
    struct arm_gc_report report;

    (void)kernel_create_table(k, "main", "t");
    (void)commit_chunk(k, "t", "m");
    (void)kernel_chunk(k, 5);
    assert_fails(ARM_INTERRUPTED, arm__repository_gc(k->repository, &request, &report, &k->err),
                 k->err);
    assert_int_equal(gc(k, false, 0).chunks, 1);
}

/* Whatever fails: nothing that is named goes, and the next one does the rest. */
static void test_gc_survives_failures(void **state)
{
    struct kernel *k = *state;
    struct arm_gc_request request = {.grace_us = 0};
    struct arm_gc_report report;
    struct arm_new_entry named;
    bool failed = true;

    (void)kernel_create_table(k, "main", "t");
    named = commit_chunk(k, "t", "m");
    for (uint64_t n = 1; failed; n++) {
        arm_status st;

        litter(k, 1);
        io_fault_at(k->fault, n, EIO, IO_FAULT_ONCE);
        st = arm__repository_gc(k->repository, &request, &report, &k->err);
        failed = io_fault_happened(k->fault);
        io_fault_at(k->fault, 0, 0, IO_FAULT_ONCE);
        assert_true(failed || st == ARM_OK);
        assert_true(is_there(k, &named.chunk));
        (void)gc(k, false, 0);
    }
    for (uint64_t n = 1; n == 1 || failed; n++) {
        arm_status st;

        litter(k, 1);
        arm__alloc_fail_at(n);
        st = arm__repository_gc(k->repository, &request, &report, &k->err);
        arm__alloc_fail_at(0);
        failed = st != ARM_OK;
        assert_true(st == ARM_OK || st == ARM_NO_MEMORY);
        assert_true(is_there(k, &named.chunk));
        (void)gc(k, false, 0);
    }
    (void)gc(k, false, 0);
    assert_int_equal(temp_count_files(&k->dir, "chunks"), 1);
    assert_sound(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        kernel_test(test_gc_takes_what_no_record_names),
        kernel_test(test_gc_takes_many),
        kernel_test(test_gc_G2_what_is_leased_stays),
        kernel_test(test_gc_G3_what_is_young_stays),
        kernel_test(test_gc_G4_what_can_be_read_stays),
        kernel_test(test_gc_G1_damage_keeps_everything),
        kernel_test(test_gc_needs_a_repository_open_for_writing),
        kernel_test(test_gc_stops_when_told),
        kernel_fault_test(test_gc_survives_failures),
    };

    return cmocka_run_group_tests_name("commit/gc", tests, NULL, NULL);
}
