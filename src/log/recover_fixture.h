/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_LOG_RECOVER_FIXTURE_H
#define ARM_LOG_RECOVER_FIXTURE_H

/* For the tests of recovery: ways to hurt a log, and what must then be so. */

#include "log/log_fixture.h"

/* Reopen as after a crash of the machine. */
static inline void fixture_reboot(struct fixture *f, uint64_t known_durable)
{
    fixture_close(f);
    fixture_forget_page(f);
    fixture_open_only(f, arm__io_system(), (struct arm_log_options){0});
    fixture_recover(f, known_durable);
}

static inline void fixture_truncate(const struct fixture *f, uint64_t number, uint64_t size)
{
    char path[TEMP_PATH_BYTES];

    assert_int_equal(truncate(fixture_segment_path(f, number, path), (off_t)size), 0);
}

static inline void fixture_zero(const struct fixture *f, uint64_t number, uint64_t from,
                                uint64_t to)
{
    char path[TEMP_PATH_BYTES];
    FILE *file = fopen(fixture_segment_path(f, number, path), "r+b");

    assert_non_null(file);
    assert_int_equal(fseek(file, (long)from, SEEK_SET), 0);
    for (; from < to; from++) {
        assert_int_equal(fputc(0, file), 0);
    }
    assert_int_equal(fclose(file), 0);
}

/* L6. */
static inline void expect_zero_behind_the_tail(struct fixture *f)
{
    struct arm_segment_list list = {NULL, 0, 0};
    struct arm_buf bytes = ARM_BUF_INIT(ARM_SEGMENT_BYTES_MAX);
    char path[TEMP_PATH_BYTES];

    assert_ok(arm__io_read_file(arm__io_system(), fixture_segment_path(f, f->tail.segment, path),
                                &bytes, &f->err),
              f->err);
    for (size_t i = f->tail.offset; i < bytes.size; i++) {
        assert_int_equal(bytes.data[i], 0);
    }
    assert_ok(arm__segment_list_read(arm__io_system(), f->log->directory, &list, &f->err), f->err);
    assert_int_equal(list.count, f->tail.segment + 1);
    arm__segment_list_release(&list);
    arm__buf_release(&bytes);
}

/* The log is damaged, says so with `word`, serves what is good, and takes nothing. */
static inline void expect_damage(struct fixture *f, uint64_t good_to, const char *word)
{
    struct fixture second = *f;

    assert_true(f->found.damaged);
    assert_non_null(strstr(f->found.problem, word));
    assert_int_equal(f->found.tail.next_tx, good_to + 1);
    assert_int_equal(f->found.cut_bytes, 0);
    assert_int_equal(arm__log_durable_to(f->log), good_to);
    assert_int_equal(fixture_check(f), good_to);
    assert_int_equal(fixture_try_append(f, 10), ARM_CORRUPT);
    fixture_open_only(&second, arm__io_system(), (struct arm_log_options){0});
    assert_int_equal(fixture_try_append(&second, 10), ARM_CORRUPT); /* nor by another handle */
    fixture_close(&second);
}

static inline void expect_tail(struct fixture *f, uint64_t good_to)
{
    if (f->found.damaged) {
        fail_msg("damaged: %s", f->found.problem);
    }
    assert_int_equal(f->found.tail.next_tx, good_to + 1);
    expect_zero_behind_the_tail(f);
    assert_int_equal(fixture_check(f), good_to);
    fixture_append_durable(f, 77);
    assert_int_equal(fixture_check(f), good_to + 1);
}

/* A log of `durable` acknowledged commits and `more` that nobody synced; ends[tx] is where
 * the frame of tx ends. */
static inline void fixture_make_some(struct fixture *f, uint64_t durable, uint64_t more,
                                     uint64_t *ends)
{
    fixture_make(f);
    ends[0] = ARM_SEGMENT_HEADER_BYTES;
    for (uint64_t tx = 1; tx <= durable + more; tx++) {
        if (tx <= durable) {
            fixture_append_durable(f, 30);
        } else {
            fixture_append(f, 30);
        }
        ends[tx] = f->tail.offset;
    }
}

#endif
