/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARM_LOG_LOG_FIXTURE_H
#define ARM_LOG_LOG_FIXTURE_H

/* For the tests of src/log only: a log in a directory of its own, records that tell what tx
 * they belong to, and a file door that counts and slows syncs and kills the process in the
 * middle of a write. */

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/log_private.h"
#include "support/cmocka_all.h"
#include "support/io_fault.h"
#include "support/temp.h"

static const struct arm_id FIXTURE_ID = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

/* Memory that forked children share; zero. */
static inline void *shared_memory(size_t size_bytes)
{
    void *memory =
        mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(memory != MAP_FAILED);
    return memory;
}

/* What a trap counts; in shared memory. */
struct trap_counts {
    _Atomic uint64_t syncs_begun;
    _Atomic uint64_t sync_done; /* the largest number among begun ones that succeeded */
    _Atomic uint64_t writes;
    _Atomic uint64_t kill_at_write; /* this write (from 1) is the process's last; 0: none */
    _Atomic uint64_t kill_after_bytes;
    _Atomic uint64_t fail_sync;    /* this sync (from 1) and all after it fail; 0: none */
    _Atomic uint64_t sync_us;      /* how much longer a sync takes */
    _Atomic uint64_t kill_at_sync; /* SIGKILL in this sync (from 1); 0: none */
};

struct trap {
    struct arm_io io;
    const struct arm_io *real;
    struct trap_counts *counts;
};

static inline arm_status trap_sync(void *self, struct arm_file *file, struct arm_error *err)
{
    struct trap *trap = self;
    uint64_t number = atomic_fetch_add(&trap->counts->syncs_begun, 1) + 1;
    uint64_t fail = atomic_load(&trap->counts->fail_sync);
    uint64_t done;
    arm_status st;

    if (number == atomic_load(&trap->counts->kill_at_sync)) {
        (void)kill(getpid(), SIGKILL);
    }
    if (fail != 0 && number >= fail) {
        return arm__fail(err, ARM_IO, "the trap fails this sync");
    }
    if (atomic_load(&trap->counts->sync_us) != 0) {
        usleep((useconds_t)atomic_load(&trap->counts->sync_us));
    }
    st = trap->real->sync(trap->real->self, file, err);
    done = atomic_load(&trap->counts->sync_done);
    while (st == ARM_OK && done < number &&
           !atomic_compare_exchange_weak(&trap->counts->sync_done, &done, number)) {
    }
    return st;
}

static inline arm_status trap_write(void *self, struct arm_file *file, uint64_t offset,
                                    const void *data, size_t size, struct arm_error *err)
{
    struct trap *trap = self;
    uint64_t number = atomic_fetch_add(&trap->counts->writes, 1) + 1;
    uint64_t part = atomic_load(&trap->counts->kill_after_bytes);

    if (number == atomic_load(&trap->counts->kill_at_write)) {
        (void)trap->real->write(trap->real->self, file, offset, data, part < size ? part : size,
                                err);
        _exit(9);
    }
    return trap->real->write(trap->real->self, file, offset, data, size, err);
}

static inline void trap_init(struct trap *trap, struct trap_counts *counts)
{
    trap->real = arm__io_system();
    trap->io = *trap->real;
    trap->io.self = trap;
    trap->io.sync = trap_sync;
    trap->io.write = trap_write;
    trap->counts = counts;
}

/* A log, opened, and where it ends. */
struct fixture {
    struct temp_dir dir;
    struct arm_log *log;
    struct arm_log_position tail;
    struct arm_log_recovery found;
    struct arm_buf buf;
    struct arm_error err;
};

static inline void fixture_open_only(struct fixture *f, const struct arm_io *io,
                                     struct arm_log_options options)
{
    f->buf = ARM_BUF_INIT(ARM_FRAME_BYTES_MAX);
    assert_ok(arm__log_open(io, f->dir.path, &FIXTURE_ID, &options, &f->log, &f->err), f->err);
}

static inline void fixture_recover(struct fixture *f, uint64_t known_durable)
{
    struct arm_log_position start = arm__log_start(f->log);

    assert_ok(arm__log_recover(f->log, &start, known_durable, &f->found, &f->err), f->err);
    f->tail = f->found.tail;
}

static inline void fixture_open(struct fixture *f)
{
    fixture_open_only(f, arm__io_system(), (struct arm_log_options){0});
    fixture_recover(f, 0);
}

static inline void fixture_close(struct fixture *f)
{
    arm__log_close(f->log);
    f->log = NULL;
    arm__buf_release(&f->buf);
}

static inline void fixture_make(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->dir = temp_dir_make();
    assert_ok(arm__log_create(arm__io_system(), f->dir.path, &FIXTURE_ID, &f->err), f->err);
    fixture_open(f);
}

static inline void fixture_remove(struct fixture *f)
{
    fixture_close(f);
    temp_dir_remove(&f->dir);
}

/* The record of `tx`: a spine that says so and a payload of `size` bytes that follow from it. */
static inline struct arm_record record_of(uint64_t tx, size_t size, char spine[32],
                                          uint8_t *payload)
{
    int spine_size = snprintf(spine, 32, "record of tx %llu", (unsigned long long)tx);

    for (size_t i = 0; i < size; i++) {
        payload[i] = (uint8_t)(tx * 31 + i * 7);
    }
    return (struct arm_record){arm__bytes(spine, (size_t)spine_size), arm__bytes(payload, size)};
}

/* Append the record of the next tx; the status of it. */
static inline arm_status fixture_try_append(struct fixture *f, size_t payload_bytes)
{
    struct arm_log_position at;
    char spine[32];
    uint8_t *payload = malloc(payload_bytes + 1);
    struct arm_record record;
    arm_status st;

    assert_non_null(payload);
    record = record_of(f->tail.next_tx, payload_bytes, spine, payload);
    st = arm__log_append(f->log, &f->tail, &record, 1, &at, &f->err);
    if (st == ARM_OK) {
        arm__log_published(f->log, &f->tail);
    }
    free(payload);
    return st;
}

static inline void fixture_append(struct fixture *f, size_t payload_bytes)
{
    assert_ok(fixture_try_append(f, payload_bytes), f->err);
}

static inline void fixture_append_durable(struct fixture *f, size_t payload_bytes)
{
    fixture_append(f, payload_bytes);
    assert_ok(arm__log_wait_durable(f->log, f->tail.next_tx - 1, &f->err), f->err);
}

/* Read everything from the start: each tx has its record. Returns the last tx id. */
static inline uint64_t fixture_check(struct fixture *f)
{
    struct arm_log_position at = arm__log_start(f->log);
    struct arm_frame_header header;
    bool found = true;
    uint8_t *expected = NULL;
    char spine[32];

    while (found) {
        assert_ok(arm__log_read(f->log, &at, &f->buf, &header, &found, &f->err), f->err);
        for (uint32_t i = 0; found && i < header.record_count; i++) {
            struct arm_record record = arm__frame_record(arm__buf_bytes(&f->buf), i);
            struct arm_record wanted;

            free(expected);
            expected = malloc(record.payload.size + 1);
            assert_non_null(expected);
            wanted = record_of(header.first_tx + i, record.payload.size, spine, expected);
            assert_int_equal(arm__bytes_compare(record.spine, wanted.spine), 0);
            assert_int_equal(arm__bytes_compare(record.payload, wanted.payload), 0);
        }
    }
    free(expected);
    return at.next_tx - 1;
}

static inline char *fixture_segment_path(const struct fixture *f, uint64_t number,
                                         char out[TEMP_PATH_BYTES])
{
    char name[64];

    (void)snprintf(name, sizeof name, "log/%016llx.seg", (unsigned long long)number);
    return temp_path(&f->dir, name, out);
}

/* Change one byte of a segment. */
static inline void fixture_flip(const struct fixture *f, uint64_t number, uint64_t offset)
{
    char path[TEMP_PATH_BYTES];
    FILE *file = fopen(fixture_segment_path(f, number, path), "r+b");
    int byte;

    assert_non_null(file);
    assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
    byte = fgetc(file);
    assert_int_equal(fseek(file, (long)offset, SEEK_SET), 0);
    assert_true(fputc(byte ^ 0x40, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* As after a reboot: the page's content means nothing. */
static inline void fixture_forget_page(const struct fixture *f)
{
    static const uint8_t zeros[ARM_PAGE_BYTES];

    temp_write_file(&f->dir, "log/shared", zeros, sizeof zeros);
}

/* The exit status of a child. */
static inline int wait_for(pid_t child)
{
    int status = 0;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Compare with the golden file tests/golden/`name`; write it if ARM_GOLDEN_UPDATE is set. */
static inline void assert_golden(const char *name, const void *data, size_t size_bytes)
{
    const char *source = getenv("ARM_SOURCE_DIR");
    struct arm_buf golden = ARM_BUF_INIT(1 << 20);
    struct arm_error err = {0};
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/tests/golden/%s", source != NULL ? source : ".", name);
    if (getenv("ARM_GOLDEN_UPDATE") != NULL) {
        assert_ok(arm__io_replace_file(arm__io_system(), path, arm__bytes(data, size_bytes), &err),
                  err);
    }
    assert_ok(arm__io_read_file(arm__io_system(), path, &golden, &err), err);
    assert_int_equal(golden.size, size_bytes);
    assert_memory_equal(golden.data, data, size_bytes);
    arm__buf_release(&golden);
}

#endif
