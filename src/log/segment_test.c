/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log_fixture.h"

static struct arm_segment_header header_of(uint64_t number)
{
    struct arm_segment_header header = {
        .repository = FIXTURE_ID, .number = number, .first_tx = 0x1122334455667788};

    memset(header.previous.bytes, 0xCD, ARM_HASH_BYTES);
    return header;
}

static void test_segment_header_round_trip(void **state)
{
    struct arm_segment_header header = header_of(7);
    struct arm_segment_header out;
    struct arm_hash hash;
    struct arm_hash checked;
    struct arm_error err = {0};
    uint8_t bytes[ARM_SEGMENT_HEADER_BYTES];

    arm__segment_encode(&header, bytes, &hash);
    assert_ok(arm__segment_decode(arm__bytes(bytes, sizeof bytes), &out, &checked, &err), err);
    assert_true(arm__hash_equal(&hash, &checked));
    assert_true(arm__id_equal(&out.repository, &FIXTURE_ID));
    assert_int_equal(out.number, 7);
    assert_int_equal(out.first_tx, header.first_tx);
    assert_true(arm__hash_equal(&out.previous, &header.previous));
}

static void test_segment_header_every_flip_and_truncation_is_refused(void **state)
{
    struct arm_segment_header header = header_of(7);
    struct arm_segment_header out;
    struct arm_hash hash;
    struct arm_error err = {0};
    uint8_t bytes[ARM_SEGMENT_HEADER_BYTES];

    arm__segment_encode(&header, bytes, &hash);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 0x10;
        assert_fails(ARM_CORRUPT,
                     arm__segment_decode(arm__bytes(bytes, sizeof bytes), &out, &hash, &err), err);
        bytes[i] ^= 0x10;
        assert_fails(ARM_CORRUPT, arm__segment_decode(arm__bytes(bytes, i), &out, &hash, &err),
                     err);
    }
}

/* Any other field under a right hash. */
static arm_status decode_with(size_t at, uint8_t value)
{
    struct arm_segment_header header = header_of(7);
    struct arm_hash hash;
    uint8_t bytes[ARM_SEGMENT_HEADER_BYTES];

    arm__segment_encode(&header, bytes, &hash);
    bytes[at] = value;
    hash = arm__hash(arm__bytes(bytes, sizeof bytes - ARM_HASH_BYTES));
    memcpy(bytes + sizeof bytes - ARM_HASH_BYTES, hash.bytes, ARM_HASH_BYTES);
    return arm__segment_decode(arm__bytes(bytes, sizeof bytes), &header, &hash, NULL);
}

static void test_segment_header_of_a_newer_format_is_told_from_damage(void **state)
{
    assert_int_equal(decode_with(8, 1), ARM_OK);
    assert_int_equal(decode_with(8, 2), ARM_NEWER_FORMAT);
    assert_int_equal(decode_with(8, 0), ARM_CORRUPT);
    assert_int_equal(decode_with(12, 1), ARM_CORRUPT);   /* reserved */
    assert_int_equal(decode_with(80, 1), ARM_CORRUPT);   /* reserved */
    assert_int_equal(decode_with(4063, 1), ARM_CORRUPT); /* reserved */
}

static void test_segment_header_golden(void **state)
{
    struct arm_segment_header header = header_of(258);
    struct arm_hash hash;
    uint8_t bytes[ARM_SEGMENT_HEADER_BYTES];

    arm__segment_encode(&header, bytes, &hash);
    assert_golden("log_segment_header.bin", bytes, sizeof bytes);
}

static void test_segment_names_are_sixteen_lower_case_digits(void **state)
{
    uint64_t number = 99;

    assert_true(arm__segment_number("00000000000000ff.seg", &number));
    assert_int_equal(number, 255);
    assert_false(arm__segment_number("00000000000000FF.seg", &number));
    assert_false(arm__segment_number("0000000000000ff.seg", &number));
    assert_false(arm__segment_number("00000000000000ff.seg.new", &number));
    assert_false(arm__segment_number("00000000000000fg.seg", &number));
    assert_false(arm__segment_number("shared", &number));
    assert_int_equal(number, 255);
}

static uint64_t size_of(struct arm_file *file)
{
    const struct arm_io *io = arm__io_system();
    uint64_t size = 0;

    assert_int_equal(io->size(io->self, file, &size, NULL), ARM_OK);
    return size;
}

/* A file that grows by truncation has holes. */
static arm_status truncate_to_nothing(void *self, struct arm_file *file, uint64_t size,
                                      struct arm_error *err)
{
    assert_int_equal(size, 0);
    return arm__io_system()->truncate(self, file, size, err);
}

static void test_segment_G1_grows_in_steps_of_zeros(void **state)
{
    struct arm_io no_holes = *arm__io_system();
    const struct arm_io *io = &no_holes;
    struct arm_segment_header header = header_of(0);
    struct temp_dir dir = temp_dir_make();
    struct arm_file *file = NULL;
    struct arm_error err = {0};
    char path[TEMP_PATH_BYTES];
    uint64_t known = 0;
    uint64_t size;

    no_holes.truncate = truncate_to_nothing;
    assert_ok(io->open(io->self, temp_path(&dir, "a", path), ARM_OPEN_WRITE | ARM_OPEN_CREATE,
                       &file, &err),
              err);
    assert_ok(arm__segment_write_new(io, file, &header, ARM_SEGMENT_BYTES_MAX, &err), err);
    assert_int_equal(size_of(file), 65536);
    while ((size = size_of(file)) < ARM_SEGMENT_BYTES_MAX) {
        uint64_t step;

        assert_ok(arm__segment_grow(io, file, 0, size, ARM_SEGMENT_BYTES_MAX, &known, &err), err);
        assert_int_equal(size_of(file), size); /* nothing to do */
        assert_ok(arm__segment_grow(io, file, 0, size + 1, ARM_SEGMENT_BYTES_MAX, &known, &err),
                  err);
        step = size_of(file) - size;
        assert_true(step <= 4U << 20);
        assert_true(step >= 65536 || size_of(file) == ARM_SEGMENT_BYTES_MAX);
        assert_true(step <= 65536 + 4096 || step <= size / 8 + 4096);
    }
    assert_int_equal(size, ARM_SEGMENT_BYTES_MAX);
    io->close(io->self, file);
    temp_dir_remove(&dir);
}

static void test_segment_1000_small_commits_stay_small(void **state)
{
    struct fixture f;
    uint64_t size = 0;

    fixture_make(&f);
    for (int i = 0; i < 1000; i++) {
        fixture_append(&f, 400);
    }
    assert_ok(arm__log_size(f.log, &size, &f.err), f.err);
    assert_true(size <= 700000); /* of 1.1 MB, the index takes the rest */
    fixture_remove(&f);
}

/* H2. */
static void test_segment_files_few_stay_open(void **state)
{
    struct arm_segment_files files;
    struct arm_segment_file *held[20];
    struct temp_dir dir = temp_dir_make();
    struct arm_error err = {0};
    size_t open = 0;

    arm__segment_files_init(&files, arm__io_system(), false);
    assert_ok(arm__segment_files_place(&files, dir.path, &err), err);
    assert_fails(ARM_NOT_FOUND, arm__segment_files_take(&files, 3, false, &held[0], &err), err);
    for (uint64_t i = 0; i < 20; i++) {
        assert_ok(arm__segment_files_take(&files, i, true, &held[i], &err), err);
    }
    for (int i = 0; i < 20; i++) {
        arm__segment_files_put(&files, held[i]);
    }
    for (struct arm_segment_file *file = files.first; file != NULL; file = file->next) {
        assert_int_equal(file->users, 0);
        open++;
    }
    assert_int_equal(open, 8);
    assert_int_equal(files.first->number, 19);
    arm__segment_files_release(&files);
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_header_round_trip),
        cmocka_unit_test(test_segment_header_every_flip_and_truncation_is_refused),
        cmocka_unit_test(test_segment_header_of_a_newer_format_is_told_from_damage),
        cmocka_unit_test(test_segment_header_golden),
        cmocka_unit_test(test_segment_names_are_sixteen_lower_case_digits),
        cmocka_unit_test(test_segment_G1_grows_in_steps_of_zeros),
        cmocka_unit_test(test_segment_1000_small_commits_stay_small),
        cmocka_unit_test(test_segment_files_few_stay_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
