/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log_fixture.h"

/* A child with a handle of its own appends one frame of `size` bytes and is killed in the
 * middle of its write number `write_number`, after `bytes` of it. */
static void append_and_die(const struct fixture *f, uint64_t write_number, uint64_t bytes,
                           size_t size)
{
    struct trap_counts *counts = shared_memory(sizeof *counts);
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct fixture mine = *f;
        struct trap trap;

        trap_init(&trap, counts);
        fixture_open_only(&mine, &trap.io, (struct arm_log_options){0});
        mine.log->segment_bytes_max = f->log->segment_bytes_max;
        atomic_store(&counts->kill_at_write, write_number);
        atomic_store(&counts->kill_after_bytes, bytes);
        (void)fixture_try_append(&mine, size);
        _exit(0);
    }
    assert_int_equal(wait_for(child), 9);
    (void)munmap(counts, sizeof *counts);
}

/* Take the dead one's whole frames, as who takes the commit lock next does. */
static void catch_up(struct fixture *f)
{
    struct arm_frame_header header;
    bool found = true;

    while (found) {
        assert_ok(arm__log_read(f->log, &f->tail, &f->buf, &header, &found, &f->err), f->err);
    }
}

static void test_append_killed_appender_is_mended_by_the_next(void **state)
{
    static const uint64_t parts[] = {0, 1, 71, 72, 100, 2000, 2171, 2172 /* all */};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct fixture f;
        uint64_t torn_end;
        uint64_t whole;

        fixture_make(&f);
        fixture_append_durable(&f, 100);
        append_and_die(&f, 1, parts[i], 2014); /* a frame of 2,172 bytes */
        torn_end = f.tail.offset + 2172;
        assert_false(arm__log_ends_at(f.log, &f.tail)); /* be his frame torn or whole */
        catch_up(&f);
        whole = parts[i] == 2172;
        assert_int_equal(f.tail.next_tx, 2 + whole);
        fixture_append_durable(&f, 100);
        /* Nothing of the torn frame is left behind the shorter new one. */
        for (uint64_t at = f.tail.offset; at < torn_end; at++) {
            uint8_t byte = 1;
            size_t got = 0;
            struct arm_segment_file *file = NULL;

            assert_ok(arm__segment_files_take(&f.log->files, 0, false, &file, &f.err), f.err);
            assert_ok(f.log->io->read(f.log->io->self, file->file, at, &byte, 1, &got, &f.err),
                      f.err);
            arm__segment_files_put(&f.log->files, file);
            assert_int_equal(byte, 0);
        }
        assert_int_equal(fixture_check(&f), 2 + whole);
        fixture_close(&f);
        fixture_open(&f);
        assert_int_equal(f.found.cut_bytes, 0);
        assert_int_equal(fixture_check(&f), 2 + whole);
        fixture_remove(&f);
    }
}

/* Killed anywhere in a roll; the next frame fits the old segment, or does not. */
static void test_append_killed_roll_is_mended_by_the_next(void **state)
{
    static const size_t next_sizes[] = {100, 40000};

    for (uint64_t n = 1; n <= 3; n++) { /* zeros, header, frame */
        for (size_t i = 0; i < 2; i++) {
            struct fixture f;

            fixture_make(&f);
            f.log->segment_bytes_max = 65536;
            fixture_append_durable(&f, 40000);
            append_and_die(&f, n, 3000, 30000);
            assert_int_equal(temp_count_files(&f.dir, "log"), 3);
            assert_false(arm__log_ends_at(f.log, &f.tail));
            catch_up(&f);
            assert_int_equal(f.tail.segment, 0);
            fixture_append_durable(&f, next_sizes[i]);
            assert_int_equal(f.tail.segment, i);
            fixture_append_durable(&f, 100);
            assert_int_equal(fixture_check(&f), 3);
            fixture_close(&f);
            fixture_forget_page(&f);
            fixture_open(&f);
            assert_false(f.found.damaged);
            assert_int_equal(fixture_check(&f), 3);
            fixture_remove(&f);
        }
    }
}

/* Also a frame that was written and never published: its process may have died there. */
static void test_append_log_ends_behind_the_last_whole_frame(void **state)
{
    static const uint8_t bytes[40000] = {1};
    struct arm_record record = {arm__bytes("r", 1), arm__bytes(bytes, sizeof bytes)};
    struct arm_log_position before;
    struct arm_log_position at;
    struct fixture f;

    fixture_make(&f);
    f.log->segment_bytes_max = 65536;
    assert_true(arm__log_ends_at(f.log, &f.tail));
    for (size_t i = 0; i < 3; i++) { /* the last ones roll */
        before = f.tail;
        assert_ok(arm__log_append(f.log, &f.tail, &record, 1, &at, &f.err), f.err);
        assert_false(arm__log_ends_at(f.log, &before));
        assert_true(arm__log_ends_at(f.log, &f.tail));
    }
    assert_int_equal(f.tail.segment, 2);
    arm__page_poison(f.log->page);
    assert_false(arm__log_ends_at(f.log, &f.tail));
    fixture_remove(&f);
}

static struct {
    uint64_t calls;
    uint64_t offset;
    uint64_t size;
} hastened;

static void record_hasten(void *self, struct arm_file *file, uint64_t offset, uint64_t size)
{
    arm__io_system()->hasten(self, file, offset, size);
    hastened.calls++;
    hastened.offset = offset;
    hastened.size = size;
}

/* The frame, right behind its append; not beside a sync, nor where the door has no such call. */
static void test_append_disk_begins_with_the_frame(void **state)
{
    struct arm_io io = *arm__io_system();
    struct arm_log_position before;
    struct fixture f;

    io.hasten = record_hasten;
    fixture_make(&f);
    fixture_close(&f);
    fixture_open_only(&f, &io, (struct arm_log_options){0});
    fixture_recover(&f, 0);
    before = f.tail;
    fixture_append(&f, 100);
    assert_int_equal(hastened.calls, 1);
    assert_int_equal(hastened.offset, before.offset);
    assert_int_equal(hastened.size, f.tail.offset - before.offset);
    atomic_store(&f.log->page->syncing, 1);
    fixture_append(&f, 100);
    assert_int_equal(hastened.calls, 1);
    atomic_store(&f.log->page->syncing, 0);
    io.hasten = NULL;
    fixture_append_durable(&f, 100);
    assert_int_equal(fixture_check(&f), 3);
    fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_killed_appender_is_mended_by_the_next),
        cmocka_unit_test(test_append_killed_roll_is_mended_by_the_next),
        cmocka_unit_test(test_append_log_ends_behind_the_last_whole_frame),
        cmocka_unit_test(test_append_disk_begins_with_the_frame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
