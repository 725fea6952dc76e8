/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "log/recover_fixture.h"

static void test_recover_cut_at_every_byte_of_the_last_frames(void **state)
{
    struct fixture f;
    struct arm_buf whole = ARM_BUF_INIT(1 << 20);
    char path[TEMP_PATH_BYTES];
    uint64_t ends[8];

    fixture_make_some(&f, 3, 3, ends);
    fixture_segment_path(&f, 0, path);
    assert_ok(arm__io_read_file(arm__io_system(), path, &whole, &f.err), f.err);
    fixture_close(&f);
    for (int zeroed = 0; zeroed < 2; zeroed++) {
        for (uint64_t cut = ends[3]; cut <= ends[6]; cut++) {
            uint64_t from = cut;
            uint64_t good = 3;

            while (zeroed == 1 && from < ends[6] && whole.data[from] == 0) { /* zero it was */
                from++;
            }
            while (good < 6 && ends[good + 1] <= from) {
                good++;
            }
            temp_write_file(&f.dir, "log/0000000000000000.seg", whole.data, whole.size);
            if (zeroed == 1) {
                fixture_zero(&f, 0, cut, ends[6]);
            } else {
                fixture_truncate(&f, 0, cut);
            }
            fixture_forget_page(&f);
            fixture_open(&f);
            assert_int_equal(f.found.frame_count, good);
            assert_true(f.found.cut_bytes <= from - ends[good]);
            assert_true(f.found.cut_bytes > 0 || from < ends[good] + 4); /* "ARMF" */
            expect_tail(&f, good);
            fixture_close(&f);
        }
    }
    arm__buf_release(&whole);
    temp_dir_remove(&f.dir);
}

static void test_recover_from_a_position_in_the_middle(void **state)
{
    struct arm_log_position middle;
    struct arm_log_position beyond;
    uint64_t ends[12];
    struct fixture f;

    fixture_make_some(&f, 4, 0, ends);
    middle = f.tail;
    fixture_append_durable(&f, 30);
    fixture_append_durable(&f, 30);
    beyond = f.tail;
    fixture_flip(&f, 0, ends[2] + 20); /* not looked at */
    fixture_close(&f);
    fixture_open_only(&f, arm__io_system(), (struct arm_log_options){0});
    assert_ok(arm__log_recover(f.log, &middle, 4, &f.found, &f.err), f.err);
    assert_false(f.found.damaged);
    assert_int_equal(f.found.frame_count, 2);
    assert_int_equal(f.found.tail.next_tx, 7);
    assert_ok(arm__log_recover(f.log, &beyond, 6, &f.found, &f.err), f.err);
    assert_false(f.found.damaged);
    assert_int_equal(f.found.frame_count, 0);
    fixture_truncate(&f, 0, ends[4] + 5);
    assert_ok(arm__log_recover(f.log, &beyond, 0, &f.found, &f.err), f.err);
    assert_true(f.found.damaged);
    assert_non_null(strstr(f.found.problem, "ends before"));
    fixture_remove(&f);
}

/* A crash in the middle of a roll: the new segment has no whole header, or no frame. */
static void test_recover_unfinished_roll_is_taken_back(void **state)
{
    struct fixture f;
    uint64_t last;

    for (int whole_header = 0; whole_header < 2; whole_header++) {
        struct arm_segment_header header = {.repository = FIXTURE_ID, .number = 1};
        struct arm_hash hash;
        uint8_t bytes[65536] = {0};

        fixture_make(&f);
        f.log->segment_bytes_max = 65536;
        fixture_append_durable(&f, 30000);
        fixture_append_durable(&f, 20000);
        last = f.tail.next_tx - 1;
        header.first_tx = f.tail.next_tx;
        header.previous = f.tail.previous;
        arm__segment_encode(&header, bytes, &hash);
        bytes[50] ^= whole_header ? 0 : 1;
        temp_write_file(&f.dir, "log/0000000000000001.seg", bytes, sizeof bytes);
        fixture_reboot(&f, 0);
        assert_int_equal(f.tail.segment, 0);
        f.log->segment_bytes_max = 65536;
        expect_tail(&f, last);
        assert_int_equal(f.tail.segment, 0);
        fixture_append_durable(&f, 40000); /* rolls again */
        assert_int_equal(f.tail.segment, 1);
        assert_int_equal(fixture_check(&f), last + 2);
        fixture_reboot(&f, 0);
        expect_tail(&f, last + 2);
        fixture_remove(&f);
    }
}

/* V2. */
static void test_recover_poison_of_this_boot_cuts_at_durable(void **state)
{
    uint64_t ends[12];
    struct fixture f;

    fixture_make_some(&f, 3, 3, ends);
    arm__page_poison(f.log->page);
    fixture_close(&f);
    fixture_open(&f);
    assert_int_equal(f.found.cut_bytes, ends[6] - ends[3]);
    assert_false(arm__log_poisoned(f.log));
    expect_tail(&f, 3);
    fixture_remove(&f);
}

static void test_recover_poison_cut_goes_over_segments(void **state)
{
    static uint8_t payload[20000];
    struct arm_record record;
    struct arm_log_position at;
    char spine[32];
    struct fixture f;

    fixture_make(&f);
    f.log->segment_bytes_max = 65536;
    fixture_append_durable(&f, 30000);
    for (uint64_t tx = 2; tx <= 4; tx++) { /* by a process killed before it could publish */
        record = record_of(tx, sizeof payload, spine, payload);
        assert_ok(arm__log_append(f.log, &f.tail, &record, 1, &at, &f.err), f.err);
    }
    assert_int_equal(f.tail.segment, 1);
    assert_int_equal(arm__log_durable_to(f.log), 1);
    arm__page_poison(f.log->page);
    fixture_close(&f);
    fixture_open(&f);
    assert_int_equal(f.tail.segment, 0);
    expect_tail(&f, 1);
    fixture_remove(&f);
}

static void test_recover_poison_of_another_boot_is_ignored(void **state)
{
    uint64_t ends[12];
    struct fixture f;

    fixture_make_some(&f, 3, 3, ends);
    arm__page_poison(f.log->page);
    f.log->page->boot_id[0] ^= 1;
    fixture_close(&f);
    fixture_open(&f);
    assert_int_equal(f.found.cut_bytes, 0);
    expect_tail(&f, 6);
    fixture_remove(&f);
}

/* A page that knows less than the frames is an old one, come back with the file system. */
static void test_recover_stale_poison_is_ignored(void **state)
{
    uint64_t ends[12];
    struct fixture f;

    fixture_make_some(&f, 6, 0, ends);
    atomic_store(&f.log->page->durable_to, 3);
    arm__page_poison(f.log->page);
    fixture_close(&f);
    fixture_open(&f);
    expect_tail(&f, 6);
    fixture_remove(&f);
}

/* The page is a hint: without one, with noise in its place, or with another repository's, the log
 * is what its frames say, and commits go on. */
static void test_recover_any_page_will_do(void **state)
{
    uint8_t page[ARM_PAGE_BYTES];
    char path[TEMP_PATH_BYTES];

    for (int kind = 0; kind < 4; kind++) {
        uint64_t ends[12];
        struct fixture other;
        struct fixture f;

        fixture_make_some(&other, 9, 0, ends);
        fixture_make_some(&f, 6, 0, ends);
        memcpy(page, other.log->page, sizeof page);
        fixture_close(&f);
        for (size_t i = 0; kind > 1 && i < sizeof page; i++) { /* all, or behind the magic */
            page[i] = kind == 2 || i >= 8 ? (uint8_t)(i * 37 + 11) : page[i];
        }
        if (kind == 0) {
            assert_int_equal(remove(temp_path(&f.dir, "log/shared", path)), 0);
        } else {
            temp_write_file(&f.dir, "log/shared", page, sizeof page);
        }
        fixture_open(&f);
        expect_tail(&f, 6);
        assert_int_equal(arm__log_durable_to(f.log), 7); /* that one appended */
        fixture_remove(&f);
        fixture_remove(&other);
    }
}

static void test_recover_poison_knows_what_was_durable(void **state)
{
    uint64_t ends[12];
    struct fixture f;

    fixture_make_some(&f, 3, 0, ends);
    arm__page_poison(f.log->page);
    fixture_truncate(&f, 0, ends[2] + 4);
    fixture_close(&f);
    fixture_open(&f);
    expect_damage(&f, 2, "tx 3 was durable");
    fixture_remove(&f);
}

static void test_recover_syncs_what_a_killed_process_left(void **state)
{
    struct io_fault *fault = io_fault_new(arm__io_system());
    uint64_t ends[12];
    struct fixture f;

    fixture_make_some(&f, 3, 3, ends);
    fixture_close(&f);
    fixture_open_only(&f, io_fault_io(fault), (struct arm_log_options){0});
    fixture_recover(&f, 0);
    assert_int_equal(arm__log_durable_to(f.log), 6);
    assert_true(io_fault_find(fault, 0, "sync", "0000.seg") >= 0);
    assert_int_equal(io_fault_find(fault, 0, "write", "0000.seg"), -1); /* nothing to cut */
    fixture_remove(&f);
    io_fault_free(fault);
}

/* Whatever operation fails, recovery fails whole and works when repeated. */
static void test_recover_may_fail_anywhere(void **state)
{
    struct io_fault *fault = io_fault_new(arm__io_system());
    int happened = 0;

    for (uint64_t n = 1, more = 1; more; n++) {
        struct arm_log_position start;
        uint64_t ends[12];
        struct fixture f;
        arm_status st;

        fixture_make_some(&f, 3, 2, ends);
        fixture_flip(&f, 0, ends[5] - 1);
        fixture_close(&f);
        fixture_open_only(&f, io_fault_io(fault), (struct arm_log_options){0});
        start = arm__log_start(f.log);
        io_fault_at(fault, n, EIO, IO_FAULT_ONCE);
        st = arm__log_recover(f.log, &start, 0, &f.found, &f.err);
        more = io_fault_happened(fault);
        io_fault_at(fault, 0, EIO, IO_FAULT_ONCE);
        happened += more ? 1 : 0;
        if (st != ARM_OK) {
            assert_int_equal(st, ARM_IO);
            assert_int_not_equal(fixture_try_append(&f, 10), ARM_OK);
        }
        fixture_close(&f);
        fixture_open(&f);
        expect_tail(&f, 4);
        fixture_remove(&f);
    }
    assert_true(happened > 8);
    io_fault_free(fault);
}

/* A door that notes the lowest place behind a segment's header that is written to. */
static struct {
    struct arm_io io;
    uint64_t lowest;
} noting;

static arm_status noting_write(void *self, struct arm_file *file, uint64_t offset, const void *data,
                               size_t size, struct arm_error *err)
{
    if (offset >= ARM_SEGMENT_HEADER_BYTES && offset < noting.lowest) {
        noting.lowest = offset;
    }
    return arm__io_system()->write(self, file, offset, data, size, err);
}

/* V2: a process was killed in a sync that may have failed. What it left is kept, for it may be
 * durable, but written again. */
static void test_recover_unsure_keeps_and_writes_again(void **state)
{
    struct io_fault *fault;
    uint64_t ends[12];
    struct fixture f;
    int written;

    noting.io = *arm__io_system();
    noting.io.write = noting_write;
    noting.lowest = UINT64_MAX;
    fault = io_fault_new(&noting.io);
    fixture_make_some(&f, 3, 3, ends);
    atomic_store(&f.log->page->syncing, 1);
    fixture_close(&f);
    fixture_open_only(&f, io_fault_io(fault), (struct arm_log_options){0});
    fixture_recover(&f, 0);
    assert_int_equal(f.found.cut_bytes, 0);
    written = io_fault_find(fault, 0, "write", "0000.seg");
    assert_true(written >= 0);
    assert_true(io_fault_find(fault, written, "sync", "0000.seg") > written);
    assert_int_equal(noting.lowest, ends[3]); /* from what is known durable on */
    assert_int_equal(atomic_load(&f.log->page->syncing), 0);
    expect_tail(&f, 6);
    fixture_remove(&f);
    io_fault_free(fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recover_cut_at_every_byte_of_the_last_frames),
        cmocka_unit_test(test_recover_from_a_position_in_the_middle),
        cmocka_unit_test(test_recover_unfinished_roll_is_taken_back),
        cmocka_unit_test(test_recover_poison_of_this_boot_cuts_at_durable),
        cmocka_unit_test(test_recover_poison_cut_goes_over_segments),
        cmocka_unit_test(test_recover_poison_of_another_boot_is_ignored),
        cmocka_unit_test(test_recover_stale_poison_is_ignored),
        cmocka_unit_test(test_recover_any_page_will_do),
        cmocka_unit_test(test_recover_poison_knows_what_was_durable),
        cmocka_unit_test(test_recover_syncs_what_a_killed_process_left),
        cmocka_unit_test(test_recover_may_fail_anywhere),
        cmocka_unit_test(test_recover_unsure_keeps_and_writes_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
