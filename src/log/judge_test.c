/* SPDX-License-Identifier: Apache-2.0 */
#include "log/recover_fixture.h"

static void test_judge_flip_in_the_middle_is_damage(void **state)
{
    uint64_t ends[12];
    struct fixture f;

    fixture_make_some(&f, 10, 0, ends);
    fixture_close(&f);
    /* Every frame but the last two is known durable by a later one that is whole. */
    for (uint64_t tx = 1; tx <= 8; tx++) {
        uint64_t at = ends[tx - 1] + (tx * 37) % (ends[tx] - ends[tx - 1]);

        fixture_flip(&f, 0, at);
        fixture_forget_page(&f);
        fixture_open(&f);
        expect_damage(&f, tx - 1, "durable");
        assert_non_null(strstr(f.found.problem, "segment 0"));
        fixture_close(&f);
        fixture_flip(&f, 0, at);
    }
    fixture_forget_page(&f);
    fixture_open(&f);
    expect_tail(&f, 10); /* all is there still: damage is never cut */
    fixture_remove(&f);
}

/* Tx 4 is missing. Frames 5 and 6 were appended before anything after 3 was durable. */
static void test_judge_two_unsynced_epochs_with_the_first_missing_are_a_tail(void **state)
{
    uint64_t ends[12];
    struct fixture f;

    fixture_make_some(&f, 3, 3, ends);
    fixture_zero(&f, 0, ends[3], ends[4]);
    fixture_reboot(&f, 0);
    assert_int_equal(f.found.cut_bytes, ends[6] - ends[3]);
    expect_tail(&f, 3);
    fixture_reboot(&f, 0); /* and nothing of it comes back */
    expect_tail(&f, 4);
    fixture_remove(&f);

    fixture_make_some(&f, 3, 3, ends);
    fixture_flip(&f, 0, ends[3] + 50); /* there, but bad */
    fixture_reboot(&f, 0);
    expect_tail(&f, 3);
    fixture_remove(&f);
}

/* The same, but a later frame knows tx 4 durable: it was acknowledged. */
static void test_judge_missing_below_a_later_durable_to_is_damage(void **state)
{
    uint64_t ends[12];
    struct fixture f;

    fixture_make_some(&f, 4, 0, ends);
    fixture_append(&f, 30); /* its durable_to is 4 */
    fixture_zero(&f, 0, ends[3], ends[4]);
    fixture_reboot(&f, 0);
    expect_damage(&f, 3, "missing");
    assert_non_null(strstr(f.found.problem, "tx 4"));
    fixture_remove(&f);
}

/* Behind damage nothing says where a frame begins: wherever it does, it is found. The search
 * looks at windows of 64 KiB. */
static void test_judge_finds_a_frame_at_any_place(void **state)
{
    enum { WINDOW = 65536, FRAME_OVERHEAD = 158 };

    for (uint64_t before = 0; before <= 4; before++) { /* bytes of it in the first window */
        struct fixture f;
        uint64_t start;

        fixture_make(&f);
        fixture_append_durable(&f, 100);
        start = f.tail.offset;
        fixture_append_durable(&f, WINDOW - FRAME_OVERHEAD - before);
        assert_int_equal(f.tail.offset, start + WINDOW - before);
        fixture_append(&f, 30); /* its durable_to is 2 */
        fixture_zero(&f, 0, start, start + WINDOW - before);
        fixture_reboot(&f, 0);
        expect_damage(&f, 1, "missing");
        fixture_remove(&f);
    }
}

static void test_judge_known_durable_in_both_directions(void **state)
{
    uint64_t ends[12];
    struct fixture f;

    fixture_make_some(&f, 2, 3, ends);
    fixture_truncate(&f, 0, ends[4] - 1);
    fixture_close(&f);
    for (uint64_t known = 0; known <= 5; known++) {
        fixture_forget_page(&f);
        fixture_open_only(&f, arm__io_system(), (struct arm_log_options){.read_only = true});
        fixture_recover(&f, known);
        assert_int_equal(f.found.damaged, known > 3);
        assert_int_equal(f.found.tail.next_tx, 4);
        fixture_close(&f);
    }
    fixture_open_only(&f, arm__io_system(), (struct arm_log_options){0});
    fixture_recover(&f, 4);
    expect_damage(&f, 3, "tx 4 was durable");
    fixture_reboot(&f, 3);
    expect_tail(&f, 3);
    fixture_remove(&f);
}

/* Six segments of some frames each, all durable. */
static void make_segments(struct fixture *f)
{
    fixture_make(f);
    f->log->segment_bytes_max = 65536;
    while (f->tail.segment < 5) {
        fixture_append_durable(f, 20000);
    }
    fixture_append_durable(f, 20000);
    fixture_close(f);
}

static void rename_segment(const struct fixture *f, uint64_t from, uint64_t to)
{
    char old_path[TEMP_PATH_BYTES];
    char new_path[TEMP_PATH_BYTES];

    assert_int_equal(
        rename(fixture_segment_path(f, from, old_path), fixture_segment_path(f, to, new_path)), 0);
}

static uint64_t last_tx_of_segment(struct fixture *f, uint64_t number)
{
    struct arm_segment_file *file = NULL;
    struct arm_segment_header header;
    struct arm_hash hash;

    assert_ok(arm__segment_files_take(&f->log->files, number + 1, false, &file, &f->err), f->err);
    assert_ok(arm__segment_read_header(f->log->io, file->file, &header, &hash, &f->err), f->err);
    arm__segment_files_put(&f->log->files, file);
    return header.first_tx - 1;
}

static void test_judge_missing_segment_is_damage(void **state)
{
    struct fixture f;
    uint64_t good;
    char path[TEMP_PATH_BYTES];

    make_segments(&f);
    fixture_open(&f);
    good = last_tx_of_segment(&f, 2);
    fixture_close(&f);
    assert_int_equal(remove(fixture_segment_path(&f, 3, path)), 0);
    fixture_open(&f);
    expect_damage(&f, good, "segment 3 is missing");
    fixture_remove(&f);
}

static void test_judge_swapped_segments_are_damage(void **state)
{
    struct fixture f;
    uint64_t good;

    make_segments(&f);
    fixture_open(&f);
    good = last_tx_of_segment(&f, 1);
    fixture_close(&f);
    rename_segment(&f, 2, 99);
    rename_segment(&f, 3, 2);
    rename_segment(&f, 99, 3);
    fixture_open(&f);
    expect_damage(&f, good, "segment 2 is really segment 3");
    fixture_remove(&f);
}

static void test_judge_segment_of_another_repository_is_damage(void **state)
{
    struct arm_segment_header header;
    struct arm_hash hash;
    struct fixture f;
    uint64_t good;
    uint8_t bytes[ARM_SEGMENT_HEADER_BYTES];
    struct arm_segment_file *file = NULL;

    make_segments(&f);
    fixture_open(&f);
    good = last_tx_of_segment(&f, 3);
    assert_ok(arm__segment_files_take(&f.log->files, 4, false, &file, &f.err), f.err);
    assert_ok(arm__segment_read_header(f.log->io, file->file, &header, &hash, &f.err), f.err);
    header.repository.bytes[3] ^= 1;
    arm__segment_encode(&header, bytes, &hash);
    assert_ok(f.log->io->write(f.log->io->self, file->file, 0, bytes, sizeof bytes, &f.err), f.err);
    arm__segment_files_put(&f.log->files, file);
    fixture_close(&f);
    fixture_open(&f);
    expect_damage(&f, good, "segment 4 belongs to another repository");
    fixture_remove(&f);
}

static void test_judge_damage_around_segment_ends_is_named(void **state)
{
    struct fixture f;
    uint64_t good;

    make_segments(&f);
    fixture_open(&f);
    good = last_tx_of_segment(&f, 4);
    fixture_close(&f);

    /* The header of the last segment, in which frames stand. */
    fixture_flip(&f, 5, 100);
    fixture_open(&f);
    expect_damage(&f, good, "segment 5");
    assert_non_null(strstr(f.found.problem, "frames follow"));
    fixture_close(&f);
    fixture_flip(&f, 5, 100);

    /* The last frame of the segment before it: nothing but the header knows it durable. */
    fixture_flip(&f, 4, ARM_SEGMENT_HEADER_BYTES + 30000);
    fixture_open(&f);
    assert_true(f.found.damaged);
    assert_non_null(strstr(f.found.problem, "segment 5 starts at tx"));
    fixture_close(&f);
    fixture_flip(&f, 4, ARM_SEGMENT_HEADER_BYTES + 30000);

    /* A frame in the middle of a segment, with two segments behind it. */
    fixture_flip(&f, 3, ARM_SEGMENT_HEADER_BYTES + 10000);
    fixture_open(&f);
    assert_true(f.found.damaged);
    fixture_close(&f);
    fixture_flip(&f, 3, ARM_SEGMENT_HEADER_BYTES + 10000);

    fixture_open(&f);
    assert_false(f.found.damaged);
    fixture_remove(&f);
}

/* A valid frame where none of this chain can be is no torn tail. */
static void test_judge_frame_of_another_chain_is_damage(void **state)
{
    struct arm_frame_header header = {.kind = ARM_FRAME_RECORDS, .record_count = 1};
    struct arm_buf frame = ARM_BUF_INIT(4096);
    struct arm_record record;
    struct arm_hash hash;
    struct fixture f;
    char spine[32];
    uint8_t payload[10];
    char path[TEMP_PATH_BYTES];
    FILE *file;
    uint64_t ends[12];

    fixture_make_some(&f, 3, 0, ends);
    header.first_tx = 4;
    header.durable_to = 3;
    memset(header.previous.bytes, 1, ARM_HASH_BYTES);
    record = record_of(4, 10, spine, payload);
    assert_ok(arm__frame_encode(&header, &record, &frame, &hash, &f.err), f.err);
    file = fopen(fixture_segment_path(&f, 0, path), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)ends[3], SEEK_SET), 0);
    assert_int_equal(fwrite(frame.data, 1, frame.size, file), frame.size);
    assert_int_equal(fclose(file), 0);
    fixture_reboot(&f, 0);
    expect_damage(&f, 3, "does not continue");
    arm__buf_release(&frame);
    fixture_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_flip_in_the_middle_is_damage),
        cmocka_unit_test(test_judge_two_unsynced_epochs_with_the_first_missing_are_a_tail),
        cmocka_unit_test(test_judge_missing_below_a_later_durable_to_is_damage),
        cmocka_unit_test(test_judge_finds_a_frame_at_any_place),
        cmocka_unit_test(test_judge_known_durable_in_both_directions),
        cmocka_unit_test(test_judge_missing_segment_is_damage),
        cmocka_unit_test(test_judge_swapped_segments_are_damage),
        cmocka_unit_test(test_judge_segment_of_another_repository_is_damage),
        cmocka_unit_test(test_judge_damage_around_segment_ends_is_named),
        cmocka_unit_test(test_judge_frame_of_another_chain_is_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
