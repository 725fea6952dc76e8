/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log.h"

#include <errno.h>

#include "base/alloc.h"
#include "log/log_fixture.h"

static const struct arm_log_options READ_ONLY = {.read_only = true};

static void test_log_L1_append_and_read_over_many_segments(void **state)
{
    struct fixture f;
    struct arm_log_position start;

    fixture_make(&f);
    start = arm__log_start(f.log);
    f.log->segment_bytes_max = 131072;
    for (size_t i = 0; i < 1500; i++) {
        fixture_append(&f, i * i * 37 % 2500);
    }
    assert_true(f.tail.segment > 10);
    assert_int_equal(fixture_check(&f), 1500);
    assert_int_equal(start.segment, 0);
    assert_int_equal(start.next_tx, 1);
    fixture_close(&f);

    fixture_open(&f);
    assert_int_equal(f.found.frame_count, 1500);
    assert_false(f.found.damaged);
    assert_int_equal(f.found.cut_bytes, 0);
    assert_int_equal(fixture_check(&f), 1500);
    fixture_append_durable(&f, 100);
    assert_int_equal(fixture_check(&f), 1501);
    fixture_remove(&f);
}

static void test_log_L1_large_frames_roll_at_64_MiB(void **state)
{
    struct fixture f;
    uint64_t size = 0;

    fixture_make(&f);
    for (int i = 0; i < 4; i++) {
        fixture_append_durable(&f, 25U << 20);
    }
    assert_int_equal(f.tail.segment, 1);
    assert_ok(arm__log_size(f.log, &size, &f.err), f.err);
    assert_true(size <= 2 * (uint64_t)ARM_SEGMENT_BYTES_MAX);
    assert_true(f.log->frame.capacity == 0); /* given back */
    assert_int_equal(fixture_check(&f), 4);
    fixture_remove(&f);
}

static void test_log_one_frame_of_many_records(void **state)
{
    enum { COUNT = 300 };

    struct fixture f;
    struct arm_log_position at;
    struct arm_frame_header header;
    static struct arm_record records[COUNT];
    static char spines[COUNT][32];
    static uint8_t payloads[COUNT][64];

    fixture_make(&f);
    fixture_append(&f, 10);
    for (uint32_t i = 0; i < COUNT; i++) {
        records[i] = record_of(2 + i, i % 64, spines[i], payloads[i]);
    }
    assert_ok(arm__log_append(f.log, &f.tail, records, COUNT, &at, &f.err), f.err);
    arm__log_published(f.log, &f.tail);
    assert_int_equal(f.tail.next_tx, 2 + COUNT);
    assert_int_equal(arm__log_appended_to(f.log), 1 + COUNT);
    fixture_append(&f, 10);
    assert_int_equal(fixture_check(&f), 2 + COUNT);

    assert_ok(arm__log_read_at(f.log, at.segment, at.offset, &f.buf, &header, &f.err), f.err);
    assert_int_equal(header.first_tx, 2);
    assert_int_equal(header.record_count, COUNT);
    assert_fails(ARM_CORRUPT,
                 arm__log_read_at(f.log, at.segment, at.offset + 1, &f.buf, &header, &f.err),
                 f.err);
    assert_fails(ARM_CORRUPT,
                 arm__log_read_at(f.log, at.segment, f.tail.offset, &f.buf, &header, &f.err),
                 f.err);
    assert_fails(ARM_CORRUPT, arm__log_read_at(f.log, 5, at.offset, &f.buf, &header, &f.err),
                 f.err);
    assert_int_equal(f.buf.size, 0);
    assert_fails(ARM_INVALID, arm__log_append(f.log, &f.tail, records, 0, &at, &f.err), f.err);
    fixture_remove(&f);
}

static void test_log_close_frame_consumes_no_tx(void **state)
{
    struct fixture f;
    uint64_t next;

    fixture_make(&f);
    fixture_append(&f, 100);
    next = f.tail.next_tx;
    assert_ok(arm__log_append_close(f.log, &f.tail, &f.err), f.err);
    assert_int_equal(f.tail.next_tx, next);
    assert_int_equal(arm__log_durable_to(f.log), next - 1); /* synced */
    fixture_close(&f);

    fixture_open(&f);
    assert_true(f.found.clean_close);
    assert_int_equal(f.found.frame_count, 2);
    assert_int_equal(f.tail.next_tx, next);
    fixture_append(&f, 100);
    assert_int_equal(fixture_check(&f), next);
    fixture_close(&f);
    fixture_open(&f);
    assert_false(f.found.clean_close);
    fixture_remove(&f);
}

static void test_log_read_at_the_tail_finds_nothing_and_moves_nothing(void **state)
{
    struct fixture f;
    struct arm_log_position at;
    struct arm_frame_header header;
    bool found = true;
    char path[TEMP_PATH_BYTES];
    FILE *file;

    fixture_make(&f);
    fixture_append(&f, 100);
    at = f.tail;
    assert_ok(arm__log_read(f.log, &at, &f.buf, &header, &found, &f.err), f.err);
    assert_false(found);
    assert_memory_equal(&at, &f.tail, sizeof at);
    assert_int_equal(f.buf.size, 0);

    /* A torn frame of somebody who is writing it. */
    file = fopen(fixture_segment_path(&f, 0, path), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at.offset, SEEK_SET), 0);
    assert_int_equal(fwrite("ARMF\1\0\0\0\0\2\0\0", 1, 12, file), 12);
    assert_int_equal(fclose(file), 0);
    assert_ok(arm__log_read(f.log, &at, &f.buf, &header, &found, &f.err), f.err);
    assert_false(found);
    fixture_remove(&f);
}

static void test_log_stale_tail_is_refused(void **state)
{
    struct fixture f;
    struct arm_log_position old;
    char spine[32];
    uint8_t payload[8];
    struct arm_record record = record_of(1, 8, spine, payload);
    struct arm_log_position at;

    fixture_make(&f);
    old = f.tail;
    fixture_append(&f, 100);
    assert_fails(ARM_INVALID, arm__log_append(f.log, &old, &record, 1, &at, &f.err), f.err);
    old = f.tail;
    assert_ok(arm__log_append_close(f.log, &f.tail, &f.err), f.err);
    assert_fails(ARM_INVALID, arm__log_append(f.log, &old, &record, 1, &at, &f.err), f.err);
    assert_int_equal(fixture_check(&f), 1);

    /* Somebody's who died, or failed, before he could publish. */
    old = f.tail;
    record = record_of(2, 8, spine, payload);
    assert_ok(arm__log_append(f.log, &f.tail, &record, 1, &at, &f.err), f.err);
    assert_int_equal(arm__log_appended_to(f.log), 1);
    assert_fails(ARM_INVALID, arm__log_append(f.log, &old, &record, 1, &at, &f.err), f.err);
    assert_int_equal(fixture_check(&f), 2);
    fixture_remove(&f);
}

static void test_log_roll_syncs_before_a_frame_goes_in(void **state)
{
    struct io_fault *fault = io_fault_new(arm__io_system());
    struct fixture f;
    int old_synced;
    int header_written;
    int header_synced;
    int directory_synced;
    int frame_written;

    fixture_make(&f);
    fixture_close(&f);
    fixture_open_only(&f, io_fault_io(fault), (struct arm_log_options){0});
    fixture_recover(&f, 0);
    f.log->segment_bytes_max = 65536;
    fixture_append(&f, 40000);
    io_fault_at(fault, 0, EIO, IO_FAULT_ONCE);
    fixture_append(&f, 40000);
    old_synced = io_fault_find(fault, 0, "sync", "0000.seg");
    header_written = io_fault_find(fault, old_synced, "write", "0001.seg");
    header_synced = io_fault_find(fault, header_written, "sync", "0001.seg");
    directory_synced = io_fault_find(fault, header_synced, "sync_directory", "log");
    frame_written = io_fault_find(fault, directory_synced, "write", "0001.seg");
    assert_true(old_synced >= 0 && header_written > old_synced);
    assert_true(header_synced > header_written && directory_synced > header_synced);
    assert_true(frame_written > directory_synced);
    assert_int_equal(io_fault_find(fault, 0, "write", "0000.seg"), -1);

    io_fault_at(fault, 0, EIO, IO_FAULT_ONCE);
    fixture_append(&f, 1000);
    assert_int_equal(io_fault_find(fault, 0, "sync", ""), -1); /* append alone syncs nothing */
    assert_int_equal(io_fault_count(fault), 1);                /* the write: no size is asked */
    fixture_remove(&f);
    io_fault_free(fault);
}

/* All that is below the log's directory, hashed. */
static struct arm_hash hash_of_files(const struct fixture *f)
{
    struct arm_segment_list list = {NULL, 0, 0};
    struct arm_hasher hasher;
    struct arm_hash hash;
    struct arm_error err = {0};
    char path[TEMP_PATH_BYTES];
    uint64_t size;

    arm__hasher_init(&hasher);
    assert_ok(
        arm__segment_list_read(arm__io_system(), temp_path(&f->dir, "log", path), &list, &err),
        err);
    for (size_t i = 0; i <= list.count; i++) {
        if (i < list.count) {
            fixture_segment_path(f, list.items[i].number, path);
        } else {
            temp_path(&f->dir, "log/shared", path);
        }
        assert_ok(arm__io_hash_file(arm__io_system(), path, &hash, &size, &err), err);
        arm__hasher_update(&hasher, hash.bytes, sizeof hash.bytes);
    }
    arm__segment_list_release(&list);
    return arm__hasher_finish(&hasher);
}

static void test_log_read_only_writes_nothing(void **state)
{
    struct io_fault *fault = io_fault_new(arm__io_system());
    struct fixture f;
    struct arm_hash before;
    struct arm_hash after;

    fixture_make(&f);
    for (int i = 0; i < 10; i++) {
        fixture_append_durable(&f, 100);
    }
    fixture_append(&f, 100);
    fixture_close(&f);
    fixture_flip(&f, 0, f.tail.offset - 3); /* an unacknowledged tail to leave alone */
    for (int forget = 0; forget < 2; forget++) {
        if (forget == 1) {
            fixture_forget_page(&f);
        }
        before = hash_of_files(&f);
        fixture_open_only(&f, io_fault_io(fault), READ_ONLY);
        fixture_recover(&f, 0);
        assert_false(f.found.damaged);
        assert_int_equal(f.found.tail.next_tx, 11);
        assert_int_equal(arm__log_durable_to(f.log), 10);
        assert_int_equal(fixture_check(&f), 10);
        assert_int_equal(fixture_try_append(&f, 10), ARM_READ_ONLY);
        assert_int_equal(arm__log_append_close(f.log, &f.tail, &f.err), ARM_READ_ONLY);
        assert_ok(arm__log_wait_durable(f.log, 10, &f.err), f.err);
        assert_fails(ARM_READ_ONLY, arm__log_wait_durable(f.log, 11, &f.err), f.err);
        arm__log_published(f.log, &f.tail);
        arm__log_tail_wait(f.log, 10, 1000, NULL);
        fixture_close(&f);
        after = hash_of_files(&f);
        assert_true(arm__hash_equal(&before, &after));
        assert_int_equal(io_fault_find(fault, 0, "write", ""), -1);
        assert_int_equal(io_fault_find(fault, 0, "truncate", ""), -1);
        assert_int_equal(io_fault_find(fault, 0, "sync", ""), -1);
    }
    temp_dir_remove(&f.dir);
    io_fault_free(fault);
}

/* Also when the page is not there at all, or another process's writes must be seen through a
 * private page. */
static void test_log_read_only_follows_a_writer(void **state)
{
    struct fixture f;
    struct fixture reader;
    char path[TEMP_PATH_BYTES];

    fixture_make(&f);
    fixture_close(&f);
    for (int with_page = 0; with_page < 2; with_page++) {
        if (with_page == 0) {
            assert_int_equal(remove(temp_path(&f.dir, "log/shared", path)), 0);
        }
        reader = f;
        fixture_open_only(&reader, arm__io_system(), READ_ONLY);
        fixture_recover(&reader, 0);
        assert_true(arm__page_is_private(reader.log));
        fixture_open(&f);
        for (int i = 0; i < 3; i++) {
            fixture_append_durable(&f, 100);
            assert_int_equal(arm__log_durable_to(reader.log), f.tail.next_tx - 1);
            assert_int_equal(arm__log_appended_to(reader.log), f.tail.next_tx - 1);
            assert_int_equal(fixture_check(&reader), f.tail.next_tx - 1);
        }
        assert_false(arm__log_poisoned(reader.log));
        arm__page_poison(f.log->page);
        assert_true(arm__log_poisoned(reader.log));
        fixture_close(&reader);
        fixture_close(&f);
    }
    temp_dir_remove(&f.dir);
}

static void test_log_open_refuses_what_is_no_log_of_this_repository(void **state)
{
    const struct arm_io *io = arm__io_system();
    struct arm_log_options options = {0};
    struct arm_id other = {{9}};
    struct arm_log *log = NULL;
    struct fixture f;
    char path[TEMP_PATH_BYTES];

    fixture_make(&f);
    fixture_append_durable(&f, 100);
    assert_fails(ARM_EXISTS, arm__log_create(io, f.dir.path, &FIXTURE_ID, &f.err), f.err);
    assert_int_equal(fixture_check(&f), 1);
    fixture_close(&f);
    assert_fails(ARM_CORRUPT, arm__log_open(io, f.dir.path, &other, &options, &log, &f.err), f.err);
    assert_non_null(strstr(f.err.message, "another repository"));
    fixture_flip(&f, 0, 20);
    assert_fails(ARM_CORRUPT, arm__log_open(io, f.dir.path, &FIXTURE_ID, &options, &log, &f.err),
                 f.err);
    assert_int_equal(remove(fixture_segment_path(&f, 0, path)), 0);
    assert_fails(ARM_CORRUPT, arm__log_open(io, f.dir.path, &FIXTURE_ID, &options, &log, &f.err),
                 f.err);
    assert_non_null(strstr(f.err.message, "missing"));
    assert_null(log);
    temp_dir_remove(&f.dir);
}

static void test_log_is_not_appended_to_before_recovery(void **state)
{
    struct fixture f;

    fixture_make(&f);
    fixture_close(&f);
    fixture_forget_page(&f);
    fixture_open_only(&f, arm__io_system(), (struct arm_log_options){0});
    assert_int_equal(fixture_try_append(&f, 10), ARM_REOPEN);
    fixture_recover(&f, 0);
    fixture_append_durable(&f, 10);
    fixture_remove(&f);
}

/* Fail the n-th operation of an append that rolls, for each n: either nothing is appended and
 * the next append goes on, or the log is poisoned; never is anything lost or in the way. */
static void test_log_append_failing_anywhere_leaves_nothing(void **state)
{
    static const int errors[] = {ENOSPC, EIO};
    struct io_fault *fault = io_fault_new(arm__io_system());
    int happened = 0;

    for (uint64_t n = 1, more = 1; more; n++) {
        struct fixture f;
        arm_status st;

        fixture_make(&f);
        fixture_close(&f);
        fixture_open_only(&f, io_fault_io(fault), (struct arm_log_options){0});
        fixture_recover(&f, 0);
        f.log->segment_bytes_max = 131072;
        fixture_append_durable(&f, 70000);
        io_fault_at(fault, n, errors[n % 2], IO_FAULT_ONCE);
        st = fixture_try_append(&f, 100000); /* rolls */
        more = io_fault_happened(fault);
        io_fault_at(fault, 0, EIO, IO_FAULT_ONCE);
        assert_int_equal(fixture_check(&f), st == ARM_OK ? 2 : 1);
        if (more) {
            happened++;
            assert_true(st == ARM_FULL || st == ARM_IO ||
                        (st == ARM_OK && errors[n % 2] == ENOSPC)); /* it had room enough */
            st = fixture_try_append(&f, 200); /* fits where the other did not */
            assert_int_equal(st, arm__log_poisoned(f.log) ? ARM_REOPEN : ARM_OK);
        }
        fixture_close(&f);
        fixture_open(&f);
        assert_false(f.found.damaged);
        assert_int_equal(f.found.cut_bytes, 0);
        assert_int_equal(fixture_check(&f), f.tail.next_tx - 1);
        fixture_append_durable(&f, 90000);
        assert_int_equal(fixture_check(&f), f.tail.next_tx - 1);
        fixture_remove(&f);
    }
    assert_true(happened > 8);
    io_fault_free(fault);
}

/* The same with a disk that stays gone: what cannot be taken back poisons. */
static void test_log_append_that_cannot_be_taken_back_poisons(void **state)
{
    struct io_fault *fault = io_fault_new(arm__io_system());
    struct fixture f;

    fixture_make(&f);
    fixture_close(&f);
    fixture_open_only(&f, io_fault_io(fault), (struct arm_log_options){0});
    fixture_recover(&f, 0);
    fixture_append_durable(&f, 100);
    io_fault_at(fault, 1, EIO, IO_FAULT_AFTER); /* the write of the frame */
    assert_int_equal(fixture_try_append(&f, 100), ARM_IO);
    assert_true(arm__log_poisoned(f.log));
    io_fault_at(fault, 0, EIO, IO_FAULT_ONCE);
    assert_int_equal(fixture_try_append(&f, 100), ARM_REOPEN);
    fixture_close(&f);
    fixture_open(&f);
    assert_true(f.found.cut_bytes > 0);
    assert_int_equal(fixture_check(&f), 1);
    fixture_append_durable(&f, 100);
    fixture_remove(&f);
    io_fault_free(fault);
}

/* Open, recover, append, read, close with the n-th allocation failing, for each n. */
static void test_log_every_allocation_may_fail(void **state)
{
    struct fixture f;
    uint64_t appended = 0;

    fixture_make(&f);
    fixture_close(&f);
    for (uint64_t n = 1, more = 1; more; n++) {
        struct arm_log_options options = {0};
        struct arm_log_position start;
        struct arm_log *log = NULL;
        struct arm_frame_header header;
        bool found = false;
        arm_status st;

        (void)arm__alloc_fail_at(n);
        st = arm__log_open(arm__io_system(), f.dir.path, &FIXTURE_ID, &options, &log, &f.err);
        if (st == ARM_OK) {
            f.log = log;
            f.buf = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
            start = arm__log_start(log);
            st = arm__log_recover(log, &start, 0, &f.found, &f.err);
        }
        if (st == ARM_OK) {
            f.tail = f.found.tail;
            st = fixture_try_append(&f, 100);
            appended += st == ARM_OK;
        }
        if (st == ARM_OK) {
            st = arm__log_wait_durable(log, f.tail.next_tx - 1, &f.err);
        }
        if (st == ARM_OK) {
            st = arm__log_read(log, &start, &f.buf, &header, &found, &f.err);
        }
        more = st != ARM_OK;
        (void)arm__alloc_fail_at(0);
        if (log != NULL) {
            arm__log_close(log);
        }
        arm__buf_release(&f.buf);
        assert_true(st == ARM_OK || st == ARM_NO_MEMORY);
    }
    fixture_open(&f);
    assert_int_equal(fixture_check(&f), appended);
    fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_L1_append_and_read_over_many_segments),
        cmocka_unit_test(test_log_L1_large_frames_roll_at_64_MiB),
        cmocka_unit_test(test_log_one_frame_of_many_records),
        cmocka_unit_test(test_log_close_frame_consumes_no_tx),
        cmocka_unit_test(test_log_read_at_the_tail_finds_nothing_and_moves_nothing),
        cmocka_unit_test(test_log_stale_tail_is_refused),
        cmocka_unit_test(test_log_roll_syncs_before_a_frame_goes_in),
        cmocka_unit_test(test_log_read_only_writes_nothing),
        cmocka_unit_test(test_log_read_only_follows_a_writer),
        cmocka_unit_test(test_log_open_refuses_what_is_no_log_of_this_repository),
        cmocka_unit_test(test_log_is_not_appended_to_before_recovery),
        cmocka_unit_test(test_log_append_failing_anywhere_leaves_nothing),
        cmocka_unit_test(test_log_append_that_cannot_be_taken_back_poisons),
        cmocka_unit_test(test_log_every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
